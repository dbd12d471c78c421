"""Which conversations go off from which: branches, and the trunk of them all.

Not here: which of them a window loads (window.py), and on which side of the split they are (candidates.py).
"""

from __future__ import annotations

import duckdb

BRANCHES = """
CREATE OR REPLACE TABLE above AS
SELECT conversation_id, min(trunk(extra)) AS trunk, min(trunk(extra)) AS least FROM {rows}
WHERE trunk(extra) <> conversation_id GROUP BY conversation_id
"""
"""Of each branch what it goes off from; `least` is the first by name of all that were passed on the way to `trunk`."""

ABOVE = """
CREATE OR REPLACE TABLE above AS
SELECT
    it.conversation_id,
    coalesce(other.trunk, it.trunk) AS trunk,
    least(it.least, coalesce(other.least, it.least)) AS least
FROM above AS it LEFT JOIN above AS other ON it.trunk = other.conversation_id
"""
"""Twice as far up: a chain of branches costs what it is long, times the logarithm of that."""

IS_ON_THE_WAY = "SELECT EXISTS (FROM above SEMI JOIN above AS other ON above.trunk = other.conversation_id)"

FAMILIES = """
CREATE OR REPLACE TABLE families AS
SELECT it.conversation_id, coalesce(other.least, it.trunk) AS family
FROM above AS it LEFT JOIN above AS other ON it.trunk = other.conversation_id
"""
"""Of each branch the trunk of all, however many branches are between; of a ring the first by name."""


def find_families(db: duckdb.DuckDBPyConnection, rows: str) -> None:
    """Fill `families`: who is in a ring never arrives, and has gone round when as many steps are done as there are."""
    db.execute(BRANCHES.format(rows=rows))
    ((branches,),) = db.sql("SELECT count(*) FROM above").fetchall()
    for _ in range(branches.bit_length()):
        ((is_on_the_way,),) = db.sql(IS_ON_THE_WAY).fetchall()
        if not is_on_the_way:
            break
        db.execute(ABOVE)
    db.execute(FAMILIES)
