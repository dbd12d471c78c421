"""The replay mix: what a generation trains on, as one ordered table.

Every epoch takes the whole delta and a fresh draw from all deltas that promoted ancestors learned
(resampling beat a fixed sample .983 to .861: docs/log.md, "replay"), ordered by curriculum stage, replay
and delta interleaved within a stage. A draw reads only the row groups it hits, so its cost is bounded by
the draw and not by the height of the ladder.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from vibe_pipeline.records import Mix, Stage
from vibe_pipeline.replay.choosing import Delta, preferred
from vibe_pipeline.replay.drawing import Past
from vibe_pipeline.replay.request import Request
from vibe_pipeline.replay.rows import IS_SYNTHETIC, synthetic_rows
from vibe_pipeline.store import Store
from vibe_pipeline.withdrawn import Withdrawn

__all__ = ["Request", "make", "mix"]


def make(store: Store, request: Request) -> Mix:
    """Write the mix of a request as mixes/<sha>.parquet."""
    table, delta = _mixed(store, request)
    first = table.filter(epoch=0) if table.height else table
    delta_rows = first.filter(origin="delta").height if table.height else 0
    return Mix(
        sha=store.write_table("mixes", table.to_arrow()),
        rows=table.height,
        epochs=request.epochs,
        delta_rows=delta_rows,
        replay_rows=first.height - delta_rows,
        left_for_later=delta.offered - delta_rows,
        left_as_synthetic=delta.room - delta_rows,
        synthetic_rows=synthetic_rows(table),
    )


def mix(store: Store, request: Request) -> pl.DataFrame:
    """The mix: COLUMNS, origin ('delta' or 'replay'), epoch and position; empty when the delta is.

    Of a delta larger than the budget the rows of highest priority are kept. Of synthetic rows every epoch holds as many
    as are allowed beside its others, first the delta's and then replayed ones. What was taken back since, or answered
    anew, is neither learned nor replayed. What was forgotten left an empty place in its file, and is in no mix.
    """
    return _mixed(store, request)[0]


def _mixed(store: Store, request: Request) -> tuple[pl.DataFrame, Delta]:
    withdrawn = Withdrawn(store, request.withdrawn_sha)
    taken = preferred(store, request, withdrawn)
    request = replace(request, replay=request.replay.model_copy(update={"minimum": taken.minimum}))
    delta = taken.rows
    if delta.is_empty():
        return delta.drop("priority"), taken
    chance = np.random.default_rng(request.seed)
    past = Past(request, withdrawn)
    drawn = [past.read(store, hand) for hand in past.hands(delta, chance)]
    allowed = [_allowed(request, delta, it) for it in drawn]  # less may have come than was drawn
    delta = _within(delta.sort("priority", "example_id"), min(allowed)).drop("priority").sort("example_id")
    if delta.is_empty():
        return delta, taken
    left = [most - synthetic_rows(delta) for most in allowed]
    epochs = [
        _interleave(delta, _within(replayed, most), chance).with_columns(epoch=pl.lit(epoch, pl.Int32))
        for epoch, (replayed, most) in enumerate(zip(drawn, left, strict=True))
    ]
    return pl.concat(epochs).with_row_index("position"), taken


def _interleave(delta: pl.DataFrame, drawn: pl.DataFrame, chance: np.random.Generator) -> pl.DataFrame:
    """Both, stage by stage; within a stage each is shuffled and spread evenly: every batch sees its share of replay."""
    order = pl.Enum([stage.value for stage in Stage])
    spread = [
        frame.with_columns(origin=pl.lit(origin), chance=pl.Series(chance.random(frame.height))).with_columns(
            place=(pl.col("chance").rank("ordinal").over("stage") - 0.5) / pl.len().over("stage")
        )
        for frame, origin in ((delta, "delta"), (drawn, "replay"))
        if frame.height
    ]
    return pl.concat(spread).sort(pl.col("stage").cast(order), "place", "origin", "chance").drop("place", "chance")


def _allowed(request: Request, *parts: pl.DataFrame) -> int:
    """How many rows of a mix of these parts may be synthetic."""
    rows = sum(part.height for part in parts)
    return int(min(rows, request.synthetic.allowed(rows - sum(map(synthetic_rows, parts)))))


def _within(rows: pl.DataFrame, made: int) -> pl.DataFrame:
    """The rows with the first so many synthetic ones."""
    return rows.filter(~IS_SYNTHETIC | (IS_SYNTHETIC.cum_sum() <= made))
