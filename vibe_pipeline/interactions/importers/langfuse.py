"""Langfuse's exports: a trace with its observations, lists, pages and tables of traces or observations, a session.

The blob storage writes trace_id where all others write traceId: rows are read under the names of the latter.
Generations are the calls of a model, tool observations the runs of tools; a trace whose generations hold nothing counts
as one call. A trace and what names it are one, as the traces and observations of a session are one conversation.

Not here: tables as CSV (langfuse_table.py), the folders of the blob storage (langfuse_blobs.py), scores
(langfuse_scores.py), the payloads that frameworks log (payloads.py) and how calls become a conversation (calls.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any

from vibe_pipeline.interactions.importers import delimited, folders, langfuse_blobs, langfuse_table
from vibe_pipeline.interactions.importers.calls import (
    Call,
    answer_of,
    conversations,
    error_name,
    nested,
    only,
)
from vibe_pipeline.interactions.importers.exchanges import Origin
from vibe_pipeline.interactions.importers.fields import (
    Row,
    ms_between,
    number_at,
    rows_of,
    text_at,
    texts_of,
)
from vibe_pipeline.interactions.importers.files import File
from vibe_pipeline.interactions.importers.langfuse_scores import CORRECTION, is_score, with_scores
from vibe_pipeline.interactions.importers.losses import Losses
from vibe_pipeline.interactions.importers.messages import Message, NothingAsked, Unusable, call_of, moment_of
from vibe_pipeline.interactions.importers.parts import parsed, result_text
from vibe_pipeline.interactions.importers.payloads import answered, asked
from vibe_pipeline.interactions.importers.raw import Raw
from vibe_pipeline.interactions.importers.tool_runs import ToolRun
from vibe_pipeline.records import Interaction

opens, joins = langfuse_table.opens, langfuse_blobs.joins
SUFFIXES = (*folders.SUFFIXES, *delimited.SUFFIXES)

TYPES = {"GENERATION", "SPAN", "EVENT", "AGENT", "TOOL", "CHAIN", "RETRIEVER", "EVALUATOR", "EMBEDDING", "GUARDRAIL"}
TRACE_KEYS = {"sessionId", "userId", "projectId", "bookmarked", "htmlPath", "observationCount", "release"}
WRAPPERS = ("SPAN", "AGENT", "CHAIN")
"""Observations that tell what they were asked and answered, whatever went on inside of them."""


def recognises(value: Any) -> bool:
    """Whether this is a trace, an observation, or a page or session of them."""
    if not isinstance(value, dict):
        return False
    if (listed := _listed(value)) is not None:
        return any(map(recognises, listed))
    if "traceId" in value or "trace_id" in value:
        return text_at(value, "type") in TYPES or {"traceId", "startTime"} <= value.keys()
    if "observations" in value:
        return "trace" in value or "id" in value
    row = _row(value)
    return {"id", "timestamp"} <= row.keys() and bool(TRACE_KEYS & row.keys()) and "messages" not in row


def session_of(value: Any) -> str | None:
    """The session of a trace or of what names one; where that is not told they are put together by the trace."""
    trace = _trace(value)
    session = text_at(trace, "sessionId")
    return f"session {session}" if session else text_at(trace, "traceId", "id")


def records(file: File) -> Iterator[Raw]:
    """The rows of a table, or of the tables in a folder."""
    return langfuse_blobs.records(file.path) if file.path.is_dir() else langfuse_table.records(file.path)


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
    yield from losses.beside(found, None if sessions else "there is no trace")
    yield from found


def _session(rows: list[Row], source: str, at: datetime) -> Iterator[Interaction | Unusable]:
    """The interactions of the traces and observations of one session, or of one trace."""
    calls: list[Call] = []
    runs: list[ToolRun] = []
    losses = Losses()
    for trace in _traces(rows):
        user = text_at(_trace(trace), "userId")
        ran = [
            replace(run, result=replace(run.result, user=run.result.user or user)) for run in _runs(trace, at, losses)
        ]
        runs += ran
        with losses.of(trace):
            called = [replace(call, user=call.user or user) for call in _calls(trace, at, losses)]
            if not called and not ran:
                if _embeds(trace):
                    raise NothingAsked
                raise Unusable("neither the generations nor the trace hold what was asked and answered")
            calls += called
    yield from losses.beside([*calls, *runs])
    first = _trace(rows[0])
    session = text_at(first, "sessionId")
    name = session or text_at(first, "traceId", "id")
    origin = Origin("langfuse", source, at, user=only(call.user for call in calls), conversation=name)
    yield from conversations(calls, runs, origin, is_one=session is not None)


def _traces(rows: list[Row]) -> list[Row]:
    """The traces, each with the observations and scores that name it, and those that are only named."""
    traces: dict[str, Row] = {}
    beside: dict[str, list[Row]] = defaultdict(list)
    for place, row in enumerate(rows):
        if "traceId" in row:
            beside[str(row["traceId"])].append(row)
            continue
        name = text_at(_trace(row), "id") or f"place {place}"
        if name in traces:  # written again, or in two pages
            beside[name] += _observations(traces[name])
            row = traces[name] | {key: value for key, value in row.items() if value not in (None, "", [], {})}
        traces[name] = row
    told = [_with(trace, beside.pop(name, [])) for name, trace in traces.items()]
    return told + [
        _with({"name": found[0].get("traceName"), "tags": found[0].get("tags")}, found) for found in beside.values()
    ]


def _with(trace: Row, beside: list[Row]) -> Row:
    """A trace with its observations, each once, and its scores."""
    if not beside:
        return trace
    observations = [*_observations(trace), *(row for row in beside if not is_score(row))]
    scores = [*_rows(trace.get("scores") or _trace(trace).get("scores")), *filter(is_score, beside)]
    once: dict[str | int, Row] = {}
    for place, row in enumerate(observations):
        once.setdefault(text_at(row, "id") or place, row)
    return trace | {"observations": [*once.values()], "scores": scores}


def _embeds(trace: Row) -> bool:
    """Whether nothing was asked of a model but an embedding."""
    return {text_at(row, "type") for row in _observations(trace)} - {*WRAPPERS} == {"EMBEDDING"}


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


def _calls(value: Row, at: datetime, losses: Losses) -> list[Call]:
    """The calls of one trace; where no generation holds what was said, its own or its outermost observation's."""
    trace, rows = _trace(value), _observations(value)
    parents = {text_at(row, "id"): text_at(row, "parentObservationId") for row in rows}
    about = {
        **({"trace": name} if (name := text_at(trace, "name")) else {}),
        **({"tags": tags} if (tags := texts_of(parsed(trace.get("tags")))) else {}),
    }
    calls: list[Call] = []
    for row in rows:
        with losses.of(row):
            if row.get("type") == "GENERATION":
                calls += filter(None, [_call(row, at, about)])
    scores: Iterable[Row] = _scores(value, trace, rows)
    if not calls:
        outermost = (row for row in rows if row.get("type") in WRAPPERS and not text_at(row, "parentObservationId"))
        calls = list(islice(filter(None, (_call(it, at, about) for it in (trace, *outermost))), 1))
        scores = (score | {"observationId": None} for score in scores)  # all are of the one
    return list(with_scores(nested(calls, parents), scores, parents))


def _runs(value: Row, at: datetime, losses: Losses) -> Iterator[ToolRun]:
    for row in _observations(value):
        with losses.of(row):
            if row.get("type") == "TOOL" and (run := _run(row, at)):
                yield run


def _scores(value: Row, trace: Row, rows: list[Row]) -> Iterator[Row]:
    """Those of the trace, which stand in it or beside it, and those in its observations."""
    for key, kind in (("scores", {}), ("corrections", CORRECTION)):
        yield from (score | kind for score in _rows(value.get(key) or trace.get(key)))
        for row in rows:
            yield from (score | kind | {"observationId": text_at(row, "id")} for score in _rows(row.get(key)))


def _observations(value: Row) -> list[Row]:
    return _rows(value.get("observations", _trace(value).get("observations")))


def _call(row: Row, at: datetime, about: Row) -> Call | None:
    """None where nothing was kept of what was said."""
    said, came_back = asked(row.get("input")), answered(row.get("output"))
    if not said and not came_back:
        return None
    model, words = text_at(row, "model", "providedModelName", "internalModel"), text_at(row, "statusMessage")
    answer = answer_of(came_back, _failure(row), words, model=model, latency_ms=_took(row), extra=about)
    if not said or not answer:
        raise Unusable("an answer without a question" if answer else "a question without an answer")
    start = moment_of({"time": row.get("startTime", row.get("timestamp"))}) or at
    return Call(said, answer, start, text_at(row, "id"), text_at(row, "userId"))


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


def _failure(row: Row) -> str | None:
    return error_name(text_at(row, "statusMessage")) if row.get("level") == "ERROR" else None


def _took(row: Row) -> float | None:
    start, end = moment_of({"time": row.get("startTime")}), moment_of({"time": row.get("endTime")})
    took, seconds = ms_between(start, end), number_at(row, "latency")
    return round(seconds * 1000, 3) if took is None and seconds is not None else took


def _rows(value: Any) -> list[Row]:
    return [_row(item) for item in rows_of(parsed(value))]
