"""MBPP (Austin et al. 2021) through the scorer of code: its own solutions pass, and those of other tasks do not."""

import json
import os
from pathlib import Path

import pytest

from vibe_pipeline.evaluate.code import passes

DATA = Path(os.environ.get("VIBE_DATA", Path(__file__).parents[2] / ".." / "shared" / "data"))

pytestmark = pytest.mark.skipif(not (DATA / "dev").is_dir(), reason=f"no real files in {DATA}: set VIBE_DATA")

MOST = 60
"""Tasks: each is a program in the sandbox."""


@pytest.fixture(scope="module")
def tasks() -> list[tuple[str, str]]:
    """(solution, tests) of the first tasks."""
    read = [json.loads(line) for line in (DATA / "dev/mbpp.jsonl").read_text().splitlines()[:MOST]]
    return [(task["code"], "\n".join([task["test_setup_code"], *task["test_list"]])) for task in read]


def test_solutions_pass_their_tests(tasks):
    assert sum(passes(tasks)) >= 0.97 * len(tasks)


def test_the_solution_of_another_task_passes_none(tasks):
    others = [(tasks[at - 1][0], tests) for at, (_, tests) in enumerate(tasks)]
    assert sum(passes(others)) == 0
