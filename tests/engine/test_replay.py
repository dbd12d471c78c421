"""The mix against its promises: how much of the past, drawn how, in which order, at which cost."""

from dataclasses import replace

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


@pytest.fixture
def taken_back(store):
    """The sha of a file that says that these (generation, row) were."""

    def write(*places: tuple[int, int]) -> str:
        rows = [{"generation": generation, "row": row, "since": 9} for generation, row in places]
        schema = {"generation": pl.Int32, "row": pl.Int64, "since": pl.Int32}
        return store.write_table("withdrawn", pl.DataFrame(rows, schema=schema).to_arrow()) if rows else ""

    return write


def request(delta=(), ancestors=(), **values) -> Request:
    fixed = {
        "kinds": ("conversation",),
        "replay": Replay(minimum=4, share=0.5),
        "epochs": 2,
        "max_length": 1024,
        "seed": 0,
    }
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


def test_what_was_taken_back_is_neither_replayed_nor_offered_again(store, example_set, taken_back):
    past, refused, delta = example_set(0, 5), example_set(1, 3), example_set(2, 2)
    gone = taken_back((0, 1), (0, 4), (1, 0))
    for budget in (None, 10_000):  # that is enough, and rows are chosen by their priority
        wanted = request([refused, delta], [past], replay=Replay(minimum=9), budget_tokens=budget, withdrawn_sha=gone)
        table = mix(store, wanted).filter(epoch=0)
        assert set(replayed(table)) == {f"000/{n:06}" for n in (0, 2, 3)}
        offered = {f"001/{n:06}" for n in (1, 2)} | {f"002/{n:06}" for n in (0, 1)}
        assert set(table.filter(origin="delta")["prompt"]) == offered


def test_what_was_taken_back_leaves_its_place_in_the_draw_to_others(store, example_set, taken_back):
    sets = [example_set(1, 4)], [example_set(0, 200)]
    gone = taken_back(*((0, row) for row in range(0, 200, 2)))
    table = mix(store, request(*sets, replay=Replay(minimum=90), withdrawn_sha=gone))
    for epoch in range(2):
        drawn = replayed(table, epoch)
        assert len(set(drawn)) == len(drawn) == 90
        assert all(int(prompt[4:]) % 2 for prompt in drawn)


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
    assert make(store, request([*whole.delta], [], budget_tokens=10**9)).left_for_later == 0


@pytest.mark.parametrize("budget", [2_000, 20_000, 50_000, 100_000, 10**6])
@pytest.mark.parametrize(("before", "now"), [(400, 40), (40, 400), (5000, 40), (40, 5000)])
def test_a_budget_is_of_tokens_however_long_the_rows_of_either_are(store, write_examples, budget, before, now):
    """What one row is cut off to counts, and what is replayed is as long as it is."""
    sets = [
        write_examples(store, at, [{"prompt": f"{at}/{n:03}", "completion": "a" * (size + n)} for n in range(300)])
        for at, size in enumerate((before, now))
    ]
    many = {"max_length": 512, "epochs": 3, "budget_tokens": budget}
    table = mix(store, request(sets[1:], sets[:1], replay=Replay(minimum=100, share=0.5), **many))
    rows = table.with_columns(tokens=pl.min_horizontal(512, pl.col("completion").str.len_chars() // 3 + 4))
    delta, replay = (rows.filter(origin=it)["tokens"] for it in ("delta", "replay"))
    longest = 3 * 2 * rows["tokens"].max()
    assert rows["tokens"].sum() <= max(budget * 1.02, longest)
    is_whole = delta.len() == 3 * 300 and replay.len() == 3 * 150
    assert is_whole or rows["tokens"].sum() > budget * 0.95 - longest
    assert replay.len() <= max(delta.len(), 3 * 150)


def test_a_budget_takes_what_has_priority(store, write_examples):
    rows = [{"prompt": f"p{n}", "completion": "ten chars.", "priority": (n * 7) % 40} for n in range(40)]
    table = mix(store, request([write_examples(store, 1, rows)], epochs=1, budget_tokens=100))
    kept = table["prompt"].to_list()
    assert 1 < len(kept) < 40
    assert {(int(prompt[1:]) * 7) % 40 for prompt in kept} == set(range(len(kept)))


def tiered(write_examples, store, generation: int, own: int, synthetic: int, **values):
    rows = [{"prompt": f"{generation}/{n}", "completion": "a", "tier": "own"} for n in range(own)]
    rows += [{"prompt": f"{generation}/s{n}", "completion": "a", "tier": "synthetic"} for n in range(synthetic)]
    return write_examples(store, generation, [{**row, **values} for row in rows])


@pytest.mark.parametrize(
    ("delta", "past", "minimum", "share", "from_delta", "from_past"),
    [
        ((6, 20), (6, 20), 0, 0.5, 12, 0),  # what is replayed stands for the share as well
        ((6, 20), (0, 20), 0, 0.5, 6, 0),
        ((6, 2), (6, 20), 0, 0.5, 2, 10),  # the past takes what the delta leaves
        ((6, 20), (6, 20), 0, 0.25, 4, 0),
        ((0, 20), (0, 20), 5, 0.5, 5, 0),  # the minimum is one for both
        ((3, 4), (2, 20), 9, 0.0, 4, 5),
        ((6, 20), (6, 20), 0, 1.0, 20, 20),
    ],
)
def test_synthetic_rows_are_as_many_as_the_settings_allow_over_delta_and_replay(
    store, write_examples, delta, past, minimum, share, from_delta, from_past
):
    sets = [[tiered(write_examples, store, generation, *rows)] for generation, rows in ((1, delta), (0, past))]
    some = Synthetic(minimum=minimum, share=share)
    wanted = request(*sets, synthetic=some, replay=Replay(minimum=100, share=0), epochs=1)
    made, table = make(store, wanted), mix(store, wanted)
    origins = table.filter(tier="synthetic")["origin"].to_list()
    assert (origins.count("delta"), origins.count("replay"), made.synthetic_rows) == (
        from_delta,
        from_past,
        from_delta + from_past,
    )
    assert (made.left_for_later, made.left_as_synthetic) == (delta[1] - from_delta,) * 2
    assert table.filter(tier="own").height == delta[0] + past[0]


@pytest.mark.parametrize(
    ("room", "own", "kept", "left_as_synthetic"),
    [(14, 200, 1, 0), (43, 200, 4, 0), (300, 200, 22, 178), (43, 9, 1, 390)],
)
def test_what_a_budget_keeps_holds_the_share_too(store, write_examples, room, own, kept, left_as_synthetic):
    """The synthetic rows have priority; others take their places as long as there are some."""
    tiers = ["synthetic"] * (400 - own) + ["own"] * own
    delta = [{"prompt": f"{n:03}", "completion": "a" * 24, "tier": tier} for n, tier in enumerate(tiers)]
    values = {"synthetic": Synthetic(minimum=0, share=0.1), "replay": Replay(minimum=0, share=0), "epochs": 2}
    made = make(store, request([write_examples(store, 1, delta)], budget_tokens=12 * 2 * room + 1, **values))
    rows = min(room, own + kept)
    assert (made.delta_rows, made.synthetic_rows) == (rows, 2 * kept)
    assert (made.left_for_later, made.left_as_synthetic) == (400 - rows, left_as_synthetic)


def test_the_places_that_synthetic_rows_may_not_take_are_for_the_others(store, write_examples):
    delta, past = tiered(write_examples, store, 1, 6, 20), tiered(write_examples, store, 0, 200, 200)
    some = Synthetic(minimum=0, share=0.5)
    made = make(store, request([delta], [past], synthetic=some, replay=Replay(minimum=100, share=0), epochs=1))
    assert (made.delta_rows, made.replay_rows, made.synthetic_rows) == (26, 100, 63)


@pytest.mark.parametrize(
    ("synthetic", "past", "from_delta", "from_past"), [(20, 0, 6, 0), (0, 20, 0, 6), (2, 20, 2, 4)]
)
def test_what_was_taken_back_does_not_stand_for_the_share(
    store, write_examples, taken_back, synthetic, past, from_delta, from_past
):
    old, new = (
        [{"prompt": f"{when} own {n}", "completion": "a", "tier": "own"} for n in range(own)]
        + [{"prompt": f"{when} {n}", "completion": "a", "tier": "synthetic"} for n in range(made)]
        for when, own, made in (("old", 6, past), ("new", 4, synthetic))
    )
    sets = [write_examples(store, 1, new)], [write_examples(store, 0, old)]
    some = Synthetic(minimum=0, share=0.5)
    values = {"synthetic": some, "replay": Replay(minimum=100, share=0), "epochs": 1}
    table = mix(store, request(*sets, **values, withdrawn_sha=taken_back(*((0, row) for row in range(4)))))
    kept = table.group_by("origin", "tier").len().rows()
    wanted = {("delta", "own"): 4, ("replay", "own"): 2}
    wanted |= {("delta", "synthetic"): from_delta, ("replay", "synthetic"): from_past}
    assert {(origin, tier): rows for origin, tier, rows in kept} == {key: rows for key, rows in wanted.items() if rows}
    made = table.filter(origin="delta", tier="synthetic")["example_id"].to_list()
    assert made == [] or max(int(name[2:]) for name in made) == 3 + from_delta, "those of the highest priority stay"


tier_counts = st.tuples(st.integers(0, 12), st.integers(0, 40))


@given(
    delta=tier_counts,
    past=tier_counts,
    withdrawn=st.sets(st.tuples(st.integers(0, 1), st.integers(0, 52))),
    forgotten=st.sets(st.integers(0, 30)),
    synthetic=st.builds(
        Synthetic, minimum=st.sampled_from([0, 0, 9]), share=st.sampled_from([0, 0.1, 0.25, 0.5, 2 / 3, 0.9, 1])
    ),
    replay=st.builds(Replay, minimum=st.integers(0, 20), share=st.sampled_from([0, 0.5, 2])),
    budget=st.none() | st.integers(1, 2000),
    epochs=st.integers(1, 3),
)
def test_in_no_epoch_is_more_synthetic_than_is_allowed(
    tmp_path_factory, write_examples, delta, past, withdrawn, forgotten, synthetic, replay, budget, epochs
):
    """Whatever the budget cuts, was forgotten or taken back."""
    store = Store(tmp_path_factory.mktemp("store"))
    gone = dict.fromkeys(("example_id", "prompt", "completion", "tier", "priority"))
    sets = []
    for generation, (own, made) in enumerate((past, delta)):
        if not own + made:
            sets.append(())
            continue
        examples = tiered(write_examples, store, generation, own, made)
        frame = store.read_frame(f"examples/{examples.sha}.parquet")
        is_gone = pl.int_range(pl.len()).is_in(forgotten)
        frame = frame.with_columns(pl.when(~is_gone).then(pl.col(name)) for name in gone)
        sets.append((replace(examples, sha=store.write_table("examples", frame.to_arrow())),))
    places = pl.DataFrame(sorted(withdrawn), {"generation": pl.Int32, "row": pl.Int64}, orient="row")
    sha = store.write_table("withdrawn", places.to_arrow())
    values = {"synthetic": synthetic, "replay": replay, "epochs": epochs, "budget_tokens": budget, "withdrawn_sha": sha}
    made, table = make(store, request(sets[1], sets[0], **values)), mix(store, request(sets[1], sets[0], **values))
    dead = forgotten | {row for generation, row in withdrawn if generation == 1}
    alive = sum(examples.rows for examples in sets[1]) - len({n for n in dead if n < sum(delta)})
    assert made.delta_rows + made.left_for_later == alive
    assert 0 <= made.left_as_synthetic <= made.left_for_later
    for epoch in range(epochs if table.height else 0):
        rows = table.filter(epoch=epoch)
        kept = rows.filter(origin="delta")
        assert kept.height == made.delta_rows
        count = rows.filter(tier="synthetic").height
        assert count <= synthetic.allowed(rows.height - count)
        if made.left_as_synthetic and not (withdrawn or forgotten):
            assert rows.filter(origin="replay", tier="synthetic").is_empty()


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
