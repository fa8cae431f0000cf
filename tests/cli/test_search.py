import csv
import io
import json

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from pyproj import Transformer

from georetrieval.cli.queries import index_path, parse_bounds, parse_word
from georetrieval.errors import GeoretrievalError

CELL = "E0930200N6920200"
TILE = f"57-2019-{CELL}-100"
TILES = ("--tiles", "tiles", "--date", "2019")


def rows(text):
    return json.loads(text)


def test_a_tile_finds_its_place(cli, index):
    code, out, err = cli("search", index, TILE, "--tiles", "tiles", "--format", "json")
    assert code == 0, err
    answers = rows(out)
    assert [a["rank"] for a in answers] == [1, 2, 3, 4, 5]
    assert [a["score"] for a in answers] == sorted((a["score"] for a in answers), reverse=True)
    assert answers[0]["tile_id"] == f"57-2004-{CELL}-100"
    assert answers[0]["hit"] is True
    assert [answers[0][side] for side in ("xmin", "ymin", "xmax", "ymax")] == [930200, 6920200, 930300, 6920300]


def test_a_place_in_either_kind_of_coordinates_is_the_same_query(cli, index):
    _, wanted, _ = cli("search", index, TILE, "--tiles", "tiles", "--format", "json")
    code, lambert, told = cli("search", index, "930250,6920250", *TILES, "--format", "json")
    assert (code, rows(lambert)) == (0, rows(wanted))
    assert "x,y in EPSG:2154" in told
    lon, lat = Transformer.from_crs(2154, 4326, always_xy=True).transform(930250, 6920250)
    code, degrees, told = cli("search", index, f"{lon:.6f},{lat:.6f}", *TILES, "--format", "json")
    assert (code, rows(degrees)) == (0, rows(wanted))
    assert "longitude,latitude" in told


def test_a_box_asks_with_all_tiles_within(cli, index):
    code, out, _ = cli("search", index, "930150,6920100,930450,6920300", *TILES, "-k", "1", "--format", "jsonl")
    assert code == 0
    asked = sorted(json.loads(line)["query"] for line in out.splitlines())
    assert asked == [f"57-2019-E0930{x}00N6920{y}00-100" for x in (2, 3) for y in (1, 2)]


def test_a_box_smaller_than_a_tile_asks_with_the_tile_around_its_middle(cli, index):
    code, out, err = cli("search", index, "930210,6920130,930270,6920190", *TILES, "-k", "1", "--format", "jsonl")
    assert code == 0
    assert [json.loads(line)["query"] for line in out.splitlines()] == ["57-2019-E0930200N6920100-100"]
    assert "No whole tile lies within 930210,6920130,930270,6920190; the one around its middle is asked." in err


def test_a_negative_longitude_is_no_option(cli, index):
    code, _, err = cli("search", index, "-1.5,47.2", *TILES)
    assert code == 2
    assert "No tile lies at -1.5,47.2" in err


def test_a_tile_of_the_index_finds_others_and_needs_no_model(cli, index):
    code, out, err = cli("search", index, f"57-2004-{CELL}-100", "--format", "json")
    assert code == 0, err
    assert f"57-2004-{CELL}-100" not in [a["tile_id"] for a in rows(out)]
    assert len(rows(out)) == 5


def test_filters_are_exact(cli, index):
    code, out, _ = cli("search", index, TILE, "--tiles", "tiles", "--scope", "54", "-k", "60", "--format", "json")
    assert code == 0
    assert len(rows(out)) == 48
    assert {a["scope"] for a in rows(out)} == {"54"}
    box = "930000,6920000,930200,6920100"
    _, out, _ = cli("search", index, TILE, "--tiles", "tiles", "--bbox", box, "--format", "json")
    assert sorted(a["xmin"] for a in rows(out)) == [930000, 930100]
    code, out, err = cli("search", index, TILE, "--tiles", "tiles", "--filter-date", "2019", "--format", "json")
    assert (code, rows(out)) == (0, [])
    assert "No tile of the index may answer" in err


def test_a_geotiff_is_cut_on_the_grid_and_placed(cli, index):
    code, out, err = cli("search", index, "new.tif", "-k", "1", "--format", "json")
    assert code == 3  # the cell without photo is named
    assert "E0930700N6920000" in err
    assert "covers 48 cells" in err
    answers = rows(out)
    assert len(answers) == 47
    _, out, _ = cli("evaluate", index, "--tiles", "tiles", "--date", "2019", "--format", "json")
    right = sum(a["hit"] for a in answers)
    assert right == round(json.loads(out)["recall_at_1"] * 46)  # the same cells, cut by the same grid


def test_a_picture_without_a_place_is_one_query_with_unknown_truth(cli, index, place, tmp_path):
    from PIL import Image

    with rasterio.open(place / "new.tif") as file:
        pixels = file.read(window=((150, 200), (100, 150)))  # row 3 from the north is y 6920200, col 2 is x 930200
    Image.fromarray(pixels.transpose(1, 2, 0)).save(tmp_path / "photo.png")
    code, out, err = cli("search", index, tmp_path / "photo.png", "--format", "json")
    assert code == 0, err
    assert rows(out)[0]["tile_id"] == f"57-2004-{CELL}-100"
    assert {a["hit"] for a in rows(out)} == {None}
    assert "the whole picture is one query" in err


def test_every_format_says_the_same(cli, index, tmp_path):
    _, out, _ = cli("search", index, TILE, "--tiles", "tiles", "--format", "json")
    wanted = [a["tile_id"] for a in rows(out)]
    _, out, _ = cli("search", index, TILE, "--tiles", "tiles", "--format", "csv")
    assert [r["tile_id"] for r in csv.DictReader(io.StringIO(out))] == wanted
    _, out, _ = cli("search", index, TILE, "--tiles", "tiles", "--format", "geojson")
    features = json.loads(out)["features"]
    assert [f["properties"]["tile_id"] for f in features if f["properties"]["layer"] == "matches"] == wanted
    _, out, _ = cli("search", index, TILE, "--tiles", "tiles")
    assert all(tile in out for tile in wanted)
    for name in ("a.gpkg", "a.geojson", "a.csv"):
        code, out, _ = cli("search", index, TILE, "--tiles", "tiles", "-o", tmp_path / name)
        assert (code, out) == (0, "")
        assert (tmp_path / name).stat().st_size > 500
    assert gpd.read_file(tmp_path / "a.gpkg", layer="matches")["tile_id"].tolist() == wanted


def test_blank_tiles_get_no_answer_and_are_named(cli, index):
    blank = "57-2019-E0930700N6920000-100"
    code, out, err = cli("search", index, blank, TILE, "--tiles", "tiles", "--format", "json")
    assert code == 3
    assert {a["query"] for a in rows(out)} == {TILE}
    assert blank in err
    code, out, err = cli("search", index, blank, "--tiles", "tiles")
    assert (code, out) == (3, "")


@pytest.mark.parametrize(("arguments", "code", "told"), [
    ([TILE, "-k", "0"], 2, "-k must be at least 1"),
    ([TILE, "--format", "gpkg"], 2, "-o FILE.gpkg"),
    ([TILE, "--tiles", "tiles", "-o", "x.shp"], 2, "does not say its format"),
    ([TILE, "--tiles", "tiles", "--model", "class-shares"], 4, "kind is hog in the index"),
    ([TILE, "--tiles", "tiles", "--bbox", "1,2,3"], 2, "not a box"),
    ([TILE, "--tiles", "tiles", "--bbox", "3,3,1,1"], 2, "empty"),
    (["57-2019-nowhere"], 2, "neither a file nor a tile"),
    (["missing.tif"], 2, "no file missing.tif"),
    (["tiles"], 2, "is a folder"),
    (["--nosuch"], 2, "no option"),
    (["1,2,3"], 2, "3 numbers"),
    (["900000,6000000", *TILES], 2, "No tile lies at"),
    (["930250,6920250", "--tiles", "tiles"], 2, "Give --date"),
    (["tiles/tiles.json"], 2, "pictures are"),
])
def test_wrong_inputs_are_one_sentence(cli, index, arguments, code, told):
    found, _, err = cli("search", index, *arguments)
    assert found == code, err
    assert told in err
    assert "Traceback" not in err


def test_tiles_cut_another_way_are_refused(cli, index, place, tmp_path):
    from georetrieval.geo.grid import TileGrid
    from georetrieval.geo.legend import Legend
    from georetrieval.geo.tile import Survey
    from georetrieval.geo.tiling import build_tiles

    build_tiles([Survey("57", "2019", photos=place / "new.tif")], tmp_path / "other",
                grid=TileGrid("EPSG:2154", 200), px=64, legend=Legend.load("bdtopo12"))
    code, _, err = cli("evaluate", index, "--tiles", tmp_path / "other", "--date", "2019")
    assert code == 4
    assert "cell 100.0 in the index and 200.0 in the tiles" in err


def test_words_are_told_apart(tmp_path):
    picture = tmp_path / "1,2"
    picture.write_bytes(b"")
    assert parse_word("6.1, 49.3").numbers == (6.1, 49.3)
    assert parse_word("-1.5e0,+47.").kind == "point"
    assert parse_word("1,2,3,4").kind == "box"
    assert parse_word(str(picture)).kind == "file"
    assert parse_word("54-2004-E1N1-250").kind == "tile"
    assert parse_bounds("-1,-2,3,4") == (-1, -2, 3, 4)
    for nonsense in ("0\x1f", "", "a b", "nan,1", "1e,2", "é", "1,", "*"):
        with pytest.raises(GeoretrievalError):
            parse_word(nonsense)


def test_index_names_and_paths(tmp_path):
    assert str(index_path("town")) == "indexes/town"
    assert str(index_path("./town")) == "town"
    assert index_path(str(tmp_path)) == tmp_path


def test_canaries_refuse_an_eye_that_sees_differently_under_the_same_fingerprint(cli, index, monkeypatch):
    from georetrieval.nets.baselines import HogEmbedder

    real = HogEmbedder.__call__
    monkeypatch.setattr(HogEmbedder, "__call__", lambda self, pixels, bands: real(self, pixels.flip(-1), bands))
    code, _, err = cli("search", index, TILE, "--tiles", "tiles")
    assert code == 4
    assert "sees the pictures that are kept with the index differently" in err


def test_the_scores_are_the_cosines_of_the_stored_vectors(cli, index, place):
    from georetrieval.search.store import IndexStore

    _, out, _ = cli("search", index, f"57-2004-{CELL}-100", "-k", "3", "--format", "json")
    stored = IndexStore.open(place / "indexes" / index).load()[0]
    by_name = dict(zip(stored.names.tolist(), stored.vectors.astype(float), strict=True))
    asked = by_name[f"57-2004-{CELL}-100"]
    for answer in rows(out):
        other = by_name[answer["tile_id"]]
        cosine = asked @ other / np.linalg.norm(asked) / np.linalg.norm(other)
        assert answer["score"] == pytest.approx(cosine, abs=1e-6)


def test_a_turned_picture_is_found_by_turned_looks(cli, index, place, tmp_path):
    """The land around one tile of 2004, turned by 60 degrees: twelve looks hold the one that turns it back."""
    from PIL import Image

    with rasterio.open(place / "old.tif") as file:
        land = Image.fromarray(file.read().transpose(1, 2, 0))
    turned = land.rotate(60, Image.Resampling.BILINEAR, center=(175, 175)).crop((150, 150, 200, 200))
    turned.save(tmp_path / "turned.png")
    tile = "57-2004-E0930300N6920200-100"  # its middle is 350 m, 175 pixels, from the west and from the north
    told = {}
    for turns in (1, 12):
        code, out, _ = cli("search", index, tmp_path / "turned.png", "--turns", turns, "--format", "json", "-k", "40")
        assert code == 0
        told[turns] = [row["tile_id"] for row in json.loads(out)]
    assert told[12][0] == tile
    assert told[1][0] != tile
    code, out, _ = cli("search", index, tmp_path / "turned.png", tile, "--turns", 12, "--format", "json", "-k", "1")
    assert (code, {row["query"] for row in json.loads(out)}) == (0, {"turned.png", tile})


def test_a_closer_look_finds_what_coarse_turns_miss(cli, index, place, tmp_path):
    """Turned by 72 degrees, the nearest of twelve looks is 12 degrees off; closer ones like the true place better."""
    from PIL import Image

    with rasterio.open(place / "old.tif") as file:
        land = Image.fromarray(file.read().transpose(1, 2, 0))
    turned = land.rotate(72, Image.Resampling.BILINEAR, center=(175, 175)).crop((150, 150, 200, 200))
    turned.save(tmp_path / "turned.png")
    told = {}
    for rerank in ("none", "closer"):
        options = ("--turns", 12, "--rerank", rerank, "--format", "json")
        code, out, err = cli("search", index, tmp_path / "turned.png", *options)
        assert code == 0, err
        told[rerank] = json.loads(out)
    assert told["closer"][0]["tile_id"] == "57-2004-E0930300N6920200-100"
    assert told["closer"][0]["score"] > told["none"][0]["score"] + 0.02
    code, _, err = cli("search", index, TILE, "--tiles", "tiles", "--rerank", "closer")
    assert code == 0
    assert "Only pictures can be looked at more closely" in err


@pytest.mark.parametrize("word", ["x" * 5000, "a/" * 3000, "x" * 5000 + ".jpg"])
def test_words_that_no_file_can_be_called_are_one_sentence(cli, index, word):
    for words in ((index, word), (word, "1,2")):
        code, out, err = cli("search", *words)
        assert (code, out) == (2, "")
        assert err.startswith("error: ")
        assert "Traceback" not in err
