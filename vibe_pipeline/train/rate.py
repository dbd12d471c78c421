"""How many tokens a second this machine trains, measured once per base, recipe and device.

A rung's minutes become tokens by this rate. It is kept in the store and never measured again by itself, not for
another number of threads either, so that the same rung asks for the same mix tomorrow.
"""

from __future__ import annotations

import time

import polars as pl

from vibe_pipeline.fingerprint import key_of
from vibe_pipeline.models import BaseModel, Execution, load_base, new_adapter
from vibe_pipeline.progress import nobody
from vibe_pipeline.records import SCHEMA_VERSION
from vibe_pipeline.settings import Recipe
from vibe_pipeline.store import Store
from vibe_pipeline.train.loop import train

WAIT_S = 600.0

ROWS = 48
TEXT = "What is measured here is only how fast this machine trains, so any sentence of usual length will do."


def tokens_per_second(store: Store, base: BaseModel, recipe: Recipe, on: Execution) -> float:
    """The kept rate, or a fresh one from three training steps on plain text."""
    inputs = {
        "base": base.sha,
        "recipe": recipe.model_dump(mode="json"),
        "device": on.device,
        "dtype": on.dtype,
    }
    name = f"models/rates/{key_of(inputs)}.json"
    with store.lock("rate", WAIT_S):  # what rungs are resolved by must not change between their stages
        if not store.exists(name):
            rate = _measure(base, recipe, on)
            store.write_json(name, {"schema_version": SCHEMA_VERSION, "inputs": inputs, "tokens_per_s": rate})
    return float(store.read_json(name)["tokens_per_s"])


def _measure(base: BaseModel, recipe: Recipe, on: Execution) -> float:
    model, tokenizer = load_base(base, on)
    mix = pl.DataFrame({"epoch": [0] * ROWS, "prompt": [TEXT] * ROWS, "completion": [TEXT] * ROWS})
    with nobody("rate") as advance:
        adapter = new_adapter(model, recipe, seed=0)
        started = time.monotonic()
        run = train(adapter, tokenizer, mix, recipe, on, max_minutes=1, advance=advance)
    return run.tokens / (time.monotonic() - started)
