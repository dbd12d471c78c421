"""Whether a run that holds code runs it, or only writes it to a file, quotes it or leaves it out as a comment.

Told by what stands before and after, in whatever language it is. In doubt it was not run: what is lost is a piece of
evidence. Not here: what follows from a run that failed (builders/code_generation.py).
"""

from __future__ import annotations

INTERPRETERS = (
    r"(?:(?:ba|da|k|z|fi|a)?sh|pwsh|powershell|su|node|nodejs|bun|deno|ts-node|python[\d.]*w?|pypy3?|perl|ruby|php|lua|luajit"
    r"|julia|[Rr]script|R|elixir|groovy|scala|osascript|psql|mysql|mariadb|duckdb)"
)
"""What runs the text behind `-c` or `-e`; `grep -e` only looks for it."""
LINE_BEGINS = (
    r"""(?:^|\n)[ \t]*(?:(?:[^\s#/*%"'`-][^\n"'`#]*)?"""
    r"""(?:[;&|({\[=$]|>>>|\b(?:sudo|time|return|await|do|then|else)"""
    rf"""|\b{INTERPRETERS}(?:[ \t][^\n"'`#;&|]*)?[ \t]-\w*[ce]\s*["'])[ \t]*)?$"""
)
LINE_ENDS = r"""^[ \t]*(?:$|[\r\n;&|)\]}"'`#,>]|2>)"""
"""What stands around code that is run: lines of their own, or what joins it to more (`cd x && `, `print(`, `-c "`); not
`echo "`, `-- ` or what makes another expression of it."""

COMMENT = r"""(?:^|\n)[ \t]*/\*(?:[^*]|\*[^/])*$"""
"""Begins before code that stands in a comment, and does not end."""
QUOTES = r"""\"{3}|'{3}"""
"""Of an odd number of them the last is open: the code stands in a text."""

SEARCHED = (
    r"(?:^|[\n;&|(])[ \t]*(?:sudo[ \t]+)?(?:(?:e|f|git[ \t]+)?grep|rg|ag|ack|sed|echo|printf|man|which|apropos)[ \t]"
    r"[^\n;&|(`]*$"
)
"""Before code that a command looks for or says: `echo python -c "`."""
DEAD = r"\b(?:if|while)[ \t]*\(?[ \t]*(?:[Ff]alse|0)[ \t]*[):;]|\bfalse[ \t]*&&|(?:\btrue|:)[ \t]*\|\|"
"""Before code that is never reached. Where that ends is not looked for: in doubt it was not run."""

WRITTEN = (
    r"\bcat\b(?:[^|\n]|\|\|)*<<(?:[^|\n]|\|\|)*\n|\btee\b[^\n]*<<|<<[^\n]*\btee\b|(?:^|\n)%%writefile"
    r"|\b(?:write|write_text)\(|@[\"']\s*\n"
)
"""Before code that goes to a file: here-documents, a notebook's cell, a here-string."""
FILE = r"(?s)^.*(?:>|\btee(?:[ \t]+-a)?|%%writefile)[ \t]*[\"']?(?:[\w.~-]*/)*([\w.-]+)"
"""Its name is the group."""
LOOKS = r"\b(?:chmod|ls|cat|head|tail|wc|echo|git)\b[^\n;&|]*"
"""Commands that name a file and do not run it."""


def is_run_between(before: str, after: str) -> str:
    """SQL: whether code that stands between two texts in a run is run there."""
    file = f"nullif(regexp_extract({before}, {_text(FILE)}, 1), '')"
    runs_file = f"contains(regexp_replace({after}, {_text(LOOKS)}, '', 'g'), {file})"
    return f"""(
        regexp_matches({before}, {_text(LINE_BEGINS)})
        AND regexp_matches({after}, {_text(LINE_ENDS)})
        AND NOT regexp_matches({before}, {_text(COMMENT)})
        AND NOT regexp_matches({before}, {_text(SEARCHED)})
        AND NOT regexp_matches({before}, {_text(DEAD)})
        AND len(regexp_extract_all({before}, {_text(QUOTES)})) % 2 = 0
        AND (NOT regexp_matches({before}, {_text(WRITTEN)}) OR coalesce({runs_file}, false))
    )"""


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
