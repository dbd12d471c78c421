"""On which side of the split conversations, facts, branches and groups are, in whichever generations they are told."""

from collections import Counter, defaultdict
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.curating import (
    ALSO,
    HELD,
    LEARNED,
    MOMENT,
    Curated,
    World,
    event,
    learned,
    on_side,
    probe,
    splits,
)
from vibe_pipeline import fingerprint
from vibe_pipeline.curate.events import window
from vibe_pipeline.fingerprint import is_held_out
from vibe_pipeline.settings import Curate

few = settings(max_examples=8)


@few
@given(st.lists(st.tuples(st.text("abcdef", min_size=1, max_size=3), st.integers(0, 2)), min_size=1, max_size=12))
def test_a_conversation_is_on_one_side_for_ever(tmp_path_factory, turns):
    world = World(tmp_path_factory.mktemp("world"), Curate(held_out=0.5))
    for generation in range(3):
        world.log(
            *(
                event(f"q{number}", f"{generation}", conversation=conversation, turn=number)
                for number, (conversation, its) in enumerate(turns)
                if its == generation
            )
        )
        for row in world.cut().frame.to_dicts():
            held = is_held_out(row["conversation_id"], "vibe", 0.5)
            assert row["split"] == ("validation" if held else "train")


def long(nth: int) -> str:
    return " ".join(f"{nth} has {number} of {number * nth}" for number in range(20))


SAID_OFTEN = {
    "the same": lambda nth, time: [(f"What is {nth}?", f"It is {nth}.", {})],
    "in other case": lambda nth, time: [(f"{'WHAT' if time % 2 else 'What'} is {nth}?", f"It is {nth}.", {})],
    "after other words": lambda nth, time: [(f"Hello {time}", "", {}), (f"What is {nth}?", f"It is {nth}.", {})],
    "in three other words": lambda nth, time: [(f"What is {nth}, {'x' * (time % 3)}?", long(nth), {})],
    "nearly the same": lambda nth, time: [(f"What is {nth}?", f"{long(nth)} {time}", {})],
    "runs": lambda nth, time: [(f"make {nth}", "done", {"action": "run", "success": True})],
    "ranked": lambda nth, time: [(f"What is {nth}?", f"It is {nth}.", {"extra": {"rejected": f"No {time % 3}"}})],
}


@pytest.mark.parametrize("how", SAID_OFTEN)
def test_what_is_said_often_is_held_out_no_likelier_than_what_is_said_once(world, how):
    for nth in range(2, 42):
        for time in range(8):
            conversation = f"{nth} for the {time}th time"
            for turn, (text, answer, values) in enumerate(SAID_OFTEN[how](nth, time)):
                world.log(event(text, answer, conversation=conversation, turn=turn, **values))
    made, sides = world.cut(), defaultdict(set)
    for row in made.frame.to_dicts():
        sides[row["conversation_id"].split()[0]].add(row["split"])
    assert Counter(len(its) for its in sides.values()) == {1: 40}
    assert 2 <= sum(its == {"validation"} for its in sides.values()) <= 16  # one in five
    assert not any(made.made.leaks.values())


def test_a_fact_with_a_probe_is_always_learned_and_its_probe_only_asked(world):
    world.log(event("What is f?", "a", conversation=HELD, extra={"fact": "f"}), probe("f", "Say f."))
    assert splits(world.cut()) == {"What is f?": "train", "Say f.": "test"}


def test_a_fact_whose_probe_came_earlier_is_learned_too(world):
    world.log(probe("f", "Say f."))
    world.cut()
    world.log(event("What is f?", "a", conversation=HELD, extra={"fact": "f"}))
    assert splits(world.cut()) == {"What is f?": "train"}


def test_a_fact_without_a_probe_is_held_out_like_any_conversation(world):
    world.log(event("What is f?", "a", conversation=HELD, extra={"fact": "f"}), probe("g", "Say g."))
    assert splits(world.cut()) == {"What is f?": "validation", "Say g.": "test"}


def test_a_conversation_that_was_held_out_stays_so_though_it_tells_a_fact_later(world):
    """Its later turns hold the earlier ones, which are in a suite."""
    world.log(event("q", "a", conversation=HELD))
    world.cut()
    told = event("What is f?", "b", conversation=HELD, turn=1, extra={"fact": "f"})
    world.log(told, probe("f", "Say f.", "b"))
    assert splits(world.cut()) == {"q\n\na\n\nWhat is f?": "validation", "Say f.": "test"}


@pytest.mark.parametrize("conversation", [LEARNED, HELD])
def test_other_settings_move_nothing_that_has_a_side(tmp_path, conversation):
    first = World(tmp_path)
    first.log(event("q", "a", conversation=conversation))
    side = set(splits(first.cut()).values())
    for held_out in (0.0, 1.0):
        second = World(tmp_path, Curate(held_out=held_out))
        second.log(event(f"next {held_out}", "b", conversation=conversation, turn=1 + round(held_out)))
        assert set(splits(second.cut()).values()) == side


def sides(*generations: Curated) -> dict[str, set[str]]:
    """Of each conversation."""
    found: dict[str, set[str]] = {}
    for curated in generations:
        for row in curated.frame.to_dicts():
            found.setdefault(row["conversation_id"], set()).add(row["split"])
    return found


@pytest.mark.parametrize(("before", "then"), [("", "user"), ("user", ""), ("user", "module")])
def test_a_conversation_stays_on_its_side_when_something_else_is_grouped_by(tmp_path, before, then):
    made = []
    for turn, group in enumerate((before, then)):
        world = World(tmp_path, Curate(group=group, held_out=0.5))
        world.log(*(event(f"q{turn} {n}", "a", conversation=f"x{n}", turn=turn, user=f"u{n % 4}") for n in range(24)))
        made.append(world.cut())
    assert all(len(its) == 1 for its in sides(*made).values())
    assert set.union(*sides(*made).values()) == {"train", "validation"}


def test_an_older_event_that_comes_later_moves_no_conversation(tmp_path):
    world, made = World(tmp_path, Curate(group="user", held_out=0.5)), []
    for generation, moment in enumerate((MOMENT, MOMENT - timedelta(days=1))):
        for n in range(12):
            said = {"user": f"u{n + generation}", "occurred_at": moment, "conversation": f"x{n}"}
            world.log(event(f"q{generation} {n}", "a", turn=1 - generation, **said))
        made.append(world.cut())
    assert all(len(its) == 1 for its in sides(*made).values())


def test_a_conversation_is_of_the_first_user_that_it_names(tmp_path):
    """Somebody asks before logging in."""
    world = World(tmp_path, Curate(group="user", held_out=0.5))
    for n in range(24):
        said = {"conversation": f"x{n}"}
        world.log(event(f"q {n}", "a", **said), event(f"r {n}", "a", turn=1, user=f"u{n % 4}", **said))
    found = sides(world.cut())
    by_user = [set.union(*(found[f"x{n}"] for n in range(24) if n % 4 == user)) for user in range(4)]
    assert sorted(map(sorted, by_user)) == sorted([side] for its in by_user for side in its)
    assert set.union(*by_user) == {"train", "validation"}


def test_what_a_group_says_in_a_conversation_that_is_on_the_other_side_is_in_neither(tmp_path):
    world = World(tmp_path, Curate(group="user", held_out=0.5))
    world.log(*(event(f"q {n}", "a", conversation=f"x{n}") for n in range(12)))
    world.log(*(event(f"r {n}", "a", conversation=f"y{n}", user=f"u{n}") for n in range(12)))
    before = world.cut()
    world.log(*(event(f"s {n}", "a", turn=1, conversation=f"x{n}", user=f"u{n}") for n in range(12)))
    found, then = sides(before), world.cut()
    alike = [n for n in range(12) if found[f"x{n}"] == found[f"y{n}"]]
    assert 0 < len(alike) < 12
    assert sides(then) == {f"x{n}": found[f"x{n}"] for n in alike}
    assert then.dropped == {"its conversation is on one side and its group on the other": 12 - len(alike)}
    assert not any(then.made.leaks.values())


@pytest.mark.parametrize("at_once", [True, False])
def test_branches_of_branches_are_on_the_side_of_the_first_trunk(world, at_once):
    family = [
        event("q1", "a1", conversation=HELD),
        event("q2", "a2", conversation=LEARNED, extra={"branch_of": HELD}),
        event("q3", "a3", conversation=ALSO, extra={"branch_of": LEARNED}),
    ]
    made = []
    for number, it in enumerate(family):
        world.log(it)
        if number == 2 or not at_once:
            made.append(world.cut())
    assert sides(*made) == {HELD: {"validation"}, LEARNED: {"validation"}, ALSO: {"validation"}}


def test_branches_that_name_each_other_are_on_one_side(world):
    world.log(
        event("q1", "a1", conversation=HELD, extra={"branch_of": LEARNED}),
        event("q2", "a2", conversation=LEARNED, extra={"branch_of": HELD}),
        event("q3", "a3", conversation=ALSO, extra={"branch_of": ""}),
    )
    found = sides(world.cut())
    assert found[HELD] == found[LEARNED]
    assert found[ALSO] == {"train"}


def test_a_family_is_in_one_part_though_only_the_first_turn_of_a_branch_says_so(tmp_path, monkeypatch):
    found = []
    for part_bytes in (1 << 30, 1 << 12):
        monkeypatch.setattr(window, "PART_BYTES", part_bytes)
        world = World(tmp_path / str(part_bytes))
        for n in range(20):
            world.log(
                event(f"q1 {n}", f"trunk {n}", conversation=f"t{n}"),
                event(f"q2 {n}", f"branch {n}", conversation=f"b{n}", extra={"branch_of": f"t{n}"}),
                event(f"q3 {n}", f"later {n}", conversation=f"b{n}", turn=1),
            )
        found.append(world.cut())
    whole, parted = found
    assert sides(parted) == sides(whole)
    assert sorted(learned(parted)) == sorted(learned(whole))
    assert all(sides(whole)[f"t{n}"] == sides(whole)[f"b{n}"] for n in range(20))


@pytest.mark.parametrize("group", ["user", "extra.repo"])
@pytest.mark.parametrize("of_branches", ["nobody", "others"])
def test_a_family_is_of_the_first_group_that_its_trunk_names_whoever_speaks_in_branches(tmp_path, group, of_branches):
    world = World(tmp_path, Curate(group=group, held_out=0.5))
    for n in range(16):
        trunk, branch = _of_group(group, n), _of_group(group, 50 + n if of_branches == "others" else None)
        early = {"occurred_at": MOMENT - timedelta(days=1)}  # a clock that goes wrong
        branch["extra"] = {**branch.get("extra", {}), "branch_of": f"t{n}"}
        world.log(event(f"q {n}", f"a {n}", conversation=f"t{n}", **trunk))
        world.log(event(f"r {n}", f"b {n}", conversation=f"b{n}", **branch, **early))
    curated = world.cut()
    found = sides(curated)
    assert all(found[f"t{n}"] == found[f"b{n}"] for n in range(16))
    assert set.union(*found.values()) == {"train", "validation"}
    assert not any(curated.made.leaks.values())


def test_a_family_that_a_group_draws_apart_later_stays_together(tmp_path):
    """Its sides were known before anybody grouped by user; whoever the branch is of."""
    made = []
    for generation, group in enumerate(("", "user")):
        world = World(tmp_path, Curate(group=group, held_out=0.5))
        for n in range(16):
            user = {"user": f"u{n}"} if generation else {}
            world.log(event(f"q{generation} {n}", "a", conversation=f"t{n}", turn=generation))
            extra = {"branch_of": f"t{n}"}
            world.log(event(f"r{generation} {n}", "b", conversation=f"b{n}", turn=generation, extra=extra, **user))
        made.append(world.cut())
    found = sides(*made)
    assert made[1].frame.height == 32
    assert all(found[f"t{n}"] == found[f"b{n}"] for n in range(16))
    assert all(len(its) == 1 for its in found.values())


def test_a_group_whose_conversations_have_two_sides_is_held_out_and_the_others_go_on_nowhere(tmp_path):
    """What was judged on cannot be taken back, and what is trained on can be left."""
    world = World(tmp_path, Curate(group="user"))
    world.log(event("q1", "a1", conversation=LEARNED), event("q2", "a2", conversation=HELD))
    world.cut()
    for turn in (1, 2):
        told = [event(f"q{turn}{it}", "b", turn=turn, conversation=it, user="alice") for it in (LEARNED, HELD)]
        world.log(*told, event(f"q{turn}", "c", turn=turn, conversation=ALSO, user="alice"))
        curated = world.cut()
        assert sides(curated) == {HELD: {"validation"}, ALSO: {"validation"}}
        assert curated.dropped == {"its conversation is on one side and its group on the other": 1}
        assert not any(curated.made.leaks.values())


@pytest.mark.parametrize("part_bytes", [1 << 30, 1 << 8])
def test_a_group_is_on_one_side_in_however_many_parts_its_conversations_lie(tmp_path, monkeypatch, part_bytes):
    monkeypatch.setattr(window, "PART_BYTES", part_bytes)
    world, users = World(tmp_path, Curate(group="user", held_out=0.5)), range(12)
    world.log(*(event(f"q {n}", f"old {n}", conversation=f"old{n}") for n in users))
    before = world.cut()
    world.log(*(event(f"r {n}", f"next {n}", conversation=f"old{n}", turn=1, user=f"u{n}") for n in users))
    named = [(f"new{n}-{more}", f"u{n}") for n in users for more in range(3)]
    world.log(*(event(f"s {it}", f"answer {it}", conversation=it, user=user) for it, user in named))
    curated = world.cut()
    found, then = sides(before), sides(curated)
    assert all(then[it] == found[f"old{user[1:]}"] for it, user in named)
    assert curated.frame.height == 48
    assert not any(curated.made.leaks.values())


def test_a_branch_whose_group_is_on_another_side_than_its_trunk_is_on_neither(tmp_path):
    user = on_side("group:u", held=True).removeprefix("group:")
    world = World(tmp_path, Curate(group="user"))
    world.log(event("q1", "a1", conversation=LEARNED), event("q2", "a2", conversation=ALSO, user=user))
    assert sides(world.cut()) == {LEARNED: {"train"}, ALSO: {"validation"}}
    world.log(event("q3", "a3", conversation="new", user=user, extra={"branch_of": LEARNED}))
    curated = world.cut()
    assert curated.dropped == {"its conversation is on one side and its group on the other": 1}


def test_the_report_counts_families_that_are_on_both_sides(tmp_path, monkeypatch):
    alone = fingerprint.GROUPED.replace("PARTITION BY family", "PARTITION BY conversation_id")
    monkeypatch.setattr(fingerprint, "GROUPED", alone)
    world = World(tmp_path, Curate(group="user", held_out=0.5))
    for n in range(16):
        world.log(event(f"q {n}", f"a {n}", conversation=f"t{n}", user=f"u{n}"))
        world.log(event(f"r {n}", f"b {n}", conversation=f"b{n}", user=f"v{n}", extra={"branch_of": f"t{n}"}))
    curated = world.cut()
    found = sides(curated)
    apart = sum(found[f"t{n}"] != found[f"b{n}"] for n in range(16))
    assert 0 < apart == curated.made.leaks["families"]


def test_a_fact_that_a_branch_tells_takes_its_whole_family_along(world):
    branch = event("What is f?", "b", conversation=LEARNED, extra={"branch_of": HELD, "fact": "f"})
    world.log(event("q", "a", conversation=HELD), branch, probe("f", "Say f.", "b"))
    curated = world.cut()
    assert splits(curated) == {"q": "train", "What is f?": "train", "Say f.": "test"}
    assert not any(curated.made.leaks.values())


def test_where_groups_are_held_out_facts_are_held_out_with_them_and_their_probes_leave(tmp_path):
    world = World(tmp_path, Curate(group="user", held_out=1.0))
    world.log(event("What is f?", "b", extra={"fact": "f"}, user="u"), probe("f", "Say f.", "b"))
    curated = world.cut()
    assert splits(curated) == {"What is f?": "validation"}
    assert curated.dropped == {"probe of a fact that only the held-out side tells": 1}
    assert world.ladder.generations.card(0).dropped["quality"] == curated.dropped


TAUGHT, JUDGED = on_side("group:a")[6:], on_side("group:b", held=True)[6:]


@pytest.mark.parametrize("group", ["", "user"])
def test_a_probe_stays_where_somebody_may_have_learned_its_fact(tmp_path, group):
    world = World(tmp_path, Curate(group=group))
    answers = {it: " ".join(f"{it}{n}" for n in range(20)) for it in ("both", "held", "again")}
    world.log(event("What is it again?", answers["again"], user=TAUGHT, extra={"fact": "again"}))
    world.cut()
    tellers = {"both": (TAUGHT, JUDGED), "held": (JUDGED,), "again": (TAUGHT, JUDGED)}
    for fact, users in tellers.items():
        for user in users:
            said = {"conversation": f"{fact} {user}", "user": user, "extra": {"fact": fact}}
            asked = "What is it again?" if fact == "again" else f"What is {fact} to {user}?"
            world.log(event(asked, answers[fact] if user == TAUGHT else f"{user} knows {fact} well", **said))
    world.log(*(probe(it, f"Say {it}.", it) for it in (*answers, "untold")))
    made = world.cut()
    asked = {prompt for prompt, split in splits(made).items() if split == "test"}
    assert asked == {"Say both.", "Say again.", "Say untold.", *([] if group else ["Say held."])}
    if not group:
        assert set(splits(made).values()) == {"train", "test"}


def test_a_probe_that_leaves_for_its_fact_costs_no_training_row(tmp_path):
    world = World(tmp_path, Curate(group="user"))
    told = event("What is f to them?", "b", conversation="c1", user=JUDGED, extra={"fact": "f"})
    world.log(told, event("Say f.", "It is c.", conversation="c2", user=TAUGHT), probe("f", "Say f.", "b"))
    assert splits(world.cut()) == {"What is f to them?": "validation", "Say f.": "train"}


@pytest.mark.parametrize("group", ["user", "extra.repo"])
def test_what_shares_a_group_is_on_one_side_for_ever(tmp_path, group):
    world, sides = World(tmp_path, Curate(held_out=0.5, group=group)), {}
    for generation in range(2):
        told = [
            event(
                f"q{number}",
                f"answer {generation} of {number}",
                conversation=f"x{number}",
                turn=generation,
                occurred_at=MOMENT + timedelta(hours=generation),
                **_of_group(group, None if generation == 1 and number in range(8, 24, 2) else number % 6),
            )
            for number in range(8 * generation, 24 + 4 * generation)
        ]
        world.log(*told)
        curated = world.cut()
        assert curated.frame.height == len(told)
        assert not any(curated.made.leaks.values())
        for row in curated.frame.to_dicts():
            sides.setdefault(int(row["conversation_id"][1:]) % 6, set()).add(row["split"])
    assert all(len(its) == 1 for its in sides.values())
    assert set.union(*sides.values()) == {"train", "validation"}


def _of_group(group: str, number: int | None) -> dict:
    """None: a later turn that does not say it, in a conversation whose first did."""
    if number is None:
        return {}
    return {"user": f"u{number}"} if group == "user" else {"extra": {"repo": f"r{number}"}}
