"""The log under SIGKILL: writers, sealers, compactors and importers die at random moments, and no promise is broken.

An id on a writer's stdout is a promise. VIBE_KILLS says how many writers are killed, each beside a sealer, compactor or
importer that is killed too (`make soak`: 200).
"""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import polars as pl

from vibe_pipeline import settings
from vibe_pipeline.interactions import quarantine
from vibe_pipeline.interactions.compaction import compact
from vibe_pipeline.interactions.importers import import_paths
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.interactions.segments import manifest, paths, seal
from vibe_pipeline.store import Store

ROOT = Path(__file__).parents[2]

KILLS = int(os.environ.get("VIBE_KILLS", "9"))

CHATS, BROKEN = 2000, 20

WRITE = """
import sys
from vibe_pipeline.interactions.logger import InteractionLogger
logger = InteractionLogger(sys.argv[1], durability=sys.argv[2])
while True:
    print(logger.log(module="m", action="a", input="x" * 500), flush=True)
"""

WORK = """
import sys
from pathlib import Path
from vibe_pipeline.interactions.compaction import compact
from vibe_pipeline.interactions.importers import import_paths, tally
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.interactions.segments import seal
from vibe_pipeline.settings import Curate
from vibe_pipeline.store import Store
store = Store(sys.argv[1])
print("ready", flush=True)
while True:
    {work}
"""

SEAL = WORK.format(work="seal(store, Curate())")
COMPACT = WORK.format(work="compact(store, 'interactions', Curate(), -1, grace_s=-1)")
IMPORT = WORK.format(work="tally.BATCH = 20; import_paths(InteractionLogger(store.root), store, [Path(sys.argv[2])])")


class Victim:
    """A process of ours with what it has printed so far; killed by its own id."""

    def __init__(self, code: str, *arguments: object) -> None:
        command = [sys.executable, "-c", code, *map(str, arguments)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        self.lines: list[str] = []
        self._reader = threading.Thread(target=lambda: self.lines.extend(self.process.stdout))
        self._reader.start()

    def wait_for_a_line(self) -> None:
        while not self.lines and self.process.poll() is None:
            time.sleep(0.01)

    def kill(self) -> list[str]:
        """Ids that were promised; the last line may be cut off, a whole one has 32 digits."""
        self.process.send_signal(signal.SIGKILL)
        self._reader.join()
        self.process.wait()
        return [line.strip() for line in self.lines if len(line.strip()) == 32]


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


def test_no_promise_is_broken_whoever_is_killed(tmp_path):
    home = tmp_path / "var"
    chance = random.Random(0)
    steady = [*(Victim(WRITE, home, "durable") for _ in range(2)), Victim(SEAL, home)]
    for process in steady:
        process.wait_for_a_line()
    promised: list[str] = []
    files: list[Path] = []
    for number in range(KILLS):
        beside = (SEAL, COMPACT, IMPORT)[number % 3]
        if beside == IMPORT:  # what an earlier one has brought, a later one would not log again
            files.append(chats(tmp_path, number))
        writer = Victim(WRITE, home, ("durable", "batched")[number % 2])
        victims = [writer, Victim(beside, home, *(files[-1:] if beside == IMPORT else ()))]
        for victim in victims:
            victim.wait_for_a_line()
        for victim in chance.sample(victims, 2):
            time.sleep(chance.uniform(0, 0.5))
            promised += victim.kill()
    for process in steady:
        promised += process.kill()
    store = Store(home)
    import_paths(InteractionLogger(home), store, files)
    seal(store, settings.Curate())
    compact(store, "interactions", settings.Curate(), -1)
    sealed = paths(store, "interactions", [segment.sha for segment in manifest(store, "interactions")])
    found = pl.concat([pl.read_parquet(file, columns=["interaction_id", "source"]) for file in sealed])
    assert len(promised) > 10 * KILLS
    assert set(promised) <= set(found["interaction_id"])
    assert found["interaction_id"].is_unique().all()
    assert found.filter(pl.col("source") == "import:openai_chat").height == CHATS * len(files)
    assert sum(quarantine.reasons(store, "interactions").values()) == BROKEN * len(files)
