"""A tiny random model, homes and instances for tests that climb through Dagster.

Not here: the real model, and the instance of this folder. Everything lies in a temporary folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assets.partitions import rung_key
from definitions import defs
from jobs.instance import QUIET
from jobs.partitions import register
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.ladder import Ladder
from vibe_pipeline.ledger import Event, Ledger

SETTINGS = """
[gate]
min_items = 0

[lineages.main]
base_model = "{base}"
general_suite = "{few}"
kinds = ["conversation"]
recipe = {{rank = 4, epochs = 6, max_length = 64, learning_rate = 0.005}}
replay = {{minimum = 4}}
gate = {{margin = 1.0, retention_margin = 1.0, slide_margin = 1.0, general_margin = 1.0, level = 0.4}}
style = {{probes = ["Can you help me?"], max_tokens = 2}}

[lineages.reckless]
base_model = "{base}"
general_suite = "{few}"
kinds = ["conversation"]
recipe = {{rank = 4, epochs = 1, max_length = 64, learning_rate = 1e-2}}
style = {{probes = ["Can you help me?"], max_tokens = 2}}
"""
"""`reckless` is for rungs that are rejected: what 24 chats teach a random model is too little to be sure of."""

CHATS = 24


@dataclass(frozen=True)
class World:
    """A home, its instance, and the two ways in."""

    home: Path
    instance: dg.DagsterInstance

    @property
    def ladder(self) -> Ladder:
        """As an asset opens it."""
        return Ladder()

    def chat(self, chats: int = CHATS) -> None:
        """Log some chats, each a conversation of its own."""
        generation = self.ladder.log.opened()
        logger = InteractionLogger(self.home)
        for i in range(chats):
            logger.log(
                module="chat",
                action="ask",
                input=f"Which word is number {i} of {generation}?",
                output=f"It is word {'abcdefgh'[i % 8]}{generation}.",
                success=True,
                interaction_id=f"{generation}-{i}",
                occurred_at=datetime(2025, 1, 1, tzinfo=UTC),
            )
        logger.close()

    def open(self, chats: int = CHATS) -> None:
        """The same, and open the next generation."""
        self.chat(chats)
        self.ladder.log.open_generation(force=True)
        register(self.instance, self.ladder)

    def run(self, job: str, key: str) -> dg.ExecuteInProcessResult:
        """A job for one partition; what fails in it is raised."""
        return defs.resolve_job_def(job).execute_in_process(
            instance=self.instance, partition_key=key, run_config=QUIET, raise_on_error=True
        )

    def climb(self, generation: int, lineage: str = "main") -> dg.ExecuteInProcessResult:
        """One rung through its job."""
        return self.run("climb_rung", rung_key(lineage, generation))

    def events(self, lineage: str = "main") -> list[Event]:
        """The chain of a lineage."""
        return Ledger(self.ladder.store, lineage).events()

    def seen(self, asset: str, key: str | None) -> tuple[dict[str, Any], str]:
        """Metadata (plain values) and data version of the latest materialisation."""
        filters = dg.AssetRecordsFilter(asset_key=dg.AssetKey(asset), asset_partitions=[key] if key else None)
        record = self.instance.fetch_materializations(filters, limit=1).records[0]
        made = record.asset_materialization
        assert made
        return {name: value.value for name, value in made.metadata.items()}, made.tags["dagster/data_version"]


@pytest.fixture(scope="module")
def world(tiny_base: Path, few_questions: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """An empty home and an empty instance, one for the tests of a file."""
    home = tmp_path_factory.mktemp("home")
    (home / "vibe.toml").write_text(SETTINGS.format(base=tiny_base, few=few_questions))
    with pytest.MonkeyPatch.context() as patch, dg.instance_for_test() as instance:
        patch.setenv("VIBE_HOME", str(home))
        patch.setenv("VIBE_CONFIG", str(home / "vibe.toml"))
        patch.setattr(os, "sched_getaffinity", lambda _: {0}, raising=False)
        yield World(home, instance)
