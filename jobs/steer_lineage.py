"""The job that adds, branches, halts or resumes a lineage from the UI; the Launchpad shows what it can be told.

Not here: what any of it does (vibe_pipeline/steering.py, Ladder); the same as `vibe lineage add|branch|halt|resume`.
"""

from enum import StrEnum

import dagster as dg
from pydantic import Field

from assets.resources import LadderResource
from jobs.partitions import register
from vibe_pipeline import steering
from vibe_pipeline.declaring import declared
from vibe_pipeline.errors import SettingsInvalid
from vibe_pipeline.ladder import Ladder


class Step(StrEnum):
    """What is done with a lineage."""

    ADD = "add"
    BRANCH = "branch"
    HALT = "halt"
    RESUME = "resume"


class Steer(dg.Config):
    """One step about one lineage."""

    step: Step = Field(description="add: declare it in vibe.toml; branch: begin it at a rung of `like`; halt; resume")
    lineage: str = Field(description="its name")
    like: str | None = Field(default=None, description="add: whose settings it takes over; branch: which one it leaves")
    from_generation: int | None = Field(default=None, description="branch: the last generation that counts as climbed")
    base_model: str | None = Field(default=None, description="add: 'embedded', a Hub id, or a local folder")
    why: str = Field(default="", description="halt, resume: the reason, kept in the ledger for ever")


@dg.op
def steer(context: dg.OpExecutionContext, config: Steer, ladder: LadderResource) -> None:
    """Takes the step and tells Dagster which lineages there are now."""
    with ladder.open(context.log) as here:
        after = _step(here, config)
        added = register(context.instance, after)
        row = next(row for row in after.lineages() if row["lineage"] == config.lineage)
    context.add_output_metadata({name: str(value) for name, value in row.items()} | {"new_partitions": added})


@dg.job(description="Adds, branches, halts or resumes a lineage.", executor_def=dg.in_process_executor)
def steer_lineage() -> None:
    """One step about one lineage."""
    steer()


def _step(here: Ladder, config: Steer) -> Ladder:
    if config.step == Step.ADD:
        its = declared(config.lineage, config.like, base_model=config.base_model)
        its.write()
        return Ladder(settings=its.settings)
    if config.step == Step.BRANCH:
        if config.like is None or config.from_generation is None:
            raise SettingsInvalid("a branch leaves a lineage at a generation", "Set `like` and `from_generation`")
        return steering.branch(config.like, config.from_generation, config.lineage)
    if config.step == Step.HALT:
        here.halt(config.lineage, config.why)
    else:
        here.resume(config.lineage, config.why or "a person resumed it")
    return here
