"""Training on a tiny real model: it learns what is labelled and nothing else, dies aloud, and repeats itself."""

import json
import math

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibe_pipeline import models, passes
from vibe_pipeline.errors import LedgerDamaged, NothingToLearn, SettingsInvalid, TrainingDied
from vibe_pipeline.fingerprint import sha_of_folder
from vibe_pipeline.progress import nobody
from vibe_pipeline.records import Mix
from vibe_pipeline.settings import Recipe
from vibe_pipeline.train.adapter import train_adapter
from vibe_pipeline.train.batches import batches
from vibe_pipeline.train.loop import learning_rate, train

ROWS = [("What is it?", "Yes."), ("And a longer question with more words in it?", "No, never."), ("x", "y" * 40)]


def mix_of(rows, epochs: int = 1) -> pl.DataFrame:
    table = [(epoch, prompt, completion) for epoch in range(epochs) for prompt, completion in rows]
    return pl.DataFrame(table, schema=["epoch", "prompt", "completion"], orient="row")


@pytest.fixture
def adapted(base, on, lineage):
    """A fresh adapter on the tiny base, and its tokenizer."""
    model, tokenizer = models.load_base(base, on)
    return models.new_adapter(model, lineage.recipe, seed=0), tokenizer


@pytest.fixture
def fit(adapted, on, lineage):
    """Trains that adapter on rows; keyword arguments change the recipe."""

    def run(rows, epochs: int = 1, max_minutes: float = 5.0, **changes):
        recipe = lineage.recipe.model_copy(update=changes)
        with nobody("") as advance:
            return train(*adapted, mix_of(rows, epochs), recipe, on, max_minutes=max_minutes, advance=advance)

    return run


@pytest.fixture
def stored(store, base, lineage, on):
    """Trains on rows through the store, from a parent if there is one."""

    def run(rows, parent: str | None = None, **changes):
        sha = store.write_table("mixes", mix_of(rows, 4).to_arrow())
        mix = Mix(sha=sha, rows=len(rows), epochs=4, delta_rows=len(rows), replay_rows=0, left_for_later=0)
        its = lineage.model_copy(update={"recipe": lineage.recipe.model_copy(update=changes)})
        return train_adapter(store, base, parent, mix, its, on, nobody, "training")

    return run


def weights(model) -> dict:
    return {name: it.detach().clone() for name, it in model.named_parameters()}


# learning


def test_the_loss_falls_and_only_the_adapter_moves(adapted, fit):
    before = weights(adapted[0])
    run = fit(ROWS, epochs=20)
    moved = {name for name, it in adapted[0].named_parameters() if not it.equal(before[name])}
    assert run.losses[-1] < run.losses[0] / 2
    assert moved == {name for name in before if "lora_" in name}
    after = weights(adapted[0])
    change = math.sqrt(sum(float((after[name] - before[name]).square().sum()) for name in moved))
    assert run.adapter_change == pytest.approx(change, rel=1e-4)


def test_the_first_loss_is_the_mean_over_completion_and_end_and_nothing_else(adapted, fit):
    import torch

    model, tokenizer = adapted
    total, count = 0.0, 0
    for prompt, completion in ROWS:
        ids = [*tokenizer(f"{prompt}\n\n{completion}").input_ids, tokenizer.eos_token_id]
        labels = len(completion.encode()) + 1
        with torch.no_grad():
            chances = model(torch.tensor([ids])).logits[0].log_softmax(-1)
        total -= sum(float(chances[at - 1, ids[at]]) for at in range(len(ids) - labels, len(ids)))
        count += labels
    run = fit(ROWS)
    assert run.losses[0] == pytest.approx(total / count, rel=1e-5)
    assert (run.label_tokens, run.tokens) == (count, sum(len(f"{p}\n\n{c}") + 1 for p, c in ROWS))


def test_a_prompt_is_never_a_target(adapted, fit):
    """Trained on one long prompt with a short answer, the model learns the answer and not the prompt."""
    import torch

    model, tokenizer = adapted
    prompt = tokenizer("abcdefgh" * 8).input_ids

    def prompt_loss() -> float:
        with torch.no_grad():
            return float(model(torch.tensor([prompt]), labels=torch.tensor([prompt])).loss)

    before = prompt_loss()
    assert fit([("abcdefgh" * 8, "!")], epochs=12).losses[-1] < 1
    assert prompt_loss() > before - 0.5


@pytest.mark.parametrize("epochs", [1, 3])
def test_every_row_of_every_epoch_is_seen_in_the_order_of_the_mix(epochs):
    table = mix_of([(str(n), "c") for n in range(5)], epochs)
    out = batches(table, [[n] for n in range(5)] * epochs, [1] * 5 * epochs, 2)
    assert [batch.rows for batch in out] == [[[0], [1]], [[2], [3]], [[4]]] * epochs


# packs


def test_packed_rows_give_the_gradient_of_rows_one_by_one(adapted, fit, monkeypatch):
    """Adam's first step is the sign of the gradient, so the norm is compared, and the weights after three steps."""
    model = adapted[0]
    start = {name: it.detach().clone() for name, it in model.named_parameters() if "lora_" in name}
    whole = fit(ROWS, epochs=3)
    after = weights(model)
    model.load_state_dict(start, strict=False)
    monkeypatch.setattr(passes, "PACK_TOKENS", 1)
    apart = fit(ROWS, epochs=3)
    assert apart.losses == pytest.approx(whole.losses, rel=1e-4)
    assert apart.gradient_norm_max == pytest.approx(whole.gradient_norm_max, rel=1e-3)
    assert all(it.allclose(after[name], atol=1e-3) for name, it in model.named_parameters())


# the rate


@given(st.integers(1, 400), st.floats(0, 1), st.floats(0, 1))
def test_the_rate_rises_to_its_peak_and_falls_to_its_end(steps, warmup, final):
    recipe = Recipe(learning_rate=2.0, warmup=warmup, final_learning_rate=final)
    rates = [learning_rate(step, steps, recipe) for step in range(steps)]
    top = rates.index(max(rates))
    assert all(0 < rate <= 2.0 + 1e-9 or final == 0 for rate in rates)
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert max(rates) == pytest.approx(2.0)


def test_the_rate_ends_where_the_recipe_says():
    recipe = Recipe(learning_rate=1e-3, warmup=0.1, final_learning_rate=0.05)
    assert learning_rate(99, 100, recipe) == pytest.approx(5e-5)
    assert learning_rate(0, 100, recipe) == pytest.approx(1e-4)


# dying aloud


@pytest.mark.parametrize("rows", [[], [("q", "")], [("q", " \n"), ("r", "")]])
def test_a_mix_without_a_label_is_refused(fit, rows):
    with pytest.raises(NothingToLearn, match="no trainable token"):
        fit(rows)


def test_a_rate_at_which_nothing_moves_is_an_error(fit):
    with pytest.raises(TrainingDied, match="nothing moved"):
        fit(ROWS, epochs=3, learning_rate=1e-30)


def test_a_weight_that_is_not_a_number_is_an_error_before_the_first_step(adapted, fit):
    import torch

    with torch.no_grad():
        next(it for name, it in adapted[0].named_parameters() if "lora_A" in name).fill_(float("nan"))
    with pytest.raises(TrainingDied, match="step 1 of 1: loss nan"):
        fit(ROWS)


def test_a_rate_at_which_the_model_bursts_is_an_error(fit):
    with pytest.raises(TrainingDied):
        fit(ROWS, epochs=30, learning_rate=1e20)


def test_nothing_is_stored_when_training_dies(stored, store):
    with pytest.raises(TrainingDied):
        stored(ROWS, learning_rate=1e-30)
    assert store.names(models.ADAPTERS) == []


def test_the_clock_ends_a_run_and_the_run_says_so(fit):
    run = fit(ROWS, epochs=50, max_minutes=1e-6)
    assert (run.stopped, run.steps) == ("max_minutes", 1)
    assert run.label_tokens == sum(len(completion) + 1 for _, completion in ROWS)


def test_a_run_that_ends_by_itself_says_complete(stored):
    training = stored(ROWS)
    assert (training.stopped, training.steps, len(training.loss_curve)) == ("complete", 4, 4)
    assert (training.loss_start, training.loss_end) == (training.loss_curve[0], training.loss_curve[-1])


# adapters


def test_the_same_seed_gives_the_same_bytes(stored):
    assert stored(ROWS).adapter_sha == stored(ROWS).adapter_sha
    assert stored(ROWS).adapter_sha != stored(ROWS[:2]).adapter_sha


def test_another_seed_gives_another_adapter(base, on, lineage):
    shas = []
    for seed in (0, 0, 1):
        model = models.new_adapter(models.load_base(base, on)[0], lineage.recipe, seed)
        shas.append([it.sum().item() for name, it in model.named_parameters() if "lora_A" in name])
    assert shas[0] == shas[1] != shas[2]


def test_a_child_goes_on_where_its_parent_stood(stored):
    parent = stored(ROWS)
    child = stored(ROWS, parent=parent.adapter_sha)
    assert child.loss_start < parent.loss_start / 2
    assert child.adapter_sha != parent.adapter_sha


@pytest.mark.parametrize("change", [{"rank": 8}, {"alpha": 8}, {"rslora": False}])
def test_a_parent_of_another_rank_or_scaling_is_refused(stored, change):
    parent = stored(ROWS)
    with pytest.raises(SettingsInvalid, match="the parent adapter has"):
        stored(ROWS, parent=parent.adapter_sha, **change)


def test_targets_that_the_model_does_not_have_are_refused(base, on):
    with pytest.raises(SettingsInvalid, match="no_such_layer"):
        models.new_adapter(models.load_base(base, on)[0], Recipe(targets=("no_such_layer",)), 0)


@pytest.mark.filterwarnings("ignore::FutureWarning")  # of transformers, about itself
def test_plain_peft_loads_an_adapter_and_answers_the_same(stored, store, base, on):
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    folder = store.existing(f"{models.ADAPTERS}/{stored(ROWS).adapter_sha}")
    plain = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base.folder, dtype=torch.float32), folder)
    ours, _ = models.load_model(store, base, folder.name, on)
    ids = torch.tensor([[5, 6, 7, 8]])
    with torch.no_grad():
        assert plain(ids).logits.allclose(ours(ids).logits, atol=1e-4)
        assert not plain(ids).logits.allclose(models.load_base(base, on)[0](ids).logits, atol=0.1)


def test_an_adapter_names_its_base_and_no_place_on_this_machine(stored, store, base):
    folder = store.existing(f"{models.ADAPTERS}/{stored(ROWS).adapter_sha}")
    config = json.loads((folder / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == base.name == "tiny"
    assert {path.name for path in folder.iterdir()} == set(models.ADAPTER_FILES)
    assert not any("/" in str(value) for value in config.values())
    assert sha_of_folder(folder) == folder.name


@pytest.mark.parametrize("is_missing", [True, False])
def test_an_adapter_that_does_not_fit_its_model_is_damage_and_never_served(stored, store, base, on, is_missing):
    from safetensors.torch import load_file, save_file

    folder = store.existing(f"{models.ADAPTERS}/{stored(ROWS).adapter_sha}")
    tensors = load_file(folder / "adapter_model.safetensors")
    name, tensor = next(iter(tensors.items()))
    tensors = (
        {key: it for key, it in tensors.items() if key != name}
        if is_missing
        else {**tensors, name + "x": tensor.clone()}
    )
    save_file(tensors, folder / "adapter_model.safetensors")
    with pytest.raises(LedgerDamaged, match="tensors and the model wants"):
        models.load_model(store, base, folder.name, on)


def test_an_adapter_cut_short_is_damage(stored, store, base, on):
    folder = store.existing(f"{models.ADAPTERS}/{stored(ROWS).adapter_sha}")
    file = folder / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(LedgerDamaged):
        models.load_model(store, base, folder.name, on)
