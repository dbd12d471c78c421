"""The candidates of one part of a window: what the builders make of its events, each with its split and its quality.

One statement, so that DuckDB streams. What a rule drops is counted and goes no further. Not here: what the events are
(window.py), and which candidates are the same as others (dedup.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vibe_pipeline.curate import quality
from vibe_pipeline.curate.builders import BUILDERS
from vibe_pipeline.curate.index import Entries, found
from vibe_pipeline.curate.sameness import told_keys
from vibe_pipeline.fingerprint import held_out_sql
from vibe_pipeline.records import Kind
from vibe_pipeline.settings import Curate
from vibe_pipeline.store import sql_list

CONTENT = "concat_ws(chr(0), stripped(prompt), stripped(completion), stripped(rejected))"

MACROS = r"""
CREATE MACRO stripped(words) AS trim(words, E' \t\r\n');
CREATE TABLE probes (probe_id VARCHAR, fact VARCHAR, question VARCHAR, answer VARCHAR, occurred_at TIMESTAMPTZ, source VARCHAR);
CREATE TABLE probed (fact VARCHAR);
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
    *,
    coalesce({group}, section, conversation_id) AS unit,
    bool_or(fact IN (FROM probed)) OVER (PARTITION BY conversation_id) AS is_fact,
    {judging}
FROM ({built})
"""

CANDIDATES = """
SELECT
    sha256(kind || chr(0) || sha256({content})) AS example_id,
    kind,
    coalesce(stage, $stages[kind]) AS stage,
    CASE WHEN is_probe THEN 'test' WHEN is_fact IS NOT true AND {held_out} THEN 'validation' ELSE 'train' END AS split,
    tier, conversation_id, module, fact, prompt,
    (CASE WHEN ends_with(prompt, question) THEN length(prompt) - length(question) ELSE 0 END)::INTEGER AS context,
    completion, rejected, interaction_ids,
    ({quality})::FLOAT AS quality,
    list_transform(evidence, lambda it: '+' || it) || list_transform(marks, lambda it: '-' || it) AS reasons,
    {tokens} AS tokens,
    question,
    md5_number_lower({content}) AS content,
    md5_number_lower(stripped(prompt)) AS asked,
    coalesce(md5_number_lower(fact), 0) AS told,
    md5_number_lower(unit) AS unit,
    md5_number_lower(conversation_id) AS conversation,
    epoch_us(occurred_at) AS moment
FROM judged WHERE reason IS NULL
ORDER BY split <> 'train', split DESC, kind, conversation_id, moment, example_id, interaction_ids
"""

TOKENS = "(3 + (strlen(prompt) + strlen(completion)) / 3.6)::INTEGER"
"""An estimate: what a token is depends on the model of a lineage."""

COMPARED = ["kind", "split", "question", "completion", "content", "asked", "told"]


class Candidates:
    """A DuckDB with what candidates are made of, and a folder with those that were made."""

    def __init__(self, db: duckdb.DuckDBPyConnection, folder: Path, settings: Curate) -> None:
        self._db, self._folder, self._settings = db, folder, settings
        self.dropped: Counter[str] = Counter()
        folder.mkdir()
        db.execute(MACROS)
        quality.prepare(db, settings.quality)

    def know_facts(self, probes: Sequence[Path], known: Sequence[Entries]) -> None:
        """Facts that a probe asks for, now or since an earlier generation: they train, whatever their conversation."""
        if probes:
            columns = "probe_id, fact, question, answer, occurred_at, source"
            self._db.execute(f"INSERT INTO probes SELECT {columns} FROM read_parquet({sql_list(probes)})")
        self._db.execute("INSERT INTO probed SELECT DISTINCT fact FROM probes")

    def from_probes(self) -> Path:
        return self._write(PROBES, "probes")

    def from_events(self, part: int, known: Sequence[Entries]) -> Path:
        """Those of the table `events`."""
        self._recall_facts(known)
        built = " UNION ALL BY NAME ".join(
            f"(SELECT '{kind}' AS kind, *, false AS is_probe FROM ({select}) WHERE is_delta)"
            for kind, select in BUILDERS.items()
        )
        return self._write(built, str(part))
