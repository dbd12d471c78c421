"""The verdict on one rung, and the champion after it: here the rung settles in the ledger.

A rejected rung is a result: the run is green, the verdict red. Not here: the rules (vibe_pipeline/promote.py).
"""

import dagster as dg

from assets.ancestry import report
from assets.drawing import drawn
from assets.matrix import known
from assets.metadata import grown, judged
from assets.partitions import rungs
from assets.resources import LadderResource
from assets.rungs import CODE_VERSION, rung_at
from assets.scorecard import scorecard


@dg.asset(
    partitions_def=rungs,
    deps=[scorecard],
    group_name="ladder",
    owners=["team:vibe"],
    kinds={"python"},
    code_version=CODE_VERSION,
)
def champion(context: dg.AssetExecutionContext, ladder: LadderResource) -> dg.MaterializeResult:
    """The verdict on one rung with all its rules, and the adapter that is served after it."""
    with ladder.open(context.log) as here:
        rung = rung_at(here, context)
        event = here.settle(rung, run_id=context.run.run_id)
        line = here.line(rung.lineage)
        report(context, here, rung)
        matrix = known(here.matrix(rung.lineage, rung.generation), here.matrix_page(rung.lineage), event)
    verdict = judged(event, line, context.run.run_id)
    metadata = grown(rung) | verdict | matrix | {"line": drawn(line, rung)}
    return dg.MaterializeResult(metadata=metadata, data_version=dg.DataVersion(event.sha))
