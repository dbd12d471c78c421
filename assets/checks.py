"""Checks of the log: is something still being logged, and can it be read? Both warn, and stop nothing.

Not here: the figures and their limits, which come from the Ladder and vibe.toml. A verdict is never a check.
"""

import dagster as dg

from assets.interactions import interactions
from assets.resources import LadderResource


@dg.asset_check(asset=interactions)
def freshness(context: dg.AssetCheckExecutionContext, ladder: LadderResource) -> dg.AssetCheckResult:
    """The newest interaction is not older than `log.stale_days`."""
    with ladder.open(context.log) as here:
        health = here.log.health()
    age = {} if health.age_days is None else {"age_days": health.age_days}
    return dg.AssetCheckResult(
        passed=health.age_days is not None and health.age_days <= health.stale_days,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={**age, "stale_days": health.stale_days, "interactions": health.interactions},
    )


@dg.asset_check(asset=interactions)
def quarantine_share(context: dg.AssetCheckExecutionContext, ladder: LadderResource) -> dg.AssetCheckResult:
    """The share of what came in and could not be read is not above `log.quarantine_limit`."""
    with ladder.open(context.log) as here:
        health = here.log.health()
    return dg.AssetCheckResult(
        passed=health.quarantine_share <= health.quarantine_limit,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "quarantine_share": health.quarantine_share,
            "quarantine_limit": health.quarantine_limit,
            "quarantined": health.quarantined,
        },
    )
