"""What agents' tools did to files, as their calls say: Claude Code, Codex, Gemini CLI and their like.

Told by the names of arguments, which agents have in common, and by the form of Codex's patches, wherever in a call one
stands. A table of each call that may have changed a file: `content` where it wrote the whole, `edits` where it says
exactly which text became which, and neither where it cannot be told. Not here: what follows from it (mending.py).
"""

from __future__ import annotations

from vibe_pipeline.curate.sessions.tables import Table
from vibe_pipeline.curate.sessions.versions import ARGUMENTS, command

IS_CHANGE = (
    r'"(?:old_string|old_str|new_string|new_str|search|replace|content|contents|file_text|new_source|edits)"'
    r"|\*\*\* Begin Patch"
)
"""Of a call's JSON; what has such an argument and changes nothing is a file that is not followed."""

PATHS = ("file_path", "path", "filename", "absolute_path")
CONTENTS = ("content", "file_text", "contents")
OLD, NEW = ("old_string", "old_str", "search"), ("new_string", "new_str", "replace")

DESCRIBED = r',? ?"description": ?"(?:[^"\\]|\\.)*"'
UNDESCRIBED = f"""stripped(
    CASE WHEN contains(input, '"description"') THEN regexp_replace(input, '{DESCRIBED}', '') ELSE input END
)"""
"""What was run, without the words in which a call describes it, which differ from one time to the next."""

PATCH = r"(?s)\*\*\* Begin Patch\r?\n(.*?)\r?\n\*\*\* End Patch"
FILES = r"(?m)^\*\*\* (?:Add|Delete|Update) File: .*$|^\*\*\* Move to:"
UPDATED = r"^\*\*\* Update File: ([^\n]+)"
ADDED = r"^\*\*\* Add File: ([^\n]+)"
HUNK = r"(?m)^@@[^\n]*$"


def first(names: tuple[str, ...], value: str = "arguments") -> str:
    """SQL: the first of these arguments that a call has."""
    several = ", ".join(f"{value} ->> '$.{name}'" for name in names)
    return f"coalesce({several})"


def _lines(marks: str, text: str) -> str:
    """SQL: a hunk's lines with one of these marks, without it."""
    marked = f"list_filter(string_split({text}, chr(10)), lambda line: left(line, 1) IN ({marks}))"
    return f"array_to_string(list_transform({marked}, lambda line: substr(line, 2)), chr(10))"


SELECT = f"""
WITH
    said AS (
        SELECT
            conversation_id, position, turn, interaction_id, is_delta, feedback, {ARGUMENTS} AS arguments,
            CASE WHEN contains(input, '*** Begin Patch') THEN replace(regexp_extract(coalesce(
                {first(("input", "patch"))}, {command("arguments")}, arguments ->> '$'
            ), '{PATCH}', 1), chr(13), '') END AS patch,
            len(regexp_extract_all(patch, '{FILES}')) = 1 AS is_of_one_file
        FROM events
        WHERE list_contains($tool_actions, action) AND success IS DISTINCT FROM false
            AND regexp_matches(input, '{IS_CHANGE}')
    ),
    told AS (
        SELECT
            conversation_id, position, turn, interaction_id, is_delta, feedback,
            CASE
                WHEN patch IS NULL THEN {first(PATHS)}
                WHEN is_of_one_file THEN coalesce(
                    nullif(regexp_extract(patch, '{UPDATED}', 1), ''), nullif(regexp_extract(patch, '{ADDED}', 1), '')
                )
            END AS path,
            CASE
                WHEN patch IS NULL THEN coalesce(
                    {first(CONTENTS)}, CASE WHEN {first(OLD)} = '' THEN {first(NEW)} END
                )
                WHEN regexp_matches(patch, '{ADDED}') THEN {_lines("'+'", "patch")}
            END AS content,
            CASE
                WHEN patch IS NULL AND json_type(arguments, '$.edits') = 'ARRAY' THEN list_transform(
                    json_extract(arguments, '$.edits[*]'),
                    lambda it: {{'old': {first(OLD, "it")}, 'new': {first(NEW, "it")}}}
                )
                WHEN patch IS NULL THEN [{{'old': {first(OLD)}, 'new': {first(NEW)}}}]
                WHEN regexp_matches(patch, '{UPDATED}') THEN list_transform(
                    list_filter(
                        string_split_regex(regexp_replace(patch, '^[^\n]*\n', ''), '{HUNK}'),
                        lambda hunk: stripped(hunk) <> ''
                    ),
                    lambda hunk: {{'old': {_lines("' ', '-'", "hunk")}, 'new': {_lines("' ', '+'", "hunk")}}}
                )
            END AS edits
        FROM said
        WHERE patch IS NOT NULL OR {first(PATHS)} <> '' OR {first((*OLD, *NEW))} IS NOT NULL
    )
SELECT
    conversation_id, position, turn, interaction_id, is_delta, feedback, path,
    regexp_extract(replace(path, chr(92), '/'), '[^/]*$') AS file,
    CASE WHEN path <> '' THEN content END AS content,
    CASE WHEN path <> '' AND content IS NULL AND len(edits) > 0
        AND len(list_filter(edits, lambda it: coalesce(it.old, '') = '' OR it.new IS NULL)) = 0 THEN edits END AS edits
FROM told
"""

CHANGES = Table(
    "changes",
    """conversation_id VARCHAR, position BIGINT, turn INTEGER, interaction_id VARCHAR, is_delta BOOLEAN,
    feedback DOUBLE, path VARCHAR, file VARCHAR, content VARCHAR, edits STRUCT("old" VARCHAR, "new" VARCHAR)[]""",
    f"FROM events WHERE list_contains($tool_actions, action) AND regexp_matches(input, '{IS_CHANGE}')",
    SELECT,
)
"""`file` is the last part of `path`."""
