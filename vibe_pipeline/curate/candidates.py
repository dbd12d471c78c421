"""The candidates of one part of a window: what the builders make of its events, each with its split and its quality.

One statement, so that DuckDB streams. What a rule drops is counted and goes no further. Not here: what the events are
(window.py), and which candidates are the same as others (dedup/).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa

from vibe_pipeline.curate import quality
from vibe_pipeline.curate.builders import BUILDERS, TABLES
from vibe_pipeline.curate.dedup.index import Entries, found, pairs
from vibe_pipeline.curate.dedup.keys import exact, features, said, side_keys, slices, told_keys
from vibe_pipeline.curate.dedup.reasons import APART
from vibe_pipeline.curate.dedup.sides import sides_before
from vibe_pipeline.curate.events import texts
from vibe_pipeline.curate.events.window import VECTOR
from vibe_pipeline.curate.sessions.tables import given, named
from vibe_pipeline.curate.sessions.trials import TRIALS
from vibe_pipeline.fingerprint import grouped_sql, held_out_sql
from vibe_pipeline.records import Kind
from vibe_pipeline.settings import Curate
from vibe_pipeline.store import quoted, sql_list

SHAS = """
sha256(stripped(prompt)) AS prompt_sha,
sha256(concat_ws(' ', prompt_sha, sha256(stripped(completion)), sha256(stripped(rejected)))) AS content_sha
"""
"""Texts are hashed once: most of what an example costs is reading it."""

MACROS = f"""
{texts.MACROS}
CREATE MACRO number(sha) AS ('0x' || left(sha, 16))::UBIGINT;
CREATE TABLE probes (
    probe_id VARCHAR, fact VARCHAR, question VARCHAR, answer VARCHAR, occurred_at TIMESTAMPTZ, source VARCHAR
);
CREATE TABLE probed (fact VARCHAR);
CREATE TABLE augmented (interaction_id VARCHAR);
CREATE TABLE threads (
    conversation_id VARCHAR, logged_in VARCHAR, family VARCHAR, grouping VARCHAR, is_fact BOOLEAN
);
"""

PROBES = """
SELECT
    'conversation' AS kind, probe_id AS conversation_id, NULL::VARCHAR AS module, question AS prompt, question,
    answer AS completion, NULL::VARCHAR AS rejected, []::VARCHAR[] AS interaction_ids, occurred_at, fact,
    CASE WHEN source = 'synthesize' THEN 'synthetic' ELSE 'own' END AS tier, NULL::VARCHAR AS stage,
    NULL::VARCHAR AS section, []::VARCHAR[] AS evidence, NULL::VARCHAR AS failure, true AS is_probe
FROM probes
"""

JUDGED = """
CREATE OR REPLACE TABLE judged AS
SELECT
    * EXCLUDE (grouping, logged_in) REPLACE (
        coalesce(logged_in, conversation_id) AS conversation_id,
        coalesce(is_fact, false) AS is_fact,
        coalesce(family, conversation_id) AS family,
        CASE WHEN is_told THEN prompt END AS prompt,
        CASE WHEN is_told THEN question END AS question,
        CASE WHEN is_told THEN completion END AS completion,
        CASE WHEN is_told THEN rejected END AS rejected
    ),
    grouping IS NOT NULL AS is_grouped,
    coalesce(section, logged_in, conversation_id) AS unit,
    coalesce('group:' || grouping, section, family, conversation_id) AS held_with
FROM (
    SELECT *, reason IS NULL OR (reason = '{failed}' AND failure IN {late}) AS is_told
    FROM (SELECT *, {judging} FROM ({built}))
) LEFT JOIN threads USING (conversation_id)
"""
"""Of what is dropped only why, since its texts may be the longest of all; but for what failed late, which may have been
kept before."""

TAKEN_BACK = f"""
SELECT
    kind, 'train' AS split, CASE WHEN ends_with(prompt, question) THEN question ELSE prompt END AS question,
    0 AS context, completion, rejected, number(content_sha) AS content, number(prompt_sha) AS asked, 0::UBIGINT AS told,
    md5_number_lower(unit) AS unit, 0::UBIGINT AS held_with
FROM (SELECT *, {SHAS} FROM judged WHERE reason IS NOT NULL AND is_told)
"""

THREADS = """
CREATE OR REPLACE TABLE threads AS
SELECT *, grouping IS NULL AND coalesce(tells, false) AS is_fact FROM ({grouped}) JOIN (
    SELECT conversation_id, logged_in, bool_or(extra ->> '$.fact' IN (FROM probed)) AS tells
    FROM events GROUP BY ALL
) USING (conversation_id)
"""
"""Of each conversation: the one that it was logged in, which is another for what was made of it; the trunk of all its
branches, whose turns it shares; what the settings hold its whole family out by; and whether it teaches a fact for which
there is a probe, and no group decides where it is."""

UNGROUPED = "SELECT DISTINCT conversation_id, family, NULL::VARCHAR AS grouping FROM {events}"

GOING_ON = """(
    WITH of_families AS (
        SELECT it.*, coalesce(family, conversation_id) AS family
        FROM (FROM delta UNION ALL BY NAME FROM logged) AS it LEFT JOIN families USING (conversation_id)
    )
    FROM of_families WHERE family IN (
        SELECT coalesce(family, conversation_id) FROM logged LEFT JOIN families USING (conversation_id)
    )
)"""
"""Events of families of which there were some before: of no other conversation a side is known."""

BELONGING = """
SELECT DISTINCT
    md5_number_lower(conversation_id) AS unit_key,
    md5_number_lower(family) AS family_key,
    md5_number_lower('group:' || grouping) AS group_key
FROM ({grouped})
"""

UNITS = """
SELECT
    unit, held_with, md5_number_lower(unit) AS unit_key, md5_number_lower(held_with) AS held_with_key,
    md5_number_lower(coalesce(any_value(family) FILTER (unit = conversation_id), held_with)) AS family_key,
    bool_or(is_fact) AS is_fact, {held_out} AS is_held_by_hash, count(*) AS candidates
FROM judged WHERE reason IS NULL GROUP BY unit, held_with
"""

SIDES = [pl.col("held_with_side"), pl.col("is_held_by_hash") & ~pl.col("is_fact").any().over("held_with")]
"""Whether a unit is held out: where what it is held out with is known to be; else by hash, and what teaches a fact is
not."""

IS_APART = pl.any_horizontal(pl.col("unit_side", "family_side") != pl.col("is_held")).fill_null(False)

AUGMENTED = """
CREATE OR REPLACE TABLE augmented AS SELECT interaction_id FROM events WHERE json_exists(extra, '$.augmented_from')
"""

MOST_ROWS = 8192
"""Of a row group."""

GROUP_BYTES = 64 << 20
"""Of the texts of a row group: where rows are long there are fewer in one."""

ROWS_AT_ONCE = f"""
SELECT coalesce({GROUP_BYTES} // nullif(avg(strlen(prompt) + strlen(completion))::BIGINT, 0), {MOST_ROWS})::BIGINT
FROM judged WHERE reason IS NULL
"""

TAKEN_BACK_BYTES = 4 << 20
"""Of texts that are sketched at once."""

DROPPED = "SELECT reason, count(*) FROM judged WHERE reason IS NOT NULL GROUP BY reason"

CANDIDATES = """
SELECT
    sha256(kind || chr(0) || content_sha) AS example_id,
    kind,
    coalesce(stage, $stages[kind]) AS stage,
    CASE WHEN is_probe THEN 'test' WHEN is_held THEN 'validation' ELSE 'train' END AS split,
    tier, conversation_id, module, fact, prompt,
    (CASE WHEN ends_with(prompt, question) THEN length(prompt) - length(question) ELSE 0 END)::INTEGER AS context,
    completion, rejected, interaction_ids,
    ({quality})::FLOAT AS quality,
    list_transform(evidence, lambda it: '+' || it) || list_transform(marks, lambda it: '-' || it) AS reasons,
    question,
    number(content_sha) AS content,
    number(prompt_sha) AS asked,
    coalesce(md5_number_lower(fact), 0) AS told,
    unit_key AS unit,
    held_with_key AS held_with,
    md5_number_lower(family) AS family,
    md5_number_lower(conversation_id) AS conversation,
    tier = 'synthetic' AS is_synthetic,
    coalesce(interaction_ids[-1] IN (FROM augmented), false) AS is_augmented,
    list_contains(evidence, 'edited') AS is_edited,
    is_grouped,
    {vouched} AS vouched,
    epoch_us(occurred_at) AS moment
FROM (SELECT *, {shas} FROM judged WHERE reason IS NULL) AS it
JOIN units USING (unit, held_with)
ORDER BY split <> 'train', split DESC, kind, conversation_id, moment, example_id, interaction_ids
"""

READS = {kind: set(named(select)) for kind, select in BUILDERS.items()}
READS[Kind.CODE_GENERATION] |= named(TRIALS.select)
"""Which lists of actions a builder reads; a pattern may be made of any."""


class Candidates:
    """Makes candidates on a DuckDB that has the events, and puts them in a folder: one Parquet file a part."""

    def __init__(
        self,
        db: duckdb.DuckDBPyConnection,
        folder: Path,
        settings: Curate,
        known: Sequence[Entries],
        ungrouped: Sequence[Entries] = (),
    ) -> None:
        """`ungrouped`: sides of groups before they were held out as such."""
        self._db, self._folder, self._settings, self._known, self._ungrouped = db, folder, settings, known, ungrouped
        self.dropped: Counter[str] = Counter()
        self.taken_back: list[np.ndarray] = [np.empty(0, np.uint64)]
        self._settled = pl.DataFrame(schema={"key": pl.UInt64, "settled": pl.Boolean})
        folder.mkdir()
        db.execute(MACROS)
        quality.prepare(db, settings.quality)

    def of_probes(self, probes: Sequence[Path]) -> Path:
        """Those that a source handed over as tests."""
        if probes:
            columns = "probe_id, fact, question, answer, occurred_at, source"
            self._db.execute(f"INSERT INTO probes SELECT {columns} FROM read_parquet({sql_list(probes)})")
        self._db.execute("INSERT INTO probed SELECT DISTINCT fact FROM probes")
        return self._write(PROBES, "probes")

    def settle(self) -> None:
        """Put families and groups on the sides on which conversations of theirs are known to be, for all parts at once:
        a group's conversations lie in many. Held out where they are on both: what was judged on stays an item, and
        what would be trained on beside it can be left."""
        ((there_are,),) = self._db.sql("SELECT EXISTS (FROM families)").fetchall()
        if not self._known or not (there_are or self._settings.group):
            return
        asked = self._db.sql(BELONGING.format(grouped=self._grouped(GOING_ON))).pl()
        known = asked.with_columns(settled=self._known_sides(asked["unit_key"].to_numpy()))
        belonging = [known.select(pl.col(name).alias("key"), "settled") for name in ("family_key", "group_key")]
        self._settled = pl.concat(belonging).drop_nulls().group_by("key").agg(pl.col("settled").max())

    def of_events(self, part: int) -> Path:
        """Those that the builders make of the table `events`."""
        if self._known:
            self._know_facts()
        self._db.execute(THREADS.format(grouped=self._grouped("events")))
        self._db.execute(AUGMENTED)
        for table in TABLES:
            table.make(self._db, self._settings)
        built = [
            f"SELECT '{kind}' AS kind, *, false AS is_probe FROM ({BUILDERS[kind]}) WHERE is_delta"
            for kind in self._kinds()
        ]
        return self._write(" UNION ALL BY NAME ".join([f"{PROBES} WHERE false", *built]), str(part))

    def _kinds(self) -> list[Kind]:
        """Kinds of which there may be some: only to plan a builder takes tens of milliseconds."""
        logged = {action for (action,) in self._db.sql("SELECT DISTINCT action FROM events").fetchall()}
        lists = {name for name, actions in self._settings.actions().items() if logged.intersection(actions)}
        return [kind for kind, names in READS.items() if logged and (kind == Kind.PATTERN or lists & names)]

    def _know_facts(self) -> None:
        """Facts that a probe of an earlier generation asks for train as well, whatever their conversation."""
        facts = "SELECT DISTINCT extra ->> '$.fact' AS fact FROM events WHERE json_exists(extra, '$.fact')"
        asked = self._db.sql(f"SELECT fact, md5_number_lower(fact) AS told FROM ({facts})").to_arrow_table()
        keys = told_keys(asked["told"].to_numpy())
        is_known = np.any([found(run, keys) for run in self._known], axis=0)
        self._db.register("known_facts", asked.filter(pa.array(is_known)))
        self._db.execute("INSERT INTO probed SELECT fact FROM known_facts")

    def _write(self, built: str, name: str) -> Path:
        settings, file = self._settings, self._folder / f"{name}.parquet"
        judged = JUDGED.format(
            built=built,
            judging=quality.judging(settings.quality),
            failed=quality.FAILED,
            late=quality.LATE_FAILURES,
        )
        self._db.execute(judged, given(built, settings))
        self.dropped.update(dict(self._db.execute(DROPPED).fetchall()))
        if self._known:
            self._take_back()
        self._db.register("units", self._units())
        made = CANDIDATES.format(shas=SHAS, quality=quality.QUALITY, vouched=quality.vouched("evidence"))
        stages = {"key": [*map(str, settings.stages)], "value": [*map(str, settings.stages.values())]}
        options = f"FORMAT parquet, COMPRESSION lz4, ROW_GROUP_SIZE {self._rows_at_once()}"
        self._db.execute(f"COPY ({made}) TO '{quoted(file)}' ({options})", {"stages": stages})
        return file

    def _take_back(self) -> None:
        """What was learned before may have had another prompt, if an earlier turn came late or `longest` is another by
        now: so a long answer is known by its question and conversation, and a short one where there is no such prompt.
        A short one may have been right after other turns."""
        for batch in self._db.sql(TAKEN_BACK).to_arrow_reader(VECTOR):
            for these in map(features, slices(batch, TAKEN_BACK_BYTES)):
                keys = exact(these)
                is_there = np.any([found(run, keys) for run in self._known], axis=0)
                self.taken_back += [keys, said(these)[these.sketches.is_long | ~is_there]]

    def _rows_at_once(self) -> int:
        """Of a row group, which is written, read and copied as one."""
        ((rows,),) = self._db.execute(ROWS_AT_ONCE).fetchall()
        return max(VECTOR, min(MOST_ROWS, rows) // VECTOR * VECTOR)

    def _units(self) -> pa.Table:
        """What is on one side as a whole, and on which; but for what would have to be on both."""
        held_out = held_out_sql("held_with", self._settings.salt, self._settings.held_out)
        units = self._db.sql(UNITS.format(held_out=held_out)).pl()
        known = {f"{it}_side": self._sides(units[f"{it}_key"]) for it in ("unit", "family", "held_with")}
        made = units.with_columns(**known).with_columns(is_held=pl.coalesce(SIDES)).with_columns(is_apart=IS_APART)
        apart, made = made.filter("is_apart"), made.filter(~pl.col("is_apart"))
        self.dropped += Counter({APART: apart["candidates"].sum()})
        return made.select("unit", "held_with", "unit_key", "held_with_key", "is_held").to_arrow()

    def _sides(self, keys: pl.Series) -> pl.Series:
        """Whether each is held out: where it was before it was held out as a group, or where it was put, or else where
        it was settled; null where none is known."""
        settled = keys.to_frame("key").join(self._settled, on="key", how="left", maintain_order="left")["settled"]
        known = self._known_sides(keys.to_numpy())
        return pl.select(pl.coalesce(self._sides_before(keys.to_numpy()), known, settled)).to_series()

    def _sides_before(self, groups: np.ndarray) -> pl.Series:
        """Whether each is held out, or null where nothing is known of it as of a group that was none. Who was learned
        from is judged on no more: of a log of few users nearly all were both, and else nothing would be learned."""
        learned, judged_on = sides_before(self._ungrouped, groups)
        return pl.Series(~learned).set(pl.Series(~(learned | judged_on)), None)

    def _known_sides(self, units: np.ndarray) -> pl.Series:
        """Whether each is held out, or null where no earlier generation has it."""
        sides, keys = np.full(len(units), -1, np.int8), side_keys(units)
        for run in reversed(self._known):
            places, refs, _ = pairs(run, keys, 1)
            sides[places] = refs & 1  # the oldest is last
        return pl.Series(sides).replace(-1, None).cast(pl.Boolean)

    def _grouped(self, events: str) -> str:
        """SQL: of the conversations of these events, with families, what shares a side of the split besides."""
        group = self._settings.group
        return grouped_sql(events, group) if group else UNGROUPED.format(events=events)
