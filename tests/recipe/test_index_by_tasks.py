"""An index by tasks: the same bytes whoever works and however often it is interrupted; damaged sheets are left out."""

from __future__ import annotations

import os
import shutil
import signal
from dataclasses import replace

import numpy as np
import pytest

from georetrieval.errors import BusyError, GapsError, InputError
from georetrieval.files import locked
from georetrieval.geo.tiling import build_tiles
from georetrieval.recipe import embedding_work
from georetrieval.recipe.index_by_tasks import build_shard
from georetrieval.recipe.index_surveys import index_surveys, plan_surveys
from georetrieval.recipe.indexing import index_tiles
from georetrieval.search.store import IndexStore
from georetrieval.tasks.running import Hands
from georetrieval.tasks.task import Shard
from tests.made import tiny
from tests.made.interruption import CtrlC


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Four sheets of 16 tiles, their tile set, and the index that one process makes of the sheets."""
    folder = tmp_path_factory.mktemp("place")
    survey, settings = tiny.sheets(folder / "in")
    tileset = build_tiles([survey], folder / "tiles", grid=settings.grid, px=settings.px, legend=settings.legend)
    store = index_surveys(folder / "whole", [survey], settings, "hog")
    assert store is not None
    return survey, settings, tileset, store


def same(store, whole):
    return store.name == whole.name and tiny.files_of(store.path) == tiny.files_of(whole.path)


def test_the_rows_are_those_of_the_tile_set(place, tmp_path):
    _, _, tileset, whole = place
    store = index_tiles(tmp_path / "town", tileset, "hog", dates=["2004"])
    assert store.manifest.segments == whole.manifest.segments
    assert store.manifest.counts == whole.manifest.counts
    assert store.manifest.counts.tiles == 64
    assert {m.sources[0]["digest"] for m in (store.manifest, whole.manifest)} == {tileset.surveys[0]["digest"]}
    assert not (store.path / "work").exists()


def test_shards_make_the_same_in_any_order(place, tmp_path):
    survey, settings, _, whole = place
    path = tmp_path / "shards"
    for number in (3, 1):
        plan = plan_surveys(path, [survey], settings, "hog", shard=Shard(number, 3))
        build_shard(plan, Hands())
        assert not (path / "CURRENT").exists()
    done = len(list((path / "work").glob("*.json")))
    assert 0 < done < 4
    spoken = []
    store = index_surveys(path, [survey], settings, "hog", progress=lambda *told: spoken.append(told[2]))
    assert f"embedding, {done} of 4 done before" in spoken
    assert same(store, whole)


def test_ctrl_c_keeps_what_is_done(place, tmp_path):
    survey, settings, _, whole = place
    path = tmp_path / "stopped"
    with pytest.raises(KeyboardInterrupt):
        index_surveys(path, [survey], settings, "hog", progress=CtrlC(after=5))
    kept = {p.name: p.stat().st_mtime_ns for p in (path / "work").glob("*.json")}
    assert 0 < len(kept) < 4
    assert not (path / "CURRENT").exists()
    with pytest.raises(KeyboardInterrupt):
        index_surveys(path, [survey], settings, "hog", progress=CtrlC(after=4))
    assert kept.items() <= {p.name: p.stat().st_mtime_ns for p in (path / "work").glob("*.json")}.items()
    assert same(index_surveys(path, [survey], settings, "hog"), whole)


def test_a_damaged_sheet_is_left_out_then_mended(place, tmp_path):
    survey, settings, _, whole = place
    shutil.copytree(survey.photos.parent, tmp_path / "in")
    bad = sorted((tmp_path / "in" / "ortho").iterdir())[2]
    data = bad.read_bytes()
    bad.write_bytes(data[: len(data) // 2])
    here = tiny.Survey("57", "2004", tmp_path / "in" / "ortho", tmp_path / "in" / "vectors")
    with pytest.raises(GapsError, match=bad.name) as error:
        index_surveys(tmp_path / "town", [here], settings, "hog")
    assert error.value.exit_code == 3
    first = IndexStore.open(tmp_path / "town")
    assert first.manifest.counts.tiles == 48
    assert [bad.name in gap for gap in first.manifest.sources[0]["gaps"]] == [True]
    with pytest.raises(InputError, match="already"):  # another date, or other tiles, may not take its place unasked
        index_surveys(tmp_path / "town", [replace(here, date="2019")], settings, "hog")
    with pytest.raises(InputError, match="already"):
        index_surveys(tmp_path / "town", [here], settings, "class-shares")
    assert IndexStore.open(tmp_path / "town").name == first.name
    bad.write_bytes(data)
    spoken = []
    second = index_surveys(tmp_path / "town", [here], settings, "hog", progress=lambda *told: spoken.append(told))
    assert (0, 16, "embedding, 3 of 4 done before") in spoken
    assert second.manifest.segments == whole.manifest.segments
    assert "gaps" not in second.manifest.sources[0]
    assert not (second.path / "work").exists()
    with pytest.raises(InputError, match="already"):
        index_surveys(tmp_path / "town", [here], settings, "hog")


def test_with_little_memory_batches_are_halved(place, tmp_path, monkeypatch):
    survey, settings, _, whole = place
    load = embedding_work.load_eye
    sizes = []

    def poor(*args, **kwargs):
        eye = load(*args, **kwargs)

        class Poor:
            def __getattr__(self, name):
                return getattr(eye, name)

            def __call__(self, pixels, bands):
                sizes.append(len(pixels))
                if len(pixels) > 8:
                    raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes")
                return eye(pixels, bands)

        return Poor()

    monkeypatch.setattr(embedding_work, "load_eye", poor)
    monkeypatch.setattr(embedding_work, "_kept", type(embedding_work._kept)())
    assert same(index_surveys(tmp_path / "poor", [survey], settings, "hog"), whole)
    assert {8, 16} <= set(sizes)


def test_a_note_or_a_part_that_was_altered_is_made_again(place, tmp_path):
    survey, settings, _, whole = place
    path = tmp_path / "altered"
    build_shard(plan_surveys(path, [survey], settings, "hog"), Hands())
    random = np.random.default_rng(1)
    for file in sorted(path.glob("work/*.*"))[::2]:
        data = bytearray(file.read_bytes())
        data[int(random.integers(len(data)))] ^= 4
        file.write_bytes(data)
    assert same(index_surveys(path, [survey], settings, "hog"), whole)


def test_two_builders_do_not_meet(place, tmp_path):
    survey, settings, _, _ = place
    with locked(tmp_path / "town" / "work" / ".lock"), pytest.raises(BusyError):
        index_surveys(tmp_path / "town", [survey], settings, "hog")


def test_windows_go_by_stretches(place, tmp_path, monkeypatch):
    from georetrieval.recipe import embedding_sources

    _, _, tileset, _ = place
    made = []
    for name, count in (("one", 10_000), ("many", 19)):
        monkeypatch.setattr(embedding_sources, "WINDOWS", count)
        made.append(index_tiles(tmp_path / name, tileset, "hog", dates=["2004"], zooms=(0.7,)))
    assert made[0].manifest.counts == made[1].manifest.counts
    assert [ref.rows for ref in made[0].manifest.segments] == [ref.rows for ref in made[1].manifest.segments]


def test_windows_are_made_once_and_called_by_what_they_are_made_from(place, tmp_path, monkeypatch):
    from georetrieval.recipe import embedding_sources

    _, _, tileset, _ = place
    monkeypatch.setattr(embedding_sources, "WINDOWS", 7)
    made, told = [], []
    rows_of, digests = embedding_sources.rows_of, embedding_sources._digests
    monkeypatch.setattr(embedding_sources, "rows_of", lambda *args: made.append(args) or rows_of(*args))
    monkeypatch.setattr(embedding_sources, "_digests", lambda *args: told.append(args) or digests(*args))
    index_tiles(tmp_path / "once", tileset, "hog", dates=["2004"], zooms=(0.8,))
    assert len(made) == 1
    eye, pixels, names, stretches = told[0]
    assert len(stretches) > 2
    assert digests(*told[0]) == [embedding_sources._digest(eye, pixels, names, part) for part in stretches]


def test_the_command_ends_with_130(place, tmp_path):
    """A real Ctrl-C while the command runs in a child."""
    _, _, tileset, _ = place
    child = os.fork()
    if child == 0:
        code = 1
        try:
            from georetrieval.cli import bars, main
            signal.signal(signal.SIGINT, signal.default_int_handler)  # it may come ignored

            class Once(bars._Lines):
                def __call__(self, done, total, what):  # noqa: ARG002
                    if what.startswith("embedding, 1"):
                        os.kill(os.getpid(), signal.SIGINT)

            bars._Lines = Once
            main.main(["index", "build", str(tmp_path / "town"), "--model", "hog", "--tiles", str(tileset.path),
                       "--date", "2004"])
        except SystemExit as end:
            code = int(end.code or 0)
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 130
    assert len(list((tmp_path / "town" / "work").glob("*.json"))) == 1
