"""Who answers what an earlier generation answered: which answer stands, however the log was cut."""

from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from tests.engine.curating import ALSO, HELD, LEARNED, MOMENT, World, event, learned, on_side, probe, run
from tests.engine.planted_examples import Prose, text
from vibe_pipeline.curate.dedup import answers
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.records import Interaction, Probe
from vibe_pipeline.settings import Curate
from vibe_pipeline.withdrawn import Withdrawn

prose = Prose(__name__)
THEN = on_side("then")
LATER = {"occurred_at": MOMENT + timedelta(days=1)}
CONTRADICTS = "contradicts a better answer to the same prompt"


def stands(world: World, kind: str = "conversation") -> list[tuple[str, str]]:
    """What all generations together teach by now."""
    sets, found = world.generations(), []
    taken_back = Withdrawn(world.ladder.store, sets[-1].withdrawn_sha)
    for made in sets:
        frame = world.ladder.store.read_frame(f"examples/{made.sha}.parquet").with_row_index("row")
        taught = frame.filter(~pl.col("row").is_in(taken_back.of(made.generation)), split="train", kind=kind)
        found += taught.select("prompt", "completion").rows()
    return sorted(found)


def told(world: World, *events: Interaction | Probe, cuts: int = 2) -> list[tuple[str, str]]:
    """What stands after these events, one generation each or all in one."""
    for it in events:
        world.log(it)
        if cuts > 1:
            world.cut()
    if cuts == 1:
        world.cut()
    return stands(world)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("1", "-1"), ("if [ -f x ]; then", "if [ ! -f x ]; then"), ("[]", "{}"), ("ls -a", "ls a"), ("1,500", "1.500")],
)
def test_a_correction_of_a_sign_is_a_correction(world, wrong, right):
    asked = event("what is it", wrong)
    world.log(asked)
    world.cut()
    InteractionLogger(world.ladder.store.root).improvement(asked.interaction_id, right)
    assert world.cut().made.withdrawn == 1
    assert stands(world) == [("what is it", right)]


SAID = text(prose(40))


@pytest.mark.parametrize(("feedback", "withdrawn"), [(None, 0), (1.0, 1)])
def test_in_a_long_reply_other_signs_are_news_where_somebody_vouches_for_them(world, feedback, withdrawn):
    world.log(event("What is said?", f"- so: {SAID}"))
    world.cut()
    world.log(event("What is said?", f"so, {SAID}!", conversation=ALSO, feedback=feedback))
    assert world.cut().made.withdrawn == withdrawn
    assert len(stands(world)) == 1


LABELS = "Is this sentence about the weather, the traffic, the economy or about something else: it rains cats and dogs?"


def test_a_correction_that_somebody_had_given_in_another_conversation_is_learned(world):
    world.log(event("hello", "Hi."), event(LABELS, "idiom", turn=1), event(LABELS, "weather", conversation=ALSO))
    world.cut()
    world.log(event(LABELS, "idiom", conversation=THEN, feedback=1.0))
    assert world.cut().made.withdrawn == 1
    assert [(asked[-9:], said) for asked, said in stands(world) if said != "Hi."] == [("and dogs?", "idiom")] * 2


OPEN = (
    "The office in {} opens at nine in the morning and closes at six in the evening on every weekday but for holidays."
)
HOURS = "What are the opening hours of the office of our company that is in {} these days?"


def test_an_answer_takes_nothing_back_of_what_a_template_says_of_something_else(world):
    unknown = event(HOURS.format("Berlin"), "I would have to look that up")
    world.log(unknown, event(HOURS.format("Munich"), OPEN.format("Munich"), conversation=ALSO, feedback=1.0))
    world.cut()
    InteractionLogger(world.ladder.store.root).improvement(unknown.interaction_id, OPEN.format("Berlin"))
    assert world.cut().made.withdrawn == 1
    assert stands(world) == [(HOURS.format(it), OPEN.format(it)) for it in ("Berlin", "Munich")]


def test_a_section_takes_back_what_it_was_and_not_that_of_another_document(world):
    def limits(document, words, turn):
        name = {"extra": {"document": document, "headings": ["Limits"]}}
        return event("Limits", words, action="document", conversation=on_side(document), turn=turn, **name)

    world.log(limits("one", f"At most 100. {SAID}", 0), limits("two", text(prose(40)), 0))
    world.cut()
    world.log(limits("two", f"At most 300. {SAID}", 1))
    assert world.cut().made.withdrawn == 0
    world.log(limits("two", f"At most 500. {SAID}", 2))
    assert world.cut().made.withdrawn == 1
    assert len(stands(world, "document")) == 3


LETTER = f"The heating has been broken for a week. {text(prose(60))}"


@pytest.mark.parametrize(
    ("item", "reply"),
    [
        (None, event("Write to him", f"{LETTER} Hello.", conversation=HELD, feedback=1.0)),
        (event("Write her", LETTER, conversation=HELD), event("Write to him", LETTER, conversation=THEN, feedback=1.0)),
    ],
    ids=["an item that was nearly trained on", "a leak"],
)
def test_what_leaves_takes_nothing_with_it(world, item, reply):
    first = event("Write to him", LETTER if item is None else "The rent is too high.")
    world.log(first, *([item] if item else []))
    world.cut()
    world.log(reply)
    made = world.cut().made
    assert (made.rows, made.withdrawn, sum(made.dropped.values())) == (0, 0, 1)
    assert stands(world) == [(first.input, first.output)]


def test_an_item_that_differs_in_a_sign_from_what_was_trained_on_leaves(world):
    world.log(event("How are all listed?", "ls -a 'x'"))
    world.cut()
    world.log(event("How are all listed?", 'ls -a "x"', conversation=HELD))
    assert world.cut().dropped == {"suite item nearly trained on": 1}


WHERE = "What is the capital of Australia?"


@pytest.mark.parametrize("cuts", [1, 2])
@pytest.mark.parametrize(
    ("events", "taught"),
    [
        ([event(WHERE, "Canberra"), event(WHERE, "Sydney", conversation=HELD, **LATER)], ["Canberra"]),
        ([event(WHERE, "Sydney"), event(WHERE, "Canberra", conversation=HELD, feedback=1.0, **LATER)], []),
        ([event(WHERE, "Canberra", conversation=HELD, feedback=1.0), event(WHERE, "Sydney", **LATER)], []),
        ([event(WHERE, "Sydney", conversation=HELD), event(WHERE, "Canberra", **LATER)], ["Canberra"]),
    ],
)
def test_of_two_answers_on_both_sides_only_a_better_vouched_item_keeps_the_other_out(world, cuts, events, taught):
    assert told(world, *events, cuts=cuts) == [(WHERE, it) for it in taught]


PORT = "Which port does the server listen on?"
FACT = {"extra": {"fact": "port"}}


@pytest.mark.parametrize("cuts", [1, 2])
@pytest.mark.parametrize("named", [True, False])
def test_what_is_told_of_a_fact_and_the_same_without_its_name_contradict_each_other(world, cuts, named):
    old = event(PORT, "8080", **({} if named else FACT))
    new = event(PORT, "9090", conversation=THEN, feedback=1.0, **(FACT if named else {}), **LATER)
    world.log(probe("port", "Tell me our port.", "9090"))
    assert told(world, old, new, cuts=cuts) == [(PORT, "9090")]


def test_two_facts_of_one_question_both_stand(world):
    rows = [event(PORT, f"80{n}", conversation=on_side(f"{n} "), extra={"fact": f"port of {n}"}) for n in range(2)]
    assert told(world, *rows) == [(PORT, "800"), (PORT, "801")]


def make(success: bool, conversation: str) -> Interaction:
    return run("make test", success, conversation=conversation, error_type=None if success else "ConnectionError")


def test_of_an_input_that_ended_in_two_ways_in_one_generation_nothing_is_predicted_later(world):
    world.log(make(True, LEARNED), make(False, ALSO))
    world.cut()
    for _ in range(2):
        world.log(make(True, THEN), event("q", "a", conversation=on_side("q")))
        assert learned(world.cut(), "error_prediction") == []
        world.ladder.store.remove("index")


def test_of_an_input_that_ended_otherwise_on_the_other_side_nothing_is_learned(world):
    world.log(make(True, HELD))
    world.cut()
    world.log(make(False, LEARNED))
    assert world.cut().dropped == {"input that does not end alike each time": 1}


@pytest.mark.parametrize("rule", ["off", "drop"])
def test_many_answers_to_one_prompt_cost_no_pair_for_each_two_of_them(tmp_path, monkeypatch, rule):
    world, found = World(tmp_path, Curate.model_validate({"quality": {"contradiction": "off"}})), []
    pairs = answers.pairs
    monkeypatch.setattr(answers, "pairs", lambda *it: (of := pairs(*it), found.append(len(of[0])))[0])

    def ask(generation: int) -> None:
        names = [f"{generation} {number}" for number in range(60)]
        world.log(*(event("Write me a haiku", text(prose(14)), conversation=on_side(it)) for it in names))
        world.cut()

    ask(0)
    world = World(tmp_path, Curate.model_validate({"quality": {"contradiction": rule}}))
    ask(1)
    assert np.sum(found) <= 60
    assert len(stands(world)) == (120 if rule == "off" else 1)
