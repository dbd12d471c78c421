"""Files of a package that are not as they seem: pipes, links that lead back, other encodings."""

from __future__ import annotations

import os
import sys

import pytest

from vibe_pipeline.errors import SourceUnreadable
from vibe_pipeline.interactions.synthesize.functions.standalone import standalone
from vibe_pipeline.interactions.synthesize.packages import find, public_names

ADDS = '"""Sums."""\n\ndef {}(a, b):\n    """Add two whole numbers, {}."""\n'


@pytest.fixture
def odd(tmp_path):
    """A package with a plain module; the tests put odd ones beside it."""
    (tmp_path / "odd" / "sub").mkdir(parents=True)
    for name in ("__init__", "sub/__init__"):
        (tmp_path / "odd" / f"{name}.py").touch()
    (tmp_path / "odd" / "sub" / "plain.py").write_text(ADDS.format("add", "plainly"))
    return tmp_path / "odd"


def names_of(package):
    return [public.name for public in public_names(find(str(package)))]


linked = pytest.mark.skipif(sys.platform == "win32", reason="no pipes, and links need a right")


@linked
def test_what_is_named_like_a_module_and_is_no_file_is_not_opened(odd, tmp_path):
    os.mkfifo(odd / "pipe.py")
    (odd / "gone.py").symlink_to(odd / "nowhere.py")
    assert names_of(odd) == ["odd.sub.plain.add"]
    os.mkfifo(tmp_path / "pipe.py")
    assert names_of(tmp_path) == ["odd.sub.plain.add"]
    with pytest.raises(SourceUnreadable, match="neither a file nor a folder"):
        find(str(tmp_path / "pipe.py"))


@linked
def test_a_folder_is_gone_through_once_whatever_links_lead_back_to_it(odd, tmp_path):
    for number, target in enumerate(("..", ".", "../sub", "../..")):
        (odd / "sub" / f"loop{number}").symlink_to(target, target_is_directory=True)
    assert names_of(odd) == ["odd.sub.plain.add"]


@linked
def test_a_link_to_another_place_is_followed(odd, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "__init__.py").write_text(ADDS.format("sum", "elsewhere"))
    (elsewhere / "back").symlink_to(odd, target_is_directory=True)
    (odd / "linked").symlink_to(elsewhere, target_is_directory=True)
    assert names_of(odd) == ["odd.linked.sum", "odd.sub.plain.add"]


def test_a_module_is_read_in_the_encoding_that_it_declares(odd, caplog):
    text = "# -*- coding: latin-1 -*-\n" + ADDS.format("summe", "größer als null")
    (odd / "old.py").write_bytes(text.encode("latin-1"))
    for package in (odd, odd / "old.py"):
        (told,) = (it for it in public_names(find(str(package))) if it.object.name == "summe")
        assert told.object.docstring.value == "Add two whole numbers, größer als null."
        (cut_out,) = (it for it in standalone([find(str(package))], 0) if it.name == "summe")
        assert "größer als null" in cut_out.code
    assert caplog.records == []


@pytest.mark.parametrize("first", [b"# coding: no-such-thing\n", b"", b"# coding: utf-16\n", b"# coding: latin-1\n\0"])
def test_a_module_that_cannot_be_decoded_is_skipped_with_a_word(odd, caplog, first):
    (odd / "old.py").write_bytes(first + ADDS.format("summe", "größer").encode("latin-1"))
    assert names_of(odd) == ["odd.sub.plain.add"]
    assert "odd/old.py" in caplog.text
    with pytest.raises(SourceUnreadable, match="old cannot be read"):
        find(str(odd / "old.py"))
