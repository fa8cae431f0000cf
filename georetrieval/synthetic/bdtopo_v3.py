"""An edition in the form of BD TOPO 3.0: one GeoPackage, or upper-case shapefiles by theme."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from georetrieval.synthetic.capture import Edition
from georetrieval.synthetic.chance import stream
from georetrieval.synthetic.layer import Layer
from georetrieval.synthetic.network import WIDTH_M
from georetrieval.synthetic.shapefiles import Table, write_geopackage, write_shapefile

ROADS = {"motorway": "Type autoroutier", "ramp": "Bretelle", "primary": "Route à 1 chaussée",
         "secondary": "Route à 1 chaussée", "lane": "Route à 1 chaussée", "street": "Route à 1 chaussée",
         "stone": "Route empierrée", "track": "Chemin", "path": "Sentier"}
RAILS = {"main": "Voie ferrée principale", "service": "Voie de service", "disused": "Sans objet"}
PLAIN = "Indifférenciée"
WORKS = "Industriel, agricole ou commercial"
BUILDINGS = {"church": "Eglise", "chapel": "Chapelle", "castle": "Château", "tower": "Tour, donjon",
             "mill": "Moulin à vent", "fort": "Fort, blockhaus, casemate", "greenhouse": "Serre", "silo": "Silo",
             "industrial": WORKS, "commercial": WORKS, "farm": WORKS}
USES = {"church": "Religieux", "chapel": "Religieux", "house": "Résidentiel", "annex": "Annexe",
        "industrial": "Industriel", "commercial": "Commercial et services", "farm": "Agricole",
        "sports_hall": "Sportif"}
SPORT = {"sport_field": "Grand terrain de sport", "tennis": "Terrain de tennis", "athletics": "Piste de sport",
         "riding": "Carrière équestre", "pool": "Bassin de natation"}
RUNWAYS = {"runway_hard": "Piste en dur", "runway_grass": "Piste en herbe"}
WATERS = {"river": "Ecoulement naturel", "pond": "Mare", "basin": "Réservoir-bassin"}
SHORT = {"cleabs": "ID", "nature": "NATURE", "etat_de_l_objet": "ETAT", "usage_1": "USAGE1",
         "construction_legere": "LEGER", "hauteur": "HAUTEUR", "largeur_de_chaussee": "LARGEUR", "fictif": "FICTIF",
         "nombre_de_voies": "NB_VOIES", "position_par_rapport_au_sol": "POS_SOL", "importance": "IMPORTANCE",
         "persistance": "PERSISTANC", "precision_planimetrique": "PREC_PLANI", "usage": "USAGE",
         "largeur_de_voie_ferree": "LARGEUR", "nature_detaillee": "NAT_DETAIL", "categorie": "CATEGORIE",
         "date_de_confirmation": "DATE_CONF"}
"""Field names of the GeoPackage and what shapefiles make of them."""


def write_bdtopo_v3(folder: Path, stem: str, edition: Edition, seed: int, form: str, date: str) -> None:
    """Write `folder`/`stem`.gpkg (form "gpkg") or `folder`/THEME/LAYER.SHP (form "shp"); `date` is YYYY-MM-DD."""
    tables = tables_v3(edition, seed)
    if form == "gpkg":
        write_geopackage(folder / f"{stem}.gpkg", tables, date)
        return
    for table in tables:
        write_shapefile(folder, table, "UTF-8", date)


def tables_v3(edition: Edition, seed: int) -> list[Table]:
    """The tables of the edition; `haie` repeats the hedges of `zone_de_vegetation` as lines."""
    grounds, plants = edition.grounds, edition.vegetation
    kinds = grounds["kind"]
    sport = grounds.where(np.isin(kinds, list(SPORT)))
    runways = grounds.where(np.isin(kinds, list(RUNWAYS)))
    return [
        _roads(edition.roads, seed), _rails(edition.rails), _buildings(edition.buildings, seed),
        _table("TRANSPORT", "PISTE_D_AERODROME", "Polygon Z", "PISTAERO", runways, {
            "nature": _named(runways["kind"], RUNWAYS)}),
        _table("TRANSPORT", "AERODROME", "Polygon Z", "AERODROM", runways.where(np.zeros(len(runways), bool)), {
            "nature": np.zeros(0, "U20"), "categorie": np.zeros(0, "U20")}),
        _table("HYDROGRAPHIE", "SURFACE_HYDROGRAPHIQUE", "Polygon Z", "SURF_EAU", edition.waters, {
            "nature": _named(edition.waters["kind"], WATERS), "position_par_rapport_au_sol": "0",
            "persistance": "Permanent"}),
        _table("HYDROGRAPHIE", "TRONCON_HYDROGRAPHIQUE", "LineString Z", "TRON_EAU", edition.streams, {
            "nature": "Ecoulement naturel", "fictif": "Non", "position_par_rapport_au_sol": "0"}),
        _table("BATI", "TERRAIN_DE_SPORT", "Polygon Z", "TERRSPOR", sport, {"nature": _named(sport["kind"], SPORT)}),
        _table("BATI", "CIMETIERE", "Polygon Z", "CIMETIER", grounds.where(kinds == "cemetery"), {"nature": "Civil"}),
        _table("OCCUPATION_DU_SOL", "ZONE_DE_VEGETATION", "Polygon", "VEGETATI", plants, {"nature": plants["kind"]}),
        _table("OCCUPATION_DU_SOL", "HAIE", "LineString", "HAIE____", edition.hedges, {
            "date_de_confirmation": "1590-01-01"}),
    ]


def _roads(roads: Layer, seed: int) -> Table:
    rng = stream(seed, "widths", "v3")
    kinds = roads["kind"]
    soft = np.isin(kinds, ("track", "path"))
    width = np.array([WIDTH_M[kind] for kind in kinds])
    width[soft | (rng.random(len(roads)) < 0.15)] = np.nan
    width[rng.random(len(roads)) < 0.02] = 0.0
    ford = (kinds == "track") & (rng.random(len(roads)) < 0.01)
    return _table("TRANSPORT", "TRONCON_DE_ROUTE", "LineString Z", "TRONROUT", roads, {
        "nature": _named(kinds, ROADS), "importance": np.where(soft, "6", "4"), "fictif": "Non",
        "position_par_rapport_au_sol": np.where(ford, "Gué ou radier", roads["level"].astype("U2")),
        "etat_de_l_objet": np.where(rng.random(len(roads)) < 0.003, "En construction", "En service"),
        "largeur_de_chaussee": width, "nombre_de_voies": np.where(soft, 0, 2)})


def _rails(rails: Layer) -> Table:
    return _table("TRANSPORT", "TRONCON_DE_VOIE_FERREE", "LineString Z", "TRONFERR", rails, {
        "nature": _named(rails["kind"], RAILS), "etat_de_l_objet": "En service", "largeur_de_voie_ferree": "Normale",
        "usage": "Mixte", "nombre_de_voies": rails["tracks"].astype("i4"),
        "position_par_rapport_au_sol": rails["level"].astype("U2")})


def _buildings(built: Layer, seed: int) -> Table:
    draw = stream(seed, "states", "v3").random(len(built))
    plain = built["kind"] == "house"
    return _table("BATI", "BATIMENT", "Polygon Z", "BATIMENT", built, {
        "nature": np.array([BUILDINGS.get(kind, PLAIN) for kind in built["kind"]], "U40"),
        "usage_1": np.array([USES.get(kind, "Indifférencié") for kind in built["kind"]], "U30"),
        "construction_legere": np.where(built["kind"] == "annex", "Oui", "Non"),
        "etat_de_l_objet": np.where(plain & (draw < 0.002), "En construction", "En service"),
        "hauteur": np.round(built["height_m"], 1)})


def _named(kinds: Any, names: dict[str, str]) -> Any:
    return np.array([names[kind] for kind in kinds], "U40")


def _table(theme: str, name: str, kind: str, prefix: str, layer: Layer, fields: dict[str, Any]) -> Table:
    count = len(layer)
    full = {"cleabs": np.array([f"{prefix}{row:016d}" for row in range(1, count + 1)], "U24"),
            "precision_planimetrique": 2.5, **fields}
    columns = {(key, SHORT[key]): np.broadcast_to(value, (count,)) for key, value in full.items()}
    return Table(theme, name, kind, layer.geometry, columns)
