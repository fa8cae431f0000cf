"""The run of a recipe: of tiles, or of pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from georetrieval.progress import Progress, silent
from georetrieval.recipe.loading import AnyRecipe
from georetrieval.recipe.picture_stages import PictureRun
from georetrieval.recipe.schema_pictures import PictureRecipe
from georetrieval.recipe.stages import Artist, Run

AnyRun = Run | PictureRun


def run_of(
    recipe: AnyRecipe, out: Path | None = None, *, progress: Progress = silent, resume: bool | None = None,
    draw: Artist | None = None, draw_pictures: Any = None, index: Path | None = None,
) -> AnyRun:
    """A run in the folder `out`; see `Run` for what the arguments mean.

    Parameters
    ----------
    draw, draw_pictures
        Who draws the figures of a recipe of tiles, and of one of pictures.
    """
    if isinstance(recipe, PictureRecipe):
        return PictureRun(recipe, out, progress=progress, resume=resume, draw=draw_pictures, index=index)
    return Run(recipe, out, progress=progress, resume=resume, draw=draw, index=index)
