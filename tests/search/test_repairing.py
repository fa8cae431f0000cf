import os
from dataclasses import replace

import numpy as np
import pytest

from georetrieval import files
from georetrieval.errors import BusyError, InputError, StoreError
from georetrieval.search.building import About
from georetrieval.search.checking import verify
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.manifest import Pictures
from georetrieval.search.picture_rows import build_pictures
from georetrieval.search.repairing import repair
from georetrieval.search.store import IndexStore


@pytest.fixture
def built(tmp_path, part, about):
    """Version 1: 80 rows in two segments. Version 2: 60 rows in three, one of which both have."""
    store = IndexStore.build(tmp_path / "town", [part(), part(scope="54", seed=2)], about)
    IndexStore.build(store.path, [part(), part(10, scope="55", seed=3), part(10, scope="56", seed=4)], about,
                     replace=True)
    return store


def newest(built):
    return IndexStore.open(built.path)


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_a_whole_index_is_left_alone(built):
    before = {path: path.read_bytes() for path in built.path.rglob("*") if path.is_file()}
    done = repair(built.path)
    assert (done.version, done.rows, done.version_before, done.rows_before) == (2, 60, 2, 60)
    assert (done.problems, done.aside, done.lost) == ((), (), False)
    assert {path: path.read_bytes() for path in built.path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("damage", ["gone", "empty", "half", "of nowhere"])
def test_a_lost_pointer_is_found_again(built, damage):
    current, wanted = built.path / "CURRENT", newest(built)
    if damage == "gone":
        current.unlink()
    else:
        current.write_text({"empty": "", "half": current.read_text()[:40],
                            "of nowhere": '{"manifest": "manifests/00000001-%s.json"}' % ("0" * 64)}[damage])
    check = verify(built.path)
    assert check.problems
    with pytest.raises(StoreError):
        IndexStore.open(built.path)
    done = repair(built.path)
    assert (done.version, done.rows, done.lost, done.aside) == (2, 60, False, ())
    assert done.problems
    assert newest(built) == wanted
    assert verify(built.path).problems == ()


def test_a_damaged_manifest_is_set_aside_and_the_version_before_comes_back(built):
    broken = newest(built)
    flip(built.path / broken.name)
    tried = repair(built.path, dry_run=True)
    assert not (built.path / "damaged").exists()
    done = repair(built.path)
    assert done == tried
    assert (done.version, done.rows, done.version_before, done.rows_before) == (1, 80, 2, None)
    assert (done.lost, done.aside) == (True, (broken.name,))
    assert newest(built).name == built.name
    assert verify(built.path).problems == ()
    assert [path.name for path in (built.path / "damaged").iterdir()] == [broken.name.removeprefix("manifests/")]


def test_a_damaged_segment_takes_its_version_with_it_and_is_told(built, part, about):
    broken = newest(built)
    only_here = broken.manifest.segments[1]
    flip(built.path / only_here.file)
    check = verify(built.path)
    assert (check.version, check.rows, len(check.problems)) == (2, 50, 1)
    assert only_here.file in check.problems[0]
    done = repair(built.path)
    assert (done.version, done.rows, done.rows_before, done.lost) == (1, 80, 60, True)
    assert done.aside == (only_here.file, broken.name)
    assert (newest(built).load()[0].vectors == built.load()[0].vectors).all()
    again = IndexStore.build(built.path, [part()], about, replace=True)
    assert (again.manifest.version, again.manifest.parent) == (2, built.name)
    assert verify(built.path).problems == ()


def test_a_repair_that_was_killed_sets_the_same_files_aside(built, monkeypatch):
    """Killed between two of them: the segment is still found, though no version has to name it any longer."""
    broken = newest(built)
    flip(built.path / broken.manifest.segments[1].file)
    with monkeypatch.context() as killed:
        killed.setattr(files, "set_aside", lambda some, to, real=files.set_aside: real(some[:1], to))
        repair(built.path)
    repair(built.path)
    names = {path.name for path in (built.path / "damaged").iterdir()}
    assert names == {f"{broken.manifest.segments[1].sha256}.parquet", broken.name.removeprefix("manifests/")}
    assert verify(built.path).problems == ()


def test_what_is_left_of_a_version_can_be_salvaged(built, part):
    broken = newest(built)
    lost = broken.manifest.segments[1]
    (built.path / lost.file).unlink()
    done = repair(built.path, salvage=True)
    assert (done.version, done.rows, done.version_before, done.rows_before) == (3, 50, 2, 60)
    assert (done.salvaged, done.lost) == (True, True)
    rows, _ = newest(built).load()
    wanted = [*part()[0].names.tolist(), *part(10, scope="56", seed=4)[0].names.tolist()]
    assert rows.names.tolist() == wanted
    assert (rows.vectors == np.concatenate([part()[0].vectors, part(10, scope="56", seed=4)[0].vectors])).all()
    assert verify(built.path).problems == ()


def test_removed_rows_stay_removed_when_the_rest_is_salvaged(built, part):
    store = newest(built)
    gone = sorted([part()[0].names[3], part(10, scope="55", seed=3)[0].names[4]])
    counts = store.manifest.counts.model_copy(update={"tiles": 58})
    store.with_changes({"tombstones": gone, "counts": counts})
    flip(built.path / store.manifest.segments[1].file)
    done = repair(built.path, salvage=True)
    assert (done.rows, done.rows_before) == (49, 58)
    assert newest(built).manifest.tombstones == [part()[0].names[3]]
    assert not set(gone) & set(newest(built).load()[0].names.tolist())


def test_the_version_written_last_is_the_newest_of_one_number(built, part, about):
    """A writer killed before CURRENT leaves a manifest; the next one publishes the same number again."""
    current, second = (built.path / "CURRENT").read_bytes(), newest(built)
    left = IndexStore.build(built.path, [part(seed=7)], about, replace=True)
    (built.path / "CURRENT").write_bytes(current)
    right = IndexStore.build(built.path, [part(seed=8)], about, replace=True)
    assert (left.manifest.version, right.manifest.version) == (3, 3)
    os.utime(built.path / left.name, ns=((built.path / right.name).stat().st_mtime_ns - 10**9,) * 2)
    (built.path / "CURRENT").unlink()
    repair(built.path)
    assert newest(built) == right
    assert second.load()


def test_nothing_whole_is_one_sentence_that_says_what_is_left(built):
    shared = newest(built).manifest.segments[0]
    flip(built.path / shared.file)
    with pytest.raises(StoreError, match="1 segments of 40 rows are damaged. Keep its other rows with --salvage"):
        repair(built.path)
    assert not (built.path / "damaged").exists()
    assert repair(built.path, salvage=True).rows == 20
    for path in (built.path / "manifests").iterdir():
        path.write_bytes(b"{}")
    with pytest.raises(StoreError, match="No version of .* is whole"):
        repair(built.path, salvage=True)
    for path in (built.path / "manifests").iterdir():
        path.unlink()
    with pytest.raises(StoreError, match="holds no manifest"):
        repair(built.path)
    assert verify(built.path).version is None


def test_means_of_pictures_are_not_salvaged_without_their_pictures(tmp_path, part):
    rows, _ = part(4)
    members = Descriptors(rows.vectors, list("aabb"), rows.names, [""] * 4, "cosine")
    about = About(model="hog", fingerprint={"px": 1}, pictures=Pictures(rows="mean", role="image", crop=True))
    store = build_pictures(tmp_path / "i", members, about)
    flip(store.path / store.manifest.pictures.members[0].file)
    with pytest.raises(StoreError, match="Build the index again"):
        repair(store.path, salvage=True)


def test_a_lock_and_a_foreign_folder(built, tmp_path):
    (built.path / "CURRENT").unlink()
    with files.locked(built.path / ".lock"), pytest.raises(BusyError, match="another process"):
        repair(built.path)
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(InputError, match="no index at"):
            repair(path)
    with pytest.raises(InputError):
        verify(tmp_path)
    assert not (tmp_path / ".lock").exists()


def test_verify_reads_the_older_versions_too(built):
    """What repair could go back to: version 1 has a segment that version 2 has not."""
    flip(built.path / built.manifest.segments[1].file)
    check = verify(built.path)
    assert (check.version, check.rows, len(check.problems)) == (2, 60, 1)
    assert newest(built).verify().problems == ()
    done = repair(built.path)
    assert (done.version, done.lost, len(done.aside)) == (2, False, 2)
    assert verify(built.path).problems == ()
    assert replace(check, problems=()).rows == 60
