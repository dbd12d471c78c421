"""optimization: original → a variant that does the same faster or in fewer words.

Either somebody says so (an action of $optimize_actions that succeeded: input → output), or two successful runs of a
conversation and module show it: the later is a version of the earlier (versions.py), printed the same, and took
clearly less time or is clearly shorter. What prints nothing of substance shows nothing; whoever only leaves something
out, takes less of it or says less (evasions.py) does less, whatever is printed; with another flag, a comment or other
names it was found in a cache. `failure` says whether the variant was disliked. Not here: measuring variants
(synthesize).
"""

from __future__ import annotations

from vibe_pipeline.curate.sessions.evasions import PLAIN, is_cut, is_less, is_more
from vibe_pipeline.curate.sessions.versions import SHAPE, TEXT, TOOL, is_version

ELSEWHERE = (
    r"(?i)\b(?:https?|ftp|ssh|wss?)://|\b(?:curl|wget|ssh|scp|ping|dig)\s|\bgit (?:clone|fetch|pull|push|ls-remote)\b"
    r"|\b(?:pip3?|npm|yarn|pnpm|apt|apt-get|brew|docker|cargo|go) (?:install|ci|add|update|pull|get)\b"
    r"|(?m:^|[;&|])\s*(?:(?:npx|poetry run|sudo|time|uv run)\s+)*(?:\./)?(?:bazel|bundle|cargo|cmake|docker|dotnet"
    r"|eslint|g?make|go|gradlew?|mvnw?|mypy|ninja|npm|pnpm|ruff|sbt|scons|terraform|tsc|turbo|vite|webpack|yarn)\s"
)
"""Whose time is the network's and the other side's, or that of what an earlier run had built and kept: it says nothing
of what was changed, which must be shorter."""

FASTER = 1.5
"""Of two runs of the same program one often takes a third longer than the other: start-up, caches, other work."""
SAVED_MS = 1.0
"""Less is what a clock and a call cost."""
SHORTER = 0.8
"""Of the characters that are no white space, so that formatting is none."""
SHARE = 0.4
"""Of the words that two variants have in common: less than of a correction, for they print the same."""
BEFORE = 5
"""Earlier runs with the same output that are looked at: variants are tried one after the other."""

OUTCOMES = (
    "0", "all", "build", "checks", "complete", "completed", "done", "error", "errors", "exit", "fail", "failed",
    "false", "finished", "found", "no", "none", "null", "ok", "okay", "pass", "passed", "passing", "row", "rows",
    "success", "successful", "successfully", "succeeded", "test", "tests", "true", "warning", "warnings", "yes",
)  # fmt: skip
"""Words that say that something ended, whatever it was; and zero, which is what is left when nothing is."""
SUBSTANCE = rf"""list_transform(
    [list_distinct(list_filter(
        regexp_extract_all(lower(left(later.output, 4000)), '[\p{{L}}\p{{N}}_]+'), lambda word: word NOT IN {OUTCOMES}
    ))],
    lambda words: len(words) >= 2 OR length(words[1]) >= 8
)[1]"""
"""That two programs print it is no accident: two words, or a long one. Small numbers are the same by
chance, and `ok` says nothing of what was done."""

SIZE = r"length(regexp_replace({}.text, '\s+', '', 'g'))"

SELECT = f"""
WITH
    told AS (
        SELECT
            conversation_id, module, input AS prompt, output AS completion, [interaction_id] AS interaction_ids,
            occurred_at, is_delta, tier, ['success'] AS evidence, feedback
        FROM events
        WHERE list_contains($optimize_actions, action) AND success AND stripped(input) <> stripped(output)
    ),
    runs AS (
        SELECT
            *,
            {TOOL} AS tool,
            {TEXT} AS text,
            row_number() OVER (PARTITION BY conversation_id, module, sha256(stripped(output)) ORDER BY position) AS nth,
            sha256(stripped(output)) AS said
        FROM events
        WHERE list_contains($run_actions, action) AND success AND stripped(output) <> ''
    ),
    alike AS (
        SELECT *, {SHAPE} AS shape, {PLAIN} AS plain FROM runs
        WHERE (conversation_id, module, said) IN (SELECT (conversation_id, module, said) FROM runs WHERE nth = 2)
    ),
    later AS (SELECT *, unnest(range(greatest(nth - {BEFORE}, 1), nth)) AS nearby FROM alike WHERE nth > 1),
    judged AS (
        SELECT
            earlier, later,
            earlier.latency_ms >= {FASTER} * later.latency_ms AND earlier.latency_ms - later.latency_ms >= {SAVED_MS}
                AND NOT regexp_matches(left(earlier.text, 40000), '{ELSEWHERE}')
                AND NOT {is_more("earlier", "later")} AS is_faster,
            {SIZE.format("later")} <= {SHORTER} * {SIZE.format("earlier")}
                AND coalesce({FASTER} * earlier.latency_ms >= later.latency_ms, true) AS is_shorter
        FROM later JOIN alike AS earlier
            ON earlier.conversation_id = later.conversation_id AND earlier.module = later.module
            AND earlier.said = later.said AND earlier.nth = later.nearby
        WHERE CASE WHEN {is_version("earlier", "later", SHARE)}
            THEN {SUBSTANCE} AND NOT {is_less("earlier", "later")} AND NOT {is_cut("earlier", "later")} END
    ),
    found AS (
        SELECT
            later.conversation_id, later.module, earlier.input AS prompt, later.input AS completion,
            [earlier.interaction_id, later.interaction_id] AS interaction_ids, later.occurred_at,
            earlier.is_delta OR later.is_delta AS is_delta, later.tier, later.feedback,
            list_filter(
                [CASE WHEN is_faster THEN 'faster' END, CASE WHEN is_shorter THEN 'shorter' END],
                lambda why: why IS NOT NULL
            ) AS evidence
        FROM judged
        WHERE is_faster OR is_shorter
        QUALIFY row_number() OVER (PARTITION BY later.interaction_id ORDER BY earlier.position DESC) = 1
    )
SELECT
    * EXCLUDE (feedback),
    prompt AS question,
    CASE WHEN feedback < 0 THEN 'disliked' END AS failure
FROM (FROM told UNION ALL BY NAME FROM found)
"""
