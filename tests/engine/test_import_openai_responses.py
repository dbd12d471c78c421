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
    assert (item.input, item.output, item.model_id, item.user, item.success) == ("q", "a", "m-1", "jo", True)
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


def test_what_gives_nothing_has_its_reason():
    with pytest.raises(Unusable, match="the response holds no output"):
        read({"request": {"input": "q"}, "response": response()})
