"""`georetrieval synth`: made-up worlds on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rich_click as click

from georetrieval.cli.bars import progress
from georetrieval.cli.output import FORMATS, format_option, write_value


@click.group()
def command() -> None:
    """Write a made-up world in real file formats.

    Every file is made from the seed alone: the same command writes the same bytes, so that a figure measured on
    a made-up world can be measured again anywhere.

    \b
    Examples:
      georetrieval synth departement -o world --km 6 --seed 1
    """


@command.command()
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help="Folder to write; must not exist.")
@click.option("--km", default=12, show_default=True, help="Side of the square in kilometres, 3 to 60.")
@click.option("--seed", default=1, show_default=True, help="Another seed is another département elsewhere.")
@click.option("--departement", default="98", show_default=True, help="Two digits; no real département has 98.")
@click.option("--gsd-m", default=2.0, show_default=True, help="Metres per pixel of the photographs; real: 0.5.")
@click.option("--sheet-km", default=5, show_default=True, help="Side of a sheet of photographs in kilometres.")
@click.option("--old", default=2004, show_default=True, help="Year of the older photographs.")
@click.option("--new", default=2019, show_default=True, help="Year of the newer photographs.")
@click.option("--old-format", type=click.Choice(["jp2", "tif"]), default="jp2", show_default=True,
              help="Files of the older photographs.")
@click.option("--new-format", type=click.Choice(["jp2", "tif"]), default="tif", show_default=True,
              help="Files of the newer photographs.")
@click.option("--new-vectors", type=click.Choice(["gpkg", "shp", "both"]), default="gpkg", show_default=True,
              help="Files of the newer BD TOPO edition.")
@click.option("--encoding", type=click.Choice(["mixed", "utf-8", "latin-1"]), default="mixed", show_default=True,
              help="Text of the older edition, never declared in a .cpg; mixed = by theme.")
@format_option(*FORMATS)
def departement(out: Path, format_: str, **wish: Any) -> None:
    """Write a made-up département: BD TOPO and BD ORTHO of two dates.

    The older date has BD TOPO 2.0 as shapefiles, the newer one BD TOPO 3.0 as GeoPackage or shapefiles; the
    photographs lie in sheets under IGN's names. Between the dates houses are built and pulled down, fields are
    merged and sown anew, woods move, light and film differ, everything is shifted by a few metres, and the two
    editions leave out different things. DIR/world.json says what lies where.

    \b
    Examples:
      georetrieval synth departement -o world --km 6 --seed 1
      georetrieval synth departement -o real-size --km 5 --gsd-m 0.5 --new-format jp2 --new-vectors both
    """
    from georetrieval.synthetic.departement import write_departement

    with progress() as report:
        note = write_departement(out, progress=report, **wish)
    write_value(note, format_, title=str(out))
