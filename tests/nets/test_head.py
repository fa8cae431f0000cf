"""Heads: sizes of the paper, pooling by hand."""

from __future__ import annotations

import pytest
import torch

from georetrieval.errors import UsageError
from georetrieval.nets.head import ConvHead, FullyConnectedHead, MapHead, PooledHead

FEATURES = torch.tensor([[[[1.0, 2.0], [3.0, 6.0]], [[0.0, 0.0], [0.0, 4.0]]]])


def test_the_papers_head() -> None:
    head = ConvHead((2048, 8, 8), filters=(1024, 512, 256), batch_norm=True, descriptor=256)
    sizes = [tuple(p.shape) for name, p in head.named_parameters() if name.startswith("convs.c")]
    assert sizes == [(1024, 2048, 3, 3), (512, 1024, 3, 3), (256, 512, 3, 3)]
    assert head.fc.weight.shape == (256, 256 * 8 * 8)
    assert sum(isinstance(layer, torch.nn.Tanh) for layer in head.convs) == 3
    assert sum(isinstance(layer, torch.nn.BatchNorm2d) for layer in head.convs) == 3


def test_without_batch_norm_there_is_a_bias() -> None:
    head = ConvHead((4, 3, 3), filters=(5,), batch_norm=False, descriptor=2)
    assert not any(isinstance(layer, torch.nn.BatchNorm2d) for layer in head.convs)
    assert head(torch.rand(6, 4, 3, 3)).shape == (6, 2)
    assert [tuple(p.shape) for p in head.convs.parameters()] == [(5, 4, 3, 3), (5,)]


def test_the_conv_head_knows_where_things_are() -> None:
    torch.manual_seed(0)
    head = ConvHead((1, 4, 4), filters=(8,), batch_norm=False, descriptor=4)
    left, right = torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4)
    left[..., 0], right[..., 3] = 1, 1
    assert not torch.allclose(head(left), head(right), atol=1e-3)


@pytest.mark.parametrize(("pooling", "expected"), [("avg", [3.0, 1.0]), ("max", [6.0, 4.0])])
def test_pooling_by_hand(pooling: str, expected: list[float]) -> None:
    assert PooledHead((2, 2, 2), pooling=pooling, descriptor=0)(FEATURES)[0].tolist() == expected


def test_generalised_mean_by_hand() -> None:
    """Power 3: cube root of the mean cube, (1 + 8 + 27 + 216) / 4 = 63 and 64 / 4 = 16."""
    found = PooledHead((2, 2, 2), pooling="gem", descriptor=0)(FEATURES)[0].tolist()
    assert found == pytest.approx([63 ** (1 / 3), 16 ** (1 / 3)], rel=1e-5)


def test_a_larger_map_is_looked_at_in_every_window() -> None:
    """A map of 3 x 2 in front of a head that was made for 2 x 2: the mean over the upper and the lower window."""
    torch.manual_seed(1)
    head = ConvHead((3, 2, 2), filters=(), batch_norm=True, descriptor=4)
    features = torch.rand(2, 3, 3, 2)
    torch.testing.assert_close(head(features), (head(features[:, :, :2]) + head(features[:, :, 1:])) / 2)


def test_linear_layer_gives_the_asked_length() -> None:
    assert PooledHead((2, 2, 2), pooling="avg", descriptor=7)(FEATURES).shape == (1, 7)


def test_a_centred_head_takes_the_running_mean_off() -> None:
    head = FullyConnectedHead((2, 1, 1), hidden=(), dropout=0.0, descriptor=1, centre=True)
    with torch.no_grad():
        head.fc.weight.copy_(torch.tensor([[1.0, 10.0]]))
        head.fc.bias.fill_(0.5)
    maps = torch.tensor([[1.0, 2.0], [3.0, 6.0]])[:, :, None, None]
    head.train()
    assert head(maps).flatten().tolist() == [-1 - 20 + 0.5, 1 + 20 + 0.5]  # the mean is (2, 4)
    head(maps + 2)  # mean (4, 6), as heavy as the first: (3, 5)
    head.eval()
    assert head.centre.mean.tolist() == [3.0, 5.0]
    assert head(maps).flatten().tolist() == [-2 - 30 + 0.5, 0 + 10 + 0.5]
    assert sum(p.numel() for p in head.parameters()) == 3  # the mean is no parameter


def test_a_map_head_is_the_same_everywhere() -> None:
    """What moves by one place in the map moves by one place in the descriptor, and by nothing else."""
    torch.manual_seed(2)
    head = MapHead((3, 4, 5), filters=2, descriptor=40)
    features = torch.rand(2, 3, 4, 5)
    seen, moved = (head(maps).view(2, 2, 4, 5) for maps in (features, features.roll(1, dims=3)))
    torch.testing.assert_close(seen.roll(1, dims=3), moved)


def test_a_map_head_says_how_long_its_descriptor_is() -> None:
    with pytest.raises(UsageError, match=r"2 x 4 x 5 = 40 numbers, and a descriptor of 256.*set eye.descriptor"):
        MapHead((3, 4, 5), filters=2, descriptor=256)
