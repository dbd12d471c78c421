"""What holds of every builder, whatever was logged."""

from random import Random

import pyarrow as pa
import pytest

from tests.engine.building import built, event, events, given, remark
from vibe_pipeline.curate.builders import BUILDERS, COLUMNS
from vibe_pipeline.records import Kind
from vibe_pipeline.settings import STAGES, Curate

TEXTS = [
    "",
    " ",
    "a",
    "a\n",
    "print(1",
    "print(1)",
    "```\nprint(1)\n```",
    "# A\n\nb",
    "为什么?",
    '{"name": "Bash"}',
    "{",
    '{"x',
]
EXTRAS = [
    {},
    {"weight": 0},
    {"rank": 1},
    {"rejected": "a"},
    {"alternatives": ["a", "print(1)"]},
    {"alternatives": [None, 1, {"a": []}], "rejected": {}, "rank": "first", "tests": [1], "branch_of": 7},
    {"branch_of": "c0", "alternatives": ["a"]},
    {"tests": {"passed": "many", "failed": None}, "document": ["d"]},
]

ACTIONS = [action for name, actions in Curate() if name.endswith("_actions") for action in actions] + ["event"]


def anything(number, chance):
    pick = chance.choice
    return event(
        pick(TEXTS),
        pick(TEXTS),
        interaction_id=f"i{number:03}",
        turn=pick(range(4)),
        conversation_id=f"c{pick(range(16))}",
        action=pick(ACTIONS),
        success=pick([None, True, False]),
        error_type=pick([None, "", "a.B", "exit code 1"]),
        feedback=pick([None, 0.0, 1.0, -1.0, float("inf")]),
        latency_ms=pick([None, 1.0, 100.0]),
        improvements=pick([(), ("",), ("a", "better")]),
        extra=pick(EXTRAS),
        source=pick(["logger", "import:chatgpt_export"]),
    )


def test_every_kind_has_a_builder_and_a_stage():
    assert set(BUILDERS) == set(STAGES) == set(Kind)


@pytest.mark.parametrize("kind", BUILDERS)
def test_over_nothing_a_builder_has_its_columns_and_no_rows(kind):
    with events([]) as database:
        assert built(database, kind) == []
        table = database.sql(BUILDERS[kind], params=given(BUILDERS[kind], Curate())).to_arrow_table()
    types = {"interaction_ids": pa.list_(pa.string()), "evidence": pa.list_(pa.string()), "is_delta": pa.bool_()}
    types["occurred_at"] = pa.timestamp("us", tz="UTC")
    assert {name: table.schema.field(name).type for name in COLUMNS} == {
        name: types.get(name, pa.string()) for name in COLUMNS
    }


@pytest.mark.parametrize("seed", range(3))
def test_whatever_was_logged_examples_are_whole_and_the_same_in_any_order(seed):
    chance = Random(seed)
    logged = [anything(number, chance) for number in range(250)]
    cut = chance.randrange(250)
    late = [remark(it, score=1.0) for it in logged[:1]]
    shuffled = chance.sample(logged[:cut], cut)
    with events([*logged[cut:], *late], logged[:cut]) as database, events([*late, *logged[cut:]], shuffled) as other:
        for kind in BUILDERS:
            rows = built(database, kind)
            assert rows == built(other, kind)
            for row in rows:
                assert row["interaction_ids"]
                assert len(set(row["interaction_ids"])) == len(row["interaction_ids"])
                assert set(row["interaction_ids"]) <= {it.interaction_id for it in logged}
                whole = ("conversation_id", "module", "prompt", "question", "completion", "occurred_at", "is_delta")
                assert None not in [row[name] for name in (*whole, "tier", "evidence")]
                assert (row["rejected"] is None) == (kind != Kind.PREFERENCE)
                assert None not in row["evidence"]
