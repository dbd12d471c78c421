"""What a scorer says of an item: one schema for all of them, so that results of all lie in one file a suite.

scores/<model sha>/<suite sha>.parquet is written once per adapter × suite × item × scorer (a suite's items name their
scorer) and never recomputed. Not here: the scorers, and the figures made from results.
"""

from __future__ import annotations

from typing import Any

import polars as pl

SCHEMA: dict[str, Any] = {
    "item_id": pl.String,
    "answer": pl.String,  # what the model said; null where it was not asked to speak
    "score": pl.Float64,  # from 0 to 1
    "exact": pl.Boolean,  # whether it was right
    "chance": pl.Float64,  # of the right one among an item's choices
    "nll": pl.Float64,  # of the right answer, in nats a token
    "tokens": pl.Int32,
    "bits_per_byte": pl.Float64,
    "token_accuracy": pl.Float64,
    "seconds": pl.Float64,
}
"""What a scorer has no figure for is null; so is all that is not finite, and then the item counts as missing."""


def columns(*names: str) -> dict[str, Any]:
    """Those of SCHEMA that a scorer has figures for, in its own order; every one names the item."""
    return {name: SCHEMA[name] for name in ("item_id", *names)}


def completed(results: pl.DataFrame, schema: dict[str, Any] = SCHEMA) -> pl.DataFrame:
    """Results with all columns of a schema in their order; those that were kept before a column came have nulls."""
    known: Any = {name: kind for name, kind in schema.items() if name in results.columns}
    return pl.concat([pl.DataFrame(schema=schema), results.select(*known).cast(known)], how="diagonal")
