"""Checks of the log (is something still being logged, and can it be read?) and of the ladder (are its chains whole, and
is each rung what it would be today?). They stop nothing.

Not here: figures and limits, which come from the Ladder and vibe.toml, and checks of one partition, which its asset
makes with it (schema, contamination, liveness). A verdict is never a check.
"""

import dagster as dg

from assets.champion import champion
from assets.interactions import interactions
from assets.resources import LadderResource
from vibe_pipeline.errors import LedgerDamaged
from vibe_pipeline.ladder import Ladder
from vibe_pipeline.records import generation_name


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


@dg.asset_check(asset=champion)
def chain_intact(context: dg.AssetCheckExecutionContext, ladder: LadderResource) -> dg.AssetCheckResult:
    """Every ledger reads from its first event to its head, hash by hash; `vibe verify` looks at all the rest."""
    with ladder.open(context.log) as here:
        events, damaged = 0, []
        for chain in here.chains():
            try:
                events += len(chain.events())
            except LedgerDamaged as error:
                damaged.append(str(error))
    metadata = {"events": events, **({"damaged": " ".join(damaged)} if damaged else {})}
    return dg.AssetCheckResult(passed=not damaged, metadata=metadata)


@dg.asset_check(asset=champion)
def ladder_is_current(context: dg.AssetCheckExecutionContext, ladder: LadderResource) -> dg.AssetCheckResult:
    """Each settled rung is what it would be with the data and settings of today. Where not, all that is to be climbed
    again is named: Dagster itself shows the next rung alone as stale."""
    with ladder.open(context.log) as here:
        stale = {lineage: _stale(here, lineage) for lineage in here.settings.lineages}
    named = {lineage: words for lineage, words in stale.items() if words}
    return dg.AssetCheckResult(passed=not named, severity=dg.AssetCheckSeverity.WARN, metadata=named)


def _stale(here: Ladder, lineage: str) -> str:
    """The rungs of one lineage, by name."""
    try:
        return ", ".join(map(generation_name, here.outdated(lineage)))
    except LedgerDamaged:
        return "cannot be told, see chain_intact"
