"""What leaves is read by those it is for: `datasets`, TRL's own preparation, and OpenAI's rules for uploads.

All of it in this one file: importing TRL costs seconds. Nothing is trained, and nothing asks the network.
"""

import json
from pathlib import Path

import pytest

from tests.engine.curated import write_set
from vibe_pipeline import passes
from vibe_pipeline.curate.export.shapes import Shape
from vibe_pipeline.curate.export.writing import Wanted, export
from vibe_pipeline.store import Store

HARD = 'Ends in \\ "quotes", \u2028, \x00, \x1b and 😀\n\n\tindented'

ROWS = [
    {"kind": "code_generation", "prompt": "Add.", "completion": "a + b"},
    *({"prompt": f"Why {split}?", "completion": HARD, "split": split} for split in ("train", "validation", "test")),
    {"prompt": "Hi.\n\nHello.\n\nHow are you?", "completion": "Well.", "interaction_ids": ["i1", "i2"]},
    {"prompt": "Be loud.\n\nHi.\n\nHello.\n\nHow?", "completion": "WELL!", "interaction_ids": ["i1", "i3"]},
    *({"kind": "preference", "prompt": f"Which {it}?", "completion": HARD, "rejected": "No.", "split": it}
      for it in ("train", "validation")),
    {"kind": "document", "prompt": "", "completion": HARD},
]  # fmt: skip

LOG = {
    "interaction_id": ["i1", "i2", "i3"],
    "input": ["Hi.", "How are you?", "How?"],
    "output": ["Hello.", "Well.", "WELL!"],
    "extra": [None, "{}", '{"system": "Be loud."}'],
}

CHAT = (
    "{% for it in messages %}<{{ it.role }}>{{ it.content }}{{ eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """An export of every shape in both formats, by (shape, format)."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    home = tmp_path_factory.mktemp("home")
    store = Store(home / "var")
    examples = write_set(store, 0, ROWS)
    pq.write_table(pa.table(LOG), home / "log.parquet")
    made = {}
    for shape in Shape:
        for format in ("jsonl", "parquet"):
            wanted = Wanted(folder=home / f"{shape}-{format}", shape=shape, format=format)
            made[shape, format] = export(store, examples, wanted, [home / "log.parquet"])
    return made


@pytest.fixture(scope="module")
def load(tmp_path_factory):
    """`datasets.load_dataset` on a folder, with a cache of its own and without the network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setenv("HF_DATASETS_OFFLINE", "1")
        import datasets

        datasets.disable_progress_bars()
        cache = tmp_path_factory.mktemp("cache")
        yield lambda folder: datasets.load_dataset(str(folder), cache_dir=str(cache))


@pytest.fixture
def sft(base, tokenizer, tmp_path):
    """What TRL's trainer makes of a dataset before it trains."""
    from transformers import AutoModelForCausalLM
    from trl import SFTConfig, SFTTrainer

    args = SFTConfig(output_dir=str(tmp_path), report_to=[], use_cpu=True, disable_tqdm=True, max_length=None)
    model = AutoModelForCausalLM.from_pretrained(base.folder)
    return lambda rows: SFTTrainer(model, args=args, train_dataset=rows, processing_class=tokenizer).train_dataset


@pytest.fixture(scope="module")
def tokenizer(base, tmp_path_factory):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(base.folder)
    tokenizer.chat_template = CHAT
    return tokenizer


@pytest.mark.parametrize("format", ["jsonl", "parquet"])
@pytest.mark.parametrize("shape", list(Shape))
def test_a_folder_is_loaded_with_its_splits_and_every_word(folders, load, shape, format):
    made = folders[shape, format]
    loaded = load(made.folder)
    assert {split: len(rows) for split, rows in loaded.items()} == made.rows
    for rows in loaded.values():
        assert any(HARD in text for row in rows for text in _texts(row))


# TRL


def test_trl_trains_on_the_tokens_that_the_ladder_trains_on(folders, load, sft, tokenizer):
    prepared = sft(load(folders[Shape.PROMPT_COMPLETION, "jsonl"].folder)["train"])
    rows = [row for row in ROWS if row["prompt"] and "rejected" not in row and row.get("split", "train") == "train"]
    ids, labels = passes.encode(
        tokenizer, [row["prompt"] for row in rows], [row["completion"] for row in rows], max_length=10_000
    )
    assert sorted(prepared["input_ids"]) == sorted(ids)
    assert sorted(sum(label != -100 for label in row) for row in prepared["labels"]) == sorted(labels)


def test_trl_reads_messages_as_a_conversation(folders, load, sft, tokenizer):
    from trl.data_utils import is_conversational, maybe_apply_chat_template

    loaded = load(folders[Shape.MESSAGES, "parquet"].folder)["train"]
    assert all(is_conversational(row) for row in loaded)
    texts = {maybe_apply_chat_template(row, tokenizer)["text"] for row in loaded}
    turns = "<user>Hi.<eos><assistant>Hello.<eos>"
    assert f"{turns}<user>How are you?<eos><assistant>Well.<eos>" in texts
    assert f"<system>Be loud.<eos>{turns}<user>How?<eos><assistant>WELL!<eos>" in texts
    assert {tokenizer.decode(ids) for ids in sft(loaded)["input_ids"]} == texts


def test_trl_prepares_preferences(folders, load, base, tokenizer, tmp_path):
    from transformers import AutoModelForCausalLM
    from trl import DPOConfig, DPOTrainer

    loaded = load(folders[Shape.PREFERENCE, "jsonl"].folder)["train"]
    model = AutoModelForCausalLM.from_pretrained(base.folder)
    args = DPOConfig(output_dir=str(tmp_path), report_to=[], use_cpu=True, disable_tqdm=True, max_length=None)
    (row,) = DPOTrainer(model, args=args, train_dataset=loaded, processing_class=tokenizer).train_dataset
    said = [tokenizer.decode(row[f"{name}_ids"]) for name in ("prompt", "chosen", "rejected")]
    assert said == ["Which train?\n\n", f"{HARD}<eos>", "No.<eos>"]


def test_trl_reads_texts(folders, load, sft, tokenizer):
    prepared = sft(load(folders[Shape.TEXT, "jsonl"].folder)["train"])
    assert f"{HARD}<eos>" in {tokenizer.decode(ids) for ids in prepared["input_ids"]}


# OpenAI


def test_openai_takes_the_messages(folders):
    roles = {line["messages"][0]["role"] for line in _lines(folders[Shape.MESSAGES, "jsonl"])}
    assert roles == {"system", "user"}
    for line in _lines(folders[Shape.MESSAGES, "jsonl"]):
        assert line.keys() == {"messages"}
        _require_messages(line["messages"])
        assert line["messages"][-1]["role"] == "assistant"
        assert line["messages"][-1]["weight"] == 1


def test_openai_takes_the_preferences(folders):
    for line in _lines(folders[Shape.OPENAI_PREFERENCE, "jsonl"]):
        assert line.keys() == {"input", "preferred_output", "non_preferred_output"}
        _require_messages(line["input"]["messages"])
        assert line["input"]["messages"][-1]["role"] == "user"
        for side in ("preferred_output", "non_preferred_output"):
            _require_messages(line[side])
            assert [it["role"] for it in line[side]] == ["assistant"]


def _require_messages(messages) -> None:
    """The rules by which OpenAI refuses an upload (cookbook: data preparation for chat fine-tuning)."""
    assert messages
    for message in messages:
        assert message.keys() <= {"role", "content", "name", "function_call", "weight"}
        assert message["role"] in ("system", "user", "assistant")
        assert isinstance(message["content"], str)
        assert message["content"].strip()
        assert "weight" not in message or (message["role"] == "assistant" and message["weight"] in (0, 1))


def _lines(made) -> list[dict]:
    files = [Path(made.folder) / name for name in made.files.values()]
    return [json.loads(line) for file in files for line in file.read_text().split("\n") if line]


def _texts(value) -> list[str]:
    """All texts in nested values."""
    if isinstance(value, str):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for part in parts for text in _texts(part)]
