"""An edition in the form of BD TOPO 2.0: upper-case shapefiles by theme."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from georetrieval.synthetic.capture import Edition
from georetrieval.synthetic.chance import stream
from georetrieval.synthetic.layer import Layer
from georetrieval.synthetic.network import WIDTH_M
from georetrieval.synthetic.shapefiles import Table, write_shapefile

ROADS = {"motorway": "Autoroute", "ramp": "Bretelle", "primary": "Route à 1 chaussée",
         "secondary": "Route à 1 chaussée", "lane": "Route à 1 chaussée", "street": "Route à 1 chaussée",
         "stone": "Route empierrée", "track": "Chemin", "path": "Sentier"}
RAILS = {"main": "Principale", "service": "Voie de service", "disused": "Voie non exploitée"}
REMARKABLE = {"church": "Eglise", "chapel": "Chapelle", "castle": "Château", "tower": "Tour, donjon, moulin",
              "mill": "Tour, donjon, moulin", "fort": "Fort, blockhaus, casemate", "hall": "Mairie",
              "station": "Gare", "sports_hall": "Bâtiment sportif"}
INDUSTRIAL = {"industrial": "Bâtiment industriel", "commercial": "Bâtiment commercial", "farm": "Bâtiment agricole",
              "greenhouse": "Serre", "silo": "Silo"}
SPORT = {"sport_field": "Indifférencié", "tennis": "Terrain de tennis", "athletics": "Piste de sport",
         "pool": "Bassin de natation"}
RUNWAYS = {"runway_hard": "Piste en dur", "runway_grass": "Piste en herbe"}
ENCODINGS = {"utf-8": "UTF-8", "latin-1": "ISO-8859-1"}
LATIN_THEMES = ("A_RESEAU_ROUTIER", "B_VOIES_FERREES_ET_AUTRES")
"""Themes that a "mixed" delivery writes in Latin-1; the others are UTF-8."""


def write_bdtopo_v2(folder: Path, edition: Edition, seed: int, encoding: str, date: str) -> None:
    """Write every layer of the edition under `folder`/THEME/LAYER.SHP; `date` is YYYY-MM-DD."""
    for table in tables_v2(edition, seed):
        latin = encoding == "latin-1" or (encoding == "mixed" and table.theme in LATIN_THEMES)
        write_shapefile(folder, table, ENCODINGS["latin-1" if latin else "utf-8"], date)


def tables_v2(edition: Edition, seed: int) -> list[Table]:
    """The tables of the edition; an empty CONSTRUCTION_LEGERE is part of it."""
    built, grounds = edition.buildings, edition.grounds
    kinds = built["kind"]
    plain = ~np.isin(kinds, [*REMARKABLE, *INDUSTRIAL])
    bati, hydro = "E_BATI", "D_HYDROGRAPHIE"
    return [
        _roads(edition.roads, seed),
        _rails(edition.rails),
        _table(hydro, "SURFACE_EAU", "Polygon Z", "SURF_EAU", edition.waters, {
            "NATURE": np.where(edition.waters["kind"] == "basin", "Bassin", "Surface d'eau"),
            "REGIME": "Permanent", "Z_MOYEN": 200.0}),
        _table(hydro, "TRONCON_COURS_EAU", "LineString Z", "TRON_EAU", edition.streams, {
            "ARTIF": "Non", "FICTIF": "Non", "POS_SOL": 0, "REGIME": "Permanent"}),
        _buildings("BATI_INDIFFERENCIE", "BATIMENT", built.where(plain), {}),
        _buildings("BATI_INDUSTRIEL", "BATIMENT", built.where(np.isin(kinds, list(INDUSTRIAL))), INDUSTRIAL),
        _buildings("BATI_REMARQUABLE", "BATIMENT", built.where(np.isin(kinds, list(REMARKABLE))), REMARKABLE),
        _buildings("CONSTRUCTION_LEGERE", "CONSLEGE", built.where(np.zeros(len(built), bool)), {}),
        _grounds("TERRAIN_SPORT", "TERRSPOR", grounds, SPORT),
        _table(bati, "CIMETIERE", "Polygon Z", "CIMETIER", grounds.where(grounds["kind"] == "cemetery"), {
            "NATURE": "Civil", "Z_MOYEN": 200.0}),
        _grounds("PISTE_AERODROME", "PISTAERO", grounds, RUNWAYS),
        _table("F_VEGETATION", "ZONE_VEGETATION", "Polygon", "VEGETATI", edition.vegetation, {
            "NATURE": "Zone arborée"}),
    ]


def _roads(roads: Layer, seed: int) -> Table:
    rng = stream(seed, "widths", "v2")
    kinds = roads["kind"]
    soft = np.isin(kinds, ("stone", "track", "path"))
    width = np.array([WIDTH_M[kind] for kind in kinds])
    unknown = soft | (rng.random(len(roads)) < 0.03)
    return _table("A_RESEAU_ROUTIER", "ROUTE", "LineString Z", "TRONROUT", roads, {
        "NATURE": _named(kinds, ROADS), "NUMERO": np.where(kinds == "motorway", "A931", "NC"),
        "IMPORTANCE": np.where(soft, "5", "4"), "FICTIF": "Non", "LARGEUR": np.where(unknown, 0.0, width),
        "NB_VOIES": np.where(soft, 0, 2), "POS_SOL": roads["level"].astype("i4"), "SENS": "Double", "ETAT": "NC"})


def _rails(rails: Layer) -> Table:
    return _table("B_VOIES_FERREES_ET_AUTRES", "TRONCON_VOIE_FERREE", "LineString Z", "TRONFERR", rails, {
        "NATURE": _named(rails["kind"], RAILS), "ELECTRIFIE": "Non électrifiée", "FRANCHISST": "NC",
        "LARGEUR": "Normale", "NB_VOIES": rails["tracks"].astype("i4"), "POS_SOL": rails["level"].astype("i4"),
        "ETAT": "NC"})


def _buildings(name: str, prefix: str, built: Layer, natures: dict[str, str]) -> Table:
    nature = {"NATURE": _named(built["kind"], natures)} if natures else {}
    return _table("E_BATI", name, "Polygon Z", prefix, built, {
        **nature, "ORIGIN_BAT": "Autre", "HAUTEUR": np.round(built["height_m"]).astype("i4"), "Z_MIN": 200.0,
        "Z_MAX": 200.0})


def _grounds(name: str, prefix: str, grounds: Layer, natures: dict[str, str]) -> Table:
    chosen = grounds.where(np.isin(grounds["kind"], list(natures)))
    return _table("E_BATI", name, "Polygon Z", prefix, chosen, {
        "NATURE": _named(chosen["kind"], natures), "Z_MOYEN": 200.0})


def _named(kinds: Any, names: dict[str, str]) -> Any:
    return np.array([names[kind] for kind in kinds], "U40")


def _table(theme: str, name: str, kind: str, prefix: str, layer: Layer, fields: dict[str, Any]) -> Table:
    count = len(layer)
    full = {"ID": np.array([f"{prefix}{row:016d}" for row in range(1, count + 1)], "U24"), "PREC_PLANI": 2.5, **fields}
    columns = {(key.lower(), key): np.broadcast_to(value, (count,)) for key, value in full.items()}
    return Table(theme, name, kind, layer.geometry, columns)
