"""The words of a report in the languages of its readers, and its numbers as they are written there."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files as package_files
from typing import Any

from markupsafe import Markup

from georetrieval.geo.plain_yaml import plain_values

LANGUAGES = ("fr", "en")
NBSP, THIN = "\u00a0", "\u202f"
Table = Mapping[str, Mapping[str, str]]


@cache
def table() -> Table:
    """All words: key -> language -> text with the fields of `str.format`."""
    text = (package_files(__package__) / "words.yaml").read_text(encoding="utf-8")
    value: Table = plain_values(text)
    return value


class Words:
    """Words and numbers in one language.

    Parameters
    ----------
    language
        "fr" or "en".
    """

    def __init__(self, language: str) -> None:
        self.language = language
        self._words = table()

    def __call__(self, key: str, /, **fields: Any) -> str:
        """The text of a key; a number among the fields is written as this language writes it."""
        told = {name: self.whole(value) if isinstance(value, int) else value for name, value in fields.items()}
        text = _typeset(self._words[key][self.language], self.language)
        return text.format(**told) if told else text

    def known(self, prefix: str, value: str) -> str:
        """The text of `prefix_value`, or the value itself where there is none."""
        key = f"{prefix}_{value}"
        return self(key) if key in self._words else value

    def whole(self, number: int) -> str:
        """12,345 or 12 345."""
        return f"{number:,}".replace(",", THIN if self.language == "fr" else ",")

    def decimal(self, number: float, digits: int = 3) -> str:
        """0.847 or 0,847; a dash for what does not exist."""
        if number != number:
            return "–"
        text = f"{number:,.{digits}f}".replace("-", "\u2212")
        return text.replace(",", THIN).replace(".", ",") if self.language == "fr" else text

    def per_cent(self, share: float, digits: int = 1) -> str:
        """84.7 % or 84,7 %, of a share 0..1."""
        return "–" if share != share else f"{self.decimal(100 * share, digits)}{NBSP}%"

    def length(self, metres: float) -> str:
        """250 m, 2 km."""
        far = metres >= 1000
        value = metres / 1000 if far else metres
        digits = 0 if value == round(value) else 1
        return f"{self.decimal(value, digits)}{NBSP}{'km' if far else 'm'}"

    def figure(self, number: float | None, *, share: bool = False, digits: int = 3) -> Markup:
        """A number for people with its full value for machines: `<data value="0.84685">0.847</data>`."""
        if number is None or number != number:
            return Markup("–")
        shown = self.whole(number) if isinstance(number, int) else \
            self.per_cent(number, digits) if share else self.decimal(number, digits)
        return Markup('<data value="{}">{}</data>').format(f"{number:.10g}", shown)


@cache
def _typeset(text: str, language: str) -> str:
    """Apostrophes, and in French the spaces before ; : ? ! and inside guillemets that no line is broken at."""
    text = text.replace("'", "\u2019")
    if language == "fr":
        for mark in ";?!":
            text = text.replace(f" {mark}", f"{THIN}{mark}")
        text = text.replace(" :", f"{NBSP}:").replace("« ", f"«{NBSP}").replace(" »", f"{NBSP}»")
    return text.replace(" %", f"{NBSP}%")
