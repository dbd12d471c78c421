"""Adapters, evaluators and suites that would fool a gate: none is promoted, and each verdict says why."""

from dataclasses import replace

import polars as pl
import pytest

from vibe_pipeline import models
from vibe_pipeline.evaluate import scorers
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.ladder import Ladder
from vibe_pipeline.train.adapter import train_adapter

TEACHER = "teacher_forced-v1"


@pytest.fixture
def opened(ladder, log_facts, log_fixes) -> Ladder:
    """Two generations open, the first climbed."""
    for generation in range(2):
        log_facts(ladder.store.root, range(6 * generation, 6 * generation + 6))
        log_fixes(ladder.store.root, range(6 * generation, 6 * generation + 6))
        ladder.log.open_generation()
    assert ladder.climb("main", 0).is_promotion
    return ladder


@pytest.fixture
def trained(monkeypatch):
    """Trains for real, and then hands over what a test makes of it."""

    def run(change) -> None:
        monkeypatch.setattr("vibe_pipeline.ladder.train_adapter", lambda *its: change(train_adapter(*its), *its))

    return run


def broken_rules(event) -> set[str]:
    return {rule["name"] for rule in event.facts["rules"] if rule["finding"] in ("failed", "undecided")}


def test_a_collapsed_model_is_rejected(opened, trained):
    def collapse(training, store, base, *_):
        """Says the same whatever it is asked: its weights are noise."""
        import torch

        model, _ = models.load_base(base, models.Execution("cpu", 1, "float32"))
        adapted = models.load_adapter(model, store.existing(f"{models.ADAPTERS}/{training.adapter_sha}"))
        torch.manual_seed(0)
        with torch.no_grad():
            for name, weights in adapted.named_parameters():
                if "lora_B" in name:
                    weights.normal_(0, 30)
        sha = store.write_folder(models.ADAPTERS, lambda folder: models.save_adapter(adapted, folder, base.name))
        return replace(training, adapter_sha=sha)

    trained(collapse)
    event = opened.climb("main", 1)
    assert event.facts["verdict"] == "rejected"
    assert "gain" in broken_rules(event)
    assert opened.champion("main").generation == 0


def test_a_child_that_is_its_parent_is_not_promoted(opened, trained):
    trained(lambda training, store, base, parent_sha, *_: replace(training, adapter_sha=parent_sha))
    event = opened.climb("main", 1)
    assert (event.facts["verdict"], event.facts["child_sha"]) == ("rejected", event.facts["parent_sha"])
    assert "gain" in broken_rules(event)


def test_an_adapter_that_did_not_move_is_not_promoted_whatever_it_answers(opened, trained):
    trained(lambda training, *_: replace(training, adapter_change=0.0))
    event = opened.climb("main", 1)
    assert (event.facts["verdict"], broken_rules(event)) == ("rejected", {"liveness"})


def test_an_evaluator_that_crashes_half_way_promotes_nothing_and_is_finished_by_the_next(
    opened, new_ladder, tmp_path, monkeypatch
):
    import shutil

    shutil.copytree(opened.store.root, tmp_path / "twin", symlinks=True)
    expected = new_ladder(tmp_path / "twin").climb("main", 1)
    score, calls = scorers.SCORERS[TEACHER], []

    def crashing(*its):
        calls.append(its)
        if len(calls) > 1:
            raise RuntimeError("the evaluator broke")
        return score(*its)

    monkeypatch.setitem(scorers.SCORERS, TEACHER, crashing)
    with pytest.raises(RuntimeError, match="the evaluator broke"):
        opened.climb("main", 1)
    assert (opened.champion("main").generation, opened.pending("main")) == (0, [1])
    monkeypatch.setitem(scorers.SCORERS, TEACHER, score)
    assert opened.climb("main", 1).facts == expected.facts


def test_scores_that_are_not_numbers_block_and_are_counted(opened, monkeypatch):
    score = scorers.SCORERS[TEACHER]

    def sometimes(*its):
        is_lost = pl.int_range(pl.len()) == 0
        return score(*its).with_columns(pl.when(~is_lost).then(name).alias(name) for name in ("nll", "exact", "score"))

    monkeypatch.setitem(scorers.SCORERS, TEACHER, sometimes)
    event = opened.climb("main", 1)
    assert event.facts["verdict"] == "rejected"
    assert "complete" in broken_rules(event)
    assert event.facts["missing"] > 0
    assert f"{event.facts['asked'] - event.facts['missing']:,} of {event.facts['asked']:,}" in event.facts["reasons"][0]


def test_an_evaluator_that_skips_items_blocks(opened, monkeypatch):
    score = scorers.SCORERS[TEACHER]
    monkeypatch.setitem(scorers.SCORERS, TEACHER, lambda *its: score(*its).slice(1))
    assert "complete" in broken_rules(opened.climb("main", 1))


def test_without_a_held_out_item_nothing_is_promoted(ladder):
    """One conversation, on the side that is learned."""
    logger = InteractionLogger(ladder.store.root)
    for n in range(3):
        asked = {"input": f"What is {n}?", "output": "Yes", "success": True, "conversation_id": "one conversation"}
        logger.log(module="m", action="ask", turn=n, **asked)
    logger.close()
    ladder.log.open_generation(force=True)
    assert ladder.describe_generation(0)["held_out"] == 0
    event = ladder.climb("main", 0)
    assert event.facts["verdict"] == "undecided"
    assert "no held-out item came with this generation" in event.facts["reasons"][0]


def test_a_suite_that_was_trained_on_shows_nothing(ladder, log_facts):
    """Every probe of the second generation is a question that the first has logged: all leave, and nothing is shown."""
    log_facts(ladder.store.root, range(6))
    ladder.log.open_generation()
    ladder.climb("main", 0)
    logger = InteractionLogger(ladder.store.root)
    for n in range(6):
        logger.probe(fact=f"thing{n}", question=f"What does thing{n} do?", answer="Yes", probe_id=f"leaked {n}")
        said = {"input": f"Name number {n}.", "output": f"It is {n}.", "conversation_id": f"new {n}"}
        logger.log(module="m", action="ask", success=True, **said)
    logger.close()
    ladder.log.open_generation(force=True)
    assert sum(ladder.examples(1).dropped.values()) >= 6
    event = ladder.climb("main", 1)
    knowledge = [part for part in event.facts["parts"] if part["is_new"] and part["part"] == "knowledge"]
    assert (event.is_promotion, knowledge) == (False, [])
