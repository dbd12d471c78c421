"""The seam of judging: a scorer takes a model and items and says of each how well it was answered.

A suite's items name theirs, with its version: another version is another suite. Not here: how any of them does it.
"""

from __future__ import annotations

from typing import Any, Protocol

import polars as pl

from vibe_pipeline.evaluate import choices, code, greedy, harness, judge, labels, teacher_forced
from vibe_pipeline.evaluate.results import SCHEMA, completed
from vibe_pipeline.models import Execution
from vibe_pipeline.progress import Advance


class Scorer(Protocol):
    """Judges answers; what it has no figure for may be left out of the columns of results.SCHEMA."""

    def __call__(
        self, model: Any, tokenizer: Any, items: pl.DataFrame, on: Execution, advance: Advance
    ) -> pl.DataFrame:
        """One row per item."""


SCORERS: dict[str, Scorer] = {
    teacher_forced.SCORER: teacher_forced.score,
    choices.SCORER: choices.score,
    labels.SCORER: labels.score,
    greedy.SCORER: greedy.score,
    code.SCORER: code.score,
    judge.SCORER: judge.score,
    harness.SCORER: harness.score,
}


def score(model: Any, tokenizer: Any, items: pl.DataFrame, on: Execution, advance: Advance) -> pl.DataFrame:
    """results.SCHEMA, one row per item, each by the scorer that its suite names."""
    scored = pl.DataFrame(schema=SCHEMA)
    for (name,), its in items.group_by("scorer", maintain_order=True):
        further = _after(scored.height, items.height, advance)
        scored = pl.concat([scored, completed(SCORERS[str(name)](model, tokenizer, its, on, further))])
    return scored


def _after(before: int, items: int, advance: Advance) -> Advance:
    """Tells of one scorer's progress as that of all."""

    def further(done: int, total: int, words: str = "") -> None:
        advance(before + done, items, words)

    return further
