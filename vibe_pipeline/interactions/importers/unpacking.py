"""What is packed → what it packs, in a temporary file without a name; what unpacks to far more than an export does is
not read.

What came before damage is kept. Not here: what an archive holds (archives.py), and what is packed (files.py).
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from vibe_pipeline.interactions.importers.temporary import room, temporary

GZIP = b"\x1f\x8b"

UNPACKED_AT_LEAST = 64 << 20
UNPACKED_TIMES = 100
"""An archive may unpack to so many times its size, or to the bytes above: text packs 4 to 20 times, a bomb 1000."""

CHUNK = 1 << 20

BROKEN = "the archive is damaged here (cut off?)"
TOO_BIG = "unpacks to far more than an export does (a zip bomb?)"


class Damaged(Exception):
    """It cannot be read any further; the text is the reason."""


@dataclass(frozen=True, slots=True)
class Member:
    """One file that was packed: what could be read of it, and why that is not all."""

    name: str
    file: IO[bytes]
    size: int
    reason: str | None = None

    @property
    def suffix(self) -> str:
        """As of a path."""
        return PurePosixPath(self.name).suffix


def budget_of(path: Path) -> int:
    """Bytes to which it may unpack."""
    return max(UNPACKED_AT_LEAST, UNPACKED_TIMES * path.stat().st_size)


def unpacked(name: str, chunks: Iterator[bytes], budget: int) -> Member:
    """What these chunks are together, up to where they raise Damaged; nothing of what goes beyond the budget."""
    file, size, reason = temporary(), 0, None
    try:
        for chunk in chunks:
            size += len(chunk)
            if size > budget:
                return Member(name, temporary(), 0, TOO_BIG)
            with room(f"unpacking {name}"):
                file.write(chunk)
    except Damaged as damage:
        reason = str(damage)
    file.seek(0)
    return Member(name, file, size, reason)


def gunzipped(path: Path) -> Member:
    """The one file that gzip packed."""
    name = path.stem if path.suffix.lower() == ".gz" else path.name
    return unpacked(name, _gunzip(path), budget_of(path))


def _gunzip(path: Path) -> Iterator[bytes]:
    try:
        with gzip.open(path) as stream:
            while chunk := stream.read1(CHUNK):
                yield chunk
    except (EOFError, OSError, zlib.error) as error:
        raise Damaged(BROKEN) from error
