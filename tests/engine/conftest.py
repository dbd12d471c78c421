"""What several tests of the engine need."""

from __future__ import annotations

import json
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from tests.engine.counting import write_package
from tests.engine.curating import World
from tests.engine.exporting import exported
from tests.engine.serving import serving
from tests.engine.tables import MAP
from vibe_pipeline import cli
from vibe_pipeline.interactions.importers import Wanted, import_paths
from vibe_pipeline.interactions.importers.tally import ImportedFile
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.sandbox import Isolation, isolation, probe
from vibe_pipeline.scrub import Scrubber
from vibe_pipeline.scrub.placeholders import PLACEHOLDER
from vibe_pipeline.settings import Log
from vibe_pipeline.store import Store


@pytest.fixture
def bring(store: Store, tmp_path: Path, left_alone: None) -> Callable[..., ImportedFile]:
    """Import one file with this content, to which nobody writes any more."""

    def run(content: str | bytes, name: str = "a.jsonl", **options: Any) -> ImportedFile:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        (result,) = import_paths(InteractionLogger(store.root), store, [path], Wanted(**options))
        assert result.imported + result.duplicate + result.quarantined == result.read
        assert sum(result.reasons.values()) == result.quarantined
        return result

    return run


@pytest.fixture
def bring_table(store, tmp_path):
    """Import one file with this content as a table."""

    def run(content: str | bytes = b"", name: str = "app.csv", columns=MAP, **options):
        if content:
            (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        logger = InteractionLogger(store.root)
        (result,) = import_paths(logger, store, [tmp_path / name], Wanted(columns=columns, **options))
        assert result.imported + result.duplicate + result.quarantined == result.read
        assert sum(result.reasons.values()) == result.quarantined
        return result

    return run


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One server for all tests that do not end it."""
    with serving(tmp_path_factory.mktemp("home") / "var") as server:
        yield server


@pytest.fixture(scope="module")
def scrubber(tmp_path_factory) -> Scrubber:
    return Scrubber(Store(tmp_path_factory.mktemp("home")), Log())


@pytest.fixture(scope="module")
def clean(scrubber):
    return lambda text: scrubber.column(pl.Series([text]))[0][0]


@pytest.fixture(scope="module")
def kinds(scrubber):
    """The text with placeholders cut to their kind: [email]."""
    return lambda text: re.sub(
        PLACEHOLDER, lambda it: it[0].split(":")[0] + "]", scrubber.column(pl.Series([text]))[0][0]
    )


@pytest.fixture
def vibe(tmp_path, toml, monkeypatch, capsys):
    """Runs a command in this process, in a home and with a vibe.toml of its own."""
    (tmp_path / "vibe.toml").write_text(toml.text)
    monkeypatch.setenv("VIBE_HOME", str(tmp_path / "var"))
    monkeypatch.setenv("VIBE_CONFIG", str(tmp_path / "vibe.toml"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def run(*arguments: str) -> SimpleNamespace:
        monkeypatch.setattr(sys, "argv", ["vibe", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return SimpleNamespace(code=ended.value.code or 0, out=said.out, err=said.err)

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def ask(vibe):
    """Runs a command with --json, which must succeed and print nothing but JSON."""

    def run(*arguments: str):
        said = vibe(*arguments, "--json")
        assert said.code == 0, said.err
        return json.loads(said.out)

    return run


@pytest.fixture
def climbed_here(climbed_home, tmp_path):
    shutil.copytree(climbed_home, tmp_path / "var")


@pytest.fixture
def world(tmp_path) -> World:
    """A home whose log a test writes, and cuts."""
    return World(tmp_path)


@pytest.fixture
def leave(store, tmp_path):
    """Exports rows; what was said of it, and the rows of each file."""
    return partial(exported, store, tmp_path)


@pytest.fixture
def counting(tmp_path) -> Path:
    return write_package(tmp_path)


@pytest.fixture(scope="session")
def without_namespaces():
    """What a sandbox finds where the system allows no namespaces, and no other user to become."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(probe, "_modes", lambda: ["limits"])
        return probe._strictest()


@pytest.fixture(params=["strictest", "limits"])
def place(request, monkeypatch, without_namespaces) -> Isolation:
    """What holds for a snippet here, then what holds without namespaces."""
    if request.param == "limits":
        monkeypatch.setattr(probe, "_found", without_namespaces)
    return isolation()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that any user can read: it is not the permissions of tmp_path that stop anybody."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name).resolve()
