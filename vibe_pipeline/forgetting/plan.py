"""What forgetting would touch: the files that hold the rows, and the rungs that were built from them.

Read only. A mix that held a row taints its rung, and a tainted rung taints those that grew from it, in any lineage.
Work that no settled rung names (a rung that was interrupted) is not tainted but thrown away: it is made again.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from vibe_pipeline.database import SPILL, connect
from vibe_pipeline.interactions.forgotten import hashed
from vibe_pipeline.interactions.schema import STREAMS, identity_of
from vibe_pipeline.ledger import SETTLED, Event, Line, chains, fold
from vibe_pipeline.models import ADAPTERS
from vibe_pipeline.records import Split, generation_name
from vibe_pipeline.store import Store, sql_list

EXAMPLES = "examples"

HOLDERS = (
    *((f"log/{stream}/segments/*/*.parquet", stream, identity_of(stream)) for stream in STREAMS),
    *((f"log/{stream}/originals/*.parquet", stream, identity_of(stream)) for stream in STREAMS),
    ("examples/*.parquet", EXAMPLES, "example_id"),
    ("suites/*.parquet", EXAMPLES, "item_id"),
    ("mixes/*.parquet", EXAMPLES, "example_id"),
    ("scores/*/*.parquet", EXAMPLES, "item_id"),
    ("scorecards/*.parquet", EXAMPLES, "item_id"),
)
"""Where rows lie: (files, what their rows are of, the column that says which). All of them but scores are named by
their content; a folder with rows of the log or of examples belongs here."""

BUILT = """
SELECT DISTINCT example_id, generation, split <> $train AS held_out FROM (
    SELECT example_id, generation, split, unnest(interaction_ids) AS id, 'interactions' AS kind
    FROM read_parquet({files}) WHERE example_id IS NOT NULL
    UNION ALL SELECT example_id, generation, split, conversation_id, 'probes'
    FROM read_parquet({files}) WHERE example_id IS NOT NULL AND split = $test
) SEMI JOIN found USING (kind, id)
"""
"""Examples that an interaction or a probe went into."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One file, and how many of its rows are to go."""

    name: str
    kind: str
    column: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """One settled rung that was built from what is to go."""

    lineage: str
    generation: int
    attempt: int
    verdict: str
    is_champion: bool
    event_sha: str
    child_sha: str | None
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that forgetting will do."""

    counts: dict[str, int]
    """Rows of each stream of the log, and `quarantined` lines."""
    generations: tuple[tuple[int, int, int], ...]
    """(generation, training examples, held-out items)."""
    examples: dict[str, list[str]]
    """Generation → the ids of these, for people: what is written down leaves them out."""
    files: tuple[Holding, ...]
    rungs: tuple[Touched, ...]
    discarded: tuple[str, ...]
    """Unfinished work that held the data."""


def make(store: Store, found: pa.Table, quarantined: int) -> tuple[Plan, pa.Table]:
    """The plan for these rows (kind, id), and the same rows with the examples that were built from them."""
    with connect(store.path(SPILL)) as db:
        db.register("matched", found)
        db.execute("CREATE TABLE found AS FROM matched")
        counts = dict(db.sql("SELECT kind, count(*) FROM found GROUP BY ALL").fetchall())
        built = _add_examples(db, store)
        files = tuple(holding for holder in HOLDERS for holding in _holding(db, store, *holder))
        rungs, discarded = _built_from(store, {it.name: it.rows for it in files if it.name.startswith("mixes/")})
        rows = db.sql("FROM found ORDER BY ALL").to_arrow_table()
    plan = Plan(
        counts={**{stream: counts.get(stream, 0) for stream in STREAMS}, "quarantined": quarantined},
        generations=tuple((generation, train, held_out) for generation, train, held_out, _ in built),
        examples={generation_name(generation): ids for generation, _, _, ids in built},
        files=files,
        rungs=rungs,
        discarded=discarded,
    )
    return plan, rows


def salted(rows: pa.Table, salt: str) -> pa.Table:
    """(kind, hash) of rows (kind, id)."""
    with connect() as db:
        db.register("rows", rows)
        return db.sql(f"SELECT kind, {hashed('id', salt)} AS hash FROM rows ORDER BY ALL").to_arrow_table()


def _add_examples(db: duckdb.DuckDBPyConnection, store: Store) -> list[tuple[int, int, int, list[str]]]:
    """Put the examples built from `found` into it; (generation, to learn, held out, ids) of what each loses."""
    names = store.names("examples", ".parquet")
    if not names:
        return []
    files = sql_list([store.path(name) for name in names])
    splits = {"train": str(Split.TRAIN), "test": str(Split.TEST)}
    db.execute(f"CREATE TABLE built AS {BUILT.format(files=files)}", splits)
    db.execute(f"INSERT INTO found SELECT DISTINCT '{EXAMPLES}', example_id FROM built")
    lost = (
        "count(*) FILTER (WHERE NOT held_out), count(*) FILTER (WHERE held_out), list(example_id ORDER BY example_id)"
    )
    return db.sql(f"SELECT generation, {lost} FROM built GROUP BY generation ORDER BY 1").fetchall()


def _holding(db: duckdb.DuckDBPyConnection, store: Store, pattern: str, kind: str, column: str) -> list[Holding]:
    files = sorted(store.root.glob(pattern))
    if not files:
        return []
    options = "filename = true, union_by_name = true, hive_partitioning = false"
    query = f"""
        SELECT filename, count(*) FROM read_parquet({sql_list(files)}, {options})
        WHERE "{column}" IN (SELECT id FROM found WHERE kind = '{kind}') GROUP BY filename ORDER BY filename"""
    found = db.sql(query).fetchall()
    return [
        Holding(name=Path(path).relative_to(store.root).as_posix(), kind=kind, column=column, rows=rows)
        for path, rows in found
    ]


def _built_from(store: Store, mixes: dict[str, int]) -> tuple[tuple[Touched, ...], tuple[str, ...]]:
    """The rungs built from these mixes (name → rows that are to go), and what nobody settled with."""
    lines = {ledger.lineage: (events := ledger.events(), fold(events)) for ledger in chains(store)}
    every = [event for events, _ in lines.values() for event in events if event.kind == SETTLED]
    settled = [event for event in every if event.facts["child_sha"]]  # without an adapter nothing was built
    names = {event.sha: store.current(f"mixes/{event.facts['mix_sha']}.parquet") for event in settled}
    because = {
        event.sha: f"its mix held {rows} erased rows" for event in settled if (rows := mixes.get(names[event.sha]))
    }
    while True:  # lineage by lineage would miss a branch that was read before its trunk
        adapters = {event.facts["child_sha"]: event for event in settled if event.sha in because}
        grown = {
            event.sha: f"it grew from {parent.lineage} {generation_name(parent.generation)}, which was"
            for event in settled
            if event.sha not in because and (parent := adapters.get(event.facts["parent_sha"] or ""))
        }
        if not grown:
            break
        because |= grown
    touched = [
        _touched(event, lines[event.lineage][1], because[event.sha]) for event in settled if event.sha in because
    ]
    unsettled = set(mixes) - set(names.values())
    return tuple(touched), _unsettled(store, unsettled, settled) if unsettled else ()


def _touched(event: Event, line: Line, because: str) -> Touched:
    return Touched(
        lineage=event.lineage,
        generation=event.generation,
        attempt=event.attempt,
        verdict=event.facts["verdict"],
        is_champion=line.champion == event,
        event_sha=event.sha,
        child_sha=event.facts["child_sha"],
        because=because,
    )


def _unsettled(store: Store, mixes: set[str], settled: list[Event]) -> tuple[str, ...]:
    """These mixes, every adapter, score and judgement that no settled rung names, and the results that lead to them:
    whoever leads comes first, so that at no moment a result names what is gone."""
    kept = {event.facts["child_sha"] for event in settled}
    adapters = [name for name in store.names(ADAPTERS) if Path(name).name not in kept]
    gone = {Path(name).name for name in adapters}
    shas = gone | {Path(name).stem for name in mixes}
    results = [
        name
        for stage, field in (("scorecard", "adapter_sha"), ("training", "adapter_sha"), ("mix", "sha"))
        for name in store.names(f"results/{stage}", ".json")
        if store.read_json(name)[field] in shas
    ]
    said = [f"{folder}/{sha}" for sha in sorted(gone) for folder in ("scores", "judged")]
    return (*results, *filter(store.exists, said), *adapters, *sorted(mixes))


def described(plan: Plan, tombstone: str | None) -> dict[str, Any]:
    """A plan as people and programs read it; `tombstone` is None where nothing was changed."""
    return {
        "tombstone": tombstone,
        **plan.counts,
        "segments": _listed(plan, "log/"),
        "generations": [
            {
                "generation": (name := generation_name(it)),
                "train": train,
                "held_out": held,
                "examples": plan.examples[name],
            }
            for it, train, held in plan.generations
        ],
        "mixes": _listed(plan, "mixes/"),
        "rungs": [
            {
                "lineage": it.lineage,
                "generation": generation_name(it.generation),
                "attempt": it.attempt,
                "verdict": it.verdict,
                "is_champion": it.is_champion,
                "adapter": it.child_sha,
                "because": it.because,
            }
            for it in plan.rungs
        ],
        "discarded": list(plan.discarded),
    }


def _listed(plan: Plan, folder: str) -> list[dict[str, Any]]:
    return [{"file": it.name, "rows": it.rows} for it in plan.files if it.name.startswith(folder)]
