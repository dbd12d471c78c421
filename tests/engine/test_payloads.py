"""What was sent to a model and what came back, as APIs and frameworks write it: all of it ends as the same messages."""

import json

import pytest

from vibe_pipeline.interactions.importers.messages import Message, Unusable
from vibe_pipeline.interactions.importers.payloads import answered, asked

CALL = '{"name": "f", "arguments": {"a": 1}}'


def plain(messages: list[Message]) -> list[tuple[str, str]]:
    return [(each.role, each.text or (each.calls[0][1] if each.calls else "")) for each in messages]


CHAT = [("system", "s"), ("user", "q"), ("assistant", CALL), ("result", "r")]


@pytest.mark.parametrize(
    "payload",
    [
        {  # OpenAI
            "messages": [
                {"role": "system", "content": "s"},
                {"role": "user", "content": "q"},
                {"role": "assistant", "tool_calls": [{"id": "k", "function": {"name": "f", "arguments": '{"a": 1}'}}]},
                {"role": "tool", "tool_call_id": "k", "content": "r"},
            ]
        },
        {  # OpenAI's responses
            "instructions": "s",
            "input": [
                {"role": "user", "content": [{"type": "input_text", "text": "q"}]},
                {"type": "function_call", "call_id": "k", "name": "f", "arguments": '{"a": 1}'},
                {"type": "function_call_output", "call_id": "k", "output": "r"},
            ],
        },
        {  # Anthropic
            "system": [{"type": "text", "text": "s"}],
            "messages": [
                {"role": "user", "content": "q"},
                {"role": "assistant", "content": [{"type": "tool_use", "id": "k", "name": "f", "input": {"a": 1}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "k", "content": "r"}]},
            ],
        },
        {  # Gemini
            "systemInstruction": {"parts": [{"text": "s"}]},
            "contents": [
                {"role": "user", "parts": [{"text": "q"}]},
                {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"a": 1}}}]},
                {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": "r"}}]},
            ],
        },
        [  # Google's SDK
            {"role": "system", "parts": [{"text": "s"}]},
            {"role": "user", "parts": [{"text": "q"}]},
            {"role": "model", "parts": [{"function_call": {"name": "f", "args": {"a": 1}}}]},
            {"role": "user", "parts": [{"function_response": {"name": "f", "response": "r"}}]},
        ],
        {  # LangChain
            "messages": [
                [
                    {"type": "system", "content": "s"},
                    {"id": ["langchain", "HumanMessage"], "kwargs": {"content": "q"}},
                    {"type": "ai", "content": "", "tool_calls": [{"name": "f", "args": {"a": 1}, "id": "k"}]},
                    {"type": "tool", "content": "r", "tool_call_id": "k"},
                ]
            ]
        },
        {  # Bedrock
            "system": [{"text": "s"}, {"cachePoint": {"type": "default"}}],
            "messages": [
                {"role": "user", "content": [{"text": "q"}]},
                {"role": "assistant", "content": [{"toolUse": {"toolUseId": "k", "name": "f", "input": {"a": 1}}}]},
                {"role": "user", "content": [{"toolResult": {"toolUseId": "k", "content": [{"text": "r"}]}}]},
            ],
        },
        [  # the AI SDK
            {"role": "system", "content": "s"},
            {"role": "user", "content": [{"type": "text", "text": "q"}]},
            {"role": "assistant", "content": [{"type": "tool-call", "toolName": "f", "input": {"a": 1}}]},
            {"role": "tool", "content": [{"type": "tool-result", "output": {"type": "text", "value": "r"}}]},
        ],
    ],
)
def test_all_apis_ask_the_same(payload):
    assert plain(asked(payload)) == CHAT


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        ("q", "q"),
        ('"q"', "q"),
        ({"question": "q", "k": 3}, "q"),
        ({"args": [], "kwargs": {"query": "q"}}, "q"),
        ({"topic": "q"}, "q"),
        ({"a": 1, "b": 2}, '{"a": 1, "b": 2}'),
        (["one", "two"], "one\ntwo"),
        ([{"type": "text", "text": "q"}, {"type": "image_url", "image_url": {}}], "q\n[image]"),
    ],
)
def test_what_is_no_chat_is_one_question(payload, text):
    assert plain(asked(payload)) == [("user", text)]


@pytest.mark.parametrize(
    "payload",
    [
        "a",
        {"choices": [{"message": {"role": "assistant", "content": "a"}}]},
        {"choices": [{"text": "a"}]},
        {"message": {"role": "assistant", "content": "a"}, "index": 0},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "a"}]},
        {"output": [{"type": "reasoning"}, {"type": "message", "content": [{"type": "output_text", "text": "a"}]}]},
        {"candidates": [{"content": {"role": "model", "parts": [{"text": "hm", "thought": True}, {"text": "a"}]}}]},
        {"generations": [[{"text": "a", "message": {"id": ["AIMessage"], "kwargs": {"content": "a"}}}]]},
        {"messages": [{"type": "human", "content": "q"}, {"type": "ai", "content": "a"}]},
        {"output": {"message": {"role": "assistant", "content": [{"text": "a"}]}}, "stopReason": "end_turn"},
        {"answer": "a", "documents": []},
        {"text": "a", "toolCalls": []},
    ],
)
def test_all_apis_answer_the_same(payload):
    assert plain(answered(payload)) == [("assistant", "a")]


def test_langchain_keeps_the_calls_of_a_generation_in_its_message():
    message = {"type": "ai", "content": "", "tool_calls": [{"name": "f", "args": {"a": 1}, "id": "k"}]}
    generation = {"type": "ChatGeneration", "text": "", "message": message}
    assert plain(answered({"generations": [[generation]], "type": "LLMResult"})) == [("assistant", CALL)]


def test_bedrock_names_its_blocks_by_their_keys():
    blocks = [
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "x"}}},
        {"citationsContent": {"content": [{"text": "a"}], "citations": []}},
        {"image": {"format": "png", "source": {"bytes": "x"}}},
    ]
    as_types = [{"type": key, "content": value} for block in blocks for key, value in block.items()]
    for content in (blocks, as_types):
        (message,) = answered({"role": "assistant", "content": content})
        assert (message.reasoning, message.text) == ("hm", "a\n[image]")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ([{"text": "a"}, {"text": "b"}], "a\nb"),
        ([{"json": {"a": 1}}, {"image": {"source": {}}}], '{"a": 1}\n[image]'),
        ([{"text": "a", "score": 1}], '[{"text": "a", "score": 1}]'),
    ],
)
def test_what_a_tool_gave_back_in_blocks_is_their_text(content, text):
    result = {"toolUseId": "k", "status": "error", "content": content}
    (message,) = asked([{"role": "user", "content": [{"toolResult": result}]}])
    assert (message.role, message.text, message.call_id, message.success) == ("result", text, "k", False)
    told = {"type": "tool_call_response", "id": "k", "response": content}
    assert asked([{"role": "user", "parts": [told]}])[0].text == text


def test_reasoning_is_no_part_of_an_answer_and_other_answers_are_other_choices():
    thought = {"parts": [{"text": "hm", "thought": True}, {"text": "a"}]}
    (message,) = answered({"candidates": [{"content": thought}, {"content": {"parts": [{"text": "b"}]}}]})
    assert (message.text, message.reasoning, message.extra) == ("a", "hm", {"other_choices": ["b"]})


@pytest.mark.parametrize("payload", [None, {}, [], "", {"choices": []}])
def test_nothing_came_back(payload):
    assert answered(payload) == []


def test_an_unknown_role_is_named():
    with pytest.raises(Unusable, match="unknown role 'nobody'"):
        asked([{"role": "nobody", "content": "q"}])


def test_a_role_that_is_the_name_of_a_called_tool_is_its_result():
    call = {"id": "k", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    called = {"role": "assistant", "content": "", "tool_calls": [call]}
    said = [{"role": "user", "content": "q"}, called, {"role": "f", "content": "r", "additional_kwargs": {}}]
    assert plain(asked(said)) == CHAT[1:]


@pytest.mark.parametrize("role", ["assistant", "tool"])
def test_calls_written_as_json_into_the_text_are_calls(role):
    call = {"function": {"name": "f", "arguments": '{"a": 1}'}, "id": "k", "type": "function"}
    assert plain(asked([{"role": role, "content": json.dumps([call])}, {"role": "tool", "content": "r"}])) == CHAT[2:]


def test_the_definition_of_a_tool_is_said_by_nobody():
    definition = {"type": "function", "function": {"name": "f", "parameters": {}}}
    assert plain(asked([{"role": "user", "content": "q"}, {"role": "tool", "content": definition}])) == CHAT[1:2]


def test_what_gemini_writes_in_python_is_read_as_its_json():
    call, response = {"function_call": {"name": "f", "args": {"a": 1}}}, {"name": "f", "response": {"b": 2}}
    said = [{"role": "model", "parts": [call]}, {"role": "user", "parts": [{"function_response": response}]}]
    assert plain(asked(said)) == [("assistant", CALL), ("result", '{"b": 2}')]


def test_reasoning_is_told_by_any_type_that_says_so():
    thought = {"type": "Microsoft.Extensions.AI.TextReasoningContent", "content": {"text": "", "protectedData": "Cg=="}}
    said = [{"role": "assistant", "parts": [{"type": "text", "content": "a"}, thought]}]
    assert plain(answered(said)) == [("assistant", "a")]


def test_an_answer_as_python_prints_it_is_read():
    assert plain(answered(str({"role": "assistant", "text": "It's a."}))) == [("assistant", "It's a.")]


def test_a_transcript_may_name_developers_and_tools():
    text = "developer: s\nuser: q\nassistant: b\ntool: r"
    assert plain(asked(text)) == [("system", "s"), ("user", "q"), ("assistant", "b"), ("result", "r")]
