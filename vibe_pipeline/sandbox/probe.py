"""What this system can shut a snippet off from: tried once a process, with a snippet that looks around.

Not here: how it is done (inside/).
"""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
import threading
from dataclasses import dataclass, fields
from pathlib import Path

from vibe_pipeline.errors import SandboxUnavailable
from vibe_pipeline.sandbox.limits import Limits
from vibe_pipeline.sandbox.workers import Mode, Worker

REMEDY = (
    "Allow user namespaces (Linux 5.14 or later, user.max_user_namespaces above 0; on Ubuntu"
    " kernel.apparmor_restrict_unprivileged_userns = 0; in a container CAP_SYS_ADMIN and an unmasked /proc),"
    " or run only code that you trust"
)
PROBE = """
import errno, json, os, socket, sys

def connect():
    with socket.socket() as connection:
        connection.settimeout(1)
        connection.connect(("127.0.0.1", 9))

def error_of(attempt, *arguments):
    try:
        attempt(*arguments)
    except OSError as error:
        return error.errno

for path in sys.path:
    assert error_of(os.listdir, path) != errno.EACCES, path

VSOCK = 40
no_network = {errno.ENETUNREACH, errno.EAFNOSUPPORT}
print(json.dumps({
    "network": {error_of(connect), error_of(socket.socket, VSOCK)} <= no_network,
    "files": None not in {error_of(open, CANARY), error_of(open, CANARY + ".too", "w")},
    "user": os.getuid(),
    "processes": os.getpid() == 2,
}))
"""
log = logging.getLogger(__name__)
_lock = threading.Lock()
_found: tuple[Mode, Isolation] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolation:
    """What holds for a snippet beside its limits."""

    network: bool
    """It reaches no other machine, nor a server on this one."""
    files: bool
    """It reads Python and the installed packages alone, and writes to its own folder alone."""
    user: bool
    """It is neither root nor has the rights of whoever runs it."""
    processes: bool
    """It sees and signals none but its own."""
    refused: str = ""
    """What the system said where something does not hold."""

    @property
    def missing(self) -> list[str]:
        """What does not hold, by name."""
        return [field.name for field in fields(self) if getattr(self, field.name) is False]


def current() -> tuple[Mode, Isolation]:
    """The strictest way to run a snippet that works here, and what holds in it; one warning where not everything does.

    SandboxUnavailable where a snippet cannot be run at all.
    """
    global _found
    with _lock:
        if _found is None:
            _found = _strictest()
            _warn(_found[1])
        return _found


def _strictest() -> tuple[Mode, Isolation]:
    refused = ""
    for mode in _modes():
        try:
            found = _probed(mode, refused)
        except SandboxUnavailable as error:
            refused = refused or error.what
            continue
        if mode != "namespaces" or not found.missing:
            return mode, found
        refused = f"namespaces leave open: {', '.join(found.missing)}"
    raise SandboxUnavailable(refused, REMEDY)


def _modes() -> list[Mode]:
    if not hasattr(os, "fork"):
        return ["time"]
    if sys.platform != "linux":
        return ["limits"]
    return ["namespaces", "user", "limits"] if os.getuid() == 0 else ["namespaces", "limits"]


def _probed(mode: Mode, refused: str) -> Isolation:
    """What a snippet sees that looks for a file, a server and a process outside."""
    if mode == "time":
        return Isolation(network=False, files=False, user=False, processes=False, refused="there is no fork")
    with tempfile.TemporaryDirectory(prefix="vibe-probe-") as name, Worker(mode, None) as worker:
        Path(name).chmod(0o777)
        canary = Path(name, "canary")
        canary.touch()
        canary.chmod(0o644)
        answer = worker.ask(f"CANARY = {str(canary)!r}\n{PROBE}", Limits())
    if answer["status"] != 0:
        raise SandboxUnavailable(f"Python does not run as {mode} allows: {answer['stderr'].strip()[-200:]}", REMEDY)
    seen = json.loads(answer["stdout"])
    is_another = seen.pop("user") not in {0, os.getuid()}
    return Isolation(**seen, user=is_another or mode == "namespaces", refused=refused)


def _warn(isolation: Isolation) -> None:
    if isolation.missing:
        log.warning(
            "snippets run under limits of time and memory, but not apart from the system's %s (%s). %s.",
            ", ".join(isolation.missing),
            isolation.refused,
            REMEDY,
        )
