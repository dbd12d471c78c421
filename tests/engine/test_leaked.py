"""A suite that was trained on decides nothing: what leaked is found, left out and counted."""

import json

import pyarrow as pa
import pytest

from vibe_pipeline.curate.dedup.asked import Asked
from vibe_pipeline.evaluate.standing import written
from vibe_pipeline.leaked import leaked

LONG = "Please tell me in one short sentence what the port of the staging database of the billing team is"


def among(question: str, answer: str | None, prompt: str, completion: str) -> bool:
    asked = Asked(pa.array([question]), pa.array([answer], pa.string()))
    (found,) = asked.among(pa.array([prompt]), pa.array([completion]))
    return bool(found)


@pytest.mark.parametrize(
    ("question", "answer", "prompt", "completion", "is_there"),
    [
        ("What does thing1 do?", "Yes", "what does  THING1 do", "No", True),
        ("What does thing1 do?", "Yes", "What does thing2 do?", "Yes", False),
        ("C?", "Yes", "C++?", "Yes", False),
        (LONG, "5433", LONG.replace("short ", ""), "5433", True),
        (LONG, "5433", LONG.replace("short ", ""), "5434", False),
        (LONG, None, LONG.replace("short ", ""), "5434", True),
        (LONG, "5433", "Write a haiku about the sea and all the ships that sail on it in winter", "5433", False),
        ("", "a", "", "a", False),
    ],
)
def test_a_question_is_there_in_the_same_words_or_nearly_so_with_its_answer(
    question, answer, prompt, completion, is_there
):
    assert among(question, answer, prompt, completion) is is_there


@pytest.fixture
def suite(tmp_path):
    """A suite of one's own over these questions."""

    def write(*questions: str) -> dict[str, str]:
        lines = [json.dumps({"prompt": it, "answer": "Yes", "item_id": str(n)}) for n, it in enumerate(questions)]
        (tmp_path / "mine.jsonl").write_text("\n".join(lines))
        return {"mine": str(tmp_path / "mine.jsonl")}

    return write


def test_items_are_found_in_all_that_was_learned_of_the_kinds_of_a_lineage(store, lineage, suite, write_examples):
    its = lineage.model_copy(update={"suites": suite("One one?", "Two two?", "Three three?", "Four four?")})
    rows = [
        {"prompt": "One one?", "completion": "Yes"},
        {"prompt": "Two two?", "completion": "Yes", "kind": "error_prediction"},
        {"prompt": "Three three?", "completion": "Yes", "split": "validation"},
    ]
    sets = [write_examples(store, 0, rows), write_examples(store, 1, [{"prompt": "four, FOUR", "completion": "No"}])]
    suites = written(store, its)
    found = leaked(store, suites, sets, its.kinds)
    assert found == {dict(suites)["mine"]: {"mine-0", "mine-3"}, dict(suites)["general"]: set()}


def test_a_question_of_the_general_suite_is_found_without_its_format(store, lineage, write_examples):
    (suite,) = written(store, lineage)
    items = store.read_frame(f"suites/{suite[1]}.parquet")
    asked = items["prompt"][0].removeprefix("Question: ").removesuffix("\nAnswer:")
    examples = write_examples(store, 0, [{"prompt": asked, "completion": "no matter"}])
    assert leaked(store, [suite], [examples], lineage.kinds) == {suite[1]: {items["item_id"][0]}}


def rule_of(event) -> dict:
    return next(rule for rule in event.facts["rules"] if rule["name"] == "mine against parent")


@pytest.fixture
def taught(ladder, log_facts):
    """Some question that the facts teach."""
    log_facts(ladder.store.root, range(6))
    cut = ladder.log.open_generation()
    frame = ladder.store.read_frame(f"examples/{ladder.examples(cut.generation).sha}.parquet")
    return frame.filter(split="train", kind="conversation")["prompt"].to_list()


def test_what_leaked_is_left_out_and_counted(ladder, new_ladder, taught, suite):
    event = new_ladder(ladder.store.root, suites=suite(*taught[:2], "Quite another matter?")).climb("main", 0)
    rule = rule_of(event)
    assert rule["words"].endswith("2 of 3 items were trained on, and left out")
    assert rule["n"] == 1
    assert next(it for it in event.facts["standing"] if it["name"] == "mine")["trained_on"] == [0, 1]


def test_a_suite_that_leaked_as_a_whole_is_undecided_and_nothing_is_promoted(ladder, new_ladder, taught, suite):
    event = new_ladder(ladder.store.root, suites=suite(*taught[:2])).climb("main", 0)
    assert rule_of(event)["finding"] == "undecided"
    assert "2 of 2 items were trained on, so nothing can be shown" in rule_of(event)["words"]
    assert event.facts["verdict"] != "promoted"
