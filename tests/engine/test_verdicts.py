"""A verdict in words: what was decided, by which rules, and how many items would tell."""

from io import StringIO

import pytest
from rich.console import Console

from vibe_pipeline.records import Finding, Rule, plain
from vibe_pipeline.verdicts import MARKS, table, verdict, why


def rule(name: str, finding: Finding = Finding.PASSED, needed: int | None = None, power: float | None = None) -> dict:
    return plain(Rule(name=name, finding=finding, words=f"{name}: [0.1] of it", items_needed=needed, power=power))


def record(outcome: str, *rules: dict) -> dict:
    told = {"lineage": "main", "generation": "g002", "attempt": 1, "verdict": outcome, "rules": list(rules)}
    return told | {"reasons": ["g002 holds nothing to learn for main"]}


FAILED, UNDECIDED = Finding.FAILED, Finding.UNDECIDED


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (record("promoted", rule("gain")), "main g002 was promoted: it is shown to have learned the new"),
        (
            record("rejected", rule("a", FAILED), rule("b"), rule("c", FAILED)),
            "main g002 was rejected by a and c. What",
        ),
        (record("rejected", rule("a", FAILED), rule("c", UNDECIDED, 900)), "main g002 was rejected by a. What it was"),
        (record("undecided", rule("a", UNDECIDED, 340)), "cannot tell about a, some 340 would. What it was to learn"),
        (
            record("undecided", rule("a", UNDECIDED, 340), rule("b", UNDECIDED, 1200)),
            "a and b, some 1,200 would.",
        ),
        (
            record("undecided", rule("a", UNDECIDED, 340), rule("b", UNDECIDED)),
            "cannot tell about a and b. What",
        ),
        (
            record("skipped", rule("delta", Finding.NOT_APPLICABLE)),
            "skipped: g002 holds nothing to learn for main.",
        ),
        (record("rejected"), "main g002 was rejected: g002 holds nothing to learn for main."),
    ],
)
def test_what_was_decided_is_said_with_the_rules_that_decided(told, words):
    assert words in why(told)
    assert verdict(told)["why"] == why(told)


def test_every_rule_is_a_line_with_its_mark_its_words_and_what_so_many_items_can_see():
    console = Console(file=StringIO(), width=100)
    told = record("rejected", *(rule(f"rule {n}", finding, None, n / 10) for n, finding in enumerate(Finding)))
    console.print(table(told))
    lines = console.file.getvalue().splitlines()
    for n, finding in enumerate(Finding):
        (line,) = [line for line in lines if f"rule {n}" in line]
        assert line.split() == [MARKS[finding][0], "rule", str(n), "[0.1]", "of", "it", f"{n * 10}%"]
