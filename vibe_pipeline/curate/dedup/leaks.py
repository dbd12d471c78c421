"""What leaks from one side of the split to the other: rows into which an item leaks, and items that rows have taught.

Looked for in runs of an index, of earlier generations and of the suite at hand. Not here: who quotes
whom (quoting.py), what leaves for it (judging.py), and by which keys one is a leak of the other (keys.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from vibe_pipeline.curate.dedup import keys
from vibe_pipeline.curate.dedup.index import Entries, Matches, found, many, matches
from vibe_pipeline.curate.dedup.keys import Features
from vibe_pipeline.curate.dedup.quoting import quoted
from vibe_pipeline.curate.dedup.reasons import ASKED, EQUAL, NEAR, QUOTES, RENAMED
from vibe_pipeline.curate.dedup.sketch import BANDS, similar

LEAKED_BANDS = 5
"""Of 16: a row too many that leaves costs little, an item that leaked costs what a suite is for (similarity of .75)."""
RENAMED_BANDS = 8
"""Of 16: code has less to say than prose, and its structure is common to more of it (similarity of some .84)."""

ONCE = 1
"""A band that more questions of earlier generations share is the words of a template. Were a third looked for,
then of a template with two answers a row of either would keep out all that come later."""
RARE = 2
"""Bands that two questions behind a template must share and no crowd does: one is a word that both have by chance."""

QUERIES_AT_ONCE = 1 << 15

Leaving = Iterator[tuple[str, np.ndarray]]
"""A reason, and the numbers of the rows that leave for it."""


def leaks(runs: Sequence[Entries], these: Features, crowded: np.ndarray, quotes: np.ndarray) -> Leaving:
    """Of rows, of whose bands some are `crowded` (uint16) and of which some quote an item (bool), why each leaks one;
    numbers or a mask."""
    in_items = np.ones(len(these.kind), dtype=bool)
    probed, equal = keys.probed(these), [it(these, in_items) for it in (keys.equal, keys.equal_rejected)]
    yield ASKED, np.any([found(run, probed) for run in runs], axis=0)
    yield EQUAL, np.any([found(run, it) for run in runs for it in equal], axis=0)
    for run, pair in alike(runs, these, in_items, crowded, LEAKED_BANDS):
        yield NEAR, pair.queries[(pair.rare >= LEAKED_BANDS) | asks_alike(run, these, pair)]
    yield QUOTES, quotes
    for _, pair in _matching(runs, keys.every_band(keys.renamed, these, in_items), RENAMED_BANDS):
        yield RENAMED, pair.queries


def trained_on(runs: Sequence[Entries], these: Features, crowded: np.ndarray) -> Iterator[np.ndarray]:
    """Numbers of items that leak, in any way, into a row of a run; no band of an answer is boilerplate."""
    in_rows = np.zeros(len(these.kind), dtype=bool)
    yield from quoted(runs, these)
    for _, pair in alike(runs, these, in_rows, crowded, LEAKED_BANDS):
        yield pair.queries
    for _, pair in _matching(runs, keys.every_band(keys.renamed, these, in_rows), RENAMED_BANDS):
        yield pair.queries


def alike(
    runs: Sequence[Entries], these: Features, of_items: np.ndarray, crowded: np.ndarray, least: int
) -> Iterator[tuple[Entries, Matches]]:
    """Each run, and pairs that share so many of 16 bands with a ref of it, of either side."""
    is_crowded = (crowded[:, None] >> np.arange(BANDS, dtype=np.uint16) & 1).astype(bool)
    by_question = ~these.sketches.is_long
    return _matching(runs, keys.every_band(keys.like, these, of_items), least, by_question, is_crowded)


def enough(least: int, telling: np.ndarray) -> np.ndarray:
    """How many bands two questions must share where only so many of 16 tell anything of them: as large a part."""
    return np.maximum(RARE, least * telling // BANDS)


def _matching(
    runs: Sequence[Entries],
    hashes: np.ndarray,
    least: int,
    by_question: np.ndarray | None = None,
    is_crowded: np.ndarray | None = None,
) -> Iterator[tuple[Entries, Matches]]:
    """The same of any hashes, uint64 (n, 16); of a question those that many share are left out."""
    for first in range(0, len(hashes), QUERIES_AT_ONCE):
        part = slice(first, first + QUERIES_AT_ONCE)
        asked = hashes[part]
        every = many(runs, asked.ravel()).reshape(asked.shape)
        needed = np.full(len(asked), least)
        is_told = every > 0
        if by_question is not None and is_crowded is not None:
            tells = (every <= ONCE) & ~is_crowded[part] | ~by_question[part, None]
            needed = np.where(by_question[part], enough(least, tells.sum(axis=1)), least)
            is_told &= tells
        asked = np.where(is_told, asked, np.uint64(0))
        for run in runs:
            pair = matches(run, asked, every, needed)
            yield run, replace(pair, queries=pair.queries + first)


def asks_alike(run: Entries, these: Features, pair: Matches) -> np.ndarray:
    """bool, one a pair: whether their questions are similar."""
    return similar(these.sketches.check[pair.queries], run.checks[pair.refs >> 1])
