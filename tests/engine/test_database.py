"""How queries are run, whoever asks."""

import os
import subprocess
import sys

import duckdb
import pytest

from vibe_pipeline.database import SPILL, connect
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.interactions.matching import Criteria


@pytest.mark.parametrize("made", ["connect", "ladder"])
def test_no_connection_draws_on_stdout_or_counts_days_elsewhere_than_in_utc(ladder, made):
    """DuckDB's progress bar goes into --json after two seconds, also where stdout is a file."""
    with connect(threads=1) if made == "connect" else ladder.connect() as database:
        found = database.sql("SELECT current_setting('enable_progress_bar'), current_setting('TimeZone')")
        assert found.fetchall() == [(False, "UTC")]


LARGE = "CREATE TABLE large AS SELECT range AS a, hash(range)::VARCHAR AS b FROM range(2_000_000)"


def test_what_does_not_fit_in_memory_stays_in_the_home(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with connect(threads=1) as database:
        database.execute("SET memory_limit = '40MB'")
        with pytest.raises(duckdb.OutOfMemoryException):
            database.execute(LARGE)
    store.write("log/interactions/x", b"")
    with connect(store.path(SPILL), threads=1) as database:
        database.execute("SET memory_limit = '40MB'")
        database.execute(LARGE)
        assert list(store.path(SPILL).iterdir())
    assert store.path("log").stat().st_mode & 0o077 == 0
    assert list(tmp_path.iterdir()) == [store.root]


def test_forgetting_sweeps_what_a_killed_query_has_spilled_and_no_other(ladder):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    spilled = [ladder.store.path(f"{SPILL}/duckdb_temp_{pid}_0_storage.tmp") for pid in (dead.pid, os.getpid())]
    spilled[0].parent.mkdir(parents=True)
    for path in spilled:
        path.write_text("words")
    InteractionLogger(ladder.store.root).log(module="m", action="a", input="x", user="u")
    ladder.log.forget(Criteria(user="u"))
    assert [path.exists() for path in spilled] == [False, True]
