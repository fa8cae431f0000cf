"""A large herd in single pictures: each animal under many cameras and headings, cut out as a detector would.

Frames with many animals are made by `herd`; here hundreds of animals are made, to learn from what coats are. Where the
torso lies in each picture is known: regions.csv.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from georetrieval.errors import UsageError
from georetrieval.files import publish_json, publishing_folder, put
from georetrieval.progress import Progress, silent
from georetrieval.synthetic.chance import stream
from georetrieval.synthetic.herd_camera import Fields, make_camera
from georetrieval.synthetic.herd_portrait import Region, make_body, portrait
from georetrieval.synthetic.pictures import Picture, as_jpeg, put_list

CAMERAS = 80
REGIONS = "regions.csv"
HELD = 0.04
"""Share of the animals in the test part, and as many in the validation part (at least two each): never trained on."""


def write_herd_crops(
    out: Path, *, seed: int = 1, animals: int = 800, pictures: int = 12, px: int = 124, progress: Progress = silent,
) -> dict[str, Any]:
    """Write the folder `out`, which must not exist, and return what its world.json says.

    Parameters
    ----------
    animals, pictures : how many, and of each
    px : side of a picture

    Raises
    ------
    UsageError
        For fewer than 6 or more than 100,000 animals, fewer than 2 pictures, or a side that is not 32 to 512.
    InputError
        When `out` exists.
    """
    if not 6 <= animals <= 100_000 or pictures < 2 or not 32 <= px <= 512:
        raise UsageError(f"{animals} animals with {pictures} pictures of {px} px cannot be made; give 6 to 100,000 "
                         "animals, 2 pictures or more, and 32 to 512 px.")
    cameras = [make_camera(stream(seed, "camera", number)) for number in range(CAMERAS)]
    fields = Fields(stream(seed, "fields"))
    listed, regions = [], ["file,x,y,along,across,angle_deg\n"]
    held = max(2, round(HELD * animals))
    with publishing_folder(out) as folder:
        for number in range(animals):
            name = f"A{number + 1:0{len(str(animals))}d}"
            part = "train" if number < animals - 2 * held else "validation" if number < animals - held else "test"
            rng = stream(seed, "animal", number)
            body = make_body(rng)
            for turn in range(pictures):
                camera = int(rng.integers(CAMERAS))
                pixels, region = portrait(rng, body, cameras[camera], fields, px)
                file = f"{name}/{turn:03d}.jpg"
                put(folder / file, as_jpeg(pixels, quality=int(rng.integers(70, 93))))
                listed.append(Picture(file, name, part=part, group=f"{name} camera {camera}"))
                regions.append(_line(file, region))
            progress(number + 1, animals, "animals")
        put_list(folder, listed, boxes=False)
        put(folder / REGIONS, "".join(regions).encode())
        note = {"world": "herd-crops", "seed": seed, "animals": animals, "pictures": len(listed), "cameras": CAMERAS,
                "px": px}
        publish_json(folder / "world.json", note)
    return note


def _line(file: str, region: Region) -> str:
    return (f"{file},{region.x:.2f},{region.y:.2f},{region.along:.2f},{region.across:.2f},"
            f"{region.angle_deg:.2f}\n")
