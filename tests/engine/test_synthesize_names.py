"""Names that a module surely has, wherever it takes them from: of no other is anything told."""

from __future__ import annotations

import pytest

from vibe_pipeline.interactions.synthesize.functions.standalone import standalone
from vibe_pipeline.interactions.synthesize.packages import find, public_names

FUNCTION = (
    'def {name}(text, strict=True):\n    """Escape what a page would read as markup."""\n    return text + "{name}"\n'
)


def function(name: str, indent: str = "") -> str:
    return "".join(f"{indent}{line}\n" for line in FUNCTION.format(name=name).splitlines())


MODULE = f"""
import sys
from typing import TYPE_CHECKING

{function("plain")}
{function("gone")}
{function("shown")}
del gone

if sys.platform == "win32":
{function("windows", "    ")}
try:
    import fast
except ImportError:
{function("slow", "    ")}
try:
{function("needed", "    ")}
except OSError as error:
    raise ImportError from error

if TYPE_CHECKING:
{function("typed", "    ")}
if __name__ == "__main__":
    from page import shown
{function("demo", "    ")}

class Box:
{function("kept", "    ")}
    if TYPE_CHECKING:
{function("hidden", "        ")}
"""


def names(path, *more) -> set[str]:
    return {it.name for it in public_names(find(".".join([str(path), *more])))}


def test_what_stands_in_a_block_that_may_not_run_is_no_name(tmp_path):
    (tmp_path / "page.py").write_text(MODULE, encoding="utf-8")
    assert names(tmp_path / "page.py") == {
        "page.plain",
        "page.shown",
        "page.needed",
        "page.Box",
        "page.Box.kept",
    }


@pytest.fixture
def package(tmp_path):
    folder = tmp_path / "page"
    folder.mkdir()
    (folder / "slow.py").write_text(function("escape") + function("other"), encoding="utf-8")
    (folder / "speed.py").write_text("from _page import escape\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("opening", "escape"),
    [
        ("from .slow import escape", "page.escape"),
        ("try:\n    from .speed import escape\nexcept ImportError:\n    from .slow import escape", "page.slow.escape"),
        (
            "from .slow import escape\ntry:\n    from .speed import escape\nexcept ImportError:\n    pass",
            "page.slow.escape",
        ),
        ("try:\n    from .slow import *\nexcept ImportError:\n    pass", "page.slow.escape"),
        ("from .slow import *", "page.escape"),
        (
            "__all__ = ['escape']\nif TYPE_CHECKING:\n    from .slow import escape\ndef __getattr__(name): ...",
            "page.escape",
        ),
    ],
)
def test_what_may_be_another_thing_where_it_is_imported_has_its_own_name_alone(package, opening, escape):
    (package / "__init__.py").write_text(f"{opening}\n", encoding="utf-8")
    found = find(str(package))
    assert escape in {it.name for it in public_names(found)}
    assert {it.written for it in standalone([found], 0)} == {
        escape,
        "page.other" if "*" in opening and "try" not in opening else "page.slow.other",
    }


def test_a_name_that_came_through_another_module_is_as_sure_as_it_was_there(package):
    (package / "way.py").write_text(
        "try:\n    from .slow import escape\nexcept ImportError:\n    pass\n", encoding="utf-8"
    )
    (package / "__init__.py").write_text("from .way import escape\n", encoding="utf-8")
    assert "page.escape" not in {it.name for it in public_names(find(str(package)))}


@pytest.mark.parametrize("name", ["os.fork", "subprocess.Popen", "shutil.chown"])
def test_python_itself_is_asked_what_the_standard_library_has_here(name):
    assert name in {it.name for it in public_names(find(name.partition(".")[0]))}


def test_tests_of_a_package_are_read_only_where_they_are_asked_for(package, caplog):
    (package / "__init__.py").touch()
    (package / "tests").mkdir()
    (package / "tests" / "__init__.py").write_text(function("check"), encoding="utf-8")
    (package / "tests" / "torn.py").write_text("def torn(:\n", encoding="utf-8")
    assert names(package) == {"page.slow.escape", "page.slow.other"}
    assert caplog.messages == []
    assert names(package / "tests") == {"page.tests.check"}
