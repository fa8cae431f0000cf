"""What a person types as a question: words for queries, places of indexes, filters. Parsing only, nothing is read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from georetrieval.errors import InputError, UsageError
from georetrieval.recipe.word import Word
from georetrieval.search.postgres_address import Address, is_address

if TYPE_CHECKING:
    from georetrieval.search.gallery import Filter
    from georetrieval.search.row_source import Store

INDEXES = Path("indexes")
MOST_ANSWERS = 10_000
"""Per query; the scores of all queries are held in memory."""

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_NUMBERS = re.compile(rf"\s*{_NUMBER}(?:\s*,\s*{_NUMBER})*\s*", re.ASCII)  # no blank that float() does not know
_TILE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def parse_word(text: str) -> Word:
    """Tell a file, a tile id, a point and a box apart.

    Raises
    ------
    UsageError
        When it can be none of them.
    InputError
        When it looks like a file that is not there.
    """
    if _NUMBERS.fullmatch(text):
        numbers = tuple(float(part) for part in text.split(","))
        if len(numbers) == 2:
            return Word(text, "point", numbers)
        if len(numbers) == 4:
            return Word(text, "box", parse_bounds(text))
        raise UsageError(f"{text!r} has {len(numbers)} numbers; a point is x,y and a box xmin,ymin,xmax,ymax.")
    if text.startswith("-"):
        raise UsageError(f"There is no option {text!r}; --help lists them.")
    kind = _on_disk(text)
    if kind == "file":
        return Word(text, "file")
    if kind == "folder":
        raise UsageError(f"{text} is a folder; ask with picture files.")
    if "/" in text or "\\" in text or Path(text).suffix.lower() in (".jp2", ".tif", ".tiff", ".jpg", ".jpeg", ".png"):
        raise InputError(f"There is no file {text}.")
    if not _TILE_ID.fullmatch(text):
        raise UsageError(f"{text!r} is neither a file, nor a tile id, nor x,y, nor xmin,ymin,xmax,ymax.")
    return Word(text, "tile")


def _on_disk(text: str) -> str:
    """"file", "folder" or "": what no name can be (too long, a zero byte) is not there."""
    try:
        return "file" if Path(text).is_file() else "folder" if Path(text).is_dir() else ""
    except (OSError, ValueError):
        return ""


def parse_bounds(text: str) -> tuple[float, float, float, float]:
    """xmin, ymin, xmax, ymax.

    Raises
    ------
    UsageError
        When these are not four numbers, or the box is empty.
    """
    numbers = [float(part) for part in text.split(",")] if _NUMBERS.fullmatch(text) else []
    if len(numbers) != 4:
        raise UsageError(f"{text!r} is not a box; give xmin,ymin,xmax,ymax.")
    x0, y0, x1, y1 = numbers
    if not (x0 < x1 and y0 < y1):
        raise UsageError(f"The box {text} is empty; give xmin,ymin,xmax,ymax with xmin < xmax and ymin < ymax.")
    return x0, y0, x1, y1


def index_path(name: str) -> Path:
    """Where an index lies: a path as it is, a bare name in ./indexes, unless an index of that name lies right here.

    Raises
    ------
    UsageError
        When the name is empty, or an address.
    """
    if is_address(name):
        raise UsageError("Indexes on a server are asked by search, evaluate, report and classify, shown by serve and "
                         "index info, and written by index export; this needs the folder of an index.")
    if not name.strip():
        raise UsageError("The name of the index is empty; give a name or a path.")
    if "/" in name or "\\" in name or name.startswith(".") or _on_disk(f"{name}/CURRENT") == "file":
        return Path(name)
    return INDEXES / name


def open_index(name: str) -> Store:
    """The index in a folder, or in the table of a server where the name is an address.

    Raises
    ------
    UsageError
        When the name is empty, or an address that cannot be read.
    InputError
        When there is no index.
    StoreError
        When it is damaged.
    """
    from georetrieval.search.store import IndexStore

    if not is_address(name):
        return IndexStore.open(index_path(name))
    from georetrieval.search.postgres import PostgresStore

    store = PostgresStore.open(Address.parse(name))
    if (context := click.get_current_context(silent=True)) is not None:
        context.call_on_close(store.close)
    return store


def filter_of(
    dates: tuple[str, ...], scopes: tuple[str, ...], bbox: str | None, *, exclude_self: bool = False,
    beyond_m: float | None = None,
) -> Filter:
    """The filter of the options --filter-date, --scope, --bbox."""
    from georetrieval.search.gallery import Filter

    return Filter(dates=dates, scopes=scopes, bounds=parse_bounds(bbox) if bbox else None, exclude_self=exclude_self,
                  beyond_m=beyond_m or 0.0)


def check_k(k: int) -> None:
    """UsageError unless 1 <= k <= MOST_ANSWERS."""
    if k < 1:
        raise UsageError(f"-k must be at least 1, and is {k}.")
    if k > MOST_ANSWERS:
        raise UsageError(f"-k may be {MOST_ANSWERS} at most, and is {k}.")
