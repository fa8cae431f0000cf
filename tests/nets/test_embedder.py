"""The descriptor net as a whole: bands, sizes, identity, saving, the fast copy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn.functional import cosine_similarity

from georetrieval.errors import InputError, MismatchError, UsageError
from georetrieval.nets.embedder import DescriptorNet, load_also, ordered
from georetrieval.nets.settings import NetSettings

torch.set_num_threads(1)
BANDS = ("r", "g", "b", "sgrey")
SMALL = NetSettings(bands=BANDS, px=64, trunk="resnet10t", filters=(16, 8), descriptor=12)


def net(settings: NetSettings = SMALL, seed: int = 3) -> DescriptorNet:
    """A net with batch statistics that are not the trivial ones."""
    torch.manual_seed(seed)
    made = DescriptorNet(settings, legend="abc")
    made.train()
    with torch.no_grad():
        for _ in range(3):
            made(torch.rand(8, len(settings.bands), settings.px, settings.px), settings.bands)
    return made.eval()


def test_one_descriptor_per_picture() -> None:
    assert net()(torch.rand(2, 4, 64, 64), BANDS).shape == (2, 12)


def test_a_map_is_a_descriptor_with_a_place_for_everything() -> None:
    """64 px, an eighth of the side: 8 x 8 places of 2 numbers; what is at the left changes nothing at the far right."""
    made = net(replace(SMALL, cut=2, head="map", filters=(2,), descriptor=128, normalise="none", fusion="stack"))
    pixels = torch.rand(1, 4, 64, 64)
    other = pixels.clone()
    other[..., :8] = 0
    one, two = (made(seen, BANDS).view(2, 8, 8) for seen in (pixels, other))
    assert not torch.allclose(one[..., 0], two[..., 0], atol=1e-3)
    assert torch.allclose(one[..., -1], two[..., -1], atol=1e-5)
    with pytest.raises(UsageError, match="number of its filters"):
        replace(SMALL, head="map", filters=())


def test_bands_in_any_order_and_more_of_them() -> None:
    made, pixels = net(), torch.rand(2, 4, 64, 64)
    shuffled = torch.stack([pixels[:, 3], torch.zeros(2, 64, 64), pixels[:, 2], pixels[:, 1], pixels[:, 0]], dim=1)
    assert torch.equal(made(pixels, BANDS), made(shuffled, ("sgrey", "classes", "b", "g", "r")))


def test_missing_band_and_other_size_are_refused() -> None:
    with pytest.raises(MismatchError, match="sgrey"):
        ordered(torch.rand(1, 3, 64, 64), ("r", "g", "b"), BANDS)
    with pytest.raises(MismatchError, match="64 x 64"):
        net()(torch.rand(1, 4, 32, 64), BANDS)


def test_saved_and_loaded_is_the_same_net(tmp_path: Path) -> None:
    made, pixels = net(), torch.rand(2, 4, 64, 64)
    made.save(tmp_path / "w.safetensors", also={"fc.weight": torch.ones(1, 12)})
    loaded = DescriptorNet.load(tmp_path / "w.safetensors")
    assert torch.equal(made(pixels, BANDS), loaded(pixels, BANDS))
    assert loaded.fingerprint() == made.fingerprint()
    assert loaded.settings == SMALL
    assert load_also(tmp_path / "w.safetensors")["fc.weight"].tolist() == [[1.0] * 12]


def test_fingerprint_tells_weights_architecture_and_legend_apart() -> None:
    print_ = net().fingerprint()
    assert net().fingerprint() == print_
    assert net(seed=4).fingerprint()["weights"] != print_["weights"]
    assert net(replace(SMALL, batch_norm=False)).fingerprint()["architecture"] != print_["architecture"]
    changed = net()
    with torch.no_grad():
        changed.head.fc.bias[0] += 1e-6
    assert changed.fingerprint()["weights"] != print_["weights"]
    changed = net()
    changed.legend = "abd"
    assert changed.fingerprint() == print_ | {"legend": "abd"}


@pytest.mark.parametrize("damage", [slice(0, 100), slice(0, -50)])
def test_damaged_files_are_refused(tmp_path: Path, damage: slice) -> None:
    path = tmp_path / "w.safetensors"
    net().save(path)
    path.write_bytes(path.read_bytes()[damage])
    with pytest.raises(InputError):
        DescriptorNet.load(path)


def test_missing_and_foreign_files_are_refused(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    with pytest.raises(InputError, match="not a file"):
        DescriptorNet.load(tmp_path / "nowhere.safetensors")
    save_file({"a": torch.ones(1)}, tmp_path / "other.safetensors")
    with pytest.raises(InputError, match="no descriptor net"):
        DescriptorNet.load(tmp_path / "other.safetensors")


@pytest.mark.parametrize("settings", [SMALL, replace(SMALL, trunk="resnet18", head="pool", descriptor=0),
                                      replace(SMALL, cut=2, head="map", filters=(2,), descriptor=128, unit=True)])
def test_bf16_agrees_with_fp32(settings: NetSettings) -> None:
    made = net(settings)
    pixels = torch.rand(8, 4, 64, 64) * torch.rand(8, 4, 1, 1)
    exact = made.for_inference(dtype="float32")(pixels, BANDS)
    fast = made.for_inference(dtype="bfloat16")(pixels, BANDS)
    assert exact.dtype == fast.dtype == torch.float32
    assert cosine_similarity(exact, fast).min() > 0.999
    assert torch.allclose(exact, made(pixels, BANDS), atol=1e-4)  # folding batch norm changes nothing


def test_batch_norm_is_folded_and_the_original_left_alone() -> None:
    made = net()
    before = {name: tensor.clone() for name, tensor in made.state_dict().items()}
    fast = made.for_inference(dtype="float32")
    kinds = [type(layer).__name__ for layer in fast._net.modules()]
    assert "BatchNorm2d" not in kinds
    assert all(torch.equal(tensor, before[name]) for name, tensor in made.state_dict().items())
    assert fast.fingerprint() == made.fingerprint()


def test_unknown_precision() -> None:
    with pytest.raises(UsageError, match="int8"):
        net().for_inference(dtype="int8")


ANY = replace(SMALL, any_modality=True)
PHOTO, MAP = ("r", "g", "b"), ("sgrey",)


@pytest.mark.parametrize("fusion", ["conv", "stack"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_any_modality_takes_either_part_alone(fusion: str, dtype: str) -> None:
    """A photo without a map is the same as one whose map bands say that they are missing."""
    made, pixels = net(replace(ANY, fusion=fusion)), torch.rand(2, 4, 64, 64)  # type: ignore[arg-type]
    fast = made.for_inference(dtype=dtype)
    assert made.any_modality
    assert fast.any_modality
    marked = pixels.clone()
    marked[:, 3] = torch.nan
    photo = fast(pixels[:, :3], PHOTO)
    assert photo.isfinite().all()
    assert torch.equal(photo, fast(marked, BANDS))
    assert fast(pixels[:, 3:], MAP).isfinite().all()
    assert not torch.allclose(photo, fast(pixels, BANDS), atol=1e-3), "the map counts when it is there"
    with pytest.raises(MismatchError, match="sgrey"):
        fast(pixels[:, :2], ("r", "g"))


def test_without_any_modality_a_part_is_refused() -> None:
    with pytest.raises(MismatchError, match="sgrey"):
        net().for_inference()(torch.rand(1, 3, 64, 64), PHOTO)


def test_any_modality_needs_two_parts() -> None:
    with pytest.raises(UsageError, match="photo and of the map"):
        replace(ANY, bands=PHOTO)


def test_settings_written_before_are_still_read(tmp_path: Path) -> None:
    """Fields that came later are not written at their default: old indexes keep their fingerprint."""
    written = SMALL.as_dict()
    assert {"fusion", "any_modality"}.isdisjoint(written)
    assert NetSettings.from_dict(written) == SMALL
    stacked = replace(ANY, fusion="stack")
    assert NetSettings.from_dict(stacked.as_dict()) == stacked
    net(stacked).save(tmp_path / "w.safetensors")
    assert DescriptorNet.load(tmp_path / "w.safetensors").settings == stacked
    with pytest.raises(InputError, match="another version"):
        NetSettings.from_dict({name: value for name, value in written.items() if name != "px"})
