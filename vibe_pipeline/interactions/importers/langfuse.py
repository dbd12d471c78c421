"""Langfuse's exports: a trace with its observations, lists, pages and tables of traces or observations, a session.

The blob storage writes trace_id where all others write traceId: rows are read under the names of the latter.
Generations are the calls of a model, tool observations the runs of tools; a trace without generations counts as one
call. The traces of a session are one conversation. Scores that a person gave are feedback, corrections improvements.

Not here: tables as CSV (langfuse_table.py), the payloads that frameworks log (payloads.py) and how calls become a
conversation (calls.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from vibe_pipeline.interactions.importers import langfuse_table
from vibe_pipeline.interactions.importers.calls import (
    Call,
    ToolRun,
    answer_of,
    around,
    conversations,
    error_name,
    only,
)
from vibe_pipeline.interactions.importers.exchanges import Origin
from vibe_pipeline.interactions.importers.fields import (
    Row,
    ms_between,
    number_at,
    number_of,
    rows_of,
    text_at,
    texts_of,
)
from vibe_pipeline.interactions.importers.losses import Losses
from vibe_pipeline.interactions.importers.messages import Message, Unusable, call_of, moment_of
from vibe_pipeline.interactions.importers.opinions import Opinion, judged
from vibe_pipeline.interactions.importers.parts import parsed, result_text
from vibe_pipeline.interactions.importers.payloads import answered, asked
from vibe_pipeline.records import Interaction

opens, records = langfuse_table.opens, langfuse_table.records

TYPES = {"GENERATION", "SPAN", "EVENT", "AGENT", "TOOL", "CHAIN", "RETRIEVER", "EVALUATOR", "EMBEDDING", "GUARDRAIL"}
TRACE_KEYS = {"sessionId", "userId", "projectId", "bookmarked", "htmlPath", "observationCount", "release"}


def recognises(value: Any) -> bool:
    """Whether this is a trace, an observation, or a page or session of them."""
    if not isinstance(value, dict):
        return False
    if (listed := _listed(value)) is not None:
        return any(map(recognises, listed))
    if "traceId" in value or "trace_id" in value:
        return value.get("type") in TYPES or {"traceId", "startTime"} <= value.keys()
    if "observations" in value:
        return "trace" in value or "id" in value
    row = _row(value)
    return {"id", "timestamp"} <= row.keys() and bool(TRACE_KEYS & row.keys()) and "messages" not in row


def session_of(value: Any) -> str | None:
    """The session of a trace; observations in a table are put together by their trace."""
    trace = _trace(value)
    if "traceId" in trace:
        return text_at(trace, "traceId")
    session = text_at(trace, "sessionId")
    return f"session {session}" if session else None


def read(value: Any, source: str, at: datetime) -> Iterator[Interaction | Unusable]:
    """The interactions of one trace, or of each session and each trace alone of many."""
    sessions: dict[str, list[Row]] = {}
    for place, each in enumerate(_each(value)):
        sessions.setdefault(session_of(each) or f"place {place}", []).append(each)
    found: list[Interaction | Unusable] = []
    losses = Losses()
    for rows in sessions.values():
        with losses.of(rows):
            found += _session(rows, source, at)
    yield from losses.beside(found, "there is no trace")
    yield from found


def _session(rows: list[Row], source: str, at: datetime) -> Iterator[Interaction | Unusable]:
    """The interactions of the traces of one session, or of the observations of one trace."""
    calls: list[Call] = []
    runs: list[ToolRun] = []
    losses = Losses()
    traces = [each for each in rows if "traceId" not in each]
    loose = [each for each in rows if "traceId" in each]
    for trace in [*traces, *([{"observations": loose}] if loose else [])]:
        with losses.of(trace):
            called, ran = _calls(trace, at, losses)
            user = text_at(_trace(trace), "userId")
            calls += (replace(call, user=call.user or user) for call in called)
            runs += (replace(run, result=replace(run.result, user=run.result.user or user)) for run in ran)
    yield from losses.beside([*calls, *runs])
    first = _trace(rows[0])
    session = text_at(first, "sessionId")
    name = session or text_at(first, "traceId", "id")
    origin = Origin("langfuse", source, at, user=only(call.user for call in calls), conversation=name)
    yield from conversations(calls, runs, origin, is_one=session is not None)


def _row(value: Any) -> Row:
    return {langfuse_table.name_of(key): each for key, each in value.items()} if isinstance(value, dict) else {}


def _listed(value: Row) -> list[Any] | None:
    """The rows of a page of the API, or the traces of a session."""
    if isinstance(value.get("data"), list) and "meta" in value:
        return list(value["data"])
    return list(value["traces"]) if isinstance(value.get("traces"), list) and "id" in value else None


def _each(value: Any) -> Iterator[Row]:
    """The rows that are traces or observations, however they are wrapped."""
    for item in value if isinstance(value, list) else [value]:
        listed = _listed(item) if isinstance(item, dict) else None
        yield from _each(listed) if listed is not None else filter(None, [_row(item)])


def _trace(value: Any) -> Row:
    row = _row(value)
    return _row(row["trace"]) if isinstance(row.get("trace"), dict) else row


def _calls(value: Row, at: datetime, losses: Losses) -> tuple[list[Call], list[ToolRun]]:
    """The calls and runs of one trace; its own input and output where no generation holds any."""
    trace = _trace(value)
    rows = _rows(value.get("observations", trace.get("observations")))
    parents = {text_at(row, "id"): text_at(row, "parentObservationId") for row in rows}
    about = {
        **({"trace": name} if (name := text_at(trace, "name")) else {}),
        **({"tags": tags} if (tags := texts_of(parsed(trace.get("tags")))) else {}),
    }
    calls: list[Call] = []
    runs: list[ToolRun] = []
    for row in rows:
        with losses.of(row):
            if row.get("type") == "GENERATION":
                calls += filter(None, [_call(row, at, about, around(text_at(row, "id"), parents))])
            elif row.get("type") == "TOOL":
                runs += filter(None, [_run(row, at)])
    if not calls and not runs:
        calls = [_call(trace, at, about, frozenset()) or _nothing()]
    if calls:
        last = max(range(len(calls)), key=lambda n: calls[n].at)
        calls[last] = _judged(calls[last], trace)
    return calls, runs


def _nothing() -> Call:
    raise Unusable("neither the generations nor the trace hold what was asked and answered")


def _call(row: Row, at: datetime, about: Row, within: frozenset[str]) -> Call | None:
    """None where nothing was kept of what was said."""
    said, came_back = asked(row.get("input")), answered(row.get("output"))
    if not said and not came_back:
        return None
    model, words = text_at(row, "model", "providedModelName", "internalModel"), text_at(row, "statusMessage")
    answer = answer_of(came_back, _failure(row), words, model=model, latency_ms=_took(row), extra=about)
    if not said or not answer:
        raise Unusable("an answer without a question" if answer else "a question without an answer")
    start = moment_of({"time": row.get("startTime", row.get("timestamp"))}) or at
    return _judged(Call(said, answer, start, text_at(row, "id"), text_at(row, "userId"), within), row)


def _run(row: Row, at: datetime) -> ToolRun | None:
    arguments, result, failure = parsed(row.get("input")), parsed(row.get("output")), _failure(row)
    if arguments is None and result is None and not failure:
        return None
    words = text_at(row, "statusMessage") or ""
    message = Message(
        "result",
        result_text(result) if result is not None else words,
        success=not failure,
        error_type=failure,
        latency_ms=_took(row),
        user=text_at(row, "userId"),
    )
    start = moment_of({"time": row.get("startTime")}) or at
    return ToolRun(call_of(text_at(row, "name"), arguments), message, start)


def _judged(call: Call, row: Row) -> Call:
    """With what was thought of it: what a person or the program's user gave is feedback, the rest is kept beside it."""
    scores = [score for score in rows_of(parsed(row.get("scores"))) if not text_at(score, "observationId")]
    values = {name: score["value"] for score in scores if (name := text_at(score, "name")) and _is_plain(score)}
    by_hand = sorted((s for s in scores if s.get("source") != "EVAL"), key=lambda s: s.get("source") != "ANNOTATION")
    best = next((score for score in by_hand if _opinion(score) is not None), None)
    opinions = [
        Opinion(_opinion(score) if score is best else None, text_at(score, "comment"), _given_at(score), _author(score))
        for score in by_hand
    ]
    judges = (score for score in scores if score not in by_hand)
    comments = {name: words for s in judges if (name := text_at(s, "name")) and (words := text_at(s, "comment"))}
    keys = ("longStringValue", "stringValue", "value")
    better = tuple(filter(None, (text_at(row_, *keys) for row_ in rows_of(parsed(row.get("corrections"))))))
    last = call.answer[-1]
    kept = {"scores": values, "score_comments": comments}
    extra = {name: last.extra.get(name, {}) | more for name, more in kept.items() if more}
    last = replace(last, improvements=(*last.improvements, *better), extra=last.extra | extra)
    return replace(call, answer=[*call.answer[:-1], judged(last, opinions)])


def _given_at(score: Row) -> datetime | None:
    return moment_of({"time": score.get("updatedAt") or score.get("timestamp") or score.get("createdAt")})


def _author(score: Row) -> str | None:
    return text_at(score, "authorUserId")


def _is_plain(score: Row) -> bool:
    value = score.get("value")
    return isinstance(value, (str, bool)) or number_of(value) is not None


def _opinion(score: Row) -> float | None:
    """A boolean score of 0 is a thumb down."""
    value = score.get("value")
    if score.get("dataType") == "BOOLEAN" or isinstance(value, bool):
        return (1.0 if value else -1.0) if isinstance(value, (bool, int, float)) else None
    return number_of(value)


def _failure(row: Row) -> str | None:
    return error_name(text_at(row, "statusMessage")) if row.get("level") == "ERROR" else None


def _took(row: Row) -> float | None:
    start, end = moment_of({"time": row.get("startTime")}), moment_of({"time": row.get("endTime")})
    took, seconds = ms_between(start, end), number_at(row, "latency")
    return round(seconds * 1000, 3) if took is None and seconds is not None else took


def _rows(value: Any) -> list[Row]:
    return [_row(item) for item in rows_of(parsed(value))]
