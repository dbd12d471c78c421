"""Which items are asked and how many: the same ones, as many of each suite, and more where so few cannot tell."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibe_pipeline.evaluate.sampling import OF_A_CLUSTER, few_of_each, newest, planned, ranked, still_asked, wanted
from vibe_pipeline.judgement import Comparison, Comparisons
from vibe_pipeline.settings import Gate


def items(*suites: int) -> pl.DataFrame:
    """So many items of each generation's suite, three in a row of one fact."""
    every = [(g, n) for g, size in enumerate(suites) for n in range(size)]
    rows = [(f"s{g}", g, f"{(7919 * n) % 9973:04}-{g}", f"{g}/{n}?", f"{g}/{n}", f"fact {n // 3}") for g, n in every]
    words = dict.fromkeys(("item_id", "prompt", "answer", "cluster"), pl.String)
    table = pl.DataFrame(rows, schema={"suite_sha": pl.String, "generation": pl.Int64, **words}, orient="row")
    return table.with_columns(part=pl.lit("knowledge"))


@given(st.lists(st.integers(0, 12), min_size=1, max_size=5), st.integers(0, 40))
def test_any_head_holds_as_many_of_each_suite(sizes, limit):
    head = ranked(items(*sizes)).head(limit)
    counts = dict(head.group_by("generation").len().rows())
    left = {g: size - counts.get(g, 0) for g, size in enumerate(sizes)}
    unfinished = [counts.get(g, 0) for g, rest in left.items() if rest]
    assert head.height == min(limit, sum(sizes))
    assert not unfinished or max(counts.values(), default=0) - min(unfinished) <= 1


@given(st.lists(st.integers(0, 12), min_size=1, max_size=4), st.integers(0, 20), st.integers(0, 20), st.randoms())
def test_a_larger_sample_holds_the_smaller_one_whatever_the_order_of_the_rows(sizes, one, other, random):
    rows = items(*sizes)
    order = list(range(rows.height))
    random.shuffle(order)
    small, large = sorted((one, other))
    ids = ranked(rows[order])["item_id"]
    assert ids.head(large).to_list()[:small] == ranked(rows)["item_id"].head(small).to_list()


@given(st.integers(1, 12), st.integers(0, 36))
def test_no_second_wording_of_a_fact_is_asked_before_the_first_of_all(facts, limit):
    head = ranked(items(3 * facts)).head(limit)
    assert head["cluster"].n_unique() == min(facts, limit)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=30), st.data())
def test_a_head_holds_of_each_cluster_what_its_size_says(sizes, data):
    """To within two items: none counts for more because its cluster is small, or less because it is large."""
    rows = [(f"{(7919 * n) % 9973:04}", f"fact {n}-{size}") for n, size in enumerate(sizes)]
    every = [(f"{it}-{nth}", cluster) for (it, cluster), size in zip(rows, sizes, strict=True) for nth in range(size)]
    table = pl.DataFrame(every, schema=["item_id", "cluster"], orient="row").with_columns(suite_sha=pl.lit("s"))
    limit = data.draw(st.integers(0, sum(sizes)))
    counts = dict(ranked(table).head(limit)["cluster"].value_counts().iter_rows())
    share = limit / sum(sizes)
    assert all(abs(counts.get(name, 0) - share * size) < 2 for (_, name), size in zip(rows, sizes, strict=True))


def test_an_item_is_as_likely_to_be_asked_whatever_the_size_of_its_cluster():
    """The first id of many comes early: a cluster that started there was asked sooner, the larger it was."""
    random, sizes = np.random.default_rng(0), np.repeat([1, 3, 20], [60, 30, 6])
    cluster = np.repeat(np.arange(len(sizes)), sizes)
    asked = {1: 0, 3: 0, 20: 0}
    for _ in range(200):
        ids = [f"{it:04}" for it in random.permutation(len(cluster))]
        names = [f"{random.integers(1 << 30)} {it}" for it in range(len(sizes))]
        table = pl.DataFrame({"item_id": ids, "cluster": [names[it] for it in cluster], "size": sizes[cluster]})
        head = ranked(table.with_columns(suite_sha=pl.lit("s"))).head(90)
        for size, count in head["size"].value_counts().rows():
            asked[size] += count
    shares = [asked[size] / 200 / (sizes[sizes == size].sum()) for size in asked]
    assert shares == pytest.approx([90 / 270] * 3, abs=0.02)


def test_of_a_long_conversation_a_few_turns_are_asked_and_always_the_same():
    every = items(40).with_columns(
        cluster=pl.when(pl.int_range(pl.len()) < 30).then(pl.lit("long")).otherwise("item_id")
    )
    few = few_of_each(every)
    assert few.filter(pl.col("cluster") == "long").height == OF_A_CLUSTER
    assert few.height == 10 + OF_A_CLUSTER
    two = every.with_columns(part=pl.when(pl.int_range(pl.len()) < 3).then(pl.lit("labels")).otherwise("part"))
    assert few_of_each(two).filter(pl.col("part") == "labels").height == 3
    assert few_of_each(every[::-1]).sort("item_id").equals(few.sort("item_id"))


def test_items_are_planned_for_by_how_often_models_differ_and_not_by_who_is_right():
    counts = []
    for gained, lost in ((4, 4), (0, 8), (8, 0)):
        fixed = {"n": 120, "clusters": 120, "difference": (gained - lost) / 120, "error": 0.02}
        recall = Comparison(**fixed, gained=gained, lost=lost)
        counts += [count for _, count in planned(Comparisons(recall=recall), Gate(), 0.04)]
    assert counts[0] == counts[1] == counts[2] > 300


def test_a_question_that_was_asked_anew_is_asked_with_its_newest_answer_only():
    rows = items(2, 2).with_columns(prompt=pl.Series(["a", "b", "b", "c"]))
    assert (
        still_asked(rows, items(0))["item_id"].to_list()
        == rows["item_id"].to_list()[2:] + rows["item_id"].to_list()[:1]
    )
    new = pl.DataFrame({"prompt": ["c", "b"], "answer": ["another", "another"]})
    assert still_asked(rows, new)["prompt"].to_list() == ["a"]


def test_documents_are_asked_for_nothing_and_are_asked_all_the_same():
    """Each has the empty prompt: none of them is another one asked anew."""
    rows = items(3, 2).with_columns(prompt=pl.lit(" "))
    assert newest(rows).height == 5
    assert still_asked(rows, rows.head(1))["item_id"].to_list() == rows["item_id"].to_list()[3:] + sorted(
        rows["item_id"].to_list()[1:3]
    )
    copied = rows.with_columns(answer=pl.lit("the same text"))
    assert still_asked(copied, items(0)).height == 1


def test_of_what_is_new_a_question_of_two_generations_is_asked_as_the_later_has_it():
    rows = items(3, 2).with_columns(prompt=pl.Series(["a", "a", "b", "b", "c"]))
    assert newest(rows)["item_id"].to_list() == [rows["item_id"][at] for at in (0, 1, 3, 4)]


@given(st.randoms(use_true_random=False))
def test_which_of_two_equal_questions_is_asked_does_not_hang_on_the_order_of_the_rows(random):
    """ "Go on." stands in many conversations, each time with another answer."""
    rows = items(40).with_columns(prompt=pl.lit("Go on."))
    order = random.sample(range(40), 40)
    assert still_asked(rows[order], items(0)).equals(still_asked(rows, items(0)))


def answered(n: int, differing: float, seconds: float = 0.0, **nll: float) -> pl.DataFrame:
    """Earlier items on which parent and child differ so often, neither being better."""
    random = np.random.default_rng(0)
    parent = random.random(n) < 0.9
    child = parent ^ (random.random(n) < differing)
    columns = {f"nll_{model}": random.normal(nll.get(model, 1.0), 0.5, n) for model in ("base", "parent", "child")}
    return pl.DataFrame(columns).with_columns(
        is_new=pl.lit(False),
        is_exact=pl.lit(not nll),
        generation=pl.lit(0),
        part=pl.lit("knowledge"),
        answer=pl.lit("A"),
        cluster=pl.Series(map(str, range(n))),
        exact_parent=pl.Series(parent),
        exact_child=pl.Series(child),
        seconds_parent=pl.lit(seconds),
        seconds_child=pl.lit(seconds),
    )


def test_the_more_two_models_differ_the_more_items_are_asked():
    asked = [wanted(answered(120, share), Gate(recall_items=2000), math.inf) for share in (0.0, 0.08, 0.2)]
    assert 120 < asked[0] < 200 < asked[1] < asked[2] <= 2000
    assert wanted(answered(120, 0.2), Gate(recall_items=300), math.inf) == 300


@pytest.mark.parametrize(("free", "expected"), [(1, 0), (11, 0), (12, 300)])
def test_a_few_items_that_only_veto_call_for_no_others(free, expected):
    """One of 120 without a right answer tells nothing, and would call for all there are."""
    exact, others = answered(120 - free, 0.0), answered(free, 0.0, base=1.1, parent=1.0, child=1.0)
    table = pl.concat([exact, others], how="diagonal")
    alone = wanted(exact, Gate(), math.inf)
    assert wanted(table, Gate(), math.inf) == (expected or pytest.approx(alone * 120 / (120 - free), abs=9))


def test_the_champions_of_old_are_looked_at_too():
    """Child and parent agree on all, and neither on much with those that were promoted with the suites."""
    table = answered(120, 0.0).with_columns(exact_then=answered(120, 0.4)["exact_child"])
    gate = Gate(recall_items=2000)
    assert wanted(table.drop("exact_then"), gate, math.inf) < 200 < wanted(table, gate, math.inf)


def test_a_later_attempt_has_less_of_the_level_and_asks_more():
    gate = Gate(recall_items=2000)
    first, second, third = (wanted(answered(120, 0.1), gate, math.inf, attempt) for attempt in (1, 2, 3))
    assert first < second < third


def test_how_many_are_asked_does_not_hang_on_who_is_right():
    """A look that sees the effect would spend the level; this one sees how often they differ."""
    table = answered(120, 0.15)
    turned = table.with_columns(exact_child="exact_parent", exact_parent="exact_child")
    assert wanted(table, Gate(recall_items=9999), math.inf) == wanted(turned, Gate(recall_items=9999), math.inf)


def test_free_form_items_are_asked_until_the_margin_of_what_was_gained_can_be_seen():
    much, little = (answered(120, 0, base=gained, parent=0.0, child=0.0) for gained in (3.0, 0.5))
    assert wanted(much, Gate(recall_items=2000), math.inf) < 120 < wanted(little, Gate(recall_items=2000), math.inf)


@pytest.mark.parametrize(
    ("seconds", "left", "expected"), [(0.1, 20.0, 220), (0.1, 0.0, 120), (0.1, -5.0, 120), (0.0, 0.0, 300)]
)
def test_no_more_is_asked_than_the_time_has_room_for(seconds, left, expected):
    assert wanted(answered(120, 0.3, seconds), Gate(), left) == expected


def test_without_an_earlier_item_none_is_wanted():
    assert wanted(answered(1, 0).clear(), Gate(), math.inf) == 0
