"""Preferences: a pair keeps the worse answer beside the better one, a label says whether the only one is wanted."""

import pytest

from tests.engine.importing import EXCHANGE, chat, pairs, read


@pytest.mark.parametrize(
    "value",
    [
        {"prompt": "q", "chosen": EXCHANGE, "rejected": [EXCHANGE[0], {"role": "assistant", "content": "worse"}]},
        {"prompt": "q", "chosen": "a", "rejected": "worse"},
        {"question": "q", "chosen": "a", "rejected": "worse"},
        {"prompt": [EXCHANGE[0]], "chosen": [EXCHANGE[1]], "rejected": [{"role": "assistant", "content": "worse"}]},
        {"messages": [EXCHANGE[0]], "chosen": "a", "rejected": "worse"},
        {
            "input": {"messages": [EXCHANGE[0]]},
            "preferred_output": [EXCHANGE[1]],
            "non_preferred_output": [{"role": "assistant", "content": "worse"}],
        },
        {
            "conversations": [{"from": "human", "value": "q"}],
            "chosen": {"from": "gpt", "value": "a"},
            "rejected": {"from": "gpt", "value": "worse"},
        },
    ],
)
def test_a_preference_gives_the_better_answer_and_remembers_the_worse(value):
    (item,) = read(value)
    assert (item.action, item.input, item.output, item.extra["rejected"]) == ("chat", "q", "a", "worse")


WHOLE = [*EXCHANGE, {"role": "user", "content": "r"}]
GOOD, BAD = ({"role": "assistant", "content": text} for text in ("good", "bad"))


@pytest.mark.parametrize(
    "value",
    [
        {"prompt": "r", "chosen": [*WHOLE, GOOD], "rejected": [*WHOLE, BAD]},
        {"prompt": WHOLE, "chosen": [GOOD], "rejected": [*WHOLE, BAD]},
        {"chosen_messages": [*WHOLE, GOOD], "rejected_messages": [*WHOLE, BAD]},
        {"messages": WHOLE, "chosen": GOOD, "rejected": [{"role": "system", "content": "s"}, *WHOLE, BAD]},
        {"conversations": [{"from": m["role"], "value": m["content"]} for m in WHOLE], "chosen": GOOD, "rejected": BAD},
    ],
)
def test_what_both_conversations_begin_with_is_no_part_of_the_worse_answer(value):
    assert pairs(value) == [("chat", 0, "q", "a"), ("chat", 1, "r", "good")]
    assert [item.extra.get("rejected") for item in read(value)] == [None, "bad"]


TURNS = {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]}


@pytest.mark.parametrize(("label", "feedback"), [(True, 1.0), (False, -1.0), ("no", None), (1, None)])
@pytest.mark.parametrize("record", [{"prompt": "q", "completion": "a"}, chat("q", "a"), TURNS], ids=str)
@pytest.mark.parametrize("key", ["label", "kto_tag"])
def test_the_label_of_an_unpaired_preference_is_feedback(record, key, label, feedback):
    (item,) = read(record | {key: label})
    assert (item.output, item.feedback) == ("a", feedback)


def test_a_label_is_about_the_last_answer():
    assert [item.feedback for item in read(chat("q", "a", "r", "b", label=False))] == [None, -1.0]


def test_a_pair_is_a_row_of_its_own_in_the_conversation_of_its_answer():
    (plain,) = read(chat("q", "a"))
    (pair,) = read({"prompt": "q", "chosen": "a", "rejected": "worse"})
    assert pair.interaction_id != plain.interaction_id
    assert pair.conversation_id == plain.conversation_id
