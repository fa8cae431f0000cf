"""From words to queries: tiles, places and pictures are embedded with the eye of an index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from georetrieval.errors import GapsError, InputError, MismatchError, UsageError
from georetrieval.geo.tileset import TileSet
from georetrieval.maps import BOUNDS, LONLAT, bounds_of
from georetrieval.progress import Progress, silent
from georetrieval.recipe.pictures import PictureReader
from georetrieval.recipe.word import Word
from georetrieval.samples.arrays import ArraySamples
from georetrieval.samples.poses import poses_of
from georetrieval.samples.sample import Sample, SampleSet
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.row_source import RowSource, Store

if TYPE_CHECKING:  # a tile that is in the index is looked up without torch, and without its seconds of import
    from georetrieval.nets.embedder import Embedder
    from georetrieval.recipe.closer import CloserLook

Rectangles = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Queries:
    """Descriptors to be searched.

    Attributes
    ----------
    bounds : (n, 4) float64, NaN where the place is not known
    blank : queries that were left out because nothing is on them
    more : further looks at the same queries, row by row (pictures turned); a query without any is looked at as before
    pictures : where the picture of each query is; None for those of tiles
    """

    descriptors: Descriptors
    bounds: Rectangles
    blank: tuple[str, ...] = ()
    more: tuple[Descriptors, ...] = ()
    pictures: tuple[tuple[SampleSet, int] | None, ...] = ()

    def picture(self, row: int) -> Sample | None:
        """What was looked at, where that is a picture."""
        place = self.pictures[row] if row < len(self.pictures) else None
        return None if place is None else place[0][place[1]]

    @property
    def views(self) -> tuple[Descriptors, ...]:
        """All looks at the queries, the plain one first."""
        return (self.descriptors, *self.more)


class Asker:
    """Turns words into queries for one index.

    Parameters
    ----------
    store
        The index.
    model
        Instead of the one that the index names.
    tileset, date
        Where tile ids and places are looked up; without them in the index itself.
    turns, scales
        Looks at each picture, at equally spaced turns and at each turn from these distances (below 1: nearer).
    classes, vectors
        Class codes, or a vector delivery, under a picture, for eyes that see classes.
    """

    def __init__(
        self, store: Store, *, model: str | None = None, tileset: TileSet | None = None, date: str | None = None,
        classes: Path | None = None, vectors: Path | None = None, turns: int = 1,
        scales: tuple[float, ...] = (1.0,), progress: Progress = silent,
    ) -> None:
        self.store, self.model, self.tileset, self.date = store, model or store.manifest.model, tileset, date
        self.classes, self.vectors, self.progress = classes, vectors, progress
        self.poses = poses_of(turns, scales)
        self.notes: list[str] = []
        self._seen: tuple[pa.Table, pd.DataFrame] | None = None
        if tileset is not None:
            require_tiles(store, tileset)

    @cached_property
    def source(self) -> RowSource:
        """The index's own rows; `store` becomes the version that they are of."""
        self.store, source = self.store.source()
        return source

    @cached_property
    def eye(self) -> Embedder:
        """The index's eye, loaded and held against fingerprint and canaries."""
        from georetrieval.recipe.build import load_eye
        from georetrieval.recipe.canaries import require_eye

        manifest = self.store.manifest
        eye = load_eye(self.model, legend_digest=manifest.legend_digest, px=manifest.px)
        require_eye(self.store, eye)
        return eye

    def closer(self, asked: Queries) -> CloserLook:
        """A closer look at what was asked with pictures."""
        from georetrieval.recipe.closer import CloserLook

        if not any(asked.pictures):
            self.notes.append("Only pictures can be looked at more closely; the answers to tiles stay as they are.")
        return CloserLook(self.eye, asked.picture, self.poses, asked.views, progress=self.progress)

    def ask(self, words: Sequence[Word]) -> Queries:
        """Queries of all words: tiles and places first, then pictures.

        Raises
        ------
        InputError
            When a tile, place or picture is not there.
        MismatchError
            When the model is not the index's.
        GapsError
            When all that was asked for is blank.
        """
        _ = self.source  # `store` is the version of these rows from here on
        if self.model != self.store.manifest.model:
            _ = self.eye  # a model that was named is checked even when no pixel has to be looked at
        ids = list(dict.fromkeys(tile for word in words if word.kind != "file" for tile in self._tiles(word)))
        parts = [self._known(ids)] if ids else []
        parts += [self._picture(Path(word.text)) for word in words if word.kind == "file"]
        full = [part for part in parts if len(part.descriptors)]
        blank = tuple(name for part in parts for name in part.blank)
        if not full:
            raise GapsError(f"All that was asked for is blank: {', '.join(blank)}; there is nothing to search.")
        looks = max(len(part.views) for part in full)
        views = [Descriptors.concatenate([part.views[min(look, len(part.more))] for part in full])
                 for look in range(looks)]
        pictures = tuple(place for part in full for place in part.pictures or [None] * len(part.descriptors))
        return Queries(views[0], np.concatenate([part.bounds for part in full]), blank, tuple(views[1:]), pictures)

    def _catalogue(self, names: Sequence[str] = (), boxes: Sequence[Sequence[float]] = ()) -> pd.DataFrame:
        """Where tile ids and places are looked up: tile_id, date, valid, xmin..ymax; of the index, these rows and more.
        """
        if self.tileset is not None:
            return self.tileset.catalogue
        _, table = self.source.named(names) if names else self.source.touching(np.asarray(boxes))
        if self._seen is None or self._seen[0] is not table:
            columns = table.select(["tile_id", "key", "scope", "date", *BOUNDS])
            self._seen = (table, columns.to_pandas().assign(valid=True))
        return self._seen[1]

    def _tiles(self, word: Word) -> list[str]:
        """Tile ids that a word stands for."""
        if word.kind == "tile":
            if not (self._catalogue([word.text])["tile_id"] == word.text).any():
                where = self.tileset.path if self.tileset is not None else f"the index {self.store.path}"
                raise InputError(f"{word.text} is neither a file nor a tile of {where}; `georetrieval tiles list` "
                                 "shows the tile ids.")
            return [word.text]
        numbers = self._in_index_crs(word)
        rows = self._dated(self._catalogue(boxes=[(*numbers[:2], *numbers[-2:])]))
        inside = _within(rows, numbers)
        if len(numbers) == 4 and not inside.any():
            x0, y0, x1, y1 = numbers
            inside = _within(rows, ((x0 + x1) / 2, (y0 + y1) / 2))
            if inside.any():
                self.notes.append(f"No whole tile lies within {word.text}; the one around its middle is asked.")
        if not inside.any():
            area = self.source.extent() if self.tileset is None else \
                rows[["xmin", "ymin"]].min().tolist() + rows[["xmax", "ymax"]].max().tolist()
            raise InputError(f"No tile lies at {word.text}; the tiles cover "
                             f"{', '.join(f'{value:.0f}' for value in area)} ({self.store.manifest.crs or 'pixels'}).")
        return [str(tile) for tile in rows.loc[inside, "tile_id"]]

    def _dated(self, rows: pd.DataFrame) -> pd.DataFrame:
        dates = sorted(set(rows["date"]))
        if self.date is None and self.tileset is not None and len(dates) > 1:
            raise UsageError(f"Which date is asked about? Give --date; the tiles hold {', '.join(dates)}.")
        if self.date is not None and dates and self.date not in dates:
            raise InputError(f"There is no tile of {self.date}; dates are {', '.join(dates)}.")
        return rows if self.date is None else rows[rows["date"] == self.date]

    def _in_index_crs(self, word: Word) -> tuple[float, ...]:
        """A point or box in the CRS of the index; degrees are told by their range."""
        xs, ys = word.numbers[0::2], word.numbers[1::2]
        crs = self.store.manifest.crs
        if not crs or any(abs(x) > 180 for x in xs) or any(abs(y) > 90 for y in ys):
            self.notes.append(f"{word.text} is read as x,y in {crs or 'pixels of the frame'}.")
            return word.numbers
        from pyproj import Transformer

        self.notes.append(f"{word.text} is read as longitude,latitude.")
        transformer = Transformer.from_crs(LONLAT, crs, always_xy=True)
        if len(xs) == 1:
            return tuple(transformer.transform(xs[0], ys[0]))
        return tuple(transformer.transform_bounds(xs[0], ys[0], xs[1], ys[1]))

    def _known(self, ids: list[str]) -> Queries:
        """Queries of tiles: from the index when no tiles were given, else embedded."""
        if self.tileset is None:
            rows, table = self.source.named(ids)
            place = {name: i for i, name in enumerate(rows.names.tolist())}
            where = [place[tile] for tile in ids]
            return Queries(rows.take(where), bounds_of(table, where))
        from georetrieval.recipe.sight import look

        asked = self._catalogue().set_index("tile_id").loc[ids]
        valid = asked[asked["valid"]]
        blank = tuple(str(tile) for tile in asked.index[~asked["valid"]])
        parts = [look(self.tileset, self.eye, date=str(date), tile_ids=some.index.tolist(), progress=self.progress)
                 for date, some in valid.groupby("date")]
        if not parts:
            return Queries(self._none(), np.empty((0, 4)), blank)
        found = Descriptors.concatenate(parts)
        place = {name: i for i, name in enumerate(found.names.tolist())}
        found = found.take([place[str(tile)] for tile in valid.index])
        return Queries(found, valid[list(BOUNDS)].to_numpy(np.float64), blank)

    def _picture(self, path: Path) -> Queries:
        from georetrieval.embedding import embed
        from georetrieval.recipe.sight import part_of, takes_parts
        from georetrieval.samples.views import views_of

        bands = part_of(self.eye, "both" if self.classes or self.vectors or not takes_parts(self.eye) else "photo")
        reader = PictureReader(
            self.store.manifest, tileset=self.tileset, classes=self.classes, vectors=self.vectors, bands=bands)
        cut = reader.cut(path)
        if bands != tuple(self.eye.bands):
            self.notes.append(f"{path} is looked at without a map; --classes or --vectors would give one.")
        self.notes += cut.notes
        if not cut.names:
            return Queries(self._none(), np.empty((0, 4)), cut.blank)
        keys, scopes = self._places(cut.bounds)
        samples = ArraySamples(cut.pixels, cut.bands, keys=keys, names=cut.names, scopes=scopes, bands=bands,
                               palette=cut.palette)
        seen = [embed(view, self.eye, progress=self.progress) for view in views_of(samples, self.poses)]
        pictures = tuple((samples, row) for row in range(len(samples)))
        return Queries(seen[0], cut.bounds, cut.blank, tuple(seen[1:]), pictures)

    def _places(self, bounds: Rectangles) -> tuple[list[str], list[str]]:
        """Key and scope of the index's row nearest to the middle of each rectangle; "" where none holds it."""
        middle = (bounds[:, :2] + bounds[:, 2:]) / 2
        rows, table = self.source.touching(np.hstack([middle, middle]))
        boxes = bounds_of(table, np.arange(len(rows)))
        middles = (boxes[:, :2] + boxes[:, 2:]) / 2
        keys, scopes = [], []
        for x0, y0, x1, y1 in bounds:
            x, y = (x0 + x1) / 2, (y0 + y1) / 2
            at = np.flatnonzero((boxes[:, 0] <= x) & (x < boxes[:, 2]) & (boxes[:, 1] <= y) & (y < boxes[:, 3]))
            at = at[np.argsort(np.abs(middles[at] - (x, y)).max(axis=1), kind="stable")]  # rows may overlap
            keys.append(str(rows.keys[at[0]]) if len(at) else "")
            scopes.append(str(rows.scopes[at[0]]) if len(at) else "")
        return keys, scopes

    def _none(self) -> Descriptors:
        manifest = self.store.manifest
        return Descriptors(np.empty((0, manifest.dim), np.float32), np.empty(0, np.str_), np.empty(0, np.str_),
                           np.empty(0, np.str_), manifest.metric_space)


def require_tiles(store: Store, tileset: TileSet) -> None:
    """Refuse tiles that were cut another way than those in the index.

    Raises
    ------
    MismatchError
        Naming what differs: CRS, cell size, pixels or legend.
    """
    m = store.manifest
    pairs = {"CRS": (m.crs, tileset.grid.crs), "cell": (m.cell_m, float(tileset.grid.cell_m)),
             "pixels": (m.px, tileset.px), "legend": ((m.legend_digest or "")[:12], tileset.legend.digest[:12])}
    told = [f"{name} {a} in the index and {b} in the tiles" for name, (a, b) in pairs.items() if a != b]
    if told:
        raise MismatchError(f"The tiles {tileset.path} were cut another way than the index {store.path}: "
                            f"{'; '.join(told)}. Build tiles and index alike.")


def _within(rows: pd.DataFrame, numbers: tuple[float, ...]) -> pd.Series:
    """Which tiles hold a point x, y, or lie wholly within a box."""
    if len(numbers) == 2:
        x, y = numbers
        return (rows["xmin"] <= x) & (x < rows["xmax"]) & (rows["ymin"] <= y) & (y < rows["ymax"])
    x0, y0, x1, y1 = numbers
    return (rows["xmin"] >= x0) & (rows["xmax"] <= x1) & (rows["ymin"] >= y0) & (rows["ymax"] <= y1)
