"""logs.db of the command line tool `llm`: conversations and responses, since 0.32 threads, turns, messages and parts.

A database may hold both (an upgrade leaves the old tables as they are). It is read from a copy.
Every conversation becomes one record, so that a damaged database gives all that can still be read and one reject.

Not here: what an exchange is (exchanges.py). Answers that failed are not logged by `llm`.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from vibe_pipeline.interactions.importers.databases import FAILURES, MAGIC, opened, reason_of
from vibe_pipeline.interactions.importers.exchanges import Origin, interactions
from vibe_pipeline.interactions.importers.files import File
from vibe_pipeline.interactions.importers.messages import Message, Unusable, answer_text, call_of, moment_of
from vibe_pipeline.interactions.importers.payloads import parsed
from vibe_pipeline.interactions.importers.raw import Raw
from vibe_pipeline.interactions.lines import repaired
from vibe_pipeline.records import Interaction

FOREIGN = "a SQLite database without the tables of llm (name one of its own with --table)"
KEYS = {"llm_conversation", "turns"}
TURN = ("model", "resolved_model", "datetime_utc", "duration_ms")

Row = dict[str, Any]


def opens(file: File, start: bytes) -> bool:
    """Whether the file is a database; one of another program is rejected with its reason."""
    return start.startswith(MAGIC)


def recognises(value: Any) -> bool:
    """Whether this is a conversation as `records` gives it."""
    return isinstance(value, dict) and value.keys() >= KEYS


def records(file: File) -> Iterator[Raw]:
    """One record a conversation, oldest first."""
    try:
        with opened(file.path) as connection:
            database = _Database(connection)
            found = [*_conversations(database), *_threads(database)]
    except FAILURES as failure:
        yield Raw(file.path.name, reason=reason_of(failure))
        return
    for value in sorted(found, key=lambda value: str(value["turns"][0].get("datetime_utc"))):
        try:
            value = repaired(value)
            yield Raw(json.dumps(value, ensure_ascii=False), value)
        except RecursionError:
            yield Raw(str(value.get("llm_conversation")), reason="nested too deep")
    if database.failure:
        yield Raw(file.path.name, reason=reason_of(database.failure))
    elif not {"responses", "turns"} & database.tables:
        yield Raw(file.path.name, reason=FOREIGN)


def read(value: Any, source: str, at: datetime) -> Iterator[Interaction]:
    """The interactions of one conversation."""
    name, turns = value.get("llm_conversation"), value.get("turns")
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        raise Unusable("turns is not a list of objects")
    messages = [message for turn in turns for message in _messages(turn)]
    first = moment_of({"created": turns[0].get("datetime_utc")}) if turns else None
    title = {"name": value["name"]} if isinstance(value.get("name"), str) else {}
    forked = {"forked_from": value["forked_from"]} if isinstance(value.get("forked_from"), str) else {}
    origin = Origin("llm_logs", source, first or at, extra=title | forked, conversation=_text(name) or None)
    yield from interactions(messages, origin)


def _messages(turn: Row) -> Iterator[Message]:
    """What one turn added: what was asked, then what was answered."""
    at = moment_of({"created": turn.get("datetime_utc")})
    model = _text(turn.get("resolved_model")) or _text(turn.get("model")) or None
    took = turn.get("duration_ms")
    latency = float(took) if isinstance(took, (int, float)) and not isinstance(took, bool) else None
    others = turn.get("alternatives")
    extra = {"alternatives": others} if others else {}
    listed = turn.get("said")
    for said in listed if isinstance(listed, list) else []:
        if not isinstance(said, dict) or not isinstance(said.get("parts"), list):
            raise Unusable("a message has no parts")
        parts = [part for part in said["parts"] if isinstance(part, dict)]
        yield from (_result(part, at) for part in parts if part.get("type") == "tool_result")
        role = said.get("role")
        text = "\n".join(filter(None, (_part_text(part) for part in parts)))
        calls = tuple(
            (_text(part.get("tool_call_id")) or None, call_of(part.get("name"), part.get("arguments")))
            for part in parts
            if part.get("type") == "tool_call"
        )
        thought = "\n".join(_text(part.get("text")) for part in parts if part.get("type") == "reasoning")
        if role == "assistant":
            yield Message("assistant", text, thought, calls, at=at, model=model, latency_ms=latency, extra=dict(extra))
        elif role in ("system", "user") and text:
            yield Message(role, text, at=at)
        elif role not in ("system", "user", "tool"):
            raise Unusable(f"a message has the unknown role {role!r:.40}")


def _part_text(part: Row) -> str:
    kind = part.get("type")
    if kind == "attachment":
        medium = _text(part.get("media_type")).partition("/")[0]
        return f"[{medium if medium in ('image', 'audio', 'video') else 'file'}]"
    return _text(part.get("text")) if kind in ("text", None) else ""


def _result(part: Row, at: datetime | None) -> Message:
    raised = _text(part.get("exception"))
    output = part.get("output")
    return Message(
        "result",
        output if isinstance(output, str) else json.dumps(output, ensure_ascii=False),
        call_id=_text(part.get("tool_call_id")) or None,
        at=at,
        success=not raised if "exception" in part else None,
        error_type=raised.partition(":")[0].partition("(")[0].strip() or None,
    )


class _Database:
    """Rows as plain values, for as long as they can be read; what a table or column lacks is simply not there."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.failure: Exception | None = None
        self.tables = {
            _text(row["name"]) for row in self._select("select name from sqlite_master where type = 'table'")
        }

    def rows(self, table: str, order: str = "rowid") -> list[Row]:
        if table not in self.tables:
            return []
        found = self._select(f'select * from "{table}"')
        return sorted(found, key=lambda row: str(row.get(order))) if order != "rowid" else found

    def by(self, table: str, key: str, order: str = "rowid") -> dict[Any, list[Row]]:
        grouped = defaultdict(list)
        for row in self.rows(table, order):
            grouped[row.get(key)].append(row)
        return grouped

    def _select(self, query: str) -> list[Row]:
        found: list[Row] = []
        try:
            cursor = self.connection.execute(query)
            names = [column[0] for column in cursor.description]
            found.extend(dict(zip(names, row, strict=True)) for row in cursor)
        except FAILURES as failure:
            self.failure = failure
        return found


def _conversations(database: _Database) -> Iterator[Row]:
    """The old tables: one row holds a question and its answer; a tool's result belongs to the question after it."""
    names = {row.get("id"): row for row in database.rows("conversations")}
    fragments = {row.get("id"): row for row in database.rows("fragments")}
    attachments = {row.get("id"): row for row in database.rows("attachments")}
    asked_with = database.by("prompt_fragments", "response_id", "order")
    told_with = database.by("system_fragments", "response_id", "order")
    shown = database.by("prompt_attachments", "response_id", "order")
    calls = database.by("tool_calls", "response_id")
    results = database.by("tool_results", "response_id")
    grouped = defaultdict(list)
    for row in sorted(database.rows("responses"), key=lambda row: (str(row.get("datetime_utc")), str(row.get("id")))):
        grouped[row.get("conversation_id") or row.get("id")].append(row)
    for identity, rows in grouped.items():
        turns, told = [], ""
        for row in rows:
            number = row.get("id")
            system = _joined(row.get("system"), told_with[number], fragments)
            media = [attachments.get(link.get("attachment_id"), {}) for link in shown[number]]
            said = [
                _said("system", [_text_part(system if system != told else "")]),
                _said("tool", [_plain(result) | {"type": "tool_result"} for result in results[number]]),
                _said(
                    "user",
                    [
                        _text_part(_joined(row.get("prompt"), asked_with[number], fragments)),
                        *({"type": "attachment", "media_type": _text(each.get("type"))} for each in media),
                    ],
                ),
                _said(
                    "assistant",
                    [
                        {"type": "reasoning", "text": _text(row.get("reasoning"))},
                        _text_part(row.get("response")),
                        *(_plain(call) | {"type": "tool_call", **_arguments(call)} for call in calls[number]),
                    ],
                ),
            ]
            told = system or told
            turns.append({**_plain(row, *TURN), "said": said})
        yield {"llm_conversation": _text(identity), **_plain(names.get(identity, {}), "name"), "turns": turns}


def _threads(database: _Database) -> Iterator[Row]:
    """The new tables: messages are chained by their parents, a turn runs from one message to another."""
    messages = {row.get("hash"): row for row in database.rows("messages")}
    fragments = {row.get("id"): row for row in database.rows("fragments")}
    attachments = {row.get("id"): row for row in database.rows("attachments")}
    shown = database.by("part_attachments", "part_id", "order")
    parts = defaultdict(list)
    for row in sorted(database.rows("parts"), key=lambda row: _number(row.get("position"))):
        media = [attachments.get(link.get("attachment_id"), {}) for link in shown[row.get("id")]]
        parts[row.get("message_hash")].append(_new_part(row, fragments, media))
    threads = {row.get("id"): row for row in database.rows("threads")}
    grouped = defaultdict(list)
    for row in sorted(database.rows("turns"), key=lambda row: (str(row.get("datetime_utc")), str(row.get("id")))):
        grouped[row.get("thread_id") or row.get("id")].append(row)
    for identity, rows in grouped.items():
        thread = threads.get(identity, {})
        said_before = {row.get("tip_message_hash") for row in grouped.get(thread.get("forked_from"), [])}
        turns: list[Row] = []
        for row in rows:
            start = row.get("parent_message_hash")
            asked = _chain(messages, start, said_before)
            answer = _chain(messages, row.get("tip_message_hash"), {start})
            said = [_said(messages[key].get("role"), parts[key]) for key in (*asked, *answer)]
            turn = {**_plain(row, *TURN), "said": said, "from": start}
            if turns and turns[-1]["from"] == start and start is not None:
                turn["alternatives"] = [*turns[-1].get("alternatives", []), _answer(turns.pop())]
            turns.append(turn)
            said_before.add(row.get("tip_message_hash"))
        yield {"llm_conversation": _text(identity), **_plain(thread, "name", "forked_from"), "turns": turns}


def _chain(messages: dict[Any, Row], end: Any, stops: set[Any]) -> list[Any]:
    """The hashes from after the last stop up to `end`; a cycle ends it as the beginning does."""
    found: list[Any] = []
    seen: set[Any] = set()
    while end in messages and end not in stops and end not in seen:
        seen.add(end)
        found.append(end)
        end = messages[end].get("parent_hash")
    return found[::-1]


def _new_part(row: Row, fragments: dict[Any, Row], media: list[Row]) -> Row:
    payload = parsed(row.get("payload"))
    more = payload if isinstance(payload, dict) else {}
    text = row.get("text")
    if text is None:
        text = _referred(more.get("text_ref"), fragments)
    if row.get("type") == "tool_result" and "output" not in more:
        more = {**more, "output": _referred(more.get("output_ref"), fragments)}
    if row.get("type") == "tool_result":
        more = {"exception": None, **more}
    medium = next((_text(each.get("type")) for each in media), _text(more.get("media_type")))
    return {**more, "type": row.get("type"), "text": _text(text), "media_type": medium}


def _referred(pieces: Any, fragments: dict[Any, Row]) -> str:
    """A text that is kept as pieces: {"fragment": number} or {"literal": text}."""
    found = []
    for piece in pieces if isinstance(pieces, list) else []:
        number = piece.get("fragment") if isinstance(piece, dict) else None
        fragment = fragments.get(number, {}) if isinstance(number, (int, str)) else {}
        found.append(_text(piece.get("literal")) or _text(fragment.get("content")) if isinstance(piece, dict) else "")
    return "".join(found)


def _joined(text: Any, links: list[Row], fragments: dict[Any, Row]) -> str:
    """A prompt after the fragments it was given, as `llm` sends it."""
    contents = [_text(fragments.get(link.get("fragment_id"), {}).get("content")) for link in links]
    return "\n".join(filter(None, [*contents, _text(text)]))


def _arguments(call: Row) -> Row:
    return {"arguments": parsed(call.get("arguments"))}


def _said(role: Any, parts: list[Row]) -> Row:
    return {"role": role if isinstance(role, str) else None, "parts": parts}


def _answer(turn: Row) -> str:
    return answer_text([message for message in _messages(turn) if message.role == "assistant"])


def _text_part(text: Any) -> Row:
    return {"type": "text", "text": _text(text)}


def _plain(row: Row, *keys: str) -> Row:
    """The row without what JSON cannot hold."""
    chosen = {key: row.get(key) for key in keys} if keys else row
    return {key: value for key, value in chosen.items() if value is None or isinstance(value, (str, int, float))}


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
