"""What height costs: the examples of generation 180 beside those of generation 2, on logs of windows of one size.

One log is climbed to just below the top and another to just below generation 2; then they take turns, so that a machine
that is busy is slow for both. One conversation in twenty goes on in the next window, as conversations do. Not here: the
texts (data_log.py).
"""

from __future__ import annotations

import re
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

LOW = 2
GOES_ON = 20
"""Of so many conversations, one has its later turns in the next window."""

TURNS = 2.5
"""Of a conversation, on average."""


def measure(work: Path, height: int, windows: list[int], rounds: int, advance: Advance) -> Figures:
    """Seconds of the examples at the bottom and at the top, in so many neighbours, for each size of a window.

    `height_ratio` is that of the smallest window: there all that depends on the height weighs most.
    """
    sources = Sources.enough_for(max(windows) * height)
    figures: Figures = {"height": height}
    for number, window in enumerate(windows):
        homes = work / label(window)
        low, high = (Ladder(homes / which) for which in ("low", "high"))
        first = height + 1 - rounds
        for generation in range(first):
            _climb(high, generation, window, sources)
            advance(number * height + generation, len(windows) * height, f"windows of {window}")
        for generation in range(LOW):
            _climb(low, generation, window, sources)
        pairs = [
            (_climb(low, LOW + again, window, sources), _climb(high, first + again, window, sources))
            for again in range(rounds)
        ]
        name = "" if number == 0 else f"_{label(window)}"
        figures |= {
            f"window{name}": window,
            **spread(f"height_ratio{name}", [at_top / at_low for at_low, at_top in pairs]),
        }
        for which, seconds in zip(("low", "high"), zip(*pairs, strict=True), strict=True):
            figures |= spread(f"{which}_seconds{name}", seconds)
    return figures


def _climb(ladder: Ladder, generation: int, window: int, sources: Sources) -> float:
    """Make a generation; the seconds of its examples, for somebody who has just come in."""
    _log(ladder, generation, round(window / TURNS), sources)
    Ladder(ladder.store.root).log.open_generation(force=True)
    return timed(lambda: Ladder(ladder.store.root).examples(generation))


def _log(ladder: Ladder, generation: int, conversations: int, sources: Sources) -> None:
    """A window of conversations, with the later turns of some of the window before."""
    first = generation * conversations
    turns = turns_of(np.arange(max(0, first - conversations), first + conversations))
    is_later = (turns.turn > 0) & (turns.conversation % GOES_ON == 0)
    with connect() as database:
        seal(ladder, sources, turns.where(is_later != (turns.conversation >= first)), database)


def table(figures: Figures) -> str:
    """For people."""
    names = [name.removeprefix("height_ratio") for name in figures if re.fullmatch("height_ratio(_[0-9]+[km]?)?", name)]
    lines = [
        tuple(shown(figures, f"{what}{name}") for what in ("window", "low_seconds", "high_seconds", "height_ratio"))
        for name in names
    ]
    titles = (
        "interactions a generation",
        "from generation 2, s",
        f"up to generation {shown(figures, 'height')}, s",
        "ratio",
    )
    return rows(titles, lines)
