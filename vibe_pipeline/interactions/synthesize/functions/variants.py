"""Faster variants of functions: what a rewriting gave, where it does the same and was measured to be faster.

The same means the same result or error on every generated input, small, large and empty, and that the tests somebody
logged with the code still pass. Faster means that the best of several runs is faster by a clear factor and the worst of
them still faster than the original's best: on a busy machine that costs variants, and lets none in by chance.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from vibe_pipeline.fingerprint import key_of
from vibe_pipeline.interactions.synthesize.functions import Function
from vibe_pipeline.interactions.synthesize.functions.arguments import edges, enlarged
from vibe_pipeline.interactions.synthesize.functions.outcomes import fitting, keeps_promises, observed, passes, raced
from vibe_pipeline.interactions.synthesize.functions.rewriting import rewritings
from vibe_pipeline.sandbox import Limits

INPUTS = 12
MIN_INPUTS, MIN_RESULTS = 4, 2
"""Inputs on which something was seen, and different results among them: a function that always says 0 shows nothing."""
SIZES = (10, 100)
RUNS = 7
CLEAR = 1.2
"""Times as fast. On an idle machine two runs of one function differ by some 3 %, on a busy one by up to 15 %."""


@dataclass(frozen=True, slots=True)
class Variant:
    """Code that does what the function does, in less time."""

    function: Function
    rewriting: str
    code: str
    seconds_before: float
    seconds_after: float
    """The best of the runs, for once through the inputs."""


def variant_of(function: Function, seed: int, limits: Limits) -> Variant | None:
    """The fastest rewriting, where one holds."""
    candidates = rewritings(function.code)
    if not candidates:
        return None
    chooser = random.Random(key_of([seed, "variant", function.code]))
    fit = fitting(function, chooser, INPUTS, limits)
    seen = observed(function, fit, limits)
    if len(seen) < MIN_INPUTS or len({outcome.result for outcome in seen}) < MIN_RESULTS:
        return None
    # Those on which it fails are among them: a variant fails there as well.
    inputs = [*fit, *edges(fit)]
    inputs += [enlarged(outcome.arguments, factor, chooser) for factor in SIZES for outcome in seen[:MIN_INPUTS]]
    codes = [function.code, *(code for _, code in candidates)]
    times = raced(codes, function.name, inputs, limits, runs=RUNS)
    if not times or times[0] is None:
        return None
    before = times[0]
    faster = [
        Variant(function, name, code, min(before), min(after))
        for (name, code), after in zip(candidates, times[1:], strict=True)
        if after is not None and _is_faster(before, after)
    ]
    faster.sort(key=lambda variant: variant.seconds_after)
    if not faster or not keeps_promises(function, limits):
        return None
    return next((variant for variant in faster if passes(variant.code, function.tests, limits)), None)


def _is_faster(before: Sequence[float], after: Sequence[float]) -> bool:
    return min(before) >= CLEAR * min(after) and max(after) < min(before)
