"""Accidents that happen to a file: cut off, one bit another, a special value, a page of zeros."""

from __future__ import annotations

import numpy as np

PAGE = 4096
SPECIAL = (b"\0" * 4, b"\xff" * 4, b"\xff" * 8, b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\0\0\xc0\x7f", b"\0\0\x80\x7f",
           b"\0" * 8, b"\x01\0\0\0", b"\0\0\0\x40")
"""Zeros, ones, the greatest and the least whole number, NaN, infinity, 1 and 2**30, as they lie in files."""
KINDS = ("cut", "bit", "value", "page")


def mutated(data: bytes, kind: str, random: np.random.Generator) -> bytes:
    """`data` after one accident of this kind, at a random place."""
    at = int(random.integers(0, max(1, len(data))))
    if kind == "cut":
        return data[:at]
    if kind == "bit":
        return data[:at] + bytes([data[at] ^ 1 << int(random.integers(0, 8))]) + data[at + 1:]
    if kind == "page":
        start = at - at % PAGE
        return data[:start] + b"\0" * min(PAGE, len(data) - start) + data[start + PAGE:]
    value = SPECIAL[int(random.integers(0, len(SPECIAL)))][:len(data) - at]
    return data[:at] + value + data[at + len(value):]
