"""How queries are run, whoever asks."""

import pytest

from vibe_pipeline.database import connect


@pytest.mark.parametrize("made", ["connect", "ladder"])
def test_no_connection_draws_on_stdout_or_counts_days_elsewhere_than_in_utc(ladder, made):
    """DuckDB's progress bar goes into --json after two seconds, also where stdout is a file."""
    with connect(threads=1) if made == "connect" else ladder.connect() as database:
        found = database.sql("SELECT current_setting('enable_progress_bar'), current_setting('TimeZone')")
        assert found.fetchall() == [(False, "UTC")]
