"""`georetrieval detector`: train what `detect` looks with, and measure it."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from georetrieval.cli.numbers import Within


@click.group()
def command() -> None:
    """Train and measure detectors: boxes around things, from pictures with boxes in COCO's format."""


@command.command()
@click.argument("boxes", type=click.Path(path_type=Path))
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="Run folder; it gets "
              "detector.safetensors and detector.json.")
@click.option("--validation", type=click.Path(path_type=Path), help="Boxes of other pictures, by which the best "
              "weights are chosen; without it the part \"validation\" of BOXES, where its pictures have parts.")
@click.option("--kind", type=click.Choice(["retinanet", "ssd"]), default="retinanet", show_default=True,
              help="RetinaNet, or an SSD head on the same pyramid.")
@click.option("--trunk", default="resnet50", show_default=True, help="resnet18, resnet34, resnet50 or resnet101.")
@click.option("--weights", type=click.Path(path_type=Path), help="Weights of the trunk, .safetensors (`weights "
              "convert` makes them of .pth); random without.")
@click.option("--px", default=640, show_default=True, help="Longer side of a picture as the net sees it.")
@click.option("--anchor", default=32, show_default=True, help="Side of the smallest boxes, in those pixels.")
@click.option("--channels", default=256, show_default=True, help="Of the pyramid; 64 is for machines without a GPU.")
@click.option("--epochs", default=50, show_default=True, help="Times that all pictures are seen.")
@click.option("--minutes", type=Within(0, min_open=True), help="Stop when they are spent.")
@click.option("--batch", default=8, show_default=True, help="Pictures in a step.")
@click.option("--rate", default=2e-4, show_default=True, help="Largest learning rate.")
@click.option("--precision", type=click.Choice(["fp32", "bf16"]), default="fp32", show_default=True, help="Of the "
              "trunk in training; bf16 is faster where the processor knows it.")
@click.option("--seed", default=1, show_default=True, help="Of everything that is drawn.")
def train(
    boxes: Path, out: Path, validation: Path | None, kind: str, trunk: str, weights: Path | None, px: int, anchor: int,
    channels: int, epochs: int, minutes: float | None, batch: int, rate: float, precision: str, seed: int,
) -> None:
    """Train a detector on BOXES, a JSON file in COCO's format.

    Its categories are what the detector looks for, its file names are relative to its folder. Pictures that the file
    gives to a "part" (as those of `synth` do) are taken by it: train and validation; else all are trained on.

    \b
    Examples:
      georetrieval detector train frames/boxes.json -o runs/boxes
      georetrieval detector train boxes.json -o run --trunk resnet18 --px 256 --anchor 16 --channels 64 --minutes 20
    """
    import torch

    from georetrieval.cli.bars import progress
    from georetrieval.learn.detecting import DetectingSettings, train_detector
    from georetrieval.nets.detector import Detector, DetectorSettings
    from georetrieval.samples.boxes import BoxedPictures

    known = BoxedPictures.read(boxes)
    pictures = known.part("train") if "train" in known.parts else known
    seen = known.part("validation") if "validation" in known.parts and validation is None else None
    settings = DetectorSettings(labels=known.labels, kind=kind, trunk=trunk, px=px,  # type: ignore[arg-type]
                                anchor=anchor, channels=channels)
    torch.manual_seed(seed)
    with progress() as report:
        result = train_detector(
            Detector(settings, weights=weights), pictures,
            validation=seen if validation is None else BoxedPictures.read(validation), run=out, progress=report,
            settings=DetectingSettings(epochs=epochs, minutes=minutes, batch=batch, rate=rate, seed=seed,
                                       precision=precision),  # type: ignore[arg-type]
        )
    if result.best is not None:
        click.echo(f"validation after epoch {result.best_epoch}: AP {result.best.ap:.4f}, AP50 {result.best.ap50:.4f}, "
                   f"AP75 {result.best.ap75:.4f}", err=True)
    click.echo(str(result.weights))


@command.command()
@click.argument("detector", type=click.Path(path_type=Path))
@click.argument("boxes", type=click.Path(path_type=Path))
@click.option("--part", help="Measure on this part of BOXES only, such as test.")
def measure(detector: Path, boxes: Path, part: str | None) -> None:
    """Print the average precision of a DETECTOR on BOXES.

    DETECTOR is a weights file or a run folder, BOXES a JSON file in COCO's format. Goes to stdout as JSON: ap, ap50
    and ap75, shares from 0 to 1 as COCO counts them. Needs pycocotools (pip install 'georetrieval[detect]').

    \b
    Examples:
      georetrieval detector measure runs/boxes/detector.safetensors frames/boxes.json --part test
    """
    import json
    from dataclasses import asdict

    from georetrieval.learn.detecting import WEIGHTS, measure_detector
    from georetrieval.nets.detector import Detector
    from georetrieval.samples.boxes import BoxedPictures

    pictures = BoxedPictures.read(boxes)
    eye = Detector.load(detector / WEIGHTS if detector.is_dir() else detector)
    found = measure_detector(eye, pictures if part is None else pictures.part(part))
    click.echo(json.dumps(asdict(found)))
