"""Texts that look like secrets or personal data and are none: nothing in them may be replaced."""

from __future__ import annotations

import string
import uuid
from collections.abc import Callable, Iterator
from random import Random

from tests.engine.planted_values import ALNUM, DIGITS, HEX, some

VERSIONS = (
    "v{}.{}.{}.{}",
    "version {}.{}.{}.{}",
    "pkg=={}.{}.{}.{}",
    "Chrome/{}.0.{}.{}.{}",
    "lib-{}.{}.{}.{}.jar",
    "{}.{}.{}-rc{}",
)
DATES = (
    "on 20{y}-0{m}-1{d}",
    "1{d}.0{m}.20{y}",
    "0{m}/1{d}/20{y}",
    "20{y}-0{m}-1{d}T10:0{d}:33.12{d}Z",
    "20{y}0{m}1{d}10{y}33",
)
ADDRESSES = (
    "127.0.0.1:{}",
    "0.0.0.0:{}",
    "192.168.{a}.{a}",
    "10.{a}.{a}.{a}",
    "192.0.2.{a}",
    "203.0.113.{a}",
    "::1",
    "fe80::{a}",
)
NUMBERS = ("x = {}", "MAX = {}", "return {} % 97", "[{}, 7]", "0x{}", "0.{}", "sleep({})")
BOOKS = ("ISBN 978-{}-{}-{}-{}", "isbn: 978{}{}{}{}")
CLOCKS = (
    "01 02 03 04 05",
    "06 07 08 09 10 11",
    "at 12:34:56",
    "std::vector<int>",
    "a::b::c",
    "MAC 2c:54:91:88:c9:e3",
    "10:20:30:40",
    "SELECT '2024'::text",
)
AT_SIGNS = (
    "@app.route('/x')\ndef f(): ...", "@pytest.mark.parametrize('a', [1])", "@functools.cache\ndef g(n): ...",
    "import x from '@scope/pkg.core'", "npm i lodash@4.17.21 left-pad@latest", "img/logo@2x.png",
    "y = q@k.transpose(-2, -1)", "w = X@W.mean(axis=0).to(device)", "x@w.to(torch.float32)", "h@self.head.weight.T",
    "a = q@k.mT", "y = x@w.at[0].set(1)", "pbmc@meta.data$cluster <- 1", "head(pbmc@active.ident)",
    "this@MainActivity.runOnUiThread {", "super@Foo.name", "return@forEach.let{}", "xs@Data.List.head",
    "pip install foo@bar.whl", "image: nginx@sha256.abcdef", "go install x/gopls@latest.foo", "notes@2024.md",
)  # fmt: skip
ABOUT_SECRETS = (
    "password = getpass.getpass()", "api_key = os.environ['API_KEY']", "token = config.get('token')",
    'password: "changeme"', "def login(user, password): ...", "secret = None", "Authorization: Bearer <token>", "postgres://$USER:$PASS@host/db",
    "max_tokens = 4096", "secretName: db-creds", "token_type: bearer", "client_secret: ${CLIENT_SECRET}",
    "tokenizer = AutoTokenizer.from_pretrained('gpt2')", "password_length = 12", "foreign_key = 'orders.id2'",
    "the password must have 8 to 64 characters", "password = get_password(x1)", "token = tokens[0]", "tokens: 1024abc",
    "f(api_key=settings.API_KEY_V2)", "    api_key=settings.API_KEY_V2", "pass_rate=0.95abc", "tokenizer: gpt2-xl",
    "secretName: db-creds-v2", "def f(token) -> Base64Str: ...", "| password | sha256 | no |", "| token | text |",
    '"password": "at least 8 characters"', "secret:\n  version2: x",
    "if token == TokenType.STRING1: pass", "sort_key=lambda x: x[1]", "cache_key = 'user:12:profile:v2'",
    "queryKey: ['orders-2024-01-list']", "partition_key=tenant_0042_region_eu1", "issue_key = 'PROJ-12345678901'",
    "theme_key = 'dark-mode-2024-settings'", "s3_key = 'exports/9f86d081884c7d65/part0a1b2c3d'", "monkey: abc123def456",
    "primary_key: 3f2a9c1d4e5b6a7f8091a2b3", "PUBLIC_KEY=0f1e2d3c4b5a69788796a5b4c3d2e1f0",
    "any_key = some_function_v2_x", "tensor_key=model.layers.0.attn.q2",
    "kms_key_id = '0f1e2d3c-4b5a-4978-8796-a5b4c3d2e1f0'",
)  # fmt: skip
CELLS = (
    "cell: 3141592653", "Cell 4294967295", "row 5 cell: 1000000", "cell(1234567)", "cell 1234567 in the table",
    "pH: 7.412345678", "0755 1000 4096", "chmod 0644 2023 1122", "nextCell = 16777216", "stop: 2147483",
    "graph: 1234567890",
)  # fmt: skip
ROUTES = (
    'href="/home/{}"', "GET /home/{} HTTP/1.1", "router.push('/home/{}')", "path('/Users/{}')", '<Link to="/home/{}">',
    "app.get('/home/{}', show)", "redirect('/home/{}')",
)  # fmt: skip
PATHS = (
    "/home/index.tsx", "/Users/index.html", "'/home/page/1'", "/home/about", "src/home/page.tsx",
    "/home/runner/work/x", "/usr/local/lib/python3.11", "git@github.com:acme/repo.git", "https://acme.io/home/index.html",
    "~/work", "/home/$USER/x", "C:\\Users\\Public\\x", "/Users/<name>/x",
)  # fmt: skip


def _version(rng: Random) -> str:
    return rng.choice(VERSIONS).format(*(rng.randint(0, 40) for _ in range(4)))


def _book(rng: Random) -> str:
    return rng.choice(BOOKS).format(rng.randint(0, 9), rng.randint(10, 99), some(rng, DIGITS, 6), rng.randint(0, 9))


def _date(rng: Random) -> str:
    return rng.choice(DATES).format(y=rng.randint(10, 30), m=rng.randint(1, 9), d=rng.randint(0, 9))


def _epoch(rng: Random) -> str:
    seconds = rng.randint(10**9, 2 * 10**9)
    return f"ts={seconds} ms={seconds * 1000 + 123} ns={seconds * 10**9 + rng.randint(0, 10**9)}"


def _hex_dump(rng: Random) -> str:
    return "\n".join(f"{row * 16:08x}  " + " ".join(some(rng, HEX, 2) for _ in range(16)) for row in range(3))


def _order(rng: Random) -> str:
    sku = f"{some(rng, string.ascii_uppercase, 3)}-{some(rng, DIGITS, 6)}"
    return f"order #{some(rng, DIGITS, 10)}, invoice INV-{rng.randint(2000, 2030)}-{some(rng, DIGITS, 5)}, SKU {sku}"


def _log_line(rng: Random) -> str:
    block, size = some(rng, "123456789", 19), some(rng, "123456789", 8)
    return (
        f"081109 20{rng.randint(1000, 5959)} {rng.randint(10, 999)} INFO dfs.DataNode: block blk_-{block} size {size}"
    )


def _diff(rng: Random) -> str:
    """Dates and numbers, which a diff's + makes look like phones."""
    date = f"20{rng.randint(10, 30)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
    clock = f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}:{rng.randint(0, 59):02}"
    small = [str(rng.randint(0, 99)) for _ in range(rng.randint(3, 6))]
    lines = (
        f"{date} {clock} INFO ready", f"{date},{rng.random():.2f},{rng.randint(1, 9)}",
        date.replace("-", "/") + f" {clock[:5]}",
        ".".join(reversed(date.split("-"))) + f" {clock}", " ".join(small), ", ".join(small), ".".join(small[:3]),
        "\t".join(small), " ".join(f"{rng.random() * 40:.3f}" for _ in range(3)),
        f"{rng.randint(1, 2**16)} {rng.randint(1, 2**16)} 3",
        f"{rng.randint(1900, 2030)} {rng.randint(1, 366)} {rng.randint(0, 9999)}", f"{clock}.{rng.randint(100, 999)}",
    )  # fmt: skip
    return "@@ -1,3 +1,3 @@\n" + "\n".join(rng.choice("+-+ ") + line for line in rng.sample(lines, 3))


def _coloured(rng: Random) -> str:
    """What a terminal shows of a test run, a log, a search."""
    lines = (
        f"\x1b[32mPASSED\x1b[0m tests/test_a.py::test_b \x1b[32m[{rng.randint(1, 99):3}%]\x1b[0m",
        f"\x1b[2m2026-03-04T12:00:01.{rng.randint(100, 999)}Z\x1b[0m "
        f"\x1b[1;34mINFO\x1b[0m \x1b[36mrows\x1b[0m=\x1b[35m{some(rng, DIGITS, 8)}\x1b[0m",
        f"\x1b[35m\x1b[Ksrc/a.py\x1b[m\x1b[K\x1b[36m:\x1b[m\x1b[K"
        f"\x1b[32m{rng.randint(1, 999)}\x1b[m: \x1b[01;31mpassword\x1b[m = getpass()",
        f"\x1b[33mcommit {some(rng, HEX, 40)}\x1b[m\n"
        "\x1b[36m@@ -1 +1 @@\x1b[m\n\x1b[31m-10 20 30 40\x1b[m\n\x1b[32m+10 20 30 41\x1b[m",
        f"\x1b[32m+2023-09-27 19:09:12\x1b[m started, \x1b[1m{rng.randint(1, 999)}\x1b[m s",
        f"\\033[36mtoken\\033[0m: \\033[1mnone\\033[0m \\e[{rng.randint(30, 37)}mdone\\e[0m",
    )  # fmt: skip
    return rng.choice(lines)


def _numbered(rng: Random) -> str:
    lines = (
        "import os",
        "def f(x):",
        "    return x * 2",
        "password = getpass()",
        "x = [10, 20, 30, 40]",
        "",
        "# 2024-01-02",
    )
    first = rng.randint(1, 900)
    return "\n".join(f"{first + row:6}→{rng.choice(lines)}" for row in range(4))


HARMLESS: dict[str, Callable[[Random], str]] = {
    "UUID": lambda r: f"id {uuid.UUID(int=r.getrandbits(128), version=4)} done",
    "SHA-256": lambda r: f"sha256: {some(r, HEX, 64)}",
    "git sha": lambda r: f"commit {some(r, HEX, 40)} (HEAD -> main)\nindex {some(r, HEX, 7)}..{some(r, HEX, 7)} 100644",
    "version": _version,
    "ISBN": _book,
    "date": _date,
    "epoch": _epoch,
    "hex dump": _hex_dump,
    "base64 image": lambda r: "data:image/png;base64,iVBORw0KGgo" + some(r, ALNUM + "+/", 300) + "=",
    "decorator, package, file": lambda r: r.choice(AT_SIGNS),
    "order number": _order,
    "number in code": lambda r: r.choice(NUMBERS).format(some(r, "123456789", r.randint(7, 16))),
    "16 digits": lambda r: f"request {some(r, DIGITS, 16)} took {r.randint(1, 99)} ms",
    "address that names nobody": lambda r: r.choice(ADDRESSES).format(r.randint(1000, 9999), a=r.randint(0, 255)),
    "clock, count, C++, MAC": lambda r: r.choice(CLOCKS),
    "code about secrets": lambda r: r.choice(ABOUT_SECRETS),
    "cell, mode": lambda r: r.choice(CELLS),
    "web route": lambda r: r.choice(ROUTES).format(some(r, string.ascii_lowercase, r.randint(4, 9))),
    "path, repository": lambda r: r.choice(PATHS),
    "table of numbers": lambda r: "  ".join(str(r.randint(100, 9999)) for _ in range(12)),
    "log line": _log_line,
    "diff": _diff,
    "coloured output": _coloured,
    "numbered lines": _numbered,
}


def harmless(seed: int = 0, each: int = 40) -> Iterator[tuple[str, str]]:
    """(kind, text)."""
    rng = Random(seed)
    for kind, make in HARMLESS.items():
        for _ in range(each):
            yield kind, make(rng)
