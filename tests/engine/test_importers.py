"""Every record of a file ends as imported, duplicate or quarantined, and what is imported means what it said."""

import json
import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vibe_pipeline.errors import SettingsInvalid, SourceUnreadable
from vibe_pipeline.interactions import quarantine
from vibe_pipeline.interactions.importers import formats, import_paths
from vibe_pipeline.interactions.importers.messages import Unusable
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.interactions.segments import manifest, paths, seal
from vibe_pipeline.records import Interaction
from vibe_pipeline.settings import Curate
from vibe_pipeline.store import Store

MOMENT = datetime(2026, 1, 2, tzinfo=UTC)

EXCHANGE = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
NOT_KNOWN = f"not in a known format ({', '.join(formats())})"

CHOICES = {"choices": [{"message": EXCHANGE[1]}]}


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path / "home")


@pytest.fixture
def bring(store, tmp_path):
    """Import one file with this content."""

    def run(content, name="a.jsonl", **options):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        (result,) = import_paths(InteractionLogger(store.root), store, [path], **options)
        assert result.imported + result.duplicate + result.quarantined == result.read
        assert sum(result.reasons.values()) == result.quarantined
        return result

    return run


def read(value, name: str | None = None) -> list[Interaction]:
    """Straight through an importer, no file."""
    name = name or next(name for name, importer in formats().items() if importer.recognises(value))
    return list(formats()[name].read(value, "test", MOMENT))


def pairs(value) -> list[tuple[str, int, str, str]]:
    return [(item.action, item.turn, item.input, item.output) for item in read(value)]


def rows(store: Store) -> list[dict]:
    seal(store, Curate())
    files = paths(store, "interactions", [segment.sha for segment in manifest(store, "interactions")])
    return pl.read_parquet(files).rows(named=True) if files else []


def lines(*values) -> str:
    return "\n".join(value if isinstance(value, str) else json.dumps(value) for value in values)


def chat(*texts: str, **more) -> dict:
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[n % 2], "content": text} for n, text in enumerate(texts)], **more}


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
        True,
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
    assert (second.input, second.output, second.success) == ("q", "a", True)


def test_a_call_at_the_end_of_a_dialect_without_ids_is_kept():
    said = [("human", "q"), ("function_call", CALLED)]
    assert pairs({"conversations": [{"from": role, "value": text} for role, text in said]}) == [
        ("tool", 0, CALLED, ""),
        ("chat", 1, "q", ""),
    ]


def test_a_question_that_nothing_followed_yet_is_left_out():
    assert pairs(chat("q", "a", "r")) == [("chat", 0, "q", "a")]


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
    assert (first.output, first.extra, first.success) == (text, extra, True)
    assert (second.input, second.output) == ("q", "a")


@pytest.mark.parametrize(
    "value",
    [
        {"prompt": "q", "chosen": EXCHANGE, "rejected": [EXCHANGE[0], {"role": "assistant", "content": "worse"}]},
        {"prompt": "q", "chosen": "a", "rejected": "worse"},
        {"question": "q", "chosen": "a", "rejected": "worse"},
        {"prompt": [EXCHANGE[0]], "chosen": [EXCHANGE[1]], "rejected": [{"role": "assistant", "content": "worse"}]},
        {"messages": [EXCHANGE[0]], "chosen": "a", "rejected": "worse"},
        {
            "input": {"messages": [EXCHANGE[0]]},
            "preferred_output": [EXCHANGE[1]],
            "non_preferred_output": [{"role": "assistant", "content": "worse"}],
        },
        {
            "conversations": [{"from": "human", "value": "q"}],
            "chosen": {"from": "gpt", "value": "a"},
            "rejected": {"from": "gpt", "value": "worse"},
        },
    ],
)
def test_a_preference_gives_the_better_answer_and_remembers_the_worse(value):
    (item,) = read(value)
    assert (item.action, item.input, item.output, item.extra["rejected"]) == ("chat", "q", "a", "worse")


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
    assert (item.output, item.extra) == ("one", {"alternatives": ["two"]})


@pytest.mark.parametrize(("label", "feedback"), [(True, 1.0), (False, 0.0), ("no", None)])
def test_the_label_of_an_unpaired_preference_is_feedback(label, feedback):
    (item,) = read({"prompt": "q", "completion": "a", "label": label})
    assert (item.output, item.feedback) == ("a", feedback)


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


def test_a_pair_is_a_row_of_its_own_in_the_conversation_of_its_answer():
    (plain,) = read(chat("q", "a"))
    (pair,) = read({"prompt": "q", "chosen": "a", "rejected": "worse"})
    assert pair.interaction_id != plain.interaction_id
    assert pair.conversation_id == plain.conversation_id


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


@pytest.mark.parametrize(
    "stamp",
    [
        *("1e400", "-1e400", "NaN", "true", "1e300", '"soon"', "[]", "1" + "0" * 400),
        *("1.25", '"2024"', "20240501123000", '"0001-01-01T00:00:00Z"'),
    ],
)
def test_a_time_that_is_none_is_left_to_the_file(bring, store, stamp):
    text = json.dumps(chat("q", "a")).replace("{", f'{{"create_time": {stamp}, ', 1)
    assert bring(text).imported == 1
    assert rows(store)[0]["occurred_at"].year >= 2026 or stamp == "1e300"


def test_a_lone_surrogate_in_the_arguments_of_a_call_is_replaced():
    call = {"function": {"name": "f", "arguments": '{"a": "\\ud800"}'}}
    messages = [EXCHANGE[0], {"role": "assistant", "tool_calls": [call]}, {"role": "tool", "content": "r"}]
    assert read({"messages": messages})[0].input == '{"name": "f", "arguments": {"a": "\ufffd"}}'


def test_without_a_time_the_file_says_when(bring, store, tmp_path):
    (tmp_path / "a.jsonl").write_text(lines(chat("q", "a")))
    os.utime(tmp_path / "a.jsonl", (1600000000, 1600000000))
    import_paths(InteractionLogger(store.root), store, [tmp_path / "a.jsonl"])
    assert rows(store)[0]["occurred_at"].year == 2020


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
    assert [(row["input"], row["output"]) for row in rows(store)] == [("qé😀", "ä")]


def test_a_lone_surrogate_is_replaced(bring, store):
    assert (
        bring('{"messages": [{"role": "user", "content": "\\ud83d?"}, {"role": "assistant", "content": "a"}]}').imported
        == 1
    )
    assert rows(store)[0]["input"] == "\ufffd?"


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
    before = rows(store)
    second = bring(content, "other.jsonl")
    assert (second.read, second.imported, second.duplicate, second.quarantined) == (4, 0, 3, 1)
    assert rows(store) == before
    assert len(before) == 3


def test_the_source_names_the_format_or_what_was_asked_for(bring, store):
    bring(lines(chat("a", "b")))
    bring(lines({"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]}), source="mine")
    assert {(row["module"], row["source"]) for row in rows(store)} == {
        ("openai_chat", "import:openai_chat"),
        ("sharegpt", "mine"),
    }


def test_folders_are_walked_and_globs_expanded(store, tmp_path):
    for name in ("x/a.jsonl", "x/deep/b.JSON", "x/readme.md", "x/.hidden.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(lines(chat(name, "a")))
    logger = InteractionLogger(store.root)
    names = [Path(f.path).name for f in import_paths(logger, store, [tmp_path / "x", tmp_path / "x" / "**" / "*.JSON"])]
    assert names == ["a.jsonl", "b.JSON"]


def test_a_path_that_is_not_there_is_an_error(store, tmp_path):
    for name in ("missing.json", "no*match.json"):
        with pytest.raises(SourceUnreadable, match=r"Check the path"):
            import_paths(InteractionLogger(store.root), store, [tmp_path / name])


def test_an_unknown_format_is_an_error_that_lists_the_known(store, tmp_path):
    with pytest.raises(SettingsInvalid, match=", ".join(["auto", *formats()])):
        import_paths(InteractionLogger(store.root), store, [tmp_path], format="csv")


def test_a_named_format_refuses_the_others(bring):
    assert bring(lines(chat("a", "b")), format="sharegpt").reasons == {"not in a known format (sharegpt)": 1}


def test_many_files_share_one_look_at_what_is_known(store, tmp_path, monkeypatch):
    monkeypatch.setattr("vibe_pipeline.interactions.importers.tally.BATCH", 3)
    for number in range(8):
        (tmp_path / f"{number}.jsonl").write_text(lines(chat(f"q{number % 5}", "a")))
    results = import_paths(InteractionLogger(store.root), store, [tmp_path / "*.jsonl"])
    assert [(result.imported, result.duplicate) for result in results] == [(1, 0)] * 5 + [(0, 1)] * 3
    assert len(rows(store)) == 5


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
        if importer.recognises(value):
            with suppress(Unusable):
                assert all(isinstance(item.input, str) for item in importer.read(value, "test", MOMENT))


def test_a_time_that_never_was_is_no_time(bring):
    assert bring('{"created": 1e999, "messages": ' + json.dumps(EXCHANGE) + "}").imported == 1


def test_what_is_no_file_is_refused_or_passed_over(store, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "gone.jsonl").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe.jsonl")
    logger = InteractionLogger(store.root)
    assert import_paths(logger, store, [tmp_path / "in"]) == []
    with pytest.raises(SourceUnreadable, match="there is no file"):
        import_paths(logger, store, [tmp_path / "in" / "gone.jsonl"])
    with pytest.raises(SourceUnreadable, match="is no file"):
        import_paths(logger, store, [tmp_path / "pipe.jsonl"])


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


def test_a_path_that_is_empty_is_no_folder(store):
    with pytest.raises(SourceUnreadable, match="a path is empty"):
        import_paths(InteractionLogger(store.root), store, [""])


@pytest.fixture
def unreadable(monkeypatch):
    """Refuses to open some paths, as the system does for those who may read everything neither."""
    opened = Path.open

    def refuse(*names: str) -> None:
        def refusing(path, *arguments, **options):
            if path.name in names:
                raise PermissionError(13, "Permission denied")
            return opened(path, *arguments, **options)

        monkeypatch.setattr(Path, "open", refusing)

    return refuse


def test_one_that_cannot_be_read_costs_no_neighbour(store, tmp_path, unreadable):
    (tmp_path / "in").mkdir()
    for name in ("a.jsonl", "b.jsonl", "c.jsonl", "b.md"):
        (tmp_path / "in" / name).write_text(lines(chat(name, "a")))
    os.mkfifo(tmp_path / "in" / "d.jsonl")
    (tmp_path / "in" / "e.jsonl").symlink_to(tmp_path / "nowhere")
    unreadable("b.jsonl", "b.md")
    logger = InteractionLogger(store.root)
    folder = import_paths(logger, store, [tmp_path / "in"])
    assert [(Path(it.path).name, it.imported, it.quarantined) for it in folder] == [
        ("a.jsonl", 1, 0),
        ("b.jsonl", 0, 1),
        ("b.md", 0, 1),
        ("c.jsonl", 1, 0),
    ]
    matches = import_paths(logger, store, [tmp_path / "in" / "*.jsonl"])
    assert [(it.read, it.duplicate, it.quarantined) for it in matches] == [
        *((1, 1, 0), (1, 0, 1), (1, 1, 0)),
        *((1, 0, 1), (1, 0, 1)),
    ]
    (denied,), (pipe,), (dangling,) = (matches[number].reasons for number in (1, 3, 4))
    assert "b.jsonl cannot be read: Permission denied" in denied
    assert "d.jsonl is no file (a pipe or a device)" in pipe
    assert "e.jsonl cannot be read: No such file" in dangling
    with pytest.raises(SourceUnreadable, match=r"b\.jsonl cannot be read: Permission denied"):
        import_paths(logger, store, [tmp_path / "in" / "a.jsonl", tmp_path / "in" / "b.jsonl"])


def test_a_folder_that_cannot_be_read_costs_no_neighbour(store, tmp_path, monkeypatch):
    for name in ("closed/a.jsonl", "open/a.jsonl"):
        (tmp_path / "in" / name).parent.mkdir(parents=True)
        (tmp_path / "in" / name).write_text(lines(chat(name, "a")))
    scandir = os.scandir

    def refusing(path):
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    closed, opened = import_paths(InteractionLogger(store.root), store, [tmp_path / "in"])
    assert (closed.read, closed.quarantined, opened.imported) == (1, 1, 1)
    assert "closed cannot be read: Permission denied" in next(iter(closed.reasons))
    with pytest.raises(SourceUnreadable, match="closed cannot be read"):
        import_paths(InteractionLogger(store.root), store, [tmp_path / "in" / "closed"])


def test_a_name_that_is_no_utf8_is_shown_as_it_can_be(store, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "caf\udce9.jsonl").write_text(lines(chat("q", "a"), "broken"))
    (tmp_path / "in" / "th\udce9.md").write_text("Some text.")
    logger = InteractionLogger(store.root)
    (result,) = import_paths(logger, store, [tmp_path / "in"])
    assert (Path(result.path).name, result.imported, result.quarantined) == ("caf\ufffd.jsonl", 1, 1)
    (result,) = import_paths(logger, store, [tmp_path / "in"], format="document")
    assert (Path(result.path).name, result.imported) == ("th\ufffd.md", 1)


class Failing:
    """An importer of another package, with a bug in one of its functions."""

    def __init__(self, where="read"):
        self.where = where

    def fail(self, where):
        if self.where == where:
            raise KeyError("oops")

    def connects(self, address):
        return self.fail("connects")

    def opens(self, file, start):
        self.fail("opens")
        return self.where == "records"

    def records(self, file):
        self.fail("records")

    def recognises(self, value):
        self.fail("recognises")
        return value == "mine"

    def session_of(self, value):
        return self.fail("session_of")

    def read(self, value, source, at):
        self.fail("read")


@pytest.fixture
def entry_point(monkeypatch):
    def bring_in(load, name="failing") -> None:
        found = SimpleNamespace(name=name, value="x:y", load=load, dist=SimpleNamespace(name="vibe-failing"))
        monkeypatch.setattr("vibe_pipeline.interactions.importers.entry_points", lambda group: [found])
        formats.cache_clear()

    yield bring_in
    formats.cache_clear()


@pytest.mark.parametrize("where", ["recognises", "session_of", "read"])
def test_a_format_of_another_package_is_used_and_its_bug_costs_one_record(bring, entry_point, where):
    entry_point(lambda: Failing(where))
    result = bring(lines('"mine"', chat("q", "a")))
    assert (result.imported, result.reasons) == (1, {"the importer failing failed: KeyError: 'oops'": 1})


@pytest.mark.parametrize("where", ["opens", "records"])
def test_its_bug_in_reading_a_file_costs_that_file(store, tmp_path, entry_point, where):
    entry_point(lambda: Failing(where))
    (tmp_path / "a.jsonl").write_text("[]")
    (result,) = import_paths(InteractionLogger(store.root), store, [tmp_path / "a.jsonl"])
    assert result.reasons == {"the importer failing failed: KeyError: 'oops'": 1}


def test_its_bug_in_looking_at_a_folder_is_one_line(store, tmp_path, entry_point):
    entry_point(lambda: Failing("connects"))
    with pytest.raises(SourceUnreadable, match="the importer failing failed"):
        import_paths(InteractionLogger(store.root), store, [tmp_path])


def broken():
    raise ImportError("no module named x")


@pytest.mark.parametrize(
    ("name", "load", "words"),
    [
        ("broken", broken, "the importer broken of the package vibe-failing cannot be loaded: no module named x"),
        ("document", Failing, "the importer document of the package vibe-failing has a name that is taken"),
        ("auto", Failing, "the importer auto of the package vibe-failing has a name that is taken"),
    ],
)
def test_a_format_that_cannot_be_used_is_named_with_its_package(bring, entry_point, name, load, words):
    entry_point(load, name)
    with pytest.raises(SettingsInvalid, match=rf"{words}\..* remove vibe-failing"):
        bring(lines(chat("q", "a")))
