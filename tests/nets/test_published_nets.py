"""Nets of the papers by their sizes: two convolutions, cuts inside a trunk, fully connected heads, euclidean spaces."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import timm
import torch
from torch import nn

from georetrieval.embedding import embed
from georetrieval.errors import UsageError
from georetrieval.nets import inference
from georetrieval.nets.embedder import DescriptorNet
from georetrieval.nets.head import FullyConnectedHead, Unit
from georetrieval.nets.settings import NetSettings
from georetrieval.nets.trunk import Trunk
from georetrieval.nets.two_convs import TwoConvs
from georetrieval.samples.arrays import ArraySamples

torch.set_num_threads(1)
RGB = ("r", "g", "b")
TWO = NetSettings(bands=RGB, px=200, fusion="stack", trunk="two-convs", head="fc", hidden=(), dropout=0.0, descriptor=2,
                  normalise="none", space="euclidean")
CUT = NetSettings(bands=RGB, px=64, trunk="mobilenetv2_035", cut_at="blocks.4.0", head="fc", descriptor=8, unit=True)


def test_two_convs_has_the_papers_parameters() -> None:
    """896 + 18,496 and 98 x 98 x 64 x 2 + 2: papers/000, 1.2 millions."""
    net = DescriptorNet(TWO)
    assert sum(p.numel() for p in net.parameters()) == 1_248_706
    assert net(torch.rand(2, 3, 200, 200), RGB).shape == (2, 2)
    assert [tuple(p.shape) for p in net.trunk.parameters()] == [(32, 3, 3, 3), (32,), (64, 32, 3, 3), (64,)]


def test_two_convs_by_hand() -> None:
    """One input of ones; filters that sum their 9 places: 9 after the first, 32 x 81 after the second, kept by ReLU."""
    trunk = TwoConvs(1)
    with torch.no_grad():
        for conv in (trunk.conv1, trunk.conv2):
            conv.weight.fill_(1.0)
            conv.bias.zero_()  # type: ignore[union-attr]
        trunk.conv2.weight[0].fill_(-1.0)
    found = trunk.forward_features(torch.ones(1, 1, 8, 8))
    assert found.shape == (1, 64, 2, 2)
    assert found[0, 0].eq(0).all()
    assert found[0, 1:].eq(32 * 81).all()


def test_two_convs_has_no_width_and_no_hub() -> None:
    for wrong in ({"width": 16}, {"weights": "hub"}):
        with pytest.raises(UsageError, match="two-convs"):
            Trunk("two-convs", **wrong)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="cannot be cut"):
        Trunk("two-convs", cut=1)


@pytest.mark.parametrize(("name", "place", "shape"), [
    ("mobilenetv2_100", "blocks.4.0", (96, 14, 14)),
    ("resnet101", "layer3", (1024, 14, 14)),
    ("efficientnet_b5", "blocks.2.2", (64, 28, 28)),
])
def test_the_three_cuts_of_the_paper(name: str, place: str, shape: tuple[int, int, int]) -> None:
    """Keras: block_10_project_BN is 14 x 14 x 96, block3c_add at 224 px 28 x 28 x 64; ResNet101's third stage 1024."""
    assert Trunk(name, cut_at=place).shape(224) == shape


@pytest.mark.parametrize(("name", "place"), [
    ("resnet10t", "layer3"), ("resnet18", "layer2.0"), ("mobilenetv2_035", "blocks.4.0"),
])
def test_a_cut_gives_what_the_whole_model_has_there(name: str, place: str) -> None:
    torch.manual_seed(4)
    whole = timm.create_model(name).train()
    trunk = Trunk(name, cut_at=place)
    trunk.model.load_state_dict({n: t for n, t in whole.state_dict().items() if n in trunk.model.state_dict()})
    seen: list[torch.Tensor] = []
    whole.get_submodule(place).register_forward_hook(lambda _m, _i, out: seen.append(out))
    pixels = torch.rand(3, 3, 96, 96)
    torch.manual_seed(5)
    found = trunk.train()(pixels)
    torch.manual_seed(5)
    whole(pixels)
    assert torch.equal(found, seen[0])
    left = sum(p.numel() for p in trunk.parameters())
    assert left < sum(p.numel() for p in whole.parameters())
    assert all(p.grad is not None for p in _graded(trunk, pixels))


def _graded(trunk: Trunk, pixels: torch.Tensor) -> list[nn.Parameter]:
    """Every parameter is used: nothing is left over behind the cut."""
    trunk(pixels).sum().backward()
    return list(trunk.parameters())


@pytest.mark.parametrize("place", ["layer3.0.conv1", "layer9", "", "fc"])
def test_a_place_inside_a_branch_or_nowhere_is_refused(place: str) -> None:
    with pytest.raises(UsageError, match="cut at"):
        Trunk("resnet18", cut_at=place)
    with pytest.raises(UsageError, match="leave out one"):
        NetSettings(bands=RGB, trunk="resnet18", cut=2, cut_at="layer3")


def test_vgg_leaves_its_layers_behind_the_map_away() -> None:
    """Thirteen convolutions of VGG16, 14,714,688 parameters (Simonyan and Zisserman's table D without its FC layers).
    """
    with torch.device("meta"):
        whole = timm.create_model("vgg16")
    assert sum(p.numel() for n, p in whole.named_parameters() if n.startswith("features.")) == 14_714_688
    small = Trunk("vgg11", cut_at="features")
    assert all(name.startswith("model.features.") for name, _ in small.named_parameters())


def test_the_head_of_layers_by_hand() -> None:
    """Features 1 and 2; a hidden layer gives 1 - 2 = -1 -> 0 and 2 x 1 + 2 = 4; the last adds 1 + 4 x 10."""
    head = FullyConnectedHead((2, 1, 1), hidden=(2,), dropout=0.5, descriptor=1).eval()
    with torch.no_grad():
        head.layers.hidden1.weight.copy_(torch.tensor([[1.0, -1.0], [2.0, 1.0]]))  # type: ignore[union-attr]
        head.layers.hidden1.bias.zero_()  # type: ignore[union-attr]
        head.fc.weight.copy_(torch.tensor([[100.0, 10.0]]))
        head.fc.bias.fill_(1.0)
    features = torch.tensor([1.0, 2.0]).view(1, 2, 1, 1)
    assert head(features).item() == 41.0
    head.train()
    torch.manual_seed(0)
    assert len({head(features).item() for _ in range(20)}) > 1, "dropout is at work in training"


def test_the_papers_head_of_layers() -> None:
    sizes = [tuple(p.shape) for p in FullyConnectedHead((96, 14, 14), hidden=(256,), dropout=0.5,
                                                       descriptor=64).parameters() if p.ndim == 2]
    assert sizes == [(256, 96 * 14 * 14), (64, 256)]


def test_descriptors_of_length_one() -> None:
    assert Unit()(torch.tensor([[3.0, 4.0]])).tolist() == [[pytest.approx(0.6), pytest.approx(0.8)]]
    torch.manual_seed(0)
    net = DescriptorNet(CUT).eval()
    pixels = torch.rand(4, 3, 64, 64)
    for found in (net(pixels, RGB), net.for_inference(dtype="bfloat16")(pixels, RGB)):
        torch.testing.assert_close(found.norm(dim=1), torch.ones(4), atol=5e-3, rtol=0)


@pytest.mark.parametrize("settings", [
    replace(TWO, px=20), replace(TWO, px=20, fusion="conv", normalise="picture"), CUT,
    replace(CUT, trunk="resnet10t", cut_at="layer3", space="euclidean", unit=False),
])
def test_saved_fast_and_fingerprinted(tmp_path: Path, settings: NetSettings) -> None:
    torch.manual_seed(1)
    net = DescriptorNet(settings).eval()
    pixels = torch.rand(3, 3, settings.px, settings.px)
    net.save(tmp_path / "w.safetensors")
    loaded = DescriptorNet.load(tmp_path / "w.safetensors")
    assert loaded.settings == settings
    assert loaded.space == settings.space == loaded.fingerprint()["space"]
    assert loaded.fingerprint() == net.fingerprint()
    assert torch.equal(loaded(pixels, RGB), net(pixels, RGB))
    torch.testing.assert_close(net.for_inference(dtype="float32")(pixels, RGB), net(pixels, RGB), atol=1e-4, rtol=1e-4)


def test_values_stay_as_they_are_without_normalisation() -> None:
    torch.manual_seed(1)
    stacked, fused = (DescriptorNet(replace(TWO, px=20, fusion=fusion)).eval()  # type: ignore[arg-type]
                      for fusion in ("stack", "conv"))
    fused.trunk.load_state_dict(stacked.trunk.state_dict())
    fused.head.load_state_dict(stacked.head.state_dict())
    pixels = torch.rand(2, 3, 20, 20)
    plain = stacked.head(stacked.trunk(pixels))
    torch.testing.assert_close(stacked(pixels, RGB), plain)
    torch.testing.assert_close(fused(pixels, RGB), plain)


def test_a_euclidean_eye_embeds_into_a_euclidean_space_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lengths count there: "auto" is float32 even where bfloat16 is fast."""
    monkeypatch.setattr(inference, "bf16_is_fast", lambda _device: True)
    net = DescriptorNet(replace(TWO, px=20)).eval()
    stored = torch.randint(0, 256, (3, 3, 20, 20), dtype=torch.uint8)
    pixels = stored / 255
    found = embed(ArraySamples(stored.numpy(), RGB, keys=["a", "b", "c"]), net)
    assert found.space == "euclidean"
    torch.testing.assert_close(torch.from_numpy(found.vectors), net(pixels, RGB).detach(), atol=1e-5, rtol=1e-5)
    assert net.for_inference()._net.head.fc.weight.dtype == torch.float32  # type: ignore[attr-defined]
    assert DescriptorNet(CUT).for_inference()._net.head.fc.weight.dtype == torch.bfloat16  # type: ignore[attr-defined]


def test_settings_written_before_are_equal() -> None:
    """Weights of before this change hold exactly these names, see tests/nets/test_embedder.py."""
    before = {"bands", "px", "fusion_trainable", "trunk", "cut", "head", "pooling", "filters", "batch_norm",
              "descriptor"}
    assert set(NetSettings().as_dict()) == before
    assert NetSettings.from_dict(TWO.as_dict()) == TWO
    assert NetSettings.from_dict(CUT.as_dict()) == CUT
    with pytest.raises(UsageError, match="head fc"):
        replace(TWO, descriptor=0)
