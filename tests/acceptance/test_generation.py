"""Real chats from VIBE_DATA (default ../shared/data) become a generation whose examples a person can check by eye."""

import json
import os
from pathlib import Path

import polars as pl
import pytest

from vibe_pipeline.fingerprint import is_held_out
from vibe_pipeline.interactions.importers import import_paths
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.ladder import Ladder
from vibe_pipeline.settings import Settings

DATA = Path(os.environ.get("VIBE_DATA", Path(__file__).parents[2] / ".." / "shared" / "data"))

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"no real files in {DATA}: set VIBE_DATA")


@pytest.fixture
def bring(tmp_path):
    """Imports files into a home of its own and opens a generation; gives the examples."""

    def run(*paths: Path) -> pl.DataFrame:
        ladder = Ladder(tmp_path / "var", Settings())
        import_paths(InteractionLogger(ladder.store.root), ladder.store, list(paths))
        ladder.log.open_generation(force=True)
        return ladder.store.read_frame(f"examples/{ladder.examples(0).sha}.parquet")

    return run


@pytest.fixture(scope="module")
def conversations() -> list[list[dict]]:
    """100 conversations of people with an open assistant, as lists of messages."""
    lines = (DATA / "dev" / "oasst_conversations.jsonl").read_text().splitlines()
    return [json.loads(line)["messages"] for line in lines]


@pytest.fixture
def oasst(bring, conversations, tmp_path) -> pl.DataFrame:
    kept = ("role", "content")
    lines = ({"messages": [{name: turn[name] for name in kept} for turn in messages]} for messages in conversations)
    (tmp_path / "oasst.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return bring(tmp_path / "oasst.jsonl")


def test_every_answer_of_a_person_and_an_assistant_is_asked_with_all_that_came_before(oasst, conversations):
    wanted = set()
    for messages in conversations:
        texts = [message["content"] for message in messages]
        wanted |= {
            ("\n\n".join(texts[:at]).strip(), texts[at].strip())
            for at, message in enumerate(messages)
            if message["role"] == "assistant"
        }
    found = {(prompt.strip(), completion.strip()) for prompt, completion in oasst.select("prompt", "completion").rows()}
    assert len(wanted) > 100
    assert found == wanted


def test_a_real_conversation_is_on_one_side_and_a_fifth_is_held_out(oasst):
    sides = oasst.group_by("conversation_id").agg(pl.col("split").n_unique().alias("sides"), pl.col("split").first())
    assert sides["sides"].to_list() == [1] * len(sides)
    for conversation, split in sides.select("conversation_id", "split").rows():
        assert (split == "validation") == is_held_out(conversation, "vibe", 0.2)
    assert 0.05 < (sides["split"] == "validation").mean() < 0.4


def test_all_of_them_are_conversations_and_have_their_stage(oasst):
    assert oasst.select("kind", "stage").unique().rows() == [("conversation", "conversations")]
    assert oasst["prompt"].str.strip_chars().str.len_chars().min() > 0
    assert oasst["completion"].str.strip_chars().str.len_chars().min() > 0


def test_openai_and_sharegpt_samples_meet_in_one_generation(bring):
    samples = DATA / "importers"
    examples = bring(samples / "openai_jsonl", samples / "sharegpt")
    pairs = set(examples.select("prompt", "completion").rows())
    first, second = "Summarize the theory of relativity in one sentence.", "Thanks!"
    assert any(prompt.endswith(first) for prompt, _ in pairs)
    assert any(first in prompt and prompt.endswith(second) for prompt, _ in pairs)
    assert {
        ("alias role", "unknown alias"),
        ("old key name items", "ok"),
        ("other dialect", "pairs in one object"),
    } <= pairs
    assert set(examples["kind"]) >= {"conversation", "preference"}
    assert set(examples["split"]) == {"train", "validation"}


def test_an_answer_of_weight_0_is_context_in_a_real_file(bring):
    examples = bring(DATA / "importers" / "openai_jsonl" / "handmade_tools_weights_dpo.jsonl")
    assert "Paris" not in examples["completion"].to_list()
    assert examples.filter(pl.col("prompt").str.contains("Paris")).height > 0
