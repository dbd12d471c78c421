"""Lineages that climb side by side share what is kept of a model's answers to a suite, and lose none of it."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import polars as pl

from vibe_pipeline.ladder import Ladder
from vibe_pipeline.records import Kind


def test_what_another_lineage_scored_meanwhile_is_kept_too(tmp_path, settings, log_facts, log_fixes):
    """While `facts` asks the base of its items, `fixes` asks it of others of the same suite."""
    kinds = {"facts": (Kind.CONVERSATION,), "fixes": (Kind.ERROR_CORRECTION,)}
    lineages = {name: settings.lineages["main"].model_copy(update={"kinds": its}) for name, its in kinds.items()}
    sides = settings.model_copy(update={"lineages": lineages})
    verdicts = []

    @contextmanager
    def watch(title):
        if title == "scoring base" and not verdicts:
            other = Ladder(tmp_path / "var", sides, device="cpu", threads=1)
            with ThreadPoolExecutor(1) as pool:
                verdicts.append(pool.submit(other.climb, "fixes", 0).result().facts["verdict"])
        yield lambda *_: None

    log_facts(tmp_path / "var", range(12))
    log_fixes(tmp_path / "var", range(12))
    ladder = Ladder(tmp_path / "var", sides, device="cpu", threads=1, watch=watch)
    ladder.log.open_generation()
    ladder.climb("facts", 0)
    assert verdicts
    base, suite = ladder.rung("facts", 0).base.sha, ladder.examples(0).suite_sha
    asked = pl.col("kind").is_in([str(kind) for its in kinds.values() for kind in its])
    items = pl.read_parquet(ladder.store.path(f"suites/{suite}.parquet")).filter(asked)
    kept = pl.read_parquet(ladder.store.path(f"scores/{base}/{suite}.parquet"))
    assert sorted(kept["item_id"]) == sorted(items["item_id"])
    assert ladder.verify().ok
