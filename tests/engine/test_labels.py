"""Labels: the model's own chances decide, end of sequence included; one that always says the same is found out."""

import math
import random

import polars as pl
import pytest

from vibe_pipeline import models
from vibe_pipeline.evaluate import teacher_forced
from vibe_pipeline.evaluate.labels import SCORER, score
from vibe_pipeline.evaluate.suites import MOST_LABELS, suite
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.progress import nobody
from vibe_pipeline.records import Kind

LABELS = ["fails", "fails: TypeError", "works"]
ITEMS = pl.DataFrame(
    {
        "item_id": ["a", "b", "c"],
        "prompt": ["print(1)", "x = 1\n", "Q"],
        "answer": ["works", "fails: TypeError", "fails"],
        "choices": [LABELS] * 3,
    }
)


@pytest.fixture(scope="module")
def llama(base, on):
    return models.load_base(base, on)


def told(model, tokenizer, items, on, scorer=score):
    with nobody("") as advance:
        return scorer(model, tokenizer, items, on, advance)


def by_hand(model, tokenizer, prompt: str, label: str) -> float:
    """The log-likelihood of a label and the end of sequence behind a prompt and a blank line."""
    import torch

    head, tail = tokenizer(f"{prompt}\n\n").input_ids, [*tokenizer(label).input_ids, tokenizer.eos_token_id]
    with torch.no_grad():
        chances = model(torch.tensor([head + tail])).logits[0].float().log_softmax(-1)
    return sum(float(chances[len(head) + at - 1, token]) for at, token in enumerate(tail))


def test_the_likeliest_label_is_said_as_a_plain_pass_over_each_finds_it(llama, on):
    for item, row in zip(ITEMS.rows(named=True), told(*llama, ITEMS, on).rows(named=True), strict=True):
        weights = {label: by_hand(*llama, item["prompt"], label) for label in LABELS}
        assert row["answer"] == max(weights, key=weights.__getitem__)
        right = weights[item["answer"]]
        assert row["chance"] == pytest.approx(math.exp(right) / sum(map(math.exp, weights.values())), abs=1e-5)
        assert (row["exact"], row["score"]) == (row["answer"] == item["answer"], float(row["exact"]))


def test_the_nll_is_that_of_the_teacher_forced_scorer(llama, on):
    plain = told(*llama, ITEMS, on, teacher_forced.score)
    assert told(*llama, ITEMS, on)["nll"].to_list() == pytest.approx(plain["nll"].to_list(), abs=1e-4)


def test_a_label_that_begins_another_is_another_answer(fitted_on, on):
    """Without the end of sequence "fails" could never be less likely than "fails: TypeError"."""
    model = fitted_on({"y": "fails: TypeError", "print(1)": "works", "x = 1": "fails"})
    asked = pl.DataFrame(
        {"item_id": ["y", "x"], "prompt": ["y", "x = 1"], "answer": ["works"] * 2, "choices": [LABELS] * 2}
    )
    assert told(*model, asked, on)["answer"].to_list() == ["fails: TypeError", "fails"]


def test_a_prompt_too_long_to_be_read_loses_its_beginning(llama, on):
    items = pl.DataFrame(
        {"item_id": ["long", "tail"], "prompt": ["q" * 3000, "q" * 1500], "answer": ["works"] * 2}
        | {"choices": [LABELS] * 2}
    )
    rows = told(*llama, items, on)
    assert rows["nll"][0] == pytest.approx(rows["nll"][1], abs=1e-5)


def test_what_is_not_finite_is_missing_and_costs_no_other_item(base, on):
    import torch

    model, tokenizer = models.load_base(base, on)
    with torch.no_grad():
        model.get_input_embeddings().weight[tokenizer("Q").input_ids[0]] = float("nan")
    rows = told(model, tokenizer, ITEMS, on)
    assert rows["answer"].is_null().to_list() == rows["score"].is_null().to_list() == [False, False, True]


def test_no_items_are_no_rows(llama, on):
    assert told(*llama, ITEMS.head(0), on).height == 0


@pytest.fixture
def fitted_on(base, on, lineage):
    """The tiny base overfitted on a few facts."""
    from vibe_pipeline.train.loop import train

    def fit(facts: dict[str, str]):
        model, tokenizer = models.load_base(base, on)
        adapted = models.new_adapter(model, lineage.recipe, seed=0)
        rows = [(epoch, question, facts[question]) for epoch in range(60) for question in facts]
        mix = pl.DataFrame(rows, schema=["epoch", "prompt", "completion"], orient="row")
        with nobody("") as advance:
            train(adapted, tokenizer, mix, lineage.recipe, on, max_minutes=5, advance=advance)
        return adapted, tokenizer

    return fit


# suites


@pytest.fixture
def suite_of(store, write_examples):
    """The items of a suite of held-out predictions, and of one conversation beside them."""

    def make(*completions: str) -> pl.DataFrame:
        rows = [
            {"prompt": f"p{n}", "completion": said, "split": "validation", "kind": "error_prediction"}
            for n, said in enumerate(completions)
        ]
        rows.append({"prompt": "hello", "completion": "works", "split": "validation"})
        file = store.path(f"examples/{write_examples(store, 0, rows).sha}.parquet")
        return pl.concat([pl.DataFrame(table) for table in suite(file, "raw-v1")])

    return make


def test_predictions_are_the_part_labels_with_all_labels_of_the_suite_as_choices(suite_of):
    items = suite_of("works", "fails", "works", "fails: TypeError").sort("prompt")
    assert items["part"].to_list() == ["behaviour", *["labels"] * 4]
    assert items["scorer"].to_list() == ["teacher_forced-v1", *[SCORER] * 4]
    assert items["choices"].to_list() == [None, *[["fails", "fails: TypeError", "works"]] * 4]


def test_one_label_alone_tells_nothing_apart(suite_of):
    assert suite_of("works", "works")["part"].to_list() == ["behaviour"] * 3


def test_rare_labels_beyond_the_cap_are_read_as_behaviour(suite_of):
    common = [f"fails: E{n:02}" for n in range(MOST_LABELS)] * 2
    items = suite_of(*common, "fails: Rare").filter(kind="error_prediction")
    assert items.filter(part="behaviour")["answer"].to_list() == ["fails: Rare"]
    assert items.filter(part="labels")["choices"].list.len().unique().to_list() == [MOST_LABELS]


# a real climb


@pytest.fixture
def log_runs():
    """Runs of which nothing in the code tells how they end; nine of ten work."""

    def write(home, count: int) -> None:
        chance, logger = random.Random(0), InteractionLogger(home)
        for number in range(count):
            code = "".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=12))
            works = chance.random() < 0.9
            told = {"output": "1" if works else "it broke", "success": works, "conversation_id": f"run {number}"}
            logger.log(module="m", action="run", input=f"print({code})", **told)
        logger.close()

    return write


def test_a_model_that_always_says_the_commonest_label_is_rejected_though_it_is_mostly_right(
    new_ladder, log_runs, tmp_path
):
    ladder = new_ladder(tmp_path / "var", kinds=(Kind.ERROR_PREDICTION,))
    log_runs(ladder.store.root, 300)
    ladder.log.open_generation()
    event = ladder.climb("main", 0)
    rules = {rule["name"]: rule for rule in event.facts["rules"]}
    assert (event.facts["verdict"], rules["balance"]["finding"]) == ("rejected", "failed")
    assert ladder.records()[0]["eval_generalization"] > 0.75
    assert "over the 2 labels of g000" in rules["balance"]["words"]
    assert "0% of the spread" in rules["balance"]["words"]
