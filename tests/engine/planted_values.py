"""Values to plant: keys, tokens and personal data, seeded, generated, nobody's.

Keys are put together here so that no scanner of this repository finds one. Where they are planted is in planted.py.
"""

from __future__ import annotations

import base64
import json
import random
import string
import uuid
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address

Random = random.Random
ALNUM = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
DIGITS = string.digits
URL_SAFE = ALNUM + "_-"


def some(rng: Random, letters: str, count: int) -> str:
    return "".join(rng.choices(letters, k=count))


def mixed(rng: Random, count: int, letters: str = ALNUM) -> str:
    """With at least one letter and one digit."""
    return some(rng, letters, count - 3) + rng.choice("0123456789") + rng.choice("abcxyz") + rng.choice("ABCXYZ")


def jwt(rng: Random) -> str:
    parts = ({"alg": "HS256", "typ": "JWT"}, {"sub": some(rng, DIGITS, 10), "name": "Jo"})
    encoded = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    return ".".join((*encoded, some(rng, URL_SAFE, 42) + "x"))


def private_key(rng: Random) -> str:
    name = rng.choice(
        ("RSA PRIVATE KEY", "PRIVATE KEY", "OPENSSH PRIVATE KEY", "EC PRIVATE KEY", "PGP PRIVATE KEY BLOCK")
    )
    body = "\n".join(some(rng, ALNUM + "+/", 64) for _ in range(rng.randint(3, 20)))
    return f"-----BEGIN {name}-----\n{body}\n-----END {name}-----"


TOKENS: dict[str, Callable[[Random], str]] = {
    "AWS key id": lambda r: r.choice(("AK", "AS")) + "IA" + some(r, string.ascii_uppercase + "234567", 16),
    "GitHub": lambda r: "gh" + r.choice("pousr") + "_" + mixed(r, 36),
    "GitHub fine-grained": lambda r: "github" + "_pat_" + mixed(r, 22) + "_" + mixed(r, 59),
    "GitLab": lambda r: "gl" + "pat-" + mixed(r, 20, URL_SAFE),
    "Slack": lambda r: "-".join(
        ("xo" + r.choice(("xb", "xp")), some(r, DIGITS, 12), some(r, DIGITS, 13), mixed(r, 24))
    ),
    "Slack webhook": lambda r: "/".join(
        ("https://hooks.slack.com/" + "services", "T0" + some(r, DIGITS, 7), "B0" + some(r, DIGITS, 7), mixed(r, 24))
    ),
    "Stripe": lambda r: r.choice(("sk", "rk")) + "_li" + "ve_" + mixed(r, 24),
    "OpenAI": lambda r: "sk-" + r.choice(("", "proj-", "svcacct-")) + mixed(r, 48),
    "Anthropic": lambda r: "sk-" + "ant-api03-" + mixed(r, 93, URL_SAFE) + "AA",
    "OpenRouter": lambda r: "sk-" + "or-v1-" + some(r, HEX, 64),
    "Hugging Face": lambda r: "hf" + "_" + some(r, string.ascii_letters, 34),
    "Groq": lambda r: "gs" + "k_" + mixed(r, 52),
    "Google API": lambda r: "AI" + "za" + some(r, URL_SAFE, 34) + "x",
    "Google OAuth": lambda r: "GOC" + "SPX-" + some(r, URL_SAFE, 27) + "x",
    "npm": lambda r: "np" + "m_" + mixed(r, 36),
    "PyPI": lambda r: "pypi-" + "AgEIcHlwaS5vcmc" + mixed(r, 150, URL_SAFE),
    "Docker": lambda r: "dck" + "r_pat_" + mixed(r, 27, URL_SAFE),
    "SendGrid": lambda r: "S" + "G." + mixed(r, 22) + "." + mixed(r, 43),
    "Twilio": lambda r: "S" + "K" + some(r, HEX, 32),
    "Telegram": lambda r: some(r, "123456789", 10) + ":A" + "A" + some(r, URL_SAFE, 32) + "x",
    "Discord": lambda r: "MT" + mixed(r, 24) + "." + mixed(r, 6) + "." + mixed(r, 38),
    "DigitalOcean": lambda r: "dop" + "_v1_" + some(r, HEX, 64),
    "Shopify": lambda r: "shp" + "at_" + some(r, HEX, 32),
    "Databricks": lambda r: "da" + "pi" + some(r, HEX, 32),
    "Vault": lambda r: "hv" + "s." + mixed(r, 24),
    "Azure client secret": lambda r: mixed(r, 3) + "8" + "Q~" + mixed(r, 34),
    "JWT": jwt,
    "private key": private_key,
    "bcrypt": lambda r: "$2" + "b$12$" + some(r, ALNUM + "./", 52) + "x",
}


def place_value(rng: Random, kind: str) -> str:
    base64ish = ALNUM + "+/"
    return {
        "AWS secret key": lambda: mixed(rng, 40, base64ish),
        "bearer": lambda: mixed(rng, 40, URL_SAFE),
        "cookie": lambda: mixed(rng, 32),
        "signed URL": lambda: some(rng, HEX, 64),
        "Azure storage": lambda: some(rng, base64ish, 86) + "==",
        "Docker auth": lambda: base64.b64encode(f"jo:{mixed(rng, 14)}".encode()).decode(),
        "kubeconfig": lambda: "LS0tLS1CRUdJTi" + some(rng, base64ish, 400),
        ".npmrc": lambda: str(uuid.UUID(int=rng.getrandbits(128), version=4)),
    }.get(kind, lambda: mixed(rng, rng.randint(9, 20), ALNUM + "!#^*+~"))()


FIRST = ("alice", "иван", "bob", "jörg", "mary.jane", "o.brien", "li", "sara_k", "john.smith+news", "x99")
HOSTS = (
    "gmail.com",
    "пример.рф",
    "firma.berlin",
    "acme-corp.io",
    "mail.example.org",
    "uni-köln.de",
    "firm.co.uk",
    "sub.dept.school.edu",
)


def luhn(prefix: str, length: int, rng: Random) -> str:
    digits = prefix + some(rng, DIGITS, length - 1 - len(prefix))
    total = sum(sum(divmod(int(digit) * (2 - place % 2), 10)) for place, digit in enumerate(reversed(digits)))
    return digits + str(-total % 10)


def card(rng: Random) -> str:
    prefix, length = rng.choice(
        (("4", 16), ("51", 16), ("55", 16), ("2345", 16), ("37", 15), ("6011", 16), ("3528", 16), ("36", 14))
    )
    digits = luhn(prefix, length, rng)
    gap = rng.choice(("", " ", "-"))
    cuts = (4, 8, 12) if length == 16 else (4, 10)
    return gap.join(digits[start:end] for start, end in zip((0, *cuts), (*cuts, length), strict=True))


def iban(rng: Random) -> str:
    country, length = rng.choice(
        (("DE", 22), ("GB", 22), ("FR", 27), ("NL", 18), ("ES", 24), ("CH", 21), ("PL", 28), ("NO", 15))
    )
    letters = 4 if country in ("GB", "NL") else 0
    body = some(rng, string.ascii_uppercase, letters) + some(rng, DIGITS, length - 4 - letters)
    check = 98 - int("".join(str(int(it, 36)) for it in body + country + "00")) % 97
    text = f"{country}{check:02}{body}"
    return text if rng.random() < 0.5 else " ".join(text[start : start + 4] for start in range(0, length, 4))


PHONES = (
    "+1 (2##) 2##-####", "+1-4##-5##-####", "+12125######", "(3##) 5##-####", "5##-5##-####", "6##.5##.####",
    "+49 30 2#######", "+49 (0)89 2######", "+44 20 7### ####", "+447400 ######", "+33 6 12 ## ## ##", "020 7### ####",
    "+91 98### #####", "06 12 ## ## ##", "+41 44 6## ## ##", "+81 3-3###-####", "+34 612 ### ###",
)  # fmt: skip


def phone(rng: Random) -> str:
    return "".join(rng.choice("23456789") if it == "#" else it for it in rng.choice(PHONES))


def public_ip(rng: Random) -> str:
    while True:
        address = IPv4Address(rng.getrandbits(32))
        if address.is_global and not address.is_multicast and max(address.packed) > 20:
            return str(address)


PERSONAL: dict[str, Callable[[Random], str]] = {
    "e-mail": lambda r: f"{r.choice(FIRST)}@{r.choice(HOSTS)}",
    "phone": phone,
    "card": card,
    "IBAN": iban,
    "IPv4": public_ip,
    "IPv6": lambda r: str(IPv6Address((0x2A02 << 112) | r.getrandbits(112) & ~(0xFFFF << 64))),
}
