"""What lies beside a sheet and is read with it: world file, MapInfo .tab, overviews, mask; nothing but plain files."""

from __future__ import annotations

from pathlib import Path

from georetrieval.errors import InputError
from georetrieval.foreign import kept_inside, regular

PICTURES_BESIDE = (".ovr", ".msk")
_TEXTS = (".wld", ".tab", ".prj")
_MOST_TEXT = 1 << 20
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def check_beside(path: Path) -> None:
    """Look at the files that GDAL opens with a sheet, by the names it tries.

    GDAL takes an overview or mask beside a sheet for whatever its bytes are, a VRT that leads elsewhere too, and waits
    for a pipe.

    Parameters
    ----------
    path
        The sheet itself, links followed.

    Raises
    ------
    InputError
        When one is a device, pipe or link out of the folder, no TIFF where a TIFF is due, or absurdly large.
    """
    for other in found_beside(path):
        if not kept_inside(other, path.parent):
            raise InputError(f"{other} is a link out of its folder, and {path} would be read with it; remove it.")
        size = regular(other, "what lies beside a sheet")
        if other.suffix.lower() not in PICTURES_BESIDE and size > _MOST_TEXT:
            raise InputError(f"{other} has {size} bytes, too many for what places a sheet; remove it.")
        if other.suffix.lower() in PICTURES_BESIDE and size:
            with other.open("rb") as file:
                head = file.read(4)
            if head not in _TIFF:
                raise InputError(f"{other} is no TIFF, and {path} would be read with it; remove it, or make it again "
                                 "with `gdaladdo`.")


def found_beside(path: Path) -> list[Path]:
    """What GDAL would open with a sheet, of what is there."""
    return [other for other in names_beside(path) if other.is_symlink() or other.exists()]


def placed_by_hand(path: Path) -> list[Path]:
    """The world files and MapInfo tables beside a sheet, of what is there."""
    return [other for other in found_beside(path)
            if other.suffix.lower() in (".wld", ".tab") or other.suffix.lower().endswith("w")]


def names_beside(path: Path) -> list[Path]:
    """Every path that GDAL would try beside a sheet."""
    suffix = path.suffix[1:]
    world = {f"{suffix[0]}{suffix[-1]}w", f"{suffix}w"} if suffix else set()
    texts = {f".{name}" for name in world} | set(_TEXTS)
    beside = [path.with_suffix(kind) for text in sorted(texts) for kind in dict.fromkeys((text.lower(), text.upper()))]
    return [*beside, *(Path(f"{path}{kind}") for text in PICTURES_BESIDE for kind in (text, text.upper())),
            *(path.with_suffix(kind) for kind in PICTURES_BESIDE)]
