"""QGIS of the system, without a screen and with a profile of its own: what it opens, and the tools of its toolbox.

Without QGIS the tests are skipped, saying so; GEORETRIEVAL_QGIS=required (CI) makes that a failure.
GEORETRIEVAL_SCREENSHOTS names a folder that keeps the maps that were drawn.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

SYSTEM_PYTHON = "/usr/bin/python3"
"""That of QGIS, which does not know this project's."""
SCRIPTS = Path("share", "QGIS", "QGIS3", "profiles", "default", "processing", "scripts")
"""Below the folder of a QGIS: where its toolbox looks."""
OURS = ("PYTHON", "GDAL_", "PROJ_", "VIRTUAL_ENV", "OMP_")
"""What is set for this process; a user's QGIS has none of them."""
WAIT_S = 1800
"""What a busy machine is given."""


def missing(what: str) -> None:
    """Skip the test for want of this, or fail where CI promised it."""
    if os.environ.get("GEORETRIEVAL_QGIS") == "required":
        pytest.fail(f"GEORETRIEVAL_QGIS=required, but {what}")
    pytest.skip(what)


def environment_of(folder: Path) -> dict[str, str]:
    """The environment of a QGIS whose profile lies in `folder`; skips where there is no QGIS."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    room = folder / "room"
    room.mkdir(mode=0o700)
    own |= {"QT_QPA_PLATFORM": "offscreen", "XDG_RUNTIME_DIR": str(room), "XDG_DATA_HOME": str(folder / "share"),
            "PATH": "/usr/bin:/bin"}  # the Python inside QGIS takes its libraries from the first python3 there
    found = shutil.which("qgis_process", path=own["PATH"]) and Path(SYSTEM_PYTHON).exists() and subprocess.run(
        [SYSTEM_PYTHON, "-c", "import qgis.core"], env=own, capture_output=True, check=False).returncode == 0
    if not found:
        missing("QGIS is not installed (apt-get install --no-install-recommends qgis)")
    return own


def _told(script: str, asked: Mapping[str, Any], folder: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    """What a script of tests/made says when the Python of QGIS runs it."""
    about = folder / "asked.json"
    about.write_text(json.dumps({"pictures": str(folder), "size": [400, 300], **asked}))
    done = subprocess.run([SYSTEM_PYTHON, str(Path(__file__).with_name(script)), str(about)], env=environment,
                          capture_output=True, text=True, timeout=WAIT_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert told["errors"] == []
    return told


def _pixels(told: Mapping[str, Any], name: str) -> npt.NDArray[np.uint8]:
    """The map that was drawn, `(n, 3)` uint8; kept where somebody wants to look."""
    if kept := os.environ.get("GEORETRIEVAL_SCREENSHOTS"):
        Path(kept).mkdir(parents=True, exist_ok=True)
        shutil.copy(told["picture"], Path(kept) / f"qgis-{name}.png")
    return np.asarray(Image.open(told["picture"]).convert("RGB")).reshape(-1, 3)


def opened(
    files: Iterable[Path], folder: Path, environment: Mapping[str, str], name: str = "opened",
) -> tuple[dict[str, Any], npt.NDArray[np.uint8]]:
    """Layers by name, and the pixels of the map, of files that are dragged in."""
    told = _told("qgis_opening.py", {"files": [str(file) for file in files]}, folder, environment)
    layers = {layer["name"]: layer for file in told["files"] for layer in file["layers"]}
    assert all(layer["valid"] and layer["crs"] == "EPSG:2154" for layer in layers.values())
    return layers, _pixels(told, name)


def loaded(
    runs: Iterable[tuple[str, Mapping[str, Any]]], folder: Path, environment: Mapping[str, str], name: str = "loaded",
    under: Mapping[str, str] | None = None,
) -> tuple[list[dict[str, Any]], list[str], npt.NDArray[np.uint8]]:
    """Tools of the toolbox, run in a project that holds rasters by their names, one after the other.

    What they load, first on top; what each refused with, or ""; the map.
    """
    told = _told("qgis_running.py", {"runs": list(runs), "under": dict(under or {})}, folder, environment)
    return told["layers"], told["said"], _pixels(told, name)


def process(environment: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """`qgis_process`; Debian's wrapper passes an option that it does not know, so what is behind it where there is."""
    name = shutil.which("qgis_process.bin") or "qgis_process"
    return subprocess.run([name, *words], env=environment, capture_output=True, text=True, timeout=WAIT_S, check=False)
