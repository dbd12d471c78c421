"""Spans that come in several requests are read as the one conversation that they are."""

import json
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.engine.serving import sealed
from vibe_pipeline.errors import LedgerDamaged
from vibe_pipeline.interactions.importers.genai_spans import Span
from vibe_pipeline.interactions.ingest import spans
from vibe_pipeline.interactions.ingest.spans import ABANDONED_S, SETTLED_S, join, line_of_span, waiting
from vibe_pipeline.interactions.sealing import seal
from vibe_pipeline.interactions.spool import Spool
from vibe_pipeline.settings import Curate
from vibe_pipeline.store import Store

START = datetime(2026, 1, 2, tzinfo=UTC)

TOOL = {"type": "tool_call", "id": "k", "name": "f", "arguments": {"a": 1}}
RESULT = {"type": "tool_call_response", "id": "k", "response": "42"}


def said(role: str, *parts) -> dict:
    return {"role": role, "parts": [{"type": "text", "content": it} if isinstance(it, str) else it for it in parts]}


def span(identity: str, second: int, parent: str | None = "root", trace: str = "t", **attributes) -> Span:
    start = START + timedelta(seconds=second)
    told = {name.replace("__", "."): value for name, value in attributes.items()}
    return Span(trace, identity, parent, "chat", start, start + timedelta(seconds=1), told)


def call(identity: str, second: int, asked: list, answer: list, **more) -> Span:
    messages = {"gen_ai__input__messages": json.dumps(asked), "gen_ai__output__messages": json.dumps(answer)}
    return span(identity, second, **messages, **more)


AGENT = [
    call("1", 1, [said("user", "q")], [said("assistant", TOOL)]),
    span("2", 2, gen_ai__operation__name="execute_tool", gen_ai__tool__name="f", gen_ai__tool__call__id="k"),
    call("3", 3, [said("user", "q"), said("assistant", TOOL), said("tool", RESULT)], [said("assistant", "a")]),
    call("root", 0, [said("user", "q")], [said("assistant", "a")], parent=None),
]
"""A model that asks for a tool and then answers, and the agent around, which repeats what was said."""

ANSWERS = [("v", "It is 42"), ("w", "No idea")]

WHOLE = [("chat", "q", "a"), ("tool", '{"name": "f", "arguments": {"a": 1}}', "42")]


def receive(store, sent: list[Span], after_s: float = 0) -> None:
    spool = Spool(store.path(spans.SPOOL))
    spool.append([line_of_span(each, at(after_s)) for each in sent])
    spool.close()


def at(after_s: float) -> datetime:
    return START + timedelta(seconds=after_s)


def logged(store) -> list[tuple]:
    return sorted(sealed(store.root).select("action", "input", "output").rows())


def test_a_trace_in_any_order_and_in_several_requests_is_one_conversation(store):
    for number, order in enumerate(random.Random(0).sample(AGENT, 4) for _ in range(3)):
        for second, each in enumerate(order):
            receive(store, [each], second)
            assert join(store, now=at(second)) == 0
        assert join(store, now=at(4 + SETTLED_S)) == 2, number
        assert waiting(store) == 0
    assert logged(store) == WHOLE


def test_a_trace_whose_outer_span_has_not_come_waits_longer_and_not_for_ever(store):
    receive(store, AGENT[:3])
    assert join(store, now=at(ABANDONED_S - 1)) == 0
    assert waiting(store) == 3
    assert join(store, now=at(ABANDONED_S)) == 2
    assert logged(store) == WHOLE


def test_a_crowd_does_not_wait_for_outer_spans(store, monkeypatch):
    monkeypatch.setattr(spans, "CROWDED_BYTES", 100)
    receive(store, AGENT[:3])
    assert join(store, now=at(SETTLED_S)) == 2


def test_the_largest_of_a_crowd_do_not_wait_although_they_go_on(store, monkeypatch):
    small = call("s", 0, [said("user", "q2")], [said("assistant", "a2")], trace="u")
    monkeypatch.setattr(spans, "CROWDED_BYTES", 2 * len(line_of_span(small, at(0))) + 10)
    receive(store, [small, *AGENT[:2]])
    assert join(store, now=at(0)) > 0
    assert waiting(store) == 1
    receive(store, AGENT[2:])
    join(store, now=at(ABANDONED_S))
    cut_off = {("chat", "q", ""), ("tool", WHOLE[1][1], "")}
    assert set(logged(store)) == {*WHOLE, ("chat", "q2", "a2"), *cut_off}


def test_spans_that_come_again_add_nothing(store):
    for after_s in (0, 100):
        receive(store, AGENT, after_s)
        receive(store, AGENT[:2], after_s)
        assert join(store, now=at(after_s + SETTLED_S)) == 2
    assert logged(store) == WHOLE


def test_a_conversation_that_goes_on_later_keeps_its_ids_and_its_turns(store):
    history = []
    for turn in range(3):
        asked = [*history, said("user", f"q{turn}")]
        answer = said("assistant", f"a{turn}")
        later = call("s", turn, asked, [answer], trace=f"t{turn}", parent=None, gen_ai__conversation__id="c")
        receive(store, [later], 1000 * turn)
        join(store, now=at(1000 * turn + SETTLED_S))
        history = [*asked, answer]
    found = sealed(store.root).sort("turn")
    assert found.select("turn", "input", "output").rows() == [(n, f"q{n}", f"a{n}") for n in range(3)]
    assert found["conversation_id"].n_unique() == 1


def test_one_conversation_does_not_wait_for_another(store):
    receive(store, [call("a", 0, [said("user", "q1")], [said("assistant", "a1")], parent=None)])
    receive(store, [call("b", 0, [said("user", "q2")], [said("assistant", "a2")], trace="u")], 5)
    assert join(store, now=at(SETTLED_S)) == 1
    assert waiting(store) == 1
    assert logged(store) == [("chat", "q1", "a1")]


def test_what_a_server_that_ends_has_not_joined_waits_for_the_next_start(store):
    receive(store, AGENT)
    other = [replace(each, trace="u", identity=f"u{each.identity}", parent=each.parent and "uroot") for each in AGENT]
    receive(store, other)
    asked = iter([False, True])
    first = join(store, now=at(SETTLED_S), is_ending=lambda: next(asked))
    assert (first, waiting(store)) == (2, len(other))
    assert (join(store, now=at(SETTLED_S), is_ending=lambda: True), waiting(store)) == (0, len(other))
    assert (join(store, now=at(SETTLED_S)), waiting(store)) == (2, 0)


def test_a_crash_between_any_two_steps_loses_nothing_and_doubles_nothing(store, monkeypatch):
    receive(store, [*AGENT, call("b", 0, [said("user", "q2")], [said("assistant", "a2")], trace="u")])
    with monkeypatch.context() as crash:
        crash.setattr(spans.quarantine, "keep", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            join(store, now=at(SETTLED_S))
    write = Store.write
    with monkeypatch.context() as crash:
        crash.setattr(Store, "write", lambda *told: (write(*told), 1 / 0))
        with pytest.raises(ZeroDivisionError):
            join(store, now=at(SETTLED_S))
    join(store, now=at(SETTLED_S))
    join(store, now=at(ABANDONED_S))
    assert waiting(store) == 0
    assert logged(store) == sorted([*WHOLE, ("chat", "q2", "a2")])


def test_what_tells_of_no_model_goes_and_what_cannot_be_read_is_kept_with_its_reason(store):
    plain = span("p", 0, parent=None, http__method="GET")
    broken = call("b", 0, [{"role": "nobody", "content": "q"}], [said("assistant", "a")], trace="u", parent=None)
    receive(store, [plain, broken])
    (store.path(spans.SPOOL) / "torn.jsonl").write_bytes(b'{"schema_version":1,"rec')
    assert join(store, now=at(SETTLED_S)) == 0
    assert waiting(store) == 0
    kept = [json.loads(line) for path in store.root.rglob("quarantine/*") for line in path.read_text().splitlines()]
    assert sorted(entry["reason"].split(":")[0][:30] for entry in kept) == [
        "a message has the unknown role",
        "not a span",
    ]


def test_a_question_in_vain_is_put_aside_and_what_nobody_asked_for_is_kept_in_rows(store):
    """The answer to a question may come with another span, so that it is taken, and put aside if none came."""
    asked = {"gen_ai__input__messages": json.dumps([said("user", "and now?")])}
    orphans = [
        call(n, 0, [said("tool", RESULT)], [said("assistant", text)], trace=n, parent=None) for n, text in ANSWERS
    ]
    receive(store, [span("u", 0, trace="u", parent=None, **asked), *orphans])
    assert join(store, now=at(SETTLED_S)) == 2 * len(ANSWERS)
    kept = [json.loads(line) for path in store.root.rglob("quarantine/*") for line in path.read_text().splitlines()]
    assert ["and now?" in entry["raw"] for entry in kept] == [True]
    assert set(dict(ANSWERS).values()) <= set(sealed(store.root)["output"])


def test_spans_that_come_while_others_are_joined_are_kept(store, monkeypatch):
    spool = Spool(store.path(spans.SPOOL))
    take, keep = spans.take, spans.quarantine.keep

    def send(identity: str) -> None:
        sent = call(identity, 0, [said("user", f"q{identity}")], [said("assistant", "a")], trace=identity, parent=None)
        spool.append([line_of_span(sent, at(0))])

    monkeypatch.setattr(spans, "take", lambda *told: (take(*told), send("2")))
    monkeypatch.setattr(spans.quarantine, "keep", lambda *told, **named: (keep(*told, **named), send("3")))
    send("1")
    assert join(store, now=at(SETTLED_S)) == 1
    monkeypatch.undo()
    assert waiting(store) == 2
    assert join(store, now=at(SETTLED_S)) == 2
    assert logged(store) == [("chat", f"q{number}", "a") for number in (1, 2, 3)]


def test_what_people_thought_of_an_answer_is_logged_as_a_remark(store, monkeypatch):
    read = spans.interactions_of
    monkeypatch.setattr(spans, "interactions_of", lambda *told: (replace(it, feedback=1.0) for it in read(*told)))
    receive(store, [call("1", 0, [said("user", "q")], [said("assistant", "a")], parent=None)])
    assert join(store, now=at(SETTLED_S)) == 1
    assert [segment.stream for segment in seal(store, Curate())] == ["interactions", "remarks"]


def test_spans_are_counted_while_another_process_joins_them(store):
    receive(store, AGENT)
    with spans.locked(store):
        assert waiting(store) == len(AGENT)


def test_spans_of_a_newer_program_are_not_touched(store):
    folder = store.path(spans.SPOOL)
    folder.mkdir(parents=True)
    (folder / "new.jsonl").write_text('{"schema_version":99}\n')
    with pytest.raises(LedgerDamaged, match="version 99"):
        join(store)
    assert waiting(store) == 1
