"""The shape of the house: who knows whom, what an import costs, and what no file may be called."""

import subprocess
import sys
from pathlib import Path

import pytest

import vibe_pipeline

ROOT = Path(__file__).parents[2]

FORBIDDEN = {"utils", "util", "common", "helpers", "helper", "core", "misc", "manager", "base"}


def test_the_import_contracts_hold():
    code = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("imports", "heavy"),
    [
        ("from vibe_pipeline import InteractionLogger", {"polars", "duckdb", "pyarrow", "torch", "pydantic"}),
        ("import vibe_pipeline.settings", {"polars", "duckdb", "pyarrow", "torch"}),
        ("from vibe_pipeline import Ladder", {"torch", "transformers", "peft", "mlflow", "scipy"}),
        ("import vibe_pipeline.cli", {"typer", "polars", "duckdb", "pyarrow", "pydantic"}),
        ("import vibe_pipeline.cli.commands", {"torch", "transformers", "peft", "mlflow", "scipy", "huggingface_hub"}),
    ],
)
def test_an_import_pays_only_for_what_it_uses(python, imports, heavy):
    done = python(f"import sys; {imports}; print(sorted({heavy!r} & sys.modules.keys()))")
    assert done.stdout.strip() == "[]", done.stderr


def test_the_public_names_are_there_and_no_others_are_invented():
    for name in vibe_pipeline.__all__:
        assert getattr(vibe_pipeline, name).__name__ == name
    with pytest.raises(AttributeError, match="has no attribute 'Nobody'"):
        vibe_pipeline.Nobody  # noqa: B018


def test_no_file_and_no_folder_has_a_name_that_says_nothing():
    folders = [ROOT / name for name in ("vibe_pipeline", "assets", "jobs", "sensors", "tests")]
    named = {path.stem for folder in folders for path in folder.rglob("*") if path.suffix in ("", ".py")}
    assert "vibe_pipeline" not in named
    assert len(named) > 50
    assert named & FORBIDDEN == set()


def test_every_file_of_the_engine_says_what_it_holds():
    silent = [path for path in (ROOT / "vibe_pipeline").rglob("*.py") if not path.read_text().startswith('"""')]
    assert silent == []
