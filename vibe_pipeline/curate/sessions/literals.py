"""Whether one program is another on other input: the same but for its strings and numbers.

`report('march.csv')` fails and `report('april.csv')` works: that is the next wish and no fix, whatever the two have in
common. What stands in a definition is no input, for who calls it again wants the same: there another number mends.
Not here: whether two programs are versions at all (versions.py).
"""

from __future__ import annotations

STRING = r"\x22(?:[^\x22\\\n]|\\.)*\x22|\x27(?:[^\x27\\\n]|\\.)*\x27"
LITERAL = rf"{STRING}|-?\p{{N}}[\p{{N}}_.]*"
"""A string that ends in its line, or a number, be it a part of a name: `orders_2024`."""

CUT = 16_000
SKELETON = rf"""
CASE WHEN length(text) <= {CUT} AND contains(text, chr(10)) THEN hash(regexp_replace(
    translate(text, ',:()[]{{}}', ''), '{LITERAL}|\s#[^\n]*|\s', '', 'g'
)) END
"""
"""Of a column `text` that may be a program: the names and operators in their order. Literals go with what holds them
together, for a list is another input whatever its length."""
FORMAT = rf"\b[fF][rR]?(?:{STRING})"
"""Holds code."""

DEFINITION = (
    r"(?m:^)(?:(?:\w+[ \t]+)*(?:class|def|fn|func|function)\b[^\n]*|[^\s][^\n]*\)[^\n,;(]*\{[ \t]*)"
    r"(?:\n(?:[ \t]+[^\n]*)?)*"
)
"""With what is indented below: a line that says so, or opens a brace behind what it takes."""
MAIN = r"^[^\n(]*\bmain\b"
"""Is called once, by nobody who could give it anything: what it holds are inputs."""

KNOBS = r"(?i)\b\w*(?:batch|buffer|chunk|cpu|job|parallel|process|thread|worker)\w*[\x22\x27]?\s*[:=]\s*\p{N}[\p{N}_]*"
"""How much is done at a time, whatever is done."""

WORD = r"[\p{L}\p{N}]+"
DIGITS = "'0123456789'"


def is_other_input(before: str, after: str, said: str) -> str:
    """SQL: whether the second row's program is the first's, but that literals outside of definitions are others. Both
    have `text` and `shape`; `said` is what the first printed.

    Not where each of them is a slip, or is named by what was said as it came; or where what was said names what went,
    and the new holds it (`'data/prices.csv'`) or it the new. One literal more or less is another way to call.
    """
    return f"""CASE WHEN {before}.shape.skeleton = {after}.shape.skeleton THEN list_transform(
        [[{_all(before, LITERAL)}, {_all(after, LITERAL)}]],
        lambda it: CASE
            WHEN {_definitions(before)} <> {_definitions(after)} THEN false
            WHEN {_all(before, FORMAT)} <> {_all(after, FORMAT)} THEN false
            WHEN abs(len(it[1]) - len(it[2])) = 1 THEN NOT ({_has_one_more("it[1]", "it[2]")})
            WHEN len(it[1]) <> len(it[2]) THEN true
            ELSE len(list_filter(list_zip(it[1], it[2]), lambda pair:
                pair[1] <> pair[2] AND NOT {_is_mended("pair[1]", "pair[2]", said)})) > 0
        END
    )[1] ELSE false END"""


def is_same_work(before: str, after: str) -> str:
    """SQL: whether the second row's program is the first's but for literals, wherever they stand, and not for how much
    is done at a time. Which took less time says nothing of the two then."""
    return f"""CASE WHEN {before}.shape.skeleton = {after}.shape.skeleton
        THEN regexp_replace({before}.text, '{KNOBS}', '', 'g') <> regexp_replace({after}.text, '{KNOBS}', '', 'g')
        ELSE false END"""


def _is_mended(old: str, new: str, said: str) -> str:
    """SQL: whether one literal in place of another is a slip, or what was said asked for it."""
    bare, other = (f"trim({it}, chr(34) || chr(39))" for it in (old, new))
    return f"""CASE
        WHEN translate({old}, {DIGITS}, '') = translate({new}, {DIGITS}, '') THEN false
        WHEN lower({old}) = lower({new}) THEN true
        WHEN length({bare}) BETWEEN 3 AND 200 AND abs(length({old}) - length({new})) <= 1
            AND damerau_levenshtein({old}, {new}) = 1 THEN true
        WHEN list_has_all(list_concat({_words(said)}, {_words(old)}), {_words(new)})
            AND NOT list_has_all({_words(old)}, {_words(new)}) THEN true
        ELSE contains({said}, {bare}) AND least(length({bare}), length({other})) > 2
            AND (contains({new}, {bare}) OR contains({old}, {other}))
    END"""


def _has_one_more(one: str, other: str) -> str:
    """SQL: whether one of two lists is the other and one item more."""
    same = (
        f"list_position(list_transform(list_zip({one}, {other}), lambda pair: pair[1] IS DISTINCT FROM pair[2]), true)"
    )
    return f"list_transform([{same}], lambda n: {one}[n:] = {other}[n + 1:] OR {one}[n + 1:] = {other}[n:])[1]"


def _definitions(row: str) -> str:
    return f"list_filter({_all(row, DEFINITION)}, lambda found: NOT regexp_matches(found, '{MAIN}'))"


def _all(row: str, pattern: str) -> str:
    return f"regexp_extract_all({row}.text, '{pattern}')"


def _words(text: str) -> str:
    return f"regexp_extract_all(lower({text}), '{WORD}')"
