"""Zip archives: read in place, nothing written, a bad member costs itself."""

import gzip
import hashlib
import json
import os
import sqlite3
import struct
import zipfile
import zlib
from collections import Counter
from contextlib import closing

import pyarrow as pa
import pytest

from vibe_pipeline.interactions.importers import archives, files, import_paths, unpacking
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.store import Store

METHODS = pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, archives.ZSTD])

FLAGS, METHOD = 6, 8
"""Where they stand after the signature of a member's own header; in the directory each stands two bytes further."""

NO_CHATS = "no file in this archive is in a known format"


def chat(question):
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": "a"}]}


def rewrite(path, field, value):
    """Of the first member, in its header and in the directory."""
    content = bytearray(path.read_bytes())
    for signature, shift in ((b"PK\x03\x04", 0), (b"PK\x01\x02", 2)):
        at = content.index(signature) + field + shift
        content[at : at + 2] = struct.pack("<H", value)
    path.write_bytes(content)


def zipped(path, members, method=zipfile.ZIP_DEFLATED):
    if method == archives.ZSTD:
        return zipped_by_zstd(path, members)
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, value in members.items():
            archive.writestr(name, content_of(value))
    return path


def zipped_by_zstd(path, members):
    """As inspect_ai does it: the members are written as they are, then told to be packed."""
    packed = {name: pa.compress(content_of(value), "zstd", asbytes=True) for name, value in members.items()}
    zipped(path, packed, zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    at = {b"PK\x03\x04": 0, b"PK\x01\x02": 0}
    for name, value in members.items():
        raw = content_of(value)
        for signature, shift in ((b"PK\x03\x04", 0), (b"PK\x01\x02", 2)):
            header = at[signature] = content.index(signature, at[signature]) + METHOD + shift
            content[header : header + 2] = struct.pack("<H", archives.ZSTD)
            content[header + 6 : header + 10] = struct.pack("<I", zlib.crc32(raw))
            content[header + 14 : header + 18] = struct.pack("<I", len(raw))
        assert packed[name] in content
    path.write_bytes(content)
    return path


def content_of(value):
    return value if isinstance(value, bytes) else (value if isinstance(value, str) else json.dumps(value)).encode()


@pytest.fixture
def bring(tmp_path):
    store = Store(tmp_path / "home")

    def run(path):
        (result,) = import_paths(InteractionLogger(store.root), store, [path])
        assert result.imported + result.duplicate + result.quarantined == result.read
        return result

    return run


def test_the_chats_of_all_members_are_read_and_an_account_s_settings_passed_over(bring, tmp_path):
    members = {
        "conversations.json": [chat("one"), {"odd": 1}, chat("two")],
        "more/lines.jsonl": "\n".join(json.dumps(chat(text)) for text in ("three", "four")),
        "user.json": {"email": "jo@example.org"},
        "chat.html": "<html>",
        "__MACOSX/._conversations.json": b"\0\1",
    }
    path = zipped(tmp_path / "a.zip", members)
    result = bring(path)
    assert (result.read, result.imported, result.quarantined) == (5, 4, 1)
    assert next(iter(result.reasons)).startswith("not in a known format")
    assert bring(path).imported == 0


def test_an_unpacked_export_gives_what_it_gives_packed(bring, tmp_path):
    said = {"sender": "human", "text": "q"}, {"sender": "assistant", "text": "a"}
    files = {
        "artifacts.json": [{"uuid": "f"}],
        "conversations.json": [{"chat_messages": said}, {"odd": 1}],
        "projects/one.json": {"uuid": "p", "docs": []},
        "users.json": [{"uuid": "u", "email_address": "jo@example.org"}],
        "broken.json": "{",
    }
    packed = bring(zipped(tmp_path / "a.zip", files))
    for name, value in files.items():
        path = tmp_path / "export" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content_of(value))
    store = Store(tmp_path / "other")
    unpacked = import_paths(InteractionLogger(store.root), store, [tmp_path / "export"])
    assert (packed.read, packed.imported) == (3, 1)
    assert sum((Counter(it.reasons) for it in unpacked), Counter()) == packed.reasons
    assert (sum(it.read for it in unpacked), sum(it.imported for it in unpacked)) == (3, 1)
    (named,) = import_paths(InteractionLogger(store.root), store, [tmp_path / "export" / "users.json"])
    assert named.quarantined == 1


def test_names_are_labels_and_nothing_is_written(bring, tmp_path):
    names = ("../../escape.json", "/etc/absolute.json", "a/../../b.json", "C:\\windows.json")
    path = zipped(tmp_path / "a.zip", {name: chat(name) for name in names})
    assert bring(path).imported == len(names)
    written = [file for _, _, files in os.walk(tmp_path.parent) for file in files if file.endswith(".json")]
    assert "escape.json" not in written
    assert not os.path.exists("/etc/absolute.json")  # noqa: PTH110 the point is the operating system's own view


@METHODS
def test_a_bomb_is_not_unpacked_and_costs_no_neighbour(bring, tmp_path, monkeypatch, method):
    monkeypatch.setattr(unpacking, "UNPACKED_AT_LEAST", 1 << 20)
    members = {"a.json": chat("before"), "bomb.json": "[" + " " * (64 << 20) + "]", "z.json": chat("after")}
    result = bring(zipped(tmp_path / "a.zip", members, method))
    assert (result.imported, result.reasons) == (2, {unpacking.TOO_BIG: 1})


def test_a_damaged_member_costs_itself_and_what_came_before_the_damage_is_kept(bring, tmp_path):
    lines = "\n".join(json.dumps(chat(f"question {n}")) for n in range(1000))
    path = zipped(tmp_path / "a.zip", {"a.jsonl": lines, "b.json": chat("good")}, zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    content[content.index(b"question 500")] = ord("Q")
    path.write_bytes(content)
    result = bring(path)
    assert (result.imported, result.reasons) == (1000 + 1, {unpacking.BROKEN: 1})


def test_a_damaged_member_that_zstd_packed_costs_itself(bring, tmp_path):
    path = zipped(tmp_path / "a.zip", {"a.json": [chat("q")] * 9, "b.json": chat("good")}, archives.ZSTD)
    content = bytearray(path.read_bytes())
    at = content.index(b"a.json") + len("a.json") + 20
    content[at] ^= 0xFF
    path.write_bytes(content)
    result = bring(path)
    assert (result.imported, result.reasons[unpacking.BROKEN]) == (1, 1)


def test_a_method_that_nobody_here_unpacks_is_named(bring, tmp_path):
    path = zipped(tmp_path / "a.zip", {"a.json": chat("q")})
    rewrite(path, METHOD, 9)
    (reason,) = bring(path).reasons
    assert reason.startswith("compressed by method 9, which cannot be unpacked here")


def test_a_member_with_a_password_says_so(bring, tmp_path):
    path = zipped(tmp_path / "a.zip", {"a.json": chat("q")})
    rewrite(path, FLAGS, 1)
    assert bring(path).reasons == {"needs a password": 1}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, archives.ZSTD])
def test_of_an_archive_that_is_cut_off_the_whole_members_are_read(bring, tmp_path, method):
    whole = zipped(tmp_path / "a.zip", {"a.json": chat("q"), "x.png": "x", "b.json": [chat("r")] * 9}, method)
    content = whole.read_bytes()
    (tmp_path / "list.zip").write_bytes(content[: content.index(b"PK\x01\x02")])
    result = bring(tmp_path / "list.zip")
    assert (result.imported, result.duplicate, result.reasons) == (2, 8, {unpacking.BROKEN: 1})
    (tmp_path / "half.zip").write_bytes(content[: content.index(b"b.json") + 20])
    result = bring(tmp_path / "half.zip")
    assert (result.duplicate, result.reasons[unpacking.BROKEN]) == (1, 1)
    (tmp_path / "none.zip").write_bytes(content[:20])
    assert bring(tmp_path / "none.zip").reasons == {unpacking.BROKEN: 1}


def test_a_bomb_in_an_archive_that_is_cut_off_is_not_unpacked(bring, tmp_path, monkeypatch):
    monkeypatch.setattr(unpacking, "UNPACKED_AT_LEAST", 1 << 20)
    path = zipped(tmp_path / "a.zip", {"bomb.json": " " * (64 << 20), "z.json": chat("after")})
    path.write_bytes(path.read_bytes()[:-30])
    result = bring(path)
    assert (result.imported, result.reasons) == (1, {unpacking.TOO_BIG: 1, unpacking.BROKEN: 1})


def test_an_archive_without_chats_says_so(bring, tmp_path):
    assert bring(zipped(tmp_path / "a.zip", {"user.json": {"email": "x"}})).reasons == {NO_CHATS: 1}
    assert bring(zipped(tmp_path / "b.zip", {})).reasons == {NO_CHATS: 1}


def test_what_only_a_folder_gives_is_told(bring, tmp_path):
    with closing(sqlite3.connect(tmp_path / "logs.db")) as database:
        database.execute("CREATE TABLE responses (id)")
    members = {
        "a.json": chat("q"),
        "b.traj": json.dumps(chat("r")),
        "logs.db": (tmp_path / "logs.db").read_bytes(),
        ".aider.chat.history.md": "\n# aider chat started at 2026-01-02 03:04:05\n\n#### q\n\na\n",
        "README.md": "# An export",
        "Thumbs.db": "pictures",
        "more.zip": zipped(tmp_path / "more.zip", {"a.json": chat("q")}).read_bytes(),
    }
    result = bring(zipped(tmp_path / "a.zip", members))
    assert (result.imported, result.reasons) == (2, {archives.UNPACK: 3})


def test_every_byte_of_an_archive_may_be_wrong(bring, tmp_path):
    """A member's byte costs at most that member; a byte of the signature or of the list has at least its reason."""
    good = zipped(tmp_path / "a.zip", {"a.json": chat("q"), "b.json": chat("r")}).read_bytes()
    for position in range(0, len(good), 13):
        broken = bytearray(good)
        broken[position] ^= 0xFF
        path = tmp_path / "broken.zip"
        path.write_bytes(broken)
        result = bring(path)
        is_in_a_member = 4 <= position < good.index(b"PK\x01\x02")
        assert result.read >= 1
        assert result.imported + result.duplicate >= is_in_a_member, position


def test_what_gzip_packed_is_read_as_what_it_packs(bring, tmp_path):
    text = "\n".join([json.dumps(chat("q")), "broken", json.dumps(chat("r"))]).encode()
    (tmp_path / "in").mkdir()
    for name in ("a.jsonl.gz", "b.json.gz", "b.tar.gz"):
        (tmp_path / "in" / name).write_bytes(gzip.compress(text))
    store = Store(tmp_path / "other")
    found = import_paths(InteractionLogger(store.root), store, [tmp_path / "in"])
    assert [(it.path.rpartition("/")[2], it.imported) for it in found] == [("a.jsonl.gz", 2), ("b.json.gz", 0)]
    assert [(it.read, it.quarantined) for it in found] == [(3, 1)] * 2
    (tmp_path / "call").write_bytes(gzip.compress(text))
    assert bring(tmp_path / "call").imported == 2
    (tmp_path / "empty.jsonl.gz").write_bytes(gzip.compress(b""))
    assert bring(tmp_path / "empty.jsonl.gz").read == 0
    (tmp_path / "rows.csv.gz").write_bytes(gzip.compress(b"a,b\n1,2\n"))
    assert bring(tmp_path / "rows.csv.gz").reasons == {files.NO_JSON: 1}


def test_of_what_gzip_packed_and_is_damaged_the_beginning_is_kept(bring, tmp_path):
    questions = [hashlib.sha256(bytes(n)).hexdigest() for n in range(2000)]
    packed = gzip.compress("\n".join(json.dumps(chat(text)) for text in questions).encode())
    flipped = bytearray(packed)
    flipped[-8] ^= 0xFF
    for name, content, least in (("cut", packed[: len(packed) // 2], 500), ("flipped", bytes(flipped), 0)):
        (tmp_path / f"{name}.jsonl.gz").write_bytes(content)
        result = bring(tmp_path / f"{name}.jsonl.gz")
        assert result.imported >= least
        assert result.reasons[unpacking.BROKEN] == 1
        assert result.read == result.imported + result.duplicate + result.quarantined


def test_a_bomb_that_gzip_packed_is_not_unpacked(bring, tmp_path, monkeypatch):
    monkeypatch.setattr(unpacking, "UNPACKED_AT_LEAST", 1 << 20)
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b" " * (16 << 20)))
    assert bring(tmp_path / "a.jsonl.gz").reasons == {unpacking.TOO_BIG: 1}


def test_a_folder_s_archives_are_taken(tmp_path):
    (tmp_path / "in").mkdir()
    zipped(tmp_path / "in" / "export.zip", {"a.json": chat("q")})
    store = Store(tmp_path / "home")
    (result,) = import_paths(InteractionLogger(store.root), store, [tmp_path / "in"])
    assert result.imported == 1
