"""Spans of the GenAI conventions, in their dialects and in both ways in which they are written down."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.importing import format_of
from vibe_pipeline.interactions.importers import import_paths, otel_genai
from vibe_pipeline.interactions.importers.messages import Unusable
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.records import Interaction
from vibe_pipeline.store import Store

MOMENT = datetime(2026, 1, 2, tzinfo=UTC)
NANOSECONDS = 1_767_312_000_000_000_000
QUESTION = {"role": "user", "content": "q"}
CALL = {"type": "tool_call", "id": "k", "name": "f", "arguments": {"a": 1}}


def otlp(*spans: dict) -> dict:
    return {"resourceSpans": [{"resource": {"attributes": []}, "scopeSpans": [{"spans": list(spans)}]}]}


def span(number: int = 1, trace: str = "t", events: list | None = None, **more) -> dict:
    attributes = {key.replace("__", "."): value for key, value in more.items() if "__" in key}
    return {
        "traceId": trace,
        "spanId": f"s{number}",
        "startTimeUnixNano": str(NANOSECONDS + number * 10**9),
        "endTimeUnixNano": str(NANOSECONDS + number * 10**9 + 250_000_000),
        "attributes": [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()],
        "events": [{"name": name, "attributes": values} for name, values in events or []],
        **{key: value for key, value in more.items() if "__" not in key},
    }


def attributes(**values: str) -> list[dict]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in values.items()]


def said(role: str, *parts) -> dict:
    return {"role": role, "parts": [{"type": "text", "content": p} if isinstance(p, str) else p for p in parts]}


def chat(number: int, asked: list, answer: list, **more) -> dict:
    messages = {"gen_ai__input__messages": json.dumps(asked), "gen_ai__output__messages": json.dumps(answer)}
    return span(number, gen_ai__operation__name="chat", gen_ai__request__model="m", **messages, **more)


def read(*values) -> list[Interaction]:
    found = list(otel_genai.read(list(values), "test", MOMENT))
    assert all(isinstance(item, Interaction) for item in found), found
    return found


def turns(found: list[Interaction]) -> list[tuple]:
    return [(item.turn, item.action, item.input, item.output) for item in found]


def test_a_call_gives_its_exchange_with_time_model_and_latency():
    (item,) = read(otlp(chat(1, [said("user", "q")], [said("assistant", {"type": "reasoning", "content": "hm"}, "a")])))
    assert (item.input, item.output, item.model_id, item.latency_ms, item.success) == ("q", "a", "m", 250, True)
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


def test_a_failed_call_is_a_failed_exchange():
    failed = span(1, gen_ai__input__messages=json.dumps([said("user", "q")]), status={"code": 2, "message": "boom"})
    failed["events"] = [{"name": "exception", "attributes": [{"key": "exception.type", "value": {"stringValue": "E"}}]}]
    (item,) = read(otlp(failed))
    assert (item.input, item.output, item.success, item.error_type) == ("q", "", False, "E")


@pytest.mark.parametrize(
    "spoken",
    [
        span(
            **{"gen_ai__prompt__0__role": "system", "gen_ai__prompt__0__content": "s"},
            **{"gen_ai__prompt__1__role": "user", "gen_ai__prompt__1__content": "q"},
            **{"gen_ai__completion__0__content": "a"},
        ),
        span(
            **{"llm__input_messages__0__message__role": "system", "llm__input_messages__0__message__content": "s"},
            **{"llm__input_messages__1__message__role": "user", "llm__input_messages__1__message__content": "q"},
            **{"llm__output_messages__0__message__content": "a"},
        ),
        span(
            events=[
                ("gen_ai.system.message", {"content": "s"}),
                ("gen_ai.user.message", {"content": "q"}),
                ("gen_ai.choice", {"message": '{"role": "assistant", "content": "a"}'}),
            ]
        ),
        span(
            events=[
                (
                    "gen_ai.content.prompt",
                    {"gen_ai.prompt": '[{"role":"system","content":"s"},{"role":"user","content":"q"}]'},
                ),
                ("gen_ai.content.completion", {"gen_ai.completion": '[{"role": "assistant", "content": "a"}]'}),
            ]
        ),
        span(
            ai__prompt__messages='[{"role": "system", "content": "s"}, {"role": "user", "content": "q"}]',
            ai__response__text="a",
        ),
        span()
        | {
            "attributes": attributes(
                events=json.dumps(
                    [
                        {"event.name": "gen_ai.system.message", "content": "s"},
                        {"event.name": "gen_ai.user.message", "content": "q"},
                        {"event.name": "gen_ai.choice", "message": {"role": "assistant", "content": "a"}},
                    ]
                )
            )
        },
        span()
        | {
            "attributes": attributes(
                request_data='{"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}]}',
                response_data='{"message": {"role": "assistant", "content": "a"}, "usage": {}}',
            )
        },
        span(pydantic_ai__all_messages=json.dumps([said("system", "s"), said("user", "q"), said("assistant", "a")])),
        span(
            gen_ai__system_instructions='[{"type": "text", "content": "s"}]',
            gen_ai__input__messages='[{"role": "user", "parts": [{"type": "text", "content": "q"}]}]',
            gen_ai__output__messages='[{"role": "assistant", "parts": [{"type": "text", "content": "a"}]}]',
        ),
    ],
)
def test_all_dialects_say_the_same(spoken):
    (item,) = read(otlp(spoken))
    assert (item.action, item.input, item.output, item.extra) == ("chat", "q", "a", {"system": "s"})


MESSAGES = [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}]


@pytest.mark.parametrize(
    "spoken",
    [
        {
            "llm.input_messages": [{f"message.{key}": value for key, value in each.items()} for each in MESSAGES],
            "llm.output_messages": [{"message.role": "assistant", "message.content": "a"}],
        },
        {
            "llm": {
                "input_messages": [{"message": each} for each in MESSAGES],
                "output_messages": [
                    {"message": {"role": "assistant", "contents": [{"message_content": {"text": "a"}}]}}
                ],
            },
            "openinference": {"span": {"kind": "LLM"}},
        },
    ],
)
def test_openinference_may_be_written_as_objects_and_lists(spoken):
    row = {"name": "chat", "context": {"trace_id": "t", "span_id": "s"}, "parent_id": None, "attributes": spoken}
    (item,) = read(row)
    assert (item.input, item.output, item.extra) == ("q", "a", {"system": "s"})
    (failed,) = read(row | {"status_code": "ERROR", "status_message": "slow"})
    assert failed.extra["error"] == "slow"


def test_other_choices_are_alternatives():
    numbered = {
        "gen_ai__prompt__0__content": "q",
        "gen_ai__completion__0__content": "a",
        "gen_ai__completion__1__content": "b",
    }
    events = [("gen_ai.user.message", {"content": "q"})]
    events += [("gen_ai.choice", {"message": json.dumps({"role": "assistant", "content": text})}) for text in "ab"]
    for spoken in (span(**numbered), span(events=events)):
        (item,) = read(otlp(spoken))
        assert (item.output, item.extra["alternatives"]) == ("a", ["b"])


def test_openllmetry_wraps_the_arguments_of_a_tool():
    asked = {"gen_ai__prompt__0__content": "q", "gen_ai__completion__0__tool_calls__0__name": "f"}
    told = {"traceloop__entity__input": '{"args": [], "kwargs": {"a": 1}}', "traceloop__entity__output": '"r"'}
    tool = span(2, traceloop__span__kind="tool", traceloop__entity__name="f", **told)
    question = span(1, **asked, gen_ai__completion__0__tool_calls__0__arguments='{"a": 1}')
    assert turns(read(otlp(question, tool))) == [
        (0, "tool", '{"name": "f", "arguments": {"a": 1}}', "r"),
        (1, "chat", "q", ""),
    ]


def test_openinference_calls_a_function_in_its_old_way_too():
    message = {"function_call_name": "f", "function_call_arguments_json": '{"a": 1}'}
    called = {f"llm__output_messages__0__message__{name}": value for name, value in message.items()}
    tool, question = read(otlp(span(llm__input_messages__0__message__content="q", **called)))
    assert (tool.input, question.input) == ('{"name": "f", "arguments": {"a": 1}}', "q")


def test_a_question_may_be_an_image_alone():
    content = {"llm__input_messages__0__message__contents__0__message_content__type": "image"}
    (item,) = read(otlp(span(llm__output_messages__0__message__content="a cat", **content)))
    assert (item.input, item.output) == ("[image]", "a cat")


STREAMED = {"request_data": '{"messages": [{"role": "user", "content": "q"}], "stream": true}'}


def test_what_logfire_streamed_answers_the_question_of_another_span():
    request = span(1) | {"attributes": attributes(**STREAMED)}
    chunks = {"response_data": '{"combined_chunk_content": "a", "chunk_count": 3}'}
    response = span(2) | {"attributes": attributes(**STREAMED, **chunks)}
    assert turns(read(otlp(request, response))) == [(0, "chat", "q", "a")]


def test_a_question_that_no_span_answers_is_put_aside_with_its_words():
    request = span(1) | {"attributes": attributes(**STREAMED)}
    other = chat(2, [said("user", "other")], [said("assistant", "a")])
    lost, item = otel_genai.read(otlp(request, other), "test", MOMENT)
    assert (str(lost), item.input) == ("a span holds a question without an answer", "other")
    assert STREAMED["request_data"] in json.loads(lost.part)["attributes"].values()


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


def test_an_object_that_was_generated_is_the_answer():
    (item,) = read(otlp(span(ai__prompt='{"prompt": "q"}', ai__response__object='{"a": 1}')))
    assert (item.input, item.output) == ("q", '{"a": 1}')


ANSWERS_IN_JSON = [
    '{"answer": "x", "confidence": 0.9}',
    '[{"text": "good", "score": 1}]',
    "[1, 2]",
    '[null, {"content": "c"}]',
]


@pytest.mark.parametrize("text", ANSWERS_IN_JSON)
def test_what_is_said_in_json_stays_as_it_was_said(text):
    whole = span(gen_ai__prompt=text, gen_ai__completion=text)
    numbered = span(2, trace="u", gen_ai__prompt__0__content=text, gen_ai__completion__0__content=text)
    openinference = span(3, trace="v") | {
        "attributes": {f"llm.{side}_messages.0.message.content": text for side in ("input", "output")}
    }
    events = [(f"gen_ai.{name}", attributes(content=text)) for name in ("user.message", "choice")]
    found = read(otlp(whole, numbered, openinference, span(4, trace="w", events=events)))
    assert [(item.input, item.output) for item in found] == [(text, text)] * 4


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
