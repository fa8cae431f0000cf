"""Names of rows that are not tiles: short, safe in a store, and different when what they name is."""

from __future__ import annotations

import hashlib
import re

LONGEST = 64
"""Characters of a row's name at most, as `segments` asks."""
DIGITS = 10
"""Hex digits of the hash that tells two names apart which look the same when shortened."""

_FINE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_FOREIGN = re.compile(r"[^A-Za-z0-9_.-]+")


def row_id(text: str, proof: bytes = b"") -> str:
    """A row's name for any text: itself where it may be one, else what is left of it and a hash.

    Parameters
    ----------
    text : what the row is called ("north/open_0003.png")
    proof : bytes that tell it from others of the same text (the picture itself); they always add a hash

    Examples
    --------
    >>> row_id("ox-17")
    'ox-17'
    >>> row_id("north/open_0003.png") == row_id("north open_0003.png")
    False
    """
    if _FINE.fullmatch(text) and len(text) <= LONGEST and not proof:
        return text
    told = hashlib.sha256(text.encode() + b"\0" + proof).hexdigest()[:DIGITS]
    plain = _FOREIGN.sub("-", text).strip("-._")[:LONGEST - DIGITS - 1]
    return f"{plain}-{told}" if plain else told
