"""A net compiled by OpenVINO for the processor at hand: an optional part."""

from __future__ import annotations

import sys
import warnings
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from georetrieval.nets.choice import require_openvino
from georetrieval.nets.embedder import DescriptorNet, ordered
from georetrieval.nets.inference import InferenceNet

TOGETHER = 8
"""Pictures of one request; as many requests run at once as the processor likes."""
_TELEMETRY = "openvino_telemetry"


class OpenVinoNet:
    """A frozen copy of an `InferenceNet` that OpenVINO runs; follows the `Embedder` protocol.

    Parameters
    ----------
    net
        Its float32 weights are taken; bfloat16 is used where `net` uses it and OpenVINO can.

    Notes
    -----
    The compiled shape is fixed, 8 pictures: a batch goes in pieces, the last one filled up with black pictures, so that
    a descriptor does not depend on how many came with it. It takes as many threads as PyTorch has.

    Raises
    ------
    MissingExtraError
        When OpenVINO is not installed.
    RuntimeError, ValueError, TypeError
        When OpenVINO cannot take the net.
    """

    def __init__(self, net: InferenceNet) -> None:
        self.bands, self.space, self.px, self.any_modality = net.bands, net.space, net.px, net.any_modality
        self._fingerprint = net.fingerprint()
        ov = openvino()
        core = ov.Core()
        half = net.dtype is torch.bfloat16 and "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        self.precision = "bf16" if half else "f32"
        compiled = core.compile_model(_converted(ov, net.folded), "CPU", {
            "PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": self.precision,
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        })
        self._length = int(compiled.output(0).shape[1])
        self._queue = ov.AsyncInferQueue(compiled)
        self._queue.set_callback(_keep)

    def fingerprint(self) -> dict[str, Any]:
        """That of the net it was made from: precisions are compatible, see `InferenceNet`."""
        return self._fingerprint

    def __call__(self, pixels: Tensor, bands: tuple[str, ...]) -> Tensor:
        pixels = ordered(pixels, bands, self.bands, self.px, any_modality=self.any_modality)
        values = pixels.float().contiguous().numpy()
        vectors = np.empty((len(values), self._length), np.float32)
        for start in range(0, len(values), TOGETHER):
            piece = values[start : start + TOGETHER]
            self._queue.start_async({0: _filled(piece)}, vectors[start : start + len(piece)])
        self._queue.wait_all()
        return torch.from_numpy(vectors)


def openvino() -> ModuleType:
    """OpenVINO, loaded; what it would tell its makers of each start stays here.

    Raises
    ------
    MissingExtraError
        When it is not installed.
    """
    require_openvino()
    silenced = "openvino" not in sys.modules and _TELEMETRY not in sys.modules
    if silenced:  # as if that package were not installed
        sys.modules[_TELEMETRY] = None  # type: ignore[assignment]
    try:
        import openvino as ov
    finally:
        if silenced:
            del sys.modules[_TELEMETRY]
    module: ModuleType = ov
    return module


def _keep(request: Any, place: npt.NDArray[np.float32]) -> None:
    place[:] = request.get_output_tensor(0).data[: len(place)]


def _filled(piece: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """With black pictures behind it, as many as a request takes."""
    if len(piece) == TOGETHER:
        return piece
    return np.concatenate([piece, np.zeros((TOGETHER - len(piece), *piece.shape[1:]), np.float32)])


class _Whole(nn.Module):
    """A net as a function of pixels alone."""

    def __init__(self, net: DescriptorNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, pixels: Tensor) -> Tensor:
        vectors: Tensor = self.net(pixels, self.net.bands)
        return vectors


def _converted(ov: ModuleType, net: DescriptorNet) -> Any:
    """The net as OpenVINO reads it, from what PyTorch does with one picture."""
    shape = (len(net.bands), net.settings.px, net.settings.px)
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of shapes that are fixed here
        return ov.convert_model(_Whole(net), example_input=torch.full((1, *shape), 0.5), input=[TOGETHER, *shape])
