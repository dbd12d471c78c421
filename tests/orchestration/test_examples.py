"""What Dagster shows of a generation's examples: figures and where the page lies, and nobody's words."""

from jobs.partitions import register
from tests.engine.curated import keep, take_back

ROWS = [
    {"prompt": "a private question", "completion": "a private answer", "tokens": 9, "reasons": ["+success"]},
    {"kind": "document", "stage": "manual", "prompt": "", "completion": "private too", "split": "validation"},
]


def test_a_card_is_shown_without_its_words(world):
    keep(world.home, ROWS, dropped={"too short": 3, "duplicate within the generation": 2})
    register(world.instance, world.ladder)
    world.run("open_generation", "g000")
    metadata, sha = world.seen("examples", "g000")
    assert metadata["examples_sha"] == sha
    assert (metadata["examples"], metadata["tokens"]) == (2, 11)
    assert (metadata["dropped_as_quality"], metadata["dropped_as_duplicates"]) == (3, 2)
    assert metadata["leaked_conversations"] == 0
    assert "| conversation | 1 | 0 | 0 |" in metadata["by_kind"]
    assert "| +success | 1 |" in metadata["by_quality"]
    assert "private" not in str(metadata)
    page = world.ladder.generations.page(0)
    assert metadata["page"] == str(page)
    assert "a private question" in page.read_text()


def test_a_generation_that_is_shown_again_tells_what_was_taken_back_since(world):
    keep(world.home, ROWS)
    keep(world.home, ROWS, **take_back(world.ladder.store, 0, 0))
    register(world.instance, world.ladder)
    world.run("open_generation", "g000")
    metadata, _ = world.seen("examples", "g000")
    assert (metadata["withdrawn"], metadata["withdrawn_since"]) == (0, 1)
