"""What a model says is right to the letter, normalised or nearly; and what it said never hangs on its neighbours."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibe_pipeline import models
from vibe_pipeline.evaluate.greedy import NEARLY, score, similarity
from vibe_pipeline.progress import nobody
from vibe_pipeline.train.loop import train

FACTS = {"One?": "The uno.", "Two?": "dos", "Three?": "tres " * 9 + "fin", "Four?": "cuatro"}


@pytest.fixture(scope="module")
def fitted(base, on, lineage):
    """The tiny base overfitted on a few facts."""
    model, tokenizer = models.load_base(base, on)
    adapted = models.new_adapter(model, lineage.recipe, seed=0)
    rows = [(epoch, question, answer) for epoch in range(60) for question, answer in FACTS.items()]
    mix = pl.DataFrame(rows, schema=["epoch", "prompt", "completion"], orient="row")
    with nobody("") as advance:
        train(adapted, tokenizer, mix, lineage.recipe, on, max_minutes=5, advance=advance)
    return adapted, tokenizer


@pytest.fixture
def told(fitted, on):
    """What is told of questions with what is accepted, by question."""

    def run(accepted: dict[str, list[str]], model=fitted) -> dict[str, dict]:
        items = pl.DataFrame(
            {"item_id": [*accepted], "prompt": [*accepted], "accepted": [*accepted.values()]},
            schema_overrides={"accepted": pl.List(pl.String)},
        )
        with nobody("") as advance:
            return {row["item_id"]: row for row in score(*model, items, on, advance).rows(named=True)}

    return run


@pytest.mark.parametrize(
    ("said", "accepted", "figure"),
    [
        ("Paris", ["Paris"], 1.0),
        (" the  PARIS!", ["Lyon", "Paris"], 1.0),
        ("An apple a day", ["apple day"], 1.0),
        ("Pariss", ["Paris"], 10 / 11),
        ("Lyon", ["Paris"], 0.0),
        ("", ["Paris"], 0.0),
        ("-3", ["3"], 0.0),
        ("3.5", ["35"], 0.0),
        (".5", ["5"], 0.0),
        ("1,000", ["1000"], 1.0),
        ("C++", ["C"], 0.0),
        ("5%", ["5"], 0.0),
        ("version 1.2.3456", ["version 1.2.3457"], 0.0),
        ("the", ["a"], 0.0),
        ("!", ["!"], 1.0),
        ("well-known", ["well‑known"], 1.0),
    ],
)
def test_an_answer_is_right_nearly_right_or_wrong(said, accepted, figure):
    assert similarity(said, accepted) == pytest.approx(figure)


@given(st.text(), st.text())
def test_a_similarity_is_none_enough_or_all_and_the_same_both_ways(one, other):
    figure = similarity(one, [other])
    assert figure == 0 or NEARLY <= figure <= 1
    assert figure == similarity(other, [one])
    assert similarity(one, [other, one]) == 1.0


def test_what_a_model_says_is_heard_and_kept(told):
    rows = told({"One?": ["uno"], "Two?": ["tres", "dos"], "Four?": ["cuatros"]})
    assert [rows["One?"][name] for name in ("answer", "score", "exact")] == ["The uno.", 1.0, True]
    assert [rows["Two?"][name] for name in ("answer", "score", "exact")] == ["dos", 1.0, True]
    assert (rows["Four?"]["exact"], NEARLY < rows["Four?"]["score"] < 1) == (False, True)


def test_an_answer_that_goes_on_is_not_right(told):
    """It is heard beyond the end of what is accepted."""
    assert told({"Three?": ["tres"]})["Three?"]["exact"] is False
    assert told({"Three?": [FACTS["Three?"]]})["Three?"]["exact"] is True


def test_what_is_said_does_not_hang_on_the_items_beside_it(told):
    alone = told({"Three?": ["tres"]})["Three?"]["answer"]
    assert told({"Three?": ["tres"], "Two?": ["x" * 300]})["Three?"]["answer"] == alone


def test_chances_that_are_not_finite_are_missing_and_cost_no_other_item(base, on, told):
    import torch

    model, tokenizer = models.load_base(base, on)
    with torch.no_grad():
        model.get_input_embeddings().weight[tokenizer("Q").input_ids[0]] = float("nan")
    rows = told({"Q": ["a"], "P": ["a"]}, (model, tokenizer))
    assert {name: rows["Q"][name] for name in ("answer", "score", "exact")} == dict.fromkeys(
        ("answer", "score", "exact")
    )
    assert rows["P"]["score"] is not None
