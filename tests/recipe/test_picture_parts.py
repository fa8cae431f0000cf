"""A list divided: nobody is trained on who is asked about, and what is unseen stays unseen."""

from __future__ import annotations

from pathlib import Path

import pytest

from georetrieval.errors import UsageError
from georetrieval.recipe.picture_parts import Parts, divided, natural, with_others
from georetrieval.recipe.schema_pictures import PictureSplit
from georetrieval.samples.listing import Listing
from tests.made.pictures import write_parts, write_tracks

KEYS = ("red", "green", "blue", "white")


@pytest.fixture(scope="module")
def tracks(tmp_path_factory: pytest.TempPathFactory) -> Listing:
    root = write_tracks(tmp_path_factory.mktemp("tracks"), KEYS)
    return Listing.read(root, group=r"^(t\d+)_")


@pytest.fixture(scope="module")
def parted(tmp_path_factory: pytest.TempPathFactory) -> Listing:
    return Listing.read(write_parts(tmp_path_factory.mktemp("parts"), ("a", "b", "c")))


def groups(listing: Listing) -> set[str]:
    return set(listing.groups.tolist())


def disjoint(parts: Parts) -> bool:
    trained = set(parts.train.names)
    asked = [set(question.queries.names) for question in parts.test]
    judged = set() if parts.validation is None else set(parts.validation.queries.names)
    return not any(trained & names or judged & names for names in asked) and not trained & judged


def test_the_last_group_asks_and_the_one_before_validates(tracks: Listing) -> None:
    parts = divided(tracks, PictureSplit(by="group"))
    assert disjoint(parts)
    (test,) = parts.test
    assert groups(test.queries) == {"t3"}
    assert groups(test.gallery) == {"t0", "t1", "t2"}
    assert groups(parts.train) == {"t0", "t1"}
    assert parts.validation is not None
    assert groups(parts.validation.queries) == {"t2"}
    assert groups(parts.validation.gallery) == {"t0", "t1"}
    assert set(test.queries.keys.tolist()) == set(KEYS)


def test_unseen_keys_are_in_no_training(tracks: Listing) -> None:
    parts = divided(tracks, PictureSplit(by="key", unseen=("red", "white")))
    assert disjoint(parts)
    assert set(parts.train.keys.tolist()) == {"green", "blue"}
    unseen, among, seen = parts.test
    assert [q.part for q in parts.test] == ["unseen keys", "unseen keys among all", "seen keys"]
    assert set(unseen.queries.keys.tolist()) == set(unseen.gallery.keys.tolist()) == {"red", "white"}
    assert set(among.gallery.keys.tolist()) == set(KEYS)
    assert groups(unseen.queries) == {"t3"}
    assert "t3" not in groups(among.gallery)
    assert set(seen.gallery.keys.tolist()) == {"green", "blue"}
    assert seen.strangers is not None
    assert set(seen.strangers.keys.tolist()) == {"red", "white"}
    assert len(seen.strangers) == 2 * 12
    assert divided(tracks, PictureSplit(by="key", unseen=1)).left_out == ("white",)


def test_parts_of_the_list_and_scopes_that_are_left_out(parted: Listing) -> None:
    plain = divided(parted, PictureSplit())
    assert disjoint(plain)
    assert len(plain.train) == 3 * 2 * 4
    assert len(plain.masks) == 6
    assert set(plain.test[0].gallery.roles.tolist()) == {"mask"}
    left = divided(parted, PictureSplit(by="scope", unseen=1))
    assert left.left_out == ("c",)
    assert set(left.train.scopes.tolist()) == {"a", "b"}
    assert left.validation is not None
    assert set(left.validation.queries.scopes.tolist()) == {"a", "b"}
    seen, unseen = left.test
    assert set(seen.queries.scopes.tolist()) == {"a", "b"}
    assert set(unseen.queries.scopes.tolist()) == {"c"}
    assert set(left.masks.scopes.tolist()) == {"a", "b", "c"}


def test_a_share_of_the_train_part(parted: Listing) -> None:
    half, again = (divided(parted, PictureSplit(), share=0.5, seed=3).train for _ in range(2))
    assert half.names == again.names
    assert len(half) == 12
    assert sorted(zip(half.scopes.tolist(), half.keys.tolist(), strict=True)) == sorted(
        (scope, key) for scope in "abc" for key in ("red", "green") for _ in range(2))


def test_what_cannot_be_divided(tracks: Listing, parted: Listing) -> None:
    for listing, split, said in (
        (tracks, PictureSplit(), "leaves 0 pictures to train on"),
        (parted, PictureSplit(by="group"), "no picture has a group"),
        (tracks, PictureSplit(by="key", unseen=4), "leaves 4 of 4 keys out"),
        (tracks, PictureSplit(by="key", unseen=("pink",)), "'pink' out, which is not"),
    ):
        with pytest.raises(UsageError, match=said):
            divided(listing, split)


def test_numbers_are_ordered_by_value() -> None:
    assert sorted(["t10", "t9", "a", "t1"], key=natural) == ["a", "t1", "t9", "t10"]


def test_masks_can_be_cut_from_the_list_only_by_part(tmp_path: Path) -> None:
    listing = Listing.read(write_parts(tmp_path, ("",), masks=False))
    parts = divided(listing, PictureSplit())
    assert set(parts.test[0].gallery.parts.tolist()) == {"train"}


def test_others_are_trained_on_in_scopes_of_their_own(tmp_path: Path) -> None:
    tracks = Listing.read(write_tracks(tmp_path / "own", ("red", "green")), group=r"^(t\d+)_")
    other = Listing.read(write_parts(tmp_path / "other", ("",)))
    train = divided(tracks, PictureSplit(by="group")).train
    found = with_others(train, [other])
    count = int(((other.parts == "train") & (other.roles == "image")).sum())
    assert len(found) == len(train) + count
    assert found.scopes.tolist() == [""] * len(train) + ["also 1/"] * count
    assert all(path.is_file() for path in found.paths)
    assert found.take(range(len(train))).names == train.names
    assert set(found.keys[len(train):].tolist()) == {"red", "green"}
