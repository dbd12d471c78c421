"""Curation by this engine, measured: the command of a process of its own, at every size and beside the two libraries.

All are told the same two cores. What is counted is the whole process, from its start to the files on the disk. Not
here: the log that is curated (data_log.py), and what the libraries run (data_datasets.py, data_datatrove.py).
"""

from __future__ import annotations

import json
import shutil
import sys
from collections import Counter
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from time import perf_counter

from benchmarks.data_log import Sources, fill
from benchmarks.process import run
from benchmarks.report import Figures, rows, shown, spread
from vibe_pipeline.ladder import Ladder
from vibe_pipeline.progress import Advance

CORES = 2
GIB = 1 << 30

VIBE = "from benchmarks.data_curation import main; main()"
LIBRARIES = {name: f"from benchmarks.data_{name} import main; main()" for name in ("datasets", "datatrove")}

SHARED = ("conversation", "code_generation", "error_correction", "document")
"""Kinds of example that all three make; the engine makes four more from the same interactions."""

REPEATS = "SELECT 1 - count(DISTINCT (hash(input, output), hash(output, 1))) / count(*) FROM interactions"


def main() -> None:
    """Open a generation over a home's log and curate it; prints seconds and examples as JSON."""
    ladder = Ladder(Path(sys.argv[1]))
    started = perf_counter()
    cut = ladder.log.open_generation(force=True)
    opened = perf_counter()
    made = ladder.examples(cut.generation)
    kinds: Counter[str] = Counter()
    for _, kind, count, _ in made.counts:
        kinds[kind] += count
    seconds = {"cut": opened - started, "examples": perf_counter() - opened}
    print(json.dumps({"seconds": seconds, "examples": kinds, "dropped": made.dropped}))


def measure_sizes(work: Path, sizes: list[int], advance: Advance) -> Figures:
    """Seconds, peak memory and examples at each size, and how growth compares with the rows'."""
    figures: Figures = {}
    sources = Sources.enough_for(sizes[-1])
    for number, size in enumerate(sizes):
        home, name = work / label(size), label(size)
        figures[f"repeats_{name}"] = _filled(home, size, sources, advance)
        advance(number, len(sizes), f"curating {name}")
        said, took, peak = run(["-c", VIBE, str(home)], {}, CORES)
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
    commands = {"vibe": VIBE, **LIBRARIES}
    took: dict[str, list[float]] = {name: [] for name in commands}
    peaks: dict[str, list[float]] = {name: [] for name in commands}
    figures: Figures = {"shared_rows": size}
    for again in range(rounds):
        for number, (name, command) in enumerate(commands.items()):
            advance(again * len(commands) + number, rounds * len(commands), name)
            place = work / name
            if name == "vibe":
                shutil.copytree(home, place)
                arguments = [str(place)]
            else:
                arguments = [str(home / "log/interactions/segments"), str(place)]
            quiet = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": str(work / "cache")}
            said, seconds, peak = run(["-c", command, *arguments], quiet, CORES)
            took[name].append(seconds)
            peaks[name].append(peak / GIB)
            figures |= {f"{name}_{kind}_examples": said["examples"].get(kind, 0) for kind in SHARED}
            figures |= {f"{name}_rows_{step}": count for step, count in said.get("rows", {}).items()}
            figures |= {f"{name}_{step}_seconds": seconds for step, seconds in said["seconds"].items()}
            shutil.rmtree(place)
    for name in commands:
        figures |= spread(f"{name}_seconds", took[name]) | spread(f"{name}_peak_gib", peaks[name])
        if name != "vibe":
            ratios = [theirs / ours for ours, theirs in zip(took["vibe"], took[name], strict=True)]
            figures |= spread(f"vs_{name}_ratio", ratios)
    return figures


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
            shown(figures, f"cut_seconds_{size}"),
            shown(figures, f"examples_seconds_{size}"),
            shown(figures, f"peak_gib_{size}"),
            shown(figures, f"growth_{size}"),
            shown(figures, f"repeats_{size}"),
        )
        for size in sizes
    ]
    titles = ("interactions", "examples", "seconds", "to cut", "to curate", "peak memory, GiB", "growth", "repeats")
    return (
        rows(titles, lines)
        + "\n\nGrowth is the time of an interaction beside that at the size before (1 is linear); repeats is the share"
        + " of interactions that are an earlier one word for word."
    )


def table_libraries(figures: Figures) -> str:
    """For people."""
    lines = [
        (
            name,
            shown(figures, f"{name}_seconds"),
            shown(figures, f"{name}_peak_gib"),
            shown(figures, f"vs_{name}_ratio"),
            *(shown(figures, f"{name}_{kind}_examples") for kind in SHARED),
        )
        for name in ("vibe", *LIBRARIES)
    ]
    steps = [
        (name, step.replace("_", " "), shown(figures, f"{name}_rows_{step}"), shown(figures, f"{name}_{step}_seconds"))
        for name in LIBRARIES
        for step in (key.removeprefix(f"{name}_rows_") for key in figures if key.startswith(f"{name}_rows_"))
    ]
    return (
        f"The same {shown(figures, 'shared_rows')} interactions on the same two cores, from segments to Parquet:\n\n"
        + rows(("", "seconds", "peak memory, GiB", "×", *(f"{kind} examples" for kind in SHARED)), lines)
        + "\n\nWhat each library has left after a step, and what the step took:\n\n"
        + rows(("", "step", "rows", "seconds"), steps)
    )
