"""The files of a zip, read where it lies: nothing is unpacked, so that the names in it lead nowhere.

A zip keeps its table of contents at its end. Where that is lost (cut off), the files are found by the header in front
of each; the one that was cut off is named with its reason. What is in a file is no business of this one.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

MAGIC = b"PK\x03\x04"
HEADER = struct.Struct("<4sHHHHHLLLHH")
STORED, DEFLATED = 0, 8
LATER = 8
"""The flag that sizes and checksum come after the content."""

LIMIT = 1 << 28
"""Of one file, unpacked: a zip can hold a thousand times its size."""

BROKEN = "a file in a zip that cannot be read (cut off?)"
TOO_LARGE = "a file in a zip that is larger than 256 MiB"
UNKNOWN = "a file in a zip that is encrypted or packed in an unknown way"

ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, struct.error, IndexError)

File = tuple[str, bytes, str | None]
"""(name, content, the reason why there is none)."""


def contents(path: Path) -> Iterator[File]:
    """Every file, folders left out."""
    try:
        archive = zipfile.ZipFile(path)
    except (*ERRORS, NotImplementedError):
        yield from _found(path.read_bytes())
        return
    with archive:
        for entry in archive.infolist():
            if not entry.is_dir():
                yield _unpacked(archive, entry)


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> File:
    try:
        with archive.open(entry) as file:
            content = file.read(LIMIT + 1)
    except (NotImplementedError, RuntimeError):
        return entry.filename, b"", UNKNOWN
    except ERRORS:
        return entry.filename, b"", BROKEN
    return (entry.filename, b"", TOO_LARGE) if len(content) > LIMIT else (entry.filename, content, None)


def _found(data: bytes) -> Iterator[File]:
    """By the headers in front of the files."""
    position, names = data.find(MAGIC), 0
    while position >= 0 and len(data) - position >= HEADER.size:
        _, _, flags, method, _, _, checksum, size, _, name_size, extra_size = HEADER.unpack_from(data, position)
        start = position + HEADER.size + name_size + extra_size
        name = data[position + HEADER.size : position + HEADER.size + name_size].decode("utf-8", "replace")
        names += 1
        if method == DEFLATED:
            content, end = _inflated(data, start)
        elif method == STORED and not flags & LATER:
            content, end = data[start : start + size], start + size
        else:
            content, end = None, start
        if content is None:
            yield name, b"", UNKNOWN if method not in (STORED, DEFLATED) else BROKEN
        elif end > len(data) or (not flags & LATER and zlib.crc32(content) != checksum):
            yield name, b"", BROKEN
        elif not name.endswith("/"):
            yield name, content, None
        position = data.find(MAGIC, max(end, position + 4))
    if not names:
        yield "", b"", BROKEN


def _inflated(data: bytes, start: int) -> tuple[bytes | None, int]:
    """(the content, where it ends); no content if it does not end."""
    packed = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        content = packed.decompress(data[start:], LIMIT)
    except zlib.error:
        return None, start
    return (content, len(data) - len(packed.unused_data)) if packed.eof else (None, start)
