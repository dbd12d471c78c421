"""In which order a rung takes examples when its budget has no room for all: the best first, and no two alike in a row.

An example's worth is its quality, shared with those before it that come from the same conversation or begin alike: the
second of a conversation counts half, the third a third. So a budget is spent on many things before it is spent on much
of one. Not here: how large a budget is (replay/).
"""

from __future__ import annotations

import numpy as np

from vibe_pipeline.curate.dedup.shingles import mixed


def priorities(quality: np.ndarray, conversation: np.ndarray, like: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """int32: 0 for what is taken first. `like` is a hash that similar examples share, 0 where there is none.

    Of equals a hash of what they are (`exact`) decides, so that no time and no source is preferred.
    """
    chance = mixed(exact)
    own = np.where(like != 0, like.astype(np.uint64), chance)
    crowd = np.maximum(_place(conversation, quality, chance), _place(own, quality, chance))
    order = np.lexsort((chance, -quality / crowd))
    priority = np.empty(len(order), dtype=np.int32)
    priority[order] = np.arange(len(order), dtype=np.int32)
    return priority


def _place(groups: np.ndarray, quality: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """1, 2, …: which of its group it is, the best first."""
    order = np.lexsort((chance, -quality, groups))
    is_first = np.ones(len(order), dtype=bool)
    is_first[1:] = groups[order[1:]] != groups[order[:-1]]
    starts = np.flatnonzero(is_first)
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order)) - starts[np.cumsum(is_first) - 1] + 1
    return place
