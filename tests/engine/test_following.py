"""A follower sees everything that arrives, once, whatever its clock says and whoever seals meanwhile."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from vibe_pipeline.interactions.compaction import compact
from vibe_pipeline.interactions.following import follow
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.interactions.sealing import seal
from vibe_pipeline.interactions.waiting import Waiting
from vibe_pipeline.settings import Curate
from vibe_pipeline.store import Store


@pytest.fixture
def log(store):
    logger = InteractionLogger(store.root)

    def write(text: str, *, late_s: float = 0, **fields) -> None:
        moment = datetime.now(UTC) - timedelta(seconds=late_s)
        logger.log(module="m", action="a", input=text, occurred_at=moment, **fields)

    return write


def arrived(following) -> list[str]:
    """What is shown until nothing more has arrived."""
    shown = []
    while rows := next(following):
        shown += [row["input"] for row in rows]
    return shown


def latest(following) -> list[str]:
    return [row["input"] for row in next(following)]


def test_what_arrives_is_shown_whatever_its_clock_says(store, log):
    log("a clock ahead", late_s=-1e6)
    following = follow(store, 5)
    assert latest(following) == ["a clock ahead"]
    assert arrived(following) == []
    log("now")
    assert arrived(following) == ["now"]
    log("long ago", late_s=1e6)
    log("again")
    assert arrived(following) == ["long ago", "again"]
    assert arrived(following) == []


def test_sealing_shows_nothing_again(store, log):
    log("sealed")
    seal(store, Curate())
    for number in range(3):
        log(f"waits {number}")
    following = follow(store, 1)
    assert latest(following) == ["waits 2"]
    log("new")
    assert arrived(following) == ["new"]
    seal(store, Curate())
    assert arrived(following) == []
    compact(store, "interactions", Curate(), -1)
    assert arrived(following) == []


def test_what_was_sealed_and_merged_since_the_last_look_is_shown_once(store, log):
    following = follow(store, 5)
    assert latest(following) == []
    for text in ("first", "second"):
        log(text)
        seal(store, Curate())
    compact(store, "interactions", Curate(), -1)
    log("third")
    assert sorted(arrived(following)) == ["first", "second", "third"]
    assert arrived(following) == []


def test_what_is_logged_and_sealed_while_it_begins_is_shown(store, log, monkeypatch):
    log("newest")
    names = Waiting._names

    def log_and_seal_after_listing(waiting: Waiting) -> list[str]:
        monkeypatch.undo()
        found = names(waiting)
        log("long ago", late_s=1e6)
        seal(store, Curate())
        return found

    monkeypatch.setattr(Waiting, "_names", log_and_seal_after_listing)
    following = follow(store, 1)
    assert latest(following) == ["newest"]
    assert arrived(following) == ["long ago"]


def test_what_is_seen_in_its_segment_before_its_spool_is_shown_once(store, log, monkeypatch):
    following = follow(store, 5)
    names = Store.names
    next(following)

    def die(*_):
        raise KeyboardInterrupt

    def log_and_seal_first(store: Store, folder: str, suffix: str = "") -> list[str]:
        monkeypatch.undo()
        log("new")
        monkeypatch.setattr(Path, "unlink", lambda path, **_: path.suffix == ".jsonl" and die())
        with pytest.raises(KeyboardInterrupt):
            seal(store, Curate())
        monkeypatch.undo()
        return names(store, folder, suffix)

    monkeypatch.setattr(Store, "names", log_and_seal_first)
    assert arrived(following) == ["new"]
    assert arrived(following) == []


def test_an_id_that_comes_again_is_shown_once(store, log):
    log("first", interaction_id="same")
    following = follow(store, 5)
    assert latest(following) == ["first"]
    log("second", interaction_id="same")
    log("other", interaction_id="other")
    log("other", interaction_id="other")
    assert arrived(following) == ["other"]


def test_a_line_is_shown_once_it_is_whole(store, log):
    log("whole")
    (spool,) = store.root.rglob("*.jsonl")
    line = spool.read_bytes().replace(b"whole", b"later").replace(b'interaction_id":"', b'interaction_id":"2')
    following = follow(store, 5)
    assert latest(following) == ["whole"]
    with spool.open("ab", buffering=0) as file:
        file.write(line[:50])
        assert arrived(following) == []
        file.write(line[50:])
        assert arrived(following) == ["later"]


def test_what_arrives_is_shown_with_all_columns_and_without_its_secrets(store, log):
    following = follow(store, 5)
    next(following)
    log("key AKIAIOSFODNN7EXAMPLE", feedback=0.5)
    (row,) = next(following)
    assert row["input"].startswith("key [aws_access_key:")
    assert (row["feedback"], row["comments"]) == (0.5, [])
