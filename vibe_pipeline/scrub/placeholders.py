"""What stands in a secret's place: [kind:3f2a9c], the same for the same value everywhere in one log.

The digits are a keyed hash (BLAKE2b) of the value, so nobody without the key can try a dictionary on them. They are
few on purpose: even with the key, some 600 of all ten-digit phone numbers share one placeholder. Two of a
thousand different values share one by chance with a probability of 3 %; then two people look like one.
The key is made once, lies in the home alone (private/placeholders.key) and never leaves it.
"""

from __future__ import annotations

import re
import secrets
from hashlib import blake2b

from vibe_pipeline.errors import LedgerDamaged
from vibe_pipeline.store import Store

KEY = "private/placeholders.key"
KEY_BYTES = 32
DIGEST_BYTES = 3
LOCK_WAIT_S = 60.0

PLACEHOLDER = re.compile(r"\[[a-z][a-z0-9_]{1,40}:[0-9a-f]{6}\]")
LONGEST = 50
"""No placeholder has more characters."""


def key_of_home(store: Store) -> bytes:
    """The key of this home, made at the first call; LedgerDamaged if it is not whole."""
    with store.lock("placeholders", LOCK_WAIT_S):
        if not store.exists(KEY):
            store.write(KEY, secrets.token_bytes(KEY_BYTES))
    key = store.existing(KEY).read_bytes()
    if len(key) != KEY_BYTES:
        raise LedgerDamaged(
            f"{KEY} has {len(key)} bytes and should have {KEY_BYTES}",
            "Restore it from a backup, or remove it: the same value then gets a new placeholder from now on",
        )
    return key


def placeholder(key: bytes, kind: str, identity: str) -> str:
    """What stands for a value of that kind; `identity` is the value without the accidents of its writing. The digits do
    not depend on the kind: a password in a URL and the same one in a file show that they are one."""
    digest = blake2b(identity.encode(errors="surrogatepass"), key=key, digest_size=DIGEST_BYTES)
    return f"[{kind}:{digest.hexdigest()}]"


def is_placed(text: str, start: int, end: int) -> bool:
    """Whether text[start:end] is a placeholder, or cuts into one."""
    near = PLACEHOLDER.finditer(text, max(0, start - LONGEST), min(len(text), end + LONGEST))
    return any(it.start() < end and start < it.end() and (it.start() <= start or end <= it.end()) for it in near)
