"""The log as an asset: sealing what was logged, and counting it.

Not here: importing or synthesising, which write to the log from outside Dagster.
"""

import dagster as dg
from dagster_duckdb import DuckDBResource

from assets.metadata import markdown_table
from assets.resources import LadderResource

SHOWN_DAYS = 60
"""In UTC; every source of each."""

COUNTS = "SELECT source, action, count(*) FROM interactions GROUP BY ALL ORDER BY ALL"
DAYS = f"""
SELECT occurred_at::DATE AS day, source, count(*) FROM interactions GROUP BY day, source
QUALIFY dense_rank() OVER (ORDER BY day DESC) <= {SHOWN_DAYS} ORDER BY day DESC, source"""


@dg.asset(group_name="data", owners=["team:vibe"], kinds={"duckdb", "parquet"}, code_version="1")
def interactions(
    context: dg.AssetExecutionContext, ladder: LadderResource, duckdb: DuckDBResource
) -> dg.MaterializeResult:
    """Everything that was logged: who did what with which input, what came out, and whether it worked.

    Making it seals what was written since the last time into Parquet files that never change again.
    """
    with ladder.open(context.log) as here, duckdb.get_connection() as database:
        sealed = here.log.seal()
        here.define_views(database)
        counts, days = database.execute(COUNTS).fetchall(), database.execute(DAYS).fetchall()
        stats, version = here.log.stats(), here.log.sha()
    tables = {
        "by_source_and_action": markdown_table(("source", "action", "interactions"), counts),
        "by_day_and_source": markdown_table(("day", "source", "interactions"), days),
    }
    numbers = {name: value for name, value in stats.items() if value is not None}
    metadata = {**numbers, "new_segments": len(sealed)} | {name: dg.MetadataValue.md(it) for name, it in tables.items()}
    return dg.MaterializeResult(metadata=metadata, data_version=dg.DataVersion(version))
