"""A commit's message, its files and their lines before → its diff: code that was accepted.

Nothing is learned where no line changed that somebody wrote: lock files, what a program made (as its name, its folder
or its first lines say), pictures, a name or a mode alone. A commit that somebody reverted has a `failure`, so that it
is taken back where it was learned before, unless the revert was reverted; a revert itself teaches nothing.

Not here: how a history is read, where a revert becomes a branch of what it reverts (importers/git_history.py): so both
lie in one part of a window, and are held out together.
"""

from __future__ import annotations

CHANGES = r"(?m)^(?:@@|[+-])"
"""A line of a diff that is more than names and modes: git has @@ before them."""
NAMES = r"(?m)^(?:\+\+\+ b|--- a)/([^\t\n]+)"
"""Of the files, where the source does not name one."""

MADE = (
    r"(?i)[._-]lock(?:file)?(?:\.(?:json|ya?ml|hcl|toml))?$|(?:^|/)(?:go\.sum|npm-shrinkwrap\.json|[^/]+\.resolved)$"
    r"|[._-](?:min|bundle|generated|freezed|designer)\.\w+$|_pb2(?:_grpc)?\.pyi?$|\.(?:pb|g)\.\w+$|\.(?:map|svg|snap)$"
    r"|(?:^|/)(?:dist|vendor|node_modules|third_party|bower_components|site-packages|__snapshots__|generated)/"
)
"""Files that programs write or that come from elsewhere: nobody learns to."""

IS_MADE = (
    r"(?im)@@ -[01](?:,\d+)? \+[01](?:,\d+)? @@[^\n]*\n(?:[^\n]*\n){0,9}?[ +-]"
    r"(?:\W*(?:(?:this|the|file|code|source|module|is|was|has been|automatically|auto|machine)[ -]?)*generated"
    r"(?: (?:by|from|with|using|file|code|on)\b|\W*$|[.,:;!])"
    r"|\s*[^\w\s][^\n]*"
    r"(?:@generated\b|\bdo not (?:edit|modify)(?:\W*$|[.,:;!]| (?:this|it|by hand|manually|directly)\b)))"
    r"|[A-Za-z0-9+/]{200}"
)
"""The first ten lines of a file, of which one tells that a program wrote it; or bytes in letters."""

UNDOES = "This reverts commit "
UNDONE = rf"(?m)^{UNDOES}([0-9a-f]{{40,64}})\b"

SELECT = f"""
WITH
    commits AS (
        SELECT
            *,
            extra ->> '$.commit' AS sha,
            CASE WHEN extra ->> '$.path' IS NULL
                THEN list_sort(list_distinct(regexp_extract_all(improvements[-1], '{NAMES}', 1)))
                ELSE [extra ->> '$.path'] END AS files,
            CASE WHEN contains(input, '{UNDOES}') THEN regexp_extract_all(input, '{UNDONE}', 1) ELSE [] END AS undoes
        FROM events WHERE list_contains($commit_actions, action)
    ),
    reverts AS (SELECT DISTINCT sha, is_delta, unnest(undoes) AS undone FROM commits),
    reverted AS (
        SELECT
            it.undone AS sha,
            bool_or(again.sha IS NULL) AS is_reverted,
            bool_or(it.is_delta OR coalesce(again.is_delta, false)) AS is_told
        FROM reverts AS it LEFT JOIN reverts AS again ON again.undone = it.sha
        GROUP BY ALL
    )
SELECT
    conversation_id,
    module,
    concat_ws(chr(10) || chr(10), input, nullif(array_to_string(files, chr(10)), ''), nullif(output, '')) AS prompt,
    prompt AS question,
    improvements[-1] AS completion,
    [interaction_id] AS interaction_ids,
    occurred_at,
    is_delta OR coalesce(is_told, false) AS is_delta,
    tier,
    ['committed'] AS evidence,
    CASE WHEN is_reverted THEN 'reverted' END AS failure
FROM commits LEFT JOIN reverted USING (sha)
WHERE success IS DISTINCT FROM false
    AND undoes = []
    AND regexp_matches(improvements[-1], '{CHANGES}')
    AND (files = [] OR len(list_filter(files, lambda file: NOT regexp_matches(file, '{MADE}'))) > 0)
    AND (len(files) > 1 OR NOT regexp_matches(improvements[-1], '{IS_MADE}'))
"""
