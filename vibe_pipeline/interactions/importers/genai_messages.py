"""What a span of generative AI holds, asked and answered, in whichever convention it follows.

The conventions changed often and instrumentations follow different ones: gen_ai.input.messages (since 1.37, as JSON
in an attribute or in an event), one event a message (gen_ai.user.message …, 1.28 to 1.36), one event a side
(gen_ai.content.prompt), numbered attributes (OpenLLMetry, OpenInference), the AI SDK's ai.prompt.messages, Logfire's
events and request_data, Gemini's requests and responses (Google's ADK), all messages of an agent's run
(pydantic_ai.all_messages).

Not here: numbered attributes (genai_numbered.py), what else a span tells (genai_spans.py) and the payloads themselves
(payloads.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from vibe_pipeline.interactions.importers import tool_parts
from vibe_pipeline.interactions.importers.fields import first_at, list_of, number_of, row_of, rows_of, text_at
from vibe_pipeline.interactions.importers.genai_numbered import Attributes, numbered
from vibe_pipeline.interactions.importers.messages import Message
from vibe_pipeline.interactions.importers.parts import messages_in, parsed, text_of
from vibe_pipeline.interactions.importers.payloads import answered, asked, parts_in
from vibe_pipeline.interactions.importers.stop_reasons import is_response

ASKED = (
    "gen_ai.input.messages",
    "gen_ai.prompt",
    "gen_ai.request.messages",
    "ai.prompt.messages",
    "ai.prompt",
    "request_data",
)
SYSTEM = ("gen_ai.system_instructions", "gen_ai.system.instructions")
ANSWERED = ("gen_ai.output.messages", "gen_ai.completion", "gen_ai.response.messages", "response_data")
AI_SDK = ("ai.response.text", "ai.result.text", "ai.response.object", "ai.result.object")
EVENTS = ("events", "all_messages_events")
ADK = ("gcp.vertex.agent.llm_request", "gcp.vertex.agent.llm_response")
CHOICES = "gen_ai.request.choice.count"
PARAMETERS = "llm.invocation_parameters"
PARAMETER = ("n", "candidate_count", "candidateCount")
"""How many answers were asked for: an attribute, or one of the parameters that OpenInference writes as JSON."""
KIND = "openinference.span.kind"
WHOLE = "pydantic_ai.all_messages"
"""What was asked and answered in one list, of a run that may hold several calls."""

EVENT_ROLES = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}

Event = tuple[str, Attributes]
"""Its name and what it says."""


def said_in(attributes: Attributes, events: Sequence[Event]) -> tuple[list[Message], list[Message]]:
    """What was asked and what was answered."""
    found = _with_events(attributes, events)
    system = text_of(parsed(first_at(found, *SYSTEM)))
    said = asked(_payload(found, ASKED, "user")) or asked(row_of(parsed(found.get(ADK[0]))))
    came_back = _answer(_payload(found, ANSWERED, "assistant"), found) or answered(_api_response(found))
    events = [*events, *_written_events(found)]
    said = said or asked(numbered(found, "asked")) or _event_messages(events)
    came_back = came_back or _answer(numbered(found, "answered"), found) or _answer(_event_choices(events), found)
    came_back = came_back or _ai_sdk(found)
    if not came_back and text_at(found, KIND) == "LLM":
        said, came_back = said or asked(found.get("input.value")), answered(found.get("output.value"))
    if not came_back and (WHOLE in found or "all_messages_events" in found):
        said, came_back = _parted(said or asked(found.get(WHOLE)))
    return ([Message("system", system), *said] if system else said), came_back


def ran_in(attributes: Attributes, events: Sequence[Event]) -> tuple[Any, Any]:
    """(arguments, result) of a tool's run that are told as messages: Strands writes them so, in both conventions."""
    bodies = {name: _body(more) for name, more in events}
    arguments = parsed(bodies.get("gen_ai.tool.message", {}).get("content"))
    result = parsed(bodies.get("gen_ai.choice", {}).get("message"))
    found = _with_events(attributes, events)
    for part in _tool_parts(found, "gen_ai.input.messages", tool_parts.is_call):
        arguments = tool_parts.called(part)[1]
    for part in _tool_parts(found, "gen_ai.output.messages", tool_parts.is_result):
        result = part.get("response")
    return arguments, result


def _with_events(attributes: Attributes, events: Sequence[Event]) -> Attributes:
    """The attributes, with those that some write into events."""
    found = attributes
    for name, more in events:
        if name.startswith("gen_ai."):
            found = {**more, **found}
    return found


def _tool_parts(found: Attributes, side: str, is_wanted: Callable[[str], bool]) -> Iterator[Attributes]:
    for message in rows_of(parsed(found.get(side))):
        for part in rows_of(message.get("parts")):
            if is_wanted(str(part.get("type"))):
                yield part


def _parted(said: list[Message]) -> tuple[list[Message], list[Message]]:
    """A list that ends with the answer, without it, and the answer."""
    end = next((n for n in range(len(said), 0, -1) if said[n - 1].role != "assistant"), 0)
    return said[:end], said[end:]


def _answer(payload: Any, found: Attributes) -> list[Message]:
    """Of rival choices the first, with the others as its "other_choices"; else all that was said, in order."""
    messages = list_of(parsed(payload))
    if not messages or not all(isinstance(row_of(message).get("role"), str) for message in messages):
        return answered(payload)
    if len(messages) > 1 and not _are_choices(messages, found):
        return answered(messages)
    return answered({"choices": [{"message": message} for message in messages]})


def _are_choices(messages: Sequence[Attributes], found: Attributes) -> bool:
    """Whether each message is an answer of its own: conventions number rivals and the parts of one answer alike.

    OpenInference tells how many answers were asked for where it was more than one. Where nobody tells, rivals are those
    of which each holds text and asks for no tool, and says why it ended where a message can.
    """
    count = found.get(CHOICES) or first_at(row_of(parsed(found.get(PARAMETERS))), *PARAMETER)
    if count is not None or KIND in found:
        return (number_of(count) or 1) > 1
    return all("parts" not in message or "finish_reason" in message for message in messages) and all(
        [(it.role, bool(it.text), it.calls) for it in messages_in(message, "assistant")] == [("assistant", True, ())]
        for message in messages
    )


def _api_response(found: Attributes) -> Any:
    """What the API itself gave back, where it is kept: ADK keeps nothing else, and the messages that OpenInference
    makes of it leave out hosted tools and which of them are rivals."""
    if response := row_of(parsed(found.get(ADK[1]))):
        return {"candidates": [{"finish_reason": response.get("error_code"), **response}]}
    response = row_of(parsed(found.get("output.value"))) if text_at(found, KIND) == "LLM" else {}
    is_known = is_response(response) or response.get("type") == "message"
    return response if is_known or list_of(first_at(response, "choices", "candidates")) else None


def _written_events(found: Attributes) -> Iterator[Event]:
    """Events that are JSON in an attribute."""
    written = parsed(first_at(found, *EVENTS))
    for event in rows_of(written):
        yield str(event.get("event.name")), event


def _payload(found: Attributes, names: Sequence[str], role: str) -> Any:
    """What the first of these attributes holds; an array can hold no objects, so that its messages are JSON texts."""
    name = next((name for name in names if found.get(name) is not None), "")
    value = found.get(name)
    if isinstance(value, list):
        return [parsed(item) for item in value]
    is_said = name.startswith("gen_ai.") and parsed(value) is not value and parts_in(value) is value
    return [{"role": role, "content": value}] if is_said else value


def _event_messages(events: Sequence[Event]) -> list[Message]:
    """One event a message; its body is spread over the attributes, or JSON in one of them."""
    said: list[Message] = []
    for name, attributes in events:
        if name in EVENT_ROLES:
            body = _body(attributes)
            role = body.get("role") if isinstance(body.get("role"), str) else EVENT_ROLES[name]
            content = first_at(body, "content", "message", name)
            identity = {"tool_call_id": body["id"]} if name == "gen_ai.tool.message" and "id" in body else {}
            calls = {"tool_calls": parsed(body["tool_calls"])} if "tool_calls" in body else {}
            said.extend(asked([{"role": role, "content": parts_in(content), **identity, **calls}]))
    return said


def _event_choices(events: Sequence[Event]) -> list[Attributes]:
    choices = []
    for name, attributes in events:
        if name == "gen_ai.choice":
            body = _body(attributes)
            message = parts_in(first_at(body, "message", "content"))
            whole = message if isinstance(message, dict) else {"content": message}
            calls = {"tool_calls": parsed(body["tool_calls"])} if "tool_calls" in body else {}
            reason = {"finish_reason": body["finish_reason"]} if "finish_reason" in body else {}
            choices.append({"role": "assistant", **calls, **reason, **whole})
    return choices


def _body(attributes: Attributes) -> Attributes:
    body = parsed(first_at(attributes, "event.body", "body", "gen_ai.event.content"))
    return body if isinstance(body, dict) else attributes


def _ai_sdk(found: Attributes) -> list[Message]:
    text, calls = first_at(found, *AI_SDK), parsed(found.get("ai.response.toolCalls"))
    if not isinstance(text, str) and not calls:
        return []
    return answered({"role": "assistant", "content": text, "tool_calls": calls})
