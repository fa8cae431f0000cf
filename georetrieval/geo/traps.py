"""What is odd about a layer, one sentence each: the finding, and what was or can be done."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from georetrieval.errors import GeoretrievalError, InputError


@dataclass(frozen=True)
class Trap:
    """One finding.

    Attributes
    ----------
    kind
        Stable name for programs: "prj-empty", "encoding-guessed", "parts-out-of-step"...
    layer
        Name of the layer; "" for the delivery as a whole.
    sentence
        For a person.
    fatal
        The layer cannot be painted until it is repaired.
    """

    kind: str
    layer: str
    sentence: str
    fatal: bool = False


def noted(kind: str, layer: str, text: str) -> Trap:
    """A trap of one layer, whose sentence begins with the layer's name."""
    return Trap(kind, layer, f"{layer}: {text}")


def refuse_fatal(traps: tuple[Trap, ...]) -> None:
    """Raise the first fatal trap as an `InputError`."""
    for trap in traps:
        if trap.fatal:
            raise InputError(trap.sentence)


@contextmanager
def reading(path: Path | str, what: str = "") -> Iterator[None]:
    """Turn the dozen exception types of the vector libraries into one sentence that names the file."""
    from pyogrio import errors as ogr
    from pyproj.exceptions import ProjError
    from shapely.errors import ShapelyError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # GDAL's asides; what matters is looked for and said in a sentence
            yield
    except GeoretrievalError:
        raise
    except (
        ogr.DataSourceError, ogr.DataLayerError, ogr.FeatureError, ogr.GeometryError, ogr.FieldError, ogr.CRSError,
        ProjError, ShapelyError, UnicodeError, OSError, ValueError, IndexError, KeyError, RuntimeError,
        UnboundLocalError,
    ) as error:
        named = f" ({what})" if what else ""
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        if isinstance(error, UnboundLocalError):  # pyogrio's, where bytes that are no UTF-8 stand for a CRS
            reason = "its CRS (.prj) is not text"
        raise InputError(f"{path}{named} cannot be read; it looks damaged: {reason}") from error


def sentences(traps: Iterable[Trap]) -> list[str]:
    """The sentences of some traps; what several layers share is said once, with their names before it."""
    layers: dict[str, list[str]] = {}
    for trap in traps:
        text = trap.sentence.removeprefix(f"{trap.layer}: ")
        names = layers.setdefault(text, [])
        if text != trap.sentence and trap.layer not in names:
            names.append(trap.layer)
    return [f"{_listed(names)}: {text}" if names else text for text, names in layers.items()]


def _listed(names: list[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
