"""What stands before a question: what the assistant was told, the turns of a branch's trunk, and no answer given up."""

from datetime import timedelta

import pytest

from tests.engine import curating
from tests.engine.building import event, learned
from tests.engine.curating import ALSO, LEARNED, World, on_side
from vibe_pipeline.curate.events import window

KIND = "conversation"


def taught(*events, before=()):
    return [(row["prompt"], row["completion"]) for row in learned(KIND, *events, before=before)]


# what the assistant was told


def under(system, text="q", answer="a", **values):
    return event(text, answer, extra={"system": system}, **values)


def test_a_prompt_begins_with_what_the_assistant_was_told_when_it_was_asked():
    told = [under("Be brief.", "q1", "a1"), under("Be loud.", "q2", "a2", turn=1), event("q3", "a3", turn=2)]
    assert [(row["prompt"], row["question"]) for row in learned(KIND, *told)] == [
        ("Be brief.\n\nq1", "q1"),
        ("Be loud.\n\nq1\n\na1\n\nq2", "q2"),
        ("q1\n\na1\n\nq2\n\na2\n\nq3", "q3"),
    ]


@pytest.mark.parametrize(("size", "is_told"), [(2000, True), (2001, False)])
def test_what_is_as_long_as_a_manual_is_not_told(size, is_told):
    manual = "m" * size
    assert taught(under(manual)) == [(f"{manual}\n\nq" if is_told else "q", "a")]


@pytest.mark.parametrize("system", ["", None, 7, {"os": "linux"}, ["x"]], ids=str)
def test_what_is_no_text_is_not_told(system):
    assert taught(under(system)) == [("q", "a")]


# branches


def branch(of, begins, text, answer, turn=0, name="b", **extra):
    extra |= {"branch_of": of} | ({} if begins is None else {"branch_turn": begins})
    return event(text, answer, turn=turn, conversation_id=name, extra=extra)


TRUNK = [event("story", "a fox", turn=0), event("sadder", "a dead fox", turn=1), event("end", "snow", turn=2)]


def prompts(*events, before=()):
    return {row["completion"]: row["prompt"] for row in learned(KIND, *events, before=before)}


def test_a_branch_begins_with_what_was_said_before_it_in_the_conversation_that_it_leaves():
    told = [branch("c", 1, "in German", "ein Fuchs"), branch("c", 1, "shorter", "Fuchs", 1)]
    found = prompts(*told, before=TRUNK)
    assert found == {
        "ein Fuchs": "story\n\na fox\n\nin German",
        "Fuchs": "story\n\na fox\n\nin German\n\nein Fuchs\n\nshorter",
    }
    assert prompts(*TRUNK, *told)["snow"] == "story\n\na fox\n\nsadder\n\na dead fox\n\nend"
    last = learned(KIND, *told, before=TRUNK)[-1]
    assert last["interaction_ids"] == ["c/0/story/a fox", "b/0/in German/ein Fuchs", "b/1/shorter/Fuchs"]


def test_a_branch_of_a_branch_begins_with_what_was_said_in_both():
    other = branch("c", 1, "bolder", "FUCHS", name="d", branch_from="b")
    chain = [branch("c", 1, "in German", "ein Fuchs"), branch("c", 1, "shorter", "Fuchs", 1), other]
    assert prompts(*TRUNK, *chain)["FUCHS"] == "story\n\na fox\n\nin German\n\nein Fuchs\n\nbolder"


@pytest.mark.parametrize("begins", [0, None, "x"])
def test_a_branch_that_shares_no_turn_or_does_not_say_how_many_begins_anew(begins):
    assert prompts(branch("c", begins, "tale", "a wolf"), before=TRUNK) == {"a wolf": "tale"}


def test_branches_in_a_ring_come_to_an_end():
    ring = [branch("b", 1, "q1", "a1", name="c"), branch("c", 1, "q2", "a2", name="b")]
    assert prompts(*ring)["a1"].endswith("q1\n\na1\n\nq2\n\na2\n\nq1")


def test_a_branch_reaches_back_sixteen_turns_in_all():
    trunk = [event(f"q{turn:02}", f"a{turn:02}", turn=turn) for turn in range(40)]
    (prompt,) = prompts(branch("c", 30, "q", "a", 1), before=trunk).values()
    assert prompt.split("\n\n")[::2] == [*(f"q{turn}" for turn in range(14, 30)), "q"]


# what was asked again


RIVERS = "Name three rivers in Portugal."


def test_a_turn_that_was_asked_again_directly_after_is_not_seen_by_later_ones():
    told = [event("p", "x"), event(RIVERS, "Danube", turn=1), event(f" {RIVERS}", "Tagus", turn=2)]
    rows = learned(KIND, *told, event("longest?", "Tagus!", turn=3))
    assert [(row["prompt"], row["completion"]) for row in rows[1:]] == [
        ("p\n\nx\n\n" + RIVERS, "Danube"),
        ("p\n\nx\n\n " + RIVERS, "Tagus"),
        ("p\n\nx\n\n " + RIVERS + "\n\nTagus\n\nlongest?", "Tagus!"),
    ]
    assert [len(row["interaction_ids"]) for row in rows] == [1, 2, 2, 3]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"text": "Why?"}, {"text": "Why?"}),
        ({"text": "Please continue."}, {"text": "Please continue."}),
        ({}, {"text": "Name three rivers in Spain."}),
        ({}, {"turn": 3}),
        ({}, {"extra": {"system": "Be brief."}}),
        ({}, {"answer": ""}),
    ],
    ids=["short", "next part", "other words", "after something else", "told otherwise", "not answered"],
)
def test_a_turn_that_was_not_asked_again_stays(first, second):
    told = [{"text": RIVERS, "answer": answer, "turn": turn} for turn, answer in ((1, "Danube"), (2, "Tagus"))]
    asked = [event(**(values | other)) for values, other in zip(told, (first, second), strict=True)]
    between = event("ls", "a b", turn=2, action="run")
    assert "Danube" in prompts(*asked, between, event("longest?", "T", turn=4))["T"]


# generations

LONG = "The parcel was handed to the neighbours on the second floor this morning."


def told(language, answer, conversation=LEARNED, **values):
    extra = {"system": f"Translate to {language}."}
    return curating.event(LONG, answer, conversation=conversation, extra=extra, **values)


def test_two_tasks_over_one_input_do_not_contradict_each_other_and_two_answers_of_one_do(world):
    world.log(told("German", "Das Paket."), told("French", "Le colis.", ALSO))
    assert world.cut().dropped == {}
    world.log(told("Spanish", "El paquete.", ALSO, turn=1))
    curated = world.cut()
    assert (curated.made.rows, curated.made.withdrawn) == (1, 0)
    world.log(told("German", "Das Päckchen.", on_side("third "), feedback=1.0))
    assert world.cut().made.withdrawn == 1


def test_a_branch_begins_with_turns_that_an_earlier_generation_holds(world):
    world.log(curating.event("story", "A fox slept under the oak."))
    world.cut()
    extra = {"branch_of": LEARNED, "branch_turn": 1}
    world.log(curating.event("in German", "Ein Fuchs schlief.", conversation=ALSO, extra=extra))
    assert world.cut().frame["prompt"].to_list() == ["story\n\nA fox slept under the oak.\n\nin German"]


def test_of_two_answers_to_what_was_asked_again_the_later_stays(world):
    later = curating.MOMENT + timedelta(seconds=1)
    world.log(curating.event(RIVERS, "The Danube."), curating.event(RIVERS, "The Tagus.", turn=1, occurred_at=later))
    curated = world.cut()
    assert curated.frame["completion"].to_list() == ["The Tagus."]
    assert curated.dropped == {"contradicts a better answer to the same prompt": 1}


@pytest.mark.parametrize("values", [{"system": "s" * 2000}, {"branch_turn": 4}], ids=["told", "branch"])
def test_parts_are_cut_by_what_was_told_and_by_what_branches_begin_with(tmp_path, monkeypatch, values):
    monkeypatch.setattr(window, "PART_BYTES", 1 << 20)
    parts: list[int] = []
    load = window.Window.load
    monkeypatch.setattr(window.Window, "load", lambda self, part: parts.append(part) or load(self, part))
    for extra in ({}, values):
        world = World(tmp_path / f"{len(extra)}")
        trunk = [curating.event("q" * 500, f"a {n}", conversation=f"t {n % 4}", turn=n) for n in range(16)]
        of = [{"branch_of": f"t {n % 4}"} if "branch_turn" in extra else {} for n in range(1200)]
        others = [curating.event("q", f"b {n}", conversation=f"c {n}", extra=extra | of[n]) for n in range(1200)]
        world.log(*trunk, *others)
        parts.clear()
        world.cut()
        assert bool(extra) == (len(parts) > 1)
