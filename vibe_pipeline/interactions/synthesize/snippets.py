"""Working snippets for public names: the package's own doctest examples, else small ones that only look.

Generated snippets import a name and inspect it, they never call it: what an arbitrary function does to the
machine is not known. A snippet is text here; whether it really works is for whoever runs it.
"""

from __future__ import annotations

import ast
import doctest
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from vibe_pipeline.interactions.synthesize.outside import is_pure
from vibe_pipeline.interactions.synthesize.packages import PublicName

MAX_CHARACTERS, MAX_LINES = 260, 8
"""About sixty tokens: with its traceback a pair stays as short as a question and its answer."""

FUNCTION_TEMPLATES = (
    "from {module} import {name}\n\nprint({name}.__name__)",
    "import {module}\n\nprint({module}.{name}.__name__)",
    "from inspect import signature\nfrom {module} import {name}\n\nprint(signature({name}))",
    "from inspect import signature\nfrom {module} import {name}\n\nprint(list(signature({name}).parameters))",
    "from inspect import signature\nimport {module}\n\ncount = len(signature({module}.{name}).parameters)\n"
    'print("{name} takes " + str(count))',
    'import {module}\n\nif callable({module}.{name}):\n    print("{name} can be called")',
    'import {module}\n\nprint(getattr({module}, "{name}").__name__)',
)
BIND_TEMPLATE = (
    "from inspect import signature\nfrom {module} import {name}\n\nprint(signature({name}).bind({arguments}).arguments)"
)
CLASS_TEMPLATES = (
    "from {module} import {name}\n\nprint({name}.__name__)",
    "import {module}\n\nprint({module}.{name}.__mro__[1].__name__)",
    "from {module} import {name}\n\nprint(issubclass({name}, Exception))",
    'import {module}\n\nif isinstance({module}.{name}, type):\n    print("{name} is a class")',
)
METHOD_TEMPLATES = (
    "from {module} import {owner}\n\nprint({owner}.{name}.__name__)",
    "import {module}\n\nprint({module}.{owner}.{name}.__name__)",
    "from inspect import signature\nfrom {module} import {owner}\n\nprint(list(signature({owner}.{name}).parameters))",
)

REACHES_OUT = re.compile(
    r"\b(open|input|exit|quit|breakpoint|system|popen|Popen|subprocess|socket|connect|urlopen|urlretrieve|requests?|httpx|"
    r"webbrowser|remove|unlink|rmdir|rmtree|removedirs|rename|replace_file|kill\w*|fork|exec\w*|spawn\w*|chmod|chown|"
    r"sleep|random|time|now|today|getpid|environ|urandom|token_\w+|uuid\d|write_\w+|mkdir|makedirs|symlink\w*)\b\s*\(?"
)
"""A documentation example with one of these touches the machine or prints something else every time."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """Code that is believed to work."""

    code: str
    is_example: bool
    """It stood in the documentation, so it may do anything."""


def snippets_for(public: PublicName, chooser: random.Random) -> list[Snippet]:
    """The name's own documentation example, if it is short and harmless, then a generated snippet."""
    if "." in public.name.removeprefix(public.module + ".") and not public.is_method:
        return []
    docstring = public.object.docstring
    example = _example(docstring.value, public) if docstring else None
    generated = _generated(public, chooser)
    return ([Snippet(example, True)] if example else []) + [
        Snippet(code, False) for code in generated if _is_short(code)
    ]


def _is_short(code: str) -> bool:
    return len(code) <= MAX_CHARACTERS and code.count("\n") < MAX_LINES and code.isascii()


def _generated(public: PublicName, chooser: random.Random) -> Iterator[str]:
    owner, _, name = public.name.removeprefix(public.module + ".").rpartition(".")
    words = {"module": public.module, "owner": owner, "name": name}
    for template in _templates(public, chooser):
        code = template.format(**words, arguments=_arguments(public.object))
        if public.module == "builtins":
            code = code.replace(f"from builtins import {owner or name}\n", "").lstrip()
        if "builtins" not in code:
            yield code
            return


def _templates(public: PublicName, chooser: random.Random) -> list[str]:
    if public.is_method:
        templates = list(METHOD_TEMPLATES)
    elif public.object.is_class:
        templates = list(CLASS_TEMPLATES)
    else:
        can_bind = bool(_arguments(public.object))
        templates = [*FUNCTION_TEMPLATES, *([BIND_TEMPLATE] * 3 if can_bind else [])]
    chooser.shuffle(templates)
    return templates


def _arguments(function: Any) -> str:
    """`src="a", dst="b"` for the parameters that must be given; empty where that is none or more than three."""
    if not function.is_function:
        return ""
    required = [
        p.name
        for p in function.parameters
        if p.required and "keyword" in p.kind.value and "var" not in p.kind.value.split("-")[0]
    ]
    if not 1 <= len(required) <= 3:
        return ""
    return ", ".join(f'{name}="{letter}"' for name, letter in zip(required, "abc", strict=False))


def _example(docstring: str, public: PublicName) -> str | None:
    """The first doctest of a docstring up to its first output, as a script that prints."""
    try:
        examples = doctest.DocTestParser().get_examples(docstring)
    except ValueError:
        return None
    lines: list[str] = []
    for example in examples:
        source = example.source.strip()
        if example.exc_msg is not None or example.options:
            return None
        lines.append(f"print({source})" if example.want and _is_expression(source) else source)
        if example.want:
            return _importing(public, "\n".join(lines))
    return None


def _importing(public: PublicName, code: str) -> str | None:
    """With the import that the reader of the documentation is expected to know."""
    try:
        tree = ast.parse(code)
    except SyntaxError:
        return None
    top = public.name.removeprefix(public.module + ".").partition(".")[0]
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    bound = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    if top in used - bound and public.module != "builtins":
        code = f"from {public.module} import {top}\n\n{code}"
    elif public.module in used - bound:
        code = f"import {public.module}\n\n{code}"
    elif not {top, public.module.partition(".")[0]} & (used | bound):
        return None  # an example of something else
    return code if _is_short(code) and not REACHES_OUT.search(code) and is_pure(code) else None


def _is_expression(source: str) -> bool:
    try:
        ast.parse(source, mode="eval")
    except SyntaxError:
        return False
    return not source.startswith("print(")
