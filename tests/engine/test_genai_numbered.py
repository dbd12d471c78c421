"""Messages in numbered attributes, as OpenLLMetry and OpenInference write them, and how these number an answer."""

import json

import pytest

from tests.engine.genai import attributes, otlp, read, span, turns

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
        assert (item.output, item.extra["other_choices"]) == ("a", ["b"])


def test_the_response_itself_tells_more_than_openinference_makes_of_it():
    search = {"type": "web_search_call", "id": "w", "status": "completed", "action": {"query": "news"}}
    answer = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a"}]}
    response = json.dumps({"object": "response", "output": [search, answer]})
    tool, chat = read(openinference(part(1, "a"), output__value=response))
    assert (tool.input, chat.output) == ('{"name": "web_search", "arguments": {"query": "news"}}', "a")
    choices = json.dumps({"choices": [{"message": {"role": "assistant", "content": text}} for text in "ab"]})
    (item,) = read(openinference(output(0, content="a"), output(1, content="b"), output__value=choices))
    assert (item.output, item.extra["other_choices"]) == ("a", ["b"])


def test_thoughts_that_openllmetry_numbers_are_no_answer():
    numbered = {"gen_ai__prompt__0__content": "q", "gen_ai__completion__0__role": "thinking"}
    answer = {"gen_ai__completion__1__role": "assistant", "gen_ai__completion__1__content": "a"}
    (item,) = read(otlp(span(**numbered, gen_ai__completion__0__content="why", **answer)))
    assert (item.output, item.extra) == ("a", {"reasoning": "why"})


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
