r"""document: passages of documents, logs and specifications for continued pretraining.

The text is an interaction's output, or its input where that is all there is; log lines that were logged one by one are
joined again. A text is cut at headings into sections, a section that is too long between its blocks (at blank lines),
a block that is too long between its lines; a line is never cut. The passages of a section are of about one size. The
prompt is empty. `section` names the document and the heading, so that a section is held out as a whole, an edited one
on its old side. Logs and specifications ($log_actions) have a stage of their own.

What was logged in other generations is cut for itself: no passage is taught again because something came after it.
"""

from __future__ import annotations

from vibe_pipeline.records import Stage

LIMIT = 2000
"""Characters: some 500 tokens, half of what a recipe reads of an example by default; a longer line stays whole."""
BLOCK = 500
"""Characters of a block that is kept together; with LIMIT − BLOCK aimed at, no passage is longer than LIMIT."""

HEADING = r"^(?:#{1,6}[ \t]+\S|={1,6}[ \t]+\S)"
"""Markdown's and AsciiDoc's."""
UNDERLINE = r"^(?:={3,}|-{3,}|~{3,}|\*{3,}|\^{3,})[ \t]*$"
"""Of a title, in Markdown and reStructuredText."""
FENCE = r"^[ \t]{0,3}(?:```|~~~)"
"""Between two of them a `#` begins a comment and no section."""

SELECT = f"""
WITH
    texts AS (
        SELECT
            *,
            replace(CASE WHEN stripped(output) <> '' THEN output ELSE input END, chr(13) || chr(10), chr(10)) AS text,
            list_contains($log_actions, action) AS is_log,
            is_log AND NOT contains(stripped(text), chr(10)) AS is_line,
            CASE WHEN is_line THEN conversation_id || chr(0) || module ELSE interaction_id END AS document,
            concat_ws(
                chr(0),
                module,
                coalesce(extra ->> '$.document', CASE WHEN stripped(output) = '' OR is_line THEN conversation_id
                    ELSE coalesce(nullif(stripped(input), ''), conversation_id) END),
                CASE WHEN NOT is_line AND stripped(output) <> '' THEN stripped(input) END
            ) AS title
        FROM events
        WHERE (list_contains($document_actions, action) OR is_log) AND success IS DISTINCT FROM false
    ),
    lines AS (
        SELECT
            * EXCLUDE (text, input, output, extra, improvements, learnings, comments),
            unnest(string_split(CASE WHEN is_line THEN stripped(text) ELSE text END, chr(10))) AS line,
            generate_subscripts(string_split(CASE WHEN is_line THEN stripped(text) ELSE text END, chr(10)), 1) AS nth
        FROM texts
    ),
    seen AS (
        SELECT
            *,
            count(*) FILTER (regexp_matches(line, '{FENCE}')) OVER so_far % 2 = 1 AS is_fenced,
            lag(stripped(line), 1, '') OVER reading = '' AS is_first,
            coalesce(regexp_matches(lead(line) OVER reading, '{UNDERLINE}'), false) AS is_underlined
        FROM lines
        WINDOW
            reading AS (PARTITION BY document, is_delta ORDER BY position, nth),
            so_far AS (reading ROWS UNBOUNDED PRECEDING)
    ),
    marked AS (
        SELECT
            *,
            NOT is_fenced AND NOT is_line AND stripped(line) <> ''
                AND (regexp_matches(line, '{HEADING}') OR (is_first AND is_underlined)) AS is_heading
        FROM seen
    ),
    parted AS (
        SELECT
            *,
            count(*) FILTER (is_heading) OVER so_far AS part,
            count(*) FILTER (is_heading OR (is_first AND NOT is_fenced)) OVER so_far AS block
        FROM marked
        WINDOW so_far AS (PARTITION BY document, is_delta ORDER BY position, nth ROWS UNBOUNDED PRECEDING)
    ),
    measured AS (
        SELECT
            *,
            sum(length(line) + 1) OVER (PARTITION BY document, is_delta, part) AS size,
            sum(length(line) + 1) OVER (PARTITION BY document, is_delta, block) AS block_size,
            sum(length(line) + 1) OVER so_far AS line_end,
            first_value(stripped(line)) OVER so_far AS heading
        FROM parted
        WINDOW so_far AS (PARTITION BY document, is_delta, part ORDER BY position, nth ROWS UNBOUNDED PRECEDING)
    ),
    placed AS (
        SELECT
            *,
            CASE WHEN block_size <= {BLOCK} THEN max(line_end) OVER (PARTITION BY document, is_delta, part, block)
                - block_size / 2 ELSE line_end - (length(line) + 1) / 2 END AS middle,
            CASE WHEN size <= {LIMIT} THEN size ELSE size / ceil(size / ({LIMIT} - {BLOCK})) END AS target
        FROM measured
    )
SELECT
    conversation_id,
    module,
    '' AS prompt,
    '' AS question,
    string_agg(line, chr(10) ORDER BY position, nth).trim(chr(10)).rtrim() AS completion,
    NULL::VARCHAR AS rejected,
    CASE WHEN is_line THEN list(interaction_id ORDER BY position) ELSE [any_value(interaction_id)] END AS interaction_ids,
    max(occurred_at) AS occurred_at,
    is_delta,
    NULL::VARCHAR AS fact,
    any_value(tier) AS tier,
    CASE WHEN is_log THEN '{Stage.LOGS_SPECS}' END AS stage,
    sha256(concat_ws(chr(0), title, CASE WHEN part > 0 THEN any_value(heading) END)) AS section,
    []::VARCHAR[] AS evidence
FROM placed
GROUP BY document, is_delta, part, least(floor(middle / target), 1e6)::INTEGER, conversation_id, module,
    is_log, is_line, title
HAVING stripped(string_agg(line, '')) <> ''
"""
