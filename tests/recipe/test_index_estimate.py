"""What a build will take is reckoned from several sheets with tiles, wherever the blank and the damaged ones lie."""

from __future__ import annotations

import numpy as np
import pytest

from georetrieval.errors import InputError
from georetrieval.recipe.embedding_work import EmbeddingWork
from georetrieval.recipe.index_by_tasks import build_shard
from georetrieval.recipe.index_estimate import estimate
from georetrieval.recipe.index_surveys import plan_surveys
from georetrieval.tasks.running import Hands
from georetrieval.tasks.task import spread
from tests.made import tiny


def planned(folder, *, blank=(), damaged=()):
    """3 x 3 sheets of 16 tiles; these, by their number, are one grey or cut off."""
    survey, settings = tiny.sheets(folder / "in", across=3)
    for number, path in enumerate(sorted(survey.photos.iterdir())):
        if number in blank:
            west, north = (1000 * int(part) for part in path.name.split("-")[2:4])
            tiny.write_raster(path, np.full((3, 500, 500), 90, np.uint8), (west, north - 1000, west + 1000, north))
        if number in damaged:
            path.write_bytes(path.read_bytes()[:200_000])
    return plan_surveys(folder / "town", [survey], settings, "hog")


def test_several_sheets_with_tiles_are_read(tmp_path, monkeypatch):
    read = []
    plain = EmbeddingWork.read
    monkeypatch.setattr(EmbeddingWork, "read", lambda self, task: read.append(task.name) or plain(self, task))
    plan = planned(tmp_path, blank=(0, 1, 3, 4))
    found = estimate(plan, Hands())
    assert (found.tasks, found.tiles, found.looked_at) == (9, 144, 4)
    assert len(read) == len(set(read)) >= 4
    assert 0 < found.disk_bytes < estimate(planned(tmp_path / "full"), Hands()).disk_bytes
    assert not (tmp_path / "town" / "work").exists()


def test_looks_are_spread_over_all():
    order = spread(range(160), 16)
    assert len(set(order)) == 16
    assert sorted(number // 40 for number in order[:4]) == [0, 1, 2, 3]
    assert sorted(number // 80 for number in order[:2]) == [0, 1]
    assert [sorted(spread(range(count), 16)) for count in range(4)] == [[], [0], [0, 1], [0, 1, 2]]


def test_damaged_sheets_are_passed_over_unless_there_are_no_others(tmp_path):
    assert estimate(planned(tmp_path, damaged=(4,)), Hands()).looked_at == 4
    with pytest.raises(InputError):
        estimate(planned(tmp_path / "bad", damaged=range(9)), Hands())


def test_all_blank_is_said(tmp_path):
    found = estimate(planned(tmp_path, blank=range(9)), Hands())
    assert (found.tiles, found.looked_at, found.disk_bytes) == (144, 0, 0)


def test_what_is_done_is_not_reckoned(tmp_path):
    plan = planned(tmp_path)
    build_shard(plan, Hands())
    found = estimate(plan, Hands())
    assert (found.tasks, found.done, found.tiles, found.looked_at) == (0, 9, 0, 0)
