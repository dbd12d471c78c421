"""What was measured about one rung's adapter.

Not here: a judgement. Figures below a floor are figures; champion.py says what follows from them.
"""

import dagster as dg

from assets.adapter import adapter
from assets.metadata import grown, scored
from assets.partitions import rungs
from assets.resources import LadderResource
from assets.rungs import CODE_VERSION, rung_at, version_of


@dg.asset(
    partitions_def=rungs,
    deps=[adapter],
    group_name="ladder",
    owners=["team:vibe"],
    kinds={"pytorch", "parquet"},
    code_version=CODE_VERSION,
)
def scorecard(context: dg.AssetExecutionContext, ladder: LadderResource) -> dg.MaterializeResult:
    """Answers of base, parent and child to the same held-out items: the new ones and those of earlier generations."""
    with ladder.open(context.log) as here:
        rung = rung_at(here, context)
        card = here.evaluate(rung)
    return dg.MaterializeResult(metadata=grown(rung) | scored(card), data_version=dg.DataVersion(version_of(card)))
