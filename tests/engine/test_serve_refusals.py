"""Who and what `vibe log serve` refuses, in words, and what it never tells."""

import gzip
import re
import socket
import zlib

import pytest
from google.rpc.status_pb2 import Status

from tests.engine.serving import GOOD, NDJSON, PROTOBUF, TOKEN, Server, serving
from vibe_pipeline.errors import SettingsInvalid
from vibe_pipeline.interactions.ingest.server import serve
from vibe_pipeline.settings import Log


@pytest.mark.parametrize(
    ("path", "body", "media", "status", "words"),
    [
        ("/v1/traces", b"{", "application/json", 400, "not JSON"),
        ("/v1/traces", b"[]", "application/json", 400, "not an object with a list resourceSpans"),
        ("/v1/traces", b'{"resourceSpans": 3}', "application/json", 400, "not an object with a list"),
        ("/v1/traces", b'{"resource": []}', "application/json", 400, "not an object with a list"),
        ("/v1/traces", b'{"resource_spans": {}}', "application/json", 400, "not an object with a list"),
        ("/v1/traces", b"\xff\xff", PROTOBUF, 400, "no ExportTraceServiceRequest"),
        ("/v1/traces", b"{}", "text/plain", 415, "'text/plain' is not one of application/x-protobuf"),
        ("/v1/interactions", b"{}", "text/plain;charset=UTF-8", 415, "'text/plain' is not one of"),
        ("/v1/interactions", b"{}", "application/x-www-form-urlencoded", 415, "is not one of"),
        ("/v1/interactions", b"{}\n{}", "application/json", 400, "sent as application/x-ndjson"),
        ("/v1/interactions", b"[" * 100_000, "application/json", 400, "nested too deep"),
        ("/v1/interactions", b"{}\n" * 10_001, NDJSON, 413, "at most 10000"),
        ("/v1/interactions", b"[" + b"{}," * 10_000 + b"{}]", "application/json", 413, "at most 10000"),
        ("/v1/interactions", b" " * (17 << 20), "application/json", 413, "larger than 16 MiB"),
        ("/nowhere", b"{}", "application/json", 404, "Not Found"),
        ("/health", b"{}", "application/json", 405, "Method Not Allowed"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 30 else "",
)
def test_a_request_that_is_refused_gets_a_status_and_words(server, path, body, media, status, words):
    try:
        answer = server.post(path, body, media)
    except (BrokenPipeError, ConnectionResetError):
        assert status == 413  # the answer came before the body was sent
        return
    assert answer.status == status
    if media == PROTOBUF:
        assert words in Status.FromString(answer.body).message
    else:
        assert words in answer.json["message"]


@pytest.mark.parametrize(
    ("encoding", "data", "status"),
    [
        ("gzip", gzip.compress(b" " * (17 << 20)), 413),
        ("gzip", b"not gzip", 400),
        ("gzip", gzip.compress(b"{}")[:-3], 400),
        ("gzip", gzip.compress(b"{}") * 2, 400),
        ("deflate", zlib.compress(b" " * (17 << 20)), 413),
        ("deflate", zlib.compress(b"{}")[:-3], 400),
        ("br", b"{}", 415),
    ],
    ids=["bomb", "none", "cut", "two", "deflated bomb", "deflated cut", "br"],
)
def test_what_cannot_be_unpacked_is_refused(server, encoding, data, status):
    answer = server.post("/v1/interactions", data, **{"Content-Encoding": encoding})
    assert answer.status == status


def test_names_that_another_site_may_have_pointed_here_are_refused(server):
    for host, status in [("evil.example", 403), ("127.0.0.1.evil.example:4318", 403), ("localhost:1", 200)]:
        assert server.post("/v1/interactions", [], Host=host).status == status
    assert server.post("/v1/interactions", [], Host="[::1]:4318").status == 200


def test_a_browser_that_asks_is_given_no_leave(server):
    headers = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    answer = server.ask("OPTIONS", "/v1/interactions", headers=headers)
    assert answer.status == 405
    assert not any(name.startswith("access-control") for name in answer.headers)


def test_the_token_is_asked_for_and_never_told(tmp_path):
    with serving(tmp_path / "var", VIBE_TOKEN=TOKEN) as server:
        for given in (None, "Bearer wrong", f"Basic {TOKEN}", TOKEN, "Bearer ", "Bearer \xff"):
            headers = {"Authorization": given} if given else {}
            answer = server.post("/v1/interactions", GOOD, **headers)
            assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
            assert TOKEN.encode() not in answer.body
        assert server.post("/v1/interactions", GOOD, Authorization=f"bearer {TOKEN}").status == 200
        assert server.ask("GET", "/health").json == {"status": "ok"}
        assert TOKEN not in server.said + server.stop()


@pytest.mark.parametrize(
    ("host", "token", "words"),
    [
        ("0.0.0.0", None, "0.0.0.0 can be reached from other machines, and there is no token. Set VIBE_TOKEN"),
        ("::", "zwölf", "the token is empty or holds what a header cannot"),
        ("127.0.0.1", "", "the token is empty or holds what a header cannot"),
        ("203.0.113.7", "x", "port 0 of 203.0.113.7 cannot be listened on"),
        ("no-such-host.invalid", "x", "port 0 of no-such-host.invalid cannot be listened on"),
    ],
)
def test_it_does_not_start_where_it_must_not(store, host, token, words):
    with pytest.raises(SettingsInvalid, match=re.escape(words)) as refused:
        serve(store, host, 0, token, Log(), ready=pytest.fail)
    assert "zwölf" not in str(refused.value)


def test_a_port_that_is_taken_is_one_line_and_1(server):
    with pytest.raises(AssertionError) as refused:
        Server(server.home, "--port", str(server.port))
    lines = [line for line in str(refused.value).splitlines() if line.startswith("vibe: ")]
    assert lines[0].startswith(f"vibe: port {server.port} of 127.0.0.1 cannot be listened on: Address already in use.")


def trickle(connection: socket.socket) -> None:
    for _ in range(10_000):
        connection.sendall(b"X: " + b"y" * 1000 + b"\r\n")


def test_slow_and_endless_heads_are_cut_off(server):
    slow = socket.create_connection(("127.0.0.1", server.port))
    slow.sendall(b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\n")
    with socket.create_connection(("127.0.0.1", server.port)) as endless:
        endless.sendall(b"GET /health HTTP/1.1\r\n")
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            trickle(endless)
    slow.settimeout(20)
    with slow:
        assert slow.recv(1) == b""
    assert server.ask("GET", "/health").status == 200
