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


@pytest.mark.parametrize(("words", "told"), [
    (["search", "{}", "a-001", "-k", "2", "--format", "csv"], "a-001,1,"),
    (["serve", "{}", "--check"], "index_version"),
    (["index", "export", "{}", "-o", "{}.geojson"], "12 rows written"),
])
def test_without_torch(words, told, tmp_path):
    """A tile of the index is looked up; the explorer shows the tiles of an index; rows are exported."""
    IndexStore.build(tmp_path / "town", [part("a", 1), part("b", 2)], about(4))
    asked = [word.format(tmp_path / "town") for word in words]
    done = subprocess.run([sys.executable, "-c", ASK, *asked], capture_output=True, text=True, check=True)
    assert told in done.stdout + done.stderr
    assert done.stderr.splitlines()[-1] == "[]"
