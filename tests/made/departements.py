"""The smallest made-up départements that a recipe can run on: 36 cells of 500 m each, written in a second."""

from __future__ import annotations

TILES = """
tiles:
  cell_m: 500
  px: 32
  worlds:
    - {scope: "91", seed: 1, km: 3, gsd_m: 10.0, sheet_km: 3}
    - {scope: "92", seed: 2, km: 3, gsd_m: 10.0, sheet_km: 3}
"""
"""The tiles of a recipe, as YAML; further worlds may follow."""
