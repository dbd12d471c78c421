"""Whether a generation holds enough to compare its successors on: told when it is opened, before hours are spent.

Earlier items are those of promoted generations. A first one that holds too few is all that the next is compared on, and
stays all while nothing else is promoted. Not here: how many are asked (sampling.py).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from vibe_pipeline.evaluate.sampling import few_of_each
from vibe_pipeline.evaluate.suites import EXACT_PARTS
from vibe_pipeline.judgement import DECIDES
from vibe_pipeline.paired import compare_shares, low
from vibe_pipeline.settings import Lineage


def smallest_loss(clusters: pl.Series, level: float) -> float:
    """The least margin that items in these clusters can show of a child that answers all of them as its parent does."""
    alike = np.ones(len(clusters), bool)
    return -low(compare_shares(alike, alike, clusters.rank("dense").to_numpy()), level)


def too_few(suite: pl.DataFrame, name: str, lineage: Lineage) -> str:
    """Why no child of a lineage that begins with this suite could be promoted, in words; nothing where one could."""
    of_kinds = suite.filter(pl.col("kind").is_in([str(kind) for kind in lineage.kinds]))
    its = few_of_each(of_kinds.with_columns(pl.coalesce("cluster", "item_id").alias("cluster"), suite_sha=pl.lit("")))
    exact, margin = its.filter(pl.col("part").is_in(EXACT_PARTS)), lineage.gate.margin
    if not exact.height or exact.height < min(DECIDES, its.height - exact.height):  # fewer only veto
        return ""
    least = smallest_loss(exact["cluster"], lineage.gate.level_of(1))
    if least <= margin:
        return ""
    return (
        f"Too little to follow for {name}: its {exact.height:,} items with right answers, in "
        f"{exact['cluster'].n_unique():,} clusters, show at best that no more than {100 * least:.1f} points are lost, "
        f"and gate.margin is {100 * margin:g}; widen it before the first rung, or begin again later (`vibe rollback "
        f"{name} --to base --why …`)"
    )
