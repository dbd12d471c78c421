"""Langfuse's exports: traces and tables, generations and tools, scores and corrections."""

import csv
import json
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.importing import effort, format_of
from tests.engine.serving import sealed
from vibe_pipeline.interactions.importers import Wanted, import_paths, langfuse, langfuse_blobs
from vibe_pipeline.interactions.importers.messages import NothingAsked, Unusable
from vibe_pipeline.interactions.importers.opinions import OPINIONS
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.records import Interaction
from vibe_pipeline.store import Store

MOMENT = datetime(2026, 1, 2, tzinfo=UTC)
CALL = {"id": "k", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}


def observation(number: int, asked, answer, **more) -> dict:
    return {
        "id": f"o{number}",
        "traceId": "t",
        "type": "GENERATION",
        "startTime": f"2026-01-02T00:00:0{number}.000Z",
        "endTime": f"2026-01-02T00:00:0{number}.250Z",
        "model": "m",
        "level": "DEFAULT",
        "input": [{"role": "user", "content": asked}] if isinstance(asked, str) else asked,
        "output": {"role": "assistant", "content": answer} if isinstance(answer, str) else answer,
        **more,
    }


def trace(*observations, **more) -> dict:
    start = {"id": "t", "timestamp": "2026-01-02T00:00:00Z", "userId": "jo", "sessionId": None}
    return {**start, "observations": list(observations), **more}


def read(value) -> list[Interaction]:
    return [item for item in langfuse.read(value, "test", MOMENT) if isinstance(item, Interaction)]


def turns(found: list[Interaction]) -> list[tuple]:
    return [(item.turn, item.action, item.input, item.output) for item in found]


def test_a_generation_is_an_exchange():
    (item,) = read(trace(observation(1, "q", "a"), name="bot", tags=["x"]))
    assert (item.input, item.output, item.model_id, item.user, item.latency_ms) == ("q", "a", "m", "jo", 250)
    assert item.occurred_at == datetime(2026, 1, 2, 0, 0, 1, tzinfo=UTC)
    assert item.extra == {"trace": "bot", "tags": ["x"]}


def test_the_download_of_one_trace_has_its_observations_beside_it():
    bare = {key: value for key, value in trace().items() if key != "observations"}
    row = observation(1, "", "a") | {"input": '[{"role":"user","content":"q"}]', "output": '"a"'}
    assert turns(read({"trace": bare, "observations": [row]})) == [(0, "chat", "q", "a")]


def test_a_tool_observation_completes_its_call_whatever_the_order():
    first = observation(1, "q", {"role": "assistant", "content": None, "tool_calls": [CALL]})
    tool = observation(2, {"a": 1}, "none", type="TOOL", name="f", level="ERROR", statusMessage="OSError: no net")
    tool["output"] = None
    item, asked = read(trace(tool, first))
    assert (item.action, item.input, item.output) == ("tool", '{"name": "f", "arguments": {"a": 1}}', "OSError: no net")
    assert (item.success, item.error_type, asked.input, asked.output) == (False, "OSError", "q", "")


def test_a_failed_generation_is_a_failed_exchange():
    (item,) = read(trace(observation(1, "q", None, level="ERROR", statusMessage="openai.RateLimitError: slow")))
    assert (item.output, item.success, item.error_type) == ("", False, "RateLimitError")


def test_a_generation_that_failed_midway_is_a_failure_with_what_it_said():
    (item,) = read(trace(observation(1, "q", "a", level="ERROR", statusMessage="TimeoutError: slow")))
    assert (item.output, item.success, item.error_type) == ("a", False, "TimeoutError")


def test_a_hosted_tool_has_its_own_outcome_in_an_answer():
    ran = {"type": "mcp_call", "id": "k", "name": "f", "arguments": '{"a": 1}', "output": "r", "status": "completed"}
    said = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a"}]}
    tool, asked = read(trace(observation(1, "q", {"output": [ran, said]}, level="ERROR", statusMessage="E: cut")))
    assert (tool.input, tool.output, tool.success) == ('{"name": "f", "arguments": {"a": 1}}', "r", True)
    assert (asked.output, asked.success, asked.latency_ms) == ("a", False, 250)


def test_a_trace_without_generations_is_one_call():
    (item,) = read(trace(input='{"question": "q"}', output='"a"'))
    assert (item.input, item.output) == ("q", "a")
    with pytest.raises(Unusable, match="neither the generations nor the trace"):
        read(trace())


def test_what_a_trace_was_asked_and_answered_is_kept_where_only_its_tools_hold_more():
    generation = observation(1, None, None, parentObservationId="r")
    tool = observation(2, {"a": 1}, None, type="TOOL", name="f", parentObservationId="r") | {"output": "r"}
    found = [(0, "tool", '{"name": "f", "arguments": {"a": 1}}', "r"), (1, "chat", "q", "a")]
    assert turns(read(trace(generation, tool, input="q", output="a"))) == found
    assert turns(read(trace(tool))) == found[:1]
    rows = [observation(0, "q", "a", type="AGENT", id="r"), generation, tool]
    assert turns(read(rows)) == found


def test_the_observations_of_a_session_are_one_conversation():
    rows = [observation(n, f"q{n % 2}", f"a{n % 2}", traceId=f"t{n}", sessionId="s") for n in (1, 2, 3)]
    assert {langfuse.session_of(row) for row in rows} == {"session s"}
    found = read(rows)
    assert turns(found) == [(0, "chat", "q1", "a1"), (1, "chat", "q0", "a0"), (2, "chat", "q1", "a1")]
    assert len({item.interaction_id for item in found}) == 3


def test_a_session_has_the_same_ids_day_by_day_and_as_a_whole():
    days = [trace(input=f"q{n}", output="a", id=f"t{n}", sessionId="s") for n in (1, 2)]
    assert {it.interaction_id for day in days for it in read(day)} == {it.interaction_id for it in read(days)}


def test_what_a_later_call_repeats_of_a_session_is_known():
    told = [{"role": "user", "content": "q1"}, {"role": "assistant", "content": "a1"}]
    first = observation(1, "q1", "a1", sessionId="s")
    second = observation(2, [*told, {"role": "user", "content": "q2"}], "a2", traceId="u", sessionId="s")
    ids = {item.interaction_id for item in [*read(first), *read(second)]}
    assert ids == {item.interaction_id for item in read([first, second])}
    assert len(ids) == 2


def test_the_traces_of_a_session_are_one_conversation():
    traces = [
        trace(observation(n, f"q{n}", f"a{n}", traceId=f"t{n}"), id=f"t{n}", sessionId="s", userId=None) for n in (2, 1)
    ]
    assert {langfuse.session_of(each) for each in traces} == {"session s"}
    assert turns(read(traces)) == [(0, "chat", "q1", "a1"), (1, "chat", "q2", "a2")]


def test_each_trace_of_a_session_belongs_to_its_user():
    traces = [
        trace(observation(n, f"q{n}", f"a{n}", traceId=f"t{n}"), id=f"t{n}", sessionId="s", userId=f"u{n}")
        for n in (1, 2)
    ]
    assert [(item.input, item.user) for item in read(traces)] == [("q1", "u1"), ("q2", "u2")]


def test_what_people_scored_is_feedback_and_what_judges_scored_is_not():
    scores = [
        {"name": "toxic", "value": 0.9, "source": "EVAL"},
        {"name": "thumb", "value": 0, "source": "API", "dataType": "BOOLEAN"},
    ]
    corrections = [{"longStringValue": "better"}]
    (item,) = read(trace(observation(1, "q", "a"), scores=scores, corrections=corrections))
    assert (item.feedback, item.improvements) == (-1.0, ("better",))
    assert item.extra["scores"] == {"toxic": 0.9, "thumb": 0}


THUMB = {"name": "thumb", "value": -1, "source": "API", "dataType": "NUMERIC", "comment": "bad"}


@pytest.mark.parametrize(
    ("of", "judged"),
    [(None, "a2"), ("o1", "a1"), ("o2", "a2"), ("agent", "a2"), ("retriever", None)],
)
def test_a_score_is_of_the_last_call_in_the_observation_that_it_names(of, judged):
    inside = [observation(n, f"q{n}", f"a{n}", parentObservationId="agent") for n in (1, 2)]
    spans = [observation(3, "q", "a", type=name.upper(), id=name) for name in ("agent", "retriever")]
    found = read(trace(*inside, *spans, scores=[THUMB | {"observationId": of}]))
    assert [item.output for item in found if item.feedback == -1] == [judged] * (judged is not None)


def test_a_score_of_an_observation_around_others_is_of_the_last_call_in_it_whatever_was_scored_inside():
    inner = [observation(n, f"q{n}", f"a{n}", parentObservationId="agent") for n in (1, 2)]
    spans = [
        observation(3, "q", "a", type="AGENT", id="agent", parentObservationId="chain"),
        observation(4, "q", "a", type="CHAIN", id="chain", parentObservationId="chain"),
    ]
    given = [THUMB | {"name": name, "source": "EVAL", "observationId": name} for name in ("o1", "o2", "agent", "chain")]
    found = read(trace(*inner, *spans, scores=given))
    assert [list(item.extra["scores"]) for item in found] == [["o1"], ["o2", "agent", "chain"]]


def test_twice_as_many_scores_take_twice_as_long():
    def scored(count: int):
        nested = [
            observation(n, f"q{n}", f"a{n}", parentObservationId=f"o{n - 1}", scores=[THUMB]) for n in range(count)
        ]
        return trace(*nested, scores=[THUMB] * count)

    one, two = (effort(read, scored(count)) for count in (100, 200))
    assert two < 2.5 * one


def test_scores_in_a_trace_beside_it_and_in_its_observations_are_the_same():
    row = observation(1, "q", "a")
    within, beside = trace(row, scores=[THUMB]), {"trace": trace(), "observations": [row], "scores": [THUMB]}
    assert [item.feedback for item in read(beside)] == [-1]
    assert read(within) == read(beside) == read(trace(row | {"scores": [THUMB | {"observationId": "o1"}]}))
    alone = trace(input="q", output="a", scores=[THUMB], corrections=[{"longStringValue": "better", "value": 0}])
    (item,) = read(alone)
    assert (item.feedback, item.improvements, len(item.extra[OPINIONS])) == (-1, ("better",), 1)


@pytest.mark.parametrize(
    "score",
    [
        {"dataType": "CATEGORICAL", "value": 0, "stringValue": "excellent"},
        {"dataType": "CATEGORICAL", "value": "excellent"},
        {"dataType": "TEXT", "value": None, "stringValue": "excellent"},
    ],
)
def test_a_score_of_words_is_a_remark_of_words(score):
    score = {"name": "quality", "source": "ANNOTATION", "comment": "and short", **score}
    (item,) = read(trace(observation(1, "q", "a"), scores=[score]))
    assert (item.feedback, item.extra["scores"]) == (None, {"quality": "excellent"})
    assert [(it.score, it.comment) for it in item.extra[OPINIONS]] == [(None, "excellent\n\nand short")]


def test_frameworks_that_write_roles_into_the_text_are_read():
    found = read(trace(observation(1, "", "a") | {"input": "system: s\nuser: q\nassistant: b\nuser: r"}))
    assert turns(found) == [(0, "chat", "q", "b"), (1, "chat", "r", "a")]
    assert found[1].extra["system"] == "s"


def test_a_null_that_became_text_is_no_answer():
    asked = "user: q\nassistant: None\ntool: r\nassistant: b\nuser: None"
    assert turns(read(trace(observation(1, "", "a") | {"input": asked})))[1:] == [
        (1, "chat", "q", "b"),
        (2, "chat", "None", "a"),
    ]


def test_tables_of_observations_and_of_traces_and_pages_are_read(tmp_path):
    rows = [observation(1, "q1", "a1"), observation(2, "q2", "a2", traceId="u")]
    row = trace(input="q3", output="a3", bookmarked=False, id="w")
    del row["observations"]
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, [*rows, row])))
    store = Store(tmp_path / "home")
    (first,) = import_paths(InteractionLogger(store.root), store, [path])
    (again,) = import_paths(InteractionLogger(store.root), store, [path])
    assert (first.format, first.read, first.imported, again.imported) == ("langfuse", 3, 3, 0)
    page = {"data": [trace(observation(1, "q", "a")), trace(id="v")], "meta": {"page": 1}}
    assert format_of(page) == "langfuse"
    found = list(langfuse.read(page, "test", MOMENT))
    assert [item.input if isinstance(item, Interaction) else str(item)[:7] for item in found] == ["neither", "q"]


@pytest.mark.parametrize(
    "wrap",
    [
        lambda traces: {"data": traces, "meta": {"page": 1}},
        lambda traces: {"id": "s", "createdAt": "2026-01-02T00:00:00Z", "traces": traces},
    ],
)
def test_the_traces_of_a_session_are_one_conversation_in_a_page_and_in_its_own_download(wrap):
    asked = [
        {**trace(), "id": f"t{n}", "sessionId": "s", "input": f"q{n}", "output": f"a{n}", "observations": ["o"]}
        for n in (1, 2)
    ]
    assert langfuse.recognises(wrap(asked))
    found = read(wrap(asked))
    assert turns(found) == [(0, "chat", "q1", "a1"), (1, "chat", "q2", "a2")]
    assert [item.interaction_id for item in found] == [item.interaction_id for item in read(asked)]


def test_the_observations_of_each_trace_in_a_page_belong_together():
    first = observation(1, "q", {"role": "assistant", "content": None, "tool_calls": [CALL]})
    tool = observation(2, {"a": 1}, "", type="TOOL", name="f") | {"input": {"a": 1}, "output": "r"}
    page = {"data": [first, tool, observation(3, "other", "fine", traceId="u")], "meta": {"page": 1}}
    assert turns(read(page)) == [
        (0, "tool", '{"name": "f", "arguments": {"a": 1}}', "r"),
        (1, "chat", "q", ""),
        (0, "chat", "other", "fine"),
    ]


def test_rows_of_the_blob_storage_are_the_same_rows():
    row = observation(1, "q", "a", userId="jo", sessionId="s", providedModelName="n", statusMessage="E: no") | {
        "model": None
    }
    snake = {re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", name): value for name, value in row.items()}
    assert langfuse.recognises(snake)
    assert langfuse.session_of(snake) == langfuse.session_of(row)
    assert read(snake) == read(row)
    assert (read(row)[0].model_id, read(row)[0].user, read(row)[0].latency_ms) == ("n", "jo", 250)


def blobs(folder, **tables) -> None:
    """What the blob storage writes: a folder a table, in the names of its columns."""
    for name, rows in tables.items():
        snake = [{re.sub("[A-Z]", lambda it: f"_{it[0].lower()}", key): row[key] for key in row} for row in rows]
        (folder / name).mkdir(parents=True)
        (folder / name / "2026-01-02T00-00-00.jsonl").write_text("\n".join(map(json.dumps, snake)))


def whole(**more) -> dict:
    """A trace by itself, as a row."""
    return {key: value for key, value in trace(**more).items() if key != "observations"}


def imported(tmp_path, folder, **wanted) -> list[tuple]:
    store = Store(tmp_path / "home")
    (result,) = import_paths(InteractionLogger(store.root), store, [folder], Wanted(**wanted))
    assert (result.format, result.quarantined) == ("langfuse", 0)
    rows = sealed(store.root).sort("input").rows(named=True)
    return [(row["input"], row["output"], row["user"], row["model_id"], row["latency_ms"]) for row in rows]


def test_the_tables_of_the_blob_storage_are_one_thing_wherever_they_lie(tmp_path):
    rows = [observation(1, "q", "a"), observation(2, "r", "b", traceId="u")]
    score = {"id": "x", "traceId": "u", "observationId": "o2", "name": "n", "value": -1.0, "dataType": "NUMERIC"}
    told = [whole(sessionId="s", input='{"q": "q"}', output="a"), whole(id="v", input="alone", output="c")]
    blobs(tmp_path / "in" / "project", traces=told, observations=rows, scores=[score | {"source": "API"}])
    for _ in range(2):
        found = imported(tmp_path, tmp_path / "in")
        assert found == [("alone", "c", "jo", None, None), ("q", "a", "jo", "m", 250), ("r", "b", None, "m", 250)]
    path = tmp_path / "whole.json"
    path.write_text(json.dumps({"data": [told[0] | {"observations": rows[:1]}], "meta": {"page": 1}}))
    assert imported(tmp_path, path) == found


def test_enriched_observations_are_the_same_observations_and_have_scores(tmp_path):
    row = observation(1, "q", "a")
    enriched = row | {"sessionId": "s", "userId": "jo", "traceName": "bot"}
    score = {"id": "x", "traceId": "t", "observationId": None, "name": "n", "value": 1.0, "dataType": "NUMERIC"}
    blobs(tmp_path / "in", observations_v2=[enriched], observations=[row], scores=[score | {"source": "API"}])
    (tmp_path / "in" / "traces").mkdir()
    assert imported(tmp_path, tmp_path / "in") == [("q", "a", "jo", "m", 250)]
    (item,) = read([it | {"sessionId": "s"} for it in (enriched, row, score | {"source": "API"})])
    assert (item.feedback, item.extra["trace"]) == (1.0, "bot")


def test_what_of_the_blob_storage_cannot_be_read_costs_itself(tmp_path):
    blobs(tmp_path / "in", traces=[whole()], observations=[observation(1, "q", "a")])
    (tmp_path / "in" / "observations" / "z.parquet").write_bytes(b"PAR1")
    (tmp_path / "in" / "traces" / "z.json").write_text("broken")
    store = Store(tmp_path / "home")
    (result,) = import_paths(InteractionLogger(store.root), store, [tmp_path / "in"])
    assert (result.imported, result.quarantined, result.reasons[langfuse_blobs.OTHER]) == (1, 2, 1)


def test_folders_of_other_programs_that_are_called_so_are_walked(tmp_path):
    for name in ("traces", "observations"):
        (tmp_path / "in" / name).mkdir(parents=True)
        (tmp_path / "in" / name / "a.json").write_text('{"id": 1}')
    assert not langfuse.joins(tmp_path / "in")
    assert not langfuse.joins(tmp_path / "nowhere")


def test_an_embedding_is_no_record(tmp_path):
    embedding = observation(1, "q", None, type="EMBEDDING", id="e")
    for value in (embedding, [embedding, observation(2, None, None, type="SPAN")], trace(embedding)):
        with pytest.raises(NothingAsked):
            read(value)
    assert turns(read([embedding, observation(2, "q", "a")])) == [(0, "chat", "q", "a")]


def test_lines_of_other_programs_that_have_a_trace_are_left_to_them():
    assert not langfuse.recognises({"trace_id": "t", "start_time": 1, "type": "request", "message": "m"})


def test_tables_as_csv_are_read_as_the_same_records(tmp_path):
    failed = observation(2, "q2", "", level="ERROR", statusMessage="RateLimitError: slow", traceId="u")
    found = [observation(1, "q1", "a1"), failed]
    traces = [
        {
            "id": "v",
            "timestamp": "2026-01-02T00:00:00Z",
            "userId": "jo",
            "sessionId": "s",
            "input": "q3",
            "output": "a3",
        }
    ]
    lines = {}
    for name, rows in (("observations", found), ("traces", traces)):
        cells = [
            {key: cell if isinstance(cell, str) else json.dumps(cell) for key, cell in row.items()} for row in rows
        ]
        with (tmp_path / f"{name}.csv").open("w", newline="") as file:
            table = csv.DictWriter(file, list(dict.fromkeys(key for row in cells for key in row)))
            table.writeheader()
            table.writerows(cells)
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    for suffix in ("csv", "jsonl"):
        store = Store(tmp_path / suffix)
        paths = [tmp_path / f"{name}.{suffix}" for name in ("observations", "traces")]
        results = import_paths(InteractionLogger(store.root), store, paths)
        assert [(it.format, it.read, it.imported) for it in results] == [("langfuse", 2, 2), ("langfuse", 1, 1)]
        rows = sealed(store.root).sort("input").rows(named=True)
        lines[suffix] = [
            (row["input"], row["output"], row["success"], row["user"], row["interaction_id"]) for row in rows
        ]
    assert lines["csv"] == lines["jsonl"]
    assert [line[:4] for line in lines["csv"]] == [
        ("q1", "a1", None, None),
        ("q2", "", False, None),
        ("q3", "a3", None, "jo"),
    ]


def test_a_folder_gives_its_tables_where_the_format_is_named(tmp_path):
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "traces.csv").write_text("id,timestamp,sessionId,userId,input,output\nt,2026-01-02T00:00:00Z,,jo,q,a\n")
    (folder / "rows.jsonl").write_text(json.dumps(observation(1, "q", "a")))
    store = Store(tmp_path / "home")
    results = import_paths(InteractionLogger(store.root), store, [folder], Wanted("langfuse"))
    assert {it.path.rpartition("/")[2]: it.imported for it in results} == {"rows.jsonl": 1, "traces.csv": 0}


junk = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.sampled_from(["user", "GENERATION", "[{}]"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["role", "content", "choices", "parts", "value", "name"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from([*observation(1, "q", "a"), "scores", "statusMessage"]), junk),
    st.dictionaries(st.sampled_from(["observations", "scores", "corrections", "tags", "input", "output", "id"]), junk),
)
def test_wrong_types_never_crash_and_never_cost_a_good_trace(bad, worse):
    traces = [trace(observation(1, "q", "a") | bad) | worse, trace(observation(9, "good question", "good answer"))]
    assert "good answer" in [item.output for item in read(traces)]


def test_what_lies_beside_the_tables_of_a_blob_storage_is_read_too(store, tmp_path):
    rows = {"traces": {"id": "t", "timestamp": "2025-01-01T00:00:00Z", "input": "q?", "output": "a!"}}
    rows["observations"] = {"id": "o", "traceId": "t", "type": "GENERATION", "input": "q?", "output": "a!"}
    rows["observations"] |= {"startTime": "2025-01-01T00:00:00Z"}
    for name, row in rows.items():
        (tmp_path / "in" / name).mkdir(parents=True)
        (tmp_path / "in" / name / "a.jsonl").write_text(json.dumps(row))
    said = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    (tmp_path / "in" / "chat.jsonl").write_text(json.dumps({"messages": said}))
    found = import_paths(InteractionLogger(store.root), store, [tmp_path / "in"])
    assert {(file.format, file.imported) for file in found} == {("langfuse", 1), ("openai_chat", 1)}


TRACE = {"id": "t", "timestamp": "2025-01-01T00:00:00Z", "userId": "u", "projectId": "p", "input": "q", "output": "a"}


def test_a_trace_that_is_written_twice_is_one(bring):
    observation = {"id": "o", "traceId": "t", "type": "GENERATION", "startTime": "2025-01-01T00:00:00Z"}
    observation |= {"input": "q", "output": "a"}
    for rows in ([TRACE, TRACE], [TRACE | {"observations": [observation]}] * 2, [TRACE, observation, TRACE]):
        found = list(langfuse.read(rows, "test", MOMENT))
        assert [(item.input, item.output) for item in found] == [("q", "a")]
    assert bring("\n".join(map(json.dumps, [TRACE, TRACE]))).imported == 1


def test_a_score_may_name_what_is_not_in_the_export(bring, store):
    observation = {"id": "o", "traceId": "t", "type": "GENERATION", "startTime": "2025-01-01T00:00:00Z"}
    observation |= {"input": "q", "output": "a", "parentObservationId": "gone"}
    score = {"id": "s", "observationId": "gone", "name": "thumb", "value": 1, "source": "ANNOTATION"}
    told = bring(json.dumps(TRACE | {"observations": [observation], "scores": [score]}))
    assert (told.imported, told.reasons) == (1, {})
