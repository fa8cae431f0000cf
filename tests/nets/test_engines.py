"""Engines: the neighbours of float32, or float32 itself."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import cosine_similarity

from georetrieval.embedding import embed
from georetrieval.errors import MissingExtraError, UsageError
from georetrieval.nets import choice, engines
from georetrieval.nets.choice import VARIABLE, asked, preferring, using
from georetrieval.nets.compiled import TOGETHER, OpenVinoNet, openvino
from georetrieval.nets.embedder import DescriptorNet, Embedder
from georetrieval.nets.inference import InferenceNet
from georetrieval.nets.settings import NetSettings
from georetrieval.samples.arrays import ArraySamples

torch.set_num_threads(1)
RGB, SIX = ("r", "g", "b"), ("r", "g", "b", "sr", "sg", "sb")
SMALL = NetSettings(bands=RGB, px=32, trunk="resnet10t", width=8, cut=1, filters=(8,), descriptor=12)
COUNT = 2 * TOGETHER + 3


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv(VARIABLE, raising=False)
    engines._kept.clear()
    engines._sentences.clear()
    yield
    engines._kept.clear()


def net(settings: NetSettings = SMALL) -> DescriptorNet:
    """A net with batch statistics that are not the trivial ones."""
    torch.manual_seed(3)
    made = DescriptorNet(settings).train()
    with torch.no_grad():
        for _ in range(3):
            made(torch.rand(8, len(settings.bands), settings.px, settings.px), settings.bands)
    return made.eval()


def pictures(count: int = COUNT, bands: tuple[str, ...] = RGB) -> ArraySamples:
    """Pictures that differ as pictures do: colours and large squares, not noise alone."""
    drawn = np.random.default_rng(5)
    squares = drawn.integers(0, 256, (count, len(bands), 4, 4), dtype=np.uint8).repeat(8, axis=2).repeat(8, axis=3)
    return ArraySamples(squares, bands, keys=[f"k{n}" for n in range(count)])


def chosen(eye: InferenceNet, samples: ArraySamples, total: int | None = None) -> Embedder:
    return engines.engine_for(eye, lambda rows: torch.from_numpy(samples.batch(rows)), samples.bands,
                              count=len(samples), total=total or len(samples))


@pytest.mark.parametrize("settings", [
    replace(SMALL, bands=SIX, any_modality=True),
    replace(SMALL, both_ways=True, normalise="picture", disc=True, head="pool", pooling="gem"),
    replace(SMALL, space="euclidean", head="fc", hidden=(8,), fusion="stack", cut=0),
], ids=["six bands or three", "both ways", "euclidean"])
def test_openvino_sees_what_float32_sees(settings: NetSettings) -> None:
    """Batches of any size, the last one not full; a picture's descriptor does not depend on its neighbours."""
    eye = InferenceNet(net(settings), dtype="float32")
    fast, pixels = OpenVinoNet(eye), torch.from_numpy(pictures(COUNT, settings.bands).batch(range(COUNT)))
    exact, found = eye(pixels, settings.bands), fast(pixels, settings.bands)
    assert fast.precision == "f32"
    assert fast.fingerprint() == eye.fingerprint()
    assert (fast.bands, fast.space) == (eye.bands, eye.space)
    torch.testing.assert_close(found, exact, rtol=1e-4, atol=1e-5 * float(exact.abs().max()))
    assert torch.equal(fast(pixels[5:6], settings.bands), found[5:6])
    assert torch.equal(fast(pixels[:-1], settings.bands), found[:-1])
    if settings.any_modality:
        torch.testing.assert_close(fast(pixels[:, :3], RGB), eye(pixels[:, :3], RGB), rtol=1e-4, atol=1e-5)
        assert not torch.allclose(fast(pixels[:, :3], RGB), found, atol=1e-3), "the map counts when it is there"


def test_embedding_takes_the_engine_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole way: the same rows as PyTorch gives, from OpenVINO, compiled once."""
    eye, samples, made = InferenceNet(net()), pictures(), []

    class Counted(OpenVinoNet):
        def __init__(self, inner: InferenceNet) -> None:
            made.append(self)
            self.calls = 0
            super().__init__(inner)

        def __call__(self, pixels: torch.Tensor, bands: tuple[str, ...]) -> torch.Tensor:
            self.calls += 1
            return super().__call__(pixels, bands)

    monkeypatch.setattr(engines, "OpenVinoNet", Counted)
    exact = embed(samples, eye, batch_size=5)
    assert made == []
    with using("openvino"):
        found = embed(samples, eye, batch_size=5)
        again = embed(samples, eye, batch_size=COUNT)
    assert len(made) == 1
    assert made[0].calls == 3 + 4 + 1, "the check in pieces of eight, four batches of five, one of all"
    assert np.allclose(found.vectors, exact.vectors, atol=1e-5)
    assert np.array_equal(found.vectors, again.vectors), "the batch size changes nothing"
    with using("torch"):
        assert np.array_equal(embed(samples, eye, batch_size=5).vectors, exact.vectors)


class Wrong(OpenVinoNet):
    """Gives each picture the descriptor of the next one."""

    def __init__(self, inner: InferenceNet) -> None:
        self.inner = inner

    def __call__(self, pixels: torch.Tensor, bands: tuple[str, ...]) -> torch.Tensor:
        return self.inner(pixels, bands).roll(1, 0)


class Refusing(OpenVinoNet):
    def __init__(self, inner: InferenceNet) -> None:  # noqa: ARG002
        raise RuntimeError("No conversion rule\nfor aten::strange")


@pytest.mark.parametrize(("planted", "why"), [(Wrong, "nearest neighbours"), (Refusing, "aten::strange")])
def test_an_engine_that_fails_its_check_is_not_used(
    planted: type[OpenVinoNet], why: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    eye, samples = InferenceNet(net()), pictures()
    exact = embed(samples, eye)
    monkeypatch.setattr(engines, "OpenVinoNet", planted)
    with using("openvino"), caplog.at_level(logging.WARNING):
        found = [embed(samples, eye) for _ in range(2)]
    assert all(np.array_equal(one.vectors, exact.vectors) for one in found)
    assert len(caplog.messages) == 1, "one line, once"
    assert why in caplog.messages[0]
    assert "\n" not in caplog.messages[0]


def test_what_stays_with_torch_is_told(caplog: pytest.LogCaptureFixture) -> None:
    turned = InferenceNet(net(replace(SMALL, transformer="translation-scale", crop_px=32)))
    with using("openvino"), caplog.at_level(logging.WARNING):
        assert isinstance(chosen(turned, pictures()), InferenceNet)
        assert isinstance(chosen(InferenceNet(net()), pictures(3)), InferenceNet)
    assert "spatial transformer" in caplog.messages[0]
    assert "3 pictures are too few" in caplog.messages[1]


def test_auto_weighs_the_work(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    eye, samples = InferenceNet(net()), pictures()
    monkeypatch.setitem(engines.MANY, "openvino", COUNT + 1)
    assert isinstance(chosen(eye, samples), InferenceNet)
    with using("torch"):
        assert isinstance(chosen(eye, samples, total=COUNT + 1), InferenceNet)
    assert isinstance(chosen(eye, samples, total=COUNT + 1), OpenVinoNet), "these are a part of more"
    assert chosen(eye, samples) is not None
    assert isinstance(chosen(eye, samples), InferenceNet), "whether it was compiled already does not count"
    monkeypatch.setattr(choice, "find_spec", lambda name: None)  # noqa: ARG005
    assert isinstance(chosen(eye, samples, total=COUNT + 1), InferenceNet)
    assert caplog.messages == []


def test_bfloat16_is_checked_too(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Where the processor has it: used when the neighbours agree, and float32 where they do not."""
    monkeypatch.setattr("georetrieval.nets.inference.bf16_is_fast", lambda device: True)  # noqa: ARG005
    monkeypatch.setattr(engines, "MANY", {"bfloat16": COUNT, "openvino": 10**9})
    eye, samples = InferenceNet(net()), pictures()
    assert eye.dtype is torch.bfloat16
    few = chosen(eye, pictures(COUNT - 1))
    assert few.dtype is torch.float32  # type: ignore[attr-defined]
    pixels = torch.from_numpy(samples.batch(range(COUNT)))
    assert cosine_similarity(eye(pixels, RGB), few(pixels, RGB)).min() < 1 - 1e-7, "these are two precisions"
    monkeypatch.setattr(engines, "agreement", lambda *given: replace(AGREE))  # noqa: ARG005
    assert chosen(eye, samples) is eye
    engines._kept.clear()
    monkeypatch.setattr(engines, "agreement", lambda *given: replace(AGREE, first=0.98))  # noqa: ARG005
    with caplog.at_level(logging.WARNING):
        assert chosen(eye, samples).dtype is torch.float32  # type: ignore[attr-defined]
    assert "bfloat16 is left out: on 19 pictures 98.0% of the nearest neighbours" in caplog.messages[0]
    assert chosen(InferenceNet(net(), dtype="bfloat16"), samples).dtype is torch.bfloat16, "asked for by name"  # type: ignore[attr-defined]


AGREE = engines.agreement(torch.eye(COUNT), torch.eye(COUNT), "cosine")


def test_words_for_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked() == "auto"
    with using("torch"), preferring("openvino"):
        assert asked() == "torch", "the command line counts more than a recipe"
    with preferring("torch"):
        assert asked() == "torch"
    assert asked() == "auto"
    with pytest.raises(UsageError, match="no engine 'onnx'"), using("onnx"):
        pass
    monkeypatch.setenv(VARIABLE, "onnx")
    with pytest.raises(UsageError, match=VARIABLE):
        asked()


def test_openvino_is_an_optional_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "find_spec", lambda name: None)  # noqa: ARG005
    for way in (lambda: using("openvino").__enter__(), lambda: OpenVinoNet(InferenceNet(net()))):
        with pytest.raises(MissingExtraError, match=r"pip install 'georetrieval\[openvino\]'"):
            way()
    assert "no openvino" in engines.described()


def test_nobody_is_told_of_a_start() -> None:
    """The package with which OpenVINO reports its use over the network is not loaded with it."""
    openvino()
    assert sys.modules["openvino.tools.ovc.telemetry_utils"].tm.__name__ == "openvino.tools.ovc.telemetry_stub"
    assert "openvino_telemetry" not in sys.modules


@pytest.mark.parametrize("want", [RuntimeError("[CPU] could not create a memory object"), MemoryError()], ids=repr)
def test_want_of_memory_is_not_remembered(
    want: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Of a check that found none this time; the next one may."""
    eye, samples = InferenceNet(net()), pictures()

    class Hungry(OpenVinoNet):
        def __init__(self, inner: InferenceNet) -> None:  # noqa: ARG002
            raise want

    with using("openvino"), caplog.at_level(logging.WARNING):
        with monkeypatch.context() as patch:
            patch.setattr(engines, "OpenVinoNet", Hungry)
            assert isinstance(chosen(eye, samples), InferenceNet)
        assert isinstance(chosen(eye, samples), OpenVinoNet)
    assert caplog.messages == ["openvino is left out this time: there was not enough memory to check it."]


def test_an_engine_is_taken_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unchecked, as it was checked elsewhere; one that is not here is not replaced by another."""
    eye, samples = InferenceNet(net()), pictures()
    found = [engines.engine_called(eye, name, RGB) for name in ("float32", "openvino f32")]
    assert [engines.name_of(one) for one in found] == ["float32", "openvino f32"]
    assert engines.engine_called(eye, "openvino f32", RGB) is found[1]
    with using("torch"):
        assert np.array_equal(embed(samples, eye, engine="openvino f32").vectors,
                              found[1](torch.from_numpy(samples.batch(range(COUNT))), RGB).numpy())
    for name in ("openvino int8", "openvino bf16", "bfloat16", "onnx"):
        with pytest.raises(MissingExtraError, match=f"engine {name}, which this machine does not have"):
            engines.engine_called(InferenceNet(net(), dtype="float32"), name, RGB)
    monkeypatch.setattr(engines, "OpenVinoNet", Refusing)
    engines.forget()
    with pytest.raises(MissingExtraError):
        engines.engine_called(eye, "openvino f32", RGB)
