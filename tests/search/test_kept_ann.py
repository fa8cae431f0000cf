"""Files of codes beside an index: checked, made again at will, swept, never needed for a right answer."""

from __future__ import annotations

import json
import os
import time

import faiss
import numpy as np
import pytest

from georetrieval.errors import BusyError, StoreError
from georetrieval.search import kept_ann
from georetrieval.search.ann import FaissIndex
from georetrieval.search.changing import Choice, remove_rows
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.exchange import export_parquet
from georetrieval.search.flat import FlatIndex
from georetrieval.search.gallery import Gallery
from georetrieval.search.store import IndexStore
from tests.made.campaign import size
from tests.made.clouds import cloud
from tests.search.conftest import make_part

KIND = "PQ2x4fs,RFlat"


@pytest.fixture
def store(tmp_path, about) -> IndexStore:
    rows, attributes = make_part(1200)
    rows = Descriptors(cloud(1200, 8, 300, 0.3), rows.keys, rows.names, rows.scopes, "cosine")
    return IndexStore.build(tmp_path / "town", [(rows, attributes)], about)


def tuned(store: IndexStore, kind: str = KIND) -> None:
    kept_ann.tune(store.path, store.name, store.manifest, store.load()[0], asked=kind, recall=0.9)


def files_of(store: IndexStore) -> dict[str, os.PathLike[str]]:
    return {path.suffix: path for path in (store.path / "ann").iterdir()}


def answers(store: IndexStore):
    """Rows and scores of 40 queries, the index, the note."""
    rows, table = store.load()
    index, note = kept_ann.kept_index(store.path, store.manifest, rows)
    found = Gallery.of(rows, attributes=table, index=index).search(rows.take(np.arange(0, 1200, 30)), 3)
    return found.rows.tolist(), found.scores.tolist(), index, note


def test_what_was_chosen_is_kept_and_read_again(store):
    assert store.info()["search"] == "exact"
    tuned(store)
    record = kept_ann.read_record(store.path, store.manifest)
    assert record is not None
    assert (record.factory, record.asked, record.tiles, record.queries) == (KIND, KIND, 1200, 1200)
    assert [trial.factory for trial in record.measured] == ["exact", KIND]
    path = files_of(store)[".faiss"]
    assert path.stem == record.codes.sha256
    rows, _, index, note = answers(store)
    assert isinstance(index, FaissIndex)
    assert (index.plan, note) == (record.plan, "")
    assert [line[0] for line in rows] == list(range(0, 1200, 30))
    told = IndexStore.open(store.path).info()["search"]
    assert told["factory"] == KIND
    assert told["measured"][1]["recall"] >= 0.9
    assert store.verify().problems == store.verify().leftovers == store.verify().derived == ()
    name = store.name
    assert IndexStore.open(store.path).name == name  # no new version


def damages(data: bytes) -> list[bytes]:
    random = np.random.default_rng(3)
    flipped = []
    for place in random.integers(0, len(data), size(6, 200, ci=40)):
        changed = bytearray(data)
        changed[place] ^= 1 << int(random.integers(0, 8))
        flipped.append(bytes(changed))
    return [b"", data[: len(data) // 2], data[:-1], data + b"\0", bytes(len(data)), *flipped]


@pytest.mark.parametrize("suffix", [".faiss", ".json"])
def test_damaged_files_are_as_if_they_were_not_there(store, suffix):
    """None of the mutated files is answered from: either it says the same, or all rows are compared."""
    exact = answers(store)[:2]
    tuned(store)
    path = files_of(store)[suffix]
    whole = path.read_bytes()
    for data in damages(whole):
        path.write_bytes(data)
        if suffix == ".json" and _same_json(data, whole):
            continue
        *found, index, note = answers(store)
        assert isinstance(index, FlatIndex)
        assert "damaged" in note
        assert tuple(found) == exact
        check = store.verify()
        assert check.problems == ()
        assert len(check.derived) == 1
    path.unlink()
    assert isinstance(answers(store)[2], FlatIndex)
    tuned(store)
    assert isinstance(answers(store)[2], FaissIndex)
    assert files_of(store)[suffix].read_bytes() == whole or suffix == ".json"


def _same_json(data: bytes, whole: bytes) -> bool:
    try:
        return json.loads(data) == json.loads(whole)
    except ValueError:
        return False


def test_codes_that_have_their_hash_but_are_not_of_these_rows_are_refused(store):
    """Someone wrote another index, or one that asks for too much memory, and its hash into the record."""
    tuned(store)
    record, paths = kept_ann.read_record(store.path, store.manifest), files_of(store)
    other = faiss.IndexFlatIP(8)
    other.add(cloud(5, 8, 5, 1))
    honest = faiss.serialize_index(other)
    huge = honest.copy()
    huge[np.flatnonzero(honest == 40)[0]:][:8] = np.frombuffer(np.int64(1 << 38).tobytes(), np.uint8)
    for data in (honest.tobytes(), huge.tobytes(), b"IxFI" + bytes(60)):
        codes = kept_ann.Codes(sha256=kept_ann.sha256(data), bytes=len(data))
        value = record.model_copy(update={"codes": codes}).model_dump(mode="json")
        (store.path / codes.file).write_bytes(data)
        paths[".json"].write_text(json.dumps(value | {"sha256": kept_ann.files.digest(value)}))
        assert kept_ann.read_record(store.path, store.manifest) is not None
        *_, index, note = answers(store)
        assert isinstance(index, FlatIndex)
        assert "cannot be read" in note or "not an index of these rows" in note


def test_another_faiss_makes_it_again(store, monkeypatch):
    tuned(store)
    monkeypatch.setattr(faiss, "__version__", "9.9.9")
    assert kept_ann.read_record(store.path, store.manifest) is None
    *_, index, note = answers(store)
    assert isinstance(index, FlatIndex)
    assert "another version" in note


def test_a_new_version_is_measured_again_as_it_was_asked_for(store):
    tuned(store)
    newer, _ = remove_rows(store.path, Choice(tile_ids=(store.load()[0].names[5],)))
    rows = newer.load()[0]
    assert kept_ann.kept_index(newer.path, newer.manifest, rows)[1] == ""
    assert isinstance(kept_ann.kept_index(newer.path, newer.manifest, rows)[0], FlatIndex)  # never the old codes
    choice = kept_ann.retune(newer.path, newer.name, newer.manifest, lambda: rows)
    assert choice is not None
    assert (choice.asked, choice.plan.factory) == (KIND, KIND)
    assert isinstance(kept_ann.kept_index(newer.path, newer.manifest, rows)[0], FaissIndex)
    with pytest.raises(BusyError, match="measure it again"):
        tuned(store)


def test_few_rows_need_no_file(store):
    tuned(store, "auto")
    assert not (store.path / "ann").exists()
    assert kept_ann.retune(store.path, store.name, store.manifest, lambda: 1 / 0) is None
    tuned(store, "exact")
    assert kept_ann.read_record(store.path, store.manifest).codes is None
    tuned(store, "auto")
    assert list((store.path / "ann").iterdir()) == []


def test_files_that_no_kept_version_names_are_swept(store, about):
    tuned(store)
    paths = list(files_of(store).values())
    stray = store.path / "ann" / f"{'0' * 64}.faiss"
    stray.write_bytes(b"x")
    assert store.verify().leftovers == (f"ann/{stray.name}",)
    os.utime(stray, (time.time() - 4000,) * 2)
    for path in paths:
        os.utime(path, (time.time() - 4000,) * 2)
    remove_rows(store.path, Choice(tile_ids=(store.load()[0].names[5],)))
    assert not stray.exists()
    assert all(path.exists() for path in paths)  # the version before is kept
    for seed in (3, 4, 5):
        newer = IndexStore.build(store.path, [make_part(30, seed=seed)], about, replace=True)
        for manifest in (store.path / "manifests").iterdir():
            os.utime(manifest, (time.time() - 4000,) * 2)
    newer.sweep()
    assert not any(path.exists() for path in paths)


def test_codes_are_never_exported(store, tmp_path):
    export_parquet(store, tmp_path / "without.parquet")
    tuned(store)
    export_parquet(store, tmp_path / "with.parquet")
    assert (tmp_path / "with.parquet").read_bytes() == (tmp_path / "without.parquet").read_bytes()


def test_a_lost_file_of_codes_is_an_error_that_says_which(store):
    tuned(store)
    record = kept_ann.read_record(store.path, store.manifest)
    files_of(store)[".faiss"].unlink()
    with pytest.raises(StoreError, match=record.codes.sha256):
        kept_ann.loaded(store.path, record, store.manifest)
