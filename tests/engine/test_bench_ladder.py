"""The benchmark of the ladder: what is compared is comparable, what is shown is what was measured, nothing twice."""

import json
from dataclasses import astuple
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import ladder, ladder_strategies, streams
from benchmarks.ladder_figures import figure, matrix
from benchmarks.ladder_strategies import REFERENCE, STRATEGIES, WITHOUT
from benchmarks.streams import STREAMS, Shape
from vibe_pipeline.errors import SettingsInvalid
from vibe_pipeline.models import load_adapter, load_base, new_adapter, save_adapter
from vibe_pipeline.settings import Lineage, Recipe, load

INTENTS, EACH = 8, 16
MERGED = Recipe(rank=4, alpha=8)


@pytest.fixture(scope="session")
def data(tmp_path_factory) -> Path:
    """Intents and facts in the form of the real files, which tests may not need."""
    folder = tmp_path_factory.mktemp("data") / "dev"
    folder.mkdir()
    parts = {"train": range(EACH), "val": range(EACH, 24), "test": range(24, 32)}
    for part, numbers in parts.items():
        rows = [
            {"id": f"{part}/{intent}/{number}", "text": f"do {intent} {number}", "intent": f"intent {intent}"}
            for intent in range(INTENTS)
            for number in numbers
        ]
        pl.DataFrame(rows).write_ndjson(folder / f"clinc150_{part}.jsonl")
    facts = [{"id": str(it), "question": f"what is {it}", "answers": [f"thing {it}"]} for it in range(200)]
    pl.DataFrame(facts).write_ndjson(folder / "nq_open.jsonl")
    return folder.parent


@pytest.fixture(params=sorted(STREAMS))
def stream(request, data):
    return partial(STREAMS[request.param], data)


@pytest.fixture
def sets(store, data):
    """Example sets of three generations of 40."""
    return [it.examples for it in streams.stored(store, streams.facts(data, Shape(3, 10, 4, 2), 0))]


SHAPE = Shape(generations=3, clusters=4, rows=4, held_out=2)


def test_a_stream_is_the_same_for_the_same_seed_and_another_for_another(stream):
    again = [table.sort(table.columns) for table in stream(SHAPE, 0)]
    for one, other in zip(stream(SHAPE, 0), again, strict=True):
        assert one.sort(one.columns).equals(other)
    assert set(stream(SHAPE, 1)[0]["prompt"]) != set(again[0]["prompt"])


def test_every_generation_has_as_many_examples_and_items_and_no_item_is_trained_on(stream):
    train, items = stream(SHAPE, 0)
    assert train.group_by("generation").len()["len"].to_list() == [16] * 3
    assert items.group_by("generation", "cluster").len()["len"].to_list() == [2] * 12
    assert not set(train["prompt"]) & set(items["prompt"])


def test_teams_send_the_same_request_to_other_desks_of_one_list(data):
    train, _ = streams.desks(data, SHAPE, 0)
    assert train.group_by("generation").agg(pl.col("completion").n_unique())["completion"].to_list() == [4] * 3
    said = train.with_columns(request=pl.col("prompt").str.replace(r" \(team \w+\)$", ""))
    by_request = said.group_by("request").agg(pl.col("generation").n_unique(), pl.col("completion").n_unique())
    assert by_request["generation"].to_list() == [3] * 16
    assert by_request["completion"].max() > 1
    assert train.group_by("prompt").agg(pl.col("completion").n_unique())["completion"].max() == 1


def test_generations_share_no_fact_and_every_item_asks_for_a_trained_one(data):
    train, items = streams.facts(data, SHAPE, 0)
    known = train.select("generation", "completion").unique()
    assert known["completion"].n_unique() == known.height == 12
    assert set(items.select("generation", "completion").rows()) == set(known.rows())


def test_a_stream_that_cannot_be_made_is_refused_with_what_can(data, tmp_path):
    with pytest.raises(SettingsInvalid, match=r"13 generations .* Ask for 1 to 12"):
        streams.desks(data, Shape(13, 4, 4, 2), 0)
    with pytest.raises(SettingsInvalid, match=r"clinc150_train.jsonl is missing.*VIBE_DATA"):
        streams.desks(tmp_path, SHAPE, 0)


def test_what_is_planned_for_a_stream_is_what_it_has(store, stream):
    made = [it.examples.train_rows(("conversation",)) for it in streams.stored(store, stream(SHAPE, 0))]
    assert made == [it.train_rows(("conversation",)) for it in streams.sizes(SHAPE)]


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda it: it.name)
def test_a_mix_has_exactly_the_batches_of_its_steps_and_own_steps_are_its_own(store, sets, strategy):
    lineage = Lineage(recipe=Recipe(epochs=2, batch_size=8))
    for number in range(3):
        made = ladder_strategies.mix(store, strategy, sets[: number + 1], lineage)
        table = store.read_frame(f"mixes/{made.sha}.parquet")
        per_epoch = table.group_by("epoch").len()["len"].to_numpy()
        batches = int(np.ceil(per_epoch / 8).sum())
        assert batches == ladder_strategies.steps(strategy, sets[: number + 1], lineage.recipe)
        if not strategy.own_steps:
            assert batches == 2 * 5 * (number + 1)  # k=100 replays all of so short a past
        assert made.rows == table.height == per_epoch.sum()


def test_each_strategy_sees_of_the_past_what_its_name_says(store, sets):
    lineage = Lineage(recipe=Recipe(epochs=2))
    seen = {}
    for strategy in STRATEGIES:
        made = ladder_strategies.mix(store, strategy, sets, lineage)
        table = store.read_frame(f"mixes/{made.sha}.parquet").filter(epoch=0)
        seen[strategy.name] = table.filter(pl.col("generation") < 2).height
    shares = {"replay_1": 0, "replay_5": 2, "replay_10": 4, "replay_50": 20, "replay_k100": 80}
    assert {name: seen[name] for name in shares} == shares
    assert seen["none"] == seen["none_own_steps"] == seen["merge"] == 0
    assert seen["retrain"] == seen["retrain_own_steps"] == 80


@pytest.fixture(scope="module")
def adapters(base, on, tmp_path_factory):
    """Three adapters: one, the same, and one that changes twice as much."""
    import torch

    folder = tmp_path_factory.mktemp("adapters")
    adapted = new_adapter(load_base(base, on)[0], MERGED, seed=0)
    factors = [parameter for name, parameter in adapted.named_parameters() if "lora_B" in name]
    for parameter in factors:
        torch.nn.init.normal_(parameter, std=0.02)
    for name in ("one", "same"):
        save_adapter(adapted, folder / name, "tiny")
    for parameter in factors:
        parameter.data *= 2
    save_adapter(adapted, folder / "double", "tiny")
    return folder


@pytest.mark.parametrize(("way", "like"), [("mean", "one"), ("ties", "one"), ("dare_ties", "one"), ("sum", "double")])
def test_two_equal_adapters_merge_into_what_they_are_or_into_twice_as_much(base, on, adapters, monkeypatch, way, like):
    """PEFT's own weights would not: "linear" gives twice the mean, and rsLoRA the rank's root times that."""
    import torch

    monkeypatch.setattr(ladder_strategies, "DENSITY", 1.0)
    row = torch.arange(1, 20)[None]
    pair = [adapters / "one", adapters / "same"]
    with torch.no_grad():
        alone = load_adapter(load_base(base, on)[0], adapters / like)(row).logits
        plain = load_base(base, on)[0](row).logits
        joined = ladder_strategies.merged(load_base(base, on)[0], pair, way, MERGED)(row).logits
    assert (alone - plain).abs().max() > 0.05
    assert torch.allclose(joined, alone, atol=1e-4)


def _scores(cells: dict[tuple[int, int], list[float]], seeds: int = 3) -> pl.DataFrame:
    """Items by (generation, suite): for each cluster the share of its ten items that is exact. All seeds are alike."""
    names = ("generation", "suite", "cluster", "item_id", "exact")
    rows = [
        (*at, cluster, f"{at[1]}-{cluster}-{item}", item < round(10 * share))
        for at, shares in cells.items()
        for cluster, share in enumerate(shares)
        for item in range(10)
    ]
    return pl.DataFrame(rows, schema=names, orient="row").join(pl.DataFrame({"seed": range(seeds)}), how="cross")


def test_the_measures_are_those_of_the_literature():
    cells = {(0, 0): [0.8], (1, 0): [0.9], (1, 1): [1.0], (2, 0): [0.3], (2, 1): [0.6], (2, 2): [0.9]}
    known = matrix(_scores(cells))
    value = {name: known.measure(name)[0] for name in ("average_exact", "backward_transfer", "forgetting", "learned")}
    assert value["average_exact"] == pytest.approx((0.3 + 0.6 + 0.9) / 3)
    assert value["backward_transfer"] == pytest.approx(((0.3 - 0.8) + (0.6 - 1.0)) / 2)
    assert value["forgetting"] == pytest.approx(((0.9 - 0.3) + (1.0 - 0.6)) / 2)
    assert value["learned"] == pytest.approx((0.8 + 1.0 + 0.9) / 3)
    assert (known.seeds, known.items) == (3, 90)


def test_an_interval_knows_clusters_and_claims_no_certainty_where_all_agree():
    even, split, all_known = (
        figure(matrix(_scores({(0, 0): shares})).measure("average_exact"), 180)
        for shares in ([0.5] * 6, [1.0, 0.0] * 3, [1.0] * 6)
    )
    assert 0.48 < even.low < 0.5 < even.high < 0.52
    assert split.low < 0.35 < 0.65 < split.high
    assert 0.95 < all_known.low < all_known.value == all_known.high == pytest.approx(1.0)


def test_a_difference_of_two_that_know_all_is_nothing_with_an_interval():
    one, other = (matrix(_scores({(0, 0): [1.0] * 6}), own).measure("average_exact") for own in (1, 2))
    found = figure(one - other, 180)
    assert found.value == 0
    assert -0.05 < found.low < 0 < found.high < 0.05


@given(st.lists(st.sampled_from([0.0, 0.3, 0.7, 1.0]), min_size=2, max_size=8))
def test_a_figure_lies_within_its_interval_and_the_same_scores_give_the_same(shares):
    scores = _scores({(0, 0): shares}, seeds=2)
    one, again = (
        figure(matrix(it).measure("average_exact"), 1) for it in (scores, scores.sample(fraction=1, shuffle=True))
    )
    assert astuple(one) == pytest.approx(astuple(again))
    assert one.low - 1e-9 <= one.value <= one.high + 1e-9


@pytest.fixture(scope="module")
def run(tmp_path_factory, tiny_base, data):
    """Two strategies and a reference on both streams with three seeds, by the tiny model; and how to run it again."""
    folder = tmp_path_factory.mktemp("bench")

    def again(*more: str) -> int:
        places = f"--home {folder}/home --docs {folder}/docs --data {data} --base {tiny_base} --reference {tiny_base}"
        size = "--workers 1 --seeds 3 --generations 2 --examples 8"
        return ladder.main([*places.split(), *size.split(), *more])

    (folder / "docs").mkdir()
    (folder / "docs" / "continual-learning.md").write_text(
        "# Mine\n\nBefore.\n\n<!-- ladder --><!-- /ladder -->\n\nAfter.\n"
    )
    assert again("--only", "none") == 0
    return folder, again


def test_the_figures_that_others_read_are_there_with_low_and_high(run):
    found = json.loads((run[0] / "docs/benchmarks/ladder.json").read_text())
    assert found.keys() == {"machine", "date", "versions", "figures"}
    figures = found["figures"]
    for name in (REFERENCE.name, WITHOUT.name):
        for measure in ("average_exact", "backward_transfer"):
            assert figures[f"{name}_{measure}_low"] <= figures[f"{name}_{measure}"] <= figures[f"{name}_{measure}_high"]
            assert f"desks_{name}_{measure}" in figures
    assert figures["none_steps"] == figures["replay_k100_steps"] > 0
    assert figures["seeds"] == 3
    assert figures["reference_items_per_s"] > 0


def test_the_page_keeps_its_own_words_and_has_a_row_for_each_and_a_plot_for_each_stream(run):
    page = (run[0] / "docs/continual-learning.md").read_text()
    assert page.startswith("# Mine\n\nBefore.\n\n<!-- ladder -->")
    assert page.endswith("<!-- /ladder -->\n\nAfter.\n")
    for title in ("replay k=100", "no replay", "the base as it is", "the reference model as it is"):
        assert page.count(f"\n| {title} |") == 3
    for name in ("desks", "facts", "end"):
        assert f"images/ladder-{name}.svg" in page
        assert (run[0] / f"docs/images/ladder-{name}.svg").read_text().startswith("<?xml")


def test_what_was_climbed_is_not_climbed_again_and_what_was_interrupted_gives_the_same(run):
    folder, again = run
    climbs = folder / "home/climbs"
    plots = {path: path.read_text() for path in (folder / "docs/images").iterdir()}
    told = sorted(climbs.glob("*.json"))
    assert len(told) == 3 * 2 * 3  # seeds, streams; two strategies, and the base as it is
    (folder / "home/.climbing-killed").mkdir()
    told[0].unlink()
    others = {path: path.stat().st_mtime_ns for path in climbs.iterdir() if path.stem != told[0].stem}
    before = pl.read_parquet(told[0].with_suffix(".parquet")).drop("seconds")
    assert again("--only", "none") == 0
    assert {path: path.stat().st_mtime_ns for path in others} == others
    assert pl.read_parquet(told[0].with_suffix(".parquet")).drop("seconds").equals(before)
    assert {path: path.read_text() for path in plots} == plots
    assert list((folder / "home").glob(".climbing-*")) == []


def test_what_does_not_fit_into_the_minutes_is_left_out_and_the_page_says_so(run, capsys):
    folder, again = run
    before = sorted((folder / "home/climbs").iterdir())
    assert again("--minutes", "0") == 0
    assert sorted((folder / "home/climbs").iterdir()) == before
    assert "replay_10: left out, it would end after" in capsys.readouterr().err
    page = (folder / "docs/continual-learning.md").read_text()
    assert "Not measured for want of time: replay 50 %; replay 10 %; " in page
    assert "merging, TIES" in page


def test_the_reference_model_is_a_setting_of_a_lineage(tmp_path):
    (tmp_path / "vibe.toml").write_text("[lineages.main]\nreference_model = 'HuggingFaceTB/SmolLM2-1.7B'\n")
    assert load(tmp_path / "vibe.toml").lineage("main").reference_model == "HuggingFaceTB/SmolLM2-1.7B"
    assert load(tmp_path / "none.toml").lineage("main").reference_model is None
