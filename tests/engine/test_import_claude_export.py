"""Claude.ai's export: blocks in their order, what was attached is part of the question, every branch counts."""

import json
from datetime import UTC, datetime

import pytest

from vibe_pipeline.interactions.importers import formats
from vibe_pipeline.interactions.importers.messages import NothingAsked, Unusable

MOMENT = datetime(2026, 1, 2, tzinfo=UTC)


def said(sender, text="", blocks=(), **more):
    content = [{"type": "text", "text": text}, *blocks] if text else list(blocks)
    return {"sender": sender, "text": text, "content": content, **more}


def read(*messages, **more):
    value = {"uuid": "c", "name": "n", "created_at": "2025-01-01T00:00:00Z", "chat_messages": list(messages), **more}
    importer = formats()["claude_export"]
    assert importer.recognises(value)
    return list(importer.read(value, "test", MOMENT))


def test_each_question_with_its_answer():
    first, second = read(
        said("human", "q1", created_at="2025-01-01T10:00:00.5Z"),
        said("assistant", "a1"),
        said("human", "q2"),
        said("assistant", "a2"),
        account={"uuid": "me"},
        model="claude-x",
    )
    assert (first.input, first.output, second.input, second.output) == ("q1", "a1", "q2", "a2")
    assert first.occurred_at == datetime(2025, 1, 1, 10, 0, 0, 500000, tzinfo=UTC)
    assert (second.turn, second.occurred_at.day, second.user, second.model_id) == (1, 1, "me", "claude-x")
    assert second.extra == {"title": "n"}


def test_old_exports_have_a_text_and_no_blocks():
    (item,) = read({"sender": "human", "text": "q"}, {"sender": "assistant", "text": "a", "content": []})
    assert (item.input, item.output) == ("q", "a")


def test_thinking_and_tools_are_told_apart_from_the_answer():
    blocks = [
        {"type": "thinking", "thinking": "hm"},
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "t1", "name": "search", "input": {"q": "x"}},
        {
            "type": "tool_result",
            "tool_use_id": "t1",
            "content": [{"type": "text", "text": "no net"}],
            "is_error": True,
            "start_timestamp": "2025-01-02T00:00:00Z",
        },
        {"type": "text", "text": "I found nothing."},
    ]
    tool, answer = read(said("human", "q"), said("assistant", blocks=blocks))
    assert (tool.action, tool.input, tool.output) == (
        "tool",
        '{"name": "search", "arguments": {"q": "x"}}',
        "no net",
    )
    assert (tool.success, tool.error_type, tool.occurred_at.day) == (False, "tool_error", 2)
    assert (answer.output, answer.extra["reasoning"], answer.success) == ("I look.\n\nI found nothing.", "hm", None)


USE = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "t", "content": "r", "is_error": False}


def test_an_answer_of_tools_alone_says_nothing_and_its_text_is_a_placeholder():
    placeholder = "```\nThis block is not supported on your current device yet.\n```"
    tool, item = read(said("human", "q"), said("assistant", blocks=[USE, RESULT]) | {"text": placeholder})
    assert (tool.output, item.input, item.output, item.success) == ("r", "q", "", None)


def test_a_block_that_is_not_known_leaves_its_words_or_a_mark():
    blocks = [{"type": "widget", "text": "a chart"}, {"type": "gadget"}, {"type": "token_budget", "remaining": 5}]
    (item,) = read(said("human", "q"), said("assistant", "Here it is.", blocks))
    assert item.output == "Here it is.\n\na chart\n\n[gadget]"


@pytest.mark.parametrize("mark", ["hidden", "hidden_in_chat"])
def test_words_that_are_hidden_were_said_by_nobody_and_a_hidden_tool_ran(mark):
    hidden = {"type": "text", "text": "unseen", mark: True}
    tool, item = read(said("human", "q", [hidden]), said("assistant", "a", [hidden, {**USE, mark: True}, RESULT]))
    assert (tool.output, item.input, item.output) == ("r", "q", "a")


@pytest.mark.parametrize(
    ("ended", "error"),
    [
        ({"stop_reason": "user_canceled", "truncated": True}, "interrupted"),
        ({"stop_reason": "max_length"}, "length"),
        ({"truncated": True}, "length"),
        ({"content": [{"type": "text", "text": "half", "cut_off": True}]}, "length"),
        ({"stop_reason": "stop_sequence", "truncated": False}, None),
    ],
)
def test_an_answer_says_why_it_ended(ended, error):
    (item,) = read(said("human", "q"), said("assistant", "half") | ended)
    assert (item.output, item.success, item.error_type) == ("half", False if error else None, error)


def test_thoughts_that_were_cut_off_are_no_answer_that_was():
    thought = {"type": "thinking", "thinking": "hm", "cut_off": True}
    (item,) = read(said("human", "q"), said("assistant", "whole", [thought]))
    assert item.success is None


def test_what_answers_a_message_of_nobody_answers_no_other_question():
    lost, *found = read(
        said("human", "q"), said("assistant", "a"), said("narrator", "lost"), said("assistant", "to what is lost")
    )
    assert str(lost) == "a message has the unknown sender 'narrator'"
    assert [(it.input, it.output) for it in found] == [("q", "a"), ("", "to what is lost")]


def test_tools_without_ids_are_paired_in_order():
    blocks = [{"type": "tool_use", "name": name, "input": {}} for name in ("a", "b")]
    blocks += [{"type": "tool_result", "content": text, "is_error": False} for text in ("1", "2")]
    found = read(said("human", "q"), said("assistant", blocks=[*blocks, {"type": "text", "text": "done"}]))
    assert [(item.input[:12], item.output, item.success) for item in found[:2]] == [
        ('{"name": "a"', "1", True),
        ('{"name": "b"', "2", True),
    ]


def test_attachments_and_files_are_part_of_the_question():
    attached = [
        {"file_name": "notes.txt", "extracted_content": "inside"},
        {"file_name": "", "extracted_content": "paste"},
    ]
    files = [{"file_name": "a.pdf"}, {"file_name": "b.png", "file_kind": "image"}]
    (item,) = read(said("human", "sum up", attachments=attached, files=files), said("assistant", "a"))
    assert item.input == "sum up\n\n[file: notes.txt]\ninside\n\n[file]\npaste\n\n[file: a.pdf]\n\n[image]"


def test_a_file_that_was_attached_too_is_marked_once():
    attached, files = [{"file_name": "a.md", "extracted_content": "A"}], [{"file_name": "a.md"}, {"file_name": "b.png"}]
    (item,) = read(said("human", "q", attachments=attached, files=files), said("assistant", "a"))
    assert item.input == "q\n\n[file: a.md]\nA\n\n[file: b.png]"


def test_a_result_in_a_persons_name_is_the_tools():
    call = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "no"}], "is_error": True}
    tool, item = read(
        said("human", "q"),
        said("assistant", "I look.", [call]),
        said("human", blocks=[result]),
        said("assistant", "Done.", model="claude-x"),
        model="claude-w",
    )
    assert (tool.output, tool.success, tool.error_type) == ("no", False, "tool_error")
    assert (item.input, item.output, item.model_id) == ("q", "I look.\n\nDone.", "claude-x")


def test_a_result_without_words_is_what_it_holds():
    held = {"type": "local_resource", "name": "a.md", "file_path": "/a.md"}
    blocks = [
        {"type": "tool_use", "id": "t", "name": "f", "input": {}},
        {"type": "tool_result", "tool_use_id": "t", "content": [held, {"type": "text", "text": ""}, {"type": "image"}]},
    ]
    tool, _ = read(said("human", "q"), said("assistant", "a", blocks))
    assert tool.output == f"{json.dumps(held)}\n[image]"


def test_the_answer_that_stands_has_the_others_beside_it():
    messages = [
        said("human", "q", uuid="u", parent_message_uuid="00000000-0000-4000-8000-000000000000"),
        said("assistant", "old", uuid="a", parent_message_uuid="u"),
        said("assistant", "new", uuid="b", parent_message_uuid="u"),
    ]
    old, new = read(*messages, current_leaf_message_uuid="b")
    assert (old.output, new.output, new.extra) == (
        "old",
        "new",
        {"title": "n", "branch_of": old.conversation_id, "branch_turn": 0, "alternatives": ["old"]},
    )
    old, new = read(*messages, current_leaf_message_uuid="a")
    assert old.extra == {"title": "n", "alternatives": ["new"]}


def test_a_question_in_other_words_is_another_conversation():
    first = [
        said("human", "q", uuid="u", parent_message_uuid="0"),
        said("assistant", "a", uuid="a") | {"parent_message_uuid": "u"},
    ]
    again = [
        said("human", "r", uuid="v", parent_message_uuid="0"),
        said("assistant", "b", uuid="b") | {"parent_message_uuid": "v"},
    ]
    found = read(*first, *again)
    assert [(item.turn, item.input, item.output) for item in found] == [(0, "q", "a"), (0, "r", "b")]
    assert found[1].extra["branch_of"] == found[0].conversation_id


def test_a_message_that_is_none_costs_itself():
    bad, item = read(said("human", "q"), None, said("assistant", "a"))
    assert (str(bad), item.input, item.output) == ("a message is not an object", "q", "a")


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([3], "a message is not an object"),
        ([{"text": "x"}], "a message has the unknown sender None"),
        ([{"sender": "human", "content": 3}], "neither text nor a list of blocks"),
        ([said("human", "q"), said("assistant")], "no answer follows a question"),
    ],
)
def test_what_gives_nothing_has_its_reason(messages, reason):
    with pytest.raises(Unusable, match=reason):
        read(*messages)


def test_a_chat_in_which_nothing_was_asked_is_no_record():
    with pytest.raises(NothingAsked):
        read()


def test_words_beside_thoughts_are_the_answer_and_those_beside_tools_are_none():
    thought = {"type": "thinking", "thinking": "hm"}
    (item,) = read(said("human", "q"), {"sender": "assistant", "text": "a", "content": [thought]})
    assert (item.output, item.extra["reasoning"]) == ("a", "hm")
    tool = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
    found = read(said("human", "q"), {"sender": "assistant", "text": "not supported yet", "content": [tool]})
    assert "not supported yet" not in [item.output for item in found]
