"""The whole build (decode, paint, cut, embed, write) against embedding alone on the same tiles. Goal: within 10 %.

    python pipelines/bench/whole.py                      a small net (ResNet18 cut after its second stage), 128 px
    python pipelines/bench/whole.py --trunk resnet50 --px 256 --km 6 --keep
    python pipelines/bench/whole.py --memory 4 8 16      peak memory of all processes, by the side of the square in km

The world is `georetrieval synth departement`, written once to a folder that is kept in the temporary folder.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from shutil import rmtree

import psutil
from racing import Race, keep, race

from georetrieval.embedding import embed
from georetrieval.geo.grid import TileGrid
from georetrieval.geo.legend import Legend
from georetrieval.geo.making import Settings
from georetrieval.geo.tile import Survey
from georetrieval.nets.embedder import DescriptorNet
from georetrieval.nets.settings import NetSettings
from georetrieval.recipe.embedding_work import BATCH
from georetrieval.recipe.index_surveys import index_surveys, plan_surveys
from georetrieval.recipe.sources import read_world
from georetrieval.synthetic.departement import write_departement
from georetrieval.tasks.running import Hands

BANDS = ("r", "g", "b", "sr", "sg", "sb")


def folder_of(km: int, sheet_km: int, gsd_m: float) -> Path:
    """Where the world of these sizes lies."""
    return Path(tempfile.gettempdir()) / f"georetrieval-bench-{km}-{sheet_km}-{gsd_m:g}"


def world(km: int, sheet_km: int, gsd_m: float) -> list[Survey]:
    """Surveys of a made-up département, made once."""
    folder = folder_of(km, sheet_km, gsd_m)
    if not folder.exists():
        write_departement(folder, km=km, sheet_km=sheet_km, gsd_m=gsd_m)
    return [Survey(**entry.model_dump()) for entry in read_world(folder)]


def net(trunk: str, px: int, folder: Path) -> str:
    """An untrained net as a weights file."""
    small = {"cut": 2} if trunk != "resnet50" else {}
    path = folder / "net.safetensors"
    DescriptorNet(NetSettings(bands=BANDS, px=px, trunk=trunk, descriptor=256, **small)).save(path)
    return str(path)


def both(surveys: list[Survey], settings: Settings, model: str, jobs: int, runs: int) -> Race:
    """Race the whole build against embedding the same pixels out of memory."""
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        plan = plan_surveys(place / "plan", surveys, settings, model)
        eye = plan.work.eye.load()
        seen = [plan.work.read(task).samples for task in plan.order]
        each = [samples for samples in seen if samples is not None]
        tiles = sum(map(len, each))

        def alone() -> None:
            for samples in each:
                embed(samples, eye, batch_size=BATCH)

        def whole() -> None:
            rmtree(place / "index", ignore_errors=True)
            index_surveys(place / "index", surveys, settings, model, hands=Hands(jobs))

        return race(f"Whole build, {tiles} tiles of {settings.px} px in {len(each)} sheets, {jobs} process(es)",
                    {"embedding alone": alone, "whole build": whole}, peer="embedding alone", work=tiles,
                    unit="tiles", runs=runs)


def peak_memory(world_file: Path, index: Path, model: str, settings: Settings, jobs: int) -> tuple[int, float]:
    """Most resident memory of the command and its processes together, in bytes; seconds."""
    words = ["index", "build", str(index), "--model", model, "--world", str(world_file), "--px", str(settings.px),
             "--cell-m", str(settings.grid.cell_m), "--jobs", str(jobs)]
    start = time.perf_counter()
    command = subprocess.Popen([sys.executable, "-m", "georetrieval", *words], stdout=subprocess.DEVNULL)
    peak, parent = 0, psutil.Process(command.pid)
    while command.poll() is None:
        total = 0
        for process in (parent, *_children(parent)):
            try:
                total += process.memory_info().rss
            except psutil.Error:
                continue
        peak = max(peak, total)
        time.sleep(0.05)
    if command.returncode:
        raise SystemExit(command.returncode)
    return peak, time.perf_counter() - start


def _children(parent: psutil.Process) -> list[psutil.Process]:
    try:
        return parent.children(recursive=True)
    except psutil.Error:
        return []


def main() -> None:
    """Race, or measure memory by size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trunk", default="resnet18")
    parser.add_argument("--px", type=int, default=128)
    parser.add_argument("--cell-m", type=int, default=250)
    parser.add_argument("--km", type=int, default=4)
    parser.add_argument("--sheet-km", type=int, default=1)
    parser.add_argument("--gsd-m", type=float, default=1.0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--memory", type=int, nargs="+", metavar="KM")
    parser.add_argument("--keep", action="store_true")
    asked = parser.parse_args()
    settings = Settings(TileGrid("EPSG:2154", asked.cell_m), asked.px, Legend.load("bdtopo12"), 0.5)
    with tempfile.TemporaryDirectory() as scratch:
        model = net(asked.trunk, asked.px, Path(scratch))
        if asked.memory is None:
            found = both(world(asked.km, asked.sheet_km, asked.gsd_m), settings, model, asked.jobs, asked.runs)
            if asked.keep:
                keep("whole", [found], vars(asked))
            return
        for km in asked.memory:
            world(km, asked.sheet_km, asked.gsd_m)
            place = folder_of(km, asked.sheet_km, asked.gsd_m)
            peak, seconds = peak_memory(place / "world.json", Path(scratch) / f"index{km}", model, settings, asked.jobs)
            tiles = 2 * (km * 1000 // asked.cell_m) ** 2
            print(f"{km:4} km, {tiles:7} tiles, {asked.jobs} process(es): peak {peak / 2**20:7.0f} MiB, "
                  f"{seconds:6.0f} s", flush=True)


if __name__ == "__main__":
    main()
