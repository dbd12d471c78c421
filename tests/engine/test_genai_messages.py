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


def output(number: int, **message: str) -> dict[str, str]:
    """One of OpenInference's messages that came back; "__" in a name stands for a dot."""
    return {
        f"llm.output_messages.{number}.message.{key.replace('__', '.')}": value
        for key, value in {"role": "assistant", **message}.items()
    }


def call(number: int, city: str) -> dict[str, str]:
    told = {"id": f"c{city}", "function.name": "f", "function.arguments": json.dumps({"city": city})}
    return output(number, **{f"tool_calls.0.tool_call.{key}": value for key, value in told.items()})


def part(number: int, text: str, kind: str = "text") -> dict[str, str]:
    return output(number, contents__0__message_content__type=kind, contents__0__message_content__text=text)


def openinference(*messages: dict[str, str], **more: str) -> dict:
    told = {"openinference.span.kind": "LLM", "llm.input_messages.0.message.content": "q"}
    for message in messages:
        told |= message
    return otlp(span() | {"attributes": attributes(**told, **{k.replace("__", "."): v for k, v in more.items()})})


PARIS, ROME = '{"name": "f", "arguments": {"city": "Paris"}}', '{"name": "f", "arguments": {"city": "Rome"}}'


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([call(0, "Paris"), call(1, "Rome")], [(PARIS, ""), (ROME, ""), ("q", "")]),
        ([output(0, content="hm"), call(1, "Rome")], [(ROME, ""), ("q", "hm")]),
        ([part(0, "why", "reasoning"), part(1, "a")], [("q", "a")]),
        ([part(0, "one"), part(1, "two")], [("q", "one\n\ntwo")]),
    ],
)
def test_openinference_numbers_the_items_of_one_response(messages, said):
    assert [(item.input, item.output) for item in read(openinference(*messages))] == said


def test_openinference_tells_of_rivals_by_what_was_asked_for():
    rivals = [output(0, content="a"), output(1, content="b")]
    for parameters in ({"n": 2}, {"candidate_count": 2}):
        (item,) = read(openinference(*rivals, llm__invocation_parameters=json.dumps(parameters)))
        assert (item.output, item.extra["alternatives"]) == ("a", ["b"])


def test_the_response_itself_tells_more_than_openinference_makes_of_it():
    search = {"type": "web_search_call", "id": "w", "status": "completed", "action": {"query": "news"}}
    answer = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a"}]}
    response = json.dumps({"object": "response", "output": [search, answer]})
    tool, chat = read(openinference(part(1, "a"), output__value=response))
    assert (tool.input, chat.output) == ('{"name": "web_search", "arguments": {"query": "news"}}', "a")
    choices = json.dumps({"choices": [{"message": {"role": "assistant", "content": text}} for text in "ab"]})
    (item,) = read(openinference(output(0, content="a"), output(1, content="b"), output__value=choices))
    assert (item.output, item.extra["alternatives"]) == ("a", ["b"])


def ended(*parts, reason: str = "stop") -> dict:
    return said("assistant", *parts) | {"finish_reason": reason}


THOUGHT = {"type": "reasoning", "content": "why"}


def test_each_message_that_came_back_is_a_choice():
    for answer in ([ended("a"), ended("b")], [ended(THOUGHT, "a"), ended(THOUGHT, "b")]):
        (item,) = read(otlp(chat(1, [said("user", "q")], answer)))
        assert (item.output, item.extra["alternatives"]) == ("a", ["b"])


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
    assert "alternatives" not in found[-1].extra


def test_the_number_of_choices_that_were_asked_for_decides():
    calls = [ended({"type": "tool_call", "id": name, "name": name}, reason="tool_calls") for name in "fg"]
    spoken = chat(1, [said("user", "q")], calls)
    spoken["attributes"].append({"key": "gen_ai.request.choice.count", "value": {"intValue": "2"}})
    assert [item.input for item in read(otlp(spoken))] == ['{"name": "f", "arguments": {}}', "q"]


def test_thoughts_that_openllmetry_numbers_are_no_answer():
    numbered = {"gen_ai__prompt__0__content": "q", "gen_ai__completion__0__role": "thinking"}
    answer = {"gen_ai__completion__1__role": "assistant", "gen_ai__completion__1__content": "a"}
    (item,) = read(otlp(span(**numbered, gen_ai__completion__0__content="why", **answer)))
    assert (item.output, item.extra) == ("a", {"reasoning": "why"})


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


ANTHROPIC = {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "a"}]}
INCOMPLETE = {"object": "response", "output": [ANTHROPIC], "incomplete_details": {"reason": "max_output_tokens"}}


@pytest.mark.parametrize(
    "more",
    [
        {"llm__finish_reason": "length"},
        {"output__value": json.dumps(ANTHROPIC | {"stop_reason": "max_tokens"})},
        {"output__value": json.dumps(INCOMPLETE)},
    ],
)
def test_openinference_tells_how_an_answer_ended(more):
    (item,) = read(openinference(output(0, content="a"), **more))
    assert (item.output, item.success, item.error_type) == ("a", False, "length")


def test_a_span_whose_words_were_not_kept_tells_nothing_though_it_says_how_it_ended():
    events = [("gen_ai.user.message", {}), ("gen_ai.choice", {"index": 0, "finish_reason": "length"})]
    with pytest.raises(Unusable, match="not captured"):
        list(otel_genai.read(otlp(span(events=events)), "test", MOMENT))


def test_adk_says_so_where_a_request_could_not_be_written():
    told = {f"gcp__vertex__agent__llm_{side}": "<not serializable>" for side in ("request", "response")}
    with pytest.raises(Unusable, match="not captured"):
        list(otel_genai.read(otlp(span(**told)), "test", MOMENT))
