"""A CRS that can be read and leads nowhere: one sentence, whatever PROJ raises."""

from __future__ import annotations

import pytest
from pyproj import CRS

from georetrieval.errors import InputError
from georetrieval.geo.reprojection import carried, lambert_93, plausible, reprojection

ESRI = CRS.from_epsg(2154).to_wkt("WKT1_ESRI")
BOX = (900_000.0, 6_900_000.0, 901_000.0, 6_901_000.0)


@pytest.mark.parametrize(("right", "damaged"), [
    ('"Lambert_Conformal_Conic"', '"Mambert_Conformal_Conic"'), ('"GRS_1980",6378137.0', '"GRS_1980",7378137.0'),
    ('"Degree",0.0', '"Degree",1.0'),
])
def test_a_damaged_prj_is_one_sentence(right, damaged):
    """One bit of a .prj: a projection that nobody knows, an ellipsoid or a unit that is none."""
    assert ESRI.count(right) == 1
    crs = CRS.from_wkt(ESRI.replace(right, damaged))
    for ask in (lambda: reprojection(crs, lambert_93()), lambda: carried(BOX, crs, lambert_93())):
        with pytest.raises(InputError, match="There is no way from the CRS .*--crs EPSG:2154"):
            ask()
    assert plausible(BOX, crs) in (True, False)
