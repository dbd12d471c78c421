"""The demo on a tiny model: done once, gone on with after an interruption, never mixed with a person's own log."""

from __future__ import annotations

import dagster as dg
import pytest

from jobs import demo
from vibe_pipeline.errors import SettingsInvalid
from vibe_pipeline.interactions.logger import InteractionLogger


@pytest.fixture(scope="module", autouse=True)
def short():
    """Two generations of one small module each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "GROUPS", ("fnmatch", "shlex"))
        yield


def climb(world) -> list[str]:
    """Run the demo; the partitions of the runs it took, in order."""
    before = {run.run_id for run in world.instance.get_runs()}
    demo.climb(world.instance, world.ladder, "main", facts=4, mistakes=0)
    new = [run for run in world.instance.get_runs() if run.run_id not in before]
    return [run.tags["dagster/partition"] for run in reversed(new)]


def test_the_demo_climbs_through_the_jobs_and_a_second_one_finds_it_done(world, capsys):
    assert climb(world) == ["g000", "g000|main", "g001", "g001|main"]
    assert sorted(world.ladder.line("main").settled) == [0, 1]
    capsys.readouterr()
    assert climb(world) == []
    assert "All 2 generations were climbed before" in capsys.readouterr().err


def test_a_rung_settled_outside_dagster_is_shown_there_without_work(world):
    demo.climb(world.instance, world.ladder, "main", facts=4, mistakes=0)
    before = world.events()
    world.instance.wipe_assets([dg.AssetKey("champion")])
    assert climb(world) == ["g000|main", "g001|main"]
    assert world.events() == before


def test_a_persons_own_generation_is_left_alone(world, capsys):
    demo.climb(world.instance, world.ladder, "main", facts=4, mistakes=0)
    world.open()
    assert climb(world) == []
    demo.show(world.ladder, "main")
    assert "g002 and later are yours" in capsys.readouterr().out


def test_a_home_that_holds_other_interactions_is_refused(world, tmp_path, monkeypatch):
    monkeypatch.setenv("VIBE_HOME", str(tmp_path))
    InteractionLogger(tmp_path).log(module="mine", action="ask", input="Who?", output="Me.")
    with pytest.raises(SettingsInvalid, match=r"holds 1 interactions, some from logger"):
        demo.climb(world.instance, world.ladder, "main", facts=4, mistakes=0)


def test_an_unknown_lineage_is_one_line_that_names_the_known_ones(world, monkeypatch, capsys):
    monkeypatch.setenv("DAGSTER_HOME", str(world.home))
    monkeypatch.setattr("sys.argv", ["demo", "--replay", "7"])
    assert demo.main() == 1
    assert capsys.readouterr().err.startswith("demo: lineage 'replay-7' is not one of main, reckless.")


def test_an_error_inside_a_step_reaches_the_person_as_one_line(world, tmp_path, monkeypatch, capsys):
    (tmp_path / "vibe.toml").write_text('[gate]\nmin_items = 0\n[lineages.main]\nbase_model = "/nowhere"')
    for name, value in (("VIBE_HOME", tmp_path), ("VIBE_CONFIG", tmp_path / "vibe.toml"), ("DAGSTER_HOME", tmp_path)):
        monkeypatch.setenv(name, str(value))
    monkeypatch.setattr("sys.argv", ["demo", "--facts", "4", "--mistakes", "0"])
    assert demo.main() == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("demo: base model '/nowhere' cannot be loaded")


def test_an_interrupted_demo_says_so_in_one_line(world, monkeypatch, capsys):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setenv("DAGSTER_HOME", str(world.home))
    monkeypatch.setattr("sys.argv", ["demo"])
    monkeypatch.setattr(demo, "climb", interrupt)
    assert demo.main() == 130
    assert capsys.readouterr().err == "demo: interrupted. What has settled stays, run the same command to go on.\n"
