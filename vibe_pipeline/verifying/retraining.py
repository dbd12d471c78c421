"""`vibe verify --retrain`: train a settled rung once more, elsewhere, and compare what comes out.

On one machine the same mix, recipe and number of threads give the same bytes. Another machine or device rounds
otherwise, and training carries that on: then the adapter is compared by what it says to the rung's own items. Nothing
in the home changes.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from vibe_pipeline.errors import RungRefused, SettingsInvalid
from vibe_pipeline.evaluate.scorers import score
from vibe_pipeline.fingerprint import sha_of_folder
from vibe_pipeline.ledger import Event, Line
from vibe_pipeline.models import (
    ADAPTER_FILES,
    ADAPTERS,
    BaseModel,
    Execution,
    execution,
    load_adapter,
    load_base,
    save_adapter,
)
from vibe_pipeline.progress import Watch
from vibe_pipeline.records import generation_name
from vibe_pipeline.settings import Lineage, Recipe
from vibe_pipeline.store import Store
from vibe_pipeline.train.adapter import trained

NLL_TOLERANCE = 0.05
"""Nats a token by which the mean of all items may differ."""
ANSWERS_TOLERANCE = 0.05
"""Share of the items that may be answered right by one of both alone."""
WITHOUT_END = 1e6
"""Minutes: a slower machine than the first may take as long as it needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrained:
    """A rung's adapter beside the one that was trained again."""

    rung: str
    recorded: str
    again: str
    """Both sha of their folders."""
    on: str
    """Where it was trained again; the rung's own device, unless this machine has none."""
    was_on: str
    items: int = 0
    """That were answered by both; 0 where the bytes are the same, for then nothing is asked."""
    largest_nll: float | None = None
    mean_nll: float | None = None
    """Difference in nats a token."""
    answers_differ: int | None = None
    """Items that one of both alone has right."""

    @property
    def same_bytes(self) -> bool:
        """Whether it is the same adapter, to the last bit."""
        return self.again == self.recorded

    @property
    def ok(self) -> bool:
        """Whether it is that adapter, or answers as it does."""
        if self.same_bytes or not self.items or self.mean_nll is None or self.answers_differ is None:
            return self.same_bytes
        return abs(self.mean_nll) <= NLL_TOLERANCE and self.answers_differ <= ANSWERS_TOLERANCE * self.items

    @property
    def words(self) -> str:
        """What came out, in one line."""
        if self.same_bytes:
            return f"{self.rung} trained again: the same bytes ({self.on})"
        answered = (
            f"of {self.items} items the NLL differs by {self.mean_nll:+.4f} on average and by {self.largest_nll:.4f} "
            f"at most, {self.answers_differ} are right in one of both alone"
            if self.items
            else "and it has no item to be compared by"
        )
        allowed = f"allowed: {NLL_TOLERANCE} on average, {ANSWERS_TOLERANCE:.0%} of the answers"
        return f"{self.rung} trained again ({self.on}, then {self.was_on}): other bytes; {answered} ({allowed})"


def retrain(store: Store, line: Line, generation: int, watch: Watch) -> Retrained:
    """Train the rung that stands at a generation once more; RungRefused where that cannot be."""
    event = _retrainable(line, generation)
    facts, rung = event.facts, f"{event.lineage} {generation_name(generation)}"
    on, base = _where(facts), _base(store, facts)
    lineage = Lineage(recipe=Recipe.model_validate(facts["recipe"]), seed=facts["seed"], max_minutes=WITHOUT_END)
    its = (store, base, facts["parent_sha"], facts["mix_sha"], lineage, on, watch, f"training {rung} again")
    adapted, _ = trained(*its, steps=facts["steps"])
    with tempfile.TemporaryDirectory() as place:
        save_adapter(adapted, folder := Path(place) / "adapter", base.name)
        found = Retrained(
            rung=rung,
            recorded=facts["child_sha"],
            again=sha_of_folder(folder),
            on=_named(on.device, on.dtype, on.threads),
            was_on=_named(facts["device"], facts["dtype"], facts["threads"]),
        )
        return found if found.same_bytes else replace(found, **_answered(store, event, base, folder, on, watch))


def _retrainable(line: Line, generation: int) -> Event:
    event = line.settled.get(generation)
    name = generation_name(generation)
    if event is None or not event.facts["child_sha"]:
        raise RungRefused(
            f"{name} has no adapter on the current line",
            "Name a rung that was trained; what a branch grew from is verified under the lineage that trained it",
        )
    if because := line.tainted.get(event.sha):
        raise RungRefused(
            f"{name} cannot be trained again: {because}", "Name a rung that is not marked † by `vibe ladder`"
        )
    if "recipe" not in event.facts:
        raise RungRefused(f"{name} settled before the ledger kept recipes", "Name a later rung")
    return event


def _where(facts: dict[str, Any]) -> Execution:
    """The device, threads and type of then; another device where this machine has not that one."""
    try:
        on = execution(facts["device"], facts["threads"])
    except SettingsInvalid:
        on = execution("auto", facts["threads"])
    return replace(on, dtype=facts["dtype"])


def _base(store: Store, facts: dict[str, Any]) -> BaseModel:
    """The base by its sha, under the name that the stored adapter calls it by: that is part of the adapter's bytes."""
    config = json.loads((store.existing(f"{ADAPTERS}/{facts['child_sha']}") / ADAPTER_FILES[0]).read_bytes())
    sha = facts["base_sha"]
    name = str(config["base_model_name_or_path"])
    return BaseModel(sha=sha, name=name, folder=store.existing(f"models/base/{sha}"))


def _answered(
    store: Store, event: Event, base: BaseModel, adapter: Path, on: Execution, watch: Watch
) -> dict[str, Any]:
    """What the new adapter says to the items of the scorecard, beside what was kept."""
    columns = ["suite_sha", "item_id", "nll_child", "exact_child"]
    kept = store.read_frame(f"scorecards/{event.facts['items_sha']}.parquet").select(columns)
    suites = kept["suite_sha"].unique(maintain_order=True)
    items = pl.concat(
        [store.read_frame(f"suites/{sha}.parquet").with_columns(suite_sha=pl.lit(sha)) for sha in suites],
        how="diagonal_relaxed",
    ).join(kept, on=["suite_sha", "item_id"])
    with watch(f"scoring {event.lineage} {generation_name(event.generation)} again") as advance:
        model, tokenizer = load_base(base, on)
        its = score(load_adapter(model, adapter).eval(), tokenizer, items, on, advance)
    both = kept.join(its.select("item_id", "nll", "exact"), on="item_id")
    nll = (both["nll"] - both["nll_child"]).drop_nulls()
    return {
        "items": both.height,
        "largest_nll": float(nll.abs().max() or 0.0) if len(nll) else None,  # type: ignore[arg-type]
        "mean_nll": float(nll.mean()) if len(nll) else None,  # type: ignore[arg-type]
        "answers_differ": int((both["exact"] != both["exact_child"]).sum()),
    }


def _named(device: str, dtype: str, threads: int) -> str:
    return f"{device}, {dtype}, {threads} thread{'s' if threads > 1 else ''}"
