"""What the output of a tool's call says in a Codex rollout: the text, and what Codex wrote around it.

Not here: what only the events tell of a call (codex_events.py).
"""

from __future__ import annotations

import json
import re

from vibe_pipeline.interactions.importers.fields import Row, number_at
from vibe_pipeline.interactions.importers.messages import Message, message_of

HEADER = re.compile(
    r"(?:(?:Exit code:|Chunk ID:|Wall time:?|Process (?:exited|running)|Original token count:|Total output lines:)"
    r"[^\n]*\n)+Output:\n?"
)
EXIT_CODE = re.compile(r"^(?:Exit code: |Process exited with code )(-?\d+)", re.MULTILINE)
SECONDS = re.compile(r"^Wall time:? ([\d.]+) seconds", re.MULTILINE)
FAILURES = {
    "rejected": re.compile(r"exec command rejected by user|patch rejected by user|rejected by user"),
    "interrupted": re.compile(r"aborted(?: by user)?"),
    "tool_error": re.compile(
        r"unsupported call|failed to parse function arguments|execution error|exec_command failed|failed in sandbox"
        r"|apply_patch verification failed|sandbox error|tool call error|Script failed"
    ),
}


def result_of(item: Row, call_id: str | None) -> Message:
    """The result of a call, with what its own text says of how it ended."""
    output = item.get("output", item.get("tools"))
    succeeded = output.get("success") if isinstance(output, dict) else None
    if isinstance(output, dict):
        output = output.get("content", output.get("output"))
    text = output if isinstance(output, str) else message_of({"role": "tool", "content": output}).text
    text, code, seconds = _unwrapped(text)
    failure = next((name for name, pattern in FAILURES.items() if pattern.match(text)), None)
    succeeded = code == 0 if code is not None else False if failure else succeeded
    return Message(
        role="result",
        text=text,
        call_id=call_id,
        success=succeeded if isinstance(succeeded, bool) else None,
        error_type=(exit_code(code) or failure or "tool_error") if succeeded is False else None,
        latency_ms=seconds * 1000 if seconds is not None else None,
    )


def exit_code(code: float | None) -> str | None:
    """The code of a command as the type of its error."""
    return None if code is None else f"exit code {code:g}"


def _unwrapped(text: str) -> tuple[str, int | None, float | None]:
    """(output, exit code, seconds) of what the shell tool wrote around it: JSON once, a few lines of text today."""
    if text.startswith("{"):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return text, None, None
        meta = value.get("metadata")
        if isinstance(meta, dict) and isinstance(value.get("output"), str):
            code = number_at(meta, "exit_code")
            return value["output"], None if code is None else int(code), number_at(meta, "duration_seconds")
        return text, None, None
    header = HEADER.match(text)
    if header is None:
        return text, None, None
    found, seconds = EXIT_CODE.search(header[0]), SECONDS.search(header[0])
    return text[header.end() :], int(found[1][:9]) if found else None, _seconds(seconds[1]) if seconds else None


def _seconds(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
