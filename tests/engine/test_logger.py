"""Logging as a caller meets it: durable, cheap to import, clear about what it cannot hold."""

import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from tests.engine.serving import sealed
from vibe_pipeline import settings
from vibe_pipeline.errors import DiskFull, SettingsInvalid
from vibe_pipeline.interactions.known import Known
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.interactions.sealing import seal
from vibe_pipeline.interactions.segments import manifest, paths
from vibe_pipeline.records import Interaction
from vibe_pipeline.store import Store

ROOT = Path(__file__).parents[2]

WRITER = """
import sys
from vibe_pipeline.interactions.logger import InteractionLogger
logger = InteractionLogger(sys.argv[1])
print("ready", flush=True)
while True:
    print(logger.log(module="m", action="a", input="x" * 3000), flush=True)
"""


def sealed_ids(home: Path) -> list[str]:
    store = Store(home)
    files = paths(store, "interactions", [segment.sha for segment in manifest(store, "interactions")])
    return [identity for file in files for identity in pl.read_parquet(file)["interaction_id"]]


def seal_all(home: Path):
    return seal(Store(home), settings.Curate())


def writer(home: Path) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", WRITER, home], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_logging_imports_nothing_heavy(tmp_path):
    code = (
        "import sys; from vibe_pipeline.interactions.logger import InteractionLogger;"
        "InteractionLogger(sys.argv[1]).log(module='m', action='a', input='i');"
        "print({'polars', 'pyarrow', 'duckdb', 'torch', 'pydantic', 'numpy'} & sys.modules.keys())"
    )
    assert subprocess.check_output([sys.executable, "-c", code, tmp_path], cwd=ROOT, text=True).strip() == "set()"


def test_an_interaction_is_read_back_as_it_was_logged(tmp_path):
    logger = InteractionLogger(tmp_path, source="test")
    moment = datetime(2026, 1, 2, 3, 4, 5, 6, UTC)
    identity = logger.log(
        module="m", action="ask", input="q", output="a", success=True, occurred_at=moment, extra={"k": 1}
    )
    seal_all(tmp_path)
    (segment,) = manifest(Store(tmp_path), "interactions")
    row = pl.read_parquet(paths(Store(tmp_path), "interactions", [segment.sha])).row(0, named=True)
    assert (row["interaction_id"], row["conversation_id"], row["occurred_at"]) == (identity, identity, moment)
    assert (row["input"], row["output"], row["success"], row["extra"], row["source"]) == (
        "q",
        "a",
        True,
        '{"k": 1}',
        "test",
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"input": None},
        {"input": b"bytes"},
        {"module": 3},
        {"turn": "1"},
        {"turn": True},
        {"turn": -1},
        {"success": 1},
        {"occurred_at": datetime(2026, 1, 1)},
        {"occurred_at": "2026-01-01"},
        {"feedback": float("nan")},
        {"latency_ms": "fast"},
        {"improvements": "one text"},
        {"learnings": [None]},
        {"extra": {"when": datetime(2026, 1, 1)}},
        {"extra": {"x": float("inf")}},
        {"extra": [1]},
        {"interaction_id": ""},
    ],
    ids=str,
)
def test_what_the_log_cannot_hold_is_refused_with_one_clear_error(tmp_path, wrong):
    with pytest.raises(SettingsInvalid, match=f"cannot log {next(iter(wrong))} = .*Pass "):
        InteractionLogger(tmp_path).log(**{"module": "m", "action": "a", "input": "i", **wrong})
    assert not list(tmp_path.rglob("*.jsonl"))


def test_a_lone_surrogate_is_replaced_and_nothing_else_is_lost(tmp_path):
    InteractionLogger(tmp_path).log(module="m", action="a", input="a\ud83db 😀", extra={"\udc00": ["\ud83d"]})
    (spool,) = tmp_path.rglob("*.jsonl")
    assert "a\ufffdb 😀" in spool.read_text(encoding="utf-8")


def test_a_batch_is_refused_as_a_whole(tmp_path):
    def batch() -> Iterator[Interaction]:
        for text in ("good", None):
            yield Interaction(
                interaction_id="i",
                conversation_id="c",
                turn=0,
                occurred_at=datetime.now(UTC),
                module="m",
                action="a",
                input=text,
            )

    with pytest.raises(SettingsInvalid, match="input"):
        InteractionLogger(tmp_path).log_many(batch())
    assert not list(tmp_path.rglob("*.jsonl"))


def test_the_default_home_is_the_one_of_the_settings(tmp_path, monkeypatch):
    monkeypatch.setenv("VIBE_HOME", str(tmp_path / "elsewhere"))
    InteractionLogger().log(module="m", action="a", input="i")
    assert list((tmp_path / "elsewhere" / "log" / "interactions" / "spool").glob("*.jsonl"))


def test_killed_writers_lose_nothing_that_log_returned_for(tmp_path):
    """Ten writers, each killed at another moment; an id on stdout is a promise."""
    promised: list[str] = []
    for number in range(10):
        process = writer(tmp_path)
        process.stdout.readline()
        time.sleep(0.01 + 0.013 * number)
        process.send_signal(signal.SIGKILL)
        promised += process.communicate()[0].split()
        if number % 3 == 2:
            seal_all(tmp_path)
    seal_all(tmp_path)
    found = sealed_ids(tmp_path)
    assert len(promised) > 10
    assert len(found) == len(set(found))
    # The last id may be cut in the pipe; a whole one has 32 digits.
    assert {identity for identity in promised if len(identity) == 32} <= set(found)


def test_two_processes_log_while_a_third_seals(tmp_path):
    processes = [writer(tmp_path) for _ in range(2)]
    for process in processes:
        process.stdout.readline()
    with ThreadPoolExecutor() as readers:  # a pipe that nobody reads is soon full, and its writer stands still
        told = [readers.submit(process.stdout.read) for process in processes]
        sealed, patience = 0, time.monotonic() + 60
        while sealed < 4 and time.monotonic() < patience:
            sealed += bool(seal_all(tmp_path))
        for process in processes:
            process.send_signal(signal.SIGKILL)
            process.wait()
        promised = {line for it in told for line in it.result().split() if len(line) == 32}
    seal_all(tmp_path)
    found = sealed_ids(tmp_path)
    assert sealed == 4
    assert len(found) == len(set(found))
    assert promised <= set(found)


def test_a_full_disk_is_an_error_that_loses_nothing(small_disk):
    logger = InteractionLogger(small_disk)
    promised: list[str] = []

    def fill():
        while True:
            promised.append(logger.log(module="m", action="a", input="x" * 50_000))

    with pytest.raises(DiskFull, match="Free some room"):
        fill()
    with pytest.raises(DiskFull):
        seal_all(small_disk)
    assert not any(Known(Store(small_disk)).add(promised))
    subprocess.run(["mount", "-o", "remount,size=128m", small_disk], check=True)
    promised.append(logger.log(module="m", action="a", input="there is room again"))
    seal_all(small_disk)
    logger.close()
    assert sorted(sealed_ids(small_disk)) == sorted(promised)
    assert not list(small_disk.glob("log/*/quarantine/*"))


LAST_WORDS = """
import builtins, sys
from vibe_pipeline import InteractionLogger

class Connection:
    def __init__(self, log):
        self.log, self.itself = log, self  # a circle that only the interpreter's end collects

    def __del__(self):
        self.log.log(module="m", action="close", input="last words")

builtins.kept = Connection(InteractionLogger(sys.argv[1]))
"""


def test_what_is_logged_for_the_first_time_while_the_interpreter_ends_is_kept(python, tmp_path):
    done = python(LAST_WORDS, tmp_path / "var")
    assert (done.returncode, done.stderr) == (0, "")
    assert sealed(tmp_path / "var")["input"].to_list() == ["last words"]


def test_a_logger_can_be_handed_to_another_process(tmp_path):
    logger = InteractionLogger(tmp_path, source="mine", durability="batched")
    other = pickle.loads(pickle.dumps(logger))
    promised = {each.log(module="m", action="a", input="x") for each in (logger, other)}
    assert (other.source, other.durability) == ("mine", "batched")
    assert len(list((tmp_path / "log/interactions/spool").iterdir())) == 2
    seal_all(tmp_path)
    assert set(sealed_ids(tmp_path)) == promised
