"""What a block is made from, as one hash: the identity of a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from georetrieval.files import digest
from georetrieval.geo.blocks import Block
from georetrieval.geo.making import MAKER, Settings
from georetrieval.geo.sums import FileSum
from georetrieval.geo.survey_inputs import Inputs, inventory, sheet_sums, sheets_met, vector_sums
from georetrieval.progress import Progress, silent


@dataclass(frozen=True)
class Digests:
    """What blocks are made from.

    Attributes
    ----------
    blocks
        One hash for each block.
    files
        Each file that they are read from, with its size and SHA-256: the source inventory.
    """

    blocks: list[str]
    files: Mapping[Path, FileSum]


def block_digests(
    blocks: Sequence[Block], inputs: Inputs, bands: Sequence[str], settings: Settings, *, progress: Progress = silent
) -> Digests:
    """What each block is made from; the files are read for it, but those whose checksums are known already."""
    grid, survey = settings.grid, inputs.survey
    met = sheets_met(inputs.mosaic, [block.bounds(grid) for block in blocks])
    sums = inventory(inputs, {sheet.path for sheets in met for sheet in sheets}, progress=progress)
    vectors = [vector_sums(inputs, sums), survey.crs, survey.encoding, settings.legend.digest]
    common = [MAKER, grid.crs, grid.cell_m, list(grid.origin), settings.px, list(bands), vectors]
    return Digests([digest([common, block.cells, sheet_sums(sheets, sums)])
                    for block, sheets in zip(blocks, met, strict=True)], sums)
