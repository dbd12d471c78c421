"""Curation against hand-made interactions of which a person can say what should be learned from them, and where."""

import random
from datetime import timedelta
from itertools import permutations

import polars as pl
import pytest

from tests.engine.curating import (
    ALSO,
    CHATS,
    HELD,
    LEARNED,
    MOMENT,
    Curated,
    World,
    event,
    learned,
    on_side,
    probe,
    run,
    splits,
)
from tests.engine.planted_examples import Prose
from vibe_pipeline.curate import examples
from vibe_pipeline.curate.events import window
from vibe_pipeline.errors import OutOfMemory
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.records import Interaction, Probe
from vibe_pipeline.settings import Curate

prose = Prose(__name__)

# dedup


def test_a_fact_that_is_told_anew_replaces_what_was_told_before(world):
    """Else a suite holds one question with two answers, and no model can pass it."""
    later = MOMENT + timedelta(hours=1)
    for fact, conversation in (("f", LEARNED), ("g", ALSO)):
        asked = event(f"What is {fact}?", "old", conversation=conversation, extra={"fact": fact})
        world.log(asked, probe(fact, f"Say {fact}.", "old"))
    world.log(event("What is f?", "new", conversation=HELD, extra={"fact": "f"}, occurred_at=later))
    world.log(Probe(probe_id="again", fact="f", question="Say f.", answer="new", occurred_at=later, source="t"))
    curated = world.cut()
    assert sorted(learned(curated)) == [("What is f?", "new"), ("What is g?", "old")]
    rows = curated.frame.to_dicts()
    assert {(row["prompt"], row["completion"]) for row in rows if row["split"] == "test"} == {
        ("Say f.", "new"),
        ("Say g.", "old"),
    }
    assert curated.dropped == {"fact told anew in the generation": 2}


def test_the_same_words_in_another_order_are_another_question_of_a_fact(world):
    told = {
        "What does sub(1, 2) return?": "-1",
        "What does sub(2, 1) return?": "1",
        "How do I convert a string to bytes?": "s.encode()",
        "How do I convert bytes to a string?": "b.decode()",
    }
    for place, (question, answer) in enumerate(told.items()):
        conversation = on_side(f"{place} ")
        world.log(event(question, answer, conversation=conversation, extra={"fact": "f"}))
    curated = world.cut()
    assert dict(learned(curated)) == told
    assert curated.dropped == {}


def test_the_same_example_is_kept_once_in_a_generation(world):
    world.log(event("q", "a"), event(" q", "a\n", turn=0, action="chat", conversation=ALSO), event("r", "a", turn=1))
    curated = world.cut()
    assert len(learned(curated)) == 2
    assert curated.dropped == {"duplicate within the generation": 1}


def test_a_pair_is_learned_when_its_second_half_arrives_and_once(world):
    failing, fixed = run("print(1", False), run("print(1)", True, 1)
    world.log(fixed)
    assert learned(world.cut(), "error_correction") == []
    world.log(failing)
    assert len(learned(world.cut(), "error_correction")) == 1
    InteractionLogger(world.ladder.store.root).feedback(failing.interaction_id, -1.0)
    assert learned(world.cut(), "error_correction") == []


@pytest.mark.parametrize("first", [LEARNED, HELD])
def test_what_an_earlier_generation_held_is_not_held_again(world, first):
    world.log(event("q", "a", conversation=first))
    world.cut()
    world.log(event("q", "a", conversation=LEARNED + "x"), event("q", "a", conversation=HELD + "x"))
    curated = world.cut()
    assert curated.frame.height == 0
    assert sum(curated.dropped.values()) == 2


def test_a_training_row_that_equals_a_suite_item_is_not_learned(world):
    world.log(event("q", "a", conversation=LEARNED), event("q", "a", conversation=HELD))
    curated = world.cut()
    assert splits(curated) == {"q": "validation"}
    assert curated.dropped == {"training row equals a suite item": 1}


@pytest.mark.parametrize("later", [False, True])
def test_the_wording_of_a_probe_is_never_learned_however_it_is_spelt(world, later):
    world.log(probe("f", "What is f?"))
    if later:
        world.cut()
    world.log(event("what is  F", "anything at all"))
    curated = world.cut()
    assert learned(curated) == []
    assert curated.dropped == {"training row asks what a probe asks": 1}


def test_a_suite_is_born_clean(world):
    world.log(event("What is f?", "a"))
    world.cut()
    world.log(probe("f", "What is f"), probe("g", "What is g?"))
    curated = world.cut()
    assert splits(curated) == {"What is g?": "test"}
    assert curated.dropped == {"suite item already trained on": 1}


def test_a_probe_and_a_held_out_conversation_that_are_equal_are_one_item(world):
    world.log(probe("f", "What is f?", "a"), event("What is f?", "a", conversation=HELD))
    items = world.ladder.store.read_frame(f"suites/{world.cut().made.suite_sha}.parquet")
    assert items.select("part", "prompt").rows() == [("knowledge", "What is f?")]


def pairs(curated: Curated) -> set[tuple[str, str]]:
    return set(curated.frame.filter(kind="preference").select("completion", "rejected").rows())


def test_one_answer_that_beat_several_teaches_of_each(world):
    """However alike the pairs are but for what was rejected."""
    best, *worse = (" ".join(it) for it in (prose(), prose(), prose(), prose()))
    world.log(event("q", best, extra={"rejected": worse}))
    assert pairs(world.cut()) == {(best, it) for it in worse}
    world.log(event("Q?", best, conversation=ALSO, extra={"rejected": worse[:1]}))
    curated = world.cut()
    assert pairs(curated) == set()
    assert curated.dropped["near-duplicate of an earlier generation"] == 2  # the pair, and the answer


@pytest.mark.parametrize(
    ("answer", "reason"), [("No.", "equals"), (" ".join(prose()), "equals"), (" ".join(prose()), "quotes")]
)
def test_what_was_rejected_is_no_answer_of_an_item(world, answer, reason):
    asks = "Why?" if reason == "equals" else "How so, if at all?"
    world.log(event("Why?", answer, conversation=HELD))
    world.cut()
    world.log(event(asks, "It is so.", extra={"rejected": f" {answer} "}))
    curated = world.cut()
    assert (pairs(curated), curated.dropped) == (set(), {f"training row {reason} a suite item": 1})


@pytest.mark.parametrize("answer", ["No.", " ".join(prose())])
def test_an_item_that_rejects_what_was_taught_leaves(world, answer):
    world.log(event("Why?", answer))
    world.cut()
    world.log(event("Why?", "It is so.", conversation=HELD, extra={"rejected": answer}))
    assert pairs(world.cut()) == set()


def test_a_correction_that_comes_later_is_learned_however_small_it_is(world):
    words = prose()
    wrong, right = " ".join(words), " ".join([*words[:-1], "forty-two"])
    world.log(event("How many?", wrong, interaction_id="it"))
    world.cut()
    InteractionLogger(world.ladder.store.root).improvement("it", right)
    curated = world.cut()
    assert learned(curated, "conversation") == [("How many?", right)]
    assert curated.dropped == {}


@pytest.mark.parametrize("answer", ["a", "I would not know."])
def test_a_probe_knows_better_than_who_asks_the_same(world, answer):
    world.log(event("Say f.", answer, conversation=HELD, success=True, feedback=1.0), probe("f", "Say f."))
    assert splits(world.cut()) == {"Say f.": "test"}


def test_sessions_of_the_same_steps_in_another_order_all_stay(world):
    for number, tools in enumerate(permutations(["grep", "cat", "sed", "ls", "git"])):
        steps = [tool for tool in tools for _ in range(2)]
        world.log(*(run(tool, None, turn, conversation=f"s{number}") for turn, tool in enumerate(steps)))
    curated = world.cut()
    assert not any("near" in reason for reason in curated.dropped)
    assert curated.frame.filter(kind="pattern").height > 120


def test_empty_answers_and_questions_are_dropped_with_a_reason(world):
    world.log(event("q", " \n"), event("\t", "a", conversation=ALSO))
    curated = world.cut()
    assert (curated.frame.height, curated.dropped) == (0, {"empty prompt or completion": 2})


# what a reader relies on


def test_rows_lie_as_the_counts_say(world):
    world.log(*(event(f"q{n}", "é", conversation=f"x{n}") for n in range(40)), probe("f", "p"))
    world.log(run("print(x", False), run("print(x)", True, 1))
    curated = world.cut()
    at = 0
    for split, kind, rows, characters in curated.made.counts:
        part = curated.frame.slice(at, rows)
        assert part.select("split", "kind").unique().rows() == [(split, kind)]
        assert part["prompt"].str.len_chars().sum() + part["completion"].str.len_chars().sum() == characters
        at += rows
    assert at == curated.frame.height
    assert list(dict.fromkeys(split for split, *_ in curated.made.counts)) == ["train", "validation", "test"]


def test_an_input_that_does_not_always_end_alike_predicts_nothing(world):
    ends = [("pytest -q", True), ("make lint", True), ("pytest -q", False), ("pytest -q", True), ("make lint", True)]
    world.log(*(run(code, success, turn) for turn, (code, success) in enumerate(ends)))
    curated = world.cut()
    predicted = curated.frame.filter(kind="error_prediction").select("prompt", "completion").rows()
    assert predicted == [("make lint", "works")]
    assert curated.dropped["input that does not end alike each time"] == 2


def test_the_settings_decide_the_stage_and_the_actions(tmp_path):
    settings = Curate.model_validate({"stages": {"conversation": "manual"}, "chat_actions": ["talk"]})
    world = World(tmp_path, settings)
    world.log(event("q", "a", action="talk"), event("r", "b", turn=1), run("print(x", False), run("print(x)", True, 1))
    rows = world.cut().frame.filter(pl.col("kind").is_in(CHATS))
    assert set(rows.select("prompt", "stage").rows()) == {("q", "manual"), ("print(x\n\nit said", "fundamentals")}


def test_a_tier_may_be_written_in_any_case(world):
    world.log(event("q", "a teacher's", extra={"tier": "Teacher"}), event("r", "mine", extra={"tier": "x"}, turn=1))
    assert set(world.cut().frame.select("completion", "tier").rows()) == {("a teacher's", "teacher"), ("mine", "own")}


def test_stars_are_thumbs_up_and_down_from_the_middle(tmp_path):
    world = World(tmp_path, Curate(neutral=3, held_out=0))
    answers = {"worst": 1.0, "so so": 3.0, "good": 4.0, "best": 5.0, "nobody said": None}
    world.log(*(event(f"of {it}", it, feedback=stars, conversation=it) for it, stars in answers.items()))
    world.log(event("one of two", "bad", feedback=1.0), event("one of two", "fine", feedback=5.0, turn=1))
    curated = world.cut()
    rows = curated.frame.filter(kind="conversation").select("completion", "reasons").rows()
    liked = {completion for completion, reasons in rows if "+feedback" in reasons}
    assert {completion for completion, _ in rows} == {"so so", "good", "best", "nobody said", "fine"}
    assert liked == {"good", "best", "fine"}
    assert curated.frame.filter(kind="preference").select("completion", "rejected").rows() == [("fine", "bad")]


def test_tokens_are_told_by_words_and_signs_and_turns_before_by_letters(world):
    world.log(event("say it, now", "no."), event("say it, now", "yes!", turn=1))
    tokens = dict(world.cut().frame.select("completion", "tokens").rows())
    assert tokens == {"no.": int(3 + 6 / 0.88), "yes!": int(3 + 6 / 0.88 + len("say it, now\n\nno.\n\n") / 4)}


def test_an_example_says_which_interactions_it_was_made_from(world):
    world.log(event("q1", "a1"), event("q2", "a2", turn=1))
    made_from = {row["prompt"]: row["interaction_ids"] for row in world.cut().frame.to_dicts()}
    assert made_from["q1\n\na1\n\nq2"] == [f"{LEARNED}/0/q1", f"{LEARNED}/1/q2"]


@pytest.mark.parametrize("chat_first", [True, False])
def test_a_question_that_ends_a_conversation_and_is_a_probe_is_on_one_side_only(world, chat_first):
    talk = (event("hi there", "hello"), event("Describe the purpose of F!", "It does F things.", turn=1))
    asked = probe("f", "Describe the purpose of F.", "It does F things.")
    for batch in (talk, (asked,)) if chat_first else ((asked,), talk):
        world.log(*batch)
        world.cut()
    frames = [world.ladder.store.read_frame(f"examples/{made.sha}.parquet") for made in world.generations()]
    found = pl.concat(frames).filter(pl.col("prompt").str.contains("Describe"))
    assert found["split"].to_list() == (["train"] if chat_first else ["test"])


# memory


def pasted(turns: int, size: int, answer: int = 50) -> list[Interaction]:
    """A session in which files are pasted, or printed."""
    words = random.Random(1)
    texts = [[f"{words.getrandbits(32):x}" for _ in range(max(size, answer) // 9)] for _ in range(turns)]
    return [
        event(text[:size], text[-answer:], conversation=on_side("pasted"), turn=turn, interaction_id=str(turn))
        for turn, text in enumerate(map(" ".join, texts))
    ]


@pytest.mark.parametrize(("turns", "size", "answer"), [(400, 30_000, 50), (60, 200_000, 50), (60, 50, 200_000)])
def test_what_is_too_long_is_never_multiplied(world, monkeypatch, turns, size, answer):
    monkeypatch.setattr(examples, "MEMORY", "256MiB")
    asked = pasted(turns, size, answer)
    world.log(*asked)
    assert world.cut().dropped == ({"too long": len(asked)} if max(size, answer) > 30_000 else {})


def test_parts_are_cut_by_what_their_turns_become(tmp_path, monkeypatch):
    """Else a part that is small in the log is many times its size in prompts."""
    monkeypatch.setattr(window, "PART_BYTES", 1 << 20)
    loaded, load = [], window.Window.load
    monkeypatch.setattr(window.Window, "load", lambda self, part: loaded.append(part) or load(self, part))
    for turns in (1, 17):
        world = World(tmp_path / str(turns))
        world.log(*(event("q" * 500, f"a {n}", conversation=f"{n % (340 // turns)}", turn=n) for n in range(340)))
        world.cut()
        loaded.append(-1)
    parts = "".join(f"{part} " for part in loaded).split("-1")
    assert parts[0].split() == ["0"]
    assert len(parts[1].split()) > 1


def test_too_little_memory_is_one_line_with_numbers_and_what_to_do(world, monkeypatch):
    monkeypatch.setattr(examples, "MEMORY", "12MiB")
    world.log(*pasted(400, 20_000))
    said = r"^curating g000: 12MiB .* [\d,]+ bytes .* whole conversations .*longest.*`vibe log forget --conversation`"
    with pytest.raises(OutOfMemory, match=said) as found:
        world.cut()
    assert "\n" not in str(found.value)
