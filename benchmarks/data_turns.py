"""Which conversations a log has: how long they are, of which kind, and what they repeat. No texts yet.

- Turns are log-normal: half of the conversations have 2 or fewer, one in ten 5 or more, one in a hundred 10 (the
  imported log files of VIBE_DATA: median 2, 90 % 5, 99 % 12).
- One conversation in ten is an earlier one again, word for word: 8.5 % of the imported interactions and 11.7 % of
  nl2bash's commands are. What is repeated is chosen among all before, repeats too, so what was said more often is said
  again more often (Simon, On a class of skew distribution functions, 1955).
- One more in ten is an earlier one with 1 to 4 words in a hundred changed: no source, chosen to be seen.

All hangs on the number of a conversation alone, so shares are the same at every size, and any part of a log can be made
without the rest. Not here: what is said (data_log.py).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from benchmarks.walk import Counts, Keys, Rates, Source, chosen

KINDS = {"chat": 0.45, "coding": 0.25, "terminal": 0.25, "document": 0.05}
REPEATED, NEARLY = 0.10, 0.10
LONGEST = 4096
"""Turns; also what keeps the keys of conversations apart."""

LONGEST_TEXT = 50_000
"""Characters."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Turns:
    """Turns of conversations, one entry each.

    `key` decides the text, and that of a repeat is that of what it repeats; `edit` and `changed` (a share of words)
    decide what is different in what is nearly a repeat.
    """

    conversation: Counts
    turn: Counts
    kind: npt.NDArray[np.int64]
    key: Keys
    edit: Keys
    changed: Rates

    def where(self, chosen_ones: Mask) -> Turns:
        """Some of them."""
        return Turns(*(getattr(self, field.name)[chosen_ones] for field in fields(self)))

    def odds(self, what: int) -> Rates:
        """One number in [0, 1) for each, the same for repeats."""
        return chosen(self.key, what)

    def back(self, steps: npt.NDArray[np.int64]) -> Turns:
        """The turns that lie so far before them."""
        by = steps.astype(np.uint64)
        return Turns(self.conversation, self.turn - steps, self.kind, self.key - by, self.edit - by, self.changed)

    def texts(
        self, source: Source, slot: int, median: float, sigma: float, more: Rates | float = 0.0
    ) -> pa.StringArray:
        """A text of each, of a log-normal number of characters, with a share of `more` words changed in repeats too."""
        sizes = np.exp(np.log(median) + sigma * _normal(self.key, 100 * (slot + 1))).clip(1, LONGEST_TEXT)
        by = np.where(self.changed > 0, self.edit, self.key) * np.uint64(16) + np.uint64(slot)
        return source.texts(self.key * np.uint64(16) + np.uint64(slot), sizes, self.changed + more, by)


def turns_of(conversations: Counts) -> Turns:
    """All turns of conversations by number, each with the key of the first that it repeats."""
    own = conversations.astype(np.uint64)
    source = conversations
    while (again := (chosen(source.astype(np.uint64), 1) < REPEATED + NEARLY) & (source > 0)).any():
        earlier = chosen(source.astype(np.uint64), 2) * source
        source = np.where(again, earlier.astype(np.int64), source)
    keys = source.astype(np.uint64)
    turns = np.exp(np.log(1.9) + 0.72 * _normal(keys, 3)).clip(1, LONGEST - 1).round().astype(np.int64)
    row = np.repeat(np.arange(len(conversations)), turns)
    turn = np.arange(len(row)) - np.repeat(np.cumsum(turns) - turns, turns)
    is_near = (chosen(own, 1) >= REPEATED) & (source < conversations)
    changed = np.where(is_near, 0.01 + 0.03 * chosen(own, 6), 0.0)
    kind = np.searchsorted(np.cumsum(list(KINDS.values()))[:-1], chosen(keys, 5), side="right")
    key, edit = (numbers[row] * np.uint64(LONGEST) + turn.astype(np.uint64) for numbers in (keys, own))
    return Turns(conversations[row], turn, kind[row], key, edit, changed[row])


def _normal(keys: Keys, what: int) -> Rates:
    """Of mean 0 and deviation 1 (Box and Muller)."""
    return np.sqrt(-2 * np.log1p(-chosen(keys, what))) * np.cos(2 * np.pi * chosen(keys, what + 1))
