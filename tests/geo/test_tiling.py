"""From files to tiles: places, pixels, blank tiles, resume, gaps, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import rasterio
import shapely

from georetrieval.errors import BusyError, GapsError, InputError, MismatchError, UsageError
from georetrieval.files import sha256_file
from georetrieval.geo import block_digests, making, planning, tiling
from georetrieval.geo.grid import TileGrid
from georetrieval.geo.legend import Legend
from georetrieval.geo.tile import Survey
from georetrieval.geo.tileset import TileSet
from georetrieval.geo.tiling import build_tiles, plan_tiles
from georetrieval.tasks.running import Hands
from tests.made import tiny

LEGEND = Legend.load("bdtopo12")
GRID = TileGrid(tiny.CRS, 250)
WEST, SOUTH, EAST, NORTH = tiny.BOUNDS


def build(out: Path, *surveys: Survey, **changed: Any) -> TileSet:
    return build_tiles(surveys, out, **{"grid": GRID, "px": 125, "legend": LEGEND, **changed})


def tiny_survey(folder: Path, date: str = "2004", seed: int = 0) -> Survey:
    photo, vectors = tiny.write_survey(folder / date, seed=seed)
    return Survey("57", date, photo, vectors)


def four_sheets(folder: Path) -> Path:
    pixels = tiny.noise((3, 500, 500))
    for col in (0, 1):
        for row in (0, 1):
            part = pixels[:, row * 250:row * 250 + 250, col * 250:col * 250 + 250]
            west, north = WEST + col * 500, NORTH - row * 500
            tiny.write_raster(folder / f"{row}{col}.tif", part, (west, north - 500, west + 500, north))
    return folder


def files_of(out: Path) -> dict[str, str]:
    files = [p for p in sorted(out.rglob("*")) if p.is_file() and p.name != ".lock"]
    return {str(p.relative_to(out)): sha256_file(p) for p in files}


def test_a_square_kilometre(tmp_path: Path) -> None:
    tiles = build(tmp_path / "out", tiny_survey(tmp_path))
    rows = tiles.catalogue
    assert len(rows) == 16
    assert tiles.bands == tiles.bands_of("57", "2004") == ("r", "g", "b", "classes")
    assert rows["valid"].all()
    assert (rows["photo_share"] == 1).all()
    assert rows["tile_id"].str.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}").all()
    assert rows.loc[0, "tile_id"] == "57-2004-E0905000N6930000-250"
    assert rows.loc[0, "key"] == "57-E0905000N6930000"
    area = rows[[name for name in rows if name.startswith("share_")]].sum() * 250 * 250
    for name, metres in {"building": 100 * 100, "water": 300 * 300, "vegetation": 480 * 480, "road": 1000 * 20}.items():
        assert area[f"share_{name}"] == pytest.approx(metres, rel=1e-6)
    assert area.sum() == pytest.approx(100 * 100 + 300 * 300 + 480 * 480 + 1000 * 20)
    tiles.verify()


def test_pixels_are_those_of_the_photo_at_the_place_of_the_catalogue(tmp_path: Path) -> None:
    survey = tiny_survey(tmp_path)
    tiles = build(tmp_path / "out", survey)
    with rasterio.open(survey.photos) as dataset:
        photo = dataset.read()
    pack = tiles.pixels("57", "2004")
    assert pack.shape == (16, 4, 125, 125)
    for place, row in tiles.catalogue.iterrows():
        col, line = int(row.xmin - WEST) // 2, int(NORTH - row.ymax) // 2
        assert (pack[place, :3] == photo[:, line:line + 125, col:col + 125]).all()
        counts = np.bincount(pack[place, 3].ravel(), minlength=13)[1:] / 125**2
        assert np.allclose(counts, [row[f"share_{key}"] for key in LEGEND.keys()])  # noqa: SIM118
        assert (tiles.tile(row.tile_id).pixels == pack[place]).all()


def test_the_sheets_lie_on_the_ground(tmp_path: Path) -> None:
    tiles = build(tmp_path / "out", tiny_survey(tmp_path))
    for kind in ("photo", "classes"):
        (sheet,) = (tiles.path / "57-2004" / kind).glob("*.tif")
        with rasterio.open(sheet) as dataset:
            assert tuple(dataset.bounds) == tiny.BOUNDS
            assert dataset.crs.to_epsg() == 2154


def test_the_catalogue_is_geoparquet(tmp_path: Path) -> None:
    tiles = build(tmp_path / "out", tiny_survey(tmp_path))
    table = pq.read_table(tiles.path / "catalogue.parquet")
    geo = json.loads(table.schema.metadata[b"geo"])
    assert geo["primary_column"] == "geometry"
    assert geo["columns"]["geometry"]["encoding"] == "WKB"
    assert geo["columns"]["geometry"]["crs"]["id"] == {"authority": "EPSG", "code": 2154}
    shapes = shapely.from_wkb(table["geometry"].to_numpy())
    assert shapely.union_all(shapes).equals(shapely.box(*tiny.BOUNDS))


def test_a_second_date_is_added_and_shares_its_keys(tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = build(out, tiny_survey(tmp_path)).digest
    before = files_of(out / "57-2004")
    both = build(out, tiny_survey(tmp_path, "2019", 1))
    assert files_of(out / "57-2004") == before
    assert both.digest != first
    assert [(s["scope"], s["date"]) for s in both.surveys] == [("57", "2004"), ("57", "2019")]
    keys = both.catalogue.groupby("date")["key"].apply(list)
    assert keys["2004"] == keys["2019"]
    assert both.catalogue["tile_id"].is_unique


def test_photos_alone_and_vectors_alone(tmp_path: Path) -> None:
    survey = tiny_survey(tmp_path)
    photos = build(tmp_path / "photos", Survey("57", "2004", photos=survey.photos))
    assert photos.bands == ("r", "g", "b")
    assert photos.catalogue["share_road"].isna().all()
    vectors = build(tmp_path / "vectors", Survey("57", "2004", vectors=survey.vectors))
    assert vectors.bands == ("classes",)
    assert len(vectors.catalogue) == 6 * 4  # the road's ends reach 10 m into the cells beside the square
    empty = vectors.catalogue.set_index("key").loc["57-E0905750N6930000"]
    assert not empty["valid"]


def test_dates_may_hold_other_bands(tmp_path: Path) -> None:
    grey = tiny.write_raster(tmp_path / "grey.tif", tiny.noise((1, 500, 500)))
    tiles = build(tmp_path / "out", tiny_survey(tmp_path), Survey("57", "1976", photos=grey))
    assert tiles.bands == ("r", "g", "b", "grey", "classes")
    assert tiles.bands_of("57", "1976") == ("grey",)
    assert tiles.pixels("57", "1976").shape == (16, 1, 125, 125)


def test_blank_tiles_are_flagged(tmp_path: Path) -> None:
    pixels = tiny.noise((1, 500, 500))
    pixels[0, :125, :125] = 255          # white corner: no photo
    pixels[0, :125, 125:200] = 255       # six tenths of the next one
    pixels[0, 250:375, 250:375] = 90     # constant, away from the border
    path = tiny.write_raster(tmp_path / "p.tif", pixels)
    rows = build(tmp_path / "out", Survey("57", "2004", photos=path)).catalogue.set_index("key")
    assert sorted(rows.index[~rows["valid"]]) == ["57-E0905000N6930750", "57-E0905250N6930750", "57-E0905500N6930250"]
    assert rows.loc["57-E0905000N6930750", "photo_share"] == 0
    assert rows.loc["57-E0905250N6930750", "photo_share"] == 7 / 16  # 50 of 125 columns: 6.4 squares
    lax = build(tmp_path / "out", Survey("57", "2004", photos=path), min_photo_share=0.3).catalogue
    assert (~lax["valid"]).sum() == 2


@pytest.mark.parametrize(("height", "bounds", "top"), [(300, None, 0), (300, (0.0, 0.0, 500.0, 300.0), 300)])
def test_a_plain_picture_is_tiled_from_its_top_left_corner(
    tmp_path: Path, height: int, bounds: Any, top: int
) -> None:
    pixels = tiny.noise((1, height, 500))
    path = tiny.write_raster(tmp_path / "1961.png", pixels, crs="", driver="PNG", bounds=(0, 0, 1, 1))
    for side in tmp_path.glob("*.aux.xml"):
        side.unlink()
    grid = TileGrid.frame(128, top=top)
    survey = Survey("town", "1961", path, bounds=bounds)
    tiles = build(tmp_path / "out", survey, grid=grid, px=128, min_photo_share=0.97)
    assert tiles.grid == grid
    rows = tiles.catalogue
    assert len(rows) == 3 * 4
    whole = rows[rows["valid"]]
    assert len(whole) == 2 * 3
    pack = tiles.pixels("town", "1961")
    for place, row in whole.iterrows():
        line, col = int(top - row.ymax), int(row.xmin)
        assert (pack[place, 0] == pixels[0, line:line + 128, col:col + 128]).all()


def test_an_interrupted_build_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = tiny.write_vectors(tmp_path / "vectors")
    survey = Survey("57", "2004", four_sheets(tmp_path / "sheets"), vectors)
    reference = files_of(build(tmp_path / "reference", survey).path)
    made: list[str] = []
    make = tiling.make

    def counted(block: Any, *others: Any) -> Any:
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append(GRID.name(block.cells[0]))
        return make(block, *others)

    monkeypatch.setattr(tiling, "make", counted)
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        build(out, survey)
    assert len(list((out / "57-2004" / "records").iterdir())) == 2
    monkeypatch.setattr(tiling, "make", lambda block, *o: made.append(GRID.name(block.cells[0])) or make(block, *o))
    build(out, survey)
    assert len(made) == len(set(made)) == 4
    assert files_of(out) == reference
    build(out, survey)
    assert len(made) == 4


def test_a_sheet_is_made_again_when_its_inputs_or_its_files_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sheets = four_sheets(tmp_path / "sheets")
    out, survey = tmp_path / "out", Survey("57", "2004", sheets)
    build(out, survey)
    reference = files_of(out)
    made: list[str] = []
    make = tiling.make
    monkeypatch.setattr(tiling, "make", lambda block, *o: made.append(GRID.name(block.cells[0])) or make(block, *o))
    path = out / "57-2004" / "photo" / "E0905000N6930000.tif"
    path.write_bytes(path.read_bytes()[:-1])
    build(out, survey)
    assert made == ["E0905000N6930000"]
    assert files_of(out) == reference
    tiny.write_raster(sheets / "00.tif", tiny.noise((3, 250, 250), 9), (WEST, SOUTH + 500, WEST + 500, NORTH))
    changed = build(out, survey)
    assert made == ["E0905000N6930000", "E0905000N6930500"]
    changed.verify()
    (sheets / "11.tif").unlink()
    assert len(build(out, survey).catalogue) == 12
    assert not (out / "57-2004" / "photo" / "E0905500N6930000.tif").exists()


def test_several_workers_make_the_same_files(tmp_path: Path) -> None:
    survey = Survey("57", "2004", four_sheets(tmp_path / "sheets"))
    assert files_of(build(tmp_path / "one", survey).path) == files_of(build(tmp_path / "two", survey, workers=3).path)


def test_cells_across_two_sheets_are_made_once(tmp_path: Path) -> None:
    pixels = tiny.noise((1, 500, 500))
    tiny.write_raster(tmp_path / "s" / "a.tif", pixels[:, :, :180], (WEST, SOUTH, WEST + 360, NORTH))
    tiny.write_raster(tmp_path / "s" / "b.tif", pixels[:, :, 180:], (WEST + 360, SOUTH, EAST, NORTH))
    tiles = build(tmp_path / "out", Survey("57", "2004", tmp_path / "s"))
    assert len(tiles.catalogue) == 16
    assert (tiles.catalogue["photo_share"] == 1).all()
    (place,) = np.flatnonzero(tiles.catalogue["key"] == "57-E0905250N6930000")
    assert (tiles.pixels("57", "2004")[place, 0] == pixels[0, 375:, 125:250]).all()


def test_damaged_sheets_are_gaps_and_the_rest_is_done(tmp_path: Path) -> None:
    sheets = four_sheets(tmp_path / "sheets")
    whole = (sheets / "01.tif").read_bytes()
    (sheets / "01.tif").write_bytes(whole[:60_000])
    (sheets / "10.tif").write_bytes(b"")
    out, survey = tmp_path / "out", Survey("57", "2004", sheets)
    with pytest.raises(GapsError, match="2 damaged sheets") as caught:
        build(out, survey)
    assert "01.tif" in str(caught.value)
    assert "10.tif" in str(caught.value)
    tiles = TileSet.open(out)
    assert len(tiles.catalogue) == 8
    assert len(tiles.surveys[0]["gaps"]) == 2
    (sheets / "01.tif").write_bytes(whole)
    (sheets / "10.tif").unlink()
    assert len(build(out, survey).catalogue) == 12


def test_a_sheet_that_cannot_be_written_is_no_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise BusyError("The disk is full.")

    def forbidden(*_: Any) -> None:
        raise InputError("may not be written")

    survey = tiny_survey(tmp_path)
    for write, error in ((full, BusyError), (forbidden, InputError)):
        monkeypatch.setattr(making, "write_classes", write)
        with pytest.raises(error):
            build(tmp_path / "out", survey)
        assert not (tmp_path / "out" / "tiles.json").exists()


def test_photos_and_vectors_apart(tmp_path: Path) -> None:
    photo = tiny.write_raster(tmp_path / "p.tif", tiny.noise((3, 500, 500)))
    vectors = tiny.write_vectors(tmp_path / "v", east=50_000)
    with pytest.raises(InputError) as caught:
        build(tmp_path / "out", Survey("57", "2004", photo, vectors))
    assert "905000 to 906000" in str(caught.value)
    assert "954990 to 956010" in str(caught.value)


def test_photos_in_another_crs(tmp_path: Path) -> None:
    photo = tiny.write_raster(tmp_path / "p.tif", tiny.noise((3, 500, 500)), crs="EPSG:27572")
    with pytest.raises(InputError, match="EPSG:27572.*EPSG:2154"):
        build(tmp_path / "out", Survey("57", "2004", photo))


def test_a_photo_that_does_not_say_where_it_lies(tmp_path: Path) -> None:
    path = tiny.write_raster(tmp_path / "p.png", tiny.noise((1, 50, 50)), crs="", driver="PNG")
    path.with_name("p.png.aux.xml").unlink(missing_ok=True)
    for side in tmp_path.glob("*.wld"):
        side.unlink()
    with pytest.raises(InputError, match="--bounds"):
        build(tmp_path / "out", Survey("57", "2004", path))
    tiles = build(tmp_path / "out", Survey("57", "2004", path, bounds=tiny.BOUNDS))
    assert len(tiles.catalogue) == 16


@pytest.mark.parametrize(("changed", "said"), [
    ({"px": 0}, "1 to 4096"), ({"workers": 0}, "one worker"), ({"min_photo_share": 2.0}, "0 to 1"),
    ({"grid": TileGrid("EPSG:4326", 250)}, "metres"),
])
def test_questions_that_make_no_sense(tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        build(tmp_path / "out", Survey("57", "2004", photos=tmp_path / "p.tif"), **changed)
    assert not (tmp_path / "out").exists()


def test_surveys_that_make_no_sense(tmp_path: Path) -> None:
    survey = Survey("57", "2004", photos=tmp_path / "p.tif")
    with pytest.raises(UsageError, match="named twice"):
        build(tmp_path / "out", survey, survey)
    with pytest.raises(UsageError, match="no survey"):
        build(tmp_path / "out")
    with pytest.raises(UsageError, match="neither photos nor vectors"):
        Survey("57", "2004")
    for scope, date in (("5/7", "2004"), ("57", "04"), ("", "2004"), ("..", "2004")):
        with pytest.raises(UsageError):
            Survey(scope, date, photos=tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        build(tmp_path / "out", survey)


def test_another_grid_needs_another_folder(tmp_path: Path) -> None:
    survey = tiny_survey(tmp_path)
    out = tmp_path / "out"
    build(out, survey)
    before = files_of(out)
    for changed in ({"px": 64}, {"grid": TileGrid(tiny.CRS, 500)}):
        with pytest.raises(MismatchError, match="choose another output folder"):
            build(out, survey, **changed)
    assert files_of(out) == before


def test_a_plain_frame_holds_no_vectors(tmp_path: Path) -> None:
    survey = tiny_survey(tmp_path)
    with pytest.raises(UsageError, match="--crs"):
        build(tmp_path / "out", Survey("57", "2004", vectors=survey.vectors), grid=TileGrid("", 256))


def test_a_disk_without_room_is_not_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "free_bytes", lambda _: 1000)
    with pytest.raises(BusyError, match="free some space"):
        build(tmp_path / "out", tiny_survey(tmp_path))
    assert not (tmp_path / "out").exists()


def test_a_plan_says_what_a_build_does_and_writes_nothing(tmp_path: Path) -> None:
    survey = Survey("57", "2004", four_sheets(tmp_path / "sheets"), tiny.write_vectors(tmp_path / "v"))
    plan = plan_tiles([survey], tmp_path / "out", grid=GRID, px=125, legend=LEGEND)
    assert not (tmp_path / "out").exists()
    assert (plan.tiles, plan.sheets) == (16, 4)
    assert plan.surveys[0]["objects"] == 4
    out = build(tmp_path / "out", survey).path
    held = sum(p.stat().st_size for p in out.rglob("*") if p.is_file())
    assert 0.4 * held < plan.disk_bytes < 1.5 * held
    assert plan.seconds > 0


def test_records_of_an_older_maker_are_not_reused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    survey = Survey("57", "2004", four_sheets(tmp_path / "sheets"))
    build(tmp_path / "out", survey)
    made: list[int] = []
    make = tiling.make
    monkeypatch.setattr(tiling, "make", lambda *o: made.append(1) or make(*o))
    monkeypatch.setattr(block_digests, "MAKER", making.MAKER + 1)
    build(tmp_path / "out", survey)
    assert len(made) == 4


def test_shares_and_rows_have_plain_types(tmp_path: Path) -> None:
    rows = build(tmp_path / "out", tiny_survey(tmp_path)).catalogue
    assert rows["valid"].dtype == bool
    assert pd.api.types.is_integer_dtype(rows["col"])
    assert rows["share_road"].dtype == np.float32


def test_processes_make_the_files_that_threads_make(tmp_path):
    """Four sheets, one of them damaged: the same tile set and the same complaint."""
    survey, settings = tiny.sheets(tmp_path / "in")
    bad = sorted(survey.photos.iterdir())[1]
    bad.write_bytes(bad.read_bytes()[:200_000])
    said = []
    for name, hands in (("threads", None), ("one", Hands()), ("two", Hands(jobs=2))):
        with pytest.raises(GapsError, match=bad.name) as error:
            build_tiles([survey], tmp_path / name, grid=settings.grid, px=settings.px, legend=settings.legend,
                        hands=hands)
        said.append(str(error.value))
    assert said[0] == said[1] == said[2]
    assert len(TileSet.open(tmp_path / "two").catalogue) == 48
    assert tiny.files_of(tmp_path / "two") == tiny.files_of(tmp_path / "one") == tiny.files_of(tmp_path / "threads")


def test_an_overview_beside_a_sheet_is_one_of_its_inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GDAL reads it in place of the sheet: it was not noticed when one came, changed or went."""
    survey = Survey("57", "2004", four_sheets(tmp_path / "sheets"))
    build(tmp_path / "out", survey)
    sheet = sorted((tmp_path / "sheets").iterdir())[0]
    with rasterio.open(sheet) as dataset:
        half = dataset.read()[:, ::2, ::2]
    tiny.write_raster(sheet.with_name(f"{sheet.name}.ovr"), half)
    made: list[int] = []
    make = tiling.make
    monkeypatch.setattr(tiling, "make", lambda *o: made.append(1) or make(*o))
    held = build(tmp_path / "out", survey)
    assert len(made) == 1
    assert [one["name"] for one in held.surveys[0]["files"]] == sorted(p.name for p in sheet.parent.iterdir())
