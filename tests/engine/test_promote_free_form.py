"""The gate on what has no right answer: how much of a gain is kept."""

import pytest

from tests.engine.scorecards import FAILED, UNDECIDED, compared, in_the_way, means, shares, verdict

SLIDE = "retention since promotion"
FREE = {"recall": None, "gained_before": means(2.0)}


@pytest.mark.parametrize(
    ("changes", "rules"),
    [
        (FREE | {"kept": means(0.3)}, {}),
        (FREE | {"kept": means(0.01)}, {"retention": UNDECIDED}),
        (FREE | {"kept": means(-0.3)}, {"retention": FAILED}),
        (FREE | {"kept": means(0.3), "gained_before": means(0.01)}, {"retention": UNDECIDED}),
        ({"kept": means(0.01), "gained_before": means(0.01)}, {"retention": UNDECIDED}),
        ({"kept": means(0.01, n=20), "gained_before": means(0.01, n=20)}, {}),
        ({"kept": means(-6.0), "gained_before": means(0.01)}, {"retention": FAILED}),
        (FREE | {"kept": means(-6.0), "gained_before": means(-0.5)}, {"retention": FAILED}),
        ({"kept": means(-0.3), "gained_before": means(2.0)}, {"retention": FAILED}),
        ({"kept": means(0.01, n=20), "gained_before": means(2.0, n=20)}, {}),
    ],
)
def test_what_has_no_right_answer_is_kept_by_its_gain_over_the_base(changes, rules):
    """Where the parent had gained nothing that can be seen there is nothing to measure by: that blocks, unless so few
    items, beside more right answers, only veto."""
    assert in_the_way(compared(**changes)) == rules


HAD = means(2.0)
SINCE = FREE | {"kept": means(0.3), "gained_then": means(2.0), "since": None, "since_by_suite": ()}


@pytest.mark.parametrize(
    ("changes", "rules"),
    [
        ({"kept_since": means(0.3)}, {}),
        ({"kept_since": means(0.01)}, {SLIDE: UNDECIDED}),
        ({"kept_since": means(-0.3)}, {SLIDE: FAILED}),
        (
            {"kept_since": means(0.3), "kept_since_by_suite": ((0, means(0.4), HAD), (1, means(-0.3), HAD))},
            {"retention of g001 since its promotion": FAILED},
        ),
        ({"kept_since": means(0.3), "kept_since_by_suite": ((0, means(0.4), HAD), (1, means(0.01), HAD))}, {}),
        ({"kept_since": means(0.3), "gained_then": means(0.01)}, {SLIDE: UNDECIDED}),
    ],
)
def test_a_slow_slide_of_what_has_no_right_answer_adds_up(changes, rules):
    """And one suite alone only stands in the way: it has few items."""
    assert in_the_way(compared(**SINCE | changes)) == rules


@pytest.mark.parametrize("n", [1, 5, 20, 29])
def test_a_few_right_answers_beside_many_free_form_items_do_not_block_for_ever(n):
    """However alike they are answered, so few never show a margin."""
    few = {"recall": shares(0, 0, n), "since": shares(0, 0, n), "since_by_suite": ((0, shares(0, 0, n)),)}
    free = {"kept": means(0.3), "gained_before": means(2.0)}
    assert in_the_way(compared(**few, **free)) == {}
    passed = {rule.name for rule in verdict(compared(**few, **free)).rules if rule.only_veto}
    assert passed == {"recall against parent", "recall since promotion", "gain in NLL"}
    lost = {"since": shares(0, n, n), "since_by_suite": ((0, shares(0, n, n)),)}
    assert n == 1 or "recall since promotion" in in_the_way(compared(**few | lost, **free))


def test_the_power_of_retention_is_that_of_a_child_that_keeps_all_that_was_gained():
    """It is measured in nats of what the parent had gained, not in the points of `margin`."""
    found = {}
    for gained in (0.5, 2.0):
        rules = verdict(compared(recall=None, kept=means(0.2, 0.1), gained_before=means(gained)), margin=0.01).rules
        (found[gained],) = (rule.power for rule in rules if rule.name == "retention")
    assert found[0.5] < 0.3 < 0.9 < found[2.0]


WORSE = means(-0.5)
"""What is worse than the base."""


@pytest.mark.parametrize(("child", "finding"), [(0.0, UNDECIDED), (0.2, UNDECIDED), (-0.4, FAILED)])
def test_who_had_gained_less_than_nothing_asks_for_no_share_of_it(child, finding):
    """The child's loss itself is refused, and to be like a parent that is worse than the base is none."""
    kept = means(child + 0.2 * WORSE.difference)
    free = {"recall": None, "since": None, "since_by_suite": (), "kept": kept, "gained_before": WORSE}
    assert in_the_way(compared(**free)) == {"retention": finding}
    alone = compared(kept_since_by_suite=((0, means(child + 0.4 * WORSE.difference), WORSE),))
    assert in_the_way(alone) == ({"retention of g000 since its promotion": FAILED} if finding == FAILED else {})
