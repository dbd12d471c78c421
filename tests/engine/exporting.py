"""Rows to export, and what is found where they went: not a test itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.engine.curated import write_set
from vibe_pipeline.curate.export.outcome import Exported
from vibe_pipeline.curate.export.writing import Wanted, export
from vibe_pipeline.store import Store

ROWS = [
    {"prompt": "Why?", "completion": "Because."},
    {"prompt": "How?", "completion": "So.", "split": "validation"},
    {"prompt": "Who?", "completion": "You.", "split": "test"},
    {"kind": "code_generation", "prompt": "Add.", "completion": "a + b"},
    {"kind": "preference", "prompt": "Which?", "completion": "This.", "rejected": "That."},
    {"kind": "document", "prompt": "", "completion": "Once upon a time"},
    {"kind": "document", "prompt": "", "completion": "gone", "is_forgotten": True},
]
TURNS = [("i1", "What\n\nis it?", "A fox."), ("i2", "Sure?", "Yes.")]
TOLD = {"prompt": "What\n\nis it?\n\nA fox.\n\nSure?", "completion": "Yes.", "interaction_ids": ["i1", "i2"]}


def exported(
    store: Store, folder: Path, rows=ROWS, log=(), name: str = "out", **wanted: Any
) -> tuple[Exported, dict[str, list[Any]]]:
    """What was said of an export of these rows to a folder below this one, and the rows of each file."""
    made = export(store, write_set(store, 2, rows), Wanted(folder=folder / name, **wanted), write_log(folder, log))
    return made, {split: read(Path(made.folder) / file) for split, file in made.files.items()}


def write_log(folder: Path, turns) -> list[Path]:
    """A segment of the log with these turns: (id, input, output), and what was told before."""
    if not turns:
        return []
    columns = zip(("interaction_id", "input", "output"), zip(*(turn[:3] for turn in turns), strict=True), strict=True)
    extra = pa.array([json.dumps({"system": turn[3]}) if turn[3:] else None for turn in turns], pa.string())
    table = pa.table({name: list(values) for name, values in columns}).append_column("extra", extra)
    pq.write_table(table, folder / "log.parquet")
    return [folder / "log.parquet"]


def read(path: Path) -> list[Any]:
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    return [json.loads(line) for line in path.read_bytes().decode().split("\n")[:-1]]
