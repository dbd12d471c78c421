"""A ladder climbed for real on a tiny model: end to end, twice, killed, side by side, and with too little."""

import random
from multiprocessing import get_context

import pytest

from vibe_pipeline.errors import GenerationRefused, LedgerDamaged, RungRefused, SettingsInvalid
from vibe_pipeline.fingerprint import sha_of_file, sha_of_folder
from vibe_pipeline.ladder import Ladder
from vibe_pipeline.ledger import OPENED, SETTLED, Ledger
from vibe_pipeline.settings import Gate

CLIMB = """
from vibe_pipeline.ladder import Ladder
ladder = Ladder(home, settings, device="cpu", threads=1)
for generation in range(3):
    ladder.climb("main", generation)
"""

HEAVY = ["torch", "transformers", "peft", "polars", "vibe_pipeline.ladder", "transformers.models.llama.modeling_llama"]


@pytest.fixture(scope="module")
def climber(settings):
    """Climbs a home in another process that starts at once: everything heavy is imported before it is forked."""
    context = get_context("forkserver")
    context.set_forkserver_preload(HEAVY)

    def start(home):
        process = context.Process(target=exec, args=(CLIMB, {"home": home, "settings": settings}))
        process.start()
        return process

    return start


@pytest.fixture
def opened(ladder, log_facts, log_fixes) -> Ladder:
    """Three generations open, none climbed."""
    for generation in range(3):
        log_facts(ladder.store.root, range(6 * generation, 6 * generation + 6))
        log_fixes(ladder.store.root, range(6 * generation, 6 * generation + 6))
        ladder.log.open_generation()
    return ladder


def events(ladder: Ladder) -> list[tuple[str, int]]:
    return [(event.kind, event.generation) for event in Ledger(ladder.store, "main").events()]


def assert_whole(ladder: Ladder):
    """Every artifact under a content name has that content, and every one that the ledger names is there."""
    for folder in ("examples", "suites", "mixes"):
        for name in ladder.store.names(folder, ".parquet"):
            assert sha_of_file(ladder.store.path(name)) == ladder.store.path(name).stem
    for name in ladder.store.names("models/adapters"):
        assert sha_of_folder(ladder.store.path(name)) == ladder.store.path(name).name
    for record in ladder.records():
        assert ladder.store.exists(f"mixes/{record['mix_sha']}.parquet")
        assert record["child_sha"] is None or ladder.store.exists(f"models/adapters/{record['child_sha']}")


# end to end


def test_three_generations_are_climbed_and_each_grows_from_the_one_before(climbed):
    records = climbed.records()
    assert [(record["generation"], record["verdict"]) for record in records] == [
        ("g000", "promoted"),
        ("g001", "promoted"),
        ("g002", "skipped"),
    ]
    assert [record["parent_sha"] for record in records] == [None, records[0]["child_sha"], records[1]["child_sha"]]
    assert records[0]["replay_rows"] == 0 < records[1]["replay_rows"]
    assert records[1]["eval_recall_n"] > 0
    assert climbed.champion("main").facts["child_sha"] == records[1]["child_sha"]
    assert_whole(climbed)


def test_what_was_learned_is_answered(climbed):
    answers = climbed.chat("main", "In one sentence: thing3?")
    assert (answers["champion"], answers["generation"]) == ("Yes", "g001")
    assert answers["base"] != "Yes"


def test_climbing_again_does_nothing_and_adds_no_event(climbed):
    before = {path: path.stat().st_mtime_ns for path in climbed.store.root.rglob("*") if path.is_file()}
    assert [climbed.climb("main", generation).facts["verdict"] for generation in range(3)][:2] == ["promoted"] * 2
    changed = {path.name for path in climbed.store.root.rglob("*") if path.is_file() and before.get(path) is None}
    assert (events(climbed), changed) == ([(kind, g) for g in range(3) for kind in (OPENED, SETTLED)], set())
    assert climbed.pending("main") == []


def test_an_empty_delta_is_settled_as_skipped_and_leaves_the_champion(climbed):
    last = climbed.records()[-1]
    assert (last["verdict"], last["child_sha"], last["steps"]) == ("skipped", None, None)
    assert last["reasons"] == ["g002 holds nothing to learn for main"]
    assert climbed.champion("main").generation == 1


def test_the_same_ladder_is_the_same_ladder_elsewhere(climbed, new_ladder, tmp_path, climbed_home):
    """Another home with a copy of the log gives the same adapters: nothing depends on the place or the clock."""
    import shutil

    for part in ("log", "cuts"):
        shutil.copytree(climbed_home / part, tmp_path / "other" / part)
    other = new_ladder(tmp_path / "other")
    for generation in range(2):
        other.climb("main", generation)
    names = ("child_sha", "mix_sha", "data_delta_sha", "eval_generalization", "loss_end")
    assert [[row[name] for name in names] for row in other.records()] == [
        [row[name] for name in names] for row in climbed.records()[:2]
    ]


# what is refused


def test_a_generation_too_small_to_judge_is_refused_with_numbers_unless_forced(ladder, log_facts):
    log_facts(ladder.store.root, range(1))
    with pytest.raises(GenerationRefused, match=r"g000 would hold 2 interactions, 1 probes and about [1-3] .* is 4"):
        ladder.log.open_generation()
    assert ladder.log.cuts() == []
    assert ladder.log.open_generation(force=True).interactions == 2
    log_facts(ladder.store.root, range(1, 7))
    assert [ladder.log.open_generation().interactions, len(ladder.log.cuts())] == [12, 2]


def test_a_refused_generation_loses_nothing_of_the_log(ladder, log_facts):
    log_facts(ladder.store.root, range(1))
    with pytest.raises(GenerationRefused):
        ladder.log.open_generation()
    log_facts(ladder.store.root, range(1, 4))
    cut = ladder.log.open_generation()
    assert (cut.interactions, cut.probes, ladder.describe_generation(0)["train"]) == (8, 4, 8)


def test_a_generation_that_is_not_open_cannot_be_climbed(climbed):
    with pytest.raises(GenerationRefused, match="g003 is not open; there are 3 generations"):
        climbed.climb("main", 3)


def test_a_rung_above_one_that_is_not_settled_is_refused(opened):
    with pytest.raises(RungRefused, match="g001 cannot be climbed: g000 is not settled"):
        opened.climb("main", 1)
    assert events(opened) == []


def test_an_unknown_lineage_is_refused_everywhere(climbed):
    for ask in (climbed.pending, climbed.champion, lambda name: climbed.climb(name, 0)):
        with pytest.raises(SettingsInvalid, match="'nobody' is not one of main"):
            ask("nobody")


def test_a_lost_adapter_is_damage(climbed):
    import shutil

    shutil.rmtree(climbed.store.path(f"models/adapters/{climbed.records()[1]['child_sha']}"))
    with pytest.raises(LedgerDamaged, match="is missing"):
        climbed.chat("main", "hello")


# verdicts and attempts


def test_a_rejected_delta_is_offered_again_and_its_suite_stays_new(opened, new_ladder):
    strict = new_ladder(opened.store.root, gate=Gate(min_items=4, generalization_floor=1))
    strict.climb("main", 0)
    event = strict.climb("main", 1)
    assert [record["verdict"] for record in strict.records()] == ["rejected", "rejected"]
    assert (event.facts["parent_sha"], event.facts["delta_generations"]) == (None, [0, 1])
    assert {(part["generation"], part["is_new"]) for part in event.facts["parts"]} >= {(0, True), (1, True)}
    assert strict.champion("main") is None
    assert strict.chat("main", "hello")["champion"] is None


def test_a_delta_that_is_offered_again_with_an_empty_generation_is_another_attempt(ladder, new_ladder, log_facts):
    """Else a suite that refused an adapter could be asked again and again, each time at the whole level."""
    log_facts(ladder.store.root, range(6))
    for _ in range(2):
        ladder.log.open_generation(force=True)
    log_facts(ladder.store.root, range(6, 12))
    ladder.log.open_generation(force=True)
    strict = new_ladder(ladder.store.root, gate=Gate(min_items=4, generalization_floor=1))
    told = [strict.climb("main", generation).facts for generation in range(3)]
    assert [facts["delta_generations"] for facts in told] == [[0], [0, 1], [0, 1, 2]]
    assert [facts["judged_attempt"] for facts in told] == [1, 2, 1]


def test_another_recipe_is_another_attempt_and_the_old_champion_serves_until_its_verdict(climbed, new_ladder):
    champion = climbed.champion("main")
    strict = new_ladder(climbed.store.root, gate=Gate(min_items=4, generalization_floor=1))
    rung = strict.rung("main", 0)
    strict.mix(rung)
    assert (strict.champion("main"), strict.pending("main")) == (champion, [0, 1, 2])
    assert strict.settle(rung).facts["verdict"] == "rejected"
    assert strict.champion("main") == champion
    assert [(record["generation"], record["attempt"]) for record in strict.records()][-1] == ("g000", 2)


def test_rungs_of_other_settings_are_named_from_the_first_on(climbed, new_ladder):
    assert climbed.outdated("main") == []
    strict = new_ladder(climbed.store.root, gate=Gate(min_items=4, generalization_floor=1))
    assert strict.outdated("main") == [0, 1, 2]
    strict.climb("main", 0)
    assert (strict.outdated("main"), strict.pending("main")) == ([], [1, 2])


def test_judging_by_another_gate_trains_nothing_again(climbed, new_ladder):
    adapters = climbed.store.names("models/adapters")
    strict = new_ladder(climbed.store.root, gate=Gate(min_items=4, generalization_floor=1))
    event = strict.climb("main", 0)
    assert (event.facts["verdict"], event.facts["child_sha"]) == ("rejected", climbed.records()[0]["child_sha"])
    assert climbed.store.names("models/adapters") == adapters


def test_run_ids_stand_outside_the_hash(opened):
    event = opened.climb("main", 0, run_id="a run of Dagster")
    assert event.outside["run_id"] == "a run of Dagster"
    assert "a run of Dagster" not in str(event.facts)
    assert not {"walltime_min", "tokens_per_s", "seconds"} & event.facts.keys()


def test_lineages_share_generations_and_keep_their_own_lines(opened, settings):
    lineages = {"one": settings.lineages["main"], "two": settings.lineages["main"].model_copy(update={"seed": 1})}
    both = Ladder(opened.store.root, settings.model_copy(update={"lineages": lineages}), device="cpu", threads=1)
    first, second = both.climb("one", 0), both.climb("two", 0)
    assert first.facts["data_delta_sha"] == second.facts["data_delta_sha"]
    assert first.facts["child_sha"] != second.facts["child_sha"]
    assert [record["lineage"] for record in both.records()] == ["one", "two"]
    assert (both.pending("one"), len(both.records("two"))) == ([1, 2], 1)


def test_a_delta_too_large_for_its_minutes_is_trained_in_part_and_says_so(opened, new_ladder):
    brief = new_ladder(opened.store.root, max_minutes=1e-3)
    event = brief.climb("main", 0)
    mix = brief.store.read_frame(f"mixes/{event.facts['mix_sha']}.parquet")
    assert event.facts["left_for_later"] == 18 - event.facts["delta_rows"]
    assert mix.height == event.facts["delta_rows"] * 16


# reading


def test_the_views_agree_with_the_ladder(climbed):
    with climbed.connect() as db:
        assert db.sql("SELECT count(*), count(DISTINCT conversation_id) FROM interactions").fetchall() == [(48, 36)]
        assert db.sql("SELECT generation, interactions, examples FROM generations ORDER BY 1").fetchall() == [
            ("g000", 24, climbed.examples(0).rows),
            ("g001", 24, climbed.examples(1).rows),
            ("g002", 0, 0),
        ]
        scores = db.sql("SELECT generation, verdict, eval_generalization FROM scores ORDER BY 1").fetchall()
        assert scores == [(it["generation"], it["verdict"], it["eval_generalization"]) for it in climbed.records()]
        child = climbed.champion("main").facts["child_sha"]
        items = "items JOIN examples ON item_id = example_id AND split = 'test'"
        exact = f"SELECT count(*), avg(exact::INT) FROM {items} WHERE model_sha = '{child}'"
        assert db.sql(exact).fetchall() == [(12, 1.0)]


def test_an_empty_ladder_can_be_asked_everything(ladder):
    assert (ladder.records(), ladder.log.cuts(), ladder.pending("main"), ladder.champion("main")) == ([], [], [], None)
    stats = ladder.log.stats()
    assert (stats["interactions"], stats["waiting_bytes"]) == (0, 0)
    with ladder.connect() as db:
        for view in ("interactions", "examples", "generations", "scores", "items"):
            assert db.sql(f"SELECT count(*) FROM {view}").fetchall() == [(0,)]


def test_the_log_is_counted(climbed, log_facts):
    stats = climbed.log.stats()
    assert (stats["interactions"], stats["probes"], stats["segments"]) == (48, 12, 4)
    assert (stats["quarantined"], stats["generations"]) == (0, 3)
    log_facts(climbed.store.root, range(20, 21))
    climbed.log.seal()
    assert climbed.log.stats()["interactions"] == 50


# kills and company


def test_a_climb_killed_at_any_moment_is_finished_by_the_next_and_settles_each_rung_once(opened, climber):
    chance = random.Random(0)
    for _ in range(5):
        process = climber(opened.store.root)
        process.join(chance.uniform(0.2, 1.2))
        process.kill()
        process.join()
        assert_whole(opened)
    last = climber(opened.store.root)
    last.join()
    assert last.exitcode == 0
    assert [event for event in events(opened) if event[0] == SETTLED] == [(SETTLED, g) for g in range(3)]
    assert events(opened) == [(kind, g) for g in range(3) for kind in (OPENED, SETTLED)]
    assert_whole(opened)


def test_two_processes_that_climb_the_same_rungs_settle_each_once(opened, climber):
    both = [climber(opened.store.root) for _ in range(2)]
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]
    assert events(opened) == [(kind, g) for g in range(3) for kind in (OPENED, SETTLED)]
    csv = opened.store.path("models/lineage_ledger.csv").read_text()
    assert [line.split(",")[0] for line in csv.splitlines()] == ["GEN_ID", "0", "1", "2"]
    assert_whole(opened)


def test_a_cut_that_is_gone_is_named(climbed):
    climbed.store.path("cuts/000000.json").unlink()
    with pytest.raises(LedgerDamaged, match=r"cuts/000000\.json is missing"):
        climbed.log.open_generation(force=True)


def test_a_result_that_was_changed_is_named(climbed):
    (name, *_) = climbed.store.names("results/examples")
    climbed.store.write_json(name, {"a": 1})
    with pytest.raises(LedgerDamaged, match="it is no ExampleSet"):
        [climbed.examples(generation) for generation in range(3)]


def test_a_head_that_is_gone_is_not_an_empty_ladder(climbed):
    climbed.store.path("ledger/heads/main.json").unlink()
    with pytest.raises(LedgerDamaged, match="the head of main is missing"):
        climbed.records()


def test_a_champion_does_not_answer_on_another_base(climbed, new_ladder, tiny_base, tmp_path):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(tiny_base)
    with torch.no_grad():
        model.get_input_embeddings().weight.add_(1)
    model.save_pretrained(tmp_path / "other")
    AutoTokenizer.from_pretrained(tiny_base).save_pretrained(tmp_path / "other")
    with pytest.raises(RungRefused, match="was trained on the base model"):
        new_ladder(climbed.store.root, base_model=str(tmp_path / "other")).chat("main", "What does thing1 do?")
