"""Which questions of a fixed suite are among what is learned: the same words, or nearly so with the same answer.

By the sketch of curation, but of the question alone: a suite's answers may be a word, and a long answer that many rows
give is no question. Looked for in the whole prompt of a row: a question inside of a longer one is not found.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from vibe_pipeline.curate.dedup.leaks import LEAKED_BANDS
from vibe_pipeline.curate.dedup.sketch import BANDS, Sketches, sketch


class Asked:
    """Questions with an answer that is accepted (null: any); one with several answers stands here several times."""

    def __init__(self, questions: pa.Array, answers: pa.Array) -> None:
        self._questions, self._said = _sketched(questions), _sketched(answers).asks

    def among(self, prompts: pa.Array, completions: pa.Array) -> np.ndarray:
        """bool, one a question: whether one of these rows asks it."""
        rows, it = _sketched(prompts), self._questions
        is_same = np.isin(it.asks, rows.asks) & (it.asks != 0)
        compared, learned = (np.flatnonzero(bands.any(axis=1)) for bands in (it.bands, rows.bands))
        if compared.size and learned.size:
            theirs, said = rows.bands[learned], _sketched(completions).asks[learned]
            shared = sum(
                (it.bands[compared, band, None] == theirs[None, :, band]).view(np.uint8) for band in range(BANDS)
            )
            answers = self._said[compared, None]
            is_same[compared] |= ((shared >= LEAKED_BANDS) & ((answers == said) | (answers == 0))).any(axis=1)
        return is_same


def _sketched(texts: pa.Array) -> Sketches:
    """Texts as questions that are all answered alike, so that it is the question by which each is known."""
    count = len(texts)
    nobody, everybody = np.zeros(count, dtype=bool), np.ones(count, dtype=bool)
    said, rejected = pa.array(["x"] * count, pa.string()), pa.nulls(count, pa.string())
    return sketch(texts, said, rejected, is_code=nobody, is_steps=nobody, is_held=everybody)
