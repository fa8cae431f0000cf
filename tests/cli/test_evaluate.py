import json

import geopandas as gpd
import numpy as np
import pytest


def hog_by_hand(place):
    """map@5 of HOG from the tiles, with nothing of the package's search: cosine, sort, 1/rank."""
    import torch

    from georetrieval.geo.tileset import TileSet
    from georetrieval.nets.baselines import HogEmbedder

    tiles = TileSet.open(place / "tiles")

    def look(scope, date):
        rows = tiles.catalogue.query("scope == @scope and date == @date").reset_index()
        grey = np.einsum("nchw,c->nhw", tiles.pixels(scope, date) / 255, [0.299, 0.587, 0.114])
        seen = rows.index[rows["valid"]]
        vectors = HogEmbedder()(torch.from_numpy(grey[seen][:, None].astype(np.float32)), ("grey",)).numpy()
        return rows["key"][seen].to_list(), vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    keys, vectors = look("57", "2019")
    west, east = look("57", "2004"), look("54", "2004")
    gallery, table = west[0] + east[0], np.concatenate([west[1], east[1]])
    gains = []
    for key, vector in zip(keys, vectors, strict=True):
        if key in gallery:
            scores = table @ vector
            rank = int((scores > scores[gallery.index(key)]).sum()) + 1
            gains.append(1 / rank if rank <= 5 else 0)
    return len(gains), float(np.mean(gains))


def test_json_says_figures_counts_and_what_was_left_out(cli, index, place):
    code, out, err = cli("evaluate", index, "--tiles", "tiles", "--date", "2019", "--format", "json")
    assert code == 0, err
    value = json.loads(out)
    count, wanted = hog_by_hand(place)
    assert value["queries"] == count == 46
    assert value["map_at_5"] == pytest.approx(wanted, abs=1e-6)
    assert value["recall_at_1"] <= value["map_at_5"] <= value["recall_at_5"]
    assert (value["gallery"], value["blank_left_out"]) == (95, 1)
    assert (value["without_truth"], value["invalid_left_out"]) == (1, 0)
    assert value["map_at_5"] < 1  # hard enough to tell a right figure from a full one
    assert value["scopes"]["57"]["queries"] == 46


def test_table_and_matches_on_a_map(cli, index, tmp_path):
    out = tmp_path / "m.gpkg"
    code, text, _ = cli("evaluate", index, "--tiles", "tiles", "--date", "2019", "--scope", "57", "-o", out)
    assert code == 0
    assert "map_at_5" in text
    matches = gpd.read_file(out, layer="matches")
    assert len(matches) == 47 * 5
    best = matches[matches["hit"] == "yes"].set_index("query")
    place = gpd.read_file(out, layer="queries").set_index("query")
    for query, row in best.iterrows():
        assert row.geometry.equals(place.geometry[query])


def test_failures_of_photographs_alone_are_sorted_by_their_change(cli, index, place):
    """46 places in four bins of 1 - correlation of the grey photographs, worked here again from the pixels."""
    from georetrieval.geo.tileset import TileSet

    arguments = ("evaluate", index, "--tiles", "tiles", "--date", "2019", "--failures")
    code, out, err = cli(*arguments, "--format", "json")
    assert code == 0, err
    value = json.loads(out)
    whole, *rest = value["failures"]
    assert (whole["by"], whole["queries"], whole["map_at_5"]) == ("all", 46, round(value["map_at_5"], 4))
    assert [line["by"] for line in rest] == ["change"] * 4 + ["hubness"] * 3
    tiles = TileSet.open(place / "tiles")
    rows = tiles.catalogue.query("scope == '57'").set_index(["key", "date"])
    change = []
    for key in {key for key, _ in rows.index if rows["valid"][key].all()}:
        one, other = (np.einsum("chw,c->hw", tiles.tile(rows["tile_id"][key, date]).pixels, [0.299, 0.587, 0.114])
                      for date in ("2004", "2019"))
        change.append(1 - np.corrcoef(one.ravel(), other.ravel())[0, 1])
    counts, _ = np.histogram(change, [-1, 0.5, 0.7, 0.9, 3])
    assert [line["queries"] for line in rest[:4]] == counts.tolist()
    code, out, _ = cli(*arguments, "--format", "csv")
    assert out.splitlines()[0] == "by,value,queries,map_at_5,figure"
    assert len(out.splitlines()) == 1 + len(value["failures"])
    code, out, _ = cli(*arguments)
    assert "Where it fails" in out
    assert "skewness" in out


def test_a_tile_never_answers_itself(cli, index):
    code, _, err = cli("evaluate", index, "--tiles", "tiles", "--date", "2004")
    assert code == 2
    assert "another tile of the index" in err


@pytest.mark.parametrize(("arguments", "code", "told"), [
    (["--date", "1850"], 2, "1850"), (["--date", "2019", "--scope", "99"], 2, "99"),
    (["--date", "2019", "-k", "0"], 2, "-k"),
    (["--date", "2019", "-o", "x.shp"], 2, ".gpkg"), (["--date", "2019", "--model", "untrained:resnet18"], 4, "kind"),
    (["--date", "2019", "--model", "nothing"], 2, "nothing"),
    (["--date", "2019", "--filter-date", "1850"], 2, "index another date"),
])
def test_wrong_inputs_are_one_sentence(cli, index, arguments, code, told):
    found, _, err = cli("evaluate", index, "--tiles", "tiles", *arguments)
    assert found == code, err
    assert told in err
    assert "Traceback" not in err
