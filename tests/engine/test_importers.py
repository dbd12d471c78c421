"""Every record of a file ends as imported, duplicate or quarantined, and what is imported means what it said."""

import json
import os
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.engine.importing import EXCHANGE, MOMENT, chat, lines
from tests.engine.serving import sealed
from vibe_pipeline.errors import SettingsInvalid
from vibe_pipeline.interactions import quarantine
from vibe_pipeline.interactions.importers import Wanted, formats, import_paths
from vibe_pipeline.interactions.importers.messages import Unusable
from vibe_pipeline.interactions.logger import InteractionLogger

NOT_KNOWN = f"not in a known format ({', '.join(formats())})"


@pytest.mark.parametrize(
    "stamp",
    [
        *("1e400", "-1e400", "NaN", "true", "1e300", '"soon"', "[]", "1" + "0" * 400),
        *("1.25", '"2024"', '"0001-01-01T00:00:00Z"'),
    ],
)
def test_a_time_that_is_none_is_left_to_the_file(bring, store, stamp):
    text = json.dumps(chat("q", "a")).replace("{", f'{{"create_time": {stamp}, ', 1)
    assert bring(text).imported == 1
    assert sealed(store.root).rows(named=True)[0]["occurred_at"].year >= 2026 or stamp == "1e300"


def test_without_a_time_the_file_says_when(bring, store, tmp_path):
    (tmp_path / "a.jsonl").write_text(lines(chat("q", "a")))
    os.utime(tmp_path / "a.jsonl", (1600000000, 1600000000))
    import_paths(InteractionLogger(store.root), store, [tmp_path / "a.jsonl"])
    assert sealed(store.root).rows(named=True)[0]["occurred_at"].year == 2020


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ('{"messages": [{"role": "user", "cont', "not JSON (cut off?)"),
        ("not json at all", "not JSON (cut off?)"),
        ("[" * 100_000, "nested too deep"),
        ({"messages": []}, "messages is empty"),
        ({"messages": "text"}, "messages is not a list"),
        ({"messages": [3]}, "a message is not an object"),
        ({"messages": [{"content": "x"}]}, "a message has no role"),
        ({"messages": [{"role": "narrator", "content": "x"}]}, "a message has the unknown role 'narrator'"),
        (chat("q"), "no answer follows a question"),
        ({"prompt": "q", "chosen": "", "rejected": "worse"}, "a preference without the better answer"),
        ({"chosen": "a", "rejected": "worse"}, "a completion or preference without its prompt"),
        ({"messages": EXCHANGE[1:]}, "no answer follows a question"),
        ({"conversations": []}, "conversations is empty"),
        ({"conversations": "text"}, "conversations is not a list"),
        ({"hello": "world"}, NOT_KNOWN),
        (7, NOT_KNOWN),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_bad_record_is_quarantined_with_its_reason_and_costs_no_other(bring, store, record, reason):
    result = bring(lines(chat("good", "one"), record, "", chat("good", "two")))
    assert (result.read, result.imported, result.reasons) == (3, 2, {reason: 1})
    assert quarantine.reasons(store, "interactions") == {reason: 1}


def test_bytes_that_are_not_utf8_cost_their_line(bring):
    result = bring(lines(chat("a", "b")).encode() + b'\n{"messages": "caf\xe9"}\n' + lines(chat("c", "d")).encode())
    assert (result.imported, result.reasons) == (2, {"not UTF-8": 1})


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_encodings_are_recognised(bring, store, encoding, name):
    text = json.dumps(chat("qé😀", "ä"), ensure_ascii=False) + "\r\n"
    assert bring(text.encode(encoding), name).imported == 1
    assert [(row["input"], row["output"]) for row in sealed(store.root).rows(named=True)] == [("qé😀", "ä")]


def test_a_lone_surrogate_is_replaced(bring, store):
    assert (
        bring('{"messages": [{"role": "user", "content": "\\ud83d?"}, {"role": "assistant", "content": "a"}]}').imported
        == 1
    )
    assert sealed(store.root).rows(named=True)[0]["input"] == "\ufffd?"


@pytest.mark.parametrize(
    ("content", "name", "counts"),
    [
        (json.dumps([chat("a", "b"), chat("c", "d")], indent=1), "array.json", (2, 2)),
        (json.dumps([chat("a", "b"), chat("c", "d")], indent=1), "array.jsonl", (2, 2)),
        (json.dumps(chat("a", "b"), indent=1), "object.json", (1, 1)),
        (json.dumps(EXCHANGE, indent=1), "messages.json", (1, 1)),
        (json.dumps({"data": [chat("a", "b"), chat("c", "d")]}), "wrapped.json", (2, 2)),
        (lines(chat("a", "b"), chat("c", "d")), "lines.json", (2, 2)),
        (lines(json.dumps(chat("a\u2028b\x85", "b"), ensure_ascii=False), chat("c", "d")), "lines.json", (2, 2)),
        (json.dumps([chat("a", "b"), chat("c", "d")], indent=1)[:-30], "cut.json", (2, 1)),
        ("{ broken\n but\n long", "broken.json", (1, 0)),
        ("", "empty.json", (0, 0)),
        ("\n\n", "blank.jsonl", (0, 0)),
    ],
)
def test_records_are_found_in_every_kind_of_file(bring, content, name, counts):
    result = bring(content, name)
    assert (result.read, result.imported) == counts


@pytest.mark.parametrize("depth", [100, 495, 700, 990, 1000, 100_000])
@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_deep_nesting_costs_its_record_and_no_neighbour(bring, depth, name):
    deep = '{"messages": ' + "[" * depth + "]" * depth + "}"
    records = [json.dumps(chat("a", "b")), deep, json.dumps(chat("c", "d"))]
    result = bring(f"[{', '.join(records)}]" if name == "a.json" else "\n".join(records), name)
    assert (result.read, result.imported, result.quarantined) == (3, 2, 1)


@pytest.mark.parametrize("broken", ['{"messages": [tru]}', '{"a" 1, "b": "]}"}', "[1 2]", '{"a": "\\x"}'])
def test_a_broken_element_of_an_array_costs_no_neighbour(bring, broken):
    good = [json.dumps(chat(text, "a")) for text in "ab"]
    result = bring(f"[{good[0]},\n{broken},\n{good[1]}]", "a.json")
    assert (result.read, result.imported, result.reasons) == (3, 2, {"not JSON (cut off?)": 1})


def test_importing_twice_brings_nothing_new(bring, store):
    content = lines(chat("a", "b"), chat("a", "b"), chat("c", "d", "e", "f"), "broken")
    first = bring(content)
    assert (first.read, first.imported, first.duplicate, first.quarantined) == (4, 2, 1, 1)
    before = sealed(store.root).rows(named=True)
    second = bring(content, "other.jsonl")
    assert (second.read, second.imported, second.duplicate, second.quarantined) == (4, 0, 3, 1)
    assert sealed(store.root).rows(named=True) == before
    assert len(before) == 3


def test_the_source_names_the_format_or_what_was_asked_for(bring, store):
    bring(lines(chat("a", "b")))
    bring(lines({"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]}), source="mine")
    assert {(row["module"], row["source"]) for row in sealed(store.root).rows(named=True)} == {
        ("openai_chat", "import:openai_chat"),
        ("sharegpt", "mine"),
    }


def test_an_unknown_format_is_an_error_that_lists_the_known(store, tmp_path):
    with pytest.raises(SettingsInvalid, match=", ".join(["auto", *formats()])):
        import_paths(InteractionLogger(store.root), store, [tmp_path], Wanted("csv"))


def test_a_named_format_refuses_the_others(bring):
    assert bring(lines(chat("a", "b")), format="sharegpt").reasons == {"not in a known format (sharegpt)": 1}


def test_many_files_share_one_look_at_what_is_known(store, tmp_path, monkeypatch):
    monkeypatch.setattr("vibe_pipeline.interactions.importers.tally.BATCH", 3)
    for number in range(8):
        (tmp_path / f"{number}.jsonl").write_text(lines(chat(f"q{number % 5}", "a")))
    results = import_paths(InteractionLogger(store.root), store, [tmp_path / "*.jsonl"])
    assert [(result.imported, result.duplicate) for result in results] == [(1, 0)] * 5 + [(0, 1)] * 3
    assert len(sealed(store.root)) == 5


KEYS = (
    "role", "from", "content", "value", "text", "type", "messages", "conversations", "items", "chosen", "rejected",
    "prompt", "completion", "response", "request", "choices", "message", "tool_calls", "function", "name", "arguments",
    "tools",
    "function_call", "weight", "create_time", "model", "human", "gpt", "body",
)  # fmt: skip

keys = st.sampled_from(KEYS)
leaves = st.none() | st.booleans() | st.integers() | st.floats()
junk = st.recursive(
    leaves | st.sampled_from(["", "q", "user", "assistant", "tool", "{}"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(keys, junk, max_size=5) | st.lists(st.dictionaries(keys, junk, max_size=4), max_size=3))
def test_no_record_however_odd_ends_in_anything_but_interactions_or_a_reason(value):
    for importer in formats().values():
        if importer.recognises and importer.recognises(value):
            with suppress(Unusable):
                assert all(isinstance(item.input, str) for item in importer.read(value, "test", MOMENT))


def test_a_time_that_never_was_is_no_time(bring):
    assert bring('{"created": 1e999, "messages": ' + json.dumps(EXCHANGE) + "}").imported == 1


@pytest.mark.parametrize(
    "record",
    [
        {"prompt": "q", "completion": "a"},
        {"prompt": "q", "chosen": "a", "rejected": "b"},
        {"request": {"messages": EXCHANGE[:1]}, "response": {"choices": [{"message": EXCHANGE[1]}]}},
        {"input": {"messages": EXCHANGE[:1]}, "preferred_output": EXCHANGE[1:], "non_preferred_output": EXCHANGE[1:]},
    ],
)
@pytest.mark.parametrize("key", ["data", "train"])
def test_a_data_set_in_an_object_gives_what_it_gives_as_an_array(bring, record, key):
    record, other = ({**record, "conversation_id": name} for name in "ab")
    assert bring(json.dumps({"version": 1, key: [{"note": "no record"}, record, other]}), "a.json").imported == 2
    again = bring(json.dumps([record, other]), "b.json")
    assert (again.read, again.duplicate) == (2, 2)
