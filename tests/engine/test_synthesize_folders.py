"""Folders of scripts, namespace folders, and files whose names nobody can import: what is read, run and told."""

from __future__ import annotations

import pytest

from tests.engine.counting import only
from vibe_pipeline.errors import SourceUnreadable
from vibe_pipeline.interactions.synthesize import synthesize
from vibe_pipeline.interactions.synthesize.packages import find, public_names

CODE = '''
def {name}(items: list[int], factor=2):
    """Add up the {name} items after multiplying each.

    >>> {name}([1, 2])
    6
    """
    return sum(item * factor for item in items)
'''


@pytest.fixture
def write(tmp_path):
    def _write(path: str, name: str, more: str = ""):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(CODE.format(name=name) + more, encoding="utf-8")

    return _write


def names(path) -> set[str]:
    return {it.name for it in public_names(find(str(path)))}


def test_folders_without_an_init_file_are_namespaces_as_python_reads_them(write, tmp_path):
    write("plain.py", "plain")
    write("lib/inner.py", "inner")
    write("lib/deeper/far.py", "far")
    write("pkg/__init__.py", "top")
    write("pkg/ns/member.py", "member")
    assert names(tmp_path) == {
        "plain.plain",
        "lib.inner.inner",
        "lib.deeper.far.far",
        "pkg.top",
        "pkg.ns.member.member",
    }
    run = only(tmp_path, examples=9).interactions  # the sandbox shows no folder in which data may lie
    assert {row.extra["example"] for row in run} == {"plain.plain", "pkg.top", "pkg.ns.member.member"}


def test_a_local_folder_is_not_answered_by_an_installed_package_of_its_name(write, tmp_path):
    write("griffe/mine.py", "mine")
    assert names(tmp_path) == {"griffe.mine.mine"}


def test_a_local_file_is_not_taken_for_a_module_of_the_standard_library(write, tmp_path):
    write("calendar.py", "dates")
    assert names(tmp_path) == names(tmp_path / "calendar.py") == {"calendar.dates"}


@pytest.mark.parametrize("source", ["src/run_me.py", "run_me.py"])
def test_a_project_is_read_from_src_if_its_source_lies_there(write, tmp_path, source):
    write(source, "total")
    (tmp_path / "src").mkdir(exist_ok=True)
    (tmp_path / "src" / "main.c").touch()
    assert names(tmp_path) == {"run_me.total"}


def test_what_cannot_be_imported_is_read_but_nothing_imports_it(write, tmp_path, caplog):
    write("my-script.py", "dash")
    write("01_intro.py", "intro")
    write("lib/class.py", "keyword")
    write("pkg/__init__.py", "top")
    write("pkg/core-v2.py", "core")
    assert names(tmp_path) == {
        "my-script.dash",
        "01_intro.intro",
        "lib.class.keyword",
        "pkg.top",
        "pkg.core-v2.core",
    }
    (told,) = caplog.messages
    assert "4 files" in told
    assert "my-script.py" in told
    made = synthesize([str(tmp_path)], mistakes=5, examples=9, signatures=99)
    ran = [row for row in made.interactions if "example" in row.extra or "mistake" in row.extra]
    assert {row.extra["example"] for row in ran if "example" in row.extra} == {"pkg.top"}
    assert not [row for row in ran if "core" in row.input or "dash" in row.input]
    answers = {row.extra["fact"]: row.output for row in made.interactions if "fact" in row.extra}
    assert answers["my-script.dash"] == "Add up the dash items after multiplying each."
    assert answers["signature of my-script.dash"] == "dash(items, factor=2)"
    assert answers["signature of pkg.top"] == "pkg.top(items, factor=2)"


def test_a_file_that_no_name_can_be_made_of_is_left_out_with_a_word(write, tmp_path, caplog):
    write("plain.py", "plain")
    write("a copy (2).py", "copied")
    write("v1.2/old.py", "old")
    write("tests/test-it.py", "tested")
    assert names(tmp_path) == {"plain.plain"}
    (told,) = caplog.messages
    assert "2 files" in told
    assert "a copy (2).py" in told


def test_environments_and_what_was_built_are_nobodys_source(write, tmp_path, caplog):
    write("plain.py", "plain")
    write("env/Lib/other.py", "other")
    (tmp_path / "env" / "pyvenv.cfg").touch()
    for place in ("node_modules/gyp", "build/lib", ".hidden", "lib/__pycache__", "env2/site-packages"):
        write(f"{place}/my-other.py", "other")
    assert names(tmp_path) == {"plain.plain"}
    assert caplog.messages == []


def test_a_namespace_with_a_broken_file_says_so_and_gives_the_rest(write, tmp_path, caplog):
    write("lib/inner.py", "inner")
    write("lib/torn.py", "torn", "def broken(:\n")
    assert names(tmp_path) == {"lib.inner.inner"}
    assert "lib/torn.py, line" in caplog.text


def test_a_folder_that_holds_no_python_is_refused(tmp_path):
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "data.csv").touch()
    with pytest.raises(SourceUnreadable, match="holds no Python module"):
        find(str(tmp_path))


@pytest.mark.parametrize("named", ["pkg/sub/deep.py", "pkg/sub", "pkg/sub/__init__.py"])
def test_a_part_of_a_package_has_the_name_that_it_is_imported_by(write, tmp_path, named):
    write("pkg/__init__.py", "top")
    write("pkg/sub/__init__.py", "sub")
    write("pkg/sub/deep.py", "deep", "from .. import top\n")
    assert names(tmp_path / named) == {"pkg.sub.deep.deep", *({"pkg.sub.sub"} if "deep" not in named else ())}
    (tmp_path / "pkg" / "sub" / "deep.py").unlink()
    assert only(tmp_path / "pkg" / "sub", examples=1).interactions


@pytest.mark.parametrize(("named", "readme"), [("scripts", "README.md"), ("src/lib", "src/README.md")])
def test_a_readme_of_another_folder_is_not_taken(write, tmp_path, named, readme):
    write(f"{named}/plain.py", "plain")
    (tmp_path / readme).write_text("# Something else\n\n" + "What lies here is nothing of that folder. " * 9)
    assert only(tmp_path / named, documents=9).interactions == ()


def test_a_script_that_cannot_be_imported_costs_its_own_mistakes_alone(write, tmp_path, caplog):
    write("good.py", "good")
    write("needy.py", "needy", "import no_such_thing_here\n")
    write("ends.py", "ends", "raise SystemExit(2)\n")
    made = synthesize([str(tmp_path)], facts=0, mistakes=9)
    assert {row.module for row in made.interactions} == {tmp_path.name}
    assert all("good" in row.input for row in made.interactions)
    (told,) = caplog.messages
    assert "ends, needy" in told
