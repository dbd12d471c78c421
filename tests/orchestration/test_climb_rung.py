"""Rungs climbed through the jobs: what is recorded, what is repeated harmlessly, what is refused."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path

import dagster as dg
import pytest

from assets.adapter import adapter
from assets.champion import champion
from assets.matrix import known
from assets.partitions import rung_key
from assets.replay_mix import replay_mix
from assets.resources import LadderResource
from assets.scorecard import scorecard
from vibe_pipeline.judgement import Finding, Outcome, Rule, Verdict
from vibe_pipeline.records import generation_name

RUNG = ("replay_mix", "adapter", "scorecard", "champion")


GAIN = Rule(name="gain", finding=Finding.FAILED, words="gain: NLL of the new items rose")
REJECTION = Verdict(outcome=Outcome.REJECTED, rules=(GAIN,))


@pytest.fixture(scope="module")
def climbed(world):
    """Two generations of `main` and an empty third, one of `reckless`."""
    for generation, chats in enumerate((24, 24, 0)):
        world.open(chats)
        world.run("open_generation", generation_name(generation))
        world.climb(generation)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vibe_pipeline.ladder.judge", lambda case: REJECTION)
        world.climb(0, "reckless")
    return world


def test_opening_a_generation_counts_the_log_and_makes_its_examples(climbed):
    counted, _ = climbed.seen("interactions", None)
    made, version = climbed.seen("examples", "g000")
    assert (counted["interactions"], counted["probes"], counted["quarantined"]) == (48, 0, 0)
    assert "| logger | ask | 48 |" in counted["by_source_and_action"]
    assert made["train"] + made["held_out"] == made["examples"] == 24
    assert version == made["examples_sha"] == climbed.ladder.examples(0).sha


def test_a_rung_records_numbers_hashes_and_its_data_versions(climbed):
    seen = {name: climbed.seen(name, "g000|main") for name in RUNG}
    (mix, _), (adapter, _), (scorecard, _), (champion, _) = seen.values()
    assert all(isinstance(adapter[name], int | float) for name in ("steps", "loss_start", "loss_end", "tokens_per_s"))
    assert adapter["loss_end"] < adapter["loss_start"]
    assert "mean loss" in adapter["loss_curve"]
    assert scorecard["generalization_low"] <= scorecard["generalization"] <= scorecard["generalization_high"]
    assert scorecard["recall_n"] == 0
    assert "recall" not in scorecard
    assert scorecard["parts"].count("g000 (new) | behaviour") == 1
    assert champion["verdict"] == "promoted"
    assert champion["champion"] == "g000"
    settled = climbed.events()[1]
    assert seen["replay_mix"][1] == settled.facts["mix_sha"]
    assert seen["adapter"][1] == settled.facts["child_sha"]
    assert seen["champion"][1] == settled.sha
    assert mix["parent"].startswith("base model")
    assert (mix["synthetic_rows"], mix["synthetic_share"], mix["left_as_synthetic"]) == (0, 0, 0)


def test_the_next_rung_names_its_parent_and_draws_the_line(climbed):
    metadata, _ = climbed.seen("champion", "g001|main")
    parent = climbed.events()[1]
    assert (metadata["parent"], metadata["parent_sha"]) == ("g000", parent.facts["child_sha"])
    assert metadata["parent_run"] == parent.outside["run_id"]
    assert "● g000 promoted" in metadata["line"]
    assert "● g001 promoted" in metadata["line"]
    assert climbed.seen("scorecard", "g001|main")[0]["recall_n"] > 0


def test_a_rung_shows_what_every_rung_up_to_it_knows(climbed):
    first, second, skipped = (climbed.seen("champion", f"g00{it}|main")[0] for it in range(3))
    assert "backward_transfer_behaviour" not in first
    assert second["backward_transfer_behaviour_low"] <= second["backward_transfer_behaviour"]
    assert second["average_behaviour_n"] > first["average_behaviour_n"] > 0
    assert "| g000 |" in second["known_behaviour"]
    assert "g001" not in first["known_behaviour"].split("base64,")[1].split(")")[1]
    image = b64decode(second["known_behaviour"].split("base64,")[1].split(")")[0]).decode()
    assert image.startswith("<svg")
    assert "g001 on g000" in image
    assert "average_behaviour" not in skipped
    assert Path(second["matrix"]).read_text().startswith("<!doctype html>")


def test_a_ladder_too_high_for_an_event_has_its_figures_and_its_page(climbed, monkeypatch):
    event, whole = climbed.ladder.line("main").settled[1], climbed.ladder.matrix("main")
    assert "known_behaviour" in known(whole, Path("page.html"), event)
    monkeypatch.setattr("assets.matrix.HEIGHT", 1)
    told = known(whole, Path("page.html"), event)
    assert ("known_behaviour" in told, "average_behaviour" in told, told["matrix"].value) == (False, True, "page.html")


def test_a_second_run_makes_nothing_and_says_so(climbed):
    before, files = climbed.events(), sorted(climbed.home.glob("*/**/*.json"))
    versions = [climbed.seen(name, "g000|main")[1] for name in RUNG]
    result = climbed.climb(0)
    assert result.success
    assert climbed.events() == before
    assert sorted(climbed.home.glob("*/**/*.json")) == files
    assert [climbed.seen(name, "g000|main")[1] for name in RUNG] == versions
    assert climbed.seen("champion", "g000|main")[0]["already_settled"] is True
    logs = climbed.instance.all_logs(result.run_id)
    assert any("is settled with the same inputs" in entry.user_message for entry in logs)


def test_what_a_rung_grows_from_is_observed_when_the_rung_below_settles(climbed):
    records = climbed.instance.fetch_observations(dg.AssetKey("ancestry"), limit=9).records
    seen = {record.asset_observation.partition: record.asset_observation.tags for record in reversed(records)}
    assert set(seen) == {"g001|main", "g002|main", "g003|main", "g001|reckless"}
    versions = {partition: tags["dagster/data_version"] for partition, tags in seen.items()}
    assert len(set(versions.values())) == 3
    assert versions["g002|main"] == versions["g003|main"], "a skipped rung changes nothing for the next"


def test_a_rung_above_an_unsettled_one_fails_for_good_and_names_it(climbed):
    with pytest.raises(dg.Failure) as said:
        climbed.climb(2, "reckless")
    assert said.value.description == (
        "g002 cannot be climbed: g001 is not settled on the current line. Climb g001 first."
    )
    assert said.value.allow_retries is False


def test_a_generation_that_is_not_open_fails_with_the_remedy(climbed):
    climbed.instance.add_dynamic_partitions("generations", ["g009"])
    with pytest.raises(dg.Failure, match="Run `vibe generation open` first"):
        climbed.run("open_generation", "g009")
    climbed.instance.delete_dynamic_partition("generations", "g009")


def test_a_rejected_rung_is_a_green_run_with_a_red_verdict(climbed):
    metadata, _ = climbed.seen("champion", "g000|reckless")
    assert metadata["verdict"] == "rejected"
    assert "- ✘ gain: NLL" in metadata["rules"]
    assert metadata["champion"] == "none yet"
    assert "├─ ○ g000 rejected" in metadata["line"]


def test_an_empty_generation_is_settled_as_skipped(climbed):
    for name in RUNG:
        assert climbed.seen(name, "g002|main")[0]["skipped"], name
    assert climbed.seen("champion", "g002|main")[0]["verdict"] == "skipped"
    assert climbed.seen("adapter", "g002|main")[1] == "skipped"


def test_runs_carry_lineage_and_generation_for_the_queue(climbed):
    tags = climbed.instance.get_run_by_id(climbed.climb(0).run_id).tags
    assert (tags["dagster/partition/lineage"], tags["dagster/partition/generation"]) == ("main", "g000")
    assert tags["dagster/partition"] == rung_key("main", 0)


def test_a_settled_rung_is_materialised_again_asset_by_asset_without_work(climbed):
    """As a person does it in a notebook: dg.materialize, no job."""
    before = climbed.events()
    done = dg.materialize(
        [replay_mix, adapter, scorecard, champion],
        partition_key=rung_key("main", 1),
        instance=climbed.instance,
        resources={"ladder": LadderResource(threads=1)},
    )
    assert done.success
    assert [it.asset_key.to_user_string() for it in done.get_asset_materialization_events()] == list(RUNG)
    assert climbed.events() == before
