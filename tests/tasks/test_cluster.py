"""A real Dask scheduler and two worker processes: the same index as one process makes, whoever dies meanwhile."""

from __future__ import annotations

import os
import signal

import pytest

from georetrieval.errors import InputError, MissingExtraError
from georetrieval.tasks import cluster
from georetrieval.tasks.running import Hands, run
from tests.made import siamese, tiny
from tests.made.counting import Counting, tasks


@pytest.fixture(scope="module")
def cluster_of_two():
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None,
                      host="127.0.0.1") as local:
        yield local


def test_a_worker_that_is_killed_changes_nothing(tmp_path, cluster_of_two):
    hands = Hands(scheduler=cluster_of_two.scheduler_address)
    done = run(Counting(tmp_path, {2: "kill once", 5: "read"}), tasks(8), hands)
    assert done.problems == {"number 5": "sheet 5 is damaged"}
    assert [done.results[task.digest]["square"] for task in tasks(8) if task.what != 5] == [0, 1, 4, 9, 16, 36, 49]


def test_the_index_of_a_cluster_is_that_of_one_process(tmp_path, cluster_of_two):
    """Of a real net in OpenVINO, though one of the two workers is killed in the middle (kill -9)."""
    from georetrieval.nets.choice import using
    from georetrieval.recipe.index_surveys import index_surveys

    survey, settings = tiny.sheets(tmp_path / "in", px=32)
    model, killed = str(siamese.weights(tmp_path / "net", legend=settings.legend.digest)), []

    def once(done, total, what):
        if 0 < done < total and what.startswith("embedding") and not killed:
            killed.append(next(iter(cluster_of_two.workers.values())).process.pid)
            os.kill(killed[0], signal.SIGKILL)

    with using("openvino"):
        alone = index_surveys(tmp_path / "alone", [survey], settings, model)
        many = index_surveys(tmp_path / "many", [survey], settings, model, progress=once,
                             hands=Hands(scheduler=cluster_of_two.scheduler_address))
    assert len(killed) == 1
    assert many.name == alone.name
    assert tiny.files_of(tmp_path / "many") == tiny.files_of(tmp_path / "alone")


def test_no_scheduler_and_no_dask_are_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_S", 0.5)
    with pytest.raises(InputError, match="No Dask scheduler answers at tcp://127.0.0.1:9"):
        run(Counting(tmp_path), tasks(1), Hands(scheduler="tcp://127.0.0.1:9"))
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'georetrieval\[dask\]'") as error:
        run(Counting(tmp_path), tasks(1), Hands(scheduler="tcp://127.0.0.1:9"))
    assert error.value.exit_code == 5
