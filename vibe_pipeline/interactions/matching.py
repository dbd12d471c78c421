"""Which rows of the log somebody asks to forget: interactions by what was asked, and what belongs to them.

A remark goes with its interaction, a probe with the fact that an interaction told, a branch with its conversation, and
an answer with the one in its place that it quotes as an alternative.
Text is searched for in every column, in any case, as it is, as JSON writes it, and as the placeholders that scrubbing
made of it. Not here: erasing anything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa

from vibe_pipeline import settings
from vibe_pipeline.database import SPILL, connect
from vibe_pipeline.errors import SettingsInvalid
from vibe_pipeline.fingerprint import conversation_key
from vibe_pipeline.interactions import quarantine
from vibe_pipeline.interactions.schema import STREAMS, rows_of
from vibe_pipeline.interactions.sealing import unsealed
from vibe_pipeline.interactions.segments import manifest, paths
from vibe_pipeline.scrub import Scrubber
from vibe_pipeline.scrub.placeholders import KEY
from vibe_pipeline.store import Store, sql_list

COLUMNS = {
    "user": ("user", "$user"),
    "conversation": ("conversation_id", "FROM family"),
    "source": ("source", "$source"),
}
"""Criterion → (the column, what it must be among)."""

FAMILY = """
CREATE TABLE family AS
WITH RECURSIVE
    branches AS MATERIALIZED (
        SELECT DISTINCT conversation_id, CASE WHEN json_valid(extra) THEN extra ->> '$.branch_of' END AS trunk
        FROM interactions WHERE contains(extra, '"branch_of"')
    ),
    family AS (SELECT unnest($names) AS id UNION SELECT conversation_id FROM branches JOIN family ON trunk = id)
FROM family
"""
"""Conversations with their branches, and the branches of those."""

TOLD = """
CREATE TABLE told AS
WITH
    asked AS (
        SELECT interaction_id, conversation_id, input, output, CASE WHEN json_valid(extra) THEN extra END AS extra
        FROM interactions WHERE {interactions}
    ),
    quoting AS (
        SELECT interaction_id, conversation_id, input, extra ->> '$.branch_of' AS trunk,
            unnest(extra ->> '$.alternatives[*]') AS output
        FROM (SELECT * REPLACE (CASE WHEN json_valid(extra) THEN extra END AS extra) FROM interactions
              WHERE contains(extra, '"alternatives"'))
    )
SELECT interaction_id, extra ->> '$.fact' AS fact FROM asked
UNION SELECT quoting.interaction_id, NULL FROM quoting JOIN asked USING (input, output)
WHERE coalesce(quoting.trunk, quoting.conversation_id) = coalesce(asked.extra ->> '$.branch_of', asked.conversation_id)
"""

FOUND = """
CREATE TABLE found AS
SELECT 'interactions' AS kind, interaction_id AS id FROM told
UNION SELECT 'probes', probe_id FROM probes WHERE fact IN (SELECT fact FROM told) OR {probes}
UNION SELECT 'remarks', remark_id FROM remarks WHERE interaction_id IN (SELECT interaction_id FROM told) OR {remarks}
"""


VALUE = r"""(?m)(?:^|["',;:|\t\[])[ ]*(?:{forms})[ ]*(?:$|["',;|\t\\\]}}])"""
"""A value in JSON, a number too, also in JSON in JSON, in a table of any delimiter, or alone on a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """What to forget: rows for which all that is given holds."""

    user: str | None = None
    conversation: str | None = None
    source: str | None = None
    text: str | None = None

    def __post_init__(self) -> None:
        if not self.given:
            raise SettingsInvalid("nothing says what to forget", "Give a user, a conversation, a source or a text")
        blank = [name for name, value in self.given.items() if not value.strip()]
        if blank:
            raise SettingsInvalid(f"the {blank[0]} to forget is empty", "Name one; an empty text is in every row")

    @property
    def given(self) -> dict[str, str]:
        """The criteria that were given, by name."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value is not None}


def matching(
    store: Store, criteria: Criteria, coming: Mapping[str, Sequence[bytes]] = MappingProxyType({})
) -> pa.Table:
    """(kind, id) of all matching rows, sealed or not; what is not sealed is searched before secrets leave it.

    `coming` are lines (stream → lines) that are not logged yet. The caller holds the lock of sealing."""
    with connect(store.path(SPILL)) as db:
        for stream in STREAMS:
            _define(db, store, stream, coming.get(stream, ()))
        forms = _forms(criteria.text, store) if criteria.text is not None else []
        conditions = {stream: _condition(stream, criteria, len(forms)) for stream in STREAMS}
        parameters: dict[str, Any] = {**criteria.given, **{f"form{number}": form for number, form in enumerate(forms)}}
        if criteria.conversation is not None:
            db.execute(FAMILY, {"names": _names(db, criteria.conversation)})
        for statement in (TOLD, FOUND):
            query = statement.format(**conditions)
            db.execute(query, {name: value for name, value in parameters.items() if f"${name}" in query})
        return db.sql("FROM found ORDER BY ALL").to_arrow_table()


def matching_rejects(store: Store, criteria: Criteria) -> int:
    """Lines in spools that cannot be read, and would go to quarantine to be found there."""
    rejects = (found for stream in STREAMS for _, found in unsealed(store, stream))
    found = [line for rejected in rejects for line in rejected["line"].to_pylist()]
    return int(tell_of(found, criteria).sum())


def quarantined(store: Store, criteria: Criteria) -> list[str]:
    """The text of every record in quarantine that matches."""
    found: list[str] = []
    for _, _, _, entries in quarantine.files(store):
        said = ["\n".join(filter(None, map(entry.get, quarantine.ENTRY))) for entry in entries]
        hits = tell_of(said, criteria, store)
        found += [entry["raw"] for entry, is_hit in zip(entries, hits, strict=True) if is_hit]
    return found


def tell_of(texts: Sequence[str], criteria: Criteria, store: Store | None = None) -> pl.Series:
    """Which texts hold all that was given: nobody could read them, so a name that stands anywhere in one as a value of
    its own is enough. Texts that were scrubbed are searched for what became of it in this store."""
    lowered, hits = pl.Series(texts, dtype=pl.String).str.to_lowercase(), pl.repeat(True, len(texts), eager=True)
    for name, value in criteria.given.items():
        forms = [form.lower() for form in _forms(value, store)]
        if name == "text":
            hits &= lowered.str.contains_any(forms)
        else:
            hits &= lowered.str.contains(VALUE.format(forms="|".join(map(re.escape, forms))))
    return hits


def _define(db: duckdb.DuckDBPyConnection, store: Store, stream: str, coming: Sequence[bytes]) -> None:
    """A view over the sealed rows of a stream, their originals where they are kept, and those that wait."""
    schema = STREAMS[stream]
    waiting = [rows.select(schema.names) for rows, _ in (*unsealed(store, stream), rows_of(stream, coming))]
    db.register(f"waiting_{stream}", pa.concat_tables([schema.empty_table(), *waiting]))
    originals = [store.path(name) for name in store.names(f"log/{stream}/originals", ".parquet")]
    files = [*paths(store, stream, [segment.sha for segment in manifest(store, stream)]), *originals]
    sealed = f" UNION ALL BY NAME FROM read_parquet({sql_list(files)}, hive_partitioning = false)" if files else ""
    db.execute(f"CREATE VIEW {stream} AS FROM waiting_{stream}{sealed}")


def _names(db: duckdb.DuckDBPyConnection, conversation: str) -> list[str]:
    """The ids of a conversation: the text itself, and what importers make of the name that it has in their format."""
    modules = [module for (module,) in db.sql("SELECT DISTINCT module FROM interactions").fetchall()]
    return [conversation, *(conversation_key(module, conversation) for module in modules)]


def _condition(stream: str, criteria: Criteria, forms: int) -> str:
    """SQL for one stream; a stream without a column that was asked for matches by what it belongs to alone."""
    schema = STREAMS[stream]
    asked = [COLUMNS[name] for name in criteria.given if name in COLUMNS]
    if not {column for column, _ in asked} <= set(schema.names):
        return "false"
    parts = [f'"{column}" IN ({values})' for column, values in asked]
    if criteria.text is not None:
        texts = [f'"{it.name}"' for it in schema if pa.types.is_string(it.type)]
        lists = [f'array_to_string("{it.name}", chr(10))' for it in schema if pa.types.is_list(it.type)]
        row = f"lower(concat_ws(chr(10), {', '.join([*texts, *lists])}))"
        parts.append(f"({' OR '.join(f'contains({row}, lower($form{number}))' for number in range(forms))})")
    return "(" + " AND ".join(parts) + ")"


def _forms(text: str, store: Store | None = None) -> list[str]:
    """How a text may stand in a row: as it is, as the store's scrubber left it, and as JSON in JSON writes either."""
    texts = [text]
    if store is not None and store.exists(KEY):  # nothing was ever replaced, and nothing is to be made by looking
        texts.append(Scrubber(store, settings.DEFAULT_LOG).column(pl.Series(texts))[0][0])
    return list(dict.fromkeys(form for it in texts for form in (it, *_in_json(it))))


def _in_json(text: str) -> list[str]:
    return [json.dumps(text, ensure_ascii=ascii)[1:-1] for ascii in (False, True)]
