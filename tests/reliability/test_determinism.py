"""RELIABILITY R17: the same input gives the same index, byte for byte, and the same answers in the same order.

Whatever the number of threads, and in whatever order the input comes. Rows that are made one at a time would not be the
same with every number of threads; see `georetrieval.embedding.EVEN`.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import torch

from georetrieval import files
from georetrieval.embedding import embed
from georetrieval.recipe.adding import add_tiles
from georetrieval.recipe.indexing import index_tiles
from georetrieval.recipe.reading_index import add_pictures, index_pictures
from georetrieval.samples.arrays import ArraySamples
from georetrieval.samples.listing import Listing
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.gallery import Filter, Gallery
from georetrieval.search.store import IndexStore
from tests.made import bars
from tests.made.campaign import SEED, size, told
from tests.made.towns import survey, town, write_net

THREADS = (1, 2, 8)
NETS = {"two convolutions": {}, "resnet18": {"trunk": "resnet18", "head": "convs", "filters": (16, 16, 16)}}


@pytest.fixture(autouse=True)
def threads():
    """As many as before, afterwards."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def answers(store: IndexStore) -> list[list[str]]:
    """The names of the five nearest rows of each row, in the order of the names."""
    gallery = store.gallery()
    rows = gallery.descriptors.take(np.argsort(gallery.descriptors.names))
    return gallery.descriptors.names[gallery.search(rows, min(5, len(rows))).rows].tolist()


def named(store: IndexStore) -> tuple[str, ...]:
    """All files that the version is made of: their names carry the hashes of their bytes."""
    assert store.verify().problems == ()
    return (store.name, *sorted(store.manifest.paths))


@pytest.mark.parametrize("net", ["resnet18"])
def test_r17_tiles_twice_with_any_number_of_threads_in_two_orders(tmp_path, net):
    """13 and 16 tiles: batches that no library would choose; built at once, and from two dates in both orders."""
    dates = ("2004", "2019")
    surveys = [survey(tmp_path, date, seed, dark=dark) for date, seed, dark in zip(dates, (1, 2), (3, 0), strict=True)]
    model = write_net(tmp_path / "net", SEED, **NETS[net])
    seen, found = set(), set()
    for number, count in enumerate(THREADS * size(1, 4)):
        order = (1, -1)[number % 2]
        torch.set_num_threads(count)
        tiles = town(tmp_path / f"tiles{order}", surveys[::order])
        where = tmp_path / f"{number}{order}"
        store = index_tiles(where, tiles, model, dates=dates[::order])
        told_of = [{**source, "tiles": ""} for source in store.manifest.sources]
        seen.add((files.digest(told_of), *sorted(store.manifest.paths), files.digest(store.manifest.canaries)))
        found.add(str(answers(store)))
        if number == 0:
            piece = index_tiles(tmp_path / f"{where}-added", tiles, model, dates=[dates[::order][0]])
            piece = add_tiles(piece.path, tiles, dates=[dates[::order][1]])[0]
            assert set(map(str, piece.manifest.segments)) == set(map(str, store.manifest.segments))
            found.add(str(answers(piece)))
    told("R17 tiles", net=net, threads=THREADS, builds=len(THREADS) * size(1, 4), different=len(seen))
    assert (len(seen), len(found)) == (1, 1)
    assert store.manifest.counts.tiles == 13 + 16


@pytest.mark.parametrize("rows", ["each", "mean"])
def test_r17_pictures_in_any_order_at_once_or_one_by_one(tmp_path, rows):
    bars.write_blots(tmp_path / "herd", [0, 1, 2], count=3)
    whole = Listing.read(tmp_path / "herd")
    model = write_net(tmp_path / "net", SEED, bands=("r", "g", "b"), **NETS["resnet18"])
    random, seen, found = np.random.default_rng(SEED), set(), set()
    for number, count in enumerate(THREADS * size(1, 4)):
        torch.set_num_threads(count)
        store = index_pictures(tmp_path / str(number), whole.take(random.permutation(len(whole))), model, rows=rows)
        seen.add(named(store))
        found.add(str(answers(store)))
    first = [row for row in range(len(whole)) if row != 4]
    grown = index_pictures(tmp_path / "grown", whole.take(first), model, rows=rows)
    grown = add_pictures(grown.path, whole.take([4]))[0]
    told("R17 pictures", rows=rows, builds=len(THREADS) * size(1, 4), different=len(seen))
    assert (len(seen), len(found)) == (1, 1)
    assert {ref.file for ref in grown.manifest.files} == {ref.file for ref in store.manifest.files}
    assert answers(grown) == answers(store)


def test_r17_equal_minecome_by_their_names():
    """Equal vectors in any order of rows, with filters and without, at any k: the first names of them."""
    random = np.random.default_rng(SEED)
    for _ in range(size(20, 500)):
        n, kinds = int(random.integers(5, 60)), int(random.integers(1, 6))
        vectors = random.normal(size=(kinds, 4)).astype(np.float32)[random.integers(0, kinds, n)]
        names = np.asarray([f"t{i:03d}" for i in random.permutation(n)])
        dates = random.choice(["2004", "2019"], n)
        rows = Descriptors(vectors, names, names, [""] * n, "cosine")
        k = int(random.integers(1, n + 1))
        for index in ("exact", "dense", "Flat"):
            gallery = Gallery.of(rows, attributes=pa.table({"date": dates}), index=index)
            for where, some in ((None, np.ones(n, bool)), (Filter(dates=("2004",)), dates == "2004")):
                found = gallery.search(rows.take([0]), k, where=where)
                mine = names[found.rows[0][found.found[0]]].tolist()
                wanted = sorted(names[some & (vectors == vectors[0]).all(axis=1)].tolist())[:k]
                assert mine[:len(wanted)] == wanted


@pytest.mark.parametrize("net", NETS)
def test_a_row_does_not_depend_on_those_beside_it(tmp_path, net):
    from georetrieval.recipe.build import load_eye

    eye = load_eye(write_net(tmp_path, SEED, bands=("r", "g", "b"), **NETS[net]))
    pixels = np.random.default_rng(SEED).integers(0, 256, (41, 3, 32, 32), np.uint8)

    def rows(which: slice | list[int]) -> np.ndarray:
        some = pixels[which]
        samples = ArraySamples(some, ("r", "g", "b"), keys=[str(i) for i in range(len(some))])
        return embed(samples, eye, even=True).vectors

    torch.set_num_threads(1)
    whole = rows(slice(None))
    for count in THREADS:
        torch.set_num_threads(count)
        for which in ([40], [3, 4, 5], list(range(40, -1, -1)), list(range(7)), list(range(9, 30))):
            assert (rows(which) == whole[which]).all(), (count, which)
