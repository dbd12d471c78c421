"""OTLP/HTTP: the spans of an export request, in protobuf or JSON, and the answer to it.

Not here: when spans become interactions (spans.py) and what their attributes mean (importers/genai_spans.py).
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Sent

from vibe_pipeline.interactions.importers.genai_numbered import flat
from vibe_pipeline.interactions.importers.genai_spans import Span, moment, names_a_model, tells
from vibe_pipeline.interactions.importers.messages import Unusable
from vibe_pipeline.interactions.importers.otel_genai import BATCH, spans_of
from vibe_pipeline.interactions.ingest import values
from vibe_pipeline.interactions.ingest.bodies import json_of
from vibe_pipeline.interactions.ingest.refusals import PROTOBUF, Refused
from vibe_pipeline.interactions.ingest.spans import FULL_BYTES, line_of_span

SPANS = 50_000
"""Of one request. Exporters send 512, and collectors some 8,000."""

SILENT = (
    "no span holds what was asked and answered: many instrumentations leave it out, or put it into log records, until"
    " OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental and"
    " OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=SPAN_ONLY ask for it"
)


@dataclass(slots=True)
class Export:
    """What one request brought."""

    lines: list[bytes] = field(default_factory=list)
    """One a span, as spans.py keeps them."""
    rejected: Counter[str] = field(default_factory=Counter)
    """Reason → spans."""
    size: int = 0
    """Bytes that the lines take in a spool."""
    is_silent: bool = False
    """Whether models were called, and no span says with which words."""

    def keep(self, line: bytes) -> None:
        """One more span; Refused where they are more than can wait, as what a resource says is kept with each."""
        self.lines.append(line)
        self.size += len(line) + 1
        if self.size > FULL_BYTES:
            raise Refused(413, f"the spans take more than {FULL_BYTES >> 20} MiB: send them in parts")

    def response(self) -> ExportTraceServiceResponse:
        """partial_success where spans were rejected; with none rejected it is a warning, as OTLP has it."""
        response = ExportTraceServiceResponse()
        words = [f"{count} × {reason}" for reason, count in self.rejected.most_common(5)]
        words += [SILENT] if self.is_silent else []
        if words:
            response.partial_success.rejected_spans = self.rejected.total()
            response.partial_success.error_message = "; ".join(words)
        return response


def export_of(data: bytes, media: str, received_at: datetime) -> Export:
    """The spans of a request, each looked at by itself; Refused where the request is none."""
    export = Export()
    is_told = is_modelled = False
    is_counted, inside = values.may_hold_many(data), 0
    for count, span in enumerate(_protobuf(data) if media == PROTOBUF else _json(data), 1):
        if count > SPANS:
            raise Refused(413, f"more than {SPANS} spans in one request: send them in parts")
        try:
            if isinstance(span, Unusable):
                raise span
            if not (span.trace and span.identity):
                raise Unusable("a span without traceId and spanId")
            inside += is_counted and _values_inside(span)
            if inside > values.VALUES:
                raise values.too_many()
            is_told |= tells(span)
            is_modelled |= names_a_model(span)
            export.keep(line_of_span(span, received_at))
        except Unusable as reason:
            export.rejected[str(reason)] += 1
        except RecursionError:
            export.rejected["nested too deep"] += 1
    export.is_silent = is_modelled and not is_told
    return export


def _values_inside(span: Span) -> int:
    """How many values the texts of its attributes hold: `tells` reads them."""
    groups = [span.attributes, *(attributes for _, attributes in span.events)]
    return sum(values.values_in_text(value) for attributes in groups for value in attributes.values())


def _json(data: bytes) -> Iterator[Span | Unusable]:
    values.require_few_in_json(data)
    try:
        batch = json_of(data)
    except ValueError as error:
        raise Refused(400, f"the body is {error}") from error
    known = {key: batch[key] for key in BATCH if key in batch} if isinstance(batch, dict) else None
    if known is None or (batch and not known) or not all(isinstance(it, list | None) for it in known.values()):
        raise Refused(400, "the body is not an object with a list resourceSpans")
    for span in spans_of(known):
        yield (
            span
            if isinstance(span, Unusable)
            else replace(span, trace=_lower(span.trace), identity=_lower(span.identity), parent=_lower(span.parent))
        )


def _lower(identity: str | None) -> str | None:
    """Hexadecimal in either case is the same id."""
    return identity.lower() if identity else None


def _protobuf(data: bytes) -> Iterator[Span]:
    values.require_few_in_protobuf(data, ExportTraceServiceRequest.DESCRIPTOR)
    try:
        request = ExportTraceServiceRequest.FromString(data)
    except DecodeError as error:
        raise Refused(400, f"the body is no ExportTraceServiceRequest: {error}") from error
    for resource in request.resource_spans:
        shared = _attributes(resource.resource.attributes)
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield _span(span, shared)


def _span(span: Sent, shared: dict[str, Any]) -> Span:
    return Span(
        trace=span.trace_id.hex() or None,
        identity=span.span_id.hex() or None,
        parent=span.parent_span_id.hex() or None,
        name=span.name,
        start=moment(span.start_time_unix_nano),
        end=moment(span.end_time_unix_nano),
        attributes=flat(_attributes(span.attributes)),
        shared=shared,
        events=tuple((event.name, _attributes(event.attributes)) for event in span.events),
        failed=span.status.code == span.status.STATUS_CODE_ERROR,
        status=span.status.message or None,
    )


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    return {pair.key: _plain(pair.value) for pair in pairs}


def _plain(value: AnyValue) -> Any:
    """As the JSON form of OTLP would give it."""
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_plain(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return _attributes(value.kvlist_value.values)
    if kind == "bytes_value":
        return base64.b64encode(value.bytes_value).decode()
    return getattr(value, kind) if kind else None
