"""Spans of the GenAI conventions, in their dialects and in both ways in which they are written down."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.genai import MOMENT, chat, otlp, read, said, span, turns
from tests.engine.importing import format_of
from vibe_pipeline.interactions.importers import import_paths, otel_genai
from vibe_pipeline.interactions.importers.messages import Unusable
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.records import Interaction
from vibe_pipeline.store import Store

QUESTION = {"role": "user", "content": "q"}

CALL = {"type": "tool_call", "id": "k", "name": "f", "arguments": {"a": 1}}


def test_a_call_gives_its_exchange_with_time_model_and_latency():
    (item,) = read(otlp(chat(1, [said("user", "q")], [said("assistant", {"type": "reasoning", "content": "hm"}, "a")])))
    assert (item.input, item.output, item.model_id, item.latency_ms, item.success) == ("q", "a", "m", 250, None)
    assert item.occurred_at == datetime(2026, 1, 2, 0, 0, 1, tzinfo=UTC)
    assert item.extra == {"reasoning": "hm"}


def test_calls_that_repeat_their_history_are_one_conversation():
    q1, a1, q2, a2 = said("user", "q1"), said("assistant", "a1"), said("user", "q2"), said("assistant", "a2")
    batches = otlp(chat(1, [q1], [a1])), otlp(chat(2, [q1, a1, q2], [a2]))
    assert turns(read(*batches)) == [(0, "chat", "q1", "a1"), (1, "chat", "q2", "a2")]
    assert turns(read(*reversed(batches))) == turns(read(*batches))


def test_calls_of_a_named_conversation_need_not_repeat_it():
    spans = [
        chat(n, [said("user", f"q{n}")], [said("assistant", f"a{n}")], trace=f"t{n}", gen_ai__conversation__id="c")
        for n in (1, 2)
    ]
    first = read(otlp(spans[0]))
    both = read(otlp(*spans))
    assert turns(both) == [(0, "chat", "q1", "a1"), (1, "chat", "q2", "a2")]
    assert both[0].interaction_id == first[0].interaction_id


def test_each_call_belongs_to_the_user_that_it_or_the_span_around_it_names():
    room = {"session__id": "room"}
    mine = chat(1, [said("user", "q1")], [said("assistant", "a1")], user__id="jo", **room)
    around = span(2, trace="u", user__id="mo", **room)
    inside = chat(3, [said("user", "q2")], [said("assistant", "a2")], trace="u", parentSpanId="s2", **room)
    nobody = chat(4, [said("user", "q3")], [said("assistant", "a3")], trace="v", **room)
    found = read(otlp(mine, around, inside, nobody))
    assert [(item.input, item.user) for item in found] == [("q1", "jo"), ("q2", "mo"), ("q3", None)]
    assert [item.user for item in read(otlp(mine, nobody))] == ["jo", "jo"]


def test_a_tool_belongs_to_the_user_of_its_call():
    question = chat(1, [said("user", "q")], [said("assistant", CALL)], user__id="jo", session__id="room")
    tool = span(2, gen_ai__operation__name="execute_tool", gen_ai__tool__call__id="k", gen_ai__tool__call__result="r")
    other = chat(3, [said("user", "r")], [said("assistant", "a")], trace="u", user__id="mo", session__id="room")
    found = read(otlp(question, tool, other))
    assert [(item.action, item.output, item.user) for item in found] == [
        ("tool", "r", "jo"),
        ("chat", "", "jo"),
        ("chat", "a", "mo"),
    ]


def test_calls_of_one_trace_without_history_are_conversations_of_their_own():
    found = read(otlp(*(chat(n, [said("user", f"q{n}")], [said("assistant", f"a{n}")]) for n in (1, 2))))
    assert turns(found) == [(0, "chat", "q1", "a1"), (0, "chat", "q2", "a2")]
    assert found[0].conversation_id != found[1].conversation_id


def test_a_tool_span_gives_the_result_time_and_error_of_its_call():
    asked = [said("user", "q")]
    called = said("assistant", CALL)
    run = span(
        2,
        gen_ai__operation__name="execute_tool",
        gen_ai__tool__name="f",
        gen_ai__tool__call__id="k",
        gen_ai__tool__call__arguments='{"a": 1}',
        error__type="OSError",
        status={"code": 2, "message": "no net"},
    )
    tool, question = read(otlp(chat(1, asked, [called]), run))
    assert (tool.action, tool.input, tool.success, tool.error_type) == (
        "tool",
        '{"name": "f", "arguments": {"a": 1}}',
        False,
        "OSError",
    )
    assert tool.occurred_at == datetime(2026, 1, 2, 0, 0, 2, tzinfo=UTC)
    assert (question.input, tool.extra["error"]) == ("q", "no net")
    result = said("tool", {"type": "tool_call_response", "id": "k", "response": "none"})
    whole = read(otlp(chat(1, asked, [called]), run, chat(3, [*asked, called, result], [said("assistant", "sorry")])))
    assert turns(whole) == [(0, "tool", tool.input, "none"), (1, "chat", "q", "sorry")]
    assert whole[0].success is False


BLOCKS = {
    "asked": [{"text": "Weather?"}],
    "called": [{"text": "I look."}, {"toolUse": {"toolUseId": "k", "name": "f", "input": {"text": "Rome"}}}],
    "told": [{"toolResult": {"toolUseId": "k", "status": "success", "content": [{"text": "sunny"}]}}],
    "answered": [{"text": "It is sunny."}],
}
"""What is said with one tool, as Bedrock has it."""

GIVEN, GAVE = {"text": "Rome"}, [{"text": "sunny"}]

DETAILS = "gen_ai.client.inference.operation.details"


def strands(number: int, operation: str, asked: list[str], answer: str | None, **more) -> dict:
    """A span of Strands in its default convention: one event a message, blocks as JSON."""
    roles = {"asked": "user", "called": "assistant", "told": "tool"}
    events = [("gen_ai.system.message", {"content": '[{"text": "s"}]'})] if operation == "chat" else []
    events += [(f"gen_ai.{roles[name]}.message", {"content": json.dumps(BLOCKS[name])}) for name in asked]
    if answer:
        events.append(("gen_ai.choice", {"message": json.dumps(BLOCKS[answer]), "finish_reason": "end_turn"}))
    return span(number, events=events, gen_ai__operation__name=operation, **more)


def strands_new(number: int, operation: str, asked: list[str], answer: str | None, **more) -> dict:
    """In its newest convention: one event a side, parts with types."""
    parts = {
        "asked": said("user", "Weather?"),
        "called": said("assistant", "I look.", CALL | {"arguments": GIVEN}),
        "told": said("user", {"type": "tool_call_response", "id": "k", "response": GAVE}),
        "answered": said("assistant", "It is sunny."),
    }
    sides = {"input.messages": [parts[name] for name in asked], "output.messages": [parts[answer]] if answer else []}
    sides |= {"system_instructions": [{"type": "text", "content": "s"}] if operation == "chat" else []}
    events = [(DETAILS, {f"gen_ai.{side}": json.dumps(told)}) for side, told in sides.items() if told]
    return span(number, events=events, gen_ai__operation__name=operation, **more)


RUN_OLD = [
    ("gen_ai.tool.message", {"role": "tool", "content": json.dumps(GIVEN), "id": "k"}),
    ("gen_ai.choice", {"message": json.dumps(GAVE), "id": "k"}),
]
RUN_NEW = [
    (DETAILS, {"gen_ai.input.messages": json.dumps([said("tool", CALL | {"arguments": GIVEN})])}),
    (
        DETAILS,
        {
            "gen_ai.output.messages": json.dumps(
                [said("tool", {"type": "tool_call_response", "id": "k", "response": GAVE})]
            )
        },
    ),
]


@pytest.mark.parametrize(("convention", "run"), [(strands, RUN_OLD), (strands_new, RUN_NEW)])
def test_strands_tells_of_its_tools_in_events(convention, run):
    agent = convention(1, "invoke_agent", ["asked"], "answered")
    cycle = convention(2, "execute_event_loop_cycle", ["asked"], "called", parentSpanId="s1")
    first = convention(3, "chat", ["asked"], "called", parentSpanId="s2")
    about = {"gen_ai__operation__name": "execute_tool", "gen_ai__tool__name": "f", "gen_ai__tool__call__id": "k"}
    tool = span(4, events=run, parentSpanId="s2", **about)
    again = convention(5, "execute_event_loop_cycle", ["asked", "called", "told"], None, parentSpanId="s1")
    last = convention(6, "chat", ["asked", "called", "told"], "answered", parentSpanId="s5")
    call = '{"name": "f", "arguments": {"text": "Rome"}}'
    found = read(otlp(agent, cycle, first, tool, again, last))
    assert turns(found) == [(0, "tool", call, "sunny"), (1, "chat", "Weather?", "I look.\n\nIt is sunny.")]
    assert [(item.success, item.error_type) for item in found] == [(True, None), (None, None)]
    alone = span(4, events=run, gen_ai__tool__status="error", **about)
    (item,) = read(otlp(alone))
    assert (item.action, item.input, item.output, item.success) == ("tool", call, "sunny", False)


def test_a_failed_call_is_a_failed_exchange():
    failed = span(1, gen_ai__input__messages=json.dumps([said("user", "q")]), status={"code": 2, "message": "boom"})
    failed["events"] = [{"name": "exception", "attributes": [{"key": "exception.type", "value": {"stringValue": "E"}}]}]
    (item,) = read(otlp(failed))
    assert (item.input, item.output, item.success, item.error_type) == ("q", "", False, "E")
    partly = chat(1, [said("user", "q")], [said("assistant", "Roses are r")], error__type="E", status={"code": 2})
    (item,) = read(otlp(partly))
    assert (item.input, item.output, item.success, item.error_type) == ("q", "Roses are r", False, "E")


@pytest.mark.parametrize(
    "kind",
    [
        {"llm__request__type": "embedding"},
        {"gen_ai__operation__name": "embeddings"},
        {"openinference__span__kind": "EMBEDDING"},
    ],
)
def test_an_embedding_is_no_exchange(kind):
    embedding = span(1, gen_ai__prompt__0__content="a text", **kind)
    question = chat(2, [said("user", "q")], [said("assistant", "a")])
    assert turns(read(otlp(embedding, question))) == [(0, "chat", "q", "a")]


def test_a_call_that_says_more_than_the_calls_of_its_tools_is_one_of_its_own():
    outer = chat(1, [said("user", "Plan my trip")], [said("assistant", "Take a train, rain is expected.")])
    tool = span(2, parentSpanId="s1", gen_ai__operation__name="execute_tool", gen_ai__tool__name="forecast")
    inner = chat(3, [said("user", "Condense: 4mm")], [said("assistant", "rain")], parentSpanId="s2")
    found = read(otlp(outer, tool, inner))
    assert [(item.input, item.output) for item in found if item.action == "chat"] == [
        ("Plan my trip", "Take a train, rain is expected."),
        ("Condense: 4mm", "rain"),
    ]


def test_an_agents_span_around_its_calls_is_not_read_twice():
    inner = chat(2, [said("user", "q")], [said("assistant", "a")], parentSpanId="s9")
    middle = span(9, parentSpanId="s1")
    assert turns(read(otlp(chat(1, [said("user", "q")], [said("assistant", "a")]), middle, inner))) == [
        (0, "chat", "q", "a")
    ]


def test_the_console_dump_is_read_and_a_broken_span_costs_itself(tmp_path):
    def console(number: int) -> str:
        attributes = {"gen_ai.prompt.0.content": f"q{number}", "gen_ai.completion.0.content": f"a{number}"}
        context = {"trace_id": f"0x{number}", "span_id": f"0x{number}", "trace_state": "[]"}
        times = {"start_time": "2026-01-02T00:00:00.000000Z", "end_time": "2026-01-02T00:00:01.000000Z"}
        status = {"status": {"status_code": "UNSET"}}
        return json.dumps(
            {"name": "chat", "context": context, "parent_id": None, **times, **status, "attributes": attributes},
            indent=4,
        )

    path = tmp_path / "spans.json"
    path.write_text("\n".join([console(1), console(2)[:90], console(3), ""]))
    store = Store(tmp_path / "home")
    (result,) = import_paths(InteractionLogger(store.root), store, [path])
    assert (result.format, result.imported, result.reasons) == ("otel_genai", 1, {"not JSON (cut off?)": 1})
    (again,) = import_paths(InteractionLogger(store.root), store, [path])
    assert (again.imported, again.duplicate) == (0, 1)


def test_a_bad_span_costs_no_good_one():
    bad = span(2, gen_ai__input__messages='[{"role": "nobody", "parts": []}]', gen_ai__output__messages="[]")
    found = list(otel_genai.read(otlp(chat(1, [said("user", "q")], [said("assistant", "a")]), bad, 7), "t", MOMENT))
    assert [item.input for item in found if isinstance(item, Interaction)] == ["q"]
    assert sorted(str(item) for item in found if isinstance(item, Unusable)) == [
        "a message has the unknown role 'nobody'",
        "a span is not an object",
    ]


def test_spans_without_content_are_unusable_and_other_json_is_not_taken():
    with pytest.raises(Unusable, match="not of a model"):
        read(otlp(span(1, gen_ai__operation__name="chat")))
    assert not otel_genai.recognises({"messages": []})
    assert format_of(otlp()) == "otel_genai"


junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["user", "[{}]", "{"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["role", "parts", "content", "type", "id", "name", "arguments", "text", "key", "value"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)

KEYS = st.sampled_from(list(span(gen_ai__input__messages="x")))


@given(st.dictionaries(KEYS, junk, max_size=3), junk, junk)
def test_wrong_types_never_crash_and_never_cost_a_good_span(values, asked, answer):
    bad = span(2, trace="bad") | values
    attributes = [["gen_ai.input.messages", asked], ["gen_ai.output.messages", answer]]
    worse = span(3, trace="worse") | {"attributes": dict(attributes)}
    good = chat(1, [said("user", "q")], [said("assistant", "a")])
    found = list(otel_genai.read(otlp(bad, worse, good), "test", MOMENT))
    assert ("q", "a") in [(item.input, item.output) for item in found if isinstance(item, Interaction)]
