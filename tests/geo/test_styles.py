"""Styles are XML that says what the legend says; few and many rectangles are drawn in their own ways."""

import xml.etree.ElementTree as ET

from georetrieval.geo.styles import FEW, OUTCOMES, Sizes, matches_style, queries_style, rows_style

MANY = Sizes(FEW + 1, 250.0)


def rendering(root):
    return root.find("labeling/settings/rendering")


def test_few_are_named_at_every_scale_and_many_when_they_are_near():
    few = ET.fromstring(rows_style(Sizes(FEW, 250.0)))
    many = ET.fromstring(rows_style(MANY))
    assert rendering(few).get("scaleVisibility") is None
    assert rendering(many).get("scaleVisibility") == "1"
    assert int(rendering(many).get("scaleMax")) == round(250 / 0.014)  # 14 mm on the screen
    plain = ET.fromstring(rows_style(Sizes(FEW + 1, 0.0)))  # pixels have no scale
    assert rendering(plain).get("scaleVisibility") is None


def test_answers_of_many_queries_come_when_one_is_near():
    kinds = {("yes", 1), ("no", 9)}
    few, many = (ET.fromstring(matches_style(Sizes(n, 250.0), kinds)) for n in (FEW, FEW + 1))
    assert few.get("hasScaleBasedVisibilityFlag") is None
    assert (many.get("hasScaleBasedVisibilityFlag"), many.get("minScale")) == ("1", "25000")
    assert [c.get("value") for c in many.iter("category")] == ["yes 1", "no 6"]
    assert [c.get("label") for c in many.iter("category")] == ["true answer, rank 1", "other place, rank > 5"]


def test_many_queries_are_filled_by_their_outcome():
    assert ET.fromstring(queries_style(Sizes(FEW, 250.0), {"first"})).find("renderer-v2").get("type") == "singleSymbol"
    root = ET.fromstring(queries_style(MANY, {"none", "first"}))
    renderer = root.find("renderer-v2")
    assert renderer.get("attr") == '"outcome"'
    categories = {c.get("value"): c.get("symbol") for c in root.iter("category")}
    assert list(categories) == ["first", "none"]
    symbols = {s.get("name"): s for s in root.iter("symbol")}
    for value, _, colour in OUTCOMES:
        if value in categories:
            fill = symbols[categories[value]].find("layer[@class='SimpleFill']/Option/Option[@name='color']")
            assert fill.get("value").split(",")[:3] == colour.split(",")[:3]
