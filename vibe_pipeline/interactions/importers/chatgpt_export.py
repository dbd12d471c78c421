"""ChatGPT's data export: conversations whose messages are a tree, {"mapping": {id: {"message", "parent", "children"}}}.

What was hidden from the person is no question: custom instructions are the system text, thoughts are reasoning. A
message to a tool (its "recipient") is a call. Not here: branches (branches.py), the archive it comes in (archives.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from vibe_pipeline.interactions.importers.branches import interactions_of, nodes_of, tree_of
from vibe_pipeline.interactions.importers.exchanges import Origin
from vibe_pipeline.interactions.importers.fields import Row, list_of, row_of, rows_of, text_at
from vibe_pipeline.interactions.importers.messages import (
    ROLES,
    Message,
    NothingAsked,
    Unusable,
    call_of,
    file_mark,
    moment_of,
)
from vibe_pipeline.interactions.importers.stop_reasons import failure_of
from vibe_pipeline.records import Interaction

EXPORTS = ("conversations.json", "conversations-000.json")

REASONING = ("thoughts", "reasoning_recap")

CONTEXT = {
    "user_editable_context": ("user_profile", "user_instructions"),
    "model_editable_context": ("model_set_context",),
}
"""Content that stands before the conversation, and where its text is."""

UNFINISHED = ("in_progress", "finished_partial_completion")

RATING = {"conversation_id", "rating", "content"}
"""Of message_feedback.json."""

SHELL = {"id", "conversation_id", "title", "create_time", "update_time"}
"""Of a conversation that was opened and left, and has no mapping."""

MEDIA = {"image": "[image]", "audio": "[audio]", "video": "[video]"}

MARKER = re.compile("\ue200[^\ue201]*\ue201|[\ue200-\ue206]")
"""What the answer's own page turns into links and footnotes."""


def recognises(value: Any) -> bool:
    """Whether this is a conversation of ours, or a rating of one of its messages."""
    return isinstance(value, dict) and ("mapping" in value or value.keys() >= RATING or _is_shell(value))


def _is_shell(value: Row) -> bool:
    is_named = value.keys() >= SHELL and value["id"] == value["conversation_id"]
    return is_named and not any(row_of(item) or rows_of(item) for item in value.values())


def read(value: Any, source: str, at: datetime) -> Iterator[Interaction | Unusable]:
    """The interactions of one conversation in all its branches."""
    if value.get("mapping") is None:
        if value.keys() >= RATING:
            raise Unusable("a rating without its conversation, that stands in another file")
        raise NothingAsked
    nodes = nodes_of(value["mapping"], "mapping")
    tree = tree_of(nodes, _messages, _speaker, "parent", "children", value.get("current_node"))
    origin = Origin(
        module="chatgpt_export",
        source=source,
        at=moment_of(value) or at,
        model=text_at(value, "default_model_slug"),
        extra={key: value[key] for key in ("title", "gizmo_id") if text_at(value, key)},
        conversation=text_at(value, "conversation_id") or text_at(value, "id"),
    )
    yield from interactions_of(tree, origin)


def _messages(node: Any) -> Iterator[Message]:
    if not isinstance(node, dict):
        raise Unusable("a node of mapping is not an object")
    message = node.get("message")
    if message is None:
        return
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, dict):
        raise Unusable("a message has no content")
    name = _speaker(node)
    role = ROLES.get(name) if isinstance(name, str) else None
    if role not in ("system", "user", "assistant", "result"):
        raise Unusable(f"a message has the unknown role {name!r:.40}")
    found = _message(role, message, content, row_of(message.get("metadata")))
    if found is not None:
        yield found


def _speaker(node: Row) -> Any:
    return row_of(row_of(node.get("message")).get("author")).get("role")


def _message(role: str, message: Row, content: Row, metadata: Row) -> Message | None:
    kind = content.get("content_type")
    text = _shown(_content(content), metadata)
    is_hidden = metadata.get("is_visually_hidden_from_conversation") is True
    at, model = moment_of(message), text_at(metadata, "model_slug")
    if role == "system" or (isinstance(kind, str) and kind in CONTEXT) or (role == "user" and is_hidden):
        return Message("system", text, at=at)
    if role == "user":
        attached = rows_of(metadata.get("attachments"))
        names = [name for name in (text_at(item, "name") for item in attached) if name]
        said = "\n\n".join(filter(None, [text, *_marks(attached, text)]))
        return Message("user", said, at=at, extra={"attachments": names} if names else {})
    if role == "result":
        return Message("result", text, at=at, **_tool_outcome(content, metadata))
    if kind in REASONING or message.get("channel") == "analysis":
        return Message("assistant", reasoning=text, at=at, model=model)
    recipient = message.get("recipient")
    if isinstance(recipient, str) and recipient not in ("", "all"):
        return Message("assistant", calls=((None, call_of(recipient, text)),), at=at, model=model)
    if is_hidden:
        return None
    weight = message.get("weight")
    status = message.get("status")
    error_type = failure_of(row_of(metadata.get("finish_details")).get("type")) or (
        status if status in UNFINISHED else None
    )
    return Message(
        role="assistant",
        text=text,
        at=at,
        model=model,
        weight=weight if isinstance(weight, (int, float)) and weight != 1 else None,
        success=False if error_type else None,
        error_type=error_type,
    )


def _content(content: Row) -> str:
    """The text of any kind of content; what is no text leaves a mark where it stood."""
    kind = content.get("content_type")
    if isinstance(kind, str) and kind in CONTEXT:
        return "\n\n".join(filter(None, (text_at(content, key) for key in CONTEXT[kind])))
    parts = content.get("parts")
    if parts is not None and not isinstance(parts, list):
        raise Unusable("parts is not a list")
    texts = _parts(parts or []) or [_thought(item) for item in list_of(content.get("thoughts"))]
    whole = next((content[key] for key in ("text", "result", "content", "output_str") if text_at(content, key)), "")
    return "\n".join(filter(None, texts)) or whole


def _parts(parts: list[Any]) -> list[str]:
    """Texts in order; of something spoken the transcript alone."""
    texts = [_part(part) for part in parts]
    is_spoken = any(isinstance(part, dict) and text_at(part, "text") for part in parts)
    return [text for text in texts if not (is_spoken and text in ("[audio]", "[video]"))]


def _part(part: Any) -> str:
    if isinstance(part, str):
        return part
    if not isinstance(part, dict):
        raise Unusable("a part is neither text nor an object")
    kind = str(part.get("content_type", ""))
    return text_at(part, "text") or next((mark for medium, mark in MEDIA.items() if medium in kind), "")


def _thought(thought: Any) -> str:
    if not isinstance(thought, dict):
        return ""
    return "\n".join(filter(None, (text_at(thought, key) for key in ("summary", "content"))))


def _shown(text: str, metadata: Row) -> str:
    """The text as the page shows it: a reference as its link, or not at all."""
    if not MARKER.search(text):
        return text
    for reference in list_of(metadata.get("content_references")):
        mark = text_at(reference, "matched_text") if isinstance(reference, dict) else None
        if mark and MARKER.search(mark):
            text = text.replace(mark, text_at(reference, "alt") or "")
    return MARKER.sub("", text)


def _tool_outcome(content: Row, metadata: Row) -> Row:
    """Whether a tool worked, where it says so: code that ran, or an error in the place of a result."""
    if content.get("content_type") == "system_error":
        return {"success": False, "error_type": text_at(content, "name") or "system_error"}
    ran = metadata.get("aggregate_result")
    result: Row = ran if isinstance(ran, dict) else {}
    status = text_at(result, "status")
    if status is None:
        return {}
    if status == "success":
        return {"success": True}
    raised = result.get("in_kernel_exception")
    return {"success": False, "error_type": (text_at(raised, "name") if isinstance(raised, dict) else None) or status}


def _marks(attached: list[Row], text: str) -> Iterator[str]:
    """A mark for each file that was sent along; an image has its own among the parts, where it was shown at all."""
    for item in attached:
        if not (text_at(item, "mimeType", "mime_type") or "").startswith("image/"):
            yield file_mark(text_at(item, "name"))
        elif MEDIA["image"] not in text:
            yield MEDIA["image"]
