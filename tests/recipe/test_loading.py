"""Recipes: every error at once, nearest key named, --set and the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from georetrieval.errors import InputError, UsageError
from georetrieval.recipe.loading import load_recipe

GOOD = """
name: small
tiles:
  worlds:
    - {scope: "91", seed: 1, km: 3}
    - {scope: "92", seed: 2, km: 3}
split: {train: {scopes: ["91"]}, test: {scopes: ["92"]}}
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(GOOD)
    return path


def test_defaults_are_the_paper(recipe: Path) -> None:
    """REFERENCE.md A: R = 256, 12 pairs, hard pairs every 5 epochs, 100 epochs, rates by layer."""
    loaded = load_recipe(recipe)
    assert loaded.eye.trunk == "resnet50"
    assert loaded.eye.filters == (1024, 512, 256)
    assert loaded.eye.descriptor == 256
    assert (loaded.learn.pairs_per_batch, loaded.learn.epochs) == (12, 100)
    assert loaded.learn.mining is not None
    assert (loaded.learn.mining.every, loaded.learn.mining.k, loaded.learn.mining.below) == (5, 5, 0.5)
    assert (loaded.learn.rate_fusion, loaded.learn.rate_trunk, loaded.learn.rate_new) == (1e-4, 5e-5, 1e-3)


def test_set_overrides_deep_and_in_lists(recipe: Path) -> None:
    loaded = load_recipe(recipe, ["learn.epochs=3", "tiles.worlds.1.km=4", "learn.augment.shift=0.1"])
    assert loaded.learn.epochs == 3
    assert loaded.tiles.worlds[1].km == 4
    assert loaded.learn.augment is not None
    assert loaded.learn.augment.shift == 0.1


def test_all_errors_at_once_with_the_nearest_key(recipe: Path) -> None:
    with pytest.raises(UsageError) as error:
        load_recipe(recipe, ["learn.epoch=3", "eye.trunc=resnet18", "learn.pairs_per_batch=0"])
    text = str(error.value)
    assert "learn.epoch is not a setting (did you mean epochs?)" in text
    assert "eye.trunc is not a setting (did you mean trunk?)" in text
    assert "learn.pairs_per_batch" in text
    assert "\n" not in text


def test_unknown_part_is_named(recipe: Path) -> None:
    with pytest.raises(UsageError, match="split.test names 99, tiles has 91, 92"):
        load_recipe(recipe, ["split.test.scopes=['99']"])


def test_environment(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACE", "there")
    assert load_recipe(recipe, ["index.folder=${PLACE}/x"]).index.folder == Path("there/x")
    monkeypatch.delenv("PLACE")
    with pytest.raises(UsageError, match="environment variable PLACE, which is not set"):
        load_recipe(recipe, ["index.folder=${PLACE}/x"])


@pytest.mark.parametrize("setting", ["learn.epochs", "=3", "name.first=x", "tiles.worlds.7.km=1", "learn.epochs=[1",
                                     "tiles.worlds.².km=1", "learn.epochs=2001-99-99", "name=0x_"])
def test_a_bad_set_is_one_sentence(recipe: Path, setting: str) -> None:
    with pytest.raises(UsageError, match="--set"):
        load_recipe(recipe, [setting])


@pytest.mark.parametrize("text", ["a: [1", "just words", "- 1\n- 2\n", "\x00", "name: 2001-99-99", "a: !!bool x"])
def test_not_a_recipe(tmp_path: Path, text: str) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match="r.yaml"):
        load_recipe(path)


def test_missing_recipe(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist; the published ones are in pipelines"):
        load_recipe(tmp_path / "none.yaml")


def test_an_empty_area_is_refused_at_once(recipe: Path) -> None:
    with pytest.raises(UsageError, match="split.train.*the area is empty"):
        load_recipe(recipe, ["split.train.area=[0.5, 0, 0.2, 1]"])


def test_areas_that_share_ground_are_refused_before_anything_is_built(recipe: Path) -> None:
    """0.45 to 0.5 is in both; edges that only touch are apart."""
    scopes = ["split.train.scopes=null", "split.test.scopes=null", "split.train.area=[0, 0, 0.5, 1]"]
    with pytest.raises(UsageError, match="areas of train and test overlap"):
        load_recipe(recipe, [*scopes, "split.test.area=[0.45, 0, 1, 1]"])
    assert load_recipe(recipe, [*scopes, "split.test.area=[0.5, 0, 1, 1]"]).split.test.area == (0.5, 0, 1, 1)


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", ["a" * 300, "loop.yaml", "b.yaml/c.yaml"])
def test_what_can_be_no_file_is_not_there(tmp_path: Path, name: str) -> None:
    """The first was found by a night of R18."""
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    with pytest.raises(InputError, match=r"does not exist; .*top\.yaml extends it"):
        load_recipe(write(tmp_path, "top.yaml", f"extends: {name}\n"))


def test_what_may_not_be_looked_at_is_not_called_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: Path) -> bool:
        raise PermissionError(13, "Permission denied", "top.yaml")  # root, who runs CI, may look everywhere

    monkeypatch.setattr(Path, "is_file", refused)
    with pytest.raises(PermissionError):
        load_recipe(tmp_path / "top.yaml")


def test_a_zero_byte_is_in_no_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="zero byte"):
        load_recipe(write(tmp_path, "top.yaml", 'extends: "a\\0b"\n'))


def test_a_recipe_extends_another_over_two_levels(recipe: Path, tmp_path: Path) -> None:
    """Mappings merge key by key, lists are replaced whole, null makes null, --set comes last."""
    write(tmp_path, "deep/middle.yaml", "extends: ../small.yaml\nname: middle\n"
          "learn: {epochs: 7, augment: {shift: 0.1}}\neye: {filters: [8, 8]}\nseed: 5\n")
    top = write(tmp_path, "top.yaml", "extends: deep/middle.yaml\nname: top\neye: {filters: [4]}\n"
                "learn: {mining: null, augment: {turns: false}}\n")
    loaded = load_recipe(top, ["seed=9"])
    assert (loaded.name, loaded.seed, loaded.eye.filters) == ("top", 9, (4,))
    assert loaded.learn is not None
    assert (loaded.learn.epochs, loaded.learn.mining) == (7, None)
    assert loaded.learn.augment is not None
    assert (loaded.learn.augment.shift, loaded.learn.augment.turns) == (0.1, False)
    assert loaded.tiles == load_recipe(recipe).tiles
    assert load_recipe(tmp_path / "deep" / "middle.yaml").name == "middle"


def test_null_takes_a_whole_mapping_away_and_gives_it_back(recipe: Path, tmp_path: Path) -> None:
    none = write(tmp_path, "none.yaml", f"extends: {recipe.name}\nlearn: null\n")
    assert load_recipe(none).learn is None
    again = write(tmp_path, "again.yaml", "extends: none.yaml\nlearn: {epochs: 2}\n")
    learn = load_recipe(again).learn
    assert learn is not None
    assert learn.epochs == 2


def test_a_circle_of_recipes_is_one_sentence(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", "extends: b.yaml\n")
    write(tmp_path, "b.yaml", "extends: c.yaml\n")
    write(tmp_path, "c.yaml", "extends: a.yaml\n")
    write(tmp_path, "self.yaml", "extends: self.yaml\n")
    with pytest.raises(UsageError, match=r"c\.yaml extends .*a\.yaml, which extends it in turn"):
        load_recipe(tmp_path / "a.yaml")
    with pytest.raises(UsageError, match="in turn"):
        load_recipe(tmp_path / "self.yaml")


def test_errors_say_in_which_file(tmp_path: Path) -> None:
    write(tmp_path, "under.yaml", GOOD + "eye: {trunc: resnet18}\nseed: -1\n")
    top = write(tmp_path, "top.yaml", "extends: under.yaml\nlearn: {epoch: 3}\nseed: -2\n")
    with pytest.raises(UsageError) as error:
        load_recipe(top)
    text = str(error.value)
    under = tmp_path / "under.yaml"
    assert text.startswith(f"{top}: ")
    assert f"eye.trunc is not a setting (did you mean trunk?) (in {under})" in text
    assert "learn.epoch is not a setting (did you mean epochs?);" in text.replace(").", ");")
    assert text.count(str(under)) == 1, "the seed is wrong in the recipe itself"
    with pytest.raises(UsageError) as error:
        load_recipe(top, ["eye.trunc=other", "tiles.worlds.0.km=1"])
    assert str(under) not in str(error.value), "both are wrong on the command line"


@pytest.mark.parametrize(("text", "told"), [
    ("extends: gone.yaml\n", r"gone\.yaml does not exist; .*top\.yaml extends it"),
    ("extends: [a, b]\n", "extends names one other recipe"),
    ("extends: broken.yaml\n", r"broken\.yaml, line 3 is not YAML"),
])
def test_what_cannot_be_extended(tmp_path: Path, text: str, told: str) -> None:
    write(tmp_path, "broken.yaml", "a: 1\nb: [1\n")
    with pytest.raises((InputError, UsageError), match=told):
        load_recipe(write(tmp_path, "top.yaml", text))


@pytest.mark.parametrize(("setting", "told"), [
    ("learn.augment.ground.scale=[1.4, 0.7]", "smallest and the largest side"),
    ("learn.augment.ground.place=0.7", "learn.augment.ground.place"),
    ("learn.augment.ground.turn=15", "learn.augment.ground.turn is not a setting"),
    ("index.overlap=1", "index.overlap"),
    ("evaluate.off_grid.conditions=[tilt]", "evaluate.off_grid.conditions"),
    ("evaluate.off_grid.scales=[0]", "evaluate.off_grid.scales"),
])
def test_windows_that_make_no_sense(recipe: Path, setting: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        load_recipe(recipe, [setting])
