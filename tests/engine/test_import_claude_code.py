"""Claude Code's sessions: what a person asked, what was done, what went wrong, and nothing the program wrote itself."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given

from tests.engine.claude_code import BASH, answer, call, read, result, said, user
from tests.engine.importing import lines, lost
from tests.engine.spoiling import spoiled, survives
from vibe_pipeline.interactions.importers import formats, import_paths
from vibe_pipeline.interactions.importers.messages import NothingAsked, Unusable
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.store import Store


def test_an_answer_in_several_lines_is_one_and_keeps_time_model_and_reasoning():
    (item,) = read(
        user("why?"),
        answer([{"type": "thinking", "thinking": "hm"}], message={"id": "m", "model": "opus"}),
        answer([{"type": "text", "text": "so"}], message={"id": "m", "model": "opus"}),
        answer([{"type": "text", "text": "so that"}], message={"id": "m", "model": "opus"}),
        answer([{"type": "text", "text": "so that"}], message={"id": "m", "model": "opus"}),
    )
    assert (item.input, item.output, item.model_id, item.extra) == ("why?", "so that", "opus", {"reasoning": "hm"})
    assert item.occurred_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("late", "success", "error_type"),
    [
        (result("c"), True, None),
        (result("c", "Exit code 2\nno", is_error=True), False, "exit code 2"),
        (result("c", "boom", is_error=True), False, "tool_error"),
        (result("c", "The user doesn't want to proceed with this tool use.", is_error=True), False, "refused"),
        (result("c", details={"interrupted": True}), False, "interrupted"),
    ],
)
def test_a_tool_says_whether_it_worked(late, success, error_type):
    tool, chat = read(user("q"), answer([call("c")]), late, answer("a"))
    assert (tool.action, tool.input, tool.success, tool.error_type) == ("tool", BASH, success, error_type)
    assert (tool.output, chat.output, chat.success) == (late["message"]["content"][0]["content"], "a", None)


def test_results_find_their_calls_whatever_comes_between():
    lines = [user("q"), answer([call("a", "1"), call("b", "2")]), result("b", "two"), answer("wait"), user("faster")]
    found = said(*lines, result("a", "one"), result("lost", "?"), answer("a"))
    tools = [(given, output) for action, given, output in found if action == "tool"]
    assert tools == [(BASH.replace("ls", "1"), "one"), (BASH.replace("ls", "2"), "two"), ("", "?")]
    assert [item for item in found if item[0] == "chat"] == [("chat", "q", "wait"), ("chat", "faster", "a")]


def test_a_result_whose_call_was_lost_stands_where_it_came_and_is_nobody_elses():
    lines = [user("q"), result("lost", "?"), answer([call("c")]), result("lost", "!"), result("c"), answer("a")]
    assert said(*lines) == [("tool", "", "?"), ("tool", BASH, "done"), ("tool", "", "!"), ("chat", "q", "a")]


def test_a_call_whose_result_never_came_is_kept_and_nothing_is_known_of_it():
    tool, _ = read(user("q"), answer([{"type": "text", "text": "a"}, call("c")], message={"model": "m"}))
    assert (tool.input, tool.output, tool.success, tool.model_id) == (BASH, "", None, "m")


@pytest.mark.parametrize(("reason", "failure"), [("max_tokens", "length"), ("refusal", "content_filter")])
def test_an_answer_that_was_cut_off_or_refused_failed_unless_it_goes_on(reason, failure):
    first = answer([{"type": "thinking", "thinking": "hm"}], message={"id": "m", "stop_reason": None})
    lines = user("q"), first, answer([{"type": "text", "text": "a"}], message={"id": "m", "stop_reason": reason})
    (item,) = read(*lines)
    assert (item.output, item.success, item.error_type) == ("a", False, failure)
    (item,) = read(*lines, user("go on", isMeta=True), answer("b", message={"id": "n", "stop_reason": "end_turn"}))
    assert (item.output, item.success, item.error_type) == ("a\n\nb", None, None)


def test_a_tool_that_ran_where_the_model_is_has_its_result():
    search = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "w"}}
    page = {"type": "web_search_result", "title": "W", "encrypted_content": "x"}
    hint = {"type": "advisor_tool_result", "tool_use_id": "v", "content": {"type": "advisor_result", "text": "careful"}}
    sealed = {**hint, "tool_use_id": "u", "content": {"type": "advisor_redacted_result", "encrypted_content": "x"}}
    parts = [
        search,
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": [page]},
        {"type": "server_tool_use", "id": "v", "name": "advisor", "input": {}},
        hint,
        {"type": "server_tool_use", "id": "u", "name": "advisor", "input": {}},
        sealed,
        {"type": "text", "text": "sunny"},
    ]
    found = read(user("q"), *(answer([part], message={"id": "m", "model": "opus"}) for part in parts))
    assert [(item.action, item.output, item.model_id) for item in found] == [
        ("tool", '[{"type": "web_search_result", "title": "W"}]', "opus"),
        ("tool", "careful", "opus"),
        ("tool", '{"type": "advisor_redacted_result"}', "opus"),
        ("chat", "sunny", "opus"),
    ]


def test_an_interrupted_question_stands_alone():
    stop = user([{"type": "text", "text": "[Request interrupted by user]"}])
    first, second = read(user("q"), stop, user("r"), answer("a"))
    assert (first.input, first.output, first.success, first.error_type) == ("q", "", False, "interrupted")
    assert (second.input, second.output, second.success) == ("r", "a", None)


def test_an_interrupted_answer_failed_unless_it_goes_on():
    stop = user([{"type": "text", "text": "[Request interrupted by user for tool use]"}])
    (item,) = read(user("q"), answer("half"), stop)
    assert (item.output, item.success, item.error_type) == ("half", False, "interrupted")
    (item,) = read(user("q"), answer("half"), stop, answer("whole"))
    assert (item.output, item.success, item.error_type) == ("half\n\nwhole", None, None)


def test_a_call_of_the_model_that_failed_is_an_interaction_without_output():
    error = answer("API Error: 529", isApiErrorMessage=True, error="overloaded", message={"model": "<synthetic>"})
    (item,) = read(user("q"), error)
    assert (item.input, item.output, item.success, item.error_type) == ("q", "", False, "overloaded")
    assert item.extra["error"] == "API Error: 529"
    assert said(user("q"), error, answer("a")) == [("chat", "q", "a")]
    assert said(user("q"), answer("No response requested.", message={"model": "<synthetic>"}), answer("a"))[0][2] == "a"


def test_a_command_in_the_background_may_fail_later():
    note = "<task-notification><tool-use-id>c</tool-use-id><status>failed</status></task-notification>"
    later = {"type": "queue-operation", "sessionId": "s1", "content": note}
    tool = read(user("q"), answer([call("c")]), result("c", "started"), answer("a"), later)[0]
    assert (tool.output, tool.success, tool.error_type) == ("started", False, "background task failed")


def test_the_web_keeps_the_lines_in_one_document():
    lines = [user("q"), answer("a"), "junk", {"type": "user"}]
    assert said({"loglines": lines}) == [("chat", "q", "a")]
    junk = [("not a line of a session", "junk"), ("not a line of a session", '{"type": "user"}')]
    assert lost({"loglines": lines}, "claude_code") == junk


def test_what_is_printed_has_answers_without_their_question():
    init = {"type": "system", "subtype": "init", "session_id": "s1", "model": "m"}
    done = {
        "type": "result",
        "subtype": "success",
        "session_id": "s1",
        "result": "a",
        "duration_ms": 7,
        "is_error": False,
    }
    printed = [answer([call("c")]), result("c", "x"), answer("a")]
    summary = user("This session is being continued", isSynthetic=True)
    assert said(init, *printed, done) == [("tool", BASH, "x"), ("chat", "", "a")]
    assert said(init, answer("b"), summary, *printed, done) == [("tool", BASH, "x"), ("chat", "", "b\n\na")]
    (item,) = read(done)
    assert (item.input, item.output, item.latency_ms) == ("", "a", 7)
    (failed,) = read(done | {"is_error": True, "subtype": "error_max_turns"})
    assert (failed.success, failed.error_type) == (False, "error_max_turns")


def test_a_session_without_a_name_keeps_its_ids_when_it_grows():
    lines = [user("q"), answer("a"), user("r"), answer("b")]
    for value in lines:
        del value["sessionId"]
    assert read(*lines)[0].interaction_id == read(*lines[:2])[0].interaction_id


def test_a_lost_question_does_not_give_its_answer_to_another():
    lines = [user("q", "1"), answer("a", "2", "1"), user("lost", "3", "2"), answer([call("c")], "4", "3")]
    lines += [result("c", "x") | {"uuid": "5", "parentUuid": "4"}, answer("b", "6", "5"), user("r", "7", "6")]
    lines += [answer("d", "8", "7")]
    tool = ("tool", BASH, "x")
    assert said(*lines) == [("chat", "q", "a"), tool, ("chat", "lost", "b"), ("chat", "r", "d")]
    assert said(*lines[:2], *lines[3:]) == [tool, ("chat", "q", "a"), ("chat", "r", "d")]
    assert said(*lines[:4], *lines[5:])[2] == ("chat", "lost", "b")  # of a lost result the answer is kept


def test_where_and_what_is_kept_beside_the_text():
    title = {"type": "summary", "summary": "Title", "leafUuid": "2"}
    (item,) = read(title, user("q", "1", cwd="/w", gitBranch="main"), answer("a", "2", "1", durationMs=1500))
    assert (item.extra, item.latency_ms) == ({"cwd": "/w", "git_branch": "main", "title": "Title"}, 1500)


def test_a_file_with_broken_lines_keeps_the_others_and_brings_nothing_twice(tmp_path, left_alone):
    lines = [user("q", "1"), answer("a", "2", "1"), user("r", "3", "2")]
    text = "\n".join(["{broken", *map(json.dumps, lines), '{"type": "user", "message": "error"}', '{"type": "assi'])
    path, store = tmp_path / "s1.jsonl", Store(tmp_path / "home")
    path.write_text(text)
    (first,) = import_paths(InteractionLogger(store.root), store, [path])
    assert (first.format, first.read, first.imported, first.quarantined) == ("claude_code", 4, 1, 3)
    path.write_text("\n".join(map(json.dumps, [*lines, answer("b", "4", "3")])))
    (grown,) = import_paths(InteractionLogger(store.root), store, [path])
    (again,) = import_paths(InteractionLogger(store.root), store, [path])
    assert (grown.imported, again.imported, again.duplicate) == (1, 0, 1)
    first_ids, grown_ids = ({item.interaction_id for item in read(*part)} for part in (lines, [*lines, answer("b")]))
    assert len(grown_ids - first_ids) == 1


@pytest.mark.parametrize(
    "value", [{"type": "result", "prompt": "q"}, {"type": "user"}, {"type": "summary"}, {"loglines": 3}, [], None, "x"]
)
def test_other_records_are_left_to_others(value):
    assert not formats()["claude_code"].recognises(value)


def test_a_session_in_which_nothing_was_asked_is_no_record():
    for line in ({"type": "summary", "summary": "t", "leafUuid": "x"}, user("<command-name>/exit</command-name>")):
        with pytest.raises(NothingAsked):
            read(line)
    with pytest.raises(Unusable, match="neither text nor a list of parts"):
        read(user([3]))


@pytest.mark.parametrize(
    "beside",
    [
        {"display": "q", "pastedContents": {}, "timestamp": 1767323045000, "project": "/w", "sessionId": "s1"},
        {"agentType": "Explore", "description": "look"},
        {"agentType": "fork", "isFork": True, "parentAgentId": "p", "spawnDepth": 2},
        {"type": "result", "key": "v2:k", "agentId": "x", "result": "done"},
        {"content": "do it", "status": "pending", "activeForm": "Doing it"},
    ],
)
def test_what_lies_beside_sessions_is_no_record(bring, beside):
    result = bring(json.dumps(beside))
    assert (result.format, result.read, result.quarantined) == ("claude_code", 0, 0)


@pytest.mark.parametrize("value", [{"agentType": "x", "prompt": "q"}, {"agentType": "x", "messages": [], "name": "n"}])
def test_an_agent_type_alone_is_not_claude_codes(value):
    assert not formats()["claude_code"].recognises(value)


UNREADABLE = "a message whose content is neither text nor a list of parts"


@pytest.mark.parametrize("bad", [user([3]), answer([3])])
def test_a_line_that_cannot_be_read_is_told_with_its_reason(bad):
    lines = [user("q"), answer("a"), bad, user("r"), answer("b")]
    assert [item.input for item in read(*lines)] == ["q", "r"]
    assert lost(lines, "claude_code") == [(UNREADABLE, json.dumps(bad))]


def test_lines_of_kinds_that_are_new_fill_no_quarantine(bring):
    kinds = ("mode", "pr-link", "cost-state", "never-heard-of", "rate_limit_event")
    new = [{"type": kind, name: "s1"} for kind in kinds for name in ("sessionId", "session_id")]
    result = bring(lines(*new, user("q", "1"), {"type": "new", "uuid": "2", "sessionId": "s1"}, answer("a"), *new))
    assert (result.format, result.read, result.imported) == ("claude_code", 1, 1)


@pytest.mark.parametrize("more", [{}, {"uuid": "1"}])
@pytest.mark.parametrize("kind", ["click", "progress", "system"])
def test_the_events_of_another_program_do_not_vanish(bring, kind, more):
    result = bring(lines(*[{"type": kind, "sessionId": "s1", "target": n, **more} for n in range(2)]))
    assert (result.format, result.read, result.quarantined) == ("unknown", 2, 2)


def test_a_session_without_an_answer_is_told_beside_the_others(bring):
    result = bring(lines(user("q"), answer("a"), user("r", session="s2")))
    assert (result.read, result.imported, result.reasons) == (2, 1, {"no answer follows a question": 1})


FULL = [
    user("q", "1", cwd="/w"),
    answer([{"type": "thinking", "thinking": "t"}, call("c")], "2", "1", message={"id": "m", "model": "x"}),
    result("c", [{"type": "text", "text": "r"}], {"durationMs": 5, "interrupted": False}),
    answer([{"type": "text", "text": "a"}], "3", "2", durationMs=3, forkedFrom={"sessionId": "s0"}),
    {"type": "attachment", "uuid": "4", "sessionId": "s1", "attachment": {"type": "queued_command", "prompt": ["x"]}},
    {"type": "system", "subtype": "turn_duration", "durationMs": 4, "sessionId": "s1"},
    user("q", "5", "1"),
    answer("b", "6", "5", isApiErrorMessage=True, error="e"),
    {"loglines": [user("w"), answer("z")]},
]


@given(spoiled([FULL]))
def test_no_wrong_type_gets_further_than_a_reason(lines):
    assert survives("claude_code", lines)
