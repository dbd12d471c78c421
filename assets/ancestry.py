"""What a rung grows from, as an external asset: the ladder in the graph, without a cycle.

When a rung settles, the version of its successor's ancestry is observed, so that a retrained g003 makes the mix of
g004 stale. Dagster carries that one rung up; what lies higher is refused or renewed by the ledger.
Not here: a dependency of one partition on another, which Dagster refuses or runs in the wrong order.
"""

import dagster as dg

from assets.partitions import rung_key, rungs
from vibe_pipeline.fingerprint import key_of
from vibe_pipeline.ladder import Ladder
from vibe_pipeline.rung import Rung

ancestry = dg.AssetSpec(
    "ancestry",
    description=(
        "What a rung grows from: its parent adapter and the examples that its ancestors learned. Nobody makes it; "
        "it is observed for the next generation whenever a rung settles."
    ),
    partitions_def=rungs,
    group_name="ladder",
    owners=["team:vibe"],
    kinds={"python"},
)


def report(context: dg.AssetExecutionContext, here: Ladder, rung: Rung) -> None:
    """Observe the ancestry of the generation above a rung that has just settled."""
    above = rung.generation + 1
    parent = here.line(rung.lineage).parent_of(above)
    learned = parent.facts["learned"] if parent else []
    version = key_of(
        {
            "parent": parent.facts["child_sha"] if parent else rung.base.sha,
            "learned": [here.examples(generation).sha for generation in learned],
        }
    )
    context.log_event(
        dg.AssetObservation(
            asset_key=ancestry.key,
            partition=rung_key(rung.lineage, above),
            metadata={"learned": ", ".join(map(str, learned))},
            tags={"dagster/data_version": version},
        )
    )
