"""The rungs of a line and their answers, as they lie in a home: nothing is computed with a model.

One look at the settled events, one scan over the suites and one over the scores, whatever the number of cells. A suite
counts if a rung that stands was judged on it, promoted or not; of the base model's answers those count that a rung gave
one to as well, because other lineages share them. Not here: what follows from the answers (evaluate/matrix.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import polars as pl

from vibe_pipeline.errors import LedgerDamaged
from vibe_pipeline.evaluate.matrix import BASE, BASE_ROW, Matrix, Row, matrix
from vibe_pipeline.evaluate.results import columns
from vibe_pipeline.judgement import Figure
from vibe_pipeline.ledger import Event, Line, trunk
from vibe_pipeline.records import generation_name
from vibe_pipeline.store import Store

ITEMS = {"item_id": pl.String, "part": pl.String, "fact": pl.String, "cluster": pl.String}
SCORES = columns("nll", "exact")


def gather(store: Store, lineage: str, line: Line, to: int | None = None) -> Matrix:
    """The matrix of a lineage's current line, up to a generation, and below a branch of what it grew from; without rows
    where no rung of it has an adapter.

    After a change of `base_model` the rungs of the earlier base are left out: adapters of two bases are two ladders.
    """
    own = [line.settled[generation] for generation in sorted(line.settled)]
    settled = [event for event in (*trunk(store, line.origin), *own) if to is None or event.generation <= to]
    trained = [event for event in settled if event.facts["child_sha"]]
    if not trained:
        return Matrix(lineage=lineage)
    base = trained[-1].facts["base_sha"]
    rungs = [event for event in trained if event.facts["base_sha"] == base]
    rows = (Row(generation=BASE, adapter=base), *(_row(event, line) for event in rungs))
    suites = {part["suite_sha"]: part["generation"] for event in rungs for part in event.facts["parts"]}
    _require_scores(store, rungs)
    return matrix(lineage, rows, _answers(store, rows, suites))


def _require_scores(store: Store, rungs: Iterable[Event]) -> None:
    """LedgerDamaged where what a rung was judged on is gone: a blank says that nothing was measured, and means would be
    those of what is left."""
    for event in rungs:
        for suite in dict.fromkeys(part["suite_sha"] for part in event.facts["parts"]):
            if not store.exists(name := f"scores/{event.facts['child_sha']}/{suite}.parquet"):
                told = f"{name} is missing, by which {event.lineage} {generation_name(event.generation)} was judged"
                raise LedgerDamaged(told, "Restore it from a backup")


def _row(event: Event, line: Line) -> Row:
    """A branch serves what it grew from until a rung of its own is promoted, under the name of its origin."""
    facts, origin = event.facts, line.origin
    served = line.champion
    is_fork = served is not None and served == origin and event.sha == served.facts["fork"]["event_sha"]
    return Row(
        generation=generation_name(event.generation),
        adapter=facts["child_sha"],
        parent=facts["parent_sha"],
        verdict=facts["verdict"],
        is_champion=event == served or is_fork,
        is_rolled_back=event.sha in line.rolled_back,
        delta=tuple(facts["delta_generations"]),
        learned=tuple(facts["learned"]),
        kl_base=Figure(**facts["kl_base"]) if facts.get("kl_base") else None,
    )


def _answers(store: Store, rows: Sequence[Row], suites: dict[str, int]) -> pl.DataFrame:
    """Every answer of these models to an item of these suites: row, generation, part, item_id, cluster, exact, nll."""
    items = _scan(store, [f"suites/{sha}.parquet" for sha in suites], ITEMS).join(_named(suites), on="suite_sha")
    items = items.select("generation", "item_id", "part", cluster=pl.coalesce("cluster", "fact", "item_id"))
    kept = [(name, place) for place, row in enumerate(rows) for name in _scored(store, row.adapter, suites)]
    who = pl.DataFrame(kept, schema={"file": pl.String, "row": pl.Int64}, orient="row")
    answers = _scan(store, who["file"].unique(), SCORES).join(_named(suites), on="suite_sha").join(who, on="file")
    answers = answers.join(items.unique(["generation", "item_id"]), on=["generation", "item_id"])
    is_base = pl.col("row") == BASE_ROW
    by_rungs = answers.filter(~is_base)
    return pl.concat([by_rungs, answers.filter(is_base).join(by_rungs, on=["generation", "item_id"], how="semi")])


def _named(suites: dict[str, int]) -> pl.DataFrame:
    return pl.DataFrame([*suites.items()], schema={"suite_sha": pl.String, "generation": pl.Int64}, orient="row")


def _scored(store: Store, model: str, suites: Iterable[str]) -> list[str]:
    """The kept results of one model on these suites."""
    return [name for name in store.names(f"scores/{model}", ".parquet") if Path(name).stem in suites]


def _scan(store: Store, names: Iterable[str], schema: Mapping[str, type[pl.DataType]]) -> pl.DataFrame:
    """Some columns of files that are called after suites, with the name of the file and the sha of the suite."""
    paths = {str(store.existing_table(name)): name for name in names}
    if not paths:
        return pl.DataFrame(schema={**schema, "file": pl.String, "suite_sha": pl.String})
    of_file = [(path, name, Path(name).stem) for path, name in paths.items()]
    try:
        read = pl.scan_parquet(
            [*paths],
            schema=schema,
            include_file_paths="path",
            glob=False,
            hive_partitioning=False,
            extra_columns="ignore",
            missing_columns="insert",
        ).collect()
    except (OSError, pl.exceptions.PolarsError) as error:
        told = str(error).strip().splitlines()[0]
        raise LedgerDamaged(f"kept results cannot be read: {told}", "Restore them from a backup") from error
    named = pl.DataFrame(of_file, schema=["path", "file", "suite_sha"], orient="row")
    return read.join(named, on="path").drop("path")
