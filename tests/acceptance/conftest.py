"""What all acceptance tests need."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _written_long_ago(left_alone: None) -> None:
    """The real files are as whole as they will ever be, but may have been copied here a moment ago."""
