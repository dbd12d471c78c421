"""The tables that the log's materialisation shows."""

from datetime import UTC, datetime, timedelta

from assets.interactions import DAYS, SHOWN_DAYS
from assets.resources import duckdb
from vibe_pipeline.interactions.logger import InteractionLogger


def test_the_latest_days_are_shown_with_every_source_and_in_utc(ladder):
    first = datetime(2026, 1, 1, 23, 30, tzinfo=UTC)
    for source in ("a", "b"):
        logger = InteractionLogger(ladder.store.root, source=source, durability="batched")
        for day in range(SHOWN_DAYS + 2):
            logger.log(module="m", action="a", input="q", occurred_at=first + timedelta(days=day))
    ladder.log.seal()
    with duckdb.get_connection() as database:
        database.execute("SET TimeZone = 'Asia/Tokyo'")
        ladder.define_views(database)
        found = database.execute(DAYS).fetchall()
        assert database.execute("SELECT current_setting('enable_progress_bar')").fetchall() == [(False,)]
    last = (first + timedelta(days=SHOWN_DAYS + 1)).date()
    assert [(str(day), source, count) for day, source, count in found[:2]] == [(str(last), "a", 1), (str(last), "b", 1)]
    assert len(found) == 2 * SHOWN_DAYS
