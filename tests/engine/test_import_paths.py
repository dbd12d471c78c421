"""Folders are walked, globs expanded, and what cannot be read costs no neighbour."""

import json
import os
import sys
from pathlib import Path

import pytest

from tests.engine.importing import chat, lines
from vibe_pipeline.errors import SettingsInvalid, SourceUnreadable
from vibe_pipeline.interactions.importers import Wanted, import_paths
from vibe_pipeline.interactions.importers.recognised import recognised as recognising
from vibe_pipeline.interactions.logger import InteractionLogger


def test_folders_are_walked_and_globs_expanded(store, tmp_path):
    for name in ("x/a.jsonl", "x/deep/b.JSON", "x/readme.md", "x/.hidden.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(lines(chat(name, "a")))
    logger = InteractionLogger(store.root)
    names = [Path(f.path).name for f in import_paths(logger, store, [tmp_path / "x", tmp_path / "x" / "**" / "*.JSON"])]
    assert names == ["a.jsonl", "b.JSON"]


def test_of_files_without_a_suffix_those_are_taken_that_begin_as_json(store, tmp_path):
    texts = {
        "2026-01-02/call": json.dumps(chat("q", "a")),
        "2026-01-02/calls": "\ufeff\n" + json.dumps([chat("r", "b")], indent=1),
        "2026-01-02/.hidden": json.dumps(chat("h", "a")),
        "Makefile": "all:\n\techo",
        "LICENSE": "MIT",
        "config": "[core]\n",
        "page": "{{ title }}",
        "run": "{ echo; }",
        "empty": "",
    }
    for name, text in texts.items():
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_text(text)
    found = import_paths(InteractionLogger(store.root), store, [tmp_path / "in"])
    assert [(Path(it.path).name, it.imported, it.quarantined) for it in found] == [("call", 1, 0), ("calls", 1, 0)]


def test_a_folder_in_which_nothing_is_taken_says_what_lies_there(store, tmp_path):
    for name in ("in/a.csv", "in/deep/b.CSV", "in/.hidden", "in/LICENSE", "other/a.jsonl"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(lines(chat(name, "a")) if name.endswith("jsonl") else "MIT")
    (tmp_path / "empty").mkdir()
    left, taken, empty = import_paths(
        InteractionLogger(store.root), store, [tmp_path / name for name in ("in", "other", "empty")]
    )
    assert (left.read, left.quarantined) == (0, 0)
    assert left.left_out == {".csv": 2, "hidden": 1, "without a suffix and no JSON": 1}
    assert (taken.imported, taken.left_out, empty.left_out) == (1, None, {})


def test_the_home_of_the_log_is_left_alone_and_refused_where_it_is_named(store, tmp_path):
    (tmp_path / "a.jsonl").write_text(lines(chat("q", "a"), "broken"))
    (tmp_path / "link").symlink_to(store.root)
    logger = InteractionLogger(store.root)
    for _ in range(2):
        for paths in ([tmp_path], [tmp_path / "*"], [tmp_path / "**" / "*.jsonl"]):
            assert [(Path(it.path).name, it.read) for it in import_paths(logger, store, paths)] == [("a.jsonl", 2)]
    for named in (store.root, store.root / "log", tmp_path / "link"):
        with pytest.raises(SourceUnreadable, match="is the log itself"):
            import_paths(logger, store, [named])
    (store.root / "exports").mkdir()
    (store.root / "exports" / "b.jsonl").write_text(lines(chat("r", "b")))
    assert [it.imported for it in import_paths(logger, store, [store.root / "exports"])] == [1]


def test_a_log_that_lies_elsewhere_is_left_alone_too(store, tmp_path):
    (tmp_path / "disk").mkdir()
    (store.root / "log").symlink_to(tmp_path / "disk")
    (tmp_path / "a.jsonl").write_text(lines(chat("q", "a"), "broken"))
    logger = InteractionLogger(store.root)
    for _ in range(2):
        assert [Path(it.path).name for it in import_paths(logger, store, [tmp_path])] == ["a.jsonl"]
    for named in (store.root / "log", tmp_path / "disk", tmp_path / "disk" / "interactions"):
        with pytest.raises(SourceUnreadable, match="is the log itself"):
            import_paths(logger, store, [named])


def test_links_to_folders_are_followed_once_and_end(store, tmp_path):
    for name in ("in/a/1.jsonl", "out/2.jsonl", "out/deep/3.jsonl"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(lines(chat(name, "a")))
    links = {
        "in/away": "out",
        "in/again": "out/deep",
        "in/up": "",
        "in/a/round": "in",
        "in/0": "in/a",
        "out/loop": "out",
    }
    for name, target in links.items():
        (tmp_path / name).symlink_to(tmp_path / target)
    (tmp_path / "in" / "none").symlink_to("none")
    found = import_paths(InteractionLogger(store.root), store, [tmp_path / "in"])
    assert sorted(Path(it.path).name for it in found) == ["1.jsonl", "2.jsonl", "3.jsonl"]


def test_a_path_that_is_not_there_is_an_error(store, tmp_path):
    for name in ("missing.json", "no*match.json"):
        with pytest.raises(SourceUnreadable, match=r"Check the path"):
            import_paths(InteractionLogger(store.root), store, [tmp_path / name])


def test_what_is_no_file_is_refused_or_passed_over(store, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "gone.jsonl").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe.jsonl")
    logger = InteractionLogger(store.root)
    assert [it.read for it in import_paths(logger, store, [tmp_path / "in"])] == [0]
    with pytest.raises(SourceUnreadable, match="there is no file"):
        import_paths(logger, store, [tmp_path / "in" / "gone.jsonl"])
    with pytest.raises(SourceUnreadable, match="is no file"):
        import_paths(logger, store, [tmp_path / "pipe.jsonl"])


def test_a_path_that_is_empty_is_no_folder(store):
    with pytest.raises(SourceUnreadable, match="a path is empty"):
        import_paths(InteractionLogger(store.root), store, [""])


@pytest.fixture
def unreadable(monkeypatch):
    """Refuses to open some paths, as the system does for those who may read everything neither."""
    opened = Path.open

    def refuse(*names: str) -> None:
        def refusing(path, *arguments, **options):
            if path.name in names:
                raise PermissionError(13, "Permission denied")
            return opened(path, *arguments, **options)

        monkeypatch.setattr(Path, "open", refusing)

    return refuse


def test_one_that_cannot_be_read_costs_no_neighbour(store, tmp_path, unreadable):
    (tmp_path / "in").mkdir()
    for name in ("a.jsonl", "b.jsonl", "c.jsonl", "b.md"):
        (tmp_path / "in" / name).write_text(lines(chat(name, "a")))
    os.mkfifo(tmp_path / "in" / "d.jsonl")
    (tmp_path / "in" / "e.jsonl").symlink_to(tmp_path / "nowhere")
    unreadable("b.jsonl", "b.md")
    logger = InteractionLogger(store.root)
    folder = import_paths(logger, store, [tmp_path / "in"])
    assert [(Path(it.path).name, it.imported, it.quarantined) for it in folder] == [
        ("a.jsonl", 1, 0),
        ("b.jsonl", 0, 1),
        ("b.md", 0, 1),
        ("c.jsonl", 1, 0),
    ]
    matches = import_paths(logger, store, [tmp_path / "in" / "*.jsonl"])
    assert [(it.read, it.duplicate, it.quarantined) for it in matches] == [
        *((1, 1, 0), (1, 0, 1), (1, 1, 0)),
        *((1, 0, 1), (1, 0, 1)),
    ]
    (denied,), (pipe,), (dangling,) = (matches[number].reasons for number in (1, 3, 4))
    assert "b.jsonl cannot be read: Permission denied" in denied
    assert "d.jsonl is no file (a pipe or a device)" in pipe
    assert "e.jsonl cannot be read: No such file" in dangling
    with pytest.raises(SourceUnreadable, match=r"b\.jsonl cannot be read: Permission denied"):
        import_paths(logger, store, [tmp_path / "in" / "a.jsonl", tmp_path / "in" / "b.jsonl"])


def test_a_table_that_is_named_and_does_not_fit_is_an_error_that_costs_no_neighbour(store, tmp_path):
    (tmp_path / "prices.csv").write_text("sku,price\n1,2\n")
    for name in ("a.jsonl", "z.jsonl"):
        (tmp_path / name).write_text(lines(chat(name, "a")))
    names = ("a.jsonl", "prices.csv", "z.jsonl")
    found = import_paths(InteractionLogger(store.root), store, [tmp_path / name for name in names])
    assert [(it.imported, it.read) for it in found] == [(1, 1), (0, 0), (1, 1)]
    assert [(it.is_named, "the columns of" in str(it.failure)) for it in found] == [(True, n == 1) for n in range(3)]
    with pytest.raises(SettingsInvalid, match=r"the columns of .* are sku, price"):
        import_paths(InteractionLogger(store.root), store, [tmp_path / "prices.csv"])


@pytest.mark.parametrize("columns", [(), ("input=question",)])
def test_an_address_that_gives_nothing_is_an_error_that_costs_no_neighbour(store, tmp_path, columns):
    (tmp_path / "a.csv").write_text("input,question\nq,r\n")
    paths, logger = [tmp_path / "a.csv", "nowhere://x"], InteractionLogger(store.root)
    good, bad = import_paths(logger, store, paths, Wanted(columns=columns))
    assert (good.imported, good.failure, bad.read, bad.quarantined, bad.is_named) == (1, None, 0, 0, True)
    assert "the address nowhere://x is of no store" in str(bad.failure)
    with pytest.raises(SourceUnreadable, match="nowhere://x"):
        import_paths(logger, store, ["nowhere://x"], Wanted(columns=columns))


def test_nobody_who_imports_waits_for_a_seal(store, tmp_path):
    (tmp_path / "a.jsonl").write_text(lines(chat("q", "a")))
    for counts in [(1, 0), (0, 1)]:
        with store.lock("seal", 0):
            (found,) = import_paths(InteractionLogger(store.root), store, [tmp_path / "a.jsonl"])
        assert (found.imported, found.duplicate) == counts


def test_a_folder_that_cannot_be_read_costs_no_neighbour(store, tmp_path, monkeypatch):
    for name in ("closed/a.jsonl", "open/a.jsonl"):
        (tmp_path / "in" / name).parent.mkdir(parents=True)
        (tmp_path / "in" / name).write_text(lines(chat(name, "a")))
    scandir = os.scandir

    def refusing(path):
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    closed, opened = import_paths(InteractionLogger(store.root), store, [tmp_path / "in"])
    assert (closed.read, closed.quarantined, opened.imported) == (1, 1, 1)
    assert "closed cannot be read: Permission denied" in next(iter(closed.reasons))
    with pytest.raises(SourceUnreadable, match="closed cannot be read"):
        import_paths(InteractionLogger(store.root), store, [tmp_path / "in" / "closed"])


def test_a_name_that_is_no_utf8_is_shown_as_it_can_be(store, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "caf\udce9.jsonl").write_text(lines(chat("q", "a"), "broken"))
    (tmp_path / "in" / "th\udce9.md").write_text("Some text.")
    logger = InteractionLogger(store.root)
    (result,) = import_paths(logger, store, [tmp_path / "in"])
    assert (Path(result.path).name, result.imported, result.quarantined) == ("caf\ufffd.jsonl", 1, 1)
    (result,) = import_paths(logger, store, [tmp_path / "in"], Wanted("document"))
    assert (Path(result.path).name, result.imported) == ("th\ufffd.md", 1)


def test_what_lies_beside_the_chats_of_an_export_is_passed_over_and_the_chats_are_looked_at_once(
    store, tmp_path, monkeypatch
):
    said = {"mapping": {"n": {"id": "n", "message": {"author": {"role": "user"}, "content": {"parts": ["q"]}}}}}
    answer = {"author": {"role": "assistant"}, "content": {"parts": ["a"]}}
    said["mapping"]["m"] = {"id": "m", "parent": "n", "message": answer}
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "conversations.json").write_text(json.dumps([{"title": "t", "current_node": "m", **said}]))
    for number in range(3):
        (tmp_path / "in" / f"settings-{number}.json").write_text('{"theme": "dark"}')
    looked_at = []
    recognised = sys.modules[recognising.__module__]
    holds = recognised._holds
    monkeypatch.setattr(recognised, "_holds", lambda path, among: looked_at.append(path.name) or holds(path, among))
    logger = InteractionLogger(store.root)
    found = import_paths(logger, store, [tmp_path / "in"])
    assert (sum(it.imported for it in found), sum(it.quarantined for it in found)) == (1, 0)
    assert looked_at.count("conversations.json") == 1
    (named,) = import_paths(logger, store, [tmp_path / "in" / "settings-0.json"])
    assert named.quarantined == 1
