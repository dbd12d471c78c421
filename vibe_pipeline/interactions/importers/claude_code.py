"""Claude Code's sessions: JSONL with one event a line, and the web's variant, one JSON with "loglines".

A file may hold several sessions, and its sub-agents ("sidechains"): each is a conversation of its own. It goes under
the name of its first question, and not of the session: a fork, or a session that was resumed into another file, copies
its history, and that is known already. Lines are taken in file order, not up the parent links, because parallel tool
calls branch too and a compaction cuts the chain; only where another question hangs from the same parent, one of them
was taken back, and what followed from the later one is a branch. An agent that was asked beside its session (/btw, a
fork) begins with a copy of it, which the session's own file tells; what follows the copy is a branch, too.

Not here: what the lines say (claude_code_lines.py), what becomes of branches (branches.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from vibe_pipeline.fingerprint import conversation_key
from vibe_pipeline.interactions.importers.branches import Branch, aside, with_branches
from vibe_pipeline.interactions.importers.claude_code_home import is_beside
from vibe_pipeline.interactions.importers.claude_code_lines import Transcript
from vibe_pipeline.interactions.importers.claude_code_prompts import (
    begins_apart,
    is_from_elsewhere,
    is_said,
    prompt_of,
)
from vibe_pipeline.interactions.importers.exchanges import Origin
from vibe_pipeline.interactions.importers.fields import text_at
from vibe_pipeline.interactions.importers.losses import Losses
from vibe_pipeline.interactions.importers.messages import Message, Unusable, answer_text, moment_of
from vibe_pipeline.interactions.importers.unfinished import Unfinished
from vibe_pipeline.records import Interaction

EVENTS = ("file-history-snapshot", "queue-operation", "custom-title", "ai-title", "last-prompt", "permission-mode")
"""Lines beside those of user and assistant that may come without a session's name; the others have one."""

NAMED = {"summary": "leafUuid", "system": "subtype", "result": "subtype", "attachment": "attachment"}
"""Lines that are a session's without any beside them, for what they say: type → the key under which they do."""

PROGRAMS = ("acompact-", "aprompt_suggestion-", "aextract_memories-", "asession_memory-")
"""How agents are called that the program asks for itself: for a summary, for what might be typed next, for notes."""

NAMES = {"sessionId", "session_id", "parentSessionId", "leafUuid"}

Line = dict[str, Any]


def session_of(value: Any) -> str:
    """The lines of a file belong together; those of several sessions are told apart when they are read."""
    return ""


def recognises(value: Any) -> bool:
    """Whether this is a line of a session, a session of the web, or what lies beside sessions and says nothing."""
    if not isinstance(value, dict):
        return False
    if is_beside(value):
        return True
    kind, message = value.get("type"), value.get("message")
    if kind in ("user", "assistant"):
        return isinstance(message, dict) and isinstance(message.get("content"), (str, list))
    is_named = isinstance(kind, str) and NAMED.get(kind) in value and bool(NAMES & value.keys())
    return is_named or kind in EVENTS or isinstance(value.get("loglines"), list)


def accompanies(value: Any) -> bool:
    """Whether it may be a line that says nothing: each version writes new kinds, and other programs have such too."""
    is_line = isinstance(value, dict) and isinstance(value.get("type"), str) and bool(NAMES & value.keys())
    return is_line and value["type"] not in ("user", "assistant")


def read(value: Any, source: str, at: datetime) -> Iterator[Interaction | Unusable]:
    """The interactions of all conversations in these lines; Unusable where none has any, NothingAsked where none is."""
    found: list[Interaction] = []
    losses = Losses()
    values = [it for it in (value if isinstance(value, list) else [value]) if not is_beside(it)]
    for (session, agent), lines in _conversations(list(_unqueued(_lines(values, losses)))).items():
        if not agent.startswith(PROGRAMS) and any(map(is_said, lines)):
            found += _conversation(lines, session, agent, source, at, losses)
    yield from losses.beside(found)
    yield from found


def _conversation(
    lines: list[Line], session: str, agent: str, source: str, at: datetime, losses: Losses
) -> list[Interaction]:
    apart = next((place for place, line in enumerate(lines) if agent and begins_apart(line)), 0)
    copied, own = lines[:apart], lines[apart:]
    origin = Origin(
        module="claude_code",
        source=source,
        at=next((moment for moment in map(moment_of, own) if moment), at),
        extra=_extra(lines) | ({"agent": agent} if agent else {}),
        conversation=_name(own, session, agent) or None,
        grows=True,
        unasked=_is_unasked(own),
    )
    if any(map(prompt_of, copied)):
        origin = aside(origin, conversation_key(origin.module, _name(copied, session, "")), agent)
    found = with_branches(_branches(own, losses), origin, losses)
    if any(map(prompt_of, own)):
        return found
    return [*map(Unfinished.of, found)]  # the first question gives it another name


def _conversations(lines: Sequence[Line]) -> dict[tuple[str, str], list[Line]]:
    """(session, agent) → its lines; of two with the same uuid the first counts."""
    grouped: dict[tuple[str, str], list[Line]] = {}
    known: set[tuple[str, str]] = set()
    branches: dict[str, str] = {}
    session = next(filter(None, map(_session, lines)), "")  # lines without one may stand before the first that has
    for line in lines:
        uuid = text_at(line, "uuid")
        session = _session(line) or session
        if uuid and (session, uuid) in known:
            continue
        known.update({(session, uuid)} if uuid else ())
        named = text_at(line, "agentId") if line.get("isSidechain") is not False else None  # else whose result it is
        agent = named or text_at(line, "parent_tool_use_id") or ""
        if not agent and line.get("isSidechain") is True:
            agent = branches.get(text_at(line, "parentUuid") or "", uuid or "sidechain")
            branches |= {uuid: agent} if uuid else {}
        grouped.setdefault((session, agent), []).append(line)
    return grouped


def _lines(values: Iterable[Line], losses: Losses) -> list[Line]:
    lines: list[Line] = []
    for value in values:
        loglines = value.get("loglines")
        if not isinstance(loglines, list):
            lines.append(value)
            continue
        name = {"sessionId": _session(value) or text_at(value, "id")}
        for line in loglines:
            with losses.of(line):
                told = {**name, **line} if isinstance(line, dict) else line
                if not (recognises(told) or accompanies(told)):
                    raise Unusable("not a line of a session")
                lines.append(told)
    return lines


def _unqueued(lines: list[Line]) -> Iterator[Line]:
    """The lines, with what the model took up from the queue said once: as an attachment, else where it was taken."""
    attached = Counter(prompt_of(line) for line in lines if line.get("type") == "attachment")
    queues: dict[str | None, list[str]] = {}
    for line in lines:
        queue, operation = queues.setdefault(_session(line), []), line.get("operation")
        is_queued = line.get("type") == "queue-operation"
        text = prompt_of({**line, "operation": "remove"} if is_queued else line) if queue or is_queued else ""
        if operation == "remove" and not text_at(line, "content"):
            text = queue[0] if queue else ""
        if is_queued and operation == "enqueue":
            queue += [text] if text else []
        elif operation == "popAll":  # taken back by the person
            queue.clear()
        elif text in queue:
            queue.remove(text)
        if operation == "remove" and attached[text]:
            attached[text] -= 1
        else:
            yield {**line, "content": text} if operation == "remove" else line


def _session(line: Line) -> str | None:
    return text_at(line, "sessionId") or text_at(line, "session_id")


def _name(lines: Sequence[Line], session: str, agent: str) -> str:
    """That of its first question, or what it says and when: how a conversation begins does not change when it grows."""
    first = next((line for line in lines if prompt_of(line)), None)
    if first and (name := _original(first)):
        return name
    return "/".join(filter(None, (f"{text_at(first, 'timestamp')} {prompt_of(first)}" if first else session, agent)))


def _original(line: Line) -> str | None:
    """The name of the line, or of that which a fork has copied."""
    origin = line.get("forkedFrom")
    return (text_at(origin, "messageUuid") if isinstance(origin, dict) else None) or text_at(line, "uuid")


def _branches(lines: list[Line], losses: Losses) -> Iterator[Branch]:
    """The conversation, then every branch, named by the question that it begins with."""
    beside = _asked_beside(lines)
    branches: dict[str, list[Line]] = {"": []}
    places: dict[str, tuple[str, int]] = {}
    left: dict[str, tuple[str, int]] = {}
    current = ""  # that of lines which hang from none
    for line in lines:
        uuid = text_at(line, "uuid") or ""
        up, place = places.get(text_at(line, "parentUuid") or "", (current, -1))
        current = uuid if uuid in beside else up
        if uuid in beside:
            left[uuid] = (up, place + 1)
        branch = branches.setdefault(current, [])
        places |= {uuid: (current, len(branch))} if uuid else {}
        branch.append(line)
    for start, branch in branches.items():
        messages = _said(branch, losses)
        if start and beside[start] and messages:
            messages[0] = replace(messages[0], extra={"alternatives": beside[start]})
        up, end = left.get(start, ("", 0))
        yield Branch(start, messages, up, _said(branches[up][:end], Losses()), is_left=start != current)


def _asked_beside(lines: list[Line]) -> dict[str, list[str]]:
    """The questions that begin a branch: of those from one parent all but the first that was answered.

    The last one stands, and has what was answered to the same words before.
    """
    siblings: dict[str, dict[str, str]] = {}
    question: dict[str, str] = {}
    answers: dict[str, list[Line]] = {}
    for line in lines:
        uuid, parent, words = text_at(line, "uuid") or "", text_at(line, "parentUuid") or "", prompt_of(line)
        if uuid and parent and words:
            siblings.setdefault(parent, {})[uuid] = words
            question[uuid] = uuid
        elif parent in question:
            question[uuid] = question[parent]
            if line.get("type") == "assistant":
                answers.setdefault(question[uuid], []).append(line)
    beside: dict[str, list[str]] = {}
    for asked in siblings.values():
        *_, last = asked
        main = next((uuid for uuid in asked if uuid in answers), last)
        beside |= {uuid: [] for uuid in asked if uuid != main}
        if last in beside:
            same = (
                answer_text(_said(answers.get(uuid, []), Losses()))
                for uuid in asked
                if uuid != last and asked[uuid] == asked[last]
            )
            beside[last] = list(filter(None, same))
    return beside


def _said(lines: Iterable[Line], losses: Losses) -> list[Message]:
    transcript = Transcript(losses)
    for line in lines:
        transcript.add(line)
    return transcript.messages


def _is_unasked(lines: Sequence[Line]) -> bool:
    """Whether nobody's question stands in them: `claude -p` prints none, and an agent of a team is asked by others."""
    is_answered = any(line.get("type") == "result" or is_from_elsewhere(line) for line in lines)
    return is_answered and not any(map(prompt_of, lines))


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
