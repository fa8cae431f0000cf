"""Names meet classes: eyes by their word, nets by the recipe, settings field by field."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from georetrieval.errors import InputError, MismatchError, UsageError
from georetrieval.nets.baselines import ClassShareEmbedder, HogEmbedder
from georetrieval.recipe.build import augment_of, baseline_of, load_eye, mining_of, net_of, settings_of
from georetrieval.recipe.models import weights_file
from georetrieval.recipe.schema import Augment, Eye, Learn, Mining
from georetrieval.samples.poses import GroundSettings

torch.set_num_threads(1)
SMALL = Eye(trunk="resnet10t", bands=("r", "g", "b"), head="pool", descriptor=8)
SEEING_MAPS = Eye(trunk="resnet10t", head="pool", descriptor=8)
LEGEND, OTHER = "a" * 64, "b" * 64


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder with the weights of a net that sees the map."""
    net_of(SEEING_MAPS, 32, LEGEND).save(tmp_path / "run" / "model" / "weights.safetensors")
    return tmp_path / "run"


def test_a_net_is_what_the_recipe_says() -> None:
    net = net_of(SMALL, 32, LEGEND)
    assert (net.settings.px, net.settings.trunk, net.settings.descriptor) == (32, "resnet10t", 8)
    assert net.settings.bands == ("r", "g", "b")
    assert net.legend == "", "a net that sees the photo only belongs to no legend"
    assert net_of(SEEING_MAPS, 32, LEGEND).legend == LEGEND


def test_settings_are_carried_over_field_by_field() -> None:
    learn = Learn(objective="infonce", temperature=0.2, pairs_per_batch=7, epochs=3, minutes=1.5, precision="fp32",
                  rate_trunk=0.5, warmup=0.25, mining=Mining(every=2, below=0.3), augment=Augment(shift=0.1))
    settings = settings_of(learn, 9)
    for name in ("objective", "temperature", "pairs_per_batch", "epochs", "minutes", "precision", "rate_fusion",
                 "rate_trunk", "rate_new", "weight_decay", "schedule", "warmup", "validate_every"):
        assert getattr(settings, name) == getattr(learn, name), name
    assert settings.seed == 9
    miner, augment = mining_of(learn), augment_of(learn)
    assert miner is not None
    assert augment is not None
    assert (miner.every, miner.k, miner.below) == (2, 5, 0.3)
    assert (augment.shift, augment.turns, augment.brightness) == (0.1, True, 0.2)
    assert mining_of(Learn(mining=None)) is None
    assert augment_of(Learn()) is None


def test_every_setting_of_learn_reaches_the_loop() -> None:
    """A setting that a recipe may give and nobody reads would be a lie."""
    elsewhere = {"mining", "augment", "lessons", "keep_maps"}  # keep_maps: the stage asks the lessons for it
    assert Learn.model_fields.keys() - elsewhere <= settings_of(Learn(), 1).__dataclass_fields__.keys()


def test_words_for_eyes(run: Path) -> None:
    assert isinstance(load_eye("hog"), HogEmbedder)
    assert isinstance(load_eye("class-shares", legend_digest=LEGEND), ClassShareEmbedder)
    untrained = load_eye("untrained:resnet10t", px=32)
    assert untrained.bands == ("r", "g", "b")
    assert untrained(torch.rand(2, 3, 32, 32), ("r", "g", "b")).shape == (2, 512), "resnet10t pools 512 features"
    trained = load_eye(str(run), legend_digest=LEGEND, px=32)
    assert trained.bands == SEEING_MAPS.bands
    assert trained(torch.rand(2, 6, 32, 32), trained.bands).shape == (2, 8)
    for word in (run, run / "model", run / "model" / "weights.safetensors"):
        assert weights_file(str(word)) == run / "model" / "weights.safetensors"


def test_untrained_is_the_same_every_time() -> None:
    one, other = (load_eye("untrained:resnet10t", px=32).fingerprint() for _ in range(2))
    assert one == other


def test_what_does_not_belong_together_is_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(MismatchError, match="trained with the legend aaaa"):
        load_eye(str(run), legend_digest=OTHER, px=32)
    with pytest.raises(MismatchError, match=r"tiles of 32 px, these have 64 px; .* --px 32"):
        load_eye(str(run), legend_digest=LEGEND, px=64)
    with pytest.raises(InputError, match="neither a run folder"):
        load_eye("nowhere")
    with pytest.raises(InputError):
        load_eye(str(tmp_path / "run" / "nothing.safetensors"))
    (tmp_path / "text.safetensors").write_text("words")
    with pytest.raises(InputError, match=r"text\.safetensors"):
        load_eye(str(tmp_path / "text.safetensors"))
    with pytest.raises(UsageError, match="resnet1000"):
        load_eye("untrained:resnet1000")


def test_the_untrained_baseline_is_the_recipes_net_before_training(tmp_path: Path) -> None:
    """The seed decides; the state of torch's generator before does not."""
    from georetrieval.recipe.loading import load_recipe
    from tests.made.greys import tiles_of_greys

    path = tmp_path / "r.yaml"
    path.write_text("""
name: small
tiles: {cell_m: 32, px: 32, mosaics: {folder: "."}}
split: {train: {}, test: {}}
eye: {trunk: resnet10t, bands: [r, g, b], head: pool, descriptor: 8}
""")
    town = tiles_of_greys(tmp_path, {"1961": [10, 20, 30, 40, 50, 60, 70, 80]})
    recipe = load_recipe(path)
    torch.manual_seed(1)
    one = baseline_of("untrained", recipe, town).fingerprint()
    torch.manual_seed(2)
    assert baseline_of("untrained", recipe, town).fingerprint() == one
    assert baseline_of("untrained", load_recipe(path, ["seed=5"]), town).fingerprint() != one
    assert isinstance(baseline_of("hog", recipe, town), HogEmbedder)


def test_windows_over_the_ground_are_asked_for_by_the_recipe() -> None:
    augment = augment_of(Learn(augment=Augment(ground={"shift": 0.1, "angle_deg": 15, "scale": [0.7, 1.4]})))
    assert augment is not None
    assert augment.ground == GroundSettings(place=0.5, shift=0.1, angle_deg=15, scale=(0.7, 1.4), sides="both")
    still = augment_of(Learn(augment=Augment()))
    assert still is not None
    assert still.ground is None
