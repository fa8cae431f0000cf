import json
import os
import time
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from georetrieval import files
from georetrieval.errors import BusyError, InputError, MismatchError, StoreError
from georetrieval.search import segments
from georetrieval.search.confidence import FEATURES, Calibration
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.manifest import SegmentRef, manifest_name, sha256
from georetrieval.search.store import IndexStore, list_indexes


@pytest.fixture
def built(tmp_path, part, about):
    return IndexStore.build(tmp_path / "town", [part(), part(scope="54", seed=2)], about)


def contents(path):
    """Everything that a reader gets from an index."""
    store = IndexStore.open(path)
    rows, table = store.load()
    return store.manifest, rows.vectors.tobytes(), rows.names.tolist(), rows.keys.tolist(), table


def test_what_was_written_is_read(built, part):
    rows, table = IndexStore.open(built.path).load()
    wanted, attributes = part()
    assert (rows.vectors[:40] == wanted.vectors).all()
    assert rows.names.tolist() == wanted.names.tolist() + part(scope="54", seed=2)[0].names.tolist()
    assert rows.scopes.tolist() == ["57"] * 40 + ["54"] * 40
    assert table.column("xmax").to_pylist()[:40] == attributes.column("xmax").to_pylist()
    assert set(table.column("date").to_pylist()) == {"2004"}
    assert sorted(p.name for p in built.path.iterdir()) == [".lock", "CURRENT", "manifests", "segments"]
    assert built.manifest.counts.model_dump() == {"tiles": 80, "blank": 3, "failed": 0}
    assert built.info()["tiles"] == 80
    check = built.verify()
    assert (check.rows, check.segments, check.problems, check.leftovers) == (80, 2, (), ())


def test_names_carry_the_hash_of_their_bytes(built):
    for path in (built.path / "segments").iterdir():
        assert path.stem == files.sha256_file(path)
    (manifest,) = (built.path / "manifests").iterdir()
    assert manifest.stem == f"00000001-{files.sha256_file(manifest)}"


def test_the_same_rows_give_the_same_files(built, tmp_path, part, about):
    again = IndexStore.build(tmp_path / "again", [part(), part(scope="54", seed=2)], about)
    assert again.name == built.name
    assert contents(again.path)[0] == built.manifest


def test_many_rows_become_several_segments_in_order(tmp_path, part, about, monkeypatch):
    monkeypatch.setattr(segments, "SEGMENT_ROWS", 7)
    store = IndexStore.build(tmp_path / "i", [part()], about)
    assert [s.rows for s in store.manifest.segments] == [7, 7, 7, 7, 7, 5]
    assert store.load()[0].names.tolist() == part()[0].names.tolist()
    assert store.gallery().search(part()[0], 1).rows[:, 0].tolist() == list(range(40))


def test_rows_that_mean_nothing_are_left_out_and_counted(tmp_path, part, about):
    rows, attributes = part()
    vectors = rows.vectors.copy()
    vectors[3], vectors[5], vectors[7, 0] = 0, np.nan, np.inf
    store = IndexStore.build(tmp_path / "i", [(Descriptors(
        vectors, rows.keys, rows.names, rows.scopes, "cosine"), attributes)], about)
    assert store.manifest.counts.model_dump() == {"tiles": 37, "blank": 3, "failed": 3}
    kept, table = store.load()
    assert kept.names.tolist() == [n for i, n in enumerate(rows.names) if i not in (3, 5, 7)]
    assert table.column("xmin").to_pylist() == [i * 100.0 for i in range(40) if i not in (3, 5, 7)]
    vectors[:] = 0
    with pytest.raises(InputError, match="nothing to index"):
        IndexStore.build(tmp_path / "j", [(Descriptors(
            vectors, rows.keys, rows.names, rows.scopes, "cosine"), attributes)], about)
    with pytest.raises(InputError, match="not an index"):
        IndexStore.open(tmp_path / "j")


def test_a_second_build_needs_replace_and_publishes_a_new_version(built, part, about):
    with pytest.raises(InputError, match="already"):
        IndexStore.build(built.path, [part(seed=9)], about)
    newer = IndexStore.build(built.path, [part(seed=9)], about, replace=True)
    assert (newer.manifest.version, newer.manifest.parent) == (2, built.name)
    assert IndexStore.open(built.path).manifest == newer.manifest
    assert (built.load()[0].vectors[:40] == part()[0].vectors).all()  # a reader of the old version still reads it


def aged(store, *more):
    """As if this version, and these files, had been written more than an hour ago."""
    for path in (store.path / store.name, *(store.path / ref.file for ref in store.manifest.files), *more):
        os.utime(path, (time.time() - 4000,) * 2)


def test_old_versions_are_swept_only_after_three_versions_and_an_hour(built, part, about):
    newer = [IndexStore.build(built.path, [part(seed=seed)], about, replace=True) for seed in (5, 6, 7)]
    assert len(list((built.path / "segments").iterdir())) == 5
    stray = built.path / "segments" / f"{files.TEMPORARY_PREFIX}x.parquet"
    stray.write_bytes(b"half")
    aged(built, stray)
    IndexStore.build(built.path, [part(seed=8)], about, replace=True)
    assert not stray.exists()
    assert len(built.load()[0]) == 80  # it was replaced less than an hour ago: somebody may be reading it
    aged(newer[0])
    last = IndexStore.build(built.path, [part(seed=9)], about, replace=True)
    assert not (built.path / built.name).exists()
    assert len(list((built.path / "segments").iterdir())) == 5  # the young ones stay
    assert len(newer[0].load()[0]) == 40
    assert last.verify().problems == ()


def test_one_of_the_last_three_versions_stays_whatever_its_age(built, part, about):
    second = IndexStore.build(built.path, [part(seed=5)], about, replace=True)
    for store in (built, second):
        aged(store)
    third = IndexStore.build(built.path, [part(seed=6)], about, replace=True)
    aged(third)
    assert len(built.load()[0]) == 80
    IndexStore.build(built.path, [part(seed=7)], about, replace=True)
    with pytest.raises(StoreError, match="not there"):
        built.load()
    assert len(second.load()[0]) == 40


def test_a_reader_whose_version_was_swept_reads_the_current_one(built, part, about):
    last = IndexStore.build(built.path, [part(seed=5)], about, replace=True)
    (built.path / built.manifest.segments[1].file).unlink()
    store, (rows, _) = built.load_current()
    assert (store.name, rows.names.tolist()) == (last.name, part(seed=5)[0].names.tolist())
    assert built.gallery().search(part(seed=5)[0], 1).scores[:, 0] == pytest.approx(1)
    (last.path / last.manifest.segments[0].file).unlink()
    with pytest.raises(StoreError, match="not there"):  # nothing newer: it is lost
        built.load_current()
    IndexStore.build(built.path, [part(seed=5)], replace(about, fingerprint={"px": 9}), replace=True)
    with pytest.raises(MismatchError, match="another model"):
        built.load_current()


def test_a_reader_gives_up_after_three_tries(built, part, about, monkeypatch):
    opened = []

    def vanishing(self):
        opened.append(self.manifest.version)
        IndexStore.build(built.path, [part(seed=50 + len(opened))], about, replace=True)
        raise segments.VanishedError("gone")

    monkeypatch.setattr(IndexStore, "load", vanishing)
    with pytest.raises(StoreError, match="gone"):
        built.load_current()
    assert opened == [1, 2, 3]


@pytest.mark.parametrize("name", ["", "a b", "../x", "-x", "é", "x" * 65])
def test_a_tile_id_that_is_none_is_refused(tmp_path, part, about, name):
    rows, attributes = part(1)
    bad = Descriptors(rows.vectors, rows.keys, [name], rows.scopes, "cosine")
    with pytest.raises(InputError, match="cannot be a tile id"):
        IndexStore.build(tmp_path / "i", [(bad, attributes)], about)


def test_a_tile_that_comes_twice_is_refused(tmp_path, part, about):
    with pytest.raises(InputError, match="comes twice"):
        IndexStore.build(tmp_path / "i", [part(), part(seed=3)], about)
    rows, attributes = part(2)
    same = Descriptors(rows.vectors, rows.keys, ["a", "a"], rows.scopes, "cosine")
    with pytest.raises(InputError, match="comes twice"):
        IndexStore.build(tmp_path / "i", [(same, attributes)], about)


def test_guard_4_5_another_model_legend_or_preprocessing_is_named(built):
    built.require({"architecture": "hog", "bands": ["r", "g", "b"], "px": 128})
    with pytest.raises(MismatchError, match="px is 128 in the index and 256 in the model") as error:
        built.require({"architecture": "hog", "bands": ("r", "g", "b"), "px": 256})
    assert error.value.exit_code == 4
    assert "architecture" not in str(error.value)


def test_guard_14_a_second_writer_is_refused_at_once(built, part, about):
    with files.locked(built.path / ".lock"), pytest.raises(BusyError, match="another process"):
        IndexStore.build(built.path, [part()], about, replace=True)


def test_guard_15_a_full_disk_leaves_the_old_version(built, part, about, monkeypatch):
    before = contents(built.path)
    monkeypatch.setattr(files, "free_bytes", lambda _: 1000)
    with pytest.raises(BusyError, match="full") as error:
        IndexStore.build(built.path, [part(seed=4)], about, replace=True)
    assert error.value.exit_code == 75
    assert contents(built.path) == before


def test_missing_and_foreign_folders_are_one_sentence(tmp_path, built):
    with pytest.raises(InputError, match="no index at"):
        IndexStore.open(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="not an index"):
        IndexStore.open(tmp_path / "empty")
    (built.path / "CURRENT").unlink()
    with pytest.raises(StoreError, match="no CURRENT"):
        IndexStore.open(built.path)


def test_list_names_the_damaged_one(built, tmp_path, part, about):
    IndexStore.build(tmp_path / "b", [part()], about)
    (built.path / "CURRENT").write_bytes(b"{}")
    good, bad = list_indexes(tmp_path)
    assert (good["name"], good["tiles"], good["dates"], good["problem"]) == ("b", 40, ["2004"], None)
    assert bad["name"] == "town"
    assert "damaged" in bad["problem"]


def test_verify_names_every_damaged_segment_and_the_leftovers(built):
    (built.path / "segments" / "stray.parquet").write_bytes(b"x")
    for ref in built.manifest.segments:
        (built.path / ref.file).write_bytes(b"y" * ref.bytes)
    check = built.verify()
    assert len(check.problems) == 2
    assert check.leftovers == ("segments/stray.parquet",)


def test_swapped_and_deleted_files_are_damage(built):
    first, second = (built.path / ref.file for ref in built.manifest.segments)
    data = first.read_bytes()
    first.write_bytes(second.read_bytes())
    with pytest.raises(StoreError, match="damaged"):
        built.load()
    first.unlink()
    with pytest.raises(StoreError, match="not there"):
        built.load()
    first.symlink_to(second)
    with pytest.raises(StoreError, match="regular file"):
        built.load()
    first.unlink()
    first.write_bytes(data)
    built.load()
    (built.path / built.name).unlink()
    with pytest.raises(StoreError, match="not there"):
        IndexStore.open(built.path)


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """One accident: a flipped bit, a truncation, zeroed bytes, a special value."""
    kind, at = rng.integers(0, 4), int(rng.integers(0, len(data)))
    if kind == 0:
        return data[:at] + bytes([data[at] ^ (1 << int(rng.integers(0, 8)))]) + data[at + 1:]
    if kind == 1:
        return data[:at]
    width = 64 if kind == 2 else 4
    filling = b"\0" if kind == 2 else b"\xff"
    return (data[:at] + filling * width + data[at + width:])[:max(len(data), at + width)]


@pytest.mark.parametrize("what", ["CURRENT", "manifest", "segment"])
def test_r4_mutated_files_are_one_sentence_or_the_same_answer(built, what):
    """RELIABILITY R4: 0 silently wrong, 0 other exceptions. Seed 20240."""
    path = built.path / {"CURRENT": "CURRENT", "manifest": built.name,
                         "segment": built.manifest.segments[0].file}[what]
    whole, before, rng, caught = path.read_bytes(), contents(built.path), np.random.default_rng(20240), 0
    for _ in range(700):
        mutated = damaged(whole, rng)
        path.write_bytes(mutated)
        try:
            assert contents(built.path) == before
        except StoreError as error:
            caught += "\n" not in str(error)
    assert caught > 600
    path.write_bytes(whole)
    assert contents(built.path) == before


def forged(store, table, rows=None, **changes):
    """An index whose checksums are right and whose content is hostile."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, write_page_checksum=True)
    data = bytes(sink.getvalue())
    ref = SegmentRef(sha256=sha256(data), bytes=len(data), rows=table.num_rows if rows is None else rows)
    files.publish(store.path / ref.file, data)
    manifest = store.manifest.model_copy(update={
        "segments": [ref], "counts": store.manifest.counts.model_copy(update={"tiles": ref.rows}), **changes})
    files.publish(store.path / manifest_name(manifest), manifest.encoded())
    files.publish_json(store.path / "CURRENT", {"manifest": manifest_name(manifest)})
    return store.path


def test_guard_20_hostile_parquet_is_refused(built, part):
    table = segments.table_of(*part())
    with pytest.raises(StoreError, match="declares 40 rows, the manifest 41"):
        IndexStore.open(forged(built, table, rows=41)).load()
    with pytest.raises(StoreError, match="other columns"):
        IndexStore.open(forged(built, table.drop_columns(["key"]))).load()
    with pytest.raises(StoreError, match="other columns"):
        IndexStore.open(forged(built, table, dim=16, canaries=[])).load()
    nothing = table.slice(0, 0).schema
    bomb = pa.table({f.name: pa.array(["x" * 100_000] * 2000) if f.name == "key" else pa.array(
        table.column(f.name).to_pylist() * 50, f.type) for f in nothing}, schema=nothing)
    with pytest.raises(StoreError, match="100000 bytes"):
        IndexStore.open(forged(built, bomb)).load()


def test_guard_20_rows_times_width_are_capped_before_reading(built, monkeypatch):
    monkeypatch.setattr(segments, "READ_CAP", 10_000)
    with pytest.raises(StoreError, match="at most"):
        built.load()


def test_a_forged_manifest_is_one_sentence(built):
    for changes in ({"version": 0}, {"space": "taxicab"}, {"dim": 0}, {"format": "georetrieval-index-9"},
                    {"fingerprint": {"px": 7}}, {"surprise": 1}, {"sources": [{"overlap": "x"}]},
                    {"sources": [{"zooms": [None]}]}, {"sources": [{"scope": ["57"], "date": "2004"}]}):
        value = built.manifest.model_dump(mode="json") | changes
        data = files.canonical_json(value)
        name = f"manifests/00000001-{sha256(data)}.json"
        files.publish(built.path / name, data)
        files.publish_json(built.path / "CURRENT", {"manifest": name})
        with pytest.raises(StoreError):
            IndexStore.open(built.path)
    for text in ("[]", '{"manifest": "../../etc/passwd"}', '{"manifest": 3}', "[" * 4000, '"x"', "é", ""):
        (built.path / "CURRENT").write_text(text)
        with pytest.raises(StoreError, match="does not name a manifest"):
            IndexStore.open(built.path)


def test_the_manifest_says_what_design_asks(built):
    value = json.loads((built.path / built.name).read_bytes())
    assert {"format", "version", "parent", "package", "dim", "space", "crs", "cell_m", "fingerprint",
            "fingerprint_digest", "legend_digest", "segments", "counts", "sources", "created_by", "tombstones",
            "canaries"} <= value.keys()


def calibration_of(store):
    return Calibration(FEATURES, (0.0,) * 4, (1.0,) * 4, (0.5,) * 4, -1.0, 40, 0.5, "57", ("2019", "2004"), 0.02,
                       store.manifest.fingerprint_digest, 80)


def test_a_calibration_is_a_new_version_of_the_same_rows(built, part, about):
    assert "calibration" not in json.loads((built.path / built.name).read_text()), "older readers refuse unknown fields"
    assert built.info()["calibration"] is None
    store = built.calibrated(calibration_of(built))
    again = IndexStore.open(built.path)
    assert (again.manifest.version, again.manifest.parent) == (2, built.name)
    assert again.manifest.calibration == store.manifest.calibration == calibration_of(built)
    assert again.manifest.segments == built.manifest.segments
    assert again.info()["calibration"]["weights"] == (0.5,) * 4
    assert again.verify().problems == ()
    newer = IndexStore.build(built.path, [part(seed=9)], about, replace=True)
    assert newer.manifest.calibration is None, "other rows have to be measured again"


def test_a_calibration_of_another_version_or_model_is_refused(built):
    built.calibrated(calibration_of(built))
    with pytest.raises(BusyError, match="changed while"):
        built.calibrated(calibration_of(built))
    stranger = replace(calibration_of(built), fingerprint="b" * 64)
    with pytest.raises(ValueError, match="another model"):
        IndexStore.open(built.path).calibrated(stranger)
    assert IndexStore.open(built.path).manifest.version == 2


def test_a_damaged_calibration_is_a_damaged_index(built):
    value = json.loads((built.path / built.calibrated(calibration_of(built)).name).read_text())
    value["calibration"]["weights"] = [1.0]
    data = files.canonical_json(value)
    name = f"manifests/00000002-{sha256(data)}.json"
    (built.path / name).write_bytes(data)
    files.publish_json(built.path / "CURRENT", {"manifest": name})
    with pytest.raises(StoreError, match="not a manifest that this version"):
        IndexStore.open(built.path)
