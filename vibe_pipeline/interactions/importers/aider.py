"""aider's chat history: Markdown in which "#### " lines are the user, "> " lines aider itself, the rest the model.

Each start of aider is a record. What aider sends back to the model by itself (an edit that did not fit, errors of the
linter or the tests) is the question of the answer that follows; a slash command is one only if the model answered it.
The plan of an architect, which aider gives to its editor in the user's name, is none: both wrote one answer.
aider ends its own lines and the user's with two spaces, so that a heading or a quotation of the model is none of them.
Times are those of the start, in the clock of the machine that wrote them.

Not here: which files of a folder are such histories (files.py), and what aider keeps beside them: what was typed, and
what was sent to models and came back. Both are in the history, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any

from vibe_pipeline.interactions.importers.agents import in_order, mark_answer
from vibe_pipeline.interactions.importers.exchanges import Origin, interactions
from vibe_pipeline.interactions.importers.files import File, text_of
from vibe_pipeline.interactions.importers.messages import Message, NothingAsked, moment_of
from vibe_pipeline.interactions.importers.raw import Raw
from vibe_pipeline.records import Interaction

START = re.compile(r"^# aider chat started at (\d[^\n]*)\n?", re.MULTILINE)

MODEL = re.compile(r"^(?:Main model|Models?): ([^\s⚡]+)[^\n]* with ", re.MULTILINE)
COMMIT = re.compile(r"^Commit ([0-9a-f]{7,40})\b", re.MULTILINE)
APPLIED = re.compile(r"^Applied edit to (.+?)\s*$", re.MULTILINE)

FAILURES = {
    "edit format": re.compile(
        r"did not conform to the edit format|^# \d+ SEARCH/REPLACE block|^Malformed ", re.MULTILINE
    ),
    "lint errors": re.compile(r"^Attempt to fix lint errors\?", re.MULTILINE),
    "test errors": re.compile(r"^Attempt to fix test errors\?", re.MULTILINE),
    "token limit": re.compile(r"has hit a token limit|exceeds the .*context window"),
    "empty response": re.compile(r"^Empty response received from LLM", re.MULTILINE),
    # once the tokens are counted the answer is whole, and it is aider that is left
    "interrupted": re.compile(
        r"\A(?:(?!^Tokens: ).)*?\^C (?:KeyboardInterrupt|again to exit)", re.DOTALL | re.MULTILINE
    ),
}
SENT_BACK = ("edit format", "lint errors", "test errors")
"""Failures that aider tells the model of."""

API_ERROR = re.compile(
    r"^(?:Unexpected error: )?(?:litellm\.)?((?:RateLimit|API|APIConnection|APIStatus|Authentication|BadRequest"
    r"|InternalServer|NotFound|ServiceUnavailable|ContextWindowExceeded|Overloaded|PermissionDenied)Error|Timeout)\b",
    re.MULTILINE,
)

RETRY = re.compile(r"^Retrying in [\d.]+ seconds", re.MULTILINE)

REASONING = re.compile(
    r"\s*(?:<(thinking-content-\w+|think|thinking|reasoning)>(.*?)(?:</\1>|\Z)"
    r"|-{3,}\n► \*\*THINKING\*\*(.*?)(?:-{3,}\n► \*\*ANSWER\*\*|\Z))",
    re.DOTALL,
)

CLOSED = re.compile(r"\S  $")
"""aider strips what it ends, so that a line of spaces alone is one of the output."""

OWN = re.compile(
    r"^(?:Tokens: |Cost estimates|Applied edit to |Commit |Committing |You can use /undo|Aider v|Models?: |Main model|"
    r"Weak model|Editor model|Git repo: |Repo-map: |Added |Use /help|https://aider\.chat|\S*aider(?: .*)?$)"
)
"""Lines that aider writes for the person alone."""

CONFIRMED = re.compile(
    r"^(?:[^\n]+\n(?:Create new file|Allow edits to file that has not been added to the chat|Add file to the chat)"
    r"|[^\n]*)\?(?: \(Y\)es/\(N\)o[^\n:]*:)? (?:[ynads]|yes|no)$\n?",
    re.MULTILINE,
)
"""What aider asked the person, with the file that it asked about, and what the person said."""


BESIDE = {
    re.compile(
        r"\s*# \d{4}-\d\d-\d\d \d\d:\d\d:[\d.]+\n\+"
    ): "what was typed, without answers (aider's .aider.chat.history.md has both)",
    re.compile(r"TO LLM \d{4}-\d\d-\d\dT[\d:]+\n-"): "what aider sent and got, which .aider.chat.history.md has, too",
}
"""How .aider.input.history and .aider.llm.history begin, and why they are not read."""


def opens(file: File, start: bytes) -> bool:
    """Whether the file begins as such a history does, or as one that lies beside it."""
    text = start.replace(b"\0", b"").decode("utf-8", "ignore")  # so that UTF-16 reads well enough, mark and all
    text = text.replace("\ufeff", "").replace("\r", "")
    return START.search(text) is not None or _why_not(text) is not None


def records(file: File) -> Iterator[Raw]:
    """Each start of aider with all that follows it; a history that lost its beginning begins without a start."""
    text = text_of(file.path)
    if reason := _why_not(text):
        yield Raw(file.name, reason=reason)
        return
    starts = [*START.finditer(text)]
    before = text[: starts[0].start()] if starts else text
    if before.strip():
        yield Raw(before, {"started_at": "", "chat": before, "is_last": not starts})
    for number, start in enumerate(starts, 1):
        is_last = number == len(starts)
        end = len(text) if is_last else starts[number].start()
        told = {"started_at": start[1].strip(), "chat": text[start.end() : end], "is_last": is_last}
        yield Raw(text[start.start() : end], told)


def _why_not(text: str) -> str | None:
    return next((reason for pattern, reason in BESIDE.items() if pattern.match(text)), None)


def read(value: dict[str, Any], source: str, at: datetime) -> Iterator[Interaction]:
    """The interactions of one start; Unusable where no question was answered, NothingAsked where nothing was said."""
    chat, started_at = value["chat"], value["started_at"]
    said = _messages(chat)
    if not said:
        raise NothingAsked
    first_line = next((line for line in chat.splitlines() if line.strip()), "")
    origin = Origin(
        module="aider",
        source=source,
        at=moment_of({"time": started_at}) or at,
        conversation=f"{started_at} {first_line}",
        grows=value.get("is_last", False),
    )
    yield from interactions(in_order(said), origin)


def _messages(chat: str) -> list[Message]:
    said: list[Message] = []
    command = sent_back = ""
    model: str | None = None
    for role, text in _blocks(chat):
        if role == "user":
            sent_back, command = "", text if text.startswith(("/", "!")) else ""
            if text not in (command, "<blank>") and not _is_plan(text, said):
                said.append(Message("user", text))
        elif role == "assistant":
            if command or sent_back:
                said.append(Message("user", command or sent_back))
                command = sent_back = ""
            said.append(_answer(text, model))
        else:
            switched = MODEL.search(text)
            model = switched[1] if switched else model
            sent_back = "" if command else _outcome(text, said)
    return said


def _is_plan(text: str, said: list[Message]) -> bool:
    """Whether it repeats what the model said last."""
    return bool(said) and said[-1].role == "assistant" and text.split() == said[-1].text.split()


def _answer(text: str, model: str | None) -> Message:
    thought = REASONING.match(text)
    if thought is None:
        return Message("assistant", text, model=model)
    reasoning = (thought[2] or thought[3] or "").strip()
    return Message("assistant", text[thought.end() :].strip(), reasoning, model=model)


def _outcome(text: str, said: list[Message]) -> str:
    """Notes what became of the answer; returns what aider sends back to the model because of it."""
    failure = next((name for name, pattern in FAILURES.items() if pattern.search(text)), None)
    error = API_ERROR.search(text)
    changed = {"edited": APPLIED.findall(text), "commits": COMMIT.findall(text)}
    extra = {name: found for name, found in changed.items() if found}
    if error and not failure:
        while RETRY.search(text) and said and said[-1].role == "assistant":
            said.pop()  # what had come so far is thrown away, and the same is asked again
        if said:
            said.append(Message("assistant", success=False, error_type=error[1], extra={"error": text}))
    elif failure:
        mark_answer(said, success=False, error_type=failure, extra=extra)
    elif extra:
        mark_answer(said, success=True, extra=extra)
    if failure not in SENT_BACK:
        return ""
    sent = "\n".join(line for line in text.split("\n") if not OWN.match(line)).strip()
    return CONFIRMED.sub("", sent).strip() or sent


def _blocks(chat: str) -> Iterator[tuple[str, str]]:
    """(user, assistant or tool; text) in order."""
    is_marked = re.search(r"^####.*  $", chat, re.MULTILINE) is not None
    role, lines = "start", [""]
    is_open = False  # in an output of several lines only the first has the mark, only the last the two spaces
    written = [*chat.split("\n"), ""]
    for line, after in pairwise([*written, ""]):
        now = _role(line, is_marked)
        if now == "user":
            is_open = False
        elif is_open:
            now, is_open = "tool", not _closes_output(line, after)
        elif is_marked and now != "tool" and _opens_output(line, role):
            now, is_open = "tool", True
        elif now == "assistant" and not line.strip() and role in ("user", "start"):
            now = "gap" if role == "user" else role  # between two things that the user said
        if now != role:
            yield from _block(role, lines)
            role, lines = now, []
        lines.append(line)
    yield from _block(role, lines)


def _opens_output(line: str, before: str) -> bool:
    """The model is set apart by a blank line, so that what follows at once is aider's; so is the count of tokens."""
    return line.startswith("> Tokens: ") or (before in ("start", "user", "tool") and line.startswith("> "))


def _closes_output(line: str, after: str) -> bool:
    """A line of the output itself may end in spaces too: what comes next has to be aider's, or a blank line."""
    return CLOSED.search(line) is not None and (not after.strip() or after.startswith((">", "####")))


def _block(role: str, lines: list[str]) -> Iterator[tuple[str, str]]:
    prefix = {"user": "####", "tool": ">"}.get(role, "")
    text = "\n".join(line.removeprefix(prefix).removeprefix(" " if prefix else "") for line in lines)
    if prefix:
        text = re.sub(r" +$", "", text, flags=re.MULTILINE).strip("\n")
    if role not in ("gap", "start") and text.strip():
        yield role, text if prefix and "\n" in text else text.strip()  # the first of several lines may be indented


def _role(line: str, is_marked: bool) -> str:
    ends = not is_marked or line.endswith("  ")
    if ends and (line.startswith("#### ") or line.rstrip() == "####"):
        return "user"
    return "tool" if ends and (line.startswith("> ") or line.rstrip() == ">") else "assistant"
