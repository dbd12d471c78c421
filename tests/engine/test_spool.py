"""What `append` returned for is in the file, whole, whatever happens next: threads, forks, a sealer, a full disk."""

import os
import threading
from pathlib import Path

import pytest

from vibe_pipeline.errors import DiskFull
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
    with spool._lock:
        child = os.fork()
        if child == 0:
            spool.append([b"child"])
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


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
