"""What a scorecard looks like in Dagster: figures that were measured, and no others."""

from dataclasses import replace

from assets.metadata import scored
from tests.engine.test_promote import GOOD, figure, part, standing
from vibe_pipeline.evaluate.figures import NOT_APPLICABLE

CARD = replace(GOOD, measured={"seconds": 1.0}, parts=())


def test_a_part_shows_intervals_and_no_figure_that_nobody_measured():
    """A share of no items is 1.0 for those who compare floors, and must not be read as an answer that is right."""
    known = {"exact": figure(0.9), "nll": figure(0.25)}
    one = replace(part(is_new=True), base={"exact": NOT_APPLICABLE, "nll": NOT_APPLICABLE}, parent=known, child=known)
    row = scored(replace(CARD, parts=(one,)))["parts"].value.splitlines()[-1]
    cells = [cell.strip() for cell in row.split("|")][5:]
    assert cells[:3] == ["–", "0.90 [0.80 1.00]", "0.90 [0.80 1.00]"]
    assert cells[3] == "–"


def test_a_suite_of_ones_own_hides_no_figure():
    told = scored(replace(CARD, standing=(standing("general"), standing("generalization"), standing("seconds"))))
    assert told["generalization"] == GOOD.generalization.value
    assert (told["general"], told["suite_generalization"], told["seconds"]) == (0.6, 0.6, 1.0)
