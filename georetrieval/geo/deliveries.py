"""Deliveries of vector layers: what a folder, file or archive holds, and what it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from georetrieval.errors import InputError
from georetrieval.foreign import kept_inside, regular
from georetrieval.geo.archives import Unpacked, is_archive
from georetrieval.geo.crs import parse_crs
from georetrieval.geo.encoding import checked_codec
from georetrieval.geo.geopackage import SIGNATURE, check_geopackage
from georetrieval.geo.legend import Legend, LegendClass
from georetrieval.geo.mapping import Mapping
from georetrieval.geo.names import DeliveryName, delivery_names, parse_name
from georetrieval.geo.shapefile import MAGIC
from georetrieval.geo.sources import Source
from georetrieval.geo.traps import reading

MAPPED = "mapping"
"""Schema of a delivery that is read through a mapping file."""

_SIGNATURES = {".shp": MAGIC, ".gpkg": SIGNATURE}
_GPKG_SCHEMA = "bdtopo_v3_gpkg"
MAX_FILES = 100_000


@dataclass(frozen=True)
class LayerRef:
    """One layer of a delivery.

    Attributes
    ----------
    name
        As it is written ("ROUTE", "troncon_de_route").
    path
        The .shp or .gpkg file.
    gpkg_layer
        Name of the table in a GeoPackage; None for a shapefile.
    role
        "painted" when some class of the legend may be read from it, else "other".
    """

    name: str
    path: Path
    gpkg_layer: str | None = None
    role: str = "other"


@dataclass(frozen=True)
class Delivery:
    """What was found at a path.

    Attributes
    ----------
    path
        What the person gave.
    product, version, edition, departement
        "BD TOPO", "2.0", "2008-Q3" or a date, "57"; "" where no name says it.
    schema
        Name of the legend's schema ("bdtopo_v2", "bdtopo_v3_shp", "bdtopo_v3_gpkg") or "mapping".
    layers
        Every layer, painted or not, sorted by name.
    mapping
        The mapping file, if there is one.
    crs, encoding
        What the person (or else the mapping) says against the files; None to believe the files.
    projection
        Hint of the delivery's name ("LAMB93"); "" without one.
    """

    path: Path
    product: str
    version: str
    edition: str
    departement: str
    schema: str
    layers: tuple[LayerRef, ...]
    mapping: Mapping | None = None
    crs: str | None = None
    encoding: str | None = None
    projection: str = ""
    _unpacked: Unpacked | None = field(default=None, repr=False, compare=False)

    def sources(self, legend: Legend) -> list[tuple[LegendClass, Source]]:
        """The classes of a legend and their sources in this delivery's schema.

        A source that stands in for another layer is left out when that layer is there.
        """
        found = self.mapping.sources(legend) if self.mapping else legend.sources(self.schema)
        there = {layer.name.casefold() for layer in self.layers}
        return [(item, s) for item, s in found if s.instead_of is None or s.instead_of.casefold() not in there]

    @property
    def root(self) -> Path:
        """The folder that the layers lie under: what was given, or where its archive was unpacked."""
        return self._unpacked.folder if self._unpacked else self.path

    def named(self, name: str) -> tuple[LayerRef, ...]:
        """The layers of this name without regard to case: several when a folder holds several départements."""
        return tuple(layer for layer in self.layers if layer.name.casefold() == name.casefold())


def open_delivery(
    path: Path, *, mapping: Path | str | None = None, crs: str | None = None, encoding: str | None = None,
    legend: Legend | None = None,
) -> Delivery:
    """Find out what vector layers lie at a path, at any depth and in any case.

    Parameters
    ----------
    path
        Folder, .shp, .gpkg, .zip, .7z or .7z.001.
    mapping
        Mapping file (or the name of a packaged one) for layers that are not BD TOPO's.
    crs
        CRS of the coordinates, against whatever the files say ("EPSG:27572").
    encoding
        Encoding of the .dbf texts, against whatever the files say.
    legend
        Its layer names decide which schema the delivery has; the twelve classes by default.

    Raises
    ------
    InputError
        When nothing is there, nothing is known, or several editions lie side by side.
    UsageError
        When `crs` or `encoding` is none.
    MissingExtraError
        When a .7z archive needs an optional part.
    """
    path = Path(path)
    legend = legend or Legend.load("bdtopo12")
    loaded = Mapping.load(mapping) if mapping is not None else None
    crs = crs or (loaded.crs if loaded else None)
    encoding = encoding or (loaded.encoding if loaded else None)
    if crs:
        parse_crs(crs)
    if encoding:
        checked_codec(encoding)
    if not path.exists():
        raise InputError(f"There is no file or folder {path}.")
    unpacked = Unpacked(path) if path.is_file() and is_archive(path) else None
    layers = _layers(unpacked.folder if unpacked else path, path)
    name = _one_name(path, layers, unpacked)
    schema, known = (MAPPED, _mapped(loaded, legend)) if loaded else _schema(path, layers, legend)
    layers = [replace(layer, role="painted" if layer.name.casefold() in known else "other") for layer in layers]
    layers.sort(key=lambda layer: (layer.name, layer.path))
    if not any(layer.role == "painted" for layer in layers):
        raise InputError(_nothing_known(path, layers, loaded))
    return Delivery(
        path=path, product=loaded.name if loaded else "BD TOPO", version=name.version, edition=name.edition,
        departement=name.departement, schema=schema, layers=tuple(layers),
        mapping=loaded, crs=crs, encoding=encoding, projection=name.projection, _unpacked=unpacked,
    )


def _layers(place: Path, asked: Path) -> list[LayerRef]:
    """Every layer of every file whose first bytes are those of a shapefile or a GeoPackage."""
    if place.is_file() and place.suffix.lower() not in _SIGNATURES:
        raise InputError(f"{asked} is not a vector delivery; give a folder, .shp, .gpkg, .zip, .7z or .7z.001.")
    files = [place] if place.is_file() else _vector_files(place)
    if not files:
        raise InputError(f"{asked} holds no vector layers (.shp or .gpkg) at any depth.")
    return [layer for file in files for layer in _layers_of(file)]


def _vector_files(folder: Path) -> list[Path]:
    found: list[Path] = []
    for count, path in enumerate(folder.rglob("*")):
        if count > MAX_FILES:
            raise InputError(f"{folder} holds more than {MAX_FILES} files; give the folder of one delivery.")
        if path.suffix.lower() in _SIGNATURES and not path.name.startswith(".") and not path.is_dir():
            if not kept_inside(path, folder):
                raise InputError(f"{path} is a link out of its folder; put the file itself there, or give its folder.")
            found.append(path)
    return sorted(found)


def _layers_of(file: Path) -> list[LayerRef]:
    """Sniff the format, since GDAL would open whatever the bytes are, under any name."""
    file = file.resolve()
    suffix = file.suffix.lower()
    if suffix not in _SIGNATURES:
        raise InputError(f"{file} is no vector layer by its name; a link has to lead to a .shp or .gpkg.")
    if "!" in str(file):
        raise InputError(f"{file} has a ! in its path, which GDAL's readers take for the inside of an archive; rename "
                         "it.")
    signature = _SIGNATURES[suffix]
    regular(file, "a vector layer")
    with reading(file), file.open("rb") as opened:
        first = opened.read(len(signature))
    if first != signature:
        what = "shapefile" if suffix == ".shp" else "GeoPackage"
        raise InputError(f"{file} is not a {what}: its first bytes are those of another format.")
    if suffix == ".shp":
        return [LayerRef(file.stem, file)]
    import pyogrio

    check_geopackage(file)
    with reading(file):
        tables = pyogrio.list_layers(file)
    return [LayerRef(str(name), file, str(name)) for name, geometry in tables if geometry]


def _one_name(path: Path, layers: Sequence[LayerRef], unpacked: Unpacked | None) -> DeliveryName:
    """The name of the delivery: from the paths of its layers, else from the path that was given."""
    outside = parse_name(str(path.absolute()))
    root = unpacked.folder if unpacked else None
    inside = delivery_names(layer.path.relative_to(root) if root else layer.path for layer in layers)
    names = inside or ((outside,) if outside else ())
    if len({(name.version, name.edition) for name in names}) > 1:
        listed = ", ".join(sorted({f"{name.version} of {name.edition}" for name in names}))
        raise InputError(f"{path} holds several deliveries ({listed}); give the folder of one of them.")
    if not names:
        return DeliveryName("", "", "", "")
    return replace(names[0], departement="+".join(dict.fromkeys(name.departement for name in names)))


def _mapped(mapping: Mapping, legend: Legend) -> set[str]:
    return {source.layer.casefold() for _, source in mapping.sources(legend)}


def _schema(path: Path, layers: Sequence[LayerRef], legend: Legend) -> tuple[str, set[str]]:
    """The schema of the legend that knows most of these layers, and the layer names of it."""
    names = {layer.name.casefold() for layer in layers}
    known = {s: {source.layer.casefold() for _, source in legend.sources(s)} for s in legend.schemas()}
    if not known:
        raise InputError(f"The legend {legend.name} does not say where its classes lie: {path} needs a mapping file.")
    gpkg = any(layer.gpkg_layer for layer in layers)
    hits = Counter({schema: len(names & there) for schema, there in known.items()})
    best = max(hits, key=lambda schema: (hits[schema], (schema == _GPKG_SCHEMA) == gpkg))
    return best, known[best]


def _nothing_known(path: Path, layers: Iterable[LayerRef], mapping: Mapping | None) -> str:
    found = sorted({layer.name for layer in layers})
    shown = ", ".join(found[:5]) + (f" and {len(found) - 5} more" if len(found) > 5 else "")
    if mapping:
        return f"{path} holds none of the layers that the mapping {mapping.name} names; found {shown}."
    return f"{path} holds no layer of BD TOPO; found {shown}. For other vectors give a mapping file (--mapping)."
