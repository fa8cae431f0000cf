"""README.md does what it says.

- Every command in a ```sh, ```bash or ```console block is parsed by the real command line: an option, a choice or a
  command that does not exist fails. In ```console blocks the lines that begin with "$ " are the commands.
- Every ```python block compiles.
- The blocks right under a line `<!-- executed -->` are run one after the other, in the order of the file, in one
  temporary folder: shell blocks command by command, where each must end with 0, Python blocks in one namespace.
- Every link to a file of the repository leads to one.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import pytest
import rich_click as click

from georetrieval.cli.main import command, main

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"(<!-- executed -->\s*\n)?^```(sh|bash|console|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")


@dataclass(frozen=True)
class Code:
    """A block of code and where it is run."""

    language: str
    text: str
    executed: bool

    @property
    def commands(self) -> list[list[str]]:
        """The words of each command; comments and what a shell would do with the output are left out."""
        lines = self.text.replace("\\\n", " ").splitlines()
        if self.language == "console":
            lines = [line[2:] for line in lines if line.startswith("$ ")]
        words = [shlex.split(line, comments=True) for line in lines]
        ends = [next((i for i, word in enumerate(line) if word in (">", "|", "<", "&&")), len(line)) for line in words]
        return [line[:end] for line, end in zip(words, ends, strict=True) if line]


BLOCKS = [Code(language, text, bool(mark)) for mark, language, text in BLOCK.findall(TEXT)]
COMMANDS = [words for block in BLOCKS if block.language != "python" for words in block.commands]
OURS = [words for words in COMMANDS if words[0] == "georetrieval"]


def parsed(words: list[str]) -> None:
    """Parse a command line to the end without running it."""
    group: click.Command = command
    names, rest = ["georetrieval"], words[1:]
    while isinstance(group, click.Group):
        context = click.Context(group)
        assert rest, f"{' '.join(words)} names no command"
        found = group.get_command(context, rest[0])
        assert found is not None, f"there is no command {rest[0]}"
        group, names, rest = found, [*names, rest[0]], rest[1:]
    group.make_context(" ".join(names), list(rest), resilient_parsing=False)


def test_there_is_something_to_check() -> None:
    assert len(OURS) > 5
    assert {block.language for block in BLOCKS if block.executed} >= {"sh", "python"}


@pytest.mark.parametrize("words", OURS, ids=" ".join)
def test_commands_parse(words: list[str]) -> None:
    parsed(words)


def test_a_wrong_command_does_not() -> None:
    for line in ("georetrieval serch town x", "georetrieval search town x --nearest 3 -k five", "georetrieval tiles"):
        with pytest.raises((AssertionError, click.UsageError)):
            parsed(line.split())


def test_what_is_not_ours_is_make_or_pip() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for words in COMMANDS:
        assert words[0] in ("georetrieval", "make", "pip"), words
        if words[0] == "make":
            assert set(words[1:]) <= targets, words


def test_recipes_are_there() -> None:
    for words in OURS:
        if words[1] in ("run", "train"):
            assert (ROOT / words[2]).is_file(), words


def test_python_compiles() -> None:
    for block in BLOCKS:
        if block.language == "python":
            compile(block.text, "README.md", "exec")


def test_links_lead_somewhere() -> None:
    assert [link for link in LINK.findall(TEXT) if not (ROOT / link).exists()] == []


def test_executed_blocks_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in BLOCKS:
        if not block.executed:
            continue
        if block.language == "python":
            exec(compile(block.text, "README.md", "exec"), names)
            continue
        for words in block.commands:
            with pytest.raises(SystemExit) as end:
                main(words[1:])
            assert not end.value.code, (words, capsys.readouterr().err)
            printed = capsys.readouterr().out
            if words[1] == "search" and "-o" not in words:
                first = next(line for line in printed.splitlines() if "98-2004" in line)
                assert "98-2004-E0725500N6931250-250" in first, printed
