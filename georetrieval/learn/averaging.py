"""The weights that are looked at and kept: the net's own, or their exponential moving average."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from georetrieval.nets.embedder import DescriptorNet

_Tensors = tuple[Tensor, ...] | list[Tensor]


def decay_after(updates: int, decay: float) -> float:
    """The decay of an average that has seen so many updates: it grows to `decay`, so that the start is soon forgotten.

    *Source*: TensorFlow, `ExponentialMovingAverage` with `num_updates`: min(decay, (1 + n) / (10 + n)).
    """
    return min(decay, (1 + updates) / (10 + updates))


class Average:
    """An exponential moving average of a net's weights and batch statistics.

    Parameters
    ----------
    eye
        The net in training.
    decay
        Share of the old average in the new one, 0..1; 0 keeps no average.

    Notes
    -----
    The first update copies the net.
    """

    def __init__(self, eye: DescriptorNet, decay: float) -> None:
        self._eye = eye
        self._mean: AveragedModel | None = None
        if decay:
            self._mean = AveragedModel(eye, multi_avg_fn=_moving(decay), use_buffers=True)

    @property
    def eye(self) -> DescriptorNet:
        """The net to be looked at: the average, or the net in training where there is none."""
        if self._mean is None:
            return self._eye
        module = self._mean.module
        assert isinstance(module, DescriptorNet)
        return module

    def update(self) -> None:
        """One more step has been made."""
        if self._mean is not None:
            self._mean.update_parameters(self._eye)

    def state_dict(self) -> dict[str, Tensor]:
        """What an exact resume needs."""
        return {} if self._mean is None else dict(self._mean.state_dict())

    def load_state_dict(self, tensors: Mapping[str, Tensor]) -> None:
        """The inverse of `state_dict`."""
        if self._mean is not None:
            self._mean.load_state_dict(dict(tensors))


def _moving(decay: float) -> Callable[[_Tensors, _Tensors, Tensor | int], None]:
    def step(mean: _Tensors, now: _Tensors, updates: Tensor | int) -> None:
        average = get_ema_multi_avg_fn(decay_after(int(updates), decay))  # type: ignore[no-untyped-call]
        average(mean, now, updates)

    return step
