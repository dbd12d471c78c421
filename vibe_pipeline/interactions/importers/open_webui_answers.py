"""An answer of Open WebUI, taken apart: what was said, thought and called in it, and what tools gave back.

Before 0.10 thoughts and tools stand inside the text as <details> blocks; since then in the "output" beside it, as items
of the Responses API, and the words too where the text is empty. Not here: those items (payloads.py), who thought what
of the answer (open_webui.py).
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from vibe_pipeline.interactions.importers.fields import Row, rows_of, text_at
from vibe_pipeline.interactions.importers.messages import Message, call_of
from vibe_pipeline.interactions.importers.payloads import answered
from vibe_pipeline.interactions.lines import repaired

DETAILS = re.compile(r'<details\s+type="(reasoning|tool_calls|code_interpreter)"([^>]*)>(.*?)</details>', re.DOTALL)
ATTRIBUTE = re.compile(r'([\w-]+)="([^"]*)"')
SUMMARY = re.compile(r"<summary>.*?</summary>", re.DOTALL)
FENCE = re.compile(r"^```\w*\n|\n?```$")

CODE = "open_webui:code_interpreter"
"""An item of its own: the Responses API calls it otherwise."""


def parts_of(text: str, output: Any) -> list[Message]:
    """The parts of an answer in their order; where the text has words, its words count."""
    parts = list(_of_text(text))
    if any(part.calls or part.reasoning for part in parts):
        return parts
    told = [message for item in rows_of(output) for message in _of_item(item)]
    if parts:
        told = [message for message in told if message.role == "result" or message.calls or message.reasoning]
    return [*told, *parts]


def _of_item(item: Row) -> Iterator[Message]:
    if item.get("type") == CODE:
        code, output, identity = text_at(item, "code") or "", item.get("output"), text_at(item, "id")
        yield Message("assistant", calls=((identity, call_of("code_interpreter", code.strip())),))
        if output is not None:
            yield _result(output, identity)
        return
    for message in answered([item]):
        if message.role == "result":
            yield _result(_unpacked(message.text), message.call_id)
        else:
            yield replace(message, text=message.text.strip())


def _of_text(text: str) -> Iterator[Message]:
    position = 0
    for block in DETAILS.finditer(text):
        yield from _plain(text[position : block.start()])
        yield from _block(block[1], _attributes(block[2]), SUMMARY.sub("", block[3], count=1))
        position = block.end()
    yield from _plain(text[position:])


def _plain(text: str) -> Iterator[Message]:
    if text.strip():
        yield Message("assistant", text.strip())


def _block(kind: str, attributes: dict[str, str], body: str) -> Iterator[Message]:
    if kind == "reasoning":
        lines = html.unescape(body).strip().splitlines()
        yield Message("assistant", reasoning="\n".join(re.sub("^> ?", "", line) for line in lines))
        return
    if kind == "tool_calls":
        call = call_of(attributes.get("name"), _json(attributes.get("arguments", "")))
        result = attributes.get("result") or html.unescape(body).strip()
    else:
        call = call_of("code_interpreter", FENCE.sub("", html.unescape(body).strip()))
        result = attributes.get("output", "")
    identity = attributes.get("id")
    yield Message("assistant", calls=((identity, call),))
    if attributes.get("done") != "false":
        yield _result(_json(result), identity)


def _result(result: Any, identity: str | None) -> Message:
    """A tool's result; of code that ran {"stdout", "stderr", "result"}, and what it raised."""
    failed = isinstance(result, dict) and bool(result.get("error") or result.get("stderr"))
    text = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
    error_type = "tool_error" if failed else None
    return Message("result", text, call_id=identity, success=False if failed else None, error_type=error_type)


def _attributes(text: str) -> dict[str, str]:
    return {name: html.unescape(value) for name, value in ATTRIBUTE.findall(text)}


def _json(text: str) -> Any:
    """What an attribute holds: JSON, sometimes JSON in a JSON text."""
    value = _loaded(text)
    return _unpacked(value) if isinstance(value, str) else value


def _unpacked(text: str) -> Any:
    """A text, or the object or list that it is as JSON."""
    return _loaded(text) if text[:1] in ("{", "[") else text


def _loaded(text: str) -> Any:
    try:
        return repaired(json.loads(text))
    except (ValueError, RecursionError):
        return text
