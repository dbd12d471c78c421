"""What was asked and answered is the same, whichever convention a span follows."""

import json

import pytest

from tests.engine.genai import MOMENT, attributes, chat, otlp, read, said, span, turns
from vibe_pipeline.interactions.importers import otel_genai
from vibe_pipeline.interactions.importers.messages import Unusable


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


def test_other_choices_are_kept_with_the_first():
    numbered = {
        "gen_ai__prompt__0__content": "q",
        "gen_ai__completion__0__content": "a",
        "gen_ai__completion__1__content": "b",
    }
    events = [("gen_ai.user.message", {"content": "q"})]
    events += [("gen_ai.choice", {"message": json.dumps({"role": "assistant", "content": text})}) for text in "ab"]
    for spoken in (span(**numbered), span(events=events)):
        (item,) = read(otlp(spoken))
        assert (item.output, item.extra["other_choices"]) == ("a", ["b"])


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


def ended(*parts, reason: str = "stop") -> dict:
    return said("assistant", *parts) | {"finish_reason": reason}


THOUGHT = {"type": "reasoning", "content": "why"}


def test_each_message_that_came_back_is_a_choice():
    for answer in ([ended("a"), ended("b")], [ended(THOUGHT, "a"), ended(THOUGHT, "b")]):
        (item,) = read(otlp(chat(1, [said("user", "q")], answer)))
        assert (item.output, item.extra["other_choices"]) == ("a", ["b"])


@pytest.mark.parametrize(
    ("answer", "texts"),
    [
        ([ended(THOUGHT), ended("a")], ["a"]),
        ([ended("a"), ended({"type": "tool_call", "id": "k", "name": "f"}, reason="tool_calls")], ["", "a"]),
        ([said("assistant", "a"), ended("b")], ["a\n\nb"]),
    ],
)
def test_what_came_back_in_several_messages_is_one_answer_where_they_are_no_rivals(answer, texts):
    found = read(otlp(chat(1, [said("user", "q")], answer)))
    assert [item.output for item in found] == texts
    assert "other_choices" not in found[-1].extra


def test_the_number_of_choices_that_were_asked_for_decides():
    calls = [ended({"type": "tool_call", "id": name, "name": name}, reason="tool_calls") for name in "fg"]
    spoken = chat(1, [said("user", "q")], calls)
    spoken["attributes"].append({"key": "gen_ai.request.choice.count", "value": {"intValue": "2"}})
    assert [item.input for item in read(otlp(spoken))] == ['{"name": "f", "arguments": {}}', "q"]


def adk(number: int, contents: list, response: dict, **more) -> dict:
    request = {"model": "m", "config": {"system_instruction": "s"}, "contents": contents}
    told = {"gcp__vertex__agent__llm_request": request, "gcp__vertex__agent__llm_response": response}
    texts = {key: json.dumps(value) for key, value in told.items()}
    return span(number, gcp__vertex__agent__session_id="room", **texts, **more)


def test_adk_keeps_what_gemini_was_asked_and_answered():
    question = {"role": "user", "parts": [{"text": "q"}]}
    called = {"role": "model", "parts": [{"function_call": {"name": "f", "args": {"a": 1}}}]}
    result = {"role": "user", "parts": [{"function_response": {"name": "f", "response": {"result": "r"}}}]}
    answer = {"role": "model", "parts": [{"text": "why", "thought": True}, {"text": "a"}]}
    empty = {"gcp__vertex__agent__llm_request": "{}", "gcp__vertex__agent__llm_response": "{}"}
    ran = {"gcp__vertex__agent__tool_call_args": '{"a": 1}', "gcp__vertex__agent__tool_response": '{"result": "r"}'}
    tool = {"gen_ai__operation__name": "execute_tool", "gen_ai__tool__call__id": "adk-1", **ran, **empty}
    spans = [
        adk(1, [question], {"content": called}),
        span(2, gen_ai__tool__name="f", **tool),
        span(3, gen_ai__tool__name="(merged tools)", **tool | {"gcp__vertex__agent__tool_call_args": "N/A"}),
        adk(4, [question, called, result], {"content": answer}),
    ]
    done, item = read(otlp(*spans))
    assert (done.input, done.output) == ('{"name": "f", "arguments": {"a": 1}}', '{"result": "r"}')
    assert (item.input, item.output, item.extra) == ("q", "a", {"system": "s", "reasoning": "why"})


@pytest.mark.parametrize(
    "response", [{"error_code": "SAFETY"}, {"finish_reason": "MAX_TOKENS", "content": {"parts": [{"text": "a"}]}}]
)
def test_adk_tells_how_an_answer_ended(response):
    (item,) = read(otlp(adk(1, [{"role": "user", "parts": [{"text": "q"}]}], response)))
    assert (item.input, item.success) == ("q", False)


def test_a_span_whose_words_were_not_kept_tells_nothing_though_it_says_how_it_ended():
    events = [("gen_ai.user.message", {}), ("gen_ai.choice", {"index": 0, "finish_reason": "length"})]
    with pytest.raises(Unusable, match="not captured"):
        list(otel_genai.read(otlp(span(events=events)), "test", MOMENT))


def test_adk_says_so_where_a_request_could_not_be_written():
    told = {f"gcp__vertex__agent__llm_{side}": "<not serializable>" for side in ("request", "response")}
    with pytest.raises(Unusable, match="not captured"):
        list(otel_genai.read(otlp(span(**told)), "test", MOMENT))
