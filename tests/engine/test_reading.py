"""Tail and search see what is sealed and what is not yet, once each, without secrets and without waiting."""

import json
import weakref
from datetime import UTC, datetime, timedelta

import pytest

from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.interactions.reading import search, tail
from vibe_pipeline.interactions.sealing import seal
from vibe_pipeline.interactions.waiting import Waiting
from vibe_pipeline.settings import Curate, Log
from vibe_pipeline.store import Store

START = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def log(store):
    def write(minute: int, text: str, output: str = "") -> None:
        moment = START + timedelta(minutes=minute)
        InteractionLogger(store.root).log(module="m", action="a", input=text, output=output, occurred_at=moment)

    return write


def texts(rows: list[dict]) -> list[str]:
    return [row["input"] for row in rows]


def test_an_empty_log_has_no_tail(store):
    assert tail(store, 5) == search(store, "x", 5) == []


def test_the_tail_is_the_newest_oldest_first_sealed_or_not(store, log):
    for minute in (3, 1, 2):
        log(minute, str(minute))
    seal(store, Curate())
    for minute in (5, 4, 0):
        log(minute, str(minute))
    assert texts(tail(store, 4)) == ["2", "3", "4", "5"]
    assert texts(tail(store, 9)) == ["0", "1", "2", "3", "4", "5"]


def test_an_id_logged_again_is_seen_once(store):
    logger = InteractionLogger(store.root)
    told = {"module": "m", "action": "a", "input": "q", "interaction_id": "same"}
    logger.log(**told)
    seal(store, Curate())
    logger.log(**told)
    logger.log(**told)
    assert len(tail(store, 9)) == 1


def test_search_finds_a_text_in_any_case_in_input_and_output_newest_first(store, log):
    log(1, "Wie heißt das?", "ÜBER")
    log(2, "100% sure_thing")
    seal(store, Curate())
    log(3, "nothing", "it is over")
    log(4, "Sure")
    assert texts(search(store, "über", 9)) == ["Wie heißt das?"]
    assert texts(search(store, "SURE", 9)) == ["Sure", "100% sure_thing"]
    assert texts(search(store, "sure", 1)) == ["Sure"]
    assert texts(search(store, "0%", 9)) == ["100% sure_thing"]
    assert texts(search(store, "e_t", 9)) == ["100% sure_thing"]


def test_what_waits_is_held_a_batch_at_a_time(store, log, monkeypatch):
    numbers = (3, 8, 1, 6, 4, 2, 7, 5)
    for number in numbers:
        log(number, f"{number}" + " much more" * 300_000)
    batches, held = Waiting.batches, []

    def watched(waiting: Waiting):
        for batch in batches(waiting):
            held.append(weakref.ref(batch))
            assert sum(it() is not None for it in held) <= 3
            yield batch

    monkeypatch.setattr(Waiting, "batches", watched)
    assert [text[0] for text in texts(tail(store, 2))] == ["7", "8"]
    assert [text[0] for text in texts(search(store, "MORE", 2))] == ["8", "7"]
    assert len(held) == 2 * len(numbers)


def test_what_waits_is_shown_without_its_secrets(store, log):
    log(1, "key AKIAIOSFODNN7EXAMPLE")
    (shown,) = texts(tail(store, 1))
    assert shown.startswith("key [aws_access_key:")
    assert texts(tail(store, 1, Log(scrub=False, personal_data=()))) == ["key AKIAIOSFODNN7EXAMPLE"]


def test_readers_do_not_wait_for_a_seal(store, log, monkeypatch):
    monkeypatch.setattr("vibe_pipeline.interactions.segments.LOCK_WAIT_S", 0.1)
    log(1, "waits")
    with store.lock("seal", 1):
        assert texts(tail(store, 9)) == texts(search(store, "waits", 9)) == ["waits"]


def test_what_a_seal_has_taken_is_seen(store, log, monkeypatch):
    log(1, "taken")

    def die(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(Store, "write_table", die)
    with pytest.raises(KeyboardInterrupt):
        seal(store, Curate())
    assert texts(tail(store, 9)) == ["taken"]


@pytest.mark.parametrize("has_others", [False, True])
def test_what_is_sealed_while_somebody_reads_is_seen_once(store, log, monkeypatch, has_others):
    if has_others:
        log(0, "long sealed")
        seal(store, Curate())
    log(1, "sealed meanwhile")
    names = Waiting._names

    def seal_after_listing(waiting: Waiting) -> list[str]:
        found = names(waiting)
        seal(store, Curate())
        return found

    monkeypatch.setattr(Waiting, "_names", seal_after_listing)
    assert texts(tail(store, 9)) == ["long sealed"] * has_others + ["sealed meanwhile"]


def test_half_a_line_is_left_to_its_writer(store, log):
    log(1, "whole")
    (spool,) = store.root.rglob("*.jsonl")
    line = spool.read_bytes().replace(b"whole", b"other")
    with spool.open("ab") as file:
        file.write(line[:50])
    assert texts(tail(store, 9)) == ["whole"]


def test_remarks_are_read_with_the_interaction_sealed_or_not(store):
    logger = InteractionLogger(store.root)
    first = logger.log(module="m", action="a", input="first", feedback=0.1)
    logger.feedback(first, 0.5, "so so")
    seal(store, Curate())
    logger.feedback(first, 0.9, "key AKIAIOSFODNN7EXAMPLE")
    logger.improvement(first, "better")
    second = logger.log(module="m", action="a", input="second")
    logger.learning(second, "that")
    for row in (tail(store, 2)[0], search(store, "first", 1)[0]):
        assert (row["feedback"], row["improvements"], row["comments"][0]) == (0.9, ["better"], "so so")
        assert row["comments"][1].startswith("key [aws_access_key:")
    assert search(store, "second", 1)[0]["learnings"] == ["that"]


def test_moments_at_the_ends_of_time_are_read_wherever_the_machine_stands(tmp_path, python):
    code = """
import json, sys
from datetime import UTC, datetime
from vibe_pipeline import InteractionLogger, Ladder
log, ladder = InteractionLogger(sys.argv[1]), Ladder(sys.argv[1])
for moment in (datetime.min, datetime.max):
    log.log(module="m", action="a", input="q", occurred_at=moment.replace(tzinfo=UTC))
shown = [row["occurred_at"].isoformat() for _ in range(2) for row in (ladder.log.tail(9), ladder.log.seal())[0]]
with ladder.connect() as db:
    shown += [moment.isoformat() for moment, in db.sql("SELECT timestamp FROM user_interactions ORDER BY 1").fetchall()]
print(json.dumps(shown))
"""
    for zone in ("America/New_York", "Asia/Tokyo"):
        done = python(code, tmp_path / zone.replace("/", " "), TZ=zone)
        assert done.stderr == ""
        assert json.loads(done.stdout) == ["0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59.999999+00:00"] * 3
