"""Calls of a model and runs of tools, as all traces and gateways log them, put together to conversations."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.engine.importing import effort
from vibe_pipeline.interactions.importers.calls import Call, conversations
from vibe_pipeline.interactions.importers.exchanges import Origin
from vibe_pipeline.interactions.importers.messages import Message, Unusable, call_of
from vibe_pipeline.interactions.importers.tool_runs import ToolRun
from vibe_pipeline.records import Interaction

START = datetime(2026, 1, 2, tzinfo=UTC)
QUESTION = Message("user", "q")


def at(second: int) -> datetime:
    return START + timedelta(seconds=second)


def asks(*calls: tuple[str | None, str]) -> Message:
    return Message("assistant", calls=calls)


def told(text: str, call_id: str | None = None) -> Message:
    return Message("result", text, call_id=call_id)


def call(second: int, *messages: Message) -> Call:
    """The last message is the answer."""
    return Call(messages[:-1], messages[-1:], at(second))


def run(second: int, call: str, text: str, call_id: str | None = None) -> ToolRun:
    return ToolRun(call, Message("result", text, call_id=call_id, success=True, latency_ms=1.0), at(second))


def read(calls: list[Call], runs: list[ToolRun] | None = None, is_one: bool = False) -> list[Interaction | Unusable]:
    return list(conversations(calls, runs or [], Origin("m", "s", START, conversation="c"), is_one))


def said(found: list[Interaction | Unusable]) -> list[tuple]:
    assert all(isinstance(item, Interaction) for item in found), found
    return [(item.action, item.input, item.output) for item in found]


F, G = call_of("f", {"a": 1}), call_of("g", {"a": 2})
ANSWER = Message("assistant", "a")


@pytest.mark.parametrize("is_one", [True, False])
@pytest.mark.parametrize("call_id", ["k", None])
def test_a_call_that_is_sent_results_alone_goes_on_with_the_thread_that_waits_for_them(is_one, call_id):
    """Microsoft's agents keep the history on the server: the answer was lost."""
    system = Message("system", "s")
    calls = [call(1, system, QUESTION, asks((call_id, F))), call(3, system, told("r", call_id), ANSWER)]
    found = read(calls, [run(2, F, "r", call_id)], is_one)
    assert said(found) == [("tool", F, "r"), ("chat", "q", "a")]
    assert (found[0].latency_ms, found[0].occurred_at, found[1].occurred_at) == (1, at(2), at(1))


def test_each_of_several_agents_gets_the_results_that_it_waits_for():
    """Both tools say the same, so that only the ids tell whose results they are."""
    calls = [call(n, Message("user", f"q{n}"), asks((f"k{n}", F))) for n in (1, 2)]
    calls += [call(n + 2, told("ok", f"k{n}"), Message("assistant", f"a{n}")) for n in (1, 2)]
    assert said(read(calls)) == [("tool", F, "ok"), ("chat", "q1", "a1"), ("tool", F, "ok"), ("chat", "q2", "a2")]


def test_results_of_unknown_calls_begin_no_conversation_of_another():
    calls = [call(1, QUESTION, asks(("k", F))), call(2, told("r", "other"), ANSWER)]
    assert said(read(calls)) == [("tool", F, ""), ("chat", "q", ""), ("tool", "", "r"), ("chat", "", "a")]


@pytest.mark.parametrize("name", ["f", "execute_tool f", "running tool: f"])
@pytest.mark.parametrize("arguments", [{"a": 1}, {"args": [], "kwargs": {"a": 1}}, {}])
@pytest.mark.parametrize("call_id", ["k", None])
def test_a_run_is_of_the_call_to_its_tool_however_it_is_written(name, arguments, call_id):
    calls = [call(1, QUESTION, asks((call_id, F))), call(3, QUESTION, asks((call_id, F)), told("r", call_id), ANSWER)]
    for history in (1, 2):
        found = read(calls[:history], [run(2, call_of(name, arguments), "r")])
        assert said(found) == [("tool", F, "r"), ("chat", "q", "a" if history == 2 else "")]
        assert (found[0].success, found[0].latency_ms, found[0].occurred_at) == (True, 1, at(2))


def test_runs_of_one_tool_go_by_their_arguments_else_in_order():
    first, second = call_of("f", {"a": 1}), call_of("f", {"a": 2})
    calls = [call(1, QUESTION, asks((None, first), (None, second)))]
    wrapped = [run(n, call_of("f", {"args": [{"a": a}]}), f"r{a}") for n, a in ((2, 2), (3, 1))]
    assert said(read(calls, wrapped))[:2] == [("tool", first, "r1"), ("tool", second, "r2")]
    unknown = [run(n, call_of("f", None), f"r{n}") for n in (2, 3)]
    assert said(read(calls, unknown))[:2] == [("tool", first, "r2"), ("tool", second, "r3")]


def test_a_run_before_its_call_was_asked_for_is_of_another():
    early = call_of("f", {"a": 0})
    found = read([call(2, QUESTION, asks((None, F)))], [run(1, early, "r0"), run(3, F, "r1")])
    assert sorted(said(found)) == [("chat", "q", ""), ("tool", early, "r0"), ("tool", F, "r1")]


def test_a_run_that_no_call_asked_for_is_never_mixed_with_a_call_that_waits():
    found = read([call(1, QUESTION, asks((None, F)))], [run(2, G, "r")])
    assert sorted(said(found)) == [("chat", "q", ""), ("tool", F, ""), ("tool", G, "r")]


def test_parallel_calls_without_ids_keep_their_own_results_whatever_ended_first():
    asked = asks((None, F), (None, G))
    calls = [call(1, QUESTION, asked), call(4, QUESTION, asked, told("rf"), told("rg"), ANSWER)]
    rows = [("tool", F, "rf"), ("tool", G, "rg")]
    assert said(read(calls, [run(2, G, "rg"), run(3, F, "rf")])) == [*rows, ("chat", "q", "a")]
    assert said(read(calls[:1], [run(2, G, "rg"), run(3, F, "rf")])) == [*rows, ("chat", "q", "")]


def test_a_retry_that_is_sent_the_results_again_goes_on_with_their_thread():
    failed = Message("assistant", success=False, error_type="Busy")
    calls = [call(1, QUESTION, asks(("k", F))), call(2, told("r", "k"), failed), call(3, told("r", "k"), ANSWER)]
    assert said(read(calls)) == [("tool", F, "r"), ("chat", "q", "a")]


def test_a_result_that_says_nothing_and_answers_no_call_spoils_no_other():
    """LangChain's callback sends the definitions of the tools as messages of the role tool."""
    asked = asks(("k", F), ("l", G))
    found = read([call(1, QUESTION, asked, told("rf", "k"), told("rg", "l"), told(""), ANSWER)])
    assert said(found) == [("tool", F, "rf"), ("tool", G, "rg"), ("chat", "q", "a")]


@pytest.mark.parametrize("ids", [("k", "l"), (None, None)])
@pytest.mark.parametrize("together", [True, False])
def test_calls_that_came_together_get_their_results_though_history_tells_them_in_turn(ids, together):
    """Koog asks for both at once and repeats call, result, call, result."""
    one, two = asks((ids[0], F)), asks((ids[1], G))
    answer = [asks((ids[0], F), (ids[1], G))] if together else [one, two]
    history = [QUESTION, one, told("rf", ids[0]), two, told("rg", ids[1])]
    calls = [Call([QUESTION], answer, at(1)), call(2, *history, ANSWER)]
    assert said(read(calls)) == [("tool", F, "rf"), ("tool", G, "rg"), ("chat", "q", "a")]


@pytest.mark.parametrize("text", ["", "None", "wait"])
def test_of_an_answer_that_two_tell_the_one_that_knows_its_calls_is_taken(text):
    """Agno's own spans hold the calls, OpenLIT's inside of them hold the text, and a history without the calls."""
    asking = Message("assistant", "" if text == "None" else text, calls=(("k", F),))
    outer = Call([Message("user", "repr(q)")], [asking], at(1), "outer")
    inner = Call([QUESTION], [Message("assistant", text)], at(2), "inner", within="outer")
    later = call(3, QUESTION, told("r"), ANSWER)
    found = said(read([outer, inner, later], is_one=True))
    assert found == [("tool", F, "r"), ("chat", "q", "a" if asking.text == "" else "wait\n\na")]


def of_other_results(count: int, call_id: str | None) -> list[Call]:
    """Each history holds a result by another id than that of the call, as some frameworks give the run's."""
    asked = [(call_id and f"k{n}", call_of("f", {"a": n})) for n in range(count)]
    results = [told(f"r{n}", call_id and f"x{n}") for n in range(count)]
    return [call(n, Message("user", f"q{n}"), results[n], asks(asked[n])) for n in range(count)]


def with_late_runs(count: int, call_id: str | None) -> tuple[list[Call], list[ToolRun]]:
    """All runs come when all calls were asked for, the last one first and with arguments of another writing."""
    asked = [(call_id and f"k{n}", call_of("f", {"a": n})) for n in range(count)]
    calls = [call(n, Message("user", f"q{n}"), asks(asked[n])) for n in range(count)]
    wrapped = [call_of("f", {"kwargs": {"a": n}}) for n in range(count)]
    return calls, [run(2 * count - n, wrapped[n], f"r{n}", call_id) for n in range(count)]


@pytest.mark.parametrize("call_id", ["x", None])
@pytest.mark.parametrize("given", [lambda *it: (of_other_results(*it),), with_late_runs])
def test_twice_as_many_calls_take_twice_as_long(given, call_id):
    one, two = (effort(read, *given(count, call_id)) for count in (100, 200))
    assert two < 2.5 * one


def test_late_runs_go_to_the_calls_with_their_arguments():
    found = read(*with_late_runs(3, None))
    tools = [row for row in said(found) if row[0] == "tool"]
    assert tools == [("tool", call_of("f", {"a": n}), f"r{n}") for n in range(3)]
