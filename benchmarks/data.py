"""Curation at every size, beside `datasets` and datatrove, and at every height: run by `make bench-data`.

`python -m benchmarks.data --only sizes --rows 1000000` is one part: it prints its figures and writes nothing. A full
run writes docs/benchmarks/data.json and its section of docs/benchmarks.md. Everything happens in one temporary folder;
what is compared runs one after the other on the same two cores. Needs the extra `bench`.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks import data_curation, data_height
from benchmarks.report import Figures, as_json, machine, page, write
from vibe_pipeline.errors import VibeError
from vibe_pipeline.progress import terminal
from vibe_pipeline.store import Store

PARTS = ("libraries", "sizes", "height")

ROW_BYTES = 2000
"""On the disk: a log, what is made of it, and what is made on the way."""

SMALLEST = 300
"""Rows: with fewer, nothing but the start is measured."""

BESIDE = ("datasets", "datatrove", "rensa")


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, and write what a full run found."""
    options = _options(arguments)
    chosen = [options.only] if options.only else list(PARTS)
    work = Path(tempfile.mkdtemp(prefix="bench-data-", dir=options.work))
    try:
        about = machine(work)
        Store(work).require(max(options.rows, options.shared_rows) * ROW_BYTES, "the benchmark of curation")
        figures = {name: value for part in chosen for name, value in _measured(part, work / part, options).items()}
    except VibeError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print(as_json(figures))
    if not options.only:
        write(options.docs, "data", about, figures, _page(figures), BESIDE)
    return 0


def _measured(part: str, work: Path, options: argparse.Namespace) -> Figures:
    work.mkdir()
    with terminal(part) as advance:
        if part == "libraries":
            figures = data_curation.measure_libraries(work, options.shared_rows, options.rounds, advance)
        elif part == "sizes":
            sizes = [size for size in (options.rows // 100, options.rows // 10, options.rows) if size >= SMALLEST]
            figures = data_curation.measure_sizes(work, sizes, advance)
        else:
            figures = data_height.measure(work, options.height, options.windows, options.rounds, advance)
    shutil.rmtree(work)
    return figures


def _page(figures: Figures) -> str:
    tables = {
        "Beside two libraries": data_curation.table_libraries(figures),
        "By size": data_curation.table_sizes(figures),
        "By height": data_height.table(figures),
    }
    return page("curation", tables)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.data", description="Measure curation.")
    parser.add_argument("--only", choices=PARTS, help="one part; nothing is written")
    parser.add_argument("--rows", type=int, default=10_000_000, help="interactions, at most (default: %(default)s)")
    parser.add_argument("--shared-rows", type=int, default=100_000, help="beside libraries (default: %(default)s)")
    parser.add_argument("--height", type=int, default=180, help="the last generation (default: %(default)s)")
    parser.add_argument("--windows", type=int, nargs="+", default=[300, 3000], help="rows of one (default: 300 3000)")
    parser.add_argument("--rounds", type=int, default=5, help="repetitions (default: %(default)s)")
    parser.add_argument("--work", type=Path, help="the disk to measure (default: where temporary files go)")
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="where figures go (default: %(default)s)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
