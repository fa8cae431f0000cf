"""Answers in their formats."""

from __future__ import annotations

import csv
import io
import json

import pytest

from georetrieval.cli.output import write_rows
from georetrieval.errors import UsageError

ROWS = [{"tile": "a", "xmin": 685250.125, "score": 0.123456789, "hit": True},
        {"tile": "é", "xmin": 685500.0, "score": None, "hit": False}]


def written(format_: str, capsys: pytest.CaptureFixture[str]) -> str:
    write_rows(ROWS, format_)
    return capsys.readouterr().out


def test_json_is_the_rows(capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(written("json", capsys)) == ROWS


def test_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert [json.loads(line) for line in written("jsonl", capsys).splitlines()] == ROWS


def test_csv_keeps_every_digit(capsys: pytest.CaptureFixture[str]) -> None:
    rows = list(csv.DictReader(io.StringIO(written("csv", capsys))))
    assert [float(row["xmin"]) for row in rows] == [685250.125, 685500.0]
    assert float(rows[0]["score"]) == 0.123456789
    assert rows[1]["score"] == ""


def test_a_table_shows_metres(capsys: pytest.CaptureFixture[str]) -> None:
    text = written("table", capsys)
    assert "685250.125" in text
    assert "0.1235" in text


def test_a_shape_format_needs_shapes() -> None:
    with pytest.raises(UsageError, match="shapes on the ground"):
        write_rows(ROWS, "gpkg")
