"""From files to classed objects: encodings, CRS, widths, filters, order, mending, parts out of step."""

from __future__ import annotations

import math
import os
import warnings
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely

from georetrieval.errors import InputError, UsageError
from georetrieval.geo.deliveries import open_delivery
from georetrieval.geo.layers import read_classes
from georetrieval.geo.legend import Legend

LEGEND = Legend.load("bdtopo12")
CODE = {item.key: item.code for item in LEGEND.classes}
X, Y = 905_000.0, 6_930_000.0
REAL = os.environ.get("GEORETRIEVAL_TEST_DATA")
real = pytest.mark.skipif(not REAL, reason="GEORETRIEVAL_TEST_DATA is not set")


def write(
    path: Path, geometry, *, crs="EPSG:2154", encoding="UTF-8", cpg=False, kind=None, layer=None, **columns
) -> Path:
    """Write one layer with pyogrio; `cpg=False` takes away the .cpg, as in real deliveries."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shapes = np.asarray(geometry, object)
    dates = {name: values for name, values in columns.items() if name.startswith("DATE")}
    arrays = [np.asarray(v, "datetime64[ms]" if k in dates else None) for k, v in columns.items()]
    arrays = [a.astype(object) if a.dtype.kind == "U" else a for a in arrays]
    pyogrio.raw.write(
        path,
        shapely.to_wkb(shapes),
        arrays,
        list(columns),
        crs=crs,
        geometry_type=kind or shapes[0].geom_type,
        driver="GPKG" if path.suffix == ".gpkg" else "ESRI Shapefile",
        layer=layer,
        append=path.suffix == ".gpkg" and path.exists(),
        **({} if path.suffix == ".gpkg" else {"encoding": encoding}),
    )
    if path.suffix != ".gpkg" and not cpg:
        path.with_suffix(".cpg").unlink(missing_ok=True)
    return path


def square(x=0.0, y=0.0, side=10.0):
    return shapely.box(X + x, Y + y, X + x + side, Y + y + side)


def line(length=100.0, y=0.0):
    return shapely.LineString([(X, Y + y), (X + length, Y + y)])


def read(path, *, bounds=None, crs="EPSG:2154", legend=LEGEND, **options):
    return read_classes(open_delivery(path, **options), legend, bounds=bounds, crs=crs)


def landmarks(path: Path, **options) -> Path:
    natures = ["Château", "Eglise", "Préfecture", "Tour, donjon, moulin"]
    return write(path, [square(20 * i) for i in range(4)], NATURE=natures, **options)


@pytest.mark.parametrize(
    ("encoding", "cpg"),
    [
        ("UTF-8", False),
        ("ISO-8859-1", False),
        ("CP850", False),
        ("UTF-8", True),
        ("ISO-8859-1", True),
    ],
)
def test_text_is_read_whatever_its_encoding(tmp_path, encoding, cpg):
    landmarks(tmp_path / "BATI_REMARQUABLE.shp", encoding=encoding, cpg=cpg)
    objects = read(tmp_path)
    assert sorted(objects.code.tolist()) == sorted([CODE["castle"], CODE["church"], CODE["building"], CODE["tower"]])


def test_a_wrong_cpg_is_overruled_and_said(tmp_path):
    path = landmarks(tmp_path / "BATI_REMARQUABLE.shp", encoding="ISO-8859-1")
    path.with_suffix(".cpg").write_text("UTF-8")
    objects = read(tmp_path)
    assert CODE["castle"] in objects.code
    assert any(".cpg file is wrong" in note for note in objects.notes)


def test_the_encoding_that_is_asked_for_is_believed(tmp_path):
    landmarks(tmp_path / "BATI_REMARQUABLE.shp", encoding="UTF-8")
    assert CODE["castle"] in read(tmp_path, encoding="UTF-8").code
    with pytest.raises(UsageError, match="not a text encoding"):
        read(tmp_path, encoding="UTF-9")


def test_letters_lost_in_an_earlier_conversion_are_completed(tmp_path):
    write(tmp_path / "ZONE_VEGETATION.shp", [square()], NATURE=["For\ufffdt ferm\ufffde mixte"])
    objects = read(tmp_path)
    assert objects.code.tolist() == [CODE["vegetation"]]
    assert any("lost letters" in note for note in objects.notes)


def test_lines_get_the_width_of_their_field_else_the_legends(tmp_path):
    natures = ["Route à 1 chaussée", "Route à 1 chaussée", "Autoroute", "Sentier", "Route empierrée"]
    write(
        tmp_path / "ROUTE.shp",
        [line(y=100 * i) for i in range(5)],
        NATURE=natures,
        LARGEUR=np.array([7.0, 0.0, np.nan, 0.0, 500.0]),
        POS_SOL=np.zeros(5, int),
    )
    objects = read(tmp_path)
    boxes = shapely.bounds(objects.geometry)
    widths = dict(zip((boxes[:, 1] + boxes[:, 3]) / 2 - Y, boxes[:, 3] - boxes[:, 1], strict=True))
    assert [widths[100.0 * i] for i in range(5)] == pytest.approx([7, 5, 10, 1, 3])
    # 100 m by 7 m with round ends: less than the disc's area, more than that of the square inside it.
    area = shapely.area(objects.geometry)[boxes[:, 3] - boxes[:, 1] == 7]
    assert 700 + 2 * 3.5**2 < area < 700 + math.pi * 3.5**2
    assert any("4 objects have no believable width" in note for note in objects.notes)


def test_tunnels_ferries_and_fictive_roads_are_left_out(tmp_path):
    write(
        tmp_path / "ROUTE.shp",
        [line(y=10 * i) for i in range(4)],
        POS_SOL=np.array([0, -1, 0, 1]),
        NATURE=["Bretelle", "Bretelle", "Bac auto", "Bretelle"],
        LARGEUR=np.full(4, 5.0),
        FICTIF=["Non", "Non", "Non", "Oui"],
    )
    assert len(read(tmp_path)) == 1


def test_level_is_text_in_v3(tmp_path):
    write(
        tmp_path / "TRONCON_DE_ROUTE.shp",
        [line(y=10 * i) for i in range(3)],
        LARGEUR=np.full(3, 5.0),
        NATURE=["Rond-point"] * 3,
        POS_SOL=["0", "-1", "Gué ou radier"],
        ETAT=["En service"] * 3,
    )
    assert len(read(tmp_path)) == 2


def test_v3_geopackage_and_shapefile_give_the_same(tmp_path):
    natures = ["Indifférenciée", "Eglise", "Indifférenciée", "Indifférenciée", "Château"]
    light, state = ["Non", "Non", "Oui", "Non", "Non"], ["En service"] * 3 + ["En construction", "En service"]
    shapes = [square(20 * i) for i in range(5)]
    write(tmp_path / "shp" / "BATIMENT.shp", shapes, NATURE=natures, LEGER=light, ETAT=state)
    gpkg = tmp_path / "gpkg" / "BDT_3-5_GPKG_LAMB93_D032-ED2026-06-15.gpkg"
    write(gpkg, shapes, layer="batiment", nature=natures, construction_legere=light, etat_de_l_objet=state)
    shp, packed = read(tmp_path / "shp"), read(gpkg)
    assert shp.code.tolist() == packed.code.tolist() == [CODE["building"], CODE["church"], CODE["castle"]]
    assert shapely.equals(shp.geometry, packed.geometry).all()
    with_light = read(gpkg, legend=Legend.load("bdtopo12+light_buildings"))
    assert with_light.code.tolist().count(CODE["building"]) == 2


def test_painters_order_then_order_of_reading(tmp_path):
    write(tmp_path / "BATI_INDIFFERENCIE.shp", [square(0, 0, 5), square(0, 0, 6)], ID=["a", "b"])
    write(tmp_path / "ZONE_VEGETATION.shp", [square(0, 0, 50)], NATURE=["Bois"])
    write(tmp_path / "CIMETIERE.shp", [square(0, 0, 20)], ID=["c"])
    objects = read(tmp_path)
    assert [LEGEND.by_code[c].key for c in objects.code.tolist()] == ["vegetation", "cemetery", "building", "building"]
    assert shapely.area(objects.geometry).tolist() == [2500, 400, 25, 36]


def test_overlapping_parts_do_not_become_holes(tmp_path):
    """Two squares of 50 m that share 25 m by 50 m cover 75 m by 50 m; a bow tie of 10 m is two triangles of 25 m2."""
    one, other = square(0, 0, 50), shapely.affinity.translate(square(0, 0, 50), 25, 0)
    bow = shapely.Polygon([(X, Y + 200), (X + 10, Y + 210), (X + 10, Y + 200), (X, Y + 210)])
    write(tmp_path / "CIMETIERE.shp", [shapely.MultiPolygon([one, other]), bow], ID=["a", "b"], kind="MultiPolygon")
    objects = read(tmp_path)
    assert objects.mended >= 1
    assert shapely.is_valid(objects.geometry).all()
    assert shapely.area(objects.geometry).tolist() == pytest.approx([75 * 50, 2 * 25])


def test_what_cannot_be_painted_is_counted(tmp_path):
    flat = shapely.Polygon([(X, Y), (X + 5, Y), (X + 9, Y), (X, Y)])
    nan = shapely.from_wkb(shapely.to_wkb(shapely.Polygon([(X, Y), (X, 9e300), (X + 9, Y), (X, Y)])))
    origin = shapely.Polygon([(0, 0), (X, Y), (X + 9, Y), (0, 0)])
    write(
        tmp_path / "CIMETIERE.shp", [square(), square(30), None, flat, nan, origin], ID=list("abcdef"), kind="Polygon"
    )
    objects = read(tmp_path)
    assert len(objects) == 2
    assert objects.dropped == 4
    for words in ("NULL geometry", "no area", "no numbers", "(0, 0)"):
        assert any(words in note for note in objects.notes), words


def test_bounds_keep_what_crosses_them(tmp_path):
    write(tmp_path / "CIMETIERE.shp", [square(-5), square(500), square(95)], ID=list("abc"))
    assert len(read(tmp_path, bounds=(X, Y, X + 100, Y + 100))) == 2
    assert len(read(tmp_path, bounds=(X + 5000, Y, X + 5100, Y + 100))) == 0


def test_a_foreign_spatial_index_hides_nothing(tmp_path):
    path = write(tmp_path / "CIMETIERE.shp", [square()], ID=["a"])
    far = write(tmp_path / "other" / "CIMETIERE.shp", [square(9000), square(9100)], ID=["a", "b"])
    path.with_suffix(".qix").write_bytes(quadtree(far))
    assert len(read(path, bounds=(X, Y, X + 100, Y + 100))) == 1


def quadtree(path):
    """A .qix with the signature, order and counts of a real one: two shapes, depth 1, one far root node."""
    import struct

    west, south, east, north = pyogrio.read_info(path, force_total_bounds=True)["total_bounds"]
    head = b"SQT" + bytes([1, 1, 0, 0, 0]) + struct.pack("<ii", 2, 1)
    node = struct.pack("<i4di2ii", 0, west, south, east, north, 2, 0, 1, 0)
    return head + node


def test_damaged_or_missing_parts_name_the_file_and_the_repair(tmp_path):
    def fresh():
        return landmarks(tmp_path / "BATI_REMARQUABLE.shp")

    other = write(tmp_path.parent / f"{tmp_path.name}-other" / "x.shp", [square()], NATURE=["Château"])
    cases = {
        "has no .dbf file": lambda p: p.with_suffix(".dbf").unlink(),
        "holds no table": lambda p: p.with_suffix(".dbf").write_bytes(b""),
        "4 shapes and its .dbf 1 rows": lambda p: p.with_suffix(".dbf").write_bytes(
            other.with_suffix(".dbf").read_bytes()
        ),
        "rows announced": lambda p: p.with_suffix(".dbf").write_bytes(p.with_suffix(".dbf").read_bytes()[:-120]),
        "does not belong to its .shp": lambda p: p.with_suffix(".shx").write_bytes(
            other.with_suffix(".shx").read_bytes()
        ),
        "no usable .shx": lambda p: p.with_suffix(".shx").unlink(),
        "cut short or damaged": lambda p: p.write_bytes(p.read_bytes()[:-200]),
    }
    for words, damage in cases.items():
        path = fresh()
        damage(path)
        with pytest.raises(InputError) as caught:
            read(tmp_path)
        assert words in str(caught.value), words
        assert "BATI_REMARQUABLE" in str(caught.value)
        assert "copy it again" in str(caught.value)


def test_a_missing_dbf_does_not_matter_where_nothing_is_asked_of_it(tmp_path):
    path = write(tmp_path / "CIMETIERE.shp", [square()], ID=["a"])
    path.with_suffix(".dbf").unlink()
    assert len(read(tmp_path)) == 1


def test_a_field_that_tells_classes_apart_is_missing(tmp_path):
    write(tmp_path / "BATI_REMARQUABLE.shp", [square()], KIND=["Château"])
    with pytest.raises(InputError, match="no field NATURE.*it has KIND"):
        read(tmp_path)


@pytest.mark.parametrize("prj", [None, "", "EPSG:2154", "EPSG:9794", "IGNF:LAMB93", "ESRI"])
def test_lambert_93_by_any_name(tmp_path, prj):
    from pyproj import CRS

    path = write(tmp_path / "CIMETIERE.shp", [square()], ID=["a"])
    if prj is None:
        path.with_suffix(".prj").unlink()
    else:
        text = CRS(2154).to_wkt("WKT1_ESRI") if prj == "ESRI" else CRS(prj).to_wkt() if prj else ""
        path.with_suffix(".prj").write_text(text)
    objects = read(tmp_path)
    assert shapely.bounds(objects.geometry).tolist() == [[X, Y, X + 10, Y + 10]]
    assert any("is assumed" in note for note in objects.notes) == (prj in (None, ""))


@pytest.mark.parametrize("value", [0, 255, ord("[")])
def test_a_prj_of_which_any_byte_is_another_is_one_sentence_or_read(tmp_path, value):
    """Bytes that are no UTF-8 among them, which pyogrio stumbles over."""
    path = write(tmp_path / "CIMETIERE.shp", [square()], ID=["a"]).with_suffix(".prj")
    data, told = path.read_bytes(), list[str]()
    for place in range(0, len(data), 11):
        path.write_bytes(data[:place] + bytes([value]) + data[place + 1:])
        try:
            assert len(read(tmp_path)) == 1
        except InputError as error:
            told.append(str(error))
    assert told
    assert not any("local variable" in sentence for sentence in told)


@pytest.mark.filterwarnings("ignore:'crs' was not provided")
def test_an_unknown_crs_asks_for_one(tmp_path):
    write(tmp_path / "CIMETIERE.shp", [shapely.box(400_000, 4_900_000, 400_010, 4_900_010)], ID=["a"], crs=None)
    with pytest.raises(InputError, match="--crs"):
        read(tmp_path)
    moved = read_classes(open_delivery(tmp_path, crs="EPSG:32631"), LEGEND, bounds=None, crs="EPSG:2154")
    assert len(moved) == 1


@pytest.mark.filterwarnings("ignore:'crs' was not provided")
def test_reprojection_from_lambert_2_extended_is_owned_up_to(tmp_path):
    """The same point by the 3-parameter shift of IGN (-168, -60, 320) written out as a PROJ pipeline."""
    from pyproj import Transformer
    from pyproj.transformer import TransformerGroup

    clarke = "+a=6378249.2 +b=6356515"
    by_hand = Transformer.from_pipeline(
        "+proj=pipeline +step +inv +proj=lcc +lat_1=46.8 +lat_0=46.8 +lon_0=0 +k_0=0.99987742 +x_0=600000 "
        f"+y_0=2200000 {clarke} +pm=paris +step +proj=push +v_3 +step +proj=cart {clarke} "
        "+step +proj=helmert +x=-168 +y=-60 +z=320 +step +inv +proj=cart +ellps=GRS80 +step +proj=pop +v_3 "
        "+step +proj=lcc +lat_1=49 +lat_2=44 +lat_0=46.5 +lon_0=3 +x_0=700000 +y_0=6600000 +ellps=GRS80"
    ).transform(890_000, 2_020_000)
    write(tmp_path / "CIMETIERE.shp", [shapely.box(890_000, 2_020_000, 890_010, 2_020_010)], ID=["a"], crs=None)
    objects = read_classes(open_delivery(tmp_path, crs="EPSG:27572"), LEGEND, bounds=None, crs="EPSG:2154")
    corner = shapely.get_coordinates(objects.geometry)
    assert np.hypot(*(corner - by_hand).T).min() < 5.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        best = TransformerGroup(27572, 2154).best_available
    assert any("needs the grid" in note for note in objects.notes) == (not best)
    again = read_classes(
        open_delivery(tmp_path, crs="EPSG:27572"),
        LEGEND,
        crs="EPSG:2154",
        bounds=(by_hand[0] - 50, by_hand[1] - 50, by_hand[0] + 50, by_hand[1] + 50),
    )
    assert len(again) == 1


def test_a_crs_in_degrees_is_no_ground_for_tiles(tmp_path):
    write(tmp_path / "CIMETIERE.shp", [square()], ID=["a"])
    with pytest.raises(InputError, match="metres"):
        read_classes(open_delivery(tmp_path), LEGEND, bounds=None, crs="EPSG:4326")


@pytest.mark.filterwarnings("ignore:'crs' was not provided")
def test_a_plain_frame_keeps_its_coordinates(tmp_path):
    write(tmp_path / "CIMETIERE.shp", [shapely.box(0, 0, 10, 10)], ID=["a"], crs=None)
    objects = read_classes(open_delivery(tmp_path), LEGEND, bounds=None, crs="")
    assert shapely.bounds(objects.geometry).tolist() == [[0, 0, 10, 10]]


def test_v20_cuts_roads_in_two_and_they_are_not_read_twice(tmp_path):
    columns = {"NATURE": ["Bretelle"], "LARGEUR": np.array([5.0]), "POS_SOL": np.array([0])}
    write(tmp_path / "ROUTE_PRIMAIRE.SHP", [line()], **columns)
    write(tmp_path / "ROUTE_SECONDAIRE.SHP", [line(y=50)], **columns)
    assert len(read(tmp_path)) == 2
    write(
        tmp_path / "ROUTE.SHP",
        [line(), line(y=50)],
        NATURE=["Bretelle"] * 2,
        LARGEUR=np.full(2, 5.0),
        POS_SOL=np.zeros(2, int),
    )
    assert len(read(tmp_path)) == 2


def test_an_osm_file_through_its_mapping(tmp_path):
    """Longitude and latitude: a way of 0.001 degrees along the meridian is 111 m; residential streets are 5 m wide."""
    way = shapely.LineString([(6.0, 48.0), (6.0, 48.001)])
    write(
        tmp_path / "gis_osm_roads_free_1.shp",
        [way, way],
        crs="EPSG:4326",
        fclass=["residential", "proposed"],
        tunnel=["F", "F"],
    )
    objects = read(tmp_path, mapping="osm_geofabrik")
    assert objects.code.tolist() == [CODE["road"]]
    assert shapely.area(objects.geometry)[0] == pytest.approx(111.2 * 5, rel=0.05)


@real
def test_the_three_real_sets():
    """Counts: rows of the .dbf headers less what the filters say (2 fictive roads in Isère)."""
    folder = Path(REAL or "") / "vectors"
    isere, fleche = read(folder / "isere_bdtopo_v2"), read(folder / "la_fleche_bdtopo_v20")
    alpe = read(folder / "alpe_dhuez_lambert2e", mapping="alpe_dhuez")

    def counts(objects):
        return {
            LEGEND.by_code[c].key: int(n) for c, n in zip(*np.unique(objects.code, return_counts=True), strict=True)
        }

    assert counts(isere) == {"road": 91 + 3473 + 639 - 2, "building": 5679, "water": 10 + 3, "sport": 50, "rail": 47}
    assert counts(fleche) == {"road": 1070, "building": 4054, "water": 133, "vegetation": 1507}
    assert counts(alpe) == {
        "road": 34 + 96 + 346 + 208 + 703,
        "tower": 15,
        "building": 2019 + 6 + 2,
        "water": 120 + 524,
        "vegetation": 2469,
    }
    west, south, east, north = shapely.total_bounds(alpe.geometry)
    assert 930_000 < west < east < 950_000
    assert 6_440_000 < south < north < 6_460_000
    for objects in (isere, fleche, alpe):
        assert shapely.is_valid(objects.geometry).all()
