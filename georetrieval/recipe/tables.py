"""Tables of results as CSV and Markdown."""

from __future__ import annotations

import csv
import io
from typing import Any

Row = dict[str, Any]


def as_csv(rows: list[Row]) -> bytes:
    """The table as CSV with a header line."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def as_markdown(rows: list[Row]) -> bytes:
    """The table as Markdown."""
    lines = ["| " + " | ".join(rows[0]) + " |", "|" + "---|" * len(rows[0])]
    lines += ["| " + " | ".join(_cell(value) for value in row.values()) + " |" for row in rows]
    return ("\n".join(lines) + "\n").encode()


def _cell(value: Any) -> str:
    return "" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
