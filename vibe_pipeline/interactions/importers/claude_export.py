"""Claude.ai's data export: {"chat_messages": [{"sender", "content": [blocks], "attachments", "files"}]}.

What was pasted or attached as text was read by the model, so it is part of the question. Where messages name their
parents, they are a tree. Not here: its branches (branches.py), design chats (claude_design.py), the archive it comes
in (archives.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from vibe_pipeline.interactions.importers import claude_design
from vibe_pipeline.interactions.importers.branches import Tree, interactions_of, tree_of
from vibe_pipeline.interactions.importers.exchanges import Origin
from vibe_pipeline.interactions.importers.fields import Row, row_of, rows_of, text_at
from vibe_pipeline.interactions.importers.messages import (
    ROLES,
    Message,
    NothingAsked,
    Unusable,
    call_of,
    file_mark,
    moment_of,
)
from vibe_pipeline.interactions.importers.stop_reasons import failure_of, stopped
from vibe_pipeline.interactions.importers.tool_parts import json_of
from vibe_pipeline.records import Interaction

EXPORTS = ("conversations.json",)

ERROR = "tool_error"

TEXTS = ("text", "voice_note")
SILENT = ("token_budget", "flag")
"""Blocks of the page, in which nothing is said; one of a type that is not known leaves its words, or a mark."""

KNOWN = (*TEXTS, *SILENT, "thinking", "tool_use", "tool_result")


def recognises(value: Any) -> bool:
    """Whether this is a conversation of ours."""
    return isinstance(value, dict) and ("chat_messages" in value or claude_design.recognises(value))


def read(value: Any, source: str, at: datetime) -> Iterator[Interaction | Unusable]:
    """The interactions of one conversation in all its branches."""
    if "chat_messages" not in value:
        yield from claude_design.read(value, source, at)
        return
    said = value["chat_messages"]
    if not isinstance(said, list):
        raise Unusable("chat_messages is not a list")
    if not said:
        raise NothingAsked
    account = value.get("account")
    origin = Origin(
        module="claude_export",
        source=source,
        at=moment_of(value) or at,
        model=text_at(value, "model"),
        user=text_at(account, "uuid") if isinstance(account, dict) else None,
        extra={"title": value["name"]} if text_at(value, "name") else {},
        conversation=text_at(value, "uuid") or text_at(value, "conversation_id"),
    )
    yield from interactions_of(_tree(said, value.get("current_leaf_message_uuid")), origin)


def _tree(said: list[Any], leaf: Any) -> Tree:
    """The messages by their names; in their order where two have the same."""
    numbers = [f"number {number}" for number in range(len(said))]
    names = [text_at(row_of(item), "uuid") or number for item, number in zip(said, numbers, strict=True)]
    nodes = dict(zip(names if len(set(names)) == len(said) else numbers, said, strict=True))
    return tree_of(nodes, _messages, _speaker, "parent_message_uuid", "children", leaf)


def _speaker(item: Row) -> Any:
    return item.get("sender")


def _messages(item: Any) -> Iterator[Message]:
    """What one turn holds: its text, for the assistant also its tools with their results in their order."""
    if not isinstance(item, dict):
        raise Unusable("a message is not an object")
    sender = item.get("sender")
    role = ROLES.get(sender.lower()) if isinstance(sender, str) else None
    if role not in ("user", "assistant", "system"):
        raise Unusable(f"a message has the unknown sender {sender!r:.40}")
    at, blocks = moment_of(item), _blocks(item)
    if role == "assistant":
        said = stopped(_answer(item, blocks, at), _reason(item, blocks))
        yield from (replace(message, model=text_at(item, "model")) for message in said)
        return
    results = [block for block in blocks if block.get("type") == "tool_result"]
    for block in results:
        yield from _said(block, _began(block) or at)
    texts = [text_at(block, "text") for block in blocks if block.get("type") in TEXTS and not _is_hidden(block)]
    body = "\n\n".join(filter(None, texts)) or text_at(item, "text")
    whole = "\n\n".join(filter(None, [body, *_attached(item)]))
    if whole or not results:
        yield Message(role, whole, at=at)


def _answer(item: Row, blocks: list[Row], at: datetime | None) -> list[Message]:
    """What the blocks say. The text beside them has a placeholder for each tool: it speaks only where they cannot."""
    known = [block for block in blocks if block.get("type") in KNOWN]
    said = [message for block in blocks if known for message in _said(block, _began(block) or at)]
    is_told = any(message.text or message.calls or message.role == "result" for message in said)
    text = "" if is_told else text_at(item, "text")
    return [*said, Message("assistant", text, at=at)] if text else said


def _reason(item: Row, blocks: list[Row]) -> Any:
    """Why the answer ended, where it is told."""
    reason = item.get("stop_reason")
    spoken = [item, *(block for block in blocks if block.get("type") in TEXTS)]
    is_cut_off = any(row.get(mark) is True for row in spoken for mark in ("truncated", "cut_off"))
    return "length" if is_cut_off and failure_of(reason) is None else reason


def _is_hidden(block: Row) -> bool:
    """Whether it is what only the page needs."""
    return block.get("hidden") is True or block.get("hidden_in_chat") is True


def _said(block: Row, at: datetime | None) -> Iterator[Message]:
    kind = block.get("type")
    if kind == "thinking":
        yield Message("assistant", reasoning=text_at(block, "thinking") or "", at=at)
    elif kind == "tool_use":
        yield Message(
            "assistant", calls=((text_at(block, "id"), call_of(block.get("name"), block.get("input"))),), at=at
        )
    elif kind == "tool_result":
        failed = block.get("is_error") is True
        yield Message(
            role="result",
            text=_result(block.get("content")),
            call_id=text_at(block, "tool_use_id"),
            at=at,
            success=not failed if isinstance(block.get("is_error"), bool) else None,
            error_type=ERROR if failed else None,
        )
    elif kind not in SILENT and not _is_hidden(block):
        mark = "" if kind in TEXTS else f"[{kind}]"
        yield Message("assistant", text_at(block, "text") or mark, at=at)


def _result(content: Any) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return "" if content is None else json_of(content)
    return "\n".join(filter(None, (_result_part(part) for part in content)))


def _result_part(part: Any) -> str:
    if not isinstance(part, dict):
        return part if isinstance(part, str) else ""
    text = text_at(part, "text") or text_at(part, "content")
    kind = part.get("type")
    if kind == "knowledge":
        return "\n".join(filter(None, [text_at(part, "title"), text, text_at(part, "url")]))
    mark = f"[{kind}]" if kind in ("image", "file") else "" if kind == "text" else json_of(part)
    return text or mark


def _attached(item: Row) -> Iterator[str]:
    """Each attachment with its text, each other file by its name alone."""
    attachments = rows_of(item.get("attachments"))
    named = {text_at(entry, "file_name") for entry in attachments} - {None}
    files = [entry for entry in rows_of(item.get("files")) if text_at(entry, "file_name") not in named]
    for entry in (*attachments, *files):
        name = text_at(entry, "file_name")
        text = text_at(entry, "extracted_content")
        mark = "[image]" if entry.get("file_kind") == "image" else file_mark(name)
        if name or text or "file_kind" in entry:
            yield f"{mark}\n{text}" if text else mark


def _began(block: Row) -> datetime | None:
    """When a block began."""
    return moment_of({"time": block.get("start_timestamp")})


def _blocks(item: Row) -> list[Row]:
    content = item.get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if content is not None and not isinstance(content, list):
        raise Unusable("a message whose content is neither text nor a list of blocks")
    return rows_of(content)
