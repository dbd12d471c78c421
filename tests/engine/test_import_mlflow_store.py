"""MLflow's own stores, written by MLflow itself: all experiments, page by page, with what people said."""

import json
import os
import shutil

import polars as pl
import pytest

from vibe_pipeline.errors import SourceUnreadable
from vibe_pipeline.interactions.importers import Wanted, import_paths, mlflow_store
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.interactions.sealing import seal
from vibe_pipeline.interactions.segments import manifest, paths
from vibe_pipeline.settings import Curate

PROGRAM = """
import os, sys, mlflow
os.chdir(sys.argv[2])  # where MLflow puts the artifacts of a database
from mlflow.entities import AssessmentSource
from mlflow.tracing.assessment import log_feedback

mlflow.set_tracking_uri(sys.argv[1])

@mlflow.trace(span_type="CHAT_MODEL")
def ask(messages):
    return {"choices": [{"message": {"role": "assistant", "content": f"answer to {messages[0]['content']}"}}]}

JO, JUDGE = (AssessmentSource(source_type=kind, source_id=name) for kind, name in (("HUMAN", "jo"), ("LLM_JUDGE", "j")))
for experiment, questions in {"one": ["a", "b", "c"], "two": ["d"]}.items():
    mlflow.set_experiment(experiment)
    for question in questions:
        ask([{"role": "user", "content": question}])
        mlflow.flush_trace_async_logging()
        if question == "b":
            said = {"trace_id": mlflow.get_last_active_trace_id(), "name": "helpful"}
            log_feedback(**said, value=False, rationale="too short", source=JO)
            log_feedback(**{**said, "name": "safe"}, value=True, rationale="by rule", source=JUDGE)
"""

LATE = """
import sys, mlflow
mlflow.set_tracking_uri(sys.argv[1])
client = mlflow.MlflowClient()
ids = [it.experiment_id for it in client.search_experiments()]
(trace,) = [it for it in client.search_traces(locations=ids) if "answer to d" in it.to_json()]
source = mlflow.entities.AssessmentSource(source_type="HUMAN", source_id="al")
mlflow.log_feedback(trace_id=trace.info.trace_id, name="helpful", value=True, rationale="now I see", source=source)
"""

QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_ALLOW_FILE_STORE": "true", "GIT_PYTHON_REFRESH": "quiet"}


@pytest.fixture(scope="module")
def made(python, tmp_path_factory):
    """A tracking database as MLflow left it."""
    database = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    done = python(PROGRAM, f"sqlite:///{database}", database.parent, **QUIET)
    assert done.returncode == 0, done.stderr
    return database


@pytest.fixture
def database(made, tmp_path):
    shutil.copy(made, tmp_path / "mlflow.db")
    return tmp_path / "mlflow.db"


@pytest.fixture
def bring(store):
    def run(where, **options):
        (result,) = import_paths(InteractionLogger(store.root), store, [where], Wanted(**options))
        seal(store, Curate())
        return result

    return run


def rows(store, stream):
    return pl.read_parquet(paths(store, stream, [it.sha for it in manifest(store, stream)])).rows(named=True)


@pytest.mark.parametrize("written", ["{}", "sqlite:///{}"])
def test_every_trace_of_every_experiment_is_read_with_its_feedback_as_remarks(
    bring, store, database, written, monkeypatch
):
    monkeypatch.setattr(mlflow_store, "PAGE", 2)
    result = bring(written.format(database), format="mlflow")
    assert (result.format, result.read, result.imported, result.quarantined) == ("mlflow", 4, 4, 0)
    found = {row["input"]: row for row in rows(store, "interactions")}
    assert {name: row["output"] for name, row in found.items()} == {name: f"answer to {name}" for name in "abcd"}
    (remark,) = rows(store, "remarks")
    assert (remark["interaction_id"], remark["kind"], remark["score"], remark["text"], remark["user"]) == (
        found["b"]["interaction_id"],
        "feedback",
        -1.0,
        "too short",
        "jo",
    )
    assert "by rule" in found["b"]["extra"]


def test_the_environment_is_afterwards_as_it_was(bring, database, monkeypatch):
    for name in mlflow_store.QUIET:
        monkeypatch.delenv(name, raising=False)
    before = dict(os.environ)
    bring(database)
    assert dict(os.environ) == before


def test_importing_twice_adds_nothing_but_what_was_said_since(bring, store, database, python):
    assert bring(database).imported == 4
    again = bring(database)
    assert (again.imported, again.duplicate) == (0, 4)
    assert python(LATE, f"sqlite:///{database}", **QUIET).returncode == 0
    later = bring(database)
    assert (later.imported, later.duplicate) == (1, 3)
    assert len(rows(store, "interactions")) == 4
    assert {row["text"]: row["score"] for row in rows(store, "remarks")} == {"too short": -1.0, "now I see": 1.0}


def test_a_folder_of_mlruns_is_one_store_and_a_trace_that_lost_its_spans_costs_itself(bring, store, python, tmp_path):
    assert python(PROGRAM, tmp_path / "mlruns", tmp_path, **QUIET).returncode == 0
    result = bring(tmp_path / "mlruns")
    assert (result.format, result.read, result.imported) == ("mlflow", 4, 4)
    assert len(rows(store, "remarks")) == 1
    lost = next(tmp_path.glob("mlruns/*/traces/*/artifacts/traces.json"))
    lost.unlink()
    again = bring(tmp_path / "mlruns")
    assert (again.read, again.duplicate, again.quarantined) == (4, 3, 1)
    assert str(lost.parents[2]) in next(iter(again.reasons))


@pytest.mark.parametrize("name", ["mysql-chats", "postgresql", "mssql+x", "http"])
def test_a_folder_that_is_called_like_a_server_is_a_folder(bring, tmp_path, monkeypatch, name):
    (tmp_path / name).mkdir()
    (tmp_path / name / "a.jsonl").write_text(json.dumps({"prompt": "q", "completion": "a"}))
    monkeypatch.chdir(tmp_path)
    assert bring(name).imported == 1
    assert [path.name for path in (tmp_path / name).iterdir()] == ["a.jsonl"]


@pytest.mark.parametrize(
    ("address", "is_one"),
    [
        *((f"{scheme}://host/x", True) for scheme in ("http", "https", "postgresql", "mysql+pymysql", "mssql+pyodbc")),
        *((address, False) for address in ("s3://bucket", "mysql-chats", "mysqlx://host", "postgresql")),
    ],
)
def test_an_address_has_the_scheme_of_a_server(address, is_one):
    assert mlflow_store.connects(address) is is_one


def test_what_is_no_store_is_refused_in_one_line_and_nothing_is_created(bring, tmp_path):
    with pytest.raises(SourceUnreadable, match="there is no file"):
        bring(f"sqlite:///{tmp_path}/missing.db", format="mlflow")
    assert list(tmp_path.glob("*.db")) == []
    with pytest.raises(SourceUnreadable, match="Check the address"):
        bring("http://127.0.0.1:9", format="mlflow")
