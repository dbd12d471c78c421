"""Curation of one generation: from its window of the log to its examples, in the memory of one part of it.

    window → candidates of each part (builders, quality, split) → sketches → dedup over all parts → order → one file

Same inputs and settings, same bytes. What is compared over all parts lies in columns on disk; texts are read again at
the end. Not here: what each step does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vibe_pipeline import withdrawn
from vibe_pipeline.curate.candidates import Candidates
from vibe_pipeline.curate.columns import Columns
from vibe_pipeline.curate.dedup import judging, keys
from vibe_pipeline.curate.dedup.keys import TEST, TRAIN
from vibe_pipeline.curate.dedup.reasons import counted
from vibe_pipeline.curate.events.unlisted import unlisted
from vibe_pipeline.curate.events.window import Inputs, Window
from vibe_pipeline.curate.order import priorities
from vibe_pipeline.curate.output import SCHEMA, Output
from vibe_pipeline.curate.sessions.turns import joined
from vibe_pipeline.curate.steps import Steps
from vibe_pipeline.database import SPILL, connect
from vibe_pipeline.errors import OutOfMemory
from vibe_pipeline.fingerprint import key_of
from vibe_pipeline.progress import Watch, nobody
from vibe_pipeline.records import generation_name
from vibe_pipeline.settings import Curate
from vibe_pipeline.store import Store

COMPARED = [
    "kind",
    "split",
    "question",
    "context",
    "completion",
    "rejected",
    "content",
    "asked",
    "told",
    "unit",
    "held_with",
]
TOLD = [
    "quality",
    "moment",
    "conversation",
    "family",
    "is_synthetic",
    "is_augmented",
    "is_edited",
    "is_grouped",
    "vouched",
]

BATCH, BATCH_BYTES = 2048, 4 << 20
"""Rows that are sketched at once, and their texts: these stay in a processor's cache."""

THREADS = 2
"""That sketch one part while the builders make the next: half of the time numpy and rensa let others work."""

SCRATCH = 6
"""Bytes on the disk for each byte of the window, while it is curated: events, candidates, columns, examples."""

MEMORY = "1536MiB"
"""For DuckDB; what does not fit is spilled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curated:
    """What became of a generation."""

    sha: str
    """Of examples/<sha>.parquet: train first, then by kind."""
    rows: int
    counts: tuple[tuple[str, str, int, int], ...]
    """(split, kind, rows, characters) in file order."""
    synthetic: tuple[int, ...]
    """How many rows of each of these counts are synthetic; they lie last."""
    dropped: dict[str, int]
    leaks: dict[str, int]
    """What is on both sides of the split, counted over what was kept."""
    grouped: int
    """Rows of what has a group (`curate.group`)."""
    were_split: int
    """Groups that were on both sides of the split before they were held out as such."""
    withdrawn: int
    """Rows of earlier generations that this one took back."""
    withdrawn_sha: str
    """Of withdrawn/<sha>.parquet, with all that was taken back so far; empty where nothing was."""
    unlisted: int
    """Interactions of actions that no list names."""
    unlisted_actions: dict[str, int]
    """The commonest of these."""
    seconds: dict[str, float]
    """Of each step."""


def curate(store: Store, inputs: Inputs, generation: int, settings: Curate, watch: Watch = nobody) -> Curated:
    """Build, judge, split, deduplicate and order one generation, and write its examples."""
    title = f"curating {generation_name(generation)}"
    store.require(SCRATCH * inputs.size, title)
    name = key_of(["curating", generation])[:32]
    with store.temporary("examples", name) as scratch, watch(title) as advance:
        scratch.mkdir(mode=0o700)
        step, columns = Steps(advance), Columns(scratch / "columns")
        with connect(store.path(SPILL)) as db:  # closed before rows are compared: both take as much as they may
            db.execute(f"SET memory_limit = '{MEMORY}'")
            db.execute("PRAGMA verify_parallelism")  # else fewer than 122,880 rows of a table are one core's work
            with _enough_memory(title, inputs, settings):
                files, dropped, taken_back = _candidates(db, inputs, settings, scratch, columns, step)
                others, by_action = unlisted(db, (it for its in settings.actions().values() for it in its))
        found = columns.mapped()
        with step("dedup"):
            these = keys.of_columns(found)
            better = (these.split != TEST, -found["quality"], -found["moment"], found["content"], found["conversation"])
            rank = _place(np.lexsort(better[::-1]))  # a probe knows
            told = {name: found[name] for name in ("moment", "conversation", "family", "is_augmented", "is_edited")}
            compared = judging.Compared(
                features=these, rank=rank, vouched=found["vouched"], taken_back=taken_back, rest=columns.rest, **told
            )
            judged = judging.judged(compared, inputs.known, settings, scratch, inputs.ungrouped)
            stays = judged.reasons == 0
        with step("order"):
            priority = _priorities(found, keys.exact(these), stays & (these.split == TRAIN))
        with step("writing"):
            output = Output(files, these, stays, found["is_synthetic"], priority, generation)
            only = key_of(["examples", generation])[:32]
            sha = store.write_tables("examples", SCHEMA, output.tables(), only)
            withdrawn_sha = withdrawn.write(store, judged.withdrawn, generation, inputs.withdrawn_sha)
    return Curated(
        sha=sha,
        rows=int(stays.sum()),
        counts=tuple(output.counts),
        synthetic=tuple(output.synthetic),
        dropped=dict(sorted((dropped + counted(judged.reasons)).items())),
        leaks=judged.leaks,
        grouped=int(found["is_grouped"][stays].sum()),
        were_split=judged.were_split,
        withdrawn=len(judged.withdrawn),
        withdrawn_sha=withdrawn_sha,
        unlisted=others,
        unlisted_actions=by_action,
        seconds=step.seconds,
    )


def _candidates(
    db: duckdb.DuckDBPyConnection, inputs: Inputs, settings: Curate, scratch: Path, columns: Columns, step: Steps
) -> tuple[list[Path], Counter[str], np.ndarray]:
    """Files of candidates, what rules dropped, keys of what is taken back; and in the columns what candidates are
    compared by."""
    candidates = Candidates(db, scratch / "candidates", settings, inputs.known, inputs.ungrouped)
    with step("window"):
        events = Window(db, inputs, scratch, joined(settings.quality), settings.neutral)
        candidates.settle()
    step.total = 2 * events.parts + 5
    with ThreadPoolExecutor(1) as behind, ThreadPoolExecutor(THREADS) as pool:
        files = [candidates.of_probes(inputs.probes)]
        sketched = [behind.submit(_sketch, files[0], columns, pool)]
        for part in range(events.parts):
            with step("builders"):
                events.load(part)
                files.append(candidates.of_events(part))
            sketched.append(behind.submit(_sketch, files[-1], columns, pool))
        for waiting in sketched:
            with step("sketches"):
                waiting.result()
    return files, candidates.dropped, np.concatenate(candidates.taken_back)


@contextmanager
def _enough_memory(title: str, inputs: Inputs, settings: Curate) -> Iterator[None]:
    """Says in words that DuckDB had too little, where that is why the block fails."""
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise OutOfMemory(
            f"{title}: {MEMORY} are too little for {inputs.size:,} bytes of interactions, of which whole conversations "
            f"are read at once, and earlier turns of up to {joined(settings.quality):,} characters are put before each",
            "Set a smaller curate.quality.longest, or leave the longest conversation out with "
            "`vibe log forget --conversation`",
        ) from error


def _sketch(file: Path, columns: Columns, pool: ThreadPoolExecutor) -> None:
    """Append what the candidates of a file are compared by, in their order."""
    opened = pq.ParquetFile(file)
    nothing = pa.RecordBatch.from_pylist([], opened.schema_arrow)  # so that there are columns where there are no rows
    read = opened.iter_batches(BATCH, columns=[*COMPARED, *TOLD])
    batches = chain([nothing], chain.from_iterable(keys.slices(it, BATCH_BYTES) for it in read))
    while taken := list(islice(batches, 4 * THREADS)):  # not all at once: what waits is in memory
        for made in pool.map(_compared, taken):
            columns.append(**made)


def _compared(batch: pa.RecordBatch) -> dict[str, np.ndarray]:
    told = {name: batch[name].to_numpy(zero_copy_only=False) for name in TOLD}
    return keys.as_columns(keys.features(batch)) | told


def _priorities(found: dict[str, np.ndarray], exact: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Of the chosen rows; of all others none, which is -1."""
    priority = np.full(len(chosen), -1, dtype=np.int32)
    quality, conversation = (found[name][chosen] for name in ("quality", "conversation"))
    priority[chosen] = priorities(quality, conversation, found["bands"][chosen, 0], exact[chosen])
    return priority


def _place(order: np.ndarray) -> np.ndarray:
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    return place
