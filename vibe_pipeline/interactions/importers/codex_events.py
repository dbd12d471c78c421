"""What only the events of a Codex rollout tell: how a call ended, and in rollouts without items the tools themselves.

The end of a call is an event of its own (`exec_command_end`), in newer rollouts an item that was completed.

Not here: what the output of a call says itself (codex_outputs.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from vibe_pipeline.interactions.importers.codex_outputs import exit_code
from vibe_pipeline.interactions.importers.fields import Row, number_at, row_of, text_at
from vibe_pipeline.interactions.importers.messages import Message, call_of, message_of

HOSTED = ("web_search_call", "image_generation_call")
"""Calls that the server runs itself; what comes of them is shown to the model alone, or is no text."""

CALLS = ("function_call", "custom_tool_call", "local_shell_call", "tool_search_call", *HOSTED)
RESULTS = ("function_call_output", "custom_tool_call_output", "local_shell_call_output", "tool_search_output")

TOOLS = {"exec_command": "shell", "patch_apply": "apply_patch", "mcp_tool_call": "", "web_search": "web_search"}
"""Their `_begin` is a call and their `_end` its result; a tool of MCP has its name beside its arguments."""

ARGUMENTS = ("command", "cwd", "changes", "query")

BY_HAND = "user_shell"
"""Source of a command that a person ran, which is no call."""

STATUSES = {"completed": True, "failed": False, "declined": False}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: response_item, event_msg, turn_context and others; its payload; when it was written."""

    kind: str
    item: Row
    at: datetime | None


def tool_messages(item: Row) -> Iterator[Message]:
    """The call or the result that an event tells of, if it tells of one."""
    tool, _, point = (text_at(item, "type") or "").rpartition("_")
    call_id = text_at(item, "call_id")
    if tool not in TOOLS:
        return
    if point == ("end" if tool == "web_search" else "begin"):  # only the end of a search says what was searched
        yield Message("assistant", calls=((call_id, _call(TOOLS[tool], item)),))
    if point == "end":
        yield Message("result", _output(item), call_id=call_id)


def with_ends(said: Iterable[Message], entries: Sequence[Entry]) -> list[Message]:
    """Results with the exit codes and failures that their own text does not tell."""
    ends: dict[str, tuple[bool, str | None]] = {}
    for call_id, end in _ends(entries):
        outcome = _outcome(end)
        if outcome and ends.get(call_id, (True, None))[0]:  # of the commands of a script the first that failed tells
            ends[call_id] = outcome
    return [_ended(message, ends) for message in said]


def _ends(entries: Sequence[Entry]) -> Iterator[tuple[str, Row]]:
    """(call id, event or item) of what ended.

    An item has the id of its call. What a script called has an id of its own, and is known by the one call that is
    under way then.
    """
    calls = {
        _name(entry.item) for entry in entries if entry.kind == "response_item" and entry.item.get("type") in CALLS
    }
    running: list[str] = []
    for entry in entries:
        kind, call_id = text_at(entry.item, "type") or "", text_at(entry.item, "call_id")
        if entry.kind == "response_item" and kind in CALLS:
            running += [call_id] if call_id else []
        elif entry.kind == "response_item" and (kind in RESULTS or entry.item.get("role") == "user"):
            running.clear()
        elif entry.kind == "event_msg" and kind == "item_completed":
            item = row_of(entry.item.get("item"))
            name = _name(item)
            if name and name in calls:
                yield name, item
            elif len(running) == 1 and item.get("source") != BY_HAND:
                yield running[0], item
        elif entry.kind == "event_msg" and kind.endswith("_end") and call_id:
            yield call_id, entry.item


def _name(item: Row) -> str | None:
    return text_at(item, "call_id", "id")


def _outcome(end: Row) -> tuple[bool, str | None] | None:
    """(success, type of error), None where it says neither: an item has a status, an event a flag, or Ok or Err."""
    code, status, result = number_at(end, "exit_code"), text_at(end, "status") or "", row_of(end.get("result"))
    told = row_of(result.get("Ok", result))
    if "Err" in result or told.get("is_error", told.get("isError")) is True:
        succeeded: Any = False
    else:
        succeeded = code == 0 if code is not None else STATUSES.get(status, "Ok" in result or end.get("success"))
    if not isinstance(succeeded, bool):
        return None
    return succeeded, None if succeeded else "rejected" if status == "declined" else exit_code(code) or "tool_error"


def _ended(message: Message, ends: dict[str, tuple[bool, str | None]]) -> Message:
    outcome = ends.get(message.call_id or "") if message.role == "result" else None
    if outcome is None or message.success is False:
        return message
    return replace(message, success=outcome[0], error_type=outcome[1])


def _call(name: str, item: Row) -> str:
    called = row_of(item.get("invocation"))
    if called:
        name = ".".join(filter(None, (text_at(called, "server"), text_at(called, "tool"))))
        return call_of(name, called.get("arguments"))
    return call_of(name, {key: item[key] for key in ARGUMENTS if key in item})


def _output(item: Row) -> str:
    result = row_of(item.get("result"))
    if result:
        said = row_of(result.get("Ok")).get("content")
        return text_at(result, "Err") or message_of({"role": "tool", "content": said}).text
    parts = (text_at(item, key) for key in ("stdout", "stderr"))
    return text_at(item, "aggregated_output") or "\n".join(filter(None, parts))
