"""Secrets that only a name gives away: `password = …`, in code, settings, Markdown, tables, sentences.

The value must mix letters with digits or signs, as few examples do: `password = "changeme"` and `SECRET_KEY = "dev"`
stay. So does what stands in a secret's place and is none: ${PASSWORD}, <token>, a path, an expression, an algorithm.
Only the value goes. Not here: what its place or its own shape gives away (secrets.py, tokens.py).
"""

from __future__ import annotations

import re

from vibe_pipeline import private_names
from vibe_pipeline.scrub.patterns import Pattern, any_case, value_of, written

PASSWORDS = (
    r"pass(?:word|wd|wort|phrase|code) pass(?<![a-zA-Z]pass)(?![a-zA-Z])"
    rf" passe(?<=mot\x20de\x20passe) {private_names.PASSWORDS} "
    + " ".join(f"{word}(?<![a-zA-Z]{word})(?![a-zA-Z])" for word in private_names.SHORT_PASSWORDS.split())
)
KEY = r"key(?:(?<=[a-z0-9][_\x20-]key)|(?<=[a-z]key))"
NAME = f"(?P<name>{any_case(f'{PASSWORDS} secret credentials?+ token(?!s|i[sz]) {KEY}')})"
"""What comes before a key is looked back at: fewer letters begin a name, so Python's engine can jump further."""
SECRET_KEY = re.compile(rf"(?i)(?:{'|'.join(private_names.KEYS.split())})[_ -]?key$")
"""Its value is believed as a password's is; that of any other key must look random too."""
OPEN_KEY = re.compile(
    r"(?i)(?:public|publishable|pub|gpg|pgp|host|site|primary|foreign|natural|surrogate|composite|unique|sort|partition|shard"
    r"|row|column|range|hash|index|cache|query|lookup|group|object|s3|bucket|routing|idempotency|dedup(?:e|lication)?"
    r"|i18n|translation|message|registry|config|settings?|feature|flag|job|task|issue|project|node)[_ -]?key$"
)
"""It opens nothing."""
RANDOM = re.compile(
    r"(?=.{16})(?!(?:.*/)?[a-z_-]{3,}/)(?:[A-Za-z0-9+/=_~-]*?[0-9][A-Za-z]){2}[A-Za-z0-9+/=_~-]*(?::fx)?"
)
"""Letters go on after digits twice, as in few names, and no folder is in it; DeepL's keys end in :fx."""
OTHER = r"(?![_-]?(?i:rate|ratio|count|type|limit|length|policy|name|ref)(?![a-z]))"
"""What makes another thing of a name: token_count, secretName."""
SUFFIX = rf"(?i:[_-]?(?:{'|'.join(private_names.SUFFIXES.split())}|[0-9]{{1,2}})){{0,2}}"
BLANK = r"[^\S\n]"
SIGN = (
    rf"(?:[\"'`*_\\\])]{{0,4}}\s{{0,4}}(?::=|=>|==?|[:：>])|[\"'`*]{{0,3}}{BLANK}{{0,4}}(?:->|→))"
    rf"(?:(?:\*\*|__)(?=\s))?(?:{BLANK}{{0,4}}|\s{{0,4}}(?:(?<=\n)[+-])?(?![\w.-]{{1,60}}[:=]))"
)
MIXED = r"(?=[^\s0-9]{0,200}[0-9])(?=[^\sA-Za-z]{0,200}[A-Za-z])"
PLAIN = "A-Za-z0-9!@#%^*_+/=~-"
NEXT = "&(?![A-Za-z_]{1,30}=)"
"""An & that does not begin the next parameter of a URL."""
Q = r"[\"'\\]{0,4}"

VERBS = "is|was|ist|lautet|est|es|é"
HINTS = f"pass|secret|credential|token|[a-z][_ -]?key|senha|{'|'.join(map(written, private_names.PASSWORDS.split()))}"
SIGNS = rf"(?i:{HINTS}|pw[\"'`*|: =])"
"""What all of them show."""
HINT = f"(?:{HINTS}|pw)"
TRIGGER = (
    rf"(?i:{HINT}[a-z0-9_-]{{0,24}}[\"'`*\\\])]{{0,4}}(?:\s|\\n|\n[+-])*"
    rf"(?:(?:[:=>,(|-]{{1,2}}|{written('：')}|{written('→')})\s{{0,4}}[^0-9!@#%^&*\n]{{0,200}}[0-9!@#%^&*]"
    rf"|[\"'\\]*value|(?:(?:{VERBS})\s+(?::\s?)?|{written('是')}|{written('は')})[^0-9\s]{{0,200}}[0-9]))"
)

SHAPES = (
    # In quotation marks.
    (TRIGGER,
     rf"{NAME}{SUFFIX}(?:{SIGN}|[\"'\\\])]{{1,4}}\s?,\s{{0,4}})[rbf]?(?P<quote>\\{{0,3}}[\"'`])"
     rf"(?P<value>{MIXED}(?:(?!(?P=quote))(?:[^\s\\]|\\[^\s])){{6,500}}?)(?P=quote)"),
    # The same of words with blanks between them.
    (TRIGGER,
     rf"{any_case(PASSWORDS)}{SUFFIX}{SIGN}(?P<quote>\\{{0,3}}[\"'])(?P<value>(?=[^\n0-9\"']{{0,100}}[0-9])"
     r"(?:[^\s\"'`\\()]{1,30} ){1,6}[^\s\"'`\\()]{1,30})(?P=quote)"),
    # On a line of its own: an environment file, INI, properties, YAML.
    (TRIGGER,
     r"(?m)(?:^|(?<=\\n))[+-]?[ \t]{0,40}(?:-[ \t]{1,8}|(?i:export|set|env|arg)[ \t]{1,4})?[\"']?[\w.-]{0,60}"
     rf"{NAME}{OTHER}[\w-]{{0,20}}[\"']?[ \t]{{0,8}}(?:=[ \t]{{0,8}}|:[ \t]{{1,8}})"
     r"(?P<value>(?=[^\s\\]{0,300}[A-Za-z])(?=[^\s\\]{0,300}[0-9!@#%^&*])(?:(?!&[A-Za-z_]{1,30}=)[^\s\"'`\\,;(){}]){6,300})"
     r"(?=[ \t\r]{0,40}(?:$|\\[nr]))"),
    # In a tag.
    (TRIGGER, rf"<[\w.-]{{0,20}}{NAME}{SUFFIX}>(?P<value>{MIXED}[^\s<>]{{6,300}})</"),
    # In a table.
    (TRIGGER,
     rf"{NAME}{SUFFIX}[\"'`*]{{0,3}}[ \t]{{0,60}}\|[ \t]{{0,60}}[\"'`*]{{0,3}}(?P<value>(?=[^\s|0-9]{{0,200}}[0-9])"
     r"(?=[^\s|A-Za-z]{0,200}[A-Za-z])[^\s|\"'`\\]{6,300}?)[\"'`*]{0,3}[ \t]{0,60}\|"),
    # In a sentence.
    (TRIGGER,
     rf"{NAME}(?:\s{{1,4}}(?:{VERBS})\s{{1,4}}:?\s?|\s?[是は]\s?)[\"'`]?"
     rf"(?P<value>{MIXED}[^\s\"'`,;\\。，]{{6,200}}[^\s\"'`,;\\.?。，])"),
    # After a command that takes a name and a value.
    (r"(?:(?i:setx|setenv)|ENV|ARG|set -[a-zA-Z]+)\s",
     r"(?:(?i:setx|setenv)|ENV|ARG|set -[a-zA-Z]{1,4})[ \t]{1,4}"
     rf"[\w.-]{{0,60}}{NAME}{OTHER}[\w-]{{0,20}}[ \t]{{1,4}}[\"']?(?P<value>{MIXED}[^\s\"'\\]{{6,300}})"),
    # In two fields, one for the name and one for the value.
    (TRIGGER,
     rf"{any_case('name key')}{Q}\s{{0,4}}[:=]\s{{0,4}}{Q}[\w.-]{{0,60}}{NAME}{OTHER}[\w-]{{0,20}}{Q}"
     rf"(?:[\s,+-]|\\[nrt]){{1,40}}{Q}(?i:value){Q}\s{{0,4}}[:=]\s{{0,4}}{Q}"
     rf"(?P<value>{MIXED}[^\s\"'<>\\]{{5,300}}[^\s\"'<>\\,}}])"),
    # Anywhere, in letters that no expression needs.
    (TRIGGER,
     rf"{NAME}{OTHER}{SUFFIX}{SIGN}[\"']?(?P<value>(?=[A-Za-z!@#%^&*_+/=~-]{{0,200}}[0-9])"
     rf"(?=[0-9!@#%^&*_+/=~-]{{0,200}}[A-Za-z])(?:[{PLAIN}]|{NEXT}){{7,200}})(?![\w(.\[{PLAIN}]|{NEXT})"),
)  # fmt: skip
"""(trigger, pattern)."""

STOPS = re.compile(
    r"(?i)example|change_?me|^your|placeholder|redacted|dummy|x{4}|^\*{3}|\.{3}|\$\{|\{\{|^\$[a-z_({]|^<|%[({]|^%[a-z_]+%$|^\["
    r"|^(?:https?|file|arn|projects|gs|s3)[:/]|^\.{0,2}/|\.(?:pem|key|json|txt|ya?ml|env|crt)$"
    r"|^(?:pass(?:word|wd|wort)?|secret|token|none|null|true|false)$"
    r"|^(?:sha|md|base|utf|argon|oauth|bcrypt|aes|rsa|hmac|u?int|float|varchar|uuid|pbkdf|ed)[_-]?[0-9]+[a-z_-]{0,8}$"
)
"""What stands where a secret would and is none: a placeholder, a path, the word itself, an algorithm, a type."""
EXPRESSION = re.compile(r"[a-z]\(|\w\[|^[A-Za-z_]+(?:(?:\.|->|::)[A-Za-z_]\w*)+$")
"""A call, an index, attributes of something whose name has no digits."""
SENTENCE = re.compile(
    r"(?i)(?:^|\s)(?:an?|the|is|are|be|must|should|may|can|will|has|have|with|for|of|to|in|on|at|by|from|and|or|not|no|your|least"
    r"|characters?|digits?|letters?|enter|please|if|was|than|der|die|das|mindestens|zeichen|les?|el|un|au)(?:\s|$)|[.:!?]$"
)
CURSOR = re.compile(r"(?<![\w-])(?:next[_-]?)?(?:page|next|sync)[_-]?token$")
"""The whole name of a token that is a place in a list."""


def patterns() -> list[Pattern]:
    """In the order in which they are to be replaced."""
    return [Pattern("named_secret", trigger, re.compile(text), _named) for trigger, text in SHAPES]


def _named(match: re.Match[str]) -> str | None:
    value = unless_stopped(match)
    if value is None or "name" not in match.re.groupindex or match["name"].lower() != "key":
        return value
    start, end = match.span("name")
    name = match.string[max(0, start - 20) : end]
    is_open = OPEN_KEY.search(name) or re.match("(?i)[_-]?id(?![a-z])", match.string[end : end + 4])
    return value if SECRET_KEY.search(name) or (not is_open and RANDOM.fullmatch(value)) else None


def unless_stopped(match: re.Match[str]) -> str | None:
    """The value, unless what stands there is no secret."""
    value = value_of(match)
    is_expression = "quote" not in match.re.groupindex and EXPRESSION.search(value)
    is_sentence = " " in value and SENTENCE.search(value)
    return None if _is_cursor(match) or is_expression or is_sentence or STOPS.search(value) else value


def _is_cursor(match: re.Match[str]) -> bool:
    if "name" not in match.re.groupindex:
        return False
    end = match.end("name")
    return CURSOR.search(match.string[max(0, end - 20) : end]) is not None
