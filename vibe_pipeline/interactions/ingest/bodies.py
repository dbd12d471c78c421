"""The body of a request, within limits of size and time, unpacked.

Not here: what it says (otlp.py, items.py). Limits hold for what is sent and again for what it unpacks to.
"""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from starlette.requests import ClientDisconnect, Request

from vibe_pipeline.interactions.ingest.refusals import Refused

BODY_BYTES = 16 << 20
"""Of one request, packed and unpacked. OTLP exporters send some 512 spans at once."""

HELD_BYTES = 64 << 20
"""Of all requests that are being answered."""

BODY_S = 30.0
"""How long a body may take to come."""

BUSY_S = 1
"""After so long a client may try again."""

PACKINGS = {"gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}
"""Content-Encoding → how zlib calls it; deflate has zlib's own head, as HTTP and OTLP exporters mean it."""


class Bodies:
    """Reads bodies, and refuses more than can be held at once."""

    def __init__(self) -> None:
        self._held = 0

    @contextmanager
    def held(self) -> Iterator[bytearray]:
        """An empty body; what `fill` puts into it counts until the request is answered."""
        body = bytearray()
        try:
            yield body
        finally:
            self._held -= len(body)

    async def fill(self, request: Request, body: bytearray) -> None:
        """Everything that the client sends; Refused if that is too much or takes too long."""
        named = request.headers.get("content-length", "")
        if named.isdecimal() and int(named[:20]) > BODY_BYTES:
            raise _too_large()
        try:
            async with asyncio.timeout(BODY_S):
                async for chunk in request.stream():
                    body += chunk
                    self._held += len(chunk)
                    if len(body) > BODY_BYTES:
                        raise _too_large()
                    if self._held > HELD_BYTES:
                        raise Refused(503, "too many bytes are on their way: try again", retry_after_s=BUSY_S)
        except TimeoutError as error:
            raise Refused(408, f"the body did not come within {BODY_S:.0f} s") from error
        except ClientDisconnect as error:
            raise Refused(400, "the connection was closed before the body was there") from error


def media_of(request: Request) -> str:
    """The content type without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def require_media(media: str, known: tuple[str, ...]) -> None:
    """Refused for other content types. Browsers send the ones below across origins only if the server agrees."""
    if media not in known:
        raise Refused(415, f"content type {media[:60]!r} is not one of {', '.join(known)}")


def unpacked(body: bytes | bytearray, encoding: str) -> bytes:
    """Without its Content-Encoding; Refused where that is unknown, broken, or a bomb."""
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return bytes(body)
    if encoding not in PACKINGS:
        raise Refused(415, f"content encoding {encoding[:60]!r} is not one of {', '.join(PACKINGS)}")
    unpacking = zlib.decompressobj(PACKINGS[encoding])
    try:
        data = unpacking.decompress(body, BODY_BYTES + 1)
    except zlib.error as error:
        raise Refused(400, f"the body is not {encoding}: {error}") from error
    if len(data) > BODY_BYTES:
        raise _too_large()
    if not unpacking.eof or unpacking.unused_data:
        raise Refused(400, f"the body is not one whole {encoding} stream")
    return data


def json_of(text: bytes) -> Any:
    """The value; ValueError says in words why there is none."""
    try:
        return json.loads(text.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 at byte {error.start}") from error
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    except ValueError as error:
        raise ValueError(f"not JSON: {error}") from error


def _too_large() -> Refused:
    return Refused(413, f"the body is larger than {BODY_BYTES >> 20} MiB: send it in parts")
