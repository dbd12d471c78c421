"""How many rows a mix holds of what: of the delta and of the past, within a budget and the synthetic share.

Numbers alone; no row is read. Not here: which rows these are (choosing.py, drawing.py).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vibe_pipeline.records import ExampleSet
from vibe_pipeline.settings import Replay, Synthetic

CHARACTERS_PER_TOKEN = 3.0
"""Low for English and code (about 4), so that an estimate errs towards too many tokens."""

FRAMING_TOKENS = 3
"""Blank line and end of sequence of one example."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Everything a mix depends on, besides the rows themselves."""

    delta: tuple[ExampleSet, ...]
    ancestors: tuple[ExampleSet, ...]
    kinds: tuple[str, ...]
    replay: Replay
    synthetic: Synthetic
    epochs: int
    max_length: int
    """Tokens of a row that are learned; the rest is cut off."""
    seed: int
    budget_tokens: int | None = None
    """Tokens of all epochs together; None where the delta is known to fit."""
    withdrawn_sha: str = ""
    """Of the file of what was taken back up to its generation; empty where nothing was."""

    @property
    def delta_rows(self) -> int:
        """Training rows of the delta."""
        return sum(examples.train_rows(self.kinds) for examples in self.delta)

    def rows(self, sets: tuple[ExampleSet, ...]) -> tuple[int, int]:
        """Training rows of these sets: those that are not synthetic, and those that are."""
        others, made = (
            sum(len(rows) for it in sets for rows in it.train_ranges(self.kinds, synthetic))
            for synthetic in (False, True)
        )
        return others, made

    def learned(self, others: int, made: int, room: int) -> tuple[int, int]:
        """Of so many rows of the delta, and so many synthetic ones, as many as fit the room and the synthetic share.

        What will be replayed beside them stands for the share too, so that nothing of the delta waits for old rows.
        """
        past, made_past = self.rows(self.ancestors)

        def fits(kept: int) -> bool:
            beside = min(others, room - kept)
            drawn = min(past, self._wanted(beside + kept, past + made_past))
            return kept <= self.synthetic.allowed(beside + drawn)

        kept = _most(min(made, room), fits)
        return min(others, room - kept), kept

    def replayed(self, others: int, made: int) -> tuple[int, int]:
        """Rows drawn for every epoch beside such rows of the delta: as many synthetic ones as the past has of them, if
        the delta leaves them so much of the share."""
        past, made_past = self.rows(self.ancestors)
        wanted = self._wanted(others + made, past + made_past)
        alike = round(wanted * made_past / max(1, past + made_past))
        kept = _most(alike, lambda it: made + it <= self.synthetic.allowed(others + min(past, wanted - it)))
        return min(past, wanted - kept), kept

    def _wanted(self, delta_rows: int, pool: int) -> int:
        return int(_beside(delta_rows, pool, self.replay.minimum, self.replay.share))

    def tokens_per_row(self, sets: tuple[ExampleSet, ...]) -> float:
        """Of training rows of these sets: an estimate on the high side, from their characters."""
        characters = sum(examples.train_characters(self.kinds) for examples in sets)
        tokens = characters / max(1, sum(self.rows(sets))) / CHARACTERS_PER_TOKEN + FRAMING_TOKENS
        return min(tokens, self.max_length)

    @property
    def expected_tokens(self) -> float:
        """Tokens of all epochs of all that may be learned of the delta, and of its replay."""
        learned = self.learned(*self.rows(self.delta), self.delta_rows)
        delta, past = (self.tokens_per_row(sets) for sets in (self.delta, self.ancestors))
        return (sum(learned) * delta + sum(self.replayed(*learned)) * past) * self.epochs

    def fitting(self, tokens: np.ndarray) -> tuple[int, int]:
        """How many rows of the delta, best first, of so many tokens, fit the budget; and the least replayed beside.

        At least one fits. Where the budget is short the minimum is no more than these: a rung is for what is new.
        """
        minimum, rows = self.replay.minimum, np.arange(1, tokens.size + 1)
        learned = np.minimum(tokens, self.max_length).cumsum()
        whole, short = (self._costs(learned, rows, least) for least in (minimum, np.minimum(minimum, rows)))
        if self.budget_tokens is None or not tokens.size or whole[-1] <= self.budget_tokens:
            return tokens.size, minimum
        room = max(1, int(np.searchsorted(short, self.budget_tokens, side="right")))
        return room, min(minimum, room)

    def _costs(self, learned: np.ndarray, rows: np.ndarray, least: int | np.ndarray) -> np.ndarray:
        """Tokens of all epochs of the first so many rows of the delta, and of their replay."""
        replayed = _beside(rows, sum(self.rows(self.ancestors)), least, self.replay.share)
        return (learned + replayed * self.tokens_per_row(self.ancestors)) * self.epochs


def _most(limit: int, fits: Callable[[int], bool]) -> int:
    """The largest number up to the limit that fits, where none fits above one that does not; 0 always does."""
    return limit if fits(limit) else bisect_left(range(1, limit + 1), True, key=lambda it: not fits(it))


def _beside(rows: int | np.ndarray, pool: int, least: int | np.ndarray, share: float) -> np.ndarray:
    """How many of the pool are replayed beside so many rows of the delta."""
    return np.minimum(pool, np.maximum(least, np.round(share * rows)))
