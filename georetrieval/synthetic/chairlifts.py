"""Twenty chairlifts: pictures of chairs whose safety bar is open or close, and two masks of the bar for each lift.

*Source*: Alqasir et al., "Mask-guided Image Classification with Siamese Networks" (VISAPP 2020): the numbers of
pictures are those of its Tables 1 and 3, the three frames of a passage those of section 4.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from georetrieval.errors import UsageError
from georetrieval.files import publish_json, publishing_folder, put
from georetrieval.progress import Progress, silent
from georetrieval.synthetic.chairlifts_masks import draw_mask, labelme
from georetrieval.synthetic.chairlifts_model import PX, Lift, make_lift
from georetrieval.synthetic.chairlifts_places import Day, make_day
from georetrieval.synthetic.chairlifts_scene import draw_frame
from georetrieval.synthetic.chance import stream
from georetrieval.synthetic.pictures import Picture, as_jpeg, as_png, put_list

STATES = ("open", "close")
FRAMES = 3
"""Pictures of one passage: its beginning, middle and end (section 4.1)."""
DAYS = 8
TABLE_1 = (
    ((46, 54), (39, 61), (438, 462)), ((53, 47), (62, 38), (408, 277)), ((88, 12), (88, 12), (444, 60)),
    ((62, 38), (45, 55), (151, 148)), ((68, 32), (71, 29), (362, 208)), ((54, 46), (54, 46), (283, 302)),
    ((91, 9), (95, 5), (722, 89)), ((64, 36), (68, 32), (630, 293)), ((58, 42), (60, 40), (389, 329)),
    ((74, 26), (77, 23), (859, 344)), ((24, 76), (38, 62), (93, 166)), ((57, 43), (67, 33), (125, 62)),
    ((62, 38), (56, 44), (201, 184)), ((71, 29), (76, 24), (551, 258)), ((53, 47), (46, 54), (763, 628)),
    ((44, 56), (41, 59), (305, 383)), ((87, 13), (75, 25), (221, 48)), ((57, 43), (52, 48), (298, 222)),
    ((15, 85), (14, 86), (67, 422)), ((56, 44), (60, 40), (813, 847)),
)
"""(open, close) pictures for training, validation and test of the lifts S1 to S20. *Source*: Table 1.

The table's total of 879 close pictures for validation is not the sum of its rows, 816; the rows are followed."""
TABLE_3 = (
    (1209, 1239), (1003, 800), (1249, 142), (449, 418), (1034, 524), (725, 733), (2024, 209), (1716, 776),
    (1137, 853), (2445, 1048), (206, 495), (316, 218), (638, 436), (1309, 624), (2018, 1646), (993, 899),
    (651, 123), (829, 625), (188, 1120), (2022, 1511),
)
"""(open, close) pictures for training in the large set; validation and test stay. *Source*: Table 3."""
PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Wanted:
    """Pictures of one lift in one state and part."""

    number: int
    part: str
    state: str
    count: int


def write_chairlifts(
    out: Path, *, seed: int = 1, large: bool = False, lifts: int = 20, images_share: float = 1.0,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Write the folder `out`, which must not exist, and return what its world.json says.

    Parameters
    ----------
    large : train on the numbers of Table 3 in place of those of Table 1
    lifts : the first so many of the 20
    images_share : share of the pictures to draw, above 0 and up to 1; at least one of each state and part

    Raises
    ------
    UsageError
        When a value is out of range.
    InputError
        When `out` exists.
    """
    wanted = counts(large=large, lifts=lifts, images_share=images_share)
    total, pictures = sum(want.count for want in wanted), []
    with publishing_folder(out) as folder:
        for number in range(1, lifts + 1):
            lift = make_lift(seed, number)
            pictures += list(_masks(folder, lift))
            days = [make_day(seed, lift, day) for day in range(DAYS)]
            for want in (want for want in wanted if want.number == number):
                for picture in _images(folder, seed, lift, days, want):
                    pictures.append(picture)
                    progress(len(pictures) - 2 * number, total, f"pictures of {lift.name}")
        put_list(folder, pictures, boxes=False)
        note = {"world": "chairlifts", "seed": seed, "large": large, "lifts": lifts, "images_share": images_share,
                "px": PX, "pictures": {part: sum(w.count for w in wanted if w.part == part) for part in PARTS},
                "masks": 2 * lifts}
        publish_json(folder / "world.json", note)
    return note


def counts(*, large: bool = False, lifts: int = 20, images_share: float = 1.0) -> list[Wanted]:
    """How many pictures of each lift, part and state a world has; UsageError when that makes no sense."""
    if not 1 <= lifts <= len(TABLE_1):
        raise UsageError(f"--lifts is {lifts}; it must be from 1 to {len(TABLE_1)}.")
    if not 0 < images_share <= 1:
        raise UsageError(f"--images-share is {images_share:g}; it must be above 0 and at most 1.")
    wanted = []
    for number in range(1, lifts + 1):
        table = [TABLE_3[number - 1] if large else TABLE_1[number - 1][0], *TABLE_1[number - 1][1:]]
        for part, numbers in zip(PARTS, table, strict=True):
            wanted += [Wanted(number, part, state, max(1, round(count * images_share)))
                       for state, count in zip(STATES, numbers, strict=True)]
    return wanted


def _masks(folder: Path, lift: Lift) -> Iterator[Picture]:
    for state in STATES:
        file = f"{lift.name}/{state}.png"
        put(folder / file, as_png(draw_mask(lift, state)))
        put((folder / file).with_suffix(".json"), labelme(lift, state))
        yield Picture(file, state, scope=lift.name, role="mask")


def _images(folder: Path, seed: int, lift: Lift, days: list[Day], want: Wanted) -> Iterator[Picture]:
    for n in range(want.count):
        passage = f"{want.part}-{want.state}-{n // FRAMES:04d}"
        day = days[int(stream(seed, "day of", lift.name, passage).integers(len(days)))]
        pixels = draw_frame(seed, lift, want.state, day, passage, n % FRAMES)
        file = f"{lift.name}/{passage}-{n % FRAMES}.jpg"
        put(folder / file, as_jpeg(pixels))
        yield Picture(file, want.state, scope=lift.name, part=want.part, group=f"{lift.name} {passage}")
