"""OpenAI's shapes: {"messages"}, fine-tuning and preference records, requests logged with their responses.

Logged requests of Anthropic's API are read here too: "messages" is the same, a response is one message. A request
that was answered by an error is a failed interaction.

Not here: roles and content parts (messages.py) and files. A record is recognised by its keys alone, so that a
bad value under a right key gets a reason instead of "unknown format".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from vibe_pipeline.interactions.importers.exchanges import Origin, interactions, unanswered
from vibe_pipeline.interactions.importers.fields import first_at, number_of, row_of, text_at
from vibe_pipeline.interactions.importers.messages import (
    Message,
    Unusable,
    answer_text,
    messages_of,
    moment_of,
    worse_text,
)
from vibe_pipeline.interactions.importers.opinions import labelled
from vibe_pipeline.interactions.importers.stop_reasons import stopped
from vibe_pipeline.records import Interaction

CONVERSATIONS = (
    *("conversation_id", "session_id", "thread_id", "chat_id"),
    *("conversationId", "sessionId", "threadId", "chatId"),
)
"""What names a conversation; "id" is that of one request or of one line."""

PREFERENCES = (
    *(("chosen", "rejected"), ("chosen_messages", "rejected_messages")),
    ("preferred_output", "non_preferred_output"),
)

BATCH_REQUEST, BATCH_ANSWER = {"body", "params", "request", "input", "messages"}, {"response", "result"}
"""What a line of a batch of OpenAI's or Anthropic's has beside its custom_id."""


def recognises(value: Any) -> bool:
    """Whether this is a record of ours."""
    if isinstance(value, list):
        return bool(value) and all(isinstance(item, dict) and "role" in item for item in value)
    if not isinstance(value, dict) or "conversations" in value:
        return False
    is_chat = "messages" in _request(value) or _pair(value) is not None or {"prompt", "completion"} <= value.keys()
    return is_chat or _half(value) is not None


def read(value: Any, source: str, at: datetime) -> Iterator[Interaction | Unusable]:
    """The interactions of one record; Unusable where it has none."""
    record = {"messages": value} if isinstance(value, list) else value
    try:
        said, found = _read(record, source, at)
    except Unusable as failure:
        if half := _half(record):
            raise Unusable(half) from failure
        raise
    yield from found
    yield from unanswered(said)


def _read(record: dict[str, Any], source: str, at: datetime) -> tuple[list[Message], list[Interaction]]:
    """(what was said, the interactions)."""
    request = _request(record)
    better, worse = _pair(record) or (None, None)
    said = labelled(_messages(record, request, better), record)
    origin = Origin(
        module="openai_chat",
        source=source,
        at=moment_of(record) or moment_of(_response(record)) or at,
        model=text_at(_response(record), "model") or text_at(request, "model"),
        user=text_at(request, "user"),
        extra={key: request[key] for key in ("tools", "functions") if request.get(key)} | _identity(record),
        rejected=worse_text(_said(worse, "rejected"), said) if worse is not None else None,
        conversation=_conversation(record, request),
    )
    return said, interactions(said, origin)


def _messages(record: dict[str, Any], request: dict[str, Any], better: Any) -> list[Message]:
    """The question side, then the answer where it is kept apart."""
    chosen = _said(better, "chosen") if better is not None else []
    if any(message.role == "user" for message in chosen):
        return chosen
    if "messages" in request:
        asked = [*_system(request), *messages_of(request["messages"], "messages")]
    else:
        asked = [*_system(request), *_prompt(record)]
    answered = _completion(record) or _failure(record)
    latency_ms = _latency(record)
    return [*asked, *chosen, *(replace(it, latency_ms=latency_ms) for it in answered)]


def _prompt(record: dict[str, Any]) -> list[Message]:
    prompt = next((record[key] for key in ("prompt", "question") if record.get(key)), None)
    if prompt is None:
        raise Unusable("a completion or preference without its prompt")
    return _said(prompt, "prompt", role="user")


def _system(request: dict[str, Any]) -> list[Message]:
    """Anthropic's system text stands beside the messages: a text or a list of blocks."""
    return messages_of([{"role": "system", "content": request["system"]}], "system") if request.get("system") else []


def _failure(record: dict[str, Any]) -> list[Message]:
    """What went wrong, where an error stands in the place of the answer."""
    error = next((found for found in (record.get("error"), _response(record).get("error")) if found), None)
    if error is None:
        return []
    said = error if isinstance(error, dict) else {"message": error}
    kind = next((said[key] for key in ("type", "code") if isinstance(said.get(key), (str, int))), "error")
    return [Message("assistant", success=False, error_type=str(kind), extra={"error": said.get("message", error)})]


def _latency(record: dict[str, Any]) -> float | None:
    found = number_of(next((record[key] for key in ("latency_ms", "duration_ms") if key in record), None))
    return found if found is not None and found >= 0 else None


def _completion(record: dict[str, Any]) -> list[Message]:
    if "completion" in record:
        return _said(record["completion"], "completion")
    response = _response(record)
    choices = response.get("choices")
    if isinstance(choices, list) and choices:
        return _chosen(choices)
    said = None
    if response is not record:
        said = response if "role" in response else None
        if said is None and response.get("content"):
            said = {"role": "assistant", "content": response["content"]}
    if said is None and isinstance(record.get("response"), str):
        said = record["response"]
    return stopped(_said(said, "response") if said is not None else [], response)


def _chosen(choices: list[Any]) -> list[Message]:
    """The first choice is the answer, the others are kept with it: nobody chose between them."""
    first, *others = [stopped(_of_choice(row), row) for row in map(row_of, choices)]
    texts = [text for other in others if (text := answer_text(other))]
    if not first or not texts:
        return first
    return [*first[:-1], replace(first[-1], extra={**first[-1].extra, "other_choices": texts})]


def _of_choice(choice: dict[str, Any]) -> list[Message]:
    said = first_at(choice, "message", "messages", "text")
    return _said(said, "choice") if said is not None else []


def _said(value: Any, name: str, role: str = "assistant") -> list[Message]:
    """Messages that may be written as bare text, as one message or as a list of them."""
    if isinstance(value, str):
        value = [{"role": role, "content": value}]
    return messages_of([value] if isinstance(value, dict) else value, name)


def _pair(value: dict[str, Any]) -> tuple[Any, Any] | None:
    return next(((value[a], value[b]) for a, b in PREFERENCES if a in value and b in value), None)


def _half(value: dict[str, Any]) -> str | None:
    """Why a line of a batch gives nothing: its requests are one file, its answers another."""
    is_request, is_answer = (bool(keys & value.keys()) for keys in (BATCH_REQUEST, BATCH_ANSWER))
    if "custom_id" not in value or is_request == is_answer:
        return None
    half, other = (
        ("a request of a batch holds no answer", "output")
        if is_request
        else ("an answer of a batch holds no question", "input")
    )
    return f"{half}: join it with the line of the {other} file that has its custom_id"


def _request(value: dict[str, Any]) -> dict[str, Any]:
    """Where the messages are: the record itself, or what wraps them (a logged call, a batch line)."""
    for key in ("request", "input", "body", "params"):
        inner = value.get(key)
        if isinstance(inner, dict) and "messages" not in value:
            return _request(inner)
    return value


def _response(value: dict[str, Any]) -> dict[str, Any]:
    for key in ("response", "output", "body"):
        inner = value.get(key)
        if isinstance(inner, dict):
            return _response(inner)
    return value


def _conversation(record: dict[str, Any], request: dict[str, Any]) -> str | None:
    about = [record, request, row_of(record.get("metadata")), row_of(request.get("metadata"))]
    named = (value[key] for value in about for key in CONVERSATIONS if _is_name(value.get(key)))
    return next((str(name) for name in named), None)


def _is_name(value: Any) -> bool:
    return isinstance(value, (str, int)) and not isinstance(value, bool) and value != ""


def _identity(record: dict[str, Any]) -> dict[str, str]:
    """What the record calls itself, kept for people."""
    name = text_at(record, "id", "custom_id", "conversation_id")
    return {"id": name} if name else {}
