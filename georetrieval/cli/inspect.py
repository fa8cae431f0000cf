"""`georetrieval inspect PATH`: what a delivery of vectors holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from georetrieval.cli.output import format_option, write_rows, write_value

if TYPE_CHECKING:
    from georetrieval.geo.inspection import Inspection


@click.command("inspect")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--mapping", metavar="FILE", help="Mapping file for layers that are not BD TOPO's, or the name of a "
                                                "packaged one (osm_geofabrik, alpe_dhuez).")
@click.option("--crs", metavar="CRS", help="CRS of the coordinates, against what the files say: EPSG:27572.")
@click.option("--encoding", metavar="NAME", help="Encoding of the .dbf texts, against what the files say: ISO-8859-1.")
@click.option("--legend", "legend_name", default="bdtopo12", show_default=True, metavar="NAME",
              help="Packaged legend, NAME+PROFILE, or a YAML file.")
@format_option()
def command(
    path: Path, mapping: str | None, crs: str | None, encoding: str | None, legend_name: str, format_: str,
) -> None:
    """Say what a delivery of vectors holds, and every trap in it.

    PATH is a folder, .shp, .gpkg, .zip, .7z or .7z.001. Printed are the edition, version, département and CRS, the
    layers with their objects and text encoding, the objects of each class of the legend, and one sentence for each
    thing that is odd: encodings that were guessed, missing or empty .prj files, parts of a shapefile that do not
    belong together or are not there, NULL geometries and widths, dates of 1590, classes without objects. Nothing is
    changed. A link in a folder may lead to files of that folder only; pipes, devices and addresses are refused.

    \b
    Examples:
      georetrieval inspect BDTOPO_3-0_TOUSTHEMES_SHP_LAMB93_D057_2019-03-19
      georetrieval inspect delivery.zip --format json
      georetrieval inspect alpe_dhuez_lambert2e --mapping alpe_dhuez --crs EPSG:27572
    """
    from georetrieval.cli.bars import progress
    from georetrieval.geo.deliveries import open_delivery
    from georetrieval.geo.inspection import inspect, rows
    from georetrieval.geo.legend import Legend

    legend = Legend.load(legend_name)
    delivery = open_delivery(path, mapping=mapping, crs=crs, encoding=encoding, legend=legend)
    with progress() as report:
        inspection = inspect(delivery, legend, progress=report)
    if format_ == "json":
        write_value(inspection.as_dict(), format_)
    elif format_ == "table":
        _print(inspection)
    else:
        write_rows(list(rows(inspection)), format_)


def _print(inspection: Inspection) -> None:
    """Four tables for a person."""
    names = ("path", "product", "version", "edition", "departement", "schema", "crs", "legend")
    write_rows([{"name": n, "value": getattr(inspection, n) or "not known"} for n in names], "table", title="Delivery")
    write_rows([
        {"layer": item.name, "objects": item.objects, "geometry": item.geometry, "encoding": item.encoding,
         "classes": ", ".join(item.classes), "file": item.file} for item in inspection.layers
    ], "table", title="Layers")
    write_rows([
        {"code": item.code, "class": item.key, "French name": item.name_fr, "objects": item.objects}
        for item in inspection.classes
    ], "table", title="Classes")
    if inspection.warnings:
        write_rows([{"warning": sentence} for sentence in inspection.warnings], "table", title="Warnings")
