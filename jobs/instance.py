"""The Dagster instance of this folder: dagster.yaml in the repository root, its storage in the home.

DAGSTER_HOME and VIBE_HOME are set here to what they mean when they are not set, because dagster.yaml knows no
defaults. Not here: starting a webserver or a daemon.
"""

import os
from pathlib import Path

import dagster as dg

from vibe_pipeline.settings import home

ROOT = Path(__file__).resolve().parents[1]


def persistent() -> dg.DagsterInstance:
    """The instance that the webserver and the daemon of this folder read."""
    os.environ["VIBE_HOME"] = str(home())
    os.environ.setdefault("DAGSTER_HOME", str(ROOT))
    return dg.DagsterInstance.get()
