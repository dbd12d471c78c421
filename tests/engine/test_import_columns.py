"""Columns become fields: names in any case, values of their types, ids of what a row says."""

import json
from datetime import UTC, date, datetime

import pytest

from tests.engine.tables import as_lines, as_parquet, rows
from vibe_pipeline.errors import SettingsInvalid
from vibe_pipeline.interactions.importers import import_paths
from vibe_pipeline.interactions.importers import rows as table_rows
from vibe_pipeline.interactions.importers.moments import moment as said_at
from vibe_pipeline.interactions.logger import InteractionLogger

TIMES = [
    ("1767323045", "2026-01-02T03:04:05"),
    ("1767323045.25", "2026-01-02T03:04:05.250000"),
    ("1767323045250", "2026-01-02T03:04:05.250000"),
    ("1767323045250000", "2026-01-02T03:04:05.250000"),
    ("1767323045250000000", "2026-01-02T03:04:05.250000"),
    ("2026-01-02T05:04:05+02:00", "2026-01-02T03:04:05"),
    ("2026-01-02 03:04:05", "2026-01-02T03:04:05"),
    ("2026-01-02", "2026-01-02T00:00:00"),
    ("20260102", "2026-01-02T00:00:00"),
    ("20260102030405", "2026-01-02T03:04:05"),
    ("1.767323045e9", "2026-01-02T03:04:05"),
    ("20260102T030405Z", "2026-01-02T03:04:05"),
    ("20260102T050405.25+0200", "2026-01-02T03:04:05.250000"),
    ("2026-01-02T03", "2026-01-02T03:00:00"),
    ("2026-01-02T03Z", "2026-01-02T03:00:00"),
    ('"2026-01-02T03:04:05,25Z"', "2026-01-02T03:04:05.250000"),
    ('"Fri, 02 Jan 2026 05:04:05 +0200"', "2026-01-02T03:04:05"),
    ("2 Jan 2026 03:04:05 GMT", "2026-01-02T03:04:05"),
    ("1 May 2026 10:00:00 EST", "2026-05-01T15:00:00"),
    ("1 May 2026 10:00", "2026-05-01T10:00:00"),
    ('"Fri, 1 May 2026 10:00 +0200"', "2026-05-01T08:00:00"),
    ('"Fri,  1 May 2026 10:00:00 +0200 (CEST)"', "2026-05-01T08:00:00"),
    ("20260501T1000Z", "2026-05-01T10:00:00"),
    ("20260501T1000+02:00", "2026-05-01T08:00:00"),
    ("2026-05-01T10:00:00 +02:00", "2026-05-01T08:00:00"),
    ("2026-05-01 10:00:00.5 +0200 CEST", "2026-05-01T08:00:00.500000"),
    ("2026-05-01T10:00:00+02:00[Europe/Berlin]", "2026-05-01T08:00:00"),
    ("2026-05-01 10:00:00 UTC", "2026-05-01T10:00:00"),
    ("2026-05-01 10:00:00.125 UTC", "2026-05-01T10:00:00.125000"),
    ("2026/05/01 10:00:00", "2026-05-01T10:00:00"),
    ("2026-05-01 10:00:00.5 Europe/Berlin", "2026-05-01T08:00:00.500000"),
    *((f"2026-05-01 10:00:00.123{zone}", "2026-05-01T10:00:00.123000") for zone in (" UTC", " GMT", "Z", " Z")),
    ("2026-07-01 10:00:00.123 PST", "2026-07-01T18:00:00.123000"),
    ('"Wed, 01 Jul 2026 10:00:00 PST"', "2026-07-01T18:00:00"),
    ("2026-07-01T10:00:00CST", "2026-07-01T16:00:00"),
    ("2026-07-01 10:00 PDT", "2026-07-01T17:00:00"),
]


NO_TIMES = [
    *("soon", "infinity", "-5", "2026-13-01", "99999999999999999999999"),
    *("2024", "240131", "20241331", "45322.5", "0", "315532799", "1e99"),
    *("5/1/24 10:30", "24-05-01", "1/2/3", "1 May 24 10:00", "epoch"),
    *("1989-12-31", "2100-01-01", "99999999999", "1 May 2024 10:00 XST"),
    *(f"2024-07-01 10:00:00.123{zone}" for zone in (" BST", " AST", "IST", " bst", " CEST", " AEST")),
]


@pytest.mark.parametrize(("stamp", "moment"), TIMES)
def test_times_are_read_in_all_their_forms(bring_table, store, stamp, moment):
    assert bring_table(f"input,occurred_at\nq,{stamp}\n", columns=()).imported == 1
    assert rows(store)[0]["occurred_at"] == datetime.fromisoformat(moment).replace(tzinfo=UTC)


def test_a_message_is_dated_in_the_same_forms():
    """Two readers, in SQL and in Python, that must not part."""
    assert {stamp: said_at(stamp.strip('"')) for stamp, _ in TIMES} == {
        stamp: datetime.fromisoformat(moment).replace(tzinfo=UTC) for stamp, moment in TIMES
    }
    assert [stamp for stamp in NO_TIMES if said_at(stamp)] == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("occurred_at", value) for value in NO_TIMES),
        *(("success", value) for value in ("maybe", "2")),
        *(("latency_ms", value) for value in ("fast", "inf", "nan", "1e999")),
        *(("turn", value) for value in ("-1", "1.5", "x", "9999999999")),
    ],
)
def test_a_value_of_the_wrong_type_costs_its_row_alone(bring_table, store, field, value):
    columns = () if field == "occurred_at" else (f"{field}={field}",)
    result = bring_table(f"input,{field}\ngood,\nbad,{value}\nfine,\n", columns=columns)
    assert (result.imported, result.reasons) == (2, {f"of the wrong type: {field}": 1})
    assert {row["input"] for row in rows(store)} == {"good", "fine"}


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("feedback", "thumbs_up"),
        ("Feedback", "It helped"),
        ("turn", "first"),
        ("success", "partly"),
        ("latency_ms", "-"),
    ],
)
def test_a_column_that_only_bears_the_name_of_a_field_may_say_anything(bring_table, store, header, value):
    assert bring_table(f"input,{header},n\nq1,{value},1\nq2,,1\nq3,1,1\n", columns=()).imported == 3
    found = {row["input"]: row for row in rows(store)}
    assert json.loads(found["q1"]["extra"]) == {header: value, "n": "1"}
    assert [json.loads(found[name]["extra"]) for name in ("q2", "q3")] == [{"n": "1"}] * 2
    assert found["q1"][header.lower()] == found["q2"][header.lower()] != found["q3"][header.lower()]


@pytest.mark.parametrize("header", ["feedback", "Feedback"])
def test_a_column_that_is_mapped_elsewhere_is_not_taken_for_its_name_too(bring_table, store, header):
    text = f"input,{header}\nq1,thumbs_up\nq2,\nq3,1\n"
    assert bring_table(text, columns=(f"improvements={header}",)).imported == 3
    found = {row["input"]: (row["feedback"], row["improvements"], row["extra"]) for row in rows(store)}
    assert found == {"q1": (None, ["thumbs_up"], None), "q2": (None, [], None), "q3": (None, ["1"], None)}


@pytest.mark.parametrize("options", [{"columns": (), "source": "crm"}, {"columns": ("source==crm",)}])
@pytest.mark.parametrize("header", ["source", "Source"])
def test_a_source_that_is_named_is_that_of_every_row(bring_table, store, header, options):
    bring_table(f"input,{header}\nq1,web\nq2,\n", **options)
    assert {(row["input"], row["source"], row["extra"]) for row in rows(store)} == {
        ("q1", "crm", json.dumps({header: "web"}, separators=(",", ":"))),
        ("q2", "crm", None),
    }
    again = bring_table(columns=("source==crm",))
    assert (again.imported, again.duplicate) == (0, 2)


def test_a_source_is_named_once(bring_table):
    with pytest.raises(SettingsInvalid, match="gives source twice"):
        bring_table("input,origin\nq,web\n", columns=("source=origin",), source="crm")


@pytest.mark.parametrize(
    ("word", "truth"), [("true", True), ("1", True), ("OK", True), ("False", False), ("0", False), ("error", False)]
)
def test_words_for_success(bring_table, store, word, truth):
    bring_table(f"input,success\nq,{word}\n", columns=())
    assert rows(store)[0]["success"] is truth


@pytest.mark.parametrize("header", ["exit", "exit_code", "Return Code", "rc"])
@pytest.mark.parametrize(("code", "truth"), [("0", True), ("1", False), ("127", False), ("-9", False), ("ok", True)])
def test_an_exit_code_is_no_truth_value(bring_table, store, header, code, truth):
    bring_table(f"input,{header}\ngit staus,{code}\n", columns=(f"success={header}",))
    assert rows(store)[0]["success"] is truth


def test_columns_that_bear_the_names_of_fields_need_no_map(bring_table, store):
    text = 'action,input,user,error_type,improvements,extra,note\nrun,ls,jo,Timeout,"[""a"", ""b""]","{""k"": 1}",n\n'
    assert bring_table(text, columns=()).format == "table"
    (row,) = rows(store)
    assert (row["action"], row["input"], row["user"], row["error_type"]) == ("run", "ls", "jo", "Timeout")
    assert row["improvements"] == ["a", "b"]
    assert json.loads(row["extra"]) == {"k": 1, "note": "n"}
    assert row["module"] == "app"


def test_what_the_logger_wrote_comes_back_as_it_was(store, tmp_path):
    other = InteractionLogger(tmp_path / "other")
    identity = other.log(module="m", action="run", input="i", output="o", extra={"a": [1, None]}, learnings=["x"])
    (spool,) = (tmp_path / "other" / "log" / "interactions" / "spool").glob("*.jsonl")
    (result,) = import_paths(InteractionLogger(store.root), store, [spool])
    assert (result.format, result.imported) == ("table", 1)
    (row,) = rows(store)
    assert (row["interaction_id"], row["conversation_id"], row["source"]) == (identity, identity, "logger")
    assert (json.loads(row["extra"]), row["learnings"]) == ({"a": [1, None]}, ["x"])


def test_numbers_of_rows_are_no_ids_for_two_tables(bring_table, store):
    for name in ("one.csv", "two.csv"):
        bring_table("id,input,chat\n1,q,7\n", name, columns=("interaction_id=id", "conversation_id=chat"))
    found = rows(store)
    assert len({row["interaction_id"] for row in found}) == len({row["conversation_id"] for row in found}) == 2
    changed = bring_table(
        "id,input,chat\n1,changed,7\n", "two.csv", columns=("interaction_id=id", "conversation_id=chat")
    )
    assert changed.duplicate == 1


@pytest.mark.parametrize("written", [str.lower, str.title])
def test_ids_that_only_count_rows_are_those_of_their_table_however_they_are_written(bring_table, store, written):
    header = f"{written('interaction_id')},{written('conversation_id')},input\n"
    for table, question in (("one.csv", "q"), ("two.csv", "r")):
        assert bring_table(f"{header}1,7,{question}\n2,7,{question}\n", table, columns=()).imported == 2
    assert len({row["conversation_id"] for row in rows(store)}) == 2


def test_ids_that_are_mapped_under_their_own_names_stay(bring_table, store):
    columns = ("interaction_id=interaction_id", "conversation_id=conversation_id")
    bring_table("interaction_id,conversation_id,input\ni,c,q\n", columns=columns)
    assert [(row["interaction_id"], row["conversation_id"]) for row in rows(store)] == [("i", "c")]


def test_rows_without_an_id_are_known_by_what_they_say(bring_table):
    assert bring_table("id,input\n1,q\n,r\n,s\n", columns=("interaction_id=id",)).imported == 3


@pytest.mark.parametrize("columns", [(), ("conversation_id=chat",)])
def test_equal_rows_of_other_tables_and_sources_are_others(bring_table, store, columns):
    for name, source in (("one.csv", "crm"), ("two.csv", "crm"), ("two.csv", "shop")):
        assert bring_table("input,chat\nlogin,7\n", name, columns=columns, source=source).imported == 1
        grown = bring_table("input,chat\nlogin,7\nlogout,7\n", name, columns=columns, source=source)
        assert (grown.imported, grown.duplicate) == (1, 1)
    assert len({row["conversation_id"] for row in rows(store)}) == (3 if columns else 6)


def late(count: int) -> list[dict]:
    """Rows of which the last alone have all the fields."""
    rare = {"success": False, "error_type": "Timeout", "user": "jo", "extra": {"k": 1}, "note": "n"}
    rows = [{"module": "m", "action": "run", "input": f"q{number}", "output": "a"} for number in range(count)]
    return [*rows[:-2], rows[-2] | rare, rows[-1]]


def test_a_field_that_only_later_rows_have_is_that_field(bring_table, store, monkeypatch):
    monkeypatch.setattr(table_rows, "BATCH_ROWS", 3)
    assert bring_table(as_lines(late(10)), "a.jsonl", columns=()).imported == 10
    row = next(row for row in rows(store) if row["input"] == "q8")
    assert (row["success"], row["error_type"], row["user"]) == (False, "Timeout", "jo")
    assert json.loads(row["extra"]) == {"k": 1, "note": "n"}


@pytest.mark.parametrize("columns", [(), ("output=answer", "error_type=why", "input=input")])
def test_a_row_is_known_again_wherever_it_stands_in_a_file(bring_table, monkeypatch, columns):
    monkeypatch.setattr(table_rows, "BATCH_ROWS", 3)
    values = [{**row, "answer": "b"} for row in late(10)]
    values[9] |= {"why": "it broke"}
    bring_table(as_lines(values), "a.jsonl", columns=columns)
    for part in (values[7:], values[::-1]):
        assert bring_table(as_lines(part), "a.jsonl", columns=columns).duplicate == len(part)


def test_a_mapped_column_that_no_row_has_is_an_error_before_anything_is_done(bring_table, store, monkeypatch):
    monkeypatch.setattr(table_rows, "BATCH_ROWS", 3)
    with pytest.raises(
        SettingsInvalid, match=r"there is no column 'nothing' for user; the columns of .*a.jsonl are mod"
    ):
        bring_table(as_lines(late(10)), "a.jsonl", columns=("user=nothing",))
    assert rows(store) == []


def test_a_header_may_write_the_names_of_fields_as_it_likes(bring_table, store):
    assert bring_table("Input,OUTPUT,User,Answer\nq,a,jo,b\n", columns=("output=Answer",)).imported == 1
    (row,) = rows(store)
    assert (row["input"], row["output"], row["user"], json.loads(row["extra"])) == ("q", "b", "jo", {"OUTPUT": "a"})


def test_strange_names_and_types_of_columns(bring_table, store):
    values = [{"a/b": "q", "x~'\"y": date(2026, 1, 2), "list": [1, 2], "nan": float("nan"), "ID": 1, "id": 2}]
    columns = ("input=a/b", "occurred_at=x~'\"y", "action==it's")
    assert bring_table(as_parquet(values), "a.parquet", columns=columns).imported == 1
    (row,) = rows(store)
    assert (row["input"], row["action"], row["occurred_at"]) == ("q", "it's", datetime(2026, 1, 2, tzinfo=UTC))
    assert json.loads(row["extra"]) == {"list": [1, 2], "ID": 1, "id": 2}
