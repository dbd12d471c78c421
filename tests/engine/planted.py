"""Planted secrets and personal data with their harmless look-alikes: seeded, generated, none of them anybody's.

`python -m tests.engine.planted` prints recall and false positives by kind, each with n and Wilson's interval, and the
speed on real text where VIBE_DATA has some. Keys are put together here so that no scanner of this repository finds one.
"""

from __future__ import annotations

import base64
import json
import random
import string
import uuid
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

import polars as pl

from vibe_pipeline.evaluate.figures import share
from vibe_pipeline.records import Figure
from vibe_pipeline.scrub import Scrubber
from vibe_pipeline.scrub.placeholders import PLACEHOLDER

Random = random.Random
ALNUM = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
URL_SAFE = ALNUM + "_-"


class Planted(NamedTuple):
    """A text that holds a value between what must survive."""

    kind: str
    before: str
    value: str
    after: str


def some(rng: Random, letters: str, count: int) -> str:
    return "".join(rng.choices(letters, k=count))


def mixed(rng: Random, count: int, letters: str = ALNUM) -> str:
    """With at least one letter and one digit."""
    return some(rng, letters, count - 3) + rng.choice("0123456789") + rng.choice("abcxyz") + rng.choice("ABCXYZ")


def jwt(rng: Random) -> str:
    parts = ({"alg": "HS256", "typ": "JWT"}, {"sub": some(rng, string.digits, 10), "name": "Jo"})
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
    "Slack": lambda r: "xo" + r.choice(("xb", "xp")) + f"-{some(r, string.digits, 12)}-{some(r, string.digits, 13)}-" + mixed(r, 24),
    "Slack webhook": lambda r: "https://hooks.slack.com/" + f"services/T{some(r, '0123456789ABC', 9)}/B{some(r, '0123456789ABC', 9)}/" + mixed(r, 24),
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
}  # fmt: skip

ANYWHERE = (
    'client = Client("{}")  # see the docs',
    "Hi, can you tell me why {} does not work? Thanks!",
    "2026-03-04 12:00:01,123 INFO app.auth - got {} from upstream",
    "ValueError: cannot use '{}'\n  File \"app.py\", line 3, in <module>",
    "curl -H 'X-Custom: {}' https://api.acme.io/v1",
    "first\r\n{}\r\nlast",
    "an escaped line end\\n{}\\nand more",
    "鍵は「{}」です",
    "这里{}。下一句",
    "`{}`, then (again) …",
    "https://acme.io/cb?state=1&code={}&z=2",
    "a,{},b",
    "VALUE={}\nPATH=/bin",
    "- {}\n- other",
)

PASSWORD = "a password or key known by its name"
NAMES = (
    "DB_PASSWORD",
    "API_KEY",
    "SECRET_KEY",
    "ACCESS_TOKEN",
    "CLIENT_SECRET",
    "APP_PASSWORD",
    "auth_token",
    "password",
)
NAMED = (
    "{name}=«»\nPATH=/bin",
    "export {name}=«»\ncd",
    '{name} = "«»"',
    "{name}: «»\nport: 80",
    "os.environ['{name}'] = '«»'",
    '{{"{name}": "«»", "n": 1}}',
    '{{\\"{name}\\": \\"«»\\"}}',
    "config.set('{name}', '«»')",
    "<{name}>«»</{name}>",
    'variable "{name}" {{ default = 1 }}\n{name} = "«»"',
    "--build-arg {name}=«» .",
)
PLACES = {
    "AWS secret key": ("aws_secret_access_key = «»\nregion = eu", 'AWS_SECRET_ACCESS_KEY="«»"', '"SecretAccessKey": "«»",'),
    "bearer": ("Authorization: Bearer «»\nAccept: */*", "curl -H 'Authorization: Bearer «»' https://x.io", '{"authorization": "Bearer «»"}'),
    "basic auth": ("postgres://app:«»@db.acme.io:5432/app", "DATABASE_URL=mysql://root:«»@10.0.0.3/x", "https://jo:«»@git.acme.io/r.git",
                   "redis://:«»@cache:6379/0", "curl -u jo:«» https://acme.io", 'mongodb+srv://u:«»@c0.mongodb.net/?retryWrites=true'),
    "cookie": ("Cookie: theme=dark; sessionid=«»; lang=en", "Set-Cookie: connect.sid=«»; Path=/; HttpOnly", "-b 'PHPSESSID=«»'"),
    ".netrc": ("machine api.acme.io login jo password «»\n", "machine h\n  login jo\n  password «»\n"),
    ".pgpass": ("db.acme.io:5432:app:jo:«»\n", "localhost:5432:*:postgres:«»\n"),
    "connection string": ("Server=db;Database=x;User Id=sa;Password=«»;Encrypt=yes", "jdbc:postgresql://h/db?user=jo&password=«»&ssl=true"),
    "Azure storage": ("DefaultEndpointsProtocol=https;AccountName=acme;AccountKey=«»;EndpointSuffix=core.windows.net",),
    "Docker auth": ('{"auths": {"ghcr.io": {"auth": "«»"}}}',),
    "kubeconfig": ("    client-key-data: «»\n    x: 1",),
    ".npmrc": ("//registry.npmjs.org/:_authToken=«»\n",),
    "chat": ("my password is «», please log in for me", "the api key is «» and the region is eu"),
    "command": ("mysql -u root -p«» app", "app login --token «» --verbose", "sshpass -p «» ssh jo@h", "CREATE USER jo IDENTIFIED BY '«»';"),
}  # fmt: skip


def place_value(rng: Random, kind: str) -> str:
    base64ish = ALNUM + "+/"
    return {
        "AWS secret key": lambda: mixed(rng, 40, base64ish),
        "bearer": lambda: mixed(rng, 40, URL_SAFE),
        "cookie": lambda: mixed(rng, 32),
        "Azure storage": lambda: some(rng, base64ish, 86) + "==",
        "Docker auth": lambda: base64.b64encode(f"jo:{mixed(rng, 14)}".encode()).decode(),
        "kubeconfig": lambda: "LS0tLS1CRUdJTi" + some(rng, base64ish, 400),
        ".npmrc": lambda: str(uuid.UUID(int=rng.getrandbits(128), version=4)),
    }.get(kind, lambda: mixed(rng, rng.randint(9, 20), ALNUM + "!#^*+~"))()


FIRST = ("alice", "bob", "jörg", "mary.jane", "o.brien", "li", "sara_k", "john.smith+news", "x99")
HOSTS = ("gmail.com", "acme-corp.io", "mail.example.org", "uni-köln.de", "firm.co.uk", "sub.dept.school.edu")


def luhn(prefix: str, length: int, rng: Random) -> str:
    digits = prefix + some(rng, string.digits, length - 1 - len(prefix))
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
    body = some(rng, string.ascii_uppercase, letters) + some(rng, string.digits, length - 4 - letters)
    check = 98 - int("".join(str(int(it, 36)) for it in body + country + "00")) % 97
    text = f"{country}{check:02}{body}"
    return text if rng.random() < 0.5 else " ".join(text[start : start + 4] for start in range(0, length, 4))


def phone(rng: Random) -> str:
    number = "".join(rng.choice("#") if it == "#" else it for it in rng.choice((
        "+1 (2##) 2##-####", "+1-4##-5##-####", "+12125######", "(3##) 5##-####", "5##-5##-####", "6##.5##.####", "+49 30 2#######",
        "+49 (0)89 2######", "+44 20 7### ####", "+447911 ######", "+33 6 12 ## ## ##", "020 7### ####", "+91 98### #####",
        "06 12 ## ## ##", "+41 44 6## ## ##", "+81 3-3###-####", "+34 612 ### ###")))  # fmt: skip
    return "".join(rng.choice("23456789") if it == "#" else it for it in number)


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
PATHS = (
    'File "/home/«»/src/app.py", line 3', "cd /Users/«»/work && ls", "C:\\Users\\«»\\Documents\\a.txt", '"C:\\\\Users\\\\«»\\\\x"',
    "PATH=/home/«»/.local/bin:/usr/bin", "/home/«»: permission denied", "file:///Users/«»/a.html", "/mnt/c/Users/«»/x", "C:/Users/«»/x",
)  # fmt: skip
CALLED = ("call me at {}", "Phone: {}", '{{"phone_number": "{}"}}', "tel:{}", "WhatsApp {}")


def planted(seed: int = 0, each: int = 40) -> Iterator[Planted]:
    """At least `each` of every kind, every context in turn."""
    rng = Random(seed)
    for kind, make in {**TOKENS, **PERSONAL}.items():
        for number in range(each):
            yield from _in_turn(kind, make(rng), number)
    for number in range(each * 3):
        name = rng.choice(NAMES)
        value = mixed(rng, rng.randint(10, 32), ALNUM + ("!#%^*+~" if number % 3 else ""))
        yield _split(
            PASSWORD, NAMED[number % len(NAMED)].replace("{name}", name).replace("{{", "{").replace("}}", "}"), value
        )
    for kind, templates in PLACES.items():
        for number in range(each):
            yield _split(kind, templates[number % len(templates)], place_value(rng, kind))
    for number in range(each):
        yield _split(
            "name in a home path",
            PATHS[number % len(PATHS)],
            rng.choice(("alice", "jdoe", "m.müller", "x-y_z", "bob42")),
        )
        bare = str(rng.randint(2, 9)) + some(rng, "23456789", 9)
        yield _split(
            "phone after a word",
            CALLED[number % len(CALLED)].replace("{{", "{").replace("}}", "}").replace("{}", "«»"),
            bare,
        )


def _in_turn(kind: str, value: str, number: int) -> Iterator[Planted]:
    yield _split(kind, ANYWHERE[number % len(ANYWHERE)].replace("{}", "«»"), value)
    if number % 4 == 0:
        before, after = '{"level": "info", "msg": "', '", "n": 3}'
        yield Planted(kind, before + "got ", json.dumps(value, ensure_ascii=False)[1:-1], after)
    if number % 4 == 1 and kind != "private key":
        outer = json.dumps({"body": json.dumps({"text": "x «»", "n": [1]}, ensure_ascii=False)}, ensure_ascii=False)
        yield _split(kind, outer, value)


def _split(kind: str, template: str, value: str) -> Planted:
    before, _, after = template.partition("«»")
    return Planted(kind, before, value, after)


HARMLESS: dict[str, Callable[[Random], str]] = {
    "UUID": lambda r: f"id {uuid.UUID(int=r.getrandbits(128), version=4)} done",
    "SHA-256": lambda r: f"sha256: {some(r, HEX, 64)}",
    "git sha": lambda r: f"commit {some(r, HEX, 40)} (HEAD -> main)\nindex {some(r, HEX, 7)}..{some(r, HEX, 7)} 100644",
    "version": lambda r: r.choice(("v{}.{}.{}.{}", "version {}.{}.{}.{}", "pkg=={}.{}.{}.{}", "Chrome/{}.0.{}.{}.{}", "lib-{}.{}.{}.{}.jar", "{}.{}.{}-rc{}")).format(*(r.randint(0, 40) for _ in range(4))),
    "ISBN": lambda r: r.choice(("ISBN 978-{}-{}-{}-{}", "isbn: 978{}{}{}{}")).format(r.randint(0, 9), r.randint(10, 99), some(r, string.digits, 6), r.randint(0, 9)),
    "date": lambda r: r.choice(("on 20{y}-0{m}-1{d}", "1{d}.0{m}.20{y}", "0{m}/1{d}/20{y}", "20{y}-0{m}-1{d}T10:0{d}:33.12{d}Z", "20{y}0{m}1{d}10{y}33")).format(y=r.randint(10, 30), m=r.randint(1, 9), d=r.randint(0, 9)),
    "epoch": lambda r: f"ts={r.randint(10**9, 2 * 10**9)} ms={r.randint(10**12, 2 * 10**12)} ns={r.randint(10**18, 2 * 10**18)}",
    "hex dump": lambda r: "\n".join(f"{row * 16:08x}  " + " ".join(some(r, HEX, 2) for _ in range(16)) for row in range(3)),
    "base64 image": lambda r: "data:image/png;base64,iVBORw0KGgo" + some(r, ALNUM + "+/", 300) + "=",
    "decorator": lambda r: r.choice(("@app.route('/x')\ndef f(): ...", "@pytest.mark.parametrize('a', [1])", "@functools.cache\ndef g(n): ...", "import x from '@scope/pkg.core'", "npm i lodash@4.17.21 left-pad@latest", "img/logo@2x.png")),
    "order number": lambda r: f"order #{some(r, string.digits, 10)}, invoice INV-{r.randint(2000, 2030)}-{some(r, string.digits, 5)}, SKU {some(r, string.ascii_uppercase, 3)}-{some(r, string.digits, 6)}",
    "number in code": lambda r: r.choice(("x = {}", "MAX = {}", "return {} % 97", "[{}, 7]", "0x{}", "0.{}", "sleep({})")).format(some(r, "123456789", r.randint(7, 16))),
    "16 digits": lambda r: f"request {some(r, string.digits, 16)} took {r.randint(1, 99)} ms",
    "local address": lambda r: r.choice(("127.0.0.1:{}", "0.0.0.0:{}", "192.168.{a}.{a}", "10.{a}.{a}.{a}", "192.0.2.{a}", "203.0.113.{a}", "::1", "fe80::{a}")).format(r.randint(1000, 9999), a=r.randint(0, 255)),
    "clock and C++": lambda r: r.choice(("at 12:34:56", "std::vector<int>", "a::b::c", "MAC 2c:54:91:88:c9:e3", "10:20:30:40", "SELECT '2024'::text")),
    "code about secrets": lambda r: r.choice(("password = getpass.getpass()", "api_key = os.environ['API_KEY']", "token = config.get('token')", 'password: "changeme"', "def login(user, password): ...", "secret = None", "Authorization: Bearer <token>", "postgres://$USER:$PASS@host/db", "max_tokens = 4096", "secretName: db-creds", "token_type: bearer", "tokenizer = AutoTokenizer.from_pretrained('gpt2')", "password_length = 12", "client_secret: ${CLIENT_SECRET}", "the password must have 8 to 64 characters", "if token == TokenType.STRING1: pass", "sort_key=lambda x: x[1]", "foreign_key = 'orders.id2'")),
    "path and repository": lambda r: r.choice(("/home/runner/work/x", "/usr/local/lib/python3.11", "git@github.com:acme/repo.git", "https://acme.io/home/index.html", "~/work", "/home/$USER/x", "C:\\Users\\Public\\x", "/Users/<name>/x")),
    "table of numbers": lambda r: "  ".join(str(r.randint(100, 9999)) for _ in range(12)),
    "log line": lambda r: f"081109 20{r.randint(1000, 5959)} {r.randint(10, 999)} INFO dfs.DataNode: Receiving block blk_-{some(r, '123456789', 19)} size {some(r, '123456789', 8)}",
}  # fmt: skip


def harmless(seed: int = 0, each: int = 40) -> Iterator[tuple[str, str]]:
    """(kind, text) in which nothing may be replaced."""
    rng = Random(seed)
    for kind, make in HARMLESS.items():
        for _ in range(each):
            yield kind, make(rng)


def outcomes(scrubber: Scrubber, items: list[Planted]) -> pl.DataFrame:
    """kind, text, scrubbed, is_gone (nothing of the value is left), is_exact (and all around it stands)."""
    texts = pl.Series("text", [it.before + it.value + it.after for it in items])
    scrubbed = scrubber.column(texts)[0].rename("scrubbed")
    frame = pl.DataFrame([pl.Series("kind", [it.kind for it in items]), texts, scrubbed])
    gone = [it.value not in text for it, text in zip(items, scrubbed, strict=True)]
    exact = [
        text.startswith(it.before) and text.endswith(it.after)
        and PLACEHOLDER.fullmatch(text[len(it.before) : len(text) - len(it.after)]) is not None
        for it, text in zip(items, scrubbed, strict=True)
    ]  # fmt: skip
    return frame.with_columns(pl.Series("is_gone", gone), pl.Series("is_exact", exact))


def false_positives(scrubber: Scrubber, items: list[tuple[str, str]]) -> pl.DataFrame:
    """kind, text, scrubbed, is_changed."""
    texts = pl.Series("text", [text for _, text in items])
    scrubbed = scrubber.column(texts)[0].rename("scrubbed")
    frame = pl.DataFrame([pl.Series("kind", [kind for kind, _ in items]), texts, scrubbed])
    return frame.with_columns(is_changed=pl.col("text") != pl.col("scrubbed"))


def by_kind(frame: pl.DataFrame, column: str) -> Iterator[tuple[str, Figure]]:
    """The share of each kind in the order of appearance, then of all."""
    for (kind,), rows in frame.group_by("kind", maintain_order=True):
        yield str(kind), share(rows[column])
    yield "all", share(frame[column])
