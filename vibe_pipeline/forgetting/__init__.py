"""Forgetting: rows leave every file of the home that holds them, and the ladder says what was built from them.

    plan.py     what would go, and which rungs were built from it; changes nothing
    erasing.py  the steps that make it so, each of which may be repeated
    acting.py   the order that survives a kill: intent, steps, tombstone

What other records pin by its first sha stays pinned: the store follows a redirect from it to what is left (store.py),
so that no key moves and no rung is trained again by itself. Not here: which rows match (interactions/matching.py).
"""

from __future__ import annotations

from vibe_pipeline.forgetting.acting import CLIMBING, finish, forget, making, preview, tainted_adapters
from vibe_pipeline.forgetting.plan import described

__all__ = ["CLIMBING", "described", "finish", "forget", "making", "preview", "tainted_adapters"]
