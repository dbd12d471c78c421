"""The code location loads, quickly and whole; every job finds its assets and their partitions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
import yaml

from definitions import build, defs

ROOT = Path(__file__).parents[2]

HEAVY = ("torch", "transformers", "peft", "mlflow", "huggingface_hub")

RUNG = {"replay_mix", "adapter", "scorecard", "champion"}


def graph() -> dg.AssetGraph:
    return defs.resolve_asset_graph()


def test_definitions_load_without_the_heavy_libraries():
    program = f"import sys, definitions; print(set({HEAVY}) & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("set()\n", "")


@pytest.mark.parametrize(
    ("job", "assets"),
    [("open_generation", {"interactions", "examples"}), ("climb_rung", RUNG)],
    ids=lambda value: value,
)
def test_each_job_resolves_by_name_and_selects_its_assets(job, assets):
    selected = build().resolve_job_def(job).asset_layer.selected_asset_keys
    assert {key.to_user_string() for key in selected} == assets


def test_the_graph_reads_like_a_rung():
    parents = {key.to_user_string(): graph().get(key).parent_keys for key in graph().get_all_asset_keys()}
    assert {name: sorted(key.to_user_string() for key in keys) for name, keys in parents.items()} == {
        "interactions": [],
        "examples": ["interactions"],
        "ancestry": [],
        "replay_mix": ["ancestry", "examples"],
        "adapter": ["replay_mix"],
        "scorecard": ["adapter"],
        "champion": ["scorecard"],
    }


def test_a_mix_depends_on_the_examples_of_its_generation_only():
    mapping = graph().get_partition_mapping(dg.AssetKey("replay_mix"), dg.AssetKey("examples"))
    with dg.instance_for_test() as instance:
        instance.add_dynamic_partitions("generations", ["g000", "g001"])
        instance.add_dynamic_partitions("lineages", ["main", "other"])
        mix, examples = (graph().get(dg.AssetKey(name)).partitions_def for name in ("replay_mix", "examples"))
        wanted = mix.subset_with_partition_keys(["g001|main"])
        found = mapping.get_upstream_mapped_partitions_result_for_partitions(
            wanted, mix, examples, dynamic_partitions_store=instance
        )
    assert set(found.partitions_subset.get_partition_keys()) == {"g001"}


def test_the_log_is_checked_when_it_is_sealed():
    checked = build().resolve_job_def("open_generation").asset_layer.asset_graph.asset_check_keys
    assert {(key.asset_key.to_user_string(), key.name) for key in checked} == {
        ("interactions", "freshness"),
        ("interactions", "quarantine_share"),
        ("examples", "schema"),
        ("examples", "contamination"),
    }


def test_every_asset_tells_a_newcomer_what_it_is():
    for key in graph().get_all_asset_keys():
        node = graph().get(key)
        assert len(node.description or "") > 60, key
        assert node.owners == ["team:vibe"], key
        assert node.group_name in ("data", "ladder"), key
        assert node.kinds, key


def test_a_lineage_climbs_one_rung_at_a_time():
    settings = yaml.safe_load((ROOT / "dagster.yaml").read_text())
    assert settings["concurrency"]["runs"]["tag_concurrency_limits"] == [
        {"key": "dagster/partition/lineage", "value": {"applyLimitPerUniqueValue": True}, "limit": 1}
    ]
    assert settings["telemetry"] == {"enabled": False}
