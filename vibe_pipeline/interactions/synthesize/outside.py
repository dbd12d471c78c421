"""What code asks of the machine, the date or chance, as told from its names: its values are others elsewhere.

Names are read as they are reached: `cpus` after `from os import cpu_count as cpus` is `os.cpu_count`. Nothing is run.
What a library asks for is not seen: for that the sandbox looks from another place (sandbox/seeds.py), and tells what
was asked for in vain (`Run.missed`).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from vibe_pipeline.spans import parsed

MAY_BE_ABSENT = re.compile(
    r"(^|\.)(exists|lexists|isfile|isdir|islink|is_file|is_dir|getsize|getmtime|stat|expanduser|which|glob|iglob|rglob|"
    r"iterdir|listdir|scandir|read_text|read_bytes|cpu_count|is_available|device_count|environ|getenv|getlogin|getuser|"
    r"gethostname|get_terminal_size|isatty|find_spec)(\.|\(|$)"
    r"|^(argparse|optparse|getpass|os\.walk|sys\.(argv|stdin|platform|version_info)|platform)\b"
)
"""What may be there, and is not here. What is opened, imported or connected to is seen when it runs."""

OF_HERE = re.compile(
    r"^os\.(get\w+|uname|times|name|sched_\w+|statvfs|umask|nice|devnull|curdir)\b|^os\.path\.(abspath|realpath|samefile|get\w+)\b"
    r"|^sys\.(?!(maxsize|maxunicode|float_info|intern|setrecursionlimit|stdout|stderr|exit|exc_info|modules|path)\b)"
    r"|^time\.(?!sleep\b)|^(platform|uuid|secrets|tempfile|locale|pwd|grp|resource|sysconfig|site|psutil|ctypes|gc)\b"
    r"|(^|\.)(now|utcnow|today|fromtimestamp|timestamp|astimezone|localtime|getpid|cwd|home|resolve|absolute)(\.|\(|$)"
)
"""What is another value on another machine, on another day or in another process."""

ACTS = re.compile(
    r"^os\.(?!(path|fspath|PathLike|sep|linesep|extsep)\b)"
    r"|^os\.path\.(?!(join|splitext|basename|dirname|split|normpath|normcase|commonprefix|commonpath|isabs|sep)\b)"
    r"|^sys\.(?!(maxsize|maxunicode|float_info|intern|setrecursionlimit)\b)"
    r"|^(socket|subprocess|shutil|glob|time|requests|httpx|aiohttp|urllib\.request|http\.client|http\.server|webbrowser|"
    r"multiprocessing|threading|signal|importlib|pkgutil|sqlite3)\b"
    r"|(^|\.)(touch|mkdir|unlink|rmdir|write_text|write_bytes|urlopen|urlretrieve)(\.|\(|$)"
    r"|^(open|input|exit|quit|breakpoint|exec|__import__|dir|vars|globals|locals|__file__|__name__)(\.|\(|$)"
)
"""What looks around or does something, and is no part of a function that only calculates."""

CHANCE = re.compile(r"^random\b|^numpy\.random\b")
SEEDED = re.compile(r"\.(seed|Random|default_rng|RandomState)\b")


def may_miss(code: str) -> bool:
    """Whether code asks for what may not be here: where it fails, that may be why."""
    return any(map(MAY_BE_ABSENT.search, _reached(code) or ()))


def shows_place(code: str) -> bool:
    """Whether what code prints may be the machine's or the day's."""
    return any(MAY_BE_ABSENT.search(name) or OF_HERE.search(name) for name in _reached(code) or ())


def tells_of_now(code: str) -> bool:
    """Whether how code ends may be the machine's, the day's or chance's."""
    names = _reached(code) or set()
    is_of_chance = any(map(CHANCE.search, names)) and not any(map(SEEDED.search, names))
    return is_of_chance or any(map(OF_HERE.search, names))


def is_pure(code: str) -> bool:
    """Whether functions of that code can be expected to give the same everywhere; what is no Python cannot."""
    names = _reached(code)
    if names is None or any(kind.search(name) for kind in (MAY_BE_ABSENT, OF_HERE, ACTS) for name in names):
        return False
    return not any(map(CHANCE.search, names)) or any(map(SEEDED.search, names))


def _reached(code: str) -> set[str] | None:
    """Every name of code with the import that it comes through; of what code binds itself only what it asks of it.
    None for what is no Python."""
    spans = parsed(code)
    if spans is None:
        return None
    imported = dict(_imported(spans.tree))
    own = {name for node in ast.walk(spans.tree) for name in _bound(node)} - imported.keys()
    known = imported | {name: f"({name})" for name in own}
    names = {_dotted(node, known) for node in ast.walk(spans.tree) if isinstance(node, ast.Name | ast.Attribute)}
    return names | set(imported.values())


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """The name here and what it is: an `import a.b` binds `a`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for it in node.names:
                yield (it.asname, it.name) if it.asname else (it.name.partition(".")[0], it.name.partition(".")[0])
        elif isinstance(node, ast.ImportFrom):
            for it in node.names:
                yield it.asname or it.name, f"{node.module or ''}.{it.name}"


def _bound(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    elif isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name


def _dotted(node: ast.AST, known: dict[str, str]) -> str:
    """`pathlib.Path().exists` for `Path(name).exists`."""
    if isinstance(node, ast.Name):
        return known.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value, known)}.{node.attr}"
    return f"{_dotted(node.func, known)}()" if isinstance(node, ast.Call) else ""
