"""Pages for people: a template and values → HTML or SVG that stands alone.

A page asks for nothing: no script, nothing from the network (the policy of frame.html forbids both), light and dark by
the reader's system. Whatever people wrote is escaped, control characters are shown. Not here: what a page says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from vibe_pipeline.printable import printable

FOLDER = "reports"
"""Where pages lie in a home."""


def rendered(template: Path, filters: Mapping[str, Callable[..., Any]] = MappingProxyType({}), **values: Any) -> str:
    """A template with its values; one that extends frame.html is a whole page. A name without a value is an error."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader([template.parent, Path(__file__).parent]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: printable(value) if type(value) is str else value,
    )
    environment.filters |= filters
    return environment.get_template(template.name).render(**values)
