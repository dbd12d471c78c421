"""Ladders made by hand: suites, kept scores and a chain, as a climb leaves them, with answers that a test chose."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from vibe_pipeline.evaluate.suites import SCHEMA
from vibe_pipeline.evaluate.teacher_forced import SCORER
from vibe_pipeline.ledger import Event, Ledger
from vibe_pipeline.store import Store

BASE = "b" * 64

Answers = Mapping[str, tuple[bool | None, float | None]]
"""Item → (exact, NLL)."""


@dataclass
class Climb:
    """One lineage in a store."""

    store: Store
    lineage: str = "main"

    def suite(
        self,
        generation: int,
        items: Sequence[tuple[str, str, str | None]],
        cluster: Callable[[str], object] = lambda _: None,
    ) -> str:
        """A suite of (item, part, fact), with what names an item's cluster; its sha."""
        rows = [
            {"item_id": item, "part": part, "fact": fact, "kind": "conversation", "prompt": item, "answer": item}
            | {
                "prompt_format": "raw",
                "scorer": SCORER,
                "cluster": None if cluster(item) is None else str(cluster(item)),
            }
            for item, part, fact in items
        ]
        frame = pl.DataFrame(rows, schema=pl.Schema(SCHEMA)).to_arrow().cast(SCHEMA)
        return self.store.write_table("suites", frame)

    def answers(self, model: str, suite: str, answers: Answers, **more: Any) -> None:
        """What a model answered to items of a suite."""
        rows = [
            {"item_id": item, "nll": nll, "tokens": 3, "bits_per_byte": 1.0, "token_accuracy": 0.5, "exact": exact}
            | {"seconds": 0.1, **more}
            for item, (exact, nll) in answers.items()
        ]
        schema = {"item_id": pl.String, "nll": pl.Float64, "exact": pl.Boolean}
        frame = pl.DataFrame(rows, schema_overrides=schema, infer_schema_length=None)
        self.store.write_parquet(f"scores/{model}/{suite}.parquet", frame.to_arrow())

    def rung(
        self,
        generation: int,
        adapter: str | None,
        suites: Mapping[int, str],
        *,
        parent: Event | None = None,
        verdict: str = "promoted",
        delta: Sequence[int] | None = None,
        **facts: Any,
    ) -> Event:
        """A settled rung that was judged on these suites (generation → sha)."""
        delta = [generation] if delta is None else [*delta]
        learned = [*(parent.facts["learned"] if parent else []), *delta]
        told = {
            "rung_key": f"{self.lineage} {generation} {adapter}",
            "base_sha": BASE,
            "parent_sha": parent.facts["child_sha"] if parent else None,
            "parent_generation": parent.generation if parent else None,
            "delta_generations": delta,
        }
        ledger = Ledger(self.store, self.lineage)
        ledger.open(generation, told, {})
        parts = [{"suite_sha": sha, "generation": g} for g, sha in suites.items()] if adapter else []
        settled = {"verdict": verdict, "reasons": [], "child_sha": adapter, "learned": learned, "parts": parts}
        return ledger.settle(generation, {**told, **settled, **facts}, {})
