"""`--help` is there at once: neither torch nor GDAL nor pandas is loaded for it."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest

from georetrieval.cli.main import COMMANDS

HEAVY = ("torch", "timm", "torchvision", "faiss", "rasterio", "geopandas", "pandas", "pyarrow", "numpy", "matplotlib")
START_S = 0.3
"""Issue 2: `--help` without torch and under 0.3 s."""


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_loads_nothing_heavy(name: str) -> None:
    loaded = run(
        "import sys\nfrom georetrieval.cli.main import main\n"
        f"sys.argv = ['georetrieval', *{[name] if name else []!r}, '--help']\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert end.code == 0, end.code\n"
        f"print('HEAVY', [m for m in {HEAVY!r} if m in sys.modules])"
    )
    assert loaded.strip().endswith("HEAVY []")


def test_import_loads_nothing_heavy() -> None:
    assert run(f"import sys, georetrieval\nprint([m for m in {HEAVY!r} if m in sys.modules])").strip() == "[]"


def test_help_is_quick() -> None:
    """Processor time of the quickest of five starts, so that a busy machine does not decide."""
    spent = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run("import sys; sys.argv = ['georetrieval', '--help']\nfrom georetrieval.cli.main import main\n"
            "try:\n    main()\nexcept SystemExit: pass")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(spent) < START_S
