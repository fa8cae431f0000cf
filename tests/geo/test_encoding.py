"""Encodings: judged on known words; lost letters completed only when one word fits."""

from __future__ import annotations

import struct

import pytest

from georetrieval.errors import InputError, UsageError
from georetrieval.geo.dbf import open_dbf
from georetrieval.geo.encoding import checked_codec, choose_encoding, mended

FORESTS = ["Forêt fermée mixte", "Forêt fermée de feuillus", "Forêt fermée de conifères"]
WORDS = [*FORESTS, "Château", "Chateau", "Pré", "Prè"]
KNOWN = {"nature": WORDS}


def dbf(path, values: list[bytes], width: int = 20):
    """A .dbf by its specification (dBASE III): 32-byte header, one text column, rows of 1 + width bytes."""
    head = struct.pack("<B3BIHH20x", 3, 120, 1, 1, len(values), 32 + 32 + 1, 1 + width)
    column = struct.pack("<11sc4xBB14x", b"NATURE", b"C", width, 0)
    path.write_bytes(head + column + b"\r" + b"".join(b" " + v[:width].ljust(width) for v in values) + b"\x1a")
    return open_dbf(path)


@pytest.mark.parametrize("codec", ["utf-8", "cp1252", "cp850"])
def test_known_words_decide(tmp_path, codec):
    table = dbf(tmp_path / "a.dbf", [word.encode(codec) for word in ("Château", "Forêt fermée mixte")])
    chosen = choose_encoding(table, KNOWN, cpg=None, asked=None)
    assert (chosen.codec, chosen.how) == (codec, "guessed")
    wrong = {"utf-8": "1252", "cp1252": "UTF-8", "cp850": "ISO-8859-1"}[codec]
    assert choose_encoding(table, KNOWN, cpg=wrong, asked=None).codec == codec
    assert choose_encoding(table, KNOWN, cpg=wrong, asked=None).how == "cpg-wrong"
    assert choose_encoding(table, KNOWN, cpg=codec, asked=None).how == "cpg"


def test_a_letter_cut_at_the_width_of_the_column_is_forgiven(tmp_path):
    table = dbf(tmp_path / "a.dbf", ["Forêé".encode(), "Prè".encode()], width=6)  # one byte of the last letter
    assert choose_encoding(table, KNOWN, cpg=None, asked=None).codec == "utf-8"


def test_plain_letters_need_no_guess(tmp_path):
    table = dbf(tmp_path / "a.dbf", [b"Bois", b"Haie"])
    assert choose_encoding(table, KNOWN, cpg=None, asked=None).how == "plain"
    assert choose_encoding(table, KNOWN, cpg=None, asked="latin-1").codec == "cp1252"


@pytest.mark.parametrize(("said", "codec"), [
    ("UTF-8", "utf-8"), ("utf8", "utf-8"), ("1252", "cp1252"), ("ANSI 1252", "cp1252"), ("ISO 88591", "cp1252"),
    ("ISO-8859-1", "cp1252"), ("ISO-8859-15", "iso8859-15"), ("88591", "cp1252"), ("cp850", "cp850"),
])
def test_names_as_cpg_files_write_them(said, codec):
    assert checked_codec(said) == codec


def test_names_of_no_encoding():
    for name in ("", "x", "base64", "rot13"):
        with pytest.raises(UsageError):
            checked_codec(name)


@pytest.mark.parametrize(("value", "word"), [
    ("For\ufffdt ferm\ufffde mixte", "Forêt fermée mixte"),
    ("ForÃªt fermÃ©e mixte", "Forêt fermée mixte"),
    ("For\ufffdt ferm\ufffde de co", "Forêt fermée de conifères"),
    ("Ch\ufffdteau", "Ch\ufffdteau"),  # Château or Chateau: two words fit
    ("Pr\ufffd", "Pr\ufffd"),
    ("Verger", "Verger"),
])
def test_lost_letters(value, word):
    assert mended(value, WORDS) == word


def test_columns_and_distinct_values(tmp_path):
    table = dbf(tmp_path / "a.dbf", [b"a", b"b", b"a", b"  "])
    values, codes = table.distinct(table.field("nature"))
    assert [values[code] for code in codes] == [b"a", b"b", b"a", b""]
    assert table.field("other") is None


@pytest.mark.parametrize(("keep", "then"), [(0, b""), (20, b""), (80, b""), (8, b"\xff" * 200)])
def test_damaged_tables(tmp_path, keep, then):
    path = tmp_path / "a.dbf"
    dbf(path, [b"abc"] * 5)
    path.write_bytes(path.read_bytes()[:keep] + then)
    with pytest.raises(InputError, match=r"a\.dbf"):
        open_dbf(path)
