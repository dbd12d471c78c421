"""Gemini CLI's sessions: one JSON record with "messages", or its newer JSON lines, which say how a record grew.

A checkpoint (`/chat save`, and those of `/restore`) is the bare history of Gemini's API.
Not here: how lines are replayed (gemini_replay.py), the text of a message (gemini_parts.py), the parts of a checkpoint
(payloads.py), and logs.json, which has prompts but no answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from typing import Any

from vibe_pipeline.interactions.importers.exchanges import Origin, interactions
from vibe_pipeline.interactions.importers.fields import list_of, text_at
from vibe_pipeline.interactions.importers.gemini_parts import response_of, result_in, said_in
from vibe_pipeline.interactions.importers.gemini_replay import REWRITES, Session, sessions_in
from vibe_pipeline.interactions.importers.losses import Losses
from vibe_pipeline.interactions.importers.messages import Message, Unusable, call_of, moment_of
from vibe_pipeline.interactions.importers.parts import parsed
from vibe_pipeline.interactions.importers.payloads import asked
from vibe_pipeline.interactions.importers.stop_reasons import failure_of
from vibe_pipeline.records import Interaction

TYPES = ("user", "gemini", "info", "error", "warning")

COMMAND = re.compile(r"/\w+(\s|$)|\?$")
"""What a person tells the program; it is a question only if the model answered."""

CONTEXT = ("<session_context>", "This is the Gemini CLI. We are setting up the context")
PROGRAM = {
    "user": (
        "<state_snapshot>",
        "<hook_context>",
        "Here is the user's editor context as a JSON object.",
        "System: Please continue.",
    ),
    "assistant": (
        "Got it. Thanks for the context!",
        "Got it. Thanks for the additional context!",
        "[The previous response was interrupted before it completed.]",
    ),
}
"""What the program says in a person's name, its summary among it, and what it answers to itself in the model's."""

CANCELLED = "Request cancelled."
STOPPED = re.compile(r"Response (truncated|stopped) due to (?!malformed|unexpected|other)")
"""How the person is told that an answer was cut off or filtered; it may be written before the answer."""
STOPS = {"truncated": failure_of("length"), "stopped": failure_of("safety")}

FAILED = {"error": "tool_error", "cancelled": "cancelled"}
ENDED = ("success", *FAILED)
"""How it goes with a call that has its result; any other is still to run, or to be approved."""


def session_of(value: Any) -> str | None:
    """The lines of a file belong together; those of several sessions are told apart when they are read."""
    return None if _history(value) else ""


def recognises(value: Any) -> bool:
    """Whether this is a session, one line of one, or a checkpoint."""
    if _history(value):
        return True
    if not isinstance(value, dict) or "uuid" in value:
        return False
    is_header = {"sessionId", "projectHash"} <= value.keys()
    messages = value.get("messages")
    is_session = "sessionId" in value and isinstance(messages, list) and any(map(_is_message, messages))
    return is_header or is_session or any(key in value for key in REWRITES) or _is_message(value)


def _is_message(value: Any) -> bool:
    """Other programs' lines have a type too, beside a role, a message or a payload."""
    has_keys = isinstance(value, dict) and {"id", "type", "timestamp", "content"} <= value.keys()
    return has_keys and value["type"] in TYPES and not {"role", "message", "payload"} & value.keys()


def read(value: Any, source: str, at: datetime) -> Iterator[Interaction | Unusable]:
    """The interactions of all sessions in these lines, or of a checkpoint; Unusable where there is none in any."""
    if history := _history(value):
        yield from interactions(list(_recalled(history)), Origin("gemini_cli", source, at))
        return
    found: list[Interaction] = []
    losses = Losses()
    for session in sessions_in(value if isinstance(value, list) else [value], losses):
        with losses.of([session.header, *session.messages.values()]):
            found += _interactions(session, source, at)
    yield from losses.beside(found)
    yield from found


def _history(value: Any) -> list[Any]:
    """The turns of a checkpoint: the file is a list of them, or holds it; empty where it is none."""
    turns = list_of(value.get("clientHistory", value.get("history")) if isinstance(value, dict) else value)
    return turns if all(isinstance(turn, dict) and {"role", "parts"} <= turn.keys() for turn in turns) else []


def _recalled(history: list[Any]) -> Iterator[Message]:
    for message in asked(history):
        if message.text.lstrip().startswith(CONTEXT):
            yield replace(message, role="system")
        elif message.role == "result":
            yield replace(message, text=response_of(parsed(message.text)))
        elif not _is_programs(message):
            yield message


def _is_programs(message: Message) -> bool:
    return message.text.lstrip().startswith(PROGRAM.get(message.role, ())) and not message.calls


def _interactions(session: Session, source: str, at: datetime) -> list[Interaction]:
    header = session.header
    extra = {"title": text_at(header, "summary"), "kind": text_at(header, "kind")}
    origin = Origin(
        module="gemini_cli",
        source=source,
        at=moment_of({"time": header.get("startTime")}) or at,
        extra={key: said for key, said in extra.items() if said and said != "main"},
        conversation=text_at(header, "sessionId"),
        grows=True,
    )
    said = [message for item in session.messages.values() for message in _said(item) if not _is_programs(message)]
    context = next((message for message in said if message.role == "system"), None)
    said = [message for message in said if message.role != "system" or message is context]  # rewritten with more in it
    return interactions(_without_retried(_without_commands(said)), origin)


def _without_commands(messages: list[Message]) -> list[Message]:
    spoken = [message for message in messages if message.role != "system"]
    answered = {
        id(said) for said, after in pairwise(spoken) if after.role == "assistant" and after.success is not False
    }
    return [
        message
        for message in messages
        if message.role != "user" or id(message) in answered or not COMMAND.match(message.text.strip())
    ]


def _without_retried(messages: list[Message]) -> list[Message]:
    """An error after which the answer came all the same is no failure; that the answer is not whole is one."""
    kept: list[Message] = []
    is_answered = False
    for message in reversed(messages):
        has_failed = message.role == "assistant" and message.success is False
        if has_failed and is_answered and message.error_type not in STOPS.values():
            continue
        is_answered = message.role != "user" and (is_answered or (message.role == "assistant" and bool(message.text)))
        kept.append(message)
    return kept[::-1]


def _said(item: dict[str, Any]) -> Iterator[Message]:
    kind, text, at = item.get("type"), said_in(item.get("content")), moment_of(item)
    if kind == "user":
        if text.lstrip().startswith(CONTEXT):
            yield Message("system", text, at=at)
        else:
            yield from _asked(item, text, at)
    elif kind == "info" and text.strip() == CANCELLED:
        yield Message("assistant", at=at, success=False, error_type="cancelled")
    elif kind in ("info", "warning") and (reason := STOPPED.search(text)):
        yield Message("assistant", at=at, success=False, error_type=STOPS[reason[1]])
    elif kind == "error":
        yield Message("assistant", at=at, success=False, error_type="error", extra={"error": text})
    elif kind == "gemini":
        calls = [call for call in list_of(item.get("toolCalls")) if isinstance(call, dict)]
        yield Message(
            role="assistant",
            text=text,
            reasoning="\n".join(filter(None, (_thought(thought) for thought in list_of(item.get("thoughts"))))),
            calls=tuple(
                (_identity(call, n), call_of(call.get("name"), call.get("args"))) for n, call in enumerate(calls)
            ),
            at=at,
            model=text_at(item, "model"),
        )
        for number, call in enumerate(calls):
            yield replace(_result(call, _identity(call, number), at), model=text_at(item, "model"))


def _asked(item: dict[str, Any], text: str, at: datetime | None) -> Iterator[Message]:
    """What the person saw of it (`/init` for the prompt that it stands for); what tells of a tool is no person's."""
    shown = item.get("displayContent")
    words = said_in(shown).strip()
    if words or not shown:
        yield Message("user", words or text, at=at, extra={"prompt": text} if words and words != text.strip() else {})


def _identity(call: dict[str, Any], number: int) -> str:
    return text_at(call, "id") or f"number {number}"


def _result(call: dict[str, Any], identity: str, at: datetime | None) -> Message:
    status = call.get("status")
    failure = FAILED.get(status) if isinstance(status, str) else None
    shown = call.get("resultDisplay")
    return Message(
        role="result",
        text=result_in(call.get("result"), identity) or (shown if isinstance(shown, str) else ""),
        call_id=identity,
        at=moment_of(call) or at,
        success=False if failure else True if status == "success" else None,
        error_type=failure,
        is_awaited=isinstance(status, str) and status not in ENDED,
    )


def _thought(thought: Any) -> str:
    if not isinstance(thought, dict):
        return ""
    return ": ".join(filter(None, (text_at(thought, key) for key in ("subject", "description"))))
