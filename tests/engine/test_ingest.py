"""Whatever is sent ends as rows, as reasons or as a refusal, and never as anything else."""

import asyncio
import base64
import gzip
import json
import zlib
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
from vibe_pipeline.interactions.ingest import bodies, otlp, spans, values
from vibe_pipeline.interactions.ingest.app import Access, Ingest
from vibe_pipeline.interactions.ingest.commit import GroupCommit, Row
from vibe_pipeline.interactions.ingest.items import interaction, remark, rows_of
from vibe_pipeline.interactions.ingest.otlp import Export, export_of
from vibe_pipeline.interactions.ingest.refusals import JSON, PROTOBUF, Refused
from vibe_pipeline.interactions.ingest.spans import line_of_span
from vibe_pipeline.interactions.known import Known
from vibe_pipeline.interactions.sealing import seal
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


@pytest.mark.parametrize(("encoding", "pack"), [("", bytes), ("gzip", gzip.compress), ("Deflate", zlib.compress)])
def test_a_body_is_unpacked_as_exporters_pack_it(encoding, pack):
    assert bodies.unpacked(pack(b"{}"), encoding) == b"{}"


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
    assert (refused.value.status, refused.value.headers["Retry-After"]) == (503, "2")


def test_what_is_sent_at_the_same_time_does_not_exceed_what_may_wait(store, monkeypatch):
    receive, data = Ingest(store, Access(), Log())._traces, json.dumps(EXPORT).encode()
    limit = export_of(data, JSON, MOMENT).size * 7 // 2
    monkeypatch.setattr(spans, "FULL_BYTES", limit)

    async def send() -> list:
        return await asyncio.gather(*(receive(bytearray(data), JSON, "") for _ in range(8)), return_exceptions=True)

    answers = asyncio.run(send())
    assert sorted(getattr(it, "status", 0) or it.status_code for it in answers) == [200] * 3 + [503] * 5
    assert spans.waiting_bytes(store) <= limit


def test_what_a_resource_says_is_counted_with_each_of_its_spans(monkeypatch):
    monkeypatch.setattr(otlp, "FULL_BYTES", 10_000)
    said = {"attributes": [{"key": "k", "value": {"stringValue": "x" * 3000}}]}
    few, many = ({"resourceSpans": [{"resource": said, "scopeSpans": [{"spans": [SPAN] * n}]}]} for n in (2, 4))
    assert len(export_of(json.dumps(few).encode(), JSON, MOMENT).lines) == 2
    with pytest.raises(Refused, match="send them in parts") as refused:
        export_of(json.dumps(many).encode(), JSON, MOMENT)
    assert refused.value.status == 413


def message(number: int, content: bytes) -> bytes:
    """A field of protobuf that holds a message of less than 16 KiB."""
    size = len(content)
    return bytes([number << 3 | 2, size & 127 | 128, size >> 7]) + content


MANY = 4000
BOMBS = {
    "resources": (PROTOBUF, b"\x0a\x00" * MANY),
    "spans": (PROTOBUF, message(1, message(2, b"\x12\x00" * MANY))),
    "attributes": (PROTOBUF, message(1, message(2, message(2, b"\x4a\x00" * MANY)))),
    "unknown numbers": (PROTOBUF, b"\xa0\x06\x01" * MANY),
    "objects": (JSON, b'{"resourceSpans": [' + b"{}," * MANY + b"{}]}"),
    "lists": (JSON, b'{"resourceSpans": [' + b"[]," * MANY + b"[]]}"),
    "numbers after a text": (JSON, b'{"a": "\\\\", "resourceSpans": [' + b"1," * MANY + b"1]}"),
}


@pytest.mark.parametrize(("media", "data"), BOMBS.values(), ids=BOMBS)
def test_more_values_than_can_be_read_are_refused_before_they_are_built(monkeypatch, media, data):
    monkeypatch.setattr(values, "VALUES", MANY - 1)
    monkeypatch.setattr(otlp.ExportTraceServiceRequest, "FromString", pytest.fail, raising=False)
    monkeypatch.setattr(bodies.json, "loads", pytest.fail)
    reads = [lambda: export_of(data, media, MOMENT)]
    reads += [lambda: rows_of(data, JSON, interaction)] if media == JSON else []
    for read in reads:
        with pytest.raises(Refused, match="more than 3999 values") as refused:
            read()
        assert refused.value.status == 413


def test_spans_that_are_too_many_and_cost_few_values_are_refused(monkeypatch):
    monkeypatch.setattr(otlp, "SPANS", 1)
    with pytest.raises(Refused, match="more than 1 spans in one request") as refused:
        export_of(json.dumps(EXPORT).encode(), JSON, MOMENT)
    assert refused.value.status == 413


def test_json_in_the_texts_of_spans_is_counted_before_it_is_read(monkeypatch):
    monkeypatch.setattr(values, "VALUES", MANY - 1)
    monkeypatch.setattr(otlp, "tells", pytest.fail)
    said = {"key": "gen_ai.input.messages", "value": {"stringValue": " [" + "{}," * MANY + "{}]"}}
    for span in ({**SPAN, "attributes": [said]}, {**SPAN, "attributes": [], "events": [{"attributes": [said]}]}):
        data = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()
        with pytest.raises(Refused, match="more than 3999 values"):
            export_of(data, JSON, MOMENT)


def test_json_in_the_extra_of_a_spools_line_is_counted_before_it_is_read(monkeypatch):
    monkeypatch.setattr(values, "VALUES", MANY - 1)
    line = {**RECORD, "schema_version": 1, "extra": '{"a": [' + "{}," * MANY + "{}]}"}
    with pytest.raises(Refused, match="more than 3999 values"):
        rows_of(json.dumps(line).encode(), JSON, interaction)


def test_what_stands_in_a_text_counts_for_nothing(monkeypatch):
    monkeypatch.setattr(values, "VALUES", 100)
    text = '{"a": [1, 2]}, \\" ' * 50
    (row,) = rows_of(json.dumps({**RECORD, "input": text}).encode(), JSON, interaction)
    assert json.loads(row.line)["input"] == text


def test_exports_as_large_as_exporters_send_are_taken():
    request = ExportTraceServiceRequest()
    sent = request.resource_spans.add().scope_spans.add().spans
    for number in range(512):
        span = sent.add(trace_id=b"t" * 16, span_id=number.to_bytes(8))
        for key in range(128):
            span.attributes.add(key=f"gen_ai.prompt.{key}.role").value.string_value = "user"
    data = request.SerializeToString()
    assert len(data) > 2 * values.VALUES  # so that it is counted
    assert len(export_of(data, PROTOBUF, MOMENT).lines) == 512


SPELT = json.dumps(EXPORT).replace("resourceSpans", "resource_spans").replace("scopeSpans", "scope_spans")
SPELT = SPELT.replace("traceId", "trace_id").replace("spanId", "span_id")


@pytest.mark.parametrize(
    ("body", "count"), [(SPELT, 2), ("{}", 0), ('{"resourceSpans": null}', 0), ('{"resourceSpans": [], "later": 1}', 0)]
)
def test_a_batch_is_taken_in_both_spellings_and_may_be_empty(body, count):
    export = export_of(body.encode(), JSON, MOMENT)
    assert (len(export.lines), export.rejected.total()) == (count, 0)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("input", True, "cannot log input = true: it is not a string"),
        ("success", "yes", 'cannot log success = "yes": it is not true, false or nothing'),
        ("extra", [None], "cannot log extra = [null]: it is not a JSON object"),
        ("occurred_at", "2024-01-01", "cannot log occurred_at = 2024-01-01T00:00:00: it is not a datetime with a time"),
        ("occurred_at", False, "occurred_at = false is no time in ISO 8601"),
    ],
)
def test_reasons_are_words_for_programs_in_any_language(field, value, reason):
    (told,) = rows_of(json.dumps({**RECORD, field: value}).encode(), JSON, interaction)
    assert told.startswith(reason)


def test_a_program_that_names_no_host_is_no_page_of_another_site():
    assert Access().check(Request({"type": "http", "headers": []})) is None
    with pytest.raises(Refused, match="no name of this machine"):
        Access().check(Request({"type": "http", "headers": [(b"host", b"another.site")]}))


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
