"""Whether one input is a version of another: a correction or a variant of it, and not just what was done next.

Programs are compared by lines, commands and short code by words, and single slips by their letters. Thresholds were
chosen on QuixBugs, MBPP and nl2bash: docs/log.md, "the builders". Not here: which of two inputs is the better one.
"""

from __future__ import annotations

SHAPE = r"""
{
    'words': list_sort(list_distinct(regexp_extract_all(left(regexp_replace(
        text, '(^|[\s"''=:])(\.{0,2}|~)/[^\s"'']*/', '\1', 'g'
    ), 8000), '[\p{L}\p{N}_]+'))),
    'lines': list_distinct(list_filter(
        list_transform(string_split(left(text, 40000), chr(10)), lambda line: stripped(line)),
        lambda line: length(line) > 5
    )),
    'numberless': regexp_replace(left(text, 400), '([\p{L}_])\p{N}+', '\1', 'g')
}
"""
"""What a version is known by, of a column `text`: its words (of a path the last part: all files of a project have the
rest in common), its lines that say something, and its beginning without the numbers of names. Cut, for a text of
megabytes costs too much and tells no more."""

CALL = "TRY_CAST(CASE WHEN input LIKE '{%\"arguments\"%' THEN input END AS JSON)"
"""A tool's call as importers write it; NULL where the input is none."""

TOOL = f"({CALL} ->> '$.name')"
"""The tool that is called; NULL where the input is no call."""

TEXT = f"""
CASE WHEN {TOOL} IS NULL THEN input ELSE coalesce(
    nullif(array_to_string(json_extract_string({CALL}, '$.arguments.*'), chr(10)), ''), {CALL} ->> '$.arguments', ''
) END
"""
"""What is compared: of a tool's call the values of its arguments."""

SLIPPED = 3
"""Words that one slip may touch: a space in the wrong place makes one of two, or two of one."""


def is_version(before: str, after: str, share: float = 0.6) -> str:
    """SQL: whether one row's text is a version of another's; both have `tool`, `text` and `shape`.

    Any of: half of the shorter program's lines, three at least, stand in the other; `share` of the words is the same;
    what differs is a slip (Damerau 1964: one letter in five, or one); one goes on where the other of two words and
    more ends, or begins before it. `test1` and `test2` are two things and no versions.
    """
    old, new = f"{before}.shape", f"{after}.shape"
    words = f"len(list_intersect({old}.words, {new}.words))"
    lines = f"len(list_intersect({old}.lines, {new}.lines))"
    gone, come = (
        f"array_to_string(list_filter({one}.words, lambda word: NOT list_contains({other}.words, word)), ' ')"
        for one, other in ((old, new), (new, old))
    )
    short, long = f"stripped({before}.text)", f"stripped({after}.text)"
    return f"""(
        {before}.tool IS NOT DISTINCT FROM {after}.tool
        AND {before}.text <> {after}.text
        AND (length({before}.text) > 400 OR {old}.numberless <> {new}.numberless)
        AND (
            ({lines} >= 3 AND {lines} >= 0.5 * least(len({old}.lines), len({new}.lines))
                AND {words} >= 0.75 * least(len({old}.words), len({new}.words)))
            OR {words} >= (len({old}.words) + len({new}.words) - {words})
                * CASE WHEN least(len({old}.lines), len({new}.lines)) > 2 THEN {(1 + share) / 2} ELSE {share} END
            OR CASE WHEN greatest(len({old}.words), len({new}.words)) - {words} <= {SLIPPED}
                AND length({before}.text) < 400 AND length({after}.text) < 400
                THEN damerau_levenshtein({gone}, {come}) <= greatest(1, length({gone}) // 5) ELSE false END
            OR CASE WHEN {words} > 1 AND {words} = len({old}.words)
                THEN starts_with({long}, {short} || ' ') OR ends_with({long}, ' ' || {short})
                    OR starts_with({long}, {short} || chr(10)) OR ends_with({long}, chr(10) || {short})
                ELSE false END
        )
    )"""
