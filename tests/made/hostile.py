"""Hostile files of every kind that the program opens, and the command line that meets each.

`corpus(folder)` writes them below `folder/work` and answers name -> words of a command. Whatever they try to reach lies
in `folder/outside`, where nothing may be opened or made.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import shutil
import sqlite3
import stat
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import rasterio
from PIL import Image

from tests.made import tiny

BUILD = ["tiles", "build", "-o", "out", "--scope", "57", "--date", "2004", "--cell-m", "250", "--px", "64", "--photos"]
NET = "http://127.0.0.1:9/a.tif"
PNG = b"\x89PNG\r\n\x1a\n"
Cases = dict[str, list[str]]


def corpus(folder: Path) -> Cases:
    """Write everything; the command lines are to be run in `folder/work`."""
    outside, work = folder / "outside", folder / "work"
    outside.mkdir()
    work.mkdir()
    good = tiny.noise((3, 500, 500))
    tiny.write_raster(outside / "secret.tif", good)
    (outside / "secret.txt").write_text("2\n0\n0\n-2\n905000\n6931000\n")
    tiny.write_vectors(outside / "vectors")
    for path in (outside / "vectors").rglob("SURFACE_EAU.*"):
        shutil.copy(path, outside / f"secret{path.suffix.lower()}")
    Image.fromarray(tiny.noise((64, 64))).save(work / "good.png")
    cases: Cases = {}
    for some in (_texts, _sheets, _bombs, _names, _layers, _packages, _archives, _settings, _pictures, _models, _rows,
                 _lists):
        cases |= some(work, outside)
    return cases


def _texts(work: Path, outside: Path) -> Cases:
    """Formats that are texts or lead elsewhere, under the name of a picture or layer."""
    vrt = ('<VRTDataset rasterXSize="500" rasterYSize="500"><VRTRasterBand dataType="Byte" band="1"><SimpleSource>'
           "<SourceFilename>{}</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>")
    mrf = (f"<MRF_META><CachedSource><Source>{outside}/secret.tif</Source></CachedSource><Raster><Size x='512' y='512' "
           f"c='3'/><DataFile>{outside}/made.dat</DataFile><IndexFile>{outside}/made.idx</IndexFile></Raster></MRF_META>")
    texts = {
        "vrt": vrt.format(outside / "secret.tif"), "vrt-net": vrt.format("/vsicurl/" + NET), "mrf": mrf,
        "gti": f"<GDALTileIndexDataset><IndexDataset>{outside}/secret.shp</IndexDataset></GDALTileIndexDataset>",
        "wms": f'<GDAL_WMS><Service name="TMS"><ServerUrl>{NET}</ServerUrl></Service></GDAL_WMS>',
        "wmts": f"<GDAL_WMTS><GetCapabilitiesUrl>{NET}</GetCapabilitiesUrl></GDAL_WMTS>",
        "stac": json.dumps({"type": "FeatureCollection", "stac_version": "1.0.0", "features": [{"assets": {
            "a": {"href": "/vsicurl/" + NET}}}]}),
        "url": NET, "svg": f'<svg><image href="{NET}"/></svg>',
        "eps": "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"
        f"({outside}/made.txt) (w) file closefile\nshowpage\n", "pdf": "%PDF-1.4\n1 0 obj\n", "empty": "",
        "ogr-vrt": f'<OGRVRTDataSource><OGRVRTLayer name="ROUTE"><SrcDataSource>{outside}/secret.shp</SrcDataSource>'
        "</OGRVRTLayer></OGRVRTDataSource>",
        "gml": f'<!DOCTYPE a [<!ENTITY x SYSTEM "file://{outside}/secret.txt">]><a>&x;</a>',
    }
    cases: Cases = {}
    for number, (kind, text) in enumerate(texts.items()):
        for suffix in (".tif", (".jp2", ".png", ".jpg")[number % 3]):
            (work / f"{kind}{suffix}").write_text(text)
            cases[f"{kind}{suffix}"] = [*BUILD, f"{kind}{suffix}"]
    for kind in ("vrt", "ogr-vrt", "gti", "gml", "url", "stac"):
        for suffix in (".shp", ".gpkg"):
            (work / f"{kind}{suffix}").write_text(texts[kind])
            cases[f"{kind}{suffix}"] = ["inspect", f"{kind}{suffix}"]
    for kind in ("eps", "svg", "pdf", "vrt"):
        (work / f"look-{kind}.png").write_text(texts[kind])
        cases[f"picture {kind}"] = _compared(f"look-{kind}.png")
    return cases


def _sheets(work: Path, outside: Path) -> Cases:
    """Links, pipes and what lies beside a sheet."""
    good = tiny.noise((3, 500, 500))
    for name in ("linked", "ovr", "msk", "tfw", "pipe-tfw", "link-tfw", "pipe", "device", "loop"):
        (work / name).mkdir()
    for name in ("ovr", "msk", "tfw", "pipe-tfw", "link-tfw"):
        tiny.write_raster(work / name / "a.tif", good)
    (work / "linked" / "a.tif").symlink_to(outside / "secret.tif")
    vrt = (f'<VRTDataset rasterXSize="250" rasterYSize="250"><VRTRasterBand dataType="Byte" band="1"><SimpleSource>'
           f"<SourceFilename>{outside}/secret.tif</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>")
    (work / "ovr" / "a.tif.ovr").write_text(vrt)
    (work / "msk" / "a.tif.msk").write_text(vrt)
    (work / "tfw" / "a.tfw").write_bytes(bytes(2 << 20))
    os.mkfifo(work / "pipe-tfw" / "a.tfw")
    (work / "link-tfw" / "a.tfw").symlink_to(outside / "secret.txt")
    os.mkfifo(work / "pipe" / "a.tif")
    (work / "device" / "a.tif").symlink_to("/dev/zero")
    (work / "loop" / "a.tif").symlink_to(work / "loop" / "a.tif")
    os.mkfifo(work / "pipe.jp2")
    os.mkfifo(work / "pipe.png")
    return {f"sheets {name}": [*BUILD, name] for name in
            ("linked", "ovr", "msk", "tfw", "pipe-tfw", "link-tfw", "pipe", "device", "loop", "pipe.jp2")} | {
        "picture pipe": _compared("pipe.png"), "picture device": _compared("/dev/zero")}


def _bombs(work: Path, outside: Path) -> Cases:
    """A few bytes that declare what no memory holds."""
    del outside
    with rasterio.open(work / "sparse.tif", "w", driver="GTiff", width=200_000, height=200_000, count=3, dtype="uint8",
                       tiled=True, blockxsize=4096, blockysize=4096, sparse_ok=True, bigtiff="YES"):
        pass
    with rasterio.open(work / "bands.tif", "w", driver="GTiff", width=64, height=64, count=20_000, dtype="uint8",
                       sparse_ok=True):
        pass
    box = struct.pack(">I4sIIHBBBB", 22, b"ihdr", 60_000, 60_000, 3, 7, 7, 0, 0)
    (work / "box.jp2").write_bytes(
        b"\0\0\0\x0cjP  \r\n\x87\n" + struct.pack(">I4s", 8 + len(box), b"jp2h") + box + bytes(2000))
    siz = struct.pack(">HHHIIIIIIIIH", 0xFF51, 47, 0, 60_000, 60_000, 0, 0, 60_000, 60_000, 0, 0, 3) + b"\7\1\1" * 3
    (work / "stream.jp2").write_bytes(b"\xff\x4f" + siz + bytes(2000))
    for name, side in (("far.png", 60_000), ("near.png", 20_000)):
        rows = zlib.compress(bytes(side * (side + 1) // 8), 9) if side < 50_000 else b""
        head = _chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0))
        (work / name).write_bytes(PNG + head + _chunk(b"IDAT", rows) + _chunk(b"IEND", b""))
    head, note = _chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)), zlib.compress(bytes(32 << 20), 9)
    (work / "text.png").write_bytes(PNG + head + 20 * _chunk(b"zTXt", b"a\0\0" + note) + _chunk(b"IEND", b""))
    names = ("sparse.tif", "bands.tif", "box.jp2", "stream.jp2", "far.png", "near.png", "text.png")
    looked = ("sparse.tif", "far.png", "near.png", "text.png")
    return {f"bomb {name}": [*BUILD, name] for name in names} | {f"picture {name}": _compared(name) for name in looked}


def _names(work: Path, outside: Path) -> Cases:
    """What is no file but would be followed as a path."""
    (work / "box.zip!").mkdir()
    with zipfile.ZipFile(work / "box.zip", "w") as box:
        for path in outside.glob("secret.sh*"):
            box.write(path, f"ROUTE{path.suffix}")
    for path in outside.glob("secret.*"):
        if path.suffix in (".shp", ".shx", ".dbf"):
            shutil.copy(path, work / "box.zip!" / f"ROUTE{path.suffix}")
    tricks = [NET, "/vsicurl/" + NET, f"/vsizip/{work}/box.zip/ROUTE.shp", "zip://box.zip!ROUTE.shp", "/vsistdin/",
              f"GTIFF_DIR:1:{outside}/secret.tif", f"vrt://{outside}/secret.tif", "PG:host=127.0.0.1", "MVT:" + NET,
              f"<VRTDataset><SourceFilename>{outside}/secret.tif</SourceFilename></VRTDataset>", "x" * 5000]
    cases = {f"photos {trick[:24]}": [*BUILD, trick] for trick in tricks}
    cases |= {f"inspect {trick[:24]}": ["inspect", trick] for trick in tricks}
    cases |= {f"picture {trick[:24]}": _compared(trick) for trick in tricks[:4]}
    return cases | {"inspect a folder that ends in !": ["inspect", "box.zip!"]}


def _layers(work: Path, outside: Path) -> Cases:
    """Shapefiles with a part that is a pipe, a link, or says what it is not."""
    cases: Cases = {}
    for name in ("pipe-shp", "pipe-dbf", "pipe-prj", "pipe-sbn", "link-shp", "link-dbf", "many-rows",
                 "many-shapes", "no-dbf"):
        (work / name).mkdir()
        tiny.write_vectors(work / name)
        cases[f"layer {name}"] = [*BUILD, "layers.tif", "--vectors", name]
    tiny.write_raster(work / "layers.tif", tiny.noise((3, 500, 500)))

    def part(name: str, suffix: str, layer: str = "ROUTE") -> Path:
        return next(path for path in (work / name).rglob(f"{layer}.*") if path.suffix.lower() == suffix)

    for suffix in (".shp", ".dbf", ".prj"):
        path = part(f"pipe-{suffix[1:]}", suffix)
        path.unlink()
        os.mkfifo(path)
    os.mkfifo(part("pipe-sbn", ".shp").with_suffix(".sbn"))
    for suffix in (".shp", ".dbf"):
        path = part(f"link-{suffix[1:]}", suffix)
        path.unlink()
        path.symlink_to(outside / f"secret{suffix}")
    data = bytearray(part("many-rows", ".dbf").read_bytes())
    data[4:8] = b"\xff\xff\xff\xff"
    part("many-rows", ".dbf").write_bytes(data)
    data = bytearray(part("many-shapes", ".shx").read_bytes())
    part("many-shapes", ".shx").write_bytes(data + bytes(8) * 1_000_000)
    part("no-dbf", ".dbf").unlink()
    return cases


def _packages(work: Path, outside: Path) -> Cases:
    """GeoPackages whose tables stand for something else."""
    good = tiny.write_vectors(work / "for-packages")
    source = next(path for path in good.rglob("SURFACE_EAU.*") if path.suffix.lower() == ".shp")
    import pyogrio

    pyogrio.write_dataframe(pyogrio.read_dataframe(source), work / "plain.gpkg", layer="surface_hydrographique",
                            driver="GPKG")
    bad = {
        "virtual": f"CREATE VIRTUAL TABLE secret USING VirtualOGR('{outside}/secret.shp')",
        "virtual-net": f"CREATE VIRTUAL TABLE secret USING VirtualOGR('/vsicurl/{NET}')",
        "shape": f"CREATE VIRTUAL TABLE secret USING VirtualShape('{outside}/secret', UTF-8, 2154)",
        "geocode": "CREATE VIEW secret AS SELECT ogr_geocode('Metz') AS geom",
        "extension": f"CREATE VIEW secret AS SELECT load_extension('{outside}/made.so') AS geom",
    }
    cases: Cases = {}
    for name, sql in bad.items():
        shutil.copy(work / "plain.gpkg", work / f"{name}.gpkg")
        base = sqlite3.connect(work / f"{name}.gpkg")
        base.execute("PRAGMA writable_schema=ON")
        kind = "view" if "VIEW" in sql else "table"
        base.execute("INSERT INTO sqlite_master VALUES (?, 'secret', 'secret', 0, ?)", (kind, sql))
        base.execute("INSERT INTO gpkg_contents (table_name, data_type, srs_id) VALUES ('secret', 'features', 2154)")
        base.execute("INSERT INTO gpkg_geometry_columns VALUES ('secret', 'geom', 'GEOMETRY', 2154, 0, 0)")
        base.commit()
        base.close()
        cases[f"geopackage {name}"] = ["inspect", f"{name}.gpkg"]
    (work / "head.gpkg").write_bytes(b"SQLite format 3\0" + bytes(4080))
    (work / "turned.gpkg").symlink_to(outside / "secret.tif")
    return cases | {"geopackage head": ["inspect", "head.gpkg"], "geopackage link": ["inspect", "turned.gpkg"]}


def _archives(work: Path, outside: Path) -> Cases:
    names = {"slip": "../../outside/made.shp", "absolute": str(outside / "made.shp"), "drive": "C:\\made.shp",
             "backslash": "..\\..\\outside\\made.shp"}
    for kind, name in names.items():
        with zipfile.ZipFile(work / f"{kind}.zip", "w") as box:
            box.writestr(zipfile.ZipInfo(name), "x")
    link = zipfile.ZipInfo("ROUTE.shp")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(work / "link.zip", "w") as box:
        box.writestr(link, str(outside / "secret.shp"))
    _declared_zip(work / "declared.zip", (1 << 32) - 2, 40)
    _declared_zip(work / "liar.zip", 10, 1, real=64 << 20)
    with zipfile.ZipFile(work / "nested.zip", "w") as box:
        box.writestr("inner.zip", (work / "slip.zip").read_bytes())
    (work / "garbage.7z").write_bytes(b"7z\xbc\xaf\x27\x1c" + bytes(range(256)))
    (work / "tar.zip").write_bytes(bytes(257) + b"ustar" + bytes(300))
    os.mkfifo(work / "pipe.zip")
    kinds = (*(f"{kind}.zip" for kind in names), "link.zip", "declared.zip", "liar.zip", "nested.zip", "garbage.7z",
             "tar.zip", "pipe.zip")
    return {f"archive {name}": ["inspect", name] for name in kinds}


def _declared_zip(path: Path, size: int, members: int, real: int = 100) -> None:
    """A zip whose directory announces other sizes than its members have."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as box:
        for number in range(members):
            box.writestr(f"L{number}.shp", bytes(real))
    raw = bytearray(data.getvalue())
    at = raw.find(b"PK\x01\x02")
    while at >= 0:
        raw[at + 24:at + 28] = struct.pack("<I", size)
        at = raw.find(b"PK\x01\x02", at + 4)
    path.write_bytes(raw)


def _settings(work: Path, outside: Path) -> Cases:
    """YAML, JSON, SVG and CSV."""
    laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10))
    yamls = {
        "laughs": laughs + "name: *a9\nclasses: *a9\n", "object": "!!python/object/apply:os.system ['touch made']\n",
        "itself": "name: &a [*a]\nclasses: *a\n", "deep": "a: " + "[" * 3000 + "\n", "date": "name: 2004-99-99\n",
        "digits": "name: " + "9" * 6000 + "\n", "binary": "name: !!binary '~~'\n", "merge": "<<: 3\nname: x\n",
    }
    cases: Cases = {}
    tiny.write_vectors(work / "plain")
    for kind, text in yamls.items():
        (work / f"{kind}.yaml").write_text(text)
        cases |= {f"recipe {kind}": ["run", f"{kind}.yaml"],
                  f"legend {kind}": ["inspect", "plain", "--legend", f"{kind}.yaml"],
                  f"mapping {kind}": ["inspect", "plain", "--mapping", f"{kind}.yaml"]}
    (work / "huge.yaml").write_bytes(b"a" * (2 << 20))
    (work / "extends.yaml").write_text(f"extends: {outside}/secret.txt\n")
    (work / "extends-zero.yaml").write_text("extends: /dev/zero\n")
    (work / "extends-itself.yaml").write_text("extends: extends-itself.yaml\n")
    os.mkfifo(work / "pipe.yaml")
    for name in ("huge", "extends-zero", "extends-itself", "pipe"):
        cases[f"recipe {name}"] = ["run", f"{name}.yaml"]
    cases["legend pipe"] = ["inspect", "plain", "--legend", "pipe.yaml"]
    jsons = {"deep": "[" * 100_000, "digits": '{"scope": ' + "9" * 6000 + "}", "nul":
             '{"scope": "57", "surveys": [{"date": '
             '"2004", "photos": "a\\u0000b", "vectors": "c"}]}', "list": "[]", "zero": "\0" * 100,
             "net": json.dumps({"scope": "57", "surveys": [{"date": "2004", "photos": NET, "vectors": NET}]})}
    for kind, text in jsons.items():
        (work / f"w-{kind}").mkdir()
        (work / f"w-{kind}" / "world.json").write_text(text)
        (work / f"{kind}.json").write_text(text)
        cases |= {f"world {kind}": ["tiles", "build", "-o", "out-world", "--world", f"w-{kind}"],
                  f"boxes {kind}": ["detector", "train", f"{kind}.json", "-o", "out"]}
    return cases | _drawings(work, outside)


def _drawings(work: Path, outside: Path) -> Cases:
    entity = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    head = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">'
    drawings = {
        "laughs.svg": f'<!DOCTYPE svg [<!ENTITY a0 "x">{entity}]>{head}<text>&a9;</text></svg>',
        "outside.svg": f'<!DOCTYPE svg [<!ENTITY a SYSTEM "file://{outside}/secret.txt">]>{head}<text>&a;</text></svg>',
        "dtd.svg": f'<!DOCTYPE svg SYSTEM "{NET}">{head}</svg>', "deep.svg": head + "<g>" * 100_000,
        "large.svg": '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1e9 1e9"><rect width="9" height="9"/></svg>',
        "infinite.json": '{"imageHeight": Infinity, "imageWidth": 1, "shapes": [{"points": [[0,0],[1,1],[1,0]]}]}',
        "strange.json": '{"imageHeight": 9, "imageWidth": 9, "shapes": [3]}',
        "deep.geojson": '{"type": "FeatureCollection", "features": ' * 5000,
    }
    cases: Cases = {}
    for name, text in drawings.items():
        (work / "drawn").mkdir(exist_ok=True)
        (work / "drawn" / name).write_text(text)
        (work / "drawn" / f"{name}.csv").write_text(f"file,key,role\n{name},up,mask\n")
        cases[f"drawing {name}"] = ["index", "build", "./new", "--model", "hog", "--pictures", f"drawn/{name}.csv"]
    return cases


def _pictures(work: Path, outside: Path) -> Cases:
    """Lists of pictures."""
    lists = {"nul": b"file,key\na\0b.png,up\n", "long": b"file,key\n" + b"a" * 200_000 + b",up\n",
             "latin": b"file,key\n\xe9.png,up\n", "device": b"file,key\n/dev/zero,up\n",
             "net": f"file,key\n{NET},up\n".encode(),
             "text": f"file,key\n{outside.parent / 'work' / 'url.tif'},up\n".encode()}
    for kind, data in lists.items():
        (work / f"list-{kind}.csv").write_bytes(data)
    return {f"list {kind}": ["index", "build", "./new", "--model", "hog", "--pictures", f"list-{kind}.csv"]
            for kind in lists}


class _Runs:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (str(self.path), "w")


def _models(work: Path, outside: Path) -> Cases:
    """Weights that are pickles, zips, or lie about their length."""
    for name in ("pickle", "zipped", "length", "header"):
        (work / f"m-{name}").mkdir()
    runs = pickle.dumps({"state_dict": _Runs(outside / "made.txt")}, protocol=2)
    (work / "m-pickle" / "weights.safetensors").write_bytes(runs)
    with zipfile.ZipFile(work / "m-zipped" / "weights.safetensors", "w") as box:
        box.writestr("archive/data.pkl", runs)
        box.writestr("archive/version", "3")
    (work / "m-length" / "weights.safetensors").write_bytes(struct.pack("<Q", 1 << 60) + b"{}")
    (work / "m-header" / "weights.safetensors").write_bytes(struct.pack("<Q", 400) + (b"[" * 400))
    (work / "runs.pth").write_bytes(runs)
    shutil.copy(work / "m-zipped" / "weights.safetensors", work / "zipped.pth")
    (work / "ok.json").write_text(json.dumps({
        "images": [{"id": 1, "file_name": "good.png", "width": 64, "height": 64}],
        "annotations": [{"image_id": 1, "category_id": 1, "bbox": [1, 1, 20, 20]}],
        "categories": [{"id": 1, "name": "a"}]}))
    os.mkfifo(work / "pipe.pth")
    cases = {f"model {name}": ["compare", "good.png", "good.png", "--model", f"m-{name}", "--threshold", "1"]
             for name in ("pickle", "zipped", "length", "header")}
    for name in ("runs", "zipped", "pipe"):
        cases[f"weights {name}"] = ["detector", "train", "ok.json", "-o", "out", "--trunk", "resnet18", "--px", "64",
                                    "--weights", f"{name}.pth"]
        cases[f"convert {name}"] = ["weights", "convert", f"{name}.pth", "-o", "out.safetensors"]
    return cases


def _rows(work: Path, outside: Path) -> Cases:
    """Exports of an index that are something else."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"tile_id": pa.array(["a"] * 20_000_000).dictionary_encode()}), work / "rows.parquet",
                   compression="zstd")
    (work / "faiss.parquet").write_bytes(b"IxFI" + bytes(500))
    (work / "pickle.parquet").write_bytes(pickle.dumps(_Runs(outside / "made.txt")))
    (work / "npy.csv").write_text("tile_id\na\n")
    np.save(work / "npy.npy", np.array([_Holds()], object), allow_pickle=True)
    (work / "npy.json").write_text("{}")
    (work / "deep.csv").write_text("a\n")
    os.mkfifo(work / "pipe.parquet")
    (work / "half.csv").write_text("a\n")
    os.mkfifo(work / "half.json")
    names = ("rows.parquet", "faiss.parquet", "pickle.parquet", "npy.csv", "deep.csv", "pipe.parquet", "half.csv")
    return {f"import {name}": ["index", "import", "./new", name] for name in names}


def _lists(work: Path, outside: Path) -> Cases:  # noqa: ARG001
    """Lists of checksums that are none."""
    os.mkfifo(work / "pipe.sha256")
    (work / "binary.sha256").write_bytes(b"\0" * 5000)
    names = ("pipe.sha256", "binary.sha256", "/dev/zero")
    return {f"list of checksums {name}": [*BUILD, "good.png", "--sums", name] for name in names}


class _Holds:
    """Something that only a pickle holds."""


def _compared(name: str) -> list[str]:
    return ["compare", name, "good.png", "--model", "hog", "--threshold", "1"]


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))
