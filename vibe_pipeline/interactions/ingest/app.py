"""What the server answers: who may send, which address takes what, and when a request is told to come back.

Not here: sockets and signals (server.py). A browser cannot write from a page of another origin: it may send only
text/plain and forms without asking, and those are refused; nothing here ever agrees to more. A name that another
site points at this machine (DNS rebinding) is refused as well.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import logging
import re
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from vibe_pipeline import settings
from vibe_pipeline.errors import Busy, VibeError
from vibe_pipeline.interactions.ingest import items, spans
from vibe_pipeline.interactions.ingest.bodies import BUSY_S, Bodies, media_of, require_media, unpacked
from vibe_pipeline.interactions.ingest.commit import GroupCommit, Row
from vibe_pipeline.interactions.ingest.otlp import export_of
from vibe_pipeline.interactions.ingest.refusals import JSON, PROTOBUF, Refused, answer, refusal
from vibe_pipeline.interactions.known import Known
from vibe_pipeline.interactions.spool import Spool
from vibe_pipeline.store import Store

T = TypeVar("T")

REQUESTS = 256
"""Answered at once; the next is told to come back."""

PARSERS = 2
"""Bodies read at once: each may need two hundred MB while it is."""

LATER_S = 2
"""After so long a client may try again where the disk is full, or more spans wait than can be held. OpenTelemetry's
exporter tries six times within 10 s, and gives a batch up at once where it is told to wait longer than what is left."""

JOIN_EVERY_S = 5.0

log = logging.getLogger(__name__)


def is_loopback(host: str) -> bool:
    """Whether a name or address (an IPv6 one in brackets or not) leads to this machine alone."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


@dataclass(frozen=True, slots=True)
class Access:
    """Who may send."""

    token: str | None = None
    """Asked of everybody where there is one."""
    is_local: bool = True
    """Whether only this machine reaches the server: then it must be called by a local name."""

    def check(self, request: Request) -> None:
        """Refused for everybody else."""
        host = request.headers.get("host", "localhost")  # a browser always sends one
        if self.is_local and not is_loopback(re.sub(r":\d+$", "", host)):
            raise Refused(403, f"host {host[:60]!r} is no name of this machine")
        if self.token is None:
            return
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        known = hmac.compare_digest(given.strip().encode("latin-1"), self.token.encode())
        if scheme.lower() != "bearer" or not known:
            raise Refused(401, "the bearer token is missing or wrong", headers={"WWW-Authenticate": "Bearer"})


class Ingest:
    """One home's log behind HTTP, with counts of what was taken."""

    def __init__(self, store: Store, access: Access, rules: settings.Log) -> None:
        self.counts: Counter[str] = Counter()
        self._store = store
        self._access = access
        self._rules = rules
        self._bodies = Bodies()
        self._parsers = asyncio.Semaphore(PARSERS)
        self._requests = 0
        self._coming_bytes = 0
        self._crowd = asyncio.Event()
        self._ending = threading.Event()
        self._commits = {
            "interactions": GroupCommit(Spool(store.path("log/interactions/spool")), Known(store, "interactions")),
            "remarks": GroupCommit(Spool(store.path("log/remarks/spool")), Known(store, "remarks")),
            "spans": GroupCommit(Spool(store.path(spans.SPOOL))),
        }

    def app(self) -> Starlette:
        """The ASGI application."""
        routes = [
            Route("/health", self._health, methods=["GET"]),
            Route("/v1/traces", self._guarded(self._traces, (PROTOBUF, JSON)), methods=["POST"]),
            Route("/v1/interactions", self._guarded(self._interactions, (JSON, *items.LINES)), methods=["POST"]),
            Route("/v1/remarks", self._guarded(self._remarks, (JSON, *items.LINES)), methods=["POST"]),
        ]
        return Starlette(routes=routes, exception_handlers={HTTPException: _no_such_route}, lifespan=self._lifespan)

    def _guarded(
        self, take: Callable[[bytearray, str, str], Awaitable[Response]], medias: tuple[str, ...]
    ) -> Callable[[Request], Awaitable[Response]]:
        """An endpoint that reads a body and always answers in words."""

        async def endpoint(request: Request) -> Response:
            media = media_of(request)
            self.counts["requests"] += 1
            self._requests += 1
            try:
                self._access.check(request)
                require_media(media, medias)
                if self._requests > REQUESTS:
                    raise Refused(503, f"{REQUESTS} requests are being answered: try again", retry_after_s=BUSY_S)
                with self._bodies.held() as body:
                    await self._bodies.fill(request, body)
                    return await take(body, media, request.headers.get("content-encoding", ""))
            except Refused as refused:
                return refusal(refused, media)
            except (VibeError, OSError) as error:
                log.error("nothing of a request was kept: %s", error)
                return refusal(Refused(503, f"nothing was kept: {error}", retry_after_s=LATER_S), media)
            except Exception as error:
                log.error("nothing of a request was kept: unexpected %s: %s", type(error).__name__, error)
                return refusal(Refused(500, f"nothing was kept: unexpected {type(error).__name__}"), media)
            finally:
                self._requests -= 1

        return endpoint

    async def _health(self, request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def _traces(self, body: bytearray, media: str, encoding: str) -> Response:
        with self._room(0):
            export = await self._parsed(lambda: export_of(unpacked(body, encoding), media, datetime.now(UTC)))
        with self._room(export.size):
            await self._commits["spans"].write([Row("", line) for line in export.lines])
        self.counts.update(spans=len(export.lines), rejected=export.rejected.total())
        return answer(export.response(), media)

    @contextmanager
    def _room(self, size: int) -> Iterator[None]:
        """Holds room for so many bytes of spans, because other requests write theirs meanwhile; Refused if too few."""
        waiting = spans.waiting_bytes(self._store) + self._coming_bytes + size
        if waiting > spans.CROWDED_BYTES:
            self._crowd.set()
        if waiting > spans.FULL_BYTES:
            words = f"{spans.FULL_BYTES >> 20} MiB of spans wait to be read, and more are not taken in: try again"
            raise Refused(503, words, retry_after_s=LATER_S)
        self._coming_bytes += size
        try:
            yield
        finally:
            self._coming_bytes -= size

    async def _interactions(self, body: bytearray, media: str, encoding: str) -> Response:
        rows = await self._parsed(lambda: items.rows_of(unpacked(body, encoding), media, items.interaction))
        return await self._kept("interactions", "interaction_id", rows)

    async def _remarks(self, body: bytearray, media: str, encoding: str) -> Response:
        rows = await self._parsed(lambda: items.rows_of(unpacked(body, encoding), media, items.remark))
        return await self._kept("remarks", "remark_id", rows)

    async def _parsed(self, read: Callable[[], T]) -> T:
        async with self._parsers:
            return await asyncio.to_thread(read)

    async def _kept(self, stream: str, name: str, rows: Sequence[Row | str]) -> Response:
        """What became of each item, in their order; 400 where not one of them could be kept."""
        new = iter(await self._commits[stream].write([row for row in rows if isinstance(row, Row)]))
        told = [
            {"status": "rejected", "reason": row}
            if isinstance(row, str)
            else {"status": "accepted" if next(new) else "duplicate", name: row.identity}
            for row in rows
        ]
        became = Counter(each["status"] for each in told)
        counts = {status: became[status] for status in ("accepted", "duplicate", "rejected")}
        self.counts.update({stream: counts["accepted"], "duplicate": counts["duplicate"]})
        self.counts["rejected"] += counts["rejected"]
        return JSONResponse({**counts, "items": told}, 400 if told and counts["rejected"] == len(told) else 200)

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        joining = asyncio.create_task(self._join_for_ever())
        yield
        self._ending.set()  # cancelling ends the task, and not the thread in which it joins
        joining.cancel()
        for commit in self._commits.values():
            await commit.close()

    async def _join_for_ever(self) -> None:
        """At most a tenth of the time goes into it, unless too much waits: then at once."""
        pause_s = JOIN_EVERY_S
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._crowd.wait(), pause_s)
            self._crowd.clear()
            started = time.monotonic()
            try:
                await asyncio.to_thread(spans.join, self._store, self._rules, wait_s=0, is_ending=self._ending.is_set)
            except Busy:
                continue
            except Exception as error:
                log.error("spans wait on: %s", error)
                await asyncio.sleep(JOIN_EVERY_S)
            pause_s = max(JOIN_EVERY_S, 10 * (time.monotonic() - started))


async def _no_such_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    refused = Refused(error.status_code, error.detail, headers=dict(error.headers or {}))
    return refusal(refused, media_of(request))
