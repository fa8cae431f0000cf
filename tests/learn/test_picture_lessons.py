"""Lessons of pictures: who is drawn with whom, and that a training on them learns, freezes, waits and resumes."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from georetrieval.errors import InputError, MismatchError, UsageError
from georetrieval.learn.lessons import Lessons
from georetrieval.learn.mask_lessons import MaskLessons
from georetrieval.learn.objectives import objective_of
from georetrieval.learn.phases import Freezer, phase_at
from georetrieval.learn.picture_lessons import ClassLessons, KeyLessons, PairLessons
from georetrieval.learn.rates import slowed
from georetrieval.learn.settings import Phase, TrainSettings
from georetrieval.learn.training import teach
from georetrieval.learn.verdicts import Partners
from georetrieval.nets.embedder import DescriptorNet
from georetrieval.nets.settings import NetSettings
from georetrieval.progress import silent
from georetrieval.samples.arrays import ArraySamples
from georetrieval.samples.augment import AugmentSettings
from tests.made.interruption import CtrlC

torch.set_num_threads(1)
BANDS = ("r", "g", "b")
NET = NetSettings(bands=BANDS, px=16, trunk="two-convs", head="fc", hidden=(), dropout=0.0, descriptor=4,
                  space="euclidean", normalise="none")
SHORT = TrainSettings(objective="contrastive", epochs=4, rate_trunk=1e-3, rate_new=1e-3, precision="fp32")


def coloured(keys: list[str], *, scopes: list[str] | None = None, seed: int = 0, prefix: str = "p") -> ArraySamples:
    """Noise around one colour per key."""
    colours = {"red": (200, 40, 40), "green": (40, 200, 40), "blue": (40, 40, 200), "grey": (90, 90, 90)}
    random = np.random.default_rng(seed)
    flat = np.asarray([colours[key] for key in keys], float)[:, :, None, None]
    pixels = np.clip(flat + random.normal(0, 40, (len(keys), 3, 16, 16)), 0, 255).astype(np.uint8)
    return ArraySamples(pixels, BANDS, keys=keys, names=[f"{prefix}{n}" for n in range(len(keys))], scopes=scopes)


def masked(count: int = 12) -> tuple[ArraySamples, ArraySamples]:
    keys = ["red", "green"] * (count // 2)
    images = coloured(keys, scopes=["s" if n % 4 < 2 else "t" for n in range(count)])
    masks = coloured(["red", "green"] * 2, scopes=["s", "s", "t", "t"], seed=5, prefix="m")
    return images, masks


def lessons_of(kind: str) -> Lessons:
    keys = ["red", "green", "blue"] * 6
    images, fresh = coloured(keys), coloured(keys, seed=1, prefix="q")
    if kind == "masks":
        return MaskLessons(*masked(), masked(), batch=4)
    if kind == "pairs":
        return PairLessons(images, fresh, batch=6, seed=1)
    if kind == "keys":
        return KeyLessons(images, [""] * 18, (fresh, images), batch=6, each=2)
    return ClassLessons(images, ("red", "green", "blue", "grey"), fresh, batch=6)


def taught(run: Path, lessons: Lessons, settings: TrainSettings = SHORT, net: NetSettings = NET, **more: Any):
    torch.manual_seed(3)
    eye = DescriptorNet(net)
    given = {"progress": silent, "augment": AugmentSettings(turns=False, shift=0.1, angle_deg=20, erase=0.3)} | more
    return eye, teach(eye, objective_of(settings, net.descriptor), lessons, settings=settings, run=run, **given)


def test_masks_of_the_own_scope_half_of_them_of_the_own_key() -> None:
    images, masks = masked()
    lessons = MaskLessons(images, masks, None, batch=4)
    seen: Counter[int] = Counter()
    for batch in lessons.epoch(1, 0, None):
        assert len(batch.pairs) == 8
        assert batch.pairs.positive.sum() == 4
        for first, second, same in zip(batch.pairs.first, batch.pairs.second, batch.pairs.positive, strict=True):
            image, mask = int(batch.rows[first]), int(batch.rows[second]) - len(images)
            assert images.scopes[image] == masks.scopes[mask]
            assert (images.keys[image] == masks.keys[mask]) == same
        seen.update(batch.rows[batch.rows < len(images)].tolist())
        pixels = lessons.pixels(batch, None, (1, 0, 0)).numpy()
        wanted = [images.batch([r])[0] if r < len(images) else masks.batch([r - len(images)])[0] for r in batch.rows]
        assert np.array_equal(pixels, np.stack(wanted))
    assert seen == Counter(range(12))
    assert lessons.steps(None) == 3


def test_a_scope_without_both_masks_is_refused() -> None:
    images, _ = masked()
    few = ArraySamples(np.zeros((1, 3, 16, 16), np.uint8), BANDS, keys=["red"], scopes=["s"])
    with pytest.raises(InputError, match="at least two masks"):
        MaskLessons(images, few, None, batch=4)


def test_batches_of_keys_prefer_different_groups() -> None:
    keys = ["red"] * 6 + ["green"] * 2 + ["blue"] * 6
    groups = ["a", "a", "a", "a", "b", "b", "", "", *("c" * 6)]
    lessons = KeyLessons(coloured(keys), groups, None, batch=6, each=2)
    assert lessons.steps(None) == 3
    for batch in lessons.epoch(1, 0, None):
        assert Counter(batch.labels.tolist()) == {0: 2, 1: 2, 2: 2}
        reds = [groups[row] for row in batch.rows if keys[row] == "red"]
        assert sorted(reds) == ["a", "b"]  # one of each group
        assert len({row for row in batch.rows.tolist() if keys[row] == "green"}) == 2
    two = KeyLessons(coloured(keys), groups, None, batch=4, each=2)
    drawn = Counter(label for batch in two.epoch(1, 0, None) for label in set(batch.labels.tolist()))
    assert max(drawn.values()) - min(drawn.values()) <= 1  # keys take turns
    with pytest.raises(InputError, match="one key only"):
        KeyLessons(coloured(["red"] * 4), [""] * 4, None, batch=4, each=2)


def test_keys_that_are_trained_on_besides_have_their_share() -> None:
    """Batches of 4 keys x 2: one key of the list besides, whose keys all come once before one comes twice."""
    keys = ["red"] * 4 + ["green"] * 4 + ["blue"] * 4 + ["red", "red", "green", "green", "blue", "blue", "grey", "grey"]
    images = coloured(keys, scopes=[""] * 12 + ["besides"] * 8)
    lessons = KeyLessons(images, [""] * 20, None, batch=8, each=2, besides=(12, 0.25))
    drawn = [batch.rows for batch in lessons.epoch(1, 0, None)] + [batch.rows for batch in lessons.epoch(1, 1, None)]
    assert [int((rows >= 12).sum()) for rows in drawn] == [2] * len(drawn)
    assert [len({keys[row] for row in rows if row < 12}) for rows in drawn] == [3] * len(drawn)
    first = [keys[int(rows[rows >= 12][0])] for rows in drawn[:len(drawn) // 2]]
    assert len(set(first)) == len(first) == 3
    plain = KeyLessons(images, [""] * 20, None, batch=8, each=2)
    assert plain.identity() != lessons.identity()


@pytest.mark.parametrize("kind", ["masks", "pairs", "keys", "classes"])
def test_the_same_arguments_give_the_same_lessons(kind: str) -> None:
    lessons, again = lessons_of(kind), lessons_of(kind)
    for one, other in zip(lessons.epoch(1, 2, None), again.epoch(1, 2, None), strict=True):
        assert torch.equal(lessons.pixels(one, None, (1, 2, 0)), again.pixels(other, None, (1, 2, 0)))
    first, second = (next(iter(lessons.epoch(1, epoch, None))) for epoch in (0, 1))
    assert not torch.equal(lessons.pixels(first, None, (1,)), lessons.pixels(second, None, (1,)))
    assert len(list(lessons.epoch(1, 0, None))) == lessons.steps(None)


@pytest.mark.parametrize(("kind", "objective"), [("masks", "contrastive"), ("pairs", "contrastive"),
                                                 ("keys", "triplet"), ("keys", "supcon"),
                                                 ("classes", "cross-entropy")])
def test_colours_are_learnt(tmp_path: Path, kind: str, objective: str) -> None:
    settings = replace(SHORT, objective=objective, epochs=8)
    _, result = taught(tmp_path, lessons_of(kind), settings)
    best = result.best_map_at_5 if kind == "keys" else result.best_accuracy
    assert best is not None
    assert best >= 0.9
    assert result.history[-1].loss < result.history[0].loss


@pytest.mark.parametrize("kind", ["masks", "pairs", "keys", "classes"])
def test_interrupted_and_resumed_is_uninterrupted(tmp_path: Path, kind: str) -> None:
    """With momentum, phases, changed pictures: bit for bit."""
    objective = {"keys": "supcon", "classes": "cross-entropy"}.get(kind, "contrastive")
    settings = replace(SHORT, objective=objective, optimiser="sgd", rate_decay=1e-3, epochs=3,
                       phases=(Phase(1, ("new",)), Phase(1)))
    whole, result = taught(tmp_path / "whole", lessons_of(kind), settings)
    with pytest.raises(KeyboardInterrupt):
        taught(tmp_path / "parts", lessons_of(kind), settings, progress=CtrlC(5))
    parts, again = taught(tmp_path / "parts", lessons_of(kind), settings, resume=True)
    for (name, one), other in zip(whole.state_dict().items(), parts.state_dict().values(), strict=True):
        assert torch.equal(one, other), name
    assert [row.loss for row in result.history] == [row.loss for row in again.history]
    other = lessons_of("pairs" if kind != "pairs" else "keys")
    with pytest.raises(MismatchError):
        taught(tmp_path / "parts", other, settings, resume=True)


def test_phases_come_in_turn() -> None:
    phases = (Phase(2, ("transformer",)), Phase(1))
    assert [bool(phase_at(phases, epoch).train) for epoch in range(7)] == [True, True, False, True, True, False, True]
    with pytest.raises(UsageError, match="trains some of"):
        Phase(1, ("heads",))


def test_the_transformer_alone_then_everything(tmp_path: Path) -> None:
    net = replace(NET, transformer="translation-scale", crop_px=8)
    phases = (Phase(1, ("transformer",)), Phase(1))
    torch.manual_seed(3)
    start = {name: value.clone() for name, value in DescriptorNet(net).state_dict().items()}

    def moved(epochs: int) -> set[str]:
        eye, _ = taught(tmp_path / str(epochs), lessons_of("pairs"), replace(SHORT, epochs=epochs, phases=phases), net)
        return {name.split(".")[0] for name, value in eye.state_dict().items() if not torch.equal(value, start[name])}

    assert moved(1) == {"transformer"}
    assert {"transformer", "trunk", "head"} <= moved(2)
    with pytest.raises(UsageError, match="no part 'transformer'"):
        taught(tmp_path / "none", lessons_of("pairs"), replace(SHORT, phases=phases))


def test_phases_that_come_once_come_first() -> None:
    """Two epochs of whole pictures, then transformer and everything in turn; only once: everything is left."""
    whole = Phase(2, ("trunk", "new"), whole=True, once=True)
    phases = (whole, Phase(1, ("transformer",)), Phase(2))
    found = [phase_at(phases, epoch) for epoch in range(8)]
    assert found == [whole, whole, phases[1], phases[2], phases[2], phases[1], phases[2], phases[2]]
    assert [phase_at((whole,), epoch) for epoch in (1, 2, 9)] == [whole, Phase(), Phase()]
    with pytest.raises(UsageError, match="put it first"):
        TrainSettings(phases=(Phase(1), whole))
    assert TrainSettings(phases=(Phase(1),)).identity()["phases"] == [{"epochs": 1, "train": ()}]


def test_a_resting_transformer_lets_whole_pictures_through() -> None:
    net = replace(NET, transformer="translation-scale", crop_px=8, head="pool")
    eye = DescriptorNet(net).train()
    freezer = Freezer((Phase(1, ("trunk", "new"), whole=True, once=True), Phase(1)), eye, torch.nn.Identity())
    seen: list[int] = []
    eye.trunk.register_forward_hook(lambda module, given, found: seen.append(given[0].shape[-1]))  # noqa: ARG005
    pixels = torch.rand(2, 3, 16, 16)
    for epoch in (0, 1):
        freezer.begin(epoch)
        eye.train()(pixels, BANDS)
        eye.eval()(pixels, BANDS)
    assert seen == [16, 8, 8, 8]  # it rests in training only
    Freezer((Phase(1, ("trunk",), whole=True),), DescriptorNet(replace(net, head="convs")), torch.nn.Identity())
    for wrong in (replace(net, head="fc"), replace(net, transformer=None, crop_px=None)):
        with pytest.raises(UsageError, match="whole pictures"):
            Freezer((Phase(1, ("trunk",), whole=True),), DescriptorNet(wrong), torch.nn.Identity())


def test_all_pairs_of_a_batch_weigh_alike() -> None:
    """Five rows a a a b b of one scope and a, b of another, one row twice: 4 + 0 same and 6 + 1 different pairs."""
    partners = Partners(["a", "a", "a", "b", "b", "a", "b"], ["s"] * 5 + ["t"] * 2)
    found = partners.among(np.array([0, 1, 2, 3, 4, 5, 6, 0]))
    pairs = Counter((*sorted((int(found.rows[a]), int(found.rows[b]))), bool(same)) for a, b, same in
                    zip(found.pairs.first, found.pairs.second, found.pairs.positive, strict=True))
    same = {pair: count for pair, count in pairs.items() if pair[2]}
    different = {pair: count for pair, count in pairs.items() if not pair[2]}
    # row 0 is there twice, so that its pairs come twice
    assert set(same) == {(0, 1, True), (0, 2, True), (1, 2, True), (3, 4, True)}
    assert different == {(0, 3, False): 2, (0, 4, False): 2, (1, 3, False): 1, (1, 4, False): 1, (2, 3, False): 1,
                         (2, 4, False): 1, (5, 6, False): 1}
    assert sum(same.values()) == sum(different.values()) == 9


def test_all_pairs_are_learnt_from_the_same_pictures(tmp_path: Path) -> None:
    keys = ["red", "green", "blue"] * 6
    few, every = (PairLessons(coloured(keys), coloured(keys, seed=1), batch=6, seed=1, every=every)
                  for every in (False, True))
    one, other = next(few.epoch(1, 0, None)), next(every.epoch(1, 0, None))
    assert np.array_equal(few.pixels(one, None, (1,)), every.pixels(other, None, (1,)))
    assert len(other.in_batch()) > len(one.in_batch())
    assert few.identity() != every.identity()
    _, result = taught(tmp_path, every, replace(SHORT, epochs=12))
    assert result.best_accuracy is not None
    assert result.best_accuracy > 0.9


def test_frozen_parts_keep_their_batch_statistics() -> None:
    net = NetSettings(bands=BANDS, px=32, trunk="resnet10t", cut=1, filters=(8,), descriptor=4)
    eye = DescriptorNet(net).train()
    freezer = Freezer((Phase(1, ("new",)), Phase(1)), eye, torch.nn.Identity())
    freezer.begin(0)
    assert not eye.trunk.training
    assert eye.head.training
    assert not any(parameter.requires_grad for parameter in eye.trunk.parameters())
    freezer.begin(1)
    assert eye.trunk.training
    assert all(parameter.requires_grad for parameter in eye.trunk.parameters())


def test_patience_ends_a_training_that_no_longer_gets_better(tmp_path: Path) -> None:
    settings = replace(SHORT, rate_trunk=0.0, rate_new=0.0, rate_fusion=0.0, epochs=50, patience=2)
    _, result = taught(tmp_path, lessons_of("pairs"), settings)
    assert result.finished
    assert result.best_epoch == 1
    assert [row.epoch for row in result.history] == [1, 2, 3]


def test_inverse_time_decay() -> None:
    assert slowed(0, 1e-8) == 1
    assert slowed(10**8, 1e-8) == pytest.approx(1 / 2)
    assert slowed(5, 0) == 1
