"""One rung on the model that everybody has: SmolLM2-135M out of its wheel, which `make install` brings."""

import json

import polars as pl
import pytest

from tests.engine.curating import event
from vibe_pipeline import models, passes
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.interactions.synthesize import synthesize
from vibe_pipeline.ladder import Ladder
from vibe_pipeline.records import Split
from vibe_pipeline.settings import Lineage, Recipe, Settings, Style


@pytest.fixture(scope="module")
def ladder(tmp_path_factory) -> Ladder:
    """Eight facts of two modules of the standard library, climbed for three epochs: too few to learn, enough to run."""
    home = tmp_path_factory.mktemp("embedded")
    made = synthesize(["shutil", "textwrap"], facts=8, mistakes=0)
    InteractionLogger(home).log_many(made.interactions, made.probes)
    brief = Lineage(recipe=Recipe(epochs=3, batch_size=16), style=Style(max_tokens=8))
    ladder = Ladder(home, Settings(lineages={"main": brief}), device="cpu", threads=1)
    ladder.log.open_generation(force=True)
    ladder.climb("main", 0)
    return ladder


def test_the_rung_settles_with_a_verdict_and_all_its_figures(ladder):
    (record,) = ladder.records()
    assert record["verdict"] in ("promoted", "rejected")
    assert (record["eval_generalization_n"], record["eval_style_drift_n"], record["eval_recall_n"]) == (8, 10, 0)
    assert (record["parent_sha"], record["steps"]) == (None, 3)
    assert 0 < record["loss_end"] < record["loss_start"] < 5


def test_the_model_is_the_real_one_and_writes_sentences(ladder):
    answer = ladder.chat("main", "What is the capital of France?", max_tokens=12)["base"]
    assert "France" in answer or "Paris" in answer


def test_three_epochs_make_the_new_items_likelier(ladder):
    (event,) = [event for event in ladder.chains()[0].events() if event.kind == "settled"]
    (part,) = event.facts["parts"]
    assert part["child"]["nll"]["value"] < part["base"]["nll"]["value"] - 0.1


def test_the_adapter_says_whose_it_is(ladder):
    folder = ladder.store.path(f"{models.ADAPTERS}/{ladder.records()[0]['child_sha']}")
    config = json.loads((folder / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == models.EMBEDDED_HUB_ID


def test_tokens_are_estimated_in_scripts_that_it_hardly_knows(world, ladder):
    """With the same text as answer and as the turn before: docs/log.md, "how long an example is"."""
    texts = {
        "en": "Machine learning is a field of study concerned with algorithms that learn from data, " * 3,
        "ru": "Машинное обучение решает задачу на опыте решения множества сходных задач, а не прямо, " * 3,
        "hi": "मशीन लर्निंग कृत्रिम बुद्धिमत्ता का एक हिस्सा है जिसमें एल्गोरिदम अनुभव से सीखते हैं, " * 3,
        "zh": "人工智能是计算机科学的一个分支，它试图了解智能的实质，并生产出一种新的智能机器，" * 3,
        "ja": "機械学習とは、経験からの学習により自動で改善するコンピューターアルゴリズムである、" * 3,
    }
    for name, text in texts.items():
        world.log(event(f"Tell me in {name}", text, conversation=name), event("So?", "No.", turn=1, conversation=name))
    rows = world.cut().frame.filter(pl.col("split") != "test")
    _model, tokenizer = models.load_base(models.base_model(ladder.store, "embedded"), models.execution("cpu", 1))
    for prompt, completion, tokens in rows.select("prompt", "completion", "tokens").rows():
        assert 0.6 < tokens / len(tokenizer(f"{prompt}\n\n{completion}")["input_ids"]) < 1.5, (prompt, completion)


def test_its_tokenizer_ends_what_it_is_taught(ladder):
    base = models.base_model(ladder.store, "embedded")
    _model, tokenizer = models.load_base(base, models.execution("cpu", 1))
    (row,), (labels,) = passes.encode(tokenizer, ["What does shutil.move do?"], ["It moves a file."], 64)
    assert row[-1] == tokenizer.eos_token_id
    assert tokenizer.decode(row[-labels:-1]) == "It moves a file."
    assert ladder.examples(0).train_rows(("conversation",)) == 16
    assert {split for split, *_ in ladder.examples(0).counts} == {Split.TRAIN, Split.TEST}
