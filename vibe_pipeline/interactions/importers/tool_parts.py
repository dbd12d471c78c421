"""What tells of tools in a message: the types of its parts, and calls that a model writes into its text.

The types differ by API and grow every month, but they end alike, so that they are told by their end. A hosted tool
(web search, code interpreter, MCP) ran where the model is: its one part is the call and what came of it.

Not here: messages (messages.py) and payloads (payloads.py), which both read such parts.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from contextlib import suppress
from typing import Any

from vibe_pipeline.interactions.lines import repaired

CALLS = ("_call", "tool-call", "tool_use")
RESULTS = ("_call_output", "_call_response", "_search_output", "tool_result", "tool-result", "tool_response")

NAMES = ("name", "toolName", "tool_name")
ARGUMENTS = ("arguments", "input", "args", "action", "operation")
OUTCOMES = ("output", "outputs", "results", "result", "error")
ABOUT = ("type", "id", "call_id", "status", "server_label", *NAMES, *OUTCOMES)

BESIDE = ("tool_calls", "toolCalls", "function_call")
NOTHING = ("", "null", "None", "nan", "NaN")
"""What programs make a text of where nothing was called."""

SEALED = "encrypted_content"

NEAR = 100
"""Characters from the beginning of a text within which it must speak of a function to be looked into."""

LONGEST = 1_000_000
"""Characters of a Python object that is read: its syntax tree takes a hundred times as much."""

WRITTEN_CALL = re.compile(r"<tool_call>\s*(.*?)\s*</tool_call>", re.DOTALL)
WRITTEN_RESULT = re.compile(r"<tool_response>\s*(.*?)\s*</tool_response>", re.DOTALL)


def is_call(kind: str) -> bool:
    """Whether a part of this type is the call of a tool."""
    return kind.endswith(CALLS)


def is_result(kind: str) -> bool:
    """Whether a part of this type is what a tool gave back."""
    return kind.endswith(RESULTS)


def called(part: dict[str, Any]) -> tuple[str | None, Any]:
    """(name, arguments) of a call; those of a hosted tool are all that its part says beside what came of it."""
    inner = next((part[key] for key in ("function", "custom") if isinstance(part.get(key), dict)), part)
    name = next((inner[key] for key in NAMES if isinstance(inner.get(key), str)), None)
    arguments = next((inner[key] for key in ARGUMENTS if inner.get(key) is not None), None)
    if name is None and isinstance(part.get("function"), str):
        name = part["function"]
    kind = part.get("type")
    if name is None and isinstance(kind, str) and kind.endswith("_call"):
        name = kind.removesuffix("_call")
        arguments = {key: it for key, it in part.items() if key not in ABOUT} if arguments is None else arguments
    return name, {} if arguments is None else arguments


def calls_beside(value: dict[str, Any]) -> list[dict[str, Any]]:
    """The calls that stand beside the content of a message, as a list or as its text."""
    holders = (it for it in (value, value.get("additional_kwargs")) if isinstance(it, dict))
    listed = (_objects(holder.get(key)) for holder in holders for key in BESIDE)
    return next((calls for calls in listed if calls), [])


def _objects(value: Any) -> list[dict[str, Any]]:
    """Those of a list, or the one; a text that cannot be read is the arguments of a call that has no name."""
    if isinstance(value, str) and value.strip() not in NOTHING:
        found = _value_in(value)
        value = {"arguments": value} if found is None else found
    return [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, dict) and item]


def outcome(part: dict[str, Any]) -> tuple[Any, bool | None] | None:
    """(what came back, whether it worked) of a hosted tool; None where the part is a call alone."""
    value = next((part[key] for key in OUTCOMES if part.get(key)), None)
    kind, status = str(part.get("type")), part.get("status")
    if value is None and not kind.startswith(("web_search", "file_search", "code_interpreter", "image_generation")):
        return None
    worked = False if part.get("error") else {"completed": True, "failed": False}.get(str(status))
    return ("[image]" if kind.startswith("image_generation") and value else value or ""), worked


def json_of(value: Any) -> str:
    """What a tool gave back as JSON, without what only its maker can read."""
    if isinstance(value, list):
        value = [
            {key: it for key, it in row.items() if key != SEALED} if isinstance(row, dict) else row for row in value
        ]
    return json.dumps(value, ensure_ascii=False)


def taken_out(text: str) -> tuple[str, list[dict[str, Any]]]:
    """(the rest, the calls) of a text that ends with calls as <tool_call>{…}</tool_call>, if all can be read."""
    written = WRITTEN_CALL.findall(text) if text.rstrip().endswith("</tool_call>") else []
    calls = [call for each in written if (call := object_in(each)) and isinstance(call.get("name"), str)]
    return (WRITTEN_CALL.sub("", text).strip(), calls) if calls and len(calls) == len(written) else (text, [])


def functions_in(text: Any) -> list[dict[str, Any]]:
    """The calls that a text is, as JSON of OpenAI's: some frameworks write them so."""
    found: Any = None
    if isinstance(text, str) and '"function"' in text[:NEAR]:
        with suppress(ValueError, RecursionError):
            found = repaired(json.loads(text))
    return found if isinstance(found, list) and all(map(_is_function, found)) else []


def is_definition(part: Any) -> bool:
    """Whether it says what a tool can do: LangChain tells it as a message of the tool."""
    return _is_function(part) and "parameters" in part["function"]


def _is_function(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") == "function" and isinstance(part.get("function"), dict)


def responses(text: str) -> list[str]:
    """What tools gave back, each in its <tool_response>; the text itself where it is not written so."""
    return (WRITTEN_RESULT.findall(text) if "<tool_response>" in text else []) or [text]


def object_in(text: str) -> dict[str, Any] | None:
    """The object that a text is: JSON, or what Python prints of one."""
    value = _value_in(text)
    return value if isinstance(value, dict) else None


def _value_in(text: str) -> Any:
    with suppress(ValueError, RecursionError):
        return repaired(json.loads(text))
    if not text.startswith(("{'", "[{'")) or len(text) > LONGEST:
        return None
    with suppress(ValueError, SyntaxError, RecursionError, MemoryError), warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # a backslash in what was no object after all
        value = ast.literal_eval(text)
        return repaired(value) if _is_plain(value) else None
    return None


def _is_plain(value: Any) -> bool:
    """Whether JSON can hold it: Python prints sets, bytes and other keys than texts, too."""
    if isinstance(value, dict):
        return all(isinstance(key, str) for key in value) and all(map(_is_plain, value.values()))
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, (str, int, float))
