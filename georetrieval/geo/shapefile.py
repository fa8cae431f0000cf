"""The parts of a shapefile and whether they belong together: GDAL says nothing when they do not."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from georetrieval.errors import InputError
from georetrieval.foreign import kept_inside, regular
from georetrieval.geo.dbf import open_dbf
from georetrieval.geo.traps import Trap

MAGIC = b"\x00\x00\x27\x0a"
HEADER_BYTES = 100
_COPY = "copy it again, with all its parts, from the delivery"
UNKNOWN_ALTITUDE_M = -1000.0
"""*Source*: BDTOPO.md 5.3, Z of objects whose altitude is not known."""


READ_WITH_SHP = frozenset({".shp", ".shx", ".dbf", ".prj", ".cpg", ".qix", ".sbn", ".sbx", ".idm", ".ind"})
"""Suffixes of the files that GDAL opens with a .shp."""


@dataclass(frozen=True)
class ShapefileParts:
    """Paths of the parts, whatever the case of their suffix; None for one that is not there."""

    shp: Path
    shx: Path | None = None
    dbf: Path | None = None
    prj: Path | None = None
    cpg: Path | None = None
    qix: Path | None = None


@dataclass(frozen=True)
class ShapefileHeader:
    """What the .shp says of itself: bytes, geometry type, bounds and lowest Z."""

    announced_bytes: int
    kind: int
    bounds: tuple[float, float, float, float]
    z_min: float


def find_parts(shp: Path) -> ShapefileParts:
    """Find the sibling files of a .shp."""
    found: dict[str, Path] = {}
    for path in shp.parent.iterdir():
        if path.stem == shp.stem and path.suffix.lower() in READ_WITH_SHP:
            regular(path, "a part of a shapefile")
            if not kept_inside(path, shp.parent):
                raise InputError(f"{path} is a link out of its folder; put the file itself there, or give its folder.")
            found.setdefault(path.suffix.lower().lstrip("."), path)
    return ShapefileParts(shp, *(found.get(name) for name in ("shx", "dbf", "prj", "cpg", "qix")))


def read_header(shp: Path) -> ShapefileHeader:
    """Read the header of a .shp.

    Raises
    ------
    InputError
        When the file is not a shapefile, whatever its name says.
    """
    try:
        with shp.open("rb") as file:
            head = file.read(HEADER_BYTES)
    except OSError as error:
        raise InputError(f"{shp} cannot be read: {error.strerror or error}.") from error
    if len(head) < HEADER_BYTES or head[:4] != MAGIC:
        raise InputError(f"{shp} is not a shapefile: its first bytes are those of another format or it is cut short.")
    words, = struct.unpack_from(">i", head, 24)
    kind, *box = struct.unpack_from("<i6d", head, 32)
    return ShapefileHeader(words * 2, kind, (box[0], box[1], box[2], box[3]), box[4])


def check_parts(parts: ShapefileParts, layer: str) -> tuple[Trap, ...]:
    """Every reason why the parts of a shapefile do not belong together.

    The number of shapes is that of the .shx; each of them has to lie inside the .shp and begin where the .shx says,
    and the .dbf has to have as many rows.
    """
    header = read_header(parts.shp)
    size = parts.shp.stat().st_size
    if header.announced_bytes != size:
        return _fatal("shp-cut", layer, f"{parts.shp} is cut short or damaged: {header.announced_bytes} bytes "
                                        f"announced, {size} there; {_COPY}.")
    if parts.shx is None or parts.shx.stat().st_size < HEADER_BYTES:
        return _fatal("shx-missing", layer, f"{parts.shp} has no usable .shx file; {_COPY}, or rebuild it with: "
                                            "ogr2ogr --config SHAPE_RESTORE_SHX YES NEW.shp OLD.shp.")
    shapes = _index(parts.shx)
    if why := _foreign_index(parts, shapes, size):
        return _fatal("parts-out-of-step", layer, f"{parts.shx} does not belong to its .shp: {why}; {_COPY}.")
    return _check_rows(parts, len(shapes), layer)


def shape_count(parts: ShapefileParts) -> int:
    """Number of shapes that the .shx lists; 0 without one."""
    return max(parts.shx.stat().st_size - HEADER_BYTES, 0) // 8 if parts.shx else 0


def stale_index(parts: ShapefileParts) -> bool:
    """Whether the .qix spatial index counts other shapes than the .shx: GDAL would believe it and hide objects."""
    if parts.qix is None:
        return False
    with parts.qix.open("rb") as file:
        head = file.read(16)
    if len(head) < 16 or head[:3] != b"SQT":
        return True
    order = ">" if head[3] == 2 else "<"
    return bool(struct.unpack_from(f"{order}i", head, 8)[0] != shape_count(parts))


def read_cpg(parts: ShapefileParts) -> str | None:
    """What the .cpg says; None without one."""
    return parts.cpg.read_bytes()[:64].decode("ascii", "replace").strip() if parts.cpg else None


def read_prj(parts: ShapefileParts) -> str:
    """The text of the .prj; "" when it is missing or empty."""
    return parts.prj.read_bytes()[:65536].decode("utf-8", "replace").strip(" \0\r\n\t\ufeff") if parts.prj else ""


def _index(shx: Path) -> NDArray[np.int64]:
    count = (shx.stat().st_size - HEADER_BYTES) // 8
    return np.fromfile(shx, ">i4", count * 2, offset=HEADER_BYTES).reshape(count, 2).astype(np.int64) * 2


def _foreign_index(parts: ShapefileParts, shapes: NDArray[np.int64], size: int) -> str:
    """Why the .shx is not that of its .shp; "" when it is."""
    if not len(shapes):
        return "" if size == HEADER_BYTES else "it lists none of the shapes"
    starts, lengths = shapes[:, 0], shapes[:, 1]
    inside = (starts >= HEADER_BYTES) & (lengths >= 4) & (starts + 8 + lengths <= size)
    if not inside.all():
        return f"{int((~inside).sum())} of its {len(shapes)} shapes lie outside the .shp"
    data = np.memmap(parts.shp, np.uint8, "r")
    there = np.ascontiguousarray(data[starts[:, None] + np.arange(4, 8)]).view(">i4").ravel().astype(np.int64) * 2
    if wrong := int((there != lengths).sum()):
        return f"{wrong} of its {len(shapes)} shapes begin elsewhere"
    kinds = np.ascontiguousarray(data[starts[:, None] + np.arange(8, 12)]).view("<i4").ravel()
    if wrong := int((~np.isin(kinds, (0, read_header(parts.shp).kind))).sum()):
        return f"{wrong} of its {len(shapes)} shapes are of another type than the .shp says"
    if int((lengths + 8).sum()) != size - HEADER_BYTES and int((starts + 8 + lengths).max()) != size:
        return "the .shp holds more shapes than it lists"
    return ""


def _check_rows(parts: ShapefileParts, shapes: int, layer: str) -> tuple[Trap, ...]:
    if parts.dbf is None:
        return _fatal("dbf-missing", layer, f"{parts.shp} has no .dbf file, so no attributes are known; {_COPY}.")
    try:
        rows = open_dbf(parts.dbf).rows
    except InputError as error:
        return _fatal("dbf-damaged", layer, f"{str(error).rstrip('.')}; {_COPY}.")
    if rows == shapes:
        return ()
    return _fatal("parts-out-of-step", layer, f"{parts.shp} holds {shapes} shapes and its .dbf {rows} rows, so they "
                                              f"do not belong together; {_COPY}.")


def _fatal(kind: str, layer: str, sentence: str) -> tuple[Trap]:
    return (Trap(kind, layer, sentence, fatal=True),)
