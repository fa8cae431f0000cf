"""What the fixture `run` of the published recipes is."""

from __future__ import annotations

from collections.abc import Callable

RunRecipe = Callable[..., list[dict[str, str]]]
"""A recipe's name and settings "key=value" -> its table."""
