"""What a recipe of pictures is taught: its parts become lessons for the loop."""

from __future__ import annotations

from dataclasses import dataclass, replace

from georetrieval.learn.lessons import SidePair
from georetrieval.learn.mask_lessons import MaskLessons
from georetrieval.learn.picture_lessons import ClassLessons, KeyLessons, PairLessons
from georetrieval.learn.region_lessons import RegionLessons
from georetrieval.recipe.picture_parts import Parts, Question
from georetrieval.recipe.schema_learn import Learn
from georetrieval.recipe.schema_pictures import PictureRecipe
from georetrieval.samples.listed import ListedSamples
from georetrieval.samples.listing import Listing
from georetrieval.samples.regions import regions_of

KEPT_BYTES = 2 << 30
"""Pictures that are looked at again and again are held in memory up to this size."""


@dataclass(frozen=True)
class Shown:
    """How a recipe looks at pictures.

    Attributes
    ----------
    px, bands, crop
        See `Listing.samples`.
    """

    px: int
    bands: tuple[str, ...]
    crop: bool

    @classmethod
    def of(cls, recipe: PictureRecipe) -> Shown:
        """As the recipe says."""
        return cls(recipe.pictures.px, tuple(recipe.eye.bands), recipe.pictures.crop)

    def as_seen_by(self, bands: tuple[str, ...]) -> Shown:
        """The same for another eye."""
        return replace(self, bands=bands)

    def __call__(self, listing: Listing, *, again: bool = False) -> ListedSamples:
        """Samples of a list; `again`: they are read more than once."""
        keep = again and len(listing) * self.px**2 * 3 <= KEPT_BYTES
        return listing.samples(self.px, self.bands, crop=self.crop, keep=keep)

    def sides(self, question: Question | None, *, again: bool = False) -> SidePair | None:
        """Queries and gallery of a question."""
        return None if question is None else (self(question.queries, again=again), self(question.gallery, again=again))


def lessons_of(
    parts: Parts, learn: Learn, shown: Shown, seed: int
) -> MaskLessons | PairLessons | KeyLessons | ClassLessons | RegionLessons:
    """The lessons that the settings name, of these parts."""
    plan = learn.lessons
    assert plan is not None
    train = shown(parts.train, again=True)
    judged = None if parts.validation is None else shown(parts.validation.queries, again=True)
    if plan.kind == "masks":
        return MaskLessons(train, shown(parts.masks, again=True), shown.sides(parts.validation, again=True),
                           batch=plan.batch, scopes=plan.scopes, masks_too=plan.masks_too, swap=plan.swap)
    if plan.kind == "pairs":
        return PairLessons(train, judged, batch=plan.batch, seed=seed, every=plan.all)
    if plan.kind == "keys":
        besides = None if parts.besides is None else (parts.besides, plan.besides)
        return KeyLessons(train, parts.train.groups.tolist(), shown.sides(parts.validation, again=True),
                          batch=plan.batch, each=plan.each, besides=besides)
    if plan.kind == "regions":
        held = None if parts.validation is None or judged is None else (
            judged, regions_of(parts.validation.queries, shown.px))
        return RegionLessons(train, regions_of(parts.train, shown.px), held, batch=plan.batch, px=shown.px)
    return ClassLessons(train, classes_of(parts), judged, batch=plan.batch)


def classes_of(parts: Parts) -> tuple[str, ...]:
    """Keys of the train part, sorted: the order of a classifier's outputs."""
    return tuple(sorted(set(parts.train.keys.tolist())))
