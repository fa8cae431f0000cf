"""The vector files read back: names, fields, text, heights, widths."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely
from pyproj import CRS

from georetrieval.synthetic.departement import write_departement
from tests.synthetic.conftest import SMALL, World

# Source: shared BDTOPO.md 5.1, tested there on nine real names.
DELIVERY = re.compile(
    r"BDT(?:OPO)?_(?P<ver>\d-\d)_(?:TOUSTHEMES_)?(?P<fmt>SHP|GPKG|SQL)_(?P<srs>[A-Z0-9]+)_"
    r"(?P<zone>D\d{2,3}[AB]?|D02[AB]|R\d{2}|X\d{3}|FXX)[-_](?:ED)?(?P<ed>\d{4}-\d{2}-\d{2}|\d{3}(?!\d))")


@pytest.mark.parametrize(("survey", "what", "version", "form"), [
    (0, "vectors", "2-0", "SHP"), (1, "vectors", "3-0", "GPKG"), (1, "vectors_shp", "3-0", "SHP")])
def test_delivery_names_are_as_the_survey_gives_them(
    world: World, survey: int, what: str, version: str, form: str
) -> None:
    found = DELIVERY.search(world.path(survey, what).name)
    assert found is not None
    assert (found["ver"], found["fmt"], found["srs"], found["zone"]) == (version, form, "LAMB93", "D098")


def table(path: Path, **options: object) -> tuple[dict[str, np.ndarray], np.ndarray, dict[str, object]]:
    meta, _, geometry, values = pyogrio.raw.read(path, **options)
    return dict(zip(meta["fields"], values, strict=True)), shapely.from_wkb(geometry), meta


def test_old_edition_is_in_upper_case_themes_without_cpg(world: World) -> None:
    folder = world.path(0, "vectors")
    themes = {path.name for path in folder.iterdir()}
    assert themes == {"A_RESEAU_ROUTIER", "B_VOIES_FERREES_ET_AUTRES", "D_HYDROGRAPHIE", "E_BATI", "F_VEGETATION"}
    assert {file.suffix for file in folder.rglob("*.*")} == {".SHP", ".SHX", ".DBF", ".PRJ"}


def test_text_is_latin_by_theme_or_as_asked(world: World, tmp_path: Path) -> None:
    folder = world.path(0, "vectors")
    assert "Route à 1 chaussée".encode("latin-1") in (folder / "A_RESEAU_ROUTIER/ROUTE.DBF").read_bytes()
    assert "Château".encode() in (folder / "E_BATI/BATI_REMARQUABLE.DBF").read_bytes()
    note = write_departement(tmp_path / "latin", **{**SMALL, "gsd_m": 10.0, "encoding": "latin-1"})
    folder = tmp_path / "latin" / note["surveys"][0]["vectors"]
    assert "Château".encode("latin-1") in (folder / "E_BATI/BATI_REMARQUABLE.DBF").read_bytes()
    assert list(folder.rglob("*.CPG")) == []


def test_roads_of_the_old_edition(world: World) -> None:
    fields, lines, meta = table(world.path(0, "vectors") / "A_RESEAU_ROUTIER/ROUTE.SHP", encoding="ISO-8859-1")
    assert meta["geometry_type"] == "LineString Z"
    assert CRS(meta["crs"]).equals(CRS(2154), ignore_axis_order=True) or CRS(meta["crs"]).to_epsg() == 2154
    assert set(fields["NATURE"]) >= {"Autoroute", "Bretelle", "Route à 1 chaussée", "Route empierrée", "Chemin"}
    assert {0, 1} <= set(fields["POS_SOL"].tolist())
    paths = np.isin(fields["NATURE"], ["Chemin", "Sentier", "Route empierrée"])
    assert (fields["LARGEUR"][paths] == 0).all()
    assert (fields["LARGEUR"][~paths] > 0).mean() > 0.85
    heights = shapely.get_coordinates(lines, include_z=True)[:, 2]
    assert heights.min() == -1000
    assert heights[heights > -1000].min() > 100


def test_vegetation_of_the_two_editions(world: World) -> None:
    old, shapes, meta = table(world.path(0, "vectors") / "F_VEGETATION/ZONE_VEGETATION.SHP")
    assert meta["geometry_type"] == "Polygon"
    assert not shapely.has_z(shapes).any()
    assert set(old["NATURE"]) == {"Zone arborée".encode().decode("latin-1")} or set(old["NATURE"]) == {"Zone arborée"}
    (file,) = world.path(1, "vectors").glob("*.gpkg")
    new, _, _ = table(file, layer="zone_de_vegetation")
    assert {"Haie", "Lande ligneuse"} <= set(new["nature"])
    assert "Zone arborée" not in set(new["nature"])
    assert len(new["nature"]) > len(old["NATURE"])


def test_buildings_of_the_new_edition(world: World) -> None:
    (file,) = world.path(1, "vectors").glob("*.gpkg")
    fields, shapes, meta = table(file, layer="batiment")
    assert CRS(meta["crs"]).to_epsg() == 2154
    assert {"nature", "usage_1", "construction_legere", "etat_de_l_objet", "hauteur"} <= set(fields)
    assert {"Indifférenciée", "Eglise", "Château", "Industriel, agricole ou commercial"} <= set(fields["nature"])
    assert set(fields["construction_legere"]) == {"Oui", "Non"}
    assert shapely.is_valid(shapes).all()
    short, _, _ = table(world.path(1, "vectors_shp") / "BATI/BATIMENT.SHP", encoding="UTF-8")
    assert max(map(len, short)) <= 10
    assert short["LEGER"].tolist() == fields["construction_legere"].tolist()


def test_unknown_widths_are_null_or_zero_and_levels_are_text(world: World) -> None:
    (file,) = world.path(1, "vectors").glob("*.gpkg")
    fields, _, _ = table(file, layer="troncon_de_route")
    width = fields["largeur_de_chaussee"]
    assert np.isnan(width).any()
    assert set(fields["position_par_rapport_au_sol"]) >= {"0", "1"}


def test_an_empty_layer_is_part_of_each_edition(world: World) -> None:
    assert pyogrio.read_info(world.path(0, "vectors") / "E_BATI/CONSTRUCTION_LEGERE.SHP")["features"] == 0
    (file,) = world.path(1, "vectors").glob("*.gpkg")
    assert pyogrio.read_info(file, layer="aerodrome")["features"] == 0
