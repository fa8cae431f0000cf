"""Mapping files: how the layers of any other producer serve the classes of a legend."""

from __future__ import annotations

from collections.abc import Mapping as Pairs
from dataclasses import dataclass
from pathlib import Path

from georetrieval.errors import InputError
from georetrieval.files import digest
from georetrieval.geo.legend import Legend, LegendClass, packaged, read_yaml
from georetrieval.geo.sources import Source, checked_mapping, parse_source


@dataclass(frozen=True)
class Mapping:
    """The content of a mapping file.

    Attributes
    ----------
    name
        Shown as the product of the delivery.
    classes
        Pairs of a class key and its sources.
    crs, encoding
        What the files do not say themselves; the command line's `--crs` and `--encoding` come first.
    """

    name: str
    classes: tuple[tuple[str, tuple[Source, ...]], ...]
    crs: str | None = None
    encoding: str | None = None

    @classmethod
    def load(cls, name: str | Path) -> Mapping:
        """Read a mapping file by its path, or a packaged one by its name ("osm_geofabrik").

        Raises
        ------
        InputError
            When there is none, or it is not well formed.
        """
        path = Path(name)
        if not path.is_file():
            path = packaged("legends/mappings", str(name))
        place = path.name
        top = checked_mapping(read_yaml(path, "mapping"), place, required=("name", "classes"),
                              allowed=("name", "crs", "encoding", "classes"))
        classes = top["classes"]
        if not isinstance(classes, Pairs) or not classes:
            raise InputError(f"{place}: 'classes' has to give a list of layers for at least one class.")
        return cls(
            name=str(top["name"]), crs=top.get("crs"), encoding=top.get("encoding"),
            classes=tuple((str(key), _sources(value, f"{place}, class {key}")) for key, value in classes.items()),
        )

    def sources(self, legend: Legend) -> list[tuple[LegendClass, Source]]:
        """Every class of the legend that this mapping serves, with its sources.

        Raises
        ------
        InputError
            When the mapping names a class that the legend does not have.
        """
        for key, _ in self.classes:
            if key not in legend.by_key:
                raise InputError(f"The mapping {self.name} names the class {key!r}, which the legend {legend.name} "
                                 f"does not have; it has: {', '.join(legend.keys())}.")
        return [(legend.by_key[key], source) for key, sources in self.classes for source in sources]

    @property
    def digest(self) -> str:
        """Hex SHA-256 of the whole mapping."""
        classes = {key: [source.as_dict() for source in sources] for key, sources in self.classes}
        return digest({"crs": self.crs, "encoding": self.encoding, "classes": classes})


def _sources(value: object, place: str) -> tuple[Source, ...]:
    items = value if isinstance(value, list) else [value]
    return tuple(parse_source(item, place) for item in items)
