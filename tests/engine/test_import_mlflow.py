"""MLflow's traces: spans of both versions, tools and failures, what a person assessed and expected."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.importing import format_of
from vibe_pipeline.interactions.importers import import_paths, mlflow_traces
from vibe_pipeline.interactions.importers.messages import Unusable
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.records import Interaction
from vibe_pipeline.store import Store

MOMENT = datetime(2026, 1, 2, tzinfo=UTC)
NANOSECONDS = 1_767_312_000_000_000_000
CALL = {"id": "k", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}


def span(number: int, kind: str, inputs, outputs, **more) -> dict:
    attributes = {"spanType": kind, "spanInputs": inputs, "spanOutputs": outputs}
    return {
        "span_id": f"s{number}",
        "parent_span_id": "s0" if number else None,
        "name": "f",
        "start_time_unix_nano": NANOSECONDS + number * 10**9,
        "end_time_unix_nano": NANOSECONDS + number * 10**9 + 250_000_000,
        "events": [],
        "status": {"code": "STATUS_CODE_OK", "message": ""},
        "attributes": {f"mlflow.{key}": json.dumps(value) for key, value in attributes.items()},
        **more,
    }


def chat(number: int, asked, answer, **more) -> dict:
    said = {"role": "assistant", "content": answer} if isinstance(answer, str) else answer
    inputs = {"model": "m", "messages": [{"role": "user", "content": asked}]}
    return span(number, "CHAT_MODEL", inputs, {"choices": [{"message": said}], "model": "m-1"}, **more)


def trace(*spans, session: str | None = None, **more) -> dict:
    metadata = {"mlflow.trace.session": session, "mlflow.trace.user": "jo"} if session else {}
    info = {"trace_id": "tr", "request_time": "2026-01-02T00:00:00Z", "trace_metadata": metadata, **more}
    return {"info": info, "data": {"spans": list(spans)}}


def read(value) -> list[Interaction]:
    return [item for item in mlflow_traces.read(value, "test", MOMENT) if isinstance(item, Interaction)]


def test_the_call_of_a_model_is_read_and_not_the_agent_around_it():
    (item,) = read(trace(span(0, "AGENT", {"question": "other"}, "other"), chat(1, "q", "a"), session="s"))
    assert (item.input, item.output, item.model_id, item.user, item.latency_ms) == ("q", "a", "m-1", "jo", 250)
    assert item.occurred_at == datetime(2026, 1, 2, 0, 0, 1, tzinfo=UTC)


def test_a_trace_without_a_model_is_one_call():
    (item,) = read(trace(span(0, "CHAIN", {"question": "q"}, "a")))
    assert (item.input, item.output) == ("q", "a")


def test_a_tool_completes_its_call():
    called = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    item, asked = read(trace(span(2, "TOOL", {"a": 1}, "fine"), chat(1, "q", called)))
    assert (item.action, item.output, item.success, asked.input) == ("tool", "fine", True, "q")


def test_langchains_call_that_asks_for_a_tool_has_its_own_time_and_model():
    question = {"type": "human", "content": "q"}
    called = {"type": "ai", "content": "", "tool_calls": [{"name": "f", "args": {"a": 1}, "id": "k"}]}

    def generated(number: int, asked: list, text: str, message: dict) -> dict:
        generation = {"type": "ChatGeneration", "text": text, "message": message}
        outputs = {"generations": [[generation]], "llm_output": {"model_name": "m-1"}, "type": "LLMResult"}
        return span(number, "CHAT_MODEL", [asked], outputs)

    first = generated(1, [question], "", called)
    result = {"type": "tool", "content": "r", "tool_call_id": "k"}
    last = generated(3, [question, called, result], "a", {"type": "ai", "content": "a"})
    tool, item = mlflow_traces.read(trace(first, span(2, "TOOL", {"a": 1}, result), last), "test", MOMENT)
    assert (tool.output, item.input, item.output, item.model_id) == ("r", "q", "a", "m-1")
    assert item.occurred_at == datetime(2026, 1, 2, 0, 0, 1, tzinfo=UTC)


def test_a_failed_span_is_a_failed_exchange():
    events = [{"name": "exception", "attributes": {"exception.type": "OSError"}}]
    status = {"code": "STATUS_CODE_ERROR", "message": "OSError: no net"}
    (item,) = read(trace(chat(1, "q", None, events=events, status=status)))
    assert (item.output, item.success, item.error_type, item.extra["error"]) == (
        "",
        False,
        "OSError",
        "OSError: no net",
    )
    (item,) = read(trace(chat(1, "q", "Roses are r", status=status)))
    assert (item.output, item.success, item.error_type) == ("Roses are r", False, "OSError")


def test_assessments_of_people_are_feedback_expectations_are_improvements():
    human, judge = {"source": {"source_type": "HUMAN"}}, {"source": {"source_type": "LLM_JUDGE"}}
    assessments = [
        {"assessment_name": "safe", "feedback": {"value": "yes"}, **judge},
        {"assessment_name": "old", "feedback": {"value": True}, "valid": False, **human},
        {"assessment_name": "thumb", "feedback": {"value": False}, "rationale": "wrong", **human},
        {"assessment_name": "expected", "expectation": {"value": {"k": "v"}}, **human},
    ]
    (item,) = read(trace(chat(1, "q", "a"), assessments=assessments))
    assert (item.feedback, item.improvements) == (-1.0, ('{"k": "v"}',))
    assert item.extra["assessments"] == {"safe": {"value": "yes"}, "thumb": {"value": False, "rationale": "wrong"}}


def test_the_traces_of_a_session_are_one_conversation():
    first = trace(chat(1, "q1", "a1"), session="s", trace_id="x")
    found = read([trace(chat(2, "q2", "a2"), session="s", trace_id="y"), first])
    assert [(item.turn, item.input, item.output) for item in found] == [(0, "q1", "a1"), (1, "q2", "a2")]
    assert found[0].interaction_id == read(first)[0].interaction_id


def test_each_trace_of_a_session_belongs_to_its_user():
    traces = [trace(chat(n, f"q{n}", f"a{n}"), session="s", trace_id=f"t{n}") for n in (1, 2)]
    traces[1]["info"]["trace_metadata"]["mlflow.trace.user"] = "mo"
    assert [(item.input, item.user) for item in read(traces)] == [("q1", "jo"), ("q2", "mo")]


def test_version_two_and_tables_are_read():
    old = {
        "context": {"trace_id": "0x1", "span_id": "0x2"},
        "parent_id": None,
        "name": "chat",
        "start_time": NANOSECONDS,
        "end_time": NANOSECONDS + 10**9,
        "status_code": "OK",
        "status_message": "",
        "events": [],
        "attributes": chat(1, "q", "a")["attributes"],
    }
    info = {"request_id": "tr", "timestamp_ms": 1767312000000, "request_metadata": {}, "status": "OK"}
    value = {"info": info, "data": {"spans": [old]}}
    (item,) = read(value)
    assert (item.input, item.output, item.latency_ms) == ("q", "a", 1000)
    table = {"trace_id": "tr", "trace": json.dumps(value)}
    assert mlflow_traces.recognises(table)
    assert read(table)[0].interaction_id == item.interaction_id


def test_importing_twice_adds_nothing_and_a_trace_that_says_nothing_costs_itself(tmp_path):
    path = tmp_path / "traces.json"
    path.write_text(json.dumps([trace(chat(1, "q", "a")), trace(), {"info": 7, "data": {}}]))
    store = Store(tmp_path / "home")
    (first,) = import_paths(InteractionLogger(store.root), store, [path])
    (again,) = import_paths(InteractionLogger(store.root), store, [path])
    assert (first.format, first.read, first.imported, first.quarantined) == ("mlflow", 3, 1, 2)
    assert (again.imported, again.duplicate) == (0, 1)
    assert "no span holds what was asked and answered" in first.reasons


@pytest.mark.parametrize("depth", [300, 600, 900, 5000])
def test_what_is_nested_too_deep_costs_itself(tmp_path, depth):
    path = tmp_path / "traces.json"
    deep = json.dumps(trace(chat(1, "q", "a"))).replace('"events": []', '"events": ' + "[" * depth + "]" * depth)
    path.write_text(json.dumps(trace(chat(1, "r", "b"))) + "\n" + deep + "\n" + deep.replace("events", "links"))
    store = Store(tmp_path / "home")
    (result,) = import_paths(InteractionLogger(store.root), store, [path])
    assert result.imported >= 1
    path.write_text("[" + json.dumps(trace(chat(1, "r", "b"))) + "," + deep + "]")
    (result,) = import_paths(InteractionLogger(store.root), store, [path])
    assert result.read == result.imported + result.duplicate + result.quarantined >= 1


def test_only_traces_are_taken():
    assert format_of(trace()) == "mlflow"
    with pytest.raises(Unusable, match="no span"):
        read(trace(span(1, "RETRIEVER", {"a": 1}, [])))


junk = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["TOOL", '{"a": "\\ud800"}', "[1e999]"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["role", "content", "messages", "mlflow.spanInputs", "value"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from([*chat(1, "q", "a"), "context"]), junk),
    st.dictionaries(st.sampled_from(["assessments", "trace_metadata", "tags", "request_time"]), junk),
)
def test_wrong_types_never_crash_and_never_cost_a_good_trace(bad, info):
    traces = [trace(chat(1, "q", "a") | bad, **info), trace(chat(9, "good question", "good answer"))]
    assert "good answer" in [item.output for item in read(traces)]
