"""A verdict in words: what was decided, by which rules, and how many items would tell."""

from io import StringIO

import pytest
from rich.console import Console

from vibe_pipeline.judgement import Finding, Rule
from vibe_pipeline.records import plain
from vibe_pipeline.verdicts import MARKS, table, verdict, why


def rule(
    name: str,
    finding: Finding = Finding.PASSED,
    needed: int | None = None,
    power: float | None = None,
    vetoes_of: int | None = None,
) -> dict:
    numbers = {"items_needed": needed, "power": power, "difference": -0.01}
    numbers |= {"n": vetoes_of or 100, "only_veto": vetoes_of is not None}
    return plain(Rule(name=name, finding=finding, words=f"{name}: [0.1] of it", **numbers))


def record(outcome: str, *rules: dict) -> dict:
    told = {"lineage": "main", "generation": "g002", "attempt": 1, "verdict": outcome, "rules": list(rules)}
    return told | {"reasons": ["g002 holds nothing to learn for main"]}


FAILED, UNDECIDED = Finding.FAILED, Finding.UNDECIDED


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (record("promoted", rule("gain")), "promoted: it is shown to have learned the new; nothing old was asked."),
        (
            record("promoted", rule("gain"), rule("retention")),
            "learned the new and to have lost no more of the old than the margins allow.",
        ),
        (
            record("promoted", rule("gain"), rule("recall against parent", vetoes_of=20)),
            "learned the new; of the old 20 items were asked, too few to show more than that no loss stands out.",
        ),
        (
            record("promoted", rule("gain"), rule("recall against parent", vetoes_of=20), rule("retention")),
            "than the margins allow (of 20 items of another sort, too few to show it, no loss stands out).",
        ),
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


@pytest.mark.parametrize(
    ("delta", "words"),
    [
        ([4], "What it was to learn is offered again with the next generation."),
        ([3, 4], "What it was to learn is offered again with the next generation."),
        ([1, 2, 3, 4], "with the next generation, but for that of g001 and g002: 3 rungs could not learn it."),
    ],
)
def test_what_is_given_up_is_said(delta, words):
    assert words in why(record("rejected", rule("a", FAILED)) | {"delta_generations": delta})


def test_a_further_attempt_says_so_and_at_which_level():
    told = record("undecided", {**rule("gain", UNDECIDED, 40), "level": 0.0016}) | {"judged_attempt": 3}
    assert "It was attempt 3 on these new items, at a level of 0.16 %" in why(told)
    assert "attempt" not in why({**told, "judged_attempt": 1})


def test_what_no_number_of_items_decides_needs_no_larger_generations():
    assert "Larger generations" not in why(record("undecided", rule("gain", UNDECIDED)))


SUITE = rule("support against parent", UNDECIDED, 90)
NOTHING = plain(Rule(name="items", finding=UNDECIDED, words="no held-out item came with this generation"))


@pytest.mark.parametrize(
    ("rules", "words", "unsaid"),
    [
        ((NOTHING,), "main g002 is undecided: no held-out item came with this generation. What", "the items cannot"),
        ((SUITE,), "about support against parent, some 90 would. What", "Larger generations"),
        ((SUITE, rule("gain", UNDECIDED, 40)), "Larger generations bring more", "no held-out item"),
        ((rule("gain in NLL", UNDECIDED, 40),), "with the next generation. Larger generations", "recall_items"),
        (
            (rule("recall against parent", UNDECIDED, 400),),
            "promoted generations, at most gate.recall_items are asked",
            "no held-out",
        ),
        ((SUITE, NOTHING), "some 90 would; no held-out item came with this generation. What", "Larger generations"),
    ],
)
def test_the_remedy_is_for_what_is_open(rules, words, unsaid):
    """More items of a generation tell nothing of a suite that is asked each time, and no items nothing of "items"."""
    said = why(record("undecided", *rules) | {"standing": [{"name": "support"}]})
    assert words in said
    assert unsaid not in said
    assert ("more questions in their files" in said) == (SUITE in rules)


def test_a_promotion_that_was_rolled_back_or_built_from_erased_data_says_so():
    told = record("promoted", rule("gain")) | {"rolled_back": "to g001: it is rude", "taint": "it grew from g000"}
    assert why(told).endswith(
        "It was rolled back to g001: it is rude. It was built from data that was erased since: it grew from g000."
    )


def test_every_rule_is_a_line_with_its_mark_its_words_and_what_so_many_items_can_see():
    console = Console(file=StringIO(), width=100)
    told = record("rejected", *(rule(f"rule {n}", finding, None, n / 10) for n, finding in enumerate(Finding)))
    console.print(table(told))
    lines = console.file.getvalue().splitlines()
    for n, finding in enumerate(Finding):
        (line,) = [line for line in lines if f"rule {n}" in line]
        assert line.split() == [MARKS[finding][0], "rule", str(n), "[0.1]", "of", "it", f"{n * 10}%"]
