"""Text that somebody logged, made fit for showing: a control character is seen, and not obeyed.

Not here: escaping for one place where it is shown, such as HTML (jinja2 does that) or rich's markup.
"""

from __future__ import annotations

import re

CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What a terminal or a browser obeys instead of showing it; line feeds and tabs are left."""


def printable(text: str) -> str:
    """The same text with every control character as its escape."""
    return CONTROL.sub(lambda found: ascii(found[0])[1:-1], text)
