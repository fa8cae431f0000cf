"""Starting from another net of ours: what fits is taken."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from georetrieval.errors import InputError
from georetrieval.nets.embedder import DescriptorNet
from georetrieval.nets.settings import NetSettings
from georetrieval.nets.starting import is_ours, start_from

torch.set_num_threads(1)
SMALL = NetSettings(bands=("r", "g", "b"), px=64, trunk="resnet10t", filters=(16, 8), descriptor=12)


@pytest.fixture
def donor(tmp_path: Path) -> tuple[DescriptorNet, Path]:
    torch.manual_seed(1)
    net = DescriptorNet(SMALL)
    net.save(tmp_path / "weights.safetensors", also={"fc.weight": torch.ones(1, 12)})
    return net, tmp_path / "weights.safetensors"


def test_the_same_architecture_is_taken_whole(donor: tuple[DescriptorNet, Path]) -> None:
    net = DescriptorNet(SMALL)
    assert start_from(net, donor[1]) == ()
    assert net.fingerprint() == donor[0].fingerprint()


def test_what_does_not_fit_is_named_and_left(donor: tuple[DescriptorNet, Path]) -> None:
    """A photo's net for photo and map, with a shorter descriptor: first and last layer are new, the rest is not."""
    net = DescriptorNet(replace(SMALL, bands=("r", "g", "b", "sr", "sg", "sb"), any_modality=True, descriptor=8))
    fusion = net.fusion.conv.weight.clone()
    assert set(start_from(net, donor[1])) == {"fusion.conv.weight", "head.fc.weight", "head.fc.bias"}
    assert torch.equal(net.fusion.conv.weight, fusion)
    ours, theirs = net.trunk.state_dict(), donor[0].trunk.state_dict()
    assert all(torch.equal(ours[name], tensor) for name, tensor in theirs.items())


def test_nothing_fits(donor: tuple[DescriptorNet, Path], tmp_path: Path) -> None:
    other = DescriptorNet(NetSettings(px=64, trunk="mobilenetv3_small_050", head="pool", descriptor=4, cut=0))
    with pytest.raises(InputError, match="None of the"):
        start_from(other, donor[1])
    save_file({"a": torch.ones(1)}, tmp_path / "other.safetensors")
    with pytest.raises(InputError, match="no descriptor net"):
        start_from(other, tmp_path / "other.safetensors")


def test_ours_and_others(donor: tuple[DescriptorNet, Path], tmp_path: Path) -> None:
    assert is_ours(donor[1])
    save_file({"a": torch.ones(1)}, tmp_path / "other.safetensors")
    (tmp_path / "broken.safetensors").write_bytes(donor[1].read_bytes()[:100])
    assert not any(is_ours(tmp_path / name) for name in ("other.safetensors", "broken.safetensors", "none", "."))
