"""Tells Dagster which generations and lineages there are; run as `python -m jobs.partitions`.

The cuts and vibe.toml decide; this only adds what Dagster has not heard of. Not here: opening a generation.
"""

import sys

import dagster as dg

from assets.partitions import generations, lineages
from jobs.instance import persistent
from vibe_pipeline.errors import VibeError
from vibe_pipeline.ladder import Ladder
from vibe_pipeline.records import generation_name


def requests(instance: dg.DagsterInstance, ladder: Ladder) -> list[dg.AddDynamicPartitionsRequest]:
    """What Dagster has not heard of, for a sensor's result: every cut and every lineage is a dynamic partition."""
    named = {
        generations: [generation_name(generation) for generation in range(ladder.log.opened())],
        lineages: list(ladder.settings.lineages),
    }
    unheard = {its: _unheard(instance, its, keys) for its, keys in named.items()}
    return [its.build_add_request(keys) for its, keys in unheard.items() if keys]


def register(instance: dg.DagsterInstance, ladder: Ladder) -> int:
    """Add all of that; returns how many were new."""
    added = requests(instance, ladder)
    for request in added:
        instance.add_dynamic_partitions(request.partitions_def_name, request.partition_keys)
    return sum(len(request.partition_keys) for request in added)


def _unheard(instance: dg.DagsterInstance, its: dg.DynamicPartitionsDefinition, keys: list[str]) -> list[str]:
    assert its.name
    known = set(instance.get_dynamic_partitions(its.name))
    return [key for key in keys if key not in known]


def main() -> int:
    """Register and say how many."""
    try:
        with persistent() as instance:
            ladder = Ladder()
            added = register(instance, ladder)
    except VibeError as error:
        print(f"partitions: {error}", file=sys.stderr)
        return 1
    generations, lineages = len(ladder.log.cuts()), len(ladder.settings.lineages)
    print(f"{generations} generations, {lineages} lineages, {added} of them new to Dagster")
    return 0


if __name__ == "__main__":
    sys.exit(main())
