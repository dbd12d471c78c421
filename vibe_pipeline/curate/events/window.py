"""The events of a generation: its interactions and what was said of them, and what came before in their conversations.

Conversations that go on, and interactions that are remarked on after their generation was cut, are found through an
index of places, so that a window costs what it holds and not what lies below it. Its events are handed out in parts of
whole conversations, each small enough for memory. Not here: what is built of them (builders/).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vibe_pipeline.curate.dedup.index import Entries, lookup, of_no_rows, pairs
from vibe_pipeline.curate.events.families import find_families
from vibe_pipeline.curate.events.nearby import keep_nearby, nearby_generations
from vibe_pipeline.curate.events.texts import EDITS
from vibe_pipeline.curate.sessions.turns import CONTEXT, MANUAL
from vibe_pipeline.store import quoted, sql_list

PART_BYTES = 320 << 20
"""Of a part, before compression, with the turns that its prompts begin with: what builders make of it takes some three
times as much."""

VECTOR, THREADS_BYTES = 2048, 128 << 20
"""Rows that a thread has in its hands, and bytes of those of all threads: where rows are long there are fewer."""

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
CREATE TABLE named (conversation_id VARCHAR);
CREATE MACRO place(name, id) AS md5_number_lower(name || ':' || id);
CREATE MACRO trunk(extra) AS CASE WHEN contains(extra, '"branch_of"') THEN nullif(extra ->> '$.branch_of', '') END;
"""
"""`logged` holds what came before; the delta itself stays in its files. `trunk` is what a branch goes off from."""

PLACES = (
    ("conversation", "conversation_id", "interactions"),
    ("branch", "trunk(extra)", "interactions"),
    ("interaction", "interaction_id", "interactions"),
    ("remark", "interaction_id", "remarks"),
)
"""Name, SQL and stream of what is found through the index; a branch is found by what it goes off from."""

NAMED = """
CREATE OR REPLACE TEMP TABLE met AS
SELECT DISTINCT conversation_id FROM (
    SELECT unnest([conversation_id, trunk(extra)]) AS conversation_id FROM {rows}
) ANTI JOIN named USING (conversation_id) WHERE conversation_id IS NOT NULL
"""
"""Conversations that rows name and that were not looked for yet."""

RELATIVES = """
INSERT INTO met
WITH kin AS (SELECT coalesce(family, conversation_id) AS family FROM met LEFT JOIN families USING (conversation_id))
SELECT DISTINCT unnest([conversation_id, family]) AS it FROM families SEMI JOIN kin USING (family)
EXCEPT (FROM named UNION ALL FROM met)
"""

FEW_STEPS = 3
"""From one conversation to the next, in earlier generations; then whole families are looked for, which reads more."""

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
        coalesce(said.score, it.feedback) - {neutral} AS feedback,
        {improvements} AS improvements,
        list_concat(coalesce(it.learnings, []), coalesce(said.learnings, [])) AS learnings,
        it.is_delta OR coalesce(said.is_delta, false) AS is_delta,
        it.extra::JSON AS extra
    ),
    coalesce(said.comments, []) AS comments,
    coalesce(family, conversation_id) AS family,
    CASE
        WHEN lower(it.extra ->> '$.tier') IN ('own', 'synthetic', 'community', 'teacher')
            THEN lower(it.extra ->> '$.tier')
        WHEN source = 'synthesize' THEN 'synthetic'
        ELSE 'own'
    END AS tier,
    (place('part', coalesce(family, conversation_id)) % {parts})::INTEGER AS part
FROM (FROM delta UNION ALL BY NAME FROM logged) AS it
LEFT JOIN said USING (interaction_id) LEFT JOIN families USING (conversation_id)
"""

IMPROVEMENTS = EDITS.format(
    said="it.output", texts="list_concat(coalesce(it.improvements, []), coalesce(said.improvements, []))"
)

REPEATED = """
SELECT
    coalesce(sum(least(size * times, turns * least({joined}, {context} * longest)) + told), 0)::BIGINT,
    coalesce(sum(turns), 0)::BIGINT
FROM (
    SELECT
        count(*) AS turns,
        sum(strlen(input) + strlen(output)) AS size,
        max(strlen(input) + strlen(output)) AS longest,
        CASE WHEN bool_or(family IS NOT NULL) THEN turns ELSE least(turns - 1, {context}) END AS times,
        coalesce(sum(least(strlen(extra), {told})) FILTER (contains(extra, '"system"')), 0) AS told
    FROM (FROM delta UNION ALL BY NAME FROM logged) LEFT JOIN families USING (conversation_id)
    GROUP BY coalesce(family, conversation_id)
)
"""
"""Bytes that turns take in the prompts of later ones and of branches, and instructions in all, at most; and how many
turns there are. A turn is in sixteen later ones, or in every branch."""

OWN_CONVERSATION = """CASE WHEN tier = 'synthetic' AND extra ->> '$.augmented_from' IS NOT NULL THEN concat_ws(
    chr(0), conversation_id,
    CASE WHEN starts_with(extra ->> '$.augmentation', 'fault') THEN extra ->> '$.augmented_from' ELSE interaction_id END
) ELSE conversation_id END"""
"""What was made of an interaction is logged in its conversation, and is on that side of the split; but nobody said or
ran it there. So for the builders it is a conversation of its own; a fault and its fix, made of one, are one."""

ORDERED = f"""
CREATE OR REPLACE TABLE events AS
SELECT
    * EXCLUDE (part),
    row_number() OVER (PARTITION BY conversation_id ORDER BY occurred_at, turn, interaction_id) AS position
FROM (
    SELECT * REPLACE ({OWN_CONVERSATION} AS conversation_id), conversation_id AS logged_in FROM ({{events}})
)
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
    ungrouped: Sequence[Entries] = ()
    """On which sides groups were, until the last generation that did not hold out by them."""
    withdrawn_sha: str = ""
    """Of the file of what they took back."""

    @property
    def size(self) -> int:
        """Bytes of the interactions' columns, before compression."""
        return sum(_bytes(path) for path in self.interactions)


class Window:
    """The events of a generation, in parts."""

    def __init__(
        self, db: duckdb.DuckDBPyConnection, inputs: Inputs, scratch: Path, joined: int, neutral: float = 0.0
    ) -> None:
        """`joined`: characters of earlier turns that a prompt begins with, at most; `neutral`: feedback that is counted
        as 0."""
        self._db, folder = db, scratch / "events"
        db.execute(TABLES)
        db.execute(f"CREATE VIEW delta AS {_delta(inputs)}")
        _load(db, "remarks", inputs.remarks, "true")
        if inputs.places:
            _recall(db, inputs)
        find_families(db, "(FROM delta UNION ALL BY NAME FROM logged)")
        ((repeated, turns),) = db.execute(
            REPEATED.format(context=CONTEXT, joined=joined, told=joined // MANUAL)
        ).fetchall()
        becomes = inputs.size + repeated
        parts = 1 + becomes // PART_BYTES
        ((cores,),) = db.sql("SELECT current_setting('threads')").fetchall()
        db.execute(f"SET threads = {max(1, min(cores, THREADS_BYTES * turns // (VECTOR * max(1, becomes))))}")
        events = EVENTS.format(parts=parts, neutral=neutral, improvements=IMPROVEMENTS)
        if parts > 1:
            options = "FORMAT parquet, PARTITION_BY (part), COMPRESSION lz4, WRITE_PARTITION_COLUMNS true"
            db.execute(f"COPY ({events}) TO '{quoted(folder)}' ({options})")
            events = "FROM read_parquet('{}/*.parquet', hive_partitioning = false)"
        self._events, self._folders = events, sorted(folder.iterdir()) if parts > 1 else [folder]
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
    paths = {"interactions": interactions, "remarks": remarks}
    asked = [
        f"SELECT DISTINCT place('{name}', {column}) AS key FROM read_parquet({sql_list(paths[stream])}) "
        "WHERE key IS NOT NULL"
        for name, column, stream in PLACES
        if paths[stream]
    ]
    keys = _column(db.sql(" UNION ALL ".join(asked))) if asked else np.empty(0, np.uint64)
    return of_no_rows(keys, np.full(len(keys), generation, np.uint32))


def _recall(db: duckdb.DuckDBPyConnection, inputs: Inputs) -> None:
    """Fill `logged` with what came before in the conversations of the delta, of what was remarked on, and of their
    trunks and branches; and `remarks` with what was said of it."""
    db.execute(
        "CREATE TABLE remarked AS SELECT DISTINCT interaction_id FROM remarks ANTI JOIN delta USING (interaction_id)"
    )
    _load_earlier(db, inputs, "interaction", "interaction_id", "remarked")
    db.execute(NAMED.format(rows="(FROM delta UNION ALL BY NAME FROM logged)"))
    for steps in count():
        if not db.sql("FROM met LIMIT 1").fetchall():
            break
        if steps >= FEW_STEPS:
            _meet_relatives(db, inputs)
        db.execute("INSERT INTO named FROM met")
        _load_nearby(db, inputs)
        _load_earlier(db, inputs, "branch", "trunk(extra)", "met")
        db.execute(NAMED.format(rows="logged"))
    db.execute("CREATE TABLE told AS SELECT interaction_id FROM delta UNION SELECT interaction_id FROM logged")
    paths = _holding(db, inputs, "remarks", "remark", "interaction_id FROM told")
    _load(db, "remarks", paths, "interaction_id IN (FROM told)", is_delta=False)


def _meet_relatives(db: duckdb.DuckDBPyConnection, inputs: Inputs) -> None:
    """Add to `met` who is of its families in segments that hold any of it, however many branches are between."""
    generations = {it for place in ("conversation", "branch") for it in _generations(db, inputs, place, "* FROM met")}
    if paths := inputs.earlier("interactions", sorted(generations)):
        find_families(db, f"read_parquet({sql_list(paths)})")
        db.execute(RELATIVES)


def _load_nearby(db: duckdb.DuckDBPyConnection, inputs: Inputs) -> None:
    """Add what came before in the conversations of `met`; of one that never ends what is near."""
    remarked = _generations(db, inputs, "interaction", "* FROM remarked")
    wanted = _keys(db, "conversation", "* FROM met")
    found_there = [pairs(run, wanted, len(run.keys))[:2] for run in inputs.places]
    which, holding = (np.concatenate(columns) for columns in zip(*found_there, strict=True))
    generations = nearby_generations(which, holding.astype(np.int64), np.array(remarked, np.int64))
    if paths := inputs.earlier("interactions", generations) if generations else []:
        condition = "conversation_id IN (FROM met) AND interaction_id NOT IN (SELECT interaction_id FROM logged)"
        rows = f"read_parquet({sql_list(paths)})"
        if keep_nearby(db, f"{rows} WHERE {condition}"):
            condition += " AND interaction_id IN (FROM nearby)"
        _load(db, "logged", paths, condition, is_delta=False)


def _load_earlier(db: duckdb.DuckDBPyConnection, inputs: Inputs, place: str, column: str, wanted: str) -> None:
    """Add interactions of earlier generations, of which a column is in a table of one column."""
    paths = _holding(db, inputs, "interactions", place, f"* FROM {wanted}")
    condition = f"{column} IN (FROM {wanted}) AND interaction_id NOT IN (SELECT interaction_id FROM logged)"
    _load(db, "logged", paths, condition, is_delta=False)


def _holding(db: duckdb.DuckDBPyConnection, inputs: Inputs, stream: str, place: str, ids: str) -> Sequence[Path]:
    """Segments of a stream of all earlier generations that hold any of these."""
    generations = _generations(db, inputs, place, ids)
    return inputs.earlier(stream, generations) if generations else []


def _generations(db: duckdb.DuckDBPyConnection, inputs: Inputs, place: str, ids: str) -> list[int]:
    """Earlier generations that hold any of these."""
    wanted = _keys(db, place, ids)
    found: list[int] = np.unique(np.concatenate([lookup(run, wanted) for run in inputs.places])).tolist()
    return found


def _keys(db: duckdb.DuckDBPyConnection, place: str, ids: str) -> np.ndarray:
    """uint64: by which the index knows these."""
    asked = f"SELECT DISTINCT place('{place}', id) FROM (SELECT {ids}) AS asked(id) WHERE id IS NOT NULL"
    return _column(db.sql(asked))


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
