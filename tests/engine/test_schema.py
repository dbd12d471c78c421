"""A record that is written as a line comes back equal, and what comes from the future is refused."""

import dataclasses
import json
from datetime import UTC, datetime, timedelta, timezone

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vibe_pipeline.database import connect
from vibe_pipeline.errors import LedgerDamaged
from vibe_pipeline.interactions.lines import line_of
from vibe_pipeline.interactions.schema import INTERACTIONS, PROBES, STREAMS, parse, require_readable
from vibe_pipeline.records import Interaction, Probe

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
name = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
number = st.none() | st.floats(allow_nan=False, allow_infinity=False)
plain_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=5,
)
moment = st.datetimes(
    datetime(1000, 1, 1), datetime(9000, 1, 1), timezones=st.sampled_from([UTC, timezone(timedelta(hours=-9.5))])
)
interaction = st.builds(
    Interaction,
    interaction_id=name,
    conversation_id=name,
    turn=st.integers(0, 2**31 - 1),
    occurred_at=moment,
    module=text,
    action=text,
    input=text,
    output=text,
    success=st.none() | st.booleans(),
    error_type=st.none() | text,
    user=st.none() | text,
    feedback=number,
    improvements=st.lists(text, max_size=3).map(tuple),
    learnings=st.lists(text, max_size=3).map(tuple),
    model_id=st.none() | text,
    latency_ms=number,
    source=text,
    extra=st.dictionaries(text, plain_json, max_size=3),
)


def parsed(stream: str, some: pa.Table) -> tuple[pa.Table, pa.Table]:
    with connect() as database:
        return parse(database, stream, some)


def lines(*texts: str) -> pa.Table:
    return pa.table({"ordinal": pa.array(range(len(texts)), pa.int64()), "line": pa.array(texts, pa.large_string())})


def test_the_columns_are_the_fields_of_the_records():
    assert set(INTERACTIONS.names) == {field.name for field in dataclasses.fields(Interaction)}
    assert PROBES.names == [field.name for field in dataclasses.fields(Probe)]


@settings(max_examples=60, deadline=None)
@given(interaction)
def test_an_interaction_comes_back_from_its_line(written):
    rows, rejects = parsed("interactions", lines(line_of(written).decode()))
    (row,) = rows.to_pylist()
    row.pop("ordinal"), row.pop("line_bytes")
    row["extra"] = json.loads(row["extra"] or "{}")
    lists = {"improvements": tuple(row["improvements"]), "learnings": tuple(row["learnings"])}
    assert Interaction(**{**row, **lists}) == written
    assert rejects.num_rows == 0


def test_a_probe_comes_back_from_its_line():
    probe = Probe(probe_id="p", fact="f", question="q?", answer="a", occurred_at=datetime.now(UTC), source="s")
    rows, _ = parsed("probes", lines(line_of(probe).decode()))
    assert Probe(**rows.select(PROBES.names).to_pylist()[0]) == probe


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"interaction_id": "a", "conv', "not JSON (a write that was cut off?)"),
        ("\0\0\0\0", "not JSON (a write that was cut off?)"),
        ("[1]", "JSON, but not an object"),
        (
            '{"probe_id": "p", "fact": "f", "question": "q", "answer": "a"}',
            "missing or of the wrong type: occurred_at, source",
        ),
        (
            '{"probe_id": "p", "fact": "f", "question": "q", "answer": "a", "source": "s", "occurred_at": "now-ish"}',
            "missing or of the wrong type: occurred_at",
        ),
    ],
)
def test_a_bad_line_is_rejected_with_its_reason_and_costs_no_other(line, reason):
    good = line_of(Probe(probe_id="g", fact="f", question="q", answer="a", occurred_at=datetime.now(UTC), source="s"))
    rows, rejects = parsed("probes", lines(line, good.decode()))
    assert rows["probe_id"].to_pylist() == ["g"]
    assert rejects.to_pylist() == [{"line": line, "reason": reason}]


def test_a_line_of_a_newer_version_is_never_guessed_at():
    with pytest.raises(LedgerDamaged, match="Upgrade"):
        parsed("probes", lines('{"schema_version": 2, "probe_id": "p"}'))


def test_a_segment_of_a_newer_version_is_refused(tmp_path):
    table = PROBES.empty_table().replace_schema_metadata({"schema_version": "2"})
    pq.write_table(table, tmp_path / "new.parquet")
    with pytest.raises(LedgerDamaged, match="Upgrade"):
        require_readable(tmp_path / "new.parquet")


def test_what_is_no_parquet_is_called_damaged(tmp_path):
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(LedgerDamaged, match="backup"):
        require_readable(tmp_path / "bad.parquet")


def test_no_lines_give_empty_tables():
    for stream, schema in STREAMS.items():
        rows, rejects = parsed(stream, lines())
        assert (rows.num_rows, rejects.num_rows, rows.column_names[: len(schema)]) == (0, 0, schema.names)
