"""What only a look at the whole delivery shows: parts without their .shp, and layers in another CRS than the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from georetrieval.geo.deliveries import Delivery
from georetrieval.geo.legend import Legend
from georetrieval.geo.traps import Trap, noted


def orphans(delivery: Delivery, legend: Legend) -> tuple[Trap, ...]:
    """One trap for each .shx without a .shp; fatal where a class of the legend is painted from that layer.

    A .dbf alone is legal: some tables of BD TOPO have no geometry. Beside a single file nothing is looked for.
    """
    root = delivery.root
    if not root.is_dir():
        return ()
    files = [path for path in root.rglob("*") if path.suffix.lower() in (".shx", ".shp")]
    there = {path.with_suffix("") for path in files if path.suffix.lower() == ".shp"}
    painted = {source.layer.casefold() for _, source in delivery.sources(legend)}
    return tuple(
        Trap("shp-missing", path.stem, f"{path} has no .shp file beside it, so the layer {path.stem} is not there; "
             "copy it again, with all its parts, from the delivery.", fatal=path.stem.casefold() in painted)
        for path in sorted(files) if path.suffix.lower() == ".shx" and path.with_suffix("") not in there
    )


def mixed(layers: Sequence[tuple[str, str]]) -> list[Trap]:
    """One trap for each layer whose CRS is not that of more than half of them: a .prj of another layer is believed.

    Parameters
    ----------
    layers
        Name and CRS of each; "" where nothing says it, which is a trap of its own.
    """
    said = Counter(crs for _, crs in layers if crs)
    if len(said) < 2:
        return []
    most, count = said.most_common(1)[0]
    usual = most if 2 * count > said.total() else ""
    others = f"most layers are in {usual}" if usual else f"the layers are in {', '.join(said)}"
    return [noted("crs-mixed", name, f"its file says {crs}, and {others}; check its .prj, or give the CRS with --crs.")
            for name, crs in layers if crs and crs != usual]
