"""Tables: the map decides, wrong values cost their row, and every kind of file gives the same interactions."""

import csv
import io
import json
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.serving import sealed
from vibe_pipeline.errors import SettingsInvalid
from vibe_pipeline.interactions.importers import Wanted, delimited, import_paths, table
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.store import Store

MAP = ("input=question", "output=answer", "occurred_at=created", "latency_ms=ms", "success=ok", "module==shop")

ROWS = [
    {"question": "q1", "answer": 'a "1", one', "created": "2026-01-02T03:04:05Z", "ms": 1.5, "ok": True, "host": "h"},
    {"question": "qé\n2", "answer": "a2", "created": "2026-01-02T03:04:06Z", "ms": 20.0, "ok": False, "host": "h"},
]


@pytest.fixture
def bring(store, tmp_path):
    """Import one file with this content."""

    def run(content: str | bytes = b"", name: str = "app.csv", columns=MAP, **options):
        if content:
            (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        logger = InteractionLogger(store.root)
        (result,) = import_paths(logger, store, [tmp_path / name], Wanted(columns=columns, **options))
        assert result.imported + result.duplicate + result.quarantined == result.read
        assert sum(result.reasons.values()) == result.quarantined
        return result

    return run


def rows(store: Store) -> list[dict]:
    found = sealed(store.root)
    return found.sort("occurred_at", "input").rows(named=True) if len(found) else []


def as_csv(values, **options) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, values[0], **options)
    writer.writeheader()
    writer.writerows(values)
    return text.getvalue()


def as_parquet(values) -> bytes:
    data = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(values), data)
    return data.getvalue()


def as_sqlite(path, values, name="events") -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"CREATE TABLE {name} ({', '.join(values[0])})")
        database.executemany(
            f"INSERT INTO {name} VALUES ({', '.join('?' * len(values[0]))})", [[*it.values()] for it in values]
        )
        database.commit()


def as_lines(values) -> str:
    return "\n".join(json.dumps(value) for value in values)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("app.csv", as_csv(ROWS)),
        ("app.csv", as_csv(ROWS, delimiter=";").encode("utf-8-sig")),
        ("app.csv", as_csv(ROWS).encode("utf-16")),
        ("app.tsv", as_csv(ROWS, delimiter="\t")),
        ("app.jsonl", as_lines(ROWS)),
        ("app.json", json.dumps(ROWS, indent=1)),
        ("app.parquet", as_parquet(ROWS)),
        ("app.db", None),
    ],
)
def test_every_kind_of_table_gives_the_same_interactions(bring, store, tmp_path, name, content):
    if content is None:
        as_sqlite(tmp_path / name, ROWS)
    result = bring(content or b"", name)
    assert (result.format, result.read, result.imported) == ("table", 2, 2)
    first, second = rows(store)
    assert (
        first.items()
        >= {
            **{"module": "shop", "action": "event", "input": "q1", "output": 'a "1", one', "success": True, "turn": 0},
            **{"latency_ms": 1.5, "source": "import:table", "extra": '{"host":"h"}', "error_type": None},
        }.items()
    )
    assert first["occurred_at"] == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert (second["input"], second["success"], second["latency_ms"]) == ("qé\n2", False, 20.0)
    again = bring(b"", name)
    assert (again.imported, again.duplicate) == (0, 2)


@pytest.mark.parametrize(
    ("stamp", "moment"),
    [
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
    ],
)
def test_times_are_read_in_all_their_forms(bring, store, stamp, moment):
    assert bring(f"input,occurred_at\nq,{stamp}\n", columns=()).imported == 1
    assert rows(store)[0]["occurred_at"] == datetime.fromisoformat(moment).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("occurred_at", value) for value in ("soon", "infinity", "-5", "2026-13-01", "99999999999999999999999")),
        *(("occurred_at", value) for value in ("2024", "240131", "20241331", "45322.5", "0", "315532799", "1e99")),
        *(("success", value) for value in ("maybe", "2")),
        *(("latency_ms", value) for value in ("fast", "inf", "nan", "1e999")),
        *(("turn", value) for value in ("-1", "1.5", "x", "9999999999")),
    ],
)
def test_a_value_of_the_wrong_type_costs_its_row_alone(bring, store, field, value):
    result = bring(f"input,{field}\ngood,\nbad,{value}\nfine,\n", columns=())
    assert (result.imported, result.reasons) == (2, {f"of the wrong type: {field}": 1})
    assert {row["input"] for row in rows(store)} == {"good", "fine"}


@pytest.mark.parametrize(
    ("word", "truth"), [("true", True), ("1", True), ("OK", True), ("False", False), ("0", False), ("error", False)]
)
def test_words_for_success(bring, store, word, truth):
    bring(f"input,success\nq,{word}\n", columns=())
    assert rows(store)[0]["success"] is truth


def test_columns_that_bear_the_names_of_fields_need_no_map(bring, store):
    text = 'action,input,user,error_type,improvements,extra,note\nrun,ls,jo,Timeout,"[""a"", ""b""]","{""k"": 1}",n\n'
    assert bring(text, columns=()).format == "table"
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


def test_numbers_of_rows_are_no_ids_for_two_tables(bring, store):
    for name in ("one.csv", "two.csv"):
        bring("id,input,chat\n1,q,7\n", name, columns=("interaction_id=id", "conversation_id=chat"))
    found = rows(store)
    assert len({row["interaction_id"] for row in found}) == len({row["conversation_id"] for row in found}) == 2
    changed = bring("id,input,chat\n1,changed,7\n", "two.csv", columns=("interaction_id=id", "conversation_id=chat"))
    assert changed.duplicate == 1


@pytest.mark.parametrize("columns", [(), ("conversation_id=chat",)])
def test_equal_rows_of_other_tables_and_sources_are_others(bring, store, columns):
    for name, source in (("one.csv", "crm"), ("two.csv", "crm"), ("two.csv", "shop")):
        assert bring("input,chat\nlogin,7\n", name, columns=columns, source=source).imported == 1
        grown = bring("input,chat\nlogin,7\nlogout,7\n", name, columns=columns, source=source)
        assert (grown.imported, grown.duplicate) == (1, 1)
    assert len({row["conversation_id"] for row in rows(store)}) == (3 if columns else 6)


@pytest.mark.parametrize("path", [".", "*.csv"])
def test_a_table_of_a_folder_that_does_not_fit_the_map_costs_no_other(store, tmp_path, path):
    for name, content in (("a", "question,answer\nq,a\n"), ("b", "name,phone\nx,1\n"), ("c", "question,answer\nr,a\n")):
        (tmp_path / f"{name}.csv").write_text(content)
    logger = InteractionLogger(store.root)
    wanted = Wanted(columns=("input=question", "output=answer"))
    a, b, c = import_paths(logger, store, [tmp_path / path], wanted)
    assert (a.imported, b.imported, c.imported) == (1, 0, 1)
    there = f"the columns of {tmp_path / 'b.csv'} are name, phone"
    assert b.reasons == {f"there is no column 'question' for input; {there}": 1}


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (("input=nothing",), "there is no column 'nothing' for input; the columns of .*app.csv are question, answer"),
        (("module==shop",), "no column gives input, output or action; the columns of .*app.csv are question, answer"),
        (("inptu=question",), "--map 'inptu=question' is not FIELD=COLUMN or FIELD==CONSTANT"),
        (("input",), "is not FIELD=COLUMN"),
        (("input=question", "input=answer"), "--map gives input twice"),
    ],
)
def test_a_map_that_does_not_fit_is_one_line_that_names_what_there_is(bring, columns, words):
    with pytest.raises(SettingsInvalid, match=words):
        bring("question,answer\nq,a\n", columns=columns)


def test_a_table_of_a_database_is_named(bring, store, tmp_path):
    as_sqlite(tmp_path / "app.db", ROWS)
    as_sqlite(tmp_path / "app.db", [{"question": "other"}], "more")
    with pytest.raises(SettingsInvalid, match="has 2 tables; there are events, more"):
        bring(name="app.db", columns=("input=question",))
    with pytest.raises(SettingsInvalid, match=r"there is no table 'x' .* there are events, more"):
        bring(name="app.db", columns=("input=question",), table="x")
    assert bring(name="app.db", columns=("input=question",), table="more").imported == 1
    with pytest.raises(SettingsInvalid, match="is no SQLite database"):
        bring("input\nq\n", columns=(), table="more")


def test_columns_and_a_table_belong_to_tables(store, tmp_path):
    with pytest.raises(SettingsInvalid, match="format 'aider' has no columns"):
        import_paths(InteractionLogger(store.root), store, [tmp_path], Wanted("aider", columns=MAP))


BROKEN = {
    "too,many,fields": "not 2 fields",
    "few": "not 2 fields",
    '"never closed,x': "a quote that is not closed where it should be",
    '"a"b,x': "not 2 fields as in the header, or a stray quote",
    "é caf\udce9,x": "not UTF-8",
}


@given(st.lists(st.sampled_from([*BROKEN, "good,g", '"good\nlines","g"', 'go"od,g', '"",""']), max_size=12))
def test_a_broken_line_of_csv_costs_no_neighbour(tmp_path_factory, lines):
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    path.write_bytes("\n".join(["input,output", *lines]).encode("utf-8", "surrogateescape"))
    found = [fields for _, fields in delimited.rows(path, 2)]
    assert sum(isinstance(fields, list) for fields in found) == sum(line not in BROKEN for line in lines)
    assert sum(isinstance(fields, str) for fields in found) == sum(line in BROKEN for line in lines)


@pytest.mark.parametrize(
    "text",
    [
        "\n  \n{}q;a;n\n",
        "{}q;a;n\n",
        "sep=;\n{}q;a;n\n",
        '"SEP=;"\r\n{}q;a;n\r\n',
    ],
)
@pytest.mark.parametrize("first", ['input;output;"a, b, c, d"\n', '"input";output;"a, b,\r\n c, d"\n'])
def test_headers_as_programs_write_them(bring, store, text, first):
    assert bring(text.format(first), columns=()).imported == 1
    (row,) = rows(store)
    assert (row["input"], row["output"], json.loads(row["extra"])) == ("q", "a", {"a, b, c, d": "n"})


def test_what_excel_writes_in_windows_1252_is_read(bring, store):
    text = "input;output;Größe\nq;Müller – 5 €;1\n"
    assert bring(text.encode("cp1252") + "qé;ü;2\n".encode(), columns=()).imported == 2
    found = {(row["input"], row["output"], row["extra"]) for row in rows(store)}
    assert found == {("q", "Müller – 5 €", '{"Größe":"1"}'), ("qé", "ü", '{"Größe":"2"}')}


def test_a_damaged_header_costs_no_row(bring, store):
    assert bring("input,ä\udce9\nq,a\n".encode("utf-8", "surrogateescape"), columns=()).imported == 1
    assert rows(store)[0]["extra"] == '{"ä\ufffd":"a"}'


@pytest.mark.parametrize("first", ['size 5",input', '"size"5,input'])
def test_a_stray_quote_in_the_header_costs_no_row(bring, first):
    assert bring(f"{first}\n1,q\n2,r\n", columns=("output==x", "action=input")).imported == 2


def test_a_field_may_be_long_and_one_that_is_too_long_says_so(bring, store, monkeypatch):
    monkeypatch.setattr(delimited, "LONGEST", 300_000)
    lines = ["input,output", f"{'x' * 200_000},a", f'"{"y " * 60_000}\n{"z" * 60_000}",b', f"{'w' * 400_000},c", "q,d"]
    result = bring("\n".join(lines), columns=())
    assert (result.imported, result.reasons) == (3, {delimited.TOO_LONG: 1})
    assert {len(row["input"]) for row in rows(store)} == {200_000, 180_001, 1}


def test_an_empty_row_says_nothing(bring):
    assert bring("input,output,n\n,,1\nq,,2\n", columns=()).reasons == {"nothing in input, output and action": 1}


def test_lines_that_are_no_rows_are_quarantined(bring, store):
    lines = ['{"question": "q"}', "[1]", "{broken", '{"question": NaN}', '{"question": "\\ud800!", "n": NaN}', '"text"']
    result = bring("\n".join(lines), "a.jsonl", columns=("input=question",))
    assert (result.imported, result.quarantined) == (2, 4)
    assert {(row["input"], row["extra"]) for row in rows(store)} == {("q", None), ("\ufffd!", None)}


def test_a_row_that_makes_duckdb_fail_costs_itself(bring, monkeypatch):
    monkeypatch.setattr(table, "STRANGE", ())
    lines = [json.dumps({"question": f"q{number}"}) for number in range(9)]
    lines.insert(4, '{"question": "\\ud800"}')
    result = bring("\n".join(lines), "a.jsonl", columns=("input=question",))
    assert (result.imported, result.quarantined) == (9, 1)


def test_more_rows_than_a_batch(bring, monkeypatch):
    monkeypatch.setattr(table, "BATCH_ROWS", 3)
    monkeypatch.setattr("vibe_pipeline.interactions.importers.tally.BATCH", 2)
    text = as_csv([{"input": f"q{number}", "turn": "x" if number % 2 else 1} for number in range(20)])
    result = bring(text, columns=())
    assert (result.read, result.imported, result.reasons) == (20, 10, {"of the wrong type: turn": 10})


def late(count: int) -> list[dict]:
    """Rows of which the last alone have all the fields."""
    rare = {"success": False, "error_type": "Timeout", "user": "jo", "extra": {"k": 1}, "note": "n"}
    rows = [{"module": "m", "action": "run", "input": f"q{number}", "output": "a"} for number in range(count)]
    return [*rows[:-2], rows[-2] | rare, rows[-1]]


def test_a_field_that_only_later_rows_have_is_that_field(bring, store, monkeypatch):
    monkeypatch.setattr(table, "BATCH_ROWS", 3)
    assert bring(as_lines(late(10)), "a.jsonl", columns=()).imported == 10
    row = next(row for row in rows(store) if row["input"] == "q8")
    assert (row["success"], row["error_type"], row["user"]) == (False, "Timeout", "jo")
    assert json.loads(row["extra"]) == {"k": 1, "note": "n"}


@pytest.mark.parametrize("columns", [(), ("output=answer", "error_type=why", "input=input")])
def test_a_row_is_known_again_wherever_it_stands_in_a_file(bring, monkeypatch, columns):
    monkeypatch.setattr(table, "BATCH_ROWS", 3)
    values = [{**row, "answer": "b"} for row in late(10)]
    values[9] |= {"why": "it broke"}
    bring(as_lines(values), "a.jsonl", columns=columns)
    for part in (values[7:], values[::-1]):
        assert bring(as_lines(part), "a.jsonl", columns=columns).duplicate == len(part)


def test_a_mapped_column_that_no_row_has_is_an_error_before_anything_is_done(bring, store, monkeypatch):
    monkeypatch.setattr(table, "BATCH_ROWS", 3)
    with pytest.raises(
        SettingsInvalid, match=r"there is no column 'nothing' for user; the columns of .*a.jsonl are mod"
    ):
        bring(as_lines(late(10)), "a.jsonl", columns=("user=nothing",))
    assert rows(store) == []


def test_a_header_may_write_the_names_of_fields_as_it_likes(bring, store):
    assert bring("Input,OUTPUT,User,Answer\nq,a,jo,b\n", columns=("output=Answer",)).imported == 1
    (row,) = rows(store)
    assert (row["input"], row["output"], row["user"], json.loads(row["extra"])) == ("q", "b", "jo", {"OUTPUT": "a"})


def test_strange_names_and_types_of_columns(bring, store):
    values = [{"a/b": "q", "x~'\"y": date(2026, 1, 2), "list": [1, 2], "nan": float("nan"), "ID": 1, "id": 2}]
    columns = ("input=a/b", "occurred_at=x~'\"y", "action==it's")
    assert bring(as_parquet(values), "a.parquet", columns=columns).imported == 1
    (row,) = rows(store)
    assert (row["input"], row["action"], row["occurred_at"]) == ("q", "it's", datetime(2026, 1, 2, tzinfo=UTC))
    assert json.loads(row["extra"]) == {"list": [1, 2], "ID": 1, "id": 2}


def test_half_floats_are_numbers(bring, store):
    data = io.BytesIO()
    pq.write_table(pa.table({"input": ["q"], "turn": pa.array([2.0], pa.float16())}), data)
    assert bring(data.getvalue(), "a.parquet", columns=()).imported == 1
    assert rows(store)[0]["turn"] == 2


def test_a_view_that_is_wrong_says_what_sqlite_says(bring, tmp_path):
    as_sqlite(tmp_path / "app.db", ROWS)
    with closing(sqlite3.connect(tmp_path / "app.db")) as database:
        database.execute("CREATE VIEW broken AS SELECT nosuch(question) AS input FROM events")
    result = bring(name="app.db", columns=(), table="broken")
    assert result.reasons == {"a table that SQLite cannot read: no such function: nosuch": 1}


@pytest.mark.parametrize("name", ["enc.db", "enc.csv", "enc.jsonl"])
def test_bytes_that_are_no_table_say_so_and_are_not_printed(bring, name):
    noise = bytes(range(256)) * 20
    assert bring(noise, name, columns=("input=question",)).reasons == {table.NO_TABLE: 1}


@pytest.mark.parametrize("name", ["cut.parquet", "cut.db"])
def test_a_file_that_is_cut_off_is_one_reject(bring, tmp_path, name):
    as_sqlite(tmp_path / "whole.db", [{"input": "x" * 900}] * 40)
    whole = as_parquet(ROWS) if name == "cut.parquet" else (tmp_path / "whole.db").read_bytes()
    assert bring(whole[: len(whole) // 2], name, columns=("input=input",)).quarantined == 1


def test_chats_are_no_table_without_a_map(bring):
    chat = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}], "action": "x"}
    assert bring(as_lines([chat]), "a.jsonl", columns=()).format == "openai_chat"
    assert bring(as_lines([{"input": "q", "output": "a"}]), "b.jsonl", columns=()).format == "unknown"
