"""What two texts are compared by, and which later texts are edits of one: macros and SQL for all that reads events.

Not here: what is nearly the same (dedup/).
"""

from __future__ import annotations

MACROS = r"""
CREATE MACRO stripped(words) AS CASE
    WHEN left(words, 1) IN (' ', E'\t', E'\r', E'\n') OR ends_with(words, ' ') OR ends_with(words, E'\t')
        OR ends_with(words, E'\r') OR ends_with(words, E'\n') THEN trim(words, E' \t\r\n')
    ELSE words END;
CREATE MACRO folded(words) AS CASE
    WHEN contains(words, E'\r') OR contains(words, E' \n') OR contains(words, E'\t\n')
        THEN trim(regexp_replace(words, '(?m)[ \t\r]+$', '', 'g'), E' \t\r\n')
    ELSE stripped(words) END;
"""
"""`stripped`: DuckDB trims letter by letter, and looks for the last one from the first. `folded`: without what a form
or an editor does to the ends of lines; where a line begins white space is part of what code says."""

EDITS = """CASE WHEN len({texts}) > 0 THEN list_transform(
    [list_filter({texts}, lambda text: stripped(text) <> '')],
    lambda written: list_filter(
        written,
        lambda text, nth: folded(text)
            IS DISTINCT FROM folded(CASE WHEN nth = 1 THEN {said} ELSE written[nth - 1] END)
    )
)[1] ELSE {texts} END"""
"""SQL: of the `texts` that somebody wrote in place of what was `said` each that says something else than the one
before."""
