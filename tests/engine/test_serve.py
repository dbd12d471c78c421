"""`vibe log serve` as a sender meets it: a real process, a real port, real exporters."""

import gzip
import json
import select
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from tests.engine.serving import GOOD, MAIN, NDJSON, PROTOBUF, TOKEN, Crowd, chat, export, sealed, serving
from vibe_pipeline.interactions.ingest import spans
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.store import Store

JOINS_ALL_THE_TIME = f"""
from vibe_pipeline.interactions.ingest import app, spans
app.JOIN_EVERY_S = spans.SETTLED_S = 0.01
{MAIN}"""
"""What is sent is joined while more comes, and not seconds later."""


def joined(home) -> list[tuple[str, str]]:
    """Question and answer of everything in the log, with all spans read."""
    spans.join(Store(home), now=datetime.now(UTC) + timedelta(days=1))
    return sorted(sealed(home).select("input", "output").rows())


def asked_in(home) -> list[str]:
    """What was asked in spans, all of which are read now."""
    return [asked for asked, answer in joined(home) if answer]


def test_one_record_a_list_and_lines_are_kept_and_named(server):
    one = server.post("/v1/interactions", GOOD)
    assert (one.status, one.json["accepted"]) == (200, 1)
    two = server.post("/v1/interactions", [{**GOOD, "interaction_id": f"list {n}"} for n in range(2)])
    assert [it["interaction_id"] for it in two.json["items"]] == ["list 0", "list 1"]
    lines = b"\n".join(json.dumps({**GOOD, "interaction_id": f"line {n}"}).encode() for n in range(2))
    three = server.post("/v1/interactions", gzip.compress(lines), NDJSON, **{"Content-Encoding": "gzip"})
    assert three.json["accepted"] == 2
    ids = {it["interaction_id"] for answer in (one, two, three) for it in answer.json["items"]}
    assert len(ids) == 5
    assert ids <= set(sealed(server.home)["interaction_id"])


def test_all_fields_of_the_logger_are_taken(server):
    full = {
        **GOOD,
        "interaction_id": "full",
        "conversation_id": "c",
        "turn": 3,
        "occurred_at": "2026-01-02T03:04:05.000006+02:00",
        "success": False,
        "error_type": "E",
        "user": "u",
        "feedback": 0.5,
        "improvements": ["better"],
        "learnings": ["more"],
        "model_id": "m",
        "latency_ms": 2,
        "source": "s",
        "extra": {"k": 1},
    }
    assert server.post("/v1/interactions", full).status == 200
    row = next(row for row in sealed(server.home).iter_rows(named=True) if row["interaction_id"] == "full")
    wanted = full | {"occurred_at": datetime(2026, 1, 2, 1, 4, 5, 6, tzinfo=UTC), "extra": '{"k": 1}'}
    assert row == wanted


def test_the_lines_of_a_spool_are_taken_as_they_are(server, tmp_path):
    logger = InteractionLogger(tmp_path)
    identity = logger.log(**GOOD, extra={"k": [1]}, latency_ms=2)
    logger.feedback(identity, 1)
    for stream in ("interactions", "remarks"):
        (line,) = (path.read_bytes() for path in tmp_path.glob(f"log/{stream}/spool/*"))
        assert server.post(f"/v1/{stream}", line, NDJSON).json["accepted"] == 1
    (row,) = sealed(server.home).filter(interaction_id=identity).rows(named=True)
    assert (row["output"], row["extra"], row["source"]) == ("a", '{"k": [1]}', "logger")
    newer = server.post("/v1/interactions", {**GOOD, "schema_version": 99})
    assert (newer.status, "this program takes" in newer.json["items"][0]["reason"]) == (400, True)


def test_a_bad_record_costs_itself_and_the_answer_says_why(server):
    lines = [{**GOOD, "interaction_id": "neighbour"}, {"module": "m"}, {**GOOD, "input": 3}, [1]]
    lines += [{**GOOD, "mood": 1}, {**GOOD, "occurred_at": "2026-01-01"}, {**GOOD, "occurred_at": "soon"}]
    data = b"\n".join([*(json.dumps(line).encode() for line in lines), b"{", b"\xff"])
    answer = server.post("/v1/interactions", data, NDJSON)
    assert answer.status == 200
    assert (answer.json["accepted"], answer.json["rejected"]) == (1, 8)
    reasons = [it.get("reason", "") for it in answer.json["items"]]
    wanted = ["", "action, input is missing", "cannot log input = 3", "not an object", "unknown field 'mood'"]
    wanted += ["cannot log occurred_at", "no time in ISO 8601", "not JSON", "not UTF-8"]
    assert all(part in reason for part, reason in zip(wanted, reasons, strict=True)), reasons
    assert "neighbour" in set(sealed(server.home)["interaction_id"])
    assert server.post("/v1/interactions", {"module": "m"}).status == 400


def test_what_is_sent_again_is_a_duplicate_also_after_a_restart(tmp_path):
    for wanted in ("accepted", "duplicate"):
        with serving(tmp_path / "var") as server:
            answer = server.post("/v1/interactions", [{**GOOD, "interaction_id": "i"}] * 2)
            assert [it["status"] for it in answer.json["items"]] == [wanted, "duplicate"]
            server.stop()
    assert sealed(tmp_path / "var").height == 1


def test_remarks_are_kept_and_those_without_what_they_need_are_not(server):
    remarks = [
        {"interaction_id": "i", "kind": "feedback", "score": 1, "text": "fine"},
        {"interaction_id": "i", "kind": "improvement", "text": "shorter"},
        {"interaction_id": "i", "kind": "feedback"},
        {"interaction_id": "i", "kind": "praise", "text": "?"},
        {"kind": "learning", "text": "of what?"},
        {"interaction_id": "i", "kind": ["feedback"], "score": 1},
    ]
    answer = server.post("/v1/remarks", remarks)
    assert (answer.status, answer.json["accepted"], answer.json["rejected"]) == (200, 2, 4)
    sealed(server.home)
    kept = pl.read_parquet(server.home / "log/remarks/segments/*/*.parquet")
    assert kept.filter(interaction_id="i")["text"].sort().to_list() == ["fine", "shorter"]


def test_the_real_exporter_is_understood(tmp_path, monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    with serving(tmp_path / "var", VIBE_TOKEN=TOKEN) as server:
        exporter = OTLPSpanExporter(
            endpoint=f"http://127.0.0.1:{server.port}/v1/traces", headers={"authorization": f"Bearer {TOKEN}"}
        )
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        tracer = provider.get_tracer("test")
        with tracer.start_as_current_span("agent"):
            for number in range(2):
                with tracer.start_as_current_span("chat") as each:
                    sent = chat("", "", f"q{number}", f"a{number}")["attributes"]
                    each.set_attributes({it["key"]: it["value"]["stringValue"] for it in sent})
        provider.shutdown()
        said = server.stop()
    assert "3 spans taken" in said
    assert joined(tmp_path / "var") == [("q0", "a0"), ("q1", "a1")]


def test_protobuf_and_json_are_the_same_spans(server):
    trace, identity = "0123456789abcdef0123456789abcdef", "0123456789abcdef"
    told = chat(trace.upper(), identity.upper(), "same?", "same")
    request = ExportTraceServiceRequest()
    sent = (
        request.resource_spans.add()
        .scope_spans.add()
        .spans.add(trace_id=bytes.fromhex(trace), span_id=bytes.fromhex(identity), name="chat")
    )
    for it in told["attributes"]:
        sent.attributes.add(key=it["key"]).value.string_value = it["value"]["stringValue"]
    first = server.post("/v1/traces", export(told))
    assert (first.status, first.headers["content-type"], first.json) == (200, "application/json", {})
    second = server.post("/v1/traces", request.SerializeToString(), PROTOBUF)
    assert (second.status, second.headers["content-type"], second.body) == (200, PROTOBUF, b"")
    assert joined(server.home).count(("same?", "same")) == 1


def test_spans_that_say_nothing_usable_are_rejected_with_reasons(server):
    answer = server.post("/v1/traces", export(chat("t", "s1", "q", "a"), {"name": "nobody"}, 7))
    assert answer.status == 200
    assert answer.json["partialSuccess"]["rejectedSpans"] == "2"
    words = answer.json["partialSuccess"]["errorMessage"]
    assert "without traceId and spanId" in words
    assert "not an object" in words


def test_spans_of_models_without_content_bring_a_warning(server):
    request = ExportTraceServiceRequest()
    sent = request.resource_spans.add().scope_spans.add().spans.add(trace_id=b"t" * 16, span_id=b"s" * 8)
    sent.attributes.add(key="gen_ai.request.model").value.string_value = "m"
    answer = server.post("/v1/traces", request.SerializeToString(), PROTOBUF)
    told = ExportTraceServiceResponse.FromString(answer.body).partial_success
    assert (told.rejected_spans, "many instrumentations leave it out" in told.error_message) == (0, True)


FEW_CONNECTIONS = f"from vibe_pipeline.interactions.ingest import server; server.CONNECTIONS = 8; {MAIN}"


def test_idle_connections_lock_nobody_out(tmp_path):
    with serving(tmp_path / "var", code=FEW_CONNECTIONS) as server, ExitStack() as idle:
        for _ in range(40):
            idle.enter_context(socket.create_connection(("127.0.0.1", server.port)))
        assert server.ask("GET", "/health").status == 200


def test_more_than_can_be_held_is_told_to_come_back_and_then_taken(server):
    head = b"POST /v1/interactions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    stuck = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(5)]
    for connection in stuck:  # 75 MiB that do not end
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(head + b"Content-Length: %d\r\n\r\n" % (16 << 20) + b" " * (15 << 20))
    answered, _, _ = select.select(stuck, [], [], 20)  # whichever was the one too many
    told = [connection.recv(12) for connection in answered]
    for connection in stuck:
        connection.close()
    assert told == [b"HTTP/1.1 503"]
    assert server.post("/v1/interactions", GOOD).status == 200


def test_many_at_once_are_all_kept_once(server):
    def send(number: int) -> list[str]:
        ids = [f"many {number} {each}" for each in range(20)]
        answer = server.post("/v1/interactions", [{**GOOD, "interaction_id": it} for it in ids])
        return [it["interaction_id"] for it in answer.json["items"] if it["status"] == "accepted"]

    with ThreadPoolExecutor(12) as pool:
        promised = [identity for ids in pool.map(send, [*range(40), *range(40)]) for identity in ids]
    assert len(promised) == len(set(promised)) == 800
    found = sealed(server.home)["interaction_id"]
    assert set(promised) <= set(found)
    assert found.is_unique().all()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_under_load_ends_it_in_a_sentence_and_without_loss(tmp_path, number):
    with serving(tmp_path / "var") as server:
        crowd = Crowd(server)
        crowd.wait_for(60)
        said = server.stop(number)
        promised = crowd.join()
    assert server.process.returncode == 0, said
    assert sorted(sealed(tmp_path / "var")["interaction_id"]) == sorted(promised)
    told = f"{len(promised)} interactions, 0 remarks, {len(crowd.asked)} spans taken; 0 duplicates, 0 rejected."
    assert told in said
    assert len(said.splitlines()) == 1
    assert asked_in(tmp_path / "var") == sorted(crowd.asked)


def test_a_kill_under_load_breaks_no_promise(tmp_path):
    home = tmp_path / "var"
    promised: list[str] = []
    asked: list[str] = []
    for life in range(3):
        with serving(home, code=JOINS_ALL_THE_TIME) as server:
            crowd = Crowd(server, f"life {life}")
            crowd.wait_for(90)
            time.sleep(0.05 * life)
            server.stop(signal.SIGKILL)
            promised += crowd.join()
            asked += crowd.asked
    assert set(asked) <= set(asked_in(home))
    found = sealed(home)["interaction_id"]
    assert len(promised) >= 3 * 90
    assert set(promised) <= set(found)
    assert found.is_unique().all()


def test_a_full_disk_is_retryable_and_what_follows_is_kept(small_disk):
    with serving(small_disk / "var") as server:
        big = {**GOOD, "output": "x" * 900_000}
        answers = [server.post("/v1/interactions", {**big, "interaction_id": f"{n}"}) for n in range(12)]
        full = next(answer for answer in answers if answer.status != 200)
        assert (full.status, full.headers["retry-after"]) == (503, "2")
        assert "the disk is full" in full.json["message"]
        server.stop()
    kept = [json.loads(line) for path in small_disk.rglob("*.jsonl") for line in path.open(encoding="utf-8")]
    wanted = {it["interaction_id"] for answer in answers if answer.status == 200 for it in answer.json["items"]}
    assert {line["interaction_id"] for line in kept} == wanted
