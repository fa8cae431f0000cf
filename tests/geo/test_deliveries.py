"""What lies at a path: names, depth and case, archives, hostile ones too."""

from __future__ import annotations

import gc
import zipfile
from pathlib import Path

import numpy as np
import py7zr
import pyogrio
import pytest
import shapely

from georetrieval.errors import InputError, MissingExtraError
from georetrieval.geo import archives
from georetrieval.geo.deliveries import open_delivery
from georetrieval.geo.layers import read_classes
from georetrieval.geo.legend import Legend
from georetrieval.geo.names import parse_name

V2 = "BDTOPO/1_DONNEES_LIVRAISON_2019-06-00227/BDT_2-0_SHP_LAMB93_D057-ED083"
V3 = "BDTOPO_3-0_TOUSTHEMES_SHP_LAMB93_D057_2019-03-19/BDTOPO/X/BDT_3-0_SHP_LAMB93_D057-ED2019-03-19"


def layer(path: Path, count: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    shapes = [shapely.box(9e5 + 20 * i, 6.9e6, 9e5 + 20 * i + 10, 6.9e6 + 10) for i in range(count)]
    pyogrio.raw.write(path, shapely.to_wkb(np.asarray(shapes, object)), [np.arange(count)], ["ID"], crs="EPSG:2154",
                      geometry_type="Polygon", driver="ESRI Shapefile")
    if path.suffix.isupper():  # GDAL writes small letters whatever it is asked
        for part in path.parent.glob(f"{path.stem}.*"):
            part.rename(part.with_suffix(part.suffix.upper()))
    return path


def count(path: Path, **options) -> int:
    return len(read_classes(open_delivery(path, **options), Legend.load("bdtopo12"), bounds=None, crs="EPSG:2154"))


# Real names of BDTOPO.md 5.1; 083 is the third quarter of 2008.
@pytest.mark.parametrize(("text", "version", "departement", "edition"), [
    (f"{V2}/E_BATI", "2.0", "57", "2008-Q3"),
    ("BDTOPO_2-1_TOUSTHEMES_SHP_LAMB93_D029_2015-03-26/X/BDT_2-1_SHP_LAMB93_D029-ED151/E", "2.1", "29", "2015-Q1"),
    ("BDTOPO_2-2_TOUSTHEMES_SHP_LAMB93_D017_2018-09-25.7z.001", "2.2", "17", "2018-09-25"),
    (V3, "3.0", "57", "2019-03-19"),
    ("BDT_3-5_GPKG_LAMB93_D032_ED2026-06-15", "3.5", "32", "2026-06-15"),
    ("BDT_3-5_GPKG_LAMB93_D032-ED2026-06-15.gpkg", "3.5", "32", "2026-06-15"),
    ("BDTOPO_3-3_TOUSTHEMES_SHP_LAMB93_D02A_2023-03-15", "3.3", "2A", "2023-03-15"),
    ("BDTOPO_3-3_TOUSTHEMES_SHP_RGAF09UTM20_D971_2023-03-15", "3.3", "971", "2023-03-15"),
    ("BDTOPO_3-3_TOUSTHEMES_GPKG_LAMB93_R44_2023-03-15", "3.3", "R44", "2023-03-15"),
])
def test_names(text, version, departement, edition):
    name = parse_name(text)
    assert (name.version, name.departement, name.edition) == (version, departement, edition)


def test_names_that_say_nothing():
    assert parse_name("BDTOPO/E_BATI") is None
    assert parse_name("BDT_2-0_SHP_LAMB93_D057-ED0834") is None


@pytest.mark.parametrize("name", [f"{V2}/I_ZONE/CIMETIERE.SHP", f"{V2}/cimetiere.shp", f"{V2}/a/b/c/d/Cimetiere.shp"])
def test_any_depth_and_any_case(tmp_path, name):
    layer(tmp_path / name, 3)
    delivery = open_delivery(tmp_path)
    assert (delivery.version, delivery.departement, delivery.edition) == ("2.0", "57", "2008-Q3")
    assert count(tmp_path) == 3
    assert count(tmp_path / name) == 3


def test_the_schema_is_that_of_the_layers(tmp_path):
    layer(tmp_path / "a" / "SURFACE_EAU.shp")
    layer(tmp_path / "b" / "SURFACE_HYDROGRAPHIQUE.shp")
    assert open_delivery(tmp_path / "a").schema == "bdtopo_v2"
    assert open_delivery(tmp_path / "b").schema == "bdtopo_v3_shp"


def test_two_editions_side_by_side_are_not_mixed(tmp_path):
    layer(tmp_path / V2 / "CIMETIERE.shp")
    layer(tmp_path / V3 / "CIMETIERE.shp")
    with pytest.raises(InputError, match=r"several deliveries \(2.0 of 2008-Q3, 3.0 of 2019-03-19\)"):
        open_delivery(tmp_path)


def test_two_departements_of_one_edition_are_one_delivery(tmp_path):
    layer(tmp_path / V2 / "CIMETIERE.shp", 2)
    layer(tmp_path / V2.replace("D057", "D054") / "CIMETIERE.shp", 1)
    assert open_delivery(tmp_path).departement == "54+57"
    assert count(tmp_path) == 3


def test_nothing_there_nothing_known(tmp_path):
    with pytest.raises(InputError, match="no file or folder"):
        open_delivery(tmp_path / "none")
    with pytest.raises(InputError, match="no vector layers"):
        open_delivery(tmp_path)
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(InputError, match="not a vector delivery"):
        open_delivery(tmp_path / "notes.txt")
    layer(tmp_path / "PARCELLE.shp")
    with pytest.raises(InputError, match="found PARCELLE.*--mapping"):
        open_delivery(tmp_path)
    with pytest.raises(InputError, match="none of the layers that the mapping"):
        open_delivery(tmp_path, mapping="osm_geofabrik")
    with pytest.raises(InputError, match="not a coordinate system"):
        open_delivery(tmp_path, crs="EPSG:1")


@pytest.mark.parametrize("text", ["<OGRVRTDataSource></OGRVRTDataSource>", "", "SQLite format 3"])
@pytest.mark.parametrize("name", ["CIMETIERE.shp", "x.gpkg"])
def test_another_format_under_a_known_name_is_never_opened(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match="first bytes"):
        open_delivery(tmp_path)


def test_a_mapping_that_names_an_unknown_class(tmp_path):
    layer(tmp_path / "PARCELLE.shp")
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text("name: x\nclasses:\n  parcel: [PARCELLE]\n")
    with pytest.raises(InputError, match="class 'parcel'"):
        open_delivery(tmp_path, mapping=mapping)
    mapping.write_text("name: x\nclasses:\n  cemetery: [PARCELLE]\n")
    assert count(tmp_path, mapping=mapping) == 1
    with pytest.raises(InputError, match="osm_geofabrik"):
        open_delivery(tmp_path, mapping="osm")


def zipped(tmp_path: Path, name: str = "d.zip") -> Path:
    layer(tmp_path / "in" / V2 / "CIMETIERE.SHP", 2)
    archive = tmp_path / name
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        for path in sorted((tmp_path / "in").rglob("*.*")):
            if path.is_file():
                opened.write(path, path.relative_to(tmp_path / "in"))
        opened.writestr("readme.txt", "not unpacked")
    return archive


def test_zip_is_read_and_leaves_nothing_behind(tmp_path):
    delivery = open_delivery(zipped(tmp_path))
    assert delivery.departement == "57"
    objects = read_classes(delivery, Legend.load("bdtopo12"), bounds=None, crs="EPSG:2154")
    assert len(objects) == 2
    folder = delivery.root
    assert folder.is_dir()
    assert not list(folder.rglob("*.txt"))
    del delivery
    gc.collect()
    assert not folder.exists()


@pytest.mark.parametrize("member", ["../b.shp", "/tmp/b.shp", "a/../../b.shp", "..\\b.shp", "C:\\b.shp"])
def test_zip_members_that_leave_the_folder_are_refused(tmp_path, member):
    archive = tmp_path / "slip.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr(member, b"x")
    with pytest.raises(InputError, match="outside the folder"):
        open_delivery(archive)


def test_zip_links_bombs_and_damage_are_refused(tmp_path):
    archive = zipped(tmp_path)
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as opened:
        info = zipfile.ZipInfo("CIMETIERE.shp")
        info.external_attr = 0o120777 << 16
        opened.writestr(info, "/etc/passwd")
    with pytest.raises(InputError, match="is a link"):
        open_delivery(tmp_path / "link.zip")
    with pytest.raises(InputError, match="MB are allowed"):
        archives.checked_members(archive, [archives._Member("a.shp", 2 << 40, link=False)])
    data = bytearray(archive.read_bytes())
    data[60:90] = b"\0" * 30
    (tmp_path / "damaged.zip").write_bytes(data)
    with pytest.raises(InputError, match="cannot be unpacked"):
        open_delivery(tmp_path / "damaged.zip")
    (tmp_path / "cut.zip").write_bytes(archive.read_bytes()[:-40])
    with pytest.raises(InputError, match="cannot be unpacked"):
        open_delivery(tmp_path / "cut.zip")
    with zipfile.ZipFile(tmp_path / "empty.zip", "w") as opened:
        opened.writestr("a.txt", "x")
    with pytest.raises(InputError, match="holds no vector layers"):
        open_delivery(tmp_path / "empty.zip")


def test_a_zip_of_which_any_byte_is_another_is_one_sentence_or_unpacked(tmp_path):
    """Among them lengths of names, which leave members without one."""
    with zipfile.ZipFile(tmp_path / "whole.zip", "w") as opened:
        opened.writestr("A/CIMETIERE.shp", b"shp")
        opened.writestr("A/", b"")
    data, refused = (tmp_path / "whole.zip").read_bytes(), 0
    for place in range(len(data)):
        for value in {0, 1, 255, data[place] ^ 128} - {data[place]}:
            (tmp_path / "d.zip").write_bytes(data[:place] + bytes([value]) + data[place + 1:])
            try:
                archives.Unpacked(tmp_path / "d.zip")
            except InputError:
                refused += 1
    assert refused > len(data)


def sevenzipped(tmp_path: Path) -> Path:
    layer(tmp_path / "in" / V2 / "CIMETIERE.SHP", 2)
    archive = tmp_path / "BDTOPO_2-0_TOUSTHEMES_SHP_LAMB93_D057_2008-09-01.7z"
    with py7zr.SevenZipFile(archive, "w") as opened:
        opened.writeall(tmp_path / "in", "")
    return archive


def test_7z_whole_and_in_volumes(tmp_path):
    archive = sevenzipped(tmp_path)
    assert count(archive) == 2
    data = archive.read_bytes()
    half = len(data) // 2
    first = tmp_path / "v.7z.001"
    first.write_bytes(data[:half])
    (tmp_path / "v.7z.002").write_bytes(data[half:])
    assert count(first) == 2
    (tmp_path / "v.7z.003").write_bytes(b"")
    (tmp_path / "v.7z.002").unlink()
    with pytest.raises(InputError, match="a volume is missing"):
        open_delivery(first)
    archive.write_bytes(data[:half])
    with pytest.raises(InputError, match="cannot be unpacked"):
        open_delivery(archive)


def test_7z_without_its_extra_says_what_to_install(tmp_path, monkeypatch):
    import sys

    archive = sevenzipped(tmp_path)
    monkeypatch.setitem(sys.modules, "py7zr", None)
    with pytest.raises(MissingExtraError, match="archives"):
        open_delivery(archive)
