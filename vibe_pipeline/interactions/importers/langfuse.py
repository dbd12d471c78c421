"""Langfuse's exports: a trace with its observations, lists of traces, and tables of traces or of observations.

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
    around,
    conversations,
    error_name,
    only,
)
from vibe_pipeline.interactions.importers.exchanges import Origin
from vibe_pipeline.interactions.importers.fields import (
    ms_between,
    number_at,
    number_of,
    row_of,
    rows_of,
    text_at,
    texts_of,
)
from vibe_pipeline.interactions.importers.losses import Losses
from vibe_pipeline.interactions.importers.messages import Message, Unusable, call_of, moment_of
from vibe_pipeline.interactions.importers.opinions import Opinion, judged
from vibe_pipeline.interactions.importers.payloads import answered, asked, parsed, result_text
from vibe_pipeline.records import Interaction

Row = dict[str, Any]

opens, records = langfuse_table.opens, langfuse_table.records

TYPES = {"GENERATION", "SPAN", "EVENT", "AGENT", "TOOL", "CHAIN", "RETRIEVER", "EVALUATOR", "EMBEDDING", "GUARDRAIL"}
TRACE_KEYS = {"sessionId", "userId", "projectId", "bookmarked", "htmlPath", "observationCount", "release"}

USER = ("userId", "user_id")


def recognises(value: Any) -> bool:
    """Whether this is a trace, an observation or a page of them."""
    if not isinstance(value, dict):
        return False
    if isinstance(value.get("data"), list) and "meta" in value:
        return any(recognises(item) for item in value["data"])
    if "traceId" in value:
        return value.get("type") in TYPES or "startTime" in value
    if "observations" in value:
        return "trace" in value or "id" in value
    return {"id", "timestamp"} <= value.keys() and bool(TRACE_KEYS & value.keys()) and "messages" not in value


def session_of(value: Any) -> str | None:
    """The session of a trace; observations in a table are put together by their trace."""
    trace = _trace(value)
    if "traceId" in trace:
        return text_at(trace, "traceId")
    session = text_at(trace, "sessionId", "session_id")
    return f"session {session}" if session else None


def read(value: Any, source: str, at: datetime) -> Iterator[Interaction | Unusable]:
    """The interactions of one trace, or of the traces of one session."""
    values = value if isinstance(value, list) else [value]
    values = [item for each in values for item in (each["data"] if _is_page(each) else [each])]
    losses = Losses()
    sessions = {session_of(each) for each in values}
    if len(values) > 1 and (None in sessions or len(sessions) > 1):
        found: list[Interaction | Unusable] = []
        for each in values:
            with losses.of(each):
                found += read(each, source, at)
        yield from losses.beside(found)
        yield from found
        return
    if not all(isinstance(each, dict) for each in values):
        raise Unusable("a trace is not an object")
    calls: list[Call] = []
    runs: list[ToolRun] = []
    traces = [each for each in values if "traceId" not in each]
    loose = [each for each in values if "traceId" in each]
    for trace in [*traces, *([{"observations": loose}] if loose else [])]:
        with losses.of(trace):
            called, ran = _calls(trace, at, losses)
            user = text_at(_trace(trace), *USER)
            calls += (replace(call, user=call.user or user) for call in called)
            runs += (replace(run, result=replace(run.result, user=run.result.user or user)) for run in ran)
    yield from losses.beside([*calls, *runs], "there is no trace")
    first = _trace(values[0])
    session = text_at(first, "sessionId", "session_id")
    name = session or text_at(first, "traceId", "id")
    origin = Origin("langfuse", source, at, user=only(call.user for call in calls), conversation=name)
    yield from conversations(calls, runs, origin, is_one=session is not None)


def _is_page(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("data"), list) and "meta" in value


def _trace(value: Any) -> Row:
    row = row_of(value)
    inner = row.get("trace")
    return inner if isinstance(inner, dict) else row


def _calls(value: Row, at: datetime, losses: Losses) -> tuple[list[Call], list[ToolRun]]:
    """The calls and runs of one trace; its own input and output where no generation holds any."""
    trace = _trace(value)
    rows = rows_of(value.get("observations", trace.get("observations")))
    parents = {text_at(row, "id"): text_at(row, "parentObservationId", "parent_observation_id") for row in rows}
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
    failure = _failure(row)
    if failure and not any(message.text for message in came_back):
        came_back = [Message("assistant", success=False)]
    if not said or not came_back:
        raise Unusable("an answer without a question" if came_back else "a question without an answer")
    extra = about | ({"error": words} if failure and (words := text_at(row, "statusMessage", "status_message")) else {})
    model = text_at(row, "model", "providedModelName", "provided_model_name", "internalModel")
    answer = [
        replace(message, model=model, latency_ms=_took(row), error_type=failure, extra=message.extra | extra)
        for message in came_back
    ]
    start = moment_of({"time": row.get("startTime", row.get("start_time", row.get("timestamp")))}) or at
    return _judged(Call(said, answer, start, text_at(row, "id"), text_at(row, *USER), within), row)


def _run(row: Row, at: datetime) -> ToolRun | None:
    arguments, result, failure = parsed(row.get("input")), parsed(row.get("output")), _failure(row)
    if arguments is None and result is None and not failure:
        return None
    words = text_at(row, "statusMessage", "status_message") or ""
    message = Message(
        "result",
        result_text(result) if result is not None else words,
        success=not failure,
        error_type=failure,
        latency_ms=_took(row),
        user=text_at(row, *USER),
    )
    start = moment_of({"time": row.get("startTime", row.get("start_time"))}) or at
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
    return text_at(score, "authorUserId", "author_user_id")


def _is_plain(score: Row) -> bool:
    value = score.get("value")
    return isinstance(value, (str, bool)) or number_of(value) is not None


def _opinion(score: Row) -> float | None:
    """A boolean score of 0 is a thumb down."""
    value = score.get("value")
    if score.get("dataType", score.get("data_type")) == "BOOLEAN" or isinstance(value, bool):
        return (1.0 if value else -1.0) if isinstance(value, (bool, int, float)) else None
    return number_of(value)


def _failure(row: Row) -> str | None:
    return error_name(text_at(row, "statusMessage", "status_message")) if row.get("level") == "ERROR" else None


def _took(row: Row) -> float | None:
    start = moment_of({"time": row.get("startTime", row.get("start_time"))})
    end = moment_of({"time": row.get("endTime", row.get("end_time"))})
    took, seconds = ms_between(start, end), number_at(row, "latency")
    return round(seconds * 1000, 3) if took is None and seconds is not None else took
