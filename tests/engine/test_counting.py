"""Counts of what was sealed since the last cut: those of the rows themselves, however these lie in segments."""

import math
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibe_pipeline import counting
from vibe_pipeline.interactions import segments
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.interactions.matching import Criteria
from vibe_pipeline.ladder import Ladder
from vibe_pipeline.log import MOST_SEGMENTS
from vibe_pipeline.settings import Curate, Gate, Log, Quality, Settings, Trigger

LISTED = {"ask": "chat", "chat": "chat", "run": "run", "document": "document", "other": None}

events = st.fixed_dictionaries(
    {
        "conversation_id": st.sampled_from([f"c{n}" for n in range(5)]),
        "module": st.sampled_from(["m", "n"]),
        "action": st.sampled_from([*LISTED]),
        "output": st.sampled_from(["", "the answer is 7, as told"]),
        "success": st.sampled_from([True, False, None]),
        "feedback": st.sampled_from([None, 1.0, -1.0, 4.0]),
    }
)


def home(path, trigger: Trigger = Trigger(), curate: Curate = Curate(held_out=0.5)) -> Ladder:  # noqa: B008
    log = Log(scrub=False, personal_data=())
    return Ladder(path, Settings(trigger=trigger, curate=curate, gate=Gate(min_items=4), log=log))


def log(ladder: Ladder, rows: list[dict], start: int = 0) -> None:
    with closing(InteractionLogger(ladder.store.root)) as logger:
        for number, row in enumerate(rows, start):
            logger.log(input=f"What is {number}?", **row)


def asked(ladder: Ladder, numbers: range, **values) -> None:
    row = {"module": "m", "action": "ask", "output": "the answer is 7, as told", "success": True, **values}
    log(ladder, [{"conversation_id": f"c{n}", **row} for n in numbers], numbers.start)


def counted(ladder: Ladder, after: int = -1):
    window = {stream: segments.manifest(ladder.store, stream, after) for stream in segments.STREAMS}
    return counting.counts(ladder.store, window, ladder.settings.curate)


def is_meaningful(row: dict) -> bool:
    """An input is always there."""
    if LISTED[row["action"]] in (None, "run"):
        return row["action"] == "run"
    return row["success"] is not False and (row["action"] == "document" or row["output"] != "")


@given(st.lists(st.lists(events, max_size=8), max_size=3))
def test_counts_are_those_of_the_rows_however_they_were_sealed(tmp_path_factory, batches):
    ladder = home(tmp_path_factory.mktemp("home"), curate=Curate(neutral=3))
    rows = [row for batch in batches for row in batch]
    for number, batch in enumerate(batches):
        log(ladder, batch, 100 * number)
        ladder.log.seal()
    found = counted(ladder)
    lengths = Counter(row["conversation_id"] for row in rows)
    entropy = -sum(n / len(rows) * math.log2(n / len(rows)) for n in lengths.values())
    given_feedback = [row["feedback"] - 3 for row in rows if row["feedback"] is not None]
    assert (found.rows, found.conversations) == (len(rows), len(lengths))
    assert found.entropy == pytest.approx(entropy, abs=1e-9)
    assert found.kinds == len({LISTED[row["action"]] for row in rows} - {None})
    assert found.modules == len({row["module"] for row in rows})
    assert found.meaningful == sum(map(is_meaningful, rows))
    assert found.karma == pytest.approx(sum(given_feedback))
    ladder.log.compact()
    assert {**plain(counted(ladder)), "hours": 0} == {**plain(found), "hours": 0}


def plain(found) -> dict:
    return {name: getattr(found, name) for name in found.__slots__ if name != "entropy"}


def test_feedback_that_was_given_afterwards_is_karma(tmp_path):
    ladder = home(tmp_path)
    with closing(InteractionLogger(tmp_path)) as logger:
        told = logger.log(module="m", action="ask", input="q", output="a")
        logger.feedback(told, 2.5)
    ladder.log.seal()
    assert counted(ladder).karma == 2.5


def test_a_segment_is_counted_once_and_again_where_the_settings_say_otherwise(tmp_path, monkeypatch):
    ladder = home(tmp_path)
    asked(ladder, range(3))
    ladder.log.seal()
    assert counted(ladder).meaningful == 3
    monkeypatch.setattr(counting, "connect", None)  # whoever counts needs one
    assert counted(ladder).meaningful == 3
    monkeypatch.undo()
    strict = home(tmp_path, curate=Curate(quality=Quality(shortest=20, short="drop")))
    assert counted(strict).meaningful == 0
    assert len(ladder.store.names("log/interactions/counts")) == 1


def test_what_was_forgotten_is_counted_no_more_and_what_was_counted_of_it_goes(tmp_path):
    ladder = home(tmp_path)
    asked(ladder, range(5))
    ladder.log.seal()
    assert counted(ladder).rows == 5
    ladder.log.forget(Criteria(conversation="c3"))
    assert ladder.store.names("log/interactions/counts") == []
    assert counted(ladder).rows == 4


def test_what_lies_before_the_cut_is_not_counted(tmp_path):
    ladder = home(tmp_path, Trigger(conversations=30))
    asked(ladder, range(30))
    cut, words = ladder.log.open_when_due()
    assert (cut.generation, words) == (0, "30 of 30 new conversations")
    asked(ladder, range(30, 37))
    again, words = ladder.log.open_when_due()
    assert again is None
    assert "7 of 30 new conversations" in words
    assert len(ladder.store.names("log/interactions/counts")) == 1


def test_a_budget_that_is_reached_opens_nothing_where_too_little_would_be_held_out(tmp_path):
    ladder = home(tmp_path, Trigger(conversations=30), Curate(held_out=0.001))
    asked(ladder, range(30))
    cut, words = ladder.log.open_when_due()
    assert cut is None
    assert words.startswith(
        "30 of 30 new conversations, but g000 would hold 30 interactions, 0 probes and about 0 held"
    )
    assert ladder.log.opened() == 0


def test_of_many_who_ask_at_once_one_opens(tmp_path):
    ladder = home(tmp_path, Trigger(conversations=30))
    asked(ladder, range(30))
    with ThreadPoolExecutor(8) as pool:
        asks = [pool.submit(home(tmp_path, Trigger(conversations=30)).log.open_when_due) for _ in range(8)]
    opened = [ask.result()[0] for ask in asks]
    assert [cut.generation for cut in opened if cut] == [0]


def test_many_small_segments_are_merged_and_their_time_is_that_of_the_first(tmp_path):
    ladder = home(tmp_path, Trigger(conversations=1000))
    for number in range(MOST_SEGMENTS + 1):
        asked(ladder, range(number, number + 1))
        ladder.log.seal()
    first = segments.manifest(ladder.store, "interactions")[0].sealed_at
    ladder.log.open_when_due()
    (merged,) = segments.manifest(ladder.store, "interactions")
    assert (merged.rows, merged.sealed_at) == (MOST_SEGMENTS + 1, first)


def test_a_time_limit_counts_from_what_was_sealed_first_and_a_clock_that_went_back_from_never(tmp_path):
    ladder = home(tmp_path, Trigger(conversations=1000, hours=2))
    asked(ladder, range(30))
    assert "0.0 of 2 hours" in ladder.log.open_when_due()[1]
    (entry,) = ladder.store.names("log/interactions/manifest", ".json")
    since(ladder, entry, timedelta(hours=-5))
    assert "0 of 2 hours" in ladder.log.open_when_due()[1]
    since(ladder, entry, timedelta(hours=3))
    assert ladder.log.open_when_due()[0].generation == 0


def since(ladder: Ladder, entry: str, ago: timedelta) -> None:
    ladder.store.write_json(entry, ladder.store.read_json(entry) | {"sealed_at": (datetime.now(UTC) - ago).isoformat()})


def test_of_an_entry_that_does_not_say_when_it_was_sealed_the_file_does(tmp_path):
    ladder = home(tmp_path)
    asked(ladder, range(3))
    ladder.log.seal()
    (entry,) = ladder.store.names("log/interactions/manifest", ".json")
    ladder.store.write_json(entry, ladder.store.read_json(entry) | {"sealed_at": ""})
    four_hours_ago = datetime.now(UTC).timestamp() - 4 * 3600
    os.utime(ladder.store.path(entry), (four_hours_ago, four_hours_ago))
    assert counted(ladder).hours == pytest.approx(4, abs=0.1)
