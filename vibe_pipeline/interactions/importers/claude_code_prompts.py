"""What a person asks in a line of Claude Code's.

What the program itself or another session writes in the user's name is no question: reminders, caveats, the output of
local commands, notifications, messages of a team, the summary after a compaction.

Not here: what the lines say together (claude_code_lines.py).
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

from vibe_pipeline.interactions.importers.fields import row_of, text_at
from vibe_pipeline.interactions.importers.messages import Unusable, message_of

REMINDER = re.compile(
    r"<(system-reminder|ide_opened_file|ide_selection|ide_diagnostics|fork-boilerplate)>.*?</\1>", re.DOTALL
)
COMMAND = re.compile(r"<command-name>\s*/?(.*?)</command-name>", re.DOTALL)

INTERRUPTED = "[Request interrupted by user"
LOCAL = ("<local-command-", "<bash-", "<user-memory-input>", "<task-notification>", "Caveat: The messages below were")
ELSEWHERE = ("<teammate-message", "Another Claude session sent a message:", "<channel source=")
HIDDEN = ("isMeta", "isCompactSummary", "isVisibleInTranscriptOnly", "isSynthetic")
"""How a line is marked that the program wrote in the user's name; the last one is what is printed for any of them."""

APART = ("<system-reminder>This is a side question", "<fork-boilerplate>")
"""How the first prompt of an agent begins that was given all that its session said so far, as its own lines."""

Line = dict[str, Any]


def is_hidden(line: Line) -> bool:
    """Whether the program wrote this in the user's name, for the model alone."""
    return any(line.get(key) is True for key in HIDDEN)


def prompt_of(line: Line) -> str:
    """What a person asks in this line, "" where it is anything else, or cannot be read."""
    with suppress(Unusable, RecursionError):
        return prompt_in(line)
    return ""


def prompt_in(line: Line) -> str:
    """The same; Unusable or RecursionError where it cannot be read."""
    attachment = line.get("attachment")
    if line.get("type") == "attachment" and isinstance(attachment, dict):
        return _queued(attachment)
    if line.get("type") == "queue-operation" and line.get("operation") == "remove":  # taken up while the model works
        text = (text_at(line, "content") or "").strip()
        return "" if text.startswith(("/", *LOCAL, *ELSEWHERE)) else text
    if line.get("type") != "user" or is_hidden(line) or _is_told(line) or "toolUseResult" in line:
        return ""
    text = words_of(line)
    return "" if text.startswith((INTERRUPTED, *LOCAL, *ELSEWHERE)) or COMMAND.search(text) else text


def is_said(line: Line) -> bool:
    """Whether a person or the model says something in this line, or something that cannot be read."""
    if line.get("type") in ("assistant", "result") or prompt_of(line):
        return True
    with suppress(Unusable, RecursionError):
        return line.get("type") == "user" and not is_hidden(line) and not words_of(line)
    return True


def is_from_elsewhere(line: Line) -> bool:
    """Whether the program or another session said this in the user's name."""
    with suppress(Unusable, RecursionError):
        return line.get("type") == "user" and (_is_told(line) or words_of(line).startswith(ELSEWHERE))
    return False


def begins_apart(line: Line) -> bool:
    """Whether what was asked here was asked beside the session, and the lines before it are the session's."""
    content = row_of(line.get("message")).get("content")
    parts = content if isinstance(content, list) else [{"text": content}]
    return any(str(row_of(part).get("text")).lstrip().startswith(APART) for part in parts)


def words_of(line: Line) -> str:
    """The text of a user's line without results and reminders."""
    message = line.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, list):
        content = [part for part in content if not isinstance(part, dict) or part.get("type") != "tool_result"]
    return REMINDER.sub("", message_of({"role": "user", "content": content}).text).strip()


def _is_told(line: Line) -> bool:
    """Whether the newer versions mark it as the program's or another's."""
    return not _is_persons(line) or line.get("promptSource") == "system"


def _is_persons(value: dict[str, Any]) -> bool:
    return row_of(value.get("origin")).get("kind", "human") == "human"


def _queued(attachment: dict[str, Any]) -> str:
    """What was typed while the model was at work: it gets no line of a user."""
    is_prompt = attachment.get("type") == "queued_command" and attachment.get("commandMode", "prompt") == "prompt"
    if not (is_prompt and _is_persons(attachment)) or attachment.get("isMeta") is True:
        return ""
    return words_of({"message": {"content": attachment.get("prompt") or ""}})
