"""Dagster hears of every cut and every lineage once."""

from __future__ import annotations

from jobs.partitions import main, register


def test_partitions_register_idempotently(world):
    assert register(world.instance, world.ladder) == 2
    world.open()
    world.open()
    assert register(world.instance, world.ladder) == 0
    assert world.instance.get_dynamic_partitions("generations") == ["g000", "g001"]
    assert world.instance.get_dynamic_partitions("lineages") == ["main", "reckless"]


def test_the_module_says_how_many_there_are_and_fails_in_one_line(world, monkeypatch, capsys):
    monkeypatch.setenv("DAGSTER_HOME", str(world.home))
    assert main() == 0
    assert capsys.readouterr().out == "2 generations, 2 lineages, 4 of them new to Dagster\n"
    monkeypatch.setenv("VIBE_CONFIG", "/nowhere.toml")
    assert main() == 1
    assert capsys.readouterr().err.startswith("partitions: VIBE_CONFIG names /nowhere.toml")


def test_a_home_that_dagster_meets_first_is_private_too(tmp_path, monkeypatch, world):
    home = tmp_path / "new" / "var"
    for name, value in (("VIBE_HOME", home), ("DAGSTER_HOME", world.home)):
        monkeypatch.setenv(name, str(value))
    assert main() == 0
    assert home.stat().st_mode & 0o777 == 0o700


def test_a_full_disk_is_one_line(small_disk, world, monkeypatch, capsys):
    for name, value in (("VIBE_HOME", small_disk / "var"), ("DAGSTER_HOME", world.home)):
        monkeypatch.setenv(name, str(value))
    assert main() == 1
    assert capsys.readouterr().err.startswith("partitions: Dagster's storage needs 64 MiB and 8 MiB are free")
