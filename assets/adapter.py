"""The LoRA weights of one rung.

Not here: the training loop (vibe_pipeline/train), and nothing that imports torch before a step runs.
"""

import dagster as dg

from assets.metadata import SKIPPED, grown, trained
from assets.partitions import rungs
from assets.replay_mix import replay_mix
from assets.resources import LadderResource
from assets.rungs import CODE_VERSION, rung_at


@dg.asset(
    partitions_def=rungs,
    deps=[replay_mix],
    group_name="ladder",
    owners=["team:vibe"],
    kinds={"pytorch", "huggingface"},
    pool="accelerator",
    code_version=CODE_VERSION,
)
def adapter(context: dg.AssetExecutionContext, ladder: LadderResource) -> dg.MaterializeResult:
    """LoRA weights of one rung, grown from the last promoted adapter below it (the base model at first)."""
    with ladder.open(context.log) as here:
        rung = rung_at(here, context)
        training = here.train(rung)
    version = training.adapter_sha if training else SKIPPED
    return dg.MaterializeResult(metadata=grown(rung) | trained(training), data_version=dg.DataVersion(version))
