"""`georetrieval report`: one file that needs nothing else, and says what `evaluate` says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from georetrieval.geo.tileset import TileSet
from georetrieval.report.page.evaluation import Evaluation
from tests.made import bars, pages, pictures, towns

ASKED = ("--tiles", "tiles", "--date", "2019")


@pytest.fixture(scope="module")
def town(tmp_path_factory) -> Path:
    """Folder with tiles/ of one square kilometre, photo and map of 2004 and 2019, unlike one another."""
    folder = tmp_path_factory.mktemp("town")
    towns.town(folder / "tiles", [towns.survey(folder / "w", "2004", 1, dark=1), towns.survey(folder / "w", "2019", 2)])
    return folder


@pytest.fixture
def told(run, town, monkeypatch):
    """The command line in the town's folder, with the index "hog" of 2004."""
    monkeypatch.chdir(town)
    if not (town / "indexes" / "hog" / "CURRENT").exists():
        code, _, err = run("index", "build", "hog", "--model", "hog", "--tiles", "tiles", "--date", "2004")
        assert code == 0, err
    return run


def read(path: Path) -> pages.Node:
    root = pages.parse(path.read_text(encoding="utf-8"))
    pages.check(root)
    return root


def report(cli, out: Path, *more: object) -> pages.Node:
    code, said, err = cli("report", *more, "-o", out)
    assert (code, said.strip()) == (0, str(out)), err
    return read(out)


@pytest.fixture
def english(told, town) -> pages.Node:
    """The report in English; written once."""
    out = town / "english.html"
    return read(out) if out.exists() else report(told, out, "hog", *ASKED)


def test_its_figures_are_those_of_evaluate(told, english):
    page = english
    code, out, err = told("evaluate", "hog", *ASKED, "--failures", "--format", "json")
    assert code == 0, err
    value = json.loads(out)
    _, deeper, _ = told("evaluate", "hog", *ASKED, "-k", 10, "--format", "json")
    shown = page.one("dl", "figures").values
    wanted = [value["map_at_5"], value["recall_at_1"], value["recall_at_5"], json.loads(deeper)["recall_at_10"]]
    assert shown[:4] == pytest.approx(wanted, abs=1e-9)
    assert 0 < shown[0] < 1, "some are found and some are not"
    assert shown[4:] == [value["queries"], value["invalid_left_out"]] == [15, 0]
    groups = [row for table in page.section("groups").all("tbody") for row in table.all("tr")]
    lines = [line for line in value["failures"] if line["by"] in ("landscape", "change")]
    assert [row.values for row in groups] == [
        [*([line["map_at_5"]] if line["queries"] else []), line["queries"]] for line in lines]
    hubness = {line["value"]: line["figure"] for line in value["failures"] if line["by"] == "hubness"}
    assert f"{hubness['skewness']:.2f}".replace("-", "\u2212") in page.section("hubs").text
    asked = [row.values[0] for row in page.section("summary").all("table")[-1].one("tbody").all("tr")]
    assert asked == [value["queries"], value["without_truth"], 0, value["blank_left_out"]] == [15, 1, 0, 0]


def test_the_true_tile_is_outlined_and_no_other(english, town):
    page = english
    key = TileSet.open(town / "tiles").catalogue.set_index("tile_id")["key"].to_dict()
    sheets = page.all("article", "sheet")
    assert len(sheets) > 6
    outlined = 0
    for sheet in sheets:
        query = sheet.one("h3").all("span")[1].text
        true = sheet.one("div", "asked").one("div", "true")
        assert key[re.search(r"tile (\S+),", true.one(cls="two").all("img")[0].attributes["alt"])[1]] == key[query]
        assert len(true.all("img")) == 2, "photo and map side by side"
        answers = sheet.one("ol", "answers").all("li")
        assert len(answers) == 5
        for card in answers:
            right = key[card.one("p").children[-1]] == key[query]
            assert ("true" in card.classes) == right
            assert ("true place" in card.text) == right, "not told by colour alone"
            outlined += right
        assert sheet.one("div", "why").all("li")
    assert outlined
    assert "outline" in re.search(r"\.card\.true \{([^}]*)\}", page.one("style").text)[1]


def test_both_languages_say_the_same(told, english, tmp_path):
    french = report(told, tmp_path / "f.html", "hog", *ASKED, "--lang", "fr", "--title", "Rapport <office>")
    assert [one.one("html").attributes["lang"] for one in (english, french)] == ["en", "fr"]
    assert english.values == french.values
    assert french.one("h1").text == "Rapport <office>"
    words = french.one("main").text
    assert re.search(r"\d,\d{3}", words)
    assert not re.search(r"\b(the|queries|wood|answers)\b", words)
    assert "Provenance" in words


def test_the_map_lies_in_true_coordinates(english):
    """Sixteen cells of 250 m in a square kilometre, a scale bar of 200 m."""
    page, svg = english, english.section("map").one("svg")
    drawn = "".join(path.attributes["d"] for path in svg.all("path"))
    cells = sorted((float(x), float(y)) for x, y in re.findall(r"M(\S+) (\S+?)h250v250h-250z", drawn))
    assert cells == [(250.0 * x, 250.0 * y) for x in range(4) for y in range(4)]
    bar = svg.one("g", "scale-bar")
    assert float(bar.all("rect")[1].attributes["width"]) == 200
    assert "200\xa0m" in bar.text
    assert "département 57" in page.section("map").text
    counts = [int(n) for n in re.findall(r"(\d+) found at once, (\d+) at ranks 2 to 5, (\d+) missed, (\d+)",
                                         page.section("map").one("figcaption").text)[0]]
    assert sum(counts) == 16


def test_where_it_comes_from_is_said_and_no_path(told, english, town):
    page, text = english, english.section("sources").text
    _, out, _ = told("index", "info", "hog", "--format", "json")
    assert json.loads(out)["fingerprint"] in text
    assert str(town) not in (town / "english.html").read_text()
    assert "Licence Ouverte" in page.one("footer").text


def test_a_baseline_stands_beside(told, tmp_path):
    _, out, _ = told("evaluate", "hog", *ASKED, "--format", "json")
    (tmp_path / "b.json").write_text(json.dumps(json.loads(out) | {"map_at_5": 0.001, "index": "indexes/other"}))
    page = report(told, tmp_path / "r.html", "hog", *ASKED, "--beside", tmp_path / "b.json")
    rows = page.section("summary").all("table")[0].one("tbody").all("tr")
    assert [row.all("th")[0].text for row in rows] == ["hog (this report)", "other"]
    assert rows[1].values[0] == 0.001
    assert "beaten" not in page.section("summary").text
    (tmp_path / "c.json").write_text("{}")
    code, _, err = told("report", "hog", *ASKED, "--beside", tmp_path / "c.json", "-o", tmp_path / "x.html")
    assert (code, "holds no evaluation" in err) == (2, True)


def test_answers_that_are_re_ranked_are_those_of_evaluate(told, tmp_path):
    """Of more candidates another order would come out."""
    asked = (*ASKED, "--rerank", "query-expansion")
    page = report(told, tmp_path / "r.html", "hog", *asked)
    _, out, _ = told("evaluate", "hog", *asked, "--format", "json")
    value = json.loads(out)
    assert page.one("dl", "figures").values[:2] == pytest.approx([value["map_at_5"], value["recall_at_1"]], abs=1e-9)
    assert "--rerank query-expansion" in page.section("sources").text


def test_photographs_alone(cli, index, tmp_path):
    page = report(cli, tmp_path / "r.html", index, *ASKED, "--worst", 2)
    assert len(page.all("article", "sheet")) == 2
    assert not [img for img in page.all("img") if "image/png" in img.attributes["src"]], "no map"
    assert len(page.section("groups").all("table")) == 1


@pytest.mark.parametrize(("arguments", "code", "said"), [
    (["hog", "--tiles", "tiles", "--date", "1850"], 2, "1850"), (["hog", "--date", "2019"], 2, "--tiles"),
    (["hog", "--tiles", "nowhere", "--date", "2019"], 2, "nowhere"), (["none", *ASKED], 2, "no index"),
    (["hog", *ASKED, "--scope", "99"], 2, "99"), (["hog", *ASKED, "--model", "untrained:resnet18"], 4, "kind"),
    (["hog", "--tiles", "tiles", "--date", "2004"], 2, "another tile"), (["hog", *ASKED, "-k", "0"], 2, "-k"),
    (["hog", *ASKED, "--pictures", "."], 2, "--pictures"), (["hog", *ASKED, "-o", "r.pdf"], 2, ".html"),
])
def test_wrong_inputs_are_one_sentence(told, tmp_path, arguments, code, said):
    out = [] if "-o" in arguments else ["-o", tmp_path / "r.html"]
    found, _, err = told("report", *arguments, *out)
    assert found == code, err
    assert said in err
    assert "Traceback" not in err
    assert not (tmp_path / "r.html").exists()


def test_a_report_that_is_there_stays_unless_forced(told, tmp_path):
    (tmp_path / "r.html").write_text("mine")
    code, _, err = told("report", "hog", *ASKED, "-o", tmp_path / "r.html")
    assert (code, "--force" in err) == (2, True)
    assert (tmp_path / "r.html").read_text() == "mine"
    report(told, tmp_path / "r.html", "hog", *ASKED, "--force")


def test_pictures_become_smaller_and_sheets_fewer_until_it_fits(told, tmp_path, monkeypatch):
    from georetrieval.report.page import render

    whole = len(report(told, tmp_path / "r.html", "hog", *ASKED).all("article"))
    bare = (tmp_path / "r.html").stat().st_size
    monkeypatch.setattr(render, "BUDGET", bare - 20_000)
    page = report(told, tmp_path / "s.html", "hog", *ASKED)
    assert 0 < len(page.all("article")) < whole
    assert (tmp_path / "s.html").stat().st_size <= bare - 20_000
    monkeypatch.setattr(Evaluation, "worst", [])
    assert "answered rightly at once" in report(told, tmp_path / "n.html", "hog", *ASKED).section("worst").text


@pytest.fixture
def herd(run, tmp_path, monkeypatch) -> Path:
    """An index of one mean per blot; the list "new" has pictures of both, some under the wrong key."""
    monkeypatch.chdir(tmp_path)
    bars.write_blots(tmp_path / "herd", [0, 1])
    code, _, err = run("index", "build", "blots", "--model", "hog", "--pictures", "herd", "--rows", "mean")
    assert code == 0, err
    return tmp_path


def test_who_is_taken_for_whom(run, herd):
    bars.write_blots(herd / "new", [0, 1], first=10)
    names = sorted(path.name for path in (herd / "new").iterdir() if path.is_dir())
    strange = next((herd / "new" / names[0]).iterdir())
    strange.rename(herd / "new" / names[1] / f"strange-{strange.name}")  # says one thing and shows another
    page = report(run, herd / "r.html", "blots", "--pictures", "new")
    accuracy, *_ = page.one("dl", "figures").values
    assert accuracy == 7 / 8
    (card,) = page.section("worst").all("li", "card")
    assert strange.name in card.text
    assert [item.text.split()[0] for item in card.all("ol")[0].all("li")] == names
    matrix = page.section("keys").one("table", "matrix")
    assert [row.values for row in matrix.one("tbody").all("tr")] == [[3, 3], [1, 4, 5]]
    french = report(run, herd / "f.html", "blots", "--pictures", "new", "--lang", "fr")
    assert french.values == page.values


@pytest.mark.parametrize(("arguments", "said"), [
    ([], "--pictures"), (["--pictures", "nowhere"], "nowhere"), (["--pictures", "herd", "--date", "2019"], "--date"),
    (["--pictures", "herd", "--part", "test"], "part test"),
    (["--pictures", "herd", "--rerank", "k-reciprocal"], "--rerank"),
])
def test_wrong_questions_about_pictures(run, herd, arguments, said):
    code, _, err = run("report", "blots", *arguments, "-o", herd / "r.html")
    assert code == 2
    assert said in err
    assert "Traceback" not in err


def test_a_run_on_pictures_becomes_one_file(run, tmp_path, monkeypatch):
    """Its table as it was published, its figures inside."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "a-run"
    pictures.write_picture(folder / "figures" / "examples-test.png", "red", 1)
    (folder / "recipe.yaml").write_text("name: two\ntitle: Two of a kind\nseed: 3\npictures: {source: here}\n")
    rows = [{"descriptor": "trained", "part": "test", "accuracy": 0.75, "queries": 8}]
    (folder / "results.json").write_text(json.dumps({"rows": rows}))
    page = report(run, tmp_path / "r.html", "a-run")
    assert page.one("h1").text == "Two of a kind"
    assert page.section("summary").values == [0.75, 8]
    assert "test" in page.one("figure", "plot").one("img").attributes["alt"]
    (folder / "results.json").write_text("{}")
    code, _, err = run("report", folder, "-o", tmp_path / "x.html")
    assert (code, "no table" in err) == (2, True)
    (folder / "recipe.yaml").write_text("name: two\ntiles: {}\n")
    code, _, err = run("report", folder, "-o", tmp_path / "x.html")
    assert (code, "run on tiles" in err) == (2, True)
