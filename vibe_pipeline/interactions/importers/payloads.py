"""What was sent to a model and what came back, as the APIs and frameworks write it, → messages.

Traces (OpenTelemetry, Langfuse, MLflow) and gateways (LiteLLM) record whole payloads: OpenAI's chats and responses,
Anthropic's blocks, Gemini's contents, the parts of the GenAI conventions, LangChain, the AI SDK, or bare text. All of
them are lists of messages with parts (parts.py), wrapped in an object; only the names differ.

Not here: which payload belongs to which call (calls.py), and records that are one chat (openai_chat.py).
"""

from __future__ import annotations

import re
from typing import Any

from vibe_pipeline.interactions.importers import blocks, tool_parts
from vibe_pipeline.interactions.importers.fields import Row, row_of
from vibe_pipeline.interactions.importers.messages import ROLES, Message
from vibe_pipeline.interactions.importers.parts import (
    MEDIA,
    NULL,
    REASONING,
    as_json,
    is_message,
    is_tools,
    messages_in,
    parsed,
    text_of,
)
from vibe_pipeline.interactions.importers.stop_reasons import is_response, stopped

SENT = ("messages", "input", "contents", "prompt", "inputs", "kwargs", "args", "input_value", "request")
SYSTEM = ("system", "instructions", "systemInstruction", "system_instruction")
ASKED_TEXT = ("question", "query", "user_input", "message", "text", "content")
CAME_BACK = ("message", "messages", "output", "generations", "response", "completion")
ANSWER_TEXT = ("output_text", "answer", "text", "result", "content", "generated_text", "combined_chunk_content")
ENVELOPES = ("choices", "candidates", "parts", *SENT, *CAME_BACK)
TRANSCRIPT = re.compile(r"\A(?:system|developer|human|user): .*^(?:human|user): ", re.I | re.S | re.M)
SPEAKER = re.compile(r"^(system|developer|human|user|assistant|ai|tool): ", re.I | re.M)


def asked(payload: Any) -> list[Message]:
    """The messages that were sent to the model, the history with them."""
    value = parsed(payload)
    if isinstance(value, dict) and not is_message(value):
        told = row_of(value.get("config")) | value  # Gemini's SDK keeps the system instruction in its config
        system = [Message("system", text) for key in SYSTEM if (text := text_of(told.get(key)))]
        for key in SENT:
            if value.get(key):
                return [*system, *asked(value[key])]
        texts = [value[key] for key in ASKED_TEXT if isinstance(value.get(key), str)]
        if not texts and len(value) == 1:
            texts = [item for item in value.values() if isinstance(item, str)]
        return [*system, Message("user", texts[0] if texts else as_json(value))] if value else system
    return _transcript(value) if isinstance(value, str) else list(messages_in(value, "user"))


def _transcript(text: str) -> list[Message]:
    """Frameworks that know no roles write them into the text: "system: …", then "user: …"."""
    if not TRANSCRIPT.match(text):
        return [Message("user", text)] if text else []
    pieces = SPEAKER.split(text)[1:]
    said = zip(pieces[::2], pieces[1::2], strict=True)
    told = ((ROLES[role.lower()], words.strip()) for role, words in said)
    return [Message(role, words) for role, words in told if words and (role, words) != ("assistant", NULL)]


def answered(payload: Any) -> list[Message]:
    """The messages that came back; other answers to the same question are kept with the first as `other_choices`."""
    value = parsed(payload)
    last = value[-1] if isinstance(value, list) and value else value
    return stopped(_came_back(value), last if isinstance(last, dict) else None)


def _came_back(value: Any) -> list[Message]:
    if isinstance(value, dict) and not is_message(value):
        if is_response(value):
            return answered(value.get("output"))
        choices = value.get("choices", value.get("candidates"))
        if isinstance(choices, list):
            return _chosen(choices)
        if tool_parts.calls_beside(value):
            return list(messages_in({"role": "assistant", **value}, "assistant"))
        for key in CAME_BACK:
            if value.get(key):
                return answered(value[key])
        texts = [value[key] for key in ANSWER_TEXT if value.get(key)]
        if not texts and len(value) == 1:
            texts = [item for item in value.values() if isinstance(item, str)]
        text = texts[0] if texts else value if value else ""
        return list(messages_in(text if isinstance(text, (str, list)) else as_json(text), "assistant"))
    if isinstance(value, list) and value and all(isinstance(item, list) for item in value):
        return answered(value[0])  # LangChain: a list of answers for each of a batch of prompts
    said = list(messages_in(value, "assistant"))
    last = max((n for n, message in enumerate(said) if message.role == "user"), default=-1)
    return [message for message in said[last + 1 :] if message.role != "system"]


def _chosen(choices: list[Any]) -> list[Message]:
    """The first choice is the answer. The others are no "alternatives", for nobody chose between them."""
    read = [stopped(answered(_of_choice(row)), row) if isinstance(row, dict) else answered(row) for row in choices]
    first = read[0] if read else []
    others = [text for said in read[1:] if (text := " ".join(m.text for m in said if m.text))]
    if first and others:
        first[-1].extra["other_choices"] = others
    return first


def _of_choice(choice: Row) -> Any:
    return next((choice[key] for key in ("message", "messages", "text", "delta", "content") if choice.get(key)), "")


def parts_in(text: Any) -> Any:
    """JSON in a text where it is messages or parts of one; what somebody said in JSON stays as it was said."""
    value = parsed(text)
    items = value if isinstance(value, list) else [value]
    is_made_of_parts = bool(items) and all(isinstance(item, dict) and _is_telling(item) for item in items)
    return value if is_made_of_parts else text


def _is_telling(item: dict[str, Any]) -> bool:
    """Whether its keys say that it is a message, a part, or an envelope of them, and not an answer in JSON."""
    kind = item.get("type")
    if isinstance(kind, str):
        is_part = is_tools(kind) or REASONING.search(kind) or any(medium in kind for medium in MEDIA)
        return bool(is_part) or kind.lower() in ROLES or kind == "message" or kind.endswith(("text", "refusal"))
    wraps = blocks.is_block(item) or any(isinstance(item.get(key), (dict, list)) for key in ENVELOPES)
    return wraps or isinstance(item.get("role"), str) or item.keys() == {"text"}
