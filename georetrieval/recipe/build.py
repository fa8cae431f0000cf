"""The one place where names meet classes: nets, baselines, objectives, training settings."""

from __future__ import annotations

from pathlib import Path

import torch

from georetrieval.errors import MismatchError
from georetrieval.geo.tileset import TileSet
from georetrieval.learn.settings import MiningSettings, Phase, TrainSettings
from georetrieval.nets.baselines import ClassShareEmbedder, HogEmbedder, pooled_trunk
from georetrieval.nets.embedder import DescriptorNet, Embedder
from georetrieval.nets.settings import NetSettings
from georetrieval.nets.starting import is_ours
from georetrieval.recipe.models import BASELINES, weights_file
from georetrieval.recipe.schema import Eye, Learn, Recipe
from georetrieval.samples.augment import AugmentSettings
from georetrieval.samples.bend import BendSettings
from georetrieval.samples.modality import DropSettings
from georetrieval.samples.poses import GroundSettings
from georetrieval.samples.wear import WearSettings

SEMANTIC = {"sr", "sg", "sb", "sgrey", "classes"}
BASELINE_PX = 256
"""Tile size of an untrained trunk when none is asked for. *Source*: papers/002, section 5."""


def load_eye(model: str, *, legend_digest: str | None = None, px: int | None = None) -> Embedder:
    """The eye that a word on the command line, in a recipe or in an index's manifest stands for.

    Parameters
    ----------
    model
        A run folder, a weights file of ours, or a baseline: "hog", "class-shares", "untrained" (ResNet50 with random
        weights), "untrained:TRUNK".
    legend_digest, px
        What the tiles at hand were made with; a net that was trained with another legend or size is refused.

    Raises
    ------
    InputError
        When there is no such model.
    MismatchError
        When the net belongs to another legend or tile size.
    """
    if model in BASELINES or model.startswith("untrained:"):
        return _baseline(model, legend_digest or "", px or BASELINE_PX)
    net = DescriptorNet.load(weights_file(model))
    if legend_digest is not None and net.legend and net.legend != legend_digest:
        raise MismatchError(f"The model {model} was trained with the legend {net.legend[:12]}, the tiles were painted "
                            f"with {legend_digest[:12]}; build the tiles with the model's legend.")
    if px is not None and net.settings.px != px:
        raise MismatchError(f"The model {model} reads tiles of {net.settings.px} px, these have {px} px; build the "
                            f"tiles with --px {net.settings.px}.")
    return net.for_inference()


def net_settings(eye: Eye, px: int) -> NetSettings:
    """The architecture of a recipe's net."""
    return NetSettings(
        bands=tuple(eye.bands), px=px, fusion=eye.fusion, fusion_trainable=eye.fusion_trainable,
        any_modality=eye.any_modality, normalise=eye.normalise, trunk=eye.trunk, cut=eye.cut, width=eye.width,
        disc=eye.disc, head=eye.head, pooling=eye.pooling, filters=eye.filters, batch_norm=eye.batch_norm,
        descriptor=eye.descriptor, cut_at=eye.cut_at, hidden=eye.hidden, dropout=eye.dropout, unit=eye.unit,
        space=eye.space, transformer=eye.transformer, localisation=eye.localisation, crop_px=eye.crop_px,
        crop_scale=eye.crop_scale, localisation_px=eye.localisation_px,
        localisation_width=eye.localisation_width, crop_jitter=eye.crop_jitter, both_ways=eye.both_ways,
        centre=eye.centre,
    )


def net_of(eye: Eye, px: int, legend_digest: str, kind: type[DescriptorNet] = DescriptorNet) -> DescriptorNet:
    """The untrained net of a recipe, of some kind; `legend_digest` counts only when the net sees semantic bands.

    Weights of others are in its trunk. A net of ours (`start_of`) is not: training starts from it.
    """
    legend = legend_digest if SEMANTIC & set(eye.bands) else ""
    return kind(net_settings(eye, px), weights=None if start_of(eye) else eye.weights, legend=legend)


def start_of(eye: Eye) -> Path | None:
    """The net of ours, a run folder or its weights, that a recipe's training starts from; None when it names none."""
    if eye.weights is None:
        return None
    if Path(eye.weights).is_dir():
        return weights_file(eye.weights)
    return Path(eye.weights) if is_ours(Path(eye.weights)) else None


def _baseline(model: str, legend_digest: str, px: int) -> Embedder:
    if model == "hog":
        return HogEmbedder()
    if model == "class-shares":
        return ClassShareEmbedder(legend=legend_digest)
    trunk = model.partition(":")[2] or "resnet50"
    return pooled_trunk(trunk, ("r", "g", "b"), px).for_inference()


def baseline_of(name: str, recipe: Recipe, tileset: TileSet) -> Embedder:
    """The eye of a baseline row: "untrained" is the recipe's own net with random weights, by the recipe's seed."""
    if name == "untrained":
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            return net_of(recipe.eye, tileset.px, tileset.legend.digest).for_inference()
    if name == "class-shares":
        return ClassShareEmbedder(classes=len(tileset.legend.classes), legend=tileset.legend.digest)
    if name == "hog":
        return HogEmbedder()
    return pooled_trunk(name.partition("-")[2], ("r", "g", "b"), tileset.px, pooling="avg").for_inference()


def settings_of(learn: Learn, seed: int) -> TrainSettings:
    """The loop's settings of a recipe."""
    names = (TrainSettings.__dataclass_fields__.keys() & Learn.model_fields.keys()) - {"phases"}
    phases = tuple(Phase(phase.epochs, tuple(phase.train), phase.whole, phase.once) for phase in learn.phases)
    return TrainSettings(**{name: getattr(learn, name) for name in names}, seed=seed, phases=phases)


def mining_of(learn: Learn) -> MiningSettings | None:
    """The miner's settings of a recipe."""
    return None if learn.mining is None else MiningSettings(**learn.mining.model_dump())


def augment_of(learn: Learn) -> AugmentSettings | None:
    """The changes of training samples of a recipe."""
    if learn.augment is None:
        return None
    plain = learn.augment.model_dump()
    drop, ground, wear, bend = (plain.pop(name, None) for name in ("drop", "ground", "wear", "bend"))
    return AugmentSettings(**plain, drop=None if drop is None else DropSettings(**drop),
                           wear=None if wear is None else WearSettings(**wear),
                           ground=None if ground is None else GroundSettings(**ground),
                           bend=None if bend is None else BendSettings(**bend))
