"""Sessions that are imported while an agent works: part by part they bring what one import of the whole brings."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.importing import chat, lines
from vibe_pipeline.interactions.importers import formats, import_paths, unfinished
from vibe_pipeline.interactions.importers.messages import Unusable
from vibe_pipeline.interactions.importers.unfinished import Unfinished
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.records import Interaction

MOMENT = datetime(2026, 1, 2, tzinfo=UTC)

Event = tuple[str, str]
"""ask or say with words; call or result with the name of a call."""


def claude_code(events: list[Event]) -> Iterator[Any]:
    for number, (kind, said) in enumerate(events):
        told = {"sessionId": "s", "uuid": str(number), "timestamp": "2026-01-02T03:04:05Z"}
        told |= {"parentUuid": str(number - 1)} if number else {}
        content: Any = said
        if kind == "call":
            content = [{"type": "tool_use", "id": said, "name": "Bash", "input": {"command": f"ls {said[:1]}"}}]
        if kind == "result":
            content = [{"type": "tool_result", "tool_use_id": said, "content": "done"}]
        is_user = kind in ("ask", "result")
        yield told | {"type": "user" if is_user else "assistant", "message": {"content": content}}


def codex_cli(events: list[Event]) -> Iterator[Any]:
    def line(kind: str, **payload: Any) -> dict[str, Any]:
        return {"type": kind, "payload": payload, "timestamp": "2026-01-02T03:04:05Z"}

    yield line("session_meta", id="t")
    for kind, said in events:
        if kind in ("ask", "say"):
            role = "user" if kind == "ask" else "assistant"
            yield line("event_msg", type="user_message" if kind == "ask" else "agent_message", message=said)
            yield line("response_item", type="message", role=role, content=[{"type": "text", "text": said}])
        elif kind == "call":
            yield line("response_item", type="function_call", name="shell", call_id=said, arguments=f'["{said[:1]}"]')
        else:
            yield line("event_msg", type="exec_command_end", call_id=said, exit_code=0)
            yield line("response_item", type="function_call_output", call_id=said, output="done")
    yield line("event_msg", type="task_complete", duration_ms=5)


def gemini_cli(events: list[Event]) -> Iterator[Any]:
    """A message is written again when its tools have answered."""
    asked: dict[str, dict[str, Any]] = {}
    yield {"sessionId": "s", "projectHash": "h", "startTime": "2026-01-02T03:04:05Z"}
    for number, (kind, said) in enumerate(events):
        message = {"id": str(number), "timestamp": "2026-01-02T03:04:05Z", "content": said, "type": "gemini"}
        if kind == "ask":
            message["type"] = "user"
        elif kind == "call":
            call = {"id": said, "name": "ls", "args": {"path": said[:1]}, "status": "executing"}
            message = asked[said] = message | {"content": "", "toolCalls": [call]}
        elif kind == "result":
            result = {"functionResponse": {"id": said, "response": {"output": "done"}}}
            ended = {**asked[said]["toolCalls"][0], "status": "success", "result": [result]}
            message = asked[said] | {"toolCalls": [ended]}
        yield message


WRITERS = {"claude_code": claude_code, "codex_cli": codex_cli, "gemini_cli": gemini_cli}


@st.composite
def sessions(draw: st.DrawFn) -> list[Event]:
    """Turns of words and of calls, the results of which come together with other calls or late; some are killed in one,
    and in some the person goes on typing. Words and calls are few, so that many are equal."""
    words, events = st.sampled_from(["a", "b"]), list[Event]()
    for _ in range(draw(st.integers(1, 3))):
        events.append(("ask", draw(words)))
        for step in range(draw(st.integers(0, 3))):
            if draw(st.booleans()):
                events.append(("say", draw(words)))
                continue
            waiting: list[str] = []
            for number in range(draw(st.integers(1, 3))):
                waiting.append(f"{draw(words)}{len(events)}{step}{number}")
                events.append(("call", waiting[-1]))
                if draw(st.booleans()):
                    events.append(("result", waiting.pop(draw(st.integers(0, len(waiting) - 1)))))
            if draw(st.sampled_from([False, False, False, True])):
                events.append(("ask", draw(words)))
            if waiting and draw(st.sampled_from([False, False, False, True])):
                break
            events += [("result", name) for name in draw(st.permutations(waiting))]
    return events


def rows(format: str, value: Any, is_whole: bool) -> dict[str, tuple[Any, ...]]:
    """Id → what else may not change; of a part only what is finished."""
    try:
        found = [it for it in formats()[format].read(value, "test", MOMENT) if isinstance(it, Interaction)]
    except Unusable:
        return {}
    return {
        it.interaction_id: (it.conversation_id, it.turn, it.action, it.input, it.output, it.success, it.error_type)
        for it in found
        if is_whole or not isinstance(it, Unfinished)
    }


@pytest.mark.parametrize("format", WRITERS)
@given(sessions())
def test_every_beginning_of_a_session_brings_rows_of_the_whole_and_no_others(format, events):
    written = list(WRITERS[format](events))
    whole = rows(format, written, is_whole=True).items()
    for end in range(1, len(written) + 1):
        assert rows(format, written[:end], is_whole=False).items() <= whole


@pytest.mark.parametrize("format", WRITERS)
def test_what_is_done_does_not_wait_for_what_is_not(format):
    events = [("ask", "q"), ("call", "a"), ("result", "a"), ("say", "I see"), ("call", "b"), ("call", "c")]
    written = list(WRITERS[format]([*events, ("result", "c")]))
    (done,) = rows(format, written, is_whole=False).values()
    assert (done[1], done[4]) == (0, "done")  # not c, which is told after b
    more = [("result", "c"), ("result", "b"), ("say", "a"), ("ask", "r")]
    assert len(rows(format, list(WRITERS[format]([*events, *more])), is_whole=False)) == 4


@pytest.mark.parametrize("format", WRITERS)
def test_a_call_that_was_killed_waits_no_longer_than_until_the_next_answer(format):
    events = [("ask", "q"), ("call", "a"), ("ask", "go on")]
    assert not rows(format, list(WRITERS[format](events)), is_whole=False)
    found = rows(format, list(WRITERS[format]([*events, ("say", "x")])), is_whole=False)
    assert [(it[2], it[4]) for it in found.values()] == [("tool", ""), ("chat", "")]


def test_how_a_command_in_the_background_ends_is_waited_for():
    written = list(claude_code([("ask", "q"), ("call", "a"), ("result", "a"), ("call", "b"), ("result", "b")]))
    written[2]["toolUseResult"] = {"backgroundTaskId": "x"}
    assert not rows("claude_code", written, is_whole=False)


def test_a_session_has_its_name_of_its_first_question():
    before = [{"type": "user", "message": {"content": "<command-name>/init</command-name>"}, "sessionId": "s"}]
    worked = list(claude_code([("call", "a"), ("result", "a"), ("say", "x"), ("ask", "q"), ("say", "y")]))
    assert not rows("claude_code", [*before, *worked[:3]], is_whole=False)
    assert len(rows("claude_code", [*before, *worked], is_whole=False)) == 2


def test_the_branch_that_was_left_is_finished():
    asked, answered, again = claude_code([("ask", "q"), ("say", "a"), ("ask", "r")])
    opened, after = claude_code([("ask", "p"), ("say", "o")])
    talk = [opened, after, *({**line, "uuid": f"x{line['uuid']}", "parentUuid": "1"} for line in (asked, again))]
    talk[3:3] = [{**answered, "uuid": "y", "parentUuid": "x0"}]
    found = rows("claude_code", [*talk, {**answered, "uuid": "z", "parentUuid": "x2"}], is_whole=False)
    assert [(it[3], it[4]) for it in found.values()] == [("p", "o"), ("q", "a")]


@pytest.fixture
def grow(store, tmp_path):
    """Import a file as it stands now."""

    def run(text: str, name: str = "a.jsonl"):
        (tmp_path / name).write_text(text)
        (result,) = import_paths(InteractionLogger(store.root), store, [tmp_path / name])
        assert result.imported + result.duplicate + result.quarantined == result.read
        return result.read, result.imported, result.duplicate, result.quarantined, result.waiting

    return run


def test_the_end_of_a_session_waits_for_the_next_question_or_a_day_without_a_word(grow, monkeypatch):
    events = [("ask", "q"), ("say", "I'll look"), ("call", "a"), ("result", "a"), ("say", "done"), ("ask", "r")]
    written = [lines(*claude_code(events[:end])) for end in range(1, len(events) + 1)]
    assert [grow(text) for text in written] == [
        (0, 0, 0, 0, 1),  # a question, half an answer and a call: nothing of it is finished, and nothing is a record
        (0, 0, 0, 0, 1),
        (0, 0, 0, 0, 1),
        (1, 1, 0, 0, 1),
        (1, 0, 1, 0, 1),
        (1, 1, 0, 0, 0),
    ]
    more = lines(*claude_code([*events, ("say", "I'll see")]))
    assert grow(more) == (1, 0, 1, 0, 1)
    monkeypatch.setattr(unfinished, "QUIET", timedelta(0))
    assert grow(more) == (1, 1, 0, 0, 0)
    assert grow(more) == (1, 0, 1, 0, 0)


def test_a_question_alone_is_told_when_nobody_will_answer_it(grow, left_alone):
    assert grow(lines(*claude_code([("ask", "q")]))) == (1, 0, 0, 1, 0)


def test_a_file_from_the_future_is_not_written_to(tmp_path, store):
    (tmp_path / "a.jsonl").write_text(lines(*claude_code([("ask", "q"), ("say", "a")])))
    os.utime(tmp_path / "a.jsonl", (4e9, 4e9))
    (result,) = import_paths(InteractionLogger(store.root), store, [tmp_path / "a.jsonl"])
    assert (result.imported, result.waiting) == (1, 0)


def test_of_a_history_of_aider_the_last_start_is_open(grow):
    start = "# aider chat started at 2026-01-02 03:04:0{}\n\n#### q{}  \n\na\n\n"
    first, second = start.format(1, 1), start.format(2, 2)
    assert grow(first, ".aider.chat.history.md") == (0, 0, 0, 0, 1)
    assert grow(first + second, ".aider.chat.history.md") == (1, 1, 0, 0, 1)


def test_a_run_without_a_name_is_known_by_all_that_is_said_in_it(grow):
    """Else its parts would be conversations of their own."""
    said = [{"role": "user", "content": "fix it"}, {"role": "assistant", "content": "```bash\nls\n```"}]
    said.append({"role": "user", "content": "<returncode>0</returncode>\n<output>\nx\n</output>"})
    run = {"trajectory_format": "mini-swe-agent-1", "messages": said}
    assert grow(json.dumps(run), "a.traj.json") == (0, 0, 0, 0, 1)
    assert grow(json.dumps(run | {"info": {"exit_status": "Submitted"}}), "a.traj.json") == (1, 1, 0, 0, 0)


def test_an_export_is_finished(grow):
    assert grow(lines(chat("q", "a"))) == (1, 1, 0, 0, 0)


def test_the_command_says_what_waits(vibe, ask, tmp_path):
    (tmp_path / "a.jsonl").write_text(lines(*claude_code([("ask", "q"), ("say", "I'll look")])))
    said = vibe("log", "import", "a.jsonl")
    assert (said.code, said.err.strip()) == (0, "a.jsonl: 1 exchange is still open, import again later")
    told = ask("log", "import", "a.jsonl")
    assert (told["waiting"], told["files"][0]["waiting"], told["files"][0]["format"]) == (1, 1, "claude_code")
