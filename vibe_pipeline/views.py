"""The views that people query: interactions, user_interactions, examples, generations, scores, items, over a DuckDB
in memory.

DuckDB is a query engine here, over Parquet, and never the system of record: a DuckDB file would lock out
every other process.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa

from vibe_pipeline.curate.output import SCHEMA
from vibe_pipeline.database import SPILL, prepare
from vibe_pipeline.interactions.reading import REMARKED, define_sealed
from vibe_pipeline.records import Cut, ExampleSet, generation_name
from vibe_pipeline.store import Store, sql_list

ITEMS = pa.schema([("model_sha", pa.string()), ("suite_sha", pa.string()), ("item_id", pa.string())])
SCORES = ("lineage", "generation", "attempt", "verdict")

USER_INTERACTIONS = """
CREATE VIEW user_interactions AS
SELECT interaction_id AS id, action AS interaction_type, occurred_at AS timestamp, model_id, success, latency_ms,
    to_json({module: module, input: input, output: output, error_type: error_type, feedback: feedback,
             comments: comments, improvements: improvements, learnings: learnings, conversation_id: conversation_id,
             turn: turn, user: "user", source: source, extra: TRY_CAST(extra AS JSON)}) AS data
FROM interactions
"""


def define(
    db: duckdb.DuckDBPyConnection, store: Store, cuts: list[Cut], sets: list[ExampleSet], records: list[dict[str, Any]]
) -> None:
    """Create the views on a connection, under the rules of all; a view over nothing has its columns and no rows."""
    prepare(db, store.path(SPILL))
    for stream in ("interactions", "remarks"):
        define_sealed(db, f"logged_{stream}", store, stream)
    db.execute(REMARKED)
    db.execute(USER_INTERACTIONS)
    _parquet(db, "curated", [store.existing_table(f"examples/{examples.sha}.parquet") for examples in sets], SCHEMA)
    db.execute("CREATE VIEW examples AS FROM curated WHERE example_id IS NOT NULL")  # the others were forgotten
    _items(db, store)
    _table(db, "generations", [_generation(cut, sets) for cut in cuts], ("generation",))
    _table(db, "scores", [{k: v for k, v in row.items() if not isinstance(v, list)} for row in records], SCORES)


def _generation(cut: Cut, sets: list[ExampleSet]) -> dict[str, Any]:
    examples = next((examples for examples in sets if examples.generation == cut.generation), None)
    return {
        "generation": generation_name(cut.generation),
        "interactions": cut.interactions,
        "probes": cut.probes,
        "examples": examples.rows if examples else None,
        "examples_sha": examples.sha if examples else None,
        "suite_sha": examples.suite_sha if examples else None,
    }


def _items(db: duckdb.DuckDBPyConnection, store: Store) -> None:
    """Per-item results; the folder says which model answered, the file which suite."""
    files = sorted(store.path("scores").glob("*/*.parquet"))
    if not files:
        return _parquet(db, "items", [], ITEMS)
    db.execute(
        "CREATE VIEW items AS SELECT parse_path(filename)[-2] AS model_sha, "
        "parse_filename(filename, true) AS suite_sha, * EXCLUDE (filename) "
        f"FROM read_parquet({sql_list(files)}, filename = true)"
    )


def _parquet(db: duckdb.DuckDBPyConnection, name: str, files: list[Path], schema: pa.Schema) -> None:
    if files:
        options = "union_by_name = true, hive_partitioning = false"
        db.execute(f"CREATE VIEW {name} AS FROM read_parquet({sql_list(files)}, {options})")
    else:
        db.register(name, schema.empty_table())


def _table(db: duckdb.DuckDBPyConnection, name: str, rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    frame = (
        pl.DataFrame(rows, infer_schema_length=None) if rows else pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
    )
    db.register(name, frame.to_arrow())
