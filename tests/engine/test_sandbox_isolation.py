"""Snippets that attack what is around them, each shown to work where nothing stops it.

They run as strictly as this system allows, and under what is left where namespaces are not allowed. What does not
hold in a place is attacked there all the same: then the run must have said so.
"""

from __future__ import annotations

import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.attacks import attempt, unprotected
from vibe_pipeline.sandbox import Isolation, isolation, probe, run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what is attacked is Linux's")


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
    found = run("import os\nprint(sorted(os.listdir('/proc/self/fd')))")
    assert found.output == "['0', '1', '2', '3', '4']"  # 3: where wants are told, 4: the list
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
