"""Watching a folder: each operation once, whatever the system reports, and nothing at the end is lost."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Event, Timer

import pytest

from vibe_pipeline.errors import SourceUnreadable
from vibe_pipeline.interactions import watching
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.interactions.watching import Folder

MAIN = "from vibe_pipeline.cli import main; main()"


@pytest.fixture
def root(tmp_path) -> Path:
    (tmp_path / "work" / "deep").mkdir(parents=True)
    (tmp_path / "work" / "a.txt").write_text("one\ntwo\n")
    (tmp_path / "work" / "deep" / "b.txt").write_text("b\n")
    return tmp_path / "work"


@pytest.fixture
def folder(root, tmp_path) -> Folder:
    return Folder(root, tmp_path / "home")


def told(operations) -> list[tuple[str, str]]:
    return [(it.action, it.path) for it in operations]


def test_each_operation_is_seen_once(folder, root):
    (root / "new.txt").write_text("new\n")
    (root / "a.txt").write_text("one\n2\n")
    (root / "deep" / "b.txt").unlink()
    seen = [root / name for name in ("new.txt", "a.txt", "deep/b.txt")]
    assert told(folder.look(seen)) == [("modified", "a.txt"), ("deleted", "deep/b.txt"), ("created", "new.txt")]
    assert folder.look(seen) == folder.look([root]) == []


def test_a_move_is_one_operation_and_so_is_that_of_each_file_of_a_folder(folder, root):
    (root / "a.txt").rename(root / "deep" / "c.txt")
    (root / "deep").rename(root / "moved")
    found = folder.look([root / "a.txt", root / "deep", root / "moved"])
    assert [(it.action, it.moved_from, it.path) for it in found] == [
        ("moved", "deep/b.txt", "moved/b.txt"),
        ("moved", "a.txt", "moved/c.txt"),
    ]


def test_a_save_by_rename_is_a_modification(folder, root):
    (root / "a.txt~").write_text("one\n2\n")
    (root / "a.txt~").replace(root / "a.txt")
    assert told(folder.look([root / "a.txt", root / "a.txt~"])) == [("modified", "a.txt")]


def test_a_file_that_was_only_touched_is_not_modified(folder, root):
    os.utime(root / "a.txt", (1, 1))
    assert folder.look([root / "a.txt"]) == []


@pytest.mark.parametrize("name", [".hidden", ".git/x", "node_modules/x.js", "__pycache__/x.pyc", "a.txt~", "home/x"])
def test_noise_and_the_log_itself_are_left_alone(root, name):
    folder = Folder(root, root / "home")
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).write_text("x")
    assert folder.look([root / name]) == folder.look([root / name.partition("/")[0]]) == folder.look([root]) == []


def test_links_lead_nowhere(folder, root):
    (root / "loop").symlink_to(root)
    (root / "link.txt").symlink_to(root / "a.txt")
    assert folder.look([root]) == []


def test_links_to_one_file_go_one_by_one(folder, root):
    for name in ("h1", "h2", "h3"):
        (root / name).hardlink_to(root / "a.txt")
    folder.look([root])
    (root / "h1").unlink()
    (root / "h2").unlink()
    (root / "h3").rename(root / "h4")
    assert sorted(told(folder.look([root]))) == [("deleted", "h2"), ("deleted", "h3"), ("moved", "h4")]


def test_what_may_not_be_read_for_a_while_was_neither_deleted_nor_created(folder, root, monkeypatch):
    os.utime(root / "a.txt", (1, 1))
    (root / "deep").rename(root.parent / "elsewhere")  # nothing in it is found, as in a folder that may not be read
    monkeypatch.setattr(Path, "lstat", refused)
    assert folder.look([root]) == []
    monkeypatch.undo()
    (root.parent / "elsewhere").rename(root / "deep")
    assert folder.look([root]) == []


def refused(path: Path) -> None:
    raise PermissionError


def logged(home: Path) -> list[dict]:
    spools = (home / "log" / "interactions" / "spool").glob("*.jsonl")
    return [json.loads(line) for spool in spools for line in spool.read_text().splitlines()]


def test_what_happened_before_the_end_is_logged_with_its_diff(root, tmp_path):
    stop = Event()
    watched = watching.watch(root, InteractionLogger(tmp_path / "home"), stop)
    assert next(watched) == 2
    (root / "a.txt").write_text("one\n2\n")
    (root / "raw.bin").write_bytes(b"\0\1\2")
    stop.set()
    assert sum(watched) == 2
    changed, made = sorted(logged(tmp_path / "home"), key=lambda row: row["input"])
    assert (
        changed.items()
        >= {
            **{"module": "files", "action": "modified", "input": "a.txt", "success": True, "source": "watch"},
            "output": "--- a.txt\n+++ a.txt\n@@ -1,2 +1,2 @@\n one\n-two\n+2",
        }.items()
    )
    assert json.loads(changed["extra"]) == {"path": "a.txt", "size_before": 8, "size": 6}
    assert (made["action"], made["output"], json.loads(made["extra"])["size"]) == ("created", "", 3)


def test_a_name_that_is_no_utf8_costs_no_operation(root, tmp_path):
    stop = Event()
    watched = watching.watch(root, InteractionLogger(tmp_path / "home"), stop)
    next(watched)
    timer = Timer(0.3, lambda: (strange(root).write_bytes(b""), (root / "a.txt").write_text("one\n2\n")))
    timer.start()
    assert next(number for number in watched if number) == 1
    (root / "new.txt").write_text("new\n")
    assert next(number for number in watched if number) == 1
    stop.set()
    assert sum(watched) == 0
    assert [row["input"] for row in logged(tmp_path / "home")] == ["a.txt", "new.txt"]


def strange(root: Path) -> Path:
    (root / "node_modules").mkdir()
    return root / "node_modules" / "caf\udce9.txt"


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (OSError("OS file watch limit reached."), "fewer files"),
        (FileNotFoundError("No path"), "Check that it is there"),
    ],
)
def test_one_that_cannot_be_watched_says_why_and_what_happened_before_is_logged(
    root, tmp_path, monkeypatch, error, remedy
):
    def failing(*_, **__):
        (root / "a.txt").write_text("changed\n")
        raise error

    monkeypatch.setattr("watchfiles.watch", failing)
    watched = watching.watch(root, InteractionLogger(tmp_path / "home"), Event())
    next(watched)
    with pytest.raises(SourceUnreadable, match=f"cannot be watched: {error}.*{remedy}"):
        next(watched)
    assert [row["input"] for row in logged(tmp_path / "home")] == ["a.txt"]


def test_long_diffs_are_cut_and_large_files_have_none(root, tmp_path):
    stop = Event()
    watched = watching.watch(root, InteractionLogger(tmp_path / "home"), stop)
    next(watched)
    (root / "long.txt").write_text("line\n" * 9_000)
    (root / "large.txt").write_text("x" * (watching.TEXT_LIMIT + 1))
    stop.set()
    assert sum(watched) == 2
    outputs = {row["input"]: row["output"] for row in logged(tmp_path / "home")}
    assert len(outputs["long.txt"]) < watching.DIFF_LIMIT + 100
    assert outputs["long.txt"].endswith(" more lines]")
    assert outputs["large.txt"] == ""


def test_texts_are_remembered_up_to_a_limit(root, tmp_path, monkeypatch):
    monkeypatch.setattr(watching, "TEXTS_LIMIT", 5)
    folder = Folder(root, tmp_path / "home")
    assert sum(state.text is not None for state in folder.states.values()) == 1
    assert folder.kept == sum(len(state.text or "") for state in folder.states.values())


@pytest.mark.parametrize("below", [".", "inner"])
def test_a_folder_in_the_home_is_not_watched_and_one_line_says_so(tmp_path, below):
    (tmp_path / "home" / "inner").mkdir(parents=True)
    with pytest.raises(SourceUnreadable, match="lies in the home of the log"):
        next(watching.watch(tmp_path / "home" / below, InteractionLogger(tmp_path / "home"), Event()))


def test_what_is_no_folder_is_one_line(root, tmp_path):
    with pytest.raises(SourceUnreadable, match=r"a\.txt is no folder"):
        next(watching.watch(root / "a.txt", InteractionLogger(tmp_path / "home"), Event()))


def test_the_command_logs_as_it_goes_and_ends_in_one_sentence(root, tmp_path, toml):
    (tmp_path / "vibe.toml").write_text(toml.text)
    environment = {**os.environ, "VIBE_HOME": str(tmp_path / "var"), "VIBE_CONFIG": str(tmp_path / "vibe.toml")}
    command = [sys.executable, "-c", MAIN, "log", "watch", str(root)]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr.readline().startswith("watching 2 files")
        (root / "a.txt").write_text("changed\n")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (0, f"Logged 1 file operations in {root}.\n", "")
    assert [row["input"] for row in logged(tmp_path / "var")] == ["a.txt"]
