"""What of a Codex rollout a person said, and what Codex itself wrote in the person's name.

Newer rollouts say of each part of a message what it is, and of a thread who began it; in older ones only the first
words of a part tell. Not here: what the other items say (codex_rollout.py).
"""

from __future__ import annotations

from typing import Any

from vibe_pipeline.interactions.importers.fields import Row, list_of, row_of
from vibe_pipeline.interactions.importers.messages import message_of

PERSON = "user."
"""How the kinds of parts begin that a person gave: user.text, user.image."""

UNKNOWN = "unknown"

INJECTED = (
    "<environment_context>", "<user_instructions>", "# AGENTS.md instructions", "<INSTRUCTIONS>", "<permissions",
    "<turn_aborted>", "<user_shell_command>", "<user_action>", "<skill>", "<skills", "<subagent_notification>",
    "<agent_message_board_notification>", "<collaboration_mode>", "<model_switch>", "<hook_prompt",
    "<recommended_plugins>", "<apps", "<goal_context>", "<extension_context>", "<external_",
    "Warning: apply_patch was requested via ", "Warning: The maximum number of unified exec processes",
    "Warning: Your account was flagged for potentially high-risk cyber activity",
)  # fmt: skip
"""What Codex itself writes in the user's name."""

WRAPPING = ("<image>", "<image name=", "</image>", "<codex_internal_context")
"""What it puts around an image or a goal, under the kind of what the person gave."""

REQUEST = "## My request for Codex:"
"""Before it stand the files that are open in an editor, or that were dropped into the question."""

CONTEXT = ("# Context from my IDE", "# Files mentioned by the user:")

TASKS = ("memory_consolidation", "guardian", "guardian_review", "compact", "system", "thread_title")
"""Sources of threads that Codex begins for itself: memories, reviews of what it may do, summaries, titles."""


def asked(item: Row) -> str:
    """What a person said in a message of the user; empty where Codex wrote all of it."""
    text = message_of({"role": "user", "content": _given(item)}).text
    return (text.partition(REQUEST)[2] or text if text.startswith(CONTEXT) else text).strip()


def is_own(item: Row) -> bool:
    """Whether Codex itself wrote a message."""
    is_injected = isinstance(item.get("content"), list) and not _given(item)
    return item.get("role") in ("developer", "system") or (item.get("role") == "user" and is_injected)


def is_internal(meta: Row) -> bool:
    """Whether Codex began the thread for a task of its own, so that nobody asked on it and nobody read it."""
    source = row_of(meta.get("source"))
    agent = source.get("subagent")
    return "internal" in source or any(
        name in TASKS for name in (meta.get("thread_source"), agent, row_of(agent).get("other"))
    )


def _given(item: Row) -> list[Any]:
    """The parts that a person gave."""
    content = item.get("content")
    parts = content if isinstance(content, list) else [{"type": "text", "text": content}]
    kinds = list_of(row_of(item.get("internal_chat_message_metadata_passthrough")).get("content_item_kinds"))
    if len(kinds) != len(parts):
        kinds = [UNKNOWN] * len(parts)
    return [part for part, kind in zip(parts, kinds, strict=True) if not _is_injected(part, kind)]


def _is_injected(part: Any, kind: Any) -> bool:
    text = row_of(part).get("text")
    start = text.lstrip() if isinstance(text, str) else ""
    if isinstance(kind, str) and kind not in ("", UNKNOWN):
        return not kind.startswith(PERSON) or start.startswith(WRAPPING)
    return start.startswith((*INJECTED, *WRAPPING))
