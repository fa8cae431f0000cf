"""What starts without the seconds that torch takes: no pixel has to be looked at."""

from __future__ import annotations

import subprocess
import sys

import pytest

from georetrieval.search.store import IndexStore
from tests.made.rows import about, part

ASK = """
import sys
from georetrieval.cli.main import main
try:
    main(sys.argv[1:])
finally:
    print(sorted({"torch", "timm", "torchvision"} & sys.modules.keys()), file=sys.stderr)
"""


@pytest.mark.parametrize("words", [
    ["search", "{}", "a-001", "-k", "2", "--format", "csv"], ["serve", "{}", "--check"],
    ["index", "export", "{}", "-o", "{}.geojson"],
])
def test_without_torch(words, tmp_path):
    """A tile of the index is looked up; the explorer shows the tiles of an index; rows are exported."""
    IndexStore.build(tmp_path / "town", [part("a", 1), part("b", 2)], about(4))
    asked = [word.format(tmp_path / "town") for word in words]
    done = subprocess.run([sys.executable, "-c", ASK, *asked], capture_output=True, text=True, check=True)
    assert "a-001" in done.stdout or "tiles" in done.stdout or "12 rows written" in done.stderr
    assert done.stderr.splitlines()[-1] == "[]"
