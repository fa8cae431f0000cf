"""RELIABILITY R18: whatever stands in a file or is asked, our own errors are the only ones."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from georetrieval.cli.main import main
from georetrieval.cli.queries import filter_of, index_path, parse_bounds, parse_word
from georetrieval.errors import GeoretrievalError
from georetrieval.files import canonical_json, digest
from georetrieval.geo.legend import Legend, packaged
from georetrieval.geo.mapping import Mapping
from georetrieval.geo.sums import Sums
from georetrieval.recipe.loading import load_recipe, published
from georetrieval.search.checking import verify
from georetrieval.search.exchange import METADATA, export_csv, export_parquet, import_rows
from georetrieval.search.manifest import sha256
from georetrieval.search.store import IndexStore, list_indexes
from tests.made.campaign import SEED, size, told
from tests.made.garbled import PLAIN, TEXTS, YAML_WORDS, changed, spliced
from tests.made.rows import ABOUT, part

EXAMPLES = size(30, 85_000, ci=1_700)
OURS = settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))


class Tally:
    """How many were read and how many refused, each in one or two sentences."""

    def __init__(self) -> None:
        self.ends: Counter[str] = Counter()

    def __call__(self, step: Callable[[], object]) -> None:
        try:
            step()
        except GeoretrievalError as error:
            self.ends["refused" if str(error).strip() else "without a word"] += 1
        else:
            self.ends["read"] += 1

    def told(self, name: str) -> None:
        """Print the counts; both ends have to be met."""
        told(f"R18 {name}", run=self.ends.total(), **dict(self.ends))
        assert set(self.ends) <= {"read", "refused"}
        assert self.ends["refused"] > 0.1 * self.ends.total()
        assert self.ends["read"]


def plain_json(value: Any) -> bytes:
    """JSON bytes of any value, halves of surrogates as escapes."""
    return json.dumps(value).encode()


@pytest.fixture
def index(memory_folder):
    """A small index, its folder only for what is to be spoilt."""
    return IndexStore.build(memory_folder / "town", [part("a", 1), part("b", 2)], ABOUT)


def test_r18_current(index):
    """CURRENT of any bytes."""
    tally, file = Tally(), index.path / "CURRENT"
    whole = file.read_bytes()

    @seed(SEED)
    @OURS
    @given(st.binary(max_size=200) | spliced(whole) | PLAIN.map(plain_json)
           | changed({"manifest": index.name}).map(plain_json))
    def any_bytes(data: bytes) -> None:
        file.write_bytes(data)
        tally(lambda: IndexStore.open(index.path).load())

    any_bytes()
    tally.told("CURRENT")


def test_r18_manifest(index):
    """A manifest of any bytes under the right name: nobody's accident, an attacker's."""
    tally = Tally()
    value = json.loads((index.path / index.name).read_bytes())
    value |= {"pictures": None, "tombstones": [], "canaries": [[0.5] * 4], "sources": [
        {"scope": "57", "date": "2004", "overlap": 0.5, "zooms": [1.0, 2.0],
         "files": [{"kind": "photos", "name": "a.jp2", "bytes": 3, "sha256": "ab" * 32}]}]}

    def read() -> None:
        store = IndexStore.open(index.path)
        store.info()
        assert all(isinstance(source["files"], int) for source in store.info()["sources"] if "files" in source)
        store.load()
        store.gallery()

    @seed(SEED)
    @OURS
    @given(st.binary(max_size=200) | spliced(canonical_json(value)) | PLAIN.map(plain_json)
           | changed(value).map(plain_json))
    def any_manifest(data: bytes) -> None:
        name = f"manifests/00000001-{sha256(data)}.json"
        (index.path / name).write_bytes(data)
        (index.path / "CURRENT").write_bytes(plain_json({"manifest": name}))
        tally(read)
        verify(index.path)
        list_indexes(index.path.parent)
        (index.path / name).unlink()

    any_manifest()
    tally.told("manifest")


def test_r18_legend_and_mapping(memory_folder):
    """Legends and mappings: bytes, YAML words in any order, the packaged ones changed."""
    tally, file = Tally(), memory_folder / "legend.yaml"
    whole = [yaml.safe_load(packaged(*place).read_text("utf-8"))
             for place in (("legends", "bdtopo12"), ("legends/mappings", "osm_geofabrik"))]

    @seed(SEED)
    @OURS
    @given(st.binary(max_size=200) | YAML_WORDS.map(str.encode) | changed(whole[0]).map(plain_json)
           | changed(whole[1]).map(plain_json) | spliced(plain_json(whole[0])), st.booleans())
    def any_legend(data: bytes, trees: bool) -> None:
        file.write_bytes(data)
        tally(lambda: Legend.load(file, profiles=["trees"] if trees else []).digest)
        tally(lambda: Mapping.load(file).digest)

    any_legend()
    tally.told("legend and mapping")


SETTINGS = ["seed", "tiles.worlds.²", "tiles.worlds.0.km", "eye.a.b", "."]


def test_r18_recipe(memory_folder):
    """Recipes of tiles and of pictures, and what --set says of them."""
    tally, file = Tally(), memory_folder / "recipe.yaml"
    tiles, pictures = (yaml.safe_load(published(name).read_text("utf-8")) for name in ("quickstart", "masks-small"))

    @seed(SEED)
    @OURS
    @given(st.binary(max_size=200) | YAML_WORDS.map(str.encode) | changed(tiles).map(plain_json)
           | changed(pictures).map(plain_json) | spliced(published("quickstart").read_bytes()),
           st.lists(TEXTS | st.builds("{}={}".format, st.sampled_from(SETTINGS), YAML_WORDS), max_size=2))
    def any_recipe(data: bytes, sets: list[str]) -> None:
        file.write_bytes(data)
        tally(lambda: load_recipe(file, sets))

    any_recipe()
    tally.told("recipe")


WORDS = TEXTS | st.sampled_from([
    "1,2", "1,2,3,4", "nan,1", "1e999,0", "-1,-2", "1,2,3", ",", "a.tif", "../x", "/", ".", "\0", "a\0b", "x" * 5000,
    "-k", "--bbox", "--format", "json", "-k=99999999999999999999", "--scope", "--help", "5", "-1", "--rerank",
    "closer", "--turns", "0", "--out", "--scale", "nan",
])


def test_r18_query_parameters(index, monkeypatch, capsys):
    """What is typed after `search`: words, numbers, boxes, options."""
    tally = Tally()
    monkeypatch.chdir(index.path.parent)

    @seed(SEED)
    @OURS
    @given(st.lists(WORDS, max_size=5))
    def any_words(words: list[str]) -> None:
        text = "".join(words)
        for parse in (parse_word, parse_bounds, index_path):
            tally(lambda parse=parse: parse(text))
        tally(lambda: filter_of((), (), text))
        with pytest.raises(SystemExit) as end:
            main(["search", "nowhere", *words])
        assert end.value.code in (0, 2), words
        assert "Traceback" not in capsys.readouterr().err

    any_words()
    tally.told("query parameters")


def test_r18_exchange_files(index):
    """Exported files that were changed by somebody who then set every hash and digest right."""
    tally, folder = Tally(), index.path.parent
    csv, parquet = folder / "rows.csv", folder / "rows.parquet"
    export_csv(index, csv)
    export_parquet(index, parquet)
    table, words = pq.read_table(parquet), json.loads(csv.with_suffix(".json").read_bytes())
    rows, vectors = csv.read_bytes(), csv.with_suffix(".npy").read_bytes()

    def sealed(value: Any) -> bytes:
        plain = {name: inner for name, inner in value.items() if name != "digest"} if isinstance(value, dict) else value
        try:
            return plain_json({**plain, "digest": digest(plain)} if isinstance(plain, dict) else plain)
        except ValueError:
            return plain_json(plain)

    def made(file: Path) -> None:
        import_rows(folder / "again", file, lambda some, _: some)

    @seed(SEED)
    @OURS
    @given(st.just(words) | changed(words), st.just(rows) | spliced(rows), st.just(vectors) | spliced(vectors) | NPY,
           st.just(parquet.read_bytes()) | spliced(parquet.read_bytes()), st.booleans())
    def any_files(said: Any, text: bytes, npy: bytes, columns: bytes, whole: bool) -> None:
        csv.write_bytes(text)
        csv.with_suffix(".npy").write_bytes(npy)
        said = said | {"csv_sha256": sha256(text), "npy_sha256": sha256(npy)} if isinstance(said, dict) else said
        csv.with_suffix(".json").write_bytes(sealed(said))
        if whole:
            pq.write_table(table.replace_schema_metadata({METADATA: sealed(said)}), parquet)
        else:
            parquet.write_bytes(columns)
        for file in (csv, parquet):
            tally(lambda file=file: made(file))
            assert not (folder / "again" / "CURRENT").exists() or verify(folder / "again").problems == ()
            _remove(folder / "again")

    any_files()
    tally.told("exchange files")


def _npy(**arrays: Any) -> bytes:
    sink = io.BytesIO()
    np.savez(sink, **arrays)
    return sink.getvalue()


NPY = st.sampled_from([_npy(), _npy(a=np.zeros(3)),
                       b"\x93NUMPY\x01\0v\0{'descr': '|O', 'fortran_order': False, 'shape': (1,)}\n"])


def _remove(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


def test_r18_lists_of_checksums(memory_folder):
    """`--sums` of any bytes."""
    tally, file = Tally(), memory_folder / "SHA256SUMS"
    whole = f"{'ab' * 32}  x/1.jp2\n\\{'0c' * 32}  a\\nb\nMD5 (2 3.shp) = {'ef' * 16}\n".encode()

    @seed(SEED)
    @OURS
    @given(st.binary(max_size=200) | spliced(whole) | TEXTS.map(lambda text: text.encode(errors="surrogatepass")))
    def any_bytes(data: bytes) -> None:
        file.write_bytes(data)
        tally(lambda: Sums.read(file).name_of(Path("/data/x/1.jp2")))

    any_bytes()
    tally.told("lists of checksums")
