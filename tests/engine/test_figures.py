"""Figures against values known from elsewhere, and against what every interval must obey."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibe_pipeline.evaluate.figures import NOT_APPLICABLE, balanced, mean, retention, share, smallest_gain

shares = st.lists(st.sampled_from([True, False, None]), max_size=80)
numbers = st.lists(st.floats(0, 20), min_size=1, max_size=30)


def test_a_share_has_wilsons_interval():
    """8 of 10: 0.4902 to 0.9433, from Wilson's formula by hand, z = 1.959964."""
    figure = share(pl.Series([True] * 8 + [False] * 2))
    assert (figure.value, figure.n) == (0.8, 10)
    assert (figure.low, figure.high) == (pytest.approx(0.49016, abs=1e-5), pytest.approx(0.94332, abs=1e-5))


def test_no_hit_in_ten_does_not_prove_that_there_is_none():
    figure = share(pl.Series([False] * 10))
    assert (figure.value, figure.low, figure.high) == (0.0, 0.0, pytest.approx(0.27753, abs=1e-5))


@given(shares)
def test_a_share_lies_in_its_interval_and_the_interval_between_0_and_1(hits):
    figure = share(pl.Series(hits, dtype=pl.Boolean))
    assert figure.n == len([hit for hit in hits if hit is not None])
    assert 0 <= figure.low <= figure.value <= figure.high <= 1


def test_a_missing_score_makes_n_smaller_and_is_never_a_zero():
    assert share(pl.Series([True, None, True])).value == 1.0
    assert (mean(pl.Series([2.0, None])).value, mean(pl.Series([2.0, None])).n) == (2.0, 1)


def test_without_a_score_nothing_is_claimed():
    nothing = pl.Series([None, None], dtype=pl.Float64)
    assert share(nothing) == mean(nothing) == NOT_APPLICABLE
    assert (NOT_APPLICABLE.value, NOT_APPLICABLE.n) == (1.0, 0)


def test_the_interval_of_a_mean_stays_where_values_can_be():
    assert mean(pl.Series([0.0, 0.1])).low == 0.0
    assert mean(pl.Series([0.9, 1.0]), most=1.0).high == 1.0


def test_a_mean_has_students_interval():
    """1, 2, 3, 4: mean 2.5, standard error 0.6455, t(3) = 3.1824."""
    figure = mean(pl.Series([1.0, 2.0, 3.0, 4.0]))
    assert (figure.value, figure.n) == (2.5, 4)
    assert (figure.low, figure.high) == (pytest.approx(0.44574, abs=1e-5), pytest.approx(4.55426, abs=1e-5))


@given(numbers)
def test_a_mean_lies_in_its_interval(values):
    figure = mean(pl.Series(values))
    assert figure.low <= figure.value <= figure.high


def test_the_parent_retains_all_of_itself():
    base, parent = pl.Series([3.0, 2.0, 4.0]), pl.Series([1.0, 1.5, 0.5])
    figure = retention(base, parent, parent)
    assert (figure.value, figure.low, figure.high, figure.n) == (1.0, 1.0, 1.0, 3)


@pytest.mark.parametrize(("child", "value"), [(4.0, 0.0), (3.0, 0.5), (2.0, 1.0), (1.0, 1.0), (9.0, 0.0)])
def test_retention_is_the_kept_share_of_what_was_gained_and_clipped(child, value):
    base, parent = pl.Series([4.0, 4.0]), pl.Series([2.0, 2.0])
    assert retention(base, parent, pl.Series([child, child])).value == pytest.approx(value)


def test_where_the_parent_gained_nothing_there_is_nothing_to_retain():
    worse = pl.Series([3.0, 3.0])
    assert retention(pl.Series([2.0, 2.0]), worse, worse) == NOT_APPLICABLE


@given(st.lists(st.tuples(*[st.floats(0, 9)] * 3), min_size=1, max_size=20))
def test_retention_and_its_interval_lie_between_0_and_1(rows):
    base, parent, child = (pl.Series(column) for column in zip(*rows, strict=True))
    figure = retention(base, parent, child)
    assert 0 <= figure.low <= figure.value <= figure.high <= 1


def test_retention_is_the_same_each_time():
    columns = [pl.Series([4.0, 3.0, 5.0]), pl.Series([1.0, 2.0, 1.0]), pl.Series([2.0, 2.0, 4.0])]
    assert retention(*columns) == retention(*columns)


@given(st.permutations(range(3)), st.integers(1, 4))
def test_balanced_accuracy_hangs_on_no_order_and_its_tie_with_a_floor_is_one(order, times):
    """16, 17 and 18 of 20: as binary fractions their mean is .85 or more, as they come."""
    told = [(f"label {label}", n < (16, 17, 18)[label]) for label in order for n in range(20)] * times
    assert balanced(*(pl.Series(it) for it in zip(*told, strict=True))).value == 0.85


def test_turns_of_a_conversation_say_no_more_than_the_conversation():
    """Eight conversations, each of one turn or of five that are alike: as sure, or as unsure, either way."""
    drawn = np.random.default_rng(0).uniform(0.5, 1.5, (8, 3)) + np.array([2, 0, 0])
    nll = pl.DataFrame(drawn, ["base", "parent", "child"])
    turns, of = pl.concat([nll] * 5), pl.Series([*range(8)] * 5)
    one, many = mean(nll["child"]), mean(turns["child"], of)
    assert (many.low, many.high, many.n) == (pytest.approx(one.low), pytest.approx(one.high), 40)
    alone, together = retention(*nll), retention(*turns, of)
    assert (together.value, together.n) == (pytest.approx(alone.value), 40)
    assert (together.low, together.high) == (pytest.approx(alone.low), pytest.approx(alone.high))


def test_the_smallest_gain_that_can_be_seen_shrinks_with_the_root_of_n():
    """2.487 · √(0.12 / 60) = 0.111: a tenth, as the design page says of 60 paired items."""
    assert smallest_gain(60) == pytest.approx(0.111)
    assert smallest_gain(240) == pytest.approx(smallest_gain(60) / 2, abs=1e-3)
    assert smallest_gain(0) is None
