"""A large herd in single pictures: animals that stay apart, regions that hold the torso, coats of all kinds."""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from georetrieval.errors import UsageError
from georetrieval.samples.listing import Listing
from georetrieval.samples.regions import regions_of
from georetrieval.synthetic.chance import stream
from georetrieval.synthetic.herd_camera import CANVAS, Fields, make_camera
from georetrieval.synthetic.herd_coats import COAT, make_coat
from georetrieval.synthetic.herd_crops import write_herd_crops
from georetrieval.synthetic.herd_portrait import make_body, portrait
from tests.synthetic.lists import rows_of

SMALL = {"seed": 3, "animals": 8, "pictures": 3, "px": 64}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("crops") / "world"
    write_herd_crops(folder, **SMALL)
    return folder


def test_pictures_and_regions_are_listed(world: Path) -> None:
    rows = rows_of(world)
    with (world / "regions.csv").open() as file:
        regions = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == [row["file"] for row in regions]
    assert len(rows) == 24
    for row in rows:
        with Image.open(world / row["file"]) as image:
            assert image.size == (64, 64)


def test_no_animal_is_in_two_parts(world: Path) -> None:
    parts = defaultdict(set)
    for row in rows_of(world):
        parts[row["part"]].add(row["key"])
    assert {part: len(keys) for part, keys in parts.items()} == {"train": 4, "validation": 2, "test": 2}
    assert len(set.union(*parts.values())) == 8


def test_the_same_seed_is_the_same_world(world: Path, tmp_path: Path) -> None:
    write_herd_crops(tmp_path / "again", **SMALL)
    for row in rows_of(world):
        assert (world / row["file"]).read_bytes() == (tmp_path / "again" / row["file"]).read_bytes()
    assert (world / "regions.csv").read_bytes() == (tmp_path / "again" / "regions.csv").read_bytes()


def test_the_first_animals_do_not_depend_on_how_many_there_are(world: Path, tmp_path: Path) -> None:
    write_herd_crops(tmp_path / "more", **SMALL | {"animals": 9})
    assert (world / "A1/002.jpg").read_bytes() == (tmp_path / "more" / "A1/002.jpg").read_bytes()


def test_regions_are_read_by_lessons(world: Path) -> None:
    found = regions_of(Listing.read(world), 32)
    assert found.shape == (24, 5)
    assert ((found[:, 4] >= 0) & (found[:, 4] <= 180)).all()
    assert (found[:, 2] >= found[:, 3]).all()


def test_a_region_holds_the_torso() -> None:
    """An animal that is black all over on a light floor: dark pixels lie in the rectangle, few lie outside it."""
    rng = stream(1, "test")
    camera = make_camera(rng)
    black = np.full(3, 20.0)
    camera = replace(camera, barn=False, base=np.full(3, 220.0), dark=black, light=black, grain=0.0, noise=0.0,
                     grating=False)
    fields, inside, outside = Fields(rng), [], []
    for _ in range(12):
        pixels, region = portrait(rng, make_body(rng), camera, fields, 124)
        y, x = np.mgrid[:124, :124] + 0.5
        turn = np.radians(region.angle_deg)
        ahead = (x - region.x) * np.cos(turn) + (y - region.y) * np.sin(turn)
        aside = -(x - region.x) * np.sin(turn) + (y - region.y) * np.cos(turn)
        framed = pixels.max(axis=2) > 8  # not the black frame
        body = framed & (pixels.mean(axis=2) < 90)
        within = (abs(ahead) < region.along / 2) & (abs(aside) < region.across / 2)
        inside.append(body[within & framed].mean())
        outside.append(body[framed & ~within].mean())
    assert np.mean(inside) > 0.8
    assert np.mean(outside) < 0.45


def test_coats_are_dark_light_and_mixed() -> None:
    shares = np.array([make_coat(stream(5, n)).mean() for n in range(150)])
    assert make_coat(stream(5, 0)).shape == COAT
    assert (shares < 0.25).mean() > 0.1
    assert (shares > 0.75).mean() > 0.2
    assert ((shares > 0.25) & (shares < 0.75)).mean() > 0.35


def test_fields_have_the_size_of_the_canvas() -> None:
    rng = stream(2, "fields")
    found = Fields(rng, sizes=(2.0,))(rng, 2.0)
    assert found.shape == (CANVAS, CANVAS)
    assert abs(float(found.std()) - 1) < 0.3


@pytest.mark.parametrize("wish", [{"animals": 5}, {"pictures": 1}, {"px": 8}])
def test_wishes_that_cannot_be_met(tmp_path: Path, wish: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="cannot be made"):
        write_herd_crops(tmp_path / "none", **wish)
    assert not (tmp_path / "none").exists()
