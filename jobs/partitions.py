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


def register(instance: dg.DagsterInstance, ladder: Ladder) -> int:
    """Add every cut and every lineage as a dynamic partition; returns how many were new."""
    named = {
        generations: [generation_name(cut.generation) for cut in ladder.log.cuts()],
        lineages: list(ladder.settings.lineages),
    }
    added = 0
    for partitions, keys in named.items():
        assert partitions.name
        known = set(instance.get_dynamic_partitions(partitions.name))
        new = [key for key in keys if key not in known]
        instance.add_dynamic_partitions(partitions.name, new)
        added += len(new)
    return added


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
