"""`classify`: the nearer of the two masks of an image's own place, alarms, streams, the unknown."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from georetrieval.cli.main import main
from georetrieval.errors import InputError
from georetrieval.recipe.reading_classes import watched
from tests.made import bars


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Path:
    """Folder with the list of two places, and the indexes "masks" (of them) and "herd" (two individuals, means)."""
    folder = tmp_path_factory.mktemp("world")
    bars.write_places(folder / "places")
    bars.write_blots(folder / "herd", [0, 1])
    bars.write_blots(folder / "more", [0, 1, 3, 4], first=10)
    before = Path.cwd()
    os.chdir(folder)
    try:
        for words in (["index", "build", "masks", "--model", "hog", "--pictures", "places", "--role", "mask"],
                      ["index", "build", "herd", "--model", "hog", "--pictures", "herd", "--rows", "mean"]):
            with pytest.raises(SystemExit) as end:
                main(words)
            assert not end.value.code
    finally:
        os.chdir(before)
    return folder


@pytest.fixture
def cli(run, world, monkeypatch):
    monkeypatch.chdir(world)
    return run


def lines(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def test_an_image_is_judged_by_its_own_two_masks(cli):
    code, out, _ = cli("classify", "masks", "places/north/up-0.png", "--scope", "north", "--format", "json")
    (row,) = json.loads(out)
    assert code == 0
    assert (row["image"], row["scope"], row["key"]) == ("places/north/up-0.png", "north", "up")
    assert list(row["distances"]) == ["up", "down"]
    assert row["distance"] == row["distances"]["up"]
    assert row["margin"] == pytest.approx(row["distances"]["down"] - row["distances"]["up"], abs=2e-6)
    code, out, _ = cli("classify", "masks", "places/north/up-0.png", "--scope", "south", "--format", "json")
    assert json.loads(out)[0]["distances"] != row["distances"], "another place has other masks"


def test_a_place_with_one_mask_has_no_other_answer_and_is_refused(cli):
    """With a mask of "up" alone everything there would be up, and an alarm for it would ring for ever."""
    cli("index", "build", "half", "--model", "hog", "--pictures", "places", "--role", "mask")
    code, _, err = cli("index", "add", "half", "--scope", "new", "--key", "up=places/north/mask-up.png")
    assert code == 0, err
    code, out, err = cli("classify", "half", "places/north/up-0.png", "--scope", "new", "--format", "json")
    assert code != 0
    assert json.loads(out or "[]") == []
    assert "'new' has a mask of 'up' only" in err
    assert "index add" in err


def test_so_many_distances_as_asked(cli):
    words = ("classify", "masks", "places/north/up-0.png", "--scope", "north", "--format", "json")
    (row,), (all_of_it,) = (json.loads(cli(*words, *more)[1]) for more in (("-k", "1"), ()))
    assert list(row["distances"]) == ["up"]
    assert list(all_of_it["distances"]) == ["up", "down"]
    assert row["margin"] == all_of_it["margin"]


def test_a_list_says_scopes_and_truth(cli):
    code, out, err = cli("classify", "masks", "places", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert (code, len(rows)) == (0, 8), "images only: masks are not judged"
    assert {row["scope"] for row in rows} == {"north", "south"}
    assert all(row["hit"] == "True" and row["key"] == row["truth"] for row in rows)
    assert "8 of 8 images of known key are right" in err


def test_table_names_every_column(cli):
    code, out, _ = cli("classify", "masks", "places/north/up-0.png", "--scope", "north")
    assert code == 0
    assert all(word in out for word in ("image", "scope", "key", "distance", "margin", "down 0."))


def test_an_image_of_an_unknown_place_is_refused(cli, tmp_path):
    code, out, err = cli("classify", "masks", "places/north/up-0.png", "--scope", "west")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "Nothing of the scope 'west' is in the index" in err
    assert "it has north, south" in err
    code, out, err = cli("classify", "masks", "places/north/up-0.png")
    assert (code, out) == (2, "")
    assert "several scopes" in err
    code, out, err = cli("classify", "masks", "places/north", "places/south/up-0.png")
    assert (code, out, err.count("\n")) == (2, "", 1), "one sentence for all pictures that cannot say their scope"
    bars.save(tmp_path / "a.png", bars.photo("north", "up", 1))
    rows = [{"file": "a.png", "key": "", "scope": "west"},
            {"file": os.path.relpath("places/north/up-0.png", tmp_path), "key": "", "scope": "north"}]
    bars.write_list(tmp_path / "pictures.csv", rows)
    code, out, err = cli("classify", "masks", tmp_path, "--format", "jsonl")
    assert code == 3
    assert [row["key"] for row in lines(out)] == ["up"]
    assert "left out:" in err
    assert "a.png: Nothing of the scope 'west'" in err
    assert err.splitlines()[-1].startswith("error: 1 of 2 images were left out")


def test_the_same_reason_is_told_once(cli, tmp_path):
    rows = [{"file": os.path.relpath(f"places/north/{name}.png", tmp_path), "key": "", "scope": scope}
            for name, scope in (("up-0", "west"), ("up-1", "west"), ("down-0", "east"), ("down-1", "north"))]
    bars.write_list(tmp_path / "pictures.csv", rows)
    code, out, err = cli("classify", "masks", tmp_path, "--format", "jsonl")
    assert (code, len(lines(out))) == (3, 1)
    first, second, third, last = err.splitlines()
    assert "up-0.png: Nothing of the scope 'west'" in first
    assert second.endswith("up-1.png: as before")
    assert "down-0.png: Nothing of the scope 'east'" in third
    assert "3 of 4 images" in last


def test_damaged_images_are_told_and_the_rest_goes_on(cli, tmp_path):
    (tmp_path / "torn.png").write_bytes(Path("places/north/up-0.png").read_bytes()[:200])
    words = ("--scope", "north", "--format", "jsonl")
    code, out, err = cli("classify", "masks", tmp_path / "torn.png", "places/north/down-1.png", *words)
    assert code == 3
    assert [row["key"] for row in lines(out)] == ["down"]
    assert "torn.png cannot be read as a picture" in err
    code, out, err = cli("classify", "masks", tmp_path / "torn.png", *words)
    assert (code, out) == (2, "")
    assert "None of the 1 images" in err


def test_an_alarm_has_an_exit_code_and_a_margin(cli):
    words = ("classify", "masks", "places/north/up-0.png", "places/north/down-0.png", "--scope", "north")
    code, out, err = cli(*words, "--alarm", "up")
    first, second = lines(out)
    assert code == 10
    assert (first["alarm"], second["alarm"]) == (True, False)
    assert "alarm: 1 of 2 images" in err
    code, out, _ = cli(*words, "--alarm", "up", "--min-margin", first["margin"] + 0.001)
    assert code == 0
    assert not any(row["alarm"] for row in lines(out))
    assert cli(*words, "--alarm", "up", "--min-margin", first["margin"] - 0.001)[0] == 10
    code, _, err = cli(*words, "--alarm", "ajar")
    assert (code, err.count("\n")) == (2, 1)
    assert "no key 'ajar'; it knows down, up" in err
    code, _, err = cli(*words, "--alarm", "up", "--format", "csv")
    assert code == 2
    assert "JSON lines" in err


def test_names_on_stdin(cli, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO(
        f"places/north/up-0.png\n\nnowhere.png\n{'long' * 1000}.png\nplaces/north/down-0.png\r\n"))
    code, out, err = cli("classify", "masks", "-", "--scope", "north")
    assert code == 3
    assert "cannot be read: File name too long" in err
    assert [row["key"] for row in lines(out)] == ["up", "down"]
    assert "There is no file nowhere.png" in err


def test_a_folder_is_watched_until_nothing_comes(cli, tmp_path):
    bars.save(tmp_path / "1.png", bars.photo("north", "up", 5))
    (tmp_path / "notes.txt").write_text("no picture")
    code, out, _ = cli("classify", "masks", "--watch", tmp_path, "--scope", "north", "--alarm", "up", "--every", "0.02",
                       "--idle", "0.3")
    assert code == 10
    assert [(Path(row["image"]).name, row["key"]) for row in lines(out)] == [("1.png", "up")]


def test_a_picture_that_was_taken_half_written_is_judged_when_it_is_whole(tmp_path):
    """What `watched` names, while somebody writes slowly, stops, goes on, and moves the folder away."""
    whole = bars.save(tmp_path / "whole.png", bars.photo("north", "up", 5)).read_bytes()
    folder, path = tmp_path / "in", tmp_path / "in" / "1.png"
    folder.mkdir()
    path.write_bytes(whole[:50])
    names = watched(folder, every_s=0.01, idle_s=0.2)
    assert next(names) == str(path)
    path.write_bytes(whole)
    assert next(names) == str(path), "it is another file now"
    assert list(names) == [], "and the same one ever after"
    names = watched(folder, every_s=0.01)
    assert next(names) == str(path)
    folder.rename(tmp_path / "away")
    with pytest.raises(InputError, match="cannot be watched any longer"):
        next(names)


def test_ctrl_c_ends_a_watch_and_keeps_what_was_written(world, tmp_path):
    bars.save(tmp_path / "in" / "1.png", bars.photo("north", "up", 5))
    words = ["classify", "masks", "--watch", tmp_path / "in", "--scope", "north", "--every", "0.02"]
    with (tmp_path / "out").open("w") as out, subprocess.Popen(
            [sys.executable, "-m", "georetrieval", *map(str, words)], cwd=world, stdout=out,
            stderr=subprocess.PIPE, text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)) as process:  # it may come ignored
        end = time.monotonic() + 60
        while not (tmp_path / "out").read_text() and time.monotonic() < end:
            time.sleep(0.05)
        (tmp_path / ".part.png").write_bytes((tmp_path / "in" / "1.png").read_bytes())
        (tmp_path / ".part.png").rename(tmp_path / "in" / "2.png")
        while (tmp_path / "out").read_text().count("\n") < 2 and time.monotonic() < end:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
        assert process.returncode == 130
    assert "Traceback" not in told
    assert [Path(row["image"]).name for row in lines((tmp_path / "out").read_text())] == ["1.png", "2.png"]


def test_the_unknown_is_measured_kept_and_answered(cli):
    code, out, _ = cli("classify", "herd", "more", "--format", "jsonl")
    assert code == 0
    assert {row["key"] for row in lines(out)} == {"ox-0", "ox-1"}, "without a threshold all are somebody"
    code, _, err = cli("index", "calibrate", "herd", "--pictures", "more")
    assert code == 0
    assert "100.0% of 8 known kept, 100.0% of 8 unknown refused, AUROC 1.000" in err
    code, out, err = cli("classify", "herd", "more", "--format", "jsonl")
    told = {(row["truth"], row["key"]) for row in lines(out)}
    assert told == {("ox-0", "ox-0"), ("ox-1", "ox-1"), ("ox-3", "unknown"), ("ox-4", "unknown")}
    assert "16 of 16" in err
    code, out, _ = cli("classify", "herd", "more/ox-3", "--alarm", "unknown")
    assert code == 10
    code, out, _ = cli("classify", "herd", "more/ox-3/10.png", "--unknown", "2", "--format", "json")
    assert json.loads(out)[0]["key"] in ("ox-0", "ox-1"), "another threshold was given"
    info = json.loads(cli("index", "info", "herd", "--format", "json")[1])
    assert info["pictures"]["unknown"]["how"] == "balanced"


@pytest.mark.parametrize(("words", "told"), [
    (["classify", "masks"], "What is to be judged"),
    (["classify", "masks", "places", "--watch", "places"], "one of both"),
    (["classify", "masks", "--watch", "places/north"], "several scopes"),
    (["classify", "masks", "--watch", "nowhere", "--scope", "north"], "no folder nowhere"),
    (["classify", "nowhere", "places"], "no index at"),
    (["classify", "herd", "herd/ox-0", "--unknown", "-1"], "0 or more"),
    (["classify", "masks", "nowhere.png", "--scope", "north"], "no file nowhere.png"),
    (["classify", "masks", "places", "--alarm", "up", "--min-margin", "nan"], "'nan' is no number that can be"),
    (["classify", "masks", "--watch", "places", "--scope", "north", "--idle", "nan"], "'nan' is no number"),
])
def test_wrong_questions_are_one_sentence(cli, words, told):
    code, out, err = cli(*words)
    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert told in err


def test_another_model_is_refused(cli):
    code, _, err = cli("classify", "herd", "herd/ox-0", "--model", "class-shares")
    assert (code, err.count("\n")) == (4, 1)
    assert "kind is hog in the index" in err
