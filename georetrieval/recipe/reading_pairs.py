"""Two pictures are the same or not: their distance against a threshold, and the regions that were looked at."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
import torch

from georetrieval.errors import InputError
from georetrieval.files import publish_json
from georetrieval.learn.relations import Pairs
from georetrieval.learn.verdicts import accuracy, best_threshold, pair_distances
from georetrieval.nets.embedder import DescriptorNet, Embedder
from georetrieval.recipe.build import load_eye
from georetrieval.recipe.models import BASELINES, weights_file
from georetrieval.recipe.reading_pictures import looked, side_of
from georetrieval.samples.images import picture_size
from georetrieval.samples.listing import NAME, Listing
from georetrieval.samples.sample import Subset
from georetrieval.search.descriptors import Descriptors, Space
from georetrieval.search.index import Doubles

Mask = npt.NDArray[np.bool_]
THRESHOLD = "threshold.json"
"""Beside the weights: {"distance": how far apart two pictures may be to be called the same, ...}."""
MOST_PAIRS = 1_000_000
TRUE = {"1": True, "true": True, "yes": True, "same": True, "0": False, "false": False, "no": False, "different": False}


@dataclass(frozen=True, eq=False)
class PairList:
    """Pairs of pictures.

    Attributes
    ----------
    first, second : n paths each
    same : (n,) bool, whether they show the same; None where it is not known
    """

    first: tuple[Path, ...]
    second: tuple[Path, ...]
    same: Mask | None = None

    def __len__(self) -> int:
        return len(self.first)

    @classmethod
    def read(cls, path: Path) -> PairList:
        """Read a CSV with the columns a, b and perhaps same (1 or 0, yes or no); paths start at its folder.

        Raises
        ------
        InputError
            When it is missing, has no such columns or no rows, or a row makes no sense.
        """
        if not path.is_file():
            raise InputError(f"There is no file {path}; give a CSV with the columns a and b.")
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                reader = csv.DictReader(file)
                header, rows = tuple(reader.fieldnames or ()), list(islice(reader, MOST_PAIRS + 1))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise InputError(f"{path} cannot be read as a list of pairs (CSV, UTF-8): {error}.") from error
        if not {"a", "b"} <= set(header) or not 0 < len(rows) <= MOST_PAIRS:
            raise InputError(f"{path} is no list of pairs: it needs the columns a and b (and may have same) and 1 to "
                             f"{MOST_PAIRS} rows; found {', '.join(header) or 'no columns'} and {len(rows)} rows.")
        words = [(row.get("same") or "").strip().lower() for row in rows]
        wrong = next((n for n, word in enumerate(words) if word not in TRUE), None) if "same" in header else None
        if wrong is not None:
            raise InputError(f"{path}, line {wrong + 2}: same is {words[wrong]!r}; write 1 or 0.")
        sides = [tuple(path.parent / (row[name] or "").strip() for row in rows) for name in ("a", "b")]
        return cls(sides[0], sides[1], np.array([TRUE[w] for w in words]) if "same" in header else None)

    @property
    def paths(self) -> list[Path]:
        """Each picture once, in the order of the list."""
        return list(dict.fromkeys((*self.first, *self.second)))


@dataclass(frozen=True, eq=False)
class Compared:
    """What came out.

    Attributes
    ----------
    rows : (n,) int64, positions of the pairs that could be compared
    distances : (n,) float64
    regions : path -> (4, 2) float64, corners in pixels of the picture
    damaged : a sentence for each picture that could not be read
    """

    rows: npt.NDArray[np.int64]
    distances: Doubles
    regions: dict[Path, Doubles]
    damaged: tuple[str, ...]


class Comparer:
    """A model that compares pictures.

    Parameters
    ----------
    model : a run folder, a weights file, or a baseline
    """

    def __init__(self, model: str) -> None:
        self.model = model
        self.net = None
        if model not in BASELINES and not model.startswith("untrained:"):
            net = DescriptorNet.load(weights_file(model))
            self.net = net if net.transformer is not None else None
        self.eye: Embedder = load_eye(model)

    @property
    def threshold(self) -> float | None:
        """The distance kept beside the weights, if any.

        Raises
        ------
        InputError
            When the file is damaged.
        """
        path = None if self.model in BASELINES or ":" in self.model else weights_file(self.model).with_name(THRESHOLD)
        if path is None or not path.is_file():
            return None
        try:
            value = float(json.loads(path.read_text(encoding="utf-8"))["distance"])
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise InputError(f"{path} is damaged: it holds no distance; give --threshold.") from error
        if not np.isfinite(value):
            raise InputError(f"{path} is damaged: its distance is {value}; give --threshold.")
        return value

    def compare(self, pairs: PairList) -> Compared:
        """Distances of the pairs, and where each picture was looked at; pictures that cannot be read are told."""
        images = _whole([path for path in pairs.paths if path.is_file()])
        damaged = [f"There is no file {path}." for path in pairs.paths if not path.is_file()]
        parts, seen = [], list[int]()
        for part in looked(images, self.eye, crop=False):
            damaged += part.damaged
            seen += part.rows
            parts += [part.descriptors] if part.descriptors is not None else []
        place = {images.paths[row]: i for i, row in enumerate(seen)}
        rows = [i for i, both in enumerate(zip(pairs.first, pairs.second, strict=True)) if set(both) <= set(place)]
        if not rows:
            several = f"None of the {len(pairs)} pairs can be compared. " if len(pairs) > 1 else ""
            raise InputError(several + damaged[0])
        first, second = ([place[side[i]] for i in rows] for side in (pairs.first, pairs.second))
        found = Descriptors.concatenate(parts)
        asked = Pairs.of(first, second, positive=True)
        return Compared(np.asarray(rows), pair_distances(found, asked), self._regions(images, seen), tuple(damaged))

    def score(self, distance: float) -> float:
        """Higher is nearer: the cosine, or minus the distance."""
        return 1.0 - distance if Space(self.eye.space) is Space.COSINE else -distance

    def _regions(self, images: Listing, rows: Sequence[int]) -> dict[Path, Doubles]:
        samples = Subset(images.samples(side_of(self.eye), tuple(self.eye.bands)), rows)
        out = {}
        for start in range(0, len(rows), 64):
            some = range(start, min(start + 64, len(rows)))
            shares = np.tile(np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float64), (len(some), 1, 1))
            if self.net is not None:
                with torch.inference_mode():
                    pixels = torch.from_numpy(samples.batch(some))
                    shares = self.net.regions(pixels, samples.bands).double().numpy()
            for row, corners in zip(some, shares, strict=True):
                path = images.paths[rows[row]]
                out[path] = corners * size_of(path)
        return out


def size_of(path: Path) -> tuple[int, int]:
    """Width and height of a picture."""
    return picture_size(path)


def keep_threshold(model: str, distances: Doubles, same: Mask) -> tuple[float, float]:
    """Measure the distance with the greatest balanced accuracy on known pairs, and keep it beside the weights.

    Returns
    -------
    The distance, and the share of these pairs that it judges rightly.

    Raises
    ------
    InputError
        When all pairs are the same, or all are different.
    """
    if same.all() or not same.any():
        raise InputError(f"A threshold is set on pairs of both kinds; all {len(same)} are "
                         f"{'the same' if same.all() else 'different'}.")
    limit, right = best_threshold(distances, same)
    publish_json(weights_file(model).with_name(THRESHOLD),
                 {"distance": limit, "accuracy": round(right, 6), "pairs": len(same)})
    return limit, right


def right_share(distances: Doubles, same: Mask, limit: float) -> float:
    """Share of pairs that a threshold judges rightly, 0..1."""
    return accuracy(distances, same, limit)


def true_boxes(lists: Sequence[Path]) -> dict[Path, tuple[str, Doubles]]:
    """Key and box (4,) of each picture of some lists that has one box, by its whole path."""
    found: dict[Path, tuple[str, Doubles]] = {}
    several = set()
    for path in lists:
        listing = Listing.read(path)
        for row in np.flatnonzero(listing.boxed):
            file = listing.paths[row].resolve()
            several |= {file} & found.keys()
            found[file] = str(listing.keys[row]), listing.boxes[row]
    return {file: known for file, known in found.items() if file not in several}


def list_beside(path: Path) -> list[Path]:
    """The pictures.csv in a file's folder, if there is one."""
    beside = path.parent / NAME
    return [beside] if beside.is_file() else []


def iou(corners: Doubles, box: Doubles) -> float:
    """Intersection over union, 0..1, of a region (4, 2) and an upright box x0, y0, x1, y1."""
    one, other = shapely.make_valid(shapely.Polygon(corners)), shapely.box(*box)
    union = shapely.union(one, other).area
    return float(shapely.intersection(one, other).area / union) if union > 0 else 0.0


def visible(corners: Doubles, size: tuple[int, int]) -> Doubles:
    """`(k, 2)` corners of the part of a region (4, 2) that lies in a picture of that width and height."""
    if corners.min() >= 0 and (corners <= size).all():
        return corners
    part = shapely.intersection(shapely.make_valid(shapely.Polygon(corners)), shapely.box(0, 0, *size))
    if not isinstance(part, shapely.Polygon) or part.is_empty:
        return corners
    return np.asarray(shapely.orient_polygons(part, exterior_cw=False).exterior.coords, np.float64)[:-1]


def coco(regions: dict[Path, Doubles], truth: dict[Path, tuple[str, Doubles]], folder: Path) -> dict[str, Any]:
    """The regions as COCO JSON: each picture, one annotation with bbox, segmentation, and iou where the box is known.

    A label ends at the picture's edge, whatever lies beyond it of the region.

    Parameters
    ----------
    folder : file names are given from there where they lie in it
    """
    known = {path: truth.get(path.resolve()) for path in regions}
    names = sorted({value[0] for value in known.values() if value is not None and value[0]}) or ["region"]
    if any(value is None or not value[0] for value in known.values()):
        names = ["region", *(name for name in names if name != "region")]
    number = {name: i + 1 for i, name in enumerate(names)}
    images, annotations = [], []
    for i, (path, corners) in enumerate(regions.items(), 1):
        width, height = size_of(path)
        inside = path.resolve().is_relative_to(folder.resolve())
        name = path.resolve().relative_to(folder.resolve()) if inside else path.resolve()
        images.append({"id": i, "file_name": name.as_posix(), "width": width, "height": height})
        label = visible(corners, (width, height))
        (x0, y0), (x1, y1) = label.min(axis=0), label.max(axis=0)
        value = known[path]
        annotations.append({
            "id": i, "image_id": i, "category_id": number[(value[0] if value else "") or "region"], "iscrowd": 0,
            "bbox": [round(float(x), 3) for x in (x0, y0, x1 - x0, y1 - y0)],
            "segmentation": [[round(float(x), 3) for x in label.ravel()]],
            "area": round(float(shapely.Polygon(label).area), 3)}
            | ({} if value is None else {"iou": round(iou(label, value[1]), 6)}))
    return {"images": images, "annotations": annotations,
            "categories": [{"id": i, "name": name} for name, i in number.items()]}


def _whole(paths: Sequence[Path]) -> Listing:
    nothing = np.full(len(paths), "")
    return Listing(Path(), np.asarray([str(path) for path in paths], np.str_), keys=nothing, scopes=nothing,
                   roles=np.full(len(paths), "image"), parts=nothing, groups=nothing,
                   boxes=np.full((len(paths), 4), np.nan))
