"""Every command has a sentence, a paragraph and examples; every option of an example exists."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import pytest
import rich_click as click
from click.testing import CliRunner

from georetrieval.cli.main import COMMANDS, command


def commands(group: click.Group = command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """All commands, sub-commands included, by their full name."""
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None
        if isinstance(found, click.Group):
            yield from commands(found, (*path, name))
        else:
            yield " ".join((*path, name)), found


ALL = dict(commands())


def test_every_promised_command_is_there() -> None:
    assert set(COMMANDS) == {
        "inspect", "synth", "sources", "tiles", "train", "index", "search", "classify", "compare", "detect", "detector",
        "weights", "evaluate", "serve", "run", "qgis", "demo", "doctor",
    }
    assert {"index build", "index add", "index remove", "index list", "index info", "index verify",
            "index compact", "index tune", "index repair", "index export", "index import", "tiles build",
            "tiles list", "tiles show", "synth departement", "detector train", "detector measure", "sources sums",
            "sources check", "sources list", "weights convert"} <= set(ALL)


def test_the_help_lists_commands_by_their_names() -> None:
    lines = CliRunner().invoke(command, ["--help"]).output.splitlines()
    start = next(i for i, line in enumerate(lines) if "Commands" in line)
    listed = [line.strip("│ ").split(" ")[0] for line in lines[start:]]
    assert [name for name in listed if name in COMMANDS] == list(COMMANDS)
    assert "command" not in listed


@pytest.mark.parametrize("name", ALL)
def test_help_has_sentence_paragraph_examples(name: str) -> None:
    text = ALL[name].help or ""
    first, _, rest = text.partition("\n\n")
    assert first.strip().endswith((".", "?")), first
    assert len(rest.split()) > 15
    assert "Examples:" in text
    assert all(getattr(p, "help", None) for p in ALL[name].params if isinstance(p, click.Option))


def examples(name: str) -> list[list[str]]:
    lines = (ALL[name].help or "").partition("Examples:")[2].splitlines()
    joined = "\n".join(lines).replace("\\\n", " ")
    return [shlex.split(line, comments=True) for line in joined.splitlines() if line.strip().startswith("georetrieval")]


@pytest.mark.parametrize("name", ALL)
def test_examples_parse(name: str) -> None:
    """The words of each example are parsed by the real command line: unknown options or choices fail."""
    found = examples(name)
    assert found
    for words in found:
        assert words[: 1 + len(name.split())] == ["georetrieval", *name.split()]
        arguments = words[1 + len(name.split()) :]
        arguments = arguments[: next((i for i, w in enumerate(arguments) if w in (">", "|", "<")), len(arguments))]
        ALL[name].make_context(name, list(arguments), resilient_parsing=False)
