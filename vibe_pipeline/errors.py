"""Every error a person can meet, as one small tree; each says what happened and what to do about it.

    VibeError                   anything expected: the CLI prints it on one line and exits with 1
    ├── SettingsInvalid         vibe.toml, an option or an environment variable says something we cannot use
    ├── BaseModelUnavailable    the base model is not there, not reachable or not a causal language model
    ├── SourceUnreadable        a package, folder or file that should give interactions cannot be read
    ├── SandboxUnavailable      a snippet could not be run in a process of its own, whatever it says
    ├── NothingToLearn          a mix in which no token carries a label
    ├── TrainingDied            the run finished or stopped, but nothing healthy was learned
    ├── RungRefused             the ledger does not allow this rung now
    ├── GenerationRefused       a generation may not be opened (yet)
    ├── LedgerDamaged           a chain, a head or an artifact is not what its hash says
    ├── OutOfMemory             what has to be in memory at once is more than there may be
    ├── JudgeUnreachable        the model that compares answers does not answer       (retryable)
    ├── Busy                    another process holds the lock                        (retryable)
    └── DiskFull                there is no room for what is about to be written      (retryable)

Not here: `assert`. It is for our own bugs, never for input.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

FULL = (errno.ENOSPC, errno.EDQUOT)
"""What the system says where there is no room."""
UNWRITTEN = r"\d+ requested and \d+ written"


class VibeError(Exception):
    """What happened, with the numbers, and the remedy: one line in all."""

    retryable = False

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what}. {remedy}.")
        self.what = what
        self.remedy = remedy

    def __reduce__(self) -> tuple[type[VibeError], tuple[str, str]]:
        """Another process can tell it too."""
        return type(self), (self.what, self.remedy)


class SettingsInvalid(VibeError):
    """A setting, option or environment variable has a value that means nothing here."""


class BaseModelUnavailable(VibeError):
    """The base model of a lineage cannot be loaded."""


class SourceUnreadable(VibeError):
    """A source of interactions cannot be read at all (a bad line in it is quarantined instead)."""


class SandboxUnavailable(VibeError):
    """Code could not be run in a process of its own; that says nothing of the code."""


class NothingToLearn(VibeError):
    """No token of a mix carries a label, so a run over it would learn nothing."""


class TrainingDied(VibeError):
    """Training broke one of the liveness rules: the loss or the adapter did not move, or is not finite."""


class RungRefused(VibeError):
    """The ledger does not allow this rung now; a rerun alone changes nothing."""


class GenerationRefused(VibeError):
    """The log does not hold enough since the last cut to open a generation."""


class LedgerDamaged(VibeError):
    """What is on disk is not what its hash says."""


class OutOfMemory(VibeError):
    """What has to be in memory at once is more than there may be; a rerun alone changes nothing."""


class JudgeUnreachable(VibeError):
    """The endpoint that compares answers is down, slow, no such endpoint, or says no letter; what it said before is
    kept."""

    retryable = True


class Busy(VibeError):
    """Another process is writing to the same chain or log."""

    retryable = True


class DiskFull(VibeError):
    """Too little room for what is about to be written; nothing was left half-written."""

    retryable = True


def is_full(error: Exception) -> bool:
    """Whether an error says that there is no room: the system by a number, DuckDB in the system's words, and numpy by
    how much it could not write."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in FULL
    words = str(error)
    return any(os.strerror(code) in words for code in FULL) or re.fullmatch(UNWRITTEN, words) is not None


@contextmanager
def full_disk(what: str, remedy: str) -> Iterator[None]:
    """Says in words that the disk is full, where that is why the block fails."""
    try:
        yield
    except OSError as error:
        if not is_full(error):
            raise
        raise DiskFull(f"the disk is full: {what}", remedy) from error
