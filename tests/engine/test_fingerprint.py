"""The hold-out rule exists twice, in SQL and in Python: both must agree on every conversation for ever."""

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibe_pipeline.fingerprint import held_out_sql, is_held_out

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)


@given(texts, texts, st.floats(0, 1))
def test_sql_and_python_agree_on_what_is_held_out(conversation_id, salt, share):
    query = f"SELECT {held_out_sql('id', salt, share)} FROM (SELECT ? AS id)"
    assert duckdb.execute(query, [conversation_id]).fetchall() == [(is_held_out(conversation_id, salt, share),)]


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
def test_about_the_wanted_share_is_held_out(share):
    rule = held_out_sql("'conversation-' || range", "vibe", share)
    found = duckdb.sql(f"SELECT avg(({rule})::INT) FROM range(100000)").fetchall()[0][0]
    assert found == pytest.approx(share, abs=0.01)


def test_all_and_nothing_can_be_held_out():
    assert [is_held_out("c", "s", share) for share in (0.0, 1.0)] == [False, True]


def test_another_salt_holds_out_other_conversations():
    ids = [f"c{number}" for number in range(1000)]
    both = sum(is_held_out(i, "a", 0.2) and is_held_out(i, "b", 0.2) for i in ids)
    assert both == pytest.approx(40, abs=25)


def test_a_conversation_keeps_its_side():
    # Frozen: a change of the rule would move held-out conversations into training.
    assert [number for number in range(16) if is_held_out(f"c{number}", "vibe", 0.2)] == []
