"""Curation at every size, and beside two libraries: seconds, peak memory and examples of processes of their own.

All are kept to the same two cores. What is counted is the whole process, from its start to the files on the disk. Not
here: the log that is curated (data_log.py), and what is run (data_vibe.py, data_datasets.py, data_datatrove.py).
"""

from __future__ import annotations

import shutil
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.data_log import Sources, fill
from benchmarks.process import run
from benchmarks.report import Figures, rows, shown, spread
from vibe_pipeline.ladder import Ladder
from vibe_pipeline.progress import Advance
from vibe_pipeline.records import Kind

CORES = 2
GIB = 1 << 30

LIBRARIES = ("datasets", "datasets_by_row", "datatrove")
WAYS = ("vibe", *LIBRARIES)

STEPS = ("cut", "window", "builders", "sketches", "dedup", "order", "writing")

KINDS = [str(kind) for kind in Kind if kind != Kind.OPTIMIZATION]
"""That the log has examples of: nothing in it is made faster."""
REPEATS = "SELECT 1 - count(DISTINCT (hash(input, output), hash(output, 1))) / count(*) FROM interactions"


def measure_sizes(work: Path, sizes: list[int], advance: Advance) -> Figures:
    """Seconds, peak memory and examples at each size, and how growth compares with the rows'."""
    figures: Figures = {}
    sources = Sources.enough_for(sizes[-1])
    for number, size in enumerate(sizes):
        home, name = work / label(size), label(size)
        figures[f"repeats_{name}"] = _filled(home, size, sources, advance)
        advance(number, len(sizes), f"curating {name}")
        said, took, peak = _run("vibe", home)
        figures |= {f"seconds_{name}": took, f"peak_gib_{name}": peak / GIB, f"rows_{name}": size}
        figures |= {f"{step}_seconds_{name}": seconds for step, seconds in said["seconds"].items()}
        figures |= {f"examples_{name}": sum(said["examples"].values()), f"examples_per_s_{name}": size / took}
        shutil.rmtree(home)
    for small, large in pairwise(sizes):
        rates = [figures[f"seconds_{label(size)}"] / size for size in (small, large)]
        figures[f"growth_{label(large)}"] = rates[1] / rates[0]
    return figures


def measure_libraries(work: Path, size: int, rounds: int, advance: Advance) -> Figures:
    """Seconds and examples of the engine and of each library over one log, one after the other."""
    home = work / "log"
    _filled(home, size, Sources.enough_for(size), advance)
    took: dict[str, list[float]] = {way: [] for way in WAYS}
    peaks: dict[str, list[float]] = {way: [] for way in WAYS}
    figures: Figures = {"shared_rows": size}
    for again in range(rounds):
        for number, way in enumerate(WAYS):
            advance(again * len(WAYS) + number, rounds * len(WAYS), way)
            place = work / way
            if way == "vibe":
                shutil.copytree(home, place)
                said, seconds, peak = _run(way, place)
            else:
                said, seconds, peak = _run(way, home / "log/interactions/segments", place)
            took[way].append(seconds)
            peaks[way].append(peak / GIB)
            figures |= {f"{way}_{kind}_examples": said["examples"].get(kind, 0) for kind in KINDS}
            figures |= {f"{way}_rows_{step}": count for step, count in said["rows"].items()}
            figures |= {f"{way}_{step}_seconds": count for step, count in said["seconds"].items()}
            shutil.rmtree(place)
    for way in WAYS:
        figures |= spread(f"{way}_seconds", took[way]) | spread(f"{way}_peak_gib", peaks[way])
        ratios = [theirs / ours for ours, theirs in zip(took["vibe"], took[way], strict=True)]
        figures |= spread(f"vs_{way}_ratio", ratios) if way in LIBRARIES else {}
    return figures


def _run(way: str, *places: Path) -> tuple[dict[str, Any], float, int]:
    quiet = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": str(places[-1] / "cache")}
    command = ["-c", f"from benchmarks.data_{way} import main; main()", *map(str, places)]
    return run(command, quiet, CORES)


def _filled(home: Path, size: int, sources: Sources, advance: Advance) -> float:
    """Make a log; the share of interactions that repeat an earlier one word for word, counted on what lies there."""
    ladder = Ladder(home)
    fill(ladder, size, sources, lambda done: advance(done, size, "making interactions"))
    with closing(ladder.connect()) as log:
        return float(log.sql(REPEATS).fetchall()[0][0])


def label(size: int) -> str:
    """10m, 100k, 300: how a size is called in names of figures."""
    for unit, letter in ((1_000_000, "m"), (1000, "k")):
        if size % unit == 0:
            return f"{size // unit}{letter}"
    return str(size)


def table_sizes(figures: Figures) -> str:
    """For people."""
    sizes = [name.removeprefix("rows_") for name in figures if name.startswith("rows_")]
    lines = [
        (
            shown(figures, f"rows_{size}"),
            shown(figures, f"examples_{size}"),
            shown(figures, f"seconds_{size}"),
            *(shown(figures, f"{step}_seconds_{size}") for step in STEPS),
            shown(figures, f"peak_gib_{size}"),
            shown(figures, f"growth_{size}"),
            shown(figures, f"repeats_{size}"),
        )
        for size in sizes
    ]
    titles = ("interactions", "examples", "seconds", *STEPS, "peak memory, GiB", "growth", "repeats")
    return (
        rows(titles, lines)
        + "\n\nGrowth is the time of an interaction beside that at the size before (1 is linear); repeats is the share"
        + " of interactions that are an earlier one word for word."
    )


def table_libraries(figures: Figures) -> str:
    """For people."""
    lines = [
        (
            _title(name),
            shown(figures, f"{name}_seconds"),
            shown(figures, f"{name}_peak_gib"),
            shown(figures, f"vs_{name}_ratio"),
            *(shown(figures, f"{name}_{kind}_examples") for kind in KINDS),
        )
        for name in WAYS
    ]
    steps = [
        (_title(name), _title(step), shown(figures, f"{name}_rows_{step}"), shown(figures, f"{name}_{step}_seconds"))
        for name in WAYS
        for step in (key.removeprefix(f"{name}_rows_") for key in figures if key.startswith(f"{name}_rows_"))
    ]
    size = shown(figures, "shared_rows")
    return (
        f"The same {size} interactions on the same two cores, from segments to Parquet; examples of each kind:\n\n"
        + rows(("", "seconds", "peak memory, GiB", "×", *KINDS), lines)
        + "\n\nWhat each has left after a step, and what the step took:\n\n"
        + rows(("", "step", "rows", "seconds"), steps)
    )


def _title(name: str) -> str:
    return name.replace("_", " ")
