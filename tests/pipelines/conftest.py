"""Published recipes are run as a user runs them."""

from __future__ import annotations

import csv

import pytest

from georetrieval.cli.main import main
from georetrieval.recipe.loading import published
from tests.made.runs import RunRecipe


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> RunRecipe:
    """Run a published recipe with some settings ("key=value"); the table."""

    def recipe(name: str, *settings: str) -> list[dict[str, str]]:
        arguments = [word for setting in settings for word in ("--set", setting)]
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main(["run", str(published(name)), "--format", "csv", *arguments])
        streams = capsys.readouterr()
        assert not end.value.code, streams.err
        return list(csv.DictReader(streams.out.splitlines()))

    return recipe
