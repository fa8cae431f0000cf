"""`georetrieval inspect`: what it prints in each format, every trap, one sentence and exit code 2 for bad input."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely

from georetrieval.cli.main import main

REAL = os.environ.get("GEORETRIEVAL_TEST_DATA")


def run(capsys, *arguments) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(["inspect", *map(str, arguments)])
    out, err = capsys.readouterr()
    return end.value.code, out, err


def write(path: Path, shapes, **columns) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = [np.asarray(v, object if isinstance(v[0], str) else None) for v in columns.values()]
    shapes = np.asarray(shapes, object)
    kind = shapes[0].geom_type + (" Z" if shapes[0].has_z else "")
    pyogrio.raw.write(path, shapely.to_wkb(shapes), arrays, list(columns), crs="EPSG:2154", geometry_type=kind,
                      driver="ESRI Shapefile", encoding="UTF-8")
    return path


@pytest.fixture
def delivery(tmp_path) -> Path:
    """A delivery with one of each trap."""
    folder = tmp_path / "BDT_2-2_SHP_LAMB93_D017-ED2018-09-25"

    def at(y, z=None):
        coordinates = [(400_000, 6_500_000 + y), (400_050, 6_500_000 + y), (400_050, 6_500_040 + y)]
        return [(x, y, z) for x, y in coordinates] if z is not None else coordinates

    write(folder / "A_RESEAU_ROUTIER/ROUTE.SHP", [shapely.LineString(at(0, -1000)), shapely.LineString(at(9, 5))],
          NATURE=["Route à 1 chaussée", "Bac auto"], LARGEUR=np.array([0.0, 5.0]), POS_SOL=np.array([0, 0]),
          DATE_MAJ=["1590-01-01", "2010-05-05"])
    (folder / "A_RESEAU_ROUTIER/ROUTE.cpg").unlink()
    bow = shapely.Polygon([(0 + 4e5, 65e5), (10 + 4e5, 6_500_010), (10 + 4e5, 65e5), (4e5, 6_500_010)])
    write(folder / "E_BATI/CIMETIERE.SHP", [shapely.Polygon(at(100)), bow, None], ID=["a", "b", "c"])
    (folder / "E_BATI/CIMETIERE.prj").write_text("")
    write(folder / "E_BATI/TERRAIN_SPORT.SHP", [shapely.Polygon(at(200))], NATURE=["Terrain de tennis"])
    (folder / "E_BATI/TERRAIN_SPORT.dbf").unlink()
    empty = write(folder / "E_BATI/PISTE_AERODROME.SHP", [shapely.Polygon(at(0))], ID=["a"])
    pyogrio.raw.write(empty, np.empty(0, object), [np.empty(0, object)], ["ID"], crs="EPSG:2154",
                      geometry_type="Polygon", driver="ESRI Shapefile")
    return folder


def test_json_says_everything(capsys, delivery):
    code, out, _ = run(capsys, delivery, "--format", "json")
    assert code == 0
    found = json.loads(out)
    assert (found["version"], found["departement"], found["edition"]) == ("2.2", "17", "2018-09-25")
    assert found["crs"].startswith("EPSG:2154")
    objects = {item["key"]: item["objects"] for item in found["classes"]}
    assert len(objects) == 12
    assert {key: n for key, n in objects.items() if n} == {"road": 1, "cemetery": 2}
    layers = {item["name"]: item for item in found["layers"]}
    assert layers["ROUTE"]["encoding"] == "UTF-8"
    assert layers["ROUTE"]["classes"] == ["road"]
    assert layers["CIMETIERE"]["objects"] == 3


def test_every_trap_is_one_sentence(capsys, delivery):
    _, out, _ = run(capsys, delivery, "--format", "json")
    warnings = json.loads(out)["warnings"]
    kinds = {(item["kind"], item["layer"]) for item in warnings}
    assert kinds >= {
        ("encoding-guessed", "ROUTE"), ("altitude-unknown", "ROUTE"), ("width-missing", "ROUTE"), ("date-old", "ROUTE"),
        ("value-unknown", "ROUTE"), ("prj-empty", "CIMETIERE"), ("null-geometry", "CIMETIERE"),
        ("invalid-geometry", "CIMETIERE"), ("dbf-missing", "TERRAIN_SPORT"), ("layer-empty", "PISTE_AERODROME"),
        ("class-empty", ""),
    }
    assert [item["layer"] for item in warnings if item["fatal"]] == ["TERRAIN_SPORT"]
    for item in warnings:
        assert item["sentence"].endswith(".")
        assert "\n" not in item["sentence"]


def test_table_csv_and_lines(capsys, delivery):
    code, out, _ = run(capsys, delivery)
    assert code == 0
    for word in ("Delivery", "Layers", "Classes", "Warnings", "2018-09-25", "cimetière"):
        assert word in out
    code, out, _ = run(capsys, delivery, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert {row["part"] for row in rows} == {"layer", "class", "warning"}
    assert next(row for row in rows if row["name"] == "cemetery")["objects"] == "2"
    code, out, _ = run(capsys, delivery, "--format", "jsonl")
    assert len([json.loads(line) for line in out.splitlines()]) == len(rows)


def test_bad_input_is_one_sentence_and_code_2(capsys, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.txt").write_text("x")
    (tmp_path / "bad.gpkg").write_bytes(b"SQLite format 3\0" + b"x" * 200)
    write(tmp_path / "other" / "PARCELLE.shp", [shapely.box(0, 0, 1, 1)], ID=["a"])
    for arguments in (
        ["none"], ["empty"], ["text.txt"], ["bad.gpkg"], ["other"], ["other", "--mapping", "none.yaml"],
        ["other", "--crs", "EPSG:0"], ["other", "--encoding", "x"], ["other", "--legend", "none"],
        ["other", "--format", "x"],
    ):
        code, out, err = run(capsys, tmp_path / arguments[0], *arguments[1:])
        assert code == 2, arguments
        assert out == ""
        assert err.startswith("error: ")
        assert err.count("\n") == 1
        assert "Traceback" not in err


@pytest.mark.skipif(not REAL, reason="GEORETRIEVAL_TEST_DATA is not set")
def test_the_real_sets(capsys):
    folder = Path(REAL or "") / "vectors"
    _, out, _ = run(capsys, folder / "la_fleche_bdtopo_v20", "--format", "json")
    assert {w["kind"] for w in json.loads(out)["warnings"]} >= {"text-lost", "width-missing", "class-empty"}
    _, out, _ = run(capsys, folder / "isere_bdtopo_v2", "--format", "json")
    assert {w["kind"] for w in json.loads(out)["warnings"]} >= {"prj-empty", "encoding-guessed", "altitude-unknown"}
    alpe = ("--mapping", "alpe_dhuez", "--crs", "EPSG:27572", "--format", "json")
    _, out, _ = run(capsys, folder / "alpe_dhuez_lambert2e", *alpe)
    assert json.loads(out)["crs"].startswith("EPSG:27572")
    assert "header-origin" in {w["kind"] for w in json.loads(out)["warnings"]}
