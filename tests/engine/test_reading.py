"""Tail and search see what is sealed and what is not yet, once each and without secrets."""

from datetime import UTC, datetime, timedelta

import pytest

from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.interactions.reading import search, tail
from vibe_pipeline.interactions.segments import seal
from vibe_pipeline.settings import Curate, Log
from vibe_pipeline.store import Store

START = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path)


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


def test_what_waits_is_shown_without_its_secrets(store, log):
    log(1, "key AKIAIOSFODNN7EXAMPLE")
    (shown,) = texts(tail(store, 1))
    assert shown.startswith("key [aws_access_key:")
    assert texts(tail(store, 1, Log(scrub=False, personal_data=()))) == ["key AKIAIOSFODNN7EXAMPLE"]
