"""The continual-learning table against arithmetic by hand: who is compared with whom, on which items; what is blank."""

from collections.abc import Iterable
from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vibe_pipeline.evaluate.matrix import Matrix, Row, matrix

BASE = Row(generation="base", adapter="base")
G0 = Row(generation="g000", adapter="a0", delta=(0,), learned=(0,))
G1 = Row(generation="g001", adapter="a1", parent="a0", delta=(1,), learned=(0, 1))
G2 = Row(generation="g002", adapter="a2", parent="a1", delta=(2,), learned=(0, 1, 2))
LADDER = (BASE, G0, G1, G2)


def exact(hits: dict[tuple[int, int], str | float], items: int = 10) -> pl.DataFrame:
    """(row, generation of the suite) → a share of exact answers, or one letter for each item: 1, 0, or . for none."""
    lines = []
    for (row, generation), answered in hits.items():
        letters = answered if isinstance(answered, str) else "1" * round(answered * items)
        for place, letter in enumerate(letters if isinstance(answered, str) else letters.ljust(items, "0")):
            if letter != ".":
                hit = letter == "1"
                lines.append((row, "knowledge", generation, f"{generation}-{place}", f"f{place}", hit, 2.0 - hit))
    return frame(lines)


def behaviour(nll: dict[tuple[int, int], Iterable[float | None]]) -> pl.DataFrame:
    return frame(
        (row, "behaviour", generation, f"{generation}-{place}", f"{generation}-{place}", None, value)
        for (row, generation), values in nll.items()
        for place, value in enumerate(values)
    )


def frame(lines) -> pl.DataFrame:
    columns = {"row": pl.Int64, "part": pl.String, "generation": pl.Int64, "item_id": pl.String, "cluster": pl.String}
    return pl.DataFrame([*lines], schema={**columns, "exact": pl.Boolean, "nll": pl.Float64}, orient="row")


def values(made: Matrix, part: str = "knowledge") -> dict[str, dict[str, float]]:
    """Row → suite → share."""
    return {
        row.generation: {it.suite: round(it.share.value, 9) for it in row.cells if it.part == part and it.share}
        for row in made.rows
    }


def said(summaries, part: str = "knowledge") -> tuple[float, int, tuple[str, ...]] | None:
    return next(((round(it.share.value, 9), it.share.n, it.suites) for it in summaries if it.part == part), None)


KNOWN = {
    **{(0, 0): 0.0, (0, 1): 0.1, (0, 2): 0.2},
    **{(1, 0): 0.9, (1, 1): 0.3},
    **{(2, 0): 1.0, (2, 1): 0.8, (2, 2): 0.1},
    **{(3, 0): 0.6, (3, 1): 0.7, (3, 2): 0.9},
}


@pytest.fixture(scope="module")
def made() -> Matrix:
    return matrix("main", LADDER, exact(KNOWN))


def test_every_cell_is_where_it_was_measured_and_blank_elsewhere(made):
    assert values(made) == {
        "base": {"g000": 0.0, "g001": 0.1, "g002": 0.2},
        "g000": {"g000": 0.9, "g001": 0.3},
        "g001": {"g000": 1.0, "g001": 0.8, "g002": 0.1},
        "g002": {"g000": 0.6, "g001": 0.7, "g002": 0.9},
    }


def test_average_accuracy_is_over_what_a_rung_has_learned(made):
    assert [said(row.average) for row in made.rows] == [
        None,
        (0.9, 10, ("g000",)),
        (0.9, 20, ("g000", "g001")),
        (pytest.approx(2.2 / 3), 30, ("g000", "g001", "g002")),
    ]
    assert made.average == made.rows[-1].average


def test_backward_transfer_is_what_became_of_what_was_learned(made):
    """((0.6 − 0.9) + (0.7 − 0.8)) / 2."""
    assert said(made.backward_transfer) == (-0.2, 20, ("g000", "g001"))


def test_forward_transfer_is_what_was_known_before_it_was_learned(made):
    """((0.3 − 0.1) + (0.1 − 0.2)) / 2."""
    assert said(made.forward_transfer) == (0.05, 20, ("g001", "g002"))


def test_forgetting_is_measured_from_the_best_that_ever_was(made):
    """((1.0 − 0.6) + (0.8 − 0.7)) / 2; g000 knew 0.3 of g001."""
    assert said(made.forgetting) == (0.25, 20, ("g000", "g001"))


def test_what_was_stepped_over_is_not_what_the_ladder_stands_on():
    stepped_over = replace(G2, is_rolled_back=True)
    made = matrix("main", (BASE, G0, G1, stepped_over), exact(KNOWN))
    assert made.told.generation == "g001"
    below = matrix("main", (BASE, G0, G1), exact({key: it for key, it in KNOWN.items() if key[0] < 3}))
    assert said(made.backward_transfer) == said(below.backward_transfer) == (0.1, 10, ("g000",))
    assert said(made.average) == said(below.average)
    assert values(made)["g002"] == {"g000": 0.6, "g001": 0.7, "g002": 0.9}


def test_the_nll_of_a_transfer_is_what_was_saved_and_of_forgetting_what_was_lost(made):
    """An item costs a nat less once it is answered exactly."""
    (backward,), (forgotten,), (average,) = made.backward_transfer, made.forgetting, made.average
    assert backward.nll.value == pytest.approx(-0.2)
    assert forgotten.nll.value == pytest.approx(0.25)
    assert average.nll.value == pytest.approx(2 - 2.2 / 3)
    assert average.nll.low < average.nll.value < average.nll.high


def test_every_figure_has_its_n_and_an_interval(made):
    for it in [*made.average, *made.backward_transfer, *made.forward_transfer, *made.forgetting, *made.rows[3].cells]:
        assert it.share.n > 0
        assert it.share.low < it.share.value < it.share.high


def test_only_items_that_both_answered_are_compared():
    """g000 answered items 0–3 of its suite, g001 items 2–5: of 2 and 3, one was lost."""
    made = matrix("main", (BASE, G0, G1), exact({(1, 0): "1111..", (2, 0): "..1000", (2, 1): "1"}))
    assert values(made)["g001"]["g000"] == 0.25
    assert said(made.backward_transfer) == (-0.5, 2, ("g000",))
    assert said(made.forgetting) == (0.5, 2, ("g000",))


def test_suites_of_which_no_item_is_shared_are_not_compared():
    made = matrix("main", (BASE, G0, G1), exact({(1, 0): "11..", (2, 0): "..00", (2, 1): "1"}))
    assert (made.backward_transfer, made.forgetting) == ((), ())
    assert said(made.average) == (0.5, 3, ("g000", "g001"))


def test_an_answer_without_a_score_is_blank_and_no_zero():
    answers = exact({(1, 0): "11"}).with_columns(exact=pl.lit(None, pl.Boolean), nll=pl.lit(None, pl.Float64))
    assert matrix("main", (BASE, G0), answers).rows[1].cells == ()


def test_a_rung_alone_has_an_average_and_nothing_to_compare():
    made = matrix("main", (BASE, G0), exact({(0, 0): 0.0, (1, 0): 0.9}))
    assert said(made.average) == (0.9, 10, ("g000",))
    assert made.backward_transfer == made.forward_transfer == made.forgetting == ()
    assert matrix("main", (BASE, G0), frame([])).rows[1].cells == ()


def test_what_is_learned_again_after_a_rejection_is_not_recall_and_the_rejected_rung_no_parent():
    """g001 forgot g000 and was rejected; g002 grew from g000 on both deltas."""
    again = Row(generation="g002", adapter="a2", parent="a0", delta=(1, 2), learned=(0, 1, 2))
    known = {(1, 0): 0.9, (1, 1): 0.2, (1, 2): 0.3, (2, 0): 1.0, (2, 1): 0.8, (3, 0): 0.8, (3, 1): 0.9, (3, 2): 0.7}
    made = matrix("main", (BASE, G0, G1, again), exact({**known, (0, 1): 0.1, (0, 2): 0.1}))
    assert said(made.backward_transfer) == (-0.1, 10, ("g000",))
    assert said(made.forgetting) == (0.1, 10, ("g000",)), "the 1.0 of g001 is not in the past of g002"
    assert said(made.forward_transfer) == (0.15, 20, ("g001", "g002"))
    assert said(made.average) == (0.8, 30, ("g000", "g001", "g002"))


def test_behaviour_counts_the_items_that_are_likelier_than_to_the_base_model():
    made = matrix(
        "main",
        (BASE, G0, G1),
        behaviour({(0, 0): [2, 2, 2, 2], (1, 0): [1, 1, 1, 3], (2, 0): [1, 3, 3, None], (0, 1): [2], (1, 1): [1.5]}),
    )
    assert values(made, "behaviour") == {"base": {}, "g000": {"g000": 0.75, "g001": 1.0}, "g001": {"g000": 0.333333333}}
    assert [cell.nll.value for cell in made.rows[0].cells] == [2, 2]
    assert said(made.backward_transfer, "behaviour") == (pytest.approx(-2 / 3), 3, ("g000",))
    assert made.backward_transfer[0].nll.value == pytest.approx(-4 / 3)


def test_forward_transfer_of_behaviour_is_told_in_nats_alone():
    """The base model is likelier than itself on no item: a share would begin at 0.5 for a model that is any other."""
    (told,) = matrix(
        "main", (BASE, G0, G1), behaviour({(0, 1): [2, 3], (1, 1): [1, 3], (2, 1): [1, 1]})
    ).forward_transfer
    assert (told.share, told.nll.value, told.nll.n) == (None, 0.5, 2)


def test_parts_are_apart_and_those_with_one_right_answer_first():
    both = pl.concat([behaviour({(0, 0): [2], (1, 0): [1]}), exact({(0, 0): 0.0, (1, 0): 1.0})])
    made = matrix("main", (BASE, G0), both)
    assert made.parts == ("knowledge", "behaviour")
    assert [it.part for it in made.average] == ["knowledge", "behaviour"]


def test_items_of_one_fact_make_the_interval_wider():
    one_fact = exact(KNOWN).with_columns(cluster=pl.lit("same"))
    wide, narrow = (matrix("main", LADDER, it).average[0] for it in (one_fact, exact(KNOWN)))
    assert (wide.facts, narrow.facts) == (3, 30)
    assert wide.share.high - wide.share.low > narrow.share.high - narrow.share.low


@settings(max_examples=20)
@given(st.randoms(use_true_random=False))
def test_the_order_of_lines_does_not_matter(random):
    lines = exact(KNOWN).rows()
    random.shuffle(lines)
    assert matrix("main", LADDER, frame(lines)) == matrix("main", LADDER, exact(KNOWN))


@settings(max_examples=20)
@given(st.lists(st.sampled_from(sorted(KNOWN)), unique=True))
def test_a_cell_says_the_same_whatever_else_was_measured(others):
    some = {place: KNOWN[place] for place in {(3, 0), *others}}
    cells = [
        next(it for it in matrix("main", LADDER, exact(known)).rows[3].cells if it.suite == "g000")
        for known in (some, KNOWN)
    ]
    assert cells[0] == cells[1]
