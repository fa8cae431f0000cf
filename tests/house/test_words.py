"""The words of the house: no mode lives in the package, no drawer has a name that says nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "georetrieval"
MODES = re.compile(r"geo_?match|chair_?lift|ski_?lift|animal|get_?net|cattle|\bcows?\b|\bherds?\b", re.IGNORECASE)
DRAWERS = {"utils", "util", "common", "helpers", "helper", "base", "misc", "manager", "managers"}
SOURCES = sorted(PACKAGE.rglob("*.py"))
PLAIN = [path for path in SOURCES if "synthetic" not in path.parts and path.name != "synth.py"]
"""`synthetic/` is the exception: its worlds have names, and `synth` offers them."""


def test_the_package_is_found() -> None:
    assert len(PLAIN) > 30


@pytest.mark.parametrize("path", PLAIN, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_no_mode_name_in_the_package(path: Path) -> None:
    found = [f"{n}: {line.strip()}" for n, line in enumerate(path.read_text().splitlines(), 1) if MODES.search(line)]
    assert not found


def test_a_planted_mode_name_is_found() -> None:
    assert MODES.search("class ChairliftSamples:")
    assert MODES.search("def geomatch(): ...")


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_no_drawer_names(path: Path) -> None:
    assert path.stem not in DRAWERS
