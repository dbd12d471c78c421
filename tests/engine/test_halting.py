"""The stop rule over planted rungs: when it fires, where it goes back to, and what it never reads."""

import pytest

from tests.engine.planted_rungs import climb, measured
from vibe_pipeline import halting
from vibe_pipeline.ledger import Ledger
from vibe_pipeline.settings import Stop

STOP = Stop()


@pytest.fixture
def ledger(store) -> Ledger:
    return Ledger(store, "main")


def due(ledger: Ledger, stop: Stop = STOP):
    return halting.due(ledger.line(), stop)


def climb_all(ledger: Ledger, *figures: tuple[float, float], verdict: str = "promoted"):
    for generalization, drift in figures:
        climb(ledger, verdict, **measured(generalization, drift))


@pytest.mark.parametrize(
    ("figures", "fires"),
    [
        ([(0.90, 0.0), (0.91, 0.0), (0.90, 0.2)], True),
        ([(0.90, 0.0), (0.91, 0.2), (0.90, 0.2)], True),
        ([(0.90, 0.0), (0.91, 0.0), (0.90, 0.0)], False),  # no decay
        ([(0.90, 0.0), (0.91, 0.0), (0.97, 0.2)], False),  # the last one gained
        ([(0.80, 0.0), (0.91, 0.2), (0.92, 0.2)], False),  # the one before gained
        ([(0.90, 0.0), (0.91, 0.1), (0.90, 0.2)], False),  # by no more than θ at once
        ([(0.90, 0.3), (0.91, 0.4), (0.90, 0.4)], False),  # 0.4 − 0.3 is no more than 0.1
        ([(0.90, 0.0), (0.95, 0.2), (0.95, 0.2)], False),  # 0.95 − 0.90 is no less than 0.05
        ([(0.90, 0.0), (0.90, 0.3)], False),  # two are not three
        ([(0.10, 0.0), (0.90, 0.0), (0.90, 0.0), (0.90, 0.2)], True),  # the last three count
        ([(0.90, 0.0), (0.90, 0.3), (0.90, 0.3), (0.96, 0.9)], False),
    ],
)
def test_two_steps_without_gain_and_one_with_decay(ledger, figures, fires):
    climb_all(ledger, *figures)
    assert bool(due(ledger)) is fires


def test_it_goes_back_to_what_the_last_one_grew_from_and_says_why_in_numbers(ledger):
    climb_all(ledger, (0.90, 0.0), (0.91, 0.0), (0.90, 0.2))
    facts = due(ledger)
    assert facts["back"]["to"] == 1
    assert facts["rule"]["generations"] == [0, 1, 2]
    assert facts["why"] == (
        "over g000, g001, g002 generalization went 0.90 (n = 60) → 0.91 (n = 60) → 0.90 (n = 60), each step a gain of "
        "less than 0.05, and style drift 0.00 (n = 10) → 0.00 (n = 10) → 0.20 (n = 10), a rise of more than 0.10; "
        "the data is to be mended, not the size"
    )
    ledger.halt(lambda _: facts, {})
    line = ledger.line()
    assert (line.champion, line.head) == (line.settled[1], line.settled[1])
    assert line.rolled_back == {line.settled[2].sha: line.halted}
    assert due(ledger) is None


def test_rejected_ones_count_and_are_stepped_over_too(ledger):
    climb_all(ledger, (0.90, 0.0))
    climb_all(ledger, (0.90, 0.3), (0.90, 0.3), verdict="rejected")
    assert due(ledger)["back"]["to"] == 0


def test_where_nothing_was_promoted_before_there_is_nothing_to_go_back_to(ledger):
    climb_all(ledger, (0.90, 0.0), (0.90, 0.3), verdict="rejected")
    champion = climb(ledger, **measured(0.9, 0.0))
    facts = due(ledger)
    assert facts["back"] is None
    ledger.halt(lambda _: facts, {})
    assert ledger.line().champion == champion


LAST = measured(0.9, 0.3)


@pytest.mark.parametrize(
    "middle",
    [
        measured(0.9, 0.0, n=0),  # no held-out item
        measured(0.9, 0.0, kind="beats base"),  # another figure
        {**measured(0.9), "generalization": None},
        {"verdict": "undecided"},  # a scorecard that is missing
    ],
)
def test_it_never_fires_on_what_was_not_measured(ledger, middle):
    for figures in (measured(), middle, LAST):
        climb(ledger, **figures)
    assert due(ledger) is None


@pytest.mark.parametrize("n", [0, 9])
def test_drift_on_other_probes_is_no_rise(ledger, n):
    for figures in (measured(), measured(), {**LAST, "style_drift": {**LAST["style_drift"], "n": n}}):
        climb(ledger, **figures)
    assert due(ledger) is None


def test_what_trained_nothing_is_passed_over(ledger):
    climb_all(ledger, (0.90, 0.0), (0.90, 0.0))
    climb(ledger, "skipped")
    assert due(ledger) is None
    climb_all(ledger, (0.90, 0.2))
    assert due(ledger)["rule"]["generations"] == [0, 1, 3]


def test_what_is_rolled_back_does_not_count(ledger):
    climb_all(ledger, (0.90, 0.0), (0.90, 0.0), (0.10, 0.0))
    ledger.roll_back(1, "a bad one", {})
    climb_all(ledger, (0.90, 0.2))
    assert due(ledger)["rule"]["generations"] == [0, 1, 3]


def test_after_a_resumption_two_steps_are_climbed_before_it_halts_again(ledger):
    climb_all(ledger, (0.90, 0.0), (0.90, 0.2), (0.90, 0.2))
    ledger.halt(lambda line: halting.due(line, STOP), {})
    ledger.resume("mended", {})
    assert due(ledger) is None
    climb_all(ledger, (0.90, 0.2))
    assert due(ledger) is None, "the rise that it halted for is not counted twice"
    climb_all(ledger, (0.90, 0.5))
    assert due(ledger)["rule"]["generations"] == [1, 3, 4]


def test_it_can_be_switched_off_and_set(ledger):
    climb_all(ledger, (0.90, 0.0), (0.96, 0.0), (0.97, 0.2))
    assert due(ledger) is None
    assert due(ledger, Stop(epsilon=0.1))
    assert due(ledger, Stop(epsilon=0.1, theta=0.2)) is None
    assert due(ledger, Stop(epsilon=0.1, enabled=False)) is None
