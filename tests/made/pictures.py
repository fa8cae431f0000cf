"""Small lists of pictures: noise around one colour per key, with masks, tracks and parts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

COLOURS = {"red": (200, 40, 40), "green": (40, 200, 40), "blue": (40, 40, 200), "yellow": (200, 200, 30),
           "white": (220, 220, 220), "black": (30, 30, 30)}


def write_picture(path: Path, key: str, seed: int, *, px: int = 20, noise: float = 25) -> Path:
    """A picture of a key's colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    pixels = np.asarray(COLOURS[key])[None, None] + random.normal(0, noise, (px, px, 3))
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(path)
    return path


def write_tracks(root: Path, keys: Sequence[str], *, tracks: int = 4, each: int = 3) -> Path:
    """One folder per key, files t<track>_<n>.png."""
    for number, key in enumerate(keys):
        for track in range(tracks):
            for n in range(each):
                write_picture(root / key / f"t{track}_{n}.png", key, 1000 * number + 10 * track + n)
    return root


def write_parts(root: Path, scopes: Sequence[str], *, keys: Sequence[str] = ("red", "green"), each: int = 4,
                masks: bool = True) -> Path:
    """A list with the parts train, validation and test of each scope and key, and a mask for each.

    The mask of the first key is white in its upper half, those of the others in their lower half.
    """
    lines, seed = ["file,key,scope,role,part,group,x0,y0,x1,y1"], 0
    for scope in scopes:
        for place, key in enumerate(keys):
            for part in ("train", "validation", "test"):
                for n in range(each):
                    seed += 1
                    name = f"{scope or 'all'}/{key}-{part}-{n}.png"
                    write_picture(root / name, key, seed)
                    lines.append(f"{name},{key},{scope},image,{part},,5,5,15,15")
            if masks:
                half = np.zeros((20, 20), np.uint8)
                half[slice(0, 10) if place == 0 else slice(10, 20)] = 255
                Image.fromarray(half).save(root / (scope or "all") / f"{key}-mask.png")
                lines.append(f"{scope or 'all'}/{key}-mask.png,{key},{scope},mask,,,,,,")
    (root / "pictures.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root
