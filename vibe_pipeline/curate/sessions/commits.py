"""A commit's message, its files and their lines before → its diff: code that was accepted.

Nothing is learned where no line changed that somebody wrote: lock files, what a program made (as its name, its folder
or its first lines say), pictures, a name or a mode alone. A commit that somebody reverted has a `failure`, so that it
is taken back where it was learned before; so has one that was disliked, amended or corrected. A revert itself teaches
nothing. Of a commit and its copies, as a rebase makes them, the first stands for all.

Not here: what became of a commit later (rewriting.py), and how a history is read, where a revert becomes a branch of
what it reverts (importers/git_history.py): so both lie in one part of a window, and are held out together.
"""

from __future__ import annotations

from vibe_pipeline.curate.sessions.rewriting import FILES, UNDONE

CHANGES = r"(?m)^(?:@@|[+-])"
"""A line of a diff that is more than names and modes: git has @@ before them."""

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

SELECT = f"""
SELECT
    conversation_id,
    module,
    concat_ws(chr(10) || chr(10), input, nullif(array_to_string(files, chr(10)), ''), nullif(output, '')) AS prompt,
    prompt AS question,
    diff AS completion,
    [interaction_id] AS interaction_ids,
    occurred_at,
    is_delta OR coalesce(is_told, false) AS is_delta,
    tier,
    ['committed'] AS evidence,
    CASE
        WHEN is_reverted THEN 'reverted'
        WHEN is_amended THEN 'amended'
        WHEN version < len(improvements) THEN 'corrected'
        WHEN version = 1 AND (feedback < 0 OR is_disliked) THEN 'disliked'
    END AS failure
FROM (
    SELECT
        *,
        {FILES} AS files,
        unnest(improvements) AS diff,
        generate_subscripts(improvements, 1) AS version
    FROM events
    WHERE list_contains($commit_actions, action) AND success IS DISTINCT FROM false
        AND NOT regexp_matches(input, '{UNDONE}')
)
LEFT JOIN rewritten USING (interaction_id)
WHERE regexp_matches(diff, '{CHANGES}')
    AND (failure IS NOT NULL OR is_copy IS DISTINCT FROM true)
    AND (files = [] OR len(list_filter(files, lambda file: NOT regexp_matches(file, '{MADE}'))) > 0)
    AND (len(files) > 1 OR NOT regexp_matches(diff, '{IS_MADE}'))
"""
