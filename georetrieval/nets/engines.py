"""Which engine looks at many pictures: the fastest one that finds the neighbours that float32 finds."""

from __future__ import annotations

import json
import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from importlib.metadata import version

import torch
from torch import Tensor

from georetrieval.errors import MissingExtraError
from georetrieval.nets.agreement import agreement
from georetrieval.nets.choice import asked, has_openvino
from georetrieval.nets.compiled import OpenVinoNet
from georetrieval.nets.embedder import Embedder
from georetrieval.nets.inference import InferenceNet, bf16_is_fast
from georetrieval.tasks.task import out_of_memory

CHECKED, LEAST = 64, 8
"""Pictures of the sample that an engine is checked on: the most, and the fewest that say anything."""
MANY = {"bfloat16": 256, "openvino": 1024}
"""From so many pictures on an engine is worth its check, and OpenVINO its seconds of compiling, unasked. *Source*:
PERFORMANCE.md, section 3: 64 pictures cost 5.6 s in float32, and bfloat16 and OpenVINO save 48 and 8 ms each."""
FLOAT32 = "float32"
KEPT = 4
"""Engines that are remembered, with their compiled nets."""

Sample = Callable[[Sequence[int]], Tensor]
_LOG = logging.getLogger("georetrieval.engines")
_kept: OrderedDict[tuple[str, ...], Embedder | None] = OrderedDict()


def engine_for(net: InferenceNet, sample: Sample, bands: tuple[str, ...], *, count: int, total: int) -> Embedder:
    """What is to look at some pictures: OpenVINO, or PyTorch in bfloat16, or in float32.

    Parameters
    ----------
    net
        The net. One whose precision was asked for is taken as it is.
    sample
        Pixels `(n, C, H, W)` float32 of some of the pictures, by their numbers.
    bands
        Of these pixels.
    count
        Pictures at hand.
    total
        Pictures of the whole work of which these are a part: what an engine costs is weighed against it.

    Notes
    -----
    Anything but float32 is first compared with float32 on up to 64 pictures at hand, see `nets.agreement`; where their
    neighbours do not agree the next engine is tried, and that is said in one line of the log "georetrieval.engines",
    which goes to stderr. What was found for a net and its bands is remembered in memory, never on disk; that there was
    no memory for a check is not.
    """
    if not net.free:
        return net
    exact = net.exact()
    seen: list[tuple[Tensor, Tensor]] = []
    for name in candidates(net, count, total):
        place = _place(name, net, bands)
        try:
            if place not in _kept and not seen:
                pixels = sample(_spread(count))
                seen.append((pixels, _in_pieces(exact, pixels, bands)))
            found = _kept[place] if place in _kept else _checked(name, net, bands, *seen[0])
        except (MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            _told(f"{name} is left out this time: there was not enough memory to check it.")
            continue
        _keep(place, found)
        if found is not None:
            return found
    return exact


def name_of(engine: Embedder) -> str:
    """What an engine that was chosen is called: "float32", "bfloat16", "openvino f32", "openvino bf16"."""
    if isinstance(engine, OpenVinoNet):
        return f"openvino {engine.precision}"
    return "bfloat16" if getattr(engine, "dtype", None) is torch.bfloat16 else FLOAT32


def engine_called(net: InferenceNet, name: str, bands: tuple[str, ...]) -> Embedder:
    """The engine of a name that `name_of` gave, here or on another machine, where it was checked.

    Raises
    ------
    MissingExtraError
        When this machine has none such.
    """
    if name == FLOAT32:
        return net.exact()
    if name == "bfloat16" and net.dtype is torch.bfloat16:
        return net
    missing = name.startswith("openvino") and not has_openvino()
    if name.startswith("openvino") and not missing:
        place = _place("openvino", net, bands)
        try:
            found = _kept.get(place) or OpenVinoNet(net)
        except (RuntimeError, ValueError, TypeError) as error:
            if out_of_memory(error):
                raise
        else:
            _keep(place, found)
            if name_of(found) == name:
                return found
    how = "pip install 'georetrieval[openvino]', " if missing else ""
    raise MissingExtraError(f"This work was begun with the engine {name}, which this machine does not have: {how}go on "
                            "where it was begun, or begin again on all machines with --engine torch.")


def forget() -> None:
    """Free the compiled nets that are remembered."""
    _kept.clear()


def _place(name: str, net: InferenceNet, bands: tuple[str, ...]) -> tuple[str, ...]:
    return (name, json.dumps(net.fingerprint(), sort_keys=True), *bands, str(torch.get_num_threads()))


def _keep(place: tuple[str, ...], found: Embedder | None) -> None:
    _kept[place] = found
    _kept.move_to_end(place)
    while len(_kept) > KEPT:
        _kept.popitem(last=False)


def candidates(net: InferenceNet, count: int, total: int) -> list[str]:
    """Engines to be tried, the fastest first; none is float32."""
    word = asked()
    names = []
    if word == "openvino" or (word == "auto" and total >= MANY["openvino"] and has_openvino()):
        why = _not_by_openvino(net, count)
        if not why:
            names.append("openvino")
        elif word == "openvino":
            _told(f"openvino is left out and torch taken: {why}.")
    if net.dtype is torch.bfloat16 and count >= LEAST and total >= MANY["bfloat16"]:
        names.append("bfloat16")
    return names


def _not_by_openvino(net: InferenceNet, count: int) -> str:
    """Why OpenVINO cannot be used; nothing when it can."""
    if net.transformed:
        return "the net has a spatial transformer, whose regions are cut out in PyTorch alone"
    if net.device.type != "cpu":
        return f"the net runs on {net.device.type}"
    if count < LEAST:
        return f"{count} pictures are too few to check it on, it takes {LEAST}"
    return ""


def _checked(
    name: str, net: InferenceNet, bands: tuple[str, ...], pixels: Tensor, exact: Tensor
) -> Embedder | None:
    """An engine whose neighbours agree with float32; None, and a line in the log, for any other one."""
    try:
        made: Embedder = net if name == "bfloat16" else OpenVinoNet(net)
        found = agreement(exact, _in_pieces(made, pixels, bands), net.space)
    except (RuntimeError, ValueError, TypeError) as error:
        if out_of_memory(error):
            raise
        _told(f"{name} is left out: it cannot take this net ({' '.join(str(error).split())[:160]}).")
        return None
    if not found.whole:
        _told(f"{name} is left out: {found}.")
        return None
    return made


def _in_pieces(eye: Embedder, pixels: Tensor, bands: tuple[str, ...]) -> Tensor:
    """Few pictures at once, whatever the memory."""
    return torch.cat([eye(pixels[row:row + LEAST], bands) for row in range(0, len(pixels), LEAST)])


def _spread(count: int) -> list[int]:
    """Numbers of the pictures of the sample, spread evenly over all."""
    size = min(CHECKED, count)
    return [place * count // size for place in range(size)]


def _told(sentence: str) -> None:
    """One line on stderr, once for each sentence."""
    if sentence not in _sentences:
        _sentences.add(sentence)
        _LOG.warning(sentence)


_sentences: set[str] = set()


def described() -> str:
    """The engines of this machine, the processor's instructions that count, and what "auto" takes: for a person."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    half = bf16_is_fast(device)
    words = [f"{device.type} {torch.backends.cpu.get_cpu_capability()}",
             *(["avx512_bf16"] if torch.cpu._is_avx512_bf16_supported() else []),
             *(["amx"] if torch.cpu._is_amx_tile_supported() else [])]
    torch_is = f"bfloat16, float32 below {MANY['bfloat16']} pictures" if half else "float32"
    there = f"openvino {version('openvino')}" if has_openvino() else "no openvino"
    ours = [f"openvino from {MANY['openvino']} pictures on"] if has_openvino() and device.type == "cpu" else []
    takes = ", else ".join([*ours, f"torch ({torch_is})"])
    return f"{' '.join(words)}; torch, {there}; --engine {asked()}: auto takes {takes}"


