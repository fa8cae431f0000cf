"""Trunks: sizes, weights from files, refusals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from georetrieval.errors import InputError, UsageError
from georetrieval.nets.trunk import Trunk

torch.set_num_threads(1)
SMALL = "resnet10t"


def test_whole_resnet_shrinks_32_times_and_the_cut_less() -> None:
    assert Trunk("resnet18").shape(128) == (512, 4, 4)
    cut = Trunk("resnet18", cut=2)
    assert cut.shape(128) == (128, 16, 16)
    assert sum(p.numel() for p in cut.parameters()) < 1_000_000  # what lies behind the cut is gone


def test_a_thin_resnet_has_its_width_doubled_at_each_stage() -> None:
    assert Trunk(SMALL, width=16).shape(128) == (128, 4, 4)
    assert Trunk(SMALL, width=16, cut=3).shape(128) == (64, 8, 8)
    with pytest.raises(UsageError, match="vgg11"):
        Trunk("vgg11", width=16)
    with pytest.raises(UsageError, match="hub has no weights"):
        Trunk(SMALL, width=16, weights="hub")


@pytest.mark.parametrize(
    "wrapped",
    [lambda s: s, lambda s: {f"module.{k}": v for k, v in s.items()}],
)
def test_weights_of_a_file(tmp_path: Path, wrapped: Callable[[dict], dict]) -> None:
    """A classifier's weights, its last layer included, as others publish them."""
    torch.manual_seed(7)
    donor = timm.create_model(SMALL, num_classes=10)
    path = tmp_path / "weights.safetensors"
    save_file(wrapped(donor.state_dict()), path)
    trunk = Trunk(SMALL, weights=path).eval()
    pixels = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(trunk(pixels), donor.eval().forward_features(pixels))


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".bin"])
def test_a_pickle_is_not_opened_but_its_conversion_named(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"w{suffix}"
    torch.save(timm.create_model(SMALL).state_dict(), path)
    with pytest.raises(InputError, match=f"georetrieval weights convert {path} -o {path.with_suffix('.safetensors')}"):
        Trunk(SMALL, weights=path)


def test_weights_of_another_trunk(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file(timm.create_model("resnet18").state_dict(), path)
    with pytest.raises(InputError, match="does not fit"):
        Trunk(SMALL, weights=path)


@pytest.mark.parametrize("content", [b"", b"nothing of the kind", b"\x80\x02}q\x00."])
@pytest.mark.parametrize("name", ["a.pth", "a.safetensors"])
def test_files_that_are_no_weights(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError):
        Trunk(SMALL, weights=tmp_path / name)


def test_missing_file_and_unknown_trunk_and_stage() -> None:
    with pytest.raises(InputError, match="not a file"):
        Trunk(SMALL, weights=Path("nowhere.pth"))
    with pytest.raises(UsageError, match="resnet"):
        Trunk("resnet19")
    with pytest.raises(UsageError, match="cut"):
        Trunk(SMALL, cut=17)


def test_hub_without_network_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_args: object, **_named: object) -> None:
        raise ConnectionError("no route")

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(InputError, match="hub"):
        Trunk(SMALL, weights="hub")


def test_more_bands_repeat_the_three_of_the_file(tmp_path: Path) -> None:
    """Six bands that show the same three colours twice are seen as the three were: each filter counts half."""
    torch.manual_seed(7)
    donor = timm.create_model(SMALL)
    save_file(donor.state_dict(), tmp_path / "w.safetensors")
    trunk = Trunk(SMALL, weights=tmp_path / "w.safetensors", channels=6).eval()
    pixels = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.allclose(trunk(pixels.repeat(1, 2, 1, 1)), donor.eval().forward_features(pixels), atol=1e-5)
    assert trunk.shape(64) == Trunk(SMALL).shape(64)
