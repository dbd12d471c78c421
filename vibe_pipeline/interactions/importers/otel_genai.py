"""OpenTelemetry's GenAI spans: OTLP as JSON (resourceSpans), the dump of the Python SDK's console exporter, Phoenix's
rows.

The lines of a file are gathered, because exporters write one batch a line and the spans of a conversation end up in
several. Spans without GenAI attributes give nothing; of those with them, the ones whose content was not captured.

Not here: what the attributes mean (genai_spans.py, genai_messages.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from vibe_pipeline.interactions.importers.fields import first_at, list_of, row_of, rows_of, text_at
from vibe_pipeline.interactions.importers.genai_numbered import flat
from vibe_pipeline.interactions.importers.genai_spans import Span, interactions_of, moment
from vibe_pipeline.interactions.importers.messages import Unusable
from vibe_pipeline.records import Interaction

BATCH = ("resourceSpans", "resource_spans")
"""Where the spans of a batch are: as proto3 JSON has it, or as the .proto file does."""

CONSOLE = {"context", "attributes", "name"}


def session_of(value: Any) -> str:
    """The lines of a file belong together; those of several sessions are told apart when they are read."""
    return ""


def recognises(value: Any) -> bool:
    """Whether this is a batch of spans, or one span of the console."""
    if isinstance(value, list):
        return bool(value) and all(isinstance(item, dict) and recognises(item) for item in value)
    if not isinstance(value, dict):
        return False
    return any(key in value for key in BATCH) or (
        value.keys() >= CONSOLE and ("parent_id" in value or "start_time" in value) and "data" not in value
    )


def read(value: Any, source: str, at: datetime) -> Iterator[Interaction | Unusable]:
    """The interactions of all batches together."""
    spans: list[Span] = []
    for batch in value if isinstance(value, list) else [value]:
        for item in batch if isinstance(batch, list) else [batch]:
            for span in spans_of(item):
                if isinstance(span, Unusable):
                    yield span
                else:
                    spans.append(span)
    yield from interactions_of(spans, source, at)


def spans_of(batch: dict[str, Any]) -> Iterator[Span | Unusable]:
    """The spans of one batch, or of the console's one span; Unusable for what is no span."""
    if "context" in batch:
        yield _console(batch)
        return
    for resource in rows_of(first_at(batch, *BATCH)):
        shared = _attributes(row_of(resource.get("resource")).get("attributes"))
        for scope in rows_of(first_at(resource, "scopeSpans", "scope_spans", "instrumentationLibrarySpans")):
            for span in list_of(scope.get("spans")):
                yield _span(span, shared) if isinstance(span, dict) else _not_a_span(span)


def _span(span: dict[str, Any], shared: dict[str, Any]) -> Span:
    status = row_of(span.get("status"))
    return Span(
        trace=text_at(span, "traceId", "trace_id"),
        identity=text_at(span, "spanId", "span_id"),
        parent=text_at(span, "parentSpanId", "parent_span_id"),
        name=text_at(span, "name") or "",
        start=moment(first_at(span, "startTimeUnixNano", "start_time_unix_nano")),
        end=moment(first_at(span, "endTimeUnixNano", "end_time_unix_nano")),
        attributes=flat(_attributes(span.get("attributes"))),
        shared=shared,
        events=tuple(_event(event) for event in list_of(span.get("events"))),
        failed=status.get("code") in (2, "2", "STATUS_CODE_ERROR"),
        status=text_at(status, "message"),
    )


def _console(span: dict[str, Any]) -> Span:
    context, status = row_of(span.get("context")), row_of(span.get("status"))
    return Span(
        trace=text_at(context, "trace_id"),
        identity=text_at(context, "span_id"),
        parent=text_at(span, "parent_id"),
        name=text_at(span, "name") or "",
        start=moment(span.get("start_time")),
        end=moment(span.get("end_time")),
        attributes=flat(row_of(span.get("attributes"))),
        shared=row_of(row_of(span.get("resource")).get("attributes")),
        events=tuple(
            (text_at(event, "name") or "", row_of(event.get("attributes"))) for event in rows_of(span.get("events"))
        ),
        failed=first_at(status | span, "status_code") in ("ERROR", "StatusCode.ERROR"),
        status=text_at(status, "description") or text_at(span, "status_message"),
    )


def _event(event: Any) -> tuple[str, dict[str, Any]]:
    if not isinstance(event, dict):
        return "", {}
    return text_at(event, "name") or "", _attributes(event.get("attributes"))


def _attributes(listed: Any) -> dict[str, Any]:
    """[{"key", "value": {"stringValue"}}] as plain values."""
    if isinstance(listed, dict):
        return listed
    return {item["key"]: _plain(item.get("value")) for item in rows_of(listed) if isinstance(item.get("key"), str)}


def _plain(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    for kind, inner in value.items():
        name = kind.replace("_value", "Value")
        if name == "intValue":
            return int(inner) if isinstance(inner, str) and inner.lstrip("-").isdecimal() else inner
        if name == "arrayValue":
            return [_plain(item) for item in list_of(row_of(value.get(kind)).get("values"))]
        if name == "kvlistValue":
            return _attributes(row_of(value.get(kind)).get("values"))
        if name in ("stringValue", "boolValue", "doubleValue", "bytesValue"):
            return inner
    return None


def _not_a_span(span: Any) -> Unusable:
    return Unusable("a span is not an object", json.dumps(span)[:1000])
