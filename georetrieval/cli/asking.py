"""What `evaluate` and `report` are asked with, as options: which tiles ask, with what, of which answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import rich_click as click

from georetrieval.cli.output import RERANK

_F = TypeVar("_F", bound=Callable[..., Any])
HOW = (
    click.option("--model", metavar="RUN", help="Model, if it is not where the index remembers it."),
    click.option("--query-bands", type=click.Choice(["both", "photo", "map"]), default="both", show_default=True,
                 help="What of the asking tiles is looked at; one part alone needs a model that takes either."),
    click.option("--filter-date", "filter_dates", multiple=True, help="Only answers of this date; may be repeated."),
    click.option("--bbox", help="Only answers in xmin,ymin,xmax,ymax (CRS of the index)."),
    click.option("--rerank", type=click.Choice(RERANK), default="none", show_default=True, help="Put the first answers "
                 "into a better order by what else they resemble."),
)
"""How they are looked at, and which answers count."""


def asking_tiles(*, required: bool) -> Callable[[_F], _F]:
    """Give a command `--tiles`, `--date` and `--scope`; the first two have to be there or not."""
    return _with(
        click.option("--tiles", required=required, type=click.Path(path_type=Path), help="Folder of `tiles build`."),
        click.option("--date", required=required, help="Date of the tiles that ask."),
        click.option("--scope", "scopes", multiple=True, help="Only queries of these départements; may be repeated."))


def asking_options(function: _F) -> _F:
    """Give a command the options of `HOW`."""
    return _with(*HOW)(function)


def _with(*options: Callable[[_F], _F]) -> Callable[[_F], _F]:
    """All of them, in the order of `--help`."""
    def decorate(function: _F) -> _F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate
