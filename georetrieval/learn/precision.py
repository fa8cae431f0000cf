"""Average precision of boxes, as COCO counts it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from georetrieval.errors import InputError, MissingExtraError, UsageError
from georetrieval.nets.detector import Found
from georetrieval.samples.boxes import BoxedPictures


@dataclass(frozen=True)
class Precision:
    """Shares, 0..1: the area under the precision-recall curve, mean over the labels.

    Attributes
    ----------
    ap
        Mean over the overlaps .50, .55, ... .95 from which a box counts as found.
    ap50, ap75
        At .50 and at .75.

    *Source*: COCO's definition; papers/004, table 1, gives .7292, .9704 and .8182.
    """

    ap: float
    ap50: float
    ap75: float


def average_precision(truth: BoxedPictures, found: Sequence[Found]) -> Precision:
    """How well `found`, one per picture of `truth` and with all scores in it, agrees with the true boxes.

    Raises
    ------
    MissingExtraError
        When pycocotools is not installed.
    UsageError
        When there is not one `Found` per picture.
    InputError
        When there is no true box.
    """
    if len(found) != len(truth):
        raise UsageError(f"{len(truth)} pictures have boxes, and {len(found)} answers were given.")
    if not any(len(boxes) for boxes in truth.boxes):
        raise InputError("There is no true box to measure a detector by; give pictures with boxes.")
    coco, cocoeval = pycocotools()
    answers = [answer for image, each in enumerate(found, start=1) for answer in _answers(image, each, truth.labels)]
    if not answers:
        return Precision(0.0, 0.0, 0.0)
    with redirect_stdout(io.StringIO()):
        known = coco.COCO()
        known.dataset = _dataset(truth)
        known.createIndex()
        judge = cocoeval.COCOeval(known, known.loadRes(answers), "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return Precision(*(float(value) for value in judge.stats[:3]))


def pycocotools() -> tuple[ModuleType, ModuleType]:
    """Its two modules, or `MissingExtraError`."""
    try:
        from pycocotools import coco, cocoeval
    except ImportError as error:
        raise MissingExtraError("Measuring a detector needs an optional part; install it with "
                                "pip install 'georetrieval[detect]'.") from error
    return coco, cocoeval


def _dataset(truth: BoxedPictures) -> dict[str, Any]:
    boxes = [(image, box, number) for image, (each, numbers) in
             enumerate(zip(truth.boxes, truth.numbers, strict=True), start=1)
             for box, number in zip(each, numbers, strict=True)]
    return {
        "info": {},
        "images": [{"id": number, "width": int(size[0]), "height": int(size[1])}
                   for number, size in enumerate(truth.sizes, start=1)],
        "categories": [{"id": number, "name": name} for number, name in enumerate(truth.labels, start=1)],
        "annotations": [{"id": row, "image_id": image, "category_id": int(number) + 1, "bbox": _xywh(box),
                         "area": float((box[2] - box[0]) * (box[3] - box[1])), "iscrowd": 0}
                        for row, (image, box, number) in enumerate(boxes, start=1)],
    }


def _answers(image: int, found: Found, labels: tuple[str, ...]) -> list[dict[str, Any]]:
    return [{"image_id": image, "category_id": labels.index(str(label)) + 1, "bbox": _xywh(box), "score": float(score)}
            for box, score, label in zip(found.boxes, found.scores, found.labels, strict=True)]


def _xywh(box: Any) -> list[float]:
    x0, y0, x1, y1 = (float(value) for value in box)
    return [x0, y0, x1 - x0, y1 - y0]
