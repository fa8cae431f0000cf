"""Memory that a step of a training gives back is kept for the next step."""

from __future__ import annotations

import ctypes
from functools import cache

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4
_KEPT, _PAD = (1 << 31) - 1, 256 << 20


@cache
def keep_memory() -> bool:
    """Ask the C library not to return large blocks to the system; True where it can be asked (glibc).

    A step frees and takes hundreds of megabytes again, and a block that comes fresh from the system is cleared page by
    page first: with two convolutions on pictures of 200 px that was a third of the time of a step, and half of that
    of a forward pass, on a CPU. It holds for the whole process, which keeps the most that it has ever taken.

    *Source*: mallopt(3) of the Linux man-pages (M_MMAP_MAX, M_TRIM_THRESHOLD, M_TOP_PAD).
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return False
    return all([mallopt(_MMAP_MAX, 0), mallopt(_TRIM_THRESHOLD, _KEPT), mallopt(_TOP_PAD, _PAD)])
