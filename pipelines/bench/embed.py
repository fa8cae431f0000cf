"""Embedding: images a second of named peers and of ours, and whether their neighbours are those of float32.

    python pipelines/bench/embed.py [--net resnet50|siamese] [--batch 8] [--tiles FOLDER --date 2004] [--model RUN]
                                    [--skip NAME] [--keep]

The net is ResNet50 with the head of the paper at 256 px (photo and map, 256 numbers), or the one of
pipelines/siamese.yaml; its weights are those of --model, else random ones with batch statistics of the pictures. The
pictures are tiles of --tiles, else made-up land. ONNX Runtime is raced where it is installed (pip install onnx
onnxscript onnxruntime), torch.compile where there is a C++ compiler: it takes minutes to start.
"""

from __future__ import annotations

import argparse
import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from shutil import which

import torch
from racing import RUNS, keep, race

from georetrieval.nets.agreement import agreement
from georetrieval.nets.choice import has_openvino
from georetrieval.nets.compiled import OpenVinoNet
from georetrieval.nets.embedder import DescriptorNet
from georetrieval.nets.inference import InferenceNet
from georetrieval.nets.settings import NetSettings
from georetrieval.recipe.build import net_settings
from georetrieval.recipe.loading import load_recipe
from georetrieval.recipe.models import weights_file

PEER = "torch float32 NCHW"
SAMPLE = 64
"""Pictures whose neighbours are compared."""
Look = Callable[[torch.Tensor], torch.Tensor]


class Whole(torch.nn.Module):
    """A net as a function of pixels alone."""

    def __init__(self, net: DescriptorNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.net(pixels, self.net.bands)


def land(count: int, bands: int, px: int) -> torch.Tensor:
    """Made-up land: each picture has its own colours and its own structure at several sizes."""
    drawn = torch.Generator().manual_seed(7)
    pictures = torch.rand(count, bands, 1, 1, generator=drawn) * 0.5
    for side in (2, 4, 16, 64):
        noise = torch.rand(count, bands, side, side, generator=drawn)
        pictures = pictures + torch.nn.functional.interpolate(noise, size=px, mode="bilinear") * 0.4
    return pictures.clamp(0, 1)


def net_of(args: argparse.Namespace) -> DescriptorNet:
    """The net that is raced."""
    if args.model:
        return DescriptorNet.load(weights_file(args.model))
    settings = NetSettings()
    if args.net == "siamese":
        recipe = load_recipe(Path(__file__).parents[1] / "siamese.yaml", [])
        settings = net_settings(recipe.eye, recipe.tiles.px)
    torch.manual_seed(1)
    net = DescriptorNet(settings).train()
    with torch.no_grad():
        for seed in range(2):  # batch norm is given the pictures' statistics
            net(land(8, len(settings.bands), settings.px).roll(seed, 0), settings.bands)
    return net.eval()


def pixels_of(args: argparse.Namespace, net: DescriptorNet) -> torch.Tensor:
    """`(64, C, px, px)`: tiles spread evenly over a date, or made-up land."""
    if args.tiles is None:
        return land(SAMPLE, len(net.bands), net.settings.px)
    from georetrieval.geo.tileset import TileSet
    from georetrieval.samples.campaigns import TileSamples

    samples = TileSamples(TileSet.open(args.tiles), date=args.date, bands=net.bands)
    size = min(SAMPLE, len(samples))
    return torch.from_numpy(samples.batch([n * len(samples) // size for n in range(size)]))


def contenders(net: DescriptorNet, pixels: torch.Tensor, batch: int, skip: list[str]) -> Iterator[tuple[str, Look]]:
    """Peers, then ours."""
    yield PEER, lambda some: net(some, net.bands)
    last = DescriptorNet.described(net.description()).eval()
    last.load_state_dict(net.state_dict())
    last = last.to(memory_format=torch.channels_last)
    yield "torch float32 channels_last", lambda some: last(some.contiguous(memory_format=torch.channels_last),
                                                           net.bands)
    ours = InferenceNet(net)
    half = ours.dtype is torch.bfloat16
    example = pixels[:batch]
    if "compile" not in skip and which("g++"):
        yield f"torch.compile {'bf16' if half else 'float32'} freezing", compiled(ours, example)
    if "onnx" not in skip and find_spec("onnxruntime") and find_spec("onnxscript"):
        yield "ONNX Runtime float32", onnx_runtime(ours, example)
    if half:
        exact = ours.exact()
        yield "ours: torch float32, folded", lambda some: exact(some, net.bands)
    yield f"ours: torch {'bf16' if half else 'float32'}, folded (default)", lambda some: ours(some, net.bands)
    if has_openvino():
        fast = OpenVinoNet(ours)
        yield f"ours: OpenVINO {fast.precision}", lambda some: fast(some, net.bands)


def compiled(ours: InferenceNet, example: torch.Tensor) -> Look:
    """PyTorch's own compiler on our folded net."""
    import torch._inductor.config as settings

    settings.freezing = True
    whole = torch.compile(Whole(ours._net))
    whole(example.to(ours.dtype, memory_format=torch.channels_last))
    return lambda some: whole(some.to(ours.dtype, memory_format=torch.channels_last)).float()


def onnx_runtime(ours: InferenceNet, example: torch.Tensor) -> Look:
    """ONNX Runtime on our folded net, as many threads as PyTorch has."""
    import onnxruntime

    file = io.BytesIO()
    with redirect_stdout(io.StringIO()):
        torch.onnx.export(Whole(ours.folded), (example,), dynamo=True, external_data=False).save(file)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(file.getvalue(), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda some: torch.from_numpy(session.run(None, {name: some.numpy()})[0])


def in_batches(look: Look, pixels: torch.Tensor, batch: int) -> torch.Tensor:
    """All descriptors, batch by batch."""
    return torch.cat([look(some) for some in pixels.split(batch)])


@contextmanager
def quiet() -> Iterator[None]:
    """Without gradients, and without what tracers warn of."""
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--net", choices=("resnet50", "siamese"), default="resnet50")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--images", type=int, default=32, help="pictures of one run, a multiple of the batch")
    parser.add_argument("--tiles", type=Path)
    parser.add_argument("--date", default="2004")
    parser.add_argument("--model")
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--skip", action="append", default=[], choices=("compile", "onnx"))
    parser.add_argument("--keep", action="store_true")
    args = parser.parse_args()
    with quiet():
        net = net_of(args)
        pixels = pixels_of(args, net)
        looks = dict(contenders(net, pixels, args.batch, args.skip))
        exact = in_batches(looks[PEER], pixels, args.batch)
        found = {name: agreement(exact, in_batches(look, pixels, args.batch), net.space)
                 for name, look in looks.items()}
        raced = pixels[:args.images]
        work = {name: lambda look=look: in_batches(look, raced, args.batch) for name, look in looks.items()}
        title = f"{args.model or args.net}, {len(net.bands)} bands at {net.settings.px} px, batches of {args.batch}"
        result = race(title, work, peer=PEER, work=len(raced), unit="images", runs=args.runs)
    for name, one in found.items():
        print(f"{name}: nearest neighbour {one.first:.3f}, five {one.five:.3f}, smallest cosine {one.alike:.6f}")
    if args.keep:
        more = {"agreement": {name: vars(one) for name, one in found.items()}, "threads": torch.get_num_threads()}
        print(keep(f"embed-{args.net}", [result], more))


if __name__ == "__main__":
    main()
