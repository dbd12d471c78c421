"""Builders over hand-made events: the table `events` from records, with what was said of them, and one SELECT."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa

from vibe_pipeline.curate.builders import BUILDERS, COLUMNS, TABLES
from vibe_pipeline.curate.events import texts
from vibe_pipeline.curate.events.window import OWN_CONVERSATION
from vibe_pipeline.curate.sessions.tables import given
from vibe_pipeline.database import connect
from vibe_pipeline.interactions.schema import INTERACTIONS
from vibe_pipeline.records import Interaction, Remark
from vibe_pipeline.settings import Curate

MOMENT = datetime(2026, 1, 2, tzinfo=UTC)

EDITS = texts.EDITS.format(
    said="logged.output", texts="list_concat(logged.improvements, coalesce(said.improvements, []))"
)

EVENTS = f"""
CREATE TABLE events AS
WITH said AS (
    SELECT interaction_id, max_by(score, occurred_at) FILTER (WHERE kind = 'feedback') AS score,
        list(text ORDER BY occurred_at) FILTER (WHERE kind = 'improvement') AS improvements,
        bool_or(is_delta) AS is_delta
    FROM remarks GROUP BY ALL)
SELECT
    * REPLACE ({OWN_CONVERSATION} AS conversation_id),
    row_number() OVER (PARTITION BY {OWN_CONVERSATION} ORDER BY occurred_at, turn, interaction_id) AS position
FROM (SELECT logged.* REPLACE (
        coalesce(score, feedback) AS feedback,
        {EDITS} AS improvements,
        logged.is_delta OR coalesce(said.is_delta, false) AS is_delta,
        extra::JSON AS extra),
    []::VARCHAR[] AS comments,
    CASE source WHEN 'synthesize' THEN 'synthetic' ELSE 'own' END AS tier
FROM logged LEFT JOIN said USING (interaction_id))
"""


def event(text: str, answer: str = "", *, turn: int = 0, **values: Any) -> Interaction:
    """A question with its answer in the conversation c; a later turn happens later."""
    conversation = values.get("conversation_id", "c")
    fixed = {
        "interaction_id": f"{conversation}/{turn}/{text[:20]}/{answer[:20]}",
        "conversation_id": conversation,
        "module": "m",
        "action": "ask",
        "occurred_at": MOMENT + timedelta(seconds=turn),
    }
    return Interaction(**{**fixed, **values}, turn=turn, input=text, output=answer)


def run(code: str, success: bool | None, turn: int = 0, said: str = "it said", **values: Any) -> Interaction:
    return event(code, said, **{"action": "run", "success": success, "turn": turn, **values})


def tool(name: str, success: bool | None, turn: int = 0, said: str = "", **arguments: Any) -> Interaction:
    """A tool's call as importers write it."""
    call = json.dumps({"name": name, "arguments": arguments})
    return event(call, said, action="tool", success=success, turn=turn)


def remark(of: Interaction, **said: Any) -> Remark:
    """Feedback (score=…) or an improvement (text=…)."""
    kind = "improvement" if "text" in said else "feedback"
    identity = f"{of.interaction_id}/{said}"
    fixed = {"remark_id": identity, "interaction_id": of.interaction_id, "source": "t", "occurred_at": MOMENT}
    return Remark(**{**fixed, "kind": kind, **said})


def events(
    delta: Sequence[Interaction | Remark], before: Sequence[Interaction | Remark] = ()
) -> duckdb.DuckDBPyConnection:
    """A connection with the table `events`; `before` was logged before the cut."""
    rows: dict[type, list[dict[str, Any]]] = {Interaction: [], Remark: []}
    for is_delta, records in ((False, before), (True, delta)):
        for record in records:
            values = {name: getattr(record, name) for name in type(record).__dataclass_fields__}
            rows[type(record)].append({**values, "is_delta": is_delta})
    for row in rows[Interaction]:
        row["extra"] = json.dumps(row["extra"]) if row["extra"] else None
    flag = pa.field("is_delta", pa.bool_())
    said = {"remark_id": pa.string(), "interaction_id": pa.string(), "kind": pa.string(), "score": pa.float64()}
    said |= {"text": pa.string(), "occurred_at": pa.timestamp("us", tz="UTC"), "is_delta": pa.bool_()}
    database = connect()
    database.execute(texts.MACROS)
    database.register("logged", pa.Table.from_pylist(rows[Interaction], INTERACTIONS.append(flag)))
    database.register("remarks", pa.Table.from_pylist(rows[Remark], pa.schema(said)))
    database.execute(EVENTS)
    for table in TABLES:
        table.make(database, Curate())
    return database


def built(database: duckdb.DuckDBPyConnection, kind: str, settings: Curate | None = None) -> list[dict[str, Any]]:
    """All examples of a kind, in a fixed order."""
    order = "occurred_at, interaction_ids, prompt, completion, rejected"
    select = f"SELECT {', '.join(COLUMNS)}, failure FROM ({BUILDERS[kind]}) ORDER BY {order}"
    return database.sql(select, params=given(select, settings or Curate())).to_arrow_table().to_pylist()


def learned(
    kind: str, *delta: Interaction | Remark, before: Sequence[Interaction | Remark] = ()
) -> list[dict[str, Any]]:
    """What the delta teaches of a kind."""
    with events(delta, before) as database:
        return [row for row in built(database, kind) if row["is_delta"]]


PRINTED = "2, 3, 5, 7"
"""No two programs print it by accident."""


def fixes(*events, before=()):
    return {
        (row["prompt"].split("\n\n")[0], row["completion"])
        for row in learned("error_correction", *events, before=before)
    }


def variants(*events, before=()):
    return [
        (row["prompt"], row["completion"], row["evidence"]) for row in learned("optimization", *events, before=before)
    ]
