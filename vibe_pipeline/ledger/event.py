"""One entry of a ledger. Facts hold no clock and no run id, so that the same ladder has the same chain everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vibe_pipeline.judgement import Outcome

OPENED = "opened"
SETTLED = "settled"
TAINTED = "tainted"
ROLLED_BACK = "rolled_back"
"""An earlier champion is current again: {to, event_sha, child_sha, why}; `to` is None for the base model."""
HALTED = "halted"
"""Nothing climbs until a person resumes: {why, rule, back}. `rule` holds the figures of the stop rule and `back` what
it rolled back to (as above); both are None where a person halted. One event, so that no kill parts the two."""
RESUMED = "resumed"
"""{why, halted_sha}."""
ORIGIN = "origin"
"""First of a branch: {source, from_generation, fork, child_sha, learned, champions, marks, base_sha}. It has the
generation of the rung that the branch grows from and stands for it as a parent, so it holds all that rung.py reads of
one; child_sha is None where nothing was promoted up to there."""

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One entry; `sha` is the hash of everything but `outside`."""

    kind: str
    lineage: str
    generation: int
    attempt: int
    sequence: int
    previous: str
    facts: dict[str, Any]
    outside: dict[str, Any]
    sha: str

    @property
    def rung_key(self) -> str:
        """The hash of all inputs of the rung this event is about."""
        return str(self.facts["rung_key"])

    @property
    def is_promotion(self) -> bool:
        """Whether this event made its adapter champion."""
        return self.kind == SETTLED and self.facts["verdict"] == Outcome.PROMOTED
