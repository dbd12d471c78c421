"""When a generation is due: the first budget that is reached, and all that is required beside it."""

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibe_pipeline.records import Counts
from vibe_pipeline.settings import Trigger
from vibe_pipeline.trigger import readiness

NOTHING = Counts(bytes=0, rows=0, conversations=0, entropy=0, kinds=0, modules=0, meaningful=0, karma=0, hours=0)
DIVERSE = Counts(
    bytes=1000, rows=200, conversations=40, entropy=5, kinds=2, modules=3, meaningful=180, karma=0, hours=1
)


@pytest.mark.parametrize(
    ("reached", "by", "words"),
    [
        ({"bytes": 57_600_000}, "megabytes", "57.6 of 57.6 MB"),
        ({"conversations": 100}, "conversations", "100 of 100 new conversations"),
        ({"karma": 50.5}, "karma", "50.5 of 50 karma"),
        ({"hours": 168}, "hours", "168 of 168 hours"),
        ({"karma": 80, "conversations": 130}, "conversations", "130 of 100 new conversations"),
    ],
)
def test_the_first_budget_that_is_reached_is_named(reached, by, words):
    found = readiness(replace(DIVERSE, **reached), Trigger())
    assert (found.is_due, found.reached.name, found.words) == (True, by, words)


def test_below_every_budget_all_numbers_are_told_and_none_is_rounded_up():
    found = readiness(replace(DIVERSE, bytes=57_599_999, hours=167.99), Trigger())
    assert not found.is_due
    assert found.words == "57.5 of 57.6 MB; 40 of 100 new conversations; 0 of 50 karma; 167.9 of 168 hours"


@pytest.mark.parametrize(
    ("lacking", "words"),
    [
        ({"conversations": 19}, "19 of 20 distinct conversations"),
        ({"kinds": 0}, "0 of 1 kinds of actions"),
        ({"modules": 0}, "0 of 1 modules"),
        ({"entropy": 2.96}, "2.9 of 3 bits over conversations"),
        ({"meaningful": 99}, "49.5 of 50 % meaningful rows"),
        ({"entropy": 1, "kinds": 0}, "0 of 1 kinds of actions, 1 of 3 bits over conversations"),
    ],
)
def test_what_is_required_is_required_whatever_budget_is_reached(lacking, words):
    found = readiness(replace(DIVERSE, hours=200, **lacking), Trigger())
    assert (found.is_due, found.words) == (False, f"200 of 168 hours, but only {words}")


def test_a_budget_of_0_is_never_reached():
    none = Trigger(megabytes=0, conversations=0, karma=0, hours=0)
    found = readiness(replace(DIVERSE, bytes=10**12, hours=10**6), none)
    assert (found.is_due, found.words) == (False, "every budget of [trigger] is 0")


def test_nothing_is_never_due():
    assert not readiness(NOTHING, Trigger(hours=0.001, karma=0.1)).is_due


more = st.fixed_dictionaries({it.name: st.integers(0, 300) for it in fields(Counts)})


@given(more, more)
def test_more_of_everything_is_never_less_due(one, other):
    """But for rows that are not meaningful."""
    less, most = ({name: pick(one[name], other[name]) for name in one} for pick in (min, max))
    rows = {"rows": 300, "meaningful": less["meaningful"]}
    before = readiness(Counts(**{**less, **rows}), Trigger())
    after = readiness(Counts(**{**most, **rows, "meaningful": most["meaningful"]}), Trigger())
    assert after.is_due or not before.is_due
