"""The event stream of `codex exec --json` → messages: one item after the other, each as it ended.

An item that began and never ended (the run was stopped) keeps its call, without a result.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from vibe_pipeline.interactions.importers.fields import number_at, row_of, text_at
from vibe_pipeline.interactions.importers.losses import Losses
from vibe_pipeline.interactions.importers.messages import Message, call_of, message_of

TOOLS = {
    "command_execution": ("command",),
    "file_change": ("changes",),
    "web_search": ("query",),
    "mcp_tool_call": ("arguments",),
    "collab_tool_call": ("prompt", "receiver_thread_ids"),
}
"""Items that are tool calls, and where their arguments are."""


def stream_messages(events: Iterable[dict[str, Any]], losses: Losses) -> list[Message]:
    """All that a run said and did; an item that cannot be read costs itself."""
    items: dict[str, dict[str, Any]] = {}
    run = 0
    for number, event in enumerate(events):
        kind, item = event.get("type"), event.get("item")
        if kind == "thread.started":
            run += 1  # a thread that is resumed counts its items from the start
        elif isinstance(item, dict):
            items[f"{run}/{text_at(item, 'id') or number}"] = item
        elif kind in ("turn.failed", "error"):
            items[f"{run}/event {number}"] = {**event, "type": kind}
    said: list[Message] = []
    for name, item in items.items():
        with losses.of(item):
            for message in _messages(name, item):
                said.append(message)
    return said


def _messages(name: str, item: dict[str, Any]) -> Iterator[Message]:
    kind = text_at(item, "type") or text_at(item, "item_type") or ""
    text = text_at(item, "text") or ""
    if kind in ("agent_message", "assistant_message"):
        yield Message("assistant", text)
    elif kind == "reasoning":
        yield Message("assistant", reasoning=text)
    elif kind == "turn.failed" or (kind == "error" and "id" not in item):
        error = item.get("error")
        said = text_at(error, "message") if isinstance(error, dict) else text_at(item, "message")
        yield Message("assistant", success=False, error_type=kind, extra={"error": said} if said else {})
    elif kind in TOOLS:
        yield Message("assistant", calls=((name, _call(kind, item)),))
        if item.get("status") != "in_progress":
            yield _result(name, item)


def _call(kind: str, item: dict[str, Any]) -> str:
    if kind == "mcp_tool_call":
        called = ".".join(filter(None, (text_at(item, "server"), text_at(item, "tool"))))
        return call_of(called, item.get("arguments"))
    return call_of(text_at(item, "tool") or kind, {key: item[key] for key in TOOLS[kind] if key in item})


def _result(name: str, item: dict[str, Any]) -> Message:
    code, status, error = number_at(item, "exit_code"), text_at(item, "status"), item.get("error")
    said = text_at(error, "message") if isinstance(error, dict) else None
    succeeded = code == 0 if code is not None else None if status is None else status == "completed"
    return Message(
        role="result",
        text=text_at(item, "aggregated_output") or _content(item.get("result")) or said or "",
        call_id=name,
        success=succeeded,
        error_type=None if succeeded is not False else f"exit code {code:g}" if code is not None else status,
    )


def _content(result: Any) -> str:
    return message_of({"role": "tool", "content": row_of(result).get("content")}).text
