"""What one snippet may take: it is ended, or its call fails, where it wants more."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """On Windows the time and the output alone."""

    seconds: float = 10.0
    """Of the clock, for the snippet and all its children; of CPU time as much and a second more, a process."""
    memory_bytes: int = 2 << 30
    """Of address space a process, which imports of large packages reserve freely; where processes are isolated, what
    all of them hold in memory together as well."""
    output_bytes: int = 64 << 10
    """To standard output, and as much to standard error."""
    file_bytes: int = 10 << 20
    """A file."""
    processes: int = 64
    """Beside each other, the snippet itself and every thread counted; on Linux, unless it stays root."""
    disk_bytes: int = 64 << 20
    """All files together, where processes are isolated: they are kept in memory then."""


LIMITS = Limits()
"""Enough for a documentation example with its imports."""
