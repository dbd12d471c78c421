"""logs.db of llm: both generations of tables, fragments, tools, forks, and databases that are broken or not its own."""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest

from vibe_pipeline.interactions.importers import databases, import_paths, llm_logs
from vibe_pipeline.interactions.importers.files import File
from vibe_pipeline.interactions.importers.messages import Unusable
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.records import Interaction
from vibe_pipeline.store import Store

MOMENT = datetime(2026, 1, 2, tzinfo=UTC)

OLD = """
create table conversations (id text primary key, name text, model text);
create table responses (id text primary key, model text, prompt text, system text, response text,
    conversation_id text, duration_ms integer, datetime_utc text, reasoning text);
create table fragments (id integer primary key, content text);
create table prompt_fragments (response_id text, fragment_id integer, "order" integer);
create table attachments (id text primary key, type text);
create table prompt_attachments (response_id text, attachment_id text, "order" integer);
create table tool_calls (id integer primary key, response_id text, name text, arguments text, tool_call_id text);
create table tool_results (id integer primary key, response_id text, name text, output text, tool_call_id text,
    exception text);
insert into conversations values ('c', 'Weather', 'm');
insert into responses values ('r1', 'm', 'Weather?', 'Be brief', '', 'c', 120, '2026-01-01T10:00:00', 'hm');
insert into responses values ('r2', 'm', '', 'Be brief', 'It rains.', 'c', 80, '2026-01-01T10:00:01', null);
insert into responses values ('r3', 'm', 'And here?', null, 'A dot.', 'c', 70, '2026-01-01T10:00:02', null);
insert into fragments values (1, 'the text');
insert into prompt_fragments values ('r3', 1, 0);
insert into attachments values ('a', 'image/png');
insert into prompt_attachments values ('r3', 'a', 0);
insert into tool_calls values (1, 'r1', 'weather', '{"city": "Oslo"}', 't1');
insert into tool_results values (1, 'r2', 'weather', 'Error: no net', 't1', 'OSError: no net');
"""

NEW = """
create table threads (id text primary key, name text, tip_message_hash text, forked_from text);
create table turns (id text primary key, thread_id text, parent_message_hash text, tip_message_hash text, model text,
    duration_ms integer, datetime_utc text);
create table messages (hash text primary key, parent_hash text, role text);
create table parts (id integer primary key, message_hash text, position integer, type text, text text, payload text);
create table fragments (id integer primary key, content text);
insert into threads values ('t', 'Hi', 'a2', null), ('f', 'Fork', 'a3', 't');
insert into messages values ('q1', null, 'user'), ('a1', 'q1', 'assistant'), ('q2', 'a1', 'user'),
    ('a2', 'q2', 'assistant'), ('q3', 'a1', 'user'), ('a3', 'q3', 'assistant');
insert into parts values (1, 'q1', 0, 'text', 'Hi', null), (2, 'a1', 0, 'text', 'Hello', null),
    (3, 'q2', 0, 'text', null, '{"text_ref": [{"fragment": 7}, {"literal": " more"}]}'),
    (4, 'a2', 1, 'text', 'Done', null), (5, 'a2', 0, 'reasoning', 'think', null),
    (6, 'q3', 0, 'text', 'Otherwise?', null), (7, 'a3', 0, 'text', 'Well', null);
insert into fragments values (7, 'much');
insert into turns values ('u1', 't', 'q1', 'a1', 'm', 10, '2026-01-01T10:00:00+00:00'),
    ('u2', 't', 'q2', 'a2', 'm', 20, '2026-01-01T10:00:05+00:00'),
    ('u3', 'f', 'q3', 'a3', 'm', 30, '2026-01-01T10:00:09+00:00');
"""


@pytest.fixture
def database(tmp_path):
    def make(script: str, name: str = "logs.db"):
        with closing(sqlite3.connect(tmp_path / name)) as connection:
            connection.executescript(script)
        return tmp_path / name

    return make


def conversations(path) -> list[list[Interaction]]:
    assert llm_logs.opens(path, path.read_bytes()[:100])
    return [
        list(llm_logs.read(raw.value, "test", MOMENT))
        for raw in llm_logs.records(File(path, path.name))
        if raw.reason is None
    ]


def test_the_old_tables_give_turns_tools_fragments_and_attachments(database):
    ((tool, weather, here),) = conversations(database(OLD))
    assert (tool.action, tool.turn, tool.output, tool.success, tool.error_type) == (
        "tool",
        0,
        "Error: no net",
        False,
        "OSError",
    )
    assert json.loads(tool.input) == {"name": "weather", "arguments": {"city": "Oslo"}}
    assert (weather.turn, weather.input, weather.output) == (1, "Weather?", "It rains.")
    assert weather.extra == {"system": "Be brief", "name": "Weather", "reasoning": "hm"}
    assert weather.occurred_at.isoformat() == "2026-01-01T10:00:00+00:00"
    assert (here.turn, here.input, here.output) == (2, "the text\nAnd here?\n[image]", "A dot.")
    assert (here.model_id, here.latency_ms, here.success) == ("m", 70, None)


def test_the_new_tables_give_threads_and_a_fork_brings_only_what_is_its_own(database):
    first, fork = conversations(database(NEW))
    assert [(item.turn, item.input, item.output) for item in first] == [(0, "Hi", "Hello"), (1, "much more", "Done")]
    assert first[1].extra == {"name": "Hi", "reasoning": "think"}
    assert [(item.turn, item.input, item.output) for item in fork] == [(0, "Otherwise?", "Well")]
    assert fork[0].extra["forked_from"] == "t"
    assert fork[0].conversation_id != first[0].conversation_id


def test_another_answer_to_the_same_question_is_an_alternative(database):
    script = """insert into messages values ('b2', 'q2', 'assistant');
        insert into parts values (9, 'b2', 0, 'text', 'Better', null);
        insert into turns values ('u9', 't', 'q2', 'b2', 'm', 5, '2026-01-01T10:00:06+00:00');"""
    first, _ = conversations(database(NEW + script))
    assert [(item.input, item.output) for item in first] == [("Hi", "Hello"), ("much more", "Better")]
    assert first[1].extra["alternatives"] == ["Done"]


def test_a_conversation_that_has_grown_brings_only_what_is_new(database, tmp_path):
    path = database(OLD)
    store = Store(tmp_path / "home")
    (before,) = import_paths(InteractionLogger(store.root), store, [path])
    (again,) = import_paths(InteractionLogger(store.root), store, [path])
    assert (before.imported, again.imported, again.duplicate, before.format) == (1, 0, 1, "llm_logs")
    old = conversations(path)[0]
    database("insert into responses values ('r4', 'm', 'Bye', null, 'Bye!', 'c', 1, '2026-01-01T10:01:00', null);")
    new = conversations(path)[0]
    assert [item.interaction_id for item in new[:-1]] == [item.interaction_id for item in old]
    assert (new[-1].turn, new[-1].input) == (3, "Bye")


def test_a_database_is_found_in_a_folder_and_a_broken_one_is_one_reject(database, tmp_path):
    path = database(OLD, "whole.db")
    (tmp_path / "cut.db").write_bytes(path.read_bytes()[:5000])
    database("create table other (a); insert into other values (1);", "other.db")
    store = Store(tmp_path / "home")
    found = import_paths(InteractionLogger(store.root), store, [tmp_path])
    results = {result.path.split("/")[-1]: result for result in found}
    assert results["whole.db"].imported == 1
    assert results["cut.db"].reasons == {databases.BROKEN: 1}
    assert results["other.db"].reasons == {llm_logs.FOREIGN: 1}


def test_reading_leaves_no_file_and_needs_no_right_to_write(database, tmp_path):
    path = database(OLD)
    path.chmod(0o400)
    before = sorted(tmp_path.iterdir())
    assert len(conversations(path)) == 1
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("junk", ["x'ff00'", "7", "null", "'{'", "1e999"])
@pytest.mark.parametrize("column", ["prompt", "response", "datetime_utc", "duration_ms", "conversation_id", "model"])
def test_a_column_of_another_type_never_crashes(database, column, junk):
    path = database(OLD + f"update responses set {column} = {junk} where id = 'r3';")
    for raw in llm_logs.records(File(path, path.name)):
        try:
            found = list(llm_logs.read(raw.value, "test", MOMENT))
        except Unusable:
            continue
        assert all(isinstance(item.input, str) for item in found)
