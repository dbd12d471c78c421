"""Snippets that misbehave: each limit stops its offender, and nothing of the machine shows."""

from __future__ import annotations

import os
import time

import pytest

from vibe_pipeline.interactions.synthesize.sandbox import Limits, run

SMALL = Limits(seconds=1.0, memory_bytes=256 << 20, output_bytes=4096)


def test_a_working_snippet_gives_what_it_printed():
    assert run("print('done')").output == "done"


def test_a_failing_snippet_shows_its_own_line_and_the_error_alone():
    found = run("import json\n\njson.loads('{')")
    assert not found.worked
    assert found.error_type == "JSONDecodeError"
    assert found.output.splitlines()[:3] == [
        "Traceback (most recent call last):",
        '  File "snippet.py", line 3, in <module>',
        "    json.loads('{')",
    ]
    assert len(found.output.splitlines()) == 4


def test_an_import_error_does_not_tell_where_the_module_lies():
    assert run("from shutil import copi").output.endswith("ImportError: cannot import name 'copi' from 'shutil'")


def test_a_snippet_that_loops_forever_is_stopped():
    assert run("while True:\n    pass", limits=SMALL).error_type == "Timeout"


def test_a_snippet_that_allocates_too_much_is_stopped():
    assert run("wall = bytearray(1 << 30)", limits=SMALL).error_type == "MemoryError"


def test_a_snippet_that_prints_without_end_is_stopped():
    found = run("while True:\n    print('again' * 100)", limits=SMALL)
    assert not found.worked
    assert len(found.output) <= SMALL.output_bytes


def test_children_end_with_their_snippet():
    code = "import subprocess, sys\nprint(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']).pid)"
    child = int(run(code).output)
    for _ in range(50):
        if not _is_alive(child):
            break
        time.sleep(0.05)
    assert not _is_alive(child)


def _is_alive(pid):
    try:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123 - a killed child may wait to be reaped
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_nothing_of_the_users_environment_or_input_is_there(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "secret")
    found = run(
        "import os, sys\nprint(os.environ.get('HF_TOKEN'), repr(sys.stdin.read()), os.listdir('.').count('snippet.py'))"
    )
    assert found.output == "None '' 1"


@pytest.mark.parametrize("code", ["raise SystemExit(3)", "import os\nos.abort()"])
def test_an_exit_without_a_traceback_is_no_output(code):
    found = run(code)
    assert (found.worked, found.output) == (False, "")
