"""What starts without the seconds that torch takes."""

from __future__ import annotations

import subprocess
import sys

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


def test_a_tile_of_the_index_is_looked_up_without_torch(tmp_path):
    """No pixel has to be looked at."""
    IndexStore.build(tmp_path / "town", [part("a", 1), part("b", 2)], about(4))
    words = ["search", str(tmp_path / "town"), "a-001", "-k", "2", "--format", "csv"]
    done = subprocess.run([sys.executable, "-c", ASK, *words], capture_output=True, text=True, check=True)
    assert done.stdout.count("\n") == 3
    assert done.stderr.splitlines()[-1] == "[]"
