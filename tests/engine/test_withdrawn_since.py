"""What was taken back since is missed by whoever exports a generation, and told to whoever looks at it."""

import json

import pytest

from tests.engine.curating import World, event, on_side
from tests.engine.taking_back import THEN, next_generation, say
from vibe_pipeline.curate.export.writing import Wanted
from vibe_pipeline.interactions.matching import Criteria
from vibe_pipeline.store import Store


def exported(world: World, generation: int, name: str) -> tuple[set[str], dict[str, dict[str, int]], str]:
    """The prompts that are exported to learn from, what was left out, and the dataset card."""
    folder = world.ladder.store.root.with_name(name)
    made = world.ladder.generations.export(generation, Wanted(folder=folder))
    rows = map(json.loads, (folder / "train.jsonl").read_text().splitlines())
    return {row["prompt"].strip() for row in rows}, made.left_out, (folder / "README.md").read_text()


@pytest.fixture
def doubted(tmp_path) -> World:
    """g000 with three answers; g001 dislikes the first, g002 gives the second anew."""
    world = World(tmp_path / "var")
    told = [event(f"q{number}", "the answer", conversation=on_side(f"{number} ")) for number in range(3)]
    next_generation(world, *told)
    say(world, told[0].interaction_id, -1)
    next_generation(world)
    next_generation(world, event("q1", "another answer", conversation=THEN))
    return world


def test_what_was_taken_back_leaves_with_no_export_and_is_counted(doubted):
    asked, left_out, card = exported(doubted, 0, "old")
    assert "q2" in asked
    assert not {"q0", "q1"} & asked
    assert left_out == {"conversation": {"was taken back by a later generation (disliked, or answered anew)": 2}}
    assert "- 2 conversation: was taken back by a later generation (disliked, or answered anew)" in card
    assert "Nothing was left out" not in card
    asked, left_out, card = exported(doubted, 2, "new")
    assert "q1" in asked
    assert left_out == {}
    assert "Nothing was left out" in card


def test_a_card_tells_what_was_taken_back_since_and_what_it_takes_back(doubted):
    cards = [doubted.ladder.generations.card(generation) for generation in range(3)]
    assert [(card.withdrawn, card.withdrawn_since) for card in cards] == [(0, 2), (1, 0), (1, 0)]
    found = doubted.ladder.generations.compare(0, 1)
    assert (found.withdrawn_since.old, found.withdrawn_since.new) == (2, 0)


def test_what_was_taken_back_and_then_forgotten_is_counted_as_forgotten_alone(doubted):
    generations = doubted.ladder.generations
    generations.card(1)
    doubted.ladder.log.forget(Criteria(conversation=on_side("0 ")))
    assert not generations.page(1).exists()
    cards = [generations.card(generation) for generation in range(3)]
    assert [(card.withdrawn, card.withdrawn_since, card.forgotten) for card in cards] == [
        (0, 1, 1),
        (0, 0, 0),
        (1, 0, 0),
    ]
    doubted.ladder.log.forget(Criteria(conversation=on_side("1 ")))
    assert [generations.card(generation).withdrawn for generation in range(3)] == [0, 0, 0]


def test_what_is_cut_and_not_curated_yet_takes_nothing_back(doubted):
    doubted.log(event("q2", "another answer", conversation=THEN))
    doubted.ladder.log.open_generation(force=True)
    assert doubted.ladder.generations.card(0).withdrawn_since == 2
    assert exported(doubted, 0, "old")[0] >= {"q2"}


def test_what_was_taken_back_since_costs_no_more_on_a_high_ladder(doubted, monkeypatch):
    reads, read = [], Store.read_record
    monkeypatch.setattr(Store, "read_record", lambda *it: (reads.append(it[-1]), read(*it))[1])
    counts = []
    for _ in range(2):
        reads.clear()
        assert doubted.ladder.generations.card(0).withdrawn_since == 2
        counts.append(len(reads))
        next_generation(doubted)
        next_generation(doubted)
    assert counts[0] == counts[1]
