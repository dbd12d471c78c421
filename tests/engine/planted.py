"""Planted secrets and personal data, each with the text around it that must survive: seeded, generated, nobody's.

Not here: the values (planted_values.py), what only looks alike (look_alikes.py), and what becomes of either
(privacy_figures.py).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import NamedTuple

from tests.engine.planted_values import ALNUM, HEX, PERSONAL, TOKENS, Random, mixed, place_value, some


class Planted(NamedTuple):
    """A text that holds a value between what must survive."""

    kind: str
    before: str
    value: str
    after: str


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

ON_LINES = (
    ("@@ -1,3 +0,0 @@\n-first\n-", "-", "\n-last"),
    ("@@ -0,0 +1,3 @@\n+first\n+", "+", "\n+last"),
    ("@@ -1,3 +1,3 @@\n first\n ", " ", "\n+last"),
    ("-", "-", "\n-another"),
    ("first\\n-", "-", "\\n-last"),
    ("> ", "> ", "\n> last"),
    ("     1→first\n     2→", "     3→", "\n     9→last"),
    ("\x1b[32m", "", "\x1b[0m and more"),
    ("\x1b[1m\x1b[38;5;214m", "", "\x1b[m\x1b[K\nlast"),
    ("\x1b[31m-", "\x1b[m\n\x1b[31m-", "\x1b[m\n\x1b[32m+last\x1b[m"),
    ("\x1b[32m+\x1b[m\x1b[32m", "", "\x1b[m"),
    ("\\033[1;31m", "", "\\033[0m"),
    ("echo -e '\\e[36m", "", "\\e[0m'"),
)
"""(before, at the beginning of each further line, after): a diff, a list, a quotation, a file as Claude Code reads it,
the colours of a terminal."""

KEY = "a key of some service, known by its name"
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
KEYS = ("OPENAI_KEY", "Ocp-Apim-Subscription-Key", "x-functions-key", "speechKey", "SENDGRID_KEY")
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
    "**{name}:** «»\nand more",
    "- **{name}**: `«»`",
    "| {name} | `«»` | the main one |",
    "| `{name}`     | «»     |",
    "[client]\n{name} = «»\nport = 1",
    "{name} -> «»",
    "{name} → «»",
    "{name}：«»",
    "env:\n  - name: {name}\n    value: «»\n",
    '[{{"name": "{name}", "value": "«»"}}]',
    '<add key="{name}" value="«»"/>',
    "setx {name} «»",
    "@@ -1,2 +0,0 @@\n-{name}=«»\n-PATH=/bin",
    "@@ -0,0 +1,2 @@\n+port: 80\n+  {name}: «»\n",
    "@@ -0,0 +1,3 @@\n+env:\n+  - name: {name}\n+    value: «»\n",
    "     7→{name}=«»\n     8→",
    "\x1b[32m{name}\x1b[0m=\x1b[33m«»\x1b[0m\nPATH=/bin",
    "\x1b[1m{name}\x1b[0m: «»",
    '{{"out": "\\u001b[36m{name}\\u001b[0m: \\u001b[1m«»\\u001b[0m"}}',
)
PROSE = (
    "My API key: «»",
    "- **API key**: `«»`",
    "Mein Passwort ist «»",
    "mot de passe : «»",
    "contraseña: «»",
    "密码：«»",
    "Password:\n«»\nThanks",
    "-Password:\n-«»\n-Thanks",
)
PLACES = {
    "AWS secret key": (
        "aws_secret_access_key = «»\nregion = eu",
        'AWS_SECRET_ACCESS_KEY="«»"',
        '"SecretAccessKey": "«»",',
    ),
    "bearer": (
        "Authorization: Bearer «»\nAccept: */*",
        "curl -H 'Authorization: Bearer «»' https://x.io",
        '{"authorization": "Bearer «»"}',
        "\x1b[1mAuthorization\x1b[0m: Bearer \x1b[36m«»\x1b[0m",
    ),
    "basic auth": (
        "postgres://app:«»@db.acme.io:5432/app",
        "DATABASE_URL=mysql://root:«»@10.0.0.3/x",
        "https://jo:«»@git.acme.io/r.git",
        "redis://:«»@cache:6379/0",
        "curl -u jo:«» https://acme.io",
        "mongodb+srv://u:«»@c0.mongodb.net/?retryWrites=true",
        "requests.get(url, auth=('jo', '«»'))",
    ),
    "cookie": (
        "Cookie: theme=dark; sessionid=«»; lang=en",
        "Set-Cookie: connect.sid=«»; Path=/; HttpOnly",
        "-b 'PHPSESSID=«»'",
    ),
    ".netrc": (
        "machine api.acme.io login jo password «»\n",
        "machine h\n  login jo\n  password «»\n",
        "-machine h\n-  login jo\n-  password «»\n",
    ),
    ".pgpass": (
        "db.acme.io:5432:app:jo:«»\n",
        "localhost:5432:*:postgres:«»\n",
        "@@ -0,0 +1 @@\n+db.acme.io:5432:app:jo:«»\n",
    ),
    "connection string": (
        "Server=db;Database=x;User Id=sa;Password=«»;Encrypt=yes",
        "jdbc:postgresql://h/db?user=jo&password=«»&ssl=true",
    ),
    "Azure storage": ("DefaultEndpointsProtocol=https;AccountName=acme;AccountKey=«»;EndpointSuffix=core.windows.net",),
    "Docker auth": ('{"auths": {"ghcr.io": {"auth": "«»"}}}',),
    "kubeconfig": ("    client-key-data: «»\n    x: 1",),
    ".npmrc": ("//registry.npmjs.org/:_authToken=«»\n",),
    "chat": ("my password is «», please log in for me", "the api key is «» and the region is eu"),
    "signed URL": ("https://b.s3.amazonaws.com/a?X-Amz-Date=1&X-Amz-Signature=«»", "https://x.io/a?Signature=«»&b=1"),
    "command": (
        "mysql -u root -p«» app",
        "app login --token «» --verbose",
        "sshpass -p «» ssh jo@h",
        "CREATE USER jo IDENTIFIED BY '«»';",
    ),
}
PATHS = (
    'File "/home/«»/src/app.py", line 3',
    "cd /Users/«»/work && ls",
    "C:\\Users\\«»\\Documents\\a.txt",
    '"C:\\\\Users\\\\«»\\\\x"',
    "PATH=/home/«»/.local/bin:/usr/bin",
    "/home/«»: permission denied",
    "file:///Users/«»/a.html",
    "/mnt/c/Users/«»/x",
    "C:/Users/«»/x",
    "/var/home/«»/x",
    "/export/home/«»",
    "\\\\wsl$\\Ubuntu\\home\\«»\\x",
    '"/home/«»"',
    'src="/Users/«»/Pictures/a.png"',
    "GET /home/«»/.ssh/id_rsa HTTP/1.1",
    '"cwd": "/home/«»/shop"',
    "\x1b[36m/home/«»/src/a.py\x1b[0m:12",
    '{"out": "\\u001b[35m/Users/«»/a.py\\u001b[m"}',
    "-/home/«»/notes\n",
    "file:///c%3A/Users/«»/shop/a.py",
    "vscode-remote://wsl%2Bubuntu/home/«»/shop/a.py",
    "vscode-remote://ssh-remote+box/home/«»/shop/a.py",
    "cwd=%2Fhome%2F«»%2Fshop",
    "cd /cluster/home/«»/run",
    "cd /gpfs/home/«»/run",
    "C:\\Documents and Settings\\«»\\Desktop",
    "c:\\users\\«»\\x",
    "\\\\files\\Users\\«»\\docs",
)
CALLED = (
    "call me at {}", "Phone: {}", "-Phone: {}", "\x1b[1mPhone\x1b[0m: {}",
    '{{"phone_number": "{}"}}', "tel:{}", "WhatsApp {}", "my number is {}",
    "我的电话是{}", "手机: {}", "teléfono {}", "Telefonnummer: {}", "mobil {}",
)  # fmt: skip


def planted(seed: int = 0, each: int = 40) -> Iterator[Planted]:
    """At least `each` of every kind, every context in turn."""
    rng = Random(seed)
    for kind, make in {**TOKENS, **PERSONAL}.items():
        for number in range(each):
            value = make(rng)
            yield from _in_turn(kind, value, number)
            yield from _on_lines(kind, value, number)
    contexts = NAMED + PROSE
    for number in range(each * 4):
        name = rng.choice(NAMES)
        value = mixed(rng, rng.randint(10, 32), ALNUM + ("!#%^*+~" if number % 3 else ""))
        yield _split(
            PASSWORD,
            contexts[number % len(contexts)].replace("{name}", name).replace("{{", "{").replace("}}", "}"),
            value,
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
    for number in range(each):
        context = NAMED[number % len(NAMED)].replace("{name}", rng.choice(KEYS))
        unlike = some(rng, HEX, 32), str(uuid.UUID(int=rng.getrandbits(128), version=4)), mixed(rng, 40)
        yield _split(KEY, context.replace("{{", "{").replace("}}", "}"), rng.choice(unlike))


def _in_turn(kind: str, value: str, number: int) -> Iterator[Planted]:
    yield _split(kind, ANYWHERE[number % len(ANYWHERE)].replace("{}", "«»"), value)
    if number % 4 == 0:
        before, after = '{"level": "info", "msg": "', '", "n": 3}'
        yield Planted(kind, before + "got ", json.dumps(value, ensure_ascii=False)[1:-1], after)
    if number % 4 == 1 and kind != "private key":
        outer = json.dumps({"body": json.dumps({"text": "x «»", "n": [1]}, ensure_ascii=False)}, ensure_ascii=False)
        yield _split(kind, outer, value)


def _on_lines(kind: str, value: str, number: int) -> Iterator[Planted]:
    before, edge, after = ON_LINES[number % len(ON_LINES)]
    parts = before, value.replace("\n", edge if "\n" in edge else f"\n{edge}"), after
    yield Planted(kind, *parts)
    before, text, after = (json.dumps(part, ensure_ascii=False)[1:-1] for part in parts)
    yield Planted(kind, f'{{"diff": "{before}', text, f'{after}", "n": 3}}')


def _split(kind: str, template: str, value: str) -> Planted:
    before, _, after = template.partition("«»")
    return Planted(kind, before, value, after)
