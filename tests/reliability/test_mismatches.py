"""RELIABILITY R11: a net, legend or preprocessing that is not the index's is refused before the first answer.

The first eight differ in what a fingerprint says; the others keep it, and only the pictures kept with the index tell.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from georetrieval.errors import MismatchError
from georetrieval.geo.legend import Legend
from georetrieval.nets.inference import InferenceNet
from georetrieval.recipe.asking import Asker
from georetrieval.recipe.indexing import index_tiles
from georetrieval.recipe.reading_classes import Judge
from georetrieval.recipe.reading_index import index_pictures
from georetrieval.samples import arrays, campaigns, images, listed
from georetrieval.samples.bands import derive
from georetrieval.samples.listing import Listing
from georetrieval.search.gallery import Gallery
from georetrieval.search.store import IndexStore
from tests.made import bars
from tests.made.campaign import SEED, size, told
from tests.made.towns import BANDS, survey, town, write_net

SEEDS = range(SEED, SEED + size(5, 50))
DATE = "2004"

OTHER_NETS: dict[str, dict[str, Any]] = {
    "another seed": {"seed": 1},
    "mean and deviation": {"normalise": "picture"},
    "tile size": {"px": 48},
    "16-bit weights": {"half": True},
    "pooling": {"pooling": "max"},
    "order of bands": {"bands": (*BANDS[2::-1], *BANDS[3:])},
    "head": {"head": "fc", "hidden": (), "dropout": 0.0},
    "legend": {"legend": "0" * 64},
}
See = Callable[[torch.Tensor], torch.Tensor]


def coarser(pixels: torch.Tensor) -> torch.Tensor:
    """Every second pixel, twice: another interpolation."""
    return pixels[..., ::2, ::2].repeat_interleave(2, -1).repeat_interleave(2, -2)


OTHER_EYES: dict[str, See] = {
    "red and blue exchanged": lambda p: p[:, [2, 1, 0, *range(3, p.shape[1])]],
    "another mean": lambda p: p - 0.45,
    "another range": lambda p: p * 2 - 1,
    "turned by 90 degrees": lambda p: p.rot90(1, (2, 3)),
    "mirrored": lambda p: p.flip(3),
    "interpolation": coarser,
    "a pixel further": lambda p: p.roll((3, 3), (2, 3)),
}


@pytest.fixture(scope="module")
def tiles(tmp_path_factory):
    folder = tmp_path_factory.mktemp("town")
    return town(folder / "tiles", [survey(folder, DATE, 1)])


@pytest.fixture(autouse=True)
def first_results(monkeypatch) -> list[int]:
    """Whatever searches a gallery leaves a trace here."""
    torch.set_num_threads(1)
    seen: list[int] = []
    real = Gallery.search
    monkeypatch.setattr(Gallery, "search", lambda *a, **k: seen.append(1) or real(*a, **k))
    return seen


def asked(store: IndexStore, tiles: Any, **how: Any) -> None:
    """Ask as `search` does: with a tile that is looked at, then in the gallery."""
    name = str(tiles.catalogue["tile_id"][0])
    asker = Asker(store, tileset=tiles, date=DATE, **how)
    queries = asker.ask([SimpleNamespace(text=name, kind="tile", numbers=())])
    matches = Gallery.of(asker.source.whole()[0]).search(queries.descriptors, 1)
    assert matches.gallery_names[matches.rows[0, 0]] == name


def test_r11_mismatches_are_refused_before_the_first_result(tiles, tmp_path, monkeypatch, first_results):
    refused = {"by the fingerprint": 0, "by the pictures alone": 0}
    for seed in SEEDS:
        place = tmp_path / str(seed)
        net = write_net(place / "net", seed, legend=tiles.legend.digest)
        store = index_tiles(place / "index", tiles, net, dates=[DATE])
        asked(store, tiles)
        first_results.clear()
        for number, (what, other) in enumerate(OTHER_NETS.items()):
            values = {"legend": tiles.legend.digest} | other
            model = write_net(place / str(number), values.pop("seed", 0) + seed, **values)
            with pytest.raises(MismatchError):
                asked(store, tiles, model=model)
            refused["by the fingerprint"] += 1
            assert not first_results, what
        for what, see in OTHER_EYES.items():
            with monkeypatch.context() as patched:
                real = InferenceNet.__call__
                patched.setattr(InferenceNet, "__call__", lambda self, p, b, real=real, see=see: real(self, see(p), b))
                with pytest.raises(MismatchError, match="sees the pictures .* differently"):
                    asked(store, tiles)
            refused["by the pictures alone"] += 1
            assert not first_results, what
        asked(store, tiles)
        first_results.clear()
    told("R11", seeds=len(SEEDS), refused=refused)
    assert sum(refused.values()) == len(SEEDS) * (len(OTHER_NETS) + len(OTHER_EYES))


def swapped(stored: Any, have: Any, want: Any, palette: Any) -> Any:
    """`derive` with another legend's colours."""
    return derive(stored, have, want, None if palette is None else np.roll(palette, 1, axis=0))


@pytest.mark.parametrize("what", ["colours of classes", "arithmetic", "another library"])
def test_r11_deeper_in_the_way_of_a_tile(tiles, tmp_path, monkeypatch, first_results, what):
    store = index_tiles(tmp_path / "index", tiles, write_net(tmp_path / "net", 1), dates=[DATE])
    if what == "colours of classes":
        for place in (arrays, campaigns):
            monkeypatch.setattr(place, "derive", swapped)
    elif what == "arithmetic":  # weights of four bits
        real = InferenceNet.__init__

        def rough(self: Any, net: Any, **how: Any) -> None:
            real(self, net, **how)
            self.folded = self._net = copy.deepcopy(self._net)
            for weight in self._net.parameters():
                step = weight.abs().max() / 8
                weight.data = (weight / step).round() * step

        monkeypatch.setattr(InferenceNet, "__init__", rough)
    else:  # as another version of a library may have another activation
        monkeypatch.setattr(torch.nn.ReLU, "forward", lambda _self, x: torch.nn.functional.leaky_relu(x, 0.2))
        monkeypatch.setattr(torch, "relu", lambda x: torch.nn.functional.leaky_relu(x, 0.2))
        monkeypatch.setattr(torch.nn.functional, "relu", lambda x, **_: torch.nn.functional.leaky_relu(x, 0.2))
    with pytest.raises(MismatchError, match="sees the pictures .* differently"):
        asked(store, tiles)
    assert not first_results


def test_r11_sixteen_bits_that_change_nothing_are_the_same_net(tiles, tmp_path):
    """A net whose sums are in bfloat16 or float16 gives the same neighbours; overflowing ones are refused."""
    store = index_tiles(tmp_path / "index", tiles, write_net(tmp_path / "net", 1), dates=[DATE])
    from georetrieval.recipe.build import load_eye
    from georetrieval.recipe.canaries import require_eye

    eye = load_eye(store.manifest.model)

    class Half:
        dtype, bands, space, fingerprint = torch.float16, eye.bands, eye.space, eye.fingerprint

        def __init__(self, scale: float) -> None:
            self.scale = scale

        def __call__(self, pixels: torch.Tensor, bands: tuple[str, ...]) -> torch.Tensor:
            return (eye(pixels, bands) * self.scale).half().float()

    require_eye(store, Half(1.0))
    with pytest.raises(MismatchError, match="zero or not finite"):
        require_eye(store, Half(1e9))


def test_r11_tiles_of_another_legend_or_size(tiles, tmp_path, first_results):
    store = index_tiles(tmp_path / "index", tiles, write_net(tmp_path / "net", 1), dates=[DATE])
    plain = Legend.load("bdtopo12")
    other = replace(plain, classes=tuple(replace(c, colour=plain.classes[-1 - i].colour) for i, c in
                                         enumerate(plain.classes)))
    for number, how in enumerate(({"legend": other}, {"px": 48})):
        with pytest.raises(MismatchError, match="cut another way"):
            asked(store, town(tmp_path / str(number), [survey(tmp_path, DATE, 1)], **how))
    assert not first_results


@pytest.mark.parametrize("what", ["interpolation", "red and blue"])
def test_r11_pictures_that_are_read_another_way(tmp_path, monkeypatch, first_results, what):
    """The pictures kept are those before they were resized, so that decoding and resizing are looked at too."""
    bars.write_blots(tmp_path / "herd", [0, 1, 2], count=3)
    net = write_net(tmp_path / "net", 1, bands=("r", "g", "b"))
    store = index_pictures(tmp_path / "index", Listing.read(tmp_path / "herd"), net)
    Judge(store)
    if what == "interpolation":
        real = Image.Image.resize
        monkeypatch.setattr(Image.Image, "resize", lambda self, px, *_a, **_k: real(self, px, Image.Resampling.NEAREST))
    else:
        read = images.read_picture
        for place in (images, listed):
            monkeypatch.setattr(place, "read_picture", lambda *a: np.ascontiguousarray(read(*a)[::-1]))
    with pytest.raises(MismatchError, match="sees the pictures .* differently"):
        Judge(store)
    assert not first_results
