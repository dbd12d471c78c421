"""What was forgotten, as salted hashes of ids: no import and no spool brings it back.

A backup of log/ that is put back does: its segments are read as they are, and have to be forgotten again.

`forgotten/<tombstone>.parquet` holds (kind, hash), where kind is a stream of the log or "examples". The salt is this
home's own, so that a hash says nothing beside another home. Not here: forgetting (vibe_pipeline/forgetting).
"""

from __future__ import annotations

import secrets

import pyarrow as pa

from vibe_pipeline.interactions.schema import identity_of
from vibe_pipeline.records import SCHEMA_VERSION
from vibe_pipeline.store import Store, sql_list

FOLDER = "forgotten"
SALT = f"{FOLDER}/salt.json"

HASHES = pa.schema([("kind", pa.string()), ("hash", pa.string())])


def salt(store: Store) -> str:
    """The salt of this home; a fresh one, not kept, where nothing was ever forgotten."""
    return str(store.read_json(SALT)["salt"]) if store.exists(SALT) else secrets.token_hex(32)


def keep(store: Store, tombstone: str, salt: str, hashes: pa.Table) -> None:
    """Remember HASHES under a tombstone; from now on these rows are never sealed again."""
    if not store.exists(SALT):
        store.write_json(SALT, {"schema_version": SCHEMA_VERSION, "salt": salt})
    store.write_parquet(hashes_name(tombstone), hashes.cast(HASHES))


def hashes_name(tombstone: str) -> str:
    """Where the HASHES of a tombstone lie, if they were kept."""
    return f"{FOLDER}/{tombstone}.parquet"


def hashed(column: str, salt: str) -> str:
    """SQL for the salted hash of a column."""
    return f"sha256('{salt}' || {column})"


def condition(store: Store, stream: str, column: str) -> str:
    """SQL that says whether an id of that stream was forgotten."""
    files = [store.path(name) for name in store.names(FOLDER, ".parquet")]
    if not files:
        return "false"
    known = f"SELECT hash FROM read_parquet({sql_list(files)}) WHERE kind = '{stream}'"
    return f"({hashed(column, salt(store))} IN ({known}))"


def row_condition(store: Store, stream: str) -> str:
    """SQL that says whether a row of that stream was forgotten: a remark goes with its interaction."""
    own = condition(store, stream, identity_of(stream))
    return f"({own} OR {condition(store, 'interactions', 'interaction_id')})" if stream == "remarks" else own
