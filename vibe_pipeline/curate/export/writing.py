"""Examples as a folder for other programs: one file a split, and a dataset card that says which is which.

Rows pass in chunks, so that ten million take no more memory than one chunk, and the same export gives the same bytes.
What later generations took back stays out, as it is learned no longer (docs/decisions/0017). No id leaves unless it is
asked for (docs/decisions/0012). Not here: what a row looks like (shapes.py), how the folder gets to its place
(handing_over.py), and what is said of it (outcome.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vibe_pipeline.curate.export.handing_over import CARD, handed_over, require_ours
from vibe_pipeline.curate.export.messages import find_turns, remember_lengths
from vibe_pipeline.curate.export.outcome import Exported, dataset_card, left_out
from vibe_pipeline.curate.export.shapes import COLUMNS, IDS, MACROS, SPOKEN, Shape, shape_of, unfit
from vibe_pipeline.database import SPILL, connect
from vibe_pipeline.errors import SettingsInvalid
from vibe_pipeline.progress import Watch, nobody
from vibe_pipeline.records import ExampleSet, Split, generation_name
from vibe_pipeline.store import Store
from vibe_pipeline.withdrawn import Withdrawn

Format = Literal["jsonl", "parquet"]

NAMES: dict[str, dict[Split, str]] = {
    "jsonl": {Split.TRAIN: "train.jsonl", Split.VALIDATION: "val.jsonl", Split.TEST: "test.jsonl"},
    "parquet": {split: f"{split}.parquet" for split in Split},
}

CHUNK = 1 << 15
"""Rows in memory at once: some 100 MB of ordinary examples."""

READ = ("example_id", "kind", "split", "conversation_id", "interaction_ids", "prompt", "completion", "rejected")

FITTING = """
CREATE OR REPLACE TABLE fitting AS
SELECT chunk.*, turns, is_parted, {unfit} AS why
FROM chunk LEFT JOIN turns USING (row) WHERE list_contains($kinds, kind)
"""

TALLY = """
SELECT split, kind, why, kind IN ('conversation', 'code_generation') AND len(interaction_ids) > 1
    AND is_parted IS NOT TRUE, count(*)
FROM fitting GROUP BY ALL
"""

ROWS = {
    "jsonl": """
        SELECT string_agg(to_json({{{pairs}}})::VARCHAR || chr(10), '' ORDER BY row) AS lines
        FROM fitting WHERE split = $split AND why IS NULL HAVING count(*) > 0""",
    "parquet": "SELECT {columns} FROM fitting WHERE split = $split AND why IS NULL ORDER BY row",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be exported, and how."""

    folder: Path | None = None
    """A new or empty one; None: one in the current folder that is named for what is in it."""
    format: Format = "jsonl"
    shape: Shape | None = None
    """None: the one that suits these kinds."""
    kinds: tuple[str, ...] = ()
    """All of them where none is named."""
    with_ids: bool = False


class Place(NamedTuple):
    """Where a row belongs: in the file of its split, unless there is a reason why not."""

    split: str
    kind: str
    why: str | None
    is_untold: bool


def export(
    store: Store,
    examples: ExampleSet,
    wanted: Wanted,
    segments: list[Path],
    watch: Watch = nobody,
    withdrawn_sha: str = "",
) -> Exported:
    """Write the folder; where the turns of conversations begin is looked up in these `segments` of the log, and what
    was taken back in withdrawn/<sha>.parquet.

    SettingsInvalid where no row has the shape, or the folder holds something else or cannot be written.
    """
    name = generation_name(examples.generation)
    kinds = _kinds(examples, wanted)
    shape = wanted.shape or shape_of(kinds)
    folder = (wanted.folder or Path(f"{name}-{shape}-{wanted.format}")).expanduser().absolute()
    require_ours(folder)
    settled = replace(wanted, shape=shape, kinds=kinds)
    gone = Withdrawn(store, withdrawn_sha).of(examples.generation)
    with handed_over(folder) as temporary, watch(f"exporting {name}") as advance:
        tally: Counter[Place] = Counter()
        for counts in _write(store, examples, settled, segments, gone, temporary):
            tally.update(counts)
            advance(tally.total(), examples.rows)
        made = _exported(name, folder, settled, tally)
        if not made.files:
            what = f"{name} has no row for the shape {shape}: {'; '.join(left_out(made))}"
            raise SettingsInvalid(what, "Ask for another shape, or for another generation")
        (temporary / CARD).write_text(dataset_card(made), encoding="utf-8")
    return made


def _kinds(examples: ExampleSet, wanted: Wanted) -> tuple[str, ...]:
    """The kinds that are wanted, all of which must be there."""
    name, there = generation_name(examples.generation), tuple(dict.fromkeys(kind for _, kind, _, _ in examples.counts))
    if not there:
        raise SettingsInvalid(f"{name} has no examples", "Name another generation")
    for kind in wanted.kinds:
        if kind not in there:
            what = f"{name} has no examples of the kind {kind!r}"
            raise SettingsInvalid(what, f"Name some of: {', '.join(there)}")
    return tuple(dict.fromkeys(wanted.kinds)) or there


def _write(
    store: Store, examples: ExampleSet, wanted: Wanted, segments: list[Path], gone: np.ndarray, folder: Path
) -> Iterator[dict[Place, int]]:
    """Write the files, chunk by chunk; what each chunk held."""
    assert wanted.shape
    columns = COLUMNS[wanted.shape] | ({name: name for name in IDS} if wanted.with_ids else {})
    pairs, named = (", ".join(form.format(*it) for it in columns.items()) for form in ("'{0}': {1}", "{1} AS {0}"))
    rows = ROWS[wanted.format].format(pairs=pairs, columns=named)
    with connect(store.path(SPILL)) as db, _Files(folder, wanted.format) as files:
        db.execute(MACROS + SPOKEN[wanted.format])
        remember_lengths(db, segments if wanted.shape in (Shape.MESSAGES, Shape.OPENAI_PREFERENCE) else [])
        for chunk in _chunks(store.existing_table(f"examples/{examples.sha}.parquet"), gone):
            db.register("chunk", chunk)
            find_turns(db)
            db.execute(FITTING.format(unfit=unfit(wanted.shape)), {"kinds": list(wanted.kinds)})
            for split in Split:
                files.add(split, db.sql(rows, params={"split": split}).to_arrow_table())
            yield {Place(*place): count for *place, count in db.execute(TALLY).fetchall()}


def _chunks(path: Path, gone: np.ndarray) -> Iterator[pa.Table]:
    """The rows of an examples file in order, each with its number, and whether that is one of `gone`."""
    start = 0
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(CHUNK, columns=list(READ)):
            rows = np.arange(start, start + len(batch))
            here = slice(*np.searchsorted(gone, (start, start + len(batch))))
            chunk = pa.Table.from_batches([batch]).append_column("row", pa.array(rows))
            yield chunk.append_column("is_taken_back", pa.array(np.isin(rows, gone[here])))
            start += len(batch)


class _Files:
    """The files of an export while they grow; the first rows of a split open its own."""

    def __init__(self, folder: Path, format: Format) -> None:
        self._folder, self._format = folder, format
        self._files: dict[Split, Any] = {}
        self._opened = ExitStack()

    def __enter__(self) -> _Files:
        return self

    def __exit__(self, *error: object) -> None:
        self._opened.close()

    def add(self, split: Split, rows: pa.Table) -> None:
        """Append rows (Parquet) or one text of lines (JSON)."""
        if not len(rows):
            return
        if split not in self._files:
            self._files[split] = self._opened.enter_context(self._open(split, rows.schema))
        if self._format == "parquet":
            self._files[split].write_table(rows)
        else:
            self._files[split].write(rows["lines"][0].as_py().encode())

    def _open(self, split: Split, schema: pa.Schema) -> Any:
        path = self._folder / NAMES[self._format][split]
        return pq.ParquetWriter(path, schema, compression="zstd") if self._format == "parquet" else path.open("wb")


def _exported(name: str, folder: Path, wanted: Wanted, tally: Counter[Place]) -> Exported:
    fitting = {place: rows for place, rows in tally.items() if place.why is None}
    unfit = {place: rows for place, rows in tally.items() if place.why is not None}
    rows = _sums((place.split, count) for place, count in fitting.items())
    return Exported(
        generation=name,
        folder=str(folder),
        format=wanted.format,
        shape=str(wanted.shape),
        files={split: NAMES[wanted.format][split] for split in Split if split in rows},
        rows={split: rows[split] for split in Split if split in rows},
        kinds=_sums((place.kind, count) for place, count in fitting.items()),
        left_out={
            kind: _sums((str(place.why), count) for place, count in unfit.items() if place.kind == kind)
            for kind in sorted({place.kind for place in unfit})
        },
        whole_prompts=sum(count for place, count in fitting.items() if place.is_untold)
        if wanted.shape == Shape.MESSAGES
        else 0,
    )


def _sums(counts: Iterable[tuple[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for name, count in counts:
        total[name] += count
    return dict(sorted(total.items()))
