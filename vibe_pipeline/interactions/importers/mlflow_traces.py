"""MLflow's traces, from a tracking store or as JSON (Trace.to_json): info and spans, of version 3 and of version 2.

Spans of chat models are the calls of a model, those of tools the runs of tools; where there are none, the outermost
span counts as one call. The traces of a session are one conversation. What a person assessed is feedback, with
its comment; what was expected is an improvement; the verdicts of judges and programs are kept beside them.

Not here: the stores (mlflow_store.py), the payloads that frameworks log (payloads.py), how calls become a conversation
(calls.py), and the tracking of our own runs (tracking.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from vibe_pipeline.interactions.importers import mlflow_store
from vibe_pipeline.interactions.importers.calls import (
    Call,
    answer_of,
    conversations,
    error_name,
    is_finite,
    nested,
    only,
    result_of,
)
from vibe_pipeline.interactions.importers.exchanges import Origin
from vibe_pipeline.interactions.importers.fields import list_of, ms_between, number_of, row_of, rows_of, text_at
from vibe_pipeline.interactions.importers.genai_spans import moment
from vibe_pipeline.interactions.importers.losses import Losses
from vibe_pipeline.interactions.importers.messages import Message, Unusable, call_of, moment_of
from vibe_pipeline.interactions.importers.opinions import Opinion, judged
from vibe_pipeline.interactions.importers.parts import parsed
from vibe_pipeline.interactions.importers.payloads import answered, asked
from vibe_pipeline.interactions.importers.tool_runs import ToolRun
from vibe_pipeline.interactions.lines import repaired
from vibe_pipeline.records import Interaction

Row = dict[str, Any]

connects, opens, records = mlflow_store.connects, mlflow_store.opens, mlflow_store.records

MODELS = ("CHAT_MODEL", "LLM")
OPINIONS = {"yes": 1.0, "true": 1.0, "no": -1.0, "false": -1.0}


def recognises(value: Any) -> bool:
    """Whether this is a trace, or a row of a table that holds one."""
    trace = _trace(value)
    info = row_of(trace.get("info"))
    return "data" in trace and bool({"trace_id", "request_id", "trace_metadata", "request_metadata"} & info.keys())


def session_of(value: Any) -> str | None:
    """The session of the trace, if it was given one."""
    return text_at(_metadata(row_of(_trace(value).get("info"))), "mlflow.trace.session")


def read(value: Any, source: str, at: datetime) -> Iterator[Interaction | Unusable]:
    """The interactions of one trace, or of the traces of one session."""
    traces = [_trace(each) for each in (value if isinstance(value, list) else [value])]
    calls: list[Call] = []
    runs: list[ToolRun] = []
    losses = Losses()
    for trace in traces:
        info = row_of(trace.get("info"))
        with losses.of(trace):
            called, ran = _calls(trace, info, at, losses)
            user = text_at(_metadata(info), "mlflow.trace.user")
            calls += (replace(call, user=user) for call in called)
            runs += (replace(run, result=replace(run.result, user=user)) for run in ran)
    yield from losses.beside([*calls, *runs])
    session = session_of(traces[0])
    name = session or text_at(row_of(traces[0].get("info")), "trace_id", "request_id")
    origin = Origin("mlflow", source, at, user=only(call.user for call in calls), conversation=name)
    yield from conversations(calls, runs, origin, is_one=session is not None)


def _trace(value: Any) -> Row:
    """The trace itself; a table keeps it as JSON in one of its columns."""
    row = row_of(value)
    return row_of(parsed(row["trace"])) if "trace" in row and "info" not in row else row


def _calls(trace: Row, info: Row, at: datetime, losses: Losses) -> tuple[list[Call], list[ToolRun]]:
    data = row_of(parsed(trace.get("data")))
    spans = rows_of(data.get("spans"))
    parents = {_identity(span): _parent(span) for span in spans}
    began = moment_of({"time": info.get("request_time", info.get("timestamp_ms"))}) or at
    about: Row = {"trace": name} if (name := text_at(row_of(info.get("tags")), "mlflow.traceName")) else {}
    calls: list[Call] = []
    runs: list[ToolRun] = []
    for span in spans:
        kind = _attribute(span, "mlflow.spanType")
        with losses.of(span):
            if kind in MODELS:
                calls += filter(None, [_call(span, began, about)])
            elif kind == "TOOL":
                runs += filter(None, [_run(span, began)])
    if not calls:
        calls = [call for span in spans if _parent(span) is None and (call := _call(span, began, about))]
    if not calls and not runs:
        raise Unusable("no span holds what was asked and answered")
    return _assessed(nested(calls, parents), list_of(parsed(info.get("assessments", trace.get("assessments"))))), runs


def _call(span: Row, at: datetime, about: Row) -> Call | None:
    """None where nothing was kept of what was said."""
    inputs, outputs = _attribute(span, "mlflow.spanInputs"), _attribute(span, "mlflow.spanOutputs")
    said, came_back = asked(inputs), answered(outputs)
    if not said and not came_back:
        return None
    model = _model(span, row_of(inputs), row_of(outputs))
    words, took = _status(span)[1], _took(span)
    answer = answer_of(came_back, _failure(span), words, model=model, latency_ms=took, extra=about)
    if not said or not answer:
        raise Unusable("a span holds a question without an answer" if said else "a span holds no question")
    return Call(said, answer, _start(span) or at, _identity(span))


def _run(span: Row, at: datetime) -> ToolRun | None:
    arguments, result = _attribute(span, "mlflow.spanInputs"), _attribute(span, "mlflow.spanOutputs")
    failure = _failure(span)
    if arguments is None and result is None and not failure:
        return None
    message = result_of(result, failure, words=_status(span)[1], latency_ms=_took(span))
    return ToolRun(call_of(text_at(span, "name"), arguments), message, _start(span) or at)


def _assessed(calls: list[Call], assessments: Sequence[Any]) -> list[Call]:
    """Each assessment goes with the span that it names, else with the trace's last call."""
    for row in assessments:
        assessment = row_of(row)
        if not calls or assessment.get("valid") is False:
            continue
        named = [n for n, call in enumerate(calls) if call.identity and call.identity == assessment.get("span_id")]
        place = named[0] if named else max(range(len(calls)), key=lambda n: calls[n].at)
        last = calls[place].answer[-1]
        calls[place] = replace(calls[place], answer=[*calls[place].answer[:-1], _judged(last, assessment)])
    return calls


def _judged(answer: Message, assessment: Row) -> Message:
    feedback, expectation = row_of(assessment.get("feedback")), row_of(assessment.get("expectation"))
    if expectation:
        value = expectation.get("value", parsed(row_of(expectation.get("serialized_value")).get("value")))
        better = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        return replace(answer, improvements=(*answer.improvements, better))
    value = feedback.get("value")
    opinion = _opinion(value) if row_of(assessment.get("source")).get("source_type") == "HUMAN" else None
    name = text_at(assessment, "assessment_name", "name") or "assessment"
    kept = {"value": value, "rationale": assessment.get("rationale")}
    more = {name: {key: item for key, item in kept.items() if item is not None and is_finite(item)}}
    assessments = {**answer.extra.get("assessments", {}), **more}
    answer = replace(answer, extra=answer.extra | {"assessments": assessments})
    if opinion is None:
        return answer
    given_at = moment_of({"time": assessment.get("last_update_time", assessment.get("create_time"))})
    person = text_at(row_of(assessment.get("source")), "source_id")
    return judged(answer, [Opinion(opinion, text_at(assessment, "rationale"), given_at, person)])


def _opinion(value: Any) -> float | None:
    if isinstance(value, str):
        return OPINIONS.get(value.lower())
    if isinstance(value, bool):
        return 1.0 if value else -1.0
    return number_of(value)


def _metadata(info: Row) -> Row:
    return row_of(parsed(info.get("trace_metadata", info.get("request_metadata"))))


def _attribute(span: Row, key: str) -> Any:
    """Attributes are JSON texts."""
    value = row_of(parsed(span.get("attributes"))).get(key)
    if not isinstance(value, str):
        return value
    try:
        return repaired(json.loads(value))
    except (ValueError, RecursionError):
        return value


def _model(span: Row, inputs: Row, outputs: Row) -> str | None:
    named = text_at(outputs, "model") or text_at(inputs, "model")
    named = named or text_at(row_of(outputs.get("llm_output")), "model_name", "model")  # LangChain's
    attributes = {key: _attribute(span, key) for key in ("mlflow.llm.model", "gen_ai.request.model", "model")}
    return named or text_at(attributes, *attributes)


def _identity(span: Row) -> str | None:
    return text_at(span, "span_id") or text_at(row_of(span.get("context")), "span_id")


def _parent(span: Row) -> str | None:
    return text_at(span, "parent_span_id", "parent_id")


def _start(span: Row) -> datetime | None:
    return moment(span.get("start_time_unix_nano", span.get("start_time", span.get("start_time_ns"))))


def _took(span: Row) -> float | None:
    end = moment(span.get("end_time_unix_nano", span.get("end_time", span.get("end_time_ns"))))
    return ms_between(_start(span), end)


def _status(span: Row) -> tuple[bool, str | None]:
    """(whether it failed, the words)."""
    status = span.get("status")
    code = status.get("code") if isinstance(status, dict) else span.get("status_code", status)
    words = text_at(status, "message", "description") if isinstance(status, dict) else text_at(span, "status_message")
    return code in ("STATUS_CODE_ERROR", "ERROR", 2), words


def _failure(span: Row) -> str | None:
    failed, words = _status(span)
    events = [row_of(event) for event in list_of(span.get("events"))]
    raised = (
        text_at(row_of(event.get("attributes")), "exception.type")
        for event in events
        if event.get("name") == "exception"
    )
    return (next(raised, None) or error_name(words)) if failed else None
