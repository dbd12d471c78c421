"""`vibe log serve`: the socket, what a connection may cost, and an end that loses nothing.

Not here: what is answered (app.py). On SIGTERM or SIGINT nothing new is taken, what has begun is answered once it
is on the disk, and the counts are returned.
"""

from __future__ import annotations

import asyncio
import re
import signal
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from vibe_pipeline import settings
from vibe_pipeline.errors import SettingsInvalid
from vibe_pipeline.interactions.ingest.app import Access, Ingest, is_loopback
from vibe_pipeline.interactions.ingest.bodies import BODY_S
from vibe_pipeline.store import Store

CONNECTIONS = 768
"""Well below the usual 1024 open files. For one more, one that is idle has to go."""

HEAD_S = 5.0
"""How long the head of a request may take to come."""

HEAD_BYTES = 64 << 10

IDLE_S = 30
"""How long a connection may wait between requests: longer than exporters do."""


def serve(
    store: Store, host: str, port: int, token: str | None, rules: settings.Log, *, ready: Callable[[str], None]
) -> Counter[str]:
    """Serve until a signal ends it; `ready` is told the URL. SettingsInvalid where host, port or token will not do."""
    is_local = is_loopback(host)
    if token is None and not is_local:
        what = f"{host} can be reached from other machines, and there is no token"
        raise SettingsInvalid(what, "Set VIBE_TOKEN, or leave out --host")
    if token is not None and not re.fullmatch(r"[!-~]+", token):
        raise SettingsInvalid("the token is empty or holds what a header cannot", "Use letters and digits")
    ingest = Ingest(store, Access(token, is_local), rules)
    with _listening(host, port) as listening:
        config = uvicorn.Config(
            ingest.app(),
            http=_Connection,
            ws="none",
            lifespan="on",
            log_config=None,
            log_level="critical",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=IDLE_S,
            timeout_graceful_shutdown=int(BODY_S) + 5,
        )
        name = f"[{host}]" if ":" in host else host
        url = f"http://{name}:{listening.getsockname()[1]}"
        _Server(config, lambda: ready(url)).run(sockets=[listening])
    return ingest.counts


class _Server(uvicorn.Server):
    """uvicorn raises the signal again once it has shut down; here a signal is the ordinary end."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class _Connection(HttpToolsProtocol):
    """uvicorn bounds neither the time nor the size of a request's head."""

    _deadline: asyncio.TimerHandle | None = None
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()
        if len(self.connections) > CONNECTIONS:
            others = (it for it in self.connections if it is not self and isinstance(it, _Connection))
            next((it for it in others if it.is_idle), self).transport.close()

    @property
    def is_idle(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_came()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self._await_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._head_came()
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._deadline is not None:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self.transport.close()

    def _await_head(self) -> None:
        if self._deadline is None:
            self._head_bytes = 0
            self._deadline = self.loop.call_later(HEAD_S, self.transport.close)

    def _head_came(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=CONNECTIONS)
    except OSError as error:
        words = str(error.strerror or error).partition(" (while")[0]  # Python adds the address once more
        what = f"port {port} of {host} cannot be listened on: {words}"
        raise SettingsInvalid(what, "End what uses it, or choose another with --port") from error
