"""Indexes of pictures: members come and go, rows are made again, nothing else is lost."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from georetrieval import files
from georetrieval.errors import BusyError, InputError
from georetrieval.search.building import About
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.manifest import Pictures
from georetrieval.search.outliers import threshold
from georetrieval.search.picture_rows import added, build_pictures, change_pictures, without
from georetrieval.search.store import IndexStore

SPACE = "euclidean"


def members(*rows: tuple[str, str, float, float], first: int = 0) -> Descriptors:
    """Key, scope, x, y of each picture."""
    keys, scopes, x, y = zip(*rows, strict=True)
    names = [f"{key}-{i + first}" for i, key in enumerate(keys)]
    return Descriptors(np.stack([x, y], axis=1), np.asarray(keys), np.asarray(names), np.asarray(scopes), SPACE)


START = members(("a", "", 1, 1), ("a", "", 3, 1), ("b", "", 5, 5), ("b", "", 7, 5))


def about(rows: str = "mean") -> About:
    return About(model="hog", fingerprint={"kind": "hog"}, px=8, pictures=Pictures(rows=rows, role="image", crop=True))


def vectors(store: IndexStore) -> dict[str, list[list[float]]]:
    found, _ = store.load()
    return {key: found.vectors[found.keys == key].tolist() for key in np.unique(found.keys)}


@pytest.fixture
def built(tmp_path) -> IndexStore:
    return build_pictures(tmp_path / "herd", START, about())


def test_rows_and_what_they_are_made_of(built):
    assert vectors(built) == {"a": [[2, 1]], "b": [[6, 5]]}
    assert built.load_members()[0].names.tolist() == START.names.tolist()
    assert built.manifest.counts.tiles == 2
    assert built.info()["pictures"]["members"] == 4
    assert built.verify().problems == ()
    assert built.verify().leftovers == ()


def test_each_picture_a_row(tmp_path):
    store = build_pictures(tmp_path / "each", START, about("each"))
    assert vectors(store) == {"a": [[1, 1], [3, 1]], "b": [[5, 5], [7, 5]]}
    assert store.manifest.pictures.members == []
    assert len(store.load_members()[0]) == 4


def test_a_picture_added_to_a_key_moves_its_mean_and_no_other(built):
    more = members(("a", "", 5, 4), ("c", "", 9, 9), first=10)
    store = change_pictures(built.path, lambda old: added(old, more), "test")
    assert vectors(store) == {"a": [[3, 2]], "b": [[6, 5]], "c": [[9, 9]]}
    assert (store.manifest.version, store.manifest.parent, store.manifest.created_by) == (2, built.name, "test")
    assert vectors(built) == {"a": [[2, 1]], "b": [[6, 5]]}, "the version before can still be read"


def test_added_and_removed_again_gives_the_same_rows(built):
    more = members(("a", "", 5, 4), ("c", "", 9, 9), first=10)
    change_pictures(built.path, lambda old: added(old, more), "test")
    store = change_pictures(built.path, lambda old: without(old, ["c"], []), "test")
    assert vectors(store) == {"a": [[3, 2]], "b": [[6, 5]]}
    assert store.verify().problems == ()


def test_remove_of_a_scope(tmp_path):
    lifts = members(("open", "n", 1, 0), ("close", "n", 2, 0), ("open", "s", 3, 0), ("close", "s", 4, 0))
    store = build_pictures(tmp_path / "m", lifts, about("each"))
    assert len(change_pictures(store.path, lambda old: without(old, [], ["n"]), "test").load()[0]) == 2
    left = without(lifts, ["open"], ["n"])
    assert list(zip(left.keys, left.scopes, strict=True)) == [("close", "n"), ("open", "s"), ("close", "s")]


@pytest.mark.parametrize(("change", "told"), [
    (lambda old: added(old, START.take([2])), "already, the first is b-2 of b"),
    (lambda old: without(old, ["z"], []), "no key 'z'; it holds a, b"),
    (lambda old: without(old, [], ["z"]), "no scope 'z'"),
    (lambda old: without(old, ["a", "b"], []), "Nothing would be left"),
])
def test_what_cannot_be_changed_changes_nothing(built, change, told):
    before = (built.path / "CURRENT").read_bytes()
    with pytest.raises(InputError, match=told):
        change_pictures(built.path, change, "test")
    assert (built.path / "CURRENT").read_bytes() == before


def test_a_second_writer_waits_and_then_loses_nothing(built):
    with files.locked(built.path / ".lock"), pytest.raises(BusyError):
        change_pictures(built.path, lambda old: old, "test")
    for i in (10, 20):  # both started from the first version; each sees what the other has done
        change_pictures(built.path, lambda old, i=i: added(old, members((f"c{i}", "", i, i), first=i)), "test")
    assert set(vectors(IndexStore.open(built.path))) == {"a", "b", "c10", "c20"}


def test_the_distance_of_the_unknown_is_kept(built):
    found = threshold(np.array([1.0, 2]), np.array([4.0]))
    told = built.manifest.pictures.model_copy(update={"unknown": found})
    store = built.with_changes({"pictures": told})
    assert store.manifest.pictures.unknown == found
    again = change_pictures(store.path, lambda old: added(old, members(("c", "", 9, 9), first=9)), "test")
    assert IndexStore.open(again.path).manifest.pictures.unknown.distance == 3


def test_an_index_of_tiles_has_no_members(tmp_path, built):
    with pytest.raises(InputError, match="already"):
        build_pictures(built.path, START, about())
    assert build_pictures(built.path, START.take([0]), about(), again=True).manifest.version == 2
    with pytest.raises(InputError, match="no index at"):
        change_pictures(tmp_path / "none", lambda old: old, "test")
    assert not (tmp_path / "none").exists()


def test_a_picture_that_means_nothing_is_counted(tmp_path):
    blank = Descriptors.concatenate([START, members(("a", "", 0, 0), first=9)])
    store = build_pictures(tmp_path / "m", blank, about())
    assert store.manifest.counts.failed == 1
    assert vectors(store)["a"] == [[2, 1]]


def test_a_damaged_member_is_found(built):
    ref = built.manifest.pictures.members[0]
    path = Path(built.path / ref.file)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert len(built.verify().problems) == 1
    json.dumps(built.info())
