"""On which side of the split a group is that was named, or named otherwise, after earlier generations were cut."""

import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from tests.engine.curating import Curated, World, event, on_side
from vibe_pipeline import generations
from vibe_pipeline.curate.candidates import Candidates
from vibe_pipeline.settings import Curate

LEARNED, JUDGED, BOTH = on_side("group:a", held=True)[6:], on_side("group:b")[6:], on_side("group:c", held=True)[6:]
NEW, NEW_HELD = on_side("group:n")[6:], on_side("group:n", held=True)[6:]
BEFORE = {LEARNED: {False}, JUDGED: {True}, BOTH: {False, True}}
THEN = {LEARNED: "train", JUDGED: "validation", BOTH: "train", NEW: "train", NEW_HELD: "validation"}
"""What was known has the side on which it was, which is not the one of its hash, and learned is learned."""


def by(home: Path, group: str) -> World:
    return World(home, Curate(group=group))


def told(group: str, about: str, sides: dict[str, set[bool]] | None = None) -> list:
    """What each group says in conversations of its own, which by themselves are on these sides, or on both."""
    return [
        event(f"{about} {held} of {name}?", f"{about} {held} {name}", conversation=it, **_of(group, name))
        for name, its in (sides or {it: {False, True} for it in THEN}).items()
        for held in its
        for it in [on_side(f"{about} {name} ", held=held)]
    ]


def _of(group: str, name: str) -> dict:
    return {"extra": {"repo": name}} if group == "extra.repo" else {group: name}


def where(*made: Curated) -> dict[str, str]:
    """The sides of each group's rows."""
    found: dict[str, set[str]] = {}
    for prompt, split in pl.concat(it.frame for it in made).select("prompt", "split").rows():
        found.setdefault(prompt.split(" of ")[-1].removesuffix("?"), set()).add(split)
    return {name: "+".join(sorted(its)) for name, its in found.items()}


def late(home: Path, group: str = "user", before: str = "") -> World:
    """A home of which a generation was cut by something else."""
    first = by(home, before)
    first.log(*told(group, "before", BEFORE))
    assert where(first.cut()) == {LEARNED: "train", JUDGED: "validation", BOTH: "train+validation"}
    return by(home, group)


@pytest.mark.parametrize(("before", "group"), [("", "user"), ("extra.other", "extra.repo"), ("user", "module")])
def test_a_group_that_is_named_late_is_where_it_was_and_what_was_learned_is_judged_on_no_more(tmp_path, before, group):
    world = late(tmp_path, group, before)
    for about in ("now", "later"):
        world.log(*told(group, about))
        made = world.cut()
        assert where(made) == THEN
        assert not any(made.made.leaks.values())
        assert world.ladder.generations.card(made.made.generation).groups == (
            f"10 examples have {group}; each group is on one side since g001 "
            "(before that 1 of these lay on both: learned from by now, and still in earlier suites)"
        )


def test_it_is_told_once_that_groups_were_on_both_sides(tmp_path):
    world = late(tmp_path)
    for about, doubts in (("now", 1), ("later", 0)):
        world.log(*told("user", about))
        made = world.cut().made
        assert len(world.ladder.describe_generation(made.generation)["doubts"]) == doubts


def test_what_was_until_a_group_was_named_is_looked_at_once(tmp_path, monkeypatch):
    looked = []
    entries = generations.group_entries
    monkeypatch.setattr(generations, "group_entries", lambda *its: looked.append(len(its[0])) or entries(*its))
    by(tmp_path, "user").cut()
    second = by(tmp_path, "")
    for _ in range(2):
        second.cut()
    world = late(tmp_path)
    for about in ("now", "later", "again"):
        world.log(*told("user", about))
        assert where(world.cut()) == THEN
    assert looked == [4]


def test_who_groups_from_the_first_generation_on_looks_at_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(generations, "group_entries", lambda *_: 1 / 0)
    world = by(tmp_path, "user")
    for about in ("now", "later"):
        world.log(*told("user", about))
        assert "since" not in world.ladder.generations.card(world.cut().made.generation).groups


def test_a_group_is_kept_together_again_when_it_is_named_again(tmp_path):
    """Until then its conversations went by themselves."""
    made = []
    for generation, group in enumerate(("user", "", "user")):
        world = by(tmp_path, group)
        world.log(*told("user", f"time {generation}", {JUDGED: {False, True}, NEW_HELD: {True}}))
        made.append(world.cut())
    assert [where(it) for it in made] == [
        {JUDGED: "train", NEW_HELD: "validation"},
        {JUDGED: "train+validation", NEW_HELD: "validation"},
        {JUDGED: "train", NEW_HELD: "validation"},
    ]
    assert [sum(it.made.leaks.values()) for it in made] == [0, 0, 0]
    assert made[2].made.were_split == 1


@pytest.mark.parametrize("is_kept", [True, False])
def test_the_report_sees_groups_that_were_moved(tmp_path, monkeypatch, is_kept):
    if not is_kept:
        monkeypatch.setattr(
            Candidates, "_sides_before", lambda _, keys: pl.Series([None] * len(keys), dtype=pl.Boolean)
        )
    world = late(tmp_path)
    world.log(*told("user", "now"))
    made = world.cut().made
    assert made.leaks["groups"] == (0 if is_kept else 3)
    assert made.were_split == 1


def test_a_set_that_was_made_before_anybody_noted_since_when_is_looked_at_too(tmp_path):
    world = late(tmp_path)
    (result,) = world.ladder.store.path("results/examples").glob("*.json")
    old = {name: it for name, it in json.loads(result.read_text()).items() if name not in ("group_since", "were_split")}
    result.write_text(json.dumps(old | {"group": "user"}))
    world.log(*told("user", "now"))
    assert where(world.cut()) == THEN


def test_an_index_that_is_lost_changes_nothing(tmp_path):
    found = []
    for is_lost in (False, True):
        world = late(tmp_path / str(is_lost))
        for about in ("now", "later"):
            world.log(*told("user", about))
            made = world.cut().made
            if is_lost:
                shutil.rmtree(world.ladder.store.path("index"))
        found.append((made.sha, made.were_split, made.leaks))
    assert found[0] == found[1]


def test_a_branch_is_of_the_group_of_its_trunk_in_whichever_generation_that_is(tmp_path):
    first = by(tmp_path, "")
    trunk = on_side("trunk", held=False)
    first.log(event("before of nobody?", "a", conversation=trunk, user=JUDGED, extra={"weight": 0}))
    first.cut()
    first.log(event("then of nobody?", "b", conversation="branch", extra={"branch_of": trunk}))
    assert where(first.cut()) == {"nobody": "train"}
    world = by(tmp_path, "user")
    world.log(*told("user", "now", {JUDGED: {False, True}, NEW: {True}}))
    assert where(world.cut()) == {JUDGED: "train", NEW: "train"}
