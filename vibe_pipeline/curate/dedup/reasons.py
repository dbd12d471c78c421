"""Why a candidate leaves because of what else there is, in the words that people read in a report."""

from __future__ import annotations

from collections import Counter

import numpy as np

KEPT = ""
ANEW = "fact told anew in the generation"
CONTRADICTS = "contradicts a better answer to the same prompt"
UNSETTLED = "input that does not end alike each time"
TWICE = "duplicate within the generation"
NEARLY_TWICE = "near-duplicate within the generation"
AGAIN = "duplicate of an earlier generation"
NEARLY_AGAIN = "near-duplicate of an earlier generation"
TRAINED_ON = "suite item already trained on"
NEARLY_TRAINED_ON = "suite item nearly trained on"
ASKED = "training row asks what a probe asks"
EQUAL = "training row equals a suite item"
NEAR = "training row nearly equals a suite item"
QUOTES = "training row quotes a suite item"
RENAMED = "training row is a suite item with other names"
APART = "its conversation is on one side and its group on the other"
HELD_BACK = "probe of a fact that only the held-out side tells"

DUPLICATES = (ANEW, TWICE, AGAIN, NEARLY_TWICE, NEARLY_AGAIN, CONTRADICTS, UNSETTLED)
CONTAMINATION = (TRAINED_ON, NEARLY_TRAINED_ON, ASKED, EQUAL, NEAR, QUOTES, RENAMED, APART)
REASONS = (KEPT, *DUPLICATES, *CONTAMINATION, HELD_BACK)


def counted(reasons: np.ndarray) -> Counter[str]:
    """How often each reason."""
    return Counter({REASONS[code]: int(rows) for code, rows in enumerate(np.bincount(reasons)) if code and rows})
