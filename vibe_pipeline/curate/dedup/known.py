"""What an index keeps of a generation: keys of rows, items, probes and sides, read from the file of its examples; and
inputs of which it could teach nothing, read from its log.

Not here: the keys themselves (keys.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from vibe_pipeline.curate.builders.error_prediction import RAN
from vibe_pipeline.curate.candidates import MACROS, SHAS
from vibe_pipeline.curate.dedup import keys
from vibe_pipeline.curate.dedup.index import Entries, of_no_rows
from vibe_pipeline.curate.events.families import find_families
from vibe_pipeline.curate.events.window import TABLES
from vibe_pipeline.curate.quality import vouched
from vibe_pipeline.database import connect
from vibe_pipeline.errors import LedgerDamaged
from vibe_pipeline.fingerprint import grouped_sql, sha_of_file
from vibe_pipeline.store import sql_list

EVIDENCE = "list_filter(reasons, lambda why: starts_with(why, '+'))"

REMEMBERED = f"""
SELECT
    kind, split, substr(prompt, context + 1) AS question, context, completion, rejected,
    {SHAS}, number(content_sha) AS content, number(prompt_sha) AS asked,
    coalesce(md5_number_lower(fact), 0) AS told, unit, held_with,
    generation::UBIGINT << 32 | file_row_number::UBIGINT AS place,
    {vouched(EVIDENCE)} AS vouched
FROM read_parquet({{file}}, file_row_number = true) WHERE example_id IS NOT NULL
"""

UNSETTLED = f"""
SELECT number(sha256(stripped(input))) AS asked FROM read_parquet({{files}})
WHERE {RAN} GROUP BY asked HAVING min(success) <> max(success) OR min(nullif(error_type, '')) <> max(error_type)
"""
"""Of such inputs no example is kept, and nothing of their words is to lie anywhere but in the log. An error is told by
the type that was logged: to look for it in what was printed costs as much as all else that a small generation asks."""

SIDES = """
SELECT DISTINCT md5_number_lower('group:' || grouping) AS key, (split <> 'train')::UINTEGER AS side
FROM (
    SELECT DISTINCT conversation_id, split FROM read_parquet({examples})
    WHERE example_id IS NOT NULL AND split <> 'test'
) JOIN ({grouped}) USING (conversation_id) WHERE grouping IS NOT NULL
"""

OF_FAMILIES = """(
    SELECT it.*, coalesce(family, conversation_id) AS family
    FROM {rows} AS it LEFT JOIN families USING (conversation_id)
)"""

MEMORY = "1536MiB"
"""For DuckDB, while it looks at whole logs; what does not fit is spilled."""

BATCH, BATCH_BYTES = 1 << 14, 32 << 20


def entries_of(file: Path, interactions: Sequence[Path], actions: Sequence[str], spill: Path) -> Iterator[Entries]:
    """Of examples/<sha>.parquet, in batches, LedgerDamaged where it is not what its name says; and of the segments that
    they were made from, in which something was run by these actions."""
    if sha_of_file(file) != file.stem:
        raise LedgerDamaged(f"examples/{file.name} is not what was written", "Restore it from a backup")
    with connect(spill) as db:
        db.execute(MACROS)
        for batch in db.sql(REMEMBERED.format(file=sql_list([file]))).to_arrow_reader(BATCH):
            for piece in keys.slices(batch, BATCH_BYTES):
                these = keys.features(piece)
                every = np.ones(len(these.kind), dtype=bool)
                yield keys.entries(these, every, piece["place"].to_numpy(), piece["vouched"].to_numpy())
        if interactions:
            ran = db.sql(UNSETTLED.format(files=sql_list(interactions)), params={"run_actions": list(actions)})
            yield keys.unsettled_entries(ran.to_arrow_table()["asked"].to_numpy())


def group_entries(examples: Sequence[Path], interactions: Sequence[Path], group: str, spill: Path) -> Entries:
    """On which sides examples lie of what `group` names, which they were not held out by: of their log, from its first
    generation on. Every ref is 1 where some were judged on, and 0 where some were learned from."""
    rows = f"read_parquet({sql_list(interactions)})"
    with connect(spill) as db:
        db.execute(f"SET memory_limit = '{MEMORY}'")
        db.execute(TABLES)
        find_families(db, rows)
        grouped = grouped_sql(OF_FAMILIES.format(rows=rows), group)
        found = db.sql(SIDES.format(examples=sql_list(examples), grouped=grouped)).to_arrow_table()
        return of_no_rows(*(found[name].to_numpy() for name in ("key", "side")))
