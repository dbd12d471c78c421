"""Curation with Hugging Face `datasets`, as its users write it: map and filter, then MinHash as text-dedup does it.

The best settings that we know of: two processes, batched maps, columns that a step does not need left out, signatures
by rensa in one call a batch (`datasketch` takes some thirty times as long), bands joined by Polars and clusters by
union-find in one process (as text-dedup's `minhash.py`), exact duplicates by one pass over hashes, and functions that
are pickled by name, so that hashing them for the cache costs nothing. Conversations are grouped by Polars, which
`datasets` cannot do. Not here: what is done to one conversation or text (data_by_hand.py),
and the same a row at a time (data_datasets_by_row.py).
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.data_by_hand import Row, compared, content, examples, has_neighbours, is_good, windows
from benchmarks.process import Steps

PROCESSES, BATCH = 2, 1000
PERMUTATIONS, BANDS, ROWS = 64, 12, 5
NEAR, QUOTED = 3, 13

COLUMNS = ["conversation_id", "interaction_id", "module", "action", "input", "output", "success", "error_type", "extra"]

Columns = dict[str, list[Any]]

held_out: set[int] = set()
"""Hashes of windows of held-out items: a global, which forked processes see without a copy."""


def built(batch: Columns) -> Columns:
    """Conversations → examples."""
    made = [example for turns in batch["turns"] for example in examples(turns)]
    columns = {name: [example[name] for example in made] for name in made[0]} if made else {}
    return columns | {"content": [content(example) for example in made]}


def good(batch: Columns) -> list[bool]:
    """Of some examples, those that break no rule."""
    return [is_good(row) for row in _rows(batch)]


def signed(batch: Columns) -> Columns:
    """The bands of each example's signature, as bytes; none of what has no neighbours or is too short."""
    import numpy as np
    from rensa import RMinHash

    shingles = [windows(compared(row), NEAR) if has_neighbours(row) else [] for row in _rows(batch)]
    matrix = RMinHash.digest_matrix_from_token_sets(shingles, PERMUTATIONS, 1)
    signatures = np.array(matrix.to_rows(), dtype=np.uint32)[:, : BANDS * ROWS].reshape(-1, BANDS, ROWS)
    pairs = zip(shingles, signatures, strict=True)
    return {"bands": [[band.tobytes() for band in bands] if found else [] for found, bands in pairs]}


def clean(batch: Columns) -> list[bool]:
    """Of training rows, those that share no window with a held-out item."""
    return [is_clean(row) for row in _rows(batch)]


def is_clean(row: Row) -> bool:
    """Of one row."""
    return bool(row["is_held_out"]) or held_out.isdisjoint(map(hash, windows(compared(row), QUOTED)))


def _rows(batch: Columns) -> Iterator[Row]:
    return (dict(zip(batch, values, strict=True)) for values in zip(*batch.values(), strict=True))


class Functions(NamedTuple):
    """What is mapped and filtered with, and how `datasets` is to call it."""

    good: Callable[..., Any]
    signed: Callable[..., Any]
    clean: Callable[..., Any]
    options: dict[str, Any]


PROCESSED: dict[str, Any] = {"num_proc": PROCESSES}
BATCHED = {"batched": True, "batch_size": BATCH, **PROCESSED}


def main() -> None:
    """Segments (a folder) → Parquet files in another; prints rows and seconds of each step as JSON."""
    curate(Functions(good, signed, clean, BATCHED))


def curate(functions: Functions) -> None:
    """The same, with these."""
    import numpy as np
    import polars as pl
    from datasets import Dataset, disable_progress_bars

    disable_progress_bars()
    segments, out = map(Path, sys.argv[1:])
    steps = Steps()
    out.mkdir()
    conversations = (
        pl.scan_parquet(segments / "*" / "*.parquet")
        .sort("conversation_id", "turn")
        .group_by("conversation_id", maintain_order=True)
        .agg(pl.struct(COLUMNS).alias("turns"))
    )
    conversations.select("turns").collect().write_parquet(out / "conversations.parquet")
    ds = Dataset.from_parquet(str(out / "conversations.parquet"), cache_dir=str(out / "cache"))
    steps.done("read", len(ds))
    ds = ds.map(built, remove_columns=ds.column_names, **BATCHED)
    steps.done("build", len(ds))
    ds = ds.filter(functions.good, **functions.options)
    steps.done("quality", len(ds))
    _, first = np.unique(np.array(ds["content"][:]), return_index=True)
    ds = ds.select(np.sort(first))
    steps.done("exact", len(ds))
    texts = ds.select_columns(["kind", "question", "completion"])
    bands = texts.map(functions.signed, remove_columns=["question", "completion"], **functions.options)
    ds = ds.select(kept(bands.to_polars()))
    steps.done("near", len(ds))
    for text in map(compared, ds.select(np.flatnonzero(ds["is_held_out"][:]))):
        held_out.update(map(hash, windows(text, QUOTED)))
    ds = ds.filter(functions.clean, **functions.options)
    steps.done("contamination", len(ds))
    for name, wanted in (("train", False), ("validation", True)):
        ds.select(np.flatnonzero(np.array(ds["is_held_out"][:]) == wanted)).remove_columns(
            ["content", "question"]
        ).to_parquet(out / f"{name}.parquet")
    steps.done("write", len(ds))
    steps.tell(Counter(ds["kind"][:]))


def kept(bands: Any) -> list[int]:
    """The first row of each cluster of rows that share a band; kinds are clusters apart."""
    import polars as pl

    parents = list(range(len(bands)))

    def root(row: int) -> int:
        while parents[row] != row:
            parents[row] = row = parents[parents[row]]
        return row

    numbered = bands.lazy().with_row_index().explode("bands").drop_nulls()
    numbered = numbered.with_columns(pl.int_range(pl.len()).over("index").alias("band"))
    groups = numbered.group_by("kind", "band", "bands").agg("index").filter(pl.col("index").list.len() > 1)
    for group in groups.collect()["index"].to_list():
        roots = sorted(map(root, group))
        for other in roots[1:]:
            parents[root(other)] = root(roots[0])
    return [row for row in range(len(parents)) if root(row) == row]
