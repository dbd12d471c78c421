"""The examples of one generation: what its window of the log teaches, and the suite that it is judged on.

Not here: which examples a lineage trains on (replay_mix.py).
"""

import dagster as dg

from assets.interactions import interactions
from assets.metadata import curated
from assets.partitions import generations, number
from assets.resources import LadderResource


@dg.asset(
    partitions_def=generations,
    deps=[interactions],
    group_name="data",
    owners=["team:vibe"],
    kinds={"duckdb", "parquet"},
    code_version="1",
)
def examples(context: dg.AssetExecutionContext, ladder: LadderResource) -> dg.MaterializeResult:
    """Training examples of one generation, and its held-out items, made once from the interactions up to its cut.

    They are fixed from then on: making them again returns the same files, whatever was logged since.
    """
    generation = number(context.partition_key)
    with ladder.open(context.log) as here:
        made = here.examples(generation)
        card, page = here.generations.card(generation), here.generations.page(generation)
        metadata = curated(card, page, here.describe_generation(generation))
    return dg.MaterializeResult(metadata=metadata, data_version=dg.DataVersion(made.sha))
