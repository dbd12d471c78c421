"""The card of a generation says what its examples are: each figure against rows of which a person can count them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.curated import keep, take_back, write_set
from vibe_pipeline.curate.cards.card import SAMPLED, bin_name, describe, grouped
from vibe_pipeline.curate.cards.difference import compare
from vibe_pipeline.errors import GenerationRefused
from vibe_pipeline.ladder import Ladder
from vibe_pipeline.store import Store

ROWS = [
    {"kind": "conversation", "tokens": 1, "quality": 0.0, "reasons": ["-short"]},
    {"kind": "conversation", "tokens": 7, "quality": 0.7, "reasons": ["+success", "+feedback"], "tier": "synthetic"},
    {"kind": "conversation", "tokens": 8, "quality": 1.0, "reasons": ["+success"], "split": "validation"},
    {"kind": "document", "stage": "manual", "tokens": 0, "prompt": "", "completion": "x" * 2000, "split": "test"},
    {"kind": "document", "stage": "manual", "tokens": 5, "is_forgotten": True},
]


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("home"))
    return describe(store, write_set(store, 3, ROWS, dropped={"duplicate within the generation": 2}))


def test_rows_are_counted_by_every_axis_and_split(card):
    assert (card.generation, card.rows, card.splits) == ("g003", 4, {"train": 2, "validation": 1, "test": 1})
    assert card.counts["kind"] == {"conversation": {"train": 2, "validation": 1}, "document": {"test": 1}}
    assert card.counts["stage"] == {"conversations": {"train": 2, "validation": 1}, "manual": {"test": 1}}
    assert card.counts["tier"] == {"own": {"train": 1, "validation": 1, "test": 1}, "synthetic": {"train": 1}}
    assert card.tokens == {"train": 8, "validation": 8, "test": 0}


def test_a_bin_of_lengths_begins_at_a_power_of_two(card):
    assert card.lengths_by_kind["conversation"].histogram == {0: 1, 2: 1, 3: 1}
    assert card.lengths_by_kind["document"].histogram == {0: 1}
    assert card.lengths.histogram == {0: 2, 2: 1, 3: 1}
    assert [bin_name(number) for number in (0, 2, 10)] == ["0–1", "4–7", "1,024–2,047"]


def test_lengths_have_their_quantiles(store):
    card = describe(store, write_set(store, 0, [{"tokens": number} for number in range(1, 101)]))
    lengths = card.lengths
    assert (lengths.rows, lengths.tokens, lengths.longest) == (100, 5050, 100)
    assert (lengths.median, lengths.p90, lengths.p99) == (50, 90, 99)


def test_a_tenth_of_quality_belongs_to_the_bin_that_it_begins(card):
    assert card.quality == (1, 0, 0, 0, 0, 1, 0, 1, 0, 1)


def test_reasons_are_counted_the_commonest_first(card):
    assert list(card.reasons.items()) == [("+success", 2), ("+feedback", 1), ("-short", 1)]


def test_what_was_forgotten_is_counted_and_nothing_else_counts_it(card):
    assert card.forgotten == 1
    assert sum(sum(of.values()) for of in card.counts["stage"].values()) == card.lengths.rows == 4


def test_what_was_taken_back_since_is_counted_and_every_other_figure_counts_it_too(store):
    examples = write_set(store, 3, [*ROWS, {"kind": "conversation", "is_forgotten": True}])
    plain_card = describe(store, examples)
    card = describe(
        store, examples, take_back(store, 3, 0, 2)["withdrawn_sha"]
    )  # conversations lie first; 2: forgotten
    assert (plain_card.withdrawn_since, card.withdrawn_since) == (0, 1)
    assert (card.rows, card.splits, card.reasons) == (plain_card.rows, plain_card.splits, plain_card.reasons)
    marked = [sample.tokens for sample in card.samples if sample.is_taken_back]
    assert (marked, len(card.samples)) == ([1], 4)


def test_drops_are_told_by_what_they_are_about():
    quality = {"too short": 2, "corporate phrase": 1}
    duplicates = {"near-duplicate of an earlier generation": 5, "fact told anew in the generation": 4}
    contamination = {"training row equals a suite item": 3, "training row asks what a probe asks": 1}
    assert grouped(contamination | quality | duplicates) == {
        "quality": quality,
        "duplicates": duplicates,
        "contamination": contamination,
    }


def test_samples_are_of_every_kind_and_the_same_for_the_same_set(store):
    rows = [{"kind": "conversation"}] * 50 + [{"kind": "document"}, {"kind": "preference", "rejected": "no"}]
    examples = write_set(store, 0, rows)
    first = describe(store, examples)
    assert len(first.samples) == SAMPLED
    assert {sample.kind for sample in first.samples} == {"conversation", "document", "preference"}
    assert describe(store, examples) == first
    assert describe(store, write_set(store, 0, [*rows, {}])).samples != first.samples


def test_a_long_sample_keeps_its_beginning_and_its_end(card):
    (sample,) = (sample for sample in card.samples if sample.kind == "document")
    assert len(sample.completion) < 1000
    assert sample.completion.startswith("xxx")
    assert sample.completion.endswith("xxx")
    assert "[…]" in sample.completion


def test_a_home_may_have_any_name(tmp_path):
    store = Store(tmp_path / "tier=it's [mine]*")
    examples = write_set(store, 0, [{}])
    card = describe(store, examples)
    assert card.counts["tier"] == {"own": {"train": 1}}
    assert compare(store, (card, card), (examples, examples)).conversations.both == 1


def test_a_generation_without_examples_has_a_card(store):
    card = describe(store, write_set(store, 0, []))
    assert (card.rows, card.lengths, card.samples, sum(card.quality)) == (0, None, (), 0)


few = settings(max_examples=8)

VALUES = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["conversation", "document", "pattern"]),
        "split": st.sampled_from(["train", "validation", "test"]),
        "tier": st.sampled_from(["own", "teacher"]),
        "tokens": st.integers(0, 5000),
        "quality": st.floats(0, 1, width=32),
        "is_forgotten": st.booleans(),
    }
)


@few
@given(st.lists(VALUES, max_size=12))
def test_every_view_of_the_rows_adds_up_to_the_rows(tmp_path_factory, rows):
    store = Store(tmp_path_factory.mktemp("home"))
    card = describe(store, write_set(store, 0, rows))
    left = [row for row in rows if not row["is_forgotten"]]
    assert card.rows == len(left) == sum(card.splits.values()) == sum(card.quality)
    assert card.forgotten == len(rows) - len(left)
    for values in card.counts.values():
        assert sum(sum(of.values()) for of in values.values()) == len(left)
    assert sum(it.tokens for it in card.lengths_by_kind.values()) == sum(row["tokens"] for row in left)
    assert sum(sum(it.histogram.values()) for it in card.lengths_by_kind.values()) == len(left)


# difference


@pytest.fixture(scope="module")
def difference(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("home"))
    old = write_set(store, 0, [{"prompt": "red green", "completion": "blue", "conversation_id": "c"}] * 3)
    new = write_set(
        store,
        1,
        [
            {"prompt": "red pink", "completion": "pink", "conversation_id": "c"},
            {"kind": "document", "completion": "red", "prompt": "", "tokens": 40, "reasons": ["+success"]},
        ],
        dropped={"too short": 2},
    )
    return compare(store, (describe(store, old), describe(store, new)), (old, new))


def test_what_changed_is_told_by_count_and_share(difference):
    kinds = difference.counts["kind"]
    assert (kinds["conversation"].old, kinds["conversation"].new) == (3, 1)
    assert (kinds["conversation"].old_share, kinds["conversation"].new_share) == (1.0, 0.5)
    assert (kinds["document"].old, kinds["document"].new) == (0, 1)
    assert (difference.rows.old, difference.rows.new) == (3, 2)
    assert difference.counts["reason"]["+success"].new_share == 0.5
    assert difference.counts["dropped"]["too short"].new_share == 0.5


def test_lengths_of_a_kind_that_one_side_lacks_are_missing_there(difference):
    assert (difference.lengths["document"]["median"].old, difference.lengths["document"]["median"].new) == (None, 40)


def test_words_and_conversations_in_common_are_counted(difference):
    assert (difference.words.old, difference.words.new, difference.words.both) == (3, 2, 1)
    assert difference.new_words == 0.5  # pink twice, red twice
    assert (difference.conversations.old, difference.conversations.new, difference.conversations.both) == (1, 2, 1)


def test_an_empty_side_has_no_shares(store):
    empty, full = write_set(store, 0, []), write_set(store, 1, [{}])
    found = compare(store, (describe(store, full), describe(store, empty)), (full, empty))
    assert (found.counts["kind"]["conversation"].new_share, found.new_words) == (None, None)
    assert (found.words.new, found.conversations.both) == (0, 0)


# a home


def test_only_a_curated_generation_has_a_card(tmp_path):
    ladder = Ladder(tmp_path / "var")
    keep(ladder.store.root, [{}])
    assert ladder.generations.card(0).rows == 1
    with pytest.raises(GenerationRefused, match="g001 is not open"):
        ladder.generations.card(1)
    for name in ladder.store.names("results/examples"):
        ladder.store.remove(name)
    with pytest.raises(GenerationRefused, match="its examples are not made yet"):
        ladder.generations.card(0)
