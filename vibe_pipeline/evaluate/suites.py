"""A suite: the immutable held-out items that one generation brings.

Two parts, always shown apart: knowledge (probes: same facts, a wording never trained on) has one right
answer and is read as exact; behaviour (conversations never trained on) has none and is read as NLL.
Prompt format and scorer are columns, so they are part of a suite's content hash.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pyarrow as pa

from vibe_pipeline.records import Split

KNOWLEDGE = "knowledge"
BEHAVIOUR = "behaviour"
EXACT_PARTS = (KNOWLEDGE,)
SCORER = "teacher_forced-v1"


def suite(examples: Path, prompt_format: str) -> pa.Table:
    """Items of the validation and test split: item_id, part, kind, fact, prompt, answer, prompt_format, scorer."""
    items = (
        pl.scan_parquet(examples, glob=False)
        .filter(pl.col("split") != Split.TRAIN)
        .select(
            item_id="example_id",
            part=pl.when(pl.col("split") == Split.TEST).then(pl.lit(KNOWLEDGE)).otherwise(pl.lit(BEHAVIOUR)),
            kind="kind",
            fact="fact",
            prompt="prompt",
            answer="completion",
            prompt_format=pl.lit(prompt_format),
            scorer=pl.lit(SCORER),
        )
    )
    return items.sort("part", "item_id").collect().to_arrow()
