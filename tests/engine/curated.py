"""Curated generations made by hand: example files with the columns that curation writes, and a home that knows them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from vibe_pipeline import passes, withdrawn
from vibe_pipeline.evaluate import suites
from vibe_pipeline.fingerprint import key_of, sha_of_bytes
from vibe_pipeline.records import Cut, ExampleSet, plain
from vibe_pipeline.store import Store

SCHEMA = {
    **dict.fromkeys(("example_id", "kind", "stage", "split", "tier", "conversation_id", "module", "fact"), pl.String),
    **dict.fromkeys(("prompt", "completion", "rejected"), pl.String),
    "held_with": pl.UInt64,
    "interaction_ids": pl.List(pl.String),
    "quality": pl.Float32,
    "reasons": pl.List(pl.String),
    **dict.fromkeys(("tokens", "priority", "generation"), pl.Int32),
}
STAYS = ("kind", "stage", "split", "generation")
"""Of a row that was forgotten."""


def write_set(store: Store, generation: int, rows: list[dict[str, Any]], **values: Any) -> ExampleSet:
    """An example set from rows of which everything but the texts may be left out; a row `None` was forgotten."""
    full = [_row(number, generation, row) for number, row in enumerate(rows)]
    frame = pl.DataFrame(full, schema=SCHEMA).sort(pl.col("split") != "train", pl.col("split") != "validation", "kind")
    erased = pl.col("example_id").str.starts_with("forgotten")
    frame = frame.with_columns(pl.when(~erased).then(pl.exclude(STAYS)))
    size = pl.col("prompt").str.len_chars() + pl.col("completion").str.len_chars()
    groups = frame.group_by("split", "kind", maintain_order=True).agg(pl.len(), size.sum())
    sha = store.write_table("examples", frame.to_arrow())
    items = suites.suite(store.path(f"examples/{sha}.parquet"), passes.PROMPT_FORMAT)
    suite_sha = store.write_tables("suites", suites.SCHEMA, items)
    told = {"dropped": {}, "leaks": {"conversations": 0, "groups": 0, "near_duplicates": 0}, **values}
    return ExampleSet(
        generation=generation,
        sha=sha,
        suite_sha=suite_sha,
        rows=frame.height,
        counts=tuple(groups.rows()),
        **told,
    )


def keep(home: Path, rows: list[dict[str, Any]], segments: tuple[str, ...] = (), **values: Any) -> ExampleSet:
    """The same as the next generation of a home: its window is cut, and these are its examples."""
    store = Store(home)
    generation = len(store.names("cuts", ".json"))
    cut = Cut(
        generation=generation,
        interaction_segments=segments,
        probe_segments=(),
        interactions_position=generation,
        probes_position=-1,
        interactions=len(rows),
        probes=0,
        expected_held_out=0,
        previous=None,
    )
    store.write_json(f"cuts/{generation:06d}.json", plain(cut))
    made = write_set(store, generation, rows, **values)
    store.write_json(f"results/examples/{key_of(plain(cut))}.json", plain(made))
    return made


def take_back(store: Store, generation: int, *rows: int) -> dict[str, Any]:
    """What an example set of the next generation says that took back these rows of this one."""
    places = np.array([generation << 32 | row for row in rows], np.uint64)
    return {"withdrawn": len(rows), "withdrawn_sha": withdrawn.write(store, places, generation + 1, "")}


def _row(number: int, generation: int, row: dict[str, Any]) -> dict[str, Any]:
    told = {"kind": "conversation", "split": "train", "prompt": f"question {number}", "completion": f"answer {number}"}
    told |= row
    tokens = (len(told["prompt"]) + len(told["completion"])) // 4
    name = sha_of_bytes(f"{generation} {number} {told['prompt']} {told['completion']}".encode())
    return {
        "example_id": f"forgotten {name}" if told.pop("is_forgotten", False) else name,
        "stage": "conversations",
        "tier": "own",
        "conversation_id": f"c{number}",
        "module": "m",
        "held_with": number,
        "interaction_ids": [f"i{number}"],
        "quality": 0.5,
        "reasons": [],
        "tokens": tokens,
        "priority": number,
        "generation": generation,
        **told,
    }
