"""Messages → interactions: what stands where no exchange would look for it is kept all the same."""

from tests.engine.importing import MOMENT
from vibe_pipeline.interactions.importers.exchanges import Origin, interactions
from vibe_pipeline.interactions.importers.messages import Message

ASKED, ANSWERED = Message("user", "q"), Message("assistant", "a")


def steps(*messages, **more):
    found = interactions(messages, Origin("test", "test", MOMENT, **more))
    return [(item.action, item.input, item.output, item.extra.get("opening")) for item in found]


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
