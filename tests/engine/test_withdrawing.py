"""What is learned no longer, since it was disliked or failed: told by its place, for good, and by every later mix."""

import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.engine.curating import ALSO, MOMENT, World, event, learned, on_side, run, write
from tests.engine.planted_examples import Prose, text
from tests.engine.taking_back import THEN, next_generation, replayed, say
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.interactions.matching import Criteria
from vibe_pipeline.records import ExampleSet
from vibe_pipeline.settings import Curate

prose = Prose(__name__)

DIE = """
import os, sys
from tests.engine.curating import World
from vibe_pipeline.store import Store
from pathlib import Path
world, write = World(Path(sys.argv[1])), Store.write_tables
def dying(self, folder, *rest):
    write(self, folder, *rest)
    if folder == "withdrawn":
        os._exit(9)
Store.write_tables = dying
world.ladder.examples(1)
"""


def gone(world: World, made: ExampleSet) -> list[tuple[int, int, int]]:
    """(generation, row, since) of all that was taken back up to a generation."""
    if not made.withdrawn_sha:
        return []
    return world.ladder.store.read_frame(f"withdrawn/{made.withdrawn_sha}.parquet").rows()


def test_an_answer_that_was_disliked_since_is_replayed_by_no_later_generation(world):
    bad = event("q", "a bad answer")
    world.log(bad, event("r", "a good answer", conversation=ALSO))
    world.cut()
    assert ("q", "a bad answer") in {*learned(next_generation(world)), *replayed(world)}
    say(world, bad.interaction_id, -1)
    made = next_generation(world).made
    assert (made.withdrawn, made.dropped) == (1, {"failed outcome": 1})
    for _ in range(2):
        kept = replayed(world)
        assert ("r", "a good answer") in kept
        assert ("q", "a bad answer") not in kept
        assert next_generation(world).made.withdrawn == 0


@pytest.mark.parametrize("said", ["ls", "ls shows what is in a folder, and with a name what is in that one"])
@pytest.mark.parametrize("how", ["late", "shortened"])
def test_an_answer_is_known_to_be_the_disliked_one_though_its_prompt_came_out_otherwise(tmp_path, said, how):
    """A turn came late that was said before it, or less of the turns before fits by now."""
    world, longest = World(tmp_path), {"quality": {"longest": 3000 if how == "shortened" else 40000}}
    before = event("q", text(prose(600)))
    bad = event("and then?", said, turn=1, occurred_at=MOMENT + timedelta(hours=1))
    late = [before] if how == "late" else []
    world.log(bad, event("what then?", said, conversation=ALSO), *([] if late else [before]))
    world.cut()
    say(world, bad.interaction_id, -1)
    world = World(tmp_path, Curate.model_validate(longest))
    assert next_generation(world, *late).made.withdrawn == 1
    assert [prompt for prompt, answer in replayed(world) if answer == said] == ["what then?"]


def test_a_short_answer_that_was_disliked_after_some_turns_stands_after_others(world):
    turns = [
        event(asked, said, turn=at, occurred_at=MOMENT + timedelta(hours=at))
        for at, (asked, said) in enumerate([("is it 3?", "no"), ("sure?", "yes"), ("is it 4?", "no"), ("sure?", "yes")])
    ]
    turns = [replace(it, interaction_id=str(it.turn)) for it in turns]
    world.log(*turns)
    world.cut()
    say(world, "3", -1)
    assert next_generation(world).made.withdrawn == 1
    assert [prompt for prompt, answer in replayed(world) if answer == "yes"] == ["is it 3?\n\nno\n\nsure?"]


def test_stars_below_the_neutral_score_are_a_dislike(tmp_path):
    world = World(tmp_path, Curate(neutral=3))
    starred = event("q", "a bad answer", feedback=5)
    world.log(starred)
    world.cut()
    say(world, starred.interaction_id, 2)
    assert next_generation(world).made.withdrawn == 1
    assert ("q", "a bad answer") not in replayed(world)


def test_what_somebody_came_to_like_again_is_learned_again(world):
    told = event("q", "the answer")
    world.log(told)
    world.cut()
    for score, withdrawn in ((-1, 1), (1, 0), (-1, 1), (1, 0)):
        say(world, told.interaction_id, score)
        curated = next_generation(world)
        assert curated.made.withdrawn == withdrawn
        assert (("q", "the answer") in learned(curated)) == (score > 0)
        assert ("q", "the answer") not in replayed(world)


def test_a_like_of_what_stands_takes_nothing_back(world):
    told = event("q", "the answer")
    world.log(told)
    world.cut()
    say(world, told.interaction_id, 1)
    assert next_generation(world).made.withdrawn == 0
    assert ("q", "the answer") in replayed(world)


def test_code_that_was_disliked_since_is_replayed_no_longer(world):
    first = write("print(1)", True)
    world.log(first)
    assert learned(world.cut(), "code_generation") == [("write it", "print(1)")]
    say(world, first.interaction_id, -1)
    assert next_generation(world).made.withdrawn == 1
    assert ("write it", "print(1)") not in replayed(world)


def test_a_correction_of_code_takes_the_place_of_what_was_corrected(world):
    first = write("print(1)", True)
    world.log(first, write("print(3)", True, conversation=ALSO, occurred_at=MOMENT - timedelta(days=1)))
    world.cut()
    InteractionLogger(world.ladder.store.root).improvement(first.interaction_id, "print(2)")
    curated = next_generation(world)
    assert ("write it", "print(2)") in learned(curated, "code_generation")
    assert not {("write it", "print(1)"), ("write it", "print(2)")} & replayed(world)


def test_a_fix_that_was_disliked_since_is_replayed_no_longer(world):
    failing, fixed = run("print(1", False, error_type="SyntaxError"), run("print(1)", True, 1)
    world.log(failing, fixed)
    assert len(learned(world.cut(), "error_correction")) == 1
    say(world, fixed.interaction_id, -1)
    assert next_generation(world).made.withdrawn == 1
    assert not [prompt for prompt, _ in replayed(world) if "print(1" in prompt]


def test_code_that_fails_after_it_was_learned_is_taken_back_whatever_the_settings(tmp_path):
    world = World(tmp_path, Curate.model_validate({"quality": {"failed": "mark"}}))
    world.log(write("print(1)", True), run("print(1)", True, 1))
    world.cut()
    curated = next_generation(world, run("print(1)", False, 2, error_type="OSError"))
    assert curated.made.withdrawn == 2  # how the run ends is answered anew as well
    assert learned(curated, "code_generation") == []
    assert ("write it", "print(1)") not in replayed(world)


def test_a_commit_that_is_reverted_since_is_taken_back_with_its_revert(world):
    def commit(name, message, diff, **extra):
        extra = {"commit": name * 40, "path": "a.py", **extra}
        values = {"action": "commit", "improvements": (diff,), "extra": extra}
        return event(message, "values", conversation=on_side(name), **values)

    world.log(commit("a", "Divide faster", "@@ -1 +1 @@\n-sum / n\n+sum // n"))
    assert len(learned(world.cut(), "code_generation")) == 1
    message = f'Revert "Divide faster"\n\nThis reverts commit {"a" * 40}.'
    back = commit("b", message, "@@ -1 +1 @@\n-sum // n\n+sum / n", branch_of=on_side("a"))
    curated = next_generation(world, back)
    assert (curated.made.withdrawn, learned(curated, "code_generation")) == (1, [])
    assert not [prompt for prompt, _ in replayed(world) if prompt.startswith("Divide")]


def version(at, diff, message="Divide faster", **extra):
    extra = {"commit": f"{at:040x}", "path": "a.py", "committed": str(at), "branch_of": THEN, **extra}
    values = {"action": "commit", "improvements": (diff,), "extra": extra}
    return event(message, "values", conversation=f"v{at}", **values)


def revert(at, undone):
    return version(at, "@@ -1 +1 @@\n-x", f"Back\n\nThis reverts commit {undone:040x}.", branch_of=f"v{undone}")


MANY = "\n".join(f"+{text(prose(6))}" for _ in range(9))
SLOW, FAST = (f"@@ -1 +1 @@\n{MANY}\n+return sum {sign} n" for sign in ("/", "//"))


def test_a_commit_that_is_amended_takes_back_what_it_was_and_is_no_near_duplicate_of_it(world):
    world.log(version(1, SLOW))
    assert [diff for _, diff in learned(world.cut(), "code_generation")] == [SLOW]
    curated = next_generation(world, version(2, FAST))
    assert [diff for _, diff in learned(curated, "code_generation")] == [FAST]
    assert not {SLOW, FAST} & {diff for _, diff in replayed(world)}
    curated = next_generation(world, version(3, FAST.replace("-1 +1", "-9 +9")))
    assert (curated.made.withdrawn, learned(curated, "code_generation")) == (0, [])
    assert {SLOW, FAST} & {diff for _, diff in replayed(world)} == {FAST}


def test_a_commit_that_is_reverted_and_brought_back_over_many_generations_is_as_the_last_one_left_it(world):
    world.log(version(1, SLOW))
    world.cut()
    for at in range(2, 7):
        curated = next_generation(world, revert(at, at - 1))
        is_back = at % 2 == 1
        assert curated.made.withdrawn == (not is_back)
        assert [diff for _, diff in learned(curated, "code_generation")] == [SLOW] * is_back


@pytest.mark.parametrize("action", ["commit", "document", "log"])
def test_a_commit_and_a_passage_that_were_disliked_since_are_replayed_no_longer(world, action):
    said = version(1, SLOW) if action == "commit" else event("", text(prose(40)), action=action)
    world.log(said)
    world.cut()
    say(world, said.interaction_id, -1)
    curated = next_generation(world)
    assert (curated.made.withdrawn, curated.dropped) == (1, {"failed outcome": 1})


def test_code_that_works_again_after_it_was_taken_back_is_learned_again(world):
    world.log(write("print(1)", True))
    world.cut()
    assert next_generation(world, run("print(1)", False, 1, error_type="OSError")).made.withdrawn == 1
    curated = next_generation(world, run("print(1)", True, 2))
    assert learned(curated, "code_generation") == [("write it", "print(1)")]


def test_a_fix_of_what_worked_unchanged_since_is_replayed_no_longer(world):
    world.log(run("print(1", False, error_type="SyntaxError"), run("print(1)", True, 1))
    assert len(learned(world.cut(), "error_correction")) == 1
    assert next_generation(world, run("print(1", True, 2)).made.withdrawn == 2
    assert not [prompt for prompt, _ in replayed(world) if prompt.startswith("print(1\n")]


def test_a_near_duplicate_of_what_was_taken_back_is_learned(world):
    question, answer = text(prose(12)), text(prose(40))
    bad = event(question, answer)
    world.log(bad)
    world.cut()
    say(world, bad.interaction_id, -1)
    next_generation(world)
    curated = next_generation(world, event(question, f"{answer} Indeed.", conversation=THEN))
    assert (question, f"{answer} Indeed.") in learned(curated)


def test_what_fails_and_is_kept_is_not_taken_back(tmp_path):
    world = World(tmp_path, Curate.model_validate({"quality": {"failed": "mark"}}))
    bad = event("q", "a bad answer")
    world.log(bad)
    world.cut()
    say(world, bad.interaction_id, -1)
    assert next_generation(world).made.withdrawn == 0


def test_of_what_was_taken_back_nothing_but_its_place_is_written(world):
    for number in range(3):
        next_generation(world, event("Who leads?", f"{number} leads.", conversation=on_side(f"{number} ")))
    last = world.generations()[-1]
    assert [(generation, since) for generation, _, since in gone(world, last)] == [(0, 1), (1, 2)]
    for generation, row, _ in gone(world, last):
        examples = world.ladder.store.read_frame(f"examples/{world.generations()[generation].sha}.parquet")
        assert examples[row]["prompt"].item() == "Who leads?"


def test_places_hold_where_rows_before_them_were_forgotten(world):
    names = [on_side(f"{number} ") for number in range(12)]
    world.log(*(event(f"question {name}", f"the answer {name}", conversation=name) for name in names))
    world.cut()
    for name in names[:8:2]:
        world.ladder.log.forget(Criteria(conversation=name))
    changed = event(f"question {names[9]}", "another answer", conversation=THEN)
    assert next_generation(world, changed).made.withdrawn == 1
    kept = {prompt for prompt, _ in replayed(world)}
    assert kept == {f"question {name}" for name in (*names[1:8:2], names[8], *names[10:])}


def test_a_generation_that_took_back_is_made_again_the_same_after_a_kill(tmp_path):
    world = World(tmp_path / "whole")
    world.log(event("Who leads?", "Ada leads."))
    world.cut()
    world.log(event("Who leads?", "Bo leads.", conversation=THEN))
    world.ladder.log.open_generation(force=True)
    shutil.copytree(tmp_path / "whole", tmp_path / "killed")
    command = [sys.executable, "-c", DIE, str(tmp_path / "killed")]
    assert subprocess.run(command, cwd=Path(__file__).parents[2], check=False).returncode == 9
    made = [World(tmp_path / home).generations()[1] for home in ("whole", "killed")]
    assert made[0].withdrawn_sha == made[1].withdrawn_sha
    assert [(it.withdrawn, it.sha) for it in made] == [(1, made[0].sha)] * 2
    for home in ("whole", "killed"):
        (file,) = (tmp_path / home / "withdrawn").iterdir()
        assert pq.read_table(file).num_rows == 1


def test_an_index_that_was_thrown_away_knows_what_was_taken_back(world):
    told = event("q", "the answer")
    world.log(told)
    world.cut()
    say(world, told.interaction_id, -1)
    next_generation(world)
    world.ladder.store.remove("index")
    assert ("q", "the answer") in learned(next_generation(world, event("q", "the answer", conversation=THEN)))
