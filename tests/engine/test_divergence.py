"""The KL of an adapter to its base against the same by hand: 0 before training, more the further it was moved."""

import pytest

from vibe_pipeline import models, passes
from vibe_pipeline.evaluate.divergence import POSITIONS, divergence, fixed_texts
from vibe_pipeline.judgement import Figure
from vibe_pipeline.progress import nobody

T_975_OF_2 = 4.302653
"""Student's t with two degrees of freedom, from a table."""

TEXTS = ["One?: uno", "A longer text, of which the last tokens alone are compared.", "def f(x):\n    return x"]


@pytest.fixture
def adapted(base, on, lineage):
    """A fresh adapter on the tiny base, and its tokenizer."""
    model, tokenizer = models.load_base(base, on)
    return models.new_adapter(model, lineage.recipe, seed=0).eval(), tokenizer


@pytest.fixture
def measured(on):
    def run(model, tokenizer, texts=TEXTS) -> Figure:
        with nobody("") as advance:
            return divergence(model, tokenizer, texts, on, advance)

    return run


def moved(model, by: float) -> None:
    """The adapter's second matrices, which are zero at first, become noise of this size."""
    import torch

    torch.manual_seed(1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.copy_(by * torch.randn_like(parameter))


def by_hand(model, tokenizer, text: str) -> float:
    """KL(base ‖ adapter) after each of the last tokens but the very last, which nothing follows."""
    import torch

    def chances():
        with torch.no_grad():
            return model(torch.tensor([tokenizer(text).input_ids])).logits[0, :-1][-POSITIONS:].softmax(-1)

    now = chances()
    with model.disable_adapter():
        base = chances()
    return float((base * (base / now).log()).sum(-1).mean())


def test_it_is_the_mean_over_texts_with_students_interval(adapted, measured):
    moved(adapted[0], 0.05)
    values = [by_hand(*adapted, text) for text in TEXTS]
    middle = sum(values) / 3
    deviation = (sum((value - middle) ** 2 for value in values) / 2) ** 0.5
    half = T_975_OF_2 * deviation / 3**0.5
    found = measured(*adapted)
    assert (found.value, found.n) == (pytest.approx(middle, rel=1e-3), 3)
    assert (found.low, found.high) == (
        pytest.approx(max(0, middle - half), rel=1e-3, abs=1e-4),
        pytest.approx(middle + half, rel=1e-3),
    )


def test_an_adapter_that_was_not_trained_is_its_base_and_one_that_was_moved_further_is_further(adapted, measured):
    assert measured(*adapted).value == 0
    values = []
    for by in (0.01, 0.05, 0.5):
        moved(adapted[0], by)
        values.append(measured(*adapted).value)
    assert 0 < values[0] < values[1] < values[2]


def test_the_adapter_is_on_again_afterwards(adapted, measured):
    moved(adapted[0], 0.05)
    assert measured(*adapted) == measured(*adapted) != Figure(value=0.0, n=3, low=0.0, high=0.0)


def test_a_model_without_an_adapter_is_its_own_base(base, on, measured):
    assert measured(*models.load_base(base, on)) == Figure(value=0.0, n=3, low=0.0, high=0.0)


def test_a_text_whose_divergence_is_not_a_number_leaves_n(adapted, measured, monkeypatch):
    import torch

    model, tokenizer = adapted
    monkeypatch.setattr(passes, "PACK_TOKENS", 1)  # what is not finite spoils the texts that share its pack
    with torch.no_grad():
        model.get_input_embeddings().weight[tokenizer("U").input_ids[0]] = float("nan")
    assert measured(model, tokenizer, [*TEXTS, "U?"]).n == 3


def test_the_fixed_texts_are_those_of_every_part():
    texts = fixed_texts()
    assert len(set(texts)) == len(texts) == 30
    assert sum("Python" in text for text in texts) >= 8
    assert all(text.startswith("Question: ") and "\nAnswer: " in text for text in texts)
