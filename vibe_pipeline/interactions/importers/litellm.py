"""LiteLLM's records of calls: StandardLoggingPayload (callbacks, buckets) and the rows of LiteLLM_SpendLogs.

A row of the database keeps its objects as JSON texts, and its prompt often only in proxy_server_request; where
prompts are not stored they are {} or redacted. The calls of a session are read together.

Not here: the payloads of the providers (payloads.py) and how calls become a conversation (calls.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from vibe_pipeline.interactions.importers.calls import Call, conversations, error_name, is_finite, only
from vibe_pipeline.interactions.importers.exchanges import Origin
from vibe_pipeline.interactions.importers.fields import ms_between, row_of, text_at, texts_of
from vibe_pipeline.interactions.importers.losses import Losses
from vibe_pipeline.interactions.importers.messages import Message, Unusable, moment_of
from vibe_pipeline.interactions.importers.parts import parsed
from vibe_pipeline.interactions.importers.payloads import answered, asked
from vibe_pipeline.records import Interaction

REDACTED = "redacted-by-litellm"
WRAPPERS = ("standard_logging_object", "standard_logging_payload")
NO_CHAT = ("embedding", "image", "transcription", "speech", "moderation", "rerank", "batch", "file", "vector_store")


def recognises(value: Any) -> bool:
    """Whether this is the record of a call."""
    record = _record(value)
    return {"call_type", "startTime"} <= record.keys() and ("messages" in record or "response" in record)


def session_of(value: Any) -> str | None:
    """What the call belongs to: retries and the calls of an agent share it."""
    record = _record(value)
    return text_at(record, "session_id", "trace_id", "litellm_trace_id")


def read(value: Any, source: str, at: datetime) -> Iterator[Interaction | Unusable]:
    """The interactions of one call, or of the calls of one session."""
    calls: list[Call] = []
    losses = Losses()
    values = value if isinstance(value, list) else [value]
    for record in map(_record, values):
        with losses.of(record):
            calls.append(_call(record, at))
    yield from losses.beside(calls)
    origin = Origin("litellm", source, at, user=only(call.user for call in calls), conversation=session_of(values[0]))
    yield from conversations(calls, [], origin, is_one=True)


def _record(value: Any) -> dict[str, Any]:
    inner = next((value[key] for key in WRAPPERS if key in value), value) if isinstance(value, dict) else None
    return inner if isinstance(inner, dict) else {}


def _call(record: dict[str, Any], at: datetime) -> Call:
    kind = record.get("call_type")
    if isinstance(kind, str) and any(word in kind.lower() for word in NO_CHAT):
        raise Unusable(f"a call of the type {kind:.40} is no chat")
    said, came_back = _asked(record), answered(record["response"]) if _given(record, "response") else []
    if not said and not came_back:
        raise Unusable("neither the prompt nor the response was stored")
    if any(message.text.strip() == REDACTED for message in (*said, *came_back)):
        raise Unusable("the prompt or the response is redacted")
    failed = record.get("status") == "failure"
    if failed and not any(message.text for message in came_back):
        came_back = [Message("assistant", success=False)]
    if not said or not came_back:
        raise Unusable("only the prompt was stored" if said else "only the response was stored")
    error, words = _error(record) if failed else (None, None)
    extra = {
        **({"id": name} if (name := text_at(record, "request_id", "id")) else {}),
        **({"tags": tags} if (tags := _tags(record)) else {}),
        **({"tools": tools} if (tools := _tools(record)) else {}),
        **({"error": words} if words else {}),
    }
    began, ended = moment_of({"time": record.get("startTime")}), moment_of({"time": record.get("endTime")})
    model = text_at(record, "model")
    answer = [
        replace(
            message,
            model=model,
            latency_ms=ms_between(began, ended),
            success=False if failed else message.success,
            error_type=error or message.error_type,
            extra={**message.extra, **extra},
        )
        for message in came_back
    ]
    return Call(said, answer, began or at, user=_user(record))


def _asked(record: dict[str, Any]) -> list[Message]:
    if _given(record, "messages"):
        return asked(record["messages"])
    return asked(record["proxy_server_request"]) if _given(record, "proxy_server_request") else []


def _given(record: dict[str, Any], key: str) -> bool:
    value = parsed(record.get(key))
    return bool(value) and value not in ({"body": {}}, "null")


def _error(record: dict[str, Any]) -> tuple[str, str | None]:
    words = text_at(record, "error_str", "exception")
    for holder in (record, row_of(parsed(record.get("metadata")))):
        information = row_of(parsed(holder.get("error_information")))
        if name := text_at(information, "error_class"):
            return name, text_at(information, "error_message") or words
    return error_name(words), words


def _tags(record: dict[str, Any]) -> list[str]:
    return texts_of(parsed(record.get("request_tags")))


def _tools(record: dict[str, Any]) -> list[Any]:
    for key in ("model_parameters", "proxy_server_request"):
        holder = parsed(record.get(key))
        tools = holder.get("tools") if isinstance(holder, dict) else None
        if isinstance(tools, list) and tools and is_finite(tools):
            return tools
    return []


def _user(record: dict[str, Any]) -> str | None:
    metadata, parameters = row_of(parsed(record.get("metadata"))), row_of(parsed(record.get("model_parameters")))
    return (
        text_at(record, "end_user")
        or text_at(metadata, "user_api_key_end_user_id")
        or text_at(parameters, "user")
        or text_at(record, "user")
        or text_at(metadata, "user_api_key_user_id")
    )
