"""Plain progress lines: one kind of work has one clock."""

from __future__ import annotations

import pytest

from georetrieval.cli import bars


def test_a_second_round_of_work_starts_a_new_clock(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [0.0]
    monkeypatch.setattr(bars.time, "monotonic", lambda: now[0])
    lines = bars._Lines()
    lines(0, 4, "embedding")
    now[0] = 2.0
    lines(4, 4, "embedding")
    now[0] = 100.0
    lines(0, 4, "embedding")
    now[0] = 112.0
    lines(1, 4, "embedding")
    assert capsys.readouterr().err.splitlines() == ["embedding: 4/4", "embedding: 1/4, 36 s left"]


def test_changing_words_belong_to_one_clock(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [0.0]
    monkeypatch.setattr(bars.time, "monotonic", lambda: now[0])
    lines = bars._Lines()
    lines(0, 10, "training, epoch 1, loss 2.0")
    now[0] = 20.0
    lines(5, 10, "training, epoch 2, loss 1.0")
    assert capsys.readouterr().err.splitlines() == ["training, epoch 2, loss 1.0: 5/10, 20 s left"]
