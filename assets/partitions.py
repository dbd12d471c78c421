"""Generations, lineages and their product, the rungs: the partitions that assets are drawn over.

All dynamic: the ledger's home says which exist, `jobs.partitions` tells Dagster. Keys read g000 and g000|main.
Not here: any dependency across partitions. The ledger orders rungs, the graph does not.
"""

import dagster as dg

from vibe_pipeline.records import generation_name

generations = dg.DynamicPartitionsDefinition(name="generations")
lineages = dg.DynamicPartitionsDefinition(name="lineages")
rungs = dg.MultiPartitionsDefinition({"generation": generations, "lineage": lineages})


def rung_key(lineage: str, generation: int) -> dg.MultiPartitionKey:
    """The partition of a rung."""
    return dg.MultiPartitionKey({"generation": generation_name(generation), "lineage": lineage})


def rung_of(context: dg.AssetExecutionContext) -> tuple[str, int]:
    """Lineage and generation of the partition at work."""
    key = context.partition_key
    assert isinstance(key, dg.MultiPartitionKey)
    return key.keys_by_dimension["lineage"], number(key.keys_by_dimension["generation"])


def number(generation: str) -> int:
    """3 for g003."""
    return int(generation.removeprefix("g"))
