import numpy as np
import pyarrow as pa
import pytest

from georetrieval.errors import InputError, MismatchError, UsageError
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.gallery import Filter, Gallery
from georetrieval.search.matches import NO_ROW


def world(n: int = 60, seed: int = 0, prefix: str = "t") -> tuple[Descriptors, pa.Table]:
    rng = np.random.default_rng(seed)
    scopes = np.where(np.arange(n) % 2 == 0, "54", "57")
    descriptors = Descriptors(
        rng.normal(size=(n, 8)), [f"k{i // 2}" for i in range(n)], [f"{prefix}{i}" for i in range(n)], scopes, "cosine")
    west = np.arange(n) * 100.0
    table = pa.table({
        "date": ["2004" if i % 3 else "2019" for i in range(n)], "xmin": west, "xmax": west + 100,
        "ymin": np.zeros(n), "ymax": np.full(n, 100.0),
    })
    return descriptors, table


FILTERS = [
    Filter(dates=("2019",)), Filter(scopes=("57",)), Filter(bounds=(150, 10, 420, 20)), Filter(exclude_self=True),
    Filter(own_scope=True), Filter(dates=("2004",), scopes=("54",), bounds=(0, 0, 2000, 100), exclude_self=True),
]


def allowed(where: Filter, table: pa.Table, gallery: Descriptors, row: int, query: Descriptors, i: int) -> bool:
    """The filter, said again one row at a time."""
    r = table.slice(row, 1).to_pylist()[0]
    return bool(
        (not where.dates or r["date"] in where.dates)
        and (not where.scopes or gallery.scopes[row] in where.scopes)
        and (where.bounds is None or (r["xmin"] < where.bounds[2] and r["xmax"] > where.bounds[0]
                                      and r["ymin"] < where.bounds[3] and r["ymax"] > where.bounds[1]))
        and not (where.exclude_self and gallery.names[row] == query.names[i])
        and not (where.own_scope and gallery.scopes[row] != query.scopes[i]))


@pytest.mark.parametrize("where", FILTERS)
@pytest.mark.parametrize("k", [1, 4, 50])
def test_a_filter_is_exact_and_never_gives_fewer_than_k_when_k_exist(where, k):
    descriptors, table = world()
    queries = descriptors.take(np.arange(10))
    matches = Gallery.of(descriptors, attributes=table).search(queries, k, where=where)
    unit = descriptors.vectors / np.linalg.norm(descriptors.vectors, axis=1)[:, None]
    for i in range(10):
        may = [r for r in range(60) if allowed(where, table, descriptors, r, queries, i)]
        wanted = sorted(may, key=lambda r: -float(unit[r] @ unit[i]))[:k]
        answers = matches.rows[i][matches.found[i]]
        assert answers.tolist() == wanted
        assert matches.truths[i] == sum(descriptors.keys[r] == queries.keys[i] for r in may)
        assert (matches.hits[i][: len(answers)] == (descriptors.keys[answers] == queries.keys[i])).all()


def test_bounds_take_three_tiles_and_not_the_neighbour_that_only_touches():
    descriptors, table = world()
    matches = Gallery.of(descriptors, attributes=table).search(
        descriptors.take([0]), 60, where=Filter(bounds=(200, 0, 500, 100)))
    assert sorted(matches.rows[0][matches.found[0]]) == [2, 3, 4]


@pytest.mark.parametrize("bad", [np.nan, np.inf, 0.0])
@pytest.mark.parametrize("kind", ["exact", "Flat"])
@pytest.mark.parametrize("share", [0.0, 0.25, 0.5])
def test_rows_that_mean_nothing_are_never_returned_and_are_counted(bad, kind, share):
    descriptors, table = world()
    which = np.arange(int(60 * share)) * 2
    vectors = descriptors.vectors.copy()
    vectors[which] = bad
    damaged = Descriptors(vectors, descriptors.keys, descriptors.names, descriptors.scopes, "cosine")
    gallery = Gallery.of(damaged, attributes=table, index=kind)
    assert gallery.left_out == len(which)
    matches = gallery.search(damaged, 60)
    assert not np.isin(matches.rows, which).any()
    assert sorted(matches.rows[0][matches.found[0]]) == sorted(set(range(60)) - set(which.tolist()))
    assert matches.unanswered_names.tolist() == [f"t{r}" for r in which]
    assert len(matches) == 60 - len(which)
    assert (matches.query_names == damaged.names[matches.query_rows]).all()


def test_a_gallery_smaller_than_k_gives_what_it_has():
    descriptors, _ = world(3)
    matches = Gallery.of(descriptors).search(descriptors.take([0]), 5)
    assert matches.rows[0, 3:].tolist() == [NO_ROW, NO_ROW]
    assert len(list(matches)) == 3
    assert Gallery.of(descriptors.take([])).search(descriptors, 2).found.sum() == 0


def test_another_space_length_or_fingerprint_is_refused():
    descriptors, _ = world()
    gallery = Gallery.of(descriptors, fingerprint={"weights": "aa", "legend": {"digest": "x"}, "px": 128})
    euclidean = Descriptors(descriptors.vectors, descriptors.keys, descriptors.names, descriptors.scopes, "euclidean")
    with pytest.raises(MismatchError, match="euclidean"):
        gallery.search(euclidean, 1)
    with pytest.raises(MismatchError, match=r"legend\.digest is x in the index and y in the model"):
        gallery.search(descriptors, 1, fingerprint={"weights": "aa", "legend": {"digest": "y"}, "px": 128})
    gallery.search(descriptors, 1, fingerprint={"px": 128, "weights": "aa", "legend": {"digest": "x"}})
    short = Descriptors(np.ones((1, 3)), ["a"], ["a"], ["a"], "cosine")
    with pytest.raises(UsageError, match="same model"):
        gallery.search(short, 1)


def test_questions_that_make_no_sense_are_refused():
    descriptors, table = world()
    gallery = Gallery.of(descriptors, attributes=table)
    with pytest.raises(UsageError, match="at least 1"):
        gallery.search(descriptors, 0)
    with pytest.raises(UsageError, match="empty"):
        gallery.search(descriptors, 1, where=Filter(bounds=(5, 5, 5, 9)))
    with pytest.raises(UsageError, match="no column 'date'"):
        Gallery.of(descriptors).search(descriptors, 1, where=Filter(dates=("2004",)))
    with pytest.raises(UsageError, match="rows of attributes"):
        Gallery.of(descriptors, attributes=table.slice(1))
    with pytest.raises(InputError, match="names"):
        Descriptors(np.ones((2, 3)), ["a", "b"], ["a"], ["a", "b"], "cosine")


def test_filters_are_remembered_apart_and_only_the_last_few(monkeypatch):
    monkeypatch.setattr("georetrieval.search.filtering.KEPT", 2)
    descriptors, table = world()
    queries, gallery = descriptors.take(np.arange(10)), Gallery.of(descriptors, attributes=table)
    first = {where: gallery.search(queries, 4, where=where).rows.tolist() for where in FILTERS}
    assert len({str(rows) for rows in first.values()}) == len(FILTERS)
    for where in [*FILTERS, *reversed(FILTERS)]:
        assert gallery.search(queries, 4, where=where).rows.tolist() == first[where]
    assert len(gallery._allowing._kept) == 2


def test_names_are_put_in_order_once(monkeypatch):
    """However many galleries and indexes are made of the same rows."""
    from georetrieval.search import descriptors
    from georetrieval.search.flat import flat_of

    calls, plain = [], descriptors.name_order
    monkeypatch.setattr(descriptors, "name_order", lambda *given: calls.append(1) or plain(*given))
    rows = Descriptors(np.eye(4, dtype=np.float32), list("abcd"), list("dbca"), [""] * 4, "cosine")
    for _ in range(2):
        gallery = Gallery.of(rows, index=flat_of(rows))
        assert gallery.held.tolist() == [3, 1, 2, 0]
    assert len(calls) == 1


def test_a_filter_takes_lists_and_arrays():
    assert Filter(dates=["2019"], bounds=np.array([0, 0, 1, 1.0])) == Filter(dates=("2019",), bounds=(0, 0, 1, 1))
