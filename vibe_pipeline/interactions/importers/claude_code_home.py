"""What Claude Code writes beside its sessions, in its own folder, and that says nothing which they do not.

Its own list of what was typed (history.jsonl), what an agent is (agent-….meta.json), what a workflow has started and
got (journal.jsonl), a list of what is to be done. Not here: sessions (claude_code.py).
"""

from __future__ import annotations

from typing import Any

TYPED = {"display", "pastedContents", "timestamp"}
AGENT = {"agentType"}
WHOSE = {"toolUseId", "spawnDepth", "isFork", "parentAgentId"}
NAMED = {"agentType", "description", "name", "model", "worktreePath"}
STEP = {"type", "key", "agentId"}
TO_DO = {"content", "status", "activeForm"}


def is_beside(value: Any) -> bool:
    """Whether it is such a thing, by all its keys."""
    if not isinstance(value, dict) or "message" in value:
        return False
    keys = value.keys()
    is_agent = keys >= AGENT and (bool(keys & WHOSE) or keys <= NAMED)
    return is_agent or any(keys >= known for known in (TYPED, STEP, TO_DO))
