"""A suite: the immutable held-out items that one generation brings.

Parts, always shown apart: knowledge (probes: same facts, a wording never trained on) and labels (one of a few answers)
have one right answer and are read as exact; behaviour (conversations never trained on) has none and is read as NLL.
Prompt format and scorer are columns, so they are part of a suite's content hash.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vibe_pipeline.evaluate import labels as by_labels
from vibe_pipeline.evaluate import teacher_forced
from vibe_pipeline.records import Kind, Split

KNOWLEDGE = "knowledge"
BEHAVIOUR = "behaviour"
LABELS = "labels"
EXACT_PARTS = (KNOWLEDGE, LABELS)
"""Parts whose items have one right answer each."""

LABELLED = Kind.ERROR_PREDICTION
"""The kind whose completions are labels."""

MOST_LABELS = 32
"""Of a suite, the commonest: each is read for every item. An item with a rarer one is no label but behaviour."""

SCHEMA = pa.schema(
    [
        *(pa.field(name, pa.string()) for name in ("item_id", "part", "kind", "fact", "cluster", "prompt", "answer")),
        pa.field("prompt_format", pa.string()),
        pa.field("scorer", pa.string()),
        pa.field("choices", pa.list_(pa.string())),
    ]
)

READ = ["example_id", "split", "kind", "fact", "held_with", "prompt", "completion"]


def suite(examples: Path, prompt_format: str) -> Iterator[pa.Table]:
    """Items of the validation and test split, in the order of the examples, a row group at a time: SCHEMA."""
    file = pq.ParquetFile(examples)
    known = _labels(file)
    for group in range(file.num_row_groups):
        if (read := _held_out(file, group, READ)).height:
            yield _items(read, prompt_format, known).to_arrow().cast(SCHEMA)


def _held_out(file: pq.ParquetFile, group: int, columns: list[str]) -> pl.DataFrame:
    """The items of a row group; of one that has none, its splits alone are read."""
    is_item = pc.not_equal(file.read_row_group(group, columns=["split"])["split"], str(Split.TRAIN))
    has_one = pc.any(is_item).as_py()
    return pl.DataFrame(file.read_row_group(group, columns=columns).filter(is_item)) if has_one else pl.DataFrame()


def _labels(file: pq.ParquetFile) -> list[str]:
    """What the labelled items of a suite answer, in the order of the alphabet; fewer than two labels are none."""
    said = [pl.Series("completion", [], dtype=pl.String)]
    for group in range(file.num_row_groups):
        if (its := _held_out(file, group, ["kind", "completion"])).height:
            said.append(its.filter(pl.col("kind") == LABELLED)["completion"])
    counts = pl.concat(said).value_counts().sort("count", "completion", descending=[True, False])
    return sorted(counts["completion"].head(MOST_LABELS)) if counts.height > 1 else []


def _items(rows: pl.DataFrame, prompt_format: str, labels: list[str]) -> pl.DataFrame:
    """What was seen together is one cluster in the statistics: wordings of a fact, all that is held out with it."""
    together = pl.coalesce("fact", pl.col("held_with").cast(pl.String), "example_id")
    is_label = (pl.col("kind") == LABELLED) & pl.col("completion").is_in(labels)
    return rows.select(
        item_id="example_id",
        part=pl.when(is_label)
        .then(pl.lit(LABELS))
        .when(pl.col("split") == Split.TEST)
        .then(pl.lit(KNOWLEDGE))
        .otherwise(pl.lit(BEHAVIOUR)),
        kind="kind",
        fact="fact",
        cluster=together,
        prompt="prompt",
        answer="completion",
        prompt_format=pl.lit(prompt_format),
        scorer=pl.when(is_label).then(pl.lit(by_labels.SCORER)).otherwise(pl.lit(teacher_forced.SCORER)),
        choices=pl.when(is_label).then(pl.lit(labels, pl.List(pl.String))),
    )
