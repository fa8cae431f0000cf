"""Learning rates: by layer, and over time."""

from __future__ import annotations

import math

import torch
from torch import nn

from georetrieval.learn.phases import parts_of_net
from georetrieval.learn.settings import TrainSettings
from georetrieval.nets.embedder import DescriptorNet

MOMENTUM = 0.9


def slowed(steps: int, decay: float) -> float:
    """Factor of the learning rates after so many steps, inverse-time decay: 1 / (1 + decay * steps).

    *Source*: Keras, `SGD(decay=...)`, which papers/000 trains with (decay 1e-8).
    """
    return 1 / (1 + decay * steps)


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
    """Adam, AdamW or SGD with one group of parameters per rate: fusion, trunk, new layers (head and objective), and
    the transformer where there is one.

    *Source*: papers/000, section 4 (SGD, Nesterov momentum 0.9).
    """
    rates = {"fusion": settings.rate_fusion, "trunk": settings.rate_trunk, "new": settings.rate_new,
             "transformer": settings.rate_transformer}
    groups = [{"params": [p for p in part.parameters() if p.requires_grad], "lr": rates[name]}
              for name, part in parts_of_net(eye, objective).items()]
    groups = [group for group in groups if group["params"]]
    if settings.optimiser == "sgd":
        return torch.optim.SGD(groups, momentum=MOMENTUM, nesterov=True, weight_decay=settings.weight_decay)
    kind = torch.optim.AdamW if settings.optimiser == "adamw" else torch.optim.Adam
    return kind(groups, weight_decay=settings.weight_decay)
