"""What a snippet may read: Python, the installed packages and the modules on sys.path; not the user's files.

Of a folder on sys.path outside Python (an editable install, a folder that the caller named) only the modules: beside
them lie a project's data, its keys, its history, and often the log itself.
"""

from __future__ import annotations

import os
import sys

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store")
SYSTEM_FILES = ("/etc/alternatives", "/etc/ld.so.cache", "/etc/localtime", "/etc/mime.types")
PARTS = ("bin", "lib", "lib64", "share", "pyvenv.cfg")
"""What is Python in the folder where it is installed, which may be a project or a home."""
OF_MODULES = (".py", ".so", ".libs", ".dist-info", ".egg-info")
"""Modules, the libraries that wheels bring beside them, and what importlib.metadata reads."""
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


def readable() -> dict[str, str]:
    """Paths as Python spells them → where they really lie, outer folders first."""
    modules = [entry.path for folder in folders() for entry in os.scandir(folder) if _is_module(entry)]
    found: dict[str, str] = {}
    for path in [*_whole(), *SYSTEM_FILES, *modules]:
        real = os.path.realpath(path)
        if os.path.exists(real):
            found |= {path: real, real: real}
    return dict(sorted(found.items()))


def folders() -> list[str]:
    """The folders on sys.path outside Python, in which names are looked up."""
    return [path for path in sys.path if os.path.isdir(path) and not any(_is_within(path, whole) for whole in _whole())]


def without(hidden: list[str]) -> list[str]:
    """Where the readable really lies, but for what holds one of the folders `hidden`."""
    secrets = [os.path.realpath(path) for path in hidden]
    return [real for real in readable().values() if not any(_is_within(secret, real) for secret in secrets)]


def _is_within(path: str, folder: str) -> bool:
    """Whether a path is a folder or lies in it."""
    return (path + "/").startswith(folder.rstrip("/") + "/")


def _whole() -> list[str]:
    prefixes = {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix}
    return [*SYSTEM, *(os.path.join(prefix, part) for prefix in prefixes for part in PARTS)]


def _is_module(entry: os.DirEntry[str]) -> bool:
    if entry.name.startswith("."):
        return False
    return entry.name.endswith(OF_MODULES) or os.path.exists(os.path.join(entry.path, "__init__.py"))
