"""regions.csv: read in pixels of the samples, refused in a sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from georetrieval.errors import InputError
from georetrieval.samples.listing import Listing
from georetrieval.samples.regions import regions_of

HEAD = "file,x,y,along,across,angle_deg\n"


@pytest.fixture
def listing(tmp_path: Path) -> Listing:
    for name, size in (("a", (40, 40)), ("b", (20, 20)), ("wide", (40, 20))):
        (tmp_path / name).mkdir()
        Image.new("RGB", size).save(tmp_path / name / "1.png")
    return Listing.read(tmp_path)


def test_regions_come_in_pixels_of_the_samples(listing: Listing) -> None:
    (listing.folder / "regions.csv").write_text(HEAD + "b/1.png,5,10,8,4,30\na/1.png,20,10,30,8,170\n")
    found = regions_of(listing.take([0, 1]), 20)
    np.testing.assert_allclose(found, [[10, 5, 15, 4, 170], [5, 10, 8, 4, 30]])


@pytest.mark.parametrize(("text", "sentence"), [
    (None, "does not exist"),
    (HEAD + "b/1.png,5,10,8,4,30\n", "does not say where the thing in a/1.png lies"),
    (HEAD + "a/1.png,5,10,none,4,30\n", "is no list of regions"),
    (HEAD + "a/1.png,5,10,-8,4,30\n", "is no list of regions"),
    (HEAD + "a/1.png,5,10\n", "is no list of regions"),
    ("file,x\na/1.png,5\n", "with the columns file, x, y, along"),
])
def test_what_is_wrong_is_said(listing: Listing, text: str | None, sentence: str) -> None:
    if text is not None:
        (listing.folder / "regions.csv").write_text(text)
    with pytest.raises(InputError, match=sentence):
        regions_of(listing.take([0]), 20)


def test_a_picture_that_is_not_square_is_refused(listing: Listing) -> None:
    (listing.folder / "regions.csv").write_text(HEAD + "wide/1.png,5,10,8,4,30\n")
    with pytest.raises(InputError, match="40 x 20 pixels"):
        regions_of(listing.take([2]), 20)
