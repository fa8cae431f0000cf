"""The loop: it learns, it stops anywhere and goes on exactly there, it refuses what does not belong together."""

from __future__ import annotations

import csv
import importlib.util
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from georetrieval.errors import InputError, MismatchError, StoreError, UsageError
from georetrieval.learn.journal import TrainResult
from georetrieval.learn.objectives import InfoNCE, objective_of
from georetrieval.learn.rates import optimiser_of, rate_factor
from georetrieval.learn.settings import MiningSettings, TrainSettings
from georetrieval.learn.training import train
from georetrieval.learn.validation import matches_between
from georetrieval.nets.embedder import DescriptorNet, load_also
from georetrieval.nets.settings import NetSettings
from georetrieval.progress import Progress, silent
from georetrieval.samples.augment import AugmentSettings
from georetrieval.samples.campaigns import TileSamples
from georetrieval.samples.poses import GroundSettings
from georetrieval.search.metrics import map_at_k
from tests.made.ground import photographed, pixels
from tests.made.interruption import CtrlC

_spec = importlib.util.spec_from_file_location("worlds", Path(__file__).with_name("worlds.py"))
assert _spec is not None
assert _spec.loader is not None
worlds = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(worlds)

torch.set_num_threads(1)
NET = NetSettings(bands=worlds.BANDS, px=32, trunk="resnet10t", cut=2, filters=(8,), descriptor=16)
SHORT = TrainSettings(
    pairs_per_batch=8, epochs=3, rate_fusion=1e-3, rate_trunk=1e-3, rate_new=1e-3, precision="fp32", schedule="cosine"
)
MINING = MiningSettings(every=1)
PLACES = worlds.two_dates(16, scopes=2)


def trained(
    run: Path, settings: TrainSettings = SHORT, *, net: NetSettings = NET, resume: bool = False,
    progress: Progress = silent, places: Any = PLACES, validation: Any = PLACES, ground: GroundSettings | None = None,
) -> tuple[DescriptorNet, TrainResult]:
    torch.manual_seed(11)
    eye = DescriptorNet(net)
    objective = objective_of(settings, net.descriptor)
    result = train(
        eye, objective, places, validation=validation, settings=settings, run=run, mining=MINING,
        augment=AugmentSettings(shift=0.1, ground=ground), resume=resume, progress=progress,
    )
    return eye, result


def assert_same(one: DescriptorNet, other: DescriptorNet) -> None:
    for (name, a), b in zip(one.state_dict().items(), other.state_dict().values(), strict=True):
        assert torch.equal(a, b), name


@pytest.mark.parametrize("objective", ["bce", "infonce"])
@pytest.mark.parametrize("after", [1, 3, 5, 7, 10])
def test_interrupted_and_resumed_is_uninterrupted(tmp_path: Path, after: int, objective: Any) -> None:
    """Ctrl-C in a step, while mining, while validating: the end is the same, bit for bit."""
    settings = replace(SHORT, objective=objective, epochs=2)
    whole, result = trained(tmp_path / "whole", settings)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "parts", settings, progress=CtrlC(after))
    parts, again = trained(tmp_path / "parts", settings, resume=True)
    assert_same(whole, parts)
    assert again.steps == result.steps
    for a, b in zip(result.history, again.history, strict=True):
        assert (a.epoch, a.step, a.loss, a.map_at_5, a.hard) == (b.epoch, b.step, b.loss, b.map_at_5, b.hard)
    one, two = (DescriptorNet.load(tmp_path / run / "weights.safetensors") for run in ("whole", "parts"))
    assert one.fingerprint() == two.fingerprint()


def test_it_learns_and_keeps_the_best(tmp_path: Path) -> None:
    """Unseen places: better than untrained; the file holds the best epoch, and says so."""
    fresh = worlds.two_dates(60, seed=9)
    settings = TrainSettings(
        objective="infonce", pairs_per_batch=16, epochs=8, rate_trunk=3e-3, rate_new=3e-3, precision="fp32"
    )
    torch.manual_seed(11)
    before = map_at_k(matches_between(*fresh, DescriptorNet(NET).eval()), 5)
    _, result = trained(tmp_path, settings, places=worlds.two_dates(96), validation=fresh)
    after = map_at_k(matches_between(*fresh, DescriptorNet.load(result.weights)), 5)
    assert after > before
    assert result.best_map_at_5 == max(row.map_at_5 or 0 for row in result.history) == pytest.approx(after)
    assert result.finished
    rows = list(csv.DictReader((tmp_path / "metrics.csv").read_text().splitlines()))
    assert [float(row["epoch"]) for row in rows] == list(range(1, 9))
    assert json.loads((tmp_path / "metrics.json").read_text())["best_epoch"] == result.best_epoch


def test_the_objectives_own_layer_is_kept(tmp_path: Path) -> None:
    _, result = trained(tmp_path, replace(SHORT, objective="bce", epochs=1))
    assert load_also(result.weights)["fc.weight"].shape == (1, 16)


def test_more_epochs_go_on_from_the_end(tmp_path: Path) -> None:
    constant = replace(SHORT, schedule="constant")
    whole, _ = trained(tmp_path / "whole", replace(constant, epochs=2))
    trained(tmp_path / "parts", replace(constant, epochs=1))
    parts, result = trained(tmp_path / "parts", replace(constant, epochs=2), resume=True)
    assert_same(whole, parts)
    assert len(result.history) == 2


def test_minutes_end_a_training_that_can_go_on(tmp_path: Path) -> None:
    _, result = trained(tmp_path, replace(SHORT, epochs=1000, minutes=0.02))
    assert not result.finished
    assert result.history[-1].step == result.steps > 0
    _, more = trained(tmp_path, replace(SHORT, epochs=1000, minutes=0.02 + result.minutes), resume=True)
    assert more.steps > result.steps


def test_layers_have_their_own_rates() -> None:
    eye, settings = DescriptorNet(NET), TrainSettings()
    rates = {g["lr"]: sum(p.numel() for p in g["params"]) for g in optimiser_of(eye, InfoNCE(), settings).param_groups}
    assert rates[1e-4] == 9
    assert rates[5e-5] == sum(p.numel() for p in eye.trunk.parameters())
    assert rates[1e-3] == sum(p.numel() for p in eye.head.parameters())
    kept = DescriptorNet(replace(NET, fusion_trainable=False))
    assert len(optimiser_of(kept, InfoNCE(), settings).param_groups) == 2


def test_schedule_by_hand() -> None:
    assert rate_factor(0.05, "cosine", 0.1) == pytest.approx(0.5)
    assert rate_factor(0.1, "cosine", 0.1) == pytest.approx(1.0)
    assert rate_factor(0.55, "cosine", 0.1) == pytest.approx(0.5)
    assert rate_factor(1.0, "cosine", 0.1) == pytest.approx(0.0)
    assert rate_factor(0.9, "constant", 0.0) == 1.0


def test_what_does_not_belong_together_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no training to resume"):
        trained(tmp_path, resume=True)
    trained(tmp_path, replace(SHORT, epochs=1))
    with pytest.raises(UsageError, match="already"):
        trained(tmp_path)
    with pytest.raises(MismatchError, match="other settings"):
        trained(tmp_path, replace(SHORT, rate_trunk=1e-4), resume=True)
    with pytest.raises(MismatchError, match="another net"):
        trained(tmp_path, net=replace(NET, descriptor=8), resume=True)
    with pytest.raises(MismatchError, match="other tiles"):
        trained(tmp_path, places=worlds.two_dates(15), resume=True)


def test_damaged_state_is_refused(tmp_path: Path) -> None:
    trained(tmp_path, replace(SHORT, epochs=1))
    state = tmp_path / "state.safetensors"
    state.write_bytes(state.read_bytes()[:-100])
    with pytest.raises(StoreError, match="damaged"):
        trained(tmp_path, resume=True)


def test_a_loss_that_is_no_number_stops_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="learning rates"):
        trained(tmp_path, replace(SHORT, rate_trunk=1e30, rate_new=1e30, epochs=20))


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"pairs_per_batch": 1}, {"validate_every": 0}])
def test_settings_that_make_no_sense(wrong: dict[str, int]) -> None:
    with pytest.raises(UsageError):
        TrainSettings(**wrong)


def test_windows_over_the_ground_resume_as_they_would_have_gone_on(tmp_path: Path) -> None:
    """Moved, turned and scaled on real tiles: interrupted and resumed is uninterrupted, bit for bit."""
    tiles = photographed(tmp_path / "made", {"2004": pixels(1), "2019": pixels(1) // 2 + 60})
    places = tuple(TileSamples(tiles, date=date, bands=worlds.BANDS) for date in ("2019", "2004"))
    ground = GroundSettings(place=0.5, shift=0.1, angle_deg=15, scale=(0.7, 1.4))
    settings = replace(SHORT, objective="infonce", pairs_per_batch=4, epochs=2)
    given = {"places": places, "validation": None, "ground": ground}
    whole, one = trained(tmp_path / "whole", settings, **given)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "parts", settings, progress=CtrlC(4), **given)
    parts, result = trained(tmp_path / "parts", settings, resume=True, **given)
    assert [row.loss for row in result.history] == [row.loss for row in one.history]
    assert_same(whole, parts)
    with pytest.raises(MismatchError, match="other settings"):
        trained(tmp_path / "parts", settings, resume=True, **{**given, "ground": None})
