"""The lines of one Claude Code conversation, one after the other → messages.

What the program itself or another session writes in the user's name is no question: reminders, caveats, the output of
local commands, notifications, messages of a team, the summary after a compaction. A slash command is one only if the
model answered it.

Not here: which lines belong together (claude_code.py).
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from typing import Any

from vibe_pipeline.interactions.importers.agents import in_order, mark_answer
from vibe_pipeline.interactions.importers.fields import number_at, text_at
from vibe_pipeline.interactions.importers.losses import Losses
from vibe_pipeline.interactions.importers.messages import Message, Unusable, message_of, moment_of

REMINDER = re.compile(r"<(system-reminder|ide_opened_file|ide_selection|ide_diagnostics)>.*?</\1>", re.DOTALL)
COMMAND = re.compile(r"<command-name>\s*/?(.*?)</command-name>", re.DOTALL)
ARGUMENTS = re.compile(r"<command-args>(.*?)</command-args>", re.DOTALL)
NOTIFIED = re.compile(r"<tool-use-id>(.*?)</tool-use-id>.*?<status>(?:failed|killed|error)</status>", re.DOTALL)
EXIT_CODE = re.compile(r"(?:Error: )?Exit code (\d+)")

INTERRUPTED = "[Request interrupted by user"
LOCAL = ("<local-command-", "<bash-", "<user-memory-input>", "<task-notification>", "Caveat: The messages below were")
ELSEWHERE = ("<teammate-message", "Another Claude session sent a message:", "<channel source=")
HIDDEN = ("isMeta", "isCompactSummary", "isVisibleInTranscriptOnly", "isSynthetic")
"""How a line is marked that the program wrote in the user's name; the last one is what is printed for any of them."""

REFUSED = ("The user doesn't want to", "Claude requested permissions", "Permission to use")

Line = dict[str, Any]


class Transcript:
    """Takes the lines of one conversation in order; `messages` is what they say so far."""

    def __init__(self, losses: Losses) -> None:
        self._losses = losses
        self._said: list[Message] = []
        self._command: Message | None = None
        """A slash command that nobody has answered yet."""
        self._blocks: dict[str, list[Any]] = {}
        """Message id → its content so far: an answer comes as several lines, and some of them repeat it."""
        self._failed: dict[str, str] = {}
        """Calls that went to the background and failed there."""
        self._known: set[str | None] = {None}
        """The names of the lines so far, and of none."""
        self._is_lost = False
        """Whether the line with the question is missing."""

    @property
    def messages(self) -> list[Message]:
        """All that was said, in the order in which exchanges are read; failures that were reported later included."""
        return in_order([self._with_failure(message) for message in self._said])

    def add(self, line: Line) -> None:
        """One line; what cannot be read in it costs it alone, and is lost."""
        self._is_lost = self._is_lost or self._misses_question(line)
        self._known.add(text_at(line, "uuid"))
        with self._losses.of(line):
            match line.get("type"):
                case "assistant":
                    self._answer(line)
                case "user" if not is_hidden(line):
                    self._user(line)
                case "attachment":
                    self._ask(_prompt(line), line)
                case "system" | "result":
                    self._end_of_turn(line)
                case "queue-operation":
                    self._notified(text_at(line, "content") or "")
                    self._ask(_prompt(line), line)

    def _misses_question(self, line: Line) -> bool:
        """An answer after a finished answer to a line that is not there: it must not become part of the one before."""
        last = self._said[-1] if self._said else None
        is_finished = last is not None and last.role == "assistant" and last.text != "" and not last.calls
        is_cut_off = text_at(line, "parentUuid") not in self._known
        is_continued = line.get("type") == "assistant" and text_at(line.get("message") or {}, "id") in self._blocks
        return line.get("type") == "assistant" and is_finished and is_cut_off and not is_continued

    def _user(self, line: Line) -> None:
        content = line["message"]["content"]
        for part in content if isinstance(content, list) else []:
            if isinstance(part, dict) and part.get("type") == "tool_result":
                self._said.append(_result(part, line))
        text = _words(line)
        if text.startswith(INTERRUPTED):
            self._command = None
            mark_answer(self._said, success=False, error_type="interrupted")
        elif COMMAND.search(text):
            name, arguments = COMMAND.search(text), ARGUMENTS.search(text)
            said = f"/{name[1] if name else ''} {arguments[1] if arguments else ''}".strip()
            self._command = Message("user", said, at=moment_of(line))
        elif text.startswith((*LOCAL, *ELSEWHERE)):
            self._command = None
            self._notified(text)
        else:
            self._ask(_prompt(line), line)

    def _ask(self, text: str, line: Line) -> None:
        is_repeated = bool(self._said) and self._said[-1].role == "user" and self._said[-1].text == text
        if text and not is_repeated:
            self._command, self._is_lost = None, False
            self._said.append(Message("user", text, at=moment_of(line)))

    def _answer(self, line: Line) -> None:
        message = line["message"]
        model = text_at(message, "model")
        is_error = line.get("isApiErrorMessage") is True
        if model == "<synthetic>" and not is_error:
            return
        said = message_of({"role": "assistant", "content": self._fresh(message)})
        if self._command:
            self._said.append(self._command)
            self._command, self._is_lost = None, False
        if self._is_lost:
            said = replace(said, text="", reasoning="")
        if is_error:
            kind = text_at(line, "error") or "api_error"
            said = Message("assistant", success=False, error_type=kind, extra={"error": said.text})
        latency = number_at(line, "durationMs")
        self._said.append(replace(said, at=moment_of(line), model=None if is_error else model, latency_ms=latency))

    def _fresh(self, message: dict[str, Any]) -> list[Any]:
        """The blocks that no earlier line of this answer has had; a text that has grown replaces what it grew from."""
        content = message["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        identity = text_at(message, "id")
        if identity is None:
            return blocks
        known = self._blocks.setdefault(identity, [])
        fresh = [block for block in blocks if block not in known]
        for block in fresh:
            self._forget_beginning(block, known)
        known.extend(fresh)
        return fresh

    def _forget_beginning(self, block: Any, known: list[Any]) -> None:
        text = text_at(block, "text") if isinstance(block, dict) else None
        begun = self._said[-1] if self._said and self._said[-1].role == "assistant" else None
        is_known = begun is not None and begun.text and {"type": "text", "text": begun.text} in known
        if text and begun and is_known and text.startswith(begun.text):
            self._said[-1] = replace(begun, text="")

    def _end_of_turn(self, line: Line) -> None:
        text = text_at(line, "result") if line.get("type") == "result" else None
        if text and not any(message.role == "assistant" for message in self._said):
            self._said.append(Message("assistant", text, at=moment_of(line)))
        if line.get("type") == "result" and line.get("is_error") is True:
            mark_answer(self._said, success=False, error_type=text_at(line, "subtype") or "error")
        latency = number_at(line, "duration_ms") if line.get("type") == "result" else number_at(line, "durationMs")
        if latency is not None and line.get("subtype") in ("turn_duration", "success"):
            mark_answer(self._said, latency_ms=latency)

    def _notified(self, text: str) -> None:
        self._failed |= {call_id.strip(): text for call_id in NOTIFIED.findall(text)}

    def _with_failure(self, message: Message) -> Message:
        text = self._failed.get(message.call_id or "")
        if message.role != "result" or text is None:
            return message
        return replace(message, success=False, error_type="background task failed", extra={"notification": text})


def is_hidden(line: Line) -> bool:
    """Whether the program wrote this in the user's name, for the model alone."""
    return any(line.get(key) is True for key in HIDDEN)


def prompt_of(line: Line) -> str:
    """What a person asks in this line, "" where it is anything else, or cannot be read."""
    with suppress(Unusable, RecursionError):
        return _prompt(line)
    return ""


def _prompt(line: Line) -> str:
    attachment = line.get("attachment")
    if line.get("type") == "attachment" and isinstance(attachment, dict):
        return _queued(attachment)
    if line.get("type") == "queue-operation" and line.get("operation") == "remove":  # taken up while the model works
        text = (text_at(line, "content") or "").strip()
        return "" if text.startswith(("/", *LOCAL, *ELSEWHERE)) else text
    if line.get("type") != "user" or is_hidden(line) or "toolUseResult" in line:
        return ""
    text = _words(line)
    return "" if text.startswith((INTERRUPTED, *LOCAL, *ELSEWHERE)) or COMMAND.search(text) else text


def is_said(line: Line) -> bool:
    """Whether a person or the model says something in this line, or something that cannot be read."""
    if line.get("type") in ("assistant", "result") or prompt_of(line):
        return True
    with suppress(Unusable, RecursionError):
        return line.get("type") == "user" and not is_hidden(line) and not _words(line)
    return True


def is_from_elsewhere(line: Line) -> bool:
    """Whether another session said this in the user's name."""
    with suppress(Unusable, RecursionError):
        return line.get("type") == "user" and _words(line).startswith(ELSEWHERE)
    return False


def _queued(attachment: dict[str, Any]) -> str:
    """What was typed while the model was at work: it gets no line of a user."""
    origin = attachment.get("origin")
    from_person = not isinstance(origin, dict) or origin.get("kind", "human") == "human"
    is_prompt = attachment.get("type") == "queued_command" and attachment.get("commandMode", "prompt") == "prompt"
    if not (is_prompt and from_person) or attachment.get("isMeta") is True:
        return ""
    return _words({"message": {"content": attachment.get("prompt") or ""}})


def _words(line: Line) -> str:
    """The text of a user's line without results and reminders."""
    message = line.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, list):
        content = [part for part in content if not isinstance(part, dict) or part.get("type") != "tool_result"]
    return REMINDER.sub("", message_of({"role": "user", "content": content}).text).strip()


def _result(part: dict[str, Any], line: Line) -> Message:
    text = message_of({"role": "tool", "content": part.get("content")}).text
    details = line.get("toolUseResult")
    details = details if isinstance(details, dict) else {}
    is_interrupted = details.get("interrupted") is True
    failed = part.get("is_error") is True or is_interrupted
    return Message(
        role="result",
        text=text,
        call_id=text_at(part, "tool_use_id"),
        at=moment_of(line),
        success=not failed,
        error_type=_error_type(text, is_interrupted) if failed else None,
        latency_ms=number_at(details, "durationMs") or number_at(details, "totalDurationMs"),
    )


def _error_type(text: str, is_interrupted: bool) -> str:
    if is_interrupted:
        return "interrupted"
    if text.startswith(REFUSED):
        return "refused"
    code = EXIT_CODE.match(text)
    return f"exit code {code[1]}" if code else "tool_error"
