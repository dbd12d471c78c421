"""The gate on labels: whether they are told apart, and still are."""

from dataclasses import replace

import pytest

from tests.engine.scorecards import (
    FAILED,
    GOOD,
    UNDECIDED,
    compared,
    figure,
    in_the_way,
    means,
    verdict,
)
from vibe_pipeline.judgement import Balance, Figure


@pytest.mark.parametrize(("items", "rules"), [(40, {"balance": UNDECIDED}), (12, {})])
def test_labels_that_so_few_items_cannot_tell_apart_are_undecided(items, rules):
    """And still fewer, beside more new items of other sorts, only veto."""
    told = Figure(value=0.8, n=items, low=0.6, high=1.0)
    balance = Balance(generation=3, items=items, labels=4, balanced=told, spread=0.9)
    assert in_the_way(replace(GOOD, balances=(balance,))) == rules


def test_a_majority_class_is_no_skill():
    """90 of 100 items have one label: always saying it is right 90 times of 100."""
    always = Balance(generation=3, items=100, labels=2, balanced=figure(0.5), spread=0.0)
    told = Balance(generation=3, items=100, labels=2, balanced=figure(0.91), spread=1.0)
    assert in_the_way(replace(GOOD, balances=(always,))) == {"balance": FAILED}
    assert in_the_way(replace(GOOD, balances=(told,))) == {}


@pytest.mark.parametrize(
    ("lost", "rules"), [(means(-0.5, 0.2), {"balance of g001": FAILED}), (means(-0.5, 0.5), {}), (means(-0.05), {})]
)
def test_a_child_that_tells_the_labels_of_an_earlier_suite_apart_no_longer_is_rejected(lost, rules):
    """Beyond noise, and by more than a suite may slide: where one label is rare few right answers are lost with it."""
    of_old = Balance(generation=1, items=300, labels=2, balanced=figure(0.5), spread=0.0, beside_parent=lost)
    assert in_the_way(replace(GOOD, balances=(of_old,))) == rules


def test_of_two_new_suites_with_labels_each_has_a_rule_by_its_name():
    two = tuple(Balance(generation=g, items=90, labels=2, balanced=figure(0.5), spread=0.0) for g in (2, 3))
    assert in_the_way(replace(GOOD, balances=two)) == {"balance of g002": FAILED, "balance of g003": FAILED}


@pytest.mark.parametrize(
    ("balanced", "rules"),
    [(figure(0.5), {"balance": FAILED}), (Figure(value=0.58, n=90, low=0.4, high=0.7), {"balance": FAILED}),
     (Figure(value=0.83, n=90, low=0.7, high=1.0), {}), (figure(0.95), {})],
)  # fmt: skip
def test_who_says_one_of_a_few_answers_to_everything_is_rejected_though_nobody_called_them_labels(balanced, rules):
    """84 of 90 right with one of two answers. Where the rarer is only told badly nothing blocks for ever."""
    few = Balance(generation=3, items=90, labels=2, balanced=balanced, spread=None, only_veto=True)
    assert in_the_way(replace(GOOD, balances=(few,))) == rules


def test_one_label_alone_shows_nothing_and_breaks_nothing():
    """Of two labels the rarer may not be among so few items as are asked: nothing that a model can mend."""
    alone = Balance(generation=3, items=150, labels=1, balanced=figure(1.0), spread=1.0)
    assert in_the_way(replace(GOOD, balances=(alone,))) == {"balance": UNDECIDED}
    assert in_the_way(replace(GOOD, balances=(replace(alone, items=12),))) == {}


POOLED = "balance against parent"


@pytest.mark.parametrize(
    ("balance", "of_rarest", "rules"),
    [
        (means(-0.5, 0.1), 6, {POOLED: FAILED}),
        (means(-0.5, 0.4), 1, {POOLED: UNDECIDED}),
        (means(-0.08, 0.1), 6, {}),
        (means(-0.08, 0.1), 59, {}),
        (means(-0.08, 0.1), 60, {POOLED: UNDECIDED}),
        (means(-0.02, 0.02), 60, {}),
    ],
)
def test_labels_of_all_earlier_suites_are_told_apart_as_by_the_parent(balance, of_rarest, rules):
    """One suite has too few of the rare ones to tell. Few in all need only not be lost by what was measured."""
    card = compared(balance=balance, of_rarest=of_rarest)
    assert in_the_way(card) == rules
    (words,) = (rule.words for rule in verdict(card).rules if rule.name == POOLED)
    few = f"of the rarest label there are {of_rarest}, and more would tell"
    assert words.endswith(few if of_rarest == 1 else f"items of the rarest label: {of_rarest}")
