"""A record becomes plain values and comes back as the same record, whatever is nested in it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibe_pipeline.judgement import Finding, Outcome, Rule, Scorecard, Verdict
from vibe_pipeline.records import Cut, ExampleSet, Mix, Segment, Training, load, plain

st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))


@pytest.mark.parametrize("kind", [Segment, Cut, ExampleSet, Mix, Training, Scorecard, Verdict])
@given(data=st.data())
def test_a_record_survives_json(kind, data):
    record = data.draw(st.from_type(kind))
    assert load(kind, json.loads(json.dumps(plain(record)))) == record


def test_a_verdict_gives_the_rules_that_failed_then_those_that_are_open_or_else_all():
    good, open_, bad = (
        Rule(name=words, finding=finding, words=words)
        for words, finding in (("fine", Finding.PASSED), ("few", Finding.UNDECIDED), ("too low", Finding.FAILED))
    )
    assert Verdict(outcome=Outcome.REJECTED, rules=(good, open_, bad)).reasons == ("too low", "few")
    assert Verdict(outcome=Outcome.PROMOTED, rules=(good, good)).reasons == ("fine", "fine")


def test_the_ranges_of_an_example_set_are_where_its_training_rows_lie():
    counts = (("train", "a", 3, 30), ("train", "b", 2, 20), ("train", "c", 4, 40), ("test", "a", 9, 90))
    examples = ExampleSet(generation=0, sha="s", suite_sha="t", rows=18, counts=counts, dropped={})
    assert examples.train_ranges(("a", "c")) == [range(0, 3), range(5, 9)]
    assert (examples.train_rows(("a", "c")), examples.train_characters(("a", "c"))) == (7, 70)
    assert (examples.train_rows(()), examples.train_ranges(("d",))) == (0, [])
