"""Answers of real ladders, item by item and without a word of them: what `make bench-gate` resamples.

benchmarks/gate_outcomes.parquet was made by `python -m benchmarks.gate_outcomes --climbs DIR --home DIR…` of the climbs
with k=100 and without replay that `make bench-ladder` keeps (SmolLM2-135M on NQ-open, each fact in two held-out
wordings, and on CLINC150, six utterances an intent; three seeds), and of the scorecards of two homes: that of `make
demo`, and one that climbed nl2bash (docs/log.md, "a real stream"). One row an item and rung; what was seen together has
one `cluster`. Not here: what is done with it (gate_pool.py).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl

KEPT = Path(__file__).with_name("gate_outcomes.parquet")

STRATEGIES = ("none", "replay_k100")

MODELS = ("base", "parent", "child")
SCHEMA = {
    "source": pl.String,
    "rung": pl.Int32,
    "cluster": pl.Int32,
    "part": pl.String,  # exact, free or general
    "is_new": pl.Boolean,
    **{f"exact_{model}": pl.Boolean for model in ("then", "parent", "child")},
    **{f"nll_{model}": pl.Float32 for model in MODELS},
    **{f"chance_{model}": pl.Float32 for model in MODELS},
}


def of_climbs(folder: Path) -> Iterator[pl.DataFrame]:
    """Earlier items of each rung of the climbs of `make bench-ladder`: child, parent, and who first learned them."""
    seen = set()
    for facts in sorted(folder.glob("*.json")):
        about = json.loads(facts.read_text())
        named = tuple(str(about[key]) for key in ("stream", "name", "seed"))
        if named in seen or named[1] not in STRATEGIES:
            continue
        seen.add(named)
        rows = pl.read_parquet(facts.with_suffix(".parquet")).filter(pl.col("generation") >= 0)
        child = rows.select("generation", "suite", "cluster", "item_id", "exact", "nll")
        item = ["suite", "cluster", "item_id"]
        parent = child.with_columns(pl.col("generation") + 1)
        then = child.filter(pl.col("generation") == pl.col("suite")).select(*item, exact_then="exact")
        both = child.join(parent, on=["generation", *item], suffix="_parent").join(then, on=item)
        fixed = {"source": pl.lit(" ".join(named[:2])), "is_new": pl.lit(False)}
        cluster = pl.concat_str(pl.col("suite"), pl.lit("/"), pl.col("cluster")).alias("cluster")
        for (_,), rung in both.sort("generation", *item).group_by("generation", maintain_order=True):
            asked = {"exact_child": "exact", "nll_child": "nll"}
            yield rung.select(
                cluster, "exact_then", "exact_parent", "nll_parent", part=pl.lit("exact"), **fixed, **asked
            )
        if named[1] != "none":  # nothing is kept there of what was gained
            yield from _free(both, cluster, fixed)


def _free(both: pl.DataFrame, cluster: pl.Expr, fixed: dict[str, pl.Expr]) -> Iterator[pl.DataFrame]:
    """The NLL of the first suite, as that of items without one right answer: the first rung, which has learned it by
    half, in place of the base. Of the second rung they are new, of later ones earlier items."""
    suite = both.filter(pl.col("suite") == 0)
    first = suite.filter(pl.col("generation") == 1).select("item_id", nll_base="nll_parent")
    for (generation,), rung in (
        suite.join(first, on="item_id").sort("generation").group_by("generation", maintain_order=True)
    ):
        its = fixed | {"is_new": pl.lit(generation == 1), "part": pl.lit("free"), "nll_child": pl.col("nll")}
        yield rung.select(cluster, "nll_base", "nll_parent", **its)


def of_home(home: Path) -> Iterator[pl.DataFrame]:
    """Items of each scorecard of a climbed home, and the general suite as its rungs were asked it."""
    names = {"exact_child", "exact_parent", "exact_then", *(f"nll_{model}" for model in MODELS)}
    for file in sorted((home / "scorecards").glob("*.parquet"), key=lambda path: path.stat().st_mtime):
        rows = pl.read_parquet(file)
        part = pl.when("is_exact").then(pl.lit("exact")).otherwise(pl.lit("free"))
        yield rows.select("cluster", "is_new", *names & {*rows.columns}, source=pl.lit(home.name), part=part)
    yield from _general(home)


def _general(home: Path) -> Iterator[pl.DataFrame]:
    for file in sorted((home / "ledger").rglob("*.json")):
        facts = json.loads(file.read_text()).get("body", {}).get("facts", {})
        for it in (its for its in facts.get("standing") or () if its["name"] == "general"):
            shas = {"base": facts["base_sha"], "parent": facts["parent_sha"] or facts["base_sha"]}
            tables = [
                pl.read_parquet(home / "scores" / sha / f"{it['suite_sha']}.parquet")
                .select("item_id", pl.coalesce("chance", "score").alias(f"chance_{model}"))
                for model, sha in (shas | {"child": facts["child_sha"]}).items()
            ]  # fmt: skip
            first = tables[0].join(tables[1], on="item_id").join(tables[2], on="item_id")
            fixed = {"source": pl.lit(home.name), "part": pl.lit("general"), "is_new": pl.lit(False)}
            yield first.rename({"item_id": "cluster"}).with_columns(**fixed)


def together(rungs: Iterator[pl.DataFrame]) -> pl.DataFrame:
    """One table of SCHEMA; rungs and clusters have numbers instead of names."""
    frames = [frame.with_columns(rung=pl.lit(number, pl.Int32)) for number, frame in enumerate(rungs)]
    rows = pl.concat(frames, how="diagonal_relaxed")
    rows = rows.with_columns(cluster=pl.struct("rung", "cluster").rank("dense").cast(pl.Int32))
    missing = {name: pl.lit(None, kind) for name, kind in SCHEMA.items() if name not in rows.columns}
    out = rows.with_columns(**missing).select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())
    return out.sort("rung", "cluster", maintain_order=True)


def main() -> int:
    """Write benchmarks/gate_outcomes.parquet anew."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gate_outcomes", description=__doc__)
    parser.add_argument("--climbs", type=Path, action="append", default=[], help="a folder of bench-ladder's climbs")
    parser.add_argument("--home", type=Path, action="append", default=[], help="a climbed home")
    options = parser.parse_args()
    found = [*(of_climbs(it) for it in options.climbs), *(of_home(it) for it in options.home)]
    rows = together(frame for frames in found for frame in frames)
    rows.write_parquet(KEPT, compression="zstd", compression_level=19, statistics=False)
    print(rows.group_by("source", "part", "is_new").agg(pl.len(), rungs=pl.col("rung").n_unique()).sort("source"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
