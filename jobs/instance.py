"""The Dagster instance of this folder (dagster.yaml in the repository root, storage in the home), and runs in it.

DAGSTER_HOME and VIBE_HOME are set here to what they mean when they are not set, because dagster.yaml knows no
defaults. Not here: starting a webserver or a daemon.
"""

import os
from importlib import import_module
from pathlib import Path
from typing import Any

import dagster as dg

from vibe_pipeline.settings import home
from vibe_pipeline.store import Store

ROOT = Path(__file__).resolve().parents[1]

LAUNCHED_BY = "vibe/launched_by"

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
"""Dagster's events go to its storage; on the terminal they would bury the progress."""

LOCATION = {".dagster/repository": "__repository__@vibe-pipeline"}
"""What a run launched from the code location of workspace.yaml carries: the page of a job lists its runs by it."""


def persistent() -> dg.DagsterInstance:
    """The instance that the webserver and the daemon of this folder read."""
    os.environ["VIBE_HOME"] = str(home())
    Store(home()).require(0, "Dagster's storage")  # made by us it is private; on a full disk SQLAlchemy has no words
    os.environ.setdefault("DAGSTER_HOME", str(ROOT))
    return dg.DagsterInstance.get()


def run(instance: dg.DagsterInstance, job: str, key: str, by: str, resources: dict[str, Any]) -> None:
    """Run a job for one partition in this process, recorded as if it had been launched from the UI."""
    tags = {LAUNCHED_BY: by, **LOCATION}
    defs: dg.Definitions = import_module("definitions").defs  # by name, as workspace.yaml does: they import the jobs
    defs.resolve_job_def(job).execute_in_process(
        instance=instance, partition_key=key, tags=tags, resources=resources, run_config=QUIET, raise_on_error=True
    )
