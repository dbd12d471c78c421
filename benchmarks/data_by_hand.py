"""What somebody would write to make examples of a log: plain functions over one conversation or one text.

Both libraries that curation is measured beside call them, so that all three do the same work: the kinds of example that
the log has (nothing in it is made faster, so there is no optimization), the rules of quality, and what two texts are
compared by. Nothing of the engine is used. Not here: running them over a log (data_datasets.py, data_datatrove.py), and
what is remarked on an interaction, which they do not read.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

Row = dict[str, Any]
Built = tuple[str, str, str, str, str, list[Row]]
"""Kind, prompt, question, completion, rejected, and the interactions that it is built from."""

CONTEXT = 16
NEXT = 10
"""Later successes of which one may be the fix of a failure."""

STEPS = 8
PASSAGE = 2000
HELD_OUT = 0.2

TOOL = re.compile(r"\s*([\w./-]{1,40})(?:\s|$)")
WORD = re.compile(r"\w+")
REFUSAL = re.compile(
    r"^\W*((i'm |i am )?(very |so )?sorry|unfortunately|i apologi[sz]e)?\W*(but )?"
    r"(i (can ?not|can't|won't|am unable)|as an (ai|artificial|language model))"
)
CORPORATE = re.compile(r"i hope this helps|great question|as an ai language model|feel free to reach out")


def examples(turns: Sequence[Row]) -> Iterator[Row]:
    """Of one conversation, in order; each with its question apart, which is what is compared."""
    conversation = turns[0]["conversation_id"]
    digest = int(hashlib.sha256(f"vibe:{conversation}".encode()).hexdigest()[:8], 16)
    for way in (_replies, _code, _fixes, _outcomes, _steps, _documents):
        for kind, prompt, question, completion, rejected, rows in way(turns):
            yield {
                "kind": kind,
                "conversation_id": conversation,
                "prompt": prompt,
                "question": question,
                "completion": completion,
                "rejected": rejected,
                "interaction_ids": [row["interaction_id"] for row in rows],
                "is_held_out": digest < HELD_OUT * 2**32,
            }


def _replies(turns: Sequence[Row]) -> Iterator[Built]:
    chats = [turn for turn in turns if turn["action"] == "ask" and turn["output"]]
    for at, chat in enumerate(chats):
        seen = chats[max(0, at - CONTEXT) : at + 1]
        prompt = "".join(f"{turn['input']}\n\n{turn['output']}\n\n" for turn in seen[:-1]) + chat["input"]
        if chat["success"] is not False:
            yield "conversation", prompt, chat["input"], chat["output"], "", seen
        for other in json.loads(chat["extra"] or "{}").get("alternatives", ()):
            yield "preference", prompt, chat["input"], chat["output"], other, seen


def _code(turns: Sequence[Row]) -> Iterator[Built]:
    worked = {turn["input"] for turn in turns if turn["action"] == "run" and turn["success"]}
    for turn in turns:
        if turn["action"] == "generate" and (turn["success"] or turn["output"] in worked):
            yield "code_generation", turn["input"], turn["input"], turn["output"], "", [turn]


def _fixes(turns: Sequence[Row]) -> Iterator[Built]:
    runs = [turn for turn in turns if turn["action"] == "run"]
    worked = {run["input"] for run in runs if run["success"]}
    for at, run in enumerate(runs):
        if run["success"] is False and run["input"] not in worked:
            later = [turn for turn in runs[at + 1 :] if turn["success"] and turn["module"] == run["module"]]
            fix = next((turn for turn in later[:NEXT] if _is_version(run["input"], turn["input"])), None)
            if fix is not None:
                prompt = f"{run['input']}\n\n{run['output']}"
                yield "error_correction", prompt, prompt, fix["input"], "", [run, fix]


def _outcomes(turns: Sequence[Row]) -> Iterator[Built]:
    for turn in turns:
        if turn["action"] == "run" and turn["success"] is not None:
            yield "error_prediction", turn["input"], turn["input"], _outcome(turn), "", [turn]


def _steps(turns: Sequence[Row]) -> Iterator[Built]:
    session = [turn for turn in turns if turn["action"] != "document"]
    names = [f"{turn['module']} {turn['action']}{_tool(turn)}" for turn in session]
    outcomes = [_outcome(turn) for turn in session]
    lines = [f"{name}: {outcome}" if outcome else name for name, outcome in zip(names, outcomes, strict=True)]
    for at in range(2, len(session)):
        if len(set(names[: at + 1])) > 1:
            seen, history = session[max(0, at - STEPS) : at + 1], "\n".join(lines[max(0, at - STEPS) : at])
            yield "pattern", history, history, names[at], "", seen
            if at == len(session) - 1 and outcomes[at]:
                prompt = f"{history}\n{names[at]}:"
                yield "pattern", prompt, prompt, outcomes[at], "", seen


def _tool(turn: Row) -> str:
    found = TOOL.match(turn["input"]) if turn["action"] == "run" else None
    return f" {found[1]}" if found else ""


def _outcome(turn: Row) -> str:
    if turn["success"] is None:
        return ""
    return "works" if turn["success"] else f"fails: {turn['error_type']}"


def _documents(turns: Sequence[Row]) -> Iterator[Built]:
    for turn in turns:
        if turn["action"] == "document":
            for passage in _passages(turn["output"]):
                yield "document", "", "", passage, "", [turn]


def _is_version(before: str, after: str) -> bool:
    old, new = set(words(before)), set(words(after))
    return before != after and len(old & new) >= 0.6 * len(old | new)


def _passages(text: str) -> Iterator[str]:
    held: list[str] = []
    for line in text.split("\n"):
        if held and sum(map(len, held)) + len(held) + len(line) > PASSAGE:
            yield "\n".join(held)
            held = []
        held.append(line)
    yield "\n".join(held)


def is_good(example: Row) -> bool:
    """Whether it breaks none of the rules: length, an open block of code, repetition, refusal, corporate phrases."""
    prompt, completion, kind = example["prompt"], example["completion"], example["kind"]
    if not completion.strip() or (kind != "document" and not prompt.strip()):
        return False
    if len(prompt) + len(completion) > 40_000 or (kind != "document" and completion.count("```") % 2):
        return False
    if len(completion) > 200:
        split, lines = completion.split(), completion.split("\n")
        if len(split) >= 50 and len(set(split)) < 0.15 * len(split):
            return False
        if len(lines) >= 12 and len(set(lines)) < 0.34 * len(lines):
            return False
    if kind == "conversation":
        lower = completion.lower()
        return not (REFUSAL.search(lower[:200]) or CORPORATE.search(lower))
    return True


TEXTS = ("kind", "prompt", "completion", "rejected")


def content(example: Row) -> bytes:
    """What is the same in exact duplicates."""
    return hashlib.sha256("\0".join(example[name] for name in TEXTS).encode()).digest()


def compared(example: Row) -> str:
    """What is nearly the same in near-duplicates, and found again in what quotes it: the context of many is one."""
    return f"{example['question']}\n{example['completion']}"


def has_neighbours(example: Row) -> bool:
    """Whether it may be nearly another: lists of steps are all alike."""
    return bool(example["kind"] != "pattern")


def words(text: str) -> list[str]:
    """In lower case, without punctuation."""
    return WORD.findall(text.lower())


def windows(text: str, size: int) -> list[str]:
    """Of so many words; of a shorter text none."""
    split = words(text)
    return [" ".join(split[at : at + size]) for at in range(len(split) - size + 1)]
