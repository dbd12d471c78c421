"""What somebody would write to make examples of a log: plain functions over one conversation or one text.

Both libraries that curation is measured beside call them, so that all three do the same work: four of the eight kinds
of example, the rules of quality, and what two texts are compared by. Nothing of the engine is used. Not here: running
them over a log (data_datasets.py, data_datatrove.py), and what is remarked on an interaction, which they do not read.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Any

Row = dict[str, Any]

CONTEXT = 16
NEXT = 10
"""Later successes of which one may be the fix of a failure."""

PASSAGE = 2000
HELD_OUT = 0.2

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
    for kind, prompt, question, completion, rows in _built(turns):
        yield {
            "kind": kind,
            "conversation_id": conversation,
            "prompt": prompt,
            "question": question,
            "completion": completion,
            "interaction_ids": [row["interaction_id"] for row in rows],
            "is_held_out": digest < HELD_OUT * 2**32,
        }


def _built(turns: Sequence[Row]) -> Iterator[tuple[str, str, str, str, list[Row]]]:
    chats = [turn for turn in turns if turn["action"] == "ask" and turn["output"]]
    for at, chat in enumerate(chats):
        before = chats[max(0, at - CONTEXT) : at]
        context = "".join(f"{turn['input']}\n\n{turn['output']}\n\n" for turn in before)
        if chat["success"] is not False:
            yield "conversation", context + chat["input"], chat["input"], chat["output"], [*before, chat]
    runs = [turn for turn in turns if turn["action"] == "run"]
    worked = {run["input"] for run in runs if run["success"]}
    for turn in turns:
        if turn["action"] == "generate" and (turn["success"] or turn["output"] in worked):
            yield "code_generation", turn["input"], turn["input"], turn["output"], [turn]
        elif turn["action"] == "document":
            for passage in _passages(turn["output"]):
                yield "document", "", "", passage, [turn]
    for at, run in enumerate(runs):
        if run["success"] is False and run["input"] not in worked:
            later = [turn for turn in runs[at + 1 :] if turn["success"] and turn["module"] == run["module"]]
            fix = next((turn for turn in later[:NEXT] if _is_version(run["input"], turn["input"])), None)
            if fix is not None:
                prompt = f"{run['input']}\n\n{run['output']}"
                yield "error_correction", prompt, prompt, fix["input"], [run, fix]


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


def content(example: Row) -> bytes:
    """What is the same in exact duplicates."""
    return hashlib.sha256(f"{example['kind']}\0{example['prompt']}\0{example['completion']}".encode()).digest()


def compared(example: Row) -> str:
    """What is nearly the same in near-duplicates, and found again in what quotes it: the context of many is one."""
    return f"{example['question']}\n{example['completion']}"


def words(text: str) -> list[str]:
    """In lower case, without punctuation."""
    return WORD.findall(text.lower())


def windows(text: str, size: int) -> list[str]:
    """Of so many words; of a shorter text none."""
    split = words(text)
    return [" ".join(split[at : at + size]) for at in range(len(split) - size + 1)]
