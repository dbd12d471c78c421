"""Claude Code's sessions: JSONL with one event a line, and the web's variant, one JSON with "loglines".

A file may hold several sessions, and its sub-agents ("sidechains"): each is a conversation of its own. A fork goes
under the name of the session it was forked from, so that the history it copies is known already. Lines are taken in
file order, not up the parent links, because parallel tool calls branch too and a compaction cuts the chain; only a
question that was taken back (another one hangs from the same parent) leaves with all that followed from it.

Not here: what one line says (claude_code_lines.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from vibe_pipeline.interactions.importers.claude_code_lines import Transcript, prompt_of
from vibe_pipeline.interactions.importers.exchanges import Origin, interactions
from vibe_pipeline.interactions.importers.fields import text_at
from vibe_pipeline.interactions.importers.messages import Unusable, answer_text, moment_of
from vibe_pipeline.records import Interaction

EVENTS = ("file-history-snapshot", "queue-operation", "custom-title", "ai-title", "last-prompt", "permission-mode")
"""Lines beside those of user and assistant that may come without a session's name; the others have one."""

NAMES = {"sessionId", "session_id", "leafUuid"}

Line = dict[str, Any]


def session_of(value: Any) -> str:
    """The lines of a file belong together; those of several sessions are told apart when they are read."""
    return ""


def recognises(value: Any) -> bool:
    """Whether this is a line of a session, or a session of the web."""
    if not isinstance(value, dict):
        return False
    kind, message = value.get("type"), value.get("message")
    if kind in ("user", "assistant"):
        return isinstance(message, dict) and isinstance(message.get("content"), (str, list))
    is_event = isinstance(kind, str) and (kind in EVENTS or {"uuid", "sessionId"} <= value.keys())
    is_named = kind in ("summary", "system", "result", "stream_event", "progress", "tag") and bool(NAMES & value.keys())
    return is_event or is_named or isinstance(value.get("loglines"), list)


def read(value: Any, source: str, at: datetime) -> Iterator[Interaction]:
    """The interactions of all conversations in these lines; Unusable where none of them has any."""
    found: list[Interaction] = []
    reason = Unusable("no answer follows a question")
    for (session, agent), lines in _conversations(value if isinstance(value, list) else [value]).items():
        try:
            found.extend(_conversation(lines, session, agent, source, at))
        except Unusable as unusable:
            reason = unusable
    if not found:
        raise reason
    yield from found


def _conversation(lines: list[Line], session: str, agent: str, source: str, at: datetime) -> list[Interaction]:
    kept, alternatives = _current_path(lines)
    transcript = Transcript()
    for line in kept:
        transcript.add(line)
    said = transcript.messages
    for place, message in enumerate(said):
        if message.role == "user" and message.text in alternatives:
            said[place] = replace(message, extra={"alternatives": alternatives[message.text]})
    origin = Origin(
        module="claude_code",
        source=source,
        at=next((moment for moment in map(moment_of, kept) if moment), at),
        extra=_extra(kept) | ({"agent": agent} if agent else {}),
        conversation="/".join(filter(None, (session or _first_words(kept), agent))) or None,
        unasked=_is_stream(kept),
    )
    return interactions(said, origin)


def _conversations(values: Iterable[Any]) -> dict[tuple[str, str], list[Line]]:
    """(session, agent) → its lines; of two with the same uuid the first counts."""
    grouped: dict[tuple[str, str], list[Line]] = {}
    known: set[str] = set()
    branches: dict[str, str] = {}
    lines = list(_lines(values))
    forks = {_session(line): _forked_from(line) for line in reversed(lines) if _forked_from(line)}
    session = next(filter(None, map(_session, lines)), "")  # lines without one may stand before the first that has
    for line in lines:
        uuid = text_at(line, "uuid")
        if uuid in known:
            continue
        known.update({uuid} if uuid else ())
        session = _session(line) or session
        named = text_at(line, "agentId") if line.get("isSidechain") is not False else None  # else whose result it is
        agent = named or text_at(line, "parent_tool_use_id") or ""
        if not agent and line.get("isSidechain") is True:
            agent = branches.get(text_at(line, "parentUuid") or "", uuid or "sidechain")
            branches |= {uuid: agent} if uuid else {}
        grouped.setdefault((forks.get(session) or session, agent), []).append(line)
    return grouped


def _lines(values: Iterable[Any]) -> Iterator[Line]:
    for value in values:
        loglines = value.get("loglines") if isinstance(value, dict) else None
        if isinstance(loglines, list):
            name = {"sessionId": _session(value) or text_at(value, "id")}
            yield from ({**name, **line} for line in loglines if recognises(line))
        elif recognises(value):
            yield value


def _session(line: Line) -> str | None:
    return text_at(line, "sessionId") or text_at(line, "session_id")


def _forked_from(line: Line) -> str | None:
    """Only the lines that a fork has copied say where they come from."""
    origin = line.get("forkedFrom")
    return text_at(origin, "sessionId") if isinstance(origin, dict) else None


def _first_words(lines: Sequence[Line]) -> str:
    """The name of a session that has none: how it begins does not change when it grows."""
    words = ((text_at(line, "uuid"), text_at(line, "timestamp"), prompt_of(line)) for line in lines)
    return next((f"{uuid} {stamp} {text}" for uuid, stamp, text in words if text), "")


def _current_path(lines: list[Line]) -> tuple[list[Line], dict[str, list[str]]]:
    """The lines without what was taken back, and the other answers to each question that was asked again."""
    asked: dict[str, Line] = {}
    retracted: dict[str, Line] = {}
    for line in lines:
        parent = text_at(line, "parentUuid")
        if parent and prompt_of(line):
            before = asked.get(parent)
            if before is not None and (uuid := text_at(before, "uuid")):
                retracted[uuid] = before
            asked[parent] = line
    kept: list[Line] = []
    lost: dict[str, list[Line]] = {}
    root: dict[str, str] = {}
    for line in lines:
        uuid = text_at(line, "uuid") or ""
        start = uuid if uuid in retracted else root.get(text_at(line, "parentUuid") or "")
        if start is None:
            kept.append(line)
        else:
            root[uuid] = start
            lost.setdefault(start, []).append(line)
    alternatives: dict[str, list[str]] = {}
    for start, branch in lost.items():
        transcript = Transcript()
        for line in branch:
            transcript.add(line)
        if text := answer_text(transcript.messages):
            alternatives.setdefault(prompt_of(retracted[start]), []).append(text)
    return kept, alternatives


def _is_stream(lines: Sequence[Line]) -> bool:
    """What `claude -p` prints ends with a result, and does not hold what was asked."""
    return any(line.get("type") == "result" for line in lines) and not any(map(prompt_of, lines))


def _extra(lines: Sequence[Line]) -> dict[str, Any]:
    """Where the session took place and what it is called."""
    extra: dict[str, Any] = {}
    for name, key in (("cwd", "cwd"), ("git_branch", "gitBranch"), ("version", "version")):
        if text := next((text_at(line, key) for line in lines if text_at(line, key)), None):
            extra[name] = text
    uuids = {text_at(line, "uuid") for line in lines}
    for line in lines:
        title = text_at(line, "customTitle") or text_at(line, "aiTitle")
        if line.get("type") == "summary" and text_at(line, "leafUuid") in uuids:  # others name other sessions
            title = text_at(line, "summary")
        extra |= {"title": title} if title else {}
    return extra
