"""Who quotes whom: rows that have windows of 13 words of an item, and items that have some of rows.

What many say tells nothing of any of them: a letterhead, a licence, a sign-off. Neither does it where few items have it
and many rows: whoever copies an item has nearly all of it, and a letterhead is a part of it. Not here: what else leaks
(leaks.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from vibe_pipeline.curate.dedup import keys
from vibe_pipeline.curate.dedup.index import ALONE, REFS_A_KEY, Entries, ends, many, pairs
from vibe_pipeline.curate.dedup.keys import Features
from vibe_pipeline.curate.dedup.shingles import joined
from vibe_pipeline.curate.dedup.stretches import Stretches

QUOTED = 0.25
"""Of an item's sampled grams: where a tenth of the words is edited, a quarter of the windows of 13 is left."""
COPIED = 0.75
"""Of them, where many rows have these as well: who has so much of an item has the item."""

GRAMS_AT_ONCE = 1 << 17

Shared = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def quoting(runs: Sequence[Entries], stretches: Stretches, learned: np.ndarray) -> np.ndarray:
    """bool (n): those of the rows, by a mask, that quote an item of a run. How many rows say something is counted of
    what items say as well, and of rows that quote one if all of it is counted."""
    suspects, found, said = np.zeros(len(learned), dtype=bool), np.zeros(len(learned), dtype=bool), _Said()
    for rows, grams, sources in stretches.looked(partial(_suspects, runs, learned), learned):
        suspects[rows] = True
        said.add(grams, sources)
    for rows in stretches.looked(partial(_quotes, runs, suspects, said), suspects):
        found[rows] = True
    return found


def quoted(runs: Sequence[Entries], these: Features) -> Iterator[np.ndarray]:
    """Numbers of items that quote a row of a run."""
    sizes = these.sketches.gram_counts
    for owners, as_row in _grams(these, np.ones(len(sizes), dtype=bool), of_items=False):
        is_rare = many(runs, as_row) <= ALONE
        for run in runs:
            rows, _, counts, rare = _shared(run, as_row, owners, is_rare)
            yield rows[_is_quote(counts, rare, sizes[rows])]


def _suspects(
    runs: Sequence[Entries], learned: np.ndarray, these: Features, part: slice
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numbers of rows that quote an item where nothing that rows say is boilerplate; and grams that items have, each
    with who says it."""
    found, grams, sources = [np.empty(0, np.int64)], [np.empty(0, np.uint64)], [np.empty(0, np.uint64)]
    for owners, as_item in _grams(these, learned[part], of_items=True):
        every = many(runs, as_item)
        is_told = (every > 0) & (every <= ALONE)
        owners, as_item = owners[is_told], as_item[is_told]
        grams.append(as_item)
        sources.append(these.unit[owners])
        for run in runs:
            rows, refs, counts, _ = _shared(run, as_item, owners, is_told[is_told])
            found.append(rows[counts >= QUOTED * run.sizes[refs >> 1]])
    return part.start + np.concatenate(found), *_few(np.concatenate(grams), np.concatenate(sources))


def _quotes(runs: Sequence[Entries], suspects: np.ndarray, said: _Said, these: Features, part: slice) -> np.ndarray:
    """Numbers of those of some rows that quote an item."""
    found = [np.empty(0, np.int64)]
    both = (_grams(these, suspects[part], of_items=is_item) for is_item in (True, False))
    for (owners, as_item), (_, as_row) in zip(*both, strict=True):
        as_item = np.where(many(runs, as_item) <= ALONE, as_item, np.uint64(0))
        is_rare = many(runs, as_row) + said.by(as_item) <= ALONE
        for run in runs:
            rows, refs, counts, rare = _shared(run, as_item, owners, is_rare)
            found.append(rows[_is_quote(counts, rare, run.sizes[refs >> 1])])
    return part.start + np.concatenate(found)


def _is_quote(counts: np.ndarray, rare: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """bool (n): of how many grams of an item are shared, how many of them few rows say, and how many it has."""
    return (rare >= QUOTED * sizes) | (counts >= COPIED * sizes)


def _grams(these: Features, chosen: np.ndarray, *, of_items: bool) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Of rows, some at a time: (numbers of the rows, their grams as items or rows have them); 0 is one of a row that is
    not chosen, by a mask."""
    ends, start = these.sketches.ends, 0
    while start < len(ends):
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + GRAMS_AT_ONCE, side="right")))
        some = these.of(slice(start, stop))
        owners = np.repeat(np.arange(start, stop), some.sketches.gram_counts)
        grams = keys.quoted(some, np.full(stop - start, of_items))
        yield owners, np.where(chosen[owners], grams, np.uint64(0))
        start = stop


def _shared(run: Entries, grams: np.ndarray, owners: np.ndarray, is_rare: np.ndarray) -> Shared:
    """(rows, refs, how many grams they share, how many of these are rare)"""
    which, refs, _ = pairs(run, grams, REFS_A_KEY)
    quotes = owners[which].astype(np.uint64) << np.uint64(32) | refs
    once = np.unique(joined(quotes, grams[which]), return_index=True)[1]
    both, where, counts = np.unique(quotes[once], return_inverse=True, return_counts=True)
    return *ends(both), counts, np.bincount(where[is_rare[which[once]]], minlength=len(both))


class _Said:
    """How many rows of different conversations have a gram: counted up to one more than ALONE."""

    def __init__(self) -> None:
        self._grams, self._sources = np.empty(0, np.uint64), np.empty(0, np.uint64)

    def add(self, grams: np.ndarray, sources: np.ndarray) -> None:
        self._grams, self._sources = _few(np.append(self._grams, grams), np.append(self._sources, sources))

    def by(self, grams: np.ndarray) -> np.ndarray:
        """int64, of each"""
        first, stop = (np.searchsorted(self._grams, grams, side=side) for side in ("left", "right"))
        return stop - first


def _few(grams: np.ndarray, sources: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sorted by gram, each with every source once, and with no more of them than it takes to be said by many."""
    order = np.lexsort((sources, grams))
    grams, sources = grams[order], sources[order]
    is_new = np.ones(len(grams), dtype=bool)
    is_new[1:] = (grams[1:] != grams[:-1]) | (sources[1:] != sources[:-1])
    grams, sources = grams[is_new], sources[is_new]
    nth = np.arange(len(grams)) - np.searchsorted(grams, grams)
    return grams[nth <= ALONE], sources[nth <= ALONE]
