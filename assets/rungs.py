"""The rung of a partition: where an asset's key meets the engine's inputs.

Not here: what is done with it. Every asset of a rung resolves it anew, and the same inputs give the same keys.
"""

import dagster as dg

from assets.metadata import SKIPPED
from assets.partitions import rung_of
from vibe_pipeline.fingerprint import key_of
from vibe_pipeline.judgement import Scorecard
from vibe_pipeline.ladder import Ladder
from vibe_pipeline.records import generation_name, plain
from vibe_pipeline.rung import CODE_VERSION as ENGINE_VERSION
from vibe_pipeline.rung import Rung

CODE_VERSION = str(ENGINE_VERSION)


def rung_at(here: Ladder, context: dg.AssetExecutionContext) -> Rung:
    """The rung of the partition at work; says so in the run's log when there is nothing left to do."""
    rung = here.rung(*rung_of(context))
    settled = here.line(rung.lineage).settled.get(rung.generation)
    if settled and settled.rung_key == rung.key:
        context.log.info(
            "%s of %s is settled with the same inputs (%s): what was made is returned, nothing is made again",
            generation_name(rung.generation),
            rung.lineage,
            settled.facts["verdict"],
        )
    return rung


def version_of(card: Scorecard | None) -> str:
    """Hash of everything on a scorecard but the time it took."""
    return key_of({**plain(card), "measured": {}}) if card else SKIPPED
