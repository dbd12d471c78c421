"""The job that adds, branches, halts and resumes a lineage from the UI: the same as the command line does."""

import dagster as dg
import pytest

from definitions import defs
from jobs.instance import QUIET
from vibe_pipeline.settings import load


def steer(world, **config):
    job = defs.resolve_job_def("steer_lineage")
    run_config = {**QUIET, "ops": {"steer": {"config": config}}}
    return job.execute_in_process(instance=world.instance, run_config=run_config, raise_on_error=True)


def test_a_lineage_is_added_branched_halted_and_resumed_from_the_ui(world):
    steer(world, step="ADD", lineage="twig", like="main")
    assert world.instance.get_dynamic_partitions("lineages") == ["main", "reckless", "twig"]
    assert load().lineages["twig"] == load().lineages["main"]
    world.open(chats=8)
    world.run("open_generation", "g000")
    world.climb(0)
    steer(world, step="BRANCH", lineage="bough", like="main", from_generation=0)
    assert world.ladder.line("bough").origin.facts["source"] == "main"
    assert "bough" in world.instance.get_dynamic_partitions("lineages")
    steer(world, step="HALT", lineage="main", why="the data is bad")
    assert world.ladder.line("main").halted.facts["why"] == "the data is bad"
    steer(world, step="RESUME", lineage="main")
    assert world.ladder.line("main").halted is None


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"step": "ADD", "lineage": "main"}, "main is declared already"),
        ({"step": "BRANCH", "lineage": "twig2"}, "Set `like` and `from_generation`"),
        ({"step": "HALT", "lineage": "main"}, "no reason is given"),
    ],
)
def test_what_is_refused_fails_the_step_with_one_line(world, config, words):
    with pytest.raises(dg.Failure, match=words):
        steer(world, **config)
