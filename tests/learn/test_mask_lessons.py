"""Lessons with masks: few scopes in a batch, masks among themselves, surroundings of other pictures."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from georetrieval.errors import UsageError
from georetrieval.learn.mask_lessons import MaskLessons
from georetrieval.learn.objectives import Contrastive
from georetrieval.learn.relations import Pairs
from georetrieval.learn.settings import Phase, TrainSettings
from georetrieval.learn.surroundings import near_masks, swapped
from georetrieval.learn.training import teach
from georetrieval.nets.embedder import DescriptorNet
from georetrieval.nets.settings import NetSettings
from georetrieval.samples.arrays import ArraySamples

BANDS = ("r", "g", "b")


def world(each: int = 6, px: int = 40) -> tuple[ArraySamples, ArraySamples]:
    """Four scopes; the masks are a bar above or below, the pictures grey of their own with that bar."""
    keys, scopes, pixels, masks, about = [], [], [], [], []
    for number, scope in enumerate("abcd"):
        for key, row in (("up", 4 + number), ("down", 24 + number)):
            mask = np.zeros((3, px, px), np.uint8)
            mask[:, row:row + 3, 10:30] = 255
            masks.append(mask)
            about.append((key, scope))
            for n in range(each):
                picture = np.full((3, px, px), 20 * n + 10, np.uint8)
                picture[mask > 0] = 255
                pixels.append(picture)
                keys.append(key)
                scopes.append(scope)
    images = ArraySamples(np.stack(pixels), BANDS, keys=keys, names=[str(n) for n in range(len(keys))], scopes=scopes)
    drawn = ArraySamples(np.stack(masks), BANDS, keys=[k for k, _ in about], names=[k + s for k, s in about],
                         scopes=[s for _, s in about])
    return images, drawn


def test_a_batch_is_of_so_many_scopes_and_every_picture_comes_once() -> None:
    images, masks = world()
    lessons = MaskLessons(images, masks, None, batch=12, scopes=2)
    batches = list(lessons.epoch(1, 0, None))
    assert len(batches) == lessons.steps(None) == 4
    seen: Counter[int] = Counter()
    for batch in batches:
        rows = batch.rows[batch.rows < len(images)]
        assert len(rows) == 12
        assert len(batch.rows) - len(rows) <= 4  # two masks of each of two scopes
        seen.update(rows.tolist())
    assert seen == Counter(range(48))


def test_masks_are_paired_by_key_too() -> None:
    images, masks = world()
    lessons = MaskLessons(images, masks, None, batch=48, masks_too=True)
    (batch,) = lessons.epoch(1, 0, None)
    assert len(batch.pairs) == 2 * 48 + 8 * 7 // 2
    rows = batch.rows - len(images)
    for first, second, same in zip(batch.pairs.first[96:], batch.pairs.second[96:], batch.pairs.positive[96:],
                                   strict=True):
        assert (masks.keys[rows[first]] == masks.keys[rows[second]]) == same


def test_near_a_mask_is_one_and_far_is_zero() -> None:
    _, masks = world()
    near = near_masks(masks)
    assert sorted(near) == ["a", "b", "c", "d"]
    assert near["a"].shape == (1, 40, 40)
    assert near["a"][0, 5, 20] == 1  # the bar above, rows 4 to 6
    assert near["a"][0, 25, 20] == 1  # the one below, rows 24 to 26
    # 2.5 % of 40 px is 1: to row 7; the seam of 3 % is 1 to either side of that edge
    assert near["a"][0, 6, 20] == 1
    assert near["a"][0, 7, 20] == pytest.approx(2 / 3)
    assert near["a"][0, 8, 20] == pytest.approx(1 / 3)
    assert near["a"][0, 9, 20] == 0
    assert near["a"][0, 5, 2] == 0


def test_swapped_pictures_keep_their_bar_and_have_the_ground_of_another_one() -> None:
    images, masks = world()
    rows = np.arange(48)
    pixels = torch.from_numpy(images.batch(rows))
    scopes = [images.scopes[row] for row in rows]
    mixed = swapped(pixels, scopes, near_masks(masks), 1.0, np.random.default_rng(1))
    for row, number in enumerate("abcd".index(scope) for scope in scopes):
        where = (4 if images.keys[row] == "up" else 24) + number
        assert torch.equal(mixed[row, :, where:where + 3, 10:30], torch.ones(3, 3, 20))
    grounds = mixed[:, 0, 18, 2]
    assert not torch.equal(grounds, pixels[:, 0, 18, 2])
    assert torch.equal(grounds.sort().values, pixels[:, 0, 18, 2].sort().values)
    same = swapped(pixels, scopes, near_masks(masks), 0.0, np.random.default_rng(1))
    assert torch.equal(same, pixels)


def test_the_same_step_gives_the_same_pixels() -> None:
    images, masks = world()
    lessons = MaskLessons(images, masks, None, batch=12, scopes=2, swap=0.8)
    batch = next(iter(lessons.epoch(1, 0, None)))
    first, again = (lessons.pixels(batch, None, (1, 0, 0)) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, lessons.pixels(batch, None, (1, 0, 1)))
    plain = MaskLessons(images, masks, None, batch=12)
    assert lessons.identity() != plain.identity()


def test_second_members_feel_their_share_of_the_pull() -> None:
    pairs = Pairs.of([0, 1], [2, 2], True)
    vectors = torch.tensor([[0.0, 1.0], [1.0, 0.0], [3.0, 0.0]])
    pulls = []
    for share in (1.0, 0.1):
        moved = vectors.clone().requires_grad_()
        loss = Contrastive(1.0, second_share=share)(moved, pairs)
        assert float(loss) == pytest.approx((10 + 4) / 2)  # squared distances, whatever the share
        loss.backward()
        pulls.append(moved.grad)
    assert torch.allclose(pulls[0][:2], pulls[1][:2])
    assert torch.allclose(0.1 * pulls[0][2], pulls[1][2])
    with pytest.raises(UsageError, match="0 to 1"):
        Contrastive(1.0, second_share=1.5)


def test_it_learns_with_all_of_it(tmp_path: Path) -> None:
    images, masks = world()
    torch.manual_seed(1)
    eye = DescriptorNet(NetSettings(bands=BANDS, px=40, trunk="two-convs", head="fc", hidden=(), dropout=0.0,
                                    descriptor=2, space="euclidean", normalise="picture", fusion="stack", centre=True))
    settings = TrainSettings(objective="contrastive", epochs=6, optimiser="sgd", rate_trunk=0.0, rate_new=1e-3,
                             precision="fp32", second_share=0.1, validate_every=6)
    lessons = MaskLessons(images, masks, (images, masks), batch=12, scopes=2, masks_too=True, swap=0.5)
    result = teach(eye, Contrastive(1.0, second_share=0.1), lessons, settings=settings, run=tmp_path)
    assert result.best_accuracy is not None
    assert result.best_accuracy > 0.9


def test_kept_maps_are_those_of_the_trunk_and_the_head_learns_from_them(tmp_path: Path) -> None:
    images, masks = world()
    torch.manual_seed(1)
    eye = DescriptorNet(NetSettings(bands=BANDS, px=40, trunk="two-convs", head="fc", hidden=(), dropout=0.0,
                                    descriptor=2, space="euclidean", normalise="picture", fusion="stack", centre=True))
    before = {name: value.clone() for name, value in eye.state_dict().items()}
    lessons = MaskLessons(images, masks, (images, masks), batch=12, scopes=2, masks_too=True, swap=0.5)
    lessons.keep_maps(eye)
    batch = next(iter(lessons.epoch(1, 0, None)))
    seen = lessons.pixels(batch, None, (1, 0, 0))
    assert seen.shape == (len(batch.rows), 64, 18, 18)
    mask_rows = batch.rows[batch.rows >= len(images)] - len(images)
    with torch.no_grad():
        wanted = eye.maps(torch.from_numpy(masks.batch(mask_rows)), BANDS)
    assert torch.allclose(seen[-len(mask_rows):].float(), wanted, atol=0.05, rtol=0.02)  # bfloat16
    settings = TrainSettings(objective="contrastive", epochs=6, optimiser="sgd", rate_new=0.5, precision="fp32",
                             phases=(Phase(1, ("new",)),), validate_every=6)
    result = teach(eye, Contrastive(1.0, second_share=0.1), lessons, settings=settings, run=tmp_path)
    assert result.best_accuracy is not None
    assert result.best_accuracy > 0.9
    after = DescriptorNet.load(tmp_path / "weights.safetensors").state_dict()
    for name, value in before.items():
        assert torch.equal(value, after[name]) == name.startswith("trunk")
