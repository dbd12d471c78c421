"""A conversation in messages gives its exchanges and calls, in whichever dialect it is written."""

import json

import pytest

from tests.engine.importing import EXCHANGE, chat, pairs, read
from vibe_pipeline.interactions.importers.messages import Unusable

CHOICES = {"choices": [{"message": EXCHANGE[1]}]}


def test_each_exchange_is_one_interaction_in_order():
    assert pairs(chat("q1", "a1", "q2", "a2")) == [("chat", 0, "q1", "a1"), ("chat", 1, "q2", "a2")]


def test_users_and_answers_in_a_row_are_joined_by_a_blank_line():
    value = [("human", "one"), ("human", "two"), ("gpt", "three"), ("gpt", "four")]
    assert pairs({"conversations": [{"from": role, "value": text} for role, text in value]}) == [
        ("chat", 0, "one\n\ntwo", "three\n\nfour")
    ]


@pytest.mark.parametrize("user", ["user", "human", "Human", "USER"])
@pytest.mark.parametrize("assistant", ["assistant", "gpt", "chatgpt", "bing", "model", "bot"])
@pytest.mark.parametrize("keys", [("role", "content"), ("from", "value"), ("role", "text")])
def test_roles_and_keys_of_all_dialects_are_read(user, assistant, keys):
    role, content = keys
    messages = [{role: user, content: "q"}, {role: assistant, content: "a"}]
    for key in ("messages", "conversations", "items", "conversation"):
        assert pairs({key: messages}) == [("chat", 0, "q", "a")]


def test_pairs_in_one_object_are_taken_apart():
    assert pairs({"conversation": [{"human": "q", "assistant": "a"}, {"human": "r", "assistant": "b"}]}) == [
        ("chat", 0, "q", "a"),
        ("chat", 1, "r", "b"),
    ]


def test_system_tools_reasoning_and_weight_are_kept_beside_the_text():
    messages = [
        {"role": "developer", "content": "be terse"},
        {"role": "user", "content": [{"type": "text", "value": "what is"}, {"type": "image_url", "image_url": {}}]},
        {
            "role": "assistant",
            "content": [{"type": "reasoning", "value": "hm"}, {"type": "text", "text": "a dot"}],
            "weight": 0,
        },
    ]
    (item,) = read({"messages": messages, "tools": [{"name": "t"}], "model": "m-1", "user": "jo"})
    assert (item.input, item.output, item.success, item.model_id, item.user) == (
        "what is\n[image]",
        "a dot",
        None,
        "m-1",
        "jo",
    )
    assert item.extra == {"system": "be terse", "tools": [{"name": "t"}], "reasoning": "hm", "weight": 0}


def test_a_tool_call_and_its_result_are_an_interaction_of_their_own():
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}
    messages = [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "rain"},
        {"role": "assistant", "content": "It rains."},
    ]
    expected = [
        ("tool", 0, '{"name": "weather", "arguments": {"city": "Oslo"}}', "rain"),
        ("chat", 1, "Weather?", "It rains."),
    ]
    assert pairs({"messages": messages}) == expected
    dialect = [("human", "Weather?"), ("function_call", '{"name": "weather", "arguments": {"city": "Oslo"}}')]
    dialect += [("observation", "rain"), ("gpt", "It rains.")]
    assert pairs({"conversations": [{"from": role, "value": text} for role, text in dialect]}) == expected


@pytest.mark.parametrize("as_text", [json.dumps, str, lambda calls: json.dumps(calls[0])])
def test_calls_that_a_table_made_a_text_of_are_calls(as_text):
    call = {"id": "k", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    said = {"role": "assistant", "content": None, "tool_calls": as_text([call])}
    result = {"role": "tool", "tool_call_id": "k", "content": "r"}
    assert pairs({"messages": [EXCHANGE[0], said, result, EXCHANGE[1]]}) == [
        ("tool", 0, '{"name": "f", "arguments": {"a": 1}}', "r"),
        ("chat", 1, "q", "a"),
    ]


def test_calls_that_cannot_be_read_are_kept_as_they_are_written():
    said = {"role": "assistant", "content": None, "tool_calls": "[{f"}
    (call, _) = pairs({"messages": [EXCHANGE[0], said, {"role": "tool", "content": "r"}, EXCHANGE[1]]})
    assert call == ("tool", 0, '{"name": null, "arguments": "[{f"}', "r")


@pytest.mark.parametrize("nothing", [None, "", "null", "None", "[]", [], {}])
def test_no_calls_are_none_however_they_are_written(nothing):
    assert pairs({"messages": [EXCHANGE[0], {**EXCHANGE[1], "tool_calls": nothing}]}) == [("chat", 0, "q", "a")]


def test_parallel_calls_are_paired_by_id_whatever_their_order():
    calls = [{"id": name, "function": {"name": name, "arguments": "{}"}} for name in ("a", "b")]
    messages = [
        {"role": "user", "content": "q"},
        {"role": "assistant", "tool_calls": calls},
        {"role": "tool", "tool_call_id": "b", "content": "result b"},
        {"role": "tool", "tool_call_id": "a", "content": "result a"},
    ]
    *tools, question = read({"messages": messages})
    assert [(json.loads(item.input)["name"], item.output) for item in tools] == [("b", "result b"), ("a", "result a")]
    assert (question.input, question.output, question.success) == ("q", "", None)


CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
CALLED = '{"name": "f", "arguments": {}}'


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ([{"role": "assistant", "content": ""}], []),
        ([{"role": "assistant", "content": None, "tool_calls": [CALL]}], [(CALLED, "")]),
        (
            [{"role": "assistant", "tool_calls": [CALL]}, {"role": "tool", "tool_call_id": "c1", "content": "ok"}],
            [(CALLED, "ok")],
        ),
        (
            [
                {"role": "assistant", "tool_calls": [CALL, {**CALL, "id": "c2"}]},
                {"role": "tool", "tool_call_id": "c2", "content": "ok"},
            ],
            [(CALLED, "ok"), (CALLED, "")],
        ),
    ],
)
def test_a_question_that_nothing_was_said_to_is_no_part_of_the_next(reply, expected):
    asked, later = {"role": "user", "content": "r"}, EXCHANGE
    *tools, first = read({"messages": [asked, *reply]})
    assert [(item.action, item.input, item.output, item.success) for item in tools] == [
        ("tool", call, output, None) for call, output in expected
    ]
    assert (first.action, first.input, first.output, first.success) == ("chat", "r", "", None)
    *same, second = read({"messages": [asked, *reply, *later]})
    assert [item.interaction_id for item in same] == [item.interaction_id for item in (*tools, first)]
    assert (second.input, second.output, second.success) == ("q", "a", None)


def test_a_call_at_the_end_of_a_dialect_without_ids_is_kept():
    said = [("human", "q"), ("function_call", CALLED)]
    assert pairs({"conversations": [{"from": role, "value": text} for role, text in said]}) == [
        ("tool", 0, CALLED, ""),
        ("chat", 1, "q", ""),
    ]


@pytest.mark.parametrize(
    "value",
    [
        chat("q", "a", "r"),
        {
            "conversations": [
                {"from": role, "value": text} for role, text in [("human", "q"), ("gpt", "a"), ("human", "r")]
            ]
        },
    ],
)
def test_a_last_question_that_nothing_followed_is_told(value):
    item, unanswered = read(value)
    assert (item.input, item.output) == ("q", "a")
    assert (str(unanswered), unanswered.part) == ("no answer follows a question", "r")


@pytest.mark.parametrize(
    ("answer", "text", "extra"),
    [
        ({"content": None, "refusal": "I cannot."}, "I cannot.", {"refusal": True}),
        ({"content": None, "audio": {"id": "x", "transcript": "hello"}}, "hello", {}),
    ],
)
def test_a_refusal_and_what_was_spoken_are_what_was_said(answer, text, extra):
    messages = [EXCHANGE[0], {"role": "assistant", **answer}, *EXCHANGE]
    first, second = read({"messages": messages})
    assert (first.output, first.extra, first.success) == (text, extra, None)
    assert (second.input, second.output) == ("q", "a")


@pytest.mark.parametrize(
    "value",
    [
        {"request": {"messages": [EXCHANGE[0]], "model": "m"}, "response": CHOICES},
        {"request": {"messages": [EXCHANGE[0]]}, "response": EXCHANGE[1]},
        {"messages": [EXCHANGE[0]], "response": CHOICES},
        {
            "request": {"body": {"messages": [EXCHANGE[0]]}},
            "response": {"body": {"choices": [{"message": EXCHANGE[1]}]}},
        },
        {
            "custom_id": "x",
            "body": {"messages": [EXCHANGE[0]]},
            "response": {"body": {"choices": [{"message": EXCHANGE[1]}]}},
        },
        {"prompt": "q", "completion": "a"},
        EXCHANGE,
    ],
)
def test_requests_with_their_responses_are_read(value):
    assert pairs(value) == [("chat", 0, "q", "a")]


def test_other_choices_are_kept_with_the_first():
    choices = [{"message": {"role": "assistant", "content": text}} for text in ("one", "two")]
    (item,) = read({"request": {"messages": [EXCHANGE[0]]}, "response": {"choices": choices}})
    assert (item.output, item.extra) == ("one", {"other_choices": ["two"]})


NAMES = [
    {"conversation_id": "c"},
    {"metadata": {"session_id": "c"}},
    {"request": {"messages": [], "thread_id": 7}},
    {"chatId": "c"},
]


@pytest.mark.parametrize("names", NAMES, ids=str)
def test_a_conversation_that_has_grown_keeps_its_id_and_its_rows(names):
    def said(*texts):
        value = {**names, **chat(*texts)}
        if "request" in names:
            value["request"] = {**names["request"], "messages": value.pop("messages")}
        return read(value)

    (first,) = said("q", "a")
    same, new = said("q", "a", "r", "b")
    assert (same.interaction_id, new.conversation_id) == (first.interaction_id, first.conversation_id)


def test_a_conversation_without_a_name_that_has_grown_keeps_its_rows():
    (first,) = read(chat("q", "a"))
    same, new = read(chat("q", "a", "r", "b"))
    assert same.interaction_id == first.interaction_id
    assert same.conversation_id == new.conversation_id != first.conversation_id


def test_an_id_of_sharegpt_names_a_conversation_with_how_it_begins():
    def said(name, *texts):
        turns = [{"from": ("human", "gpt")[n % 2], "value": text} for n, text in enumerate(texts)]
        return read({"id": name, "conversations": turns})

    (first,) = said(1, "q", "a")
    same, new = said(1, "q", "a", "r", "b")
    assert (same.interaction_id, new.conversation_id) == (first.interaction_id, first.conversation_id)
    assert said(2, "q", "a")[0].conversation_id != first.conversation_id != said(1, "other", "a")[0].conversation_id


def test_conversations_of_other_names_or_people_are_others_though_the_words_are_the_same():
    values = [{"conversation_id": "c1"}, {"conversation_id": "c2"}, {}, {"user": "jo"}, {"user": "al"}]
    found = [read({**chat("q", "a"), **value})[0] for value in values]
    assert len({item.interaction_id for item in found}) == len({item.conversation_id for item in found}) == 5


def test_two_conversations_that_begin_alike_keep_all_that_they_hold():
    left, right = (read(chat("q", "a", middle, "b", "thanks", "welcome")) for middle in ("left", "right"))
    assert {item.conversation_id for item in left}.isdisjoint(item.conversation_id for item in right)
    assert [a.interaction_id == b.interaction_id for a, b in zip(left, right, strict=True)] == [True, False, False]


def test_the_same_conversation_has_the_same_ids_in_every_dialect():
    other = {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]}
    (first,), (second,) = read(chat("q", "a", id="one")), read(other)
    assert (first.interaction_id, first.conversation_id) == (second.interaction_id, second.conversation_id)
    assert first.interaction_id != read(chat("q", "b"))[0].interaction_id


@pytest.mark.parametrize(
    ("stamp", "year"),
    [
        (1700000000, 2023),
        (1700000000.5, 2023),
        (1700000000000, 2023),
        ("2021-05-06T07:08:09Z", 2021),
        ("2020-01-01", 2020),
        ("20240501", 2024),
    ],
)
def test_the_time_is_that_of_the_record(stamp, year):
    assert read(chat("q", "a", create_time=stamp))[0].occurred_at.year == year


@pytest.mark.parametrize("stamp", [True, None, 1e400, float("nan"), [2024], "2024-W05-1", "05/06/2024", 10**30])
def test_a_time_that_is_none_leaves_the_next_that_is_one(stamp):
    record = chat("q", "a", created_at=stamp, timestamp="2021-05-06 07:08:09 UTC")
    assert read(record)[0].occurred_at.isoformat() == "2021-05-06T07:08:09+00:00"


def test_a_lone_surrogate_in_the_arguments_of_a_call_is_replaced():
    call = {"function": {"name": "f", "arguments": '{"a": "\\ud800"}'}}
    messages = [EXCHANGE[0], {"role": "assistant", "tool_calls": [call]}, {"role": "tool", "content": "r"}]
    assert read({"messages": messages})[0].input == '{"name": "f", "arguments": {"a": "\ufffd"}}'


def test_requests_to_anthropic_are_read_with_their_tools():
    asked = [
        {"role": "user", "content": "Weather?"},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "t", "name": "weather", "input": {"city": "Oslo"}}],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "t", "is_error": True, "content": "no net"},
                {"type": "text", "text": "Guess then."},
            ],
        },
    ]
    answer = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "Rain."}]
    request = {"model": "claude-x", "system": [{"type": "text", "text": "be brief"}], "messages": asked}
    value = {"request": request, "response": {"model": "claude-x-1", "content": answer}, "latency_ms": 12}
    tool, unanswered, chat_ = read(value)
    assert (tool.action, tool.input, tool.output, tool.success, tool.error_type) == (
        "tool",
        '{"name": "weather", "arguments": {"city": "Oslo"}}',
        "no net",
        False,
        "tool_error",
    )
    assert (unanswered.input, unanswered.output) == ("Weather?", "")
    assert (chat_.input, chat_.output, chat_.latency_ms) == ("Guess then.", "Rain.", 12.0)
    assert (chat_.model_id, chat_.extra) == ("claude-x-1", {"system": "be brief", "reasoning": "hm"})


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({"error": {"type": "rate_limit_error", "message": "slow down"}}, "rate_limit_error"),
        ({"error": "slow down", "response": None}, "error"),
        ({"response": {"status_code": 429, "body": {"error": {"code": 429, "message": "slow down"}}}}, "429"),
    ],
)
def test_an_error_in_the_place_of_an_answer_is_a_failed_interaction(more, kind):
    (item,) = read({"request": {"messages": [EXCHANGE[0]]}, **more})
    assert (item.action, item.input, item.output, item.success, item.error_type) == ("chat", "q", "", False, kind)
    assert item.extra == {"error": "slow down"}


@pytest.mark.parametrize(
    ("response", "output", "kind"),
    [
        ({"choices": [{"finish_reason": "length", "message": EXCHANGE[1]}]}, "a", "length"),
        (
            {"choices": [{"finish_reason": "content_filter", "message": {"role": "assistant", "content": ""}}]},
            "",
            "content_filter",
        ),
        ({"choices": [{"finish_reason": "content_filter"}]}, "", "content_filter"),
        ({"content": [{"type": "text", "text": "a"}], "stop_reason": "max_tokens"}, "a", "length"),
        ({**EXCHANGE[1], "stop_reason": "max_tokens"}, "a", "length"),
    ],
)
def test_an_answer_that_was_cut_off_is_no_success(response, output, kind):
    (item,) = read({"request": {"messages": [EXCHANGE[0]]}, "response": response})
    assert (item.input, item.output, item.success, item.error_type) == ("q", output, False, kind)


@pytest.mark.parametrize("reason", ["stop", "tool_calls", None, ["length"]])
def test_that_an_answer_ended_does_not_say_that_it_worked(reason):
    choices = [{"finish_reason": reason, "message": EXCHANGE[1]}]
    assert read({"request": {"messages": [EXCHANGE[0]]}, "response": {"choices": choices}})[0].success is None


def test_an_answer_with_what_was_looked_up_for_it_is_read():
    """Azure's answers on one's own data."""
    said = [{"role": "tool", "content": "found"}, EXCHANGE[1]]
    record = {"request": {"messages": [EXCHANGE[0]]}, "response": {"choices": [{"messages": said}]}}
    assert pairs(record) == [("tool", 0, "", "found"), ("chat", 1, "q", "a")]


BATCH = {"custom_id": "r", "method": "POST", "url": "/v1/chat/completions"}
COMPLETION = {"status_code": 200, "body": {"choices": [{"message": EXCHANGE[1]}]}}


@pytest.mark.parametrize(
    ("half", "reason"),
    [
        ({**BATCH, "body": {"messages": EXCHANGE[:1]}}, "a request of a batch holds no answer"),
        ({**BATCH, "body": {"input": "q"}}, "a request of a batch holds no answer"),
        ({"custom_id": "r", "params": {"messages": EXCHANGE[:1]}}, "a request of a batch holds no answer"),
        (
            {"id": "b", "custom_id": "r", "response": COMPLETION, "error": None},
            "an answer of a batch holds no question",
        ),
        ({"custom_id": "r", "response": None, "error": {"code": "expired"}}, "an answer of a batch holds no question"),
        ({"custom_id": "r", "result": {"message": EXCHANGE[1]}}, "an answer of a batch holds no question"),
    ],
)
def test_half_of_a_batch_says_which_half_it_is(half, reason):
    with pytest.raises(Unusable, match=reason):
        read(half)


def test_a_batch_whose_halves_were_joined_and_a_history_in_a_request_are_read():
    joined = {**BATCH, "body": {"messages": EXCHANGE[:1]}, "response": COMPLETION}
    history = {**BATCH, "body": {"messages": [*EXCHANGE, {"role": "user", "content": "r"}]}}
    own = {"custom_id": "r", "messages": EXCHANGE}
    assert [pairs(joined), [pairs(own)[0]]] == [[("chat", 0, "q", "a")]] * 2
    assert (read(history)[0].input, read(history)[0].output) == ("q", "a")


def test_a_custom_tool_is_called_with_its_text():
    call = {"id": "1", "type": "custom", "custom": {"name": "shell", "input": "ls -l"}}
    messages = [EXCHANGE[0], {"role": "assistant", "tool_calls": [call]}, {"role": "tool", "content": "out"}]
    assert pairs({"messages": messages})[0] == ("tool", 0, '{"name": "shell", "arguments": "ls -l"}', "out")


@pytest.mark.parametrize("key", ["reasoning_content", "reasoning", "thinking"])
def test_reasoning_beside_the_content_is_kept(key):
    (item,) = read({"messages": [EXCHANGE[0], {**EXCHANGE[1], key: "hm"}]})
    assert (item.output, item.extra) == ("a", {"reasoning": "hm"})


@pytest.mark.parametrize(
    ("found", "output", "success"),
    [
        (
            [{"type": "web_search_result", "title": "T", "encrypted_content": "Eu0"}],
            '[{"type": "web_search_result", "title": "T"}]',
            None,
        ),
        ({"type": "web_search_tool_result_error"}, '{"type": "web_search_tool_result_error"}', False),
    ],
)
def test_tools_that_ran_at_anthropic_are_tools(found, output, success):
    content = [
        {"type": "text", "text": "I search."},
        {"type": "server_tool_use", "id": "k", "name": "web_search", "input": {"query": "x"}},
        {"type": "web_search_tool_result", "tool_use_id": "k", "content": found},
        {"type": "text", "text": "Found."},
    ]
    tool, asked = read({"messages": [EXCHANGE[0], {"role": "assistant", "content": content}]})
    assert (tool.action, tool.input) == ("tool", '{"name": "web_search", "arguments": {"query": "x"}}')
    assert (tool.output, tool.success, asked.output) == (output, success, "I search.\n\nFound.")


@pytest.mark.parametrize(
    "content", [{"blocks": []}, [{"type": "text", "text": "a"}, {"image": {}}], {"type": "text"}, [{}]], ids=str
)
def test_a_part_that_says_nothing_is_a_reason(content):
    with pytest.raises(Unusable, match="a part of a message has no text and no type"):
        read({"messages": [EXCHANGE[0], {"role": "assistant", "content": content}]})


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ({"type": "container_upload", "file_id": "f"}, "[container_upload]"),
        ({"type": "redacted_thinking", "data": "x"}, ""),
        ({"type": "text", "text": ""}, ""),
    ],
)
def test_a_part_without_words_leaves_its_type_where_it_stood(part, text):
    answer = {"role": "assistant", "content": [part, {"type": "text", "text": "a"}]}
    assert pairs({"messages": [EXCHANGE[0], answer]}) == [("chat", 0, "q", "\n".join(filter(None, [text, "a"])))]


def test_a_question_that_is_a_document_alone_leaves_a_mark():
    part = {"type": "document", "source": {"type": "base64", "data": "aGk="}, "title": "a.pdf"}
    assert pairs({"messages": [{"role": "user", "content": [part]}, EXCHANGE[1]]}) == [("chat", 0, "[document]", "a")]


ASKED = [{"role": "user", "content": "q?"}]
ANSWER = {"choices": [{"message": {"role": "assistant", "content": "A"}}]}


@pytest.mark.parametrize(
    "more",
    [
        {"messages": ASKED, "completion": "A"},
        {"messages": ASKED, "chosen": "A", "rejected": "bad"},
        {"messages": ASKED, "output": {"choices": [{"message": {"role": "assistant", "content": "A"}}]}},
        {
            "body": {"messages": ASKED},
            "response": {"body": {"choices": [{"message": {"role": "assistant", "content": "A"}}]}},
        },
    ],
)
def test_a_line_of_a_batch_that_holds_its_answer_is_read(more):
    (item,) = read({"custom_id": "1", **more})
    assert (item.input, item.output) == ("q?", "A")
