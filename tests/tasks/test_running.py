"""Tasks in this process and in several: the same results, whoever dies, and nothing done twice."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path

import numpy as np
import psutil
import pytest

from georetrieval.errors import BusyError, UsageError
from georetrieval.tasks.running import Hands, run
from georetrieval.tasks.task import Shard
from tests.made.campaign import SEED, size, told
from tests.made.counting import Counting, tasks


def tries(folder: Path) -> dict[int, int]:
    return {int(p.name[6:]): len(p.read_text().splitlines()) for p in folder.glob("tries-*")}


def workers_of(parent: psutil.Process) -> list[psutil.Process]:
    """Its processes that do tasks (another one looks after the resources of all)."""
    found = []
    for process in parent.children():
        with contextlib.suppress(psutil.NoSuchProcess):
            if "spawn_main" in " ".join(process.cmdline()):
                found.append(process)
    return found


def squares(done, count):
    return [done.results[task.digest]["square"] for task in tasks(count)]


def test_what_is_done_is_not_done_again(tmp_path):
    first = run(Counting(tmp_path), tasks(5))
    (tmp_path / "3.txt").write_text("another number")  # only its file: the note is whole
    (tmp_path / f"{tasks(5)[1].digest}.json").write_text('{"result": {"square": 7}, "sha256": "0"}')
    spoken = []
    second = run(Counting(tmp_path), tasks(6), progress=lambda *told: spoken.append(told))
    assert squares(first, 5) == [0, 1, 4, 9, 16]
    assert squares(second, 6) == [0, 1, 4, 9, 16, 25]
    assert (second.before, tries(tmp_path)) == (3, {0: 1, 1: 2, 2: 1, 3: 2, 4: 1, 5: 1})
    assert spoken[0] == (0, 3, "tasks, 3 of 6 done before")
    assert spoken[-1][:2] == (3, 3)


def test_one_that_fails_is_left_out_and_tried_again(tmp_path):
    done = run(Counting(tmp_path, {1: "read", 3: "memory"}), tasks(5))
    assert set(done.problems) == {"number 1", "number 3"}
    assert done.problems["number 1"] == "sheet 1 is damaged"
    assert "memory" in done.problems["number 3"]
    again = run(Counting(tmp_path), tasks(5))
    assert (squares(again, 5), again.before, again.problems) == ([0, 1, 4, 9, 16], 3, {})


def test_a_full_disk_and_a_bug_end_everything(tmp_path):
    with pytest.raises(BusyError, match="full"):
        run(Counting(tmp_path, {2: "full"}), tasks(5))
    with pytest.raises(RuntimeError, match="number 2: a bug"):
        run(Counting(tmp_path, {2: "bug"}), tasks(5))
    assert run(Counting(tmp_path), tasks(5)).before == 2


def test_processes_that_are_killed_cost_one_try(tmp_path):
    """One is killed once and made again, one always and left out with the reason; no other task is touched."""
    done = run(Counting(tmp_path, {1: "kill once", 4: "kill", 6: "read"}), tasks(9), Hands(jobs=2))
    assert set(done.problems) == {"number 4", "number 6"}
    assert "ended 3 times (SIGKILL)" in done.problems["number 4"]
    assert [n for n in range(9) if tasks(9)[n].digest in done.results] == [0, 1, 2, 3, 5, 7, 8]
    assert tries(tmp_path) == {0: 1, 1: 2, 2: 1, 3: 1, 4: 3, 5: 1, 7: 1, 8: 1}
    assert workers_of(psutil.Process()) == []


def test_r8_killed_from_outside_again_and_again(tmp_path):
    """RELIABILITY R8: workers are killed while the pool works; 0 tasks are lost."""
    kills, random, over = size(5, 50), np.random.default_rng(SEED), threading.Event()
    killed = []

    def killer():
        while len(killed) < kills and not over.wait(float(random.uniform(0.02, 0.2))):
            fresh = workers_of(psutil.Process())
            if fresh:
                victim = fresh[int(random.integers(len(fresh)))]
                victim.kill()
                killed.append(victim.pid)

    thread = threading.Thread(target=killer)
    thread.start()
    count = size(60, 800)
    done = run(Counting(tmp_path, sleep_s=0.02), tasks(count), Hands(jobs=3))
    over.set()
    thread.join()
    told("R8 processes", kills=len(killed), tasks=count, left_out=len(done.problems))
    assert len(done.results) + len(done.problems) == count, "each task is done or said not to be"
    again = run(Counting(tmp_path), tasks(count))
    assert len(again.results) == count
    assert all("SIGKILL" in problem for problem in done.problems.values())
    assert len(killed) >= kills // 2


def test_shards_are_everything_once():
    for count in (1, 3, 7):
        parts = [Shard.of(f"{n}/{count}").of_all(range(11)) for n in range(1, count + 1)]
        assert [n for part in parts for n in part] == list(range(11))
    for wrong in ("0/3", "4/3", "2", "a/b", "1/0"):
        with pytest.raises(UsageError, match="1/8"):
            Shard.of(wrong)


def test_who_works_is_said_once():
    with pytest.raises(UsageError, match="not both"):
        Hands(jobs=2, scheduler="tcp://127.0.0.1:1")
    with pytest.raises(UsageError, match="at least one"):
        Hands(jobs=0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_processes_end_when_their_parent_is_killed(tmp_path):
    child = os.fork()
    if child == 0:
        try:
            run(Counting(tmp_path, sleep_s=0.3), tasks(400), Hands(jobs=2))
        finally:
            os._exit(0)
    parent = psutil.Process(child)
    while not list(tmp_path.glob("[0-9].txt")):
        threading.Event().wait(0.02)
    workers = workers_of(parent)
    parent.kill()
    os.waitpid(child, 0)
    assert len(workers) == 2
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert alive == []
