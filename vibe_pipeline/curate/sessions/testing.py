"""Runs of tests: what each is told to run, how many passed, and which failed by name.

Told by the runners' names, or by the word `test` of programs that do more, and by the last lines that runners print.
A command that says something else is none; in doubt nothing passed. Quotes in patterns are code points, for SQL.
Not here: what hides a failure (evasions.py), what follows from a run (mending.py, files.py).
"""

from __future__ import annotations

LAUNCHED = (
    r"(?:\w+=\S*[ \t]+)*(?:(?:sudo|time|npx|bunx|(?:hatch|pdm|pipenv|poetry|rye|uv)[ \t]+run|bundle[ \t]+exec"
    r"|(?:npm|pnpm|yarn)[ \t]+exec|python[\d.]*(?:[ \t]+-m)?)[ \t]+)*(?:[\w.~/-]*/)?"
)
RUNNERS = (
    r"(?:ava|ctest|jest|mocha|nose2|phpunit|playwright[ \t]+test|py\.?test|rspec|unittest|vitest(?:[ \t]+run)?"
    r"|(?:bazel|bun|cargo|dart|deno|dotnet|flutter|go|(?:\./)?gradlew?|make|mix|mvnw?|npm|pnpm|rails|rake|sbt|swift|yarn"
    r"|zig)(?:[ \t]+(?:nextest|run))?[ \t]+tests?)"
)
TESTS = f"{LAUNCHED}{RUNNERS}"
RUNNER = rf"^{TESTS}(?:[ \t]|$)"

READ = 4000
"""Characters of an output's end: there a runner says how it went."""
PASSED = r"(?i)\b\d+ (?:tests? )?pass(?:ed|ing)?\b|\bpass(?:ed)?:? +\d+|\bran \d+ tests?\b"
FAILED = r"(?i)\b\d+ (?:tests? )?(?:fail(?:ed|ing|ures?)?|errors?)\b|\b(?:failed|failures|errors|fail):? +\d+"
NAMED = r"(?m)^(?:FAILED|ERROR) (\S+\.\w+(?:::\S+)?)"
"""A test that failed or could not be read, as pytest names it."""

PARTS = ("/", "::", "[")
"""Behind a folder, a file and a test there may stand a part of it."""


def runner(command: str) -> str:
    """SQL: what runs the tests, of a single command without its flags; '' where it runs none."""
    return f"stripped(regexp_extract({command}, '{RUNNER}'))"


def named(command: str, runner: str) -> str:
    """SQL: which tests it is told to run, by folders, files and names; [] where it runs all."""
    words = f"regexp_extract_all(substr({command}, length({runner}) + 1), '[^\\s\\x22\\x27]+')"
    plain = f"list_transform({words}, lambda word: regexp_replace(word, '^(?:\\./)+|/+(?:\\.\\.\\.)?$', '', 'g'))"
    return f"list_filter({plain}, lambda word: word NOT IN ('', '.', '...'))"


def passed(output: str) -> str:
    """SQL: how many passed, 0 where the output does not say so. Runners that count files too have fewer of them."""
    return _largest(output, PASSED)


def failed(output: str) -> str:
    """SQL: how many failed, 0 where the output does not say so."""
    return _largest(output, FAILED)


def failing(output: str) -> str:
    """SQL: the names of those that failed."""
    return f"list_distinct(regexp_extract_all(right({output}, {READ}), '{NAMED}', 1))"


def are_held(parts: str, wholes: str) -> str:
    """SQL: whether each test of the first list is one of the second, or a part of one; [] are all that there are."""
    is_part = " OR ".join(f"starts_with(part, whole || '{mark}')" for mark in PARTS)
    return f"""(len({wholes}) = 0 OR len({parts}) > 0 AND len(list_filter({parts}, lambda part:
        len(list_filter({wholes}, lambda whole: part = whole OR {is_part})) = 0
    )) = 0)"""


def _largest(output: str, pattern: str) -> str:
    counts = f"regexp_extract_all(right({output}, {READ}), '{pattern}')"
    return f"""coalesce(list_max(list_transform(
        {counts}, lambda said: TRY_CAST(regexp_extract(said, '\\d+') AS INTEGER)
    )), 0)"""
