"""What one rung trains on: its delta and a replay of what its ancestors learned, in curriculum order.

Not here: the order of rungs. A rung whose predecessor is not settled is refused by the ledger.
"""

import dagster as dg

from assets.ancestry import ancestry
from assets.examples import examples
from assets.metadata import grown, mixed
from assets.partitions import rungs
from assets.resources import LadderResource
from assets.rungs import CODE_VERSION, rung_at


@dg.asset(
    partitions_def=rungs,
    deps=[examples, ancestry],  # examples: those of the same generation, for every lineage
    group_name="ladder",
    owners=["team:vibe"],
    kinds={"parquet"},
    code_version=CODE_VERSION,
)
def replay_mix(context: dg.AssetExecutionContext, ladder: LadderResource) -> dg.MaterializeResult:
    """The examples that one rung trains on, row by row in training order: the new ones and a sample of the old."""
    with ladder.open(context.log) as here:
        rung = rung_at(here, context)
        mix = here.mix(rung)
    return dg.MaterializeResult(metadata=grown(rung) | mixed(rung, mix), data_version=dg.DataVersion(mix.sha))
