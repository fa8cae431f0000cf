"""Where a class's objects come from: a layer, the values to keep, the width of its lines."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from georetrieval.errors import InputError

Values = tuple[tuple[str, tuple[str, ...]], ...]
"""Pairs of a field and the values it may take; all pairs have to hold."""


@dataclass(frozen=True)
class Source:
    """One layer (or a part of it) that a class is painted from.

    Attributes
    ----------
    layer
        Name of the layer, compared without regard to case.
    where
        Fields and the values that are kept; empty keeps everything. The fields have to be there.
    unless
        Fields and the values that are dropped; a field that the layer lacks drops nothing.
    above_ground
        Field of the level; objects whose level is a negative number (tunnels) are dropped.
    width_field, width_times_m
        Field with the width of a line, and metres per unit of it (1 for a width, 4 for a number of rail tracks).
    width_by, widths_m
        Field and width in metres by its value, used where `width_field` is NULL, 0 or not a number.
    width_m
        Width in metres where nothing else says it; None for a layer of polygons. Points become discs of this width.
    instead_of
        Name of a layer; this source is read only when that layer is absent (v2.0 cuts ROUTE in two).
    only_with, not_with
        Profiles of the legend that switch this source on or off.
    """

    layer: str
    where: Values = ()
    unless: Values = ()
    above_ground: str | None = None
    width_field: str | None = None
    width_times_m: float = 1.0
    width_by: str | None = None
    widths_m: tuple[tuple[str, float], ...] = ()
    width_m: float | None = None
    instead_of: str | None = None
    only_with: tuple[str, ...] = ()
    not_with: tuple[str, ...] = ()

    def wanted(self, profiles: Sequence[str]) -> bool:
        """Whether this source is read under these profiles."""
        return set(self.only_with) <= set(profiles) and not set(self.not_with) & set(profiles)

    def required_fields(self) -> tuple[str, ...]:
        """Fields without which nothing can be told apart."""
        return tuple(field for field, _ in self.where)

    def optional_fields(self) -> tuple[str, ...]:
        """Fields that are read when the layer has them."""
        named = (self.above_ground, self.width_field, self.width_by)
        return tuple(dict.fromkeys([field for field, _ in self.unless] + [field for field in named if field]))

    def values_of(self, field: str) -> tuple[str, ...]:
        """Every value of `field` that this source knows by name."""
        pairs = [*self.where, *self.unless]
        if self.width_by:
            pairs.append((self.width_by, tuple(value for value, _ in self.widths_m)))
        return tuple(value for name, values in pairs if name.casefold() == field.casefold() for value in values)

    def as_dict(self) -> dict[str, Any]:
        """The form of the YAML file, without what is left to its default."""
        plain: dict[str, Any] = {"layer": self.layer}
        for name in ("where", "unless"):
            if pairs := getattr(self, name):
                plain[name] = {field: list(values) for field, values in pairs}
        for name in ("above_ground", "width_field", "width_by", "width_m", "instead_of"):
            if (value := getattr(self, name)) is not None:
                plain[name] = value
        if self.width_times_m != 1.0:
            plain["width_times_m"] = self.width_times_m
        if self.widths_m:
            plain["widths_m"] = dict(self.widths_m)
        for name in ("only_with", "not_with"):
            if profiles := getattr(self, name):
                plain[name] = list(profiles)
        return plain


def parse_source(value: Any, place: str) -> Source:
    """Check one source of a YAML file.

    Parameters
    ----------
    value
        What stands in the file: a mapping, or a bare layer name.
    place
        Where it stands, for the message ("bdtopo12.yaml, class road").

    Raises
    ------
    InputError
        With the key that is unknown or the value that is not of its kind.
    """
    if isinstance(value, str):
        return Source(layer=value)
    settings = checked_mapping(value, place, required=("layer",), allowed=tuple(Source.__dataclass_fields__))
    try:
        return Source(**{name: _PARSERS[name](setting) for name, setting in settings.items()})
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InputError(f"{place}: the source of layer {settings['layer']!r} is not well formed: {error}.") from error


def checked_mapping(value: Any, place: str, *, required: Sequence[str], allowed: Sequence[str]) -> Mapping[str, Any]:
    """Return `value` when it is a mapping with these keys only; the message names the nearest key otherwise."""
    if not isinstance(value, Mapping):
        raise InputError(f"{place}: expected keys and values, found {type(value).__name__}.")
    for name in value:
        if name not in allowed:
            near = difflib.get_close_matches(str(name), allowed, 1)
            meant = f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(allowed)}."
            raise InputError(f"{place}: unknown key {name!r}{meant}")
    if missing := [name for name in required if name not in value]:
        raise InputError(f"{place}: the key {missing[0]!r} is missing.")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"expected a name, found {value!r}")
    return value


def _values(value: Any) -> Values:
    return tuple((_text(field), _list(values)) for field, values in value.items())


def _list(value: Any) -> tuple[str, ...]:
    items = value if isinstance(value, (list, tuple)) else [value]
    if any(isinstance(item, bool) for item in items):
        raise ValueError("YAML reads a bare yes, no, true or false as a truth value; put the word in quotes")
    if not all(isinstance(item, (str, int, float)) for item in items):
        raise ValueError(f"expected a value or a list of values, found {value!r}")
    return tuple(str(item) for item in items)


def _metres(value: Any) -> float:
    metres = float(value)
    if not 0 < metres <= 1000:
        raise ValueError(f"a width lies between 0 and 1000 m, found {value!r}")
    return metres


def _widths(value: Any) -> tuple[tuple[str, float], ...]:
    return tuple((str(name), _metres(metres)) for name, metres in value.items())


_PARSERS: dict[str, Any] = {
    "layer": _text, "where": _values, "unless": _values, "above_ground": _text, "width_field": _text,
    "width_times_m": _metres, "width_by": _text, "widths_m": _widths, "width_m": _metres, "instead_of": _text,
    "only_with": _list, "not_with": _list,
}
