"""Linux namespaces: a root folder of its own, no network, no other processes, no rights.

The worker enters what all its snippets share; each snippet then gets processes and a folder of its own.
Needs Linux 5.14: read-only mounts with all below them (5.12), limits of processes that count in a user namespace.
See namespaces(7), user_namespaces(7), pivot_root(2), mount_setattr(2).
"""

from __future__ import annotations

import ctypes
import os

from linux import SET_NO_NEW_PRIVS, call, control, system_call
from readable import DEVICES, readable

NOBODY = 65534
FOLDER = "/snippet"
"""The one place where a snippet can write."""

NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = 0x20000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
RDONLY, NOSUID, NODEV, NOEXEC, BIND, REC, PRIVATE = 1, 2, 4, 8, 0x1000, 0x4000, 0x40000
DETACH = 2
AT_FDCWD, AT_RECURSIVE = -100, 0x8000
MOUNT_SETATTR = 442
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41, "ppc64le": 203, "s390x": 217}
CAPABILITIES_VERSION_3 = 0x20080522


def enter(hidden: list[str], host: str) -> None:
    """Leave network, host name and files behind, for good; OSError where the system does not allow it.

    Afterwards only readable.py's paths can be read, without what lies in the folders `hidden`.
    """
    shown, hidden = readable(), [os.path.realpath(path) for path in hidden]
    _become_root_within()
    call("sethostname", host.encode(), len(host))
    _move_root(shown, hidden)
    _write("/proc/sys/user/max_user_namespaces", "0")  # in one of its own, a snippet would be root


def leave_processes_behind() -> None:
    """The next fork is the first of a process namespace, with mounts and shared memory of its own."""
    call("unshare", NEWPID | NEWNS | NEWIPC)


def furnish(disk_bytes: int) -> None:
    """/proc with the snippet's own processes, and the folder to write to: in memory, and gone with them."""
    user = NOBODY if os.getuid() == 0 else os.getuid()
    _mount("proc", "/proc", "proc", NOSUID | NODEV | NOEXEC)
    _mount("tmpfs", FOLDER, "tmpfs", NOSUID | NODEV, f"size={disk_bytes},nr_inodes=4096,mode=0700,uid={user}")


def become_nobody() -> None:
    """The unprivileged user, if we are root."""
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)


def drop_capabilities() -> None:
    """Of this process and of what it executes; a root without them lifts no limit and makes no device."""
    call("capset", (ctypes.c_uint32 * 2)(CAPABILITIES_VERSION_3, 0), (ctypes.c_uint32 * 6)())
    control(SET_NO_NEW_PRIVS, 1)


def _become_root_within() -> None:
    """Root maps an unprivileged user as well, which only a process outside may do; anybody else maps himself."""
    user, group, process = os.getuid(), os.getgid(), os.getpid()
    nobody = f"{NOBODY} {NOBODY} 1\n" if user == 0 else ""
    waits, goes = os.pipe()
    outside = os.fork()
    if outside == 0:
        os.close(goes)
        try:
            if os.read(waits, 1):
                _write(f"/proc/{process}/setgroups", "allow" if user == 0 else "deny")
                _write(f"/proc/{process}/uid_map", f"{user} {user} 1\n{nobody}")
                _write(f"/proc/{process}/gid_map", f"{group} {group} 1\n{nobody}")
                os._exit(0)
        finally:
            os._exit(1)
    os.close(waits)
    try:
        call("unshare", NEWUSER | NEWNS | NEWNET | NEWUTS)
        os.write(goes, b"!")
    finally:
        os.close(goes)
        _, status = os.waitpid(outside, 0)
    if status:
        raise PermissionError("users cannot be mapped")


def _move_root(shown: dict[str, str], hidden: list[str]) -> None:
    """A root folder in memory, which holds what may be read and nothing else, and cannot be written."""
    _mount("none", "/", "", REC | PRIVATE)
    _mount("tmpfs", "/tmp", "tmpfs", NOSUID | NODEV, "mode=0755")
    os.mkdir("/tmp/host")
    system_call("pivot_root", PIVOT_ROOT.get(os.uname().machine, -1), b"/tmp", b"/tmp/host")
    os.chdir("/")
    for path, real in shown.items():
        _show(path, real)
    for device in DEVICES:
        _bind(f"/host{device}", device)
    os.symlink("/proc/self/fd", "/dev/fd")
    os.symlink(FOLDER, "/dev/shm")
    os.mkdir(FOLDER)
    _bind("/host/proc", "/proc")  # another /proc may be mounted only where one is in sight
    for path in hidden:
        if os.path.isdir(path):
            _mount("tmpfs", path, "tmpfs", RDONLY, "size=4k,mode=0")
    call("umount2", b"/host", DETACH)
    os.rmdir("/host")
    _protect("/", 0)


def _show(path: str, real: str) -> None:
    host = "/host" + path
    if os.path.lexists(path):
        return  # it lies in a folder that is shown already
    if os.path.islink(host) and os.path.dirname(path) == "/":
        os.symlink(os.readlink(host), path)  # /bin → usr/bin
        return
    _bind("/host" + real, path)
    _protect(path, AT_RECURSIVE)


def _bind(source: str, path: str) -> None:
    if os.path.isdir(source):
        os.makedirs(path, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.close(os.open(path, os.O_CREAT, 0o444))
    _mount(source, path, "", BIND | REC)


def _protect(path: str, flags: int) -> None:
    attributes = (ctypes.c_uint64 * 4)(RDONLY | NOSUID | NODEV)
    system_call(f"mount_setattr {path}", MOUNT_SETATTR, AT_FDCWD, path.encode(), flags, attributes, 32)


def _mount(source: str, path: str, kind: str, flags: int, options: str = "") -> None:
    call("mount", os.fsencode(source), os.fsencode(path), kind.encode(), ctypes.c_ulong(flags), options.encode())


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)
