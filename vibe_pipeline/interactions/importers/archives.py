"""Zip archives as services hand them out: the JSON files inside, read in place.

Nothing is ever extracted: a member's name is a label and no path, so that ".." or "/etc" in it means nothing. What
unpacks to far more than an export does is not read. An archive that is cut off has lost the list of its members,
which stands at its end; they are then found by their own headers. Not here: what the members hold (files.py).
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")

MEMBER_SUFFIXES = (".json", ".jsonl", ".ndjson")

UNPACKED_AT_LEAST = 64 << 20
UNPACKED_TIMES = 100
"""An archive may unpack to so many times its size, or to the bytes above: text packs 4 to 20 times, a bomb 1000."""

CHUNK = 1 << 20

HEADER = struct.Struct("<4s5H3I2H")
"""Of a member, before its data: signature, version, flags, method, time, date, checksum, sizes, lengths of names."""

BROKEN = "the archive is damaged here (cut off?)"
TOO_BIG = "unpacks to far more than an export does (a zip bomb?)"


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive: what could be read of it, and why that is not all."""

    name: str
    data: bytes
    reason: str | None = None

    @property
    def suffix(self) -> str:
        """As of a path."""
        return PurePosixPath(self.name).suffix


def is_archive(start: bytes) -> bool:
    """Whether a file that starts so is a zip archive."""
    return start.startswith(SIGNATURES)


def members(path: Path) -> Iterator[Member]:
    """The JSON files of an archive in order; one that cannot be read costs itself."""
    budget = max(UNPACKED_AT_LEAST, UNPACKED_TIMES * path.stat().st_size)
    try:
        archive = zipfile.ZipFile(path)
        infos = [info for info in archive.infolist() if not info.is_dir() and _is_wanted(info.filename)]
    except Exception:  # zipfile raises what the damage happens to lead to: struct.error, IndexError, UnicodeDecodeError
        yield from _cut_off(path, budget)
        yield Member(path.name, b"", BROKEN)
        return
    with archive:
        for info in infos:
            member = _member(archive, info, budget)
            budget -= len(member.data)
            yield member


def _is_wanted(filename: str) -> bool:
    name = PurePosixPath(filename)
    is_hidden = name.name.startswith(".") or "__MACOSX" in name.parts
    return not is_hidden and name.suffix.lower() in MEMBER_SUFFIXES


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, budget: int) -> Member:
    data = io.BytesIO()
    try:
        with archive.open(info) as stream:
            # The last byte alone: with it comes the checksum's verdict, which would take its whole chunk along.
            while chunk := stream.read(max(1, min(CHUNK, info.file_size - 1 - data.tell()))):
                if data.tell() + len(chunk) > budget:
                    return Member(info.filename, b"", TOO_BIG)
                data.write(chunk)
    except Exception as error:  # a bad checksum, an unknown or broken compression, a password
        needs_password = isinstance(error, RuntimeError) and bool(info.flag_bits & 1)
        return Member(info.filename, data.getvalue(), "needs a password" if needs_password else BROKEN)
    return Member(info.filename, data.getvalue())


def _cut_off(path: Path, budget: int) -> Iterator[Member]:
    """What can be unpacked of the members of an archive without its list, each from its own header on."""
    data = path.read_bytes()
    position = data.find(SIGNATURES[0])
    while 0 <= position <= len(data) - HEADER.size:
        _, _, flags, method, _, _, _, packed, _, name_length, extra_length = HEADER.unpack_from(data, position)
        start = position + HEADER.size + name_length
        name = data[position + HEADER.size : start].decode("utf-8", "replace")
        start += extra_length
        if _is_wanted(name) and not flags & 1 and method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            content = data[start : start + packed] if method == zipfile.ZIP_STORED else _inflated(data, start, budget)
            if content is None:
                yield Member(name, b"", TOO_BIG)
            else:
                budget -= len(content)
                yield Member(name, content)
        position = data.find(SIGNATURES[0], position + 4)


def _inflated(data: bytes, start: int, budget: int) -> bytes | None:
    """What a packed stream gives before it ends or breaks off; None where it is more than the budget."""
    stream, found = zlib.decompressobj(-zlib.MAX_WBITS), io.BytesIO()
    try:
        while not stream.eof and start < len(data):
            found.write(stream.decompress(data[start : start + CHUNK], budget - found.tell() + 1))
            start += CHUNK
            if found.tell() > budget:
                return None
    except zlib.error:
        pass  # what came before is kept
    return found.getvalue()
