"""document: passages of documents, logs and specifications for continued pretraining.

The text is an interaction's output, or its input where that is all there is; log lines that were logged one by one are
joined again. A text is cut at headings into sections, a section that is too long between its blocks (at blank lines),
a block that is too long between its lines; a line is never cut. The passages of a section are of about one size. The
prompt is empty. What was cut at its headings before it was logged (`extra.headings`) begins with their path, in each of
its passages: "Returns None." is about something. `section` names the document and the heading, so that a section is
held out as a whole, an edited one on its old side. Logs and specifications ($log_actions) have a stage of their own.

What was logged in other generations is cut for itself: no passage is taught again because something came after it. So
are lines of another tier, for a passage has one. What was disliked has a `failure`; a line that was disliked later has
it with those that it was joined to, as far as they came in one generation.
"""

from __future__ import annotations

from vibe_pipeline.records import Stage

LIMIT = 2000
"""Characters: some 500 tokens, half of what a recipe reads of an example by default; a longer line stays whole."""
BLOCK = 500
"""Characters of a block that is kept together; with LIMIT − BLOCK aimed at, no passage is longer than LIMIT."""

PATH = 200
"""Characters of a path of headings; of a longer one the last heading is told, if that is no longer."""

FILE = r"(?i)\.(?:md|markdown|rst|txt)$"
"""A document that is called so says nothing of its text; a module's name does."""

HEADING = r"^(?:#{1,6}[ \t]+\S|={1,6}[ \t]+\S)"
"""Markdown's and AsciiDoc's."""
UNDERLINE = r"^(?:={3,}|-{3,}|~{3,}|\*{3,}|\^{3,})[ \t]*$"
"""Of a title, in Markdown and reStructuredText."""
OVERLINE = r"^(?:={3,}|-{3,}|#{3,}|\*{3,}|\^{3,}|\+{3,})[ \t]*$"
"""Of a title that has the same line below it (reStructuredText)."""
FENCE = r"^[ \t]{0,3}(?:`{3,}[^`]*$|~~~)"
"""Between two of them a `#` begins a comment and no section."""


def _covers(rule: str, title: str) -> str:
    """SQL: whether a line of signs is as long as a title, which a `~~~` below a text has to be to be no fence."""
    return f"length(rtrim({rule})) >= length(rtrim({title}))"


SELECT = f"""
WITH
    told AS (
        SELECT
            * EXCLUDE (input, output),
            row_number() OVER () AS number,
            coalesce(feedback < 0, false) AS is_disliked,
            nullif(stripped(input), '') AS given,
            stripped(output) <> '' AS has_output,
            trim(replace(CASE WHEN has_output THEN output ELSE input END, chr(13) || chr(10), chr(10)), chr(10))
                AS text,
            list_contains($log_actions, action) AS is_log
        FROM events
        WHERE (list_contains($document_actions, action) OR is_log) AND success IS DISTINCT FROM false
    ),
    named AS (
        SELECT
            * EXCLUDE (given, has_output),
            is_log AND NOT contains(text, chr(10)) AS is_line,
            CASE WHEN has_output AND NOT is_line THEN given END AS name,
            extra ->> '$.document' AS document,
            CASE WHEN json_type(extra, '$.headings') = 'ARRAY' THEN extra ->> '$.headings[*]' END AS headings
        FROM told
    ),
    titled AS (
        SELECT
            *,
            concat_ws(chr(0), module, coalesce(document, CASE WHEN name IS NULL THEN conversation_id ELSE '' END), name)
                AS title,
            CASE
                WHEN starts_with(name, document) AND NOT regexp_matches(document, '{FILE}') THEN name
                ELSE array_to_string(headings, ' > ')
            END AS path
        FROM named
    ),
    headed AS (
        SELECT
            *,
            nullif(CASE WHEN headings IS NULL THEN '' WHEN length(path) <= {PATH} THEN path
                WHEN length(headings[-1]) <= {PATH} THEN headings[-1] END, '') AS above
        FROM titled
    ),
    texts AS (
        SELECT
            *,
            {LIMIT} - coalesce(length(above) + 2, 0) AS room,
            is_line OR (
                length(text) <= room AND NOT regexp_matches(text, '(?m){HEADING}|{UNDERLINE}|{OVERLINE}')
            ) AS is_whole
        FROM headed
    ),
    readings AS (
        SELECT
            *,
            min(number) OVER (
                PARTITION BY
                    title, CASE WHEN is_line THEN conversation_id ELSE interaction_id END,
                    is_delta AND NOT is_disliked, tier
            ) AS reading
        FROM texts
    ),
    lines AS (
        SELECT
            reading,
            number,
            position,
            room,
            is_whole,
            unnest(split) AS line,
            unnest((['', ''] || split)[:len(split)]) AS line_before_last,
            unnest(([''] || split)[:len(split)]) AS last_line,
            unnest(split[2:]) AS next_line,
            unnest(split[3:]) AS line_after_next,
            generate_subscripts(split, 1) AS nth
        FROM (SELECT *, CASE WHEN is_whole THEN [text] ELSE string_split(text, chr(10)) END AS split FROM readings)
    ),
    seen AS (
        SELECT
            * EXCLUDE (line_before_last, last_line, next_line, line_after_next),
            stripped(last_line) = '' AS is_first,
            CASE
                WHEN is_whole OR NOT regexp_matches(line, '{FENCE}') THEN false
                WHEN NOT regexp_matches(line, '{UNDERLINE}') OR is_first OR stripped(line_before_last) <> '' THEN true
                ELSE regexp_matches(last_line, '{FENCE}') OR NOT {_covers("line", "last_line")}
            END AS is_fence,
            CASE WHEN NOT is_whole AND regexp_matches(next_line, '{UNDERLINE}')
                THEN NOT starts_with(next_line, '~') OR {_covers("next_line", "line")} ELSE false END AS is_underlined,
            CASE WHEN line = line_after_next AND NOT is_whole AND regexp_matches(line, '{OVERLINE}')
                    AND stripped(next_line) <> '' AND {_covers("line", "next_line")}
                THEN stripped(next_line) END AS overlined,
            length(line) + 1 AS size
        FROM lines
    ),
    marked AS (
        SELECT
            *,
            count(*) FILTER (is_fence) OVER so_far % 2 = 1 AS is_fenced,
            NOT is_fenced AND NOT is_whole AND stripped(line) <> '' AND (
                regexp_matches(line, '{HEADING}') OR (is_first AND (is_underlined OR overlined IS NOT NULL))
            ) AS is_heading,
            is_whole OR is_heading OR (is_first AND NOT is_fenced) AS is_begun,
            sum(size) OVER so_far AS line_end
        FROM seen
        WINDOW so_far AS (PARTITION BY reading ORDER BY position, nth ROWS UNBOUNDED PRECEDING)
    ),
    parted AS (
        SELECT *, count(*) FILTER (is_heading) OVER so_far AS part, count(*) FILTER (is_begun) OVER so_far AS block
        FROM marked
        WINDOW so_far AS (PARTITION BY reading ORDER BY position, nth ROWS UNBOUNDED PRECEDING)
    ),
    measured AS (
        SELECT
            *,
            sum(size) OVER of_part AS part_size,
            min(line_end - size) OVER of_part AS part_start,
            CASE WHEN part > 0 THEN arg_min(coalesce(overlined, stripped(line)), line_end) OVER of_part END AS heading,
            sum(size) OVER of_block AS block_size,
            min(line_end - size) OVER of_block AS block_start
        FROM parted
        WINDOW of_part AS (PARTITION BY reading, part), of_block AS (PARTITION BY reading, part, block)
    ),
    placed AS (
        SELECT
            *,
            CASE WHEN block_size <= {BLOCK} THEN block_start + block_size / 2 ELSE line_end - size / 2 END - part_start
                AS middle,
            CASE WHEN part_size <= room THEN 1 ELSE ceil(part_size / (room - {BLOCK})) END AS passages
        FROM measured
    ),
    passages AS (
        SELECT
            reading,
            part,
            least(floor(middle / part_size * passages), passages - 1) AS passage,
            any_value(heading) AS heading,
            string_agg(line, chr(10) ORDER BY position, nth) AS passage_text,
            CASE WHEN bool_and(is_whole) THEN list(number ORDER BY position) ELSE [min(number)] END AS numbers
        FROM placed
        GROUP BY ALL
        HAVING stripped(passage_text) <> ''
    )
SELECT
    conversation_id,
    any_value(module) AS module,
    '' AS prompt,
    '' AS question,
    any_value(CASE
        WHEN trim(split_part(words, chr(10), 1), '#= ') IN (above, split_part(above, ' > ', -1)) THEN words
        ELSE concat_ws(chr(10) || chr(10), above, words)
    END) AS completion,
    list(interaction_id ORDER BY position) AS interaction_ids,
    max(occurred_at) AS occurred_at,
    is_delta,
    any_value(tier) AS tier,
    CASE WHEN bool_or(is_log) THEN '{Stage.LOGS_SPECS}' END AS stage,
    sha256(concat_ws(chr(0), any_value(title), any_value(heading))) AS section,
    []::VARCHAR[] AS evidence,
    CASE WHEN bool_or(is_disliked) THEN 'disliked' END AS failure
FROM (
    SELECT reading, part, passage, heading, rtrim(trim(passage_text, chr(10))) AS words, unnest(numbers) AS number
    FROM passages
) JOIN readings USING (reading, number)
GROUP BY reading, part, passage, conversation_id, is_delta
"""
