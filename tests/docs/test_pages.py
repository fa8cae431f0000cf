"""The pages of docs/ do what they say, as README.md does (`test_readme`).

- Commands of every page are parsed by the real command line, Python blocks compile, links lead to files.
- Blocks right under `<!-- executed -->` are run, page after page in the order of `PAGES`, in one folder: what one page
  makes, the next ones use.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest
import rich_click as click

from georetrieval.cli.main import main

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = ["index-a-departement", "old-photograph", "explain-a-failure", "what-it-saw", "qgis", "choose-an-index",
         "explorer", "report", "reliability", "add-a-lift", "enrol-an-animal"]
"""Pages with commands, in the order in which they are run."""


def _loaded(path: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


readme = _loaded(Path(__file__).with_name("test_readme.py"), "reading_readme")
"""Its way of reading blocks is used here too."""
BLOCK = re.compile(r"(?:<!-- ([a-z ]+) -->\s*\n)?^```(sh|bash|console|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARKS = {"", "executed"}


@dataclass(frozen=True)
class Block:
    """A block of code of a page, and what is done with it."""

    page: str
    mark: str
    language: str
    text: str

    @property
    def commands(self) -> list[list[str]]:
        found: list[list[str]] = readme.Code(self.language, self.text, False).commands
        return found if self.language != "python" else []


def blocks_of(page: str) -> list[Block]:
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    return [Block(page, *found) for found in BLOCK.findall(text)]


WRITTEN = sorted(path.stem for path in DOCS.glob("*.md"))
BLOCKS = [block for page in WRITTEN for block in blocks_of(page)]
OURS = [(block, words) for block in BLOCKS for words in block.commands if words[0] == "georetrieval"]


def test_pages_are_there_and_marks_are_known() -> None:
    assert set(PAGES) <= set(WRITTEN)
    assert len(OURS) > 40
    assert {block.mark for block in BLOCKS} <= MARKS
    assert {block.page for block in BLOCKS if block.mark == "executed"} <= set(PAGES)


@pytest.mark.parametrize(("block", "words"), OURS, ids=[f"{block.page}: {' '.join(words)}" for block, words in OURS])
def test_commands_parse(block: Block, words: list[str]) -> None:
    readme.parsed(words)
    if words[1] in ("run", "train"):
        assert (ROOT / words[2]).is_file(), block.page


def test_what_is_not_ours_is_make_or_pip() -> None:
    assert {words[0] for block in BLOCKS for words in block.commands} <= {"georetrieval", "make", "pip"}


def test_python_compiles() -> None:
    for block in BLOCKS:
        if block.language == "python":
            compile(block.text, f"{block.page}.md", "exec")


@pytest.mark.parametrize("page", WRITTEN)
def test_links_lead_somewhere(page: str) -> None:
    links = readme.LINK.findall((DOCS / f"{page}.md").read_text(encoding="utf-8"))
    assert [link for link in links if not (DOCS / link).exists() and not link.startswith("api/")] == []


def test_every_page_is_in_the_table_of_contents() -> None:
    text = (DOCS / "index.md").read_text(encoding="utf-8")
    listed = {line.strip() for line in text.splitlines()}
    assert [page for page in WRITTEN if page not in listed and page != "index"] == []


def test_modules_of_the_reference_exist() -> None:
    for name in (DOCS / "public.txt").read_text(encoding="utf-8").split():
        assert (ROOT / "georetrieval" / f"{name.replace('.', '/')}.py").is_file(), name


def test_fields_of_docstrings_are_told_apart() -> None:
    conf = _loaded(DOCS / "conf.py", "building_pages")
    lines = ["Rows.", "", "Attributes", "----------", "a, b : (n,) str", "rows : (n, d) float32, as they are",
             "kind : the first; or none", "k", "    Neighbours.", "", "*Source*: papers/002."]
    assert conf.fields_apart(lines) == [
        "Rows.", "", "Attributes", "----------", "a : ``(n,) str``", "b : ``(n,) str``", "rows : ``(n, d) float32``",
        "    as they are", "kind", "    the first; or none", "k", "    Neighbours.", "", "", "",
        "*Source*: papers/002."]
    assert conf.fields_apart(["Just words: no field.", ""]) == ["Just words: no field.", ""]


def test_executed_blocks_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in (block for page in PAGES for block in blocks_of(page) if block.mark == "executed"):
        if block.language == "python":
            exec(compile(block.text, f"{block.page}.md", "exec"), names)
            continue
        for words in block.commands:
            assert words[0] == "georetrieval"
            with pytest.raises(SystemExit) as end:
                main(words[1:])
            assert not end.value.code, (block.page, words, capsys.readouterr().err)
            _as_the_page_says(block, words, capsys.readouterr().out)


def _as_the_page_says(block: Block, words: list[str], printed: str) -> None:
    """Searches for the photograph begin with its place, as `old-photograph` claims."""
    if block.page == "old-photograph" and words[1] == "search" and "-o" not in words:
        place = "98-2004-E0725500N6931250-250"
        first = next(line for line in printed.splitlines() if "98-2004-" in line or "no match" in line)
        sure = words[words.index("--min-confidence") + 1] if "--min-confidence" in words else "0"
        assert ("no match" in first) if sure == "0.9" else (place in first), (words, printed)


def test_a_wrong_command_does_not_parse() -> None:
    with pytest.raises((AssertionError, click.UsageError)):
        readme.parsed(["georetrieval", "index", "build", "x", "--overlapp", "1"])
