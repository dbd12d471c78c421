"""Tasks of lm-evaluation-harness as suites: what is kept of an item is what lm_eval itself says of that document.

Needs the extra `lm-eval`, which brings some twenty packages that nothing else here wants.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest

from vibe_pipeline.errors import SettingsInvalid
from vibe_pipeline.evaluate import harness, task
from vibe_pipeline.evaluate.scorers import score
from vibe_pipeline.evaluate.standing import written
from vibe_pipeline.models import load_model
from vibe_pipeline.progress import nobody

pytest.importorskip("lm_eval", reason="the extra is not installed: pip install 'vibe-pipeline[lm-eval]'")

SUMS = [{"sum": f"{n} + {n}", "right": f"{2 * n}", "wrong": f"{2 * n + 11}", "is": n % 2} for n in range(1, 5)]

CHOICES = """
output_type: multiple_choice
doc_to_text: "Question: {{sum}}\\nAnswer:"
doc_to_choice: "{{[wrong, right]}}"
doc_to_target: 1
metric_list:
  - {metric: acc_norm, aggregation: mean, higher_is_better: true}
  - {metric: acc, aggregation: mean, higher_is_better: true}
"""

EITHER = CHOICES.replace("doc_to_target: 1", "doc_to_target: is")

SHOTS = CHOICES + "num_fewshot: 2\n"

SAID = """
output_type: generate_until
doc_to_text: "{{sum}} ="
doc_to_target: "{{right}}"
generation_kwargs: {until: ["\\n"], max_gen_toks: 4}
filter_list:
  - {name: first, filter: [{function: regex, regex_pattern: "(.)"}, {function: take_first}]}
metric_list:
  - {metric: exact_match, aggregation: mean, higher_is_better: true, ignore_case: true}
"""

LIKELY = """
output_type: loglikelihood
doc_to_text: "{{sum}} ="
doc_to_target: "{{right}}"
metric_list:
  - {metric: acc, aggregation: mean, higher_is_better: true}
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    """A task in a file, and its data beside it; lm_eval looks for these where it is run."""
    monkeypatch.chdir(tmp_path)

    def run(said: str, documents: list[dict] = SUMS) -> Path:
        (tmp_path / "sums.jsonl").write_text("\n".join(map(json.dumps, documents)))
        data = "dataset_path: json\ndataset_kwargs: {data_files: {test: sums.jsonl}}\ntest_split: test\n"
        (tmp_path / "sums.yaml").write_text(f"task: sums\n{data}{said}")
        return tmp_path / "sums.yaml"

    return run


@pytest.fixture
def loaded(store, base, on):
    model, tokenizer = load_model(store, base, None, on)
    return SimpleNamespace(model=model, tokenizer=tokenizer)


@pytest.fixture
def scored(loaded, on):
    def run(items: pl.DataFrame) -> pl.DataFrame:
        with nobody("") as advance:
            return score(loaded.model, loaded.tokenizer, items, on, advance)

    return run


def as_lm_eval_says(path: Path, loaded: SimpleNamespace, metric: str) -> list[float]:
    from lm_eval import simple_evaluate
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    lm = HFLM(pretrained=loaded.model, tokenizer=loaded.tokenizer)
    tasks = TaskManager(include_defaults=False)
    said = simple_evaluate(model=lm, tasks=[str(path)], task_manager=tasks, bootstrap_iters=0)
    return [it[metric] for it in sorted(said["samples"]["sums"], key=lambda it: it["doc_id"])]


@pytest.mark.parametrize(
    ("said", "metric"),
    [(EITHER, "acc_norm"), (EITHER + "num_fewshot: 1", "acc_norm"), (SAID, "exact_match"), (LIKELY, "acc")],
)
def test_each_item_scores_what_lm_eval_says_of_that_document(write, scored, loaded, said, metric):
    heard = scored(task.items(write(SAID)))["answer"]
    path = write(said, [SUMS[0], *({**it, "right": answer} for it, answer in zip(SUMS[1:], heard[1:], strict=True))])
    results = scored(task.items(path))
    assert results["score"].to_list() == as_lm_eval_says(path, loaded, metric)
    assert set(results["score"]) == {0.0, 1.0}
    assert results["exact"].to_list() == [it == 1 for it in results["score"]]
    assert results["seconds"].min() > 0


def test_what_is_asked_is_what_lm_eval_renders_shots_and_all(write):
    plain, shown = (task.items(write(said)) for said in (CHOICES, SHOTS))
    (asked, other) = json.loads(plain["requests"][0])
    assert asked == ["Question: 1 + 1\nAnswer:", " 13"]
    assert other == ["Question: 1 + 1\nAnswer:", " 2"]
    (context, _), _ = json.loads(shown["requests"][0])
    assert (context.count("Question:"), context.endswith(asked[0])) == (3, True)
    assert plain.select("prompt", "answer").row(0) == ("Question: 1 + 1\nAnswer:", "2")


def test_the_same_document_twice_is_one_observation(write):
    items = task.items(write(CHOICES, [*SUMS, SUMS[0]]))
    assert items["item_id"].n_unique() == 5
    assert items["cluster"].n_unique() == 4


def test_an_item_scores_the_same_alone(write, scored):
    items = task.items(write(SHOTS))
    alone = pl.concat([scored(items[at : at + 1]) for at in range(items.height)])
    assert alone.drop("seconds").equals(scored(items).drop("seconds"))


@pytest.mark.parametrize("said", [CHOICES, SAID, LIKELY])
def test_what_is_not_finite_has_no_score(write, scored, loaded, said):
    """lm_eval takes the first choice, which may be right."""
    items = task.items(write(said.replace("[wrong, right]", "[right, wrong]").replace("target: 1", "target: 0")))
    loaded.model.get_output_embeddings().weight.data.fill_(float("nan"))
    results = scored(items)
    assert (results["score"].null_count(), results["exact"].null_count()) == (4, 4)


def test_a_suite_holds_no_path_and_stays_what_it_was(write, store, lineage, tmp_path, scored):
    suites = {"sums": str(write(SHOTS))}
    sha = dict(written(store, lineage.model_copy(update={"suites": suites})))["sums"]
    suite = store.read_frame(f"suites/{sha}.parquet")
    assert str(tmp_path) not in str(suite.to_dicts())
    assert str(tmp_path).encode() not in store.path(f"suites/{sha}.parquet").read_bytes()
    assert dict(written(store, lineage.model_copy(update={"suites": suites})))["sums"] == sha
    for file in tmp_path.glob("sums.*"):
        file.unlink()
    assert scored(suite)["score"].null_count() == 0


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("output_type: [", "cannot be read as a task of lm-evaluation-harness: "),
        (CHOICES.replace("{{sum}}", "{{sun}}"), "cannot be read as a task of .*'sun' is undefined"),
        (CHOICES.replace("multiple_choice", "guess"), "cannot be read as a task of .*invalid output_type 'guess'"),
        (CHOICES + "dataset_path: EleutherAI/arithmetic", "its data are not local"),
        (CHOICES + "unsafe_code: true", "it runs code that a model writes"),
        (CHOICES + "process_results: !function os.path.join", "a function of its own judges it"),
        (
            CHOICES.replace("acc_norm", "brier_score").replace("mean", "brier_score", 1),
            "its first metric is brier_score",
        ),
        (
            LIKELY.replace("loglikelihood", "loglikelihood_rolling").replace("acc", "bits_per_byte"),
            "its first metric is",
        ),
        (LIKELY.replace("acc,", "exact_match,"), "lm_eval gives no exact_match of a document of loglikelihood"),
        (SAID.replace("until:", "do_sample: true, until:"), "do_sample draws its answers"),
        (SAID.replace("ignore_case", "hf_evaluate"), "hf_evaluate loads its metric from the Hub"),
    ],
)
def test_a_task_that_is_no_suite_is_refused_in_one_line(write, said, words):
    with pytest.raises(SettingsInvalid, match=words) as caught:
        task.items(write(said))
    assert len(str(caught.value).splitlines()) == 1


def test_data_that_are_missing_are_refused_in_one_line(write, tmp_path):
    path = write(CHOICES)
    (tmp_path / "sums.jsonl").unlink()
    with pytest.raises(SettingsInvalid, match="cannot be read as a task of lm-evaluation-harness: FileNotFoundError"):
        task.items(path)


def test_a_task_is_asked_in_every_generation_and_verify_makes_its_verdict_again(ladder, new_ladder, log_facts, write):
    log_facts(ladder.store.root, range(6))
    ladder.log.open_generation()
    mine = new_ladder(ladder.store.root, suites={"sums": str(write(SHOTS))})
    event = mine.climb("main", 0)
    rule = next(rule for rule in event.facts["rules"] if rule["name"] == "sums against parent")
    told = next(it for it in event.facts["standing"] if it["name"] == "sums")
    assert (rule["n"], told["scorer"], told["child"]["n"]) == (4, harness.SCORER, 4)
    found = mine.verify()
    assert (found.problems, found.checked["verdicts"]) == ([], 1)
