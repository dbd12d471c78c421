"""Interactions of actions that no list of `[curate]` names: nothing but patterns is made of them, and that is told.

Not here: in which words (cards/doubts.py).
"""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

NAMED = 5
"""Actions that are told by name: a mistaken list is missed by the commonest."""

UNLISTED = r"""
SELECT every, action, rows, regexp_full_match(action, '[\p{L}\p{N}_.:/-]{1,40}') AS is_name
FROM (
    SELECT action, count(*) AS rows, sum(count(*)) OVER ()::BIGINT AS every
    FROM delta WHERE NOT list_contains($listed, action) GROUP BY action
)
ORDER BY is_name DESC, rows DESC, action LIMIT $named
"""
"""What is no name may be somebody's words, and is only counted."""


def unlisted(db: duckdb.DuckDBPyConnection, listed: Iterable[str]) -> tuple[int, dict[str, int]]:
    """How many interactions of the view `delta` are of other actions than these, and the commonest of those."""
    found = db.execute(UNLISTED, {"listed": [*listed], "named": NAMED}).fetchall()
    return (found[0][0] if found else 0), {action: rows for _, action, rows, is_name in found if is_name}
