"""Whatever is sent ends as rows, as reasons or as a refusal, and never as anything else."""

import asyncio
import base64
import json
from datetime import UTC, datetime

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from starlette.requests import Request

from tests.engine.serving import sealed
from tests.engine.spoiling import JUNK, MOMENT, spoiled
from vibe_pipeline.errors import DiskFull
from vibe_pipeline.interactions.importers.genai_spans import Span
from vibe_pipeline.interactions.ingest import bodies, spans
from vibe_pipeline.interactions.ingest.app import Access, Ingest
from vibe_pipeline.interactions.ingest.commit import GroupCommit, Row
from vibe_pipeline.interactions.ingest.items import interaction, remark, rows_of
from vibe_pipeline.interactions.ingest.otlp import Export, export_of
from vibe_pipeline.interactions.ingest.refusals import JSON, PROTOBUF, Refused
from vibe_pipeline.interactions.ingest.spans import line_of_span
from vibe_pipeline.interactions.segments import Known, seal
from vibe_pipeline.interactions.spool import Spool
from vibe_pipeline.settings import Curate, Log

NDJSON = "application/x-ndjson"

RECORD = {"module": "m", "action": "a", "input": "i", "turn": 1, "occurred_at": "2026-01-02T00:00:00Z"}
RECORD |= {"improvements": ["x"], "extra": {"k": [1]}, "feedback": 1, "success": True, "interaction_id": "i"}
REMARK = {"interaction_id": "i", "kind": "feedback", "score": 1, "text": "t", "occurred_at": "2026-01-02T00:00:00Z"}

MESSAGE = '[{"role": "user", "parts": [{"type": "text", "content": "q"}]}]'
SPAN = {
    "traceId": "ab",
    "spanId": "cd",
    "startTimeUnixNano": "1767312000000000000",
    "attributes": [
        {"key": "gen_ai.input.messages", "value": {"stringValue": MESSAGE}},
        {"key": "gen_ai.output.messages", "value": {"stringValue": MESSAGE.replace("user", "assistant")}},
        {"key": "a", "value": {"arrayValue": {"values": [{"intValue": "3"}]}}},
    ],
    "events": [{"name": "gen_ai.choice", "attributes": [{"key": "b", "value": {"boolValue": True}}]}],
    "status": {"code": 2, "message": "no"},
}
EXPORT = {"resourceSpans": [{"resource": {"attributes": []}, "scopeSpans": [{"spans": [SPAN, SPAN]}]}]}


@pytest.mark.parametrize(("read", "good"), [(interaction, RECORD), (remark, REMARK)])
@given(data=st.data())
def test_spoiled_records_cost_themselves_alone(read, good, data):
    bad = data.draw(spoiled([good]))
    found = rows_of(json.dumps([good, bad, good]).encode(), JSON, read)
    assert [isinstance(found[place], Row) for place in (0, 2)] == [True, True]
    assert found[1]


@given(st.lists(st.one_of(st.binary(max_size=20), st.sampled_from([json.dumps(it).encode() for it in JUNK]))))
def test_any_lines_give_a_row_or_a_reason_each(lines):
    whole = [line for line in b"\n".join(lines).split(b"\n") if line.strip()]
    assert len(rows_of(b"\n".join(lines), NDJSON, interaction)) == len(whole)


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_moments_at_the_ends_of_time_have_a_reason(moment):
    (reason,) = rows_of(json.dumps({**RECORD, "occurred_at": moment}).encode(), JSON, interaction)
    assert "occurred_at" in reason


@given(spoiled([EXPORT]))
def test_spoiled_exports_give_spans_that_can_be_kept_or_reasons(value):
    export = read_or_refused(json.dumps(value).encode(), JSON)
    if isinstance(export, Refused):
        return
    assert all(json.loads(line)["trace"] for line in export.lines)
    assert export.rejected.total() == export.response().partial_success.rejected_spans


@given(st.binary(max_size=200))
def test_any_bytes_are_an_export_or_refused(data):
    for media in (JSON, PROTOBUF):
        assert read_or_refused(data, media)


@pytest.mark.parametrize("depth", [50, 500, 900, 5000])
def test_a_span_that_is_nested_deep_costs_itself_alone(depth):
    whole = json.dumps(SPAN)
    nested = whole[:-1] + ', "attributes": [{"key": "a", "value": ' + "[" * depth + "]" * depth + "}]}"
    body = '{"resourceSpans": [{"scopeSpans": [{"spans": [' + ",".join([whole, nested]) + "]}]}]}"
    found = read_or_refused(body.encode(), JSON)
    assert isinstance(found, Refused) or len(found.lines) + found.rejected.total() == 2


def read_or_refused(data: bytes, media: str) -> Export | Refused:
    """Anything else that happens is raised."""
    try:
        return export_of(data, media, MOMENT)
    except Refused as refused:
        return refused


def test_all_kinds_of_values_are_read_from_protobuf_as_from_json():
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.attributes.add(key="service").value.string_value = "s"
    sent = resource.scope_spans.add().spans.add(trace_id=b"\x01", span_id=b"\x02", parent_span_id=b"\x03", name="n")
    sent.start_time_unix_nano, sent.end_time_unix_nano = 1767312000000000000, 1767312000250000000
    sent.status.code, sent.status.message = 2, "no"
    values = {"s": "x", "b": True, "i": 3, "d": 1.5}
    for key, value in values.items():
        kind = {str: "string_value", bool: "bool_value", int: "int_value", float: "double_value"}[type(value)]
        setattr(sent.attributes.add(key=key).value, kind, value)
    sent.attributes.add(key="raw").value.bytes_value = b"\xff"
    sent.attributes.add(key="list").value.array_value.values.add().int_value = 1
    sent.attributes.add(key="map").value.kvlist_value.values.add(key="k").value.string_value = "v"
    sent.attributes.add(key="none")
    sent.events.add(name="e").attributes.add(key="k").value.int_value = 1
    line = line_of_both(request)
    start = datetime(2026, 1, 2, tzinfo=UTC)
    attributes = {**values, "raw": "/w==", "list": [1], "map": {"k": "v"}, "none": None}
    wanted = Span(
        "01", "02", "03", "n", start, start.replace(microsecond=250_000), attributes, {"service": "s"},
        (("e", {"k": 1}),), True, "no",
    )  # fmt: skip
    assert line == line_of_span(wanted, MOMENT)


def test_messages_that_are_objects_are_read_from_protobuf_as_from_json(store):
    request = ExportTraceServiceRequest()
    sent = request.resource_spans.add().scope_spans.add().spans.add(trace_id=b"\x01", span_id=b"\x02", name="chat")
    said = {"llm.input_messages": ("user", "q"), "llm.output_messages": ("assistant", "a")}
    for key, (role, text) in said.items():
        message = sent.attributes.add(key=key).value.array_value.values.add().kvlist_value.values
        within = message.add(key="message").value.kvlist_value.values
        within.add(key="role").value.string_value = role
        within.add(key="content").value.string_value = text
    Spool(store.path(spans.SPOOL)).append([line_of_both(request)])
    assert spans.join(store) == 1
    assert sealed(store.root).select("input", "output").rows() == [("q", "a")]


def line_of_both(request: ExportTraceServiceRequest) -> bytes:
    """What is kept of a request with one span, as protobuf and as JSON, in which ids are hexadecimal."""
    value = json_format.MessageToDict(request)
    (span,) = value["resourceSpans"][0]["scopeSpans"][0]["spans"]
    span |= {
        name: base64.b64decode(it).hex() for name, it in span.items() if name in ("traceId", "spanId", "parentSpanId")
    }
    (line,) = export_of(request.SerializeToString(), PROTOBUF, MOMENT).lines
    assert export_of(json.dumps(value).encode(), JSON, MOMENT).lines == [line]
    return line


@pytest.mark.parametrize(("limit", "status"), [("BODY_S", 408), ("BODY_BYTES", 413), ("HELD_BYTES", 503)])
def test_a_body_that_takes_too_long_or_too_much_is_refused(monkeypatch, limit, status):
    monkeypatch.setattr(bodies, limit, 0)

    async def receive() -> dict:
        if limit == "BODY_S":
            await asyncio.sleep(60)
        return {"type": "http.request", "body": b"more", "more_body": True}

    async def send() -> None:
        reader = bodies.Bodies()
        with reader.held() as body:
            await reader.fill(Request({"type": "http", "headers": []}, receive), body)

    with pytest.raises(Refused) as refused:
        asyncio.run(send())
    assert refused.value.status == status


def test_spans_are_told_to_come_back_while_too_many_wait(store, monkeypatch):
    receive = Ingest(store, Access(), Log())._traces
    export = json.dumps(EXPORT).encode()
    asyncio.run(receive(bytearray(export), JSON, ""))
    monkeypatch.setattr(spans, "FULL_BYTES", 10)
    with pytest.raises(Refused, match="spans wait to be read") as refused:
        asyncio.run(receive(bytearray(export), JSON, ""))
    assert (refused.value.status, refused.value.headers["Retry-After"]) == (503, "5")


def test_what_could_not_be_written_is_not_known_and_may_be_sent_again(store, monkeypatch):
    (row,) = rows_of(json.dumps(RECORD).encode(), JSON, interaction)
    spool = Spool(store.path("log/interactions/spool"))

    async def send() -> None:
        commit = GroupCommit(spool, Known(store))
        with monkeypatch.context() as trouble:
            trouble.setattr(Spool, "append", full)
            for found in await asyncio.gather(commit.write([row]), commit.write([row]), return_exceptions=True):
                assert isinstance(found, DiskFull)
        assert await asyncio.gather(commit.write([row]), commit.write([row])) == [[True], [False]]
        await commit.close()

    asyncio.run(send())
    assert [segment.rows for segment in seal(store, Curate())] == [1]


def full(*_):
    raise DiskFull("the disk is full", "Free some room")
