"""The items of a Codex rollout, one after the other → messages.

A rollout tells most things twice: as items of the model's interface and as events for the screen. The items count;
the events are read for what items do not say (exit codes, failures, turns taken back), and where an item is missing.

Not here: lines and threads (codex_cli.py), what of a message a person said (codex_prompts.py), what the output of a
call says (codex_outputs.py) and what only the events tell of it (codex_events.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from vibe_pipeline.interactions.importers.agents import mark_answer
from vibe_pipeline.interactions.importers.codex_events import CALLS, HOSTED, RESULTS, Entry, tool_messages, with_ends
from vibe_pipeline.interactions.importers.codex_outputs import result_of
from vibe_pipeline.interactions.importers.codex_prompts import asked, is_own
from vibe_pipeline.interactions.importers.fields import Row, list_of, number_at, row_of, text_at
from vibe_pipeline.interactions.importers.losses import Losses
from vibe_pipeline.interactions.importers.messages import Message, Unusable, call_of, message_of

SPEAKERS = ("user", "assistant")

ENDS = ("task_complete", "turn_complete")
"""How a turn ends, well or with an error; once an error was an event of its own."""

DELIVERY = "inter_agent_communication"
"""Lines with what agents say to each other, or that they did."""

DELIVERED = ('{"author":"/', '"trigger_turn":')
"""Before there were such lines: how that begins in the assistant's name, and what else it holds."""


def rollout_messages(entries: Sequence[Entry], losses: Losses) -> list[Message]:
    """All that was said and done on the thread, without the turns that were taken back; an item costs itself."""
    items = [entry.item for entry in entries if entry.kind == "response_item"]
    has_items = {"tool" if item.get("type") in CALLS else text_at(item, "type") for item in items}
    written = {role: _lines(_text(item) for item in items if item.get("role") == role) for role in SPEAKERS}
    said: list[Message] = []
    model: str | None = None
    for number, entry in enumerate(entries):
        if entry.kind == "turn_context":
            model = text_at(entry.item, "model") or model
        with losses.of(entry.item):
            for message in _messages(entry, f"item {number}", has_items, written, said):
                is_answer = message.role == "assistant" and message.success is not False
                said.append(replace(message, at=entry.at, model=model if is_answer else None))
    return with_ends(said, entries)


def is_silent(entries: Sequence[Entry]) -> bool:
    """Whether Codex was opened and left: then the thread holds what Codex itself wrote, and nothing that is broken."""
    spoken = ("user_message", "agent_message", "error")
    return not any(
        (entry.kind == "response_item" and not is_own(entry.item))
        or (entry.kind == "event_msg" and entry.item.get("type") in spoken)
        for entry in entries
    )


def is_delegated(entries: Sequence[Entry]) -> bool:
    """Whether another agent gave the task of this thread, and nobody asked on it."""
    is_given = any(
        entry.kind.startswith(DELIVERY)
        or (entry.kind == "response_item" and (entry.item.get("type") == "agent_message" or _is_delivered(entry.item)))
        for entry in entries
    )
    return is_given and not any(
        entry.item.get("type") == "user_message" or (entry.item.get("role") == "user" and not is_own(entry.item))
        for entry in entries
    )


def _messages(
    entry: Entry, name: str, has_items: set[str | None], written: dict[str, str], said: list[Message]
) -> Iterator[Message]:
    item, kind = entry.item, text_at(entry.item, "type")
    text = text_at(item, "message") or ""
    if entry.kind == "response_item":
        yield from _item(item, name)
    elif entry.kind != "event_msg":
        return
    elif kind == "user_message" and _lines([text]) not in written["user"]:  # its item was lost, or there are none
        yield from _question({"content": text})
    elif kind == "agent_message" and _lines([text]) not in written["assistant"]:
        yield Message("assistant", text)
    elif kind == "agent_reasoning" and "reasoning" not in has_items:
        yield Message("assistant", reasoning=text_at(item, "text") or "")
    elif kind == "thread_goal_updated":
        yield from _goal(item, said)
    elif kind == "error":
        yield _failure(item)
    elif kind == "turn_aborted":
        mark_answer(said, success=False, error_type=text_at(item, "reason") or "interrupted")
    elif kind in ENDS and (error := row_of(item.get("error"))):
        yield replace(_failure(error), latency_ms=number_at(item, "duration_ms"))
    elif kind in ENDS and number_at(item, "duration_ms") is not None:
        mark_answer(said, latency_ms=number_at(item, "duration_ms"))
    elif kind == "thread_rolled_back":
        _take_back(said, int(number_at(item, "num_turns") or 0))
    elif "tool" not in has_items:
        yield from tool_messages(item)


def _item(item: Row, name: str) -> Iterator[Message]:
    kind, role = text_at(item, "type") or "message", text_at(item, "role")
    call_id = text_at(item, "call_id") or text_at(item, "id")
    if kind == "message" and role == "user":
        yield from _question(item)
    elif _is_delivered(item):
        return
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
        yield result_of(item, call_id)


def _question(item: Row) -> Iterator[Message]:
    if text := asked(item):
        yield Message("user", text)


def _goal(item: Row, said: list[Message]) -> Iterator[Message]:
    """The goal that a person set is what they asked, once. What changes within a turn names it and is not theirs."""
    objective = text_at(row_of(item.get("goal")), "objective")
    is_known = any(message.role == "user" and str(objective) in message.text for message in said)
    if objective and not is_known and not text_at(item, "turnId", "turn_id"):
        yield Message("user", objective)


def _is_delivered(item: Row) -> bool:
    start, key = DELIVERED
    text = _text(item) if item.get("role") == "assistant" else ""
    return text.startswith(start) and key in text


def _call(kind: str, item: Row) -> str:
    name = text_at(item, "name") or kind.removesuffix("_call")
    name = ".".join(filter(None, (text_at(item, "namespace"), name)))
    for key in ("arguments", "input", "action"):
        if key in item:
            return call_of(name, item[key])
    known = ("type", "id", "call_id", "name", "namespace", "status", "result")
    return call_of(name, {key: value for key, value in item.items() if key not in known})


def _take_back(said: list[Message], turns: int) -> None:
    for _ in range(min(turns, len(said))):
        while said and said.pop().role != "user":
            pass


def _lines(texts: Iterable[str]) -> str:
    """Whole lines: a short answer is no part of a longer one."""
    return "".join(f"\n{text.strip()}\n" for text in texts)


def _text(item: Row) -> str:
    try:
        return message_of({"role": "user", "content": item.get("content")}).text
    except (Unusable, RecursionError):
        return ""


def _failure(error: Row) -> Message:
    """What stands for the answer, or for the rest of it, where the turn failed."""
    info, said = error.get("codex_error_info"), text_at(error, "message")
    kind = next(iter(info), None) if isinstance(info, dict) else info
    return Message(
        role="assistant",
        success=False,
        error_type=kind if isinstance(kind, str) and kind else "error",
        extra={"error": said} if said else {},
    )


def _texts(parts: list[Any]) -> list[Any]:
    """Parts of a reasoning as plain text, whatever their type says."""
    return [{"type": "text", "text": part.get("text")} for part in parts if isinstance(part, dict)]
