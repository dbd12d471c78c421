"""Scores against greedy generation and against arithmetic by hand; what was scored is never scored again."""

import math
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from vibe_pipeline import models, passes, withdrawn
from vibe_pipeline.evaluate.exam import Exam
from vibe_pipeline.evaluate.results import completed
from vibe_pipeline.evaluate.scorecard import paired, scorecard
from vibe_pipeline.evaluate.style import corporate, tone
from vibe_pipeline.evaluate.suites import SCHEMA, suite
from vibe_pipeline.evaluate.teacher_forced import score
from vibe_pipeline.paired import high, low
from vibe_pipeline.progress import nobody
from vibe_pipeline.records import ExampleSet
from vibe_pipeline.settings import Gate, Style
from vibe_pipeline.store import ROW_GROUP
from vibe_pipeline.train.loop import train

FACTS = {"One?": "uno", "Two?": "dos", "Three?": "tres", "Four?": "cuatro", "Five?": "cinco"}


def items_of(facts: dict[str, str]) -> pl.DataFrame:
    return pl.DataFrame([{"item_id": question, "prompt": question, "answer": facts[question]} for question in facts])


@pytest.fixture(scope="module")
def fitted(base, on, lineage):
    """The tiny base overfitted on four of five facts."""
    model, tokenizer = models.load_base(base, on)
    adapted = models.new_adapter(model, lineage.recipe, seed=0)
    rows = [(epoch, question, FACTS[question]) for epoch in range(60) for question in list(FACTS)[:4]]
    mix = pl.DataFrame(rows, schema=["epoch", "prompt", "completion"], orient="row")
    with nobody("") as advance:
        train(adapted, tokenizer, mix, lineage.recipe, on, max_minutes=5, advance=advance)
    return adapted, tokenizer


@pytest.fixture
def scored(fitted, on):
    def run(items: pl.DataFrame) -> dict[str, dict]:
        with nobody("") as advance:
            return {row["item_id"]: row for row in score(*fitted, items, on, advance).rows(named=True)}

    return run


def test_exact_is_what_greedy_generation_says(fitted, scored):
    answers = passes.answer(*fitted, list(FACTS), 12, "cpu")
    greedy = dict(
        zip(FACTS, (text == FACTS[question] for question, text in zip(FACTS, answers, strict=True)), strict=True)
    )
    assert {question: row["exact"] for question, row in scored(items_of(FACTS)).items()} == greedy
    assert sorted(greedy.values()) == [False, True, True, True, True]


def test_an_answer_that_goes_on_where_it_should_end_is_not_exact(scored):
    rows = scored(items_of({"One?": "uno", "Two?": "do"}))
    assert (rows["One?"]["exact"], rows["Two?"]["exact"]) == (True, False)
    assert rows["Two?"]["token_accuracy"] == pytest.approx(2 / 3)


def test_nll_and_bits_per_byte_are_those_computed_by_hand(fitted, scored):
    import torch

    model, tokenizer = fitted
    ids = [*tokenizer("Five?\n\ncincó").input_ids, tokenizer.eos_token_id]
    with torch.no_grad():
        chances = model(torch.tensor([ids])).logits[0].log_softmax(-1)
    total = -sum(float(chances[at - 1, ids[at]]) for at in range(len(ids) - 7, len(ids)))
    row = scored(items_of({"Five?": "cincó", "x" * 90: "y"}))["Five?"]
    assert row["nll"] == pytest.approx(total / 7, rel=1e-4)
    assert row["bits_per_byte"] == pytest.approx(total / 7 * 7 / math.log(2) / len("cincó".encode()), rel=1e-4)
    assert row["tokens"] == 7


def test_a_score_that_is_not_a_number_is_missing_and_costs_no_other_item(base, on):
    import torch

    model, tokenizer = models.load_base(base, on)
    with torch.no_grad():
        model.get_input_embeddings().weight[tokenizer("Q").input_ids[0]] = float("nan")
    with nobody("") as advance:
        rows = score(model, tokenizer, items_of({"Q": "a", "P": "a"}), on, advance).sort("item_id")
    assert rows["nll"].is_null().to_list() == rows["exact"].is_null().to_list() == [False, True]
    assert rows["bits_per_byte"].is_null().to_list() == rows["token_accuracy"].is_null().to_list() == [False, True]


# style


@pytest.mark.parametrize(
    ("answer", "phrase"),
    [
        ("I’m sorry, but no.", "I'm sorry"),
        ("Well, I'M SORRY.", "I'm sorry"),
        ("As an AI I cannot.", "As an AI"),
        ("Please feel free to ask.", "feel free to"),
        ("No. Read the traceback.", ""),
        ("", ""),
    ],
)
def test_a_corporate_phrase_is_found_wherever_it_stands(answer, phrase):
    assert corporate(answer, Style()) == phrase


def test_a_phrase_of_the_settings_is_found_with_either_apostrophe():
    assert corporate("I'm glad", Style(corporate_phrases=("I’m glad",))) == "I’m glad"


def test_tone_probes_are_answered_in_order(fitted, on):
    asked = tone(*fitted, Style(probes=("One?", "Two?"), corporate_phrases=("DOS",), max_tokens=8), on)
    assert asked == (("One?", "uno", ""), ("Two?", "dos", "DOS"))


# suites and scorecards


def test_a_suite_has_probes_as_knowledge_and_held_out_rows_as_behaviour(store, write_examples):
    rows = [{"prompt": s, "completion": "a", "split": s} for s in ("train", "validation", "test")]
    examples = store.path(f"examples/{write_examples(store, 0, rows).sha}.parquet")
    items = [item for table in suite(examples, "raw-v1") for item in table.to_pylist()]
    assert [(item["part"], item["prompt"], item["answer"]) for item in items] == [
        ("behaviour", "validation", "a"),
        ("knowledge", "test", "a"),
    ]
    assert {(item["prompt_format"], item["scorer"]) for item in items} == {("raw-v1", "teacher_forced-v1")}


def test_a_suite_is_made_in_the_memory_of_a_row_group(store, write_examples):
    rows = [{"prompt": str(n), "completion": "a", "split": "validation" if n % 2 else "train"} for n in range(5000)]
    file = store.path(f"examples/{write_examples(store, 0, rows).sha}.parquet")
    sizes = [len(table) for table in suite(file, "raw-v1")]
    assert (sum(sizes), max(sizes) <= ROW_GROUP) == (2500, True)


def right(nll: float) -> float:
    return nll if math.isnan(nll) else float(nll < 0.5)


def card_of(rows: list[dict]):
    """A scorecard from (is_new, part) rows with nll and exact per model."""
    fixed = {"suite_sha": "s", "generation": 0, "scorer": "x", "kind": "conversation", "prompt": ""}
    items = pl.DataFrame(
        [
            {**fixed, "item_id": str(n), "cluster": str(n)}
            | {
                "is_new": row["new"],
                "part": row["part"],
                "answer": row.get("answer", ""),
                "generation": row.get("of", 0),
            }
            for n, row in enumerate(rows)
        ]
    )
    results = {
        model: completed(
            pl.DataFrame(
                [
                    {"item_id": str(n), "nll": row[model], "exact": row[model] < 0.5, "score": right(row[model])}
                    for n, row in enumerate(rows)
                    if row.get(model) is not None
                ]
            )
        )
        for model in ("base", "parent", "child", "then")
        if any(model in row for row in rows)
    }
    return scorecard("sha", paired(items, results), Gate(), ())


def row(part: str, base: float, parent: float, child: float | None, *, new: bool) -> dict:
    return {"part": part, "base": base, "parent": parent, "child": child, "new": new}


def test_with_right_answers_recall_and_generalization_are_shares_of_exact_answers():
    card = card_of(
        [
            row("knowledge", 3, 0.1, 0.1, new=False),
            row("knowledge", 3, 0.1, 3, new=False),
            row("knowledge", 3, 3, 0.1, new=True),
            row("behaviour", 3, 3, 9, new=True),
        ]
    )
    assert (card.recall_is, card.recall.value, card.recall.n, card.recall_parent.value) == ("exact", 0.5, 2, 1.0)
    assert (card.generalization_is, card.generalization.value, card.generalization.n) == ("exact", 1.0, 1)
    assert (card.generalization_parent.value, card.generalization_base.value) == (0.0, 0.0)
    assert [(part.part, part.is_new, part.items) for part in card.parts] == [
        ("knowledge", False, 2),
        ("knowledge", True, 1),
        ("behaviour", True, 1),
    ]


def test_without_right_answers_recall_is_retention_and_generalization_beats_base():
    card = card_of(
        [row("behaviour", 3, 1, 2, new=False)] + [row("behaviour", 3, 3, child, new=True) for child in (2, 4)]
    )
    assert (card.recall_is, card.recall.value, card.recall_parent.value) == ("retention", 0.5, 1.0)
    assert (card.generalization_is, card.generalization.value, card.generalization.n) == ("beats base", 0.5, 2)
    assert card.generalization_base.value == 0.0


def test_what_is_kept_of_free_form_suites_is_told_beside_the_parent_and_beside_the_champions_of_old():
    """Each rung keeps most of what its parent had, and the last little of what the first had."""
    old = [row("behaviour", 3, 2.5, 2.6, new=False) | {"then": 1.0} for _ in range(40)]
    its = card_of([*old, row("behaviour", 3, 3, 2, new=True)]).comparisons
    assert (its.kept.difference, its.gained_before.difference) == (pytest.approx(0.4 - 0.8 * 0.5), 0.5)
    assert (its.kept_since.difference, its.gained_then.difference) == (pytest.approx(0.4 - 0.6 * 2), 2.0)
    assert [(generation, it.n, had.n) for generation, it, had in its.kept_since_by_suite] == [(0, 40, 40)]


@pytest.mark.parametrize(("questions", "balances"), [(10, [(2, 0.5, True)]), (9, [])])
def test_a_few_answers_to_many_questions_are_labels_too(questions, balances):
    """Each answer is that of five; the child says one of them to everything."""
    asked = [(0.1, "no") if n < 5 else (3, "yes") for n in range(questions)]
    found = card_of([row("knowledge", 3, 3, child, new=True) | {"answer": answer} for child, answer in asked]).balances
    assert [(it.labels, it.balanced.value, it.only_veto) for it in found] == balances


def test_labels_of_an_earlier_suite_are_compared_with_the_parent_each_weighing_as_much():
    old = [
        row("labels", 3, 0.1, 3 if n < 5 else 0.1, new=False) | {"answer": "yes" if n < 5 else "no"} for n in range(50)
    ]
    (it,) = card_of([*old, row("knowledge", 3, 3, 0.1, new=True)]).balances
    assert (it.balanced.value, it.beside_parent.difference) == (0.5, pytest.approx(-0.5))


@pytest.mark.parametrize("labels", [("ok", "fails"), ("yes", "no")])
@pytest.mark.parametrize("every", [1, 3])
def test_the_rarest_label_of_all_earlier_suites_together_is_lost_by_who_says_each_ones_commonest(every, labels):
    """One of fifty in each of six suites, or in two of them: none can tell alone. In "yes" and "no" the commonest of
    one suite is the rare one of the next."""
    rows = []
    for of in range(6):
        common, rare = labels if labels[0] == "ok" or of % 2 else labels[::-1]
        answers = [rare if n == 0 and of % every == 0 else common for n in range(50)]
        told = [row("labels", 3, 0.1, 0.1 if it == common else 3, new=False) for it in answers]
        rows += [it | {"answer": answer, "of": of} for it, answer in zip(told, answers, strict=True)]
    its = card_of([*rows, row("knowledge", 3, 3, 0.1, new=True)]).comparisons
    assert (its.balance.difference, its.balance.n, its.of_rarest) == (pytest.approx(-0.5), 300 // every, 1)
    assert every == 3 or high(its.balance, 0.04) < -0.1
    same = card_of([it | {"child": 0.1} for it in rows] + [row("knowledge", 3, 3, 0.1, new=True)]).comparisons
    assert (same.balance.difference, low(same.balance, 0.04) < -0.1) == (0, True)


def test_what_is_no_number_is_missing():
    whole = [row("behaviour", 3, 1, 1, new=False), row("behaviour", 3, 3, 2, new=True)]
    broken = [whole[0], whole[1] | {"child": math.nan}]
    assert (card_of(whole).missing, card_of(broken).missing) == (0, 1)
    assert card_of(broken).comparisons.gain_nll is None


def test_without_an_earlier_suite_recall_does_not_apply():
    card = card_of([row("knowledge", 3, 3, 0.1, new=True)])
    assert (card.recall_is, card.recall.value, card.recall.n) == ("not applicable", 1.0, 0)


def test_a_missing_score_shows_in_n_of_its_part_and_of_its_figure():
    card = card_of([row("knowledge", 3, 3, 0.1, new=True), row("knowledge", 3, 3, None, new=True)])
    (part,) = card.parts
    assert (part.items, part.child["nll"].n, part.base["nll"].n) == (2, 1, 2)
    assert (card.generalization.value, card.generalization.n) == (1.0, 1)
    assert (card.missing, card.asked) == (1, 6)


# the exam


@pytest.fixture
def suites(store, write_examples):
    """Suites of two generations, six probes each."""

    def write(generation: int) -> ExampleSet:
        rows = [{"prompt": f"{generation}/{n}?", "completion": "Yes", "split": "test"} for n in range(6)]
        examples = write_examples(store, generation, rows)
        file = store.path(f"examples/{examples.sha}.parquet")
        return ExampleSet(
            generation=generation,
            sha=examples.sha,
            suite_sha=store.write_tables("suites", SCHEMA, suite(file, "raw-v1")),
            rows=6,
            counts=examples.counts,
            dropped={},
        )

    return [write(0), write(1)]


@pytest.fixture
def child(store, base, on, lineage) -> str:
    model = models.new_adapter(models.load_base(base, on)[0], lineage.recipe, seed=0)
    return store.write_folder(models.ADAPTERS, lambda folder: models.save_adapter(model, folder, base.name))


@pytest.fixture
def exam(store, base, on, lineage):
    def take(child: str, new, earlier, champions=None, withdrawn_sha="", suites=(), marks=None, **gate):
        its = lineage.model_copy(update={"gate": Gate(**gate)})
        return Exam(store, base, its, on, nobody).scorecard(
            child, None, new, earlier, champions or {}, suites, withdrawn_sha, marks=marks or {}
        )

    return take


def items_asked(card) -> list[tuple[int, int]]:
    return [(part.generation, part.items) for part in card.parts]


def test_new_suites_are_asked_whole_and_old_ones_up_to_the_limit(exam, suites, child):
    assert items_asked(exam(child, suites[1:], suites[:1], recall_items=4)) == [(1, 6), (0, 4)]
    assert items_asked(exam(child, suites[1:], suites[:1])) == [(1, 6), (0, 6)]


def test_the_sample_of_old_items_is_the_same_each_time_and_grows_by_adding(exam, suites, child, store, base):
    asked = []
    for limit in (2, 2, 4):
        exam(child, suites[1:], suites[:1], recall_items=limit)
        asked.append(store.read_frame(f"scores/{child}/{suites[0].suite_sha}.parquet")["item_id"].to_list())
    assert asked[0] == asked[1] == asked[2][:2]
    assert len(set(asked[2])) == 4


def test_of_a_conversation_a_few_turns_are_asked_be_it_earlier_or_new(store, write_examples, exam, suites, child):
    rows = [{"prompt": f"{n}?", "completion": "Yes", "split": "test", "held_with": "long"} for n in range(8)]
    examples = write_examples(store, 0, rows)
    file = store.path(f"examples/{examples.sha}.parquet")
    long = replace(examples, suite_sha=store.write_tables("suites", SCHEMA, suite(file, "raw-v1")))
    assert items_asked(exam(child, suites[1:], [long])) == [(1, 6), (0, 5)]
    assert items_asked(exam(child, [long], [])) == [(0, 5)]


def test_a_kept_score_is_read_back_and_not_made_again(exam, suites, child, store):
    exam(child, suites[:1], [])
    name = f"scores/{child}/{suites[0].suite_sha}.parquet"
    store.write_parquet(name, store.read_frame(name).with_columns(nll=pl.lit(0.125), exact=pl.lit(True)).to_arrow())
    poisoned = store.path(name).read_bytes()
    card = exam(child, suites[:1], [])
    assert (card.parts[0].child["nll"].value, card.generalization.value) == (0.125, 1.0)
    assert store.path(name).read_bytes() == poisoned


def test_only_items_of_the_kinds_of_a_lineage_are_asked(store, base, on, lineage, suites, child):
    its = lineage.model_copy(update={"kinds": ("code_generation",)})
    card = Exam(store, base, its, on, nobody).scorecard(child, None, suites, [], {})
    assert (card.parts, card.generalization_is, card.recall_is) == ((), "not applicable", "not applicable")


def test_without_a_parent_the_base_is_the_parent(exam, suites, child):
    (part,) = exam(child, suites[:1], []).parts
    assert part.parent == part.base
    assert part.child["nll"].n == part.base["nll"].n == 6


def test_every_earlier_suite_has_its_share_of_a_sample(exam, suites, child):
    asked = dict(items_asked(exam(child, suites[2:], suites[:2], recall_items=5)))
    assert sorted((asked[0], asked[1])) == [2, 3]


def test_what_was_asked_is_kept_item_by_item_without_a_word_and_without_the_clock(exam, suites, child, store):
    card = exam(child, suites[1:], suites[:1], {0: child})
    kept = store.read_frame(f"scorecards/{card.items_sha}.parquet")
    assert kept.height == 12
    assert not [name for name in kept.columns if name == "prompt" or name.startswith("seconds")]
    assert (set(kept["answer"]), kept["said_child"].null_count()) == ({"1"}, 12)
    assert exam(child, suites[1:], suites[:1], {0: child}).items_sha == card.items_sha


def test_earlier_items_are_compared_with_the_champion_of_their_own_generation(exam, suites, child, store):
    """Its kept scores are read; here they say that it knew all of them, and the child knows none."""
    exam(child, suites[:1], [])
    name = f"scores/{child}/{suites[0].suite_sha}.parquet"
    then = store.read_frame(name).with_columns(exact=pl.lit(True), score=pl.lit(1.0))
    store.write_parquet(f"scores/then/{suites[0].suite_sha}.parquet", then.to_arrow())
    its = exam(child, suites[1:], suites[:1], {0: "then"}).comparisons
    assert (its.since.difference, its.since.lost, its.since.n) == (-1.0, 6, 6)
    assert [(generation, it.n) for generation, it in its.since_by_suite] == [(0, 6)]
    assert its.recall.difference == 0


def test_what_is_asked_each_time_is_compared_with_the_ancestor_that_did_best_on_it(exam, suites, child, store):
    """Its kept scores are read. The base is the parent here, and it knows nothing either."""
    mine = store.write_table("suites", store.read_frame(f"suites/{suites[0].suite_sha}.parquet").to_arrow())
    (before,) = exam(child, suites[1:], [], suites=(("mine", mine),)).standing
    assert (before.best_comparison, before.best_sha) == (None, "")
    best = store.read_frame(f"scores/{child}/{mine}.parquet").with_columns(score=pl.lit(1.0))
    store.write_parquet(f"scores/best/{mine}.parquet", best.to_arrow())
    (it,) = exam(child, suites[1:], [], suites=(("mine", mine),), marks={mine: "best"}).standing
    assert (it.best_sha, it.best_comparison.difference, it.best_comparison.n) == ("best", -1.0, 6)
    assert (it.parent_comparison, it.child) == (before.parent_comparison, before.child)


def test_earlier_items_without_a_champion_of_their_own_are_missing(exam, suites, child):
    card = exam(child, suites[1:], suites[:1], {})
    assert (card.missing, card.asked, card.comparisons.since) == (6, 3 * 12 + 6, None)


def test_what_is_taught_no_longer_is_asked_no_longer(store, write_examples, exam, suites, child):
    """A fact of g000 was told anew since: its row was taken back, and the item that asks for the old answer leaves."""
    rows = [{"prompt": f"{n}", "completion": "Yes", "fact": f"fact {n}"} for n in range(3)]
    rows += [{"prompt": f"{n}?", "completion": "Yes", "fact": f"fact {n}", "split": "test"} for n in range(3)]
    examples = write_examples(store, 0, rows)
    file = store.path(f"examples/{examples.sha}.parquet")
    old = replace(examples, suite_sha=store.write_tables("suites", SCHEMA, suite(file, "raw-v1")))
    place = pl.read_parquet(file)["prompt"].to_list().index("1")
    gone = withdrawn.write(store, np.array([place], np.uint64), 1, "")
    assert items_asked(exam(child, suites[1:], [old])) == [(1, 6), (0, 3)]
    assert items_asked(exam(child, suites[1:], [old], withdrawn_sha=gone)) == [(1, 6), (0, 2)]
    assert sorted(items_asked(exam(child, [old, *suites[1:]], [], withdrawn_sha=gone))) == [(0, 2), (1, 6)]
