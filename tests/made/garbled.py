"""Hypothesis strategies for files that somebody wrote by hand, or that something went over."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

TEXTS = st.text(alphabet=st.characters(), max_size=12)
"""Lone halves of surrogates and zeros among them."""
LEAVES = (st.none() | st.booleans() | st.integers() | st.floats() | TEXTS
          | st.sampled_from([10**400, -1, 2**63, "1e999", "²", "../../etc/passwd", "a" * 300, "${HOME}", "${NOT_SET}"]))
PLAIN = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
                     max_leaves=8)
"""What JSON can hold."""
YAML_WORDS = st.lists(st.sampled_from([
    "a", "name", ":", ": ", "\n", "\n  ", "- ", "[", "]", "{", "}", ", ", "&x ", "*x", "<<: ", "!!int ",
    "!!float ", "!!bool ", "!!timestamp ", "!!binary ", "!!set ", "!!omap ", "!!python/object:os.system ",
    "!!null ", "? ", "| ", "> ", "'", '"', "#", "---\n",
    "...\n", "%YAML 1.1\n", "2001-99-99", "2001-01-01T00:00:00+99:99", "0x_", "0b_", "1:99", ".nan", ".inf",
    "9" * 4400, "=", "~", "\t", "é", "extends: ",
]), max_size=14).map("".join)


PIECES = [b"{", b"]", b'"', b"null", b"-1", b"1e999", b"\\ud800", b"[" * 3000]


@st.composite
def spliced(draw: st.DrawFn, whole: bytes) -> bytes:
    """`whole` with up to three pieces cut out, put in or replaced."""
    data = whole
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 12)))
        piece = draw(st.binary(max_size=8) | st.sampled_from(PIECES))
        data = data[:start] + piece + data[end:]
    return data


@st.composite
def changed(draw: st.DrawFn, value: Any) -> Any:
    """A nested value in which up to three places hold something else, are gone, or have a neighbour more."""
    copy = json.loads(json.dumps(value))
    for _ in range(draw(st.integers(1, 3))):
        _change(draw, copy)
    return copy


def _change(draw: st.DrawFn, value: Any) -> None:
    while isinstance(value, (dict, list)) and value:
        place = draw(st.sampled_from(sorted(value) if isinstance(value, dict) else range(len(value))))
        inner = value[place]
        if not (isinstance(inner, (dict, list)) and inner) or draw(st.integers(0, 4)) == 0:
            what = draw(st.sampled_from(["other", "gone", "more"]))
            if what == "gone":
                del value[place]
            elif what == "other" or isinstance(value, list):
                value[place] = draw(PLAIN)
            else:
                value[draw(TEXTS)] = draw(PLAIN)
            return
        value = inner
