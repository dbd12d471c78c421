"""Runs whose process was killed are ended, and those at work are left alone."""

import os
import signal
import subprocess
import sys

import dagster as dg
import pytest

from assets.alive import alive, lock_of
from definitions import defs
from jobs.lost_runs import GONE, end_lost_runs
from tests.conftest import ROOT

RUNS = """
import sys, time
from assets.alive import alive
with alive(sys.argv[1]):
    print("at work", flush=True)
    time.sleep(60)
"""


def started(world, status=dg.DagsterRunStatus.STARTED) -> dg.DagsterRun:
    return world.instance.create_run_for_job(defs.resolve_job_def("seal_log"), status=status)


def status_of(world, run: dg.DagsterRun) -> dg.DagsterRunStatus:
    return world.instance.get_run_by_id(run.run_id).status


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.FAILURE),
        (dg.DagsterRunStatus.CANCELING, dg.DagsterRunStatus.CANCELED),
    ],
)
def test_a_run_is_at_work_until_its_process_is_killed(world, before, after):
    run = started(world, before)
    command = [sys.executable, "-c", RUNS, run.run_id]
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE) as it:
        assert it.stdout.readline() == b"at work\n"
        assert end_lost_runs(world.instance, world.ladder.store, silent_s=0) == []
        it.send_signal(signal.SIGKILL)
    assert end_lost_runs(world.instance, world.ladder.store) == [run.run_id]
    assert status_of(world, run) == after
    assert GONE in [it.message for it in world.instance.all_logs(run.run_id)]
    assert not world.ladder.store.exists(f"locks/{lock_of(run.run_id)}")


def test_a_run_that_has_just_begun_has_time_to_show_a_sign_of_life(world):
    run = started(world)
    assert end_lost_runs(world.instance, world.ladder.store) == []
    assert end_lost_runs(world.instance, world.ladder.store, silent_s=0) == [run.run_id]


def test_a_run_that_ended_leaves_nothing_and_a_sensor_has_none(world):
    world.open(chats=4)
    world.run("open_generation", "g000")
    with alive(None), alive("twice"), alive("twice"):
        assert world.ladder.store.names("locks", "run-twice")
    assert not [name for name in world.ladder.store.names("locks") if "/run-" in name]
