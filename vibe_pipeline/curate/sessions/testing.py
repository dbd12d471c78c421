"""Commands that run tests, by the runners' names or the word `test` of programs that do more.

Not here: what hides a failure (evasions.py), what follows from a run (mending.py).
"""

from __future__ import annotations

LAUNCHED = (
    r"(?:\w+=\S*[ \t]+)*(?:(?:sudo|time|npx|bunx|(?:hatch|pdm|pipenv|poetry|rye|uv)[ \t]+run|bundle[ \t]+exec"
    r"|(?:npm|pnpm|yarn)[ \t]+exec|python[\d.]*[ \t]+-m)[ \t]+)*(?:[\w.~/-]*/)?"
)
RUNNERS = (
    r"(?:ava|ctest|jest|mocha|nose2|phpunit|playwright[ \t]+test|py\.?test|rspec|unittest|vitest(?:[ \t]+run)?"
    r"|(?:bazel|bun|cargo|dart|deno|dotnet|flutter|go|(?:\./)?gradlew?|make|mix|mvnw?|npm|pnpm|rails|rake|sbt|swift|yarn"
    r"|zig)(?:[ \t]+(?:nextest|run))?[ \t]+tests?)"
)
TESTS = f"{LAUNCHED}{RUNNERS}"
