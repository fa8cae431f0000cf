"""Closer looks: what coarse poses nearly find is found, and nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from georetrieval.embedding import embed
from georetrieval.nets.baselines import HogEmbedder
from georetrieval.recipe.closer import Closer, CloserLook
from georetrieval.samples.arrays import ArraySamples
from georetrieval.samples.poses import poses_of
from georetrieval.samples.views import Looks, views_of
from georetrieval.search.descriptors import Descriptors, Space
from georetrieval.search.gallery import Gallery
from georetrieval.search.matches import Matches
from georetrieval.search.views import search_views

torch.set_num_threads(1)
PX, BANDS = 64, ("grey",)
COUNT = 40


def land() -> ArraySamples:
    """Smooth grey places that resemble one another: a common ground and a little of their own."""
    random = np.random.default_rng(3)
    common, own = random.normal(size=(1, PX, PX)), random.normal(size=(COUNT, PX, PX))
    smooth = np.stack([gaussian_filter(plane, 3) for plane in common + 0.3 * own])
    pixels = np.clip(128 + 45 * smooth / smooth.std(), 1, 255).astype(np.uint8)
    return ArraySamples(pixels[:, None], BANDS, keys=[f"place-{n}" for n in range(COUNT)])


def posed(places: ArraySamples, angle: float, scale: float, shift: float) -> ArraySamples:
    seen = [Looks(places[n], np.asarray([(angle, scale, shift, -shift)])).batch([0])[0] for n in range(COUNT)]
    return ArraySamples(np.rint(np.stack(seen) * 255).astype(np.uint8), BANDS, keys=places.keys)


def asked(queries: ArraySamples, gallery: Gallery, turns: int, k: int) -> tuple[Matches, CloserLook, Descriptors]:
    eye, poses = HogEmbedder(), poses_of(turns)
    views = [embed(view, eye) for view in views_of(queries, poses)]
    nearest, matches = search_views(gallery, views, k)
    return matches, CloserLook(eye, queries.__getitem__, poses, views), nearest


@pytest.mark.parametrize(("angle", "scale", "shift"), [(-20, 1.08, 0.0), (-100, 1.0, 0.045), (77, 0.93, 0.02)])
def test_a_pose_between_the_looks_is_found(angle: float, scale: float, shift: float) -> None:
    """Eight looks are 45 degrees apart; a closer one is nearly upright, and likes its place better."""
    places = land()
    gallery = Gallery.of(embed(places, HogEmbedder()))
    matches, closer, queries = asked(posed(places, angle, scale, shift), gallery, 8, COUNT)
    better = closer(queries, gallery, matches)
    assert better.hits[:, 0].mean() > matches.hits[:, 0].mean() + 0.1
    assert better.hits[:, 0].mean() >= 0.7
    assert (better.scores[:, 0] >= matches.scores[:, 0] - 1e-5).all()
    assert np.array_equal(np.sort(better.rows, axis=1), np.sort(matches.rows, axis=1))
    assert (np.diff(better.scores, axis=1) <= 0).all()
    assert np.array_equal(better.hits, np.asarray(better.gallery_keys)[better.rows] == better.query_keys[:, None])


def test_scores_are_those_of_an_index() -> None:
    """Without rounds the scores are those of the first search, in both spaces."""
    places = land()
    for space in Space:
        rows = embed(places, HogEmbedder())
        rows = Descriptors(rows.vectors, rows.keys, rows.names, rows.scopes, space)
        gallery = Gallery.of(rows)
        first = gallery.search(rows, 7)
        look = CloserLook(HogEmbedder(), places.__getitem__, poses_of(), [rows], Closer(rounds=0))
        again = look(rows, gallery, first)
        assert np.allclose(again.scores, first.scores, atol=2e-3)
        assert np.array_equal(again.rows[:, 0], np.arange(COUNT))


def test_queries_without_a_picture_and_deep_answers() -> None:
    places = land()
    gallery = Gallery.of(embed(places, HogEmbedder()))
    matches, closer, queries = asked(posed(places, 10, 1, 0), gallery, 1, COUNT)
    some = CloserLook(closer.eye, lambda n: None if n % 2 else places[n], closer.poses, closer.views, Closer(5, 4, 1))
    better = some(queries, gallery, matches)
    assert better.k == 5
    assert np.array_equal(better.rows[1::2], matches.rows[1::2, :5])
    assert np.array_equal(better.scores[1::2], matches.scores[1::2, :5])
    assert np.array_equal(np.sort(better.rows), np.sort(matches.rows[:, :5]))
    assert (better.scores[::2] >= np.sort(matches.scores[::2, :5])[:, ::-1] - 1e-5).all()


def test_looks_that_mean_nothing_never_count() -> None:
    """A blank picture has no descriptor; what was found with the others stays."""
    places = land()
    gallery = Gallery.of(embed(places, HogEmbedder()))
    rows = embed(places, HogEmbedder())
    blank = Descriptors(np.zeros_like(rows.vectors), rows.keys, rows.names, rows.scopes, rows.space)
    matches = gallery.search(rows, 3)
    look = CloserLook(HogEmbedder(), places.__getitem__, [(0, 1), (90, 1)], [rows, blank], Closer(rounds=0))
    assert np.array_equal(look(rows, gallery, matches).rows, matches.rows)
