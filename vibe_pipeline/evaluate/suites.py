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

from vibe_pipeline.evaluate import teacher_forced
from vibe_pipeline.records import Split

KNOWLEDGE = "knowledge"
BEHAVIOUR = "behaviour"
LABELS = "labels"
EXACT_PARTS = (KNOWLEDGE, LABELS)
"""Parts whose items have one right answer each."""

SCHEMA = pa.schema(
    [
        *(pa.field(name, pa.string()) for name in ("item_id", "part", "kind", "fact", "cluster", "prompt", "answer")),
        pa.field("prompt_format", pa.string()),
        pa.field("scorer", pa.string()),
    ]
)

READ = ["example_id", "split", "kind", "fact", "held_with", "prompt", "completion"]


def suite(examples: Path, prompt_format: str) -> Iterator[pa.Table]:
    """Items of the validation and test split, in the order of the examples, a row group at a time: SCHEMA."""
    file = pq.ParquetFile(examples)
    for group in range(file.num_row_groups):
        is_item = pc.not_equal(file.read_row_group(group, columns=["split"])["split"], str(Split.TRAIN))
        if pc.any(is_item).as_py():
            read = file.read_row_group(group, columns=READ)
            yield _items(pl.DataFrame(read.filter(is_item)), prompt_format).to_arrow().cast(SCHEMA)


def _items(rows: pl.DataFrame, prompt_format: str) -> pl.DataFrame:
    """What was seen together is one cluster in the statistics: wordings of a fact, all that is held out with it."""
    together = pl.coalesce("fact", pl.col("held_with").cast(pl.String), "example_id")
    return rows.select(
        item_id="example_id",
        part=pl.when(pl.col("split") == Split.TEST).then(pl.lit(KNOWLEDGE)).otherwise(pl.lit(BEHAVIOUR)),
        kind="kind",
        fact="fact",
        cluster=together,
        prompt="prompt",
        answer="completion",
        prompt_format=pl.lit(prompt_format),
        scorer=pl.lit(teacher_forced.SCORER),
    )
