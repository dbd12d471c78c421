"""A small package on disk, and what is synthesised from it alone: not a test itself."""

from __future__ import annotations

from pathlib import Path

from vibe_pipeline.interactions.synthesize import synthesize

SOURCE = '''
"""Counting of things.

Counting is the first thing that people do with numbers, and the last thing that they forget. This module counts.

Usage
=====

Give :func:`count` what you have, and it tells how much of it there is; nothing else is done here, and nothing printed.
"""

class Counter:
    """A thing that counts and remembers what it has counted before, for as long as it lives; it forgets nothing at all,
    and tells all of it to whoever asks.
    """

    def add(self, thing, /, times=1, *, quietly=False):
        """Count a thing, or several of them."""

def count(things, *more, start=0, **named):
    """Count all things that are given.

    >>> count([1, 2])
    2
    """
    return start + len(things) + len(more)

def opaque(a=object()):
    """Do what nobody can see."""
'''


def write_package(folder: Path) -> Path:
    """The package `counting` below src, beside a README."""
    (folder / "src" / "counting").mkdir(parents=True)
    (folder / "src" / "counting" / "__init__.py").write_text(SOURCE, encoding="utf-8")
    readme = "# Counting\n\nHow to count, for those who never did.\n\n## Install\n\n" + "Nothing is needed at all. " * 8
    (folder / "README.md").write_text(readme, encoding="utf-8")
    return folder / "src" / "counting"


def only(package, **amounts):
    return synthesize([str(package)], **{"facts": 0, "mistakes": 0, **amounts})
