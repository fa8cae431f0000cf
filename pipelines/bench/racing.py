"""Races: named peers and ours on the same work in the same run, taking turns, medians compared.

A figure counts only as a ratio to a peer of the same run (machines differ, and so do their neighbours). Each stage of
the river has one script beside this file; `python pipelines/bench/STAGE.py` runs it, prints its table and, with
`--keep`, writes it to `results/STAGE.json`, from which the tables of `README.md` are typed.
"""

from __future__ import annotations

import gc
import json
import os
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median

RESULTS = Path(__file__).parent / "results"
RUNS = 5
"""Runs of each contender at least."""
PACKAGES = ("numpy", "torch", "faiss-cpu", "rasterio", "rusterize", "pyarrow")


@dataclass(frozen=True)
class Time:
    """How long one contender took: `seconds` of each run, for `work` units (tiles, queries, images)."""

    name: str
    work: float
    seconds: tuple[float, ...]

    @property
    def rate(self) -> float:
        """Units a second, of the median run."""
        return self.work / median(self.seconds)


@dataclass(frozen=True)
class Race:
    """One comparison: its contenders' times, and the peer whose rate is 1."""

    title: str
    unit: str
    peer: str
    times: tuple[Time, ...]

    def ratio(self, name: str) -> float:
        """Rate of a contender divided by the peer's."""
        rates = {one.name: one.rate for one in self.times}
        return rates[name] / rates[self.peer]

    def __str__(self) -> str:
        width = max(len(one.name) for one in self.times)
        lines = [self.title, f"{'':{width}}  {self.unit + '/s':>12}  {'ratio':>7}  {'spread':>7}"]
        for one in self.times:
            spread = (max(one.seconds) - min(one.seconds)) / median(one.seconds)
            lines.append(f"{one.name:{width}}  {one.rate:12,.1f}  {self.ratio(one.name):7.2f}  {spread:7.0%}")
        return "\n".join(lines)


def race(title: str, contenders: Mapping[str, Callable[[], object]], *, peer: str, work: float, unit: str,
         runs: int = RUNS) -> Race:
    """Each contender does the same work once to warm up and `runs` times in turns; the first of a turn changes."""
    if peer not in contenders:
        raise ValueError(f"The peer {peer!r} is none of {', '.join(contenders)}.")
    for work_once in contenders.values():
        work_once()
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    order = list(contenders)
    for turn in range(max(runs, RUNS)):
        for name in order[turn % len(order):] + order[:turn % len(order)]:
            gc.collect()
            start = time.perf_counter()
            contenders[name]()
            seconds[name].append(time.perf_counter() - start)
    found = Race(title, unit, peer, tuple(Time(name, work, tuple(taken)) for name, taken in seconds.items()))
    print(f"\n{found}", flush=True)
    return found


def keep(stage: str, races: list[Race], more: Mapping[str, object] | None = None) -> Path:
    """Write the races of a stage, with the machine they were run on, to `results/STAGE.json`.

    Races of other titles that were run there on the same machine with the same packages stay: a size at a time.
    """
    machine = {"processor": processor(), "cores": os.cpu_count(), "may_use": len(os.sched_getaffinity(0)),
               "python": platform.python_version(), "packages": {name: version(name) for name in PACKAGES}}
    told = [{**asdict(one), "ratios": {t.name: round(one.ratio(t.name), 3) for t in one.times},
             "load_before": os.getloadavg()[2]} for one in races]
    found = {"stage": stage, "machine": machine, **(more or {}), "races": told}
    path = RESULTS / f"{stage}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and (before := json.loads(path.read_text())).get("machine") == machine:
        new = {one.title for one in races}
        found = {**before, **found, "races": [one for one in before["races"] if one["title"] not in new] + told}
    path.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    return path


def processor() -> str:
    """The processor's name and the instructions that matter here."""
    flags, name = "", ""
    if Path("/proc/cpuinfo").exists():
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            name = line.split(":", 1)[1].strip() if line.startswith("model name") else name
            flags = line if line.startswith("flags") else flags
    known = [word for word in ("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16")
             if f" {word} " in flags + " "]
    return " ".join([name or platform.processor(), *known])
