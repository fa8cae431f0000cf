"""Which encoding a .dbf is written in: judged on the values that the legend knows by name."""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from georetrieval.errors import UsageError
from georetrieval.geo.dbf import Dbf
from georetrieval.geo.traps import Trap

Known = Mapping[str, Collection[str]]
"""Field (folded) -> the values that the legend or the mapping knows."""

_GUESSES = ("utf-8", "cp1252", "cp850")
"""UTF-8 first, since text of another encoding is hardly ever valid UTF-8; cp1252 reads Latin-1; cp850 is DOS."""

_SHOWN = {"utf-8": "UTF-8", "cp1252": "Latin-1 (Windows-1252)", "cp850": "DOS (cp850)", "ascii": "ASCII"}
LOST = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True)
class TextEncoding:
    """An encoding and how it came to be chosen ("plain", "asked", "cpg", "guessed", "cpg-wrong")."""

    codec: str
    how: str

    @property
    def shown(self) -> str:
        """Name for people."""
        return _SHOWN.get(self.codec, self.codec)


def checked_codec(name: str) -> str:
    """The Python name of an encoding given by a person or a .cpg file ("UTF-8", "1252", "ISO 88591", "ANSI 1252").

    Raises
    ------
    UsageError
        When there is no such encoding.
    """
    text = name.strip().lower().replace("_", "-")
    digits = re.sub(r"\D", "", text)
    for candidate in (text, f"cp{digits}", f"iso8859-{digits[4:]}" if digits.startswith("8859") else ""):
        try:
            found = codecs.lookup(candidate)
        except (LookupError, ValueError):
            continue
        if getattr(found, "_is_text_encoding", True):
            return "cp1252" if found.name == "iso8859-1" else found.name
    raise UsageError(f"{name!r} is not a text encoding; try UTF-8 or ISO-8859-1.")


def choose_encoding(dbf: Dbf, known: Known, *, cpg: str | None, asked: str | None) -> TextEncoding:
    """Choose the encoding of one .dbf.

    Parameters
    ----------
    dbf
        The table.
    known
        Values that are expected, by field.
    cpg
        What the .cpg file says, if there is one; believed unless the values say otherwise.
    asked
        What the person says (`--encoding`); believed always.
    """
    if asked:
        return TextEncoding(checked_codec(asked), "asked")
    raw = _words(dbf, known)
    foreign = [value for value in raw if not value.isascii()]
    told = _told(cpg)
    if not foreign:
        return TextEncoding(told or "ascii", "cpg" if told else "plain")
    expected = {_normal(value) for values in known.values() for value in values}
    best = max(_GUESSES, key=lambda codec: _score(foreign, codec, expected))
    if told and _score(foreign, told, expected) >= _score(foreign, best, expected):
        return TextEncoding(told, "cpg")
    return TextEncoding(best, "cpg-wrong" if cpg is not None and cpg.strip() else "guessed")


def encoding_trap(layer: str, encoding: TextEncoding) -> Trap | None:
    """The sentence about an encoding that had to be guessed, if it had to be."""
    if encoding.how == "guessed":
        sentence = (f"{layer}: no .cpg file says how the text is encoded; its values read as {encoding.shown} "
                    "(use --encoding to say otherwise).")
        return Trap("encoding-guessed", layer, sentence)
    if encoding.how == "cpg-wrong":
        sentence = (f"{layer}: the .cpg file is wrong, its encoding makes no words of the values; they are read as "
                    f"{encoding.shown}.")
        return Trap("cpg-wrong", layer, sentence)
    return None


def decoded(raw: bytes, encoding: TextEncoding) -> str:
    """One value as text; a letter that was cut at the width of the column, or that is no letter, becomes U+FFFD."""
    return _normal(raw.decode(encoding.codec if encoding.codec != "ascii" else "utf-8", "replace"))


def mended(value: str, expected: Collection[str]) -> str:
    """Give a value with lost or twice-encoded letters back the one spelling that fits the expected values.

    "For\\ufffdt ferm\\ufffde mixte" and "ForÃªt fermÃ©e mixte" both become "Forêt fermée mixte"; a value that fits none
    of them, or several, stays as it is.
    """
    if value in expected or not value or value.isascii():
        return value
    for codec in ("cp1252", "latin-1"):
        try:
            once = _normal(value.encode(codec).decode("utf-8"))
        except UnicodeError:
            continue
        if once in expected:
            return once
    if LOST not in value:
        return value
    pattern = re.compile(".".join(map(re.escape, value.split(LOST))))
    whole = [item for item in expected if pattern.fullmatch(item)]
    fits = whole or [item for item in expected if pattern.match(item)]
    return fits[0] if len(fits) == 1 else value


def _told(cpg: str | None) -> str | None:
    if cpg is None or not cpg.strip():
        return None
    try:
        return checked_codec(cpg)
    except UsageError:
        return None


def _words(dbf: Dbf, known: Known) -> list[bytes]:
    """Distinct values of the fields that the legend knows, else of every text column."""
    fields = [field for name in known if (field := dbf.field(name))]
    fields = fields or [field for field in dbf.fields if field.kind == "C"]
    return [value for field in fields for value in dbf.distinct(field)[0]]


def _score(values: Collection[bytes], codec: str, expected: Collection[str]) -> tuple[int, int]:
    """How many values are words that are expected, then how many decode at all."""
    words = [_decodes(value, codec) for value in values]
    good = [word for word in words if word is not None]
    return sum(mended(word, expected) in expected if LOST in word else word in expected for word in good), len(good)


def _decodes(raw: bytes, codec: str) -> str | None:
    """The text, or None when a letter is impossible; a last letter cut by the width of the column is forgiven."""
    try:
        text = codecs.getincrementaldecoder(codec)("strict").decode(raw)
    except UnicodeError:
        return None
    return None if re.search(r"[\x00-\x1f\x80-\x9f]", text) else _normal(text)


def _normal(text: str) -> str:
    return unicodedata.normalize("NFC", text)
