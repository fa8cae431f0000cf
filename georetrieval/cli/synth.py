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
      georetrieval synth digits -o digits --count 2000
      georetrieval synth chairlifts -o lifts --seed 1
      georetrieval synth herd -o herd --animals 12 --frames 60
      georetrieval synth herd-crops -o crops --animals 20 --pictures 4
    """


out_option = click.option("-o", "--out", type=click.Path(path_type=Path), required=True,
                          help="Folder to write; must not exist.")


@command.command()
@out_option
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


@command.command()
@out_option
@click.option("--seed", default=1, show_default=True, help="Another seed is another world.")
@click.option("--source", type=click.Path(path_type=Path),
              help="An .npz file with images (n, 28, 28) and labels; default: scikit-learn's digits, enlarged.")
@click.option("--count", type=int, help="Pictures of all parts together; default: one for each digit of the source.")
@click.option("--scale", type=float, nargs=2, default=(1.0, 1.0), show_default=True, metavar="MIN MAX",
              help="Size of the digits in units of 28 px, 0.25 to 3.")
@click.option("--rotation", "rotation_deg", default=0.0, show_default=True,
              help="Digits are turned by at most this angle in degrees, either way.")
@click.option("--clutter", default=4, show_default=True, help="Pieces of other digits on a picture.")
@click.option("--noise", default=0.1, show_default=True, help="Deviation of the noise; 1 is the brightest ink.")
@format_option(*FORMATS)
def digits(out: Path, format_: str, **wish: Any) -> None:
    """Write distorted digits: a 28-px digit somewhere on 84 px of noise and clutter.

    DIR/pictures.csv lists the pictures: what digit each one shows, the box of its frame, and the part it belongs to.
    A handwritten digit is in one part only, so that those of the test were never seen; with more pictures than
    digits, a digit comes again at other places. The clutter is made of pieces of digits of the same part.

    \b
    Examples:
      georetrieval synth digits -o digits --count 2000
      georetrieval synth digits -o turned --source digits.npz --count 20000 --scale 0.5 1.5 --rotation 60
    """
    from georetrieval.synthetic.digits import write_digits

    with progress() as report:
        note = write_digits(out, progress=report, **wish)
    write_value(note, format_, title=str(out))


@command.command()
@out_option
@click.option("--seed", default=1, show_default=True, help="Another seed is twenty other chairlifts.")
@click.option("--large", is_flag=True, help="Train on the 36,600 pictures of Table 3, not the 2,000 of Table 1.")
@click.option("--lifts", default=20, show_default=True, help="The first so many of the 20 chairlifts.")
@click.option("--images-share", default=1.0, show_default=True, help="Share of the pictures to draw, up to 1.")
@format_option(*FORMATS)
def chairlifts(out: Path, format_: str, **wish: Any) -> None:
    """Write pictures of chairlifts whose safety bar is open or close, and two masks for each lift.

    Each lift has its own chair, viewpoint and station; weather, light and riders change from passage to passage.
    DIR/pictures.csv lists the pictures (key: open or close, scope: the lift, group: the passage) in the numbers of
    the published tables, and the masks, which lie beside the polygons they are drawn from (LabelMe JSON).

    \b
    Examples:
      georetrieval synth chairlifts -o lifts --seed 1
      georetrieval synth chairlifts -o few --lifts 4 --images-share 0.2
      georetrieval synth chairlifts -o lifts-large --seed 1 --large
    """
    from georetrieval.synthetic.chairlifts import write_chairlifts

    with progress() as report:
        note = write_chairlifts(out, progress=report, **wish)
    write_value(note, format_, title=str(out))


@command.command()
@out_option
@click.option("--seed", default=1, show_default=True, help="Another seed is another herd elsewhere.")
@click.option("--animals", default=36, show_default=True, help="Animals of the herd, each with its own coat.")
@click.option("--frames", default=200, show_default=True, help="Pictures of the pasture from above.")
@format_option(*FORMATS)
def herd(out: Path, format_: str, **wish: Any) -> None:
    """Write pictures of a herd from above: frames, boxes and who is who.

    DIR/boxes.json holds the boxes in COCO's form, each with its animal; DIR/pictures.csv lists the same boxes (key:
    the animal, group: the recording it was seen in). An animal is seen in several recordings, each with its own
    ground and light; the last one is the test part. Where animals stand close together, a box shows two of them.

    \b
    Examples:
      georetrieval synth herd -o herd --animals 12 --frames 60
      georetrieval synth herd -o other-herd --seed 2
    """
    from georetrieval.synthetic.herd import write_herd

    with progress() as report:
        note = write_herd(out, progress=report, **wish)
    write_value(note, format_, title=str(out))


@command.command("herd-crops")
@out_option
@click.option("--seed", default=1, show_default=True, help="Another seed is another herd under other cameras.")
@click.option("--animals", default=800, show_default=True, help="Animals of the herd, each with its own coat.")
@click.option("--pictures", default=12, show_default=True, help="Pictures of each animal.")
@click.option("--px", default=124, show_default=True, help="Side of a picture in pixels.")
@format_option(*FORMATS)
def herd_crops(out: Path, format_: str, **wish: Any) -> None:
    """Write pictures of single animals of a large herd, cut out as a detector would, each framed in black.

    Coats are to be told apart under any heading, camera, light and blur. DIR/pictures.csv lists the pictures (key: the
    animal, group: animal and camera); no animal is in two parts. DIR/regions.csv says where each torso lies: centre,
    sides along and across the spine, and its direction, which is what animals-herd.yaml learns.

    \b
    Examples:
      georetrieval synth herd-crops -o crops --animals 20 --pictures 4
      georetrieval synth herd-crops -o other-crops --seed 2
    """
    from georetrieval.synthetic.herd_crops import write_herd_crops

    with progress() as report:
        note = write_herd_crops(out, progress=report, **wish)
    write_value(note, format_, title=str(out))
