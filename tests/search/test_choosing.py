"""The choice of an index: by what is measured on the rows, not by how many they are."""

from __future__ import annotations

import numpy as np
import pytest

from georetrieval.errors import UsageError
from georetrieval.search import choosing
from georetrieval.search.ann import EXACT, FaissIndex, Plan
from georetrieval.search.choosing import Sample, Trial, choose, kinds, surely, told
from georetrieval.search.flat import FlatIndex
from tests.made.campaign import size
from tests.made.clouds import cloud

N = size(3000, 24_000, ci=6000)


@pytest.fixture
def _timed(monkeypatch):
    """Time by what has to be compared (vectors, and codes at a tenth), so that no test depends on the machine."""
    compared = []
    among = FlatIndex.among

    def counted(self, vectors, k, rows):
        compared.append(len(vectors))
        return among(self, vectors, k, rows)

    def work(sample, index):
        asked = sample.vectors[:50]
        compared.clear()
        index.search(asked, choosing.MEASURED_K)
        codes = 0 if isinstance(index, FlatIndex) else index.plan.k_factor * choosing.MEASURED_K + index.size / 10
        return (codes + index.size * sum(compared) / len(asked)) / 1000

    monkeypatch.setattr(FlatIndex, "among", counted)
    monkeypatch.setattr(Sample, "single_ms", work)
    monkeypatch.setattr(choosing, "QUERIES", size(120, 1000, ci=300))


def test_a_small_collection_is_exact_and_nothing_is_measured():
    choice = choose(FlatIndex(cloud(500, 8, 10, 1), "cosine"))
    assert (choice.plan.factory, choice.trials, choice.queries) == ("exact", (), 0)
    assert choice.reached
    assert "nothing was measured" in told(choice)


@pytest.mark.usefixtures("_timed")
@pytest.mark.parametrize("space", ["cosine", "euclidean"])
def test_among_many_clusters_the_fastest_kind_that_reaches_the_recall_is_taken(space):
    flat = FlatIndex(cloud(N, 16, 1500, 0.4), space)
    choice = choose(flat, small=100, recall=0.99)
    assert choice.plan.factory.startswith("PQ")
    assert choice.reached
    assert choice.trials[0] == Trial("exact", 1, 0, 1.0, N / 1000)
    asked = cloud(N, 16, 1500, 0.4)[::29]
    exact, near = flat.search(asked, 5)[1], FaissIndex(flat, choice.plan, choice.codes).search(asked, 5)[1]
    assert np.mean([len(set(a) & set(b)) / 5 for a, b in zip(exact, near, strict=True)]) >= 0.985


@pytest.mark.usefixtures("_timed")
def test_the_choice_notices_that_there_are_few_clusters():
    """As many rows, as long: but four clusters, of which the codes cannot tell the members apart."""
    choice = choose(FlatIndex(cloud(N, 16, 4, 0.002), "cosine"), small=100, recall=0.99)
    assert choice.plan.factory == "exact"
    assert len(choice.trials) == 3
    assert all(trial.recall < 0.99 or trial.single_ms > N / 1000 for trial in choice.trials[1:])


@pytest.mark.usefixtures("_timed")
def test_a_kind_that_was_named_is_taken_and_said_to_miss_the_recall():
    choice = choose(FlatIndex(cloud(12_000, 32, 12_000, 1), "cosine"), asked="PQ2x4fs,RFlat")
    assert choice.plan == Plan("PQ2x4fs,RFlat", choosing.K_FACTORS[-1])
    assert not choice.reached
    assert "below the recall asked for, 0.999" in told(choice)


def test_recall_is_counted_by_hand():
    """Rows on a line; an index that always misses the nearest of five finds four of five."""
    flat = FlatIndex(np.stack([np.arange(1.0, 41), np.zeros(40)], 1), "euclidean")
    sample = Sample.of(flat, seed=0)

    class Misses:
        size = 40

        def search(self, vectors, k):
            scores, rows = flat.search(vectors, k + 1)
            keep = [0, *range(2, k + 1)]  # itself, and all but the nearest other
            return scores[:, keep], rows[:, keep]

    ends = 1 / 40 * (0 + 1) / 5  # the second nearest of some rows is as near as the first: each found answer counts
    assert sample.recall(flat) == 1
    assert 0.8 - ends <= sample.recall(Misses()) <= 1 - ends
    assert (sample.truth != sample.rows[:, None]).all()


@pytest.mark.usefixtures("_timed")
def test_lists_are_tried_where_there_are_rows_enough(monkeypatch):
    monkeypatch.setattr(choosing, "LISTS_FROM", 1000)
    flat = FlatIndex(cloud(N, 16, 300, 0.5), "cosine")
    assert [plan.factory for plan in kinds(flat)] == ["PQ4x4fs,RFlat", "PQ8x4fs,RFlat", "IVF256,PQ4x4fs,RFlat"]
    choice = choose(flat, small=100, recall=0.95)
    lists = choice.trials[-1]
    assert lists.factory.startswith("IVF256")
    assert lists.nprobe in choosing.PROBES
    assert lists.recall >= 0.95


def test_a_length_that_nothing_divides():
    flat = FlatIndex(cloud(700, 37, 50, 0.5), "cosine")
    assert [plan.factory for plan in kinds(flat)] == ["PQ10x4fs,RFlat", "PQ19x4fs,RFlat"]
    assert [plan.width(37) for plan in kinds(flat)] == [40, 38]
    assert FaissIndex(flat, Plan("PQ10x4fs,RFlat", 4)).search(flat.vectors[:9], 1)[1][:, 0].tolist() == list(range(9))


def test_what_makes_no_sense_is_refused():
    flat = FlatIndex(cloud(200, 8, 10, 1), "cosine")
    with pytest.raises(UsageError, match="recall"):
        choose(flat, recall=0)
    for some in (flat, FlatIndex(flat.vectors[:5], "cosine"), FlatIndex(flat.vectors[:1], "euclidean")):
        with pytest.raises(UsageError, match="factory string"):
            choose(some, asked="NoSuch7")
    assert choose(FlatIndex(flat.vectors[:5], "cosine"), asked="PQ2x4fs,RFlat").plan.factory == EXACT


def test_a_kind_of_few_lists_is_measured_too():
    choice = choose(FlatIndex(cloud(400, 8, 10, 1), "cosine"), asked="IVF2,Flat")
    assert choice.plan.factory == "IVF2,Flat"
    assert choice.plan.nprobe == 2


def test_what_luck_could_have_added_does_not_count():
    assert surely(1.0, 100) == 1.0
    assert surely(0.0, 100) == 0.0
    assert surely(0.99, 100) == pytest.approx(0.9534, abs=1e-4)  # Clopper and Pearson, one side, 95 %
    assert surely(0.9996, 10_000) > 0.999 > surely(0.9995, 10_000)
    plan = Plan("PQ64x4fs,RFlat")
    told_of = choosing.Choice(plan, "auto", 0.99, 200, 5, (Trial(plan.factory, 40, 0, 0.992, 1.0),))
    assert not told_of.reached  # 8 of 1,000 missed could be 14
