"""An index as files that other programs read, and back: GeoParquet, or CSV and npy. Rows and words, never FAISS bytes.

    FILE.parquet                      GeoParquet: the rows, vectors as fixed_size_list<float>, page checksums
    FILE.csv, FILE.npy, FILE.json     rows without vectors, (n, d) float32, and what the Parquet has in its metadata

What both say besides the rows is the manifest (fingerprint, legend, surveys, calibration), the canaries, and hashes of
all that and of the rows, so that an index that is made of them knows its eye as the one before did.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from pydantic import ValidationError

from georetrieval import __version__, files
from georetrieval.errors import InputError, StoreError
from georetrieval.search import segments
from georetrieval.search.building import Builder, Part, publish_once
from georetrieval.search.canaries import Canaries, canary_bytes
from georetrieval.search.descriptors import Descriptors, Space
from georetrieval.search.manifest import Manifest, publish_version, stored_bytes
from georetrieval.search.segments import BOUNDS, NAMES
from georetrieval.search.store import IndexStore, refuse_existing

FORMAT = "georetrieval-export-1"
METADATA = b"georetrieval"
CANARIES = "canary_bytes"
"""Of the words: the file of the canaries, in base64."""
WORDS_CAP = 160 << 20
ROWS_CAP = 1 << 30
TEXT_COLUMNS = [*NAMES, *BOUNDS]
PARQUET_HASHED = [*TEXT_COLUMNS, "geometry", "geo"]
OWN = {"segments", "tombstones", "version", "parent"}
"""Of a manifest, what belongs to one folder and is not exported."""
Check = Callable[[Manifest, Canaries | None], None]
Ground = Callable[[pa.Table, str], pa.Table]
"""Date, bounds and rectangles (with GeoParquet metadata) of rows with bounds, given their CRS."""


def export_parquet(store: IndexStore, path: Path) -> int:
    """Publish the rows of an index as GeoParquet; how many they are."""
    store, (rows, table) = exported(store)
    d, metadata, plain = rows.dim, table.schema.metadata or {}, table
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(rows.vectors.reshape(-1), pa.float32()), d)
    table = table.append_column(pa.field("vector", pa.list_(pa.float32(), d)), vectors)
    words = {METADATA: files.canonical_json(sealed(words_of(store, rows, plain, PARQUET_HASHED)))}
    words |= {b"geo": metadata[b"geo"]} if metadata.get(b"geo") else {}
    with files.publishing(path) as temporary:
        pq.write_table(table.replace_schema_metadata(words), temporary, compression="zstd", write_page_checksum=True,
                       row_group_size=segments.SEGMENT_ROWS, use_dictionary=["scope", "date"])
    return len(rows)


def export_csv(store: IndexStore, path: Path) -> int:
    """Publish FILE.npy, FILE.csv and, when both are whole, FILE.json; how many rows they have."""
    store, (rows, table) = exported(store)
    with files.publishing(path.with_suffix(".npy")) as temporary:
        np.save(temporary, rows.vectors.astype("<f4", copy=False), allow_pickle=False)
    sink = pa.BufferOutputStream()
    pyarrow.csv.write_csv(table.select(TEXT_COLUMNS), sink)
    files.publish(path, bytes(sink.getvalue()))
    hashes = {"csv_sha256": files.sha256_file(path), "npy_sha256": files.sha256_file(path.with_suffix(".npy"))}
    files.publish_json(path.with_suffix(".json"), sealed(words_of(store, rows, table, TEXT_COLUMNS) | hashes))
    return len(rows)


def import_rows(
    path: Path, source: Path, ground: Ground, *, check: Check | None = None,
    model: str | None = None, created_by: str = "georetrieval",
) -> IndexStore:
    """Make a new index of what `export_parquet` or `export_csv` wrote.

    Parameters
    ----------
    source : FILE.parquet, or FILE.csv with FILE.npy and FILE.json beside it
    ground : makes the rectangles of a CSV's rows
    check : refuses an index whose eye is not the one at hand, before a row is read
    model : where that is, to be remembered instead of where it was

    Raises
    ------
    InputError
        When the files are damaged, are something else, or there is an index already.
    BusyError
        When another writer holds the index, or the disk is full.
    """
    path, source = Path(path), Path(source)
    refuse_existing(path, replace=False)
    if not source.is_file():
        raise InputError(f"There is no file {source}; `georetrieval index export INDEX -o {source.name}` makes one.")
    words = _read_words(source)
    about = manifest_of(words, source)
    proof, pictures = canaries_of(words, about, source)
    if check is not None:
        check(about, pictures)
    parts = _parquet_parts(source, about) if source.suffix == ".parquet" else _csv_parts(source, about, words, ground)
    with files.locked(path / ".lock"):
        refuse_existing(path, replace=False)
        builder, seen = Builder(path), RowsHash(PARQUET_HASHED if source.suffix == ".parquet" else TEXT_COLUMNS)
        for rows, table in parts:
            seen.update(rows, table)
            builder.add(rows, table)
        if seen.hexdigest() != words.get("rows_sha256") or builder.failed:
            raise InputError(f"{source} is damaged: its rows are not those that were exported.")
        values = {name: getattr(about, name) for name in Manifest.model_fields} | {
            "segments": builder.refs, "package": __version__, "created_by": created_by, "model": model or about.model}
        try:
            manifest = Manifest(**values)
        except ValidationError as error:
            raise InputError(f"{source} is damaged: it has {len(builder.seen)} rows, and says {about.counts.tiles}."
                             ) from error
        if manifest.canary_file is not None:
            publish_once(path / manifest.canary_file.file, proof, manifest.canary_file)
        return IndexStore(path, publish_version(path, manifest), manifest)


def exported(store: IndexStore) -> tuple[IndexStore, Part]:
    """The current version and its rows; InputError where an exchange would lose what rows are made of."""
    made = store.manifest.pictures
    if made is not None and made.members:
        raise InputError(f"The rows of {store.path} are made of pictures that are kept beside them, which no exchange "
                         f"file holds; copy its folder instead.")
    return store.load_current()


class RowsHash:
    """SHA-256 of rows in their order, whatever parts they come in: of the vectors and of some columns."""

    def __init__(self, columns: list[str]) -> None:
        self._each = {name: hashlib.sha256() for name in ("vector", *columns)}

    def update(self, rows: Descriptors, table: pa.Table) -> None:
        """Take further rows; their names count as those of the descriptors say."""
        self._each["vector"].update(rows.vectors.astype("<f4", copy=False).tobytes())
        texts = {"tile_id": rows.names, "key": rows.keys, "scope": rows.scopes}
        for name, seen in self._each.items():
            if name == "geo":
                seen.update((table.schema.metadata or {}).get(b"geo", b""))
            elif name in BOUNDS and name in table.column_names and table.column(name).null_count == 0:
                seen.update(np.asarray(table.column(name).to_numpy(), "<f8").tobytes())
            elif name != "vector" and name not in BOUNDS:
                values = texts[name].tolist() if name in texts else table.column(name).to_pylist()
                seen.update(b"".join(b"%d %b" % (len(v), v) for v in map(_bytes, values)))

    def hexdigest(self) -> str:
        """Hex SHA-256."""
        return files.digest({name: seen.hexdigest() for name, seen in self._each.items()})


def _bytes(value: str | bytes | None) -> bytes:
    return value.encode() if isinstance(value, str) else value or b""


def words_of(store: IndexStore, rows: Descriptors, table: pa.Table, columns: list[str]) -> dict[str, Any]:
    """What an export says besides its rows."""
    told, seen = json.loads(store.manifest.encoded()), RowsHash(columns)
    ref = store.manifest.canary_file
    proof = {} if ref is None else {CANARIES: base64.b64encode(canary_bytes(store.path, ref)).decode()}
    for start in range(0, len(rows), segments.SEGMENT_ROWS):
        some = slice(start, start + segments.SEGMENT_ROWS)
        seen.update(rows.take(np.arange(len(rows))[some]), table.slice(start, segments.SEGMENT_ROWS))
    return {"format": FORMAT, "rows": len(rows), "rows_sha256": seen.hexdigest(),
            "manifest": {name: value for name, value in told.items() if name not in OWN}} | proof


def sealed(words: dict[str, Any]) -> dict[str, Any]:
    """The words and their digest: neither a Parquet footer nor a JSON file has a checksum of its own."""
    return words | {"digest": files.digest(words)}


def is_sealed(words: Mapping[str, Any]) -> bool:
    """Whether words have their digest."""
    return files.digest({name: value for name, value in words.items() if name != "digest"}) == words.get("digest")


def _read_words(source: Path) -> dict[str, Any]:
    if source.suffix not in (".parquet", ".csv"):
        raise InputError(f"{source} is neither .parquet nor .csv; an index is made of one that `georetrieval index "
                         "export` wrote.")
    beside = source.with_suffix(".json")
    try:
        if source.suffix == ".csv":
            text = stored_bytes(beside, WORDS_CAP)
        else:
            text = (pq.read_metadata(source).metadata or {}).get(METADATA, b"")
        words = json.loads(text)
        whole = isinstance(words, dict) and is_sealed(words)  # half a surrogate pair has no digest: ValueError
    except FileNotFoundError as error:
        raise InputError(f"{beside} is not there; a CSV needs it, and the .npy, beside it.") from error
    except (pa.ArrowException, OSError, ValueError, RecursionError) as error:
        raise InputError(f"{source} is damaged, or no export of an index.") from error
    if not isinstance(words, dict) or words.get("format") != FORMAT or not isinstance(words.get("manifest"), dict):
        raise InputError(f"{source} is no export of an index that this version of georetrieval can read.")
    if not whole:
        raise InputError(f"{source} is damaged: what it says of its index does not have the digest beside it.")
    return words


def manifest_of(words: Mapping[str, Any], source: object) -> Manifest:
    """The manifest as if all its rows were in one file, so that it is checked before any row is read."""
    rows = words.get("rows")
    if not isinstance(rows, int) or not 0 < rows <= ROWS_CAP:
        raise InputError(f"{source} says that it has {rows!r} rows; 1 to {ROWS_CAP} are read.")
    most = 1 << 20
    sizes = [most] * (rows // most) + [rows % most] * (rows % most > 0)
    whole = [{"sha256": "0" * 64, "bytes": 0, "rows": size} for size in sizes]
    value = {**words["manifest"], "segments": whole, "tombstones": [], "version": 1, "parent": None}
    try:
        return Manifest.model_validate_json(json.dumps(value))
    except (ValidationError, RecursionError) as error:
        what = error.errors()[0]["msg"] if isinstance(error, ValidationError) else "too deep"
        raise InputError(f"{source} is damaged, or of another version: what it says of its index is wrong ({what}).") \
            from error


def canaries_of(words: Mapping[str, Any], about: Manifest, source: object) -> tuple[bytes, Canaries | None]:
    """The bytes of the canaries' file, after every check, and the pictures; neither where the index had none."""
    if about.canary_file is None:
        return b"", None
    try:
        data = base64.b64decode(str(words.get(CANARIES, "")), validate=True)
        return data, Canaries.decode(data, about.canary_file)
    except (binascii.Error, ValueError, StoreError) as error:
        raise InputError(f"{source} is damaged: the canaries in it are not those of its index.") from error


def _parquet_parts(source: Path, about: Manifest) -> Iterator[Part]:
    rows, d = about.counts.tiles, about.dim
    wanted = [*((f.name, f.type) for f in segments.schema(d))][:-1]
    wanted.append(("vector", pa.list_(pa.float32(), d)))
    try:
        file = pq.ParquetFile(source, page_checksum_verification=True)
        if [(f.name, f.type) for f in file.schema_arrow] != wanted or file.metadata.num_rows != rows:
            raise InputError(f"{source} has other columns or rows than its metadata says.")
        geo = {b"geo": (file.schema_arrow.metadata or {}).get(b"geo", b"")}
        for batch in file.iter_batches(segments.SEGMENT_ROWS, use_threads=False):
            table = pa.Table.from_batches([batch]).replace_schema_metadata(geo)
            vectors = table.column("vector").combine_chunks()
            if any(table.column(name).null_count for name in (*NAMES, "vector")) or vectors.flatten().null_count:
                raise InputError(f"{source} has rows without a name or a vector.")
            values = vectors.flatten().to_numpy(zero_copy_only=False).reshape(-1, d)
            yield _descriptors(table, values, about.metric_space), table.drop_columns(["vector"])
    except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
        raise InputError(f"{source} is damaged: it cannot be read as Parquet.") from error


def _csv_parts(source: Path, about: Manifest, words: Mapping[str, Any], ground: Ground) -> Iterator[Part]:
    vectors = source.with_suffix(".npy")
    for file, name in ((source, "csv_sha256"), (vectors, "npy_sha256")):
        if not file.is_file() or files.sha256_file(file) != words.get(name):
            raise InputError(f"{file} is damaged or not there: it does not have the hash in {source.stem}.json.")
    types = dict.fromkeys(NAMES, pa.string()) | dict.fromkeys(BOUNDS, pa.float64())
    try:
        table = pyarrow.csv.read_csv(source, convert_options=pyarrow.csv.ConvertOptions(
            column_types=types, strings_can_be_null=False))
        names = table.column_names  # decoded only here
    except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
        raise InputError(f"{source} cannot be read as CSV.") from error
    try:
        values = np.lib.format.open_memmap(vectors, mode="r")
    except Exception as error:  # the header is Python to numpy, and what can be wrong with it has many names
        raise InputError(f"{vectors} cannot be read as npy.") from error
    shape = (about.counts.tiles, about.dim)
    if names != TEXT_COLUMNS or table.num_rows != shape[0] or values.shape != shape \
            or values.dtype != np.dtype("<f4"):
        raise InputError(f"{source} and {vectors} do not have the columns, the {shape[0]} rows and the vectors of "
                         f"length {shape[1]} in float32 that {source.stem}.json says.")
    placed = table.column("xmin").null_count == 0
    for start in range(0, table.num_rows, segments.SEGMENT_ROWS):
        some = table.slice(start, segments.SEGMENT_ROWS)
        beside = ground(some, about.crs) if placed else some.select(["date"])
        yield _descriptors(some, values[start:start + len(some)], about.metric_space), beside


def _descriptors(table: pa.Table, vectors: Any, space: Space) -> Descriptors:
    tile_id, key, scope = (np.asarray(table.column(name).to_pylist(), np.str_) for name in NAMES[:3])
    return Descriptors(vectors, key, tile_id, scope, space)
