"""Several recipes on one shared folder of worlds and tiles: made once, never two at a time."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from georetrieval.errors import BusyError
from georetrieval.files import locked, sha256_file
from georetrieval.geo.tileset import TileSet
from georetrieval.progress import Progress, silent
from georetrieval.recipe.loading import load_recipe
from georetrieval.recipe.stages import Run

RECIPE = """
name: plain
tiles:
  folder: shared
  cell_m: 500
  px: 32
  worlds:
    - {scope: "91", seed: 1, km: 3, gsd_m: 10.0, sheet_km: 3}
split: {test: {scopes: ["91"]}}
learn: null
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plain.yaml").write_text(RECIPE)
    (tmp_path / "other.yaml").write_text("extends: plain.yaml\nname: other\nseed: 2\n")
    return tmp_path


def run_of(name: str, *settings: str, progress: Progress = silent) -> Run:
    return Run(load_recipe(Path(f"{name}.yaml"), settings), progress=progress)


def states(name: str, *settings: str) -> dict[str, str]:
    return {row["stage"]: row["state"] for row in run_of(name, *settings).to("tiles")}


def test_a_second_recipe_finds_worlds_and_tiles_at_once(here: Path) -> None:
    assert states("plain") == {"worlds": "done", "tiles": "done"}
    before = {path: path.stat().st_mtime_ns for path in (here / "shared").rglob("*")}
    assert states("other", "tiles.workers=2") == {"worlds": "as before", "tiles": "as before"}
    assert {path: path.stat().st_mtime_ns for path in (here / "shared").rglob("*")} == before
    assert run_of("other").tiles == run_of("plain").tiles
    assert not (here / "runs" / "other" / "tiles").exists()
    assert len(run_of("other").tileset.catalogue) == 72, "two dates of 6 x 6 cells"


def test_other_tiles_of_the_same_worlds_lie_beside(here: Path) -> None:
    states("plain")
    assert states("other", "tiles.px=16") == {"worlds": "as before", "tiles": "done"}
    assert states("plain") == {"worlds": "as before", "tiles": "as before"}
    sizes = {TileSet.open(folder).px for folder in (here / "shared").glob("tiles-*")}
    assert sizes == {16, 32}
    assert len(list((here / "shared" / "worlds").iterdir())) == 1


def test_damage_is_mended_by_whoever_comes_next(here: Path) -> None:
    states("plain")
    pack = next((here / "shared").glob("tiles-*/91-2019/pack.npy"))
    whole = sha256_file(pack)
    pack.write_bytes(pack.read_bytes()[:-1])
    assert states("other") == {"worlds": "as before", "tiles": "done"}
    assert sha256_file(pack) == whole


def test_only_the_one_that_has_something_to_make_is_busy(here: Path) -> None:
    states("plain")
    with locked(here / "shared" / ".tiles.lock"):
        assert states("other") == {"worlds": "as before", "tiles": "as before"}
        with pytest.raises(BusyError, match=r"shared is being written by another process"):
            states("other", "tiles.px=16")


def test_tiles_that_were_made_while_the_lock_was_taken_are_not_made_again(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another run ends between the first look and the lock: the second look sees its tiles."""
    late = run_of("other")
    calls: list[str] = []

    def lock_after_the_other(path: Path) -> AbstractContextManager[None]:
        if path.name == ".tiles.lock" and not calls:
            calls.append("plain")
            states("plain")
        return locked(path)

    monkeypatch.setattr("georetrieval.recipe.staging.locked", lock_after_the_other)
    assert [row["state"] for row in late.to("tiles")] == ["as before", "as before"]
    record = next((here / "shared" / "stages").glob("tiles-*.json"))
    assert json.loads(record.read_text())["seconds"] > 0


def test_shifted_grids_lie_beside_and_the_plain_one_is_shared(here: Path) -> None:
    """With 2 x 2 offsets three more grids are cut; the plain one is the one of the recipe without offsets."""
    (here / "photos").mkdir()
    noise = np.random.default_rng(1).integers(30, 220, (128, 128), dtype=np.uint8)
    for year in ("1961", "1976"):
        Image.fromarray(noise).save(here / "photos" / f"{year}.png")
    settings = ["tiles.worlds=[]", "split.test={}", "tiles.cell_m=32", "tiles.mosaics.folder=photos"]
    plain = run_of("plain", *settings)
    plain.to("tiles")
    shifted = run_of("plain", *settings, "tiles.mosaics.offsets=2")
    shifted.to("tiles")
    assert shifted.tiles == plain.tiles
    names = {path.name.removeprefix(plain.tiles.name) for path in (here / "shared").glob("tiles-*")}
    assert names == {"", "+0+16", "+16+0", "+16+16"}
