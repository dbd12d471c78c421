"""How queries are run, whoever asks."""

import duckdb
import pytest

from vibe_pipeline.database import SPILL, connect


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
    with connect(store.path(SPILL), threads=1) as database:
        database.execute("SET memory_limit = '40MB'")
        database.execute(LARGE)
        assert list(store.path(SPILL).iterdir())
    assert list(tmp_path.iterdir()) == [store.root]
