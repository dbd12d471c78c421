"""Logged calls of OpenAI's Responses API: a request with its "input" beside the response.

Not here: the payloads (payloads.py), chats with "messages" (openai_chat.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from vibe_pipeline.interactions.importers.calls import Call, conversations, error_name
from vibe_pipeline.interactions.importers.exchanges import Origin
from vibe_pipeline.interactions.importers.fields import row_of, text_at
from vibe_pipeline.interactions.importers.messages import Message, Unusable, moment_of
from vibe_pipeline.interactions.importers.payloads import answered, asked
from vibe_pipeline.records import Interaction

Row = dict[str, Any]


def recognises(value: Any) -> bool:
    """Whether this is a request with the response to it."""
    return isinstance(value, dict) and _response(value).get("object") == "response" and "input" in _request(value)


def read(value: Any, source: str, at: datetime) -> Iterator[Interaction | Unusable]:
    """The interactions of one call."""
    request, response = _request(value), _response(value)
    said, came_back = asked(request), answered(response)
    if not said:
        raise Unusable("the request holds no input")
    if error := row_of(response.get("error")):
        name = text_at(error, "code", "type") or error_name(text_at(error, "message"))
        came_back = [Message("assistant", success=False, error_type=name, extra={"error": error})]
    if not came_back:
        raise Unusable("the response holds no output")
    user, model = text_at(request, "user"), text_at(response, "model") or text_at(request, "model")
    began = moment_of(response) or moment_of(value) or at
    names = {"id": text_at(response, "id"), "previous_response_id": text_at(request, "previous_response_id")}
    extra = {key: name for key, name in names.items() if name}
    origin = Origin(
        "openai_responses", source, began, model, user, extra, conversation=_conversation(request, response)
    )
    yield from conversations([Call(said, came_back, began)], [], origin, is_one=True)


def _conversation(request: Row, response: Row) -> str | None:
    """Only what names more than this one call."""
    for holder in (response, request):
        conversation = holder.get("conversation")
        name = conversation if isinstance(conversation, str) else text_at(row_of(conversation), "id")
        if name:
            return name
    return None


def _request(value: Row) -> Row:
    return next((row for key in ("request", "body", "params") if "input" in (row := row_of(value.get(key)))), value)


def _response(value: Row) -> Row:
    response = row_of(value.get("response"))
    return row_of(response["body"]) if "body" in response else response
