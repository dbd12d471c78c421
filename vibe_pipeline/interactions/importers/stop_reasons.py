"""Why a model stopped, in every provider's words: an answer that was cut off, filtered or interrupted is no success.

All readers of answers pass here, so that a format that keeps its reason elsewhere has only to name it.

Not here: calls that failed and brought an error (calls.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from vibe_pipeline.interactions.importers.fields import Row, first_at, row_of
from vibe_pipeline.interactions.importers.messages import Message

FAILURES = {
    **dict.fromkeys(("length", "max_tokens", "max_output_tokens", "max_length", "model_length"), "length"),
    **dict.fromkeys(("model_context_window_exceeded", "context_length", "context_window_exceeded"), "length"),
    **dict.fromkeys(("content_filter", "content_filtered", "guardrail_intervened", "refusal"), "content_filter"),
    **dict.fromkeys(("safety", "recitation", "blocklist", "prohibited_content", "spii"), "content_filter"),
    **dict.fromkeys(("image_safety", "language", "error_toxic"), "content_filter"),
    **dict.fromkeys(("interrupted", "incomplete", "abort", "aborted"), "interrupted"),
    **dict.fromkeys(("cancelled", "canceled", "user_cancelled", "user_canceled", "client_disconnected"), "interrupted"),
    **dict.fromkeys(("error", "failed"), "error"),
}
"""Reason, as `failure_of` spells it → the error type of the answer; with any other an answer has ended well."""

REASONS = ("finish_reason", "finishReason", "stop_reason", "stopReason", "done_reason")
ABOUT = ("response_metadata", "generation_info", "generationInfo")
"""Where LangChain keeps what the provider told of an answer."""


def failure_of(reason: Any) -> str | None:
    """The error type of an answer that ended so: length, content_filter, interrupted or error; None of a whole one."""
    if not isinstance(reason, str):
        return None
    return FAILURES.get(reason.rpartition(".")[2].lower().replace("-", "_"))  # FinishReason.MAX_TOKENS, content-filter


def stopped(said: Sequence[Message], reason: Any) -> list[Message]:
    """The messages of an answer, with the failure that the reason is; where nothing was said it stands alone.

    `reason` is the word itself, or the object that may hold it.
    """
    failure = failure_of(reason_in(reason) if isinstance(reason, dict) else reason)
    if failure is None:
        return [*said]
    last = max((n for n, message in enumerate(said) if message.role == "assistant"), default=None)
    if last is None:
        return [*said, Message("assistant", success=False, error_type=failure)]
    return [*said[:last], replace(said[last], success=False, error_type=failure), *said[last + 1 :]]


def reason_in(value: Row) -> Any:
    """Why the answer that an object holds ended: a choice, a message, or a response of any provider."""
    for row in (value, *(row_of(value.get(key)) for key in ABOUT)):
        reason = row_of(row.get("incomplete_details")).get("reason") or first_at(row, *REASONS)
        if reason is not None:
            return reason
    blocked = row_of(value.get("promptFeedback")).get("blockReason")  # Gemini answers nothing then
    return blocked or (value.get("status") if is_response(value) or value.get("type") == "message" else None)


def is_response(value: Row) -> bool:
    """Whether it is a response of OpenAI's Responses API, which tells its end by a status."""
    return value.get("object") == "response"
