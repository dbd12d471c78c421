"""The ledger of one lineage: a chain of immutable events, the line they draw, its head and its champion.

    event.py    one entry, and the kinds there are
    line.py     what a chain says now: folding, and what a rung that was not promoted means for the next
    fork.py     where a branch leaves another line
    chain.py    the chain in the store: verified reading, and the one writer

Not here: what a rung is made of (rung.py), and when a lineage halts (halting.py).
"""

from __future__ import annotations

from vibe_pipeline.ledger.chain import Ledger, chains, fold, require_going, target_facts, trunk
from vibe_pipeline.ledger.event import (
    GENESIS,
    HALTED,
    OPENED,
    ORIGIN,
    RESUMED,
    ROLLED_BACK,
    SETTLED,
    TAINTED,
    Event,
)
from vibe_pipeline.ledger.fork import origin_of
from vibe_pipeline.ledger.line import Line

__all__ = [
    "GENESIS",
    "HALTED",
    "OPENED",
    "ORIGIN",
    "RESUMED",
    "ROLLED_BACK",
    "SETTLED",
    "TAINTED",
    "Event",
    "Ledger",
    "Line",
    "chains",
    "fold",
    "origin_of",
    "require_going",
    "target_facts",
    "trunk",
]
