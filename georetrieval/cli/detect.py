"""`georetrieval detect`: crops of what a detector finds, and a list of them."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from georetrieval.cli.numbers import Within
from georetrieval.errors import GapsError, InputError


@click.command()
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="IMAGE...")
@click.option("--model", required=True, metavar="DETECTOR", help="Weights file of a detector, or its run folder.")
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="Folder of the crops; must be new or "
              "empty.")
@click.option("--min-score", type=Within(0, 1), default=0.5, show_default=True, help="Leave out boxes that "
              "are less sure.")
@click.option("--margin", type=Within(0, 1), default=0.0, show_default=True, help="Crop so much more on each "
              "side, as a share of the box.")
@click.option("--alone", is_flag=True, help="Leave out crops that seem to hold more than one thing.")
def command(
    images: tuple[Path, ...], model: str, out: Path, min_score: float, margin: float, alone: bool
) -> None:
    """Crop what a detector finds in each IMAGE.

    An IMAGE is a picture, a folder of them or a list. OUT gets a PNG per box, pictures.csv, which `index build`,
    `index add`, `search` and `classify` read (its keys are empty: fill them in to enrol), and boxes.json in COCO's
    format. Boxes that seem to hold more than one thing are flagged in the column crowded: those that cover much of two
    bodies' boxes, or are far larger than usual; a less sure box on the same body counts as none. Damaged images are
    told and the rest goes on.

    \b
    Examples:
      georetrieval detect frames/ --model runs/boxes -o crops
      georetrieval detect frame.jpg --model detector.safetensors -o crops --min-score 0.7 --margin 0.1 --alone
    """
    from georetrieval.cli.bars import progress
    from georetrieval.recipe.reading_regions import detect_into, load_detector

    detector = load_detector(model)
    with progress() as report:
        crops = detect_into(out, images, detector, least_score=min_score, margin=margin, alone=alone, progress=report)
    click.echo(f"{len(crops.annotations)} boxes in {len(crops.images)} pictures, {len(crops.rows)} crops, "
               f"{crops.crowded} of them flagged as crowded", err=True)
    click.echo(str(out))
    if crops.damaged:
        for sentence in crops.damaged:
            click.echo(f"left out: {sentence}", err=True)
        raise GapsError(f"{len(crops.damaged)} pictures were left out; see above.")
    if not crops.rows:
        raise InputError(f"Nothing was found in {len(crops.images)} pictures; try a lower --min-score.")
