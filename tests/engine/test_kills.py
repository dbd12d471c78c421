"""The log under SIGKILL: writers, sealers, compactors, importers and joiners of spans die at random moments, and no
promise is broken.

An id on a writer's stdout is a promise. A worker says what it begins to do, so that it is killed in the middle of that,
and the test says how many were. VIBE_KILLS says how many writers are killed at least, each beside a worker that is
killed too (`make soak`: 200).
"""

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import pairwise, takewhile
from pathlib import Path
from typing import Self

import polars as pl
import pytest

from vibe_pipeline import settings
from vibe_pipeline.interactions import quarantine
from vibe_pipeline.interactions.compaction import compact
from vibe_pipeline.interactions.importers import import_paths
from vibe_pipeline.interactions.ingest import spans
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.interactions.sealing import seal
from vibe_pipeline.interactions.segments import manifest, paths
from vibe_pipeline.store import Store

ROOT = Path(__file__).parents[2]

KILLS = int(os.environ.get("VIBE_KILLS", "4"))

CHATS, BROKEN = 600, 20

WAIT_S = 300
"""For what takes a second on a machine that has nothing else to do."""

TORN = ("not JSON (a write that was cut off", "not a span")
"""Why half a line is in quarantine that a killed process wrote, and never promised."""

WRITE = """
import sys, time
from vibe_pipeline.interactions.logger import InteractionLogger
logger = InteractionLogger(sys.argv[1], durability=sys.argv[2])
while True:
    print(logger.log(module="m", action="a", input="x" * 500), flush=True)
    time.sleep(float(sys.argv[3]))
"""
"""With a rest after each line, so that the log does not grow by all that a disk can take while 200 are killed."""

SEND = """
import json, sys, time, uuid
from datetime import UTC, datetime
from vibe_pipeline.interactions.importers.genai_spans import Span
from vibe_pipeline.interactions.ingest import spans
from vibe_pipeline.interactions.spool import Spool
from vibe_pipeline.store import Store
spool = Spool(Store(sys.argv[1]).path(spans.SPOOL))
while True:
    identity, now = uuid.uuid4().hex, datetime.now(UTC)
    said = {name: json.dumps([{"role": role, "parts": [{"type": "text", "content": identity}]}])
            for name, role in (("gen_ai.input.messages", "user"), ("gen_ai.output.messages", "assistant"))}
    spool.append([spans.line_of_span(Span(identity, "s", None, "chat", now, now, said), now)])
    print(identity, flush=True)
    time.sleep(0.01)
"""

WORK = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from vibe_pipeline.interactions.compaction import compact
from vibe_pipeline.interactions.importers import import_paths, tally
from vibe_pipeline.interactions.ingest import spans
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.interactions.sealing import seal
from vibe_pipeline.settings import Curate
from vibe_pipeline.store import Store
tally.BATCH = 20
store = Store(sys.argv[1])
def begin(what):
    print(what, flush=True)
while True:
{work}
"""

WORKERS = {
    "seal": """
    begin("seal"); seal(store, Curate())
    begin("between")""",
    "compact": """
    for _ in range(3):
        begin("between"); seal(store, Curate())
    begin("compact"); compact(store, "interactions", Curate(), -1, grace_s=-1)""",
    "import": """
    begin("import"); import_paths(InteractionLogger(store.root), store, [Path(sys.argv[2])])
    begin("between")""",
    "join": """
    begin("join"); spans.join(store, now=datetime.max.replace(tzinfo=UTC))
    begin("between")""",
}
"""What is done again and again: the lines between which a worker is killed, and what makes work for it."""


class Victim:
    """A process of ours with what it has printed so far, and when; killed by its own id, at the latest at the end."""

    def __init__(self, code: str, *arguments: object) -> None:
        command = [sys.executable, "-c", code, *map(str, arguments)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        self.lines: list[tuple[str, float]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def wait_for(self, line: str = "") -> None:
        """Until it has printed something, or this line as its latest."""
        self._wait_until(lambda: self.lines and line in ("", self.lines[-1][0]))

    def wait_until_done(self, work: str) -> None:
        """Until it has done this once."""
        self._wait_until(lambda: seconds_of(work, self))

    def _wait_until(self, is_so: Callable[[], object]) -> None:
        deadline = time.monotonic() + WAIT_S
        while not is_so():
            assert self.process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.0005)

    def kill(self) -> list[str]:
        """What it has printed; a promise has 32 digits, and the last line may be cut off."""
        self.process.kill()  # nothing where it has ended and was waited for
        self._reader.join()
        self.process.wait()
        return [line for line, _ in self.lines]

    def _read(self) -> None:
        for line in self.process.stdout:
            self.lines.append((line.strip(), time.perf_counter()))


def promised(lines: list[str]) -> set[str]:
    return {line for line in lines if len(line) == 32}


def seconds_of(work: str, victim: Victim) -> list[float]:
    """How long it took each time that it was done to the end."""
    pairs = pairwise(list(victim.lines))
    return [after - before for (line, before), (_, after) in pairs if line == work]


def chats(folder: Path, number: int) -> Path:
    """A file that nobody has imported yet: long enough to be killed in the middle of it."""
    said = [
        {"messages": [{"role": "user", "content": f"{number}: q{n}"}, {"role": "assistant", "content": "a"}]}
        for n in range(CHATS)
    ]
    broken = [f"{number}: broken {n}" for n in range(BROKEN)]
    path = folder / f"chats-{number}.jsonl"
    path.write_text("\n".join([*broken, *map(json.dumps, said)]))
    return path


@pytest.fixture
def victim():
    """Starts victims; those that a failure leaves alive are killed."""
    with ExitStack() as alive:
        yield lambda code, *arguments: alive.enter_context(Victim(code, *arguments))


def test_no_promise_is_broken_whoever_is_killed(tmp_path, victim):
    home, chance = tmp_path / "var", random.Random(0)
    steady, sender = [victim(WRITE, home, "durable", 0.02) for _ in range(2)], victim(SEND, home)
    for process in (*steady, sender):
        process.wait_for()
    logged: set[str] = set()
    files: list[Path] = []
    took: dict[str, list[float]] = defaultdict(lambda: [0.1])
    hit = Counter[str]()
    for number in takewhile(lambda number: number < KILLS or not all(hit[work] for work in WORKERS), range(10 * KILLS)):
        work = list(WORKERS)[number % len(WORKERS)]
        if work == "import":  # what an earlier one has brought, a later one would not log again
            files.append(chats(tmp_path, number))
        writer = victim(WRITE, home, ("durable", "batched")[number % 2], 0.0005)
        worker = victim(WORK.replace("{work}", WORKERS[work]), home, *(files[-1:] if work == "import" else ()))
        writer.wait_for()
        if work != "import":  # the second time, when it has more to do
            worker.wait_until_done(work)
        worker.wait_for(work)
        time.sleep(chance.uniform(0, sorted(took[work])[len(took[work]) // 2]))
        for process in chance.sample([writer, worker], 2):
            logged |= promised(process.kill())
        hit[work] += worker.lines[-1][0] == work
        took[work] += seconds_of(work, worker)
    for process in steady:
        logged |= promised(process.kill())
    sent = promised(sender.kill())
    store = Store(home)
    import_paths(InteractionLogger(home), store, files)
    spans.join(store, now=datetime.max.replace(tzinfo=UTC))
    seal(store, settings.Curate())
    compact(store, "interactions", settings.Curate(), -1)
    sealed = paths(store, "interactions", [segment.sha for segment in manifest(store, "interactions")])
    found = pl.concat([pl.read_parquet(file, columns=["interaction_id", "source", "output"]) for file in sealed])
    print(f"killed at work, of {number + 1}: {dict(hit)}")
    assert len(logged) > 10 * KILLS
    assert logged <= set(found["interaction_id"])
    assert found["interaction_id"].is_unique().all()
    assert found.filter(pl.col("source") == "import:openai_chat").height == CHATS * len(files)
    reasons = quarantine.reasons(store, "interactions")
    assert reasons.pop("not JSON (cut off?)", 0) == BROKEN * len(files)
    assert all(reason.startswith(TORN) for reason in reasons)
    answers = found.filter(pl.col("source") == spans.SOURCE)["output"]
    assert answers.is_unique().all()
    assert sent
    assert sent <= set(answers)
    assert all(hit[work] for work in WORKERS)
