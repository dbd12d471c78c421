"""What the kernel itself refuses a snippet, without a right to ask for it: system calls (seccomp) and files (Landlock).

seccomp closes what namespaces leave open, and the network where there are none. Landlock stands in for a root folder
of its own where there is none: it hides what is in files, not that they are there.
See seccomp(2), landlock(7), linux/audit.h for the numbers of machines.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
from collections.abc import Iterable

from linux import SET_SECCOMP, control, system_call

AF_UNIX, AF_INET, AF_INET6, AF_NETLINK = 1, 2, 10, 16
MACHINES = {
    "x86_64": (
        0xC000003E,
        {"socket": 41, "shmget": 29, "add_key": 248, "request_key": 249, "keyctl": 250, "memfd": 319},
    ),
    "aarch64": (
        0xC00000B7,
        {"socket": 198, "shmget": 194, "add_key": 217, "request_key": 218, "keyctl": 219, "memfd": 279},
    ),
}
"""What audit calls the machine, and its numbers of the calls in question."""
IO_URING_SETUP, MEMFD_SECRET = 425, 447
X32 = 0x40000000
"""From here on, calls of x86_64's other interface have numbers of their own."""
MACHINE_OFFSET, FIRST_ARGUMENT_OFFSET = 4, 16
LOAD, IS_EQUAL, IS_AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
ALLOW, REFUSE = 0x7FFF0000, 0x00050000
NO_SUCH_CALL, NO_SUCH_FAMILY = 38, 97
FILTER = 2

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, TRUNCATE, DEVICE_CALLS = 1, 2, 4, 8, 1 << 14, 1 << 15
MAKE_DEVICES = 1 << 6 | 1 << 11
OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | DEVICE_CALLS
RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
"""On files, from that version of Landlock on."""
SCOPED = 6
"""The version that keeps signals and abstract sockets among a snippet's own processes."""


def refuse_calls(families: Iterable[int]) -> None:
    """No sockets but of these families (pairs are free), and no memory or keys that outlive or escape a process.

    io_uring would open sockets past this filter; memory in memfd and shmget is in no process's account.
    Nothing happens on a machine whose numbers are not known here, and in a kernel without seccomp.
    """
    if os.uname().machine not in MACHINES:
        return
    machine, numbers = MACHINES[os.uname().machine]
    socket = numbers["socket"]
    refused = [IO_URING_SETUP, MEMFD_SECRET, *(number for number in numbers.values() if number != socket)]
    rules = [(LOAD, 0, 0, MACHINE_OFFSET), (IS_EQUAL, 1, 0, machine), (RETURN, 0, 0, REFUSE | NO_SUCH_CALL)]
    rules += [(LOAD, 0, 0, 0), (IS_AT_LEAST, 0, 1, X32), (RETURN, 0, 0, REFUSE | NO_SUCH_CALL)]
    for number in refused:
        rules += [(IS_EQUAL, 0, 1, number), (RETURN, 0, 0, REFUSE | NO_SUCH_CALL)]
    rules += [(IS_EQUAL, 1, 0, socket), (RETURN, 0, 0, ALLOW), (LOAD, 0, 0, FIRST_ARGUMENT_OFFSET)]
    for family in families:
        rules += [(IS_EQUAL, 0, 1, family), (RETURN, 0, 0, ALLOW)]
    rules += [(RETURN, 0, 0, REFUSE | NO_SUCH_FAMILY)]
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *rule) for rule in rules))
    with contextlib.suppress(OSError):
        control(SET_SECCOMP, FILTER, struct.pack("HxxxxxxP", len(rules), ctypes.addressof(program)))


def confine_files(folder: str, readable: Iterable[str], listed: Iterable[str], devices: Iterable[str]) -> None:
    """Read and execute what is `readable`, see the names in `listed`, write to `folder`; where Landlock is."""
    try:
        version = system_call("landlock", CREATE_RULESET, None, 0, 1)
    except OSError:
        return
    rights = RIGHTS[max(known for known in RIGHTS if known <= version)]
    attributes = struct.pack("QQQ", rights, 0, 3 if version >= SCOPED else 0)
    ruleset = system_call("landlock", CREATE_RULESET, attributes, 24 if version >= SCOPED else 8, 0)
    _allow(ruleset, folder, rights & ~MAKE_DEVICES)
    for path in readable:
        _allow(ruleset, path, EXECUTE | READ_FILE | READ_DIR)
    for path in listed:
        _allow(ruleset, path, READ_DIR)
    for path in devices:
        _allow(ruleset, path, READ_FILE | WRITE_FILE)
    system_call("landlock", RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    opened = os.open(path, os.O_PATH)
    if not os.path.isdir(path):
        rights &= OF_FILES
    system_call("landlock", ADD_RULE, ruleset, 1, struct.pack("=Qi", rights, opened), 0)
    os.close(opened)
