"""From the recipe's worlds, surveys or mosaics to the surveys that tiles are cut from."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from georetrieval.errors import InputError
from georetrieval.files import digest
from georetrieval.foreign import read_json
from georetrieval.recipe.schema import Mosaics, SurveyEntry, Tiles, World

MOST_BYTES = 16 << 20
PICTURES = {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".jp2"}
_YEAR = re.compile(r"(?<!\d)(1[89]\d\d|20\d\d)(?!\d)")


def world_folder(root: Path, world: World) -> Path:
    """Where a made-up département lies: its name carries the digest of all its settings."""
    return root / f"{world.scope}-{digest(world.model_dump(mode='json'))[:12]}"


def shared_name(tiles: Tiles) -> str:
    """Name of the tiles in a shared folder: equal for recipes that cut the same tiles from the same sources.

    How many work at it, where it lies and which shifted grids are cut besides does not count.
    """
    settings = tiles.model_dump(mode="json", exclude={"workers": True, "folder": True, "mosaics": {"offsets"}})
    return f"tiles-{digest(settings)[:12]}"


def surveys_of(tiles: Tiles, worlds_root: Path) -> list[SurveyEntry]:
    """All dated surveys of a recipe.

    Raises
    ------
    InputError
        When a world has not been written yet, or the folder of mosaics holds no dated photograph.
    """
    if tiles.mosaics is not None:
        return _mosaics(tiles.mosaics)
    if tiles.worlds:
        return [survey for world in tiles.worlds for survey in read_world(world_folder(worlds_root, world))]
    return list(tiles.surveys)


def read_world(folder: Path) -> list[SurveyEntry]:
    """The surveys that a made-up département's world.json names."""
    path = folder / "world.json"
    if not path.is_file():
        raise InputError(f"{path} does not exist; write the world with georetrieval synth, or run the worlds stage.")
    try:
        world = read_json(path, MOST_BYTES, "the world.json of a made-up département")
        return [
            SurveyEntry(scope=world["scope"], date=entry["date"], photos=folder / entry["photos"],
                        vectors=folder / entry["vectors"])
            for entry in world["surveys"]
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is damaged or not a world of ours; remove its folder and write it again.") from error


def _mosaics(mosaics: Mosaics) -> list[SurveyEntry]:
    if not mosaics.folder.is_dir():
        raise InputError(f"The folder of mosaics {mosaics.folder} does not exist; give it with "
                         "--set tiles.mosaics.folder=FOLDER.")
    found: dict[str, Path] = {}
    for path in sorted(mosaics.folder.iterdir()):
        year = _YEAR.search(path.stem)
        if path.suffix.lower() not in PICTURES or year is None:
            continue
        if year.group() in found:
            raise InputError(f"{path.name} and {found[year.group()].name} are both of {year.group()}; one photograph "
                             "per date is needed.")
        found[year.group()] = path
    if not found:
        raise InputError(f"{mosaics.folder} holds no photograph with a year in its name, such as 1976.jpg "
                         f"({', '.join(sorted(PICTURES))}).")
    return [SurveyEntry(scope=mosaics.scope, date=date, photos=path) for date, path in found.items()]


def inventory(surveys: list[SurveyEntry]) -> list[Any]:
    """What identifies the surveys' files without reading them: path, size and time of change of each."""
    listed: list[Any] = []
    for survey in surveys:
        listed.append(survey.model_dump(mode="json"))
        for root in (survey.photos, survey.vectors, survey.mapping):
            listed += [] if root is None else _files(Path(root))
    return listed


def _files(root: Path) -> list[tuple[str, int, int]]:
    if not root.exists():
        raise InputError(f"{root} does not exist; check the surveys of the recipe.")
    paths = [root] if root.is_file() else sorted(p for p in root.rglob("*") if p.is_file())
    return [(str(p), (stat := p.stat()).st_size, stat.st_mtime_ns) for p in paths]
