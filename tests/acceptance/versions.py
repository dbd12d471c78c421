"""Versions of a text as they come into a log by themselves: retyped, edited, renamed, quoted, asked in other words."""

from __future__ import annotations

import ast
import html
import re
import textwrap
from random import Random

FRAMES = [
    "Could you tell me this: {}",
    "I have a question. {} Thanks in advance!",
    "{} Please explain.",
    "Quick one: {}",
]
FILLERS = ["also", "then", "really", "quite", "just", "maybe", "simply", "now", "here", "indeed", "still", "thus"]


def retyped(text: str, chance: Random) -> str:
    """Another case, other white space, other punctuation."""
    cased = chance.choice([str.upper, str.lower, str.title])(text)
    spaced = re.sub(r"[ \t]+", lambda _: chance.choice([" ", "  "]), cased)
    return re.sub(r"(?<=\w)([,;:.!])(?=\s|$)", lambda _: chance.choice(["", " -", "!"]), spaced)


def reformatted(code: str, chance: Random) -> str:
    """Code as a formatter writes it, or with other indentation and comments."""
    if chance.random() < 0.5:
        return ast.unparse(ast.parse(code))
    lines = [re.sub(r"^[ \t]+", lambda it: it[0].replace("\t", "    ") * 2, line) for line in code.splitlines()]
    return "# as asked\n" + "\n\n".join(lines) + "\n"


def edited(text: str, share: float, chance: Random) -> str:
    """With so many of its words replaced, deleted or with one put before them, one at least."""
    words = re.findall(r"\s*\S+", text)
    for at in sorted(chance.sample(range(len(words)), max(1, round(share * len(words)))), reverse=True):
        filler = chance.choice(FILLERS)
        change = chance.randrange(3)
        if change == 0:
            words[at] = re.sub(r"\S+", filler, words[at])
        elif change == 1:
            del words[at]
        else:
            words.insert(at, f" {filler}")
    return "".join(words)


def swapped(text: str, chance: Random) -> str:
    """With two of its sentences, or its halves, in each other's place."""
    sentences = re.split(r"(?<=[.!?])\s+|(?<=\n)", text)
    if len(sentences) < 2:
        sentences = [text[: len(text) // 2], text[len(text) // 2 :]]
    one, other = chance.sample(range(len(sentences)), 2)
    sentences[one], sentences[other] = sentences[other], sentences[one]
    return " ".join(sentences)


def renamed(code: str) -> str:
    """With other names for what it defines: functions, arguments, variables."""
    tree = ast.parse(code)
    names = {it.id for it in ast.walk(tree) if isinstance(it, ast.Name) and isinstance(it.ctx, ast.Store)}
    names |= {it.arg for it in ast.walk(tree) if isinstance(it, ast.arg)}
    names |= {it.name for it in ast.walk(tree) if isinstance(it, ast.FunctionDef | ast.ClassDef)}
    new = {name: f"item_{number}" for number, name in enumerate(sorted(names))}
    return re.sub(r"(?<![\w.'\"])[A-Za-z_]\w*", lambda it: new.get(it[0], it[0]), code)


def quoted(text: str, other: str) -> str:
    """In the middle of a text that is as long."""
    words = other.split()
    while len(words) < len(text.split()):
        words += words
    half = len(text.split()) // 2
    return f"{' '.join(words[:half])}\n\n{textwrap.indent(text, '> ')}\n\n{' '.join(words[half : 2 * half])}"


def logged_by(text: str, chance: Random) -> str:
    """As a log has it: a moment, or the name of who says it, before each line."""
    begins = chance.choice(
        ["web-1  | ", "INFO worker ", "2024-03-02T12:{:02}:07.1234567Z ", "[2024-03-02 12:{:02}:07] bot: "]
    )
    return "\n".join(begins.format(at % 60) + line for at, line in enumerate(text.split("\n")))


def escaped(text: str, chance: Random) -> str:
    """As a page has it, with tags or without."""
    lines = [line for line in html.escape(text).split("\n") if line.strip()]
    whole = chance.choice(["{}", "<pre><code>{}</code></pre>", "<p>{}</p>"])
    return whole.format("</p>\n<p>".join(lines) if whole == "<p>{}</p>" else html.escape(text))


def framed(question: str, chance: Random) -> str:
    """Asked with other words around it."""
    return chance.choice(FRAMES).format(question)
