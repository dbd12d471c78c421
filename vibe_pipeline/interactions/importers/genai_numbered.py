"""Messages that a span tells in numbered attributes, one for each thing that a message says.

OpenLLMetry writes gen_ai.prompt.0.content and gen_ai.completion.0.tool_calls.0.name, OpenInference
llm.input_messages.0.message.content; some write OpenInference's as lists and objects.

Not here: the other ways to tell a message, and what the messages mean together (genai_messages.py).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from vibe_pipeline.interactions.importers.fields import text_at
from vibe_pipeline.interactions.importers.payloads import parts_in

NESTED = ("llm", "openinference", "input", "output", "session", "user", "tool")
LISTED = ("llm.input_messages", "llm.output_messages")
"""OpenInference's attributes that are written as objects and as lists too."""

NUMBERED = {
    "asked": re.compile(r"^(?:gen_ai\.prompt|llm\.prompts|llm\.input_messages)\.(\d+)\.(.+)$"),
    "answered": re.compile(r"^(?:gen_ai\.completion|llm\.completions|llm\.output_messages)\.(\d+)\.(.+)$"),
}

Attributes = dict[str, Any]


def flat(attributes: Attributes) -> Attributes:
    """The attributes with those that are objects or lists of messages under the names that stand for their parts."""
    if not any(isinstance(attributes.get(key), (dict, list)) for key in (*NESTED, *LISTED)):
        return attributes
    return dict(_flattened(attributes, ""))


def _flattened(value: Attributes, within: str) -> Iterator[tuple[str, Any]]:
    for key, inner in value.items():
        name = f"{within}{key}"
        if isinstance(inner, dict) and (within or key in NESTED):
            yield from _flattened(inner, f"{name}.")
        elif isinstance(inner, list) and name.startswith(LISTED) and all(isinstance(item, dict) for item in inner):
            for number, item in enumerate(inner):
                yield from _flattened(item, f"{name}.{number}.")
        else:
            yield name, inner


def numbered(attributes: Attributes, side: str) -> list[Attributes]:
    """gen_ai.prompt.0.role, gen_ai.prompt.0.content, …, gen_ai.prompt.2.tool_calls.0.name as messages."""
    found: dict[int, Attributes] = defaultdict(dict)
    for key, value in attributes.items():
        if match := NUMBERED[side].match(key):
            found[int(match[1][:9])][match[2].removeprefix("message.")] = value
    return [_message(found[number], side) for number in sorted(found)]


def _message(flat: Attributes, side: str) -> Attributes:
    calls: dict[str, Attributes] = defaultdict(dict)
    contents: dict[str, Attributes] = defaultdict(dict)
    for key, value in flat.items():
        if match := re.match(r"^(?:tool_calls|message\.tool_calls)\.(\d+)\.(.+)$", key):
            calls[match[1]][match[2].removeprefix("tool_call.").removeprefix("function.")] = value
        elif match := re.match(r"^contents\.(\d+)\.message_content\.(type|text)$", key):
            contents[match[1]][match[2]] = value
    content = parts_in(flat.get("content"))
    called: Attributes = (
        {"tool_calls": [{"id": call.get("id"), "function": call} for call in calls.values()]} if calls else {}
    )
    if name := text_at(flat, "function_call_name"):
        called["function_call"] = {"name": name, "arguments": flat.get("function_call_arguments_json")}
    if flat.get("role") == "thinking":  # Anthropic's thoughts, as OpenLLMetry tells them
        return {"role": "assistant", "content": [], "reasoning": content}
    kept: Attributes = {key: flat[key] for key in ("tool_call_id", "reasoning", "finish_reason") if key in flat}
    return {
        "role": flat.get("role") or ("assistant" if side == "answered" else "user"),
        "content": content if content is not None else list(contents.values()),
        **kept,
        **called,
    }
