"""The log against what a user would write by hand: run by `make bench-log`, or `python -m benchmarks.log --only scan`.

Everything happens in one temporary folder, so what is compared lies on the same disk. Ratios are what counts: a machine
that is busy is slow for all. A full run writes docs/benchmarks/log.json and its section of docs/benchmarks.md; one with
--only prints its figures and writes nothing.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks import log_bulk, log_scan, log_writes
from benchmarks.report import Figures, as_json, machine, page, write
from vibe_pipeline.errors import VibeError
from vibe_pipeline.progress import terminal
from vibe_pipeline.store import Store

PARTS = ("writes", "import", "seal", "scan")


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, and write what a full run found."""
    options = _options(arguments)
    chosen = [options.only] if options.only else list(PARTS)
    work = Path(tempfile.mkdtemp(prefix="bench-log-", dir=options.work))
    try:
        about = machine(work)
        Store(work).require(_room(options, chosen), "the benchmark of the log")
        figures = {name: value for part in chosen for name, value in _measured(part, work, options).items()}
    except VibeError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print(as_json(figures))
    if not options.only:
        write(options.docs, "log", about, figures, _page(figures))
    return 0


def _measured(part: str, work: Path, options: argparse.Namespace) -> Figures:
    folder = work / part
    folder.mkdir()
    size = round(options.size_mb * 1e6)
    with terminal(part) as advance:
        if part == "writes":
            figures = log_writes.measure(folder, options.writes, options.rounds, advance)
        elif part == "import":
            figures = log_bulk.measure_import(folder, size, advance)
        elif part == "seal":
            figures = log_bulk.measure_sealing(folder, round(options.seal_mb * 1e6), options.rounds, advance)
        else:
            figures = log_scan.measure(folder, options.rows, options.shared_rows, options.rounds, advance)
    shutil.rmtree(folder)
    return figures


def _room(options: argparse.Namespace, chosen: list[str]) -> int:
    """Bytes: an export, its spool and its segments lie side by side, and a seal asks for as much as the spool again."""
    return round(max(options.size_mb * ("import" in chosen), options.seal_mb * ("seal" in chosen)) * 5e6)


def _page(figures: Figures) -> str:
    tables = {
        "Writing one interaction": log_writes.table(figures),
        "Importing": log_bulk.table_import(figures),
        "Sealing and merging": log_bulk.table_sealing(figures),
        "Reading": log_scan.table(figures),
    }
    return page("the log", tables)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.log", description="Measure the log.")
    parser.add_argument("--only", choices=PARTS, help="one part; nothing is written")
    parser.add_argument("--writes", type=int, default=2000, help="writes of each kind a round (default: %(default)s)")
    parser.add_argument("--size-mb", type=float, default=1000, help="of the imported files (default: %(default)s)")
    parser.add_argument("--seal-mb", type=float, default=100, help="of what is sealed (default: %(default)s)")
    parser.add_argument("--rows", type=int, default=10_000_000, help="interactions scanned (default: %(default)s)")
    parser.add_argument("--shared-rows", type=int, default=1_000_000, help="in SQLite and JSONL (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="repetitions (default: %(default)s)")
    parser.add_argument("--work", type=Path, help="the disk to measure (default: where temporary files go)")
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="where figures go (default: %(default)s)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
