"""What a block is made from, as one hash: the identity of a task."""

from __future__ import annotations

from collections.abc import Sequence

from georetrieval.files import digest
from georetrieval.geo.blocks import Block
from georetrieval.geo.making import MAKER, Settings
from georetrieval.geo.survey_inputs import Inputs, inventory, sheet_sums, sheets_met, vector_sums
from georetrieval.progress import Progress, silent


def block_digests(
    blocks: Sequence[Block], inputs: Inputs, bands: Sequence[str], settings: Settings, *, progress: Progress = silent
) -> list[str]:
    """What each block is made from, as one hash each; the files are read for it."""
    grid, survey = settings.grid, inputs.survey
    met = sheets_met(inputs.mosaic, [block.bounds(grid) for block in blocks])
    sums = inventory(inputs, {sheet.path for sheets in met for sheet in sheets}, progress=progress)
    vectors = [vector_sums(inputs, sums), survey.crs, survey.encoding, settings.legend.digest]
    common = [MAKER, grid.crs, grid.cell_m, list(grid.origin), settings.px, list(bands), vectors]
    return [digest([common, block.cells, sheet_sums(sheets, sums)])
            for block, sheets in zip(blocks, met, strict=True)]
