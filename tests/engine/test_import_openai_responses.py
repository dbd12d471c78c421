"""Calls of the Responses API: the request's input, the response's output, as a log or a batch wraps them."""

from datetime import UTC, datetime

import pytest

from tests.engine.importing import format_of
from vibe_pipeline.interactions.importers import formats
from vibe_pipeline.interactions.importers.messages import Unusable

MOMENT = datetime(2026, 1, 2, tzinfo=UTC)
SAID = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a"}]}
CALL = {"type": "function_call", "call_id": "k", "name": "f", "arguments": "{}"}


def response(*output, **more):
    return {"id": "r", "object": "response", "created_at": 1767312000, "model": "m-1", "output": list(output), **more}


def read(value):
    assert format_of(value) == "openai_responses"
    return list(formats()["openai_responses"].read(value, "test", MOMENT))


@pytest.mark.parametrize(
    "value",
    [
        {"request": {"model": "m", "input": "q", "user": "jo"}, "response": response(SAID)},
        {
            "custom_id": "1",
            "body": {"input": [{"role": "user", "content": "q"}], "user": "jo"},
            "response": {"status_code": 200, "body": response(SAID)},
        },
        {"input": "q", "user": "jo", "response": response(SAID)},
    ],
)
def test_a_request_with_its_response_is_an_exchange(value):
    (item,) = read(value)
    assert (item.input, item.output, item.model_id, item.user, item.success) == ("q", "a", "m-1", "jo", None)
    assert item.occurred_at == MOMENT


def test_a_call_is_a_tool_and_an_error_a_failed_exchange():
    tool, unanswered = read({"request": {"input": "q"}, "response": response(CALL)})
    assert (tool.action, tool.input, tool.output) == ("tool", '{"name": "f", "arguments": {}}', "")
    assert (unanswered.action, unanswered.input, unanswered.output) == ("chat", "q", "")
    (failed,) = read({"request": {"input": "q"}, "response": response(error={"code": "server_error", "message": "no"})})
    assert (failed.success, failed.error_type, failed.output) == (False, "server_error", "")


def test_instructions_are_the_system_text_and_a_conversation_keeps_its_name():
    request = {"input": "q", "instructions": "be kind", "conversation": "c"}
    (first,), (second,) = (read({"request": request | {"input": text}, "response": response(SAID)}) for text in "qr")
    assert first.extra["system"] == "be kind"
    assert first.conversation_id == second.conversation_id


def test_a_call_says_which_response_it_goes_on_from():
    (item,) = read({"request": {"input": "q", "previous_response_id": "p"}, "response": response(SAID)})
    assert item.extra == {"id": "r", "previous_response_id": "p"}


def test_what_gives_nothing_has_its_reason():
    with pytest.raises(Unusable, match="the response holds no output"):
        read({"request": {"input": "q"}, "response": response()})


@pytest.mark.parametrize(
    ("item", "call", "output", "success"),
    [
        (
            {
                "type": "file_search_call",
                "id": "k",
                "status": "completed",
                "queries": ["d"],
                "results": [{"file_id": "f", "text": "t"}],
            },
            '{"name": "file_search", "arguments": {"queries": ["d"]}}',
            '[{"file_id": "f", "text": "t"}]',
            True,
        ),
        (
            {"type": "web_search_call", "id": "k", "status": "completed", "action": {"query": "x"}},
            '{"name": "web_search", "arguments": {"query": "x"}}',
            "",
            True,
        ),
        (
            {"type": "code_interpreter_call", "code": "print(1)", "outputs": [{"type": "logs", "logs": "1"}]},
            '{"name": "code_interpreter", "arguments": {"code": "print(1)"}}',
            "1",
            None,
        ),
        (
            {"type": "image_generation_call", "id": "k", "status": "completed", "result": "aGk="},
            '{"name": "image_generation", "arguments": {}}',
            "[image]",
            True,
        ),
        (
            {"type": "mcp_call", "id": "k", "name": "roll", "arguments": '{"d": 6}', "output": "4", "error": None},
            '{"name": "roll", "arguments": {"d": 6}}',
            "4",
            None,
        ),
        (
            {"type": "mcp_call", "id": "k", "name": "roll", "arguments": "{}", "output": None, "error": "no die"},
            '{"name": "roll", "arguments": {}}',
            "no die",
            False,
        ),
    ],
)
def test_a_hosted_tool_is_a_tool_with_what_came_of_it(item, call, output, success):
    tool, asked = read({"request": {"input": "q"}, "response": response(item, SAID)})
    assert (tool.action, tool.input, tool.output, tool.success) == ("tool", call, output, success)
    assert (asked.input, asked.output) == ("q", "a")


def test_a_custom_tool_and_its_output_are_a_tool():
    called = {"type": "custom_tool_call", "call_id": "k", "name": "run", "input": "print(2)"}
    sent = [
        {"role": "user", "content": "q"},
        called,
        {"type": "custom_tool_call_output", "call_id": "k", "output": "2"},
    ]
    tool, _ = read({"request": {"input": sent}, "response": response(SAID)})
    assert (tool.action, tool.input, tool.output) == ("tool", '{"name": "run", "arguments": "print(2)"}', "2")


@pytest.mark.parametrize(("output", "text"), [([SAID], "a"), ([], "")])
def test_a_response_that_was_cut_off_is_no_success(output, text):
    cut = response(*output, status="incomplete", incomplete_details={"reason": "max_output_tokens"})
    (item,) = read({"request": {"input": "q"}, "response": cut})
    assert (item.output, item.success, item.error_type) == (text, False, "length")
