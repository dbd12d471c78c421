"""ChatGPT's export: every branch is read once, what was hidden is no question, tools are called."""

import json
from datetime import UTC, datetime

import pytest

from vibe_pipeline.interactions.importers import formats
from vibe_pipeline.interactions.importers.messages import NothingAsked, Unusable

MOMENT = datetime(2026, 1, 2, tzinfo=UTC)


def node(parent, role, *parts, recipient="all", metadata=None, content=None, **more):
    """A node of the tree, without the list of its children."""
    content = content or {"content_type": "text", "parts": list(parts)}
    message = {"author": {"role": role}, "content": content, "recipient": recipient, "metadata": metadata or {}, **more}
    return {"parent": parent, "message": message}


def said(parent, role, text, second):
    """A node of something that was said so many seconds after the conversation began."""
    return node(parent, role, text, create_time=1700000000 + second)


OPENING = {"u": said(None, "user", "q", 1), "a": said("u", "assistant", "a", 2)}


def chat(current=None, /, **nodes):
    return {"conversation_id": "c", "create_time": 1700000000, "current_node": current, "mapping": nodes}


def read(value):
    importer = formats()["chatgpt_export"]
    assert importer.recognises(value)
    return list(importer.read(value, "test", MOMENT))


def turns(value):
    return [(item.action, item.turn, item.input, item.output) for item in read(value)]


def test_every_branch_is_read_and_the_answer_that_stands_has_the_others_beside_it():
    value = chat(
        "a3",
        u1=node(None, "user", "q1"),
        a1=node("u1", "assistant", "first"),
        a2=node("u1", "assistant", "second"),
        u2=node("a2", "user", "q2"),
        a3=node("u2", "assistant", "third"),
        other=node("a1", "user", "another q2"),
        a4=node("other", "assistant", "fourth"),
    )
    assert turns(value) == [
        ("chat", 0, "q1", "first"),
        ("chat", 1, "another q2", "fourth"),
        ("chat", 0, "q1", "second"),
        ("chat", 1, "q2", "third"),
    ]
    main, _, first, second = read(value)
    assert first.conversation_id == second.conversation_id != main.conversation_id
    assert (main.extra, second.extra) == ({}, {"branch_of": main.conversation_id, "branch_turn": 0})
    assert first.extra == second.extra | {"alternatives": ["first"]}


def test_a_branch_says_how_many_turns_of_what_it_leaves_were_said_before_it():
    value = chat(
        "c",
        u=said(None, "user", "story", 1),
        t=node("u", "assistant", "1", recipient="python"),
        r=node("t", "tool", "2"),
        a=said("r", "assistant", "a fox", 2),
        v=said("a", "user", "sadder", 3),
        b=said("v", "assistant", "snow", 4),
        w=said("a", "user", "in German", 5),
        c=said("w", "assistant", "ein Fuchs", 6),
        x=said("c", "user", "shorter", 7),
        d=said("x", "assistant", "Fuchs", 8),
        e=said("x", "assistant", "F", 9),
        f=said("v", "assistant", "ice", 10),
    )
    found = {item.output: item for item in read(value) if item.action == "chat"}
    main, branch = found["snow"], found["ein Fuchs"]
    assert [main.turn, found["snow"].extra, branch.extra["branch_turn"]] == [2, {}, 2]
    assert "branch_from" not in branch.extra
    assert found["F"].extra == {
        "branch_of": main.conversation_id,
        "branch_from": branch.conversation_id,
        "branch_turn": 1,
    }
    assert found["ice"].extra == {"branch_of": main.conversation_id, "branch_turn": 2}


def test_no_exchange_is_another_one_when_another_branch_becomes_the_current_one():
    before = OPENING | {
        "v": said("a", "user", "r", 3),
        "b": said("v", "assistant", "s", 4),
    }
    edited = {
        "w": said("a", "user", "r again", 5),
        "c": said("w", "assistant", "t", 6),
    }
    first = {
        "x": said(None, "user", "q again", 7),
        "d": said("x", "assistant", "e", 8),
    }
    old, new = read(chat("b", **before)), read(chat("d", **first, **edited, **before))
    assert [item.output for item in old] == ["a", "s"]
    assert [item.output for item in new] == ["a", "s", "e", "t"]
    assert [item.interaction_id for item in old] == [item.interaction_id for item in new[:2]]
    assert len({item.conversation_id for item in new}) == 3
    ids = {item.interaction_id for item in new}
    assert {item.interaction_id for item in read(chat("c", **before, **edited, **first))} == ids


def test_a_turn_without_a_time_stays_in_its_place():
    nodes = OPENING | {
        "v": node("a", "user", "r"),
        "b": node("v", "assistant", "s"),
        "w": said("b", "user", "t", 100),
        "c": said("w", "assistant", "u", 101),
        "d": node("w", "assistant", "u again"),
        "e": node("d", "user", "v"),
        "f": node("e", "assistant", "w"),
    }
    times = [(item.output, item.occurred_at.timestamp() - 1700000000) for item in read(chat("c", **nodes))]
    assert sorted(times) == [("a", 1), ("s", 2), ("u", 100), ("u again", 100), ("w", 100)]


def test_a_branch_without_times_begins_after_what_it_leaves():
    other = {"v": node("a", "user", "r"), "b": node("v", "assistant", "s")}
    later = {"w": said("a", "user", "t", 5), "c": said("w", "assistant", "u", 6)}
    found = {
        item.output: item.occurred_at.timestamp() - 1700000000 for item in read(chat("c", **OPENING, **later, **other))
    }
    assert found == {"a": 1, "s": 2, "u": 5}


def test_a_question_without_an_answer_does_not_go_on_with_the_conversation():
    nodes = OPENING | {
        "typo": said("a", "user", "rr", 3),
        "v": said("a", "user", "r", 4),
        "b": said("v", "assistant", "s", 5),
    }
    *found, taken_back = read(chat("b", **nodes))[::-1]
    assert [(item.turn, item.input, item.output) for item in found[::-1]] == [(0, "q", "a"), (1, "r", "s")]
    assert (str(taken_back), taken_back.part) == ("no answer follows a question", "rr")


def test_a_branch_takes_instructions_and_question_along_but_no_tool():
    value = chat(
        "b",
        s=node(None, "system", "be kind"),
        u=node("s", "user", "q"),
        c=node("u", "assistant", "1", recipient="python"),
        r=node("c", "tool", "2"),
        a=node("r", "assistant", "a"),
        b=node("r", "assistant", "b"),
    )
    tool, main, branch = read(value)
    assert (tool.action, tool.output, main.output) == ("tool", "2", "a")
    assert (branch.action, branch.input, branch.output) == ("chat", "q", "b")
    assert branch.extra["system"] == "be kind"


def test_without_a_current_node_the_newest_answer_stands():
    nodes = {"u": node(None, "user", "q"), "new": said("u", "assistant", "new", 9)}
    nodes |= {"old": said("u", "assistant", "old", 1)}
    old, new = read(chat("gone", **nodes))
    assert (old.output, old.extra, new.output, new.extra["alternatives"]) == ("old", {}, "new", ["old"])


@pytest.mark.parametrize(
    "links", [{}, {"b": {"parent": "a"}}, {"a": {"parent": None, "children": ["b"]}, "b": {"parent": None}}]
)
def test_links_may_be_of_one_kind_or_missing(links):
    nodes = {"a": node(None, "user", "q"), "b": node(None, "assistant", "a")}
    assert turns(chat(None, **{name: item | links.get(name, {}) for name, item in nodes.items()})) == [
        ("chat", 0, "q", "a")
    ]


def test_a_circle_ends():
    nodes = {"x": node("y", "user", "q"), "y": node("x", "assistant", "a")}
    assert turns(chat("y", **nodes)) == [("chat", 0, "q", "a")]


def test_hidden_messages_and_instructions_are_no_questions():
    hidden = {"is_visually_hidden_from_conversation": True}
    value = chat(
        "a",
        s=node(None, "system", "", metadata=hidden),
        c=node(
            "s",
            "user",
            metadata=hidden,
            content={"content_type": "user_editable_context", "user_profile": "me", "user_instructions": "be brief"},
        ),
        u=node("c", "user", "q"),
        h=node("u", "assistant", "unseen", metadata=hidden),
        a=node("h", "assistant", "a"),
    )
    (item,) = read(value)
    assert (item.input, item.output, item.extra["system"]) == ("q", "a", "me\n\nbe brief")


def test_thoughts_are_reasoning_and_never_the_answer():
    thoughts = {"content_type": "thoughts", "thoughts": [{"summary": "Plan", "content": "think"}]}
    value = chat(
        "a",
        u=node(None, "user", "q"),
        t=node("u", "assistant", content=thoughts),
        r=node("t", "assistant", content={"content_type": "reasoning_recap", "content": "Thought for 5 s"}),
        a=node("r", "assistant", "a", metadata={"model_slug": "m-1"}),
    )
    (item,) = read(value)
    assert (item.output, item.model_id) == ("a", "m-1")
    assert item.extra["reasoning"] == "Plan\nthink\n\nThought for 5 s"


@pytest.mark.parametrize(
    ("metadata", "success", "error"),
    [
        ({"aggregate_result": {"status": "success"}}, True, None),
        (
            {
                "aggregate_result": {
                    "status": "failed_with_in_kernel_exception",
                    "in_kernel_exception": {"name": "NameError"},
                }
            },
            False,
            "NameError",
        ),
        ({"aggregate_result": {"status": "cancelled"}}, False, "cancelled"),
        ({}, None, None),
    ],
)
def test_a_message_to_a_tool_is_a_call_and_its_results_say_whether_it_worked(metadata, success, error):
    value = chat(
        "a",
        u=node(None, "user", "plot"),
        c=node("u", "assistant", recipient="python", content={"content_type": "code", "text": "print(x)"}),
        r=node("c", "tool", content={"content_type": "execution_output", "text": "out"}, metadata=metadata),
        i=node("r", "tool", {"content_type": "image_asset_pointer"}),
        a=node("i", "assistant", "done"),
    )
    tool, answer = read(value)
    assert tool.input == '{"name": "python", "arguments": "print(x)"}'
    assert (tool.action, tool.output, tool.success, tool.error_type) == ("tool", "out\n\n[image]", success, error)
    assert (answer.action, answer.input, answer.output) == ("chat", "plot", "done")


def test_a_system_error_is_the_failure_of_the_tool():
    error = {"content_type": "system_error", "name": "Timeout", "text": "too late"}
    value = chat(
        "r",
        u=node(None, "user", "q"),
        c=node("u", "assistant", '{"prompt": "x"}', recipient="dalle"),
        r=node("c", "tool", content=error),
    )
    item, question = read(value)
    assert (question.input, question.output, question.success) == ("q", "", None)
    assert (item.input, item.output) == ('{"name": "dalle", "arguments": {"prompt": "x"}}', "too late")
    assert (item.success, item.error_type) == (False, "Timeout")


def test_a_file_leaves_a_mark_and_is_a_question_without_any_words():
    sent = {
        "attachments": [
            {"name": "report.pdf", "mimeType": "application/pdf"},
            {"name": "a.png", "mime_type": "image/png"},
        ]
    }
    value = chat(
        u1=node(None, "user", "hello"),
        a1=node("u1", "assistant", "hi"),
        u2=node("a1", "user", "", metadata=sent),
        a2=node("u2", "assistant", "It is about whales."),
        u3=node("a2", "user", "and this?", metadata={"attachments": [{"name": "b.txt"}]}),
        a3=node("u3", "assistant", "fish"),
    )
    assert [(item.input, item.output) for item in read(value)] == [
        ("hello", "hi"),
        ("[file: report.pdf]\n\n[image]", "It is about whales."),
        ("and this?\n\n[file: b.txt]", "fish"),
    ]


def test_images_leave_a_mark_and_speech_its_transcript():
    spoken = [{"content_type": "audio_transcription", "text": "hello"}, {"content_type": "audio_asset_pointer"}]
    value = chat(
        "a",
        u=node(
            None,
            "user",
            {"content_type": "image_asset_pointer"},
            "what?",
            metadata={"attachments": [{"name": "f", "mimeType": "image/png"}]},
        ),
        a=node("u", "assistant", *spoken),
    )
    (item,) = read(value)
    assert (item.input, item.output, item.extra) == ("[image]\nwhat?", "hello", {"attachments": ["f"]})


def test_references_are_shown_as_on_the_page():
    link = {"matched_text": "\ue200cite\ue202x\ue201", "alt": "([site](url))"}
    value = chat(
        "a",
        u=node(None, "user", "q"),
        a=node(
            "u",
            "assistant",
            "It rains \ue200cite\ue202x\ue201.\ue200nav\ue202y\ue201",
            metadata={"content_references": [link]},
        ),
    )
    assert read(value)[0].output == "It rains ([site](url))."


def test_an_answer_that_was_cut_off_is_no_success_and_weight_0_is_kept():
    value = chat("a", u=node(None, "user", "q"), a=node("u", "assistant", "half", status="in_progress", weight=0.0))
    (item,) = read(value)
    assert (item.output, item.success, item.error_type, item.extra) == ("half", False, "in_progress", {"weight": 0.0})


@pytest.mark.parametrize(
    ("kind", "success", "error"),
    [("interrupted", False, "interrupted"), ("max_tokens", False, "length"), ("stop", None, None)],
)
def test_an_answer_says_why_it_ended(kind, success, error):
    ended = {"finish_details": {"type": kind}}
    (item,) = read(chat("a", u=node(None, "user", "q"), a=node("u", "assistant", "half", metadata=ended)))
    assert (item.output, item.success, item.error_type) == ("half", success, error)


def test_a_last_question_that_nothing_followed_is_told():
    nodes = {"u": said(None, "user", "q", 1), "a": said("u", "assistant", "a", 2), "v": said("a", "user", "r", 3)}
    unanswered, item = read(chat("v", **nodes))
    assert (str(unanswered), unanswered.part, item.output) == ("no answer follows a question", "r", "a")


def test_times_are_those_of_the_messages():
    value = chat("a", u=node(None, "user", "q", create_time=1600000000.5), a=node("u", "assistant", "a"))
    assert read(value)[0].occurred_at == datetime(2020, 9, 13, 12, 26, 40, 500000, tzinfo=UTC)


def test_a_conversation_that_has_grown_brings_only_what_is_new():
    before = {"u": node(None, "user", "q"), "a": node("u", "assistant", "a")}
    after = before | {"v": node("a", "user", "r"), "b": node("v", "assistant", "s")}
    known = {item.interaction_id for item in read(chat("a", **before))}
    assert [item.interaction_id in known for item in read(chat("b", **after))] == [True, False]


@pytest.mark.parametrize(
    ("mapping", "reason"),
    [
        ([], "mapping is not an object"),
        ({"a": 3}, "a node of mapping is not an object"),
        ({"a": {"message": {"author": {"role": "user"}, "content": 3}}}, "a message has no content"),
        ({"a": {"message": {"author": {"role": "user"}, "content": {"parts": "q"}}}}, "parts is not a list"),
        ({"a": node(None, "user", "q")}, "no answer follows a question"),
    ],
)
def test_what_gives_nothing_has_its_reason(mapping, reason):
    with pytest.raises(Unusable, match=reason):
        read({"mapping": mapping})


@pytest.mark.parametrize("broken", [3, None, {"parent": "a", "message": {"author": {"role": "user"}, "content": None}}])
def test_a_node_that_cannot_be_read_costs_itself(broken):
    nodes = {
        "x": broken,
        "u": said(None, "user", "q", 1),
        "a": said("u", "assistant", "a", 2),
    }
    bad, item = read(chat("a", **nodes))
    assert (type(bad), item.output, item.extra) == (Unusable, "a", {})


@pytest.mark.parametrize("author", ["user", None, {}, {"role": None}, {"role": 3}, {"role": "narrator"}, ["user"]])
def test_what_answers_a_message_of_nobody_answers_no_other_question(author):
    nodes = OPENING | {
        "x": said("a", "user", "lost", 3),
        "b": said("x", "assistant", "to what is lost", 5),
        "v": said("b", "user", "r", 6),
        "d": said("v", "assistant", "s", 7),
    }
    nodes["x"]["message"]["author"] = author
    lost, *found = read(chat("d", **nodes))
    assert str(lost).startswith("a message has the unknown role")
    assert json.loads(lost.part) == nodes["x"]
    assert [(it.input, it.output) for it in found] == [("q", "a"), ("", "to what is lost"), ("r", "s")]


def test_a_part_of_an_answer_that_cannot_be_read_costs_itself():
    nodes = {
        "u": said(None, "user", "q", 1),
        "x": {"parent": "u", "message": {"author": {"role": "assistant"}, "content": None}},
        "a": said("x", "assistant", "a", 2),
    }
    bad, item = read(chat("a", **nodes))
    assert (str(bad), item.input, item.output) == ("a message has no content", "q", "a")


def test_a_developer_gives_instructions():
    value = chat("a", s=node(None, "developer", "be kind"), u=node("s", "user", "q"), a=node("u", "assistant", "a"))
    assert read(value)[0].extra == {"system": "be kind"}


def test_an_empty_result_beside_the_answer_is_no_branch():
    nodes = {"u": said(None, "user", "q", 1), "t": said("u", "tool", "", 2), "a": said("u", "assistant", "a", 3)}
    assert turns(chat("a", **nodes)) == [("chat", 0, "q", "a")]


@pytest.mark.parametrize("mapping", [{}, {"mapping": None}, {"mapping": {}}, {"mapping": {"r": {"message": None}}}])
def test_a_conversation_in_which_nothing_was_asked_is_no_record(mapping):
    with pytest.raises(NothingAsked):
        read({"id": "c", "conversation_id": "c", "title": "New chat", "create_time": 1.0, "update_time": 1.0} | mapping)


def test_a_row_of_another_program_is_no_conversation_that_was_left():
    row = {"id": "1", "conversation_id": "c", "title": "t", "create_time": 1.0, "update_time": 1.0}
    said = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    assert not formats()["chatgpt_export"].recognises(row)
    assert not formats()["chatgpt_export"].recognises(row | {"id": "c", "messages": said})


def test_a_path_of_twenty_thousand_messages_is_read():
    nodes = {"0": node(None, "user", "q")}
    nodes |= {str(n): node(str(n - 1), ("user", "assistant")[n % 2], f"text {n}") for n in range(1, 20_000)}
    assert len(read(chat("19999", **nodes))) == 10_000
