"""A rung resolved from a hand-made line: its parent, its delta, what it replays, and what moves its keys."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.engine.scorecards import GOOD, means, standing
from vibe_pipeline.errors import RungRefused
from vibe_pipeline.fingerprint import key_of
from vibe_pipeline.judgement import Scorecard
from vibe_pipeline.ledger import SETTLED, Event, Line
from vibe_pipeline.models import BaseModel
from vibe_pipeline.records import ExampleSet, Kind
from vibe_pipeline.rung import Rung, resolve
from vibe_pipeline.settings import ASSISTANT, Gate, Lineage, Recipe, Replay, Style

SETS = [
    ExampleSet(generation=g, sha=f"examples{g}", suite_sha=f"suite{g}", rows=0, counts=(), dropped={}) for g in range(9)
]
DEFAULTS = Lineage()
BASE = BaseModel(sha="base", name="base", folder=Path("base"))


def line(verdicts: str) -> Line:
    """p: promoted, r: rejected, s: skipped; each rung learned what `resolve` would have given it."""
    out = Line()
    for generation, verdict in enumerate(verdicts):
        rung = resolve("main", generation, Lineage(), BASE, out, SETS)
        facts = {"verdict": {"p": "promoted", "r": "rejected", "s": "skipped"}[verdict], "rung_key": rung.key}
        facts |= {"child_sha": f"child{generation}", "learned": rung.learned, "base_sha": BASE.sha}
        facts |= {"champions": {**rung.champions, **{it.generation: f"child{generation}" for it in rung.delta}}}
        fixed = {"kind": SETTLED, "lineage": "main", "attempt": 1, "previous": "", "outside": {}, "sha": ""}
        out.apply(Event(**fixed, generation=generation, sequence=generation, facts=facts))
    return out


def at(verdicts: str, settings: Lineage = DEFAULTS, base: BaseModel = BASE) -> Rung:
    return resolve("main", len(verdicts), settings, base, line(verdicts), SETS)


@pytest.mark.parametrize(
    ("verdicts", "parent", "delta", "earlier"),
    [
        ("", None, [0], []),
        ("p", "child0", [1], [0]),
        ("r", None, [0, 1], []),
        ("rr", None, [0, 1, 2], []),
        ("rrr", None, [1, 2, 3], []),
        ("pr", "child0", [1, 2], [0]),
        ("prrr", "child0", [2, 3, 4], [0]),
        ("prp", "child2", [3], [0, 1, 2]),
        ("prrrp", "child4", [5], [0, 2, 3, 4]),
        ("psp", "child2", [3], [0, 1, 2]),
        ("ppps", "child2", [3, 4], [0, 1, 2]),
    ],
)
def test_a_rung_grows_from_the_last_promoted_one_and_takes_up_what_was_not_learned(verdicts, parent, delta, earlier):
    rung = at(verdicts)
    assert rung.parent_sha == parent
    assert [examples.generation for examples in rung.delta] == delta
    assert [examples.generation for examples in rung.earlier] == earlier
    assert rung.request.ancestors == rung.earlier
    assert rung.learned == [*earlier, *delta]
    assert sorted(rung.champions) == sorted(earlier)


def card(adapter: str, parent: float, best: float | None = None, suite: str = "g", **its) -> Scorecard:
    """By how much it is better than its parent, and than the best of old."""
    beside = {} if best is None else {"best_comparison": means(best), "best_sha": "a"}
    told = replace(standing("general"), suite_sha=suite, parent_comparison=means(parent), **beside, **its)
    return replace(GOOD, adapter_sha=adapter, standing=(told,))


def test_the_promoted_ancestor_that_did_best_on_a_suite_is_its_mark():
    """Whatever came after it, and as long as the suite is the same file."""
    first = replace(at(""), suites=(("general", "g"),))
    known = {"g": "a"}
    assert (first.marks, first.marks_with(card("a", -0.5))) == ({}, known)
    parent = SimpleNamespace(facts={"child_sha": "b", "learned": [], "marks": known}, generation=0)
    later = replace(at("p"), parent=parent, suites=(("general", "g"), ("mine", "m")))
    assert (later.marks, replace(later, suites=(("general", "h"),)).marks) == ({"g": "a"}, {})
    assert later.marks_with(card("c", 0.1, -0.1)) == known
    assert later.marks_with(card("c", -0.1, 0.1)) == {"g": "c"}
    assert later.marks_with(card("c", -0.1, suite="m")) == known | {"m": "b"}
    assert later.marks_with(card("c", 0.1, suite="m")) == known | {"m": "c"}
    assert later.marks_with(card("c", 0.1, suite="m", is_judged=True)) == known
    assert later.key != replace(later, parent=SimpleNamespace(facts=parent.facts | {"marks": {}}, generation=0)).key


def test_the_delta_sha_covers_all_that_is_offered():
    assert at("p").delta_sha == "examples1"
    assert at("pr").delta_sha == key_of(["examples1", "examples2"])


def test_a_rung_above_one_that_is_not_settled_is_refused():
    with pytest.raises(RungRefused, match="g003 cannot be climbed: g002 is not settled"):
        resolve("main", 3, Lineage(), BASE, line("pp"), SETS)


def test_an_adapter_is_never_continued_on_another_base():
    with pytest.raises(RungRefused, match=r"g000 of main was trained on the base model base, and base_model now means"):
        at("p", base=replace(BASE, sha="other"))
    assert at("r", base=replace(BASE, sha="other")).parent is None


def test_climbing_again_in_the_middle_grows_from_below():
    rung = resolve("main", 1, Lineage(), BASE, line("ppp"), SETS)
    assert (rung.parent_sha, [examples.generation for examples in rung.delta]) == ("child0", [1])


MIX, TRAINING, RUNG = "mix_key", "training_key", "key"


@pytest.mark.parametrize(
    ("settings", "moved"),
    [
        (Lineage(seed=1), {MIX, TRAINING, RUNG}),
        (Lineage(kinds=(Kind.CONVERSATION,)), {MIX, TRAINING, RUNG}),
        (Lineage(replay=Replay(minimum=1)), {MIX, TRAINING, RUNG}),
        (Lineage(recipe=Recipe(epochs=1)), {MIX, TRAINING, RUNG}),
        (Lineage(recipe=Recipe(learning_rate=1e-4)), {TRAINING, RUNG}),
        (Lineage(recipe=Recipe(rank=8)), {TRAINING, RUNG}),
        (Lineage(max_minutes=1), {TRAINING, RUNG}),
        (Lineage(gate=Gate(margin=0.2)), {RUNG}),
        (Lineage(style=Style(max_tokens=1)), {RUNG}),
        (Lineage(kinds=tuple(reversed(ASSISTANT))), set()),
        (Lineage(), set()),
    ],
)
def test_each_key_moves_with_its_inputs_and_with_no_other(settings, moved):
    one, other = at("p"), at("p", settings)
    assert {name for name in (MIX, TRAINING, RUNG) if getattr(one, name) != getattr(other, name)} == moved


def test_where_nothing_can_be_replayed_its_settings_do_not_count():
    lineages = Lineage(), Lineage(replay=Replay(minimum=0, share=0.0))
    assert len({resolve("main", 0, lineage, BASE, line(""), SETS).key for lineage in lineages}) == 1


def test_the_keys_move_with_base_parent_data_and_budget():
    one = at("p")
    others = [
        replace(one, base=replace(BASE, sha="other")),
        replace(one, parent=None),
        one.within(1000),
        replace(one, request=replace(one.request, delta=(SETS[2],))),
        replace(one, request=replace(one.request, ancestors=())),
    ]
    assert len({one.training_key, *(other.training_key for other in others)}) == 6
    assert replace(one, earlier=()).key != one.key


def test_the_keys_do_not_move_with_names_and_places():
    elsewhere = BaseModel(sha="base", name="another name", folder=Path("elsewhere"))
    assert at("p", base=elsewhere).key == at("p").key
    assert resolve("twin", 1, Lineage(), BASE, line("p"), SETS).key == at("p").key


def test_the_ledger_is_told_all_inputs():
    identity = at("pr").identity()
    assert identity == {
        "rung_key": at("pr").key,
        "base_sha": "base",
        "parent_sha": "child0",
        "parents": ["child0"],
        "parent_generation": 0,
        "data_delta_sha": key_of(["examples1", "examples2"]),
        "delta_generations": [1, 2],
        "seed": 0,
    }
