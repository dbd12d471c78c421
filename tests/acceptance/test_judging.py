"""What people really asked a shell assistant, from VIBE_DATA, climbed by a tiny model: judged, shown and verified.

The answers are free-form, so nothing is exact: recall is what was kept of the gain, and no floor applies. Two rungs on
the shell, then one on another trade; the same stream with a real model is in docs/log.md, "a real stream".
"""

import json
import os
from pathlib import Path

import polars as pl
import pytest

from vibe_pipeline import verdicts
from vibe_pipeline.interactions.importers import import_paths
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.ladder import Ladder
from vibe_pipeline.settings import Gate, Recipe

DATA = Path(os.environ.get("VIBE_DATA", Path(__file__).parents[2] / ".." / "shared" / "data")) / "dev"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"no real files in {DATA}: set VIBE_DATA")

A_GENERATION = 150


def asked_and_answered() -> list[list[tuple[str, str]]]:
    shell = pl.read_ndjson(DATA / "nl2bash.jsonl").select("description", "command").rows()
    school = pl.read_ndjson(DATA / "gsm8k.jsonl").select("question", pl.col("answer").str.slice(0, 120)).rows()
    return [shell[:A_GENERATION], shell[A_GENERATION : 2 * A_GENERATION], school[:A_GENERATION]]


@pytest.fixture(scope="module")
def climbed(tmp_path_factory, new_ladder) -> Ladder:
    """Three generations, imported as a client of OpenAI keeps its chats."""
    folder = tmp_path_factory.mktemp("real")
    gate = Gate(corporate_limit=11, general_margin=1)
    recipe = Recipe(rank=8, alpha=8, epochs=4, learning_rate=1e-2, max_length=512)
    ladder = new_ladder(folder / "var", gate=gate, recipe=recipe)
    for number, told in enumerate(asked_and_answered()):
        roles = ("user", "assistant")
        chats = [[{"role": role, "content": it} for role, it in zip(roles, pair, strict=True)] for pair in told]
        file = folder / f"chats{number}.jsonl"
        file.write_text("\n".join(json.dumps({"messages": messages}) for messages in chats))
        import_paths(InteractionLogger(ladder.store.root), ladder.store, [file])
        ladder.log.open_generation(force=True)
        ladder.climb("main", number)
    return ladder


def rules(ladder: Ladder, generation: int) -> dict[str, dict]:
    return {rule["name"]: rule for rule in ladder.records()[generation]["rules"]}


def test_free_form_answers_are_judged_by_what_is_gained_and_kept_in_nll(climbed):
    first, second = rules(climbed, 0), rules(climbed, 1)
    assert first["gain in NLL"]["finding"] == "passed"
    assert first["retention"]["finding"] == first["recall floor"]["finding"] == "not applicable"
    assert second["retention"]["n"] == first["gain in NLL"]["n"] > 20
    assert second["retention"]["finding"] == "passed"
    assert climbed.records()[1]["recall_is"] == "retention"


def test_two_rungs_on_the_shell_are_promoted_and_a_verdict_says_why_in_words(climbed):
    assert [record["verdict"] for record in climbed.records()][:2] == ["promoted", "promoted"]
    for record in climbed.records():
        said = verdicts.why(record)
        assert record["verdict"] in said or f"was {record['verdict']}" in said
        assert all(rule["words"] for rule in record["rules"])


def test_the_matrix_has_every_rung_on_every_suite_that_was_asked(climbed):
    matrix = climbed.matrix("main")
    assert [row.generation for row in matrix.rows] == ["base", "g000", "g001", "g002"]
    assert matrix.parts
    assert "<svg" in climbed.matrix_page("main").read_text()


def test_everything_can_be_verified(climbed):
    found = climbed.verify("main")
    assert found.problems == []
    assert found.checked["verdicts"] == 3
