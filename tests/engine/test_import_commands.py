"""Histories of shells: what an exit code says, and what their user deleted."""

import json
import sqlite3

import pytest

from tests.engine.building import learned
from tests.engine.tables import as_lines, as_parquet, rows
from vibe_pipeline.records import Interaction

COMMANDS = ("input=command", "action==run")
ENDS = [
    *(("0", True, None), ("1", False, "exit code 1"), ("127", False, "exit code 127"), ("137", False, "exit code 137")),
    *(("130", None, "exit code 130"), ("143", None, "exit code 143"), ("141", None, "exit code 141")),
    *(("-1", None, None), ("-9", False, "exit code -9"), ("130.0", None, "exit code 130")),
]


def ended(store):
    return [(row["success"], row["error_type"]) for row in rows(store)]


@pytest.mark.parametrize(("code", "success", "error_type"), ENDS)
@pytest.mark.parametrize("columns", [COMMANDS, (*COMMANDS, "success=exit")])
def test_an_exit_code_tells_how_a_command_ended(bring_table, store, columns, code, success, error_type):
    assert bring_table(f"command,exit\nnpm run dev,{code}\n", columns=columns).imported == 1
    assert ended(store) == [(success, error_type)]


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        ("command,exit_code", ("input=command",)),
        ("cmd,exitCode", ("input=cmd",)),
        ("argv,exit_status", ("input=argv",)),
        ("code,returncode", ("input=code", "action==run")),
    ],
)
def test_an_exit_code_is_taken_by_its_name_and_the_import_says_so(bring_table, store, header, columns):
    result = bring_table(f"{header}\nls,1\npwd,0\n", columns=columns)
    name = header.split(",")[1]
    assert result.told == {f"the column {name!r} tells the success of rows": 2}
    assert sorted(ended(store)) == [(False, "exit code 1"), (True, None)]
    assert {json.loads(row["extra"])[name] for row in rows(store)} == {"0", "1"}


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("question,exit\nq,1\n", ("input=question",)),
        ("command,exit\nq,soon\n", ("input=command",)),
        ("command,exit,success\nq,1,\n", ("input=command",)),
        ("command,exit\nq,1\n", ("input=command", "output=exit")),
        ("command,status\nq,1\n", ("input=command",)),
    ],
)
def test_what_is_no_exit_code_of_a_command_tells_nothing(bring_table, store, text, columns):
    assert bring_table(text, columns=columns).imported == 1
    assert ended(store) == [(None, None)]


def test_a_success_that_is_the_same_for_every_row_is_no_exit_code(bring_table, store):
    bring_table("command,exit\nls,2\n", columns=(*COMMANDS, "success==1"))
    assert ended(store) == [(True, None)]


def test_a_type_of_error_that_the_table_names_stays(bring_table, store):
    bring_table("command,exit,error_type\nls,1,ENOENT\npwd,1,\n", columns=COMMANDS)
    assert {row["input"]: row["error_type"] for row in rows(store)} == {"ls": "ENOENT", "pwd": "exit code 1"}


@pytest.mark.parametrize("name", ["app.csv", "app.jsonl", "app.parquet"])
def test_a_row_that_was_deleted_does_not_come_in(bring_table, store, name):
    values = [{"command": "ls", "deleted_at": None}, {"command": "secret", "deleted_at": 1770000000}]
    written = {"csv": "command,deleted_at\nls,\nsecret,1770000000\n", "jsonl": as_lines(values)}
    written["parquet"] = as_parquet(values)
    result = bring_table(written[name.split(".")[1]], name, columns=COMMANDS)
    assert (result.read, result.imported, result.quarantined) == (1, 1, 0)
    assert result.told == {"rows left out that 'deleted_at' says were deleted": 1}
    assert [row["input"] for row in rows(store)] == ["ls"]


def test_a_column_that_a_person_maps_deletes_nothing(bring_table, store):
    bring_table("command,deleted_at\nls,1770000000\n", columns=(*COMMANDS, "occurred_at=deleted_at"))
    assert len(rows(store)) == 1


def test_rows_that_came_before_exit_codes_were_understood_are_known(bring_table, store):
    """The ids that they had then."""
    text = "command,exit\nnpm test,1\nnpm run dev,130\natuin,-1\n"
    for columns in (COMMANDS, (*COMMANDS, "success=exit")):
        bring_table(text, columns=columns)
    ids = {row["interaction_id"][:8] for row in rows(store)}
    assert ids == {"633498fb", "9aa2db68", "080cbf29", "57ba73d9", "08af37f5", "6952add2"}


def test_what_the_user_broke_off_is_not_predicted_to_fail(bring_table, store, tmp_path):
    """As atuin keeps it."""
    with sqlite3.connect(tmp_path / "app.db") as db:
        db.execute("CREATE TABLE history (id, timestamp, duration, exit, command, cwd, session, hostname, deleted_at)")
        ran = [("npm run dev", 130), ("npm tset", 1), ("npm test", 0), ("kubectl top", -1)]
        db.executemany(
            "INSERT INTO history VALUES (?, ?, 5, ?, ?, '/p', 's', 'h', NULL)",
            [(number, (1770000000 + number) * 10**9, code, text) for number, (text, code) in enumerate(ran)],
        )
    bring_table(name="app.db", columns=(*COMMANDS, "conversation_id=session", "occurred_at=timestamp"), table="history")
    names = Interaction.__dataclass_fields__.keys() - {"extra"}
    found = [Interaction(**{name: row[name] for name in names}) for row in rows(store)]
    predicted = {row["prompt"]: row["completion"] for row in learned("error_prediction", *found)}
    assert predicted == {"npm tset": "fails: exit code 1", "npm test": "works"}
    assert [row["completion"] for row in learned("error_correction", *found)] == ["npm test"]
