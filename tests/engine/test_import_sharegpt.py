"""ShareGPT's shapes that no other dialect has: tools as tags in the text, and what stands before the first question."""

import json

import pytest

from tests.engine.importing import pairs, read

CALL = {"arguments": {"symbol": "X"}, "name": "price"}


def hermes(*said):
    return {"conversations": [{"from": role, "value": value} for role, value in said]}


@pytest.mark.parametrize("write", [json.dumps, str])
def test_calls_and_results_written_as_tags_are_tools(write):
    called = f"I look.\n<tool_call>\n{write(CALL)}\n</tool_call>\n"
    answered = '<tool_response>\n{"name": "price", "content": 6}\n</tool_response>\n'
    assert pairs(hermes(("human", "Price?"), ("gpt", called), ("tool", answered), ("gpt", "It is 6."))) == [
        ("tool", 0, '{"name": "price", "arguments": {"symbol": "X"}}', '{"name": "price", "content": 6}'),
        ("chat", 1, "Price?", "I look.\n\nIt is 6."),
    ]


def test_several_results_in_one_message_are_paired_with_their_calls():
    called = "".join(f'<tool_call>{{"name": "{name}", "arguments": {{}}}}</tool_call>' for name in "ab")
    answered = "".join(f"<tool_response>{name}</tool_response>" for name in "12")
    found = pairs(hermes(("human", "q"), ("gpt", called), ("tool", answered)))
    assert [(action, output) for action, _, _, output in found] == [("tool", "1"), ("tool", "2"), ("chat", "")]


@pytest.mark.parametrize(
    "text", ["Write <tool_call>json</tool_call>", 'Write `<tool_call>{"name": "f"}</tool_call>`, then wait.']
)
def test_tags_that_are_no_call_are_what_was_said(text):
    assert pairs(hermes(("human", "How?"), ("gpt", text))) == [("chat", 0, "How?", text)]


def test_a_greeting_is_kept_with_the_first_exchange():
    (item,) = read(hermes(("gpt", "I am your guide."), ("human", "q"), ("gpt", "a")))
    assert (item.input, item.output, item.extra["opening"]) == ("q", "a", "I am your guide.")
