"""Legend: the classes that vectors are painted in, their colours, their order, where their objects come from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from georetrieval.errors import InputError
from georetrieval.files import digest
from georetrieval.foreign import read_bytes
from georetrieval.geo.plain_yaml import plain_values
from georetrieval.geo.sources import Source, checked_mapping, parse_source

NOTHING = 0
"""Code of a pixel where no object lies."""

_COLOUR = re.compile(r"#([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})")
_KEY = re.compile(r"[a-z][a-z0-9_]*")
_CLASS_KEYS = ("code", "key", "name_fr", "name_en", "colour", "order", "sources")
MAX_YAML_BYTES = 1 << 20


@dataclass(frozen=True)
class LegendClass:
    """One class of a legend.

    Attributes
    ----------
    code
        1 to 255, the value of its pixels; 0 is "nothing".
    key
        Name in tables and columns, e.g. "road".
    name_fr, name_en
        Names for people.
    colour
        Red, green, blue, 0 to 255.
    order
        Painter's order: low first, so that high lies on top.
    sources
        Pairs of a schema ("bdtopo_v2") and the sources of the class in it.
    """

    code: int
    key: str
    name_fr: str
    name_en: str
    colour: tuple[int, int, int]
    order: int
    sources: tuple[tuple[str, tuple[Source, ...]], ...] = ()

    def sources_in(self, schema: str) -> tuple[Source, ...]:
        """The sources of this class in one schema; empty when the schema has none."""
        return dict(self.sources).get(schema, ())

    def as_dict(self) -> dict[str, Any]:
        """The form of the YAML file."""
        return {
            "code": self.code, "key": self.key, "name_fr": self.name_fr, "name_en": self.name_en,
            "colour": "#{:02X}{:02X}{:02X}".format(*self.colour), "order": self.order,
            "sources": {schema: [source.as_dict() for source in sources] for schema, sources in self.sources},
        }


@dataclass(frozen=True)
class Legend:
    """Classes sorted by code.

    `Legend.load("bdtopo12")` gives the twelve classes of the paper; `Legend.load("bdtopo12", profiles=["trees"])`
    or `Legend.load("bdtopo12+trees")` the same with one of the profiles of its file.

    *Source*: the twelve classes and their colours, RFIAP 2020, Table 1 (REFERENCE.md A).
    """

    name: str
    classes: tuple[LegendClass, ...]

    @classmethod
    def load(cls, name: str | Path, *, profiles: Sequence[str] = ()) -> Legend:
        """Read a packaged legend by its name, or any YAML file by its path.

        Raises
        ------
        InputError
            When there is no such legend, or its file is not well formed.
        """
        text = str(name)
        path = Path(text)
        if not path.is_file():
            text, *more = text.split("+")
            profiles = (*profiles, *more)
            path = packaged("legends", text)
        value = read_yaml(path, "legend")
        return cls.of(value, place=path.name, profiles=profiles)

    @classmethod
    def of(cls, value: Any, *, place: str = "legend", profiles: Sequence[str] = ()) -> Legend:
        """Check a legend given as plain values: the inverse of `as_dict`."""
        top = checked_mapping(value, place, required=("name", "classes"), allowed=("name", "profiles", "classes"))
        known = top.get("profiles") or {}
        if not isinstance(known, Mapping) or not all(isinstance(name, str) for name in known):
            raise InputError(f"{place}: 'profiles' has to name each profile and say what it is.")
        for profile in profiles:
            if profile not in known:
                raise InputError(f"{place} has no profile {profile!r}; it has: {', '.join(known) or 'none'}.")
        if not isinstance(top["classes"], Sequence) or not top["classes"]:
            raise InputError(f"{place}: 'classes' has to be a list with at least one class.")
        classes = sorted((_class(item, place, profiles) for item in top["classes"]), key=lambda item: item.code)
        for what in ("code", "key"):
            values = [getattr(item, what) for item in classes]
            if twice := sorted({str(v) for v in values if values.count(v) > 1}):
                raise InputError(f"{place}: the {what} {twice[0]} is given to two classes.")
        return cls(name="+".join([str(top["name"]), *profiles]), classes=tuple(classes))

    def _repr_html_(self) -> str:
        from georetrieval.geo.showing import legend_html

        return legend_html(self)

    def palette(self) -> NDArray[np.uint8]:
        """Colours by code, shape (256, 3), uint8 0..255; black where there is no class."""
        colours = np.zeros((256, 3), np.uint8)
        for item in self.classes:
            colours[item.code] = item.colour
        return colours

    def keys(self) -> tuple[str, ...]:
        """Class keys in the order of their codes."""
        return tuple(item.key for item in self.classes)

    @cached_property
    def by_code(self) -> Mapping[int, LegendClass]:
        """Classes by code."""
        return {item.code: item for item in self.classes}

    @cached_property
    def by_key(self) -> Mapping[str, LegendClass]:
        """Classes by key."""
        return {item.key: item for item in self.classes}

    @cached_property
    def digest(self) -> str:
        """Hex SHA-256 of all that changes a painted pixel: codes, keys, colours, order and sources, not the names."""
        plain = [item.as_dict() for item in self.classes]
        return digest([{k: v for k, v in item.items() if not k.startswith("name_")} for item in plain])

    def schemas(self) -> tuple[str, ...]:
        """Names of the schemas that some class has sources in."""
        return tuple(dict.fromkeys(schema for item in self.classes for schema, _ in item.sources))

    def sources(self, schema: str) -> list[tuple[LegendClass, Source]]:
        """Every class and source of one schema."""
        return [(item, source) for item in self.classes for source in item.sources_in(schema)]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON or YAML: what a tile set or an index keeps of its legend."""
        return {"name": self.name, "classes": [item.as_dict() for item in self.classes]}


def packaged(folder: str, name: str) -> Path:
    """Path of a YAML file that comes with the package.

    Raises
    ------
    InputError
        When there is none of that name; the message lists those there are.
    """
    room = Path(str(package_files("georetrieval.geo"))) / folder
    known = {path.stem: path for path in room.glob("*.yaml")}
    if name not in known:
        there = ", ".join(sorted(known))
        raise InputError(f"There is no file {name} and no packaged one of that name; packaged: {there}.")
    return known[name]


def read_yaml(path: Path, what: str) -> Any:
    """Read a small YAML file safely (no tags, no objects).

    Raises
    ------
    InputError
        When it cannot be read, is too large or is not YAML.
    """
    try:
        return plain_values(read_bytes(path, MAX_YAML_BYTES, f"a {what} file").decode("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"The {what} file {path} is not YAML: {' '.join(str(error).split())}.") from error


def _class(value: Any, place: str, profiles: Sequence[str]) -> LegendClass:
    item = checked_mapping(value, f"{place}, a class", required=_CLASS_KEYS[:-1], allowed=_CLASS_KEYS)
    key = item["key"]
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise InputError(f"{place}: a class key is lower-case letters, digits and _, found {key!r}.")
    where = f"{place}, class {key}"
    code, order = item["code"], item["order"]
    if not isinstance(code, int) or isinstance(code, bool) or not 1 <= code <= 255:
        raise InputError(f"{where}: a code is a whole number from 1 to 255, found {code!r}.")
    if not isinstance(order, int) or isinstance(order, bool):
        raise InputError(f"{where}: the painter's order is a whole number, found {order!r}.")
    return LegendClass(
        code=code, key=key, name_fr=str(item["name_fr"]), name_en=str(item["name_en"]),
        colour=_colour(item["colour"], where), order=order, sources=_sources(item.get("sources"), where, profiles),
    )


def _colour(value: Any, where: str) -> tuple[int, int, int]:
    if match := _COLOUR.fullmatch(str(value)):
        red, green, blue = (int(part, 16) for part in match.groups())
        return red, green, blue
    raise InputError(f"{where}: a colour is written \"#RRGGBB\" (in quotes), found {value!r}.")


def _sources(value: Any, where: str, profiles: Sequence[str]) -> tuple[tuple[str, tuple[Source, ...]], ...]:
    if value is None:
        return ()
    if not isinstance(value, Mapping) or not all(isinstance(items, list) for items in value.values()):
        raise InputError(f"{where}: 'sources' has to give a list of sources for each schema.")
    parsed = {
        str(schema): tuple(parse_source(item, f"{where}, {schema}") for item in items)
        for schema, items in value.items()
    }
    return tuple((schema, tuple(s for s in items if s.wanted(profiles))) for schema, items in parsed.items())
