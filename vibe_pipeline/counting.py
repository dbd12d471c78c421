"""Counts of what was sealed since the last cut, kept per segment: a trigger that looks every 30 seconds reads no log.

log/<stream>/counts/<sha>-<key>.parquet holds rows of a segment by conversation, module and list of actions, as hashes
and numbers, without anybody's words. A segment is counted once for the settings that it hangs on; what no segment after
the cut has is removed. Not here: how much is enough (trigger.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from vibe_pipeline.curate.meaningful import meaningful, prepare
from vibe_pipeline.database import SPILL, connect
from vibe_pipeline.fingerprint import key_of
from vibe_pipeline.interactions import segments
from vibe_pipeline.records import Counts, Segment
from vibe_pipeline.settings import Curate
from vibe_pipeline.store import Store, sql_list

COUNTED_BY = 1
"""Raised when something is counted otherwise."""

INTERACTIONS = """
SELECT md5_number_lower(conversation_id) AS conversation, md5_number_lower(module) AS module, listed,
    count(*) AS rows, count(*) FILTER (is_meaningful) AS meaningful,
    coalesce(sum(feedback), 0) AS feedback, count(feedback) AS feedbacks
FROM ({rows}) GROUP BY ALL"""

REMARKS = """
SELECT coalesce(sum(score), 0) AS feedback, count(score) AS feedbacks FROM {rows} WHERE kind = 'feedback'"""

SCHEMA = {
    "conversation": pl.UInt64,
    "module": pl.UInt64,
    "listed": pl.String,
    "rows": pl.Int64,
    "meaningful": pl.Int64,
    "feedback": pl.Float64,
    "feedbacks": pl.Int64,
}
COUNTED = ("interactions", "remarks")
"""Streams with more to be counted than is in the manifest."""


def counts(store: Store, window: Mapping[str, Sequence[Segment]], curate: Curate) -> Counts:
    """Of the segments of each stream after a cut; what is not counted yet is, and kept."""
    found = pl.concat([pl.DataFrame(schema=SCHEMA), *_kept(store, window, curate)], how="diagonal")
    its = found.filter(pl.col("rows") > 0)
    by_conversation = its.group_by("conversation").agg(pl.col("rows").sum())["rows"]
    shares = by_conversation / by_conversation.sum()
    return Counts(
        bytes=sum(segment.bytes for every in window.values() for segment in every),
        rows=int(its["rows"].sum()),
        conversations=len(by_conversation),
        entropy=shares.entropy(base=2, normalize=False) or 0.0,
        kinds=its["listed"].drop_nulls().n_unique(),
        modules=its["module"].n_unique(),
        meaningful=int(its["meaningful"].sum()),
        karma=float(found["feedback"].sum()) - curate.neutral * int(found["feedbacks"].sum()),
        hours=_hours(store, [segment for every in window.values() for segment in every]),
    )


def _kept(store: Store, window: Mapping[str, Sequence[Segment]], curate: Curate) -> list[pl.DataFrame]:
    frames = []
    for stream in COUNTED:
        key = key_of([COUNTED_BY, curate.actions(), curate.quality.model_dump(mode="json")])[:16]
        names = {_name(stream, segment, key, store): segment for segment in window[stream] if segment.rows}
        lying = set(store.names(_folder(stream), ".parquet"))
        for name in lying - names.keys():
            store.remove(name)
        _count(store, stream, {name: segment for name, segment in names.items() if name not in lying}, curate)
        frames += [store.read_frame(name) for name in names]
    return frames


def _count(store: Store, stream: str, uncounted: Mapping[str, Segment], curate: Curate) -> None:
    if not uncounted:
        return
    with connect(store.path(SPILL), threads=1) as database:
        prepare(database, curate)
        for name, segment in uncounted.items():
            files = sql_list(segments.paths(store, stream, [segment.sha]))
            rows = f"read_parquet({files}, hive_partitioning = false)"
            if stream == "interactions":
                query = INTERACTIONS.format(rows=meaningful(rows, curate))
                table = database.sql(query, params={k: [*its] for k, its in curate.actions().items()})
            else:
                table = database.sql(REMARKS.format(rows=rows))
            store.write_parquet(name, table.to_arrow_table())


def _folder(stream: str) -> str:
    return f"log/{stream}/counts"


def _name(stream: str, segment: Segment, key: str, store: Store) -> str:
    """Of what is counted: of a segment of which rows were forgotten it is another."""
    return f"{_folder(stream)}/{Path(segments.file_name(store, segment)).stem}-{key}.parquet"


def _hours(store: Store, sealed: Iterable[Segment]) -> float:
    """A clock that went back says 0: nothing is opened for it, and what is counted otherwise still is."""
    moments = [_sealed_at(store, segment) for segment in sealed]
    return max(0.0, (datetime.now(UTC) - min(moments)).total_seconds() / 3600) if moments else 0.0


def _sealed_at(store: Store, segment: Segment) -> datetime:
    if segment.sealed_at:
        return datetime.fromisoformat(segment.sealed_at)
    entry = store.path(segments.entry_name(segment.stream, segment.sequence))
    return datetime.fromtimestamp(entry.stat().st_mtime, UTC)
