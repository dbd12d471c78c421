"""Three generations of a real model, climbed through the Dagster jobs; run as `python -m jobs.demo`.

Python's standard library is the teacher: each generation is questions and answers from the docstrings of some
modules, and errors with their fixes. Everything is done once: an interrupted demo goes on where it stopped, a
finished one says so. Not here: a way around the jobs. What you see in Dagster afterwards is what ran here.
"""

import argparse
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import dagster as dg
import polars as pl
from rich.console import Console

from assets.partitions import rung_key
from assets.resources import LadderResource
from jobs.instance import persistent, run
from jobs.lost_runs import end_lost_runs
from jobs.partitions import register
from vibe_pipeline import progress, telling
from vibe_pipeline.errors import SettingsInvalid, VibeError
from vibe_pipeline.interactions import segments
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.interactions.synthesize import synthesize
from vibe_pipeline.ladder import Ladder
from vibe_pipeline.records import generation_name

GROUPS = (
    "os shutil glob fnmatch tempfile filecmp fileinput linecache pathlib",
    "re string textwrap difflib html json csv unicodedata shlex pprint reprlib locale codecs",
    "socket ssl urllib ipaddress http socketserver select selectors smtplib ftplib",
)
"""Modules of the standard library, a group a generation: files, text, networks."""

WORDINGS = 3
"""Held out of each fact: so many questions are one observation, and yet tell more than one."""

SOURCE = "demo"
"""Names what the demo logged, so that it never mixes with interactions of your own."""

ASK = """
SELECT DISTINCT prompt FROM items JOIN examples ON item_id = example_id
WHERE model_sha = ? AND exact AND split = 'test' ORDER BY prompt LIMIT 2
"""


class DemoLadder(LadderResource):
    """A Ladder that shows its progress to whoever started the demo, and to the run's log."""

    def watch(self, log: dg.DagsterLogManager) -> progress.Watch:
        """Both at once."""
        return partial(_both, super().watch(log), progress.terminal)


def main() -> int:
    """Climb what is not climbed, show the ladder."""
    options = _options()
    lineage = "main" if options.replay is None else f"replay-{options.replay}"
    try:
        ladder = Ladder(watch=progress.terminal)
        with persistent() as instance, ladder.store.lock("demo", wait_s=1):
            end_lost_runs(instance, ladder.store)
            climb(instance, ladder, lineage, options.facts, options.mistakes)
        show(ladder, lineage)
    except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError):
        _say("demo: interrupted. What has settled stays, run the same command to go on.")
        return 130
    except (VibeError, dg.Failure) as error:
        _say(f"demo: {error.description if isinstance(error, dg.Failure) else error}")
        return 1
    return 0


def climb(instance: dg.DagsterInstance, ladder: Ladder, lineage: str, facts: int, mistakes: int) -> None:
    """Open the demo's generations and climb their rungs, as far as that is not done yet."""
    ladder.settings.lineage(lineage)
    _require_own_home(ladder)
    work = 0
    for generation, modules in enumerate(GROUPS):
        if generation >= len(ladder.log.cuts()):
            _open(ladder, modules.split(), facts, mistakes)
        register(instance, ladder)
        work += _run_once(instance, "open_generation", "examples", generation_name(generation))
        is_pending = generation in ladder.pending(lineage)
        work += _run_once(instance, "climb_rung", "champion", rung_key(lineage, generation), again=is_pending)
        _say(telling.settled(ladder.line(lineage).settled[generation]))
    if not work:
        _say(f"All {len(GROUPS)} generations were climbed before: nothing was done.")
    if stale := ladder.outdated(lineage):
        _say(telling.outdated(lineage, stale))


def show(ladder: Ladder, lineage: str) -> None:
    """The ladder, why a rung was not promoted, and what to try next."""
    console, records = Console(), ladder.records()
    for table in telling.tables(records, console.width):
        console.print(table)
    for words in telling.notes(records):
        console.print(words, markup=False, soft_wrap=True)
    if len(ladder.log.cuts()) > len(GROUPS):
        console.print(f"{generation_name(len(GROUPS))} and later are yours: the demo leaves them alone.", markup=False)
    name = "" if lineage == next(iter(ladder.settings.lineages)) else f"--lineage {lineage} "
    for question in _questions(ladder, lineage):
        console.print(f"Ask it:     .venv/bin/vibe chat {name}{shlex.quote(question)}", markup=False, soft_wrap=True)
    console.print("See it all: make ui", markup=False)


def _open(ladder: Ladder, modules: Sequence[str], facts: int, mistakes: int) -> None:
    """Log what a group of modules teaches and close the generation's window. Logging it twice adds nothing."""
    _say(f"{generation_name(len(ladder.log.cuts()))}: reading {' '.join(modules)}")
    made = synthesize(modules, facts=facts, wordings=WORDINGS, mistakes=mistakes)
    InteractionLogger(ladder.store.root).log_many(
        [replace(interaction, source=SOURCE) for interaction in made.interactions],
        [replace(probe, source=SOURCE) for probe in made.probes],
    )
    cut = ladder.log.open_generation()
    _say(f"{generation_name(cut.generation)}: opened with {cut.interactions} interactions and {cut.probes} probes")


def _run_once(instance: dg.DagsterInstance, job: str, asset: str, key: str, *, again: bool = False) -> bool:
    """Run a job for a partition unless Dagster has seen its last asset made; returns whether it ran."""
    if not again and key in instance.get_materialized_partitions(dg.AssetKey(asset)):
        return False
    run(instance, job, key, SOURCE, {"ladder": DemoLadder()})
    return True


def _require_own_home(ladder: Ladder) -> None:
    """The demo's generations hold the demo's interactions only; SettingsInvalid where there are others."""
    ladder.log.seal()
    cuts, sealed = ladder.log.cuts(), segments.manifest(ladder.store, "interactions")
    if len(cuts) >= len(GROUPS):
        sealed = [segment for segment in sealed if segment.sequence <= cuts[len(GROUPS) - 1].interactions_position]
    files = segments.paths(ladder.store, "interactions", [segment.sha for segment in sealed])
    columns = [pl.read_parquet(file, columns=["source"], glob=False)["source"] for file in files]
    if others := sorted(set().union(*columns) - {SOURCE}):
        raise SettingsInvalid(
            f"{ladder.store.root} holds {sum(segment.rows for segment in sealed)} interactions, some from "
            f"{', '.join(others)}, in {len(cuts)} generations: the demo would mix with them",
            "Run it with VIBE_HOME set to another, empty folder",
        )


def _questions(ladder: Ladder, lineage: str) -> list[str]:
    """Held-out questions that the champion answers exactly."""
    champion = ladder.champion(lineage)
    if champion is None:
        return []
    with ladder.connect() as database:
        return [prompt for (prompt,) in database.execute(ASK, [champion.facts["child_sha"]]).fetchall()]


@contextmanager
def _both(first: progress.Watch, second: progress.Watch, title: str) -> Iterator[progress.Advance]:
    with first(title) as one, second(title) as other:

        def advance(done: int, total: int, words: str = "") -> None:
            one(done, total, words)
            other(done, total, words)

        yield advance


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m jobs.demo", description="Climb three generations through Dagster.")
    parser.add_argument("--replay", type=int, metavar="N", help="climb the lineage replay-N instead of main")
    parser.add_argument("--facts", type=int, default=60, help="facts a generation (default: %(default)s)")
    parser.add_argument("--mistakes", type=int, default=10, help="mistakes a generation (default: %(default)s)")
    return parser.parse_args()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
