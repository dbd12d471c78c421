"""Claude's design chats, of which the data export has one a file: {"messages": [{"role", "content": {…}}]}.

A question is a text with attachments, an answer a list of blocks, and a tool's call holds its result. A pill is what
the page said in a person's name. Not here: chats (claude_export.py), the archive they come in (archives.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from vibe_pipeline.interactions.importers.branches import interactions_of, tree_of
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
from vibe_pipeline.interactions.importers.tool_parts import json_of
from vibe_pipeline.records import Interaction

CONTENT = ("content", "contentBlocks", "questionRecord")
MARKS = {"contentBlocks", "questionRecord", "authorAccountUuid"}
"""What no other format has in the content of a message."""


def recognises(value: Any) -> bool:
    """Whether this is a design chat; one that was opened and left has no message."""
    if not isinstance(value, dict) or "messages" not in value:
        return False
    if not value["messages"]:
        return value.keys() >= {"uuid", "title", "project"}
    return any(not MARKS.isdisjoint(content) for content in _contents(value))


def read(value: Row, source: str, at: datetime) -> Iterator[Interaction | Unusable]:
    """The interactions of one design chat."""
    if not value["messages"]:
        raise NothingAsked
    names = {"title": text_at(value, "title"), "project": text_at(row_of(value.get("project")), "name")}
    origin = Origin(
        module="claude_export",
        source=source,
        at=moment_of(value) or at,
        user=next((user for content in _contents(value) if (user := text_at(content, "authorAccountUuid"))), None),
        extra={key: name for key, name in names.items() if name},
        conversation=text_at(value, "uuid"),
    )
    nodes = {f"number {number}": item for number, item in enumerate(value["messages"])}
    yield from interactions_of(tree_of(nodes, _messages, _speaker, "no parent", "no children", None), origin)


def _speaker(item: Row) -> Any:
    return item.get("role")


def _contents(value: Row) -> Iterator[Row]:
    return (row_of(item.get("content")) for item in rows_of(value["messages"]))


def _messages(item: Any) -> Iterator[Message]:
    if not isinstance(item, dict):
        raise Unusable("a message is not an object")
    content, name = row_of(item.get("content")), item.get("role")
    role = ROLES.get(name) if isinstance(name, str) else None
    if role not in ("user", "assistant"):
        raise Unusable(f"a message has the unknown role {name!r:.40}")
    if not any(key in content for key in CONTENT):
        raise Unusable("a message has no content")
    at = moment_of(item) or moment_of(content)
    if role == "assistant":
        yield from _answer(content, at)
    elif content.get("pill") is not True:
        yield _question(content, at)


def _question(content: Row, at: datetime | None) -> Message:
    texts = [text_at(content, "content"), *_attached(content)]
    return Message("user", "\n\n".join(filter(None, texts)), at=at, user=text_at(content, "authorAccountUuid"))


def _attached(content: Row) -> Iterator[str]:
    """Each attachment with its text; hidden is what only the page needs."""
    for entry in rows_of(content.get("attachments")):
        if entry.get("hidden") is not True:
            mark = "[image]" if entry.get("type") == "image" else file_mark(text_at(entry, "name"))
            yield "\n".join(filter(None, [mark, text_at(entry, "content")]))


def _answer(content: Row, at: datetime | None) -> Iterator[Message]:
    """The blocks in their order, or the text; questions to the person are a call, that the next message answers."""
    blocks = rows_of(content.get("contentBlocks"))
    for block in blocks:
        yield from _said(block, at)
    if not blocks:
        yield Message("assistant", text_at(content, "content") or "", at=at)
    if record := row_of(content.get("questionRecord")):
        call = call_of("question", record.get("spec"))
        yield Message("assistant", calls=((text_at(record, "questionId"), call),), at=at)


def _said(block: Row, at: datetime | None) -> Iterator[Message]:
    kind, message = block.get("type"), block.get("message")
    if kind == "text":
        yield Message("assistant", text_at(block, "text") or "", at=at)
    elif kind == "thinking":
        yield Message("assistant", reasoning=text_at(block, "text", "thinking") or "", at=at)
    elif kind == "tool_call":
        yield from _called(row_of(block.get("toolCall")), at)
    elif kind == "user_interjection":
        said = message if isinstance(message, dict) else {"content": message}
        yield _question(said, moment_of(said) or at)
    elif kind == "error":
        extra = {"error": message} if isinstance(message, str) else {}
        yield Message("assistant", at=at, success=False, error_type="error", extra=extra)
    else:
        yield Message("assistant", f"[{kind}]", at=at)


def _called(call: Row, at: datetime | None) -> Iterator[Message]:
    name, output = text_at(call, "id"), call.get("output")
    yield Message("assistant", calls=((name, call_of(call.get("name"), call.get("input"))),), at=at)
    if output is not None:
        yield Message("result", output if isinstance(output, str) else json_of(output), call_id=name, at=at)
