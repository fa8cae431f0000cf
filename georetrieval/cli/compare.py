"""`georetrieval compare`: whether two pictures show the same, and where the model looked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from georetrieval.cli.numbers import Within
from georetrieval.cli.output import format_option, write_rows
from georetrieval.errors import GapsError, UsageError

if TYPE_CHECKING:
    from georetrieval.recipe.reading_pairs import Compared, Comparer, PairList


@click.command()
@click.argument("pictures", nargs=-1, type=click.Path(path_type=Path), metavar="[A B]")
@click.option("--pairs", type=click.Path(path_type=Path), metavar="LIST", help="CSV with the columns a, b and perhaps "
              "same (1 or 0); paths start at its folder.")
@click.option("--model", required=True, metavar="RUN", help="Run folder of `train`, or a baseline.")
@click.option("--threshold", type=Within(min=0), help="Same up to this distance; by default what is kept "
              "beside the model's weights.")
@click.option("--fit", is_flag=True, help="Measure the best threshold on --pairs (with same), and keep it beside the "
              "model's weights.")
@click.option("--boxes", type=click.Path(path_type=Path), metavar="LIST", help="List of pictures with true boxes; by "
              "default pictures.csv beside the pictures or the pairs.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Write the regions there as COCO JSON.")
@format_option()
def command(
    pictures: tuple[Path, ...], pairs: Path | None, model: str, threshold: float | None, fit: bool,
    boxes: Path | None, out: Path | None, format_: str,
) -> None:
    """Do the pictures A and B show the same?

    Says same or different, the distance and the score (higher is nearer), and the region of each picture that the
    model looked at, as the corners in pixels: what its transformer crops, or the whole picture. With -o the regions
    become labels in COCO JSON, with their overlap (IoU) with the true box where a list knows it. With the column same
    the share of right answers is told on stderr.

    \b
    Examples:
      georetrieval compare a.png b.png --model runs/pairs
      georetrieval compare --pairs validation.csv --model runs/pairs --fit
      georetrieval compare --pairs test.csv --model runs/pairs -o regions.json --format csv
    """
    from georetrieval.recipe.reading_pairs import Comparer, PairList, list_beside, true_boxes

    if (len(pictures) != 2) if pairs is None else bool(pictures):
        raise UsageError(f"What is to be compared? Give two pictures, or --pairs LIST; found {len(pictures)} pictures"
                         f"{'' if pairs is None else ' and a list'}.")
    asked = PairList((pictures[0],), (pictures[1],)) if pairs is None else PairList.read(pairs)
    if fit and (asked.same is None or threshold is not None):
        raise UsageError("--fit needs --pairs with the column same, and no --threshold.")
    comparer = Comparer(model)
    limit = comparer.threshold if threshold is None else threshold
    if limit is None and not fit:
        raise UsageError(f"No threshold is kept beside the model {model}; give --threshold, or measure one with: "
                         "georetrieval compare --pairs LIST --fit.")
    lists = [boxes] if boxes else list_beside(pairs or pictures[0])
    truth = true_boxes(lists)
    found = comparer.compare(asked)
    if fit:
        limit = _fitted(model, found, asked)
    assert limit is not None
    rows = _rows(comparer, asked, found, limit, truth)
    write_rows(rows, format_)
    _tell(rows)
    if out is not None:
        _export(out, found, truth)
    if found.damaged:
        for sentence in found.damaged:
            click.echo(f"left out: {' '.join(sentence.split())}", err=True)
        raise GapsError(f"{len(asked) - len(rows)} of {len(asked)} pairs were left out; see above.")


def _fitted(model: str, found: Compared, asked: PairList) -> float:
    from georetrieval.recipe.reading_pairs import keep_threshold

    assert asked.same is not None
    limit, right = keep_threshold(model, found.distances, asked.same[found.rows])
    click.echo(f"same up to a distance of {limit:.6g}: {right:.2%} of {len(found.rows)} pairs right; kept beside the "
               "weights", err=True)
    return limit


def _rows(
    comparer: Comparer, asked: PairList, found: Compared, limit: float, truth: dict[Path, Any]
) -> list[dict[str, Any]]:
    from georetrieval.recipe.reading_pairs import iou

    rows = []
    for i, distance in zip(found.rows, found.distances, strict=True):
        same = bool(distance <= limit)
        row: dict[str, Any] = {
            "a": str(asked.first[i]), "b": str(asked.second[i]), "verdict": "same" if same else "different",
            "distance": round(float(distance), 6), "score": round(comparer.score(float(distance)), 6)}
        if asked.same is not None:
            row |= {"truth": "same" if asked.same[i] else "different", "hit": same == bool(asked.same[i])}
        for side, path in (("a", asked.first[i]), ("b", asked.second[i])):
            corners = found.regions[path]
            known = truth.get(path.resolve())
            row[f"region_{side}"] = [[round(float(x), 2) for x in point] for point in corners]
            if truth:
                row[f"iou_{side}"] = None if known is None else round(iou(corners, known[1]), 4)
        rows.append(row)
    return rows


def _tell(rows: list[dict[str, Any]]) -> None:
    hits = [row["hit"] for row in rows if "hit" in row]
    ious = [row[name] for row in rows for name in ("iou_a", "iou_b") if row.get(name) is not None]
    if hits:
        click.echo(f"{sum(hits)} of {len(hits)} pairs are right ({sum(hits) / len(hits):.2%})", err=True)
    if ious:
        click.echo(f"mean IoU of region and true box {sum(ious) / len(ious):.3f} ({len(ious)} regions)", err=True)


def _export(out: Path, found: Compared, truth: dict[Path, Any]) -> None:
    from georetrieval.files import publish_json
    from georetrieval.recipe.reading_pairs import coco

    publish_json(out, coco(found.regions, truth, out.parent))
    click.echo(f"{len(found.regions)} regions written to {out}", err=True)
