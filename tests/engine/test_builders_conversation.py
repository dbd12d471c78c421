"""conversation over hand-made chats: what is context, what is learned, and what an edit changes."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.engine.building import MOMENT, built, event, events, learned, remark, run, tool
from tests.engine.importing import chat, read
from vibe_pipeline.curate.sessions.turns import joined
from vibe_pipeline.settings import Curate

KIND = "conversation"


def taught(*events, before=()):
    return [(row["prompt"], row["completion"]) for row in learned(KIND, *events, before=before)]


def test_a_reply_is_learned_with_the_turns_before_it():
    rows = learned(KIND, event("q1", "a1"), event("q2", "a2", turn=1), event("q3", "a3", turn=2))
    assert [(row["prompt"], row["question"], row["completion"]) for row in rows] == [
        ("q1", "q1", "a1"),
        ("q1\n\na1\n\nq2", "q2", "a2"),
        ("q1\n\na1\n\nq2\n\na2\n\nq3", "q3", "a3"),
    ]
    assert rows[2]["interaction_ids"] == ["c/0/q1/a1", "c/1/q2/a2", "c/2/q3/a3"]


def test_a_prompt_reaches_back_sixteen_turns():
    rows = learned(KIND, *(event(f"q{turn:02}", f"a{turn:02}", turn=turn) for turn in range(20)))
    assert rows[-1]["prompt"].split("\n\n")[::2] == [f"q{turn:02}" for turn in range(3, 20)]
    assert len(rows[-1]["interaction_ids"]) == 17


def test_parts_of_a_conversation_whose_turns_begin_again_are_told_in_the_order_of_time():
    later = event("second day", "b", turn=0, occurred_at=MOMENT.replace(day=3))
    assert ("first day\n\na\n\nsecond day", "b") in taught(later, event("first day", "a", turn=7))


@pytest.mark.parametrize("values", [{"extra": {"weight": 0}}, {"extra": {"weight": 0.0}}], ids=str)
def test_a_reply_of_weight_0_is_context_and_never_a_target(values):
    assert taught(event("q1", "a1", **values), event("q2", "a2", turn=1)) == [("q1\n\na1\n\nq2", "a2")]


@pytest.mark.parametrize("success", [None, True, False])
def test_a_question_that_nothing_was_said_to_is_neither_learned_nor_context(success):
    assert taught(event("q1", success=success), event("q2", "a2", turn=1)) == [("q2", "a2")]


@pytest.mark.parametrize("weight", [1, "75 kg", None])
def test_a_reply_of_weight_1_or_of_none_that_can_be_read_is_learned(weight):
    assert taught(event("q1", "a1", extra={"weight": weight})) == [("q1", "a1")]


def test_the_last_edit_is_learned_in_place_of_what_was_said_which_later_turns_still_see():
    first = event("q1", "a1", improvements=("better",))
    rows = learned(KIND, first, remark(first, text="best"), remark(first, text=" "), event("q2", "a2", turn=1))
    assert [(row["prompt"], row["completion"]) for row in rows] == [("q1", "best"), ("q1\n\na1\n\nq2", "a2")]
    assert [row["evidence"] for row in rows] == [["edited"], []]


@pytest.mark.parametrize("text", ["one\r\ntwo", "one  \ntwo\t\n"])
def test_an_improvement_that_says_the_same_is_no_edit(text):
    first = event("q1", "one\ntwo", improvements=(text,))
    assert [(row["completion"], row["evidence"]) for row in learned(KIND, first)] == [("one\ntwo", [])]
    corrected = learned(KIND, first, remark(first, text="three"), remark(first, text="three "))
    assert [(row["completion"], row["evidence"]) for row in corrected] == [("three", ["edited"])]
    taken_up_again = learned(KIND, event("q1", "one\ntwo", improvements=("three", text)))
    assert [(row["completion"], row["evidence"]) for row in taken_up_again] == [(text, ["edited"])]


@pytest.mark.parametrize("values", [{"success": False}, {"feedback": -1.0}, {"output": ""}], ids=str)
def test_an_edit_makes_a_target_of_a_bad_reply(values):
    first = event(
        "q1",
        values.get("output", "a1"),
        improvements=("better",),
        **{name: value for name, value in values.items() if name != "output"},
    )
    assert taught(first) == [("q1", "better")]


def test_an_edit_does_not_lift_weight_0():
    assert taught(event("q1", "a1", improvements=("better",), extra={"weight": 0})) == []


def test_a_late_edit_brings_the_reply_into_the_delta_alone():
    first, second = event("q1", "a1"), event("q2", "a2", turn=1)
    assert taught(remark(first, text="better"), before=[first, second]) == [("q1", "better")]


def test_a_turn_after_the_cut_is_learned_with_the_turns_before_it():
    rows = learned(KIND, event("q2", "a2", turn=1, extra={"fact": "f"}, success=True), before=[event("q1", "a1")])
    assert [(row["prompt"], row["fact"], row["evidence"]) for row in rows] == [("q1\n\na1\n\nq2", "f", ["success"])]


def test_any_script_and_any_length_come_through_unchanged():
    question, answer = "为什么 ἀρχή 👩‍👩‍👧\u202e?", "x" * 3_000_000 + "é\x01"
    assert taught(event(question, answer)) == [(question, answer)]


@pytest.mark.parametrize(("more", "joined"), [(0, 2), (1, 1)])
def test_a_prompt_begins_with_the_latest_turns_that_fit_half_of_what_an_example_may_have(more, joined):
    """Each reply of a session would have a copy of all that was pasted before it."""
    pasted = "p" * (Curate().quality.longest // 2 - len("\n\na1\n\n" + "q2\n\na2\n\n") + more)
    turns = [event(pasted, "a1"), event("q2", "a2", turn=1), event("q3", "a3", turn=2)]
    with events(turns) as database:
        last = next(row for row in built(database, KIND) if row["question"] == "q3")
    told = [f"{pasted}\n\na1", "q2\n\na2"][-joined:]
    assert (last["prompt"] == "\n\n".join([*told, "q3"]), len(last["interaction_ids"])) == (True, joined + 1)


def failures(*events, before=()):
    return {row["completion"]: row["failure"] for row in learned(KIND, *events, before=before)}


BRANCH = {"conversation_id": "b", "source": "import:chatgpt_export"}


@pytest.mark.parametrize(
    "good",
    [
        event("q", "good", turn=1, extra={"alternatives": ["bad"]}),
        event("q", "good", turn=1, extra={"rejected": "bad"}),
        event("q", "good", turn=1, extra={"rank": 0}),
        event("q", "good", extra={"branch_of": "c", "alternatives": [" bad\n"]}, **BRANCH),
    ],
    ids=["alternatives", "rejected", "rank", "branch"],
)
def test_a_reply_in_whose_place_another_was_kept_is_rejected_be_it_later(good):
    bad = event("q", "bad", extra={"rank": 1})
    assert failures(bad, good) == {"bad": "rejected", "good": None}
    assert failures(good, before=[bad]) == {"bad": "rejected", "good": None}
    assert failures(event("z", "z", turn=2), before=[bad, good]) == {"z": None}


@pytest.mark.parametrize(
    ("bad", "good"),
    [
        ({"feedback": 1.0}, {}),
        ({}, {"feedback": -1.0}),
        ({"text": "another question"}, {}),
        ({"conversation_id": "elsewhere"}, {}),
        ({"answer": "neither"}, {"rank": None}),
    ],
    ids=["liked", "the other was disliked", "another question", "another conversation", "not named"],
)
def test_what_was_not_passed_over_for_another_answer_stands(bad, good):
    said = event(bad.pop("text", "q"), bad.pop("answer", "bad"), extra={"rank": 1}, **bad)
    kept = event("q", "good", turn=1, extra={"alternatives": ["bad"], "rank": good.pop("rank", 0)}, **good)
    assert "rejected" not in failures(said, kept).values()


def test_what_is_worse_than_the_best_of_another_question_stands():
    assert failures(event("q", "second", extra={"rank": 1}), event("r", "best", turn=1, extra={"rank": 0})) == {
        "second": None,
        "best": None,
    }


@pytest.mark.parametrize("size", [10, 200_000])
def test_a_turn_that_is_too_long_is_left_out_with_those_before_it(size):
    turns = [event("q1", "a1"), event("p" * size, "a2", turn=1), event("q3", "a3", turn=2), event("q4", "a4", turn=3)]
    with events(turns) as database:
        prompts = {row["question"]: row["prompt"] for row in built(database, KIND)}
    assert prompts["q4"].startswith("q3" if size > 10 else "q1")
    assert prompts["q3"] == ("q3" if size > 10 else "q1\n\na1\n\npppppppppp\n\na2\n\nq3")


def asked(question, answer, *calls, turn=2, **values):
    """An exchange as importers log it: where it was asked, its calls after it, with lower turns."""
    start = MOMENT + timedelta(minutes=turn)
    told = [tool("Bash", True, number, said, command=command) for number, (command, said) in enumerate(calls)]
    later = [replace(it, occurred_at=start + timedelta(seconds=1 + it.turn)) for it in told]
    return [event(question, answer, turn=turn, occurred_at=start, **values), *later]


def test_what_was_called_for_a_reply_stands_before_its_question():
    (row,) = learned(KIND, *asked("Weather?", "It snows.", ("curl weather", "-3, snow"), ("date", "")))
    found = [f'{{"name": "Bash", "arguments": {{"command": "{it}"}}}}' for it in ("curl weather", "date")]
    assert row["prompt"] == f"{found[0]}\n-3, snow\n\n{found[1]}\n\nWeather?"
    assert row["question"] == "Weather?"
    assert [name.split("/")[2][:5] for name in row["interaction_ids"]] == ['{"nam', '{"nam', "Weath"]


def test_a_call_is_of_the_reply_that_it_was_made_for():
    first, second = asked("q1", "a1", ("one", "1")), asked("q2", "a2", turn=5)
    assert [("one" in prompt) for prompt, _ in taught(*first, *second)] == [True, False]
    calls = [tool("Bash", True, turn, "", command=f"call {turn}") for turn in (0, 2)]
    untimed = [event("q1", "a1", turn=1), event("q2", "a2", turn=3), *calls]
    told = taught(*(replace(it, occurred_at=MOMENT) for it in untimed))
    assert [("call 0" in prompt, "call 2" in prompt) for prompt, _ in told] == [(True, False), (False, True)]


def test_what_came_back_is_cut_and_what_was_said_before_has_the_rest_of_the_length():
    most = joined(Curate().quality)
    calls = [(f"command {number}", "x" * 100_000) for number in range(50)]
    rows = learned(KIND, event("q" * (most - 10), "a"), *asked("last", "It is x.", *calls, turn=99))
    prompt = rows[-1]["prompt"]
    assert most - 10 <= len(prompt) <= most + 10
    assert ("command 41" in prompt, "command 42" in prompt, "command 49" in prompt) == (False, True, True)
    assert len(rows[-1]["interaction_ids"]) == 10


def test_that_an_agent_came_to_its_end_does_not_vouch_for_what_it_said():
    (row,) = learned(KIND, *asked("q", "a", ("ls", "a.py"), success=True))
    assert row["evidence"] == []


@pytest.mark.parametrize("source", ["logger", "import:table", "gpt4-export", "otlp"])
def test_what_vouches_for_a_reply_is_what_its_row_says_whatever_its_source(source):
    imported = replace(read(chat("q", "a"))[0], source=source)
    assert [row["evidence"] for row in learned(KIND, imported)] == [[]]
    assert [row["evidence"] for row in learned(KIND, replace(imported, success=True))] == [["success"]]


BLOCK = "So:\n\n```ruby\nputs 'a b'.split.revers.join(' ')\n```"
CODE = "puts 'a b'.split.revers.join(' ')"


def test_a_reply_whose_code_failed_is_taken_back_until_it_works():
    said, failed = event("q", BLOCK, success=True), run(CODE, False, 1)
    assert failures(said) == {BLOCK: None}
    assert failures(said, failed) == {BLOCK: "failed since"}
    assert failures(failed, before=[said]) == {BLOCK: "failed since"}
    assert failures(run("ls", True, 2), before=[said, failed]) == {}
    assert failures(run(CODE, True, 3), before=[said, failed]) == {BLOCK: None}


def test_a_reply_that_was_corrected_is_not_taken_back_for_the_code_that_it_had():
    better = remark(event("q", BLOCK), text="Use reverse.")
    assert failures(event("q", BLOCK), run(CODE, False, 1), better) == {"Use reverse.": None}
    assert failures(event("q", "None"), remark(event("q", "None"), text=BLOCK), run(CODE, False, 1)) == {
        BLOCK: "failed since"
    }
