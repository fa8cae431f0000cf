"""The fast copy of a net: bf16 weights, channels last, batch norm folded into the convolutions."""

from __future__ import annotations

import copy
import itertools
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from georetrieval.errors import UsageError
from georetrieval.nets.embedder import DescriptorNet, ordered


class InferenceNet:
    """A frozen copy of a `DescriptorNet`; follows the `Embedder` protocol.

    Parameters
    ----------
    dtype
        "bfloat16", "float32", or "auto": bfloat16 where the processor has instructions for it and the space is
        cosine. In a euclidean space lengths count: there "auto" is float32.
    device
        Where it runs; by default a GPU when there is one.

    Attributes
    ----------
    free
        Its precision was not asked for: whoever embeds many pictures may take another engine, see `nets.engines`.

    Notes
    -----
    Descriptors come back as float32 on the CPU. bfloat16 changes the cosine between two descriptors by less than
    1e-3, so that indexes of both precisions are compatible and the fingerprint does not tell them apart.
    """

    def __init__(self, net: DescriptorNet, *, dtype: str = "auto", device: str | torch.device | None = None) -> None:
        if dtype not in ("auto", "bfloat16", "float32"):
            raise UsageError(f"The precision {dtype!r} does not exist; choose auto, bfloat16 or float32.")
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        fast = dtype == "bfloat16" or (dtype == "auto" and net.space == "cosine" and bf16_is_fast(self.device))
        self.dtype = torch.bfloat16 if fast else torch.float32
        self.free = dtype == "auto"
        self.bands, self.space, self.px = net.bands, net.space, net.settings.px
        self.any_modality = net.any_modality
        self.transformed = net.transformer is not None
        self._fingerprint = net.fingerprint()
        with torch.inference_mode():
            self.folded: DescriptorNet = _laid(folded(net).to(self.device))
            self._net = _laid(copy.deepcopy(self.folded).bfloat16()) if fast else self.folded

    def exact(self) -> InferenceNet:
        """The same in float32; the weights are shared."""
        twin = copy.copy(self)
        twin.dtype, twin._net = torch.float32, self.folded
        return twin

    def fingerprint(self) -> dict[str, Any]:
        """That of the net it was made from."""
        return self._fingerprint

    @torch.inference_mode()
    def __call__(self, pixels: Tensor, bands: tuple[str, ...]) -> Tensor:
        pixels = ordered(pixels, bands, self.bands, self.px, any_modality=self.any_modality)
        pixels = pixels.to(device=self.device, dtype=self.dtype, memory_format=torch.channels_last)
        vectors: Tensor = self._net(pixels, self.bands)
        return vectors.float().cpu()

    @torch.inference_mode()
    def regions(self, pixels: Tensor, bands: tuple[str, ...]) -> Tensor:
        """`(b, 4, 2)` float32 on the CPU: corners of the regions looked at, see `DescriptorNet.regions`."""
        pixels = ordered(pixels, bands, self.bands, self.px)
        regions: Tensor = self._net.regions(pixels.to(device=self.device, dtype=self.dtype), self.bands)
        return regions.float().cpu()


def _laid(net: DescriptorNet) -> DescriptorNet:
    """With its weights channels last."""
    return net.to(memory_format=torch.channels_last)


def bf16_is_fast(device: torch.device) -> bool:
    """Whether bfloat16 is faster than float32 there (avx512_bf16 or AMX instructions, or a GPU with it)."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def folded(net: DescriptorNet) -> DescriptorNet:
    """A copy in which each batch norm is folded into the convolution before it, or a plain copy if that changes it.

    Who comes before whom is read from the order of registration, and then proved: both copies see one random picture.
    """
    plain = copy.deepcopy(net).eval().requires_grad_(requires_grad=False).float()
    fast = copy.deepcopy(plain)
    _fold(fast)
    px = net.settings.px
    picture = torch.rand(1, len(net.bands), px, px, generator=torch.Generator().manual_seed(0))
    before, after = plain(picture, net.bands), fast(picture, net.bands)
    return fast if torch.allclose(before, after, rtol=1e-3, atol=1e-3 * float(before.abs().max())) else plain


def _fold(module: nn.Module) -> None:
    for name, follower in itertools.pairwise(list(module._modules)):
        owner, last = _last_of(module, name)
        conv, norm = owner._modules[last], module._modules[follower]
        if type(conv) is nn.Conv2d and type(norm) is nn.BatchNorm2d and conv.out_channels == norm.num_features:
            owner._modules[last] = fuse_conv_bn_eval(conv, norm)
            module._modules[follower] = nn.Identity()
    for child in module.children():
        _fold(child)


def _last_of(module: nn.Module, name: str) -> tuple[nn.Module, str]:
    """Where the last layer of `module.name` is registered: there, or at the end of a sequence."""
    layer = module._modules[name]
    if isinstance(layer, nn.Sequential) and len(layer):
        return _last_of(layer, list(layer._modules)[-1])
    return module, name
