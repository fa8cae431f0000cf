"""RELIABILITY R5: sheets, layers and models that had an accident, through the command line.

With a list of checksums nothing damaged is used: it is left out and listed, or refused in one sentence. Without one a
format that has no checksums is believed (RELIABILITY 2.3: a third of the accidents), but nothing ends in a traceback.
"""

from __future__ import annotations

import math
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file

from georetrieval.geo.tileset import TileSet
from georetrieval.nets import converting
from tests.made import tiny
from tests.made.campaign import SEED, size, told
from tests.made.forked import Ending, command, forked, forked_child, load_for
from tests.made.mutations import KINDS, mutated
from tests.made.sources import write_layers, write_models, write_sheets, write_sums

SHEETS, LAYERS, MODELS = size(8, 5_000, ci=180), size(6, 2_000, ci=90), size(8, 1_000, ci=100)
FRESH = 10
"""Every tenth build of sheets begins with nothing; the others go on from the tiles of the undamaged ones."""
SPARE_BYTES = 3 << 30
SECONDS = 60
WORDS = ("--scope", "57", "--date", "2004", "--cell-m", 250, "--px", 16)


def damaged(file: Path, case: int, random: np.random.Generator) -> Iterator[bool]:
    """Damage a file for the length of a loop over this: whether its bytes are others now."""
    data = file.read_bytes()
    changed = mutated(data, KINDS[case % len(KINDS)], random)
    file.write_bytes(changed)
    try:
        yield changed != data
    finally:
        file.write_bytes(data)


def run(step: Callable[[], object]) -> Ending:
    return forked(step, spare_bytes=SPARE_BYTES, seconds=SECONDS)


def tidy(ending: Ending, *codes: int) -> bool:
    """Whether it ended well, or with one sentence of the error after what it told of its progress."""
    *before, last = ending.err.splitlines() or [""]
    one = last.startswith("error: ") and not any(line.startswith(("error: ", "Traceback")) for line in before)
    return ending.code in codes and "Traceback" not in ending.err and (ending.code == 0 or one)


def pixels_at(out: Path) -> dict[str, bytes]:
    """The pixels of every tile of a set, its files as they were written."""
    tiles = TileSet.open(out)
    tiles.verify()
    survey = tiles.surveys[0]
    packed = tiles.pixels(survey["scope"], survey["date"])
    return {name: packed[row].tobytes() for row, name in enumerate(tiles.catalogue["tile_id"])}


def test_r5_a_damaged_sheet_is_left_out_and_listed(memory_folder):
    """Its tiles are missing, all others are as they were, whether begun anew or gone on with."""
    folder, out = memory_folder / "ortho", memory_folder / "out"
    files = write_sheets(folder)
    assert math.gcd(len(files), len(KINDS)) == 1, "each accident happens to each file"
    listed = write_sums(folder)
    build = command("tiles", "build", "--photos", folder, *WORDS, "-o", out)
    checked = command("tiles", "build", "--photos", folder, *WORDS, "-o", out, "--sums", listed)
    load_for(checked)
    assert run(checked).code == 0
    whole = pixels_at(out)
    shutil.copytree(out, memory_folder / "whole")
    random, ends = np.random.default_rng(SEED), Counter[str]()
    for case in range(SHEETS):
        file = files[case % len(files)]
        for differs in damaged(file, case, random):
            shutil.rmtree(out)
            if case % FRESH:
                shutil.copytree(memory_folder / "whole", out)
            found = run(checked)
            where = f"case {case}: {KINDS[case % len(KINDS)]} in {file.name}: {found}"
            assert tidy(found, 3 if differs else 0), where
            assert not differs or file.name in found.err.splitlines()[-1], where
            left = pixels_at(out)
            assert left.items() <= whole.items(), f"silently wrong, {where}"
            assert len(left) == len(whole) - (16 if differs else 0), where
            unlisted = run(build)
            assert tidy(unlisted, 0, 2, 3), f"without a list, {where}: {unlisted}"
            wrong = unlisted.code == 0 and pixels_at(out) != whole
            ends["left out" if differs else "same"] += 1
            ends["unnoticed without a list"] += wrong
    told("R5 sheets", run=SHEETS, silently_wrong=0, tracebacks=0, **ends)
    assert ends["left out"] > 0.9 * SHEETS


def test_r5_damaged_vectors_are_refused(memory_folder):
    """Of a delivery with a damaged file nothing is painted; without a list, one sentence or an answer."""
    layers = write_layers(memory_folder / "vectors")
    listed = write_sums(memory_folder / "vectors")
    random, ends = np.random.default_rng(SEED), Counter[str]()
    files = {kind: sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
             for kind, path in layers.items()}
    whole = {}
    for kind, path in layers.items():
        load_for(built := build_of(path, memory_folder / kind))
        assert run(built).code == 0
        whole[kind] = pixels_at(memory_folder / kind)
    out = memory_folder / "out"
    for case in range(LAYERS):
        kind = sorted(layers)[case % len(layers)]
        file = files[kind][int(random.integers(0, len(files[kind])))]
        for differs in damaged(file, case, random):
            found = run(build_of(layers[kind], out, "--sums", listed))
            where = f"case {case}: {KINDS[case % len(KINDS)]} in {file.name}: {found}"
            assert tidy(found, 2 if differs else 0), where
            assert not differs or (file.name in found.err and not (out / "tiles.json").exists()), where
            shutil.rmtree(out, ignore_errors=True)
            unlisted, seen = run(build_of(layers[kind], out)), run(command("inspect", layers[kind]))
            assert tidy(unlisted, 0, 2), f"without a list, {where}: {unlisted}"
            assert tidy(seen, 0, 2), f"inspected, {where}: {seen}"
            ends["refused" if differs else "same"] += 1
            ends["unnoticed without a list"] += unlisted.code == 0 and pixels_at(out) != whole[kind]
            shutil.rmtree(out, ignore_errors=True)
    told("R5 vectors", run=LAYERS, silently_wrong=0, tracebacks=0, **ends)
    assert ends["refused"] > 0.9 * LAYERS


def build_of(vectors: Path, out: Path, *more: object) -> Callable[[], object]:
    return command("tiles", "build", "--vectors", vectors, *WORDS, "-o", out, *more)


def test_r5_a_damaged_model_is_refused(memory_folder, monkeypatch):
    """A net of ours carries its checksum, and so does what is made of a pickle: the same answer, or a sentence."""
    models = write_models(memory_folder / "models")
    pictures = [memory_folder / f"{name}.png" for name in "ab"]
    for number, path in enumerate(pictures):
        Image.fromarray(tiny.noise((16, 16, 3), number)).save(path)
    monkeypatch.setattr(converting, "_in_a_child", forked_child)
    out = memory_folder / "out.safetensors"
    asked = ("--model", models["ours"].parent, "--threshold", 1, "--format", "json")
    steps = {"ours": command("compare", *pictures, *asked),
             "pickled": command("weights", "convert", models["pickled"], "-o", out)}
    for step in steps.values():
        load_for(step)
    whole = {kind: run(step) for kind, step in steps.items()}
    assert [ending.code for ending in whole.values()] == [0, 0]
    tensors = load_file(out)
    random, ends = np.random.default_rng(SEED), Counter[str]()
    for case in range(MODELS):
        kind = sorted(models)[case // len(KINDS) % len(models)]
        for _ in damaged(models[kind], case, random):
            out.unlink(missing_ok=True)
            found = run(steps[kind])
            where = f"case {case}: {KINDS[case % len(KINDS)]} in {kind}: {found}"
            assert tidy(found, 0, 2, 75), where
            if kind == "pickled" and found.code == 0:
                again = load_file(out)
                same = again.keys() == tensors.keys() and all((again[n] == tensors[n]).all() for n in tensors)
            else:
                same = found.code != 0 or found.out == whole[kind].out
            assert same, f"silently wrong, {where}"
            ends[f"{kind} {'same' if found.code == 0 else 'refused'}"] += 1
    told("R5 models", run=MODELS, silently_wrong=0, tracebacks=0, **ends)
    assert all(ends[f"{kind} refused"] > 0.3 * MODELS / len(models) for kind in models)


@pytest.mark.parametrize("what", ["gone", "empty"])
def test_r5_a_sheet_that_is_gone_is_listed(memory_folder, what):
    """Nothing but the list knows of it."""
    files = write_sheets(memory_folder / "ortho")
    listed = write_sums(memory_folder / "ortho")
    files[0].unlink()
    if what == "empty":
        files[0].touch()
    found = forked(command("tiles", "build", "--photos", memory_folder / "ortho", *WORDS, "-o", memory_folder / "out",
                           "--sums", listed))
    assert tidy(found, 3), found
    assert files[0].name in found.err.splitlines()[-1]
