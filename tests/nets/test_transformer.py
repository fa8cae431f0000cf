"""The spatial transformer: transformations worked by hand, corners, gradients, the eye with one in front."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from georetrieval.errors import UsageError
from georetrieval.nets.embedder import DescriptorNet
from georetrieval.nets.settings import NetSettings
from georetrieval.nets.transformer import LARGEST_ANGLE, LEAST_SCALE, MOST_SCALE, SpatialTransformer, corners

torch.set_num_threads(1)
RGB = ("r", "g", "b")
SMALL = NetSettings(bands=RGB, px=48, trunk="two-convs", head="fc", hidden=(), dropout=0.0, descriptor=4,
                    space="euclidean", transformer="translation-scale", crop_px=16, crop_scale=0.5)
WHOLE = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]
MIDDLE = [[0.25, 0.25], [0.75, 0.25], [0.75, 0.75], [0.25, 0.75]]


class Says(nn.Module):
    """A localisation net that always says the same numbers."""

    def __init__(self, *numbers: float) -> None:
        super().__init__()
        self.numbers = torch.tensor(numbers)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.numbers.expand(len(pixels), -1)


def told(kind: str, *numbers: float, px: int = 8, crop_px: int | None = None) -> SpatialTransformer:
    made = SpatialTransformer(1, px, kind=kind, crop_px=crop_px)
    made.localisation = Says(*numbers)  # type: ignore[assignment]
    return made


def side(share: float) -> float:
    """The number that stands for a side: the inverse of the bounded scale that starts at 1."""
    def at(value: float) -> float:
        part = math.log(value / LEAST_SCALE) / math.log(MOST_SCALE / LEAST_SCALE)
        return math.log(part / (1 - part))
    return at(share) - at(1.0)


@pytest.mark.parametrize("kind", ["translation", "translation-scale", "rotation", "affine"])
@pytest.mark.parametrize("localisation", ["fc", "attention"])
def test_it_starts_at_the_whole_picture_or_its_middle(kind: str, localisation: str) -> None:
    pixels = torch.rand(2, 1, 20, 20)
    whole = SpatialTransformer(1, 20, kind=kind, localisation=localisation)
    torch.testing.assert_close(whole(pixels), pixels, atol=1e-5, rtol=0)
    torch.testing.assert_close(whole.boxes(pixels), torch.tensor([WHOLE, WHOLE]), atol=1e-5, rtol=0)
    middle = SpatialTransformer(1, 20, kind=kind, localisation=localisation, crop_px=10, scale=0.5)
    torch.testing.assert_close(middle(pixels), pixels[:, :, 5:15, 5:15], atol=1e-5, rtol=0)
    torch.testing.assert_close(middle.boxes(pixels)[0], torch.tensor(MIDDLE), atol=1e-5, rtol=0)


def test_a_quarter_of_the_picture_is_its_pixels() -> None:
    """Side 1/2, centre a quarter right and a quarter up of -1..1: the upper right quarter of the picture."""
    pixels = torch.rand(1, 1, 8, 8)
    made = told("translation-scale", math.atanh(0.5), math.atanh(-0.5), side(0.5), crop_px=4)
    torch.testing.assert_close(made(pixels), pixels[:, :, :4, 4:], atol=1e-5, rtol=0)
    expected = torch.tensor([[0.5, 0.0], [1.0, 0.0], [1.0, 0.5], [0.5, 0.5]])
    torch.testing.assert_close(made.boxes(pixels)[0], expected, atol=1e-5, rtol=0)


def test_a_translation_keeps_the_size_it_starts_with() -> None:
    """Half of the side, a quarter right and down of -1..1: pixels 2 to 6 of 8, moved by one."""
    pixels = torch.rand(1, 1, 8, 8)
    made = SpatialTransformer(1, 8, kind="translation", crop_px=4, scale=0.5)
    made.localisation = Says(math.atanh(0.25), math.atanh(0.25))  # type: ignore[assignment]
    torch.testing.assert_close(made(pixels), pixels[:, :, 3:7, 3:7], atol=1e-5, rtol=0)


def test_what_lies_outside_is_black() -> None:
    made = told("translation-scale", math.atanh(0.5), 0.0, 0.0)
    found = made(torch.ones(1, 1, 8, 8))[0, 0]
    assert found[:, :6].eq(1).all()
    assert found[:, 6:].eq(0).all()  # a quarter of the picture's side beyond its right edge


def test_a_turned_region_by_hand() -> None:
    """30 degrees: the top left corner (-1, -1) goes to (-cos + sin, -sin - cos)."""
    made = told("rotation", 0.0, 0.0, side(0.5), math.atanh(math.radians(30) / LARGEST_ANGLE))
    cos, sin = math.cos(math.radians(30)), math.sin(math.radians(30))
    by_hand = [(-cos + sin, -sin - cos), (cos + sin, sin - cos), (cos - sin, sin + cos), (-cos - sin, -sin + cos)]
    expected = torch.tensor(by_hand) / 4 + 0.5
    torch.testing.assert_close(made.boxes(torch.rand(1, 1, 8, 8))[0], expected, atol=1e-5, rtol=0)


def test_a_quarter_turn_is_the_turned_picture() -> None:
    """The region's right is the picture's below: what it shows is the picture turned anticlockwise once."""
    pixels = torch.rand(1, 1, 8, 8)
    found = told("rotation", 0.0, 0.0, 0.0, 20.0)(pixels)
    torch.testing.assert_close(found, torch.rot90(pixels, 1, dims=(2, 3)), atol=1e-4, rtol=0)


def test_an_affine_region_by_hand() -> None:
    """Six numbers: the matrix less the identity, row by row, behind the place; here a mirror and a stretch."""
    pixels = torch.rand(1, 1, 8, 8)
    made = told("affine", 0.0, 0.0, -2.0, 0.0, 0.0, 0.0)
    torch.testing.assert_close(made(pixels), pixels.flip(3), atol=1e-5, rtol=0)
    theta = torch.tensor([[[0.5, 0.25, 0.0], [0.0, 0.5, 0.5]]])
    expected = torch.tensor([[0.125, 0.5], [0.625, 0.5], [0.875, 1.0], [0.375, 1.0]])
    torch.testing.assert_close(corners(theta)[0], expected)


@pytest.mark.parametrize("px", [40, 42, 44, 47])
def test_attention_lies_where_the_interest_is(px: int) -> None:
    """All attention on the one bright spot: the centre is that spot's, to half a step of 8 pixels."""
    made = SpatialTransformer(1, px, localisation="attention").eval()
    with torch.no_grad():
        made.localisation.convs = nn.Sequential(nn.AvgPool2d(8), nn.Conv2d(1, 64, 1))
        made.localisation.convs[1].weight.fill_(1.0)
        made.localisation.convs[1].bias.zero_()
        made.localisation.interest.weight.fill_(100.0)
    pixels = torch.zeros(2, 1, px, px)
    pixels[0, 0, 11:16, 27:32] = 1.0
    pixels[1, 0, 20:24, 5:9] = 1.0
    found = (made.theta(pixels)[:, :, 2] + 1) / 2 * px
    torch.testing.assert_close(found, torch.tensor([[29.5, 13.5], [7.0, 22.0]]), atol=4.5, rtol=0)


@pytest.mark.parametrize("localisation", ["fc", "attention"])
def test_it_may_look_for_the_region_at_a_smaller_picture(localisation: str) -> None:
    """Means over 2 x 2 pixels: what is only finer than that changes nothing but the pixels of the region."""
    made = SpatialTransformer(1, 32, localisation=localisation, localisation_px=16, localisation_width=4).eval()
    nn.init.normal_(made.localisation.last.weight)
    small = torch.rand(1, 1, 16, 16)
    coarse = small.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    fine = coarse + 0.1 * torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(16, 16)
    seen: list[Tensor] = []
    made.localisation.register_forward_hook(lambda module, given, found: seen.append(given[0]))  # noqa: ARG005
    torch.testing.assert_close(made.theta(fine), made.theta(coarse))
    torch.testing.assert_close(seen[0], (small - 0.5) / 0.25)
    assert made.localisation.convs[0].out_channels == 4
    assert not torch.allclose(made(fine), made(coarse))
    with pytest.raises(UsageError, match="32 px at most"):
        SpatialTransformer(1, 32, localisation_px=40)


@pytest.mark.parametrize("kind", ["translation", "translation-scale", "rotation", "affine"])
@pytest.mark.parametrize("localisation", ["fc", "attention"])
def test_the_loss_of_what_comes_behind_moves_the_region(kind: str, localisation: str) -> None:
    """Bright upper left corner: following the brightness of the region brings the region there."""
    torch.manual_seed(1)
    made = SpatialTransformer(1, 32, kind=kind, localisation=localisation, crop_px=8, scale=0.5)
    y, x = torch.meshgrid(torch.linspace(1, 0, 32), torch.linspace(1, 0, 32), indexing="ij")
    pixels = (x * y).expand(4, 1, 32, 32)
    optimiser = torch.optim.Adam(made.parameters(), lr=0.02)
    moved = torch.zeros(())
    for _ in range(20):
        optimiser.zero_grad()
        (-made(pixels).mean()).backward()
        optimiser.step()
        moved = moved + torch.stack([p.grad.abs().sum() for p in made.localisation.convs.parameters()])  # type: ignore[union-attr]
    assert moved.gt(0).all(), "the gradient flows to every layer of the localisation net"
    made.eval()
    middle = made.boxes(pixels)[0].mean(dim=0)
    assert middle.max() < 0.45


def test_the_eye_with_a_transformer_sees_what_it_crops(tmp_path: Path) -> None:
    torch.manual_seed(2)
    eye = DescriptorNet(SMALL).eval()
    plain = DescriptorNet(replace(SMALL, transformer=None, crop_px=None, crop_scale=1.0, px=16)).eval()
    plain.load_state_dict({n: t for n, t in eye.state_dict().items() if not n.startswith("transformer")})
    pixels = torch.rand(2, 3, 48, 48)
    region = eye.transformer(pixels)  # type: ignore[misc]
    assert region.shape == (2, 3, 16, 16)
    torch.testing.assert_close(eye(pixels, RGB), plain(region, RGB))
    torch.testing.assert_close(eye.regions(pixels, RGB)[0], torch.tensor(MIDDLE), atol=1e-5, rtol=0)
    eye.save(tmp_path / "w.safetensors")
    loaded = DescriptorNet.load(tmp_path / "w.safetensors")
    assert loaded.settings == SMALL
    assert torch.equal(loaded(pixels, RGB), eye(pixels, RGB))
    fast = eye.for_inference(dtype="float32")
    torch.testing.assert_close(fast(pixels, RGB), eye(pixels, RGB), atol=1e-5, rtol=0)
    torch.testing.assert_close(fast.regions(pixels, RGB), eye.regions(pixels, RGB))  # type: ignore[attr-defined]
    with pytest.raises(UsageError, match="whole picture"):
        plain.regions(region, RGB)


def test_bf16_looks_at_the_same_region() -> None:
    torch.manual_seed(2)
    eye = DescriptorNet(replace(SMALL, localisation="attention")).eval()
    with torch.no_grad():
        nn.init.normal_(eye.transformer.localisation.interest.weight)  # type: ignore[union-attr]
    pixels = torch.rand(4, 3, 48, 48)
    exact, fast = (eye.for_inference(dtype=dtype).regions(pixels, RGB)  # type: ignore[attr-defined]
                   for dtype in ("float32", "bfloat16"))
    assert not torch.allclose(exact[0], torch.tensor(MIDDLE), atol=1e-4)
    torch.testing.assert_close(fast, exact, atol=0.02, rtol=0)


def test_every_parameter_belongs_to_one_part() -> None:
    """What a training gives rates to and freezes: see georetrieval/learn/phases.py."""
    eye = DescriptorNet(SMALL)
    parts = [eye.transformer, eye.fusion, eye.trunk, eye.head]
    together = [id(p) for part in parts for p in part.parameters()]  # type: ignore[union-attr]
    assert sorted(together) == sorted(id(p) for p in eye.parameters())
    assert DescriptorNet(replace(SMALL, transformer=None)).transformer is None


@pytest.mark.parametrize(("changed", "match"), [
    ({"kind": "shear"}, "shear"), ({"localisation": "eyes"}, "eyes"), ({"scale": 2.0}, "2.0"), ({"px": 4}, "8 px"),
])
def test_what_does_not_exist_is_refused(changed: dict, match: str) -> None:
    with pytest.raises(UsageError, match=match):
        SpatialTransformer(**({"channels": 1, "px": 16} | changed))


def test_settings_that_contradict_themselves() -> None:
    bands = ("r", "g", "b", "sgrey")
    with pytest.raises(UsageError, match="any_modality"):
        NetSettings(bands=bands, any_modality=True, transformer="affine")
