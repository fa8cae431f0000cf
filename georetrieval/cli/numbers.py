"""Numbers as typed."""

from __future__ import annotations

import math
from typing import Any

import rich_click as click


class Within(click.FloatRange):
    """A number in a range. "nan" is in none, though no comparison says so: an alarm with that margin never rings."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number; a sentence of click's when it is none."""
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"{value!r} is no number that can be compared.", param, ctx)
        return number
