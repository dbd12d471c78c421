"""The name in a home path: /home/joanna, C:\\Users\\Joanna Doe, and the folders that Claude Code names after paths.

A web page may lie at /home/about. Such a route is told by the name of a page, or by what stands before it (a verb of
HTTP, a link, a call of a router) where nothing of a file system follows. All other names are taken for a person's.
Not here: `~joanna`, which reads like too much else.
"""

from __future__ import annotations

import re

from vibe_pipeline.scrub.patterns import BEHIND_SIGN, Pattern, value_of

LATIN = r"A-Za-zÀ-ɏ"
FILES = r"(?:png|jpe?g|gif|svg|webp|ico|css|js|mjs|ts|tsx|jsx|json|py|html?|md|txt|tgz|gz|zip|pdf|mp4|woff2?|map|lock)"
"""Endings of files, and of no address and no name: logo@2x.png, /home/index.tsx."""

PART = r"[^\s\\/:*?\"'<>|`$%{}()\[\],;&#]{1,64}"
NAME = rf"(?P<value>{PART}(?: [{LATIN}.]{{1,32}}){{0,3}}(?=\\{{1,4}}[A-Za-z.])|{PART})"
"""A name with spaces is one where a backslash follows."""
SLASH = r"(?:\\{1,4}|/)"
HOMES = (
    r"/(?:(?<![A-Za-z0-9._~-]/)|(?<=\\[nrt]/)|(?<=/mnt/[a-z]/)|(?<=/[a-z]/)|(?<=/(?:var|nfs|net|mnt|srv|usr)/)"
    r"|(?<=/data/)|(?<=/export/)|(?<=/gpfs/)|(?<=/lustre/)|(?<=/cluster/)|(?<=Volumes/Data/)|(?<=%3[Aa]/)"
    rf"|{BEHIND_SIGN})(?:home|Users|(?<=/mnt/[a-z]/)users)/" + NAME,
    # Windows asks for no capitals, and nothing else writes a drive or a server.
    rf":(?<=[A-Za-z]:)(?<![A-Za-z]{{2}}:){SLASH}(?:[Uu]sers|[Dd]ocuments and [Ss]ettings){SLASH}" + NAME,
    r"\\(?<![\\\w]\\)\\{1,7}[\w.-]{1,63}\\{1,4}(?:[Uu]sers|[Hh]omes?)\$?\\{1,4}" + NAME,
    r"(?:vscode-remote|ssh|sftp)://[^\s/\"'<>]{1,200}/(?:home|Users)/" + NAME,
    # In a URL's query; what is no folder may be the address of a page.
    rf"%(?<![A-Za-z0-9._~-]%)(?i:2F)(?:home|Users)%(?i:2F)(?P<value>{PART})(?=%(?i:2F))",
    rf"wsl(?:\$|\.localhost){SLASH}[\w.-]{{1,40}}{SLASH}home{SLASH}" + NAME,
    # Claude Code's folder names.
    rf"-(?:(?m:(?<=^-))|(?<=\\n-)|(?<=projects[\\/]-)|(?<=[A-Z]--))(?:Users|home)-(?P<value>[{LATIN}0-9._]{{1,64}})(?=-)",
)

NOBODY = frozenset((
    "user", "username", "users", "name", "you", "me", "shared", "public", "default", "all", "guest", "runner",
    "runneradmin", "vsts", "ubuntu", "debian", "ec2-user", "vagrant", "node", "app", "jovyan", "admin", "yourname",
    "your_name", "your-name", "your_username", "linuxbrew", "git", "foo", "bar", "...", "…",
    "administrator", "all users", "default user"
))  # fmt: skip
"""Names in home paths that say nothing of a person."""
PAGES = frozenset((
    "about", "account", "accounts", "api", "assets", "blog", "cart", "categories", "checkout", "components", "contact",
    "create", "dashboard", "delete", "detail", "details", "edit", "explore", "faq", "feed", "help", "home", "images",
    "img", "index", "info", "items", "layout", "list", "login", "logout", "main", "menu", "new", "news", "orders",
    "overview", "page", "pages", "posts", "privacy", "products", "profile", "register", "reports", "search",
    "services", "settings", "signin", "signup", "static", "stats", "tab", "tabs", "terms", "view", "welcome"
))  # fmt: skip
"""Names of pages and of no person."""

FILE = re.compile(rf"(?i)\.{FILES}$")
ROUTE_BEFORE = re.compile(
    r"(?:\b(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS)\s{1,4}"
    r"|\b(?:href|to|action|pathname|route|routerLink|url|uri)[\"']?\s?[=:]\s?\{?"
    r"|(?<![.\w])(?:re_)?path\(|\bRoute\s[^\n>]{0,60}path="
    r"|(?:[rR]outer|history|navigat\w{1,5}|axios|client|app|request|page|cy)\.\w{1,20}\("
    r"|(?:navigate|redirect\w{0,12}|route|fetch|goto|visit|url|revalidatePath|get|post)\()[\"'`\\]{0,4}$"
)
FILE_SYSTEM_AFTER = re.compile(
    r"[\\/]{1,4}(?:\.\w|(?:src|work\w*|code|projects?|repos?|git|dev|Documents|Desktop|Downloads|Library|AppData|Pictures|bin"
    r"|lib|tmp|go|venv|mini\w+|ana\w+)\b|[^\s\"'`?#]{0,200}\.[A-Za-z]\w{0,7}\b)"
)


def _username(match: re.Match[str]) -> str | None:
    name = value_of(match).rstrip(".")
    is_nobody = not name or name.lower() in NOBODY or name.lower() in PAGES or FILE.search(name)
    return None if is_nobody or _is_route(match) else name


def _is_route(match: re.Match[str]) -> bool:
    before, after = match.string[max(0, match.start() - 80) : match.start()], match.string[match.end() :][:220]
    return ROUTE_BEFORE.search(before) is not None and FILE_SYSTEM_AFTER.match(after) is None


TRIGGERS = (
    "/home/|/[Uu]sers/",
    r"\\[Uu]sers|:/+[Uu]sers|[Dd]ocuments and",
    r"\\\\[\w.-]+\\+(?:[Uu]sers|[Hh]ome)",
    "(?:vscode-remote|ssh|sftp)://",
    "(?i:%2f(?:home|users)%2f)",
    r"wsl(?:\$|\.)",
    "-(?:Users|home)-",
)
PATTERNS = tuple(
    Pattern("username", trigger, re.compile(text), _username) for trigger, text in zip(TRIGGERS, HOMES, strict=True)
)

SIGNS = r"/home/|-home-|2[Ff]home|Users|[\\/]users|\\[Hh]ome|wsl[$.]|[Dd]ocuments and"
