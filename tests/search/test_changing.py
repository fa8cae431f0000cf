from dataclasses import replace

import numpy as np
import pytest

from georetrieval import files
from georetrieval.errors import BusyError, InputError, MismatchError
from georetrieval.search.building import About
from georetrieval.search.changing import Choice, add_rows, remove_rows
from georetrieval.search.compacting import compact
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.manifest import Pictures
from georetrieval.search.picture_rows import build_pictures
from georetrieval.search.store import IndexStore

OURS = {"architecture": "hog", "bands": ("r", "g", "b"), "px": 128}


def source(scope="57", date="2004", blank=0, **more):
    return {"scope": scope, "date": date, "tiles": "/tiles", "blank": blank, **more}


@pytest.fixture
def built(tmp_path, part, about):
    """57 and 54 in 2004, 40 rows each."""
    parts = [part(), part(scope="54", seed=2)]
    return IndexStore.build(tmp_path / "town", parts, replace(about, sources=(source(blank=2), source("54", blank=1))))


def without(rows, known):
    """A part without the rows that are known, as the caller of `add_rows` leaves them out."""
    descriptors, attributes = rows
    fresh = np.array([name not in known for name in descriptors.names.tolist()])
    return [(descriptors.take(fresh), attributes.filter(fresh))] if fresh.any() else []


def add(store, rows, *sources, fingerprint=OURS):
    return add_rows(store.path, lambda known: without(rows, known), fingerprint=fingerprint,
                    sources=sources or (source(date="2019", blank=4),), created_by="me")


def test_a_further_date_comes_after_the_rows_there_are(built, part):
    more = part(30, date="2019", seed=5)
    store, count = add(built, more)
    m = store.manifest
    assert (count, m.version, m.parent, m.created_by) == (30, 2, built.name, "me")
    rows, table = store.load()
    assert rows.names.tolist() == [*built.load()[0].names.tolist(), *more[0].names.tolist()]
    assert (rows.vectors[80:] == more[0].vectors).all()
    assert table.column("date").to_pylist()[79:81] == ["2004", "2019"]
    assert store.manifest.counts.model_dump() == {"tiles": 110, "blank": 3 + 4, "failed": 0}
    assert [s["date"] for s in store.manifest.sources] == ["2004", "2004", "2019"]
    assert store.verify().problems == ()
    assert IndexStore.open(built.path) == store


def test_a_second_time_changes_nothing(built, part):
    more = part(30, date="2019", seed=5)
    store, _ = add(built, more)
    before = {path: path.stat().st_mtime_ns for path in built.path.rglob("*") if path.name != ".lock"}
    assert add(built, more) == (store, 0)
    assert {path: path.stat().st_mtime_ns for path in built.path.rglob("*") if path.name != ".lock"} == before


def test_a_survey_that_grew_brings_only_its_new_tiles_and_its_new_counts(built, part):
    grown = part(45, seed=9)  # the first 40 have the names of those that are there, and other vectors
    store, count = add(built, grown, source(blank=7, digest="new"))
    assert count == 5
    rows, _ = store.load()
    assert (rows.vectors[:40] == part()[0].vectors).all()
    assert (rows.vectors[80:] == grown[0].vectors[40:]).all()
    assert store.manifest.counts.blank == 3 - 2 + 7
    assert [s.get("digest") for s in store.manifest.sources] == ["new", None]


def test_rows_that_mean_nothing_are_counted_once(built, part):
    rows, attributes = part(10, date="2019", seed=5)
    vectors = rows.vectors.copy()
    vectors[2:5] = 0
    bad = Descriptors(vectors, rows.keys, rows.names, rows.scopes, "cosine"), attributes
    store, count = add(built, bad)
    assert (count, store.manifest.counts.failed) == (7, 3)
    assert store.manifest.sources[-1]["failed"] == 3
    assert add(built, bad) == (store, 0)


def test_another_eye_is_refused_and_nothing_changes(built, part):
    with pytest.raises(MismatchError, match="px is 128 in the index and 256 in the model") as error:
        add(built, part(date="2019"), fingerprint=OURS | {"px": 256})
    assert error.value.exit_code == 4
    with pytest.raises(InputError, match="one length"):
        add(built, part(date="2019", dim=9))
    assert IndexStore.open(built.path) == built


def test_removed_rows_are_never_an_answer_and_come_back_when_added(built, part):
    rows = part()[0]
    gone = (str(rows.names[3]), str(rows.names[20]))
    store, count = remove_rows(built.path, Choice(tile_ids=gone), created_by="me")
    assert (count, store.manifest.counts.tiles, store.manifest.tombstones) == (2, 78, sorted(gone))
    assert store.manifest.segments == built.manifest.segments  # nothing is written again
    kept, table = store.load()
    assert set(built.load()[0].names.tolist()) - set(kept.names.tolist()) == set(gone)
    assert table.num_rows == len(kept) == 78
    first = store.gallery().search(rows.take([3, 20, 5]), 1)
    assert [name in gone for name in first.gallery_names[first.rows[:, 0]]] == [False] * 3
    assert store.verify().problems == ()
    back, count = add(store, part(seed=9), source(blank=2))  # the same places, looked at again
    assert (count, back.manifest.tombstones, back.manifest.counts.tiles) == (2, [], 80)
    found, _ = back.load()
    place = found.names.tolist().index(gone[0])
    assert (found.vectors[place] == part(seed=9)[0].vectors[3]).all()
    assert back.verify().problems == ()
    assert (back.manifest.segments[1], len(back.manifest.segments)) == (built.manifest.segments[1], 3)


def test_a_whole_survey_goes_with_its_segment_and_its_source(built):
    store, count = remove_rows(built.path, Choice(scopes=("54",), dates=("2004",)))
    assert (count, store.manifest.tombstones) == (40, [])
    assert store.manifest.segments == built.manifest.segments[:1]
    assert store.manifest.counts.model_dump() == {"tiles": 40, "blank": 2, "failed": 0}
    assert [s["scope"] for s in store.manifest.sources] == ["57"]


def test_the_last_rows_of_a_segment_take_their_tombstones_along(built, part):
    names = part()[0].names.tolist()
    remove_rows(built.path, Choice(tile_ids=tuple(names[:39])))
    store, _ = remove_rows(built.path, Choice(tile_ids=(names[39],)))
    assert (store.manifest.tombstones, store.manifest.segments) == ([], built.manifest.segments[1:])
    assert store.verify().problems == ()


def test_conditions_hold_together_and_a_key_is_a_place(built, part):
    add(built, part(40, date="2019", seed=5))
    key = str(part()[0].keys[7])
    store, count = remove_rows(built.path, Choice(keys=(key,)))
    assert (count, len(store.manifest.tombstones)) == (2, 2)  # 57 in 2004 and 2019
    _, count = remove_rows(built.path, Choice(scopes=("57",), dates=("2019",)))
    assert count == 39


@pytest.mark.parametrize(("choice", "told"), [
    (Choice(tile_ids=("nobody",)), "no row of tile_id 'nobody'"),
    (Choice(dates=("1950",)), "no row of date '1950'; it holds 2004"),
    (Choice(scopes=("57", "58")), "no row of scope '58'; it holds 54, 57"),
    (Choice(tile_ids=("57-2004-E0000003N0000000-100",), scopes=("54",)), "No row .* together"),
    (Choice(dates=("2004",)), "Nothing would be left"),
])
def test_what_cannot_be_removed_is_one_sentence(built, choice, told):
    with pytest.raises(InputError, match=told):
        remove_rows(built.path, choice)
    assert IndexStore.open(built.path) == built


def test_a_removed_row_cannot_be_removed_again(built, part):
    name = str(part()[0].names[3])
    remove_rows(built.path, Choice(tile_ids=(name,)))
    with pytest.raises(InputError, match="Nothing was removed"):
        remove_rows(built.path, Choice(tile_ids=(name,)))


def test_add_remove_compact_is_a_build_of_what_is_left(built, tmp_path, part, about):
    add(built, part(30, date="2019", seed=5))
    gone = tuple(part(30, date="2019", seed=5)[0].names[::3].tolist())
    store, _ = remove_rows(built.path, Choice(tile_ids=gone))
    after = compact(built.path)[1]
    again = IndexStore.build(tmp_path / "again", [store.load()], about)
    assert after.manifest.segments == again.manifest.segments
    assert after.manifest.counts.tiles == 100


def test_locks_and_pictures(built, tmp_path, part):
    with files.locked(built.path / ".lock"):
        with pytest.raises(BusyError, match="another process"):
            add(built, part(date="2019"))
        with pytest.raises(BusyError, match="another process"):
            remove_rows(built.path, Choice(scopes=("54",)))
    rows, _ = part(4)
    made = build_pictures(tmp_path / "i", rows, About(
        model="hog", fingerprint=OURS, pictures=Pictures(rows="each", role="image", crop=True)))
    with pytest.raises(InputError, match="an index of pictures"):
        add(made, part(date="2019"))
    with pytest.raises(InputError, match="an index of pictures"):
        remove_rows(made.path, Choice(scopes=("57",)))


def test_counts_of_an_index_that_does_not_say_what_its_sources_left_out(tmp_path, part, about):
    """Built before: the source has no count of blank tiles; 3 are counted for all, and stay so."""
    old = {"scope": "57", "date": "2004", "tiles": "/tiles"}
    store = IndexStore.build(tmp_path / "i", [part()], replace(about, sources=(old,)))
    store = store.with_changes({"sources": [old]})
    store, count = add(store, part(45), source(blank=3))
    assert (count, store.manifest.counts.blank) == (5, 3)
