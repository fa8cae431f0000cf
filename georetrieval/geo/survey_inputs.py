"""What a survey is made from, opened and checked: photos and vectors in the grid's CRS, over one another."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from georetrieval.errors import InputError, UsageError
from georetrieval.geo.beside import PICTURES_BESIDE, found_beside, names_beside
from georetrieval.geo.blocks import Block, photo_blocks, vector_blocks
from georetrieval.geo.crs import crs_name, parse_crs, same_crs
from georetrieval.geo.grid import Bounds, TileGrid, intersection, spoken
from georetrieval.geo.legend import Legend
from georetrieval.geo.ortho import Mosaic, open_mosaic
from georetrieval.geo.paint import Painter
from georetrieval.geo.sheets import Sheet
from georetrieval.geo.source_files import checked
from georetrieval.geo.sums import FileSum, file_sum
from georetrieval.geo.tile import Survey
from georetrieval.progress import Progress, silent

if TYPE_CHECKING:
    from georetrieval.geo.deliveries import Delivery

_SIDE_FILES = (".shx", ".dbf", ".prj", ".cpg")


@dataclass(frozen=True)
class Inputs:
    """An opened survey.

    Attributes
    ----------
    mosaic, painter
        None when the survey has no photos, or no vectors.
    notes
        What the reading of the vectors had to say.
    vector_files
        Every file that the vectors are read from.
    """

    survey: Survey
    mosaic: Mosaic | None
    painter: Painter | None
    notes: tuple[str, ...] = ()
    vector_files: tuple[Path, ...] = ()

    @property
    def bands(self) -> tuple[str, ...]:
        """Bands of its tiles."""
        photo = self.mosaic.bands if self.mosaic else ()
        return (*photo, *(("classes",) if self.painter else ()))

    def blocks(self, grid: TileGrid, px: int) -> list[Block]:
        """Blocks of its cells: those of the photos, without photos those of the vectors."""
        if self.mosaic is not None:
            return photo_blocks(self.mosaic, grid, px)
        assert self.painter is not None
        bounds = self.painter.bounds
        return vector_blocks(bounds, grid, px) if bounds else []


def check_grid(grid: TileGrid, px: int) -> None:
    """Refuse a grid that is not in metres, and silly tile sizes.

    Raises
    ------
    UsageError
        When it does not fit.
    """
    if not 1 <= px <= 4096:
        raise UsageError(f"A tile is 1 to 4096 pixels wide; found {px}.")
    if grid.crs:
        crs = parse_crs(grid.crs)
        units = {axis.unit_name for axis in crs.axis_info}
        if not crs.is_projected or units != {"metre"}:
            raise UsageError(
                f"A grid needs a CRS in metres, but {crs_name(grid.crs)} is in {', '.join(sorted(units))}; "
                "for mainland France take EPSG:2154."
            )


def open_photos(survey: Survey, grid: TileGrid) -> Mosaic | None:
    """Open the photos of a survey and check their CRS.

    Raises
    ------
    InputError
        When they cannot be read, are not what the survey's list of checksums says, or lie in another CRS than the grid.
    """
    if survey.photos is None:
        return None
    refused = survey.checked.refused if survey.checked else {}
    mosaic = open_mosaic(survey.photos, bounds=survey.bounds, crs=survey.crs or grid.crs or None, refused=refused)
    if not mosaic.sheets[0].placed and grid.crs:
        raise InputError(
            f"{survey.photos} does not say where it lies; give --bounds xmin ymin xmax ymax, "
            "put a world file beside it, or use a plain frame (--crs \"\")."
        )
    if not same_crs(mosaic.crs, grid.crs):
        raise InputError(
            f"The photos {survey.photos} are in {crs_name(mosaic.crs)}, the grid is in {crs_name(grid.crs)}; "
            f"reproject them with `gdalwarp -t_srs {grid.crs}`." if grid.crs else
            f"The photos {survey.photos} are in {crs_name(mosaic.crs)}, but a plain frame has no CRS; give --crs."
        )
    return mosaic


def open_inputs(survey: Survey, grid: TileGrid, legend: Legend, *, progress: Progress = silent) -> Inputs:
    """Open and check everything that a survey names.

    Raises
    ------
    InputError
        When something is missing or damaged, or photos and vectors do not lie over one another.
    """
    survey = checked(survey, progress=progress)
    mosaic = open_photos(survey, grid)
    if survey.vectors is None:
        return Inputs(survey, mosaic, None)
    from georetrieval.geo.deliveries import open_delivery
    from georetrieval.geo.layers import read_classes

    if not grid.crs:
        raise UsageError("Vectors need a grid on the ground; give --crs, or leave the vectors out of a plain frame.")
    delivery = open_delivery(
        survey.vectors, mapping=survey.mapping, crs=survey.crs, encoding=survey.encoding, legend=legend
    )
    wanted = mosaic.bounds if mosaic else None
    objects = read_classes(delivery, legend, bounds=wanted, crs=grid.crs, progress=progress)
    painter = Painter(objects)
    if not len(painter):
        explain_nothing(survey, mosaic, delivery, legend, grid)
    return Inputs(survey, mosaic, painter, tuple(objects.notes), vector_files(survey, delivery))


def inventory(inputs: Inputs, photos: Collection[Path], *, progress: Progress = silent) -> dict[Path, FileSum]:
    """Sizes and SHA-256 of every file that the pixels of these photos and of the vectors depend on, read once."""
    ordered = sorted({*photos, *(p for photo in photos for p in found_beside(photo)), *inputs.vector_files})
    known = inputs.survey.checked.found if inputs.survey.checked else {}
    sums = {}
    for number, path in enumerate(ordered, 1):
        sums[path] = known.get(path.absolute()) or file_sum(path)[0]
        progress(number, len(ordered), f"checksums {inputs.survey.name}")
    return sums


def vector_sums(inputs: Inputs, sums: Mapping[Path, FileSum]) -> list[list[str]]:
    """Name and SHA-256 of the files of the vectors, sorted."""
    return sorted([path.name, sums[path].sha256] for path in inputs.vector_files)


def sheets_met(mosaic: Mosaic | None, bounds: Sequence[Bounds]) -> list[list[Sheet]]:
    """The sheets that meet each rectangle."""
    sheets = mosaic.sheets if mosaic else ()
    return [[sheet for sheet in sheets if intersection(sheet.bounds, one)] for one in bounds]


def sheet_sums(sheets: Sequence[Sheet], sums: Mapping[Path, FileSum]) -> list[list[object]]:
    """What the photo of some sheets depends on: their places, their SHA-256, those of overviews and masks beside."""
    beside = {sheet.path: [sums[p].sha256 for p in names_beside(sheet.path)
                           if p in sums and p.suffix.lower() in PICTURES_BESIDE] for sheet in sheets}
    return [[sheet.path.name, list(sheet.bounds), list(sheet.window), sums[sheet.path].sha256, *beside[sheet.path]]
            for sheet in sheets]


def vector_files(survey: Survey, delivery: Delivery) -> tuple[Path, ...]:
    """Every file that the vectors of a survey are read from."""
    path = survey.vectors
    assert path is not None
    files = {survey.mapping} if survey.mapping and survey.mapping.is_file() else set()
    if path.is_file() and path.suffix.lower() != ".shp":
        stem = path.name.split(".7z")[0]
        return (*sorted(files), *sorted(p for p in path.parent.iterdir() if p.is_file() and p.name.startswith(stem)))
    for layer in {layer.path for layer in delivery.layers}:
        files.add(layer)
        files |= {p for p in layer.parent.iterdir() if p.stem == layer.stem and p.suffix.lower() in _SIDE_FILES}
    return tuple(sorted(files))


def explain_nothing(
    survey: Survey, mosaic: Mosaic | None, delivery: Delivery, legend: Legend, grid: TileGrid
) -> None:
    """Raise an InputError that says why no object of a delivery is to be painted."""
    from georetrieval.geo.layers import read_classes

    extent = Painter(read_classes(delivery, legend, bounds=None, crs=grid.crs)).bounds if mosaic else None
    if mosaic is None or extent is None:
        raise InputError(
            f"The vectors {survey.vectors} hold no object of the legend {legend.name}; "
            f"`georetrieval inspect {survey.vectors}` shows why."
        )
    where = f"the photos lie at {spoken(mosaic.bounds)}, the vectors at {spoken(extent)} in {crs_name(grid.crs)}"
    raise InputError(
        f"Photos and vectors of {survey.name} do not overlap: {where}; check that both are of the same place "
        "and that --crs is right."
    )
