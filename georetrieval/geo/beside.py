"""What lies beside a sheet and is read with it: world file, MapInfo .tab, overviews, mask; nothing but plain files."""

from __future__ import annotations

from pathlib import Path

from georetrieval.errors import InputError
from georetrieval.foreign import kept_inside, regular

_PICTURES = (".ovr", ".msk")
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
    for other in _names(path):
        if not other.is_symlink() and not other.exists():
            continue
        if not kept_inside(other, path.parent):
            raise InputError(f"{other} is a link out of its folder, and {path} would be read with it; remove it.")
        size = regular(other, "what lies beside a sheet")
        if other.suffix.lower() not in _PICTURES and size > _MOST_TEXT:
            raise InputError(f"{other} has {size} bytes, too many for what places a sheet; remove it.")
        if other.suffix.lower() in _PICTURES and size:
            with other.open("rb") as file:
                head = file.read(4)
            if head not in _TIFF:
                raise InputError(f"{other} is no TIFF, and {path} would be read with it; remove it, or make it again "
                                 "with `gdaladdo`.")


def _names(path: Path) -> list[Path]:
    suffix = path.suffix[1:]
    world = {f"{suffix[0]}{suffix[-1]}w", f"{suffix}w"} if suffix else set()
    texts = {f".{name}" for name in world} | set(_TEXTS)
    beside = [path.with_suffix(kind) for text in sorted(texts) for kind in dict.fromkeys((text.lower(), text.upper()))]
    return [*beside, *(Path(f"{path}{kind}") for text in _PICTURES for kind in (text, text.upper())),
            *(path.with_suffix(kind) for kind in _PICTURES)]
