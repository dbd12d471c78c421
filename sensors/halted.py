"""Shows which lineages are halted and why, where people look for what does not start.

Not here: halting (vibe_pipeline/halting.py) and resuming, which a person does.
"""

import dagster as dg

from assets.resources import LadderResource
from sensors.looking import every_s, look
from vibe_pipeline.ladder import Ladder
from vibe_pipeline.lineages import notes


@dg.sensor(minimum_interval_seconds=every_s(), default_status=dg.DefaultSensorStatus.RUNNING)
def halted(context: dg.SensorEvaluationContext, ladder: LadderResource) -> dg.SensorResult:
    """Requests nothing: its skip reason is the verdict of the stop rule, or of the person who halted a lineage."""
    return look(context, ladder, _ask)


def _ask(here: Ladder) -> dg.SensorResult:
    rows = here.lineages()
    words = " ".join(notes(row for row in rows if row["is_halted"]))
    return dg.SensorResult(skip_reason=words or f"none of {len(rows)} lineages is halted")
