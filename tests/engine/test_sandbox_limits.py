"""Snippets that want more than their limits, or to outlive their run. All of them are bounded.

They run as strictly as this system allows, and under what is left where namespaces are not allowed. What does not
hold in a place is attacked there all the same: then the run must have said so.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from tests.engine.attacks import attempt, unprotected
from vibe_pipeline.sandbox import Limits, isolation, run, workers

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what is attacked is Linux's")


FORKS = """
import os, time
children = []
for _ in range(40):
    try:
        children.append(os.fork())
    except OSError:
        break
    if not children[-1]:
        time.sleep(20)
        os._exit(0)
print(len(children))
"""


def test_a_snippet_has_no_more_processes_than_its_limit(place):
    if os.getuid() == 0 and not place.user:
        pytest.skip("as root without another user to become, no limit of processes binds, and the run says so")
    forked = int(run(FORKS, limits=Limits(processes=16)).output)
    assert forked == 15 if place.processes else 5 < forked < 25  # a user's other processes are counted, and come and go
    assert run(FORKS, limits=Limits(processes=80)).output == "40"


def test_a_snippet_has_no_more_memory_than_its_limit(place):
    code = "wall = bytes(2 << 30)\nprint(len(wall))"
    assert run(code, limits=Limits(memory_bytes=512 << 20)).error_type == "MemoryError"
    assert run(code, limits=Limits(memory_bytes=3 << 30)).output == str(2 << 30)


SHARES = """
import os, time
ready, says = os.pipe()
for _ in range(4):
    if os.fork() == 0:
        held = b"x" * (24 << 20)
        os.write(says, b"!")
        time.sleep(20)
for _ in range(4):
    os.read(ready, 1)
time.sleep(0.3)
print("held")
"""


def test_children_share_the_memory_of_their_snippet():
    if not isolation().processes:
        pytest.skip("all memory of a snippet is counted where its processes are apart")
    assert run(SHARES, limits=Limits(memory_bytes=128 << 20)).error_type == "MemoryError"
    assert run(SHARES, limits=Limits(memory_bytes=400 << 20)).output == "held"


@pytest.mark.parametrize("call", ["os.memfd_create('hidden')", "ctypes.CDLL(None, use_errno=True).shmget"])
def test_memory_that_nobody_counts_is_refused(place, call, tmp_path):
    code = attempt(call) if "memfd" in call else attempt(f"if {call}(0, 1 << 20, 0o1600) < 0:", "    raise OSError")
    assert run(code).output == "stopped"
    if "memfd" in call:
        assert unprotected(code, tmp_path).strip() == "through"


FILE = """
written = 0
with open("wall", "wb", buffering=0) as file:
    for _ in range({megabytes}):
        written += file.write(bytes(1 << 20))
print(written >> 20)
"""


def test_a_file_grows_no_larger_than_its_limit(place):
    assert run(FILE.format(megabytes=1024), limits=Limits(file_bytes=10 << 20)).output.endswith("File too large")
    assert run(FILE.format(megabytes=12), limits=Limits(file_bytes=20 << 20)).output == "12"


def test_files_together_grow_no_larger_than_their_limit():
    if not isolation().files or not isolation().processes:
        pytest.skip("a folder has a size where it is in memory")
    code = (
        "import pathlib\nfor name in 'abcdefgh':\n    pathlib.Path(name).write_bytes(bytes(1 << 20))\nprint('filled')"
    )
    assert run(code, limits=Limits(disk_bytes=4 << 20)).output.endswith("No space left on device")
    assert run(code, limits=Limits(disk_bytes=16 << 20)).output == "filled"


@pytest.mark.parametrize("name", ["RLIMIT_AS", "RLIMIT_CPU", "RLIMIT_FSIZE", "RLIMIT_NPROC", "RLIMIT_NOFILE"])
def test_a_snippet_cannot_lift_its_own_limits(place, name):
    hard = f"resource.getrlimit(resource.{name})[1]"
    assert run(attempt(f"resource.setrlimit(resource.{name}, ({hard}, {hard} + 1))")).output == "stopped"


def named(name: str) -> list[int]:
    """Processes of that name, anywhere on this machine."""
    found = []
    for comm in Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):
            if comm.read_text().strip() == name:
                found.append(int(comm.parent.name))
    return found


ORPHAN = """
import ctypes, os, time
ready, says = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        ctypes.CDLL(None).prctl(15, b"{name}", 0, 0, 0)
        os.write(says, b"!")
        end = time.monotonic() + 20
        while time.monotonic() < end:
            pass
    os._exit(0)
os.read(ready, 1)
time.sleep({seconds})
"""


@pytest.mark.parametrize("seconds", [0.3, 20], ids=["its parent ended", "its time is over"])
def test_a_busy_child_that_was_orphaned_is_dead_when_its_snippet_is(place, seconds):
    name = f"orphan{os.getpid() % 100000}"
    code = ORPHAN.format(name=name, seconds=seconds)
    running = threading.Thread(target=run, args=(code,), kwargs={"limits": Limits(seconds=0.8)})
    running.start()
    while running.is_alive() and not (seen := named(name)):
        time.sleep(0.01)
    running.join()
    assert len(seen) == 1
    assert named(name) == []


def test_a_folder_on_disk_goes_with_its_snippet(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with workers.Worker("limits", None) as worker:
        answer = worker.ask("import os\nopen('left', 'w').write('over')\nprint(os.getcwd())", Limits())
    assert answer["stdout"].startswith(str(tmp_path))
    assert list(tmp_path.iterdir()) == []
