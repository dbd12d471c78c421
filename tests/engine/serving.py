"""A real `vibe log serve` in a process of its own, and how to talk to it: not a test itself."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from vibe_pipeline import settings
from vibe_pipeline.interactions.sealing import seal
from vibe_pipeline.interactions.segments import manifest, paths
from vibe_pipeline.store import Store

ROOT = Path(__file__).parents[2]

PROTOBUF = "application/x-protobuf"

NDJSON = "application/x-ndjson"

TOKEN = "a-word-between-friends"

GOOD = {"module": "m", "action": "ask", "input": "q", "output": "a"}

MAIN = "from vibe_pipeline.cli import main; main()"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Server:
    """`vibe log serve` on a free port; killed by its own id at the end."""

    def __init__(self, home: Path, *arguments: str, code: str = MAIN, **environment: str) -> None:
        self.home = home
        env = {**os.environ, "PYTHONPATH": str(ROOT), "VIBE_HOME": str(home), **environment}
        command = [sys.executable, "-c", code, "log", "serve", "--port", "0", *arguments]
        self.process = subprocess.Popen(command, cwd=home.parent, env=env, stderr=subprocess.PIPE, text=True)
        self.said = self.process.stderr.readline()
        found = re.search(r"http://\S+:(\d+)", self.said)
        if not found:
            self.process.kill()
            raise AssertionError(self.said + self.process.communicate()[1])
        self.port = int(found[1])

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def post(self, path: str, body: Any, media: str = "application/json", **headers: str) -> Answer:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.ask("POST", path, data, {"Content-Type": media, **headers})

    def ask(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Answer:
        connection = self.connection()
        try:
            connection.request(method, path, body, headers or {})
            return answered(connection)
        finally:
            connection.close()

    def stop(self, number: int = signal.SIGTERM) -> str:
        """What it said on stderr after the first line."""
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=30)
        return said


def answered(connection: http.client.HTTPConnection) -> Answer:
    response = connection.getresponse()
    return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())


@contextmanager
def serving(home: Path, *arguments: str, code: str = MAIN, **environment: str) -> Iterator[Server]:
    server = Server(home, *arguments, code=code, **environment)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.process.kill()
            server.process.communicate()


class Crowd:
    """Threads that send interactions and spans as fast as they are answered until the server is gone, and remember
    what was promised: ids of interactions, and what was asked in spans."""

    def __init__(self, server: Server, name: str = "", size: int = 6) -> None:
        self.promised: list[str] = []
        self.asked: list[str] = []
        self._server = server
        self._name = name
        self._threads = [threading.Thread(target=self._send, args=[number]) for number in range(size)]
        for thread in self._threads:
            thread.start()

    def wait_for(self, promises: int) -> None:
        while len(self.promised) < promises and self._server.process.poll() is None:
            assert any(thread.is_alive() for thread in self._threads)
            time.sleep(0.01)

    def join(self) -> list[str]:
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()
        return self.promised

    def _send(self, number: int) -> None:
        connection = self._server.connection()
        with suppress(OSError, http.client.HTTPException):
            for count in itertools.count():
                name = f"{self._name}-{number}-{count}"
                ids = [f"{name}-{each}" for each in range(3)]
                records = [{"interaction_id": it, "module": "m", "action": "a", "input": "x" * 500} for it in ids]
                if self._post(connection, "/v1/interactions", records).status == 200:
                    self.promised += ids
                if self._post(connection, "/v1/traces", export(chat(name, name, name, "a"))).status == 200:
                    self.asked.append(name)

    def _post(self, connection: http.client.HTTPConnection, path: str, body: Any) -> Answer:
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        return answered(connection)


def chat(trace: str, identity: str, question: str, answer: str) -> dict[str, Any]:
    """A span of OTLP JSON: one question and its answer."""

    def said(role: str, text: str) -> str:
        return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])

    told = {
        "gen_ai.request.model": "m",
        "gen_ai.input.messages": said("user", question),
        "gen_ai.output.messages": said("assistant", answer),
    }
    attributes = [{"key": key, "value": {"stringValue": it}} for key, it in told.items()]
    return {"traceId": trace, "spanId": identity, "name": "chat", "attributes": attributes}


def export(*sent: dict[str, Any]) -> dict[str, Any]:
    """The body of a request that brings these spans."""
    return {"resourceSpans": [{"scopeSpans": [{"spans": list(sent)}]}]}


def sealed(home: Path) -> pl.DataFrame:
    """All interactions of a home, after sealing it."""
    store = Store(home)
    seal(store, settings.Curate())
    files = paths(store, "interactions", [segment.sha for segment in manifest(store, "interactions")])
    return pl.concat([pl.read_parquet(file) for file in files]) if files else pl.DataFrame({"interaction_id": []})
