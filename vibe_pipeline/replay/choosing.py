"""What is learned of a delta: all of it, or what has priority where a budget or the synthetic share has no room."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from vibe_pipeline.records import ExampleSet
from vibe_pipeline.replay.request import Request
from vibe_pipeline.replay.rows import COLUMNS, positions, read
from vibe_pipeline.store import Store
from vibe_pipeline.withdrawn import Withdrawn


@dataclass(frozen=True, slots=True)
class Delta:
    rows: pl.DataFrame
    """What is learned of it."""
    offered: int
    """Rows that there were to choose from."""
    room: int
    """How many of these the budget has room for."""
    minimum: int
    """Old rows that are replayed beside it at least."""


def preferred(store: Store, request: Request, withdrawn: Withdrawn) -> Delta:
    """What is learned of the delta. Where there is no choice its rows alone are read."""
    is_whole = sum(request.learned(*request.rows(request.delta), request.delta_rows)) == request.delta_rows
    if is_whole and (request.budget_tokens is None or request.expected_tokens <= request.budget_tokens):
        wanted = [(it, positions(it, it.train_ranges(request.kinds), withdrawn)) for it in request.delta]
        rows = read(store, wanted, [*COLUMNS, "priority"])
        return Delta(rows, rows.height, rows.height, request.replay.minimum)
    offered = pl.concat(
        _offered(store, examples, request.kinds, withdrawn).with_columns(set=at)
        for at, examples in enumerate(request.delta)
    )
    offered = offered.sort("priority", "set", "row")
    others, made = offered.filter(~pl.col("is_synthetic")), offered.filter("is_synthetic")
    allowed = _first(others, made, request.learned(others.height, made.height, offered.height))
    fitting, minimum = request.fitting(allowed.sort("priority", "set", "row")["tokens"].to_numpy())
    room = fitting if fitting < allowed.height else offered.height
    best = offered.head(room).filter("is_synthetic").height
    counts = request.learned(others.height, best, room)
    kept = _first(others, made, counts)
    wanted = [(examples, np.sort(kept.filter(set=at)["row"].to_numpy())) for at, examples in enumerate(request.delta)]
    return Delta(read(store, wanted, [*COLUMNS, "priority"]), offered.height, room, minimum)


def _first(others: pl.DataFrame, made: pl.DataFrame, counts: tuple[int, int]) -> pl.DataFrame:
    return pl.concat([others.head(counts[0]), made.head(counts[1])])


def _offered(store: Store, examples: ExampleSet, kinds: tuple[str, ...], withdrawn: Withdrawn) -> pl.DataFrame:
    """row, priority, tokens, is_synthetic of the training rows of one example set; nothing that was forgotten or taken
    back."""
    file = store.existing_table(f"examples/{examples.sha}.parquet")
    known = pl.read_parquet(file, columns=["priority", "tokens"], glob=False)
    parts = [
        pl.DataFrame({"row": positions(examples, examples.train_ranges(kinds, synthetic), withdrawn)}).with_columns(
            is_synthetic=pl.lit(synthetic)
        )
        for synthetic in (False, True)
    ]
    offered = pl.concat(parts)
    return pl.concat([offered, known[offered["row"]]], how="horizontal").drop_nulls("priority")
