"""The tools of which only Codex's events tell, in rollouts without items → messages.

Not here: how a call ended (codex_rollout.py), the same for items and events.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vibe_pipeline.interactions.importers.fields import row_of, text_at
from vibe_pipeline.interactions.importers.messages import Message, call_of, message_of

TOOLS = {"exec_command": "shell", "patch_apply": "apply_patch", "mcp_tool_call": "", "web_search": "web_search"}
"""Their `_begin` is a call and their `_end` its result; a tool of MCP has its name beside its arguments."""

ARGUMENTS = ("command", "cwd", "changes", "query")


def tool_messages(item: dict[str, Any]) -> Iterator[Message]:
    """The call or the result that an event tells of, if it tells of one."""
    tool, _, point = (text_at(item, "type") or "").rpartition("_")
    call_id = text_at(item, "call_id")
    if tool not in TOOLS:
        return
    if point == ("end" if tool == "web_search" else "begin"):  # only the end of a search says what was searched
        yield Message("assistant", calls=((call_id, _call(TOOLS[tool], item)),))
    if point == "end":
        yield Message("result", _output(item), call_id=call_id)


def _call(name: str, item: dict[str, Any]) -> str:
    called = row_of(item.get("invocation"))
    if called:
        name = ".".join(filter(None, (text_at(called, "server"), text_at(called, "tool"))))
        return call_of(name, called.get("arguments"))
    return call_of(name, {key: item[key] for key in ARGUMENTS if key in item})


def _output(item: dict[str, Any]) -> str:
    result = row_of(item.get("result"))
    if result:
        said = row_of(result.get("Ok")).get("content")
        return text_at(result, "Err") or message_of({"role": "tool", "content": said}).text
    parts = (text_at(item, key) for key in ("stdout", "stderr"))
    return text_at(item, "aggregated_output") or "\n".join(filter(None, parts))
