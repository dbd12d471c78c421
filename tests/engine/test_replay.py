"""The mix against its promises: how much of the past, drawn how, in which order, at which cost."""

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibe_pipeline.records import Stage
from vibe_pipeline.replay import Request, make, mix
from vibe_pipeline.settings import Replay, Synthetic
from vibe_pipeline.store import ROW_GROUP, Store

ORDER = {stage.value: place for place, stage in enumerate(Stage)}


@pytest.fixture
def example_set(store, write_examples):
    """So many training rows of one kind and stage for a generation, their prompts numbered."""

    def write(generation: int, count: int, **values):
        row = {"completion": "ten chars.", **values}
        return write_examples(store, generation, [{"prompt": f"{generation:03}/{n:06}", **row} for n in range(count)])

    return write


def request(delta=(), ancestors=(), **values) -> Request:
    fixed = {"kinds": ("conversation",), "replay": Replay(minimum=4, share=0.5), "epochs": 2, "seed": 0}
    fixed["synthetic"] = Synthetic()
    return Request(delta=tuple(delta), ancestors=tuple(ancestors), **{**fixed, **values})


def replayed(table: pl.DataFrame, epoch: int = 0) -> list[str]:
    return table.filter((pl.col("origin") == "replay") & (pl.col("epoch") == epoch))["prompt"].to_list()


@pytest.mark.parametrize(
    ("delta", "ancestors", "wanted"), [(10, 1000, 100), (150, 1000, 100), (500, 1000, 250), (10, 30, 30), (10, 0, 0)]
)
def test_replay_is_a_hundred_or_half_of_the_delta_as_far_as_there_is_a_past(
    store, example_set, delta, ancestors, wanted
):
    past = [example_set(0, ancestors)] if ancestors else []
    made = make(store, request([example_set(1, delta)], past, replay=Replay(), epochs=1))
    assert (made.delta_rows, made.replay_rows, made.rows) == (delta, wanted, delta + wanted)


def test_every_epoch_holds_the_whole_delta_and_a_fresh_draw(store, example_set):
    table = mix(store, request([example_set(1, 8)], [example_set(0, 50)], epochs=3))
    for epoch in range(3):
        rows = table.filter((pl.col("epoch") == epoch) & (pl.col("origin") == "delta"))
        assert sorted(rows["prompt"]) == [f"001/{n:06}" for n in range(8)]
    draws = [frozenset(replayed(table, epoch)) for epoch in range(3)]
    assert len(set(draws)) == 3
    assert [len(draw) for draw in draws] == [4, 4, 4]


def test_no_row_is_drawn_twice_in_an_epoch(store, example_set):
    table = mix(store, request([example_set(2, 40)], [example_set(0, 11), example_set(1, 10)]))
    assert len(set(replayed(table))) == len(replayed(table)) == 20


@pytest.mark.parametrize(("pool", "minimum", "epochs"), [(30, 12, 7), (30, 30, 3), (5, 12, 4), (200, 12, 3), (7, 3, 7)])
def test_no_row_is_drawn_again_before_all_were_seen(store, example_set, pool, minimum, epochs):
    replay = Replay(minimum=minimum, share=0)
    table = mix(store, request([example_set(1, 2)], [example_set(0, pool)], epochs=epochs, replay=replay))
    seen = table.filter(pl.col("origin") == "replay")["prompt"].value_counts()["count"].to_list()
    seen += [0] * (pool - len(seen))
    assert sum(seen) == min(pool, minimum) * epochs
    assert max(seen) - min(seen) <= 1


def test_all_ancestors_are_drawn_from_in_proportion_to_their_rows(store, example_set):
    past = [example_set(0, 300), example_set(1, 100)]
    drawn = replayed(mix(store, request([example_set(2, 400)], past)))
    assert sum(prompt.startswith("000") for prompt in drawn) == pytest.approx(150, abs=20)


def test_the_same_seed_gives_the_same_bytes_and_another_another_mix(store, example_set):
    delta, past = example_set(1, 8), example_set(0, 50)
    shas = [make(store, request([delta], [past], seed=seed)).sha for seed in (0, 0, 1)]
    assert shas[0] == shas[1] != shas[2]


def test_only_training_rows_of_the_wanted_kinds_are_taken(store, write_examples):
    past_rows, delta_rows = (
        [
            {"prompt": f"{when} {split} {kind} {n}", "completion": "c", "split": split, "kind": kind}
            for split in ("train", "validation", "test")
            for kind in ("code_generation", "conversation", "error_correction")
            for n in range(5)
        ]
        for when in ("past", "delta")
    )
    past, delta = write_examples(store, 0, past_rows), write_examples(store, 1, delta_rows)
    kinds = ("code_generation", "error_correction")
    table = mix(store, request([delta], [past], kinds=kinds, replay=Replay(minimum=99)))
    wanted = [
        {row["prompt"] for row in rows if row["split"] == "train" and row["kind"] in kinds}
        for rows in (past_rows, delta_rows)
    ]
    assert [set(replayed(table)), set(table["prompt"])] == [wanted[0], wanted[0] | wanted[1]]


def test_what_the_delta_answers_anew_is_not_replayed_with_its_old_answer(store, write_examples):
    past = write_examples(store, 0, [{"prompt": f"q{n}", "completion": "old"} for n in range(4)])
    delta = write_examples(store, 1, [{"prompt": "q1", "completion": "new"}])
    table = mix(store, request([delta], [past], replay=Replay(minimum=4)))
    assert set(replayed(table)) == {"q0", "q2", "q3"}
    assert set(table.filter(pl.col("prompt") == "q1")["completion"]) == {"new"}


def test_stages_follow_the_curriculum_in_every_epoch(store, write_examples):
    rows = [{"prompt": f"p{n}", "completion": "c", "stage": list(Stage)[n % 4].value} for n in range(40)]
    table = mix(store, request([write_examples(store, 1, rows)], [write_examples(store, 0, rows)]))
    for epoch in range(2):
        places = [ORDER[stage] for stage in table.filter(pl.col("epoch") == epoch)["stage"]]
        assert places == sorted(places)
    assert table["epoch"].is_sorted()
    assert table["position"].to_list() == list(range(table.height))


@pytest.mark.parametrize(("delta", "minimum"), [(60, 30), (20, 60), (64, 8)])
def test_replay_is_spread_evenly_over_a_stage(store, example_set, delta, minimum):
    table = mix(store, request([example_set(1, delta)], [example_set(0, 200)], replay=Replay(minimum=minimum)))
    is_replay = (table.filter(pl.col("epoch") == 0)["origin"] == "replay").to_numpy()
    share = is_replay.mean()
    assert np.abs(np.cumsum(is_replay) - share * np.arange(1, len(is_replay) + 1)).max() <= 1


def test_without_a_delta_there_is_nothing_to_train(store, example_set):
    made = make(store, request([example_set(1, 8, split="test")], [example_set(0, 50)]))
    assert (made.rows, made.delta_rows, made.replay_rows, made.left_for_later) == (0, 0, 0, 0)


def test_several_deltas_are_one(store, example_set):
    made = make(store, request([example_set(1, 3), example_set(2, 4)], epochs=1))
    assert (made.delta_rows, made.rows) == (7, 7)


def test_a_budget_leaves_rows_for_later_and_says_how_many(store, example_set):
    whole = request([example_set(1, 400)], [example_set(0, 100)], replay=Replay(minimum=10, share=0.5))
    within = request([*whole.delta], [*whole.ancestors], replay=whole.replay, budget_tokens=3000)
    made = make(store, within)
    assert made.left_for_later == 400 - made.delta_rows > 0
    assert made.rows * whole.tokens_per_row <= 3000 < (made.rows + 8) * whole.tokens_per_row
    assert make(store, request([*whole.delta], [], budget_tokens=10**9)).left_for_later == 0


def test_a_budget_takes_what_has_priority(store, write_examples):
    rows = [{"prompt": f"p{n}", "completion": "ten chars.", "priority": (n * 7) % 40} for n in range(40)]
    table = mix(store, request([write_examples(store, 1, rows)], epochs=1, budget_tokens=100))
    kept = table["prompt"].to_list()
    assert 1 < len(kept) < 40
    assert {(int(prompt[1:]) * 7) % 40 for prompt in kept} == set(range(len(kept)))


def tiered(write_examples, store, generation: int, own: int, synthetic: int):
    rows = [{"prompt": f"{generation}/{n}", "completion": "a", "tier": "own"} for n in range(own)]
    rows += [{"prompt": f"{generation}/s{n}", "completion": "a", "tier": "synthetic"} for n in range(synthetic)]
    return write_examples(store, generation, rows)


@pytest.mark.parametrize(("own", "minimum", "share", "synthetic"), [(6, 0, 0.5, 6), (6, 0, 0.25, 2), (0, 5, 0.5, 5)])
def test_synthetic_rows_are_as_many_as_the_settings_allow(store, write_examples, own, minimum, share, synthetic):
    some = Synthetic(minimum=minimum, share=share)
    delta, past = (tiered(write_examples, store, generation, own, 20) for generation in (1, 0))
    wanted = request([delta], [past], synthetic=some, replay=Replay(minimum=100, share=0), epochs=1)
    made, table = make(store, wanted), mix(store, wanted)
    per_origin = table.filter(tier="synthetic").group_by("origin").len().rows()
    assert sorted(per_origin) == [("delta", synthetic), ("replay", synthetic)]
    assert (made.left_for_later, made.synthetic_rows) == (20 - synthetic, 2 * synthetic)
    assert table.filter(tier="own").height == 2 * own


def test_nothing_waits_where_synthetic_rows_are_few(store, write_examples):
    made = make(store, request([tiered(write_examples, store, 1, 1, 20)], epochs=1))
    assert (made.left_for_later, made.synthetic_rows) == (0, 20)


def test_a_budget_too_small_for_anything_still_takes_a_row(store, example_set):
    assert make(store, request([example_set(1, 400)], [example_set(0, 100)], budget_tokens=1)).delta_rows == 1


def test_a_draw_reads_only_the_row_groups_that_it_hits(store, example_set, monkeypatch):
    """The past is a million bytes of other row groups, torn out: whoever reads them fails."""
    past = example_set(0, 4 * ROW_GROUP)
    path = store.path(f"examples/{past.sha}.parquet")
    drawn = [int(prompt[4:]) for prompt in replayed(mix(store, request([example_set(1, 2)], [past], epochs=1)))]
    metadata = pq.ParquetFile(path).metadata
    content = bytearray(path.read_bytes())
    for group in set(range(4)) - {row // ROW_GROUP for row in drawn}:
        for column in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(column)
            start = chunk.dictionary_page_offset or chunk.data_page_offset
            content[start : start + chunk.total_compressed_size] = bytes(chunk.total_compressed_size)
    path.write_bytes(content)
    with pytest.raises(Exception):  # noqa: B017, PT011 -- whatever a reader of torn pages raises
        pq.read_table(path)
    again = replayed(mix(store, request([example_set(1, 2)], [past], epochs=1)))
    assert [int(prompt[4:]) for prompt in again] == drawn


sizes = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=4)


@given(sizes=sizes, seed=st.integers(0, 9), minimum=st.integers(0, 90))
def test_a_draw_over_any_files_and_kinds_gives_true_rows_each_at_most_once(
    tmp_path_factory, write_examples, sizes, seed, minimum
):
    store = Store(tmp_path_factory.mktemp("store"))
    kinds = ("code_generation", "conversation", "error_correction")
    past, allowed = [], {}
    for generation, counts in enumerate(sizes):
        rows = [
            {"prompt": f"{generation} {kind} {n}", "completion": f"{n} {kind} {generation}", "kind": kind}
            for kind, count in zip(kinds, counts, strict=True)
            for n in range(count)
        ]
        if rows:
            past.append(write_examples(store, generation, rows))
        allowed |= {row["prompt"]: row["completion"] for row in rows if row["kind"] != "conversation"}
    delta = write_examples(store, 9, [{"prompt": "new", "completion": "c", "kind": "code_generation"}])
    wanted = request([delta], past, kinds=kinds[::2], seed=seed, replay=Replay(minimum=minimum, share=0))
    drawn = mix(store, wanted).filter((pl.col("origin") == "replay") & (pl.col("epoch") == 0))
    pairs = drawn.select("prompt", "completion").rows()
    assert len(pairs) == min(minimum, len(allowed)) == len(set(pairs))
    assert all(allowed[prompt] == completion for prompt, completion in pairs)
