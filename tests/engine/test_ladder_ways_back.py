"""A climbed ladder is rolled back, branched and halted: what is trained next, what is not trained again."""

import pytest

from tests.engine.planted_rungs import measured
from vibe_pipeline import halting
from vibe_pipeline.errors import LedgerDamaged, RungRefused, SettingsInvalid
from vibe_pipeline.ladder import Ladder
from vibe_pipeline.ledger import HALTED, SETTLED, Ledger
from vibe_pipeline.report import to_csv
from vibe_pipeline.telling import rollbacks, taints


@pytest.fixture
def forked(climbed, settings):
    """The climbed ladder with a second lineage of the same settings, which has not climbed."""

    def build(**changes) -> Ladder:
        main = settings.lineages["main"]
        lineages = {"main": main, "twig": main.model_copy(update=changes)}
        return Ladder(climbed.store.root, settings.model_copy(update={"lineages": lineages}), device="cpu", threads=1)

    return build


def kinds(ladder: Ladder, lineage: str = "main") -> list[str]:
    return [event.kind for event in Ledger(ladder.store, lineage).events()]


def test_after_a_rollback_the_next_generation_climbs_from_there_and_learns_what_was_stepped_over(climbed, log_facts):
    first = climbed.line("main").settled[0]
    climbed.rollback("main", 0, "g001 forgot")
    assert (climbed.champion("main"), climbed.pending("main"), climbed.outdated("main")) == (first, [], [])
    assert climbed.chat("main", "In one sentence: thing3?")["generation"] == "g000"
    log_facts(climbed.store.root, range(12, 18))
    climbed.log.open_generation()
    event = climbed.climb("main", 3)
    assert (event.facts["parent_sha"], event.facts["delta_generations"]) == (first.facts["child_sha"], [1, 2, 3])
    assert (event.facts["verdict"], event.facts["learned"]) == ("promoted", [0, 1, 2, 3])
    assert climbed.outdated("main") == []
    assert climbed.rollback("main", 1, "after all").facts["to"] == 1


def test_rolled_back_rungs_are_told_and_stay_in_the_csv(climbed):
    climbed.rollback("main", 0, "g001 forgot")
    records = climbed.records()
    assert [it["is_rolled_back"] for it in records] == [False, True, True]
    assert [it["verdict"] for it in records] == ["promoted", "promoted", "skipped"]
    assert rollbacks(records) == ["main g001, g002: rolled back to g000: g001 forgot"]
    assert climbed.store.path("models/lineage_ledger.csv").read_text() == to_csv(records)


def test_climbing_again_after_a_rollback_to_base_makes_nothing_with_the_same_settings(climbed, new_ladder):
    climbed.rollback("main", None, "all anew")
    before = kinds(climbed)
    assert (climbed.champion("main"), climbed.outdated("main"), climbed.pending("main")) == (None, [], [])
    assert climbed.climb("main", 0) == climbed.line("main").settled[0]
    assert kinds(climbed) == before
    other = new_ladder(climbed.store.root, seed=1)
    assert other.outdated("main") == [0, 1, 2]
    assert other.climb("main", 0).attempt == 2
    assert other.champion("main").attempt == 2


def test_a_rollback_says_why_and_finds_its_adapter(climbed):
    child = climbed.line("main").settled[0].facts["child_sha"]
    with pytest.raises(SettingsInvalid, match="no reason is given"):
        climbed.rollback("main", 0, " \n")
    climbed.store.remove(f"models/adapters/{child}")
    with pytest.raises(LedgerDamaged, match=f"{child} is missing"):
        climbed.rollback("main", 0, "why")
    assert kinds(climbed)[-1] == SETTLED


def test_a_branch_with_the_same_settings_trains_nothing_again(forked):
    ladder = forked()
    adapters = ladder.store.names("models/adapters")
    assert ladder.pending("twig") == [0, 1, 2]
    ladder.branch("main", 0, "twig")
    assert (ladder.pending("twig"), ladder.champion("twig").facts["fork"]["lineage"]) == ([1, 2], "main")
    event = ladder.climb("twig", 1)
    trunk = ladder.line("main").settled[1]
    assert (event.rung_key, event.facts["child_sha"]) == (trunk.rung_key, trunk.facts["child_sha"])
    assert ladder.store.names("models/adapters") == adapters
    assert ladder.chat("twig", "In one sentence: thing3?")["champion"] == "Yes"
    assert ladder.outdated("twig") == []


def test_a_branch_with_another_seed_grows_from_the_same_adapter(forked):
    ladder = forked(seed=1)
    ladder.branch("main", 0, "twig")
    event, trunk = ladder.climb("twig", 1), ladder.line("main").settled[1]
    assert event.facts["parent_sha"] == trunk.facts["parent_sha"]
    assert event.facts["child_sha"] != trunk.facts["child_sha"]
    assert ladder.line("main").champion == trunk


def test_a_branch_on_another_base_model_or_of_nobody_is_refused(forked, tiny_base, tmp_path):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(tiny_base)
    with torch.no_grad():
        model.get_input_embeddings().weight.add_(1)
    model.save_pretrained(tmp_path / "other")
    AutoTokenizer.from_pretrained(tiny_base).save_pretrained(tmp_path / "other")
    ladder = forked(base_model=str(tmp_path / "other"))
    with pytest.raises(RungRefused, match=r"twig cannot branch from main: its base model is .*Set base_model of twig"):
        ladder.branch("main", 0, "twig")
    with pytest.raises(SettingsInvalid, match=r"add \[lineages.nobody\] to vibe.toml"):
        ladder.branch("main", 0, "nobody")
    assert kinds(ladder, "twig") == []


def test_what_a_branch_grew_from_may_be_tainted_after_it_began(forked):
    ladder = forked()
    ladder.branch("main", 0, "twig")
    event = ladder.line("main").settled[0]
    rung = {"generation": 0, "attempt": 1, "event_sha": event.sha, "because": "its mix held 3 erased rows"}
    Ledger(ladder.store, "main").taint("stone", [rung])
    assert ladder.climb("twig", 1).facts["tainted"] == "it grew from g000, which was"
    assert taints(ladder.records("twig")) == [
        "twig g001 was built from erased data, not reproducible: it grew from g000, which was"
    ]


def decayed(ladder: Ladder) -> None:
    """Three empty generations, settled as if they had been trained, the last with corporate answers."""
    for generation, drift in enumerate((0.0, 0.0, 0.3)):
        ladder.log.open_generation(force=True)
        rung = ladder.rung("main", generation)
        told = {
            "verdict": "promoted",
            "child_sha": f"child{generation}",
            "learned": rung.learned,
            **measured(drift=drift),
        }
        for act in (Ledger(ladder.store, "main").open, Ledger(ladder.store, "main").settle):
            act(generation, {**rung.identity(), **told}, {})


def test_a_halt_that_a_kill_left_out_is_written_before_the_next_rung_opens(ladder):
    decayed(ladder)
    ladder.log.open_generation(force=True)
    assert ladder.pending("main") == [3]
    with pytest.raises(RungRefused, match=r"main is halted: over g000, g001, g002 .*`vibe lineage resume main`"):
        ladder.climb("main", 3)
    assert kinds(ladder)[-2:] == [SETTLED, HALTED]
    assert (ladder.champion("main").generation, ladder.pending("main")) == (1, [])
    (row,) = ladder.lineages()
    assert (row["is_halted"], row["halted_at"], row["rolled_back"], row["next_grows_from"]) == (
        True,
        "g002",
        ["g002"],
        "g001",
    )
    ladder.resume("main", "mended")
    assert ladder.pending("main") == [3]
    rung = ladder.rung("main", 3)
    assert (rung.parent_sha, [it.generation for it in rung.delta]) == ("child1", [2, 3])


def test_the_stop_rule_is_asked_when_a_rung_settles(ladder, monkeypatch):
    ladder.log.open_generation(force=True)
    facts = halting.by_a_person("the rule")
    monkeypatch.setattr(halting, "due", lambda line, _: facts if line.top == 0 and not line.halted else None)
    assert ladder.climb("main", 0).facts["verdict"] == "skipped"
    assert kinds(ladder)[-2:] == [SETTLED, HALTED]


def test_a_person_halts_and_resumes(climbed):
    climbed.log.open_generation(force=True)
    climbed.halt("main", "the data is bad", run_id="outside")
    with pytest.raises(RungRefused, match="main is halted: the data is bad"):
        climbed.climb("main", 3)
    assert climbed.climb("main", 1) == climbed.line("main").settled[1]
    climbed.resume("main", "mended")
    assert climbed.climb("main", 3).facts["verdict"] == "skipped"
