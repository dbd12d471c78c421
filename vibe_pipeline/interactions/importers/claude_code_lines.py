"""The lines of one Claude Code conversation, one after the other → messages.

A slash command is a question only if the model answered it.

Not here: which lines belong together (claude_code.py), what in them a person asks (claude_code_prompts.py).
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from vibe_pipeline.interactions.importers.agents import in_order, mark_answer
from vibe_pipeline.interactions.importers.claude_code_prompts import (
    COMMAND,
    INTERRUPTED,
    LOCAL,
    begins_apart,
    is_from_elsewhere,
    is_hidden,
    prompt_in,
    words_of,
)
from vibe_pipeline.interactions.importers.fields import number_at, text_at
from vibe_pipeline.interactions.importers.losses import Losses
from vibe_pipeline.interactions.importers.messages import Message, answer_text, message_of, messages_of, moment_of
from vibe_pipeline.interactions.importers.stop_reasons import stopped

ARGUMENTS = re.compile(r"<command-args>(.*?)</command-args>", re.DOTALL)
NOTIFIED = re.compile(r"<tool-use-id>(.*?)</tool-use-id>.*?<status>(?:failed|killed|error)</status>", re.DOTALL)
EXIT_CODE = re.compile(r"(?:Error: )?Exit code (\d+)")

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
                    self._ask(prompt_in(line), line)
                case "system" | "result":
                    self._end_of_turn(line)
                case "queue-operation":
                    self._notified(text_at(line, "content") or "")
                    self._ask(prompt_in(line), line)

    def _misses_question(self, line: Line) -> bool:
        """An answer after a finished answer to a line that is not there: it must not become part of the one before."""
        last = self._said[-1] if self._said else None
        is_finished = last is not None and last.role == "assistant" and last.text != "" and not last.calls
        is_cut_off = text_at(line, "parentUuid") not in self._known
        is_continued = line.get("type") == "assistant" and text_at(line.get("message") or {}, "id") in self._blocks
        return line.get("type") == "assistant" and is_finished and is_cut_off and not is_continued

    def _user(self, line: Line) -> None:
        content = line["message"]["content"]
        results = [] if begins_apart(line) else content  # else of calls in the session from which it was taken
        for part in results if isinstance(results, list) else []:
            if isinstance(part, dict) and part.get("type") == "tool_result":
                self._said.append(_result(part, line))
        text = words_of(line)
        if text.startswith(INTERRUPTED):
            self._command = None
            mark_answer(self._said, success=False, error_type="interrupted")
        elif COMMAND.search(text):
            name, arguments = COMMAND.search(text), ARGUMENTS.search(text)
            said = f"/{name[1] if name else ''} {arguments[1] if arguments else ''}".strip()
            self._command = Message("user", said, at=moment_of(line))
        elif text.startswith(LOCAL) or is_from_elsewhere(line):
            self._command = None
            self._notified(text)
        else:
            self._ask(prompt_in(line), line)

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
        said = stopped(messages_of([{"role": "assistant", "content": self._fresh(message)}], "content"), message)
        if self._command:
            self._said.append(self._command)
            self._command, self._is_lost = None, False
        if self._is_lost:
            said = [replace(it, text="", reasoning="") if it.role == "assistant" else it for it in said]
        if is_error:
            kind = text_at(line, "error") or "api_error"
            said = [Message("assistant", success=False, error_type=kind, extra={"error": answer_text(said)})]
        latency, model = number_at(line, "durationMs"), None if is_error else model
        self._said += [replace(it, at=moment_of(line), model=model, latency_ms=latency) for it in said]

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
        is_awaited="backgroundTaskId" in details,  # how it ends is told later
    )


def _error_type(text: str, is_interrupted: bool) -> str:
    if is_interrupted:
        return "interrupted"
    if text.startswith(REFUSED):
        return "refused"
    code = EXIT_CODE.match(text)
    return f"exit code {code[1]}" if code else "tool_error"
