import os
import time

import numpy as np
import pytest

from georetrieval import files
from georetrieval.errors import BusyError, InputError, StoreError
from georetrieval.search import segments
from georetrieval.search.building import About
from georetrieval.search.compacting import compact
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.manifest import Pictures
from georetrieval.search.picture_rows import build_pictures
from georetrieval.search.store import IndexStore


@pytest.fixture
def small(tmp_path, part, about):
    """Six parts of five rows, each in its own segment."""
    parts = [part(5, scope=f"{n}", seed=n) for n in range(1, 7)]
    return IndexStore.build(tmp_path / "town", parts, about)


def test_many_segments_become_those_of_a_build_in_one_part(small, tmp_path, about):
    rows, table = small.load()
    before, after = compact(small.path, "me")
    assert (before.name, len(before.manifest.segments), len(after.manifest.segments)) == (small.name, 6, 1)
    whole = IndexStore.build(tmp_path / "whole", [(rows, table)], about)
    assert after.manifest.segments == whole.manifest.segments  # byte for byte: named by their hash
    assert (after.manifest.version, after.manifest.parent, after.manifest.created_by) == (2, small.name, "me")
    assert after.manifest.counts == small.manifest.counts
    assert IndexStore.open(small.path) == after
    assert after.verify().problems == ()
    assert small.load()[0].names.tolist() == rows.names.tolist()  # a reader of the version before goes on


def test_a_second_time_there_is_nothing_to_do(small):
    after = compact(small.path)[1]
    assert compact(small.path) == (after, after)
    assert IndexStore.open(small.path).name == after.name


def test_full_segments_keep_the_order_of_the_rows(small, monkeypatch):
    """30 rows of six fives in segments of at most 7: 7, 7, 7, 7, 2."""
    rows, table = small.load()
    monkeypatch.setattr(segments, "SEGMENT_ROWS", 7)
    after = compact(small.path)[1]
    assert [ref.rows for ref in after.manifest.segments] == [7, 7, 7, 7, 2]
    again, columns = after.load()
    assert again.names.tolist() == rows.names.tolist()
    assert (again.vectors == rows.vectors).all()
    assert columns.equals(table)


def test_removed_rows_are_in_no_file_of_the_new_version(small):
    rows, _ = small.load()
    gone = sorted(rows.names[[0, 7, 29]].tolist())
    counts = small.manifest.counts.model_copy(update={"tiles": 27})
    removed = small.with_changes({"tombstones": gone, "counts": counts})
    kept = [name for name in rows.names.tolist() if name not in gone]
    assert removed.load()[0].names.tolist() == kept
    assert (removed.verify().rows, removed.verify().problems) == (27, ())
    after = compact(small.path)[1]
    assert after.manifest.tombstones == []
    assert sum(ref.rows for ref in after.manifest.segments) == 27
    assert after.load()[0].names.tolist() == kept


def test_the_members_of_pictures_are_compacted_too(tmp_path, part):
    rows, _ = part(6)
    members = Descriptors(rows.vectors, ["a", "a", "b", "b", "c", "c"], rows.names, [""] * 6, "cosine")
    about = About(model="hog", fingerprint={"px": 1}, pictures=Pictures(rows="mean", role="image", crop=True))
    store = build_pictures(tmp_path / "i", members, about)
    whole = store.manifest.pictures.members
    with files.locked(store.path / ".lock"):
        halves = []
        for some in (members.take([0, 1, 2]), members.take([3, 4, 5])):
            part_of = build_pictures(tmp_path / f"p{len(halves)}", some, about).manifest.pictures.members[0]
            data = (tmp_path / f"p{len(halves)}" / part_of.file).read_bytes()
            files.publish(store.path / part_of.file, data)
            halves.append(part_of)
    store.with_changes({"pictures": store.manifest.pictures.model_copy(update={"members": halves})})
    before, after = compact(store.path)
    assert before.manifest.pictures.members == halves
    assert after.manifest.pictures.members == whole
    assert after.load_members()[0].names.tolist() == members.names.tolist()


def test_old_files_go_even_when_there_is_nothing_to_compact(small):
    after = compact(small.path)[1]
    for _ in range(2):
        after = after.with_changes({"created_by": "me"})
    for path in (*(small.path / "segments").iterdir(), *(small.path / "manifests").iterdir()):
        os.utime(path, (time.time() - 4000,) * 2)
    assert compact(small.path) == (after, after)
    assert [path.stem for path in (small.path / "segments").iterdir()] == [after.manifest.segments[0].sha256]
    assert len(list((small.path / "manifests").iterdir())) == 3


def test_a_lock_a_full_disk_and_a_damaged_index_leave_it_as_it_is(small, tmp_path, monkeypatch):
    with files.locked(small.path / ".lock"), pytest.raises(BusyError, match="another process"):
        compact(small.path)
    with monkeypatch.context() as full:
        full.setattr(files, "free_bytes", lambda _: 1000)
        with pytest.raises(BusyError, match="full"):
            compact(small.path)
    assert IndexStore.open(small.path) == small
    (small.path / small.manifest.segments[3].file).write_bytes(b"x")
    with pytest.raises(StoreError, match="damaged"):
        compact(small.path)
    assert IndexStore.open(small.path) == small
    with pytest.raises(InputError, match="no index at"):
        compact(tmp_path / "nowhere")


def test_a_row_that_is_removed_and_not_there_is_a_problem(small):
    counts = small.manifest.counts.model_copy(update={"tiles": 29})
    store = small.with_changes({"tombstones": ["nobody"], "counts": counts})
    assert ["nobody" in problem for problem in store.verify().problems] == [True]
    with pytest.raises(StoreError, match="30 rows are left where the manifest says 29"):
        store.load()
    assert np.isfinite(small.load()[0].vectors).all()
