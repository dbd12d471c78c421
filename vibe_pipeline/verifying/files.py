"""Every file of a home, read once: is it what its name, or the checksum in it, says?

    named by content    the SHA-256 of the bytes (of a folder: of all its files) is the name
    JSON                its last field is the key of all others, and the same value gives the same bytes
    Parquet with a name of its own
                        each page has a CRC, and the same table gives the same bytes
    all else            is left, each for a reason that is counted and told

Not here: whether what should be there is there (naming.py).
"""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from vibe_pipeline.fingerprint import key_of, sha_of_file
from vibe_pipeline.progress import Watch
from vibe_pipeline.report import CSV_NAME
from vibe_pipeline.store import CHECKSUM, PAGES, Store, as_json, write_pages
from vibe_pipeline.verifying.findings import Findings

SHA = r"([0-9a-f]{64})"

BY_CONTENT = re.compile(
    rf"(?:log/\w+/segments/[^/]*|log/\w+/originals|examples|suites|mixes|withdrawn|scorecards)/{SHA}\.parquet"
    rf"|log/\w+/quarantine/{SHA}\.jsonl"
)
IN_A_FOLDER = re.compile(rf"(models/(?:adapters|base)/{SHA})/(.+)")
JSON = re.compile(
    r"(?:cuts|ledger/[^/]+|log/\w+/manifest|results/\w+|models/base|models/rates|forgotten|forgotten/shas|leaked/[^/]+/[^/]+)/[^/]+\.json"
)
PARQUET = re.compile(r"(?:scores/[^/]+|judged/[^/]+/[^/]+|forgotten)/[^/]+\.parquet")

LEFT = (
    (re.compile(r"(?:.*/)?\.[^/]*(?:/.*)?"), "half-written by a process that is at work, or was killed"),
    (re.compile(r"locks/.*"), "locks: they hold nothing"),
    (re.compile(r"log/spill/.*"), "what DuckDB had no memory for"),
    (re.compile(r"log/\w+/(?:spool|sealing|joining)/.*"), "lines that are not sealed yet: sealing judges each of them"),
    (re.compile(r"index/.*"), "an index over the examples: it checks itself, and is made again from them"),
    (re.compile(r"reports/.*"), "pages for eyes, written anew each time they are asked for"),
    (re.compile(r"private/.*"), "the key of placeholders: any bytes are one"),
    (re.compile(re.escape(CSV_NAME)), ""),  # compared with the ledgers: home.py
)
"""What nothing says of what it should be."""

UNKNOWN = "files that the engine did not write (Dagster's, MLflow's, your own)"
NO_CHECKSUM = "files that were written before they carried a checksum"
OTHER_ARROW = "Parquet files of another version of Arrow: each page was checked, but not what lies between"

META = {b"schema_version", b"ARROW:schema", *(name.encode() for name in PAGES)}


def check(store: Store, findings: Findings, watch: Watch) -> set[str]:
    """Read every file once; the names of all that are there, those of folders that are named by content among them."""
    there: set[str] = set()
    folders: dict[str, dict[str, str]] = defaultdict(dict)
    sizes = dict(_listed(store.root))
    done, total = 0, sum(sizes.values())
    with watch("reading every file") as advance:
        for name, size in sorted(sizes.items()):
            try:
                if folder := IN_A_FOLDER.fullmatch(name):
                    folders[folder[1]][folder[3]] = sha_of_file(store.path(name))
                    findings.checked["files"] += 1
                else:
                    _check_file(store, name, findings)
                there.add(name)
            except FileNotFoundError:
                pass  # gone since it was listed; if anything names it, it is missing
            except OSError as error:
                findings.add("file", name, "a file that can be read", error.strerror)
            done += size
            advance(done >> 20, max(1, total >> 20), "MiB")
    for name, shas in folders.items():
        _compare("content", name, Path(name).name, key_of(shas), findings)
    findings.checked["bytes"] = total
    return there | folders.keys()


def _listed(root: Path) -> Iterator[tuple[str, int]]:
    for folder, _, names in os.walk(root):
        for path in (Path(folder, name) for name in names):
            if path.is_file():  # gone since it was listed: a writer's own
                yield path.relative_to(root).as_posix(), path.stat().st_size


def _check_file(store: Store, name: str, findings: Findings) -> None:
    if named := BY_CONTENT.fullmatch(name):
        _compare("content", name, named[1] or named[2], sha_of_file(store.path(name)), findings)
    elif JSON.fullmatch(name):
        _check_json(name, store.path(name).read_bytes(), findings)
    elif PARQUET.fullmatch(name):
        _check_parquet(name, store.path(name).read_bytes(), findings)
    else:
        why = next((why for pattern, why in LEFT if pattern.fullmatch(name)), UNKNOWN)
        if why:
            findings.not_checked[why] += 1
        return
    findings.checked["files"] += 1


def _compare(what: str, name: str, expected: str, found: str, findings: Findings) -> None:
    if found != expected:
        findings.add(what, name, expected, found)


def _check_json(name: str, data: bytes, findings: Findings) -> None:
    try:
        value: Any = json.loads(data)
        if not isinstance(value, dict):
            raise ValueError(f"a {type(value).__name__}")
        _check_checksum(name, value, data, findings)
    except ValueError as error:  # a number that is not finite, too
        findings.add("JSON", name, "a JSON object", error)


def _check_checksum(name: str, value: dict[str, Any], data: bytes, findings: Findings) -> None:
    last = [*value][-1] if value else ""
    told = value.pop(last, None)
    if last == CHECKSUM:
        _compare("checksum", name, str(told), key_of(value), findings)
        if not findings.is_damaged(name) and as_json(value) != data:
            findings.add("JSON", name, "the bytes that it was written with", "others that read the same")
    elif told == key_of(value):  # its name is damaged
        findings.add("JSON", name, CHECKSUM, last)
    else:
        findings.not_checked[NO_CHECKSUM] += 1


def _check_parquet(name: str, data: bytes, findings: Findings) -> None:
    again = pa.BufferOutputStream()
    try:
        with pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True) as file:
            write_pages(file.read(), again)
            meta, made_by = {**(file.metadata.metadata or {})}, file.metadata.created_by
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        return findings.add("Parquet", name, "pages that agree with their checksums", str(error).splitlines()[0])
    if unknown := sorted(meta.keys() - META):
        return findings.add("Parquet", name, "the fields of its metadata", f"{unknown[0]!r}")
    told = {key: meta[key.encode()].decode(errors="replace") for key in PAGES if key.encode() in meta}
    if not told:
        findings.not_checked[NO_CHECKSUM] += 1
    elif told == PAGES:
        if again.getvalue().to_pybytes() != data:
            findings.add("Parquet", name, "the bytes that it was written with", "others, with the same rows")
    elif told.keys() == PAGES.keys() and told["arrow"] in made_by and told == {**PAGES, "arrow": told["arrow"]}:
        findings.not_checked[OTHER_ARROW] += 1
    else:
        findings.add("Parquet", name, PAGES, told)
    return None
