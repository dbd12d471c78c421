"""System calls of Linux that Python does not offer, by ctypes; OSError with the call's name where one is refused."""

from __future__ import annotations

import ctypes
import os

SET_PDEATHSIG, SET_DUMPABLE, SET_SECCOMP, SET_SUBREAPER, SET_NO_NEW_PRIVS = 1, 4, 22, 36, 38

libc = ctypes.CDLL(None, use_errno=True)


def call(name: str, *arguments: object) -> int:
    """A function of the C library."""
    return _checked(name, getattr(libc, name)(*arguments))


def system_call(name: str, number: int, *arguments: object) -> int:
    """A call that the C library has no function for."""
    return _checked(name, libc.syscall(ctypes.c_long(number), *arguments))


def control(option: int, value: int, pointer: object = None) -> None:
    """prctl(2)."""
    call("prctl", option, ctypes.c_ulong(value), pointer or ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0))


def _checked(name: str, result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result
