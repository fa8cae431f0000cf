"""What a recipe says of its descriptor net and its training."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from georetrieval.learn.settings import ObjectiveName
from georetrieval.recipe.schema_strict import Share, Strict

Band = Literal["r", "g", "b", "grey", "sr", "sg", "sb", "sgrey", "classes"]
NetPart = Literal["fusion", "transformer", "trunk", "new"]


class Eye(Strict):
    """The descriptor net: fusion, trunk, head (REFERENCE.md A); of pictures B, C, D."""

    LATER: ClassVar[tuple[str, ...]] = ("cut_at", "hidden", "dropout", "unit", "space", "transformer", "localisation",
                                        "crop_px", "crop_scale", "localisation_px", "localisation_width",
                                        "crop_jitter", "both_ways", "centre")
    bands: tuple[Band, ...] = ("r", "g", "b", "sr", "sg", "sb")
    fusion: Literal["conv", "stack"] = Field("conv", description="conv: 1x1 to three bands; stack: all go to the trunk")
    any_modality: bool = Field(False, description="pictures may lack the photo or the map")
    fusion_trainable: bool = True
    normalise: Literal["imagenet", "picture", "none"] = Field(
        "imagenet", description="by ImageNet's mean and deviation, each picture by its own (for film whose light says "
        "nothing), or not at all")
    disc: bool = Field(False, description="see the disc inside the picture only: nothing of it is lost by a turn")
    trunk: str = Field("resnet50", description="any timm model, or two-convs: 32 and 64 3x3 filters, max pooling")
    cut: int | None = Field(None, ge=0, description="use the trunk up to this stage only, 0 is the first")
    width: int | None = Field(None, ge=8, description="channels of a ResNet's first stage; null is as timm has it")
    weights: str | None = Field(None, description="null (from scratch), hub, a file, or a run of ours")
    cut_at: str | None = Field(None, description="the last module of the trunk to keep, by its name in timm")
    head: Literal["convs", "pool", "fc", "map"] = Field("convs", description="map: a 1x1 convolution (filters: [n]) "
                                                        "whose map is the descriptor, place by place")
    pooling: Literal["avg", "max", "gem"] = "avg"
    filters: tuple[int, ...] = (1024, 512, 256)
    batch_norm: bool = True
    descriptor: int = Field(256, ge=2, le=4096)
    hidden: tuple[int, ...] = Field((256,), description="head fc: sizes of the layers before the last")
    dropout: float = Field(0.5, ge=0, lt=1, description="head fc: share of the features that are left out in training")
    centre: bool = Field(False, description="head fc: take the mean map off before the first layer")
    unit: bool = Field(False, description="the descriptor has length 1")
    space: Literal["cosine", "euclidean"] = "cosine"
    transformer: Literal["translation", "translation-scale", "rotation", "affine", "axis"] | None = Field(
        None, description="find a region first, and look at it alone")
    localisation: Literal["fc", "attention"] = Field("fc", description="how the transformer finds it")
    crop_px: int | None = Field(None, ge=8, description="side of the region after sampling; null is that of a picture")
    crop_scale: float = Field(1.0, gt=0.1, lt=1.5, description="side of the region at the start, 1 is the picture's; "
                              "axis: side of what is seen, 1 is the thing's")
    localisation_px: int | None = Field(None, ge=8, description="side at which the transformer looks for it; null is "
                                        "that of a picture")
    localisation_width: int = Field(16, ge=4, description="filters of its first convolution, doubled at each further "
                                    "one")
    crop_jitter: float = Field(0.0, ge=0, le=0.5, description="how far its regions are off in training")
    both_ways: bool = Field(False, description="the mean of two looks, one turned by 180 degrees")

    @model_validator(mode="after")
    def _two_parts(self) -> Self:
        maps = [band.startswith("s") for band in self.bands]
        if self.any_modality and all(maps) == any(maps):
            raise ValueError("any_modality needs bands of the photo and of the map")
        return self


class Mining(Strict):
    """Hard pairs by map@5 (REFERENCE.md A)."""

    every: int = Field(5, ge=1, description="epochs between two rounds")
    k: int = Field(5, ge=1)
    below: Share = Field(0.5, description="a query is hard when its precision is below this")
    hard_share: Share = 0.5
    negatives: Literal["same_date", "other_date"] = "same_date"


class Drop(Strict):
    """Shares of training pictures that lack a part, each member of a pair on its own; never both parts."""

    photo: Share = 0.15
    map: Share = 0.25

    @model_validator(mode="after")
    def _one_part_stays(self) -> Self:
        if self.photo + self.map > 1:
            raise ValueError("photo and map together may be 1 at most; one part of each picture stays")
        return self


class Ground(Strict):
    """How far training windows leave their tiles, over the real ground around them."""

    place: float = Field(0.5, ge=0, le=0.5, description="largest shift that all pairs of a batch share: a moved grid")
    shift: float = Field(0.0, ge=0, le=0.5, description="largest further shift of each member on its own")
    angle_deg: float = Field(0.0, ge=0, le=180, description="largest turn of each member on its own")
    scale: tuple[float, float] = Field((1.0, 1.0), description="smallest and largest side, 1 is a tile's; log-uniform")
    sides: Literal["both", "query"] = Field("both", description="which members are turned and scaled")

    zoom: tuple[float, float] = Field((1.0, 1.0), description="scale that both members of all pairs of a batch share")
    looks: tuple[float, float] | None = Field(None, description="scales at which every other query is taken, at any "
                                              "angle, to be turned and scaled back as the search looks at it")

    @model_validator(mode="after")
    def _scales(self) -> Self:
        for scale in (self.scale, self.zoom, self.looks or self.scale):
            if not 0.25 <= scale[0] <= scale[1] <= 4:
                raise ValueError("scale, zoom and looks are the smallest and the largest side, between 0.25 and 4, "
                                 "such as [0.7, 1.4]")
        return self


class Wear(Strict):
    """What photographs suffer."""

    gamma: float = Field(0.0, ge=0, description="values are raised to exp(+- gamma)")
    noise: float = Field(0.0, ge=0, description="largest standard deviation of the grain, of values 0..1")
    erase: Share = Field(0.0, description="share of photos of which a square is covered")


class Bend(Strict):
    """Pictures bent like rubber."""

    by: float = Field(0.01, ge=0, le=0.2, description="how far knots are moved (standard deviation), as a share of the "
                      "side")
    knots: int = Field(8, ge=3, le=64, description="along each side; about as close as what may bend by itself")


class Augment(Strict):
    """Changes of the training samples."""

    LATER: ClassVar[tuple[str, ...]] = ("angle_deg", "scale", "erase", "tint", "far", "bend")
    turns: bool = True
    flips: bool = True
    shift: float = Field(0.0, ge=0, le=0.5, description="largest shift as a share of the side, each member its own")
    joint: bool = Field(True, description="the same turn and flip for both members of a pair")
    brightness: float = Field(0.2, ge=0)
    contrast: float = Field(0.2, ge=0)
    saturation: float = Field(0.0, ge=0)
    grey: Share = Field(0.0, description="share of photos that are turned to grey, each member on its own")
    wear: Wear | None = Field(None, description="gradation, grain and patches of the photo, each member its own")
    ground: Ground | None = Field(None, description="move, turn and scale windows over the ground around their tiles")
    drop: Drop | None = Field(None, description="leave a part out of some pictures; needs eye.any_modality")
    angle_deg: float = Field(0.0, ge=0, le=180, description="largest turn of a picture around its middle")
    scale: float = Field(0.0, ge=0, le=0.5, description="what is seen is larger or smaller by at most this share")
    erase: Share = Field(0.0, description="share of pictures of which a rectangle is covered")
    tint: float = Field(0.0, ge=0, lt=1, description="each band of the photo is multiplied by 1 +- tint")
    far: Share = Field(0.0, description="share of pictures that have the detail of one 0.3 to 0.8 times as large")
    bend: Bend | None = Field(None, description="bend photos like rubber, each by itself")


class Phase(Strict):
    """Some epochs in which some parts of the net learn; after the last phase the first one that is not `once` comes
    again."""

    LATER: ClassVar[tuple[str, ...]] = ("whole", "once")
    epochs: int = Field(1, ge=1)
    train: tuple[NetPart, ...] = Field((), description="all, or some of fusion, transformer, trunk, new (the head)")
    whole: bool = Field(False, description="the transformer rests: the others learn from whole pictures")
    once: bool = Field(False, description="at the start and never again")

    @model_validator(mode="before")
    @classmethod
    def _all(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("train") == "all":
            return values | {"train": ()}
        return values


class Lessons(Strict):
    """What batches are made of where pictures are learnt."""

    LATER: ClassVar[tuple[str, ...]] = ("all", "besides", "scopes", "masks_too", "swap")
    kind: Literal["masks", "pairs", "keys", "classes", "regions"] = Field(
        description="masks: a picture with masks of its own scope; pairs: half same, half different; keys: some "
        "pictures of each of some keys; classes: the key is the answer; regions: where the thing lies (regions.csv)")
    batch: int = Field(64, ge=2, description="pictures of a batch; pairs for pairs; the masks come on top")
    each: int = Field(4, ge=2, description="keys: pictures of one key in a batch")
    all: bool = Field(False, description="pairs: all among the pictures of a batch, same and different ones weighed "
                      "alike, in place of those that were drawn; no step costs more")
    besides: float = Field(0.25, ge=0, le=0.9, description="keys: share of a batch's keys that are of pictures.also")
    scopes: int | None = Field(None, ge=1, description="masks: scopes of a batch, so that few masks come on top")
    masks_too: bool = Field(False, description="masks: those of different scopes are pairs too, by their key")
    swap: Share = Field(0.0, description="masks: share of pictures that get the surroundings of another one of their "
                        "scope, away from its masks")


class Learn(Strict):
    """The training stage."""

    LATER: ClassVar[tuple[str, ...]] = ("lessons", "margin", "second_share", "smoothing", "rate_transformer",
                                        "rate_decay", "patience", "phases", "keep_maps")
    lessons: Lessons | None = Field(None, description="for pictures; tiles are learnt in pairs of dates")
    objective: ObjectiveName = "bce"
    temperature: float = Field(0.07, gt=0, description="infonce, nt-xent-dot, clip, supcon and prototypical")
    margin: float = Field(1.0, gt=0, description="contrastive and triplet")
    second_share: Share = Field(1.0, description="contrastive: share of a pair's pull that its second member (a mask) "
                                "feels")
    smoothing: float = Field(0.0, ge=0, lt=1, description="cross-entropy")
    alpha: float = Field(2.0, gt=0, description="multi-similarity: weight of unlike positive pairs")
    beta: float = Field(50.0, gt=0, description="multi-similarity: weight of alike negative pairs")
    base: float = Field(0.5, ge=-1, le=1, description="multi-similarity: the cosine from which a pair is wrong")
    bce_start: Literal["distance", "random"] = Field("distance", description="first weights of bce's own layer")
    pairs_per_batch: int = Field(12, ge=2)
    epochs: int = Field(100, ge=1)
    minutes: float | None = Field(None, gt=0, description="stop when this is spent, whatever the epoch")
    precision: Literal["bf16", "fp32"] = "bf16"
    optimiser: Literal["adam", "adamw", "sgd"] = Field("adam", description="sgd: Nesterov momentum 0.9")
    rate_fusion: float = Field(1e-4, ge=0)
    rate_trunk: float = Field(5e-5, ge=0)
    rate_new: float = Field(1e-3, ge=0)
    rate_transformer: float = Field(1e-3, ge=0)
    rate_decay: float = Field(0.0, ge=0, description="rates are divided by 1 + this * steps done")
    weight_decay: float = Field(0.0, ge=0)
    schedule: Literal["constant", "cosine"] = "constant"
    warmup: Share = 0.0
    ema: float = Field(0.0, ge=0, lt=1, description="decay of a moving average of the weights that is kept; 0 is none")
    validate_every: int = Field(1, ge=1, description="epochs between two validations")
    mining: Mining | None = Mining()
    augment: Augment | None = None
    patience: int | None = Field(None, ge=1, description="stop after so many epochs without a better validation")
    phases: tuple[Phase, ...] = Field((), description="which parts learn in which epochs, again and again")
    keep_maps: bool = Field(False, description="pictures: the head alone learns, from the trunk's maps, computed once; "
                            "rates are of maps of spread 1 (the mean squared distance from their mean)")

    @model_validator(mode="after")
    def _maps_that_stay(self) -> Self:
        head_alone = bool(self.phases) and all(phase.train == ("new",) for phase in self.phases)
        if self.keep_maps and not (head_alone and self.augment is None and self.lessons is not None):
            raise ValueError("keep_maps needs lessons, phases in which only new learns, and no augment")
        return self
