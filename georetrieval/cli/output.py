"""Answers on stdout: one table of rows, six formats."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import rich_click as click

from georetrieval.errors import UsageError

FORMATS = ("table", "json", "jsonl", "csv")
GEO_FORMATS = (*FORMATS, "geojson", "gpkg")
RERANK = ("none", "k-reciprocal", "query-expansion")
Row = Mapping[str, Any]
_F = TypeVar("_F", bound=Callable[..., Any])


def format_option(*formats: str) -> Callable[[_F], _F]:
    """Give a command `--format`, with the formats that it can write."""
    return click.option(
        "--format", "format_", type=click.Choice(formats or FORMATS), default="table", show_default=True,
        help="How the answer is written to stdout.",
    )


def write_rows(rows: Sequence[Row], format_: str, *, title: str = "") -> None:
    """Write rows with the same columns to stdout as a table, JSON, JSON lines or CSV."""
    if format_ == "json":
        click.echo(json.dumps(list(rows), ensure_ascii=False, indent=2))
    elif format_ == "jsonl":
        for row in rows:
            click.echo(json.dumps(row, ensure_ascii=False))
    elif format_ == "csv":
        click.echo(_csv(rows), nl=False)
    elif format_ == "table":
        _table(rows, title)
    else:
        raise UsageError(f"The format {format_} needs shapes on the ground, which this answer does not have.")


def write_value(value: Mapping[str, Any], format_: str, *, title: str = "") -> None:
    """Write one nested answer: as it is in JSON, as name and value elsewhere."""
    if format_ in ("json", "jsonl"):
        click.echo(json.dumps(value, ensure_ascii=False, indent=2 if format_ == "json" else None))
    else:
        write_rows([{"name": k, "value": _cell(v)} for k, v in value.items()], format_, title=title)


def _csv(rows: Sequence[Row]) -> str:
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({k: v if isinstance(v, float) else _cell(v) for k, v in row.items()} for row in rows)
    return text.getvalue()


def _table(rows: Sequence[Row], title: str) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title or None, title_justify="left", header_style="bold")
    for name in rows[0] if rows else ():
        numeric = all(isinstance(row[name], (int, float)) for row in rows)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(v) for v in row.values()))
    width = None if sys.stdout.isatty() else 160
    Console(file=sys.stdout, width=width, markup=False, highlight=False).print(table)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.10g}" if abs(value) >= 1000 else f"{value:.4g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    if isinstance(value, Mapping):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
