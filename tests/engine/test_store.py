"""Bytes get to their names whole or not at all, and their names say what they are."""

import errno
import os
import stat
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vibe_pipeline import durable
from vibe_pipeline.database import connect
from vibe_pipeline.errors import Busy, DiskFull, LedgerDamaged, SettingsInvalid, is_full
from vibe_pipeline.fingerprint import sha_of_bytes, sha_of_file, sha_of_folder
from vibe_pipeline.store import ROW_GROUP, Store, sql_list

TABLE = pa.table({"a": list(range(10))})


def everything(store: Store) -> set[str]:
    return {path.relative_to(store.root).as_posix() for path in store.root.rglob("*") if path.is_file()}


def fail_half_way(folder):
    (folder / "first").write_text("written")
    raise RuntimeError("cut off")


def test_what_is_written_is_read_and_can_be_replaced(store):
    store.write("a/b", b"old")
    store.write("a/b", b"new")
    assert store.path("a/b").read_bytes() == b"new"
    assert everything(store) == {"a/b"}


def test_a_write_that_fails_half_way_leaves_the_old_bytes_and_nothing_else(store, monkeypatch):
    store.write("a/b", b"old")
    really_sync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(5, "Input/output error")))
    with pytest.raises(OSError, match="Input/output"):
        store.write("a/b", b"new")
    monkeypatch.setattr(os, "fsync", really_sync)
    assert store.path("a/b").read_bytes() == b"old"
    assert everything(store) == {"a/b"}


def test_a_folder_that_fails_half_way_does_not_exist(store):
    with pytest.raises(RuntimeError, match="cut off"):
        store.write_folder("models", fail_half_way)
    assert everything(store) == set()


def test_tables_and_folders_are_named_by_their_content(store):
    sha = store.write_table("examples", TABLE)
    assert sha == sha_of_file(store.existing(f"examples/{sha}.parquet"))
    folder = store.write_folder("models", lambda path: (path / "f").write_bytes(b"x"))
    assert folder == sha_of_folder(store.existing(f"models/{folder}"))
    assert folder == store.write_folder("models", lambda path: (path / "f").write_bytes(b"x"))
    assert folder != store.write_folder("models", lambda path: (path / "g").write_bytes(b"x"))


def test_two_processes_that_publish_the_same_folder_at_once_both_succeed(store, monkeypatch):
    """The other one publishes after we looked whether it is there and before we rename ours."""
    really_sync, others = os.fsync, []

    def fill(folder):
        (folder / "f").write_bytes(b"x")

    def sync(descriptor: int):
        monkeypatch.setattr(os, "fsync", really_sync)
        others.append(Store(store.root).write_folder("models", fill))
        really_sync(descriptor)

    monkeypatch.setattr(os, "fsync", sync)
    sha = store.write_folder("models", fill)
    assert ([sha], everything(store)) == (others, {f"models/{sha}/f"})


def test_the_same_table_is_the_same_file_whatever_its_chunks_and_metadata(store):
    chunked = pa.concat_tables([TABLE.slice(0, 3), TABLE.slice(3)]).replace_schema_metadata({"from": "elsewhere"})
    assert store.write_table("t", TABLE) == store.write_table("t", chunked)
    assert len(everything(store)) == 1


def test_every_parquet_file_carries_its_schema_version_and_small_row_groups(store):
    store.write_parquet("t.parquet", pa.table({"a": list(range(ROW_GROUP + 1))}))
    file = pq.ParquetFile(store.path("t.parquet"))
    assert file.schema_arrow.metadata[b"schema_version"] == b"1"
    assert [file.metadata.row_group(i).num_rows for i in range(2)] == [ROW_GROUP, 1]


def test_a_frame_is_read_back(store):
    store.write_parquet("t.parquet", TABLE)
    assert store.read_frame("t.parquet").equals(pl.DataFrame({"a": list(range(10))}))


def test_names_are_sorted_and_hide_what_is_unfinished(store):
    for name in ("b.json", "a.json", "c.txt", ".hidden.json", "deeper/d.json"):
        store.write(f"folder/{name}", b"{}")
    assert store.names("folder", ".json") == ["folder/a.json", "folder/b.json"]
    assert store.names("nowhere") == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", None])
def test_json_that_cannot_be_read_is_damage(store, content):
    if content is not None:
        store.write("a.json", content)
    with pytest.raises(LedgerDamaged, match=r"a\.json cannot be read"):
        store.read_json("a.json")


def test_what_is_not_finite_is_not_written(store):
    with pytest.raises(ValueError, match="JSON compliant"):
        store.write_json("a.json", {"loss": float("nan")})
    assert everything(store) == set()


def test_a_missing_artifact_is_damage(store):
    with pytest.raises(LedgerDamaged, match="nothing is missing"):
        store.existing("nothing")


@pytest.mark.parametrize("kept", [0, 1, 3, 200])
def test_a_table_that_was_cut_off_is_damage(store, kept):
    store.write_parquet("t.parquet", TABLE)
    path = store.existing_table("t.parquet")
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(LedgerDamaged, match=rf"t\.parquet was cut off: {kept} bytes are left"):
        store.existing_table("t.parquet")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), True),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), True),
        (duckdb.IOException('IO Error: Could not write file "x": No space left on device'), True),
        (OSError("545 requested and 0 written"), True),
        (OSError(errno.EIO, "Input/output error"), False),
        (OSError("545 requested"), False),
        (duckdb.IOException("IO Error: Could not write file"), False),
    ],
)
def test_that_there_is_no_room_is_told_in_many_ways(error, expected):
    assert is_full(error) is expected


def test_a_lock_is_held_by_one(store):
    with store.lock("seal", 0), pytest.raises(Busy, match="has held seal"), Store(store.root).lock("seal", 0):
        pass
    with store.lock("seal", 0), store.lock("other", 0):
        pass


def test_the_lock_of_a_killed_holder_is_free(store, python):
    code = (
        "import sys, os; from vibe_pipeline.store import Store\n"
        "with Store(sys.argv[1]).lock('seal', 0): os.kill(os.getpid(), 9)"
    )
    assert python(code, store.root).returncode == -9
    with store.lock("seal", 0):
        pass


def test_a_full_disk_is_an_error_that_leaves_the_old_bytes(small_disk):
    store = Store(small_disk)
    store.write("a", b"old")
    with pytest.raises(DiskFull, match="Free some room"):
        store.write("a", os.urandom(9 << 20))
    with pytest.raises(DiskFull, match="Free some room"):
        store.write_table("t", pa.table({"a": [os.urandom(9 << 20)]}))
    with pytest.raises(DiskFull, match="Free some room"):
        store.write_folder("f", lambda path: (path / "a").write_bytes(os.urandom(9 << 20)))
    assert (everything(store), store.path("a").read_bytes()) == ({"a"}, b"old")


def test_room_is_asked_for_before_work_starts(small_disk):
    with pytest.raises(DiskFull, match=r"training needs 65 MiB and [0-8] MiB are free"):
        Store(small_disk).require(1 << 20, "training")


def test_a_home_is_private_to_its_owner(tmp_path):
    store = Store(tmp_path / "var")
    store.write("models/a", b"")
    assert [stat.S_IMODE(path.stat().st_mode) for path in (store.root, store.path("models"))] == [0o700, 0o700]


@pytest.mark.parametrize("url", ["s3://bucket", "{tmp_path}/file", "{tmp_path}/file/below"])
def test_what_cannot_be_a_home_is_refused(tmp_path, url):
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsInvalid):
        Store(url.format(tmp_path=tmp_path))


def test_a_file_url_is_a_folder(tmp_path):
    assert Store(f"file://{tmp_path}/var").root == tmp_path / "var"


def test_the_sha_of_bytes_is_sha256():
    assert sha_of_bytes(b"abc").startswith("ba7816bf8f01cfea414140de5dae2223b00361a3")


def test_no_character_of_a_path_is_a_pattern(tmp_path):
    store = Store(tmp_path / "h [1] *?'")
    store.write_parquet("a/b.parquet", TABLE)
    assert store.read_frame("a/b.parquet").height == 10
    with connect() as database:
        query = f"SELECT count(*) FROM read_parquet({sql_list([store.path('a/b.parquet')])})"
        assert database.sql(query).fetchall() == [(10,)]


@pytest.mark.parametrize("kept", [0, 4, 100])
def test_a_table_that_was_cut_off_is_damaged(store, kept):
    store.write_parquet("t.parquet", TABLE)
    store.path("t.parquet").write_bytes(store.path("t.parquet").read_bytes()[:kept])
    with pytest.raises(LedgerDamaged, match=r"t\.parquet cannot be read"):
        store.read_frame("t.parquet")


@pytest.mark.parametrize("home", ["/proc/nothing", "/dev/null/x"])
def test_a_home_that_cannot_be_made_is_refused(home):
    with pytest.raises(SettingsInvalid, match=f"{home} cannot be a folder"):
        Store(home)


def test_each_new_folder_is_on_the_disk_before_anything_is_put_into_it(tmp_path, monkeypatch):
    synced = []
    really_sync = os.fsync

    def sync(descriptor):
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        really_sync(descriptor)

    monkeypatch.setattr(os, "fsync", sync)
    home = tmp_path / "x/y"
    (home / "a").mkdir(parents=True)  # by somebody who may have died before it was on the disk
    Store(tmp_path / "new/var")
    assert synced[-2:] == [str(folder) for folder in (tmp_path, tmp_path / "new")]
    synced.clear()
    Store(home).write("a/b/c", b"")
    Store(home).write("a/b/d", b"")
    assert synced[:3] == [str(folder) for folder in (tmp_path / "x", home, home / "a")]
    assert synced[-1] == str(home / "a/b")
    assert synced.count(str(home)) == 1


def test_a_file_system_that_cannot_sync_folders_is_used_all_the_same(tmp_path, monkeypatch):
    def refuse(descriptor):
        raise OSError(errno.EINVAL, "no folders here")

    monkeypatch.setattr(durable, "sync", refuse)
    durable.make_folder(tmp_path / "a/b")
    assert (tmp_path / "a/b").is_dir()


def test_tables_of_any_size_follow_each_other_in_whole_row_groups(store):
    sizes = [3, ROW_GROUP - 1, 0, 2 * ROW_GROUP + 5, 1]
    numbers = iter(range(sum(sizes)))
    tables = [pa.table({"n": pa.array([next(numbers) for _ in range(size)], pa.int64())}) for size in sizes]
    sha = store.write_tables("examples", tables[0].schema, tables)
    file = pq.ParquetFile(store.path(f"examples/{sha}.parquet"))
    groups = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
    assert groups == [ROW_GROUP] * 3 + [sum(sizes) - 3 * ROW_GROUP]
    assert file.read()["n"].to_pylist() == list(range(sum(sizes)))


def test_the_same_rows_have_the_same_sha_wherever_their_tables_are_cut(store):
    """Texts that differ fill pages, which end where a chunk does."""
    texts = [f"{number}" * 400 for number in range(3000)]

    def cut(size: int) -> list[pa.Table]:
        return [pa.table({"text": texts[at : at + size]}) for at in range(0, len(texts), size)]

    assert len({store.write_tables("examples", cut(size)[0].schema, cut(size)) for size in (77, 500, 3000)}) == 1


def test_what_only_one_makes_at_a_time_begins_without_what_a_killed_one_left(store):
    (left := store.path(f"examples/.{'0' * 32}")).mkdir(parents=True)
    (left / "half").write_text("x")
    with store.temporary("examples", "0" * 32) as temporary:
        assert temporary == left
        assert not temporary.exists()
