"""Choices: scored with shared prefixes as by a plain pass each, every shared token read once, on any kind of layers."""

import math

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vibe_pipeline import models, passes
from vibe_pipeline.evaluate.choices import SCHEMA, score
from vibe_pipeline.progress import nobody
from vibe_pipeline.train.loop import train

SHOTS = "One?: uno\n\nTwo?: dos\n\n" * 3
ITEMS = pl.DataFrame(
    {
        "item_id": ["b", "a", "c", "d"],
        "prefix": [SHOTS, "", SHOTS, SHOTS],
        "prompt": ["Three?:", "Four?\n\n", "Five or six?:", "Fi:"],
        "choices": [["tres", "drei", "trois"], ["cuatro", "vier"], ["c", "seis", "fünf und noch mehr"], ["a", "b"]],
        "answer": ["drei", "cuatro", "seis", "b"],
    }
)
ARCHITECTURES = {
    "Llama": {"num_key_value_heads": 2},
    "GPT2": {"n_positions": 512},
    "Mistral": {"num_key_value_heads": 2, "sliding_window": 24},
    "GPTNeo": {"num_layers": 2, "num_heads": 4, "attention_types": [[["global", "local"], 1]], "window_size": 24},
    "Mamba": {},
}


@pytest.fixture(scope="module")
def llama(base, on):
    return models.load_base(base, on)


@pytest.fixture(scope="module")
def scored(on):
    """The rows of a scoring by item id."""

    def run(model, tokenizer, items=ITEMS):
        with nobody("") as advance:
            return {row["item_id"]: row for row in score(model, tokenizer, items, on, advance).rows(named=True)}

    return run


def by_hand(model, tokenizer, item) -> dict:
    """Every choice by a forward pass of its own over all that it stands after."""
    import torch

    text = item.get("prefix", "") + item["prompt"]
    sums, counts = [], []
    for choice in item["choices"]:
        head, tail = tokenizer(text).input_ids, tokenizer(choice if text[-1].isspace() else f" {choice}").input_ids
        with torch.no_grad():
            chances = model(torch.tensor([head + tail])).logits[0].float().log_softmax(-1)
        sums.append(sum(float(chances[len(head) + at - 1, token]) for at, token in enumerate(tail)))
        counts.append(len(tail))
    sizes = [len(choice.encode()) for choice in item["choices"]]
    weights = [total / size * sum(sizes) / len(sizes) for total, size in zip(sums, sizes, strict=True)]
    right = item["choices"].index(item["answer"])
    return {
        "answer": item["choices"][weights.index(max(weights))],
        "chance": math.exp(weights[right]) / sum(map(math.exp, weights)),
        "nll": -sums[right] / counts[right],
        "tokens": counts[right],
    }


def assert_as_by_hand(rows, model, tokenizer, items=ITEMS):
    for item in items.rows(named=True):
        expected = by_hand(model, tokenizer, item)
        found = {name: rows[item["item_id"]][name] for name in expected}
        assert found == pytest.approx(expected, abs=1e-4)


@pytest.fixture
def count_tokens(llama):
    """How many tokens the model reads in a block."""
    read = []
    handle = llama[0].get_input_embeddings().register_forward_pre_hook(lambda _, ids: read.append(ids[0].numel()))
    yield read
    handle.remove()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_numbers_are_those_of_a_plain_pass_a_choice(architecture, tiny_base, store, tmp_path, on, scored):
    import torch
    import transformers

    config = getattr(transformers, f"{architecture}Config")
    sizes = {"vocab_size": 257, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "eos_token_id": 0}
    torch.manual_seed(0)
    kind = getattr(transformers, f"{architecture}ForCausalLM" if architecture != "GPT2" else "GPT2LMHeadModel")
    model = kind(config(**sizes, initializer_range=0.2, **ARCHITECTURES[architecture]))
    model.save_pretrained(tmp_path / "model")
    transformers.AutoTokenizer.from_pretrained(tiny_base).save_pretrained(tmp_path / "model")
    loaded = models.load_base(models.base_model(store, str(tmp_path / "model")), on)
    assert_as_by_hand(scored(*loaded), *loaded)


def test_one_item_whose_choices_are_a_token_each_is_scored(llama, scored):
    item = pl.DataFrame({"item_id": ["a"], "prompt": ["Two and two?\n\n"], "choices": [["3", "4"]], "answer": ["4"]})
    assert_as_by_hand(scored(*llama, item), *llama, item)


@settings(max_examples=20)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["", "shot\n", "shot\n\nand another\n"]),
            st.text("abc ?\n", min_size=1, max_size=12),
            st.lists(st.text("abcé ", min_size=1, max_size=9), min_size=2, max_size=5, unique=True),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_any_items_are_scored_as_by_hand(llama, scored, drawn):
    items = pl.DataFrame(
        [
            {"item_id": str(at), "prefix": prefix, "prompt": prompt, "choices": choices, "answer": choices[-1]}
            for at, (prefix, prompt, choices) in enumerate(drawn)
        ]
    )
    assert_as_by_hand(scored(*llama, items), *llama, items)


def test_the_prefix_is_remembered_from_pack_to_pack(llama, scored, monkeypatch):
    monkeypatch.setattr(passes, "PACK_TOKENS", 30)
    assert_as_by_hand(scored(*llama), *llama)


def test_items_keep_their_order_and_a_right_one_scores_one(llama, on):
    with nobody("") as advance:
        rows = score(*llama, ITEMS, on, advance)
        none = score(*llama, ITEMS.clear(), on, advance)
    assert rows["item_id"].to_list() == ITEMS["item_id"].to_list()
    assert rows["exact"].to_list() == (rows["answer"] == ITEMS["answer"]).to_list()
    assert rows["score"].to_list() == rows["exact"].cast(pl.Float64).to_list()
    assert dict(rows.schema) == dict(none.schema) == SCHEMA
    assert none.is_empty()


@pytest.mark.parametrize("column", [True, False], ids=["named prefix", "found prefix"])
def test_every_shared_token_is_read_once(llama, scored, count_tokens, column):
    asked, choices = [f"{number}?" for number in range(20)], ["yes", "no"]
    items = pl.DataFrame({"item_id": asked, "prompt": asked, "choices": [choices] * 20, "answer": ["no"] * 20})
    before = pl.lit("s" * 300)
    items = items.with_columns(prefix=before) if column else items.with_columns(prompt=before + "prompt")
    scored(*llama, items)
    assert sum(count_tokens) <= 301 + sum(len(question) + len(" ye") + len(" n") for question in asked)


def test_what_was_learned_is_preferred_through_an_adapter(llama, base, on, lineage, scored):
    model, tokenizer = models.load_base(base, on)
    adapted = models.new_adapter(model, lineage.recipe, seed=0)
    items = pl.DataFrame(
        {
            "item_id": ["One", "Two"],
            "prompt": ["One?\n\n", "Two?\n\n"],
            "choices": [["uno", "dos"]] * 2,
            "answer": ["uno", "dos"],
        }
    )
    mix = pl.DataFrame(
        [(epoch, f"{one}?", answer) for epoch in range(30) for one, answer in items.select("item_id", "answer").rows()],
        schema=["epoch", "prompt", "completion"],
        orient="row",
    )
    with nobody("") as advance:
        train(adapted, tokenizer, mix, lineage.recipe, on, max_minutes=5, advance=advance)
    rows = scored(adapted, tokenizer, items)
    assert_as_by_hand(rows, adapted, tokenizer, items)
    assert [row["score"] for row in rows.values()] == [1.0, 1.0]
    assert min(row["chance"] for row in rows.values()) > 0.9 > scored(*llama, items)["One"]["chance"]


def test_a_score_that_is_not_a_number_is_missing_and_costs_no_other_item(base, on, scored):
    import torch

    model, tokenizer = models.load_base(base, on)
    with torch.no_grad():
        model.get_input_embeddings().weight[tokenizer("x").input_ids[0]] = float("nan")
    rows = scored(model, tokenizer)
    assert [name for name, row in rows.items() if row["nll"] is None] == ["c"]
    assert {rows["c"][name] for name in ("answer", "score", "chance", "exact", "nll")} == {None}
    assert_as_by_hand(rows, model, tokenizer, ITEMS.filter(pl.col("item_id") != "c"))


def test_a_prompt_that_is_too_long_loses_its_beginning(llama, scored):
    item = {"item_id": "long", "choices": ["yes", "no"], "answer": "no"}
    long, tail = (scored(*llama, pl.DataFrame([{**item, "prompt": text}]))["long"] for text in ("xy" * 900, "xy" * 510))
    assert (long["chance"], long["nll"]) == pytest.approx((tail["chance"], tail["nll"]), abs=1e-4)
