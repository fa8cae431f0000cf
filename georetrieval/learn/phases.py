"""Phases: which parts of a net learn in which epochs, the others stay as they are."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from georetrieval.errors import UsageError
from georetrieval.learn.settings import Phase
from georetrieval.nets.embedder import DescriptorNet


def phase_at(phases: tuple[Phase, ...], epoch: int) -> Phase:
    """The phase that an epoch (from 0) belongs to; without phases everything learns."""
    if not phases:
        return Phase()
    left = epoch % sum(phase.epochs for phase in phases)
    for phase in phases:
        if left < phase.epochs:
            return phase
        left -= phase.epochs
    raise AssertionError("the remainder is below the sum")


def parts_of_net(eye: DescriptorNet, objective: nn.Module) -> dict[str, nn.Module]:
    """The modules of each part that the net has."""
    parts: dict[str, nn.Module] = {"fusion": eye.fusion, "trunk": eye.trunk,
                                   "new": nn.ModuleList([eye.head, objective])}
    transformer = getattr(eye, "transformer", None)
    if isinstance(transformer, nn.Module) and any(True for _ in transformer.parameters()):
        parts["transformer"] = transformer
    return parts


class Freezer:
    """Lets the parts of a phase learn, and holds the others still: no gradients, no batch statistics.

    Raises
    ------
    UsageError
        When a phase names a part that the net has not, or trains nothing.
    """

    def __init__(self, phases: tuple[Phase, ...], eye: DescriptorNet, objective: nn.Module) -> None:
        self.phases = phases
        self._parts = parts_of_net(eye, objective)
        self._learns = {name: [p for p in part.parameters() if p.requires_grad] for name, part in self._parts.items()}
        for phase in phases:
            absent = [name for name in phase.train if name not in self._parts]
            if absent or not any(self._learns[name] for name in self._named(phase)):
                what = f"has no part {absent[0]!r}" if absent else "would learn nothing"
                raise UsageError(f"A phase trains {', '.join(phase.train)}, but this net {what}; its parts are "
                                 f"{', '.join(self._parts)}.")

    def begin(self, epoch: int) -> None:
        """Set the net, which is in training mode, for an epoch."""
        if not self.phases:
            return
        awake = set(self._named(phase_at(self.phases, epoch)))
        for name, part in self._parts.items():
            part.train(name in awake)
            for parameter in self._learns[name]:
                parameter.requires_grad_(name in awake)

    def _named(self, phase: Phase) -> Iterable[str]:
        return phase.train or tuple(self._parts)
