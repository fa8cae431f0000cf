"""What IGN's folder and file names say: version, format, projection, département, edition."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_NAME = re.compile(
    r"BDT(?:OPO)?_(?P<version>\d-\d)_(?:TOUSTHEMES_)?(?P<format>SHP|GPKG|SQL)_(?P<projection>[A-Z0-9]+)_"
    r"(?P<zone>D\d{2,3}[AB]?|D02[AB]|R\d{2}|X\d{3}|FXX)[-_](?:ED)?(?P<edition>\d{4}-\d{2}-\d{2}|\d{3}(?!\d))",
    re.IGNORECASE,
)
"""*Source*: BDTOPO.md 5.1, tested there on nine real names."""


@dataclass(frozen=True)
class DeliveryName:
    """What one name says.

    Attributes
    ----------
    version
        "2.0", "3.5".
    projection
        "LAMB93", "RGAF09UTM20"; a hint, never taken for the CRS by itself unless the files say nothing.
    departement
        "57", "2A", "974", or the zone's own code ("R32", "FXX").
    edition
        A date ("2019-03-19") or a quarter ("2008-Q3", written 083 by IGN).
    """

    version: str
    projection: str
    departement: str
    edition: str


def parse_name(text: str) -> DeliveryName | None:
    """Read the last delivery name inside a path; None when there is none."""
    found = list(_NAME.finditer(text))
    if not found:
        return None
    match = found[-1]
    return DeliveryName(
        version=match["version"].replace("-", "."), projection=match["projection"].upper(),
        departement=_departement(match["zone"].upper()), edition=_edition(match["edition"]),
    )


def delivery_names(paths: Iterable[Path]) -> tuple[DeliveryName, ...]:
    """The different delivery names in these paths, in the order of first appearance.

    A folder dated like its delivery ("..._2015-03-26") and an inner one with the quarter ("...-ED151") are one
    delivery: the innermost name counts.
    """
    names = (parse_name(str(path)) for path in paths)
    return tuple(dict.fromkeys(name for name in names if name is not None))


def _departement(zone: str) -> str:
    code = zone.removeprefix("D")
    if code == zone:
        return zone
    code = code.lstrip("0") if len(code) == 3 and code.startswith("0") else code
    return code if len(code) > 1 else f"0{code}"


def _edition(text: str) -> str:
    """A quarter is year and quarter: 083 is 2008 Q3 (*Source*: BDTOPO.md 5.1)."""
    return text if "-" in text else f"20{text[:2]}-Q{text[2]}"
