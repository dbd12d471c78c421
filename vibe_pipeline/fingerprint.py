"""Content hashes: a *key* hashes inputs, a *sha* hashes bytes; both are full SHA-256 in hex.

What has no stable form (a callable, a float NaN, a default repr) raises: a silent `str()` would give
a new identity at every run.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

CHUNK_BYTES = 1 << 20

SHARE_STEPS = 1 << 32
"""A share of conversations is a threshold on the first 32 bits of their salted hash."""


def canonical(value: Any) -> bytes:
    """UTF-8 JSON with sorted keys and no spaces: the same value gives the same bytes on every machine."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def key_of(value: Any) -> str:
    """SHA-256 of the canonical JSON of `value`; raises TypeError or ValueError where that does not exist."""
    return hashlib.sha256(canonical(value)).hexdigest()


def conversation_key(module: str, name: str) -> str:
    """The id of a conversation that its format, which names the module, calls by that name."""
    return key_of([module, name])


def sha_of_bytes(data: bytes) -> str:
    """SHA-256 of bytes."""
    return hashlib.sha256(data).hexdigest()


def sha_of_file(path: Path) -> str:
    """SHA-256 of one file, read in chunks of 1 MiB."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def sha_of_folder(folder: Path) -> str:
    """Key of the {relative name: SHA-256} map of all files below `folder`: moves with content and names only."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return key_of({path.relative_to(folder).as_posix(): sha_of_file(path) for path in files})


def is_held_out(conversation_id: str, salt: str, share: float) -> bool:
    """Whether a conversation is held out: decided for ever by its salted hash, however long it grows."""
    return int(sha_of_bytes(f"{salt}:{conversation_id}".encode())[:8], 16) < _threshold(share)


GROUPED = """
SELECT
    conversation_id, family,
    arg_min(said, (conversation_id <> family, since, conversation_id)) OVER (PARTITION BY family) AS grouping
FROM (
    SELECT
        conversation_id, family,
        arg_min({group}, (occurred_at, turn, interaction_id)) AS said,
        min(occurred_at) FILTER ({group} IS NOT NULL) AS since
    FROM {events} GROUP BY conversation_id, family
)
"""


def held_out_sql(conversation_column: str, salt: str, share: float) -> str:
    """The same rule as a DuckDB expression; eight hex digits of one case sort like the numbers they are."""
    threshold = _threshold(share)
    if threshold >= SHARE_STEPS:
        return "true"
    prefix = f"{salt}:".replace("'", "''")
    return f"(substr(sha256('{prefix}' || {conversation_column}), 1, 8) < '{threshold:08x}')"


def group_sql(group: str) -> str:
    """What `curate.group` names, as a DuckDB expression: NULL for an interaction that does not say it."""
    column, _, key = group.partition(".")
    named = f"extra ->> '$.{key}'" if key else f'"{column}"'
    return f"nullif({named}, '')" if column else "NULL::VARCHAR"


def grouped_sql(events: str, group: str) -> str:
    """A DuckDB query over events with a `family` (a conversation, or the trunk of its branches): conversation_id,
    family, grouping, which is NULL where nobody names one. A family is of the first group that its trunk names, or else
    a branch: its turns are on one side, whoever speaks."""
    return GROUPED.format(events=events, group=group_sql(group))


def _threshold(share: float) -> int:
    return round(share * SHARE_STEPS)


def short(sha: str | None) -> str:
    """The first eight digits, for eyes only: identity is always compared in full."""
    return sha[:8] if sha else "–"
