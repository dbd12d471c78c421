"""Compaction: many small segments become few. What a cut has pinned is never rewritten.

A merged segment's manifest entry names the entries it replaces, so the switch is one rename and every reader sees
either the old ones or the new one. Replaced files stay for an hour, for readers that already had their list. Entries
go before files: a file without an entry is nothing, an entry without a file would be damage.

Not here: when. The ladder compacts what lies after the last cut.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pyarrow as pa

from vibe_pipeline import settings
from vibe_pipeline.database import SPILL, connect
from vibe_pipeline.interactions.schema import STREAMS
from vibe_pipeline.interactions.segments import ORDER, entries, entry_name, file_name, locked, manifest, paths, publish
from vibe_pipeline.progress import Watch, nobody
from vibe_pipeline.records import Segment
from vibe_pipeline.store import Store, sql_list

TARGET_BYTES = 256 << 20
"""Of lines that came in; some 50 MB of Parquet. Segments of half of it are left as they are."""

GRACE_S = 3600.0


def compact(
    store: Store,
    stream: str,
    curate: settings.Curate,
    after: int,
    *,
    target_bytes: int = TARGET_BYTES,
    grace_s: float = GRACE_S,
    watch: Watch = nobody,
) -> list[Segment]:
    """Merge the small segments of a stream that lie above `after`, month by month; returns the merged ones."""
    with locked(store):
        _sweep(store, stream, grace_s)
        small = [it for it in manifest(store, stream, after) if it.bytes < target_bytes / 2]
        groups = list(_groups(small, target_bytes))
        merged: list[Segment] = []
        with watch(f"compacting {stream}") as advance:
            for group in groups:
                merged.append(_merge(store, stream, group, curate))
                advance(len(merged), len(groups))
        return merged


def _groups(small: list[Segment], target_bytes: int) -> Iterator[list[Segment]]:
    """Neighbours of one month, as many as reach the target; a group of one is no gain."""
    for _, members in groupby(sorted(small, key=lambda it: (it.month, it.sequence)), key=lambda it: it.month):
        group: list[Segment] = []
        size = 0
        for segment in members:
            if size + segment.bytes > target_bytes:
                if len(group) > 1:
                    yield group
                group, size = [], 0
            group.append(segment)
            size += segment.bytes
        if len(group) > 1:
            yield group


def _merge(store: Store, stream: str, group: list[Segment], curate: settings.Curate) -> Segment:
    files = sql_list(paths(store, stream, [segment.sha for segment in group]))
    store.require(sum(segment.bytes for segment in group), f"compacting {stream}")
    with connect(store.path(SPILL)) as database:
        query = f"FROM read_parquet({files}, hive_partitioning = false) ORDER BY {ORDER[stream]}"
        rows = database.sql(query).to_arrow_table().cast(STREAMS[stream])
        # The lines are gone; what they weighed is kept as a whole, on the first row.
        weights = [sum(segment.bytes for segment in group), *[0] * rows.num_rows][: rows.num_rows]
        rows = rows.append_column("line_bytes", pa.array(weights, pa.int64()))
        replaces = tuple(segment.sequence for segment in group)
        first = min(segment.sealed_at for segment in group)
        return publish(store, stream, rows, curate, group[0].month, database, replaces, first)


def _sweep(store: Store, stream: str, grace_s: float) -> None:
    """Remove what was replaced longer than `grace_s` ago, then the files that no entry names."""
    every = entries(store, stream)
    kept, gone = [], set[int]()
    for entry in reversed(every):
        age_s = time.time() - store.path(entry_name(stream, entry.sequence)).stat().st_mtime
        if entry.sequence in gone or age_s > grace_s:
            gone.update(entry.replaces)
        if entry.sequence not in gone:
            kept.append(entry)
    for entry in every:  # in their order: what replaced others goes after them, else they would be read again
        if entry.sequence in gone:
            store.remove(entry_name(stream, entry.sequence))
    named = {Path(file_name(store, entry)).stem for entry in kept}  # segments that forgetting emptied share a file
    for path in store.path(f"log/{stream}/segments").glob("*/*.parquet"):
        if path.stem not in named:
            path.unlink()
