"""What leaves because something else is there: one log of two generations with many plants, each a case of its own."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import polars as pl
import pytest

from tests.engine.curating import Curated, World, event, probe
from tests.engine.duplicate_cases import DUPLICATES, two_answers_to_one_question_of_which_one_was_liked
from tests.engine.leak_cases import BORN_CLEAN, LEAKS
from tests.engine.planted_examples import Case, Prose, edited, held, row, text
from vibe_pipeline.curate.dedup import judging, quoting, stretches
from vibe_pipeline.curate.dedup.reasons import EQUAL, NEAR, NEARLY_TWICE, TWICE
from vibe_pipeline.curate.events import window
from vibe_pipeline.records import Interaction, Probe
from vibe_pipeline.settings import Curate

prose = Prose(__name__)

CASES = {of.__name__.replace("_", " "): of() for of in (*DUPLICATES, *BORN_CLEAN, *LEAKS)}
AT_ONCE = {name: CASES[name] for name in (of.__name__.replace("_", " ") for of in LEAKS)}
NEARER = {"an item as tools show it and as others type it": {"dumped", "item 1", "typed"}}
"""What leaves of those of which an item is a near-duplicate of the row, and the worse one."""


@pytest.fixture(scope="module")
def planted(tmp_path_factory) -> list[Curated]:
    """Two generations that hold all cases."""
    world, generations = World(tmp_path_factory.mktemp("world")), []
    for step in ("first", "then"):
        world.log(*(it for case in CASES.values() for _, it in getattr(case, step)))
        generations.append(world.cut())
    return generations


@pytest.fixture(scope="module")
def at_once(tmp_path_factory) -> list[Curated]:
    """One generation that holds the leaks with what they are leaks of."""
    world = World(tmp_path_factory.mktemp("world"))
    world.log(*(it for case in AT_ONCE.values() for _, it in case.first + case.then))
    return [world.cut()]


def kept(generations: list[Curated]) -> set[str]:
    """Interactions and questions of probes of which there is an example."""
    frame = pl.concat(it.frame for it in generations)
    return {*frame["interaction_ids"].explode().drop_nulls(), *frame.filter(split="test")["prompt"]}


def name_of(it: Interaction | Probe) -> str:
    return it.question if isinstance(it, Probe) else it.interaction_id


def left(case: Case, generations: list[Curated]) -> set[str]:
    stayed = kept(generations)
    return {label for label, it in case.first + case.then if name_of(it) not in stayed}


def reasons(cases: dict[str, Case]) -> Counter[str]:
    return Counter(reason for case in cases.values() for reason in case.gone.values())


@pytest.mark.parametrize("name", CASES)
def test_what_must_leave_leaves_and_all_else_stays(planted, name):
    assert left(CASES[name], planted) == CASES[name].gone.keys()


@pytest.mark.parametrize("name", AT_ONCE)
def test_what_leaks_of_its_own_generation_leaves_and_all_else_stays(at_once, name):
    assert left(AT_ONCE[name], at_once) == NEARER.get(name, AT_ONCE[name].gone.keys())


def test_what_leaves_is_counted_under_its_reason_and_nothing_is_on_both_sides(planted):
    assert sum((Counter(it.dropped) for it in planted), Counter()) == reasons(CASES)
    assert not any(leaks for it in planted for leaks in it.made.leaks.values())


def test_at_once_some_leaks_are_duplicates_and_nothing_is_on_both_sides(at_once):
    (made,) = at_once
    moved = Counter({NEAR: 4, EQUAL: 1})
    assert made.dropped == reasons(AT_ONCE) - moved + Counter({NEARLY_TWICE: 4, TWICE: 1})
    assert not any(made.made.leaks.values())


def test_the_report_counts_equal_answers_that_no_filter_saw_but_for_boilerplate(tmp_path, monkeypatch):
    monkeypatch.setattr(judging, "leaks", lambda *_: iter(()))
    monkeypatch.setattr(judging._Judge, "told_on_both_sides", lambda _: None)
    world, (once, often, before) = World(tmp_path), [text(prose()) for _ in range(3)]
    world.log(*(held("item", f"Who of {n}?", before)[1] for n in range(4)))
    world.cut()
    items = [("What?", once), ("Why?", before), *((f"Which {n}?", often) for n in range(4))]
    world.log(*(held("item", *it)[1] for it in items))
    world.log(*(row("row", f"Say so {n}", it)[1] for n, it in enumerate((once, often, before))))
    leaks = world.cut().made.leaks
    assert (leaks["near_duplicates"], leaks["equal_answers"]) == (0, 1)


def test_two_answers_to_one_question_both_stay_where_that_rule_is_off(tmp_path):
    world = World(tmp_path, Curate.model_validate({"quality": {"contradiction": "off"}}))
    world.log(*(it for _, it in two_answers_to_one_question_of_which_one_was_liked().then))
    assert world.cut().dropped == {}


REPORT = (
    "The nightly report for the cluster in {} was written: all {} checks were run, none of them failed, the backups "
    "were verified against their sums, the logs were rotated and the old ones were archived to cold storage, and "
    "nothing else has to be done by the person on call tonight."
)
TEMPLATES = {
    "answer": lambda nth: (f"job {nth} {nth * 7919 % 1000} status?", REPORT.format(f"zone{nth}", nth * 13)),
    "question": lambda nth: (f"{REPORT} Is zone{nth} fine after {nth * 13 % 997} of them?", "no" if nth % 3 else "yes"),
}


@pytest.mark.parametrize("name", TEMPLATES)
def test_how_a_log_was_cut_hardly_changes_what_is_left_of_a_template(tmp_path, name):
    """However few items a generation has, all of them together tell what is boilerplate."""
    rows, found = [event(*TEMPLATES[name](nth), conversation=f"of {nth}") for nth in range(192)], {}
    for cuts in (1, 4, 16):
        world, frames = World(tmp_path / str(cuts), Curate.model_validate({"quality": {"shortest": 0}})), []
        for nth in range(cuts):
            world.log(*rows[nth::cuts])
            frames.append(world.cut().frame.filter(split="train", kind="conversation"))
        found[cuts] = sum(frame.height for frame in frames)
    assert max(found.values()) > 140
    assert min(found.values()) > 0.85 * max(found.values())


def crowded(seed: int) -> list[Interaction | Probe]:
    """Conversations that begin alike, say the same, nearly the same or quote each other, all at one moment."""
    chance, said = random.Random(seed), [prose() for _ in range(6)]
    answers = ["yes", "no", *map(text, said), *(text(edited(it, 1)) for it in said)]
    answers += [f"{text(prose())} {it}" for it in answers[2:]]
    questions = ["q", "Q?", "why", *(text(prose(30)) for _ in range(3))]
    turns = Counter[str]()
    events: list[Interaction | Probe] = [probe("f", "q"), probe("g", "say g")]
    for number in range(160):
        conversation = f"x{chance.randrange(60)}"
        fact = {"fact": chance.choice("fgh")} if chance.random() < 0.2 else {}
        asked = event(chance.choice(questions), chance.choice(answers), conversation=conversation, extra=fact)
        events.append(replace(asked, interaction_id=str(number), turn=turns[conversation]))
        turns[conversation] += 1
    return events


@pytest.mark.parametrize("seed", range(2))
def test_a_log_gives_the_same_in_any_order_and_in_any_number_of_parts_and_counts_what_it_drops(tmp_path, seed):
    events, found = crowded(seed), []
    shuffled = random.Random(seed).sample(events, len(events))
    for logged, part_bytes in ((events, 1 << 30), (shuffled, 1 << 30), (shuffled, 1 << 14)):
        world = World(tmp_path / str(len(found)), Curate(held_out=0.4))
        world.log(*logged)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(window, "PART_BYTES", part_bytes)
            for module in (stretches, quoting):
                patch.setattr(module, "GRAMS_AT_ONCE", part_bytes >> 8)
            found.append(world.cut())
    whole, other, parted = found
    assert whole.frame.height + sum(whole.dropped.values()) == len(events)
    assert min(whole.frame.height, *whole.dropped.values()) > 0
    assert whole.made.leaks["near_duplicates"] == 0
    assert (other.made.sha, other.dropped) == (whole.made.sha, whole.dropped)
    assert (parted.made.counts, parted.dropped) == (whole.made.counts, whole.dropped)
    by_id = [it.frame.sort("kind", "example_id") for it in (whole, parted)]
    assert by_id[0].equals(by_id[1])
