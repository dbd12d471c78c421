"""Imports in bounded memory: what is too much to hold is logged, put aside or kept outside; nothing else changes."""

import json

import pytest

from tests.engine.serving import sealed
from vibe_pipeline.interactions import quarantine
from vibe_pipeline.interactions.importers import import_paths, tally, temporary
from vibe_pipeline.interactions.logger import InteractionLogger

# Not getrusage: its maximum counts from before exec, and so in the memory of whoever started the process.
MEASURED = """
import json, re, sys
from pathlib import Path
from vibe_pipeline.interactions.importers import import_paths
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.ladder import Ladder

ladder = Ladder(sys.argv[1])
(result,) = import_paths(InteractionLogger(ladder.store.root), ladder.store, [sys.argv[2]])
ladder.log.seal()
((length,),) = ladder.connect().sql("SELECT max(len(input)) FROM interactions").fetchall()
peak = int(re.search(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text())[1]) // 1024
print(json.dumps([result.read, result.imported, ladder.log.stats()["interactions"], length, peak]))
"""


def chat(text, answer="a"):
    return {"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": answer}]}


@pytest.fixture
def bring(store):
    def run(path, home=store):
        (result,) = import_paths(InteractionLogger(home.root), home, [path])
        assert result.imported + result.duplicate + result.quarantined == result.read
        return result

    return run


def test_a_record_of_100_mb_costs_no_neighbour_and_no_endless_memory(python, tmp_path):
    long = "the quick brown fox – " * 4_600_000
    texts = [json.dumps(chat(text), ensure_ascii=False) for text in ("before", long, "after")]
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(texts), encoding="utf-8")
    assert path.stat().st_size > 100e6
    done = python(MEASURED, tmp_path / "var", path)
    assert done.returncode == 0, done.stderr
    read, imported, sealed, length, peak_mib = json.loads(done.stdout)
    assert (read, imported, sealed, length) == (3, 3, 3, len(long))
    assert peak_mib < 3000


def test_many_times_a_batch_takes_the_memory_of_a_batch(python, tmp_path):
    """An array of 60 MB: read as a whole it would take some 400 MiB above what is imported and sealed in batches."""
    line = "some words about code, number {}: " + "x = [1, 2]; y = {{'a': 3}}; " * 60
    texts = (json.dumps(chat(line.format(number), line.format(-number))) for number in range(17_000))
    path = tmp_path / "a.json"
    path.write_text(f"[{', '.join(texts)}]")
    assert path.stat().st_size > 50e6
    done = python(MEASURED, tmp_path / "var", path)
    assert done.returncode == 0, done.stderr
    read, imported, sealed, _, peak_mib = json.loads(done.stdout)
    assert (read, imported, sealed) == (17_000,) * 3
    assert peak_mib < 500


@pytest.mark.parametrize(("bound", "size"), [("BATCH_BYTES", 1000), ("BATCH", 50)])
def test_rejects_are_put_aside_while_the_file_is_read_and_kept_once(bring, store, tmp_path, monkeypatch, bound, size):
    monkeypatch.setattr(tally, bound, size)
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join([json.dumps(chat("q")), *(f"broken line {number}" for number in range(500))]))
    assert bring(path).reasons == {"not JSON (cut off?)": 500}
    kept = store.names("log/interactions/quarantine")
    assert len(kept) > 5
    assert quarantine.reasons(store, "interactions") == {"not JSON (cut off?)": 500}
    assert bring(path).duplicate == 1
    assert store.names("log/interactions/quarantine") == kept


def test_nothing_is_held_of_a_record_that_gave_nothing():
    batch = tally.Batch()
    batch.add(tally.Tally("somewhere"), [])
    assert batch.records == []


def trace(session: str, turn: int) -> dict:
    """A trace of MLflow's, one call long; those of a session are one conversation."""
    attributes = {
        "mlflow.spanType": '"CHAT_MODEL"',
        "mlflow.spanInputs": json.dumps({"messages": [{"role": "user", "content": f"é {session} asks {turn}"}]}),
        "mlflow.spanOutputs": json.dumps({"role": "assistant", "content": f"{session} is told {turn}"}),
    }
    span = {"span_id": f"{session}{turn}", "parent_span_id": None, "name": "chat", "attributes": attributes}
    span["start_time_unix_nano"] = (1_767_000_000 + 60 * turn) * 10**9
    info = {"trace_id": f"tr-{session}{turn}", "trace_metadata": {"mlflow.trace.session": session}}
    return {"info": info, "data": {"spans": [span]}}


@pytest.mark.parametrize("in_memory", [1, 16 << 20])
def test_the_lines_of_mixed_sessions_wait_outside_of_memory(bring, store, tmp_path, monkeypatch, in_memory):
    monkeypatch.setattr(temporary, "IN_MEMORY", in_memory)
    path = tmp_path / "a.jsonl"
    traces = [trace(session, turn) for turn in range(3) for session in "abc"]
    path.write_text("\n".join(json.dumps(it, ensure_ascii=False) for it in traces), encoding="utf-8")
    assert (bring(path).read, bring(path).duplicate) == (3, 3)
    found = sealed(store.root).rows(named=True)
    assert sorted((it["input"], it["output"], it["turn"]) for it in found) == sorted(
        (f"é {session} asks {turn}", f"{session} is told {turn}", turn) for session in "abc" for turn in range(3)
    )
