"""YAML that the library reads with errors of its own, or without end."""

from __future__ import annotations

import pytest
import yaml

from georetrieval.errors import InputError
from georetrieval.geo.legend import read_yaml
from georetrieval.geo.plain_yaml import plain_values

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 10)}]\n" for n in range(8))
"""A thousand million words in half a kilobyte."""
DEEP = "a0: &a0 [x]\n" + "".join(f"a{n + 1}: &a{n + 1} [*a{n}]\n" for n in range(200))


@pytest.mark.parametrize("text", [
    "2001-99-99", "!!int foo", "!!timestamp x", "!!bool x", "0x_", "a: !!float x", "9" * 5000, "[" * 3000,
    "2001-01-01T00:00:00+99:99", "&a [*a]", "&a {b: *a}", BOMB, DEEP, '"\\ud800"', '{"\\udfff": 1}', "[1", "\0",
])
def test_one_kind_of_error(text, tmp_path):
    with pytest.raises(yaml.YAMLError):
        plain_values(text)
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(InputError, match="is not YAML"):
        read_yaml(tmp_path / "x.yaml", "legend")


def test_what_is_well_formed_is_what_the_library_reads():
    text = "a: &a {b: [1, 2.5, true, null, 2001-02-03, é]}\nc: *a\nd: {<<: *a, e: ~}"
    assert plain_values(text) == yaml.safe_load(text)
    assert plain_values("[" * 60 + "]" * 60)


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? ", "&a [", "!!map {"])
def test_a_hundred_thousand_deep(opening):
    """The library's own builder in C ends the program here."""
    with pytest.raises(yaml.YAMLError, match="deeper"):
        plain_values(opening * 100_000)
