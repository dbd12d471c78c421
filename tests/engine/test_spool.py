"""What `append` returned for is in the file, whole, whatever happens next: threads, forks, a sealer, a full disk."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

import pytest

from vibe_pipeline.errors import DiskFull, SettingsInvalid
from vibe_pipeline.interactions import spool as module
from vibe_pipeline.interactions.spool import Spool, take


def lines_in(folder: Path) -> list[bytes]:
    return sorted(line for path in folder.glob("*.jsonl") for line in path.read_bytes().splitlines())


def test_lines_are_in_the_file_when_append_returns(tmp_path):
    Spool(tmp_path / "spool").append([b"one", b"two"])
    assert lines_in(tmp_path / "spool") == [b"one", b"two"]


def test_the_spool_is_private_to_its_owner(tmp_path):
    Spool(tmp_path / "a" / "spool").append([b"one"])
    modes = [path.stat().st_mode & 0o777 for path in (tmp_path / "a", *(tmp_path / "a" / "spool").glob("*.jsonl"))]
    assert modes == [0o700, 0o600]


def test_threads_never_mix_their_lines(tmp_path):
    spool = Spool(tmp_path)
    wanted = sorted(b"%d-%d-" % (thread, number) + b"x" * 500 for thread in range(8) for number in range(25))

    def write(thread: int):
        for number in range(25):
            spool.append([b"%d-%d-" % (thread, number) + b"x" * 500])

    threads = [threading.Thread(target=write, args=[thread]) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lines_in(tmp_path) == wanted


def test_a_forked_child_writes_to_its_own_file(tmp_path):
    spool = Spool(tmp_path)
    spool.append([b"parent before"])
    child = os.fork()
    if child == 0:
        spool.append([b"child"])
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    spool.append([b"parent after"])
    assert sorted(path.read_bytes() for path in tmp_path.glob("*.jsonl")) == [
        b"child\n",
        b"parent before\nparent after\n",
    ]


def test_a_child_does_not_wait_for_a_lock_that_another_thread_of_its_parent_held(tmp_path):
    spool = Spool(tmp_path)
    held, forked = threading.Event(), threading.Event()

    def hold():
        with spool._lock:
            held.set()
            forked.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    child = os.fork()
    if child == 0:
        spool.append([b"child"])
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    forked.set()
    holder.join()
    assert status == 0


@contextmanager
def interrupted_at(place: int, interrupt: Callable[[], None]) -> Iterator[list[int]]:
    """Calls `interrupt` before the instruction of that number in spool.py, as a signal would; the list grows by it."""
    reached: list[int] = []
    seen = 0

    def trace(frame: FrameType, event: str, _: object):
        nonlocal seen
        if frame.f_code.co_filename != module.__file__:
            return None
        frame.f_trace_opcodes = True
        seen += event == "opcode"
        if event == "opcode" and seen == place:
            reached.append(place)
            sys.settrace(None)
            interrupt()
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield reached
    finally:
        sys.settrace(before)


@pytest.mark.parametrize("begun", [True, False], ids=["in an old file", "in a new file"])
@pytest.mark.parametrize("also", ["append", "close", "raise"])
def test_a_signal_that_logs_at_any_moment_neither_hangs_nor_mixes_lines(tmp_path, monkeypatch, begun, also):
    """Every instruction of an append is interrupted by a handler that appends, and then returns, closes or raises."""
    monkeypatch.setattr(module.os, "fsync", lambda _: None)

    def handler():
        spool.append([b"handler"])
        if also == "close":
            spool.close()
        if also == "raise":
            raise KeyboardInterrupt

    place, reached = 0, [0]
    while reached:
        place += 1
        folder = tmp_path / str(place)
        spool = Spool(folder)
        wanted = [b"after", b"handler", b"interrupted"]
        if begun:
            spool.append([b"before"])
            wanted.append(b"before")
        with suppress(KeyboardInterrupt), interrupted_at(place, handler) as reached:
            spool.append([b"interrupted"])
        spool.append([b"after"])
        spool.close()
        found = lines_in(folder)
        if also == "raise" and b"interrupted" not in found:  # nobody was told that it is kept
            wanted.remove(b"interrupted")
        if not reached:
            wanted.remove(b"handler")
        assert found == sorted(wanted), place
    assert place > 100


def test_a_spool_that_nobody_closed_gives_its_descriptor_back(tmp_path):
    before = len(list(Path("/dev/fd").iterdir()))
    for number in range(50):
        Spool(tmp_path).append([b"%d" % number])
    assert len(list(Path("/dev/fd").iterdir())) <= before
    assert len(lines_in(tmp_path)) == 50


def test_a_place_that_cannot_be_written_is_told_in_words(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for place in ("file", "file/spool", "loop/spool"):
        with pytest.raises(SettingsInvalid, match=rf"nothing can be logged to .*{place}.* Set VIBE_HOME"):
            Spool(tmp_path / place).append([b"one"])


def test_a_writer_goes_on_in_a_new_file_after_its_spool_was_taken(tmp_path):
    spool = Spool(tmp_path / "spool")
    spool.append([b"before"])
    (first,) = (tmp_path / "spool").glob("*.jsonl")
    take(first, tmp_path / "taken.jsonl")
    spool.append([b"after"])
    assert (tmp_path / "taken.jsonl").read_bytes() == b"before\n"
    assert lines_in(tmp_path / "spool") == [b"after"]


def test_half_a_line_is_removed_when_the_disk_is_full(tmp_path, monkeypatch):
    spool = Spool(tmp_path)
    spool.append([b"good"])
    really_write = os.write
    results = iter([lambda fd, data: really_write(fd, bytes(data[:3])), full])
    monkeypatch.setattr(module.os, "write", lambda fd, data: next(results)(fd, data))
    with pytest.raises(DiskFull, match="Free some room"):
        spool.append([b"never whole"])
    monkeypatch.undo()
    spool.append([b"good again"])
    assert lines_in(tmp_path) == [b"good", b"good again"]


def test_half_a_line_that_could_not_be_removed_at_once_is_removed_by_the_next_append(tmp_path, monkeypatch):
    spool = Spool(tmp_path)
    spool.append([b"good"])
    really_write = os.write
    results = iter([lambda fd, data: really_write(fd, bytes(data[:3])), full])
    monkeypatch.setattr(module.os, "write", lambda fd, data: next(results)(fd, data))
    monkeypatch.setattr(module.os, "ftruncate", full)
    with pytest.raises(DiskFull):
        spool.append([b"never whole"])
    monkeypatch.undo()
    spool.append([b"good again"])
    assert lines_in(tmp_path) == [b"good", b"good again"]


def test_nothing_is_created_before_the_first_line(tmp_path):
    Spool(tmp_path / "spool").append([])
    assert not (tmp_path / "spool").exists()


def full(*_):
    raise OSError(28, "No space left on device")
