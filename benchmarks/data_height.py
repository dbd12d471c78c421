"""What height costs: the examples of generation 180 beside those of generation 2, on a log of 180 windows of one size.

One conversation in twenty goes on in the next window, as conversations do. A figure is the median of five neighbouring
generations. Not here: the log's texts (data_log.py).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.data_curation import label
from benchmarks.data_log import Sources, seal
from benchmarks.data_turns import turns_of
from benchmarks.report import Figures, rows, shown, spread
from benchmarks.report import seconds as timed
from vibe_pipeline.database import connect
from vibe_pipeline.ladder import Ladder
from vibe_pipeline.progress import Advance

NEIGHBOURS = 5
GOES_ON = 20
"""Of so many conversations, one has its later turns in the next window."""

TURNS = 2.5
"""Of a conversation, on average."""


def measure(work: Path, height: int, windows: list[int], advance: Advance) -> Figures:
    """Seconds of the examples at the bottom and at the top, for each size of a window, and the ratio of their medians.

    `height_ratio` is that of the smallest window: there all that depends on the height weighs most.
    """
    sources = Sources.enough_for(max(windows) * height)
    figures: Figures = {"height": height}
    for number, window in enumerate(windows):
        ladder = Ladder(work / label(window))
        seconds: list[float] = []
        for generation in range(height + 1):
            _log(ladder, generation, round(window / TURNS), sources)
            seconds.append(_examples(ladder.store.root, generation))
            advance(number * height + generation, len(windows) * height, f"windows of {window}")
        name = "" if number == 0 else f"_{label(window)}"
        low, high = seconds[2 : 2 + NEIGHBOURS], seconds[-NEIGHBOURS:]
        figures |= {f"window{name}": window} | spread(f"low_seconds{name}", low) | spread(f"high_seconds{name}", high)
        figures[f"height_ratio{name}"] = figures[f"high_seconds{name}"] / figures[f"low_seconds{name}"]
    return figures


def _log(ladder: Ladder, generation: int, conversations: int, sources: Sources) -> None:
    """A window of conversations, with the later turns of some of the window before."""
    first = generation * conversations
    turns = turns_of(np.arange(max(0, first - conversations), first + conversations))
    is_later = (turns.turn > 0) & (turns.conversation % GOES_ON == 0)
    with connect() as database:
        seal(ladder, sources, turns.where(is_later != (turns.conversation >= first)), database)


def _examples(home: Path, generation: int) -> float:
    """Seconds of the asset, for somebody who has just come in."""
    Ladder(home).log.open_generation(force=True)
    return timed(lambda: Ladder(home).examples(generation))


def table(figures: Figures) -> str:
    """For people."""
    names = [name.removeprefix("window") for name in figures if name.startswith("window")]
    lines = [
        (shown(figures, f"{what}{name}") for what in ("window", "low_seconds", "high_seconds", "height_ratio"))
        for name in names
    ]
    top = shown(figures, "height")
    titles = ("interactions a generation", "generations 2–6, s", f"the last five up to {top}, s", "ratio")
    return rows(titles, [tuple(line) for line in lines])
