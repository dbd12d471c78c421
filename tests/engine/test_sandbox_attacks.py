"""Snippets that attack what is around them, each shown to work where nothing stops it. All of them are bounded.

They run as strictly as this system allows, and under what is left where namespaces are not allowed. What does not
hold in a place is attacked there all the same: then the run must say so.
"""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from vibe_pipeline.interactions.synthesize.sandbox import Isolation, Limits, isolation, probe, run, workers

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="what is attacked is Linux's")
pytestmark = LINUX


@pytest.fixture(scope="session")
def without_namespaces():
    """What is found where the system allows none, and we are not root."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(probe, "_modes", lambda: ["limits"])
        return probe._strictest()


@pytest.fixture(params=["strictest", "limits"])
def place(request, monkeypatch, without_namespaces) -> Isolation:
    """What holds here, then what holds without namespaces."""
    if request.param == "limits":
        monkeypatch.setattr(probe, "_found", without_namespaces)
    return isolation()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that any user can read: it is not the permissions of tmp_path that stop anybody."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name).resolve()


def unprotected(code: str, folder: Path) -> str:
    """The same attack as a plain process."""
    return subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=20).stdout


def attempt(*lines: str) -> str:
    """A snippet that prints whether these lines get through."""
    body = textwrap.indent("\n".join(lines), "    ")
    answer = "\n    print('through')\nexcept (OSError, ValueError):\n    print('stopped')"
    return f"import ctypes, os, resource, socket\ntry:\n{body}{answer}"


def holds(name: str, place: Isolation, output: str) -> None:
    """The attack was stopped, or the run has said that it might not be."""
    assert output == "stopped" or not getattr(place, name)


def test_where_the_system_allows_namespaces_everything_holds():
    """Else most of this file would be skipped without a word."""
    if shutil.which("unshare") is None or tuple(map(int, platform.release().split(".")[:2])) < (5, 14):
        pytest.skip("namespaces cannot be tried by other means, or are too old here")
    asked = ["unshare", "--user", "--map-root-user", "--mount", "--net", "--pid", "--fork", "--mount-proc", "true"]
    allowed = subprocess.run(asked, capture_output=True).returncode == 0
    assert isolation().missing == [] or not allowed


# Limits


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


# What outlives a run


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


# Files


@pytest.mark.parametrize("way", ["absolute", "symlink", "upwards", "through the root of its keeper"])
def test_a_snippet_does_not_write_outside_its_folder(place, tmp_path, way):
    tmp_path.chmod(0o777)
    canary = tmp_path / "canary"
    canary.write_text("alive")
    canary.chmod(0o666)
    paths = {
        "absolute": f"path = {str(canary)!r}",
        "symlink": f"path = 'link'\nos.symlink({str(canary)!r}, path)",
        "upwards": f"path = os.path.relpath({str(canary)!r})",
        "through the root of its keeper": f"path = '/proc/self/root' + {str(canary)!r}",
    }
    code = attempt(*paths[way].splitlines(), "with open(path, 'w') as file:", "    file.write('dead')")
    assert run(code).output == "stopped"
    assert canary.read_text() == "alive"
    (tmp_path / "elsewhere").mkdir()
    assert unprotected(code, tmp_path / "elsewhere").strip() == "through"
    assert canary.read_text() == "dead"


def test_no_other_folder_of_its_own_world_can_be_written():
    if isolation().missing:
        pytest.skip("it has no world of its own here")
    places = ["/left", "/dev/left", f"{Path(sys.executable).parent}/left", "/proc/sys/kernel/hostname"]
    assert {run(attempt(f"open({place!r}, 'w')")).output for place in places} == {"stopped"}


def test_a_snippet_reads_no_file_of_the_user(place, open_folder):
    secret = open_folder / "home" / ".netrc"
    secret.parent.mkdir()
    secret.write_text("token")
    code = attempt(f"open({str(secret)!r}).read()")
    assert run(code).output == "stopped"
    assert unprotected(code, open_folder).strip() == "through"


def test_of_a_project_a_snippet_reads_the_modules_alone(place, open_folder, monkeypatch):
    package, home = open_folder / "shop", open_folder / "shop" / "var"
    home.mkdir(parents=True)
    (package / "__init__.py").write_text("price = 3")
    (open_folder / ".env").write_text("TOKEN=1")
    (open_folder / "notes.txt").write_text("private")
    (home / "log").write_text("private")
    monkeypatch.setenv("VIBE_HOME", str(open_folder / "elsewhere"))
    assert run("import shop\nprint(shop.price)", search_path=str(open_folder)).output == "3"
    read = [
        attempt(f"open({str(path)!r}).read()")
        for path in (home / "log", open_folder / ".env", open_folder / "notes.txt")
    ]
    found = [run(code, search_path=str(open_folder)).output for code in read]
    assert found == ["through", "stopped", "stopped"]
    monkeypatch.setenv("VIBE_HOME", str(home))
    assert run(read[0], search_path=str(open_folder)).output == "stopped"


def test_modules_of_a_folder_that_is_named_can_be_imported_as_they_are_now(place, open_folder):
    (open_folder / "shop").mkdir()
    (open_folder / "shop" / "__init__.py").write_text("price = 3")
    assert run("import shop\nprint(shop.price)", search_path=str(open_folder)).output == "3"
    (open_folder / "shop" / "__init__.py").write_text("price = 4000")
    (open_folder / "till.py").write_text("from shop import price")
    assert run("import till\nprint(till.price)", search_path=str(open_folder)).output == "4000"


def test_what_can_be_imported_cannot_be_changed(place, open_folder):
    (open_folder / "shop").mkdir()
    (open_folder / "shop" / "__init__.py").write_text("price = 3")
    (open_folder / "shop").chmod(0o777)
    code = attempt("import shop", "open(shop.__file__.replace('__init__', 'new'), 'w')")
    assert run(code, search_path=str(open_folder)).output == "stopped"
    assert unprotected(code, open_folder).strip() == "through"


def test_python_and_the_installed_packages_can_be_read(place):
    code = "import multiprocessing, sqlite3, subprocess, sys\n"
    code += "multiprocessing.Lock()\n" if place.processes else ""
    code += "print(subprocess.check_output([sys.executable, '-c', 'import rich; print(rich.__name__)'], text=True))"
    assert run(code).output == "rich"


# The network


SERVERS = {
    "tcp": (socket.AF_INET, socket.SOCK_STREAM),
    "a name in the kernel": (socket.AF_UNIX, socket.SOCK_STREAM),
    "a file": (socket.AF_UNIX, socket.SOCK_STREAM),
}


@pytest.mark.parametrize("kind", SERVERS)
def test_a_snippet_does_not_reach_a_server_on_this_machine(place, tmp_path, kind):
    address = {
        "tcp": ("127.0.0.1", 0),
        "a name in the kernel": f"\0vibe-{os.getpid()}",
        "a file": str(tmp_path / "door"),
    }[kind]
    with socket.socket(*SERVERS[kind]) as server:
        server.bind(address)
        server.listen()
        family = f"socket.{SERVERS[kind][0].name}"
        code = attempt(f"with socket.socket({family}) as one:", f"    one.connect({server.getsockname()!r})")
        assert run(code).output == "stopped"
        assert unprotected(code, tmp_path).strip() == "through"


def test_a_snippet_has_no_sockets_that_namespaces_know_nothing_of(place):
    assert run(attempt("socket.socket(40, socket.SOCK_STREAM)")).output == "stopped"  # AF_VSOCK: the host of a machine
    assert (
        run(attempt("left, right = socket.socketpair()", "left.send(b'1')", "assert right.recv(1)")).output == "through"
    )


# Other processes and rights


def test_a_snippet_signals_no_process_but_its_own(tmp_path):
    place = isolation()
    for ways in ("isolated", "unprotected"):
        with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)"]) as helper:
            code = attempt(f"os.kill({helper.pid}, {int(signal.SIGTERM)})")
            if ways == "isolated":
                holds("processes", place, run(code).output)
                assert helper.poll() is None or not place.processes
            else:
                assert unprotected(code, tmp_path).strip() == "through"
                assert helper.wait(5) == -signal.SIGTERM
            helper.kill()


def test_a_snippet_sees_no_process_but_its_own():
    if not isolation().processes:
        pytest.skip("processes are not apart here, and the run says so")
    assert (
        run("import os\nprint(sorted(name for name in os.listdir('/proc') if name.isdigit()))").output == "['1', '2']"
    )
    assert run(attempt("open('/proc/1/environ').read()")).output == "stopped"
    assert run(attempt("open('/proc/1/mem', 'rb')")).output == "stopped"


def test_a_snippet_inherits_no_open_file():
    if not isolation().processes:
        pytest.skip("/proc is out of reach here")
    held = Path(__file__).open()  # noqa: SIM115
    os.set_inheritable(held.fileno(), True)
    assert run("import os\nprint(sorted(os.listdir('/proc/self/fd')))").output == "['0', '1', '2', '3']"  # 3: the list
    held.close()


@pytest.mark.parametrize(
    "call",
    [
        "unshare(0x10000000)",
        "umount2(b'/proc', 2)",
        "mount(b'none', b'/', None, 0x1020, None)",
        "sethostname(b'mine', 4)",
        "ptrace(16, 1, 0, 0)",
        "setuid(0)",
    ],
    ids=lambda call: call.partition("(")[0],
)
def test_a_snippet_has_no_right_to_undo_its_isolation(call):
    if isolation().missing:
        pytest.skip("there is none to undo: namespaces are not allowed here")
    assert run(attempt(f"if ctypes.CDLL(None).{call}:", "    raise OSError")).output == "stopped"


def test_a_snippet_that_ends_its_keeper_ends_itself():
    if isolation().missing:
        pytest.skip("the keeper is an init only where processes are apart")
    attacks = ("os.kill(1, 9)", "os.kill(1, 15)", "resource.prlimit(1, resource.RLIMIT_CPU, (0, 0))")
    found = run("\n".join(attempt(attack) for attack in attacks))
    assert found.error_type in {None, "Killed"}  # an init is sent what it never gets
    assert run("print('next')").output == "next"


def test_where_namespaces_are_not_allowed_one_warning_says_what_is_missing(monkeypatch, caplog):
    monkeypatch.setattr(probe, "_found", None)
    monkeypatch.setattr(probe, "_modes", lambda: ["limits"])
    held = run("").isolation
    run("")
    assert held is not None
    assert {"user", "processes"} <= set(held.missing)
    assert len(caplog.records) == 1
    for words in (*held.missing, "Allow user namespaces"):
        assert words in caplog.text
