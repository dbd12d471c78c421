"""The training stage: base, parent adapter and mix → a stored adapter and the facts of its training.

Not here: the loop (loop.py), which knows no store.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vibe_pipeline.models import ADAPTERS, BaseModel, Execution, load_adapter, load_base, new_adapter, save_adapter
from vibe_pipeline.progress import Watch
from vibe_pipeline.records import Mix, Training
from vibe_pipeline.settings import Lineage
from vibe_pipeline.store import Store
from vibe_pipeline.train.loop import Run, train

if TYPE_CHECKING:
    from peft import PeftModel

ADAPTER_BYTES = 256 << 20
"""Room asked for before the first step: two days of training with nothing saved is the field's classic."""


def train_adapter(
    store: Store,
    base: BaseModel,
    parent_sha: str | None,
    mix: Mix,
    lineage: Lineage,
    on: Execution,
    watch: Watch,
    title: str,
) -> Training:
    """Continue the parent's adapter (or a fresh one, seeded) on a stored mix and store the result."""
    store.require(ADAPTER_BYTES, title)
    adapted, run = trained(store, base, parent_sha, mix.sha, lineage, on, watch, title)

    def save(folder: Path) -> None:
        save_adapter(adapted, folder, base.name)

    return _facts(run, store.write_folder(ADAPTERS, save), lineage, on)


def trained(
    store: Store,
    base: BaseModel,
    parent_sha: str | None,
    mix_sha: str,
    lineage: Lineage,
    on: Execution,
    watch: Watch,
    title: str,
    steps: int | None = None,
) -> tuple[PeftModel, Run]:
    """The adapter in memory; it ends after so many steps, where they are given, as a run did that the clock ended."""
    table = store.read_frame(f"mixes/{mix_sha}.parquet")
    with watch(title) as advance:
        model, tokenizer = load_base(base, on)
        if parent_sha:
            parent = store.existing(f"{ADAPTERS}/{parent_sha}")
            adapted = load_adapter(model, parent, trainable=True, recipe=lineage.recipe)
        else:
            adapted = new_adapter(model, lineage.recipe, lineage.seed)
        recipe, minutes = lineage.recipe, lineage.max_minutes
        return adapted, train(adapted, tokenizer, table, recipe, on, max_minutes=minutes, steps=steps, advance=advance)


def _facts(run: Run, adapter_sha: str, lineage: Lineage, on: Execution) -> Training:
    return Training(
        adapter_sha=adapter_sha,
        steps=run.steps,
        learning_rate=lineage.recipe.learning_rate,
        loss_start=run.losses[0],
        loss_end=run.losses[-1],
        label_tokens=run.label_tokens,
        tokens=run.tokens,
        loss_curve=tuple(run.losses),
        gradient_norm_max=run.gradient_norm_max,
        adapter_change=run.adapter_change,
        device=on.device,
        dtype=on.dtype,
        threads=on.threads,
        stopped=run.stopped,
        measured={"walltime_min": run.seconds / 60, "tokens_per_s": run.tokens / run.seconds},
    )
