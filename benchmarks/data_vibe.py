"""Curation by this engine, as a process of its own: opens a generation over a home's log and curates it.

Not here: measuring it (data_curation.py).
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

from benchmarks.process import Steps
from vibe_pipeline.ladder import Ladder


def main() -> None:
    """The log of a home (a folder) → its examples; prints rows and seconds of each step as JSON."""
    steps, ladder = Steps(), Ladder(Path(sys.argv[1]))
    cut = ladder.log.open_generation(force=True)
    steps.done("cut", cut.interactions)
    made = ladder.examples(cut.generation)
    steps.done("examples", made.rows, made.seconds)
    kinds: Counter[str] = Counter()
    for _, kind, count, _ in made.counts:
        kinds[kind] += count
    steps.tell(kinds)
