"""Near-duplicates within a generation: who shares most bands with a better one.

All pairs that share a band are too many where a thousand rows are alike: each is compared with the best of its group
and with the one before it, band by band. Not here: near-duplicates of earlier generations (judging.py).
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from vibe_pipeline.curate.dedup import keys
from vibe_pipeline.curate.dedup.index import ends
from vibe_pipeline.curate.dedup.keys import Features
from vibe_pipeline.curate.dedup.leaks import enough
from vibe_pipeline.curate.dedup.shingles import joined
from vibe_pipeline.curate.dedup.sketch import BANDS, similar
from vibe_pipeline.curate.dedup.stretches import ROWS_AT_ONCE, THREADS, Stretches

ROWS_OF_A_PIECE = 1 << 21
"""Looked for among so many rows at once, by their keys."""

CROWD = 4
"""A band that more questions of a generation share is the words of a template, and tells nothing of any."""


class Neighbours:
    """Of some of n rows, by a mask, of which `rank` is 0 for the best: who share `least` of 16 bands are near."""

    def __init__(self, these: Features, among: np.ndarray, rank: np.ndarray, least: int, stretches: Stretches) -> None:
        self._these, self._among, self._rank, self._least = these, among, rank, least
        self.crowded = np.zeros(len(among), dtype=np.uint16)
        """One bit for each band of a question that it shares with a crowd."""
        edges = np.empty(0, dtype=np.uint64)
        with ThreadPoolExecutor(THREADS) as pool:
            looked = pool.map(lambda band: self._of_band(band, stretches), range(BANDS))
            for band, (found, crowded) in enumerate(looked):
                edges = np.union1d(edges, found)
                self.crowded[crowded] |= np.uint16(1 << band)
                stretches.rest()
        self.leaving = _crowded_out(self._told_apart(edges))
        """Numbers of the rows for which a better one stays."""

    def _of_band(self, band: int, stretches: Stretches) -> tuple[np.ndarray, np.ndarray]:
        """Pairs of rows that are alike and share this band, and rows that share it with a crowd."""
        hashes = np.zeros(len(self._among), dtype=np.uint64)
        for these, part in stretches.of(self._among):
            hashes[part] = np.where(self._among[part], keys.near(these, band), np.uint64(0))
        pieces = 1 + len(hashes) // ROWS_OF_A_PIECE
        piece = ((hashes >> np.uint64(32)) % np.uint64(pieces)).astype(np.uint8)
        chosen = (np.flatnonzero((piece == number) & (hashes != 0)) for number in range(pieces))
        found = [self._near(rows, hashes[rows]) for rows in chosen]
        return np.concatenate([edges for edges, _ in found]), np.concatenate([rows for _, rows in found])

    def _near(self, rows: np.ndarray, hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of rows and one of their bands: (better << 32 | worse) of those that share it and most others, and questions
        that share it with a crowd."""
        order = np.lexsort((self._rank[rows], hashes))
        rows, groups = rows[order], hashes[order]
        is_crowded = self._crowds(rows, groups >> np.uint64(32))
        return self._alike(*_neighbours(rows[~is_crowded], groups[~is_crowded])), rows[is_crowded]

    def _crowds(self, rows: np.ndarray, bands: np.ndarray) -> np.ndarray:
        """bool: of rows sorted by a band, those by whose questions it is shared with a crowd of others."""
        is_crowded = _sizes(bands) > CROWD
        is_crowded[is_crowded] = ~self._these.sketches.is_long[rows[is_crowded]]
        asks, bands = self._these.sketches.asks[rows[is_crowded]], bands[is_crowded]
        once = bands[np.unique(joined(bands, asks), return_index=True)[1]]
        shared, counts = np.unique(once, return_counts=True)
        is_crowded[is_crowded] = np.isin(bands, shared[counts > CROWD])
        return is_crowded

    def _alike(self, better: np.ndarray, worse: np.ndarray) -> np.ndarray:
        """(better << 32 | worse) of the pairs that share enough bands and have similar questions."""
        sketches = self._these.sketches

        def is_alike(left: np.ndarray, right: np.ndarray) -> np.ndarray:
            shared = (sketches.bands[left] == sketches.bands[right]).sum(axis=1)
            return (shared >= self._least) & similar(sketches.check[left], sketches.check[right])

        return _chosen(np.unique(better.astype(np.uint64) << np.uint64(32) | worse.astype(np.uint64)), is_alike)

    def _told_apart(self, edges: np.ndarray) -> np.ndarray:
        """Without questions that have nothing in common but what a crowd has."""
        sketches, places = self._these.sketches, np.arange(BANDS, dtype=np.uint16)

        def is_near(left: np.ndarray, right: np.ndarray) -> np.ndarray:
            shared = sketches.bands[left] == sketches.bands[right]
            boilerplate = (shared & (self.crowded[left, None] >> places & 1).astype(bool)).sum(axis=1)
            needed = enough(self._least, BANDS - boilerplate)
            return sketches.is_long[left] | (shared.sum(axis=1) - boilerplate >= needed)

        return _chosen(edges, is_near)


def _neighbours(rows: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of rows sorted by group: each with the first of its group, and with the one before it."""
    is_first = begins(groups)
    leaders = rows[is_first][np.cumsum(is_first) - 1]
    followers = np.flatnonzero(~is_first)
    better = np.concatenate([leaders[followers], rows[followers - 1]])
    return better, np.concatenate([rows[followers], rows[followers]])


def _sizes(groups: np.ndarray) -> np.ndarray:
    """int64 (n): how large the group of each is, where they are sorted by group."""
    starts = np.flatnonzero(begins(groups))
    sizes = np.diff(np.append(starts, len(groups)))
    return np.repeat(sizes, sizes)


def begins(groups: np.ndarray) -> np.ndarray:
    """bool (n): of rows sorted by group, those of another group than the one before."""
    is_first = np.ones(len(groups), dtype=bool)
    is_first[1:] = groups[1:] != groups[:-1]
    return is_first


def _chosen(edges: np.ndarray, look: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    """Those of which, given both ends of many, this is true."""
    parts = (edges[start : start + ROWS_AT_ONCE] for start in range(0, len(edges), ROWS_AT_ONCE))
    return np.concatenate([edges[:0], *(part[look(*ends(part))] for part in parts)])


def _crowded_out(edges: np.ndarray) -> np.ndarray:
    """Rows for which a better one stays: whoever has no better neighbour stays, its neighbours go, and so on."""
    gone = [np.empty(0, dtype=np.int64)]
    while len(edges):
        better, worse = ends(edges)
        is_free = ~np.isin(better, worse)
        leaving = np.unique(worse[is_free])
        gone.append(leaving)
        edges = edges[~is_free & ~np.isin(better, leaving) & ~np.isin(worse, leaving)]
    return np.concatenate(gone)
