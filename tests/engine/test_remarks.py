"""What is said of an interaction afterwards: feedback, improvements and learnings."""

import pytest

from vibe_pipeline.errors import SettingsInvalid
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.ladder import Ladder
from vibe_pipeline.settings import Settings


@pytest.fixture
def log(tmp_path) -> InteractionLogger:
    return InteractionLogger(tmp_path)


def test_what_is_said_afterwards_is_read_with_the_interaction(tmp_path, log):
    first = log.log(module="m", action="ask", input="q", output="a", feedback=0.5, learnings=["known"])
    second = log.log(module="m", action="ask", input="other")
    Ladder(tmp_path, Settings()).log.seal()
    log.feedback(first, -1)
    log.feedback(first, 1, "good after all", user="u")
    log.improvement(first, "better")
    log.learning(first, "that")
    log.feedback("of nothing that is known", 1)
    ladder = Ladder(tmp_path, Settings())
    ladder.log.seal()
    with ladder.connect() as db:
        query = "SELECT feedback, comments, improvements, learnings FROM interactions WHERE interaction_id = ?"
        found = [db.execute(query, [identity]).fetchall()[0] for identity in (first, second)]
        said = "data ->> '$.input', data -> '$.improvements'"
        events = db.sql(f"SELECT id, interaction_type, success, {said} FROM user_interactions").fetchall()
    assert found == [(1.0, ["good after all"], ["better"], ["known", "that"]), (None, [], [], [])]
    assert set(events) == {(first, "ask", None, "q", '["better"]'), (second, "ask", None, "other", "[]")}
    assert (ladder.log.stats()["interactions"], ladder.log.stats()["remarks"]) == (2, 5)


def test_a_cut_pins_the_remarks_up_to_it(tmp_path, log):
    ladder = Ladder(tmp_path, Settings())
    identity = log.log(module="m", action="ask", input="q")
    log.feedback(identity, 1)
    first = ladder.log.open_generation(force=True)
    log.feedback(identity, -1)
    second = ladder.log.open_generation(force=True)
    assert [len(cut.remark_segments) for cut in (first, second)] == [1, 1]
    assert (second.interaction_segments, second.remarks_position) == ((), 1)


@pytest.mark.parametrize("wrong", [float("nan"), "good", True])
def test_a_score_that_is_no_number_is_refused(log, wrong):
    with pytest.raises(SettingsInvalid, match="cannot log score"):
        log.feedback("i", wrong)


def test_a_remark_that_says_nothing_is_refused(tmp_path, log):
    for kind in ("improvement", "learning", "feedback"):
        with pytest.raises(SettingsInvalid, match=f"cannot log {kind} without"):
            getattr(log, kind)("i", None)
    assert not list(tmp_path.rglob("*.jsonl"))


def test_secrets_in_remarks_are_replaced(tmp_path, log):
    log.improvement(log.log(module="m", action="a", input="i"), "use ghp_" + "a1B2" * 9)
    ladder = Ladder(tmp_path, Settings())
    ladder.log.seal()
    with ladder.connect() as db:
        (((shown,),),) = db.sql("SELECT improvements FROM interactions").fetchall()
    assert shown.startswith("use [github_token:")
