"""Where output goes: a link and a pipe stay what they are, and a full disk is said in a sentence."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from vibe_pipeline.errors import SettingsInvalid
from vibe_pipeline.outside import write


def test_a_link_is_followed_and_stays(tmp_path):
    (tmp_path / "page.html").write_text("old")
    (tmp_path / "link.html").symlink_to("page.html")
    write(tmp_path / "link.html", "new")
    assert (tmp_path / "link.html").is_symlink()
    assert (tmp_path / "page.html").read_text() == "new"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_pipe_is_written_to_and_stays(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=write, args=(tmp_path / "pipe", "page"))
    writer.start()
    assert (tmp_path / "pipe").read_text() == "page"
    writer.join()
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.parametrize("name", ["loop", "x" * 300, "folder"])
def test_what_can_be_no_file_is_refused_in_a_sentence(tmp_path, name):
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "folder").mkdir()
    with pytest.raises(SettingsInvalid, match=r"cannot be written: .+\. Name another file"):
        write(tmp_path / name, "page")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
def test_output_for_which_there_is_no_room_is_told_in_one_line():
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-c", "from vibe_pipeline.cli import main; main()", "--help"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "vibe: the disk is full: the output could not be written. Free some room, or send it elsewhere."
    ]
