"""Obvious secrets out of text: each becomes a stable placeholder such as [secret:aws_access_key].

Patterns come from detect-secrets' plugins of one fixed shape; OWN adds what they lack or cut short (their JWT
leaves the signature standing, their Stripe the tail, their private key all but the first line). Nothing is
verified over the network. Left out on purpose: the entropy plugins, and KeywordDetector, which takes any quoted
text after a name like "password": 8 of 39 harmless lines in its test (`password = "changeme"`, `SECRET_KEY = "dev"`),
so what only its variable's name gives away stays, unless it mixes letters and digits as few examples do. Left out as
noisy too: Artifactory, Discord, IBM, IP addresses.

Rows meet Python only when one Rust regex, made from the same patterns, finds something in them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import polars as pl

PLUGINS = ("aws.AWSKeyDetector", "azure_storage_key.AzureStorageKeyDetector", "gitlab_token.GitLabTokenDetector",
           "mailchimp.MailchimpDetector", "pypi_token.PypiTokenDetector", "sendgrid.SendGridDetector",
           "slack.SlackDetector", "square_oauth.SquareOAuthDetector", "twilio.TwilioKeyDetector")  # fmt: skip

ALONE = r"(?<![A-Za-z0-9_-])"
"""Not inside a longer word: "task-management…" holds "sk-management…"."""

OWN = (
    ("private_key", r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----[\s\S]{40,20000}?"
                    r"-----END (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----"),
    # The block was cut off: all that still looks like base64 goes.
    ("private_key", r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----"
                    r"(?:(?:\s|\\n|\\r)+[A-Za-z0-9+/=]{16,})+(?:(?:\s|\\n|\\r)+[A-Za-z0-9+/=]+$)?"),
    ("private_key", r"PuTTY-User-Key-File-[23]:[\s\S]{40,20000}?Private-MAC: [0-9a-f]{40,64}"),
    ("aws_secret_key", r"(?i)aws_?secret_?(?:access_?)?key[\"']?\s{0,4}[:=]\s{0,4}[\"']?"
                       r"([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+])"),
    ("github_token", r"gh[pousr]_[A-Za-z0-9]{36,255}"),
    ("github_token", r"github_pat_[A-Za-z0-9_]{22,255}"),
    ("anthropic_key", ALONE + r"sk-ant-[A-Za-z0-9]{3,10}-[A-Za-z0-9_-]{20,200}"),
    ("openai_key", ALONE + r"sk-(?:(?=[A-Za-z0-9_-]*[0-9])(?=[A-Za-z0-9_-]*[A-Za-z0-9]{16})"
                           r"|(?=[A-Za-z0-9_-]*[A-Za-z0-9]{32}))"
                           r"[A-Za-z0-9_-]{20,250}"),
    ("hugging_face_token", r"(?<![A-Za-z0-9])(?:hf|api_org)_[A-Za-z0-9]{30,60}(?![A-Za-z0-9_])"),
    ("google_api_key", r"AIza[0-9A-Za-z_-]{35}"),
    ("google_oauth", r"GOCSPX-[A-Za-z0-9_-]{28}"),
    ("google_oauth", r"(?<![A-Za-z0-9])ya29\.[A-Za-z0-9_-]{30,500}"),
    ("stripe_access_key", r"(?<![A-Za-z0-9])[rs]k_(?:live|test)_[0-9a-zA-Z]{16,250}"),
    ("slack_token", r"xapp-\d-[A-Za-z0-9]+-\d+-[A-Za-z0-9]+"),
    ("slack_token", r"xox[abposre](?:\.xox[bp])?-[A-Za-z0-9-]{20,250}"),
    ("npm_token", r"(?<![A-Za-z0-9])npm_[A-Za-z0-9]{36}"),
    ("telegram_bot_token", r"(?<![0-9A-Za-z])\d{8,10}:AA[0-9A-Za-z_-]{33}(?![0-9A-Za-z_-])"),
    ("json_web_token", r"eyJ[A-Za-z0-9_-]{8,4000}\.eyJ[A-Za-z0-9_-]{4,8000}(?:\.[A-Za-z0-9_-]{0,2000})?"),
    ("authorization", r"(?i)authorization[\"']?\s{0,4}[:=]\s{0,4}[\"']?(?:bearer|basic|token)\s{1,4}"
                      r"([A-Za-z0-9._~+/=-]{16,4000})"),
    ("basic_auth", r"curl\s[^\n]{0,300}?(?:-u|--user)[ =]{1,4}[\"']?[^\s:\"']{1,100}:((?![{$<*%(])[^\s\"']{1,200})"),
    # What its name gives away, where letters and digits are mixed and nothing is called or looked up.
    ("named_secret", r"(?i)(?:password|passwd|secret|api_?key|(?:access|auth|secret)_?token)"
                     r"[\"']?\s{0,4}[:=]\s{0,4}[\"']?"
                     r"((?=[A-Za-z!@#%^&*_+/=~-]*[0-9])(?=[0-9!@#%^&*_+/=~-]*[A-Za-z])[A-Za-z0-9!@#%^&*_+/=~-]{8,200})"
                     r"(?![\w(.!@#%^&*+/=~-])"),
    # Only the password goes; a placeholder in its place ({password}, $PASS, <pass>, ***) is none.
    ("basic_auth", r"://[^\s:/?#\[\]@\"'<>]{0,200}:((?![{$<*%(])[^\s:/@\"'<>]{1,200})@[A-Za-z0-9\[{]"),
)  # fmt: skip

LOOKAROUND = re.compile(r"\(\?<?[!=](?:[^()\[\]]|\[[^\]]*\])*\)")
"""Rust has none; without them a pattern only finds more, which a prefilter may."""


class Pattern(NamedTuple):
    """A placeholder's name and what it stands for; only group 1 is replaced where there is one."""

    name: str
    regex: re.Pattern[str]
    group: int


def scrub(column: pl.Series, *, is_json: bool = False) -> tuple[pl.Series, int]:
    """The column without its obvious secrets, and how many there were. With `is_json`, JSON text stays JSON text."""
    suspicious = column.str.contains(_prefilter()).fill_null(False).arg_true()
    if suspicious.is_empty():
        return column, 0
    clean: Callable[[str], tuple[str, int]] = _clean_json if is_json else _clean
    rows = [clean(text) for text in column.gather(suspicious)]
    texts = pl.Series([text for text, _ in rows], dtype=column.dtype)
    return column.clone().scatter(suspicious, texts), sum(count for _, count in rows)


def _clean(text: str) -> tuple[str, int]:
    count = 0
    for pattern in _patterns():
        text, found = pattern.regex.subn(lambda match, pattern=pattern: _placed(match, pattern), text)  # type: ignore[misc]
        count += found
    return text, count


def _placed(match: re.Match[str], pattern: Pattern) -> str:
    """The match with the secret replaced and what stands around it kept."""
    text, (start, end) = match.string, match.span(pattern.group)
    return f"{text[match.start() : start]}[secret:{pattern.name}]{text[end : match.end()]}"


def _clean_json(text: str) -> tuple[str, int]:
    """As text, so that {"aws_secret_key": …} is seen whole; value by value when that would break the JSON."""
    cleaned, count = _clean(text)
    try:
        json.loads(cleaned)
    except ValueError:
        return _clean_values(text)
    return cleaned, count


def _clean_values(text: str) -> tuple[str, int]:
    counts: list[int] = []

    def walk(value: Any) -> Any:
        if isinstance(value, str):
            cleaned, count = _clean(value)
            counts.append(count)
            return cleaned
        if isinstance(value, dict):
            return {key: walk(item) for key, item in value.items()}
        return [walk(item) for item in value] if isinstance(value, list) else value

    return json.dumps(walk(json.loads(text)), ensure_ascii=False), sum(counts)


@cache
def _patterns() -> tuple[Pattern, ...]:
    """Ours first: they are longer, and a short match inside a long secret would leave its rest standing."""
    own = [Pattern(name, re.compile(text), 0) for name, text in OWN]
    found = [*own, *(pattern for plugin in PLUGINS for pattern in _plugin_patterns(plugin))]
    return tuple(pattern._replace(group=1) if _is_wrapped(pattern) else pattern for pattern in found)


def _plugin_patterns(plugin: str) -> list[Pattern]:
    """The patterns themselves, not `analyze_string`: that yields the groups, "glpat" instead of the token."""
    from importlib import import_module

    module, name = plugin.split(".")
    detector = getattr(import_module(f"detect_secrets.plugins.{module}"), name)
    slug = re.sub(r"\W+", "_", detector.secret_type.lower())
    return [Pattern(slug, regex, 0) for regex in detector.denylist]


def _is_wrapped(pattern: Pattern) -> bool:
    """Whether the secret is a part of what is matched: a key after its name, a password in a URL."""
    return pattern.name in ("aws_secret_key", "basic_auth", "authorization", "named_secret") or (
        pattern.name == "aws_access_key" and pattern.regex.groups == 1
    )


@cache
def _prefilter() -> str:
    return "|".join(
        f"(?{'i' if regex.flags & re.IGNORECASE else ''}:{_rust(regex.pattern)})" for _, regex, _ in _patterns()
    )


def _rust(pattern: str) -> str:
    """Without lookarounds, without inline flags, and with lazy bounded gaps cut short: the start is enough."""
    pattern = re.sub(r"\[\\s\\S\]\{40,20000\}\?.*", "", pattern.removeprefix("(?i)"))
    pattern = re.sub(r"\{(\d+),\d{3,}\}", r"{\1,}", pattern)
    while LOOKAROUND.search(pattern):
        pattern = LOOKAROUND.sub("", pattern)
    return pattern.replace("(?:|)", "")
