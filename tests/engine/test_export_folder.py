"""The folder of an export: whole or not there at all, alone in its place, and without ids unless they are asked for."""

import os
import shutil
import signal
from pathlib import Path

import pytest

from tests.engine.curated import write_set
from tests.engine.exporting import ROWS, TOLD, TURNS
from vibe_pipeline.curate.export import handing_over, writing
from vibe_pipeline.curate.export.shapes import Shape
from vibe_pipeline.curate.export.writing import Wanted, export
from vibe_pipeline.errors import Busy, DiskFull, SettingsInvalid


def _die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_no_id_of_the_log_leaves_unless_it_is_asked_for(leave):
    for shape in Shape:
        made, _ = leave([TOLD, *ROWS], TURNS, shape=shape, name=shape)
        written = b"".join(path.read_bytes() for path in Path(made.folder).iterdir())
        assert b"_id" not in written
        assert b'"i1"' not in written
    _, files = leave(with_ids=True, name="with")
    assert files["test"][0].keys() == {"prompt", "completion", "example_id", "conversation_id", "interaction_ids"}
    assert files["test"][0]["interaction_ids"] == ["i2"]


@pytest.mark.parametrize("format", ["jsonl", "parquet"])
def test_the_same_export_is_found_done_and_another_is_refused(leave, format):
    made, _ = leave(format=format)
    before = {path.name: path.read_bytes() for path in Path(made.folder).iterdir()}
    assert leave(format=format)[0] == made
    with pytest.raises(
        SettingsInvalid, match=r"is not empty, and holds something else\. Name another folder with --out"
    ):
        leave(format=format, kinds=("conversation",))
    assert {path.name: path.read_bytes() for path in Path(made.folder).iterdir()} == before


def test_chunks_are_not_seen(leave, monkeypatch):
    rows = [*ROWS, *({"prompt": f"q{number}", "split": "validation"} for number in range(20))]
    whole = leave(rows, name="whole")
    monkeypatch.setattr(writing, "CHUNK", 3)
    assert leave(rows, name="parts")[1] == whole[1]


def test_a_folder_with_something_else_in_it_is_refused_before_any_work(leave, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    with pytest.raises(SettingsInvalid, match=r"out is not empty\. Name another"):
        leave()
    (tmp_path / "file").write_text("mine")
    with pytest.raises(SettingsInvalid, match=r"file is a file\. Name another"):
        leave(name="file")
    with pytest.raises(SettingsInvalid, match=r"below cannot be written: File exists\. Name another"):
        leave(name="file/below")


@pytest.mark.parametrize("name", ["x" * 300, "x" * 250, "loop"])
def test_a_name_that_can_be_none_is_refused_in_a_sentence(leave, tmp_path, name):
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(SettingsInvalid, match=r"cannot be written: .+\. Name another folder with --out"):
        leave(name=name)


def test_folders_above_are_made(leave):
    assert leave(name="a/b/c")[1]["test"]


@pytest.mark.parametrize("name", ["out", "link"])
def test_an_empty_folder_is_filled_and_stays_the_folder_that_it_was(leave, tmp_path, monkeypatch, name):
    (tmp_path / "out").mkdir()
    (tmp_path / "out").chmod(0o700)
    (tmp_path / "link").symlink_to("out")
    monkeypatch.chdir(tmp_path / "out")
    before = Path().stat()
    assert leave(name=name)[1]["test"]
    assert sorted(path.name for path in Path().iterdir()) == ["README.md", "test.jsonl", "train.jsonl", "val.jsonl"]
    after = (tmp_path / "out").stat()
    assert (after.st_ino, after.st_mode & 0o777) == (before.st_ino, 0o700)
    assert (tmp_path / "link").is_symlink()


@pytest.mark.parametrize("is_there", [False, True])
@pytest.mark.parametrize("moment", ["sync", "moved"])
def test_what_a_killed_export_leaves_goes_with_the_next_one(leave, tmp_path, monkeypatch, is_there, moment):
    """Killed before anything is in its place, or when the first of its files is."""
    leave(name="whole")
    if is_there:
        (tmp_path / "out").mkdir()
    real = Path.replace
    child = os.fork()
    if not child:  # without DuckDB, whose threads a fork does not have
        monkeypatch.setattr(Path, "replace", lambda one, other: (real(one, other), _die()))
        if moment == "sync":
            monkeypatch.setattr(handing_over, "sync", _die)
        with handing_over.handed_over(tmp_path / "out") as made:
            shutil.copytree(tmp_path / "whole", made, dirs_exist_ok=True)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    shutil.rmtree(tmp_path / "whole")
    made, files = leave()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "var"]
    assert sorted(path.name for path in Path(made.folder).iterdir()) == ["README.md", *sorted(made.files.values())]
    assert {split: len(rows) for split, rows in files.items()} == made.rows


@pytest.mark.parametrize("is_there", [False, True])
def test_two_exports_to_one_folder_do_not_mix(leave, tmp_path, is_there):
    if is_there:
        (tmp_path / "out").mkdir()
    with handing_over.handed_over(tmp_path / "out") as other:
        (other / "README.md").write_text("the first")
        with pytest.raises(Busy, match=r"another process is exporting to .*out\. Wait until it ends, or name another"):
            leave()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["README.md"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "var"]


def test_the_card_of_a_folder_that_was_there_comes_last(leave, tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    moved, real = [], Path.replace
    monkeypatch.setattr(Path, "replace", lambda one, other: (moved.append(other.name), real(one, other))[1])
    leave()
    assert sorted(moved[-4:-1]) == ["test.jsonl", "train.jsonl", "val.jsonl"]
    assert moved[-1] == "README.md"


def test_what_fails_leaves_nothing_behind(leave, tmp_path):
    for wanted in ({"kinds": ("preference",), "shape": Shape.TEXT}, {"kinds": ("poetry",)}):
        with pytest.raises(SettingsInvalid):
            leave(**wanted)
    with pytest.raises(SettingsInvalid, match=r"has no examples\. Name another generation"):
        leave([])
    assert [path.name for path in tmp_path.iterdir() if path.name != "var"] == []


def test_errors_say_what_there_is(leave):
    with pytest.raises(
        SettingsInvalid, match=r"'poetry'\. Name some of: code_generation, conversation, document, preference"
    ):
        leave(kinds=("poetry",))
    with pytest.raises(SettingsInvalid, match="no row for the shape text: 1 preference: compares two answers"):
        leave(kinds=("preference",), shape=Shape.TEXT)


def test_the_folder_is_for_others_as_far_as_its_owner_lets_them(leave):
    mask = os.umask(0o027)
    try:
        made, _ = leave()
    finally:
        os.umask(mask)
    folder = Path(made.folder)
    assert folder.stat().st_mode & 0o777 == 0o750
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o640}


def test_a_full_disk_is_said_and_leaves_nothing(store, small_disk):
    rows = [{"prompt": f"{number} " + "x" * 4_000_000, "completion": "y"} for number in range(3)]
    with pytest.raises(DiskFull, match="the disk is full"):
        export(store, write_set(store, 0, rows), Wanted(folder=small_disk / "out"), [])
    assert list(small_disk.iterdir()) == []
