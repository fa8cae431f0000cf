"""What a made-up département is asked to be, and how strongly its two dates differ."""

from __future__ import annotations

from dataclasses import dataclass, field

from georetrieval.errors import UsageError

SHEET_FORMATS = ("jp2", "tif")
TEXT_ENCODINGS = ("mixed", "utf-8", "latin-1")
NEW_VECTORS = ("gpkg", "shp", "both")
LARGEST_KM = 60
SMALLEST_KM = 3


@dataclass(frozen=True)
class Strengths:
    """How much changes between the dates, and how differently the two editions see the same ground.

    Shares are between 0 and 1, lengths in metres. `*_gone` stands at the old date only, `*_built` at the new one.

    Attributes
    ----------
    photo_shift_m, vector_shift_m : root mean square length of the smooth local shifts of each date
    digitising_m : standard deviation of each object's own misplacement in a vector edition
    parcels_common : share of field limits seen at both dates; the others are seen at one of them
    tracks_missed, roads_missed, buildings_missed, water_missed, vegetation_missed : shares left out of an edition
        (of the vegetation only woods under 6 ha, hedges and orchards)
    patchy : 0 = omissions are spread evenly, 1 = they come in whole neighbourhoods
    boxed : share of buildings drawn as their bounding rectangle
    crop_contrast, row_contrast : how much field colours and rows stand out of the mean ground
    """

    houses_gone: float = 0.06
    houses_built: float = 0.12
    estates_built: float = 0.35
    woods_felled: float = 0.07
    woods_planted: float = 0.04
    hedges_gone: float = 0.45
    hedges_planted: float = 0.10
    parcels_common: float = 0.35
    meadows_kept: float = 0.5
    photo_shift_m: float = 2.3
    vector_shift_m: float = 2.0
    shift_wavelength_m: float = 2500.0
    digitising_m: float = 1.0
    roads_missed: float = 0.02
    tracks_missed: float = 0.10
    buildings_missed: float = 0.05
    water_missed: float = 0.08
    vegetation_missed: float = 0.15
    patchy: float = 0.5
    boxed: float = 0.35
    crop_contrast: float = 1.15
    row_contrast: float = 1.6


@dataclass(frozen=True)
class Wish:
    """One département to make: `km` x `km` of Lambert-93 from `origin_m`, at two dates.

    Raises
    ------
    UsageError
        When a value is outside its range.
    """

    km: int = 12
    seed: int = 1
    departement: str = "98"
    gsd_m: float = 2.0
    sheet_km: int = 5
    old: int = 2004
    new: int = 2019
    old_format: str = "jp2"
    new_format: str = "tif"
    new_vectors: str = "gpkg"
    encoding: str = "mixed"
    strengths: Strengths = field(default_factory=Strengths)

    def __post_init__(self) -> None:
        _between("km", self.km, SMALLEST_KM, LARGEST_KM)
        _between("gsd-m", self.gsd_m, 0.2, 10.0)
        _between("sheet-km", self.sheet_km, 1, 10)
        _between("seed", self.seed, 0, 10**9)
        if round(1000 / self.gsd_m) * self.gsd_m != 1000:
            raise UsageError(f"A kilometre is not a whole number of pixels of {self.gsd_m} m; choose 0.2, 0.5, 1 or 2.")
        if not (1900 <= self.old < self.new <= 2099):
            raise UsageError(f"The dates {self.old} and {self.new} must be two years between 1900 and 2099 in order.")
        if not (len(self.departement) == 2 and self.departement.isdigit()):
            raise UsageError(f"The département {self.departement!r} must be two digits, as IGN's file names have them.")
        _one_of("old-format", self.old_format, SHEET_FORMATS)
        _one_of("new-format", self.new_format, SHEET_FORMATS)
        _one_of("new-vectors", self.new_vectors, NEW_VECTORS)
        _one_of("encoding", self.encoding, TEXT_ENCODINGS)

    @property
    def size_m(self) -> float:
        """Side of the square in metres."""
        return self.km * 1000.0

    @property
    def origin_m(self) -> tuple[int, int]:
        """South-west corner in Lambert-93 metres, on 5 km lines; neighbouring seeds lie apart."""
        return (905 - 45 * (self.seed % 8)) * 1000, (6930 - 45 * (self.seed // 8 % 16)) * 1000

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """xmin, ymin, xmax, ymax in Lambert-93 metres."""
        x, y = self.origin_m
        return (x, y, x + self.size_m, y + self.size_m)


def _between(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise UsageError(f"--{name} is {value}, but must be between {low:g} and {high:g}.")


def _one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise UsageError(f"--{name} is {value!r}, but must be one of {', '.join(choices)}.")
