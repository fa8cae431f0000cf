"""Legend: the paper's table, the round trip, sentences for what is not well formed."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from georetrieval.errors import InputError
from georetrieval.geo.legend import Legend

# RFIAP 2020, Table 1, as copied in BDTOPO.md 5.2.
TABLE_1 = {
    "road": "FFA500", "church": "FFFF00", "tower": "A52A2A", "fort": "808080", "castle": "000000", "building": "FF0000",
    "water": "0000FF", "sport": "8A2BE2", "cemetery": "4B0082", "vegetation": "00FF00", "aerodrome": "5F021F",
    "rail": "FF00FF",
}


def test_the_twelve_classes_have_the_papers_colours_and_codes():
    legend = Legend.load("bdtopo12")
    assert legend.keys() == tuple(TABLE_1)
    assert [item.code for item in legend.classes] == list(range(1, 13))
    for item in legend.classes:
        assert "".join(f"{part:02X}" for part in item.colour) == TABLE_1[item.key]


def test_palette_is_indexed_by_code():
    palette = Legend.load("bdtopo12").palette()
    assert palette.shape == (256, 3)
    assert palette.dtype == np.uint8
    assert palette[1].tolist() == [255, 165, 0]
    assert palette[0].tolist() == [0, 0, 0]
    assert not palette[13:].any()


def test_painters_order_of_the_table():
    legend = Legend.load("bdtopo12")
    order = [item.key for item in sorted(legend.classes, key=lambda item: item.order)]
    assert order[:8] == ["vegetation", "water", "sport", "cemetery", "aerodrome", "rail", "road", "building"]
    assert set(order[8:]) == {"church", "tower", "fort", "castle"}


def test_every_class_has_sources_in_every_schema():
    legend = Legend.load("bdtopo12")
    assert legend.schemas() == ("bdtopo_v2", "bdtopo_v3_shp", "bdtopo_v3_gpkg")
    for schema in legend.schemas():
        assert {item.key for item, _ in legend.sources(schema)} == set(TABLE_1)


def test_both_v3_schemas_say_the_same():
    legend = Legend.load("bdtopo12")
    for item in legend.classes:
        shp, gpkg = item.sources_in("bdtopo_v3_shp"), item.sources_in("bdtopo_v3_gpkg")
        assert [s.layer.casefold() for s in shp] == [s.layer for s in gpkg]
        assert [[v for _, v in s.where] for s in shp] == [[v for _, v in s.where] for s in gpkg]
        assert [s.widths_m for s in shp] == [s.widths_m for s in gpkg]


def test_round_trip_and_digest():
    legend = Legend.load("bdtopo12")
    again = Legend.of(legend.as_dict())
    assert again.classes == legend.classes
    assert again.digest == legend.digest
    renamed, recoloured = copy.deepcopy(legend.as_dict()), copy.deepcopy(legend.as_dict())
    renamed["classes"][0]["name_fr"] = "voie"
    recoloured["classes"][0]["colour"] = "#FFA501"
    assert Legend.of(renamed).digest == legend.digest
    assert Legend.of(recoloured).digest != legend.digest


def test_profiles_switch_sources():
    plain, trees = Legend.load("bdtopo12"), Legend.load("bdtopo12+trees")
    assert len(plain.by_key["vegetation"].sources_in("bdtopo_v2")) == 2
    assert len(trees.by_key["vegetation"].sources_in("bdtopo_v2")) == 1
    assert trees.digest != plain.digest
    cars = Legend.load("bdtopo12", profiles=["carriageways"])
    assert "Sentier" not in [v for s in cars.by_key["road"].sources_in("bdtopo_v2") for v in s.values_of("NATURE")]
    with pytest.raises(InputError, match="no profile 'tree'"):
        Legend.load("bdtopo12+tree")


GOOD = {"code": 1, "key": "road", "name_fr": "route", "name_en": "road", "colour": "#FFA500", "order": 1}


@pytest.mark.parametrize(("change", "message"), [
    ({"code": 0}, "from 1 to 255"), ({"code": 256}, "from 1 to 255"), ({"code": True}, "from 1 to 255"),
    ({"key": "Road"}, "lower-case"), ({"colour": "orange"}, "#RRGGBB"), ({"order": "first"}, "whole number"),
    ({"ordre": 3}, "did you mean 'order'"), ({"sources": {"s": "ROUTE"}}, "list of sources"),
    ({"sources": {"s": [{"layer": "R", "whre": {}}]}}, "did you mean 'where'"),
    ({"sources": {"s": [{"layer": "R", "width_m": -1}]}}, "between 0 and 1000"),
    ({"sources": {"s": [{"layer": "R", "where": {"F": [True]}}]}}, "quotes"),
    ({"sources": {"s": [{"layer": "R", "where": 3}]}}, "not well formed"),
])
def test_a_class_that_is_not_well_formed_is_one_sentence(change, message):
    with pytest.raises(InputError, match=message):
        Legend.of({"name": "x", "classes": [GOOD | change]})


def test_double_codes_and_files_that_are_no_legend(tmp_path):
    with pytest.raises(InputError, match="the code 1 is given to two classes"):
        Legend.of({"name": "x", "classes": [GOOD, GOOD | {"key": "rail"}]})
    with pytest.raises(InputError, match="packaged: bdtopo12"):
        Legend.load("bdtopo13")
    bad = tmp_path / "bad.yaml"
    bad.write_text("a: [1")
    with pytest.raises(InputError, match="not YAML"):
        Legend.load(bad)
    bad.write_text("!!python/object/apply:os.system ['true']")
    with pytest.raises(InputError, match="not YAML"):
        Legend.load(bad)
    bad.write_text("- 1")
    with pytest.raises(InputError, match="expected keys and values"):
        Legend.load(bad)


@pytest.mark.parametrize("profiles", [True, [None], {1: "trees"}, "trees"])
def test_profiles_that_are_no_names_are_one_sentence(profiles):
    with pytest.raises(InputError, match="'profiles' has to name each profile"):
        Legend.of({"name": "mine", "profiles": profiles, "classes": []}, profiles=["trees"])
