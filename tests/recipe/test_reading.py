"""Indexes of pictures of a net with two numbers per picture: euclidean, near zero, and still the same net."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from georetrieval.errors import InputError, MismatchError
from georetrieval.nets.embedder import DescriptorNet
from georetrieval.nets.settings import NetSettings
from georetrieval.recipe.canaries import require_eye
from georetrieval.recipe.reading_classes import Judge
from georetrieval.recipe.reading_index import add_pictures, eye_of, index_pictures
from georetrieval.recipe.reading_pictures import joined, listed, looked
from georetrieval.samples.listing import Listing
from georetrieval.search.store import IndexStore
from tests.made import bars


def write_net(folder: Path, seed: int, scale: float = 1.0) -> str:
    """A random net of 32 px and two numbers, which are scaled."""
    torch.manual_seed(seed)
    net = DescriptorNet(NetSettings(bands=("r", "g", "b"), px=32, trunk="two-convs", head="fc", hidden=(), dropout=0.0,
                                    descriptor=2, space="euclidean"))
    with torch.no_grad():
        for parameter in [*net.head.parameters()][-2:]:
            parameter.mul_(scale)
    net.save(folder / "weights.safetensors")
    return str(folder)


@pytest.fixture
def masks(tmp_path) -> IndexStore:
    torch.set_num_threads(1)
    model = write_net(tmp_path / "net", 0, scale=1e-4)
    return index_pictures(tmp_path / "masks", Listing.read(bars.write_places(tmp_path / "places")), model)


def test_tiny_vectors_are_rows_and_are_told_apart(masks, tmp_path):
    """A ten-thousandth of the usual length: nothing of it is taken for blank, and a mask is nearest to itself."""
    rows = masks.load()[0]
    assert masks.manifest.counts.failed == 0
    assert np.linalg.norm(rows.vectors, axis=1).max() < 1e-2
    judge = Judge(masks)
    listing = Listing.read(tmp_path / "places")
    found = [answer for answer in judge.judge(listing.take(listing.roles == "mask")) if not isinstance(answer, str)]
    assert len(found) == 4
    assert all(row["hit"] and row["distance"] <= 1e-6 for row, _ in found)


def test_canaries_are_compared_by_their_distance(masks):
    eye = eye_of(masks)
    kept = np.asarray(masks.manifest.canaries)
    longest = np.linalg.norm(kept, axis=1).max()

    def moved(share: float) -> IndexStore:
        canaries = (kept + [[share * longest, 0]] * len(kept)).tolist()
        return replace(masks, manifest=masks.manifest.model_copy(update={"canaries": canaries}))

    assert len(kept) == masks.manifest.canary_file.rows == 4 + 2
    require_eye(moved(0.001), eye)
    with pytest.raises(MismatchError, match="sees the pictures .*moved by .* at most 5% is allowed"):
        require_eye(moved(0.04), eye)
    far = moved(0.5)
    share = 0.5 * longest / np.linalg.norm(np.asarray(far.manifest.canaries), axis=1).max()
    with pytest.raises(MismatchError, match=rf"{share:.1%} apart, at most 4.5% of the length is allowed"):
        require_eye(far, eye)


def test_another_net_is_refused_before_anything_is_written(masks, tmp_path):
    other = write_net(tmp_path / "other", 1)
    before = (masks.path / "CURRENT").read_bytes()
    with pytest.raises(MismatchError, match="weights is"):
        add_pictures(masks.path, listed([tmp_path / "places"], scope="west"), model=other)
    assert (masks.path / "CURRENT").read_bytes() == before


def test_pictures_are_looked_at_bit_by_bit(masks, tmp_path):
    """In pieces of three, a damaged one among them: the same vectors as all at once, in the same order."""
    folder = tmp_path / "places" / "north"
    (folder / "a-torn.png").write_bytes((folder / "up-0.png").read_bytes()[:100])
    listing, eye = listed([folder]), eye_of(masks)
    pieces = list(looked(listing, eye, crop=True, chunk=3))
    (whole,) = looked(listing, eye, crop=True, chunk=100)
    assert [row for piece in pieces for row in piece.rows] == list(whole.rows)
    assert [len(piece.damaged) for piece in pieces] == [1] + [0] * (len(pieces) - 1)
    vectors = np.concatenate([piece.descriptors.vectors for piece in pieces])
    np.testing.assert_allclose(vectors, whole.descriptors.vectors, rtol=2e-2, atol=1e-6)


def test_lists_of_several_kinds_become_one(tmp_path):
    bars.write_places(tmp_path / "places", photos=1)
    bars.write_blots(tmp_path / "herd", [0], count=2)
    bars.write_blots(tmp_path / "flat", [1], count=2)
    alone = bars.save(tmp_path / "alone.png", bars.blot(1, 0))
    whole = listed([tmp_path / "places", tmp_path / "herd", tmp_path / "flat" / "ox-1", alone], key="ox-9")
    assert len(whole) == 8 + 2 + 2 + 1
    assert whole.keys.tolist()[8:] == ["ox-0"] * 2 + ["ox-9"] * 3
    assert all(path.is_file() for path in whole.paths)
    assert set(listed([tmp_path / "places"], scope="x").scopes) == {"x"}
    with pytest.raises(InputError, match="in the list twice"):
        listed([alone, alone])
    with pytest.raises(InputError, match="There is no picture"):
        joined([])
