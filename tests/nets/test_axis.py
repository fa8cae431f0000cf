"""Regions along an axis: numbers worked by hand, a half turn that changes nothing, nets that look along them."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from georetrieval.errors import UsageError
from georetrieval.nets.axis import NUMBERS, matrix_of, numbers_of, shaken
from georetrieval.nets.embedder import DescriptorNet
from georetrieval.nets.head import turn_last
from georetrieval.nets.localiser import Localiser
from georetrieval.nets.settings import NetSettings
from georetrieval.nets.transformer import SpatialTransformer, corners

torch.set_num_threads(1)
RGB = ("r", "g", "b")
SMALL = NetSettings(bands=RGB, px=32, trunk="two-convs", head="fc", hidden=(), dropout=0.0, descriptor=4,
                    transformer="axis", crop_px=16)


def test_numbers_of_a_rectangle_by_hand() -> None:
    """In 100 px: centre a quarter right of the middle, half as long as the picture, a tenth wide, at 45 degrees."""
    (found,) = numbers_of(torch.tensor([[75.0, 50.0, 50.0, 10.0, 45.0]]), 100)
    assert found.tolist() == pytest.approx([0.5, 0.0, math.log(0.5), math.log(0.1), 0.0, 1.0], abs=1e-6)


def test_a_half_turn_is_the_same_region() -> None:
    there, back = numbers_of(torch.tensor([[10.0, 20, 30, 5, 20], [10.0, 20, 30, 5, 200]]), 64)
    torch.testing.assert_close(there, back)


@pytest.mark.parametrize("angle", [-89.0, -30.0, 0.0, 45.0, 89.0])
def test_the_matrix_takes_the_square_to_the_rectangle(angle: float) -> None:
    """Its first column points along the axis and is half as long as the rectangle, in units of half the picture."""
    numbers = numbers_of(torch.tensor([[50.0, 50.0, 50.0, 10.0, angle]]), 100)
    (matrix,) = matrix_of(numbers[:, 2:])
    turn = math.radians(angle)
    assert matrix[:, 0].tolist() == pytest.approx([0.5 * math.cos(turn), 0.5 * math.sin(turn)], abs=1e-5)
    assert matrix[:, 1].tolist() == pytest.approx([-0.1 * math.sin(turn), 0.1 * math.cos(turn)], abs=1e-5)


def test_numbers_become_corners() -> None:
    """A rectangle of 40 x 20 px around (60, 30) of 100 px, upright: corners by hand."""
    made = SpatialTransformer(1, 32, kind="axis")
    theta = made.theta_of(numbers_of(torch.tensor([[60.0, 30.0, 40.0, 20.0, 0.0]]), 100))
    expected = torch.tensor([[[0.4, 0.2], [0.8, 0.2], [0.8, 0.4], [0.4, 0.4]]])
    torch.testing.assert_close(corners(theta), expected)


def test_a_net_that_knows_nothing_sees_most_of_the_picture() -> None:
    """All numbers 0: in the middle, as long and wide as the picture, along x."""
    made = SpatialTransformer(3, 32, kind="axis")
    theta = made.theta(torch.rand(2, 3, 32, 32))
    torch.testing.assert_close(theta, torch.tensor([[[1.0, 0, 0], [0, 1, 0]]]).expand(2, 2, 3))


def test_sides_have_bounds() -> None:
    matrix = matrix_of(torch.tensor([[50.0, -50.0, 1.0, 0.0]]))[0]
    assert 3 < float(matrix[0, 0]) < 5
    assert 0.04 < float(matrix[1, 1]) < 0.06


def test_the_localisation_may_look_at_a_smaller_picture() -> None:
    small = SpatialTransformer(3, 64, kind="axis", localisation_px=32)
    assert small.localisation.hidden.in_features == 64 * 4 * 4  # type: ignore[union-attr]
    assert small(torch.rand(1, 3, 64, 64)).shape == (1, 3, 64, 64)


def test_regions_shake_in_training_only() -> None:
    theta = torch.tensor([[[1.0, 0, 0], [0, 1, 0]]]).expand(200, 2, 3)
    torch.manual_seed(1)
    moved = shaken(theta, 0.1)
    assert float(moved[:, :, 2].abs().max()) <= 0.1
    assert float((moved[:, :, 2]).std()) == pytest.approx(0.1 / math.sqrt(3), rel=0.15)
    assert float(moved[:, 0, 0].max()) <= 1.1
    made = SpatialTransformer(3, 32, kind="axis", jitter=0.2)
    pixels = torch.rand(2, 3, 32, 32)
    assert not torch.equal(made(pixels), made.eval()(pixels))
    torch.testing.assert_close(made(pixels), made(pixels))


def test_both_ways_round_are_one_descriptor() -> None:
    """The picture and its half turn have the same descriptor, of length 1, once the net is out of training."""
    torch.manual_seed(2)
    net = DescriptorNet(replace(SMALL, both_ways=True)).eval()
    pixels = torch.rand(3, 3, 32, 32)
    there, back = net(pixels, RGB), net(pixels.flip(2, 3), RGB)
    torch.testing.assert_close(there, back, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(there.norm(dim=1), torch.ones(3))
    plain = DescriptorNet(SMALL).eval()
    assert not torch.allclose(plain(pixels, RGB), plain(pixels.flip(2, 3), RGB), atol=1e-4)


def test_zooms_are_looks_at_larger_and_smaller_regions() -> None:
    """What is seen at zoom 2 is the crop of a region with twice the sides; the descriptor is the mean of the looks."""
    torch.manual_seed(3)
    made = SpatialTransformer(3, 32, kind="axis", scale=0.5).eval()
    pixels = torch.rand(2, 3, 32, 32)
    one, two = made.looks(pixels, (1.0, 2.0))
    torch.testing.assert_close(one, made(pixels))
    torch.testing.assert_close(two, pixels)  # half of the picture, twice as large: the whole
    net = DescriptorNet(replace(SMALL, zooms=(0.8, 1.2))).eval()
    assert net.transformer is not None
    looks = [torch.nn.functional.normalize(net._described(look)) for look in net.transformer.looks(pixels, (0.8, 1.2))]
    torch.testing.assert_close(net(pixels, RGB), torch.nn.functional.normalize(looks[0] + looks[1]))


def test_the_last_layer_takes_a_matrix() -> None:
    torch.manual_seed(4)
    net, matrix = DescriptorNet(SMALL).eval(), torch.rand(4, 4)
    pixels = torch.rand(2, 3, 32, 32)
    before = net(pixels, RGB)
    turn_last(net.head, matrix)
    torch.testing.assert_close(net(pixels, RGB), before @ matrix.T)
    with pytest.raises(UsageError, match="has none of 3 outputs"):
        turn_last(net.head, torch.eye(3))


def test_older_weights_do_not_know_of_all_this() -> None:
    assert not {"localisation_px", "crop_jitter", "both_ways", "zooms"} & NetSettings(bands=RGB).as_dict().keys()
    assert NetSettings.from_dict(replace(SMALL, localisation_px=16).as_dict()).localisation_px == 16


def test_a_localiser_answers_with_numbers_and_is_saved_as_any_net(tmp_path: Path) -> None:
    made = Localiser(SMALL)
    assert made(torch.rand(2, 3, 32, 32), RGB).shape == (2, NUMBERS)
    made.save(tmp_path / "net.safetensors")
    again = DescriptorNet.load(tmp_path / "net.safetensors")
    assert again(torch.rand(2, 3, 32, 32), RGB).shape == (2, 4)
    with pytest.raises(UsageError, match="set eye.transformer to axis"):
        Localiser(replace(SMALL, transformer="affine"))
