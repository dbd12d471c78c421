"""Linux namespaces by system call: a root folder of its own, no network, no other processes, no rights.

The worker enters what all its snippets share; each snippet then gets processes and a folder of its own.
It runs inside the worker alone, so it imports from the standard library only, and nothing at all elsewhere.
Needs Linux 5.14: recursive read-only mounts (5.12), and process limits that count within a user namespace.
See namespaces(7), user_namespaces(7), pivot_root(2), mount_setattr(2).
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterable

NOBODY = 65534
FOLDER = "/snippet"
"""The one place where a snippet can write."""

NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = 0x20000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
RDONLY, NOSUID, NODEV, NOEXEC, BIND, REC, PRIVATE = 1, 2, 4, 8, 0x1000, 0x4000, 0x40000
DETACH = 2
MOUNT_SETATTR = 442
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41, "ppc64le": 203, "s390x": 217, "armv7l": 218, "i686": 217}
AT_FDCWD, AT_RECURSIVE = -100, 0x8000
SET_PDEATHSIG, SET_DUMPABLE, SET_SUBREAPER, SET_NO_NEW_PRIVS = 1, 4, 36, 38
SIGKILL = 9

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store")
SYSTEM_FILES = ("/etc/alternatives", "/etc/ld.so.cache", "/etc/localtime", "/etc/mime.types")
PARTS = ("bin", "lib", "lib64", "share", "pyvenv.cfg")
"""What is Python in the folder where it is installed, which may be a project or a home."""
DEVICES = ("null", "zero", "full", "random", "urandom")

libc = ctypes.CDLL(None, use_errno=True)


def enter(hidden: Iterable[str]) -> None:
    """Leave the user's network, host name and files behind, for good; OSError where the system does not allow it.

    Afterwards Python, the installed packages and the modules on sys.path can be read, without what lies in `hidden`.
    """
    readable = _readable()
    _become_the_namespaces_root()
    _call("sethostname", b"localhost", 9)
    _move_root(readable, [os.path.realpath(path) for path in hidden])
    with open("/proc/sys/user/max_user_namespaces", "w") as file:
        file.write("0")  # a snippet in a user namespace of its own would be its root


def leave_processes_behind() -> None:
    """The next fork is the first of a process namespace, with mounts and shared memory of its own."""
    _call("unshare", NEWPID | NEWNS | NEWIPC)


def furnish(disk_bytes: int) -> None:
    """/proc with the snippet's own processes alone, and the folder to write to; it is in memory and goes with them."""
    _mount("proc", "/proc", "proc", NOSUID | NODEV | NOEXEC)
    user = NOBODY if os.getuid() == 0 else os.getuid()
    _mount("tmpfs", FOLDER, "tmpfs", NOSUID | NODEV, f"size={disk_bytes},nr_inodes=4096,mode=0700,uid={user}")


def drop_rights() -> None:
    """Become an unprivileged user if we are root, and give up every capability, now and for what is executed."""
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    _call("capset", (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)())
    control(SET_NO_NEW_PRIVS, 1)


def control(option: int, value: int) -> None:
    """prctl(2)."""
    _call("prctl", option, ctypes.c_ulong(value), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0))


def _readable() -> dict[str, str]:
    """Where each readable file or folder shall lie → where it really lies, outer folders first."""
    prefixes = {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix} - {"/usr"}
    python = [os.path.join(prefix, part) for prefix in prefixes for part in PARTS]
    whole = [*SYSTEM, *python]
    found: dict[str, str] = {}
    for path in [*whole, *SYSTEM_FILES, *_modules(whole)]:
        real = os.path.realpath(path)
        if os.path.exists(real) and real != "/":
            found |= {path: real, real: real}
    return dict(sorted(found.items()))


def _modules(whole: list[str]) -> list[str]:
    """The modules in other folders of sys.path: a project's other files are nobody's business."""
    outside = [path for path in sys.path if not any(_is_within(path, folder) for folder in whole)]
    entries = [entry for path in outside if os.path.isdir(path) for entry in os.scandir(path)]
    return [entry.path for entry in entries if _is_module(entry)]


def _is_module(entry: os.DirEntry[str]) -> bool:
    if entry.name.startswith("."):
        return False
    return entry.name.endswith((".py", ".so")) or os.path.exists(os.path.join(entry.path, "__init__.py"))


def _is_within(path: str, folder: str) -> bool:
    return (path + "/").startswith(folder.rstrip("/") + "/")


def _become_the_namespaces_root() -> None:
    """Root maps an unprivileged user as well, which only a process outside may do; anybody else maps himself."""
    user, group, process = os.getuid(), os.getgid(), os.getpid()
    others = f"{NOBODY} {NOBODY} 1\n" if user == 0 else ""
    waits, goes = os.pipe()
    outside = os.fork()
    if outside == 0:
        os.close(goes)
        try:
            if os.read(waits, 1):
                _write(f"/proc/{process}/setgroups", "allow" if user == 0 else "deny")
                _write(f"/proc/{process}/uid_map", f"{user} {user} 1\n{others}")
                _write(f"/proc/{process}/gid_map", f"{group} {group} 1\n{others}")
                os._exit(0)
        finally:
            os._exit(1)
    os.close(waits)
    try:
        _call("unshare", NEWUSER | NEWNS | NEWNET | NEWUTS)
        os.write(goes, b"!")
    finally:
        os.close(goes)
        _, status = os.waitpid(outside, 0)
    if status:
        raise PermissionError("users cannot be mapped")


def _move_root(readable: dict[str, str], hidden: list[str]) -> None:
    """A root folder in memory, which holds what may be read and nothing else, and cannot be written."""
    _mount("none", "/", "", REC | PRIVATE)
    _mount("tmpfs", "/tmp", "tmpfs", NOSUID | NODEV, "mode=0755")
    os.mkdir("/tmp/host")
    if libc.syscall(PIVOT_ROOT.get(os.uname().machine, -1), b"/tmp", b"/tmp/host"):
        raise _error("pivot_root")
    os.chdir("/")
    for path, real in readable.items():
        _show(path, real)
    for name in DEVICES:
        _bind(f"/host/dev/{name}", f"/dev/{name}")
    os.symlink("/proc/self/fd", "/dev/fd")
    os.symlink(FOLDER, "/dev/shm")
    os.mkdir(FOLDER)
    _bind("/host/proc", "/proc")  # another /proc may be mounted only where one is in sight
    for path in hidden:
        if os.path.isdir(path):
            _mount("tmpfs", path, "tmpfs", RDONLY, "size=4k,mode=0")
    _call("umount2", b"/host", DETACH)
    os.rmdir("/host")
    _protect("/", 0)


def _show(path: str, real: str) -> None:
    if os.path.lexists(path):
        return  # within a folder that is shown already
    host = "/host" + path
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
    attributes = (ctypes.c_uint64 * 4)(RDONLY | NOSUID | NODEV, 0, 0, 0)
    if libc.syscall(MOUNT_SETATTR, AT_FDCWD, path.encode(), flags, attributes, 32):
        raise _error(f"mount_setattr {path}")


def _mount(source: str, path: str, kind: str, flags: int, options: str = "") -> None:
    arguments = (os.fsencode(source), os.fsencode(path), kind.encode(), ctypes.c_ulong(flags), options.encode())
    if libc.mount(*arguments):
        raise _error(f"mount {kind or source} on {path}")


def _call(name: str, *arguments: object) -> None:
    if getattr(libc, name)(*arguments):
        raise _error(name)


def _error(what: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{what}: {os.strerror(number)}")


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)
