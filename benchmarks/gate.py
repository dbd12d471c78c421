"""How often the gate is wrong: simulated generations of real answers, through the real gate; run by `make bench-gate`.

`python -m benchmarks.gate --home DIR` takes the scorecards of another climbed home instead of those that are kept
beside this file; `--only GROUP` simulates one group and writes nothing. A full run writes docs/benchmarks/gate.json and
its section of docs/benchmarks.md, the plots, and the generated blocks of docs/the-gate.md. The same seed gives the same
page.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import polars as pl

from benchmarks import gate_outcomes, gate_page
from benchmarks.gate_cases import Case, Rates, budget, grid, nulls, possible, rates, sampled, whole
from benchmarks.report import machine, write
from vibe_pipeline.outside import write as write_file
from vibe_pipeline.progress import terminal

BESIDE = ("numpy", "scipy")


def main(arguments: list[str] | None = None) -> int:
    """Simulate, print, and write what a full run found."""
    options = _options(arguments)
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    with tempfile.TemporaryDirectory(prefix="bench-gate-") as work:
        file = gate_outcomes.KEPT
        if options.home:
            file = Path(work) / "outcomes.parquet"
            gate_outcomes.together(
                frame for home in options.home for frame in gate_outcomes.of_home(home)
            ).write_parquet(file)
        try:
            real = pl.read_parquet(file)
            cases = [
                it
                for it in possible([*nulls(), *grid(), *budget(), *sampled(), *whole()], real)
                if options.only in (None, it.group)
            ]
            found = simulated(file, cases, options.generations, options.seed, options.processes)
        except ValueError as error:
            print(error, file=sys.stderr)
            return 1
    blocks = gate_page.blocks(found, real)
    for name, block in blocks.items():
        print(f"\n{name}\n\n{block}")
    if not options.only:
        _write(options.docs, found, blocks)
    return 0


def simulated(file: Path, cases: Sequence[Case], generations: int, seed: int, processes: int) -> list[Rates]:
    """The rates of all cases, in their order, whatever the number of processes."""
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool, terminal("simulating") as advance:
        waiting = [pool.submit(rates, file, case, generations, (seed, place)) for place, case in enumerate(cases)]
        found = []
        for done, (case, future) in enumerate(zip(cases, waiting, strict=True), 1):
            found.append(future.result())
            advance(done, len(cases), case.name)
    return found


def _write(docs: Path, found: Sequence[Rates], blocks: dict[str, str]) -> None:
    table = f"How these come about and what they mean: [the gate](the-gate.md).\n\n{blocks['headline']}"
    write(docs, "gate", machine(docs), gate_page.figures(found), table, BESIDE)
    (docs / "images").mkdir(parents=True, exist_ok=True)
    for name, plot in gate_page.plots(found).items():
        write_file(docs / "images" / name, plot)
    if (docs / "the-gate.md").exists():
        gate_page.fill(docs / "the-gate.md", blocks)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gate", description="Measure how often the gate is wrong."
    )
    parser.add_argument("--home", type=Path, action="append", help="a climbed home whose scorecards are resampled")
    parser.add_argument("--only", help="one group of cases; nothing is written")
    parser.add_argument("--generations", type=int, default=2000, help="of each case (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=min(4, os.cpu_count() or 1), help="(default: %(default)s)")
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="where figures go (default: %(default)s)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
