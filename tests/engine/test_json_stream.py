"""A document read through a window of any size gives what json.loads gives, and a broken one what is whole."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibe_pipeline.interactions.importers import json_stream
from vibe_pipeline.interactions.importers.raw import NOT_JSON, Raw

numbers = st.integers() | st.integers(10**18, 10**40) | st.floats()
leaves = st.none() | st.booleans() | numbers | st.text('"\\[]{},: é😀\n/u') | st.text()
keys = st.text('ab"\\{[', max_size=3)
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4))

CHUNKS = (1, 2, 3, 7, 64, 1 << 20)


def is_chat(value) -> bool:
    return isinstance(value, dict) and "messages" in value


@pytest.fixture
def read(monkeypatch):
    def run(text: str, chunk: int = 1 << 20) -> list[Raw]:
        monkeypatch.setattr(json_stream, "CHUNK", chunk)
        return list(json_stream.records(io.StringIO(text), is_chat))

    return run


def chat(text: str) -> dict:
    return {"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": "a]}"}]}


def asked(raws: list[Raw]) -> list[str]:
    return [raw.value["messages"][0]["content"] for raw in raws if raw.reason is None]


@given(st.lists(values, max_size=5), st.sampled_from(CHUNKS), st.sampled_from([None, 1]), st.booleans())
def test_the_elements_of_an_array_are_those_that_json_finds(elements, chunk, indent, ensure_ascii):
    text = json.dumps(elements, indent=indent, ensure_ascii=ensure_ascii)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "CHUNK", chunk)
        found = list(json_stream.records(io.StringIO(text), is_chat))
    assert [repr(raw.value) for raw in found] == [repr(value) for value in json.loads(text)]
    assert all(raw.reason is None and repr(json.loads(raw.text)) == repr(raw.value) for raw in found)


@given(st.dictionaries(keys, values, max_size=4), st.sampled_from(CHUNKS))
def test_an_object_is_one_record_whatever_is_in_it(members, chunk):
    text = json.dumps(members)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "CHUNK", chunk)
        (raw,) = json_stream.records(io.StringIO(text), is_chat)
    assert repr(raw.value) == repr(json.loads(text))
    assert repr(json.loads(raw.text)) == repr(raw.value)


@pytest.mark.parametrize("chunk", CHUNKS)
@pytest.mark.parametrize("key", json_stream.WRAPPERS)
def test_a_list_of_records_in_an_object_is_what_the_object_is_about(read, key, chunk):
    text = json.dumps({"version": 1, "meta": {"data": [1]}, key: [chat("one"), chat("two")], "count": 2}, indent=1)
    assert asked(read(text, chunk)) == ["one", "two"]


@pytest.mark.parametrize("chunk", CHUNKS)
def test_every_list_of_objects_beside_a_list_of_records_is_read(read, chunk):
    before, after = {"prompt": "q", "completion": "a\ud800"}, [[1], 2]
    document = {"held": [before], "tags": ["x"], "train": [chat("one"), 3], "test": [], "n": 2, "dev": [chat("two")]}
    found = read(json.dumps(document | {"more": after}), chunk)
    assert [raw.value for raw in found] == [chat("one"), 3, chat("two"), *after, {**before, "completion": "a\ufffd"}]


def test_a_list_that_is_no_list_of_records_stays_in_its_object(read):
    value = {"conversations": [{"from": "human", "value": "q"}], "data": [], "rows": [1, 2]}
    (raw,) = read(json.dumps(value))
    assert raw.value == value
    assert json.loads(raw.text) == value


@pytest.mark.parametrize("key", json_stream.WRAPPERS)
def test_a_list_of_parts_stays_in_the_record_that_it_stands_in(read, key):
    value = {key: [{"input": 1}, {"role": "user", "content": "q"}], "messages": chat("q")["messages"]}
    assert [raw.value for raw in read(json.dumps(value))] == [value]


def test_one_record_among_others_makes_a_list_of_records(read):
    rows = [{"note": "header"}, 7, chat("one"), {"note": "footer"}]
    assert [raw.value for raw in read(json.dumps({"data": rows}), 3)] == rows


def test_a_list_that_is_longer_than_a_record_is_many_whatever_they_are(read, monkeypatch):
    monkeypatch.setattr(json_stream, "LONG", 100)
    rows = [{"n": "x" * 60}] * 3
    assert [raw.value for raw in read(json.dumps({"data": rows}))] == rows
    turns = {"conversations": [{"from": "human", "value": "x" * 60}] * 3}
    assert [raw.value for raw in read(json.dumps(turns))] == [turns]


@pytest.mark.parametrize("chunk", CHUNKS)
def test_a_list_of_messages_is_one_conversation(read, chunk):
    messages = chat("q")["messages"]
    (raw,) = read(json.dumps(messages, indent=1), chunk)
    assert raw.value == messages
    assert json.loads(raw.text) == messages
    assert [raw.value for raw in read(json.dumps([*messages, 7]), chunk)] == [*messages, 7]


def test_a_list_that_begins_with_no_role_is_many_records_and_so_is_one_that_is_too_long(read, monkeypatch):
    mails = [{"from": "team0", "body": "x"}, {"from": "user", "body": "y"}]
    assert [raw.value for raw in read(json.dumps(mails))] == mails
    monkeypatch.setattr(json_stream, "LIMIT", 100)
    messages = chat("q" * 60)["messages"] * 2
    assert [raw.value for raw in read(json.dumps(messages))] == messages


@pytest.mark.parametrize("chunk", [5, 1 << 20])
def test_cut_off_anywhere_an_array_gives_its_whole_elements_and_one_reject_at_most(read, chunk):
    texts = [json.dumps(chat(name)) for name in ("one", "two", "three")]
    whole = f"[{', '.join(texts)}]"
    ends = [whole.index(text) + len(text) for text in texts]
    for cut in range(1, len(whole)):
        found = read(whole[:cut], chunk)
        assert asked(found) == ["one", "two", "three"][: sum(end <= cut for end in ends)], cut
        assert [raw.reason for raw in found if raw.reason] in ([], [NOT_JSON])


@pytest.mark.parametrize("chunk", CHUNKS)
@pytest.mark.parametrize(
    "broken", ['{"messages": [tru]}', '{"a" 1, "b": "]}"}', "[1 2]", '{"a": "\\x", "b": "}"}', "nul"]
)
def test_a_broken_element_costs_itself(read, broken, chunk):
    found = read(f"[{json.dumps(chat('one'))},\n{broken},\n{json.dumps(chat('two'))}]", chunk)
    assert asked(found) == ["one", "two"]
    assert [(raw.text, raw.reason) for raw in found if raw.reason] == [(broken, NOT_JSON)]


@pytest.mark.parametrize("chunk", CHUNKS)
def test_what_stands_behind_a_document_is_read_too(read, chunk):
    text = f"[{json.dumps(chat('one'))}]\n{json.dumps(chat('two'), indent=1)}\nrubbish\n{json.dumps(chat('three'))}"
    found = read(text, chunk)
    assert asked(found) == ["one", "two", "three"]
    assert [raw.text for raw in found if raw.reason] == ["rubbish"]


def test_the_first_record_of_a_large_array_comes_before_the_rest_is_read():
    file = io.StringIO(json.dumps([chat("x" * 1000) for _ in range(5000)]))
    next(json_stream.records(file, is_chat))
    assert file.tell() <= 2 * json_stream.CHUNK < len(file.getvalue())


def test_a_record_above_the_limit_costs_itself_and_the_file_is_read_on(read, monkeypatch):
    monkeypatch.setattr(json_stream, "LIMIT", 200)
    found = read(f"{json.dumps(chat('y' * 1000), indent=1)}\n{json.dumps(chat('two'), indent=1)}", chunk=50)
    assert asked(found)[-1:] == ["two"]
    assert {raw.reason for raw in found} == {None, NOT_JSON}
