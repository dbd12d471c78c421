"""A record that cannot be read is kept once, wherever it is found again, and never again once it was forgotten."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vibe_pipeline.errors import Busy
from vibe_pipeline.interactions import quarantine
from vibe_pipeline.interactions.importers import import_paths
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.interactions.matching import Criteria
from vibe_pipeline.ladder import Ladder
from vibe_pipeline.store import Store

GOOD = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}


def kept(store: Store) -> list[str]:
    return sorted(entry["raw"] for _, _, _, entries in quarantine.files(store) for entry in entries)


def bring(store: Store, path, *lines: str) -> int:
    path.write_text("\n".join([json.dumps(GOOD), *lines]))
    (found,) = import_paths(InteractionLogger(store.root), store, [path])
    return found.quarantined


def test_a_file_that_grows_and_its_copy_add_only_what_is_new(store, tmp_path):
    for count in range(1, 5):
        assert bring(store, tmp_path / "a.jsonl", *(f"bad {number}" for number in range(count))) == count
    assert bring(store, tmp_path / "copy.jsonl", *(f"bad {number}" for number in range(4))) == 4
    assert kept(store) == ["bad 0", "bad 1", "bad 2", "bad 3"]
    assert quarantine.reasons(store, "interactions") == {"not JSON (cut off?)": 4}


def test_of_one_that_comes_twice_the_first_reason_stays_and_streams_are_apart(store):
    quarantine.keep(store, "interactions", [("a", "one"), ("b", "two"), ("a", "three")], "x")
    quarantine.keep(store, "remarks", [("a", "four")], "x")
    assert quarantine.reasons(store, "interactions") == {"one": 1, "two": 1}
    assert quarantine.reasons(store, "remarks") == {"four": 1}


def test_what_another_process_wrote_is_known_and_what_was_removed_is_not(store):
    quarantine.keep(store, "interactions", [("a", "bad")], "x")
    quarantine.write(store, "interactions", [b'{"schema_version": 1, "reason": "bad", "origin": "x", "raw": "b"}\n'])
    quarantine.keep(store, "interactions", [("a", "bad"), ("b", "bad")], "x")
    assert kept(store) == ["a", "b"]
    for name in store.names("log/interactions/quarantine"):
        store.remove(name)
    quarantine.keep(store, "interactions", [("a", "bad")], "x")
    assert kept(store) == ["a"]


def test_a_home_may_be_called_by_what_is_a_pattern_elsewhere(tmp_path):
    store = Store(tmp_path / "h[1]*?")
    quarantine.write(store, "interactions", [b'{"schema_version": 1, "reason": "bad", "origin": "x", "raw": "a"}\n'])
    quarantine.keep(store, "interactions", [("a", "bad")], "x")
    assert kept(store) == ["a"]


@settings(max_examples=20)
@given(st.lists(st.text()))
def test_any_text_is_kept_once_and_as_it_was(tmp_path_factory, texts):
    store = Store(tmp_path_factory.mktemp("any"))
    for _ in range(2):
        quarantine.keep(store, "interactions", [(text, "bad") for text in texts], "x")
    assert kept(store) == sorted(set(texts))


def test_what_was_forgotten_is_not_put_aside_again(store, tmp_path):
    bring(store, tmp_path / "a.jsonl", '{"user": "zoe", cut', '{"user": "yan", cut')
    ladder = Ladder(store.root)
    assert ladder.log.forget(Criteria(user="zoe"))["quarantined"] == 1
    bring(store, tmp_path / "a.jsonl", '{"user": "zoe", cut', '{"user": "yan", cut', "new")
    bring(store, tmp_path / "copy.jsonl", '{"user": "zoe", cut')
    assert kept(store) == ["new", '{"user": "yan", cut']


def test_what_is_forgotten_while_somebody_counts_is_not_missed(store, monkeypatch):
    for raw in ("a", "b"):
        quarantine.keep(store, "interactions", [(raw, "bad")], "x")
    names = Store.names

    def forget_after_listing(store: Store, folder: str, suffix: str = "") -> list[str]:
        found = names(store, folder, suffix)
        store.remove(found[0])
        return found

    monkeypatch.setattr(Store, "names", forget_after_listing)
    assert quarantine.reasons(store, "interactions") == {"bad": 1}


def test_nobody_writes_while_forgetting_looks(store, monkeypatch):
    monkeypatch.setattr(quarantine, "LOCK_WAIT_S", 0.05)
    with quarantine.locked(store), pytest.raises(Busy, match="quarantine"):
        quarantine.keep(store, "interactions", [("a", "bad")], "x")
