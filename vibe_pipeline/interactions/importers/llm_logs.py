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
from vibe_pipeline.interactions.importers.fields import number_at, row_of, rows_of, text_at
from vibe_pipeline.interactions.importers.files import File
from vibe_pipeline.interactions.importers.messages import Message, Unusable, answer_text, call_of, moment_of
from vibe_pipeline.interactions.importers.parts import parsed
from vibe_pipeline.interactions.importers.raw import TOO_DEEP, Raw
from vibe_pipeline.interactions.lines import repaired
from vibe_pipeline.records import Interaction

FOREIGN = "a SQLite database without the tables of llm (name one of its own with --table)"
TURN = ("model", "resolved_model", "datetime_utc", "duration_ms")

Row = dict[str, Any]


def opens(file: File, start: bytes) -> bool:
    """Whether the file is a database; one of another program is rejected with its reason."""
    return start.startswith(MAGIC)


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
            yield Raw(str(value.get("conversation")), reason=TOO_DEEP)
    if database.failure:
        yield Raw(file.path.name, reason=reason_of(database.failure))
    elif not {"responses", "turns"} & database.tables:
        yield Raw(file.path.name, reason=FOREIGN)


def read(value: Row, source: str, at: datetime) -> Iterator[Interaction]:
    """The interactions of one conversation."""
    turns = value["turns"]
    messages = [message for turn in turns for message in _messages(turn)]
    first = moment_of({"created": turns[0].get("datetime_utc")})
    extra = {key: name for key in ("name", "forked_from") if (name := text_at(value, key))}
    origin = Origin("llm_logs", source, first or at, extra=extra, conversation=text_at(value, "conversation"))
    yield from interactions(messages, origin)


def _messages(turn: Row) -> Iterator[Message]:
    """What one turn added: what was asked, then what was answered."""
    at = moment_of({"created": turn.get("datetime_utc")})
    model = text_at(turn, "resolved_model", "model")
    latency = number_at(turn, "duration_ms")
    others = turn.get("alternatives")
    extra = {"alternatives": others} if others else {}
    for said in turn["said"]:
        parts, role = said["parts"], said["role"]
        yield from (_result(part, at) for part in parts if part.get("type") == "tool_result")
        text = "\n".join(filter(None, (_part_text(part) for part in parts)))
        calls = tuple(
            (text_at(part, "tool_call_id"), call_of(part.get("name"), part.get("arguments")))
            for part in parts
            if part.get("type") == "tool_call"
        )
        thought = "\n".join(text_at(part, "text") or "" for part in parts if part.get("type") == "reasoning")
        if role == "assistant":
            yield Message("assistant", text, thought, calls, at=at, model=model, latency_ms=latency, extra=dict(extra))
        elif role in ("system", "user") and text:
            yield Message(role, text, at=at)
        elif role not in ("system", "user", "tool"):
            raise Unusable(f"a message has the unknown role {role!r:.40}")


def _part_text(part: Row) -> str:
    kind = part.get("type")
    if kind == "attachment":
        medium = (text_at(part, "media_type") or "").partition("/")[0]
        return f"[{medium if medium in ('image', 'audio', 'video') else 'file'}]"
    return text_at(part, "text") or "" if kind in ("text", None) else ""


def _result(part: Row, at: datetime | None) -> Message:
    raised = text_at(part, "exception") or ""
    output = part.get("output")
    return Message(
        "result",
        output if isinstance(output, str) else json.dumps(output, ensure_ascii=False),
        call_id=text_at(part, "tool_call_id"),
        at=at,
        success=not raised if "exception" in part else None,
        error_type=raised.partition(":")[0].partition("(")[0].strip() or None,
    )


class _Database:
    """Rows as plain values, for as long as they can be read; what a table or column lacks is simply not there."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.failure: Exception | None = None
        self.tables = {row["name"] for row in self._select("select name from sqlite_master where type = 'table'")}

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
            system = _joined(text_at(row, "system"), told_with[number], fragments)
            media = [attachments.get(link.get("attachment_id"), {}) for link in shown[number]]
            said = [
                _said("system", [_text_part(system if system != told else "")]),
                _said("tool", [_plain(result) | {"type": "tool_result"} for result in results[number]]),
                _said(
                    "user",
                    [
                        _text_part(_joined(text_at(row, "prompt"), asked_with[number], fragments)),
                        *({"type": "attachment", "media_type": text_at(each, "type")} for each in media),
                    ],
                ),
                _said(
                    "assistant",
                    [
                        {"type": "reasoning", "text": text_at(row, "reasoning")},
                        _text_part(text_at(row, "response")),
                        *(_plain(call) | {"type": "tool_call", **_arguments(call)} for call in calls[number]),
                    ],
                ),
            ]
            told = system or told
            turns.append({**_plain(row, *TURN), "said": said})
        yield {
            **_plain({"conversation": identity}),
            **_plain(names.get(identity, {}), "name"),
            "turns": turns,
        }


def _threads(database: _Database) -> Iterator[Row]:
    """The new tables: messages are chained by their parents, a turn runs from one message to another."""
    messages = {row.get("hash"): row for row in database.rows("messages")}
    fragments = {row.get("id"): row for row in database.rows("fragments")}
    attachments = {row.get("id"): row for row in database.rows("attachments")}
    shown = database.by("part_attachments", "part_id", "order")
    parts = defaultdict(list)
    for row in sorted(database.rows("parts"), key=lambda row: number_at(row, "position") or 0):
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
        yield {
            **_plain({"conversation": identity}),
            **_plain(thread, "name", "forked_from"),
            "turns": turns,
        }


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
    more = row_of(parsed(row.get("payload")))
    text = _referred(more.get("text_ref"), fragments) if row.get("text") is None else text_at(row, "text")
    if row.get("type") == "tool_result" and "output" not in more:
        more = {**more, "output": _referred(more.get("output_ref"), fragments)}
    if row.get("type") == "tool_result":
        more = {"exception": None, **more}
    medium = text_at(media[0], "type") if media else text_at(more, "media_type")
    return {**more, "type": row.get("type"), "text": text, "media_type": medium}


def _referred(pieces: Any, fragments: dict[Any, Row]) -> str:
    """A text that is kept as pieces: {"fragment": number} or {"literal": text}."""
    found = []
    for piece in rows_of(pieces):
        number = piece.get("fragment")
        fragment = fragments.get(number, {}) if isinstance(number, (int, str)) else {}
        found.append(text_at(piece, "literal") or text_at(fragment, "content") or "")
    return "".join(found)


def _joined(text: str | None, links: list[Row], fragments: dict[Any, Row]) -> str:
    """A prompt after the fragments it was given, as `llm` sends it."""
    contents = [text_at(fragments.get(link.get("fragment_id"), {}), "content") for link in links]
    return "\n".join(filter(None, [*contents, text]))


def _arguments(call: Row) -> Row:
    return {"arguments": parsed(call.get("arguments"))}


def _said(role: Any, parts: list[Row]) -> Row:
    return {"role": role if isinstance(role, str) else None, "parts": parts}


def _answer(turn: Row) -> str:
    return answer_text([message for message in _messages(turn) if message.role == "assistant"])


def _text_part(text: str | None) -> Row:
    return {"type": "text", "text": text}


def _plain(row: Row, *keys: str) -> Row:
    """The row without what JSON cannot hold."""
    chosen = {key: row.get(key) for key in keys} if keys else row
    return {key: value for key, value in chosen.items() if value is None or isinstance(value, (str, int, float))}
