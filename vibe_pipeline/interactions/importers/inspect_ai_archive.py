"""The zip in which inspect_ai keeps a log (.eval): a header, and each sample in one file or in chunks.

A chunked sample is a folder: sample.json says which of its messages are the conversation, and its messages, events and
attachments follow in files that are named by the number of their first. It becomes the sample that the one file holds.
A zip is read where it lies and nothing of it is written anywhere, so that the names in it cannot lead out of a folder;
one that was cut off gives the samples that are whole.

Not here: what a sample tells (inspect_ai.py) and zips (archives.py).
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from vibe_pipeline.interactions.importers.archives import Member, is_archive, members
from vibe_pipeline.interactions.importers.fields import Row, list_of, row_of
from vibe_pipeline.interactions.importers.files import File
from vibe_pipeline.interactions.importers.raw import NOT_JSON, NOT_UTF8, TOO_DEEP, Raw
from vibe_pipeline.interactions.lines import repaired

HEADERS = ("header.json", "_journal/start.json")

CHUNKED = re.compile(r"(samples/.+_epoch_\d+)/(.+)\.json", re.DOTALL)
"""A file of a chunked sample: whose, and which."""

CHUNK = re.compile(r"(messages|events|attachments)/(\d{1,15})")
SHELL = "sample"

INCOMPLETE = "a sample of which some messages are not in the archive (cut off?)"


def opens(file: File, start: bytes) -> bool:
    """Whether it is a zip with the files of a log in it; what is called .eval is one, however broken."""
    if not is_archive(start):
        return False
    return file.path.suffix.lower() == ".eval" or b"_journal/" in start


def records(file: File) -> Iterator[Raw]:
    """One record a sample, with what the log says of all of them."""
    log = {"eval": {}, **_log(file.path)}
    is_empty = True
    for whose, several in groupby(members(file.path), key=_whose):
        if isinstance(whose, str):
            text, sample, reason = _chunked(several)
        elif whose.reason is not None or (whose.name.startswith("samples/") and whose.suffix == ".json"):
            text, sample, reason = _whole(whose)
        else:
            continue
        is_empty = False
        yield Raw(text, None if reason else log | {"samples": [sample]}, reason)
    if is_empty:
        yield Raw(file.path.name, log | {"samples": []})


def _log(path: Path) -> Row:
    """What a zip says of all its samples; it stands behind them, so the archive is read once more for it."""
    headers = {
        it.name: row_of(_json(it.file.read())[0]) for it in members(path) if it.name in HEADERS and not it.reason
    }
    header = next((headers[name] for name in HEADERS if "eval" in headers.get(name, {})), {})
    return {key: header[key] for key in ("eval", "status") if key in header}


def _whose(member: Member) -> str | Member:
    """The folder of the chunked sample that it is of, or the file itself."""
    match = CHUNKED.fullmatch(member.name)
    return match[1] if match else member


def _whole(member: Member) -> tuple[str, Any, str | None]:
    """(text, sample, why it cannot be read)."""
    if member.reason is not None:
        return member.name, None, member.reason
    content = member.file.read()
    sample, reason = _json(content)
    return repaired(content.decode("utf-8", "replace")), sample, reason


def _chunked(several: Iterator[Member]) -> tuple[str, Any, str | None]:
    """As above, of all files of one sample; those that tell nothing of the conversation are left alone."""
    texts: list[str] = []
    shell: Row = {}
    found: dict[str, dict[int, Any]] = defaultdict(dict)
    why: str | None = None
    for member in several:
        match = CHUNKED.fullmatch(member.name)
        part = match[2] if match else ""
        chunk = CHUNK.fullmatch(part)
        if not chunk and part != SHELL:
            continue
        text, value, reason = _whole(member)
        texts.append(text)
        why = why or reason
        if chunk:
            found[chunk[1]].update(enumerate(list_of(value), int(chunk[2])))
        else:
            shell = row_of(value)
    said = _referred(found["messages"], shell.get("message_refs"))
    sample = shell | {
        "messages": said,
        "events": [found["events"][number] for number in sorted(found["events"])],
        "attachments": {str(number): text for number, text in found["attachments"].items()},
    }
    return "\n".join(texts), sample, why or (INCOMPLETE if said is None else None)


def _referred(messages: dict[int, Any], ranges: Any) -> list[Any] | None:
    """The messages in half-open ranges of numbers; None where not all of them are known."""
    try:
        return [messages[number] for begin, end in ranges for number in range(begin, end)]
    except (KeyError, TypeError, ValueError):
        return None


def _json(content: bytes) -> tuple[Any, str | None]:
    try:
        return repaired(json.loads(content.decode("utf-8-sig"))), None
    except UnicodeDecodeError:
        return None, NOT_UTF8
    except RecursionError:
        return None, TOO_DEEP
    except ValueError:
        return None, NOT_JSON
