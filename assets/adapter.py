"""The LoRA weights of one rung.

Not here: the training loop (vibe_pipeline/train), and nothing that imports torch before a step runs.
"""

import math

import dagster as dg

from assets.metadata import SKIPPED, grown, trained
from assets.partitions import rungs
from assets.replay_mix import replay_mix
from assets.resources import LadderResource
from assets.rungs import CODE_VERSION, rung_at
from vibe_pipeline.records import Training


@dg.asset(
    partitions_def=rungs,
    deps=[replay_mix],
    group_name="ladder",
    owners=["team:vibe"],
    kinds={"pytorch", "huggingface"},
    pool="accelerator",
    check_specs=[
        dg.AssetCheckSpec(
            "liveness", asset="adapter", description="Loss and adapter moved, and every number is finite."
        )
    ],
    code_version=CODE_VERSION,
)
def adapter(context: dg.AssetExecutionContext, ladder: LadderResource) -> dg.MaterializeResult:
    """LoRA weights of one rung, grown from the last promoted adapter below it (the base model at first)."""
    with ladder.open(context.log) as here:
        rung = rung_at(here, context)
        training = here.train(rung)
    version = training.adapter_sha if training else SKIPPED
    return dg.MaterializeResult(
        metadata=grown(rung) | trained(training),
        data_version=dg.DataVersion(version),
        check_results=[_liveness(training)],
    )


def _liveness(training: Training | None) -> dg.AssetCheckResult:
    """The facts that the gate's rule of that name reads; of nothing to learn there are none."""
    names = ("loss_start", "loss_end", "adapter_change", "gradient_norm_max", "steps", "label_tokens")
    facts = {name: getattr(training, name) for name in names} if training else {}
    is_alive = all(math.isfinite(value) for value in facts.values()) and all(
        facts.get(name, 1) > 0 for name in ("adapter_change", "steps", "label_tokens")
    )
    return dg.AssetCheckResult(check_name="liveness", passed=is_alive, metadata=facts)
