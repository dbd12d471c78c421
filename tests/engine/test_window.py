"""What a generation is made of: its own events, and what came before or was said of them in earlier generations."""

from datetime import timedelta

import polars as pl
import pytest

from tests.engine.curating import (
    ALSO,
    HELD,
    LEARNED,
    MOMENT,
    World,
    event,
    learned,
    run,
    write,
)
from vibe_pipeline.curate import examples
from vibe_pipeline.curate.events import nearby, window
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.interactions.matching import Criteria
from vibe_pipeline.settings import Curate


def test_a_conversation_that_crosses_a_cut_goes_on_with_its_turns_and_repeats_none(world):
    world.log(event("q1", "a1"))
    assert learned(world.cut()) == [("q1", "a1")]
    world.log(event("q2", "a2", turn=1))
    curated = world.cut()
    assert (learned(curated), curated.dropped) == ([("q1\n\na1\n\nq2", "a2")], {})


def test_a_fix_after_the_cut_belongs_to_the_later_generation(world):
    world.log(run("print(x", False))
    assert learned(world.cut()) == []
    world.log(run("print(x)", True, 1))
    assert learned(world.cut()) == [("print(x\n\nit said", "print(x)")]
    world.log(run("print(x, y)", True, 2))
    assert learned(world.cut()) == []


def test_code_that_proves_itself_after_the_cut_belongs_to_the_later_generation(world):
    world.log(write("code"))
    assert learned(world.cut()) == []
    world.log(run("code", True, 1))
    assert learned(world.cut()) == [("write it", "code")]
    world.log(run("code", True, 2))
    assert learned(world.cut()) == []


def test_an_empty_delta_gives_an_empty_table_with_all_columns(world):
    world.log(event("q", "a"))
    full = world.cut()
    empty = world.cut()
    assert (empty.frame.height, empty.made.counts, empty.dropped) == (0, (), {})
    assert empty.frame.schema == full.frame.schema


def test_feedback_that_comes_generations_later_is_learned_from_when_it_comes(world):
    world.log(event("q", "bad answer"), event("q", "good answer", turn=1))
    world.cut()
    world.log(event("else", "so", conversation=ALSO))
    world.cut()
    logger = InteractionLogger(world.ladder.store.root)
    logger.feedback(f"{LEARNED}/0/q", -1.0)
    logger.feedback(f"{LEARNED}/1/q", 1.0)
    rows = world.cut().frame.filter(pl.col("kind") == "preference").to_dicts()
    assert [(row["completion"], row["rejected"], row["generation"]) for row in rows] == [
        ("good answer", "bad answer", 2)
    ]


def test_feedback_from_between_two_parts_of_a_conversation_is_seen_with_the_second(world):
    """Not as a target: what was disliked is dropped, and what somebody wrote in its place is not forgotten."""
    world.log(event("q1", "a1"))
    world.cut()
    InteractionLogger(world.ladder.store.root).improvement(f"{LEARNED}/0/q1", "a better one")
    assert learned(world.cut(), "conversation") == [("q1", "a better one")]
    world.log(event("q2", "a2", turn=1))
    assert learned(world.cut(), "conversation") == [("q1\n\na1\n\nq2", "a2")]


def test_a_long_conversation_keeps_its_latest_turns_in_however_many_generations_it_is_told(world):
    for turn in range(17):
        world.log(event(f"q{turn}", f"a{turn}", turn=turn))
        curated = world.cut()
    said = [f"q{turn}\n\na{turn}" for turn in range(16)]
    assert learned(curated) == [("\n\n".join([*said, "q16"]), "a16")]


def test_a_conversation_that_never_ends_costs_each_generation_the_same(world, monkeypatch):
    """And teaches the same, and an answer of long ago can be disliked still, or liked."""
    for name, bound in (("EARLIER", 20), ("GENERATIONS", 4)):
        monkeypatch.setattr(nearby, name, bound)
    loaded, load = [], window.Window.load

    def counted(self, part):
        load(self, part)
        loaded.extend(self._db.sql("SELECT count(*) FROM events").fetchall()[0])

    monkeypatch.setattr(window.Window, "load", counted)
    turns = [
        event(f"q{at}", f"a{at}", turn=at, occurred_at=MOMENT + timedelta(hours=at), interaction_id=str(at))
        for at in range(90)
    ]
    for first in range(0, 80, 10):
        world.log(*turns[first : first + 10])
        curated = world.cut()
    assert loaded == [10, 20, 30, *[31] * 5]  # the first tells what it goes off from
    said = [f"q{turn}\n\na{turn}" for turn in range(63, 79)]
    assert ("\n\n".join([*said, "q79"]), "a79") in learned(curated)

    logger = InteractionLogger(world.ladder.store.root)
    logger.feedback("12", -1)
    logger.feedback("25", 1)
    world.log(*turns[80:])
    curated = world.cut()
    assert curated.made.withdrawn == 1
    assert curated.dropped == {"failed outcome": 1, "duplicate of an earlier generation": 1}
    assert loaded[-1] < 90


@pytest.mark.parametrize(
    "steps",
    [
        ["trunk liked", "branch disliked"],
        ["branch liked", "other disliked"],
        ["trunk branch liked", "trunk disliked later"],
        ["trunk branch disliked", "trunk liked later"],
        ["trunk disliked branch", "branch liked later"],
        ["branch other liked", "branch disliked later"],
    ],
)
def test_answers_that_are_compared_are_found_in_whichever_generations_they_were_given(world, steps):
    """`trunk`, `branch` and `other` answer one question; a mark is of the one before it, or of one that is there."""
    logger, preferences = InteractionLogger(world.ladder.store.root), []
    for step in steps:
        words = step.split()
        for name, mark in zip(words, [*words[1:], ""], strict=True):
            feedback = {"liked": 1.0, "disliked": -1.0}.get(mark)
            if name in ("trunk", "branch", "other") and step.endswith("later"):
                logger.feedback(f"{LEARNED}{name}/0/q", feedback)
            elif name in ("trunk", "branch", "other"):
                extra = {} if name == "trunk" else {"branch_of": f"{LEARNED}trunk"}
                conversation = f"{LEARNED}{name}"
                world.log(event("q", f"said by {name}", conversation=conversation, extra=extra, feedback=feedback))
        preferences.append(world.cut().frame.filter(pl.col("kind") == "preference").height)
    assert preferences == [0, 1]


@pytest.mark.parametrize("later", [False, True])
def test_a_branch_is_on_the_side_of_the_conversation_whose_turns_it_shares(world, later):
    trunk = [event("q1", "a1", conversation=HELD), event("q2", "a2", conversation=HELD, turn=1)]
    branch = event("q2 again", "b2", conversation=LEARNED, extra={"branch_of": HELD})
    world.log(*trunk, *([] if later else [branch]))
    first = world.cut()
    if later:
        world.log(branch)
    rows = (world.cut() if later else first).frame.filter(pl.col("conversation_id") == LEARNED)
    assert rows["split"].unique().to_list() == ["validation"]


def test_what_was_made_from_an_example_may_be_near_it(world):
    """Another layout of the same code is no duplicate: somebody asked for it."""
    code = "def add(numbers):\n    total = 0\n    for number in numbers:\n        total += number\n    return total\n"
    laid_out = code.replace("    ", "  ")
    made = {"source": "synthesize", "extra": {"augmented_from": "x", "augmentation": "layout"}}
    world.log(write(code, True), write(laid_out, True, turn=1, interaction_id="x2", **made))
    assert {row for _, row in learned(world.cut(), "code_generation")} == {code, laid_out}
    world.log(write(laid_out + "\n\n# once more", True, turn=2, interaction_id="x3"))
    assert learned(world.cut(), "code_generation") == []


WRONG = "def halve(numbers):\n    return numbers[: len(numbers) // 3]\n"
FAULTY = WRONG.replace("//", "*")


def made_of(one, way: str, **values) -> dict:
    """How synthesis logs what it makes of an interaction: in its conversation, later."""
    extra = {"augmented_from": one.interaction_id, "augmentation": way}
    return {"source": "synthesize", "extra": extra, "occurred_at": MOMENT + timedelta(days=1), **values}


@pytest.mark.parametrize("has_failed", [False, True])
def test_what_synthesis_made_of_an_answer_is_no_evidence_for_it(world, has_failed):
    """Tests that were generated from what wrong code does pass, and it would be its own fix."""
    answer = write(WRONG)
    failing = run(WRONG + "assert halve([1, 2]) == [1]", False, 1, error_type="AssertionError")
    faulty = run(FAULTY + "assert halve([1, 2]) == []", False, 1, error_type="TypeError", **made_of(answer, "fault"))
    fixed = run(WRONG + "assert halve([1, 2]) == []", True, 2, interaction_id="x", **made_of(answer, "fault"))
    world.log(answer, *([failing] if has_failed else []), faulty, fixed)
    assert learned(world.cut(), "code_generation", "error_correction", "optimization") == [
        (f"{faulty.input}\n\nit said\n\nTypeError", fixed.input)
    ]


def test_a_label_of_synthesis_is_evidence(world):
    answer = write(WRONG)
    label = run(WRONG, True, 1, source="synthesize", extra={"labels": answer.interaction_id, "tested": True})
    world.log(answer, label)
    assert learned(world.cut(), "code_generation") == [("write it", WRONG)]


@pytest.mark.parametrize("conversation", [LEARNED, HELD])
def test_what_was_made_of_a_turn_is_no_turn_and_on_the_side_of_its_conversation(world, conversation):
    asked = event("How does this go?", "Thus.", conversation=conversation)
    otherwise = {"conversation": conversation, **made_of(asked, "paraphrase")}
    world.log(asked, *(event(words, "Thus.", turn=1, **otherwise) for words in ("Please tell me.", "I ask how.")))
    frame = world.cut().frame.filter(pl.col("kind") == "conversation")
    assert set(frame["prompt"]) <= {"How does this go?", "Please tell me.", "I ask how."}
    assert frame["conversation_id"].unique().to_list() == [conversation]
    assert frame["split"].unique().to_list() == ["train" if conversation == LEARNED else "validation"]


def test_forgetting_throws_the_index_away_and_what_was_forgotten_may_be_learned_anew(world):
    world.log(event("q", "a"), event("r", "b", conversation=ALSO))
    world.cut()
    world.log(event("s", "c", conversation=ALSO, turn=1))
    world.cut()
    assert world.ladder.store.exists("index")
    world.ladder.log.forget(Criteria(conversation=LEARNED))
    assert not world.ladder.store.exists("index")
    world.log(event("q", "a", conversation=LEARNED + "x", interaction_id="new"), event("r", "b", conversation="dx"))
    curated = world.cut()
    assert learned(curated, "conversation") == [("q", "a")]
    assert curated.dropped == {"duplicate of an earlier generation": 1}


@pytest.mark.parametrize("chain", ["straight", "ring", "tail"])
def test_a_chain_of_branches_costs_what_it_is_long(tmp_path, monkeypatch, chain):
    """Each conversation goes off from the one before; of a ring the first by name is the trunk."""
    monkeypatch.setattr(examples, "MEMORY", "64MiB")
    off = {n: f"{n - 1:05}" for n in range(1, 4000)}
    if chain != "straight":
        off[0] = "03999" if chain == "ring" else "00003"
    world = World(tmp_path, Curate(held_out=0.5))
    trunks = [{"branch_of": off[n]} if n in off else {} for n in range(4000)]
    world.log(*(event(f"q {n}", f"a {n}", conversation=f"{n:05}", extra=it) for n, it in enumerate(trunks)))
    curated = world.cut()
    assert curated.frame["split"].n_unique() == 1
    assert curated.frame["held_with"].n_unique() == 1


def test_of_a_chain_of_branches_in_an_earlier_generation_all_go_on_together(world, monkeypatch):
    """And not each in a step of its own."""
    steps, meet_relatives = [], window._meet_relatives
    monkeypatch.setattr(window, "_meet_relatives", lambda *given: steps.append(given) or meet_relatives(*given))
    chain = [event(f"q {n}", f"a {n}", conversation=f"x{n}", extra={"branch_of": f"x{n - 1}"}) for n in range(100)]
    world.log(*chain[:50])
    before = world.cut()
    world.log(*chain[51:])  # the 50th is what they have in common, and is told later
    world.cut()
    world.log(chain[50])
    assert world.cut().frame["held_with"].unique().to_list() == before.frame["held_with"].unique().to_list()
    assert len(steps) <= 4
