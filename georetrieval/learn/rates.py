"""Learning rates: by layer, and over time."""

from __future__ import annotations

import math

import torch
from torch import nn

from georetrieval.learn.settings import TrainSettings
from georetrieval.nets.embedder import DescriptorNet


def rate_factor(done: float, schedule: str, warmup: float) -> float:
    """Factor of the learning rates when a share `done` (0..1) of the training is over.

    Rises in a straight line during `warmup`, then stays 1 ("constant") or follows half a cosine down to 0.
    """
    if done < warmup:
        return max(done, 1e-3) / warmup
    if schedule == "constant":
        return 1.0
    return 0.5 * (1 + math.cos(math.pi * (done - warmup) / max(1e-9, 1 - warmup)))


def optimiser_of(eye: DescriptorNet, objective: nn.Module, settings: TrainSettings) -> torch.optim.Optimizer:
    """Adam or AdamW with one group of parameters per rate: fusion, trunk, new layers (head and objective)."""
    layers = (
        (eye.fusion, settings.rate_fusion),
        (eye.trunk, settings.rate_trunk),
        (nn.ModuleList([eye.head, objective]), settings.rate_new),
    )
    groups = [{"params": [p for p in layer.parameters() if p.requires_grad], "lr": rate} for layer, rate in layers]
    kind = torch.optim.AdamW if settings.optimiser == "adamw" else torch.optim.Adam
    return kind([group for group in groups if group["params"]], weight_decay=settings.weight_decay)
