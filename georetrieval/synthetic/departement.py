"""A made-up département on disk: two BD TOPO editions, two flights of BD ORTHO, and a note of what is where."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from georetrieval.files import publish_json, publishing_folder
from georetrieval.progress import Progress, silent
from georetrieval.synthetic.bdtopo_v2 import write_bdtopo_v2
from georetrieval.synthetic.bdtopo_v3 import write_bdtopo_v3
from georetrieval.synthetic.capture import capture
from georetrieval.synthetic.chance import Drift, Floats, stream
from georetrieval.synthetic.landscape import Landscape, make_landscape
from georetrieval.synthetic.layer import Move
from georetrieval.synthetic.photo import Camera
from georetrieval.synthetic.sheets import resolution, write_sheets
from georetrieval.synthetic.sky import sky_of
from georetrieval.synthetic.strengths import Strengths, Wish
from georetrieval.synthetic.surfaces import surfaces_of

NOTE = "world.json"


def write_departement(
    out: Path, *, km: int = 12, seed: int = 1, departement: str = "98", gsd_m: float = 2.0, sheet_km: int = 5,
    old: int = 2004, new: int = 2019, old_format: str = "jp2", new_format: str = "tif", new_vectors: str = "gpkg",
    encoding: str = "mixed", strengths: Strengths | None = None, progress: Progress = silent,
) -> dict[str, Any]:
    """Write the folder `out`, which must not exist, and return what its world.json says.

    Parameters
    ----------
    km : side of the square in kilometres, 3 to 60
    departement : two digits; no real département has 98
    gsd_m : metres per pixel of the photographs (the real ones have 0.5)
    old_format, new_format : "jp2" or "tif"
    new_vectors : "gpkg", "shp" or "both"
    encoding : text of the old shapefiles: "utf-8", "latin-1", or "mixed" by theme; none has a .cpg

    Raises
    ------
    UsageError
        When a value is out of range.
    InputError
        When `out` exists.
    """
    wish = Wish(km, seed, departement, gsd_m, sheet_km, old, new, old_format, new_format, new_vectors, encoding,
                strengths or Strengths())
    with publishing_folder(out) as folder:
        progress(0, 0, "landscape")
        land = make_landscape(wish.seed, wish.size_m, wish.strengths)
        note = _note(wish)
        for date, survey in zip(("old", "new"), note["surveys"], strict=True):
            _write_vectors(folder, land, wish, date, survey)
            camera = camera_of(land, wish, date)
            form = wish.old_format if date == "old" else wish.new_format
            write_sheets(folder / survey["photos"], wish, int(survey["date"]), camera, form, progress)
        publish_json(folder / NOTE, note)
    return note


def camera_of(land: Landscape, wish: Wish, date: str) -> Camera:
    """The camera of one date ("old" or "new"), ready to render windows."""
    surfaces = surfaces_of(land, wish.seed, date, wish.gsd_m, wish.strengths, photo_move(wish, date))
    corner = (wish.bounds[0], wish.bounds[3])
    return Camera.of(surfaces, sky_of(wish.seed, date), wish.seed, date, wish.gsd_m, corner)


def photo_move(wish: Wish, date: str) -> Move:
    """From the square's own metres to where the photographs of `date` show the ground, in Lambert-93."""
    drift = Drift.of(stream(wish.seed, "photo drift", date), wish.strengths.photo_shift_m,
                     wish.strengths.shift_wavelength_m)
    return lambda points: drift(points) + wish.origin_m


def vector_move(wish: Wish, date: str) -> Move:
    """From the square's own metres to where the edition of `date` draws the ground: its photographs, displaced."""
    photo = photo_move(wish, date)
    drift = Drift.of(stream(wish.seed, "vector drift", date), wish.strengths.vector_shift_m,
                     wish.strengths.shift_wavelength_m)

    def move(points: Floats) -> Floats:
        return photo(points) + drift(points) - points

    return move


def _write_vectors(folder: Path, land: Landscape, wish: Wish, date: str, survey: dict[str, Any]) -> None:
    edition = capture(land, wish.seed, date, wish.strengths, vector_move(wish, date))
    if date == "old":
        write_bdtopo_v2(folder / survey["vectors"], edition, wish.seed, wish.encoding, f"{wish.old + 4}-09-15")
        return
    for form in ("gpkg", "shp"):
        if wish.new_vectors in (form, "both"):
            place = Path(_v3_folder(wish, form.upper()))
            write_bdtopo_v3(folder / place, place.name, edition, wish.seed, form, f"{wish.new}-03-19")


def _note(wish: Wish) -> dict[str, Any]:
    old = {"date": str(wish.old), "photos": _photo_folder(wish, wish.old, wish.old_format), "vectors": _v2_folder(wish)}
    form = "SHP" if wish.new_vectors == "shp" else "GPKG"
    new = {"date": str(wish.new), "photos": _photo_folder(wish, wish.new, wish.new_format),
           "vectors": _v3_folder(wish, form)}
    if wish.new_vectors == "both":
        new["vectors_shp"] = _v3_folder(wish, "SHP")
    return {"scope": wish.departement, "crs": "EPSG:2154", "bounds": list(wish.bounds), "surveys": [old, new],
            **{key: value for key, value in asdict(wish).items() if key not in ("departement", "old", "new")}}


def _photo_folder(wish: Wish, year: int, form: str) -> str:
    product = f"RVB_{resolution(wish.gsd_m)}_{form.upper()}-E080_LAMB93"
    return (f"BDORTHO_2-0_{product.replace('RVB_', 'RVB-')}_D0{wish.departement}_{year}-01-01/BDORTHO/"
            f"1_DONNEES_LIVRAISON_{year + 1}-02-00008/BDO_{product}_D{wish.departement}-{year}")


def _v2_folder(wish: Wish) -> str:
    year = wish.old + 4
    return (f"BDTOPO_2-0_TOUSTHEMES_SHP_LAMB93_D0{wish.departement}_{year}-09-15/BDTOPO/"
            f"1_DONNEES_LIVRAISON_{year}-09-00227/BDT_2-0_SHP_LAMB93_D0{wish.departement}-ED{year % 100:02d}3")


def _v3_folder(wish: Wish, form: str) -> str:
    edition = f"{wish.new}-03-19"
    return (f"BDTOPO_3-0_TOUSTHEMES_{form}_LAMB93_D0{wish.departement}_{edition}/BDTOPO/"
            f"1_DONNEES_LIVRAISON_{wish.new}-03-00260/BDT_3-0_{form}_LAMB93_D0{wish.departement}-ED{edition}")
