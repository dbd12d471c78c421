"""What leaks from one side of the split to the other: rows into which an item leaks, and items that rows have taught.

Looked for in runs of an index, of earlier generations and of the suite at hand. Not here: what leaves for it
(judging.py), and by which keys one is a leak of the other (keys.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from vibe_pipeline.curate.dedup import keys
from vibe_pipeline.curate.dedup.index import ALONE, REFS_A_KEY, Entries, Matches, ends, found, matches, pairs
from vibe_pipeline.curate.dedup.keys import Features
from vibe_pipeline.curate.dedup.reasons import ASKED, EQUAL, NEAR, QUOTES, RENAMED
from vibe_pipeline.curate.dedup.shingles import joined
from vibe_pipeline.curate.dedup.sketch import similar

LEAKED_BANDS = 5
"""Of 16: a row too many that leaves costs little, an item that leaked costs what a suite is for (similarity of .75)."""
QUOTED = 0.25
"""Of an item's sampled grams: where a tenth of the words is edited, a quarter of the windows of 13 is left."""
RENAMED_BANDS = 8
"""Of 16: code has less to say than prose, and its structure is common to more of it (similarity of some .84)."""

Leaving = Iterator[tuple[str, np.ndarray]]
"""A reason, and the numbers of the rows that leave for it."""


def leaks(runs: Sequence[Entries], these: Features) -> Leaving:
    """Of rows, why each leaks an item; numbers or a mask."""
    in_items = np.ones(len(these.kind), dtype=bool)
    probed, equal = keys.probed(these), [it(these, in_items) for it in (keys.equal, keys.equal_rejected)]
    yield ASKED, np.any([found(run, probed) for run in runs], axis=0)
    yield EQUAL, np.any([found(run, it) for run in runs for it in equal], axis=0)
    for run, pair in matching(runs, keys.every_band(keys.like, these, in_items), LEAKED_BANDS):
        yield NEAR, pair.queries[(pair.rare >= LEAKED_BANDS) | asks_alike(run, these, pair)]
    for rows in _quoting(runs, these, keys.quoted(these, in_items)):
        yield QUOTES, rows
    for _, pair in matching(runs, keys.every_band(keys.renamed, these, in_items), RENAMED_BANDS):
        yield RENAMED, pair.queries


def trained_on(runs: Sequence[Entries], these: Features) -> Iterator[np.ndarray]:
    """Numbers of items that leak, in any way, into a row of a run; none of it is boilerplate."""
    in_rows = np.zeros(len(these.kind), dtype=bool)
    yield from _quoted_by(runs, these, keys.quoted(these, in_rows))
    for banded, least in ((keys.like, LEAKED_BANDS), (keys.renamed, RENAMED_BANDS)):
        for _, pair in matching(runs, keys.every_band(banded, these, in_rows), least):
            yield pair.queries


def matching(runs: Sequence[Entries], hashes: np.ndarray, least: int) -> Iterator[tuple[Entries, Matches]]:
    """Each run, and pairs of which the hashes, uint64 (n, bands), and a ref of it share so many."""
    return ((run, pair) for run in runs for pair in matches(run, hashes, least))


def _quoting(runs: Sequence[Entries], these: Features, grams: np.ndarray) -> Iterator[np.ndarray]:
    """Rows that hold a quarter of the sampled grams of an item, or more. A gram of many items is boilerplate."""
    for run in runs:
        rows, refs, counts = _shared_grams(run, these, grams, ALONE)
        yield rows[counts >= QUOTED * run.sizes[refs >> 1]]


def _quoted_by(runs: Sequence[Entries], these: Features, grams: np.ndarray) -> Iterator[np.ndarray]:
    """Items of which a row holds as much."""
    for run in runs:
        rows, _, counts = _shared_grams(run, these, grams, len(run.keys))
        yield rows[counts >= QUOTED * these.sketches.gram_counts[rows]]


def _shared_grams(
    run: Entries, these: Features, grams: np.ndarray, most: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(rows, refs, how many grams they share) of those that share some that no more than so many refs have."""
    owners = np.repeat(np.arange(len(these.kind)), these.sketches.gram_counts)
    which, refs, every = pairs(run, grams, REFS_A_KEY)
    which, refs = which[every <= most], refs[every <= most]
    quotes = owners[which].astype(np.uint64) << np.uint64(32) | refs
    once = np.unique(joined(quotes, grams[which]), return_index=True)[1]
    both, counts = np.unique(quotes[once], return_counts=True)
    return *ends(both), counts


def asks_alike(run: Entries, these: Features, pair: Matches) -> np.ndarray:
    """bool, one a pair: whether their questions are similar."""
    return similar(these.sketches.check[pair.queries], run.checks[pair.refs >> 1])
