"""Sub-agents, forks, resumed sessions and questions that were taken back: which conversation goes on with which."""

import pytest

from tests.engine.claude_code import BASH, answer, call, read, result, said, user
from tests.engine.importing import lost

ASIDE = "<system-reminder>This is a side question from the user. Answer it.</system-reminder>\n\nwhich file?"


FORKED = [
    {"type": "tool_result", "tool_use_id": "f", "content": "Fork started"},
    {"type": "text", "text": "<fork-boilerplate>\nYou are a fork.\n</fork-boilerplate>\n\nwhich file?"},
]


@pytest.mark.parametrize("asked", [ASIDE, FORKED])
def test_an_agent_that_begins_with_a_copy_of_its_session_brings_only_what_follows(asked):
    session = [user("q", "1", cwd="/w"), answer("a", "2", "1"), user("r", "3", "2"), answer([call("f")], "4", "3")]
    aside = [*session, user(asked, "5", "4"), answer("that", "6", "5")]
    found, (item,) = read(*session), read(*({**value, "isSidechain": True, "agentId": "x"} for value in aside))
    assert (item.input, item.output, item.turn) == ("which file?", "that", 0)
    assert item.extra == {"cwd": "/w", "agent": "x", "branch_of": found[0].conversation_id}
    assert item.conversation_id != found[0].conversation_id


def test_a_fork_that_only_names_its_session_is_a_conversation_of_its_own():
    told = {"type": "fork-context-ref", "agentId": "x", "parentSessionId": "s1", "parentLastUuid": "4"}
    sidechain = {"isSidechain": True, "agentId": "x"}
    (item,) = read(told, user(FORKED, "5", "4", **sidechain), answer("that", "6", "5", **sidechain))
    assert (item.input, item.output, item.extra) == ("which file?", "that", {"agent": "x"})


def test_what_an_agent_copies_in_any_other_way_is_known():
    session = [user("q", "1"), answer("a", "2", "1")]
    agent = [*session, user("say more", "3", "2"), answer("b", "4", "3")]
    (first,), (same, new) = read(*session), read(*({**it, "isSidechain": True, "agentId": "x"} for it in agent))
    assert (same.interaction_id, new.input) == (first.interaction_id, "say more")


def test_sub_agents_and_sessions_are_conversations_of_their_own():
    found = read(
        user("q", "1"),
        user("look", "a", isSidechain=True),
        user("seek", "b", isSidechain=True),
        answer("saw", "c", "a", isSidechain=True),
        answer("found", "d", "b", isSidechain=True),
        answer("here", agentId="x", isSidechain=True),
        user("other", session="s2"),
        answer("a", "2", "1"),
        answer("yes", session="s2"),
    )
    assert {(item.input, item.output) for item in found} == {
        ("q", "a"), ("look", "saw"), ("seek", "found"), ("other", "yes")
    }  # fmt: skip
    assert len({item.conversation_id for item in found}) == 4
    assert all(item.turn == 0 for item in found)


def test_the_result_of_a_sub_agent_belongs_to_who_called_it():
    lines = [user("q", isSidechain=False), answer([call("c")], isSidechain=False)]
    lines += [result("c", "report") | {"agentId": "x", "isSidechain": False}, answer("a", isSidechain=False)]
    assert said(*lines) == [("tool", BASH, "report"), ("chat", "q", "a")]


def test_a_question_that_was_taken_back_keeps_its_answers_and_the_next_one_begins_a_branch():
    lines = [user("hello", "1"), answer("hi", "2", "1")]
    lines += [user("q", "3", "2"), answer("first", "4", "3"), user("more", "5", "4"), answer("x", "6", "5")]
    again = [user("q", "7", "2"), answer("second", "8", "7")]
    found = read(*lines, *again)
    assert [(item.turn, item.output) for item in found] == [(0, "hi"), (1, "first"), (2, "x"), (0, "second")]
    left = {"branch_of": found[0].conversation_id, "branch_turn": 1}
    assert found[-1].extra == left | {"alternatives": ["first"]}
    assert {item.conversation_id for item in found[:-1]} == {found[0].conversation_id}
    assert [item.interaction_id for item in read(*lines)] == [item.interaction_id for item in found[:-1]]


def test_a_question_that_was_taken_back_before_its_answer_is_none():
    lines = [
        user("hello", "1"),
        answer("hi", "2", "1"),
        user("qu", "3", "2"),
        user("q", "4", "2"),
        answer("a", "5", "4"),
    ]
    assert [(item.turn, item.input) for item in read(*lines)] == [(0, "hello"), (1, "q")]
    assert lost(lines, "claude_code") == [("no answer follows a question", "qu")]


def test_a_session_that_was_resumed_into_another_file_brings_only_what_is_new():
    old = [user("q", "1"), answer("a", "2", "1")]
    resumed = [{**value, "sessionId": "s9"} for value in old]
    resumed += [user("r", "3", "2", session="s9"), answer("b", "4", "3", session="s9")]
    (first,), (same, new) = read(*old), read(*resumed)
    assert same.interaction_id == first.interaction_id
    assert (new.conversation_id, new.turn, new.input) == (first.conversation_id, 1, "r")
    assert {item.interaction_id for item in read(*old, *resumed)} == {same.interaction_id, new.interaction_id}


def test_parallel_calls_and_a_compaction_cut_nothing_off():
    lines = [user("q", "1"), answer([call("a", "1")], "2", "1"), answer([call("b", "2")], "3", "2")]
    lines += [result("a") | {"uuid": "4", "parentUuid": "2"}, result("b") | {"uuid": "5", "parentUuid": "3"}]
    lines += [user("r", "6"), answer("a", "7", "6")]
    assert [action for action, _, _ in said(*lines)] == ["tool", "tool", "chat", "chat"]


def test_of_two_lines_with_one_name_the_first_counts():
    assert said(user("q", "1"), user("other", "1"), answer("a", "2", "1")) == [("chat", "q", "a")]


def test_a_fork_brings_only_what_is_new():
    old = [user("q", "1"), answer("a", "2", "1")]
    fork = [{**value, "sessionId": "s9", "forkedFrom": {"sessionId": "s1"}} for value in old]
    fork += [user("r", "3", "2", session="s9"), answer("b", "4", "3", session="s9")]
    (first,) = read(*old)
    same, new = read(*fork)
    assert (same.interaction_id, new.input) == (first.interaction_id, "r")
    assert new.conversation_id == first.conversation_id
