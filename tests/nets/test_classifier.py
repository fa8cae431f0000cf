"""The plain classifier: logits in the order of its classes, its file, refusals."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from georetrieval.errors import InputError, UsageError
from georetrieval.nets.classifier import Classifier
from georetrieval.nets.embedder import DescriptorNet
from georetrieval.nets.settings import NetSettings

torch.set_num_threads(1)
RGB = ("r", "g", "b")
SMALL = NetSettings(bands=RGB, px=16, fusion="stack", trunk="two-convs", head="fc", hidden=(), dropout=0.0)
STATES = ("close", "open")


def test_it_is_the_papers_net_with_one_output_per_class() -> None:
    """The same 1,248,706 parameters as the net that compares; the softmax has none."""
    made = Classifier(NetSettings(bands=RGB, px=200, fusion="stack", trunk="two-convs", head="fc", hidden=(),
                                  dropout=0.0), STATES)
    assert sum(p.numel() for p in made.parameters()) == 1_248_706
    assert Classifier(SMALL, ("a", "b", "c"))(torch.rand(2, 3, 16, 16), RGB).shape == (2, 3)


def test_probabilities_by_hand() -> None:
    """Logits 0 and log 3: one quarter and three quarters."""
    found = Classifier(SMALL, STATES).judged(np.asarray([[0, math.log(3)], [5, 5 - math.log(9)]], dtype=np.float32))
    assert found.classes.tolist() == ["open", "close"]
    np.testing.assert_allclose(found.shares, [[0.25, 0.75], [0.9, 0.1]], atol=1e-6)


def test_it_learns_two_classes() -> None:
    """Dark pictures and bright ones."""
    torch.manual_seed(0)
    made = Classifier(SMALL, STATES)
    truth = torch.arange(16) % 2
    pixels = torch.rand(16, 3, 16, 16) * 0.3 + 0.5 * truth[:, None, None, None]
    optimiser = torch.optim.Adam(made.parameters(), lr=1e-3)
    for _ in range(30):
        optimiser.zero_grad()
        cross_entropy(made(pixels, RGB), truth).backward()
        optimiser.step()
    wanted = np.asarray(STATES)[truth.numpy()]
    assert (made.judged(made.for_inference()(pixels, RGB)).classes == wanted).all()


def test_saved_and_loaded_with_its_classes(tmp_path: Path) -> None:
    torch.manual_seed(1)
    made, pixels, path = Classifier(SMALL, STATES).eval(), torch.rand(2, 3, 16, 16), tmp_path / "w.safetensors"
    made.save(path)
    loaded = Classifier.load(path)
    assert loaded.classes == STATES
    assert loaded.fingerprint() == made.fingerprint()
    assert torch.equal(loaded(pixels, RGB), made(pixels, RGB))
    assert made.fingerprint() != Classifier.described(made.description() | {"classes": ["a", "b"]}).fingerprint()
    with pytest.raises(InputError, match="no descriptor net"):
        DescriptorNet.load(path)
    DescriptorNet(SMALL).save(path)
    with pytest.raises(InputError, match="no classifier"):
        Classifier.load(path)


@pytest.mark.parametrize("classes", [(), ("open",), ("open", "open")])
def test_too_few_classes(classes: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="two or more"):
        Classifier(SMALL, classes)


def test_logits_are_not_of_length_one() -> None:
    with pytest.raises(UsageError, match="unit"):
        Classifier(NetSettings(bands=RGB, px=16, trunk="two-convs", head="fc", unit=True), STATES)
