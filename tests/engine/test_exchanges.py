"""Messages → interactions: what stands where no exchange would look for it is kept all the same."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.engine.importing import MOMENT
from vibe_pipeline.interactions.importers.exchanges import Origin, interactions
from vibe_pipeline.interactions.importers.messages import Message

ASKED, ANSWERED = Message("user", "q"), Message("assistant", "a")


def steps(*messages, **more):
    found = interactions(messages, Origin("test", "test", MOMENT, **more))
    return [(item.action, item.input, item.output, item.extra.get("opening")) for item in found]


def at(second):
    return None if second is None else MOMENT - timedelta(seconds=1000 - second)


@pytest.mark.parametrize(
    ("seconds", "came"),
    [
        ([1, 2, 3, 4], [1, 3]),
        ([1, 2, None, None, 100, 101], [1, 2, 100]),
        ([1, None, None, None, 100, 101], [1, 1, 100]),
        ([None, None, 3, 4], [3, 3]),
        ([None, 2, None, 4], [2, 4]),
        ([None] * 4, [1000, 1000]),
    ],
)
def test_what_has_no_time_was_said_when_what_stands_before_it_was(seconds, came):
    said = [replace((ASKED, ANSWERED)[n % 2], at=at(second)) for n, second in enumerate(seconds)]
    found = interactions(said, Origin("test", "test", MOMENT))
    assert [item.occurred_at for item in found] == [at(second) for second in came]


def test_a_tool_without_a_time_was_called_after_its_question():
    call, result = Message("assistant", calls=(("k", "one"),)), Message("result", "1", call_id="k")
    said = [replace(ASKED, at=at(1)), replace(ANSWERED, at=at(2)), replace(ASKED, at=at(50)), call, result, ANSWERED]
    found = interactions(said, Origin("test", "test", MOMENT))
    assert [(item.action, item.occurred_at) for item in found] == [("chat", at(1)), ("tool", at(50)), ("chat", at(50))]


def test_what_is_said_before_the_first_question_stays_with_its_exchange():
    opening, chat = Message("assistant", "Welcome."), ("chat", "q", "a", "Welcome.")
    assert steps(opening, ASKED, ANSWERED) == [chat]
    assert steps(opening, ASKED, ANSWERED, Message("user", "r"), ANSWERED) == [chat, ("chat", "r", "a", None)]
    assert steps(opening, ASKED, ANSWERED, unasked=True) == [("chat", "", "Welcome.", None), ("chat", "q", "a", None)]


def test_a_result_whose_call_was_not_kept_is_an_interaction_without_input():
    assert steps(ASKED, Message("result", "r", call_id="k"), ANSWERED) == [
        ("tool", "", "r", None),
        ("chat", "q", "a", None),
    ]
    assert steps(ASKED, Message("result"), ANSWERED) == [("chat", "q", "a", None)]


def test_a_result_that_comes_late_belongs_to_the_call_that_it_names():
    calls = Message("assistant", calls=(("k1", "one"), ("k2", "two")))
    first, late = Message("result", "1", call_id="k1"), Message("result", "2", call_id="k2")
    assert steps(ASKED, calls, first, ANSWERED, late) == [
        ("tool", "one", "1", None),
        ("tool", "two", "2", None),
        ("chat", "q", "a", None),
    ]


def called(*results, ids=("k", "k")):
    calls = Message("assistant", calls=tuple(zip(ids, ("one", "two"), strict=True)))
    found = steps(ASKED, calls, *(Message("result", text, call_id=name) for text, name in results), ANSWERED)
    return [(call, result) for action, call, result, _ in found if action == "tool"]


def test_calls_of_one_id_get_their_results_in_order():
    assert called(("1", "k"), ("2", "k")) == [("one", "1"), ("two", "2")]
    assert called(("1", "k")) == [("one", "1"), ("two", "")]
    assert called(("1", "k"), ("2", "k"), ("more", "k")) == [("one", "1"), ("two", "2"), ("two", "more")]
    assert called(("2", "l"), ("1", "k"), ids=("k", "l")) == [("two", "2"), ("one", "1")]


def test_an_id_that_is_given_again_is_that_of_the_last_call():
    first = Message("assistant", calls=(("k", "one"), ("m", "other")))
    again = Message("assistant", calls=(("k", "two"),))
    results = {name: Message("result", name, call_id=name) for name in "km"}
    assert steps(ASKED, first, results["m"], again, results["k"], ANSWERED) == [
        ("tool", "other", "m", None),
        ("tool", "one", "", None),
        ("tool", "two", "k", None),
        ("chat", "q", "a", None),
    ]


def test_results_without_ids_that_are_not_as_many_as_the_calls_are_one():
    assert called(("1", None), ids=(None, None)) == [("[one, two]", "1")]
    assert called(("1", None), ("2", None), ids=(None, None)) == [("one", "1"), ("two", "2")]


def test_an_answer_to_a_question_without_words_is_not_that_of_the_question_before():
    silent = Message("user", " ")
    assert steps(ASKED, ANSWERED, silent, Message("assistant", "b"), Message("user", "r"), ANSWERED) == [
        ("chat", "q", "a", None),
        ("chat", "", "b", None),
        ("chat", "r", "a", None),
    ]
    assert steps(ASKED, silent, ANSWERED) == [("chat", "q", "a", None)]


def test_a_message_without_words_does_not_part_a_call_from_its_result():
    call, result = Message("assistant", calls=(("k", "one"),)), Message("result", "1", call_id="k")
    silent, chat = Message("user"), [("tool", "one", "1", None), ("chat", "q", "a", None)]
    assert steps(ASKED, call, silent, result, silent, ANSWERED) == chat


def test_what_is_said_of_tools_that_nobody_asked_for_is_an_answer_without_a_question():
    call = Message("assistant", calls=(("k", "one"),))
    assert steps(call, Message("result", "1", call_id="k"), ANSWERED) == [
        ("tool", "one", "1", None),
        ("chat", "", "a", None),
    ]


def test_ids_in_a_named_conversation_count_equal_exchanges_and_not_turns():
    """A day of a session and the whole of it agree, and what was said twice is two exchanges."""
    other = [Message("user", "r"), Message("assistant", "b")]

    def ids(*messages):
        return [it.interaction_id for it in interactions(messages, Origin("m", "s", MOMENT, conversation="c"))]

    first, second, third = ids(ASKED, ANSWERED, *other, ASKED, ANSWERED)
    assert ids(*other, ASKED, ANSWERED) == [second, first]
    assert third not in (first, second)


def test_the_answer_to_a_first_question_without_words_is_no_greeting():
    said, told = (Message("user", ""), Message("assistant", "Nice!")), ("chat", "", "Nice!", None)
    assert steps(*said) == [told]
    assert steps(*said, ASKED, ANSWERED) == [told, ("chat", "q", "a", None)]


def test_each_exchange_was_told_what_was_said_before_its_answer_and_not_what_came_later():
    tool = Message("assistant", calls=(("1", "ls"),))
    result = Message("result", "x", call_id="1")
    said = [Message("system", "one"), ASKED, ANSWERED, ASKED, tool, result, Message("system", "two"), ANSWERED]
    found = interactions(said, Origin("test", "test", MOMENT))
    assert [(it.action, it.extra["system"]) for it in found] == [
        ("chat", "one"),
        ("tool", "one"),
        ("chat", "one\n\ntwo"),
    ]
