"""How a sensor looks at the ladder: how often, and what becomes of an error.

Not here: what any of them looks for.
"""

from collections.abc import Callable

import dagster as dg

from assets.resources import LadderResource
from vibe_pipeline.errors import VibeError
from vibe_pipeline.ladder import Ladder
from vibe_pipeline.settings import Trigger, load

WAIT_S = 5.0
"""For a lock that somebody else holds: Dagster gives a tick one minute, and there is a next one."""


def every_s() -> int:
    """[trigger] every_seconds, asked when the code location is loaded; what is wrong in vibe.toml the ticks tell."""
    try:
        return load().trigger.every_seconds
    except VibeError:
        return Trigger().every_seconds


def look(
    context: dg.SensorEvaluationContext | dg.ScheduleEvaluationContext,
    ladder: LadderResource,
    ask: Callable[[Ladder], dg.SensorResult],
) -> dg.SensorResult:
    """What the ladder answers. What passes by itself, such as a lock, is a reason to skip; else the tick fails."""
    try:
        with ladder.open(context.log) as here:
            return ask(here)
    except dg.Failure as failure:
        if not failure.allow_retries:
            raise
        return dg.SensorResult(skip_reason=failure.description)
