"""A small real net of the siamese kind, its weights on disk: photo and classes, six bands, cosine space."""

from __future__ import annotations

from pathlib import Path


def weights(folder: Path, *, px: int = 32, legend: str = "") -> Path:
    """A weights file of a net with statistics that are not the trivial ones."""
    import torch

    from georetrieval.nets.embedder import DescriptorNet
    from georetrieval.nets.settings import NetSettings

    bands = ("r", "g", "b", "sr", "sg", "sb")
    torch.manual_seed(4)
    net = DescriptorNet(NetSettings(bands=bands, px=px, trunk="resnet10t", width=8, cut=1, filters=(8,), descriptor=16),
                        legend=legend).train()
    with torch.no_grad():
        for _ in range(2):
            net(torch.rand(8, len(bands), px, px), bands)
    folder.mkdir(parents=True, exist_ok=True)
    net.eval().save(folder / "weights.safetensors")
    return folder / "weights.safetensors"
