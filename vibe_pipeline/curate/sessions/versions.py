"""Whether one input is a version of another: a correction or a variant of it, and not just what was done next.

Programs are compared by lines, commands and short code by words, and single slips by their letters. Thresholds were
chosen on QuixBugs, MBPP and nl2bash: docs/log.md, "the builders". Not here: which of two inputs is the better one.
"""

from __future__ import annotations

from vibe_pipeline.curate.sessions.literals import DIGITS, SKELETON, is_other_input, is_same_work

SHAPE = rf"""
{{
    'words': list_sort(list_distinct(regexp_extract_all(left(regexp_replace(
        text, '(^|[\s"''=:])(\.{{0,2}}|~)/[^\s"'']*/', '\1', 'g'
    ), 8000), '[\p{{L}}\p{{N}}_]+'))),
    'lines': list_distinct(list_filter(
        list_transform(string_split(left(text, 40000), chr(10)), lambda line: stripped(line)),
        lambda line: length(line) > 5
    )),
    'numberless': regexp_replace(left(text, 400), '([\p{{L}}_])\p{{N}}+', '\1', 'g'),
    'parts': CASE WHEN length(text) < 400 THEN regexp_extract_all(lower(text), '[\p{{L}}\p{{N}}]+|\.\.\.') END,
    'skeleton': {SKELETON}
}}
"""
"""What a version is known by, of a column `text`: its words (of a path the last part: all files of a project have the
rest in common), its lines that say something, its beginning without the numbers of names, and of a short text every
part of its names and paths, in their order; `...` is all packages of Go. Cut, for a text of megabytes costs too much
and tells no more."""

CALL = "TRY_CAST(CASE WHEN input LIKE '{%\"arguments\"%' THEN input END AS JSON)"
"""A tool's call as importers write it; NULL where the input is none."""

TOOL = f"({CALL} ->> '$.name')"
"""The tool that is called; NULL where the input is no call."""

SHELL = r"(?i)(?:^|[\\/])(?:(?:ba|da|fi|k|power|pw|z)?sh(?:ell)?|cmd)(?:\.exe)?$"
RUNS = r"(?i)^[-/]\w*c(?:ommand)?$"
"""`bash -lc`, `cmd /c`, `pwsh -Command`."""

ARGUMENTS = f"({CALL} -> '$.arguments')"


def command(arguments: str) -> str:
    """SQL: what a call has a shell run, of its arguments; NULL where it has none run. As one text or in words, the last
    of which another shell may run. What is done to a path may be called a command too: `create`, `view`."""
    return rf"""list_transform(
    [CASE WHEN NOT json_exists({arguments}, '$.path')
        THEN coalesce(json_extract({arguments}, '$.command'), json_extract({arguments}, '$.cmd')) END],
    lambda command: CASE WHEN json_type(command) = 'ARRAY' THEN list_transform(
        [json_extract_string(command, '$[*]')],
        lambda words: CASE WHEN regexp_matches(words[1], '{SHELL}') AND regexp_matches(words[-2], '{RUNS}')
            THEN words[-1] ELSE array_to_string(words, ' ') END
    )[1] ELSE command ->> '$' END
)[1]"""


TEXT = f"""
list_transform([{CALL}], lambda call: CASE WHEN call ->> '$.name' IS NULL THEN input ELSE coalesce(
    nullif({command("(call -> '$.arguments')")}, ''),
    nullif(array_to_string(json_extract_string(call, '$.arguments.*'), chr(10)), ''), call ->> '$.arguments', ''
) END)[1]
"""
"""What is compared: of a tool's call the command that it runs, else the values of its arguments. Where it runs and for
how long at most, and how it is described, are no lines of a program."""

SLIPPED = 3
"""Words that one slip may touch: a space in the wrong place makes one of two, or two of one."""

READ = 2000
"""Characters of an output's end: there an error proposes what else was meant."""


UNKNOWN = (
    r"(?i)(?:\bno|not|n.t) (?:an?|defined|exists?|find|found|have|known|match(?:ing)?|module|recogni[sz]ed|resolve|rule"
    r"|such|valid)\b|\b(?:bad|illegal|invalid|missing|undefined|unexpected|unknown|unrecogni[sz]ed|did you mean)\b"
    r"|\bunable to (?:find|locate|resolve)\b"
)
"""What an error says of a word that means nothing to it."""
NO_COMMAND = (
    r"(?i)\bcommand(?: \S+)? not found|\bunknown command:|\b(?:sh|env): .*(?:not found|no such)"
    r"|executable file not found|not recognized as"
)
"""What a shell says of one."""


def is_version(before: str, after: str, share: float = 0.6, said: str | None = None) -> str:
    """SQL: whether one row's text is a version of another's; both have `tool`, `text` and `shape`.

    Any of: half of the shorter program's lines, three at least, stand in the other; `share` of the words is the same;
    what differs is a slip (Damerau 1964: one letter in five, or one); one goes on where the other of two words and
    more ends, or begins before it. `test1` and `test2` are two things and no versions.

    In a command (one or two lines, under 400 characters) a word in place of another is another object: that is a
    version where the word was a slip, or where `said`, which the first printed, names all the words that came. Where
    literals alone are others it is another input (literals.py), of two that worked, which said nothing, wherever.
    """
    old, new = f"{before}.shape", f"{after}.shape"
    words = f"len(list_intersect({old}.words, {new}.words))"
    lines = f"len(list_intersect({old}.lines, {new}.lines))"
    gone, come = (f"array_to_string({it}, ' ')" for it in _differing(old, new, "words"))
    lost, found = _differing(old, new, "parts")
    short, long = f"stripped({before}.text)", f"stripped({after}.text)"
    alike = f"""(
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
    )"""
    is_other = is_same_work(before, after) if said is None else is_other_input(before, after, said)
    return rf"""(
        {before}.tool IS NOT DISTINCT FROM {after}.tool
        AND {before}.text <> {after}.text
        AND CASE
            WHEN length({before}.text) <= 400 AND {old}.numberless = {new}.numberless
                THEN {"false" if said is None else _is_numbered(before, after, said)}
            WHEN {is_other} AND {is_program(before, after)} THEN false
            WHEN abs(length({before}.text) - length({after}.text)) <= 1 AND {_is_slip(lost, found)} THEN true
            WHEN NOT {alike} THEN false
            WHEN {is_program(before, after)} THEN true
            WHEN len({lost}) = 0 AND len({new}.parts) >= len({old}.parts) + len({found}) THEN true
            WHEN len({found}) = 0 AND len({old}.parts) >= len({new}.parts) + len({lost}) THEN true
            WHEN 0 IN (len({lost}), len({found})) AND damerau_levenshtein({before}.text, {after}.text) <= 1 THEN true
            ELSE {"false" if said is None else _names(said, found)}
        END
    )"""


OPTION = "^-?[A-Za-z]{1,3}$"
"""What is more often another wish than a slip, where a letter more came."""


def is_sure(before: str, after: str, said: str) -> str:
    """SQL: whether a version is the fix whatever else was done meanwhile: `said` holds what came as it came, or one
    letter slipped, unless in a word with which `said` finds no fault: `get pod` may work as `get pods` does, after a
    login. `tar xzf` may be another wish than `tar xf`, and a `/` at the end is none."""
    old, new = f"{before}.text", f"{after}.text"
    came = f"array_to_string({_came(before, after)}, ' ')"
    lost, _ = _differing(f"{before}.shape", f"{after}.shape", "parts")
    return f"""CASE
        WHEN greatest(length({old}), length({new})) > 400 THEN false
        WHEN {before}.shape.numberless = {after}.shape.numberless THEN true
        WHEN contains(lower({said}), lower({came})) AND length({came}) > 3 THEN true
        WHEN abs(length({old}) - length({new})) > 1 OR {new} = {old} || '/' THEN false
        WHEN length(replace({new}, '-', '')) > length(replace({old}, '-', '')) AND regexp_matches({came}, '{OPTION}')
            AND split_part({new}, ' ', 1) = split_part({old}, ' ', 1) THEN false
        WHEN damerau_levenshtein({old}, {new}) = 1 AND translate({old}, {DIGITS}, '') <> translate({new}, {DIGITS}, '')
            THEN {before}.shape.parts = {after}.shape.parts OR stripped({said}) = ''
                OR {_says(said, UNKNOWN, _names("line", lost))}
        ELSE false
    END"""


def is_program(before: str, after: str) -> str:
    """SQL: whether two texts with `shape` are more than commands, of one or two lines and under 400 characters."""
    old, new = f"{before}.shape", f"{after}.shape"
    return f"({old}.parts IS NULL OR {new}.parts IS NULL OR least(len({old}.lines), len({new}.lines)) > 2)"


def _differing(old: str, new: str, what: str) -> tuple[str, str]:
    """SQL: the words of the first that the second has not, and those of the second that the first has not."""
    return (
        f"list_filter({old}.{what}, lambda word: NOT list_contains({new}.{what}, word))",
        f"list_filter({new}.{what}, lambda word: NOT list_contains({old}.{what}, word))",
    )


def _is_slip(lost: str, found: str) -> str:
    """SQL: one letter more or less, or of three and more another one; a space in the wrong place. Numbers do not slip:
    a port is another port."""
    gone, come = f"array_to_string({lost}, '')", f"array_to_string({found}, '')"
    return f"""CASE WHEN greatest(len({lost}), len({found})) <= {SLIPPED}
        AND (abs(length({gone}) - length({come})) = 1 OR (length({gone}) = length({come}) AND length({gone}) > 2))
        THEN damerau_levenshtein({gone}, {come}) <= 1
            AND ({gone} = {come} OR translate({gone}, {DIGITS}, '') <> translate({come}, {DIGITS}, ''))
        ELSE false END"""


def _is_numbered(before: str, after: str, said: str) -> str:
    """SQL: whether a command that the shell did not find got its number: `python` and `python3`."""
    return f"""list_transform([[{_came(after, before)}, {_came(before, after)}]], lambda it:
        CASE WHEN len(it[1]) = 1 AND len(it[2]) = 1 AND starts_with(it[2][1], it[1][1])
            THEN {_says(said, NO_COMMAND, "contains(line, it[1][1])")} ELSE false END)[1]"""


def _came(before: str, after: str) -> str:
    """SQL: the words of the second text that the first has not, as they stand between spaces."""
    words = f"string_split({before}.text, ' ')"
    return f"list_filter(string_split({after}.text, ' '), lambda word: NOT list_contains({words}, word))"


def _says(said: str, pattern: str, condition: str) -> str:
    """SQL: whether a `line` of what was said matches and fulfils a condition."""
    return f"""len(list_filter(
        string_split({said}, chr(10)), lambda line: regexp_matches(line, '{pattern}') AND {condition}
    )) > 0"""


def _names(said: str, parts: str) -> str:
    return rf"list_has_all(regexp_extract_all(lower({said}), '[\p{{L}}\p{{N}}]+'), {parts})"
