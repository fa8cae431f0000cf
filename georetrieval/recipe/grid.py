"""The rows of the untrained comparison: which combinations there are, before anything is computed."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from georetrieval.recipe.schema import Recipe
from georetrieval.recipe.schema_combinations import Combinations

PHOTO, COLOUR, GREY = ("r", "g", "b"), ("sr", "sg", "sb"), ("sgrey",)
INPUTS: dict[str, tuple[str, ...]] = {
    "photo": PHOTO, "semantic-colour": COLOUR, "semantic-grey": GREY, "both-colour": PHOTO + COLOUR,
    "both-grey": PHOTO + GREY,
}
"""Bands of each input. *Source*: papers/002, section 3 (natural image; annotations in colour and in grey)."""

MODALITIES = {"both-colour": ("photo", "semantic-colour"), "both-grey": ("photo", "semantic-grey")}
"""What is looked at separately where both are fused after the net."""

NETLESS = {"hog": "photo", "class-shares": "semantic-colour"}
"""Descriptors without a net, and the input whose bands they need."""


@dataclass(frozen=True)
class Combination:
    """One row of the table.

    Attributes
    ----------
    block
        "photo", "semantic", "both", "hog", "class-shares": the best row is told for each block and fusion.
    bands
        A key of `INPUTS`.
    fusion, normalisation, distance, pooling
        See `Combinations`; "none" where there is nothing to choose.
    """

    block: str
    bands: str
    fusion: str = "none"
    normalisation: str = "none"
    distance: str = "cosine"
    pooling: str = "none"


def combinations_of(asked: Combinations, *, photo: bool = True, plan: bool = True) -> list[Combination]:
    """All rows of a recipe for tiles that hold a photo, a map (`plan`), or both; the simplest first."""
    rows = [
        Combination(bands.partition("-")[0], bands, fusion, normalisation, distance, pooling)
        for bands, fusion, pooling, normalisation, distance in product(
            asked.bands, asked.fusion, asked.pooling, asked.normalisation, asked.distance)
        if (bands in MODALITIES) == (fusion != "none")
    ]
    rows += [Combination(name, NETLESS[name], distance=distance)
             for name, distance in product(asked.others, asked.distance)]
    held = {"photo": photo, "semantic": plan, "both": photo and plan}
    return [row for row in rows if held[row.bands.partition("-")[0]]]


def rows_planned(recipe: Recipe) -> str:
    """How many rows `evaluate.combinations` will give, as far as the recipe alone tells it."""
    tiles, asked = recipe.tiles, recipe.evaluate.combinations
    if asked is None:
        return "no combinations"
    count = len(combinations_of(asked, plan=tiles.mosaics is None))
    known = {world.scope for world in tiles.worlds} | {survey.scope for survey in tiles.surveys} or {"frame"}
    parts = [part for part in (recipe.split.train, recipe.split.validation, recipe.split.test) if part is not None]
    places = sum(len(part.scopes or known) for part in parts)
    of_each = " for each pair of dates" if recipe.dates.every_pair else ""
    return f"{count} untrained combinations in {places} part{'s' * (places > 1)}: {count * places} rows{of_each}"
