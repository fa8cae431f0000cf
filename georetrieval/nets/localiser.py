"""A net that only says where things lie."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from georetrieval.errors import UsageError
from georetrieval.nets.embedder import DescriptorNet, ordered
from georetrieval.nets.settings import NetSettings


class Localiser(DescriptorNet):
    """A `DescriptorNet` of which only the transformer learns: it answers with that one's numbers, see `nets.axis`.

    Its weights are those of a `DescriptorNet`, so that another one can start from its transformer.

    Raises
    ------
    UsageError
        When the settings have no transformer of the kind "axis".
    """

    def __init__(self, settings: NetSettings, *, weights: str | Path | None = None, legend: str = "") -> None:
        if settings.transformer != "axis":
            raise UsageError("Regions along an axis are learnt by a net with one: set eye.transformer to axis.")
        super().__init__(settings, weights=weights, legend=legend)

    def forward(self, pixels: Tensor, bands: Sequence[str]) -> Tensor:
        """`(b, C, px, px)` -> `(b, 6)`."""
        assert self.transformer is not None
        return self.transformer.numbers(ordered(pixels, bands, self.bands, self.settings.px))
