"""What a recipe of pictures may say: a list of pictures in place of tiles, learnt with masks, in pairs or by key."""

from __future__ import annotations

from inspect import signature
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from georetrieval.recipe.schema_learn import Eye, Learn
from georetrieval.recipe.schema_strict import Engine, Strict
from georetrieval.synthetic.picture_worlds import PICTURE_WORLDS, writer_of

OBJECTIVES = {
    "masks": ("contrastive", "prototypical", "bce"), "pairs": ("contrastive", "bce"), "classes": ("cross-entropy",),
    "keys": ("triplet", "supcon", "infonce", "nt-xent-dot", "multi-similarity"), "regions": ("regions",),
}
"""What each kind of lessons can be learnt with."""


class MadeUp(Strict):
    """A made-up world of pictures that is written before anything else (`georetrieval synth`)."""

    kind: str = Field(description="one of `georetrieval synth` that writes pictures")
    seed: int = Field(1, ge=0)
    options: dict[str, Any] = Field({}, description="further arguments of the world")
    folder: Path | None = Field(None, description="worlds go here, shared with other recipes; null is the run folder")

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.kind not in PICTURE_WORLDS:
            raise ValueError(f"the world {self.kind!r} is unknown; there are {', '.join(sorted(PICTURE_WORLDS))}")
        takes = set(signature(writer_of(self.kind)).parameters) - {"out", "seed", "progress"}
        strange = sorted(set(self.options) - takes)
        if strange:
            raise ValueError(f"the world {self.kind} has no option {strange[0]!r}; it takes {', '.join(sorted(takes))}")
        return self


class PictureSplit(Strict):
    """Who is trained on, who chooses the best epoch, who asks.

    by "part": the column `part`; the gallery is its `gallery`, or the train part. by "group": of each key the last
    group (by name, numbers by value) asks, the one before is for validation, all others are trained on and are the
    gallery. by "key": the same, but some keys are never seen in training. by "scope": the column `part`, but some
    scopes are never seen in training.
    """

    by: Literal["part", "group", "key", "scope"] = "part"
    unseen: int | tuple[str, ...] = Field(0, description="by key and scope: how many (the last by name), or which")

    @model_validator(mode="after")
    def _unseen_where_it_counts(self) -> Self:
        some = bool(self.unseen)
        if some != (self.by in ("key", "scope")):
            raise ValueError("unseen says how many keys or scopes are left out of training; give it with by: key or "
                             "by: scope, and only there")
        return self


class Pictures(Strict):
    """The pictures: a made-up world, or a list (pictures.csv, or a folder with one sub-folder per key)."""

    LATER: ClassVar[tuple[str, ...]] = ("also",)
    world: MadeUp | None = None
    also: tuple[MadeUp, ...] = Field((), description="made-up worlds whose train parts are trained on besides, each in "
                                     "a scope of its own")
    source: Path | None = Field(None, description="a list of pictures, its folder, or a folder with one sub-folder "
                                "per key")
    group: str | None = Field(None, description="sub-folders: a regular expression whose first parenthesis finds the "
                              "group in a file's name")
    px: int = Field(128, ge=16, le=1024, description="side at which pictures are read")
    crop: bool = Field(False, description="cut the boxes of the list out of their files")
    share: float = Field(1.0, gt=0, le=1, description="train on this share of the train part, drawn by the seed")
    split: PictureSplit = PictureSplit()

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.world is None) == (self.source is None):
            raise ValueError("say exactly one of world and source")
        return self

    @property
    def made_up(self) -> tuple[MadeUp, ...]:
        """All made-up worlds, the one that is asked about first."""
        return (*((self.world,) if self.world else ()), *self.also)


class Finish(Strict):
    """What is done to a trained net of descriptors before it answers."""

    whiten: float | None = Field(None, gt=0, le=1, description="directions in which train pictures of one key differ "
                                 "count for less; the share of the largest variance that all are raised by")
    zooms: tuple[float, ...] = Field((), description="a descriptor is the mean of looks at regions so many times as "
                                     "large as the transformer's")


class PictureIndex(Strict):
    """The index stage; rows are made of the test part's gallery, or are masks where masks are learnt."""

    folder: Path | None = Field(None, description="where the index NAME is put; indexes/ by default, and OUT/indexes "
                                "for a run in a folder of its own (-o OUT)")
    rows: Literal["each", "mean", "prototypes", "none"] = Field("each", description="none makes no index")


class PictureEvaluate(Strict):
    """The evaluation stage; what is measured follows from learn.lessons.kind (pairs: the best distance of the
    validation part judges the test part)."""

    LATER: ClassVar[tuple[str, ...]] = ("projection",)
    k: int = Field(5, ge=1)
    baselines: tuple[Literal["hog", "untrained"], ...] = ("hog", "untrained")
    rows: tuple[Literal["each", "mean", "prototypes"], ...] = Field(
        ("each", "mean", "prototypes"), min_length=1, description="keys: what gallery rows are made of")
    pairs: int = Field(4000, ge=10, description="pairs: how many of the test part are judged")
    projection: Literal["pca", "umap"] = Field("pca", description="keys: how the space is drawn in three dimensions")


class OtherClassifier(Strict):
    """Another net, trained as a softmax classifier on the same pictures: a line of the table."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
    eye: Eye = Field(description="its own trunk, weights and head; fine-tuned where weights says hub or a file")
    learn: Learn | None = Field(None, description="its training; null is the one of classifier")


class PictureRecipe(Strict):
    """One experiment on pictures."""

    LATER: ClassVar[tuple[str, ...]] = ("classifiers", "finish", "engine")
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
    title: str = ""
    seed: int = Field(1, ge=0)
    pictures: Pictures
    eye: Eye = Eye(bands=("r", "g", "b"))
    learn: Learn
    classifier: Learn | None = Field(None, description="also train the same net as a softmax classifier, so")
    classifier_first: bool = Field(False, description="train it before the net, which starts from its trunk")
    classifiers: tuple[OtherClassifier, ...] = Field((), description="and other nets, each with a line of its own")
    finish: Finish | None = Field(None, description="keys: what is done to the trained net before it answers")
    index: PictureIndex = PictureIndex()
    evaluate: PictureEvaluate = PictureEvaluate()
    engine: Engine = Field("auto", description="what nets run in when many pictures are looked at, see --engine")

    @model_validator(mode="after")
    def _photo_bands(self) -> Self:
        for eye in (self.eye, *(other.eye for other in self.classifiers)):
            strange = set(eye.bands) - {"r", "g", "b", "grey"}
            if strange:
                raise ValueError(f"eye.bands names {', '.join(sorted(strange))}; pictures have r, g, b and grey")
        return self

    @model_validator(mode="after")
    def _other_classifiers(self) -> Self:
        names = [other.name for other in self.classifiers]
        taken = {"hog", "untrained", "classifier", "trained"} & set(names)
        if taken or len(set(names)) < len(names):
            raise ValueError(f"classifiers need names of their own, found {', '.join(names)}")
        for other in self.classifiers:
            learn = other.learn or self.classifier
            if learn is None or learn.lessons is None or self.kind_of(learn) != "classes":
                raise ValueError(f"the classifier {other.name} needs learn.lessons.kind: classes, of its own or of "
                                 "classifier")
        return self

    @model_validator(mode="after")
    def _lessons_and_objective(self) -> Self:
        for name, learn in (("learn", self.learn), ("classifier", self.classifier)):
            if learn is None:
                continue
            if learn.lessons is None:
                raise ValueError(f"{name}.lessons says what batches of pictures are made of; it is missing")
            if learn.objective not in OBJECTIVES[learn.lessons.kind]:
                raise ValueError(f"{name}.objective {learn.objective} does not take lessons of {learn.lessons.kind}; "
                                 f"choose {', '.join(OBJECTIVES[learn.lessons.kind])}")
        if self.classifier is not None and self.eye.head == "map":
            raise ValueError("classifier is the same net with a softmax, and a map has none; name another net under "
                             "classifiers")
        if self.classifier_first and self.classifier is None:
            raise ValueError("classifier_first needs a classifier")
        if self.classifier is not None and self.kind_of(self.classifier) != "classes":
            raise ValueError("classifier.lessons.kind has to be classes")
        return self

    @model_validator(mode="after")
    def _nothing_of_tiles(self) -> Self:
        for name, learn in (("learn", self.learn), ("classifier", self.classifier)):
            augment = None if learn is None else learn.augment
            if augment is not None and (augment.ground or augment.drop):
                raise ValueError(f"{name}.augment.ground and drop are for tiles; pictures have no ground and no map")
        if self.finish is not None and (self.kind != "keys" or self.eye.space != "cosine"):
            raise ValueError("finish is for what learns keys in the cosine space; leave it out")
        if self.finish is not None and self.finish.zooms and self.eye.transformer is None:
            raise ValueError("finish.zooms are those of the region that a transformer finds; set eye.transformer")
        if self.kind in ("classes", "regions") and self.index.rows != "none":
            raise ValueError(f"what learns {self.kind} has no descriptors to be indexed; set index.rows to none")
        return self

    @model_validator(mode="after")
    def _regions_as_they_are(self) -> Self:
        augment = self.learn.augment
        if self.kind != "regions":
            return self
        if self.eye.transformer != "axis":
            raise ValueError("regions along an axis are learnt by a net with one: set eye.transformer to axis")
        if augment and (augment.turns or augment.flips or augment.shift or augment.scale or augment.angle_deg):
            raise ValueError("learn.augment may not move what learn.lessons.kind regions looks for; set turns and "
                             "flips to false and leave out shift, scale and angle_deg")
        if self.pictures.crop:
            raise ValueError("regions are those of whole pictures; leave out pictures.crop")
        return self

    @property
    def kind(self) -> str:
        """The kind of lessons."""
        return self.kind_of(self.learn)

    @staticmethod
    def kind_of(learn: Learn) -> str:
        """The kind of lessons of a training."""
        assert learn.lessons is not None
        return learn.lessons.kind
