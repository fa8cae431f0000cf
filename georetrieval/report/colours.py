"""Colours and marks that stay apart for everybody, in grey too."""

from __future__ import annotations

SETS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000", "#882255")
"""Eight colours that colour-blind people tell apart. *Source*: Okabe and Ito, Color universal design, 2008; the last,
in place of a yellow that is lost on white, from Tol, Colour schemes, 2021."""
MARKS = ("o", "^", "s", "D", "v", "P", "X", "*")
RIGHT, WRONG, PALE = "#0072B2", "#D55E00", "#bdbdbd"
SAME, DIFFERENT = "#0072B2", "#E69F00"
