"""inspect_ai's logs as JSON and as zip: samples, tools, scores, errors, and zips that are broken or mean ill."""

import json
import zipfile
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibe_pipeline.interactions.importers import archives, import_paths, inspect_ai, inspect_ai_archive
from vibe_pipeline.interactions.importers.files import File
from vibe_pipeline.interactions.importers.messages import Unusable
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.records import Interaction
from vibe_pipeline.store import Store

MOMENT = datetime(2026, 1, 2, tzinfo=UTC)
EVAL = {"run_id": "r", "task_id": "t", "task": "sums", "model": "m", "created": "2026-01-02T00:00:00+00:00"}
EXCHANGE = [{"role": "user", "content": "q", "id": "1"}, {"role": "assistant", "content": "a", "id": "2"}]


def sample(number: int = 1, messages: list | None = None, **more) -> dict:
    return {"id": number, "epoch": 1, "target": "a", "messages": EXCHANGE if messages is None else messages, **more}


def log(*samples) -> dict:
    return {"version": 2, "status": "success", "eval": EVAL, "samples": list(samples)}


def read(value) -> list[Interaction]:
    return [item for item in inspect_ai.read(value, "test", MOMENT) if isinstance(item, Interaction)]


@pytest.fixture
def archive(tmp_path):
    def make(files: dict[str, object], name: str = "log.eval"):
        path = tmp_path / name
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
            for inner, value in files.items():
                target.writestr(inner, value if isinstance(value, bytes) else json.dumps(value))
        return path

    return make


@pytest.fixture
def bring(tmp_path):
    store = Store(tmp_path / "home")
    return lambda path: import_paths(InteractionLogger(store.root), store, [path])[0]


def test_a_sample_is_a_conversation_with_its_scores():
    model = {"event": "model", "model": "m-1", "output": {"choices": [{"message": EXCHANGE[1]}]}}
    times = {"timestamp": "2026-01-02T00:00:05+00:00", "completed": "2026-01-02T00:00:07+00:00"}
    scores = {"match": {"value": "I", "answer": "a", "history": []}}
    (item,) = read(log(sample(scores=scores, events=[{**model, **times}])))
    assert (item.input, item.output, item.success, item.model_id, item.latency_ms) == ("q", "a", False, "m-1", 2000)
    assert item.occurred_at == datetime(2026, 1, 2, 0, 0, 5, tzinfo=UTC)
    assert item.extra["scores"] == {"match": {"value": "I", "answer": "a"}}
    assert (item.extra["task"], item.extra["target"]) == ("sums", "a")


def test_tools_with_their_errors_and_reasoning_apart():
    call = {"id": "k", "function": "bash", "arguments": {"cmd": "ls"}, "type": "function"}
    messages = [
        {"role": "system", "content": "s"},
        EXCHANGE[0],
        {"role": "assistant", "content": [{"type": "reasoning", "reasoning": "hm"}], "tool_calls": [call]},
        {"role": "tool", "content": "", "tool_call_id": "k", "error": {"type": "timeout", "message": "too slow"}},
        {"role": "assistant", "content": [{"type": "text", "text": "attachment://x"}]},
    ]
    tool, chat = read(log(sample(messages=messages, attachments={"x": "a long answer"})))
    assert (tool.input, tool.output) == ('{"name": "bash", "arguments": {"cmd": "ls"}}', "too slow")
    assert (tool.success, tool.error_type) == (False, "timeout")
    assert (chat.output, chat.extra["reasoning"], chat.extra["system"]) == ("a long answer", "hm", "s")


def test_a_sample_that_broke_is_a_failed_exchange():
    broken = sample(messages=EXCHANGE[:1], error={"message": "RuntimeError('boom')", "traceback": ""})
    (item,) = read(log(broken))
    assert (item.input, item.output, item.success, item.error_type) == ("q", "", False, "RuntimeError")


@pytest.mark.parametrize("known", [{"uuid": "u"}, {}])
def test_a_retry_brings_only_the_samples_that_it_ran_again(known):
    """It copies those that were finished, under a run of its own; what failed is run again under another uuid."""
    first = log(sample(1, **known), sample(2, EXCHANGE[:1], error={"message": "boom"}))
    retry = log(sample(1, **known), sample(2)) | {"eval": EVAL | {"run_id": "later"}}
    before, after = ([item.interaction_id for item in read(value)] for value in (first, retry))
    assert before[0] == after[0]
    assert before[1] != after[1]


def test_samples_of_two_evaluations_are_not_one():
    other = log(sample(1)) | {"eval": EVAL | {"task_id": "other"}}
    assert read(log(sample(1)))[0].interaction_id != read(other)[0].interaction_id


def test_a_bad_sample_costs_no_other():
    found = list(inspect_ai.read(log(sample(1), 7, sample(3, messages=[{"role": "nobody"}])), "test", MOMENT))
    assert [item.input for item in found if isinstance(item, Interaction)] == ["q"]
    assert len([item for item in found if isinstance(item, Unusable)]) == 2
    with pytest.raises(Unusable, match="without samples"):
        read(log())


def test_a_zip_gives_its_samples_once_and_the_same_as_json(archive, bring, tmp_path):
    header = {key: value for key, value in log().items() if key != "samples"}
    path = archive({"_journal/start.json": header, "samples/1_epoch_1.json": sample(1), "header.json": header})
    first, again = bring(path), bring(path)
    assert (first.format, first.read, first.imported, again.imported) == ("inspect_ai", 1, 1, 0)
    other = tmp_path / "log.json"
    other.write_text(json.dumps(log(sample(1))))
    assert bring(other).duplicate == 1


def test_names_in_a_zip_lead_nowhere_and_bad_files_cost_themselves(archive, bring, tmp_path):
    files = {
        "../outside.json": sample(8),
        "samples/../../outside.json": sample(9, messages=[]),
        "/samples/rooted.json": sample(7),
        "samples/1.json": sample(1),
        "samples/2.json": b'{"id": 2, "mess',
        "samples/3.json": b"\xff\xfe\x00",
        "samples/4.json": b"[" * 5000,
    }
    before = {path for path in tmp_path.parent.rglob("*") if "outside" in path.name}
    result = bring(archive({"header.json": log(), **files}))
    assert (result.imported, result.quarantined) == (1, 4)
    assert {path for path in tmp_path.parent.rglob("*") if "outside" in path.name} == before


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.99])
def test_a_zip_that_was_cut_off_gives_the_samples_that_are_whole(archive, share):
    messages = [{"role": "user", "content": f"{n} {n * 7919 % 104729}" * 20} for n in range(5)] + EXCHANGE[1:]
    path = archive({"header.json": log(), **{f"samples/{n}.json": sample(n, messages) for n in range(9)}})
    data = path.read_bytes()
    whole = sum(raw.reason is None for raw in inspect_ai.records(File(path, path.name)))
    path.write_bytes(data[: int(len(data) * share)])
    raws = list(inspect_ai.records(File(path, path.name)))
    good = [raw for raw in raws if raw.reason is None]
    assert whole == 9
    assert len(good) >= int(9 * share) - 1
    assert all(read(raw.value) for raw in good)
    assert {raw.reason for raw in raws if raw.reason} <= {archives.BROKEN}


@given(st.binary(max_size=300), st.integers(0, 400))
def test_bytes_that_are_no_zip_never_crash(tmp_path_factory, noise, place):
    path = tmp_path_factory.mktemp("zip") / "x.eval"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("samples/1.json", json.dumps(sample()))
    data = path.read_bytes()
    path.write_bytes(data[:place] + noise + data[place + len(noise) // 2 :])
    assert list(inspect_ai.records(File(path, path.name)))


junk = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.sampled_from(["user", "tool", "attachment://x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["role", "content", "tool_calls", "error", "type", "value"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)
KEYS = [*sample(), "scores", "error", "events", "output", "attachments", "limit", "input", "transcript"]


@given(st.dictionaries(st.sampled_from(KEYS), junk))
def test_wrong_types_never_crash_and_never_cost_a_good_sample(bad):
    assert "a" in [item.output for item in read(log(sample(2) | bad, sample(1)))]


@pytest.mark.parametrize(("messages", "output"), [(EXCHANGE, "a"), (EXCHANGE[:1], "")])
def test_a_sample_that_met_a_limit_was_interrupted_unless_its_answer_was_right(messages, output):
    (item,) = read(log(sample(messages=messages, limit={"type": "token", "limit": 500})))
    assert (item.output, item.success, item.error_type) == (output, False, "interrupted")
    (item,) = read(log(sample(limit={"type": "message", "limit": 2}, scores={"match": {"value": "C"}})))
    assert (item.success, item.extra["limit"]) == (True, "message")


def chunked(name: str, messages: dict[int, list], refs: list) -> dict[str, object]:
    """The files of a sample as inspect_ai divides it, the long texts apart."""
    shell = {key: value for key, value in sample(uuid="u").items() if key != "messages"}
    model = {"event": "model", "output": {"choices": [{"message": EXCHANGE[1]}]}}
    times = {"timestamp": "2026-01-02T00:00:05+00:00", "completed": "2026-01-02T00:00:07+00:00"}
    return {
        f"samples/{name}/sample.json": shell | {"message_refs": refs},
        f"samples/{name}/skeleton.json": {},
        f"samples/{name}/events/stats.json": {},
        f"samples/{name}/events/uuids.json": [],
        **{f"samples/{name}/messages/{start}.json": items for start, items in messages.items()},
        f"samples/{name}/events/0.json": [{**model, **times}],
        f"samples/{name}/calls/0.json": [{}],
        f"samples/{name}/attachments/0.json": ["unused", "long"],
    }


def test_a_chunked_sample_is_the_sample_that_one_file_holds(archive, bring):
    long = {"role": "user", "content": "attachment://1", "id": "1"}
    other = {"role": "user", "content": "not of the conversation"}
    files = chunked("1_epoch_1", {0: [other, long], 2: [other], 3: EXCHANGE[1:]}, [[1, 2], [3, 4]])
    (raw,) = inspect_ai.records(File(path := archive({**files, "header.json": log()}), path.name))
    (item,) = read(raw.value)
    assert (item.input, item.output, item.latency_ms) == ("long", "a", 2000)
    assert bring(path).imported == 1
    whole = sample(1, [long | {"content": "long"}, EXCHANGE[1]], uuid="u")
    assert bring(archive({"samples/1_epoch_1.json": whole, "header.json": log()}, "whole.eval")).duplicate == 1


def test_a_chunked_sample_that_is_not_whole_is_one_record_with_one_reason(archive, bring):
    good, bad = chunked("1_epoch_1", {0: EXCHANGE}, [[0, 2]]), chunked("2_epoch_1", {0: EXCHANGE[:1]}, [[0, 2]])
    result = bring(archive({**bad, **good, "header.json": log()}))
    assert (result.read, result.imported, result.reasons) == (2, 1, {inspect_ai_archive.INCOMPLETE: 1})
