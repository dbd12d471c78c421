"""Synthesis on real code: labels against known truth, tests that catch faults, variants that hold, augmentations.

Figures of a run are printed (pytest -s) and kept in docs/log.md, "what synthesis makes of real code".
"""

import json
import os
import random
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

import pytest

from vibe_pipeline.interactions.synthesize.augment import augmented
from vibe_pipeline.interactions.synthesize.functions.generated_tests import tested as with_generated_tests
from vibe_pipeline.interactions.synthesize.functions.logged import function_in
from vibe_pipeline.interactions.synthesize.functions.outcomes import passes
from vibe_pipeline.interactions.synthesize.functions.rewriting import rewritings
from vibe_pipeline.interactions.synthesize.functions.standalone import standalone
from vibe_pipeline.interactions.synthesize.functions.variants import variant_of
from vibe_pipeline.interactions.synthesize.labels import labelled
from vibe_pipeline.interactions.synthesize.packages import find
from vibe_pipeline.records import Interaction
from vibe_pipeline.sandbox import Limits
from vibe_pipeline.settings import Curate

DATA = Path(os.environ.get("VIBE_DATA", Path(__file__).parents[2] / ".." / "shared" / "data"))

pytestmark = pytest.mark.skipif(not (DATA / "dev").is_dir(), reason=f"no real files in {DATA}: set VIBE_DATA")

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LIMITS = Limits(seconds=5.0)
NEVER_PASS = {"mbpp/367", "mbpp/927"}
"""Their reference needs a class that is not there (README of the data)."""
STANDARD = ("textwrap", "statistics", "colorsys", "shlex", "calendar", "html", "os.path", "email.utils", "base64")


def rows(name: str) -> list[dict]:
    with (DATA / "dev" / f"{name}.jsonl").open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def written(identity: str, task: str, code: str, tests: list[str], **known) -> Interaction:
    place = {"interaction_id": identity, "conversation_id": identity, "turn": 0, "occurred_at": NOW, "module": "m"}
    told = {"action": "generate", "input": task, "output": code, "extra": {"tests": tests}}
    return Interaction(**{**place, **told, **known})


@pytest.fixture(scope="module")
def mbpp() -> list[Interaction]:
    found = [written(row["id"], row["text"], row["code"], row["test_list"]) for row in rows("mbpp")]
    return random.Random(0).sample([it for it in found if it.interaction_id not in NEVER_PASS], 60)


def test_labels_by_execution_agree_with_what_is_known(mbpp):
    """Programs that are known to be buggy or fixed, and references that pass their tests."""
    known = []
    for row in rows("quixbugs"):
        if row["testcases"] and row["name"] not in ("knapsack", "levenshtein", "sqrt"):  # slow, or within a tolerance
            calls = ", ".join(["{!r}"] * len(row["testcases"][0][0]))
            call = row["name"] + "(" + calls + ")"
            answer = ANSWERS.get(row["name"], "{}")
            tests = [f"assert {answer.format(call.format(*given))} == {wanted!r}" for given, wanted in row["testcases"]]
            for version in ("buggy", "fixed"):
                known.append((written(f"{row['id']} {version}", "", row[version], tests), version == "fixed"))
    known += [(it, True) for it in mbpp[:30]]
    labels = [(labelled(it, LIMITS, NOW), is_right) for it, is_right in known]
    given = [(label.success, is_right) for label, is_right in labels if label is not None]
    right = sum(success == is_right for success, is_right in given)
    print(f"\nlabels: {len(given)} of {len(known)} programs, {right} as known")
    assert len(given) >= 0.95 * len(known)
    assert right == len(given)


ANSWERS = {**dict.fromkeys(("flatten", "kheapsort"), "list({})"), "hanoi": "[list(move) for move in {}]"}
"""The cases are JSON, which knows neither generators nor tuples."""


def test_generated_tests_are_made_for_real_functions_and_catch_faults(mbpp):
    logged = [it for it in map(function_in, mbpp) if it is not None]
    cut_out = list(chain.from_iterable(standalone([find(name)], 0) for name in STANDARD))
    for name, functions in (("mbpp", logged[:25]), ("the standard library", cut_out[:25])):
        found = [it for it in (with_generated_tests(one, 0, LIMITS) for one in functions) if it is not None]
        mutants, caught = sum(it.mutants for it in found), sum(it.caught for it in found)
        probes, faults = sum(len(it.held_out) for it in found), sum(it.faulty is not None for it in found)
        print(f"\n{name}: {len(found)} of {len(functions)} functions got tests, {probes} probes, {faults} faults;")
        print(f"the tests catch {caught} of {mutants} mutants")
        assert len(found) > 0.4 * len(functions)
        assert caught > 0.6 * mutants


def test_faster_variants_of_real_functions_pass_the_tests_they_never_saw():
    """Tests are kept from the variants, so that what is shown is the measuring alone."""
    every = [written(row["id"], row["text"], row["code"], row["test_list"]) for row in rows("mbpp")]
    functions = [it for it in map(function_in, every) if it is not None]
    rewritable = [it for it in functions if rewritings(it.code)]
    tried = random.Random(0).sample(rewritable, 30)
    variants = [it for it in (variant_of(replace(one, tests=""), 0, LIMITS) for one in tried) if it is not None]
    tests = {it.code: it.tests for it in tried}
    passed = sum(passes(it.code, tests[it.function.code], LIMITS) for it in variants)
    gains = sorted(it.seconds_before / it.seconds_after for it in variants)
    print(f"\nvariants: {len(rewritable)} of {len(functions)} functions can be rewritten; of {len(tried)} tried")
    print(f"{len(variants)} are faster, by {gains[len(gains) // 2]:.2f} in the middle, and {passed} pass the tests")
    assert len(variants) >= 3
    assert passed == len(variants)


def test_augmented_code_passes_the_tests_of_its_original(mbpp):
    """Tests are kept from the augmentation here too."""
    made = [augmented(replace(it, extra={}, input="-"), Curate(), NOW, 0, LIMITS) for it in mbpp]
    pairs = [(found[0], it) for found, it in zip(made, mbpp, strict=True) if found]
    passed = [passes(row.output, "\n".join(it.extra["tests"]), LIMITS) for row, it in pairs]
    print(f"\naugmentations: {len(pairs)} of {len(mbpp)}, {sum(passed)} pass the tests of their originals")
    assert len(pairs) > 0.9 * len(mbpp)
    assert all(passed)
