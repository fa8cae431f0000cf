"""RELIABILITY R13: each part of each real layer gone, empty, cut, zeroed or another's; inspect names it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pyproj import CRS

from georetrieval.errors import InputError
from georetrieval.geo.deliveries import open_delivery
from georetrieval.geo.inspection import inspect
from georetrieval.geo.legend import Legend
from tests.made.campaign import SEED, size, told

REAL = os.environ.get("GEORETRIEVAL_TEST_DATA")
LEGEND = Legend.load("bdtopo12")
LAMBERT_93 = CRS("EPSG:2154").to_wkt("WKT1_ESRI")
PARTS = (".SHP", ".SHX", ".DBF", ".PRJ")
EVERY = size(11, 1, ci=1)
"""In `make test` every eleventh case; 24 cases of a layer and 11 have no divisor in common: each kind is met."""
LAYERS = 14
PAINTED = {source.layer for _, source in LEGEND.sources("bdtopo_v2")}
"""Only of these the coordinates are looked at; of the others no more than whether their parts belong together."""
ELSEWHERE = CRS("EPSG:32631").to_wkt("WKT1_ESRI")


def damages(other: Path) -> dict[str, Callable[[Path], object]]:
    """What is done to a part; `other` is the same part of another layer."""
    return {
        "gone": lambda path: path.unlink(),
        "empty": lambda path: path.write_bytes(b""),
        "half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
        "one byte short": lambda path: path.write_bytes(path.read_bytes()[:-1]),
        "zeros at its end": lambda path: path.write_bytes(
            path.read_bytes()[: (n := path.stat().st_size * 3 // 4)] + bytes(path.stat().st_size - n)),
        "another layer's": lambda path: (path.write_text(ELSEWHERE) if path.suffix == ".PRJ"
                                         else shutil.copy(other, path)),
    }


def layers() -> list[Path]:
    """The largest layers of the delivery that have all four parts."""
    found = sorted(Path(REAL or "", "vectors", "isere_bdtopo_v2").rglob("*.SHP"))
    whole = [path for path in found if all(path.with_suffix(part).exists() for part in PARTS)
             and path.with_suffix(".SHX").stat().st_size > 108]
    return sorted(whole, key=lambda path: -path.stat().st_size)[:LAYERS]


def said_of(folder: Path, layer: str) -> list[str]:
    """What is said of a layer when its delivery is inspected, or instead of inspecting it."""
    try:
        found = inspect(open_delivery(folder, legend=LEGEND), LEGEND)
    except InputError as error:
        return [str(error)] if layer in str(error) or "holds no vector layers" in str(error) else []
    return [trap.sentence for trap in found.traps if trap.layer == layer or (not trap.layer and layer in trap.sentence)]


def copies(layer: Path, folder: Path) -> Path:
    """A delivery of one layer, and two painted ones beside it: a foreign .prj shows only against the others'."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    root = Path(REAL or "") / "vectors" / "isere_bdtopo_v2"
    for shp in {layer, root / "E_BATI" / "TERRAIN_SPORT.SHP", root / "D_HYDROGRAPHIE" / "SURFACE_EAU.SHP"}:
        for part in PARTS:
            shutil.copy(shp.with_suffix(part), folder)
        (folder / shp.name).with_suffix(".PRJ").write_text(LAMBERT_93)  # theirs are empty, and cannot be damaged
    return folder


def cases() -> Iterator[tuple[Path, str, str, Callable[[Path], object]]]:
    found = layers()
    for number, layer in enumerate(found):
        for part in PARTS:
            other = found[(number + 1) % len(found)].with_suffix(part)
            for kind, damage in damages(other).items():
                yield layer, part, kind, damage


@pytest.mark.skipif(not REAL, reason="GEORETRIEVAL_TEST_DATA is not set")
def test_every_damaged_part_is_named(tmp_path: Path) -> None:
    unsaid, met = [], 0
    for layer, part, kind, damage in list(cases())[SEED % EVERY::EVERY]:
        folder = copies(layer, tmp_path / "delivery")
        before = said_of(folder, layer.stem)
        damage(folder / layer.with_suffix(part).name)
        met += 1
        quiet = not set(said_of(folder, layer.stem)) - set(before)
        if quiet and (part, kind, layer.stem in PAINTED) != (".SHP", "zeros at its end", False):
            unsaid.append((layer.stem, part, kind))
    told("R13", sets=met, unnamed=len(unsaid))
    assert unsaid == []
    assert met >= 28
