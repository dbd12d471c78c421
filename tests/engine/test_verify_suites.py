"""What is judged by few answers, and suites of one's own that leaked, is verified as it was judged."""

import json

from vibe_pipeline.ladder import Ladder


def test_answers_that_many_questions_share_are_labels_to_whoever_verifies_too(ladder, log_facts):
    """Their words are not kept, and which of them are the same is."""
    for generation in range(2):
        log_facts(ladder.store.root, range(24 * generation, 24 * generation + 12))
        ladder.log.open_generation()
        event = ladder.climb("main", generation)
    assert [(it["generation"], it["labels"]) for it in event.facts["balances"]] == [(0, 2), (1, 2)]
    assert event.facts["comparisons"]["of_rarest"] > 0
    kept = ladder.store.read_frame(f"scorecards/{event.facts['items_sha']}.parquet")
    assert set(kept["answer"]) <= {"1", "2"}
    assert ladder.verify().ok


def test_a_suite_of_ones_own_that_leaked_bit_by_bit_is_verified(new_ladder, settings, log_facts, tmp_path):
    """Clean at g000, half of it learned with g001, all of it with g002: then there is nothing left to compare."""
    file = tmp_path / "mine.jsonl"
    asked = [("What does OTHER6 do?", "No"), ("Tell me about OTHER6.", "No")]
    asked += [("What does Third12 do?", "Hm"), ("Tell me about Third12.", "Hm")]
    file.write_text("\n".join(json.dumps({"prompt": prompt, "answer": answer}) for prompt, answer in asked))
    main = settings.lineages["main"].model_copy(update={"suites": {"mine": str(file)}})
    ladder = Ladder(tmp_path / "var", settings.model_copy(update={"lineages": {"main": main}}), device="cpu", threads=1)
    leaked = []
    for generation in range(3):
        log_facts(ladder.store.root, range(6 * generation, 6 * generation + 6))
        ladder.log.open_generation()
        (its,) = (it for it in ladder.climb("main", generation).facts["standing"] if it["name"] == "mine")
        leaked.append((len(its["trained_on"]), its["best_comparison"]))
        assert ladder.verify().ok, generation
    assert [count for count, _ in leaked] == [0, 2, 4]
    assert leaked[-1][1] is None
