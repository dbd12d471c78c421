"""What is answered when nothing was kept: a status, and words that say what to do. Retryable ones name the wait.

The body is a google.rpc.Status, as OTLP asks for, in the content type of the request.
"""

from __future__ import annotations

from typing import Any

from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from google.rpc.code_pb2 import Code
from google.rpc.status_pb2 import Status
from starlette.responses import Response

PROTOBUF = "application/x-protobuf"
JSON = "application/json"

CODES: dict[int, Any] = {
    401: Code.UNAUTHENTICATED,
    403: Code.PERMISSION_DENIED,
    404: Code.NOT_FOUND,
    405: Code.UNIMPLEMENTED,
    408: Code.DEADLINE_EXCEEDED,
    500: Code.INTERNAL,
    503: Code.UNAVAILABLE,
}
"""Every other status is INVALID_ARGUMENT."""


class Refused(Exception):
    """A request that is answered with an error."""

    def __init__(
        self, status: int, words: str, *, retry_after_s: int | None = None, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(words)
        self.status = status
        self.headers = dict(headers or {})
        if retry_after_s is not None:
            self.headers["Retry-After"] = str(retry_after_s)
        if status in (408, 413, 503):
            self.headers["Connection"] = "close"  # its body may not have been read


def answer(message: Message, media: str, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A protobuf message in the content type of the request."""
    if media == PROTOBUF:
        return Response(message.SerializeToString(), status, headers, PROTOBUF)
    return Response(MessageToJson(message, indent=None), status, headers, JSON)


def refusal(refused: Refused, media: str) -> Response:
    """The answer to a request that was refused."""
    status = Status(code=CODES.get(refused.status, Code.INVALID_ARGUMENT), message=str(refused))
    return answer(status, media, refused.status, refused.headers)
