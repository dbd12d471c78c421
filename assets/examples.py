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
    check_specs=[
        dg.AssetCheckSpec("schema", asset="examples", description="Its files have the columns that readers expect."),
        dg.AssetCheckSpec(
            "contamination",
            asset="examples",
            description="No conversation, group or near-duplicate is both trained on and judged on.",
        ),
    ],
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
        breaches = here.breaches(generation)
    checks = [
        dg.AssetCheckResult(check_name="schema", passed=not breaches, metadata={"breaches": "; ".join(breaches)}),
        dg.AssetCheckResult(check_name="contamination", passed=not _leaked(card.leaks), metadata=card.leaks),
    ]
    return dg.MaterializeResult(metadata=metadata, data_version=dg.DataVersion(made.sha), check_results=checks)


def _leaked(leaks: dict[str, int]) -> int:
    """Rows on both sides of the split. Equal answers to other questions are told, and may be what everybody says."""
    return sum(count for name, count in leaks.items() if name != "equal_answers")
