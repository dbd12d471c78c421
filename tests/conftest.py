"""An empty world in tmp_path for every test: a tiny real base model, a home, a ladder, and people who log things."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import hypothesis
import pytest

from vibe_pipeline import models
from vibe_pipeline.interactions.importers import unfinished
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.ladder import Ladder
from vibe_pipeline.models import BaseModel, Execution
from vibe_pipeline.records import ExampleSet
from vibe_pipeline.settings import Gate, Lineage, Recipe, Settings, Style
from vibe_pipeline.store import Store

ROOT = Path(__file__).parents[1]

hypothesis.settings.register_profile("gate", deadline=None, derandomize=True, max_examples=60, database=None)
hypothesis.settings.load_profile("gate")

QUICK = Recipe(rank=4, alpha=4, epochs=16, batch_size=8, learning_rate=1.5e-2)

SORTS = (("thing", "Yes"), ("OTHER", "No"), ("Third", "Hm"))
"""Six facts of each: who knows the first six does not know the next."""

WIDE = dict.fromkeys(("margin", "retention_margin", "slide_margin", "general_margin"), 1)

LENIENT = Gate(min_items=4, recall_floor=0, generalization_floor=0, corporate_limit=11, level=0.4, **WIDE)
"""Promotes whatever made the new items likelier: a tiny random model answers nothing exactly, and a dozen items show
little."""


@pytest.fixture
def left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody writes to the files that are imported, however new they are."""
    monkeypatch.setattr(unfinished, "QUIET", timedelta(0))


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory) -> Path:
    """A Llama of two layers with seeded random weights and one token a byte: small, and real in every other way."""
    import torch
    from tokenizers import Tokenizer, decoders, pre_tokenizers
    from tokenizers.models import BPE
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    bytewise = Tokenizer(BPE(vocab={letter: number for number, letter in enumerate(["<eos>", *alphabet])}, merges=[]))
    bytewise.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    bytewise.decoder = decoders.ByteLevel()
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=257,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        tie_word_embeddings=False,
        initializer_range=0.1,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=0,
    )
    folder = tmp_path_factory.mktemp("models") / "tiny"
    LlamaForCausalLM(config).save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=bytewise, eos_token="<eos>").save_pretrained(folder)
    return folder


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path / "var")


@pytest.fixture(scope="session")
def on() -> Execution:
    """Full precision on one thread: what must be equal is equal to many digits."""
    import torch

    torch.set_num_threads(1)
    return Execution(device="cpu", threads=1, dtype="float32")


@pytest.fixture(scope="session")
def base(tiny_base, tmp_path_factory) -> BaseModel:
    """The tiny base, already an ordinary folder of some store."""
    return models.base_model(Store(tmp_path_factory.mktemp("store")), str(tiny_base))


@pytest.fixture(scope="session")
def few_questions(tmp_path_factory) -> Path:
    """A general suite that is asked in no time."""
    path = tmp_path_factory.mktemp("suites") / "few.jsonl"
    lines = [
        {"item_id": f"few-{n}", "prompt": f"{n} + 1?", "answer": f"{n + 1}", "choices": [f"{n}", f"{n + 1}"]}
        for n in range(4)
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    return path


@pytest.fixture(scope="session")
def lineage(tiny_base, few_questions) -> Lineage:
    told = {"style": Style(max_tokens=4), "general_suite": str(few_questions)}
    return Lineage(base_model=str(tiny_base), recipe=QUICK, gate=LENIENT, **told)


@pytest.fixture(scope="session")
def settings(lineage) -> Settings:
    return Settings(gate=LENIENT, lineages={"main": lineage})


@pytest.fixture(scope="session")
def new_ladder(settings) -> Callable[..., Ladder]:
    """A ladder in a folder; keyword arguments change its one lineage."""

    def build(home: Path, **changes: Any) -> Ladder:
        lineages = {name: it.model_copy(update=changes) for name, it in settings.lineages.items()}
        return Ladder(home, settings.model_copy(update={"lineages": lineages}), device="cpu", threads=1)

    return build


@pytest.fixture
def ladder(new_ladder, tmp_path) -> Ladder:
    return new_ladder(tmp_path / "var")


@pytest.fixture(scope="session")
def log_facts() -> Callable[..., None]:
    """Facts asked in two wordings each, and a probe for each in a third wording that is never logged."""

    def write(home: Path, numbers: range) -> None:
        logger = InteractionLogger(home)
        for number in numbers:
            sort, answer = SORTS[number // 6 % len(SORTS)]
            name = f"{sort}{number}"
            for wording in (f"What does {name} do?", f"Tell me about {name}."):
                logger.log(
                    module="m",
                    action="ask",
                    input=wording,
                    output=answer,
                    success=True,
                    conversation_id=wording,
                    extra={"fact": name},
                )
            logger.probe(fact=name, question=f"In one sentence: {name}?", answer=answer, probe_id=name)
        logger.close()

    return write


@pytest.fixture(scope="session")
def log_fixes() -> Callable[..., None]:
    """Runs that failed, each with the run that worked next."""

    def write(home: Path, numbers: range) -> None:
        logger = InteractionLogger(home)
        for number in numbers:
            told = {"module": "m", "action": "run", "conversation_id": f"fix {number}"}
            logger.log(**told, turn=0, input=f"print(x{number}", output="SyntaxError", success=False)
            logger.log(**told, turn=1, input=f"print(x{number})", output=str(number), success=True)
        logger.close()

    return write


@pytest.fixture(scope="session")
def climbed_home(tmp_path_factory, new_ladder, log_facts, log_fixes) -> Path:
    """Three generations, all settled on the lineage main: g000 and g001 promoted, g002 empty and skipped. Read only."""
    home = tmp_path_factory.mktemp("climbed") / "var"
    ladder = new_ladder(home)
    for generation in range(2):
        log_facts(home, range(6 * generation, 6 * generation + 6))
        log_fixes(home, range(6 * generation, 6 * generation + 6))
        ladder.log.open_generation()
    ladder.log.open_generation(force=True)
    for generation in range(3):
        ladder.climb("main", generation)
    return home


@pytest.fixture
def climbed(climbed_home, new_ladder, tmp_path) -> Ladder:
    """A copy of that ladder, free to be changed."""
    shutil.copytree(climbed_home, tmp_path / "var", symlinks=True)
    return new_ladder(tmp_path / "var")


@pytest.fixture(scope="session")
def write_examples() -> Callable[..., ExampleSet]:
    """An example set from hand-made rows, in the file order that curation gives."""
    import polars as pl

    def write(store: Store, generation: int, rows: list[dict[str, Any]]) -> ExampleSet:
        fixed = {"split": "train", "kind": "conversation", "stage": "conversations", "tier": "own", "fact": None}
        fixed |= {"held_with": None}
        full = [
            {**fixed, "example_id": f"{generation}-{number:05}", "generation": generation, "priority": number, **row}
            for number, row in enumerate(rows)
        ]
        is_synthetic = pl.col("tier") == "synthetic"
        letters = pl.col("prompt").str.len_chars() + pl.col("completion").str.len_chars()
        frame = (
            pl.DataFrame(full, infer_schema_length=None)
            .with_columns(tokens=3 + letters // 3)
            .sort(pl.col("split").cast(pl.Enum(["train", "validation", "test"])), "kind", is_synthetic, "example_id")
        )
        groups = frame.group_by("split", "kind", maintain_order=True).agg(
            pl.len(), letters.sum(), made=is_synthetic.sum()
        )
        sha = store.write_table("examples", frame.to_arrow())
        return ExampleSet(
            generation=generation,
            sha=sha,
            suite_sha=sha,
            rows=frame.height,
            counts=tuple(groups.drop("made").rows()),
            synthetic=tuple(groups["made"]),
            dropped={},
        )

    return write


@pytest.fixture
def small_disk(tmp_path):
    """8 MiB of tmpfs. Only root may mount it: for others the test is left out, and says so; CI is root."""
    if os.geteuid():
        pytest.skip("a full disk is made with a small tmpfs, which only root may mount")
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", place], check=True)
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


@pytest.fixture(scope="session")
def python() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs code in a fresh interpreter, from the repository's root unless told otherwise."""

    def run(code: str, *arguments: object, **environment: object) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "PYTHONPATH": str(ROOT), **{name: str(value) for name, value in environment.items()}}
        command = [sys.executable, "-c", code, *map(str, arguments)]
        return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120)

    return run


@pytest.fixture
def toml(tiny_base, few_questions) -> SimpleNamespace:
    """vibe.toml with the quick recipe and the lenient gate, as text."""
    gate = "".join(f"{name} = {value}\n" for name, value in LENIENT.model_dump(exclude_defaults=True).items())
    recipe = "rank = 4\nalpha = 4\nepochs = 16\nbatch_size = 8\nlearning_rate = 1.5e-2\n"
    lineage = f"base_model = '{tiny_base}'\ngeneral_suite = '{few_questions}'\n"
    return SimpleNamespace(
        text=f"[gate]\n{gate}[lineages.main]\n{lineage}[lineages.main.recipe]\n{recipe}"
        f"[lineages.main.gate]\n{gate}[lineages.main.style]\nmax_tokens = 4\n"
    )
