import json
from dataclasses import replace

import faiss
import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from georetrieval import files
from georetrieval.errors import InputError, MismatchError
from georetrieval.maps import ground_table
from georetrieval.search.building import About
from georetrieval.search.canaries import Canaries
from georetrieval.search.changing import Choice, remove_rows
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.exchange import export_csv, export_parquet, import_rows
from georetrieval.search.fingerprint import require_same
from georetrieval.search.manifest import Pictures
from georetrieval.search.picture_rows import build_pictures
from georetrieval.search.store import IndexStore
from tests.made import rows as made


def ground(rows, crs):
    return ground_table(rows.to_pandas(), crs)


@pytest.fixture
def built(tmp_path, part, about):
    """80 rows with their rectangles, two of them removed again."""
    parts = [(rows, ground(attributes, about.crs)) for rows, attributes in (part(), part(scope="54", seed=2))]
    store = IndexStore.build(tmp_path / "town", parts, about)
    return remove_rows(store.path, Choice(tile_ids=tuple(parts[0][0].names[[3, 9]].tolist())))[0]


WRITE = {"parquet": export_parquet, "csv": export_csv}


@pytest.fixture(params=WRITE)
def file(request, built, tmp_path):
    path = tmp_path / f"out.{request.param}"
    assert WRITE[request.param](built, path) == 78
    return path


def test_there_and_back_is_the_same_index(built, file, tmp_path):
    store = import_rows(tmp_path / "back", file, ground, created_by="me")
    mine, theirs = store.load(), built.load()
    assert (mine[0].vectors == theirs[0].vectors).all()
    assert mine[0].names.tolist() == theirs[0].names.tolist()
    assert mine[1].equals(theirs[1])
    own = {"segments", "tombstones", "version", "parent", "created_by"}
    assert store.manifest.model_dump(exclude=own) == built.manifest.model_dump(exclude=own)
    assert (store.manifest.version, store.manifest.parent, store.manifest.tombstones) == (1, None, [])
    assert store.verify().problems == ()
    assert IndexStore.open(tmp_path / "back") == store


def test_both_ways_give_the_same_bytes(built, tmp_path):
    export_parquet(built, tmp_path / "a.parquet")
    export_csv(built, tmp_path / "a.csv")
    a, b = (import_rows(tmp_path / name, tmp_path / f"a.{name}", ground) for name in WRITE)
    assert a.name == b.name
    assert len(a.manifest.segments) == 1


def test_the_parquet_is_geoparquet_with_lists_of_floats(built, tmp_path):
    export_parquet(built, tmp_path / "a.parquet")
    frame = gpd.read_parquet(tmp_path / "a.parquet")
    assert frame.crs.to_epsg() == 2154
    assert frame.geometry[5].equals(shapely.box(*frame.loc[5, ["xmin", "ymin", "xmax", "ymax"]]))
    assert (np.stack(frame["vector"].to_list()) == built.load()[0].vectors).all()
    assert str(pq.read_schema(tmp_path / "a.parquet").field("vector").type) == "fixed_size_list<element: float>[8]"


def test_the_csv_and_the_npy_are_what_anybody_reads(built, tmp_path):
    export_csv(built, tmp_path / "a.csv")
    frame, vectors = pd.read_csv(tmp_path / "a.csv", dtype={"date": str, "scope": str}), np.load(tmp_path / "a.npy")
    rows, table = built.load()
    assert frame.columns.tolist() == ["tile_id", "key", "scope", "date", "xmin", "ymin", "xmax", "ymax"]
    assert (frame["tile_id"].tolist(), vectors.dtype) == (rows.names.tolist(), np.float32)
    assert (vectors == rows.vectors).all()
    assert frame["xmax"].tolist() == table.column("xmax").to_pylist()
    told = json.loads((tmp_path / "a.json").read_text())
    assert told["manifest"]["fingerprint"]["architecture"] == "hog"


def test_the_fingerprint_is_kept_and_another_model_is_refused_before_a_row_is_read(file, tmp_path):
    def other(manifest, _canaries):
        require_same(manifest.fingerprint, {"architecture": "hog", "bands": ["r", "g", "b"], "px": 256})

    with pytest.raises(MismatchError, match="px is 128 in the index and 256 in the model"):
        import_rows(tmp_path / "back", file, ground, check=other)
    assert not (tmp_path / "back").exists()
    store = import_rows(tmp_path / "back", file, ground, model="here")
    assert (store.manifest.model, store.manifest.fingerprint["px"]) == ("here", 128)


def test_no_index_is_made_of_damaged_files(file, tmp_path):
    """Bits flipped, and files cut, at 20 places each: one sentence, or the same index (statistics in the footer)."""
    random = np.random.default_rng(6)
    wanted, caught = import_rows(tmp_path / "back", file, ground).name, 0
    for path in sorted(file.parent.glob(f"{file.stem}.*")):
        whole = path.read_bytes()
        for number in range(20):
            place = int(random.integers(0, len(whole)))
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 64]) + whole[place + 1:])
            caught += fails(tmp_path / f"{path.suffix}{number}", file, wanted)
            path.write_bytes(whole[:place])
            assert fails(tmp_path / f"cut{path.suffix}{number}", file, wanted)
        path.write_bytes(whole)
    assert caught > 4  # much of a small Parquet file is statistics and copies of the schema


def fails(path, file, wanted):
    """Whether it is refused in one line; else the index is the one that was exported."""
    try:
        name = import_rows(path, file, ground).name
    except InputError as error:
        return "\n" not in str(error) and not (path / "CURRENT").exists()
    assert name == wanted
    return False


def write_words(path, words):
    """With the digest that fits: somebody did this on purpose."""
    rest = {name: value for name, value in words.items() if name != "digest"}
    path.write_text(json.dumps(rest | {"digest": files.digest(rest)}))


@pytest.mark.parametrize(("change", "told"), [
    ({"fingerprint": {"architecture": "other"}}, "the fingerprint does not have its digest"),
    ({"counts": {"tiles": 77, "blank": 3, "failed": 0}}, "counts and segments disagree"),
    ({"dim": 7, "canaries": []}, "out.json says"), ({"surprise": 1}, "Extra inputs"),
])
def test_words_that_do_not_fit_the_rows_are_refused(built, tmp_path, change, told):
    export_csv(built, tmp_path / "out.csv")
    words = json.loads((tmp_path / "out.json").read_text())
    words["manifest"] |= change
    write_words(tmp_path / "out.json", words)
    with pytest.raises(InputError, match=told):
        import_rows(tmp_path / "back", tmp_path / "out.csv", ground)


def test_words_without_sense_are_one_sentence(built, tmp_path):
    export_csv(built, tmp_path / "out.csv")
    for text in ("", "[]", "{}", "[" * 4000, {"rows": 5}, {"rows": 1e99}, {"rows": True}, {"rows": -1}, {"rows": "5"}):
        if isinstance(text, str):
            (tmp_path / "out.json").write_text(text)
        else:
            write_words(tmp_path / "out.json", {"format": "georetrieval-export-1", "manifest": {}, **text})
        with pytest.raises(InputError) as error:
            import_rows(tmp_path / "back", tmp_path / "out.csv", ground)
        assert "\n" not in str(error.value)
    (tmp_path / "out.json").write_text('{"format": "georetrieval-export-1", "manifest": {"model": "\\ud800"}}')
    with pytest.raises(InputError, match="damaged"):
        import_rows(tmp_path / "back", tmp_path / "out.csv", ground)
    (tmp_path / "out.json").unlink()
    with pytest.raises(InputError, match="is not there"):
        import_rows(tmp_path / "back", tmp_path / "out.csv", ground)


def test_no_bytes_of_faiss_go_out_and_none_come_in(built, file, tmp_path):
    """RELIABILITY guard 17. The four letters that a FAISS file begins with, and such a file under our names."""
    letters = [b"IxF2", b"IxFI", b"IxFl", b"IwFl", b"IwPQ", b"IHNf", b"IxPq", b"IBxF"]
    for path in file.parent.glob("out.*"):
        assert not any(four in path.read_bytes()[:4] for four in letters)
    index = faiss.IndexFlatIP(8)
    index.add(built.load()[0].vectors)
    vectors = file if file.suffix == ".parquet" else file.with_suffix(".npy")
    vectors.write_bytes(faiss.serialize_index(index).tobytes())
    with pytest.raises(InputError):
        import_rows(tmp_path / "back", file, ground)


def test_an_object_array_is_never_unpickled(built, tmp_path):
    """RELIABILITY guard 18: the hash is right, the content would run code."""
    export_csv(built, tmp_path / "out.csv")
    np.save(tmp_path / "out.npy", np.array([print] * 78, object), allow_pickle=True)
    words = json.loads((tmp_path / "out.json").read_text())
    words["npy_sha256"] = files.sha256_file(tmp_path / "out.npy")
    write_words(tmp_path / "out.json", words)
    with pytest.raises(InputError, match="cannot be read"):
        import_rows(tmp_path / "back", tmp_path / "out.csv", ground)


def test_what_numpy_takes_for_something_else_is_one_sentence(built, tmp_path):
    """A zip of arrays, and a header that is no Python; the hashes are right."""
    export_csv(built, tmp_path / "out.csv")
    words = json.loads((tmp_path / "out.json").read_text())
    np.savez(tmp_path / "zip.npz", np.zeros((78, 8), np.float32))
    for data in ((tmp_path / "zip.npz").read_bytes(), b"\x93NUMPY\x01\0\x10\0{'descr': ((((  \n"):
        (tmp_path / "out.npy").write_bytes(data)
        write_words(tmp_path / "out.json", words | {"npy_sha256": files.sha256_file(tmp_path / "out.npy")})
        with pytest.raises(InputError, match="cannot be read as npy"):
            import_rows(tmp_path / "back", tmp_path / "out.csv", ground)


def test_hostile_columns_and_names_are_refused(built, tmp_path):
    export_parquet(built, tmp_path / "a.parquet")
    table = pq.read_table(tmp_path / "a.parquet")
    names = pa.array(["../../etc/passwd", *table.column("tile_id").to_pylist()[1:]])
    for bad in (table.drop_columns(["key"]), table.slice(1), table.set_column(0, "tile_id", names)):
        pq.write_table(bad, tmp_path / "bad.parquet")
        with pytest.raises(InputError):
            import_rows(tmp_path / "back", tmp_path / "bad.parquet", ground)


def test_an_index_is_not_overwritten_and_foreign_files_are_named(built, file, tmp_path):
    with pytest.raises(InputError, match="already"):
        import_rows(built.path, file, ground)
    with pytest.raises(InputError, match="no file"):
        import_rows(tmp_path / "back", tmp_path / "nothing.csv", ground)
    (tmp_path / "x.txt").write_text("x")
    with pytest.raises(InputError, match=r"neither \.parquet nor \.csv"):
        import_rows(tmp_path / "back", tmp_path / "x.txt", ground)
    pq.write_table(pa.table({"a": [1]}), tmp_path / "x.parquet")
    with pytest.raises(InputError, match="no export"):
        import_rows(tmp_path / "back", tmp_path / "x.parquet", ground)


@pytest.mark.parametrize("write", WRITE.values(), ids=WRITE)
def test_pictures_have_no_place_and_means_stay_at_home(tmp_path, part, write):
    rows, _ = part(4)
    members = Descriptors(rows.vectors, list("aabb"), rows.names, [""] * 4, "cosine")
    about = About(model="hog", fingerprint={"px": 1}, pictures=Pictures(rows="each", role="image", crop=True))
    store = build_pictures(tmp_path / "each", members, about)
    file = tmp_path / f"out.{'csv' if write is export_csv else 'parquet'}"
    write(store, file)
    back = import_rows(tmp_path / "back", file, ground)
    assert back.load()[1].equals(store.load()[1])
    assert back.manifest.pictures == store.manifest.pictures
    means = build_pictures(tmp_path / "mean", members, replace(about, pictures=Pictures(
        rows="mean", role="image", crop=True)))
    with pytest.raises(InputError, match="copy its folder"):
        write(means, file)


def test_canaries_are_decoded_once(tmp_path, monkeypatch):
    """By who opens an index, and by who imports one and looks at them."""
    counted, plain = [], Canaries.decode.__func__
    monkeypatch.setattr(Canaries, "decode", classmethod(lambda cls, *given: counted.append(1) or plain(cls, *given)))
    rows, places = made.part("57", 1)
    store = IndexStore.build(tmp_path / "town", [(rows, ground(places, "EPSG:2154"))], made.ABOUT)
    assert [len(store.canaries().pictures), len(counted)] == [1, 1]
    export_parquet(store, tmp_path / "town.parquet")
    counted.clear()
    import_rows(tmp_path / "back", tmp_path / "town.parquet", None,
                check=lambda _, pictures: counted.append(len(pictures.pictures)))
    assert counted == [1, 1]
