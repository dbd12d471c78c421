"""The events of a generation: its interactions and what was said of them, and what came before in their conversations.

Conversations that go on, and interactions that are remarked on after their generation was cut, are found through an
index of places, so that a window costs what it holds and not what lies below it. Its events are handed out in parts of
whole conversations, each small enough for memory. Not here: what is built of them (builders/).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vibe_pipeline.curate.dedup.index import Entries, lookup
from vibe_pipeline.store import quoted, sql_list

PART_BYTES = 192 << 20
"""Of the columns of a part, before compression: what builders make of it takes some five times as much."""

TABLES = """
CREATE TABLE logged (
    interaction_id VARCHAR, conversation_id VARCHAR, turn INTEGER, occurred_at TIMESTAMPTZ, module VARCHAR,
    action VARCHAR, input VARCHAR, output VARCHAR, success BOOLEAN, error_type VARCHAR, "user" VARCHAR, feedback DOUBLE,
    improvements VARCHAR[], learnings VARCHAR[], model_id VARCHAR, latency_ms DOUBLE, source VARCHAR, extra VARCHAR,
    is_delta BOOLEAN
);
CREATE TABLE remarks (
    remark_id VARCHAR, interaction_id VARCHAR, kind VARCHAR, score DOUBLE, text VARCHAR, occurred_at TIMESTAMPTZ,
    is_delta BOOLEAN
);
CREATE MACRO place(name, id) AS md5_number_lower(name || ':' || id);
"""
"""`logged` holds what came before; the delta itself stays in its files."""

EVENTS = """
WITH said AS (
    SELECT
        interaction_id,
        max_by(score, (occurred_at, remark_id)) FILTER (kind = 'feedback') AS score,
        list(text ORDER BY occurred_at, remark_id) FILTER (kind = 'feedback' AND text IS NOT NULL) AS comments,
        list(text ORDER BY occurred_at, remark_id) FILTER (kind = 'improvement' AND text IS NOT NULL) AS improvements,
        list(text ORDER BY occurred_at, remark_id) FILTER (kind = 'learning' AND text IS NOT NULL) AS learnings,
        bool_or(is_delta) AS is_delta
    FROM remarks GROUP BY interaction_id
)
SELECT
    it.* REPLACE (
        coalesce(said.score, it.feedback) AS feedback,
        list_concat(coalesce(it.improvements, []), coalesce(said.improvements, [])) AS improvements,
        list_concat(coalesce(it.learnings, []), coalesce(said.learnings, [])) AS learnings,
        it.is_delta OR coalesce(said.is_delta, false) AS is_delta,
        it.extra::JSON AS extra
    ),
    coalesce(said.comments, []) AS comments,
    CASE
        WHEN it.extra ->> '$.tier' IN ('own', 'synthetic', 'community', 'teacher') THEN it.extra ->> '$.tier'
        WHEN source = 'synthesize' THEN 'synthetic'
        ELSE 'own'
    END AS tier,
    (place('part', coalesce(it.extra ->> '$.branch_of', conversation_id)) % {parts})::INTEGER AS part
FROM ({delta} UNION ALL BY NAME FROM logged) AS it LEFT JOIN said USING (interaction_id)
"""

ORDERED = """
CREATE OR REPLACE TABLE events AS
SELECT
    * EXCLUDE (part),
    row_number() OVER (PARTITION BY conversation_id ORDER BY occurred_at, turn, interaction_id) AS position
FROM ({events})
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What a generation is curated from."""

    interactions: Sequence[Path]
    """Segments between the two cuts; the two below as well."""
    remarks: Sequence[Path]
    probes: Sequence[Path]
    earlier: Callable[[str, list[int]], Sequence[Path]]
    """Segments of a stream ('interactions', 'remarks') that earlier generations hold."""
    places: Sequence[Entries]
    """Which generation holds which conversation, interaction and remark."""
    known: Sequence[Entries]
    """What earlier generations teach and judge by."""

    @property
    def size(self) -> int:
        """Bytes of the interactions' columns, before compression."""
        return sum(_bytes(path) for path in self.interactions)


class Window:
    """The events of a generation, in parts."""

    def __init__(self, db: duckdb.DuckDBPyConnection, inputs: Inputs, scratch: Path) -> None:
        self._db, folder = db, scratch / "events"
        db.execute(TABLES)
        _load(db, "remarks", inputs.remarks, "true")
        _recall(db, inputs)
        count = 1 + inputs.size // PART_BYTES
        events = EVENTS.format(delta=_delta(inputs), parts=count)
        if count > 1:
            options = "FORMAT parquet, PARTITION_BY (part), COMPRESSION lz4, WRITE_PARTITION_COLUMNS true"
            db.execute(f"COPY ({events}) TO '{quoted(folder)}' ({options})")
            events = "FROM read_parquet('{}/*.parquet', hive_partitioning = false)"
        self._events, self._folders = events, sorted(folder.iterdir()) if count > 1 else [folder]
        self.parts = len(self._folders)

    def load(self, part: int) -> None:
        """Fill the table `events` with a part."""
        folder = self._folders[part]
        self._db.execute(ORDERED.format(events=self._events.format(quoted(folder))))
        shutil.rmtree(folder, ignore_errors=True)


def place_entries(
    db: duckdb.DuckDBPyConnection, interactions: Sequence[Path], remarks: Sequence[Path], generation: int
) -> Entries:
    """What an index of places keeps of a generation's segments: every ref is the generation."""
    db.execute(TABLES)
    asked = [
        f"SELECT DISTINCT place('{name}', {column}) FROM read_parquet({sql_list(paths)})"
        for name, column, paths in (
            ("conversation", "conversation_id", interactions),
            ("interaction", "interaction_id", interactions),
            ("remark", "interaction_id", remarks),
        )
        if paths
    ]
    keys = _column(db.sql(" UNION ALL ".join(asked))) if asked else np.empty(0, np.uint64)
    nothing = np.empty(0, np.uint64)
    return Entries(keys, np.full(len(keys), generation, np.uint32), nothing, nothing.astype(np.uint32))


def _recall(db: duckdb.DuckDBPyConnection, inputs: Inputs) -> None:
    """Fill `logged` with what came before in the conversations of the delta, and `remarks` with what was said of it."""
    if not inputs.places:
        return
    db.execute(f"CREATE VIEW delta AS {_delta(inputs)}")
    db.execute(
        "CREATE TABLE remarked AS SELECT DISTINCT interaction_id FROM remarks ANTI JOIN delta USING (interaction_id)"
    )
    db.execute(
        "CREATE TABLE named AS SELECT unnest([conversation_id, extra ->> '$.branch_of']) AS conversation_id FROM delta"
    )
    if paths := _holding(db, inputs, "interactions", "interaction", "interaction_id FROM remarked"):
        of_these = f"read_parquet({sql_list(paths)}) SEMI JOIN remarked USING (interaction_id)"
        db.execute(f"INSERT INTO named SELECT conversation_id FROM {of_these}")
    paths = _holding(db, inputs, "interactions", "conversation", "conversation_id FROM named")
    _load(db, "logged", paths, "conversation_id IN (FROM named)", is_delta=False)
    db.execute("CREATE TABLE told AS SELECT interaction_id FROM delta UNION SELECT interaction_id FROM logged")
    paths = _holding(db, inputs, "remarks", "remark", "interaction_id FROM told")
    _load(db, "remarks", paths, "interaction_id IN (FROM told)", is_delta=False)


def _holding(db: duckdb.DuckDBPyConnection, inputs: Inputs, stream: str, place: str, ids: str) -> Sequence[Path]:
    """Segments of a stream of all earlier generations that hold any of these."""
    asked = f"SELECT DISTINCT place('{place}', id) FROM (SELECT {ids}) AS asked(id) WHERE id IS NOT NULL"
    wanted = _column(db.sql(asked))
    generations = np.unique(np.concatenate([lookup(run, wanted) for run in inputs.places])).tolist()
    return inputs.earlier(stream, generations) if generations else []


def _load(
    db: duckdb.DuckDBPyConnection, table: str, paths: Sequence[Path], condition: str, *, is_delta: bool = True
) -> None:
    if paths:
        columns = ", ".join(f'"{name}"' for name in db.table(table).columns if name != "is_delta")
        rows = f"SELECT {columns}, {is_delta} FROM read_parquet({sql_list(paths)}) WHERE {condition}"
        db.execute(f"INSERT INTO {table} {rows}")


def _delta(inputs: Inputs) -> str:
    if not inputs.interactions:
        return "FROM logged WHERE false"
    return f"SELECT *, true AS is_delta FROM read_parquet({sql_list(inputs.interactions)})"


def _column(found: duckdb.DuckDBPyRelation) -> np.ndarray:
    column: pa.ChunkedArray = found.to_arrow_table()[0]
    return column.to_numpy().astype(np.uint64)


def _bytes(path: Path) -> int:
    metadata = pq.read_metadata(path)
    return sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
