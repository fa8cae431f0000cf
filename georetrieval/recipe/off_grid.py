"""Off the grid: windows anywhere, turned and scaled, look for their place among overlapping ones of another date."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import log
from typing import TYPE_CHECKING, Any

import numpy as np

from georetrieval.embedding import embed
from georetrieval.errors import GapsError
from georetrieval.files import publish
from georetrieval.nets.embedder import Embedder
from georetrieval.recipe.closer import CloserLook
from georetrieval.recipe.evaluation import Question
from georetrieval.recipe.nearness import apart, depth_of, distances, median_error, recall
from georetrieval.recipe.schema_off_grid import Condition, OffGrid
from georetrieval.recipe.sight import Part, bands_for, part_of, takes_parts
from georetrieval.recipe.tables import as_csv, as_markdown
from georetrieval.samples.bands import SEMANTIC
from georetrieval.samples.ground import Ground, Values
from georetrieval.samples.overlap import steps_of
from georetrieval.samples.poses import poses_of
from georetrieval.samples.sample import SampleSet
from georetrieval.samples.views import COLOURS, Greyed, views_of
from georetrieval.samples.windows import WindowSamples, anywhere, overlapping
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.gallery import Gallery
from georetrieval.search.matches import Matches
from georetrieval.search.rerank import CANDIDATES, RERANKERS, Rerank
from georetrieval.search.views import search_views

if TYPE_CHECKING:
    from georetrieval.recipe.stages import Run

Row = dict[str, Any]
REACH = 0.5
"""An answer is true when its middle is at most so many sides of a tile from the truth. *Source*: issue 3, item 5."""
PLACES = 5
"""Different places that are answered: windows within `REACH` of a better one show the same place."""
SCALES = (0.7, 1.4)
"""Smallest and largest side of a query in tiles. *Source*: issue 3, item 5."""
ROUNDS = 200
"""Times that as many windows are drawn as are wanted, before those that were found have to do."""


def section(run: Run, eyes: Mapping[str, Embedder], asked: list[Question]) -> None:
    """Publish `off_grid.csv` and `off_grid.md`: the last eye, or all, on every question of the test part."""
    settings = run.recipe.evaluate.off_grid
    if settings is None:
        return
    names = list(eyes) if settings.baselines else list(eyes)[-1:]
    areas = [Area(run, settings, question) for question in asked]
    rows = [row for name in names for area in areas for row in area.rows(name, eyes[name])]
    publish(run.out / "off_grid.csv", as_csv(rows))
    publish(run.out / "off_grid.md", as_markdown(rows))


@dataclass(frozen=True, eq=False)
class Drawn:
    """Queries of one condition: centres `(n, 2)`, turns and scales `(n,)`, all float64."""

    condition: Condition
    centres: Values
    angle_deg: Values
    scale: Values


@dataclass(frozen=True, eq=False)
class Area:
    """The ground of one question, valid at both of its dates."""

    run: Run
    settings: OffGrid
    question: Question

    @cached_property
    def scope(self) -> str:
        """A question is about one scope."""
        rows = self.run.tileset.catalogue
        return str(rows.loc[rows["tile_id"].isin(self.question.tile_ids), "scope"].iloc[0])

    def rows(self, name: str, eye: Embedder) -> Iterator[Row]:
        """The table lines of one eye: conditions x parts x colours x re-ranking."""
        query, gallery = self.question.pair
        galleries: dict[tuple[float, ...], tuple[Gallery, Values]] = {}
        for drawn in self.drawn:
            zooms = self.settings.zooms if drawn.condition == "scale" else (1.0,)
            if zooms not in galleries:
                galleries[zooms] = self._gallery(eye, zooms)
            known, centres = galleries[zooms]
            for seen, colours, samples in self._asked(eye, drawn):
                poses = poses_of(*self._looks(drawn.condition))
                for method, matches in self._answers(eye, samples, poses, known):
                    places = apart(matches, centres, None, REACH * self.run.tileset.grid.cell_m, PLACES)
                    far = distances(places, drawn.centres, centres)
                    yield {
                        "descriptor": name, "part": self.question.part, "query": query, "gallery": gallery,
                        "condition": drawn.condition, "bands": seen, "colours": colours,
                        "views": len(poses), "reranked": method,
                        **self._figures(far), "queries": len(far), "gallery_rows": len(centres),
                    }

    def _figures(self, far: Values) -> Row:
        reach, middle = REACH * self.run.tileset.grid.cell_m, median_error(far)
        found = {f"recall_at_{k}": round(recall(far, k, reach), 4) for k in (1, 5)}
        return {**found, "median_error_m": None if middle is None else round(middle, 4)}

    def _gallery(self, eye: Embedder, zooms: Sequence[float]) -> tuple[Gallery, Values]:
        """The windows that may answer, every so many metres over the whole part, at all scales, and their middles."""
        tileset, date, ids = self.run.tileset, self.question.pair[1], self.question.tile_ids
        places = overlapping(tileset, date, self.scope, self.settings.overlap, ids)
        bands = bands_for(eye, tileset.bands_of(self.scope, date))
        cut = [WindowSamples(
            tileset, date=date, bands=bands, scope=self.scope, centres=places.centres, names=places.names,
            keys=places.keys, scale=zoom, tile_ids=ids) for zoom in zooms]
        rows = Descriptors.concatenate([embed(samples, eye, progress=self.run.progress) for samples in cut])
        return Gallery.of(rows), np.concatenate([samples.centres for samples in cut])

    def _asked(self, eye: Embedder, drawn: Drawn) -> Iterator[tuple[str, str, SampleSet]]:
        """What is shown of the bands, the colours, and the queries."""
        tileset, date = self.run.tileset, self.question.pair[0]
        stored = tileset.bands_of(self.scope, date)
        names = [f"{drawn.condition}-{n}" for n in range(len(drawn.centres))]
        for seen, bands in _parts(eye, self.settings, stored):
            samples = WindowSamples(
                tileset, date=date, bands=bands, scope=self.scope, centres=drawn.centres, names=names,
                angle_deg=drawn.angle_deg, scale=drawn.scale, tile_ids=self.question.tile_ids)
            yield seen, "kept", samples
            if self.settings.grey and set(COLOURS) <= set(bands) and set(COLOURS) <= set(stored):
                yield seen, "grey", Greyed(samples)

    def _looks(self, condition: Condition) -> tuple[int, tuple[float, ...]]:
        """Turns and scales at which queries are looked at: those of what the condition leaves unknown."""
        return (1 if condition == "shift" else self.settings.turns,
                self.settings.scales if condition == "scale" else (1.0,))

    def _answers(
        self, eye: Embedder, samples: SampleSet, poses: list[tuple[float, float]], known: Gallery
    ) -> Iterator[tuple[str, Matches]]:
        """The answers as they are found, and after each re-ranking."""
        views = [embed(view, eye, progress=self.run.progress) for view in views_of(samples, poses)]
        closer = CloserLook(eye, samples.__getitem__, poses, views, progress=self.run.progress)
        methods: dict[str, Rerank] = {**RERANKERS, "closer": closer}
        depth = max(CANDIDATES, len(self.settings.zooms) * depth_of(PLACES, steps_of(self.settings.overlap)),
                    closer.settings.candidates if "closer" in self.settings.rerank else 0)
        queries, matches = search_views(known, views, depth)
        yield "no", matches
        yield from ((method, methods[method](queries, known, matches)) for method in self.settings.rerank)

    @cached_property
    def drawn(self) -> list[Drawn]:
        """The queries of each condition: the same for every eye."""
        ids = self.question.tile_ids
        grounds = [Ground(self.run.tileset, self.scope, date, ids) for date in self.question.pair]
        return [draw(grounds, condition, self.settings.queries, np.random.default_rng([self.run.recipe.seed, number]))
                for number, condition in enumerate(self.settings.conditions)]


def draw(grounds: list[Ground], condition: Condition, count: int, random: np.random.Generator) -> Drawn:
    """Windows drawn uniformly among those that lie wholly on known ground at all dates.

    Raises
    ------
    GapsError
        When no such window was found.
    """
    kept: list[Values] = []
    for _ in range(ROUNDS):
        angle = random.uniform(-180, 180, count) * (condition != "shift")
        scale = np.exp(random.uniform(log(SCALES[0]), log(SCALES[1]), count) * (condition == "scale"))
        centres = anywhere(grounds[0], count, random)
        whole = np.all([ground.whole(centres, angle, scale) for ground in grounds], axis=0)
        kept.append(np.column_stack([centres, angle, scale])[whole])
        if sum(map(len, kept)) >= count:
            break
    found = np.concatenate(kept)[:count]
    if len(found) == 0:
        raise GapsError(f"No window of the condition {condition!r} lies wholly on the test part; enlarge its area.")
    return Drawn(condition, found[:, :2], found[:, 2], found[:, 3])


def _parts(eye: Embedder, settings: OffGrid, stored: tuple[str, ...]) -> list[tuple[str, tuple[str, ...]]]:
    """What is shown of a query: the parts asked for where the eye can do with them, else all that it sees."""
    whole = bands_for(eye, stored)
    maps = [band in SEMANTIC for band in whole]
    if all(maps) or not any(maps):
        return [("map" if all(maps) else "photo", whole)]
    parts: tuple[Part, ...] = settings.bands if takes_parts(eye) else ("both",)
    return [(part, whole if part == "both" else part_of(eye, part)) for part in parts]
