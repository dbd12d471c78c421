"""Codex CLI: rollouts (its session files, old and new) and the event stream of `codex exec --json`.

A thread is a conversation; a fork goes under the name of the thread it was forked from, so that the history which it
copies is known already: nothing in the file says where that ends. The event stream does not hold what was asked (only
its first version did), and the thread of an agent whose task another agent gave has no question either: their answers
stand without one.

Not here: what the items of a rollout say (codex_rollout.py) and those of the event stream (codex_stream.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from vibe_pipeline.interactions.importers.agents import in_order
from vibe_pipeline.interactions.importers.codex_events import CALLS, RESULTS, Entry
from vibe_pipeline.interactions.importers.codex_prompts import is_internal
from vibe_pipeline.interactions.importers.codex_rollout import is_delegated, is_silent, rollout_messages
from vibe_pipeline.interactions.importers.codex_stream import stream_messages
from vibe_pipeline.interactions.importers.exchanges import Origin, interactions
from vibe_pipeline.interactions.importers.fields import text_at
from vibe_pipeline.interactions.importers.losses import Losses
from vibe_pipeline.interactions.importers.messages import Unusable, moment_of
from vibe_pipeline.records import Interaction

ENVELOPES = ("session_meta", "response_item", "event_msg", "turn_context", "compacted")
BARE = ("reasoning", "ghost_snapshot", *CALLS, *RESULTS)
"""Types of the items that older rollouts hold without an envelope."""

HEADER = {"id", "timestamp", "instructions", "git"}
"""Of older rollouts: the first line, which has no type."""

SETTINGS = {"workdir", "model", "provider"}
"""Of the first `codex exec --json`: the first line; the second is the prompt, and events follow."""

EVENTS = (
    "session_configured", "task_started", "task_complete", "turn_started", "turn_complete", "turn_aborted",
    "user_message", "agent_message", "agent_message_delta", "agent_reasoning", "agent_reasoning_delta", "token_count",
    "exec_command_begin", "exec_command_end", "patch_apply_begin", "patch_apply_end", "mcp_tool_call_begin",
    "mcp_tool_call_end", "web_search_begin", "web_search_end", "stream_error", "error", "shutdown_complete",
)  # fmt: skip
"""Types of the messages that it writes without an envelope."""

STREAM = ("thread.started", "turn.started", "turn.completed", "turn.failed")
STREAM_ITEM = ("item.started", "item.updated", "item.completed")


LISTS = ({"session_id", "ts", "text"}, {"id", "thread_name", "updated_at"})
"""Of history.jsonl and session_index.jsonl, which lie beside the sessions: what was asked, and names. No answer."""


@dataclass(slots=True)
class Thread:
    """What the lines of one thread hold: a rollout or an event stream."""

    meta: dict[str, Any] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)


def session_of(value: Any) -> str:
    """The lines of a file belong together; those of several sessions are told apart when they are read."""
    return ""


def recognises(value: Any) -> bool:
    """Whether this is a line of ours, a whole session of the first Codex, or what may stand or lie beside ours."""
    if not isinstance(value, dict):
        return False
    message = value.get("msg")
    is_event = isinstance(message, dict) and "type" in message and "id" in value
    is_newer = isinstance(value.get("type"), str) and isinstance(value.get("payload"), dict) and "timestamp" in value
    return _is_own(value) or is_event or is_newer or _is_prompt(value) or _is_listed(value)


def _is_own(value: dict[str, Any]) -> bool:
    """Whether no other program writes it: a line of theirs may have a type with a payload or a message too."""
    kind, message = value.get("type"), value.get("msg")
    if not isinstance(kind, str):
        is_event = isinstance(message, dict) and message.get("type") in EVENTS and "id" in value
        is_session = isinstance(value.get("session"), dict) and isinstance(value.get("items"), list)
        is_header = {"id", "timestamp"} < value.keys() <= HEADER or value.keys() == {"record_type"}
        return is_event or is_session or is_header or value.keys() >= SETTINGS
    if isinstance(value.get("payload"), dict):
        return kind in ENVELOPES
    if kind == "message":
        return isinstance(value.get("role"), str) and isinstance(value.get("content"), list)
    is_error = kind == "error" and value.keys() == {"type", "message"}
    is_item = kind in STREAM_ITEM and isinstance(value.get("item"), dict)
    return is_item or kind in STREAM or kind in BARE or is_error


def _is_prompt(value: dict[str, Any]) -> bool:
    return value.keys() == {"prompt"} and isinstance(value["prompt"], str)


def _is_listed(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() in LISTS


def read(value: Any, source: str, at: datetime) -> Iterator[Interaction | Unusable]:
    """The interactions of all threads in these lines; Unusable where none has any, NothingAsked where none is."""
    values = [line for line in (value if isinstance(value, list) else [value]) if not _is_listed(line)]
    if values and not any(map(_is_own, values)):
        raise Unusable("no line is of a kind that Codex writes")
    found: list[Interaction] = []
    losses = Losses()
    for name, thread in _threads(values, losses).items():
        if is_internal(thread.meta) or (not thread.events and is_silent(thread.entries)):
            continue
        with losses.of([thread.meta, *thread.events, *(entry.item for entry in thread.entries)]):
            found += _interactions(name, thread, source, at, losses)
    yield from losses.beside(found)
    yield from found


def _interactions(name: str, thread: Thread, source: str, at: datetime, losses: Losses) -> list[Interaction]:
    said = stream_messages(thread.events, losses) if thread.events else rollout_messages(thread.entries, losses)
    moments = [moment_of(thread.meta), *(entry.at for entry in thread.entries)]
    origin = Origin(
        module="codex_cli",
        source=source,
        at=next((moment for moment in moments if moment), at),
        extra=_extra(thread.meta),
        conversation=name or None,
        grows=True,
        unasked=bool(thread.events) or is_delegated(thread.entries),
    )
    return interactions(in_order(said), origin)


def _threads(values: Iterable[Any], losses: Losses) -> dict[str, Thread]:
    """Thread id → what its lines hold."""
    threads: dict[str, Thread] = {}
    name = ""
    for value in values:
        for kind, payload, at in _unpacked(value, losses):
            if kind == "session_meta":
                name = _name(payload, threads.get(name)) or name
                thread = threads.setdefault(name, Thread())
                thread.meta = thread.meta or payload
            elif kind == "stream":
                name = text_at(payload, "thread_id") or name
                threads.setdefault(name, Thread()).events.append(payload)
            else:
                threads.setdefault(name, Thread()).entries.append(Entry(kind, payload, at))
    return threads


def _unpacked(value: dict[str, Any], losses: Losses) -> Iterator[tuple[str, dict[str, Any], datetime | None]]:
    """(kind, payload, time) of a line of any age."""
    kind, payload, message = value.get("type"), value.get("payload"), value.get("msg")
    if isinstance(kind, str) and isinstance(payload, dict):
        yield kind, payload, moment_of(value) or moment_of(payload)
    elif isinstance(message, dict):
        yield "event_msg", message, moment_of(value)
    elif isinstance(value.get("session"), dict) and isinstance(value.get("items"), list):
        yield "session_meta", value["session"], None
        for item in value["items"]:
            with losses.of(item):
                if not isinstance(item, dict):
                    raise Unusable("an item is not an object")
                yield "response_item", item, moment_of(item)
    elif value.keys() >= SETTINGS:
        yield "session_meta", {"cwd": value["workdir"]}, None
        yield "turn_context", value, None
    elif _is_prompt(value):
        yield "event_msg", {"type": "user_message", "message": value["prompt"]}, None
    elif kind in (*STREAM, *STREAM_ITEM, "error"):
        yield "stream", value, None
    elif kind is None:
        yield "session_meta", value, None
    else:
        yield "response_item", value, moment_of(value)


def _name(meta: dict[str, Any], current: Thread | None) -> str | None:
    """A fork repeats the header of its origin after its own: that begins no new thread."""
    forked = text_at(meta, "forked_from_id")
    own = text_at(meta, "id") or text_at(meta, "session_id")
    if current is not None and own and own == text_at(current.meta, "forked_from_id"):
        return None
    return forked or own


def _extra(meta: dict[str, Any]) -> dict[str, Any]:
    """Where the session took place."""
    extra: dict[str, Any] = {}
    for name, key in (("cwd", "cwd"), ("version", "cli_version"), ("originator", "originator")):
        if text := text_at(meta, key):
            extra[name] = text
    git = meta.get("git")
    branch = text_at(git, "branch") if isinstance(git, dict) else None
    return extra | ({"git_branch": branch} if branch else {})
