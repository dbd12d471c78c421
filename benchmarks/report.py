"""Figures of a benchmark → docs/benchmarks/NAME.json, and its section of docs/benchmarks.md.

A figure that was taken several times is its median, with the smallest and the largest beside it. Not here: measuring.
"""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from vibe_pipeline.outside import write as write_file

Figures = dict[str, float]

LIBRARIES = ("vibe-pipeline", "duckdb", "polars", "pyarrow")


def spread(name: str, values: Sequence[float]) -> Figures:
    """The median under its name, with _low and _high."""
    return {name: median(values), f"{name}_low": min(values), f"{name}_high": max(values)}


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    started = perf_counter()
    work()
    return perf_counter() - started


def machine(folder: Path) -> dict[str, Any]:
    """What the figures depend on, without a name that identifies anybody."""
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30), 1),
        "disk": _disk(folder),
        "system": f"{platform.system()}, Python {platform.python_version()}",
    }


def write(
    docs: Path, name: str, about: dict[str, Any], figures: Figures, table: str, beside: Sequence[str] = ()
) -> None:
    """The JSON, and the section between its marks; other sections stay as they are. `beside`: other libraries used."""
    date = write_json(docs, name, about, figures, beside)
    section = f"## {name}\n\n{date}, {told(about)}.\n\n{table.strip()}"
    write_between(docs / "benchmarks.md", name, section, "# Benchmarks\n")


def write_json(docs: Path, name: str, about: dict[str, Any], figures: Figures, beside: Sequence[str] = ()) -> str:
    """docs/benchmarks/NAME.json; returns its date."""
    date = datetime.now(UTC).date().isoformat()
    versions = {library: version(library) for library in (*LIBRARIES, *beside)}
    rounded = {key: float(f"{value:.4g}") for key, value in figures.items()}
    (docs / "benchmarks").mkdir(parents=True, exist_ok=True)
    found = {"machine": about, "date": date, "versions": versions, "figures": rounded}
    write_file(docs / "benchmarks" / f"{name}.json", json.dumps(found, indent=1) + "\n")
    return date


def write_between(page: Path, name: str, section: str, empty: str) -> None:
    """A section between its marks in a page, which begins as `empty`; what stands around them stays."""
    text = page.read_text(encoding="utf-8") if page.exists() else empty
    section = f"<!-- {name} -->\n{section}\n<!-- /{name} -->"
    marked = re.compile(f"<!-- {name} -->.*<!-- /{name} -->", re.DOTALL)
    text = marked.sub(lambda _: section, text) if marked.search(text) else f"{text.rstrip()}\n\n{section}\n"
    write_file(page, text)


def told(about: dict[str, Any]) -> str:
    """A machine in words."""
    return ", ".join(f"{value}" for value in (about["cpu"], f"{about['cores']} cores", about["disk"], about["system"]))


def rows(titles: Sequence[str], lines: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in (titles, ["---"] * len(titles), *lines))


def page(faster: str, tables: dict[str, str]) -> str:
    """A benchmark's section: titled tables, and how to read them."""
    told = (
        f"What was measured several times is a median (smallest – largest); × says how many times faster {faster} is."
    )
    return told + "".join(f"\n\n### {title}\n\n{table}" for title, table in tables.items())


def shown(figures: Figures, name: str) -> str:
    """A figure for people, with its spread where it has one; a dash where it was not taken."""
    if name not in figures:
        return "–"
    ends = [_short(figures[end]) for end in (f"{name}_low", f"{name}_high") if end in figures]
    return _short(figures[name]) + (f" ({' – '.join(ends)})" if ends else "")


def as_json(figures: Figures) -> str:
    """For machines."""
    return json.dumps({name: float(f"{value:.4g}") for name, value in figures.items()}, indent=1)


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _cpu() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*:\s*(.*)", cpuinfo.read_text()) if cpuinfo.exists() else None
    return found[1] if found else platform.processor() or platform.machine()


def _disk(folder: Path) -> str:
    """The kind of file system and of disk that a folder lies on."""
    device = f"{os.major(folder.stat().st_dev)}:{os.minor(folder.stat().st_dev)}"
    mounts = Path("/proc/self/mountinfo")
    lines = mounts.read_text().splitlines() if mounts.exists() else []
    kind = next((line.partition(" - ")[2].split()[0] for line in lines if line.split()[2] == device), "file system")
    block = Path(f"/sys/dev/block/{device}").resolve()
    spins = next((it for it in (block / "queue/rotational", block.parent / "queue/rotational") if it.exists()), None)
    if spins is None:
        return kind
    return f"{kind} on a {'spinning' if spins.read_text().strip() == '1' else 'solid-state or virtual'} disk"
