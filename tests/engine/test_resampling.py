"""Intervals over clusters of items: against what is known of shares, and against how often they hold what is true."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vibe_pipeline.evaluate.resampling import greatest, resample


def estimate(values, size: int = 1):
    """Of values of which so many, one after the other, make a cluster; None is an item that nobody scored."""
    column = np.array([np.nan if it is None else it for it in values], dtype=float)[:, None]
    return resample(column, np.arange(0, len(column), size), "g000")[0]


def share(values, size: int = 1):
    return estimate(values, size).between(0, 1)


@pytest.mark.parametrize(("hits", "n"), [(58, 60), (60, 60), (0, 10), (5, 10)])
def test_a_share_of_independent_items_has_the_interval_of_a_uniform_prior(hits, n):
    from scipy.stats import beta

    figure = share([1] * hits + [0] * (n - hits))
    expected = beta.ppf([0.025, 0.975], hits + 1, n - hits + 1)
    assert (figure.value, figure.n) == (hits / n, n)
    assert (figure.low, figure.high) == (
        pytest.approx(min(expected[0], hits / n), abs=0.012),
        pytest.approx(max(expected[1], hits / n), abs=0.012),
    )


def test_items_that_all_stayed_as_they_were_do_not_prove_that_none_ever_changes():
    """By the rule of three, of 60 items up to 3 / 60 may be lost unseen."""
    figure = estimate([0.0] * 60).between(-1, 1)
    assert figure.value == 0
    assert -0.08 < figure.low < -0.03
    assert 0.03 < figure.high < 0.08


@given(st.lists(st.booleans(), min_size=1, max_size=40), st.integers(1, 4))
def test_asking_for_a_fact_again_in_other_words_that_get_the_same_answer_tells_nothing(hits, wordings):
    once, often = share(hits), share(np.repeat(hits, wordings), wordings)
    assert often.n == wordings * once.n
    assert (often.value, often.low, often.high) == pytest.approx((once.value, once.low, once.high), abs=1e-5)


def test_wordings_that_are_answered_each_for_itself_tell_more_than_one_but_no_more_than_as_many_facts():
    hits = np.random.default_rng(0).random(180) < 0.8
    clustered, alone, few = share(hits, 3), share(hits), share(hits[::3])
    width = [it.high - it.low for it in (clustered, alone, few)]
    assert width[0] == pytest.approx(width[1], rel=0.25)
    assert width[0] < 0.75 * width[2]


@settings(max_examples=12)
@given(
    st.sampled_from([0.05, 0.5, 0.9, 0.97]), st.sampled_from([(20, 3), (60, 1), (40, 2)]), st.sampled_from([0, 0.5, 1])
)
def test_the_interval_holds_the_true_share_about_as_often_as_it_says(true, shape, alike):
    """Of 300 simulated suites in which a fact's items are alike that often; percentiles, even wider, in 46 to 97 %."""
    facts, wordings = shape
    random = np.random.default_rng(0)
    of_fact, of_item = random.random((300, facts, 1)) < true, random.random((300, facts, wordings)) < true
    hits = np.where(random.random((300, facts, 1)) < alike, of_fact, of_item).reshape(300, -1)
    estimates = resample(hits.T.astype(float), np.arange(0, facts * wordings, wordings), "g000")
    figures = [it.between(0, 1) for it in estimates]
    assert np.mean([it.low <= true <= it.high for it in figures]) > 0.88


@settings(max_examples=12)
@given(st.sampled_from([2, 5, 30]))
def test_the_interval_of_an_nll_holds_the_truth_also_of_a_few_items(items):
    values = np.random.default_rng(0).normal(2.0, 1.0, (items, 300))
    figures = [it.unbounded() for it in resample(values, np.arange(items), "g000")]
    assert np.mean([it.low <= 2.0 <= it.high for it in figures]) > 0.9


def test_the_interval_of_an_nll_is_about_students():
    from scipy.stats import t

    values = np.random.default_rng(0).normal(2.0, 1.0, 40)
    low, high = t.interval(0.95, 39, values.mean(), values.std(ddof=1) / 40**0.5)
    figure = estimate(values).unbounded()
    assert (figure.low, figure.high) == (pytest.approx(low, abs=0.05), pytest.approx(high, abs=0.05))


def test_one_cluster_has_no_spread_in_nll_and_leaves_a_share_wide_open():
    assert (estimate([2.0, 3.0], 2).unbounded().low, estimate([2.0, 3.0], 2).unbounded().high) == (2.5, 2.5)
    assert share([1]).low < 0.2
    assert share([1, 1, 1, 0], 4).high - share([1, 1, 1, 0], 4).low > 0.6, "one fact, in whatever words"


@given(st.lists(st.sampled_from([0, 1, None]), min_size=1, max_size=40))
def test_what_nobody_scored_is_left_out_and_never_a_zero(hits):
    scored = [it for it in hits if it is not None]
    if not scored:
        assert estimate(hits) is None
        return
    figure = share(hits)
    assert (figure.n, figure.value) == (len(scored), pytest.approx(np.mean(scored)))
    assert 0 <= figure.low <= figure.value <= figure.high <= 1


def test_a_mean_over_suites_weighs_them_alike_and_counts_all_their_items():
    both = (estimate([1.0] * 30) + estimate([0.0] * 10)).mean()
    figure = both.between(0, 1)
    assert (figure.value, figure.n, both.facts) == (0.5, 40, 40)
    assert figure.low < 0.5 < figure.high


def test_more_suites_that_say_the_same_say_it_more_surely():
    one = estimate([1.0] * 19 + [0.0])
    many = (one + one + one + one).mean()
    assert many.between(0, 1).low > one.between(0, 1).low


def test_the_greatest_of_some_means_is_drawn_as_such():
    """Of two that are equal in truth the greater is seen above it more often than below."""
    random = np.random.default_rng(0)
    first, second = (estimate(random.random(40) < 0.5) for _ in range(2))
    best = greatest([first, second])
    assert best.value == max(first.value, second.value)
    assert (best.draws >= np.maximum(first.draws, second.draws)).all()


def test_large_suites_are_drawn_in_blocks(monkeypatch):
    values = np.random.default_rng(0).random((500, 2))
    whole = resample(values, np.arange(500), "g000")
    monkeypatch.setattr("vibe_pipeline.evaluate.resampling.BLOCK", 10_000)
    for one, other in zip(whole, resample(values, np.arange(500), "g000"), strict=True):
        assert one.draws == pytest.approx(other.draws, abs=1e-5)
