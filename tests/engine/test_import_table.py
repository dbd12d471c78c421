"""Tables: the map decides, wrong values cost their row, and every kind of file gives the same interactions."""

import csv
import io
import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.tables import MAP, as_lines, as_parquet, rows
from vibe_pipeline.errors import SettingsInvalid
from vibe_pipeline.interactions.importers import Wanted, databases, delimited, import_paths, table
from vibe_pipeline.interactions.importers import rows as table_rows
from vibe_pipeline.interactions.importers.raw import TOO_DEEP
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.interactions.quarantine import reasons

ROWS = [
    {"question": "q1", "answer": 'a "1", one', "created": "2026-01-02T03:04:05Z", "ms": 1.5, "ok": True, "host": "h"},
    {"question": "qé\n2", "answer": "a2", "created": "2026-01-02T03:04:06Z", "ms": 20.0, "ok": False, "host": "h"},
]


def as_csv(values, **options) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, values[0], **options)
    writer.writeheader()
    writer.writerows(values)
    return text.getvalue()


def as_sqlite(path, values, name="events") -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"CREATE TABLE {name} ({', '.join(values[0])})")
        database.executemany(
            f"INSERT INTO {name} VALUES ({', '.join('?' * len(values[0]))})", [[*it.values()] for it in values]
        )
        database.commit()


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
def test_every_kind_of_table_gives_the_same_interactions(bring_table, store, tmp_path, name, content):
    if content is None:
        as_sqlite(tmp_path / name, ROWS)
    result = bring_table(content or b"", name)
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
    again = bring_table(b"", name)
    assert (again.imported, again.duplicate) == (0, 2)


@pytest.mark.parametrize("path", [".", "*.csv"])
def test_a_table_of_a_folder_that_does_not_fit_the_map_costs_no_other_and_is_no_record(store, tmp_path, path):
    for name, content in (("a", "question,answer\nq,a\n"), ("b", "name,phone\nx,1\n"), ("c", "question,answer\nr,a\n")):
        (tmp_path / f"{name}.csv").write_text(content)
    logger = InteractionLogger(store.root)
    wanted = Wanted(columns=("input=question", "output=answer"))
    a, b, c = import_paths(logger, store, [tmp_path / path], wanted)
    assert (a.imported, b.imported, c.imported) == (1, 0, 1)
    there = f"the columns of {tmp_path / 'b.csv'} are name, phone"
    assert (b.read, b.failure) == (0, f"there is no column 'question' for input; {there}. Name one of them.")
    assert not b.is_named
    with pytest.raises(SettingsInvalid, match="there is no column 'qestion' for input"):
        import_paths(logger, store, [tmp_path / path], Wanted(columns=("input=qestion",)))
    assert reasons(store, "interactions") == {}


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
def test_a_map_that_does_not_fit_is_one_line_that_names_what_there_is(bring_table, columns, words):
    with pytest.raises(SettingsInvalid, match=words):
        bring_table("question,answer\nq,a\n", columns=columns)


def test_a_table_of_a_database_is_named(bring_table, store, tmp_path):
    as_sqlite(tmp_path / "app.db", ROWS)
    as_sqlite(tmp_path / "app.db", [{"question": "other"}], "more")
    with pytest.raises(SettingsInvalid, match="has 2 tables; there are events, more"):
        bring_table(name="app.db", columns=("input=question",))
    with pytest.raises(SettingsInvalid, match=r"there is no table 'x' .* there are events, more"):
        bring_table(name="app.db", columns=("input=question",), table="x")
    assert bring_table(name="app.db", columns=("input=question",), table="more").imported == 1
    with pytest.raises(SettingsInvalid, match="is no SQLite database"):
        bring_table("input\nq\n", columns=(), table="more")


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
def test_headers_as_programs_write_them(bring_table, store, text, first):
    assert bring_table(text.format(first), columns=()).imported == 1
    (row,) = rows(store)
    assert (row["input"], row["output"], json.loads(row["extra"])) == ("q", "a", {"a, b, c, d": "n"})


def test_what_excel_writes_in_windows_1252_is_read(bring_table, store):
    text = "input;output;Größe\nq;Müller – 5 €;1\n"
    assert bring_table(text.encode("cp1252") + "qé;ü;2\n".encode(), columns=()).imported == 2
    found = {(row["input"], row["output"], row["extra"]) for row in rows(store)}
    assert found == {("q", "Müller – 5 €", '{"Größe":"1"}'), ("qé", "ü", '{"Größe":"2"}')}


def test_a_damaged_header_costs_no_row(bring_table, store):
    assert bring_table("input,ä\udce9\nq,a\n".encode("utf-8", "surrogateescape"), columns=()).imported == 1
    assert rows(store)[0]["extra"] == '{"ä\ufffd":"a"}'


def test_columns_of_one_name_are_all_kept(bring_table, store):
    assert bring_table("a,a_3,a,input\n1,2,3,q\n", columns=()).imported == 1
    assert json.loads(rows(store)[0]["extra"]) == {"a": "1", "a_3": "2", "a_3_3": "3"}


@pytest.mark.parametrize("first", ['size 5",input', '"size"5,input'])
def test_a_stray_quote_in_the_header_costs_no_row(bring_table, first):
    assert bring_table(f"{first}\n1,q\n2,r\n", columns=("output==x", "action=input")).imported == 2


def test_a_field_may_be_long_and_one_that_is_too_long_says_so(bring_table, store, monkeypatch):
    monkeypatch.setattr(delimited, "LONGEST", 300_000)
    lines = ["input,output", f"{'x' * 200_000},a", f'"{"y " * 60_000}\n{"z" * 60_000}",b', f"{'w' * 400_000},c", "q,d"]
    result = bring_table("\n".join(lines), columns=())
    assert (result.imported, result.reasons) == (3, {delimited.TOO_LONG: 1})
    assert {len(row["input"]) for row in rows(store)} == {200_000, 180_001, 1}


def test_an_empty_row_says_nothing(bring_table):
    assert bring_table("input,output,n\n,,1\nq,,2\n", columns=()).reasons == {"nothing in input, output and action": 1}


def test_lines_that_are_no_rows_are_quarantined(bring_table, store):
    lines = ['{"question": "q"}', "[1]", "{broken", '{"question": NaN}', '{"question": "\\ud800!", "n": NaN}', '"text"']
    result = bring_table("\n".join(lines), "a.jsonl", columns=("input=question",))
    assert (result.imported, result.quarantined) == (2, 4)
    assert {(row["input"], row["extra"]) for row in rows(store)} == {("q", None), ("\ufffd!", None)}


def test_a_row_that_makes_duckdb_fail_costs_itself(bring_table, monkeypatch):
    monkeypatch.setattr(table_rows, "STRANGE", ())
    lines = [json.dumps({"question": f"q{number}"}) for number in range(9)]
    lines.insert(4, '{"question": "\\ud800"}')
    result = bring_table("\n".join(lines), "a.jsonl", columns=("input=question",))
    assert (result.imported, result.quarantined) == (9, 1)


def test_more_rows_than_a_batch(bring_table, monkeypatch):
    monkeypatch.setattr(table_rows, "BATCH_ROWS", 3)
    monkeypatch.setattr("vibe_pipeline.interactions.importers.tally.BATCH", 2)
    text = as_csv([{"input": f"q{number}", "turn": "x" if number % 2 else 1} for number in range(20)])
    result = bring_table(text, columns=("turn=turn",))
    assert (result.read, result.imported, result.reasons) == (20, 10, {"of the wrong type: turn": 10})


def test_a_view_that_is_wrong_says_what_sqlite_says(bring_table, tmp_path):
    as_sqlite(tmp_path / "app.db", ROWS)
    with closing(sqlite3.connect(tmp_path / "app.db")) as database:
        database.execute("CREATE VIEW broken AS SELECT nosuch(question) AS input FROM events")
    result = bring_table(name="app.db", columns=(), table="broken")
    assert result.reasons == {"a table that SQLite cannot read: no such function: nosuch": 1}


def test_what_sqlite_read_before_a_fault_is_kept(bring_table, tmp_path):
    as_sqlite(tmp_path / "app.db", [{"said": text} for text in ('{"q": "a"}', '{"q": "b"}', '{"q": cut', '{"q": "c"}')])
    with closing(sqlite3.connect(tmp_path / "app.db")) as database:
        database.execute("CREATE VIEW chats AS SELECT json_extract(said, '$.q') AS input FROM events")
    result = bring_table(name="app.db", columns=(), table="chats")
    assert (result.imported, result.reasons) == (2, {"a table that SQLite cannot read: malformed JSON": 1})


def test_rows_before_a_damaged_page_are_kept(bring_table, tmp_path):
    as_sqlite(tmp_path / "app.db", [{"input": f"{number} {'x' * 900}"} for number in range(40)])
    data = bytearray((tmp_path / "app.db").read_bytes())
    data[-4096:] = b"\xff" * 4096
    result = bring_table(bytes(data), "app.db", columns=(), table="events")
    assert result.imported > 30
    assert result.reasons == {databases.BROKEN: 1}


@pytest.mark.parametrize("name", ["enc.db", "enc.csv", "enc.jsonl"])
def test_bytes_that_are_no_table_say_so_and_are_not_printed(bring_table, name):
    noise = bytes(range(256)) * 20
    assert bring_table(noise, name, columns=("input=question",)).reasons == {table.NO_TABLE: 1}


@pytest.mark.parametrize("name", ["cut.parquet", "cut.db"])
def test_a_file_that_is_cut_off_is_one_reject(bring_table, tmp_path, name):
    as_sqlite(tmp_path / "whole.db", [{"input": "x" * 900}] * 40)
    whole = as_parquet(ROWS) if name == "cut.parquet" else (tmp_path / "whole.db").read_bytes()
    assert bring_table(whole[: len(whole) // 2], name, columns=("input=input",)).quarantined == 1


@pytest.mark.parametrize("depth", [500, 3000, 100_000])
def test_what_is_nested_too_deep_costs_its_row(bring_table, store, tmp_path, depth):
    values = [{"input": "before", "extra": ""}, {"input": "deep", "extra": '{"a":' * depth + "1" + "}" * depth}]
    values.append({"input": "after [{", "extra": '{"text": "' + "[{" * 1000 + '"}'})
    as_sqlite(tmp_path / "app.db", values)
    refused = {} if depth == 500 else {TOO_DEEP: 1}
    for content, name in ((as_csv(values), "app.csv"), (as_lines(values), "app.jsonl"), ("", "app.db")):
        assert bring_table(content, name, columns=("module==m",)).reasons == refused
    assert len(rows(store)) == 3 - len(refused)


def test_rows_in_an_object_are_rows(bring_table, store):
    content = json.dumps({"version": 1, "data": [{"question": "q1"}, {"question": "q2"}]}, indent=1)
    assert bring_table(content, "app.json", columns=("input=question",)).imported == 2


def test_chats_are_no_table_without_a_map(bring_table):
    chat = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}], "action": "x"}
    assert bring_table(as_lines([chat]), "a.jsonl", columns=()).format == "openai_chat"
    assert bring_table(as_lines([{"input": "q", "output": "a"}]), "b.jsonl", columns=()).format == "unknown"
