"""LiteLLM's records: the payload of its callbacks, the rows of its database, and what of them holds nothing."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.importing import format_of
from vibe_pipeline.interactions.importers import import_paths, litellm
from vibe_pipeline.interactions.importers.messages import NothingAsked, Unusable
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.records import Interaction
from vibe_pipeline.store import Store

MOMENT = datetime(2026, 1, 2, tzinfo=UTC)


def payload(asked, answer, **more) -> dict:
    messages = [{"role": "user", "content": asked}] if isinstance(asked, str) else asked
    said = {"role": "assistant", "content": answer} if isinstance(answer, str) else answer
    return {
        "id": "x",
        "trace_id": "s",
        "call_type": "acompletion",
        "status": "success",
        "startTime": 1767312000.0,
        "endTime": 1767312000.5,
        "model": "m",
        "messages": messages,
        "response": {"choices": [{"message": said}]},
        **more,
    }


def read(value) -> list[Interaction]:
    return [item for item in litellm.read(value, "test", MOMENT) if isinstance(item, Interaction)]


def test_a_call_gives_its_exchange():
    (item,) = read(payload("q", "a", end_user="jo", request_tags=["t"]))
    assert (item.input, item.output, item.success, item.model_id, item.user) == ("q", "a", None, "m", "jo")
    assert (item.occurred_at, item.latency_ms) == (datetime(2026, 1, 2, tzinfo=UTC), 500)
    assert item.extra == {"id": "x", "tags": ["t"]}


def test_a_row_of_the_database_keeps_its_objects_as_texts_and_its_prompt_elsewhere():
    whole = payload("q", "a")
    row = {
        **{key: whole[key] for key in ("call_type", "status", "model")},
        "request_id": "x",
        "startTime": "2026-01-02 00:00:00.000000",
        "endTime": "2026-01-02 00:00:00.500000",
        "messages": "{}",
        "response": json.dumps(whole["response"]),
        "proxy_server_request": json.dumps({"messages": whole["messages"], "model": "m"}),
        "metadata": "{}",
    }
    (item,) = read(row)
    assert (item.input, item.output, item.latency_ms, item.occurred_at) == ("q", "a", 500, MOMENT)


def test_the_calls_of_a_session_are_one_conversation_and_a_bad_one_costs_itself():
    history = [{"role": "user", "content": "q1"}, {"role": "assistant", "content": "a1"}]
    calls = [
        payload([*history, {"role": "user", "content": "q2"}], "a2", startTime=1767312009.0),
        payload("q1", "a1"),
        payload(7, "a", startTime=1767312010.0) | {"messages": [{"role": "nobody"}]},
    ]
    found = list(litellm.read(calls, "test", MOMENT))
    assert [(i.turn, i.input, i.output) for i in found if isinstance(i, Interaction)] == [
        (0, "q1", "a1"),
        (1, "q2", "a2"),
    ]
    assert [str(item) for item in found if isinstance(item, Unusable)] == ["a message has the unknown role 'nobody'"]


def test_each_call_of_a_session_belongs_to_its_user():
    found = read([payload("q1", "a1", end_user="jo"), payload("q2", "a2", end_user="mo", startTime=1767312009.0)])
    assert [(item.input, item.user) for item in found] == [("q1", "jo"), ("q2", "mo")]


def test_a_failure_and_its_retry_are_two_exchanges():
    failed = payload("q", "", status="failure", response={}, error_str="litellm.RateLimitError: too many")
    found = read([failed, payload("q", "a", startTime=1767312001.0)])
    assert [(item.turn, item.output, item.success, item.error_type) for item in found] == [
        (0, "", False, "RateLimitError"),
        (1, "a", None, None),
    ]
    row = failed | {"error_str": None, "metadata": json.dumps({"error_information": {"error_class": "Timeout"}})}
    assert read(row)[0].error_type == "Timeout"
    (item,) = read(failed | {"error_information": {"error_class": "RateLimitError", "error_message": ""}})
    assert (item.error_type, item.extra["error"]) == ("RateLimitError", "litellm.RateLimitError: too many")


def test_payloads_of_other_apis_are_read():
    blocks = {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "a"}]}
    (item,) = read(payload("q", "", call_type="anthropic_messages") | {"response": blocks})
    assert (item.output, item.extra["reasoning"]) == ("a", "hm")
    output = [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a"}]}]
    (item,) = read(payload("q", "", call_type="aresponses") | {"messages": "q", "response": {"output": output}})
    assert (item.input, item.output) == ("q", "a")


def test_other_choices_are_kept_with_the_first():
    choices = [{"message": {"role": "assistant", "content": text}} for text in ("a", "b", "c")]
    (item,) = read(payload("q", "") | {"response": {"choices": choices}})
    assert (item.output, item.extra["other_choices"]) == ("a", ["b", "c"])


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (payload("q", "a", call_type="atranscription"), "a call of the type atranscription is no chat"),
        (payload("redacted-by-litellm", "redacted-by-litellm"), "redacted"),
        (payload("q", "a") | {"messages": "{}", "response": "{}"}, "neither the prompt nor the response"),
        (payload("q", "a") | {"response": {}}, "only the prompt was stored"),
    ],
)
def test_what_holds_nothing_has_its_reason(value, reason):
    with pytest.raises(Unusable, match=reason):
        read(value)


@pytest.mark.parametrize("mark", ["skipped 50 chars", "skipped 50 chars. A note of the proxy", "50 chars"])
def test_a_text_of_which_the_proxy_kept_only_ends_is_no_whole_one(mark):
    short = f"begin... (litellm_truncated {mark}) ...end"
    call = {"id": "k", "type": "function", "function": {"name": "f", "arguments": short}}
    for value in (payload(short, "a"), payload("q", short), payload("q", {"role": "assistant", "tool_calls": [call]})):
        with pytest.raises(Unusable, match="shortened"):
            read(value)
    assert read(payload("what is litellm_truncated?", "a mark"))


def test_an_embedding_is_no_record_and_costs_no_chat():
    embedding = payload("q", "a", call_type="aembedding")
    with pytest.raises(NothingAsked):
        read(embedding)
    assert [item.input for item in read([embedding, payload("q", "a")])] == ["q"]


def test_lines_are_told_apart_from_plain_chats_and_importing_twice_adds_nothing(tmp_path):
    value = payload("q", "a")
    assert format_of(value) == "litellm"
    path = tmp_path / "calls.jsonl"
    path.write_text("\n".join([json.dumps(value), '{"id": "cut', json.dumps(payload("r", "b", trace_id="z"))]))
    store = Store(tmp_path / "home")
    (first,) = import_paths(InteractionLogger(store.root), store, [path])
    (again,) = import_paths(InteractionLogger(store.root), store, [path])
    assert (first.read, first.imported, first.quarantined) == (3, 2, 1)
    assert (again.imported, again.duplicate) == (0, 2)


junk = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.sampled_from(["user", '{"a": "\\ud800"}']),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["role", "content", "choices", "message", "user"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*payload("q", "a"), "metadata", "error_information", "end_user"]), junk))
def test_wrong_types_never_crash_and_never_cost_a_good_call(values):
    good = payload("good question", "good answer")
    assert "good answer" in [item.output for item in read([payload("q", "a") | values, good])]
