"""Rungs settled without training: resolved as a climb would, with a verdict and figures of the test's choice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vibe_pipeline.ledger import Event, Ledger
from vibe_pipeline.models import BaseModel
from vibe_pipeline.records import ExampleSet
from vibe_pipeline.rung import Rung, resolve
from vibe_pipeline.settings import Lineage

BASE = BaseModel(sha="base", name="base", folder=Path("base"))

SETS = [
    ExampleSet(generation=g, sha=f"examples{g}", suite_sha=f"suite{g}", rows=0, counts=(), dropped={})
    for g in range(60)
]


def figure(value: float, n: int) -> dict[str, Any]:
    return {"value": value, "n": n, "low": 0.0, "high": 1.0}


def measured(generalization: float = 0.9, drift: float = 0.0, n: int = 60, kind: str = "exact") -> dict[str, Any]:
    """What the stop rule reads of a settled event."""
    return {
        "generalization": figure(generalization, n),
        "generalization_is": kind if n else "not applicable",
        "style_drift": figure(drift, 10),
    }


def resolved(ledger: Ledger, generation: int | None = None, seed: int = 0) -> Rung:
    """The rung as it is now; the next one where no generation is named."""
    line = ledger.line()
    at = line.top + 1 if generation is None else generation
    return resolve(ledger.lineage, at, Lineage(seed=seed), BASE, line, SETS)


def opened(ledger: Ledger, rung: Rung) -> Event:
    return ledger.open(rung.generation, rung.identity(), {})


def settled(ledger: Ledger, rung: Rung, verdict: str = "promoted", **facts: Any) -> Event:
    """Settle an open rung; what was skipped has no adapter."""
    child = None if verdict == "skipped" else f"child of {rung.key}"
    champions = {str(g): sha for g, sha in rung.champions.items()} | {str(it.generation): child for it in rung.delta}
    fixed = {"verdict": verdict, "child_sha": child, "learned": rung.learned, "champions": champions}
    return ledger.settle(rung.generation, {**rung.identity(), **fixed, **facts}, {})


def climb(ledger: Ledger, verdict: str = "promoted", generation: int | None = None, seed: int = 0, **facts: Any):
    """One whole rung."""
    rung = resolved(ledger, generation, seed)
    opened(ledger, rung)
    return settled(ledger, rung, verdict, **facts)
