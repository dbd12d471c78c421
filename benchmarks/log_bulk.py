"""Much at once: `vibe log import` of an export in a process of its own, then sealing, compaction and what is stored."""

from __future__ import annotations

import shutil
from functools import partial
from itertools import islice
from pathlib import Path

from benchmarks import by_hand
from benchmarks.process import run
from benchmarks.report import Figures, rows, seconds, shown, spread
from benchmarks.text import WHAT_IT_IS, write_export
from vibe_pipeline import InteractionLogger
from vibe_pipeline.interactions.importers import import_paths
from vibe_pipeline.ladder import Ladder
from vibe_pipeline.progress import Advance

SHAPES = ("jsonl", "json_array")

BY_HAND = {"to_sqlite": by_hand.to_sqlite, "to_jsonl": by_hand.to_jsonl}
BY_HAND_IS = {"to_sqlite": "by hand into SQLite (WAL, one transaction)", "to_jsonl": "by hand into a JSONL file"}

MB = 1e6

VIBE = "from vibe_pipeline.cli import main; main()"
"""The command of this very tree, whatever is installed."""


def measure_import(work: Path, size: int, advance: Advance) -> Figures:
    """Seconds, rates and peak memory of the command, for lines and for one array, and rates of loops by hand."""
    figures: Figures = {"import_mb": size / MB}
    for number, shape in enumerate(SHAPES):
        export = work / f"export.{'jsonl' if shape == 'jsonl' else 'json'}"
        with export.open("w", encoding="utf-8") as file:
            write_export(file, size, as_array=shape == "json_array")
        advance(2 * number + 1, 2 * len(SHAPES), f"importing {shape}")
        interactions, took, peak = _imported(export, work / f"import-{shape}")
        figures |= _rates(shape, interactions, export, took) | {f"import_{shape}_peak_mib": peak / (1 << 20)}
        for name, way in BY_HAND.items() if shape == "jsonl" else ():
            (work / name).mkdir()
            alone = seconds(partial(way, export, work / name))
            figures |= _rates(name, interactions, export, alone) | {f"import_vs_{name}_ratio": alone / took}
        advance(2 * number + 2, 2 * len(SHAPES), f"imported {shape}")
        export.unlink()
    return figures


def _imported(export: Path, home: Path) -> tuple[int, float, int]:
    """(interactions, seconds, peak resident bytes) of the command."""
    command = ["-c", VIBE, "log", "import", str(export), "--json"]
    said, took, peak = run(command, {"VIBE_HOME": str(home)})
    if said["quarantined"]:
        raise SystemExit(f"{said['quarantined']} of {said['read']} records were quarantined")
    interactions = Ladder(home).log.stats()["interactions"]
    shutil.rmtree(home)
    return interactions, took, peak


def _rates(name: str, interactions: int, export: Path, took: float) -> Figures:
    return {
        f"import_{name}_rows_per_s": interactions / took,
        f"import_{name}_mb_per_s": export.stat().st_size / MB / took,
        f"import_{name}_seconds": took,
    }


def measure_sealing(work: Path, size: int, rounds: int, advance: Advance) -> Figures:
    """Sealing in one go, sealing in twenty small pieces and merging them, and the bytes that are left."""
    export, spool = work / "sealing.jsonl", work / "spool.jsonl"
    with export.open("w", encoding="utf-8") as file:
        write_export(file, size, as_array=False)
    sealed: list[tuple[float, float]] = []
    merged: list[tuple[float, float]] = []
    figures: Figures = {}
    for number in range(rounds):
        ladder = Ladder(work / f"seal-{number}")
        import_paths(InteractionLogger(ladder.store.root), ladder.store, [export])
        shutil.copy(next(ladder.store.path("log/interactions/spool").iterdir()), spool)
        took = seconds(ladder.log.seal)
        stats = ladder.log.stats()
        sealed.append((stats["interactions"] / took, stats["bytes"] / MB / took))
        figures["bytes_vs_jsonl"] = stats["stored_bytes"] / stats["bytes"]
        figures["bytes_vs_export"] = stats["stored_bytes"] / export.stat().st_size
        advance(2 * number + 1, 2 * rounds, "sealed")
        merged.append(_compacted(Ladder(work / f"compact-{number}"), spool))
        advance(2 * number + 2, 2 * rounds, "merged")
    for name, rates in (("seal", sealed), ("compact", merged)):
        figures |= spread(f"{name}_rows_per_s", [rate for rate, _ in rates])
        figures |= spread(f"{name}_mb_per_s", [rate for _, rate in rates])
    return figures | {"seal_mb": size / MB}


PIECES = 20


def _compacted(ladder: Ladder, spool: Path) -> tuple[float, float]:
    """(rows a second, MB a second) of merging what was sealed in pieces."""
    with spool.open("rb") as file:
        count = sum(1 for _ in file)
        file.seek(0)
        while lines := list(islice(file, max(1, -(-count // PIECES)))):
            logger = InteractionLogger(ladder.store.root)
            logger.log_lines(line.rstrip(b"\n") for line in lines)
            logger.close()
            ladder.log.seal()
    before = ladder.log.stats()
    took = seconds(ladder.log.compact)
    assert ladder.log.stats()["interactions"] == before["interactions"]
    return before["interactions"] / took, before["bytes"] / MB / took


def table_import(figures: Figures) -> str:
    """For people."""
    names = ("rows_per_s", "mb_per_s", "peak_mib", "seconds")
    ways = {**{shape: f"`vibe log import`, {shape}" for shape in SHAPES}, **BY_HAND_IS}
    lines = [(words, *(shown(figures, f"import_{way}_{name}") for name in names)) for way, words in ways.items()]
    titles = ("", "interactions/s", "MB/s", "peak memory, MiB", "seconds")
    what = f"An export of {shown(figures, 'import_mb')} MB ({WHAT_IT_IS}), scrubbed and sealed:"
    loops = "A loop by hand scrubs nothing, and brings everything again when it is run again."
    return f"{what}\n\n{rows(titles, lines)}\n\n{loops}"


def table_sealing(figures: Figures) -> str:
    """For people."""
    names = ("seal", "compact")
    lines = [(name, shown(figures, f"{name}_rows_per_s"), shown(figures, f"{name}_mb_per_s")) for name in names]
    size, of_lines, of_export = (shown(figures, name) for name in ("seal_mb", "bytes_vs_jsonl", "bytes_vs_export"))
    return (
        rows(("", "interactions/s", "MB/s of lines"), lines)
        + f"\n\nOf {size} MB of the same text, segments take {of_lines} of the bytes of the log's own lines (JSONL),"
        + f" and {of_export} of the export's."
    )
