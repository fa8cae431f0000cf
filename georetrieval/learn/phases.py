"""Phases: which parts of a net learn in which epochs, the others stay as they are."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from georetrieval.errors import UsageError
from georetrieval.learn.settings import Phase, ordered_phases
from georetrieval.nets.embedder import DescriptorNet
from georetrieval.nets.head import FullyConnectedHead


def phase_at(phases: tuple[Phase, ...], epoch: int) -> Phase:
    """The phase that an epoch (from 0) belongs to; without phases, or when none is left, everything learns."""
    start, again = ordered_phases(phases)
    before = sum(phase.epochs for phase in start)
    if epoch >= before and not again:
        return Phase()
    left = epoch if epoch < before else (epoch - before) % sum(phase.epochs for phase in again)
    for phase in start if epoch < before else again:
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
        When a phase names a part that the net has not, or trains nothing; when the transformer is to rest and there is
        none, or the head takes one size only.
    """

    def __init__(self, phases: tuple[Phase, ...], eye: DescriptorNet, objective: nn.Module) -> None:
        self.phases = phases
        self.eye = eye
        self._parts = parts_of_net(eye, objective)
        self._learns = {name: [p for p in part.parameters() if p.requires_grad] for name, part in self._parts.items()}
        for phase in phases:
            absent = [name for name in phase.train if name not in self._parts]
            if absent or not any(self._learns[name] for name in self._named(phase)):
                what = f"has no part {absent[0]!r}" if absent else "would learn nothing"
                raise UsageError(f"A phase trains {', '.join(phase.train)}, but this net {what}; its parts are "
                                 f"{', '.join(self._parts)}.")
            if phase.whole and ("transformer" not in self._parts or isinstance(eye.head, FullyConnectedHead)):
                raise UsageError("A phase shows whole pictures to a net that has no transformer in front or whose head "
                                 "takes one size only; give it a transformer and the head pool or convs, or leave out "
                                 "whole.")

    def begin(self, epoch: int) -> None:
        """Set the net, which is in training mode, for an epoch."""
        if not self.phases:
            return
        phase = phase_at(self.phases, epoch)
        awake = set(self._named(phase))
        self.eye.rests = phase.whole
        for name, part in self._parts.items():
            part.train(name in awake)
            for parameter in self._learns[name]:
                parameter.requires_grad_(name in awake)

    def _named(self, phase: Phase) -> Iterable[str]:
        return phase.train or tuple(self._parts)
