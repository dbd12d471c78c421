"""What became of commits later: amended, rebased, reverted, reverted no longer.

A table of those of which there is another version or a revert. Versions of a commit have its author and his time, which
git keeps while it rewrites, its file, and its message or the lines that it starts from. They are the same where they
add and take the same lines, wherever in the file; of others the one that was committed last counts. A revert names what
it takes back, which may be a revert, and so on: of all these and the versions the last one says whether the change is
there. Not here: what is learned (commits.py).
"""

from __future__ import annotations

from vibe_pipeline.curate.sessions.tables import Table

NAMES = r"(?m)^(?:\+\+\+ b|--- a)/([^\t\n]+)"
"""Of the files, where the source does not name one."""

FILES = f"""CASE WHEN extra ->> '$.path' IS NULL
    THEN list_sort(list_distinct(regexp_extract_all(improvements[-1], '{NAMES}', 1)))
    ELSE [extra ->> '$.path'] END"""

UNDOES = "This reverts commit "
UNDONE = rf"(?m)^{UNDOES}([0-9a-f]{{40,64}})\b"

CHANGED = r"(?m)^[+-][^\n]*"
"""Lines that are added or taken: a rebase moves them, and changes what stands around them."""

LONGEST = 1000
"""Reverts of reverts, of which each names the one before; histories that were written by hand may have rings."""

SELECT = f"""
WITH RECURSIVE
    commits AS (
        SELECT
            interaction_id,
            extra ->> '$.commit' AS sha,
            coalesce(try_cast(extra ->> '$.committed' AS BIGINT), epoch(occurred_at)::BIGINT) AS committed,
            hash("user", occurred_at, {FILES}) AS place,
            hash(place, input) AS told,
            hash(place, output) AS started_from,
            CASE WHEN contains(input, '{UNDOES}') THEN regexp_extract_all(input, '{UNDONE}', 1) ELSE [] END AS undoes,
            coalesce(feedback < 0, false) AS is_disliked,
            is_delta
        FROM events WHERE list_contains($commit_actions, action) AND success IS DISTINCT FROM false
    ),
    reverts AS (
        SELECT sha, undone, max(committed) AS committed, bool_or(is_delta) AS is_delta
        FROM (SELECT *, unnest(undoes) AS undone FROM commits) GROUP BY ALL
    ),
    undoing AS (
        SELECT undone AS root, sha, committed, is_delta, 1 AS steps FROM reverts
        WHERE undone NOT IN (SELECT sha FROM reverts WHERE sha IS NOT NULL)
        UNION
        SELECT root, it.sha, it.committed, it.is_delta, steps + 1
        FROM undoing JOIN reverts AS it ON it.undone = undoing.sha WHERE steps < {LONGEST}
    ),
    several AS (
        SELECT * FROM (
            SELECT
                *,
                count(*) OVER (PARTITION BY told) > 1 OR count(*) OVER (PARTITION BY started_from) > 1 AS is_several
            FROM commits WHERE undoes = []
        ) WHERE is_several OR sha IN (SELECT root FROM undoing)
    ),
    versions AS (
        SELECT several.*, hash(regexp_extract_all(improvements[1], '{CHANGED}')) AS change
        FROM several JOIN events USING (interaction_id)
    ),
    words AS (
        SELECT told, committed, 0 AS steps, is_delta FROM versions
        UNION ALL
        SELECT told, undoing.committed, steps, undoing.is_delta FROM versions JOIN undoing ON root = versions.sha
    ),
    said AS (
        SELECT told, arg_max(steps, (committed, steps)) % 2 = 1 AS is_reverted, bool_or(is_delta) AS is_told
        FROM words GROUP BY told
    )
SELECT
    interaction_id,
    is_reverted,
    change <> last_value(change) OVER of_message
        OR (told, change) <> last_value((told, change)) OVER of_start AS is_amended,
    bool_or(is_disliked) OVER (PARTITION BY told, change) AS is_disliked,
    row_number() OVER (PARTITION BY told, change ORDER BY committed, sha) > 1 AS is_copy,
    is_told OR bool_or(is_delta) OVER (PARTITION BY started_from) AS is_told
FROM versions JOIN said USING (told)
WINDOW
    of_message AS (
        PARTITION BY told ORDER BY committed, is_delta, sha
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    ),
    of_start AS (
        PARTITION BY started_from ORDER BY committed, is_delta, sha
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    )
"""

REWRITTEN = Table(
    "rewritten",
    """interaction_id VARCHAR, is_reverted BOOLEAN, is_amended BOOLEAN, is_disliked BOOLEAN, is_copy BOOLEAN,
    is_told BOOLEAN""",
    "FROM events WHERE list_contains($commit_actions, action)",
    SELECT,
)
"""`is_copy`: a version before it is the same; `is_disliked`: one that is the same was; `is_told`: something of all this
is new."""
