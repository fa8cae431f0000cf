"""Every notebook runs from top to bottom in a kernel of its own, in an empty folder; every result draws itself.

`pytest --nbmake notebooks` runs them too; here the outputs are looked at as well.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
NAMES = ["01_tiles_and_legend", "02_what_the_descriptor_sees", "03_exploring_retrieval_failures",
         "04_masks_animals_pairs"]
LEAST_FIGURES = {"01": 3, "02": 3, "03": 6, "04": 3}
"""Pictures that a reader sees, those that results draw themselves included."""
BARE = re.compile(r"<[\w.]+ object at 0x")
LIMIT_S = 280


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]


def cells(path: Path, kind: str) -> list[str]:
    return [cell["source"] for cell in read(path)["cells"] if cell["cell_type"] == kind]


def undrawn(output: Any) -> str:
    """The text of an output that shows a value of ours by its address, or a whole dataclass, where HTML is wanted."""
    data = output.get("data", {})
    if set(data) & {"text/html", "image/png"}:
        return ""
    text = str(data.get("text/plain", output.get("text", "")))
    return text if BARE.search(text) or re.match(r"[A-Z]\w+\(\w+=", text) else ""


def pictures(outputs: list[Any]) -> int:
    return sum("image/png" in output.get("data", {}) or "data:image/png" in output.get("data", {}).get("text/html", "")
               for output in outputs)


def test_the_notebooks_are_there() -> None:
    assert [path.stem for path in NOTEBOOKS] == NAMES


@pytest.mark.notebook
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_it_runs_and_every_result_draws_itself(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    notebook = read(path)
    NotebookClient(notebook, timeout=LIMIT_S, kernel_name="python3",
                   resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook["cells"] if cell["cell_type"] == "code" for output in cell["outputs"]]
    assert [text for text in map(undrawn, outputs) if text] == []
    assert not [output["text"] for output in outputs if output.get("name") == "stderr"]
    assert pictures(outputs) >= LEAST_FIGURES[path.stem[:2]]


def test_what_does_not_draw_itself_is_found() -> None:
    assert undrawn({"data": {"text/plain": "<georetrieval.search.gallery.Gallery object at 0x7f01>"}})
    assert undrawn({"data": {"text/plain": "Matches(scores=array([[1.]]))"}})
    assert not undrawn({"data": {"text/plain": "Matches(scores=...)", "text/html": "<b>Matches</b>"}})
    assert not undrawn({"data": {"text/plain": "[('2004', 1)]"}})


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_it_asks_a_question_and_keeps_no_outputs(path: Path) -> None:
    """Outputs are made when it runs; kept ones would grow old and hold paths of somebody's machine."""
    assert "?" in cells(path, "markdown")[0]
    assert all(not cell.get("outputs") for cell in read(path)["cells"])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_it_is_short_and_its_links_lead_somewhere(path: Path) -> None:
    code = cells(path, "code")
    assert sum(len(source.splitlines()) for source in code) <= 230
    assert all(ast.parse(source) for source in code)
    for link in re.findall(r"\]\(([^)]+)\)", "\n".join(cells(path, "markdown"))):
        assert (path.parent / link).exists(), link
