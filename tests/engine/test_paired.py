"""Paired bounds against published figures, against simulation, and against items that come in clusters."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibe_pipeline import paired
from vibe_pipeline.judgement import Comparison
from vibe_pipeline.paired import (
    compare_gains,
    compare_means,
    compare_scores,
    compare_shares,
    design_effect,
    high,
    items_needed,
    low,
    power,
)
from vibe_pipeline.settings import Gate


def answers(both: int, gained: int, lost: int, neither: int):
    """Right or wrong, of a model and of another, on items of their own clusters."""
    ours = [True] * (both + gained) + [False] * (lost + neither)
    theirs = [True] * both + [False] * gained + [True] * lost + [False] * neither
    return np.array(ours), np.array(theirs), np.arange(len(ours))


def test_the_bounds_are_those_that_tango_prints():
    """21 children before and after a transplantation (Bentur et al.): −.286, 95 % from −.517 to −.026."""
    it = compare_shares(*answers(1, 1, 7, 12))
    assert (it.difference, it.gained, it.lost) == (pytest.approx(-6 / 21), 1, 7)
    assert (low(it, 0.025), high(it, 0.025)) == (pytest.approx(-0.517, abs=5e-4), pytest.approx(-0.026, abs=5e-4))


def test_items_that_all_agree_have_bounds_as_wide_as_their_number_tells():
    it = compare_shares(*answers(60, 0, 0, 0))
    assert high(it, 0.05) == pytest.approx(-low(it, 0.05)) == pytest.approx(1.645**2 / (60 + 1.645**2), abs=1e-4)


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30), st.integers(1, 30), st.sampled_from([0.05, 0.01]))
def test_bounds_hold_the_difference_and_widen_with_a_smaller_level(both, gained, lost, neither, level):
    it = compare_shares(*answers(both, gained, lost, neither))
    assert -1 <= low(it, level) <= it.difference <= high(it, level) <= 1
    assert low(it, level / 5) <= low(it, level)
    assert high(it, level / 5) >= high(it, level)


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30), st.integers(1, 30))
def test_the_other_side_sees_the_same_difference_the_other_way_round(both, gained, lost, neither):
    ours, theirs, clusters = answers(both, gained, lost, neither)
    it, turned = compare_shares(ours, theirs, clusters), compare_shares(theirs, ours, clusters)
    assert turned.difference == -it.difference
    assert low(turned, 0.05) == pytest.approx(-high(it, 0.05), abs=1e-6)


def test_copies_of_an_item_tell_no_more_than_the_item():
    """Three wordings of a fact that are always answered alike are one observation."""
    ours, theirs, clusters = answers(30, 12, 8, 10)
    once, thrice = (compare_shares(*(np.repeat(it, times) for it in (ours, theirs, clusters))) for times in (1, 3))
    assert (once.clusters, thrice.n, thrice.clusters) == (60, 180, 60)
    assert thrice.effect == pytest.approx(3, rel=0.02)
    assert low(once, 0.05) - 0.005 < low(thrice, 0.05) < low(once, 0.05)
    means = [compare_means(np.repeat(ours * 1.0 - theirs, times), np.repeat(clusters, times)) for times in (1, 3)]
    assert low(means[1], 0.05) == pytest.approx(low(means[0], 0.05), abs=1e-9)


def test_a_design_effect_that_few_clusters_tell_is_less_sure_than_independent_items():
    """With normal quantiles a loss of the margin was let through 5.9 % of the time at a level of 4 %."""
    fixed = {"difference": 0.0, "error": 0.03}
    alone = [Comparison(n=n, clusters=n, gained=k, lost=k, **fixed) for n, k in ((60, 4), (600, 40))]
    sizes = ((60, 4), (600, 40))
    worth = [Comparison(n=3 * n, clusters=n, gained=3 * k, lost=3 * k, effect=3.0, **fixed) for n, k in sizes]
    wider = [low(many, 0.04) / low(one, 0.04) for one, many in zip(alone, worth, strict=True)]
    assert 1.05 < wider[0] < 1.12
    assert 1.0 < wider[1] < 1.02


def test_means_have_students_bounds():
    from scipy.stats import ttest_1samp

    values = np.random.default_rng(0).normal(0.3, 1, 25)
    it = replace(compare_means(values, np.arange(25)), skew=0.0)
    theirs = ttest_1samp(values, 0).confidence_interval(0.90)
    assert (low(it, 0.05), high(it, 0.05)) == (pytest.approx(theirs.low), pytest.approx(theirs.high))


def test_the_bounds_of_a_skewed_mean_hold_what_they_promise():
    """A few items lose much: of values with a long tail below, Student's bound lies too high too often."""
    random = np.random.default_rng(0)
    mean, ours, students = -np.exp(0.5), 0, 0
    for _ in range(2000):
        it = compare_means(-random.lognormal(0, 1, 100), np.arange(100))
        ours += low(it, 0.05) > mean
        students += low(replace(it, skew=0.0), 0.05) > mean
    assert ours / 2000 < 0.08 < students / 2000


def test_few_clusters_that_lose_much_are_reckoned_with_though_the_sample_holds_hardly_any():
    """One in 25 loses five nats, the others nothing to speak of."""
    random = np.random.default_rng(0)
    mean, passed = -5 / 25, {compare_means: 0, compare_gains: 0}
    for _ in range(1000):
        its = random.normal(0, 0.05, 100) - 5 * (random.random(100) < 1 / 25)
        for compare in passed:
            passed[compare] += low(compare(its, np.arange(100)), 0.05) > mean
    assert passed[compare_gains] / 1000 < 0.05 < 0.08 < passed[compare_means] / 1000


def test_many_clusters_that_are_alike_are_compared_as_their_mean_is():
    its = np.random.default_rng(0).normal(0.3, 1, 2000)
    plain, ours = (low(compare(its, np.arange(2000)), 0.05) for compare in (compare_means, compare_gains))
    assert plain - 0.002 < ours < plain
    assert compare_gains(its, np.zeros(2000)).error is None


def test_skewness_never_narrows_a_bound():
    it = compare_means(np.random.default_rng(0).lognormal(0, 1, 100), np.arange(100))
    assert it.skew > 1
    assert low(it, 0.05) == low(replace(it, skew=0.0), 0.05)
    assert high(it, 0.05) > high(replace(it, skew=0.0), 0.05)


def test_one_cluster_has_no_bounds():
    it = compare_means(np.array([1.0, 2.0, 3.0]), np.zeros(3))
    assert (it.error, low(it, 0.05), high(it, 0.05)) == (None, -np.inf, np.inf)


def test_a_loss_of_the_margin_is_let_through_as_rarely_as_the_level_says():
    """60 facts in three wordings each, answered alike within a fact half of the time."""
    random = np.random.default_rng(0)
    passed = 0
    for _ in range(1000):
        fact = random.random((2, 60, 1)) < [[[0.95]], [[0.85]]]
        alone = random.random((2, 60, 3)) < [[[0.95]], [[0.85]]]
        theirs, ours = np.where(random.random((60, 3)) < 0.5, fact, alone).reshape(2, -1)
        passed += low(compare_shares(ours, theirs, np.repeat(np.arange(60), 3)), 0.05) > -0.10
    assert passed / 1000 < 0.07


SIZES = {
    "conversations": [20] * 10 + [1] * 100,
    "long ones": [14] * 17 + [1] * 61,
    "turns": [2, 7, 1, 4, 11, 3, 1, 5] * 8,
}
OF_FIVE = {"five each": [5] * 60, "a few of five": [5] * 30 + [1] * 150, "turns": [2, 5, 1, 4, 5, 3, 1, 5] * 10}
"""As they are asked."""


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize(("loss", "most"), [(0.05, 0.05), (0.10, 0.01)])
def test_a_loss_of_whole_clusters_is_let_through_as_rarely_however_unequal_they_are(sizes, loss, most):
    """Where no large cluster is lost among the few that there are, nothing says that none will be."""
    random, clusters = np.random.default_rng(0), np.repeat(np.arange(len(sizes)), sizes)
    passed = 0
    for _ in range(400):
        lost = (random.random(len(sizes)) < loss)[clusters]
        it = compare_shares(~lost, np.ones(len(clusters), bool), clusters)
        passed += low(it, 0.05) >= -0.05
    assert passed / 400 <= most + 0.01


@pytest.mark.parametrize("sizes", [*SIZES.values(), *OF_FIVE.values()], ids=[*SIZES, *OF_FIVE])
@pytest.mark.parametrize("only", [1, 5])
def test_items_that_differ_here_and_there_do_not_hide_that_whole_clusters_are_lost(sizes, only):
    """They say that items of a cluster do not go together: 41 % passed with 15 conversations of 20 turns."""
    random, its = np.random.default_rng(0), np.array(sizes)
    clusters = np.repeat(np.arange(len(its)), its)
    chance = 0.05 * its.sum() / its[its >= only].sum()
    passed = 0
    for _ in range(600):
        is_lost = ((random.random(len(its)) < chance) & (its >= only))[clusters]
        flips = random.random(len(clusters))
        ours, theirs = ~is_lost & (flips > 0.03), is_lost | (flips < 0.97)
        passed += low(compare_shares(ours, theirs, clusters), 0.04) >= -0.05
    assert passed / 600 <= 0.07


@pytest.mark.parametrize("sizes", OF_FIVE.values(), ids=OF_FIVE)
def test_clusters_whose_items_have_nothing_to_do_with_each_other_tell_more_than_one_item_each(sizes):
    random, clusters = np.random.default_rng(0), np.repeat(np.arange(len(sizes)), sizes)
    drawn = random.random((100, len(clusters)))
    effects = [design_effect((row < 0.03) * 1.0 - (row > 0.97), clusters) for row in drawn]
    assert np.median(effects) < 2.2


@pytest.mark.parametrize(("sizes", "only"), [([1] * 27 + [30] * 3, 2), ([1] * 40 + [20] * 4, 2), ([4] * 30, 1)])
def test_all_that_is_at_stake_in_a_conversation_may_be_lost_though_it_never_was(sizes, only):
    """Each long one with a chance that makes retention 80 %: 39 % passed while nobody asked how much that is."""
    random, its = np.random.default_rng(0), np.array(sizes)
    clusters, chance = np.repeat(np.arange(len(its)), its), 0.2 * its.sum() / its[its >= only].sum()
    gain, passed = np.ones(its.sum()), 0
    for _ in range(300):
        is_lost = ((random.random(len(its)) < chance) & (its >= only))[clusters]
        kept = gain * ~is_lost + random.normal(0, 0.3, len(gain)) - 0.8 * gain
        passed += low(compare_gains(kept, clusters, gain), 0.04) > 0
    assert passed / 300 <= 0.05
    harmless = random.normal(0.2, 0.3, 120)
    assert low(compare_gains(harmless, np.arange(120), np.ones(120)), 0.04) > 0


@pytest.mark.parametrize("items", [3, 10, 20, 60])
def test_a_handful_of_scores_that_agree_shows_no_more_than_as_many_right_answers(items):
    """Student's t alone let a loss of 10 points pass on ten questions one time in three: none of them had shown it."""
    random = np.random.default_rng(0)
    draws = [random.choice([-1.0, 0.0, 1.0], items, p=[0.12, 0.86, 0.02]) for _ in range(400)]
    passed = sum(low(compare_scores(its, np.arange(items)), 0.05) >= -0.10 for its in draws)
    assert passed / len(draws) < 0.07
    agreed, right = np.zeros(items), np.ones(items, bool)
    tango = low(compare_shares(right, right, np.arange(items)), 0.05)
    assert low(compare_scores(agreed, np.arange(items)), 0.05) < tango + 0.02


def test_many_scores_are_compared_as_their_mean_is():
    its = np.random.default_rng(0).uniform(-0.4, 0.5, 600)
    plain = low(compare_means(its, np.arange(600)), 0.05)
    assert low(compare_scores(its, np.arange(600)), 0.05) == pytest.approx(plain, abs=1e-3)
    assert compare_scores(its, np.zeros(600)).error is None


@pytest.mark.parametrize("attempt", [23, 60])
def test_a_level_that_many_attempts_left_has_bounds_and_power(attempt):
    """From the 23rd attempt on 1 − level is 1 to a computer."""
    level = Gate().level_of(attempt)
    for it in (compare_shares(*answers(280, 8, 12, 0)), compare_means(np.linspace(-1, 2, 300), np.arange(300))):
        assert -np.inf < low(it, level) < low(it, 1e-6) < high(it, level) < np.inf
        assert 0 <= power(it, level, 0.05) < 0.01
        assert items_needed(it, level, 0.05) > it.n


@pytest.mark.parametrize(("together", "expected"), [(1, 88), (3, 264)])
def test_of_items_that_all_agree_as_many_are_needed_however_few_were_asked(together, expected):
    """Few that agree have wide bounds: taken for noise, six of them would call for six hundred."""
    right = [np.ones(n, bool) for n in (6, 30, 60, 81)]
    told = [items_needed(compare_shares(its, its, np.arange(len(its)) // together), 0.04, 0.05) for its in right]
    assert told == [expected] * 4
    enough = np.ones(expected, bool)
    assert low(compare_shares(enough, enough, np.arange(expected) // together), 0.04) > -0.05


def test_power_and_the_items_that_are_needed_agree():
    it = compare_shares(*answers(250, 25, 25, 0))
    needed = items_needed(it, 0.05, 0.05)
    grown = compare_shares(*answers(250 * needed // 300, 25 * needed // 300, 25 * needed // 300, 0))
    assert power(grown, 0.05, 0.05) == pytest.approx(paired.POWER, abs=0.02)
    assert power(it, 0.05, 0.05) < paired.POWER < power(it, 0.05, 0.10)


def test_no_number_of_items_shows_what_is_not_so():
    it = compare_shares(*answers(200, 5, 45, 50))
    assert items_needed(it, 0.05, 0.05, truth=it.difference) is None
    assert items_needed(it, 0.05, 0.0, truth=0.0) is None


def test_design_effect_is_one_for_items_that_stand_alone_and_their_number_where_nothing_varies():
    values = np.random.default_rng(0).random(50)
    assert design_effect(values, np.arange(50)) == 1.0
    assert design_effect(np.ones(60), np.arange(60) // 3) == 3.0
