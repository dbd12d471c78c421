"""Which items are asked, and how many: the same ones again, as many of each suite, and no more than a decision needs.

How many are needed is read from how often parent and child differ, never from which of them is right: a look that does
not see the effect spends none of the test's level (blinded sample size re-estimation; Friede & Kieser 2006). Not here:
asking them (exam.py).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import polars as pl

from vibe_pipeline.database import connect
from vibe_pipeline.evaluate.comparing import comparisons
from vibe_pipeline.judgement import DECIDES, Comparisons
from vibe_pipeline.paired import items_needed
from vibe_pipeline.settings import Gate

MOST = 1_000_000
"""Items: no number would do, or any."""


QUESTION = pl.when(pl.col("prompt").str.strip_chars() == "").then("answer").otherwise("prompt")
"""What an item asks; a document is asked for nothing, and tells of itself."""

PLANNED = 0.95
"""How often so many items shall let a harmless child pass: of what is planned with 80 %, a fifth would stay undecided
although there were more items (docs/the-gate.md)."""


EXPECTED = 0.25
"""So much of a margin a child is expected to lose that is to pass: real ones lose a little, and items that tell of no
loss at all leave them undecided."""


OF_A_CLUSTER = 5
"""Items of a cluster that are asked. Of a conversation of fifty turns each further one tells less, and what may be lost
of it at once is more than a margin allows: few such would leave every child undecided."""


def few_of_each(items: pl.DataFrame) -> pl.DataFrame:
    """At most OF_A_CLUSTER items of each cluster, chosen by their hash; of right answers and of others as many each."""
    return items.filter(pl.col("item_id").rank("ordinal").over("suite_sha", "cluster", "part") <= OF_A_CLUSTER)


def ranked(items: pl.DataFrame) -> pl.DataFrame:
    """Items such that any head of them holds as many of each suite, chosen by their hash: the same ones each time.

    Of a suite's clusters each stands spread over the whole order, its items as far apart as they can be (a systematic
    sample, Madow & Madow 1944): together they tell less than as many of several clusters. Yet every item is as likely
    in a head as any other: with one of each cluster first, what is lost in large clusters would count for less. So
    where a cluster starts is told by the hash of its name: the first of its items' ids comes the earlier, the more
    items it has.
    """
    of_cluster = ("suite_sha", "cluster")
    place = pl.col("item_id").rank("ordinal").over(of_cluster)
    start = pl.col("hash").rank("dense").over("suite_sha")
    spread = (place - 1 + start / pl.col("cluster").n_unique().over("suite_sha")) / pl.len().over(of_cluster)
    in_suite = pl.struct(spread.alias("spread"), "item_id").rank("ordinal").over("suite_sha")
    hashed = items.join(_hashes(items["cluster"]), on="cluster", how="left", maintain_order="left")
    return hashed.sort(in_suite, "item_id").drop("hash")


def _hashes(names: pl.Series) -> pl.DataFrame:
    """cluster and hash: that of Polars is another in its next version, and the same items are to be chosen."""
    with connect(threads=1) as database:
        database.register("names", names.unique().to_frame("cluster").to_arrow())
        return database.sql("SELECT cluster, sha256(cluster) AS hash FROM names").pl()


def newest(items: pl.DataFrame) -> pl.DataFrame:
    """Items but those that a later generation asks anew: a question that is asked anew has a new answer, and the old
    one is no longer what is to be known."""
    return items.filter(pl.col("generation") == pl.col("generation").max().over(QUESTION))


def still_asked(earlier: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """Earlier items but those that were asked anew since; of a question with several answers one."""
    one = (
        newest(earlier)
        .sort("generation", "item_id", descending=[True, False])
        .filter(pl.int_range(pl.len()).over(QUESTION) == 0)
    )
    return one.filter(~QUESTION.is_in(new.select(QUESTION).to_series().implode()))


def wanted(table: pl.DataFrame, gate: Gate, seconds_left: float, attempt: int = 1) -> int:
    """How many earlier items, of all sorts together, would let a child pass that loses EXPECTED of a margin, at most
    `recall_items` and at most what the time has room for at the rate of those that were asked."""
    its, old, level = comparisons(table, gate), table.filter(~pl.col("is_new")), gate.level_of(attempt)
    needed = 0
    for is_exact, count in planned(its, gate, level):
        share = old.filter(pl.col("is_exact") == is_exact).height / old.height
        if share * gate.recall_items >= min(DECIDES, (1 - share) * gate.recall_items):  # fewer only veto
            needed = max(needed, int((count or MOST) / share) + 1)
    return min(needed, gate.recall_items, _room(table, old.height, seconds_left))


def planned(its: Comparisons, gate: Gate, level: float) -> Iterator[tuple[bool, int | None]]:
    """Whether items have one right answer, and with how many of them such a child passes; None: with no number."""
    for it, margin in ((its.recall, gate.margin), (its.since, gate.slide_margin)):
        if it is not None and it.gained is not None and it.lost is not None:
            half = (it.gained + it.lost) / 2  # as bounds see it, those of 0 and 8 are another matter than of 4 and 4
            blind = replace(it, gained=half, lost=half)
            yield True, items_needed(blind, level, margin, -EXPECTED * margin, PLANNED)
    kept = (its.kept, its.gained_before, gate.retention_margin)
    for free, gained, margin in (kept, (its.kept_since, its.gained_then, gate.retention_slide_margin)):
        if free is not None and gained is not None:
            yield False, items_needed(free, level, 0.0, (1 - EXPECTED) * margin * gained.difference, PLANNED)


def _room(table: pl.DataFrame, asked: int, seconds_left: float) -> int:
    """How many earlier items the time has room for, those that were asked among them."""
    more = _rate(table) * max(0.0, seconds_left)
    return asked + (int(more) if math.isfinite(more) else MOST)


def _rate(table: pl.DataFrame) -> float:
    """Items a second, all models together, as these were scored."""
    seconds = table.select(pl.col("^seconds_.*$").mean()).sum_horizontal().item()
    return 1 / seconds if seconds else math.inf
