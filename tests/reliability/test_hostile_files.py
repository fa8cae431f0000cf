"""RELIABILITY R14: hostile files through the real command line; nothing outside is opened or made, no socket."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.made import tiny
from tests.made.campaign import SEED, size, told
from tests.made.hostile import NET, corpus
from tests.made.sealed import Ended, run_sealed

MOST_BYTES = 2 << 30
MOST_CPU_S = 10.0
PARTS = size(3, 1)
"""Only every third of the 196 files is met in every run of the tests."""


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ended]:
    folder = tmp_path_factory.mktemp("hostile")
    cases = dict(list(corpus(folder).items())[SEED % PARTS::PARTS])
    before = sorted(folder.rglob("*"))
    found = dict(zip(cases, run_sealed(list(cases.values()), folder / "work", folder / "outside"), strict=True))
    made = [path for path in sorted(folder.rglob("*")) if path not in set(before)]
    allowed = (folder / "work" / "out", folder / "work" / "new", folder / "work" / "out-world", folder / "scratch")
    assert [path for path in made if not any(path.is_relative_to(place) for place in allowed)] == []
    told("R14", files=len(cases), slowest=f"{max(e.cpu_s for e in found.values()):.1f} s",
         peak=f"{max(e.peak_bytes for e in found.values()) >> 20} MiB")
    return found


def test_there_are_enough(ended: dict[str, Ended]) -> None:
    assert len(ended) >= 60


def test_each_is_refused_in_one_sentence(ended: dict[str, Ended]) -> None:
    wrong = {name: (end.code, end.err) for name, end in ended.items()
             if end.code not in (2, 3) or len(end.err.splitlines()) != 1 or not end.err.startswith("error: ")
             or "Traceback" in end.err}
    assert wrong == {}


def test_nothing_outside_is_opened_or_made(ended: dict[str, Ended]) -> None:
    assert {name: end.touched for name, end in ended.items() if end.touched} == {}


def test_none_makes_a_socket(ended: dict[str, Ended]) -> None:
    assert [name for name, end in ended.items() if end.code == -signal.SIGSYS] == []


def test_none_takes_long_or_much(ended: dict[str, Ended]) -> None:
    assert {name: end.cpu_s for name, end in ended.items() if end.cpu_s > MOST_CPU_S} == {}
    assert {name: end.peak_bytes >> 20 for name, end in ended.items() if end.peak_bytes > MOST_BYTES} == {}


def test_the_guards_see_what_happens_without_the_program(tmp_path: Path) -> None:
    """A VRT that GDAL is let follow is seen to be opened; what asks the network is killed, and the next goes on."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "work").mkdir()
    tiny.write_raster(tmp_path / "outside" / "secret.tif", tiny.noise((1, 8, 8)))
    (tmp_path / "work" / "a.vrt").write_text(
        '<VRTDataset rasterXSize="8" rasterYSize="8"><VRTRasterBand dataType="Byte" band="1"><SimpleSource>'
        f"<SourceFilename>{tmp_path}/outside/secret.tif</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>")
    asks = (f"import os; os.environ.pop('CPL_VSIL_CURL_ALLOWED_EXTENSIONS'); import rasterio\n"
            f"try: rasterio.open('/vsicurl/{NET}', driver='GTiff')\nexcept OSError: raise SystemExit(8)")
    follow = ("import os; os.environ.pop('GDAL_SKIP'); import rasterio\n"
              "rasterio.open('a.vrt').read(); raise SystemExit(7)")
    found = run_sealed([["python", asks], ["python", follow]], tmp_path / "work", tmp_path / "outside")
    assert [end.code for end in found] == [-signal.SIGSYS, 7]
    assert "opened secret.tif" in found[1].touched
