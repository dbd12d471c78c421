"""The shapes in which examples leave for other programs: which columns a row gets, and which rows have none.

    prompt-completion   TRL: {prompt, completion}; the prompt ends with the blank line that the ladder trains with,
                        for TRL lays both end to end
    messages            OpenAI fine-tuning and TRL: {messages: [{role, content, weight}]}; answers alone have a weight,
                        the last 1 and those before 0, for each of them is the last of another example
    preference          TRL: {prompt, chosen, rejected}
    openai-preference   OpenAI's direct preference optimisation: {input, preferred_output, non_preferred_output}
    text                TRL and continued pretraining: {text}; a document, or prompt, blank line and completion

Sources: TRL's dataset formats (huggingface.co/docs/trl/dataset_formats), OpenAI's guides to supervised fine-tuning and
direct preference optimisation. Not here: how files are written (writing.py), where turns begin (messages.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Shape(StrEnum):
    """What a row looks like to the program that reads it."""

    PROMPT_COMPLETION = "prompt-completion"
    MESSAGES = "messages"
    PREFERENCE = "preference"
    OPENAI_PREFERENCE = "openai-preference"
    TEXT = "text"


IDS = ("example_id", "conversation_id", "interaction_ids")

MACROS = r"""
CREATE MACRO is_blank(words) AS NOT regexp_matches(words, '[^\s\x0b\p{Z}]');
CREATE MACRO asked(prompt, turns) AS CASE
    WHEN turns IS NULL THEN [{role: 'user', content: prompt, weight: NULL::INTEGER}]
    ELSE list_transform(turns, lambda it: {
        role: it.role,
        content: substr(prompt, it.start, it.size),
        weight: CASE WHEN it.role = 'assistant' THEN 0 END
    })
END;
CREATE MACRO says(role, words) AS [{role: role, content: words}];
"""

SPOKEN = {
    "parquet": "CREATE MACRO spoken(messages) AS messages",
    "jsonl": """
        CREATE MACRO spoken(messages) AS list_transform(messages, lambda it: CASE
            WHEN it.weight IS NULL THEN json_object('role', it.role, 'content', it.content) ELSE to_json(it)
        END)""",
}
"""A question has no weight: in JSON its key is left out, for OpenAI takes no null."""

COLUMNS: dict[Shape, dict[str, str]] = {
    Shape.PROMPT_COMPLETION: {"prompt": r"prompt || E'\n\n'", "completion": "completion"},
    Shape.MESSAGES: {
        "messages": "spoken(asked(prompt, turns) || [{role: 'assistant', content: completion, weight: 1}])",
    },
    Shape.PREFERENCE: {"prompt": r"prompt || E'\n\n'", "chosen": "completion", "rejected": "rejected"},
    Shape.OPENAI_PREFERENCE: {
        "input": "{messages: list_transform(asked(prompt, turns), lambda it: {role: it.role, content: it.content})}",
        "preferred_output": "says('assistant', completion)",
        "non_preferred_output": "says('assistant', rejected)",
    },
    Shape.TEXT: {"text": r"CASE WHEN is_blank(prompt) THEN completion ELSE prompt || E'\n\n' || completion END"},
}
"""Name → DuckDB expression over the columns of an example and `turns` (messages.py)."""

_GONE = """
    WHEN example_id IS NULL THEN 'was forgotten'
    WHEN is_taken_back THEN 'was taken back by a later generation (disliked, or answered anew)'
"""
_COMPARED = "WHEN rejected IS NOT NULL THEN 'compares two answers: --shape preference'"
_SINGLE = "WHEN rejected IS NULL THEN 'has no rejected answer'"
_PROMPTED = "WHEN is_blank(prompt) THEN 'has no prompt: --shape text'"

UNFIT: dict[Shape, tuple[str, ...]] = {
    Shape.PROMPT_COMPLETION: (_COMPARED, _PROMPTED),
    Shape.MESSAGES: (_COMPARED, _PROMPTED),
    Shape.PREFERENCE: (_SINGLE, _PROMPTED),
    Shape.OPENAI_PREFERENCE: (_SINGLE, _PROMPTED),
    Shape.TEXT: (_COMPARED,),
}


def unfit(shape: Shape) -> str:
    """Why a row cannot have this shape, as a DuckDB expression; NULL where it can."""
    empty = "WHEN is_blank(completion) OR is_blank(rejected) THEN 'has an empty answer'"
    return f"CASE {_GONE} {' '.join(UNFIT[shape])} {empty} END"


def shape_of(kinds: Iterable[str]) -> Shape:
    """The shape for who names none: most kinds have prompt and completion; pairs and documents alone do not."""
    rest = set(kinds)
    if rest - {"preference", "document"}:
        return Shape.PROMPT_COMPLETION
    return Shape.PREFERENCE if "preference" in rest else Shape.TEXT
