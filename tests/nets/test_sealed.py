"""A safetensors file of ours tells its own damage, whatever bit it is."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file, save_file

from georetrieval.errors import InputError
from georetrieval.nets.sealed import sealed, unsealed

TENSORS = {"a": torch.arange(5, dtype=torch.float32), "b": torch.ones(2, 1, dtype=torch.bfloat16), "n": torch.tensor(7),
           "none": torch.zeros(0, 3), "spread": torch.tensor(7).expand(1)}


def test_a_flipped_bit_of_every_byte_is_noticed_or_changes_nothing(tmp_path):
    path = tmp_path / "w.safetensors"
    path.write_bytes(sealed(TENSORS, {"format": "x", "words": '{"é": [1, 2]}'}))
    data, whole = path.read_bytes(), unsealed(path)
    assert whole[1]["format"] == "x"
    assert load_file(path).keys() == TENSORS.keys()
    same = 0
    for place in range(len(data)):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1:])
        try:
            found, words = unsealed(path)
        except InputError:
            continue
        same += 1
        assert all(torch.equal(found[name], tensor) for name, tensor in TENSORS.items())
        assert (words["format"], words["words"]) == ("x", whole[1]["words"])
    assert same < 10  # only in the name of the checksum itself, and blanks


def test_a_file_of_others_has_none(tmp_path):
    save_file({"a": torch.ones(2)}, tmp_path / "w.safetensors")
    assert unsealed(tmp_path / "w.safetensors")[1] == {}
    (tmp_path / "w.safetensors").write_bytes(b"x")
    with pytest.raises(InputError):
        unsealed(tmp_path / "w.safetensors")
