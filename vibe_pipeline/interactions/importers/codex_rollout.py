"""The items of a Codex rollout, one after the other → messages.

A rollout tells most things twice: as items of the model's interface and as events for the screen. The items count;
the events are read for what items do not say (exit codes, failures, turns taken back), and where an item is missing.

Not here: lines and threads (codex_cli.py), and tools of which only events tell (codex_events.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from vibe_pipeline.interactions.importers.agents import mark_answer
from vibe_pipeline.interactions.importers.codex_events import tool_messages
from vibe_pipeline.interactions.importers.fields import list_of, number_at, text_at
from vibe_pipeline.interactions.importers.losses import Losses
from vibe_pipeline.interactions.importers.messages import Message, Unusable, call_of, message_of

HOSTED = ("web_search_call", "image_generation_call")
"""Calls that the server runs itself; what comes of them is shown to the model alone, or is no text."""

CALLS = ("function_call", "custom_tool_call", "local_shell_call", "tool_search_call", *HOSTED)
RESULTS = ("function_call_output", "custom_tool_call_output", "local_shell_call_output", "tool_search_output")

INJECTED = (
    "<environment_context>", "<user_instructions>", "# AGENTS.md instructions", "<INSTRUCTIONS>", "<permissions",
    "<turn_aborted>", "<user_shell_command>", "<user_action>", "<skill>", "<skills", "<subagent_notification>",
    "<collaboration_mode>", "<model_switch>", "<hook_prompt", "<recommended_plugins>", "<apps",
    "Warning: apply_patch was requested via ", "<image>", "<image name=", "</image>",
)  # fmt: skip
"""What Codex itself writes in the user's name, and what it puts around an image."""

SPEAKERS = ("user", "assistant")

REQUEST = "## My request for Codex:"
"""Before it stand the files that are open in an editor, or that were dropped into the question."""

CONTEXT = ("# Context from my IDE", "# Files mentioned by the user:")

HEADER = re.compile(
    r"(?:(?:Exit code:|Chunk ID:|Wall time:?|Process (?:exited|running)|Original token count:|Total output lines:)"
    r"[^\n]*\n)+Output:\n?"
)
EXIT_CODE = re.compile(r"^(?:Exit code: |Process exited with code )(-?\d+)", re.MULTILINE)
SECONDS = re.compile(r"^Wall time:? ([\d.]+) seconds", re.MULTILINE)
FAILURES = {
    "rejected": re.compile(r"exec command rejected by user|patch rejected by user|rejected by user"),
    "interrupted": re.compile(r"aborted(?: by user)?"),
    "tool_error": re.compile(
        r"unsupported call|failed to parse function arguments|execution error|exec_command failed|failed in sandbox"
        r"|apply_patch verification failed|sandbox error|tool call error|Script failed"
    ),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: response_item, event_msg, turn_context or compacted; its payload; when it was written."""

    kind: str
    item: dict[str, Any]
    at: datetime | None


def rollout_messages(entries: Sequence[Entry], losses: Losses) -> list[Message]:
    """All that was said and done on the thread, without the turns that were taken back; an item costs itself."""
    items = [entry.item for entry in entries if entry.kind == "response_item"]
    has_items = {"tool" if item.get("type") in CALLS else text_at(item, "type") for item in items}
    written = {role: "\n".join(_text(item) for item in items if item.get("role") == role) for role in SPEAKERS}
    said: list[Message] = []
    model: str | None = None
    for number, entry in enumerate(entries):
        if entry.kind == "turn_context":
            model = text_at(entry.item, "model") or model
        with losses.of(entry.item):
            for message in _messages(entry, f"item {number}", has_items, written, said):
                is_answer = message.role == "assistant" and message.success is not False
                said.append(replace(message, at=entry.at, model=model if is_answer else None))
    return _with_ends(said, entries)


def is_silent(entries: Sequence[Entry]) -> bool:
    """Whether Codex was opened and left: then the thread holds what Codex itself wrote, and nothing that is broken."""
    spoken = ("user_message", "agent_message", "error")
    return not any(
        (entry.kind == "response_item" and not _is_own(entry.item))
        or (entry.kind == "event_msg" and entry.item.get("type") in spoken)
        for entry in entries
    )


def is_delegated(entries: Sequence[Entry]) -> bool:
    """Whether another agent gave the task of this thread, and nobody asked on it."""
    kinds = {text_at(entry.item, "type") for entry in entries if entry.kind == "response_item"}
    is_asked = any(
        entry.item.get("type") == "user_message" or (entry.item.get("role") == "user" and not _is_own(entry.item))
        for entry in entries
    )
    return "agent_message" in kinds and not is_asked


def _is_own(item: dict[str, Any]) -> bool:
    content = item.get("content")
    is_injected = isinstance(content, list) and all(map(_is_injected, content))
    return item.get("role") in ("developer", "system") or (item.get("role") == "user" and is_injected)


def _messages(
    entry: Entry, name: str, has_items: set[str | None], written: dict[str, str], said: list[Message]
) -> Iterator[Message]:
    item, kind = entry.item, text_at(entry.item, "type")
    text = text_at(item, "message") or ""
    if entry.kind == "response_item":
        yield from _item(item, name)
    elif entry.kind != "event_msg":
        return
    elif kind == "user_message" and text not in written["user"]:  # its item was lost, or there are none
        yield from _user([{"type": "text", "text": text}])
    elif kind == "agent_message" and text not in written["assistant"]:
        yield Message("assistant", text)
    elif kind == "agent_reasoning" and "reasoning" not in has_items:
        yield Message("assistant", reasoning=text_at(item, "text") or "")
    elif kind == "error":
        yield Message("assistant", success=False, error_type=_error(item), extra={"error": text_at(item, "message")})
    elif kind == "turn_aborted":
        mark_answer(said, success=False, error_type=text_at(item, "reason") or "interrupted")
    elif kind == "task_complete" and number_at(item, "duration_ms") is not None:
        mark_answer(said, latency_ms=number_at(item, "duration_ms"))
    elif kind == "thread_rolled_back":
        _take_back(said, int(number_at(item, "num_turns") or 0))
    elif "tool" not in has_items:
        yield from tool_messages(item)


def _item(item: dict[str, Any], name: str) -> Iterator[Message]:
    kind, role = text_at(item, "type") or "message", text_at(item, "role")
    call_id = text_at(item, "call_id") or text_at(item, "id")
    if kind == "message" and role == "user":
        yield from _user(item.get("content"))
    elif kind == "message" and role == "assistant":
        yield message_of({"role": "assistant", "content": item.get("content")})
    elif kind == "reasoning":
        parts = [*list_of(item.get("summary")), *list_of(item.get("content"))]
        yield Message("assistant", reasoning=message_of({"role": "assistant", "content": _texts(parts)}).text)
    elif kind in CALLS:
        yield Message("assistant", calls=((call_id or name, _call(kind, item)),))
        if kind in HOSTED:
            succeeded = {"completed": True, "failed": False}.get(text_at(item, "status") or "")
            yield Message("result", call_id=call_id or name, success=succeeded)
    elif kind in RESULTS:
        yield _result(item, call_id)


def _user(content: Any) -> Iterator[Message]:
    """What a person said: the parts that Codex put in are left out."""
    parts = content if isinstance(content, list) else [{"type": "text", "text": content}]
    said = [part for part in parts if not _is_injected(part)]
    text = message_of({"role": "user", "content": said}).text
    text = text.partition(REQUEST)[2] or text if text.startswith(CONTEXT) else text
    if text.strip():
        yield Message("user", text.strip())


def _is_injected(part: Any) -> bool:
    text = part.get("text") if isinstance(part, dict) else None
    return isinstance(text, str) and text.lstrip().startswith(INJECTED)


def _call(kind: str, item: dict[str, Any]) -> str:
    name = text_at(item, "name") or kind.removesuffix("_call")
    name = ".".join(filter(None, (text_at(item, "namespace"), name)))
    for key in ("arguments", "input", "action"):
        if key in item:
            return call_of(name, item[key])
    known = ("type", "id", "call_id", "name", "namespace", "status", "result")
    return call_of(name, {key: value for key, value in item.items() if key not in known})


def _result(item: dict[str, Any], call_id: str | None) -> Message:
    output = item.get("output", item.get("tools"))
    succeeded = output.get("success") if isinstance(output, dict) else None
    if isinstance(output, dict):
        output = output.get("content", output.get("output"))
    text = output if isinstance(output, str) else message_of({"role": "tool", "content": output}).text
    text, code, seconds = _unwrapped(text)
    failure = next((name for name, pattern in FAILURES.items() if pattern.match(text)), None)
    succeeded = code == 0 if code is not None else False if failure else succeeded
    return Message(
        role="result",
        text=text,
        call_id=call_id,
        success=succeeded if isinstance(succeeded, bool) else None,
        error_type=(_exit_code(code) or failure or "tool_error") if succeeded is False else None,
        latency_ms=seconds * 1000 if seconds is not None else None,
    )


def _unwrapped(text: str) -> tuple[str, int | None, float | None]:
    """(output, exit code, seconds) of what the shell tool wrote around it: JSON once, a few lines of text today."""
    if text.startswith("{"):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return text, None, None
        meta = value.get("metadata")
        if isinstance(meta, dict) and isinstance(value.get("output"), str):
            code = number_at(meta, "exit_code")
            return value["output"], None if code is None else int(code), number_at(meta, "duration_seconds")
        return text, None, None
    header = HEADER.match(text)
    if header is None:
        return text, None, None
    found, seconds = EXIT_CODE.search(header[0]), SECONDS.search(header[0])
    return text[header.end() :], int(found[1][:9]) if found else None, _seconds(seconds[1]) if seconds else None


def _with_ends(said: list[Message], entries: Sequence[Entry]) -> list[Message]:
    """Results with the exit codes and failures that only the events tell."""
    ends: dict[str, dict[str, Any]] = {}
    running = ""
    for entry in entries:
        kind, call_id, item = text_at(entry.item, "type") or "", text_at(entry.item, "call_id"), entry.item.get("item")
        if entry.kind == "response_item" and (kind in CALLS or kind in RESULTS):
            running = call_id or "" if kind in CALLS else ""
        elif entry.kind == "event_msg" and call_id and kind.endswith("_end"):
            ends[call_id] = entry.item
        elif (
            kind == "item_completed"
            and isinstance(item, dict)
            and running
            and not ends.get(running, {}).get("exit_code")
        ):
            ends[running] = item  # of the commands of a script the first that failed tells
    return [
        _ended(message, ends[message.call_id]) if message.role == "result" and message.call_id in ends else message
        for message in said
    ]


def _ended(message: Message, end: dict[str, Any]) -> Message:
    code, result, succeeded = number_at(end, "exit_code"), end.get("result"), end.get("success")
    if code is not None:
        succeeded = code == 0
    elif isinstance(result, dict):
        fine = result.get("Ok")
        succeeded = isinstance(fine, dict) and fine.get("is_error", fine.get("isError")) is not True
    if not isinstance(succeeded, bool) or message.success is False:
        return message
    error_type = None if succeeded else _exit_code(code) or "tool_error"
    return replace(message, success=succeeded, error_type=error_type)


def _take_back(said: list[Message], turns: int) -> None:
    for _ in range(min(turns, len(said))):
        while said and said.pop().role != "user":
            pass


def _text(item: dict[str, Any]) -> str:
    try:
        return message_of({"role": "user", "content": item.get("content")}).text
    except (Unusable, RecursionError):
        return ""


def _error(item: dict[str, Any]) -> str:
    info = item.get("codex_error_info")
    return info if isinstance(info, str) else next(iter(info)) if isinstance(info, dict) and info else "error"


def _exit_code(code: float | None) -> str | None:
    return None if code is None else f"exit code {code:g}"


def _seconds(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _texts(parts: list[Any]) -> list[Any]:
    """Parts of a reasoning as plain text, whatever their type says."""
    return [{"type": "text", "text": part.get("text")} for part in parts if isinstance(part, dict)]
