"""What only the whole delivery shows: a .shp that was not copied, a .prj of another layer, rows that are none."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyproj import CRS

from georetrieval.errors import InputError
from georetrieval.geo.dbf import open_dbf
from georetrieval.geo.deliveries import open_delivery
from georetrieval.geo.inspection import inspect
from georetrieval.geo.layers import read_classes
from georetrieval.geo.legend import Legend
from tests.made import tiny

LEGEND = Legend.load("bdtopo12")


def part(folder: Path, name: str) -> Path:
    return next(path for path in folder.rglob("*") if path.name.casefold() == name.casefold())


def test_a_layer_whose_shp_was_not_copied_is_named_and_not_built_without(tmp_path: Path) -> None:
    tiny.write_vectors(tmp_path)
    part(tmp_path, "SURFACE_EAU.shp").unlink()
    delivery = open_delivery(tmp_path, legend=LEGEND)
    assert any("SURFACE_EAU is not there" in sentence for sentence in inspect(delivery, LEGEND).warnings)
    with pytest.raises(InputError, match="SURFACE_EAU is not there"):
        read_classes(delivery, LEGEND, bounds=None, crs="EPSG:2154")


def test_a_prj_of_another_layer_is_named(tmp_path: Path) -> None:
    tiny.write_vectors(tmp_path)
    assert not any(trap.kind == "crs-mixed" for trap in inspect(open_delivery(tmp_path), LEGEND).traps)
    part(tmp_path, "ROUTE.prj").write_text(CRS("EPSG:32631").to_wkt("WKT1_ESRI"))
    delivery = open_delivery(tmp_path)
    mixed = [trap.layer for trap in inspect(delivery, LEGEND).traps if trap.kind == "crs-mixed"]
    assert [name.casefold() for name in mixed] == ["route"]
    assert any("most layers are in" in note for note in read_classes(
        delivery, LEGEND, bounds=None, crs="EPSG:2154").notes)


def test_a_prj_that_names_a_file_opens_none(tmp_path: Path) -> None:
    tiny.write_vectors(tmp_path)
    part(tmp_path, "ROUTE.prj").write_text(f"+init={tmp_path}/secret:1 +type=crs")
    kinds = {trap.kind for trap in inspect(open_delivery(tmp_path), LEGEND).traps}
    assert "prj-unreadable" in kinds


def test_a_dbf_with_zeroed_rows_is_damaged(tmp_path: Path) -> None:
    tiny.write_vectors(tmp_path)
    path = part(tmp_path, "ROUTE.dbf")
    data = path.read_bytes()
    path.write_bytes(data[:-30] + bytes(30))
    assert open_dbf(path).rows == 1  # its only row still begins as one does
    start = int.from_bytes(data[8:10], "little")
    path.write_bytes(data[:start] + bytes(len(data) - start))
    with pytest.raises(InputError, match="1 of its 1 rows do not begin as a row does"):
        open_dbf(path)
