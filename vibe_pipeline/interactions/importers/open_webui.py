"""Open WebUI's exports: a chat, the list of all chats, rated answers; messages are a tree in chat.history.

A thumb up or down is feedback. What answers were merged into is one more answer, and the one that the chat goes on
with. Not here: what an answer is made of (open_webui_answers.py), branches (branches.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from vibe_pipeline.interactions.importers.branches import Tree, interactions_of, nodes_of, tree_of
from vibe_pipeline.interactions.importers.exchanges import Origin
from vibe_pipeline.interactions.importers.fields import Row, number_at, number_of, row_of, rows_of, text_at
from vibe_pipeline.interactions.importers.messages import Message, Unusable, file_mark, message_of, moment_of
from vibe_pipeline.interactions.importers.open_webui_answers import parts_of
from vibe_pipeline.interactions.importers.opinions import Opinion, judged
from vibe_pipeline.records import Interaction

ERROR = "error"
"""Of an answer that failed without naming what failed."""


def recognises(value: Any) -> bool:
    """Whether this is a chat of ours, or a row that holds one. Other formats have a history too, as a list."""
    if not isinstance(value, dict):
        return False
    return isinstance(value.get("chat"), dict) or isinstance(_chat(value).get("history"), dict)


def read(value: Any, source: str, at: datetime) -> Iterator[Interaction | Unusable]:
    """The interactions of one chat in all its branches."""
    row, chat = _row(value), _chat(value)
    params = chat.get("params")
    system = text_at(params, "system") if isinstance(params, dict) else None
    origin = Origin(
        module="open_webui",
        source=source,
        at=moment_of(chat) or moment_of(row) or at,
        user=text_at(row, "user_id"),
        extra={"title": chat["title"]} if text_at(chat, "title") else {},
        conversation=text_at(row, "id") or text_at(chat, "id"),
    )
    changed_at = moment_of({"time": value.get("updated_at")})
    tree = _tree(chat, _rated(value), changed_at)
    yield from interactions_of(tree, origin, [Message("system", system)] if system else [])


def _row(value: Row) -> Row:
    """The row of the chat: the record, or what a rating keeps of the chat that it was given in."""
    snapshot = value.get("snapshot")
    inner = snapshot.get("chat") if isinstance(snapshot, dict) else None
    return inner if isinstance(inner, dict) else value


def _chat(value: Row) -> Row:
    row = _row(value)
    chat = row.get("chat")
    return chat if isinstance(chat, dict) else row


def _rated(value: Row) -> dict[str, Row]:
    """Of a rating: what was thought, by the name of the message, in the words of an annotation."""
    meta, data = row_of(value.get("meta")), row_of(value.get("data"))
    name = text_at(meta, "message_id")
    return {name: data} if value.get("type") == "rating" and name else {}


def _tree(chat: Row, rated: dict[str, Row], at: datetime | None) -> Tree:
    history = chat.get("history")
    if isinstance(history, dict) and history.get("messages"):
        nodes = nodes_of(history["messages"], "history.messages")
        rows = {
            name: node | {"annotation": rated[name]} if name in rated and isinstance(node, dict) else node
            for name, node in nodes.items()
        }
        rows, current = _with_merged(rows, history.get("currentId"))
        return tree_of(rows, partial(_messages, at=at), _speaker, "parentId", "childrenIds", current)
    listed = chat.get("messages")
    if not isinstance(listed, list):
        raise Unusable("chat has neither a history nor messages")
    nodes = {f"number {number}": item for number, item in enumerate(listed)}
    return tree_of(nodes, partial(_messages, at=at), _speaker, "no parent", "no children", None)


def _speaker(item: Row) -> Any:
    return item.get("role")


def _with_merged(nodes: Row, current: Any) -> tuple[Row, Any]:
    """The nodes and the current one: a merged answer stands beside the one that holds it, and before what follows."""
    rows: Row = {}
    for name, node in nodes.items():
        rows[name] = node
        if text := text_at(row_of(row_of(node).get("merged")), "content"):
            kept = {key: node[key] for key in ("parentId", "role", "timestamp", "model") if key in node}
            rows[f"{name} merged"] = kept | {"content": text}
    for name, node in nodes.items():
        above = f"{row_of(node).get('parentId')} merged"
        if above in rows:
            rows[name] = node | {"parentId": above}
    return rows, f"{current} merged" if f"{current} merged" in rows else current


def _messages(item: Any, at: datetime | None) -> Iterator[Message]:
    """A question; or an answer, taken apart where tools were called in it."""
    whole = message_of(item)
    if whole.role != "assistant":
        yield replace(whole, text="\n".join(filter(None, [*_attached(item), whole.text])))
        return
    marks = [Message("assistant", mark) for mark in _attached(item)]
    parts = [*parts_of(whole.text, item.get("output")), *marks]
    if all(part.role != "assistant" for part in parts):
        parts.append(Message("assistant"))
    model = text_at(item, "selectedModelId") or whole.model  # in an arena the model is not known by its name
    last = max(number for number, part in enumerate(parts) if part.role == "assistant")
    for number, part in enumerate(parts):
        dated = replace(part, at=whole.at, model=model)
        yield _judged(dated, item, at) if number == last else dated


def _attached(item: Row) -> Iterator[str]:
    """A mark for each file of a message."""
    for file in rows_of(item.get("files")):
        yield "[image]" if file.get("type") == "image" else file_mark(text_at(file, "name"))


def _judged(message: Message, item: Row, at: datetime | None) -> Message:
    """The answer with what a person thought of it, and with its failure."""
    said = row_of(item.get("annotation"))
    rating = _rating(said.get("rating"))
    error = item.get("error")
    is_interrupted = item.get("done") is False
    kept = {key: said[key] for key in ("reason", "comment", "tags") if said.get(key)}
    score = rating if rating is not None and -1 <= rating <= 1 else None
    answer = replace(
        message,
        success=False if error or is_interrupted else None,
        error_type=_error_type(error) if error else "interrupted" if is_interrupted else None,
        latency_ms=_latency(item),
        extra=({"annotation": kept} if kept else {}) | ({"error": _error_text(error)} if error else {}),
    )
    return judged(answer, [Opinion(score, text_at(said, "comment"), at)])


def _rating(value: Any) -> float | None:
    """A thumb as a number; some versions write it as text."""
    with suppress(ValueError):
        return number_of(float(value) if isinstance(value, str) else value)
    return None


def _latency(item: Row) -> float | None:
    """What Ollama says of it, in nanoseconds."""
    told = (number_at(row_of(item.get(key)), "total_duration") for key in ("usage", "info"))
    return next((ns / 1e6 for ns in told if ns and ns > 0), None)


def _error_type(error: Any) -> str:
    named: Row = error if isinstance(error, dict) else {}
    return text_at(named, "type") or text_at(named, "code") or ERROR


def _error_text(error: Any) -> Any:
    return error.get("content", error) if isinstance(error, dict) else error
