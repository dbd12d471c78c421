"""The log as an asset: sealing what was logged, and counting it.

Not here: importing or synthesising, which write to the log from outside Dagster.
"""

import dagster as dg
from dagster_duckdb import DuckDBResource

from assets.metadata import markdown_table
from assets.resources import LadderResource

COUNTS = "SELECT source, action, count(*) FROM interactions GROUP BY ALL ORDER BY ALL"


@dg.asset(group_name="data", owners=["team:vibe"], kinds={"duckdb", "parquet"}, code_version="1")
def interactions(
    context: dg.AssetExecutionContext, ladder: LadderResource, duckdb: DuckDBResource
) -> dg.MaterializeResult:
    """Everything that was logged: who did what with which input, what came out, and whether it worked.

    Making it seals what was written since the last time into Parquet files that never change again.
    """
    with ladder.open(context.log) as here, duckdb.get_connection() as database:
        sealed = here.seal()
        here.define_views(database)
        counts = database.execute(COUNTS).fetchall()
        stats, version = here.log_stats(), here.log_sha()
    table = markdown_table(("source", "action", "interactions"), counts)
    metadata = {**stats, "new_segments": len(sealed), "by_source_and_action": dg.MetadataValue.md(table)}
    return dg.MaterializeResult(metadata=metadata, data_version=dg.DataVersion(version))
