"""What curation does with an index or with examples that are not what was written, and with what a kill left."""

import contextlib
import random
import shutil
import string
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.curating import ALSO, HELD, LEARNED, World, event, on_side
from tests.engine.planted_examples import Prose, text
from vibe_pipeline import store
from vibe_pipeline.curate.candidates import Candidates
from vibe_pipeline.curate.columns import Columns
from vibe_pipeline.curate.dedup import pages
from vibe_pipeline.curate.dedup.index import Entries
from vibe_pipeline.curate.output import Output
from vibe_pipeline.errors import DiskFull, LedgerDamaged
from vibe_pipeline.fingerprint import is_held_out
from vibe_pipeline.settings import Curate

prose = Prose(__name__)


DIE = """
import os, sys
from tests.engine.curating import World
from vibe_pipeline import store
from pathlib import Path
world = World(Path(sys.argv[1]))
store.sha_of_file = lambda path: os._exit(9)
world.ladder.examples(int(sys.argv[2]))
"""


def test_an_index_with_another_page_is_made_again_and_the_generation_is_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "AT_ONCE", pages.PAGE)
    told = [event(f"q {n} of all", f"the answer is {n}", conversation=f"c{n}") for n in range(300)]
    world = World(tmp_path / "whole")
    for events in (told, [event("q", "a")], [event("r", "b")]):
        world.log(*events)
        world.cut()
    shutil.copytree(tmp_path / "whole", tmp_path / "damaged")
    (run,) = (tmp_path / "damaged/index").glob("examples*/000000-000002")
    with (run / "keys.npy").open("r+b") as file:
        size = file.seek(0, 2) - file.seek(pages.PAGE)
        file.write(bytes(size))
    made = []
    for home in ("whole", "damaged"):
        world = World(tmp_path / home)
        world.log(*(event(f"q {n} of all", f"the answer is {n}", conversation=f"d{n}") for n in range(300)))
        made.append(world.cut().made)
    assert made[0].dropped == made[1].dropped
    assert made[0].sha == made[1].sha


def test_a_generation_that_is_made_anew_is_not_known_as_it_was(tmp_path):
    answer, then = text(prose(40)), on_side("n")
    salt = next(it for it in map(str, range(99)) if is_held_out(LEARNED, it, 0.2) and not is_held_out(then, it, 0.2))
    world = World(tmp_path)
    world.log(event(text(prose(12)), answer))
    first = world.cut().made
    world.log(event(text(prose(12)), text(prose(20)), conversation=ALSO))
    world.cut()
    (record,) = (it for it in tmp_path.glob("results/examples/*.json") if first.sha in it.read_text())
    record.unlink()
    world = World(tmp_path, Curate(salt=salt))
    assert world.generations()[0].sha != first.sha
    world.log(event(text(prose(12)), f"{answer} indeed", conversation=then))
    assert world.cut().dropped == {"training row nearly equals a suite item": 1}


@pytest.mark.parametrize("content", ["half", "other"])
def test_examples_that_are_not_what_was_written_are_not_known(world, content):
    made = []
    for name in (LEARNED, HELD):
        world.log(event(f"q {name}", "a", conversation=name))
        made.append(world.ladder.store.path(f"examples/{world.cut().made.sha}.parquet"))
    made[0].write_bytes(made[0].read_bytes()[:2000] if content == "half" else made[1].read_bytes())
    world.ladder.store.remove("index")
    world.log(event("r", "b", conversation=ALSO))
    with pytest.raises(LedgerDamaged, match=f"examples/{made[0].name} is not what was written. Restore it"):
        world.cut()


def test_what_a_killed_curation_left_goes_with_the_next(tmp_path):
    world = World(tmp_path)
    world.log(event("q", "a"))
    cut = world.ladder.log.open_generation(force=True)
    died = subprocess.run([sys.executable, "-c", DIE, str(tmp_path), "0"], cwd=Path(__file__).parents[2], check=False)
    assert died.returncode == 9
    assert len(list(tmp_path.glob("examples/.*"))) == 2
    world.ladder.examples(cut.generation)
    assert not [it for it in tmp_path.rglob(".*") if "log" not in it.parts]


@pytest.mark.parametrize(
    ("holder", "method"),
    [(Candidates, "of_probes"), (Candidates, "of_events"), (Columns, "append"), (Output, "tables"), (Entries, "rest")],
)
def test_a_disk_that_is_full_in_the_middle_is_said_and_the_next_try_makes_it(small_disk, monkeypatch, holder, method):
    monkeypatch.setattr(store, "RESERVE_BYTES", 0)
    world = World(small_disk / "var")
    world.log(*(event(f"q{n}", random_words(n), conversation=f"c{n}") for n in range(200)))
    cut, called = world.ladder.log.open_generation(force=True), getattr(holder, method)

    def filled(*given, **named):
        with (small_disk / "balloon").open("wb", buffering=0) as balloon, contextlib.suppress(OSError):
            while balloon.write(b"x" * 4096):
                pass
        return called(*given, **named)

    with monkeypatch.context() as patched:
        patched.setattr(holder, method, filled)
        with pytest.raises(DiskFull, match=r"the disk is full: .* could not be written"):
            world.ladder.examples(cut.generation)
    (small_disk / "balloon").unlink()
    assert world.ladder.examples(cut.generation).rows == 200


def random_words(seed: int) -> str:
    chooser = random.Random(seed)
    return " ".join("".join(chooser.choices(string.ascii_lowercase, k=7)) for _ in range(200))
