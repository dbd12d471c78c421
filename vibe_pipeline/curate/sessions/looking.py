"""Commands that change nothing: who only looked has mended nothing by it.

Told by the program's name, by verbs that large programs have in common (`git log`, `kubectl get`), and by what any
program is asked about itself (`--help`). A pipe to something else, a file that is written, `cd` for what comes later
and `sleep` are more. What checks, tests, waits or commits has touched nothing that is read: beside an edit it mended
nothing, while words of another command may be of use only behind it. In doubt a command did something: what is lost is
one example. Quotes in patterns are code points, for SQL. Not here: what follows from it (mending.py,
builders/error_correction.py).
"""

from __future__ import annotations

from vibe_pipeline.curate.sessions.testing import LAUNCHED, TESTS

PROGRAMS = (
    r"\[\[?|[ef]?grep|ack|ag|apropos|awk|base64|basename|bat|cat|cksum|cmp|column|comm|curl -s?I|cut|date|df|diff|dig"
    r"|dir|dirname|done|du|echo|env|expr|fd|fi|file|find|fold|for|free|getent|groups|head|hexdump|history|host|hostname|id"
    r"|info|jobs|journalctl|jq|last|less|ll|locate|ls|lsof|man|md5sum|more|netstat|nl|nproc|nslookup|od|pgrep|ping|printenv|printf"
    r"|ps|pstree|pwd|read|readlink|realpath|rev|rg|seq|sha\d+sum|sort|ss|stat|strings|tac|tail|test|tr|tree|true|type|uname"
    r"|uniq|uptime|w|wc|whatis|whereis|which|who|whoami|xxd|yes|z?cat|z[ef]?grep|zless"
    r"|(?:compare|convertto|format|get|measure|out-string|select|sort|test|where|write)-\w+"
)
LARGE = (
    r"(?:apt|apt-cache|aws|az|brew|cargo|conda|crontab|dnf|docker|gcloud|gh|git|go|helm|hg|ip|kubectl|mamba|npm|nvm|oc|pip3?"
    r"|pnpm|podman|poetry|python[\d.]*[ \t]+-m[ \t]+pip|rustup|service|svn|systemctl|terraform|tofu|uv|yarn|yum)"
)
OF = r"(?:[ \t]+(?:-\S+|-[cCfHn][ \t]+\S+))*"
NOUNS = (
    r"(?:[ \t]+(?:addr|compose|config|container|env|image|issue|pip|pr|release|remote|repo|run|s3|stash|state|volume"
    r"|worktree))?"
)
VERBS = (
    r"blame|cat-file|describe|diff|explain|freeze|grep|images|info|inspect|list|log|logs|ls|ls-files|ls-remote|ls-tree"
    r"|outdated|policy|ps|reflog|rev-list|rev-parse|search|shortlog|show|stats|status|top|tree|view|why"
)
"""Of a large program; `go get` and `npm version` do more."""

ARGUMENTS = r"[^;&|>\n(\x60]*"
END = r"(?:&&|\|\||[;|\n]|$)"
BEFORE = (
    r"(?:[({\s]|(?:cd|pushd)\b[^;&|>\n(\x60]*(?:&&|[;\n])"
    r"|(?:!|builtin|command|do|else|env|if|nice|sudo|then|time|timeout[ \t]+\S+|while"
    r"|xargs(?:[ \t]+-(?:[ILPdn][ \t]*)?\S+)*|\w+=\S*)\s)*"
)
LOOKS = (
    rf"(?:/\S*/)?(?:{PROGRAMS}|sed)(?:[ \t]{ARGUMENTS})?"
    rf"|{LARGE}{OF}{NOUNS}{OF}[ \t]+(?:{VERBS})(?:[ \t]{ARGUMENTS})?"
    r"|(?:kubectl|oc|helm)\b[^;&|>\n(\x60]*?[ \t]get[ \t][^;&|>\n(\x60]*"
    r"|git[ \t]+(?:branch|remote|tag)(?:[ \t]+-\S+)*[ \t]*"
    rf"|[\w./-]+{ARGUMENTS}[ \t](?:--help|--version|-h|(?-i:-V)|help)[ \t)}}]*"
)
ASKS = (
    r"(?i)^\s*(?:print|len|type|dir|help|repr|vars)\([^\n]*\)\s*$"
    r"|(?i)^\s*(?:select|show|describe|explain)\s[^;]*;?\s*$"
)
"""Of a notebook and of a database, in which what is run has no name."""
CHANGES = (
    r"\bfind\b[^;|\n]*\s-(?:delete|exec|execdir|fls|fprint\w*|ok|okdir)\b"
    r"|\bsed\b[^;|\n]*\s(?:-\w*i|--in-place)|\bsort\b[^;|\n]*\s-o"
)
"""With these what else looks writes."""

CHECKS = (
    rf"{LAUNCHED}(?:(?:bandit|basedpyright|compileall|eslint|flake8|golangci-lint[ \t]+run|hadolint|lint-imports|mypy"
    r"|phpstan|psalm|py_compile|pycodestyle|pydocstyle|pyflakes|pylint|pyright|shellcheck|sleep|staticcheck|stylelint"
    r"|wait|yamllint|(?:ruff|ty)[ \t]+check|go[ \t]+vet|cargo[ \t]+(?:check|clippy)"
    rf"|(?:npm|pnpm|yarn)(?:[ \t]+run)?[ \t]+type-?check|git{OF}[ \t]+(?:add|commit))(?:[ \t]{ARGUMENTS})?"
    rf"|(?:vue-)?tsc[ \t]{ARGUMENTS}--noEmit\b{ARGUMENTS}"
    rf"|(?:black|isort|prettier|(?:cargo|ruff)[ \t]+(?:fmt|format))[ \t]{ARGUMENTS}--(?:check|diff)\b{ARGUMENTS}"
    rf"|(?:(?:ba|z)?sh[ \t]+-n|node[ \t]+--check|perl[ \t]+-c|php[ \t]+-l|ruby[ \t]+-c)[ \t]{ARGUMENTS}"
    rf")|{TESTS}(?:[ \t]{ARGUMENTS})?"
)
"""A passing test says nothing of another; a failing one is told by its own run."""
MENDS = (
    r"\s--?(?:\w+-)*(?:add-noqa|apply|fix|install-types|save|write)\b|\s--?(?:snapshot-update|update-?snapshots?)\b"
    r"|\b(?:ava|jest|vitest)\b[^;&|\n]*\s(?:-u|--update)\b"
)
"""With these what else checks writes."""

PRINTS = r"\bpython[\d.]*[ \t]+-c[ \t]+(?:\x22{0}(?:[;\n]{0})*;?\s*\x22|\x27{1}(?:[;\n]{1})*;?\s*\x27)".format(
    *(
        rf"\s*(?:(?:assert|from|import)\s|print\(|sys\.path\.\w+\(|[\w, ]+=[^=])(?:{letter})*"
        for letter in (r"[^\x22\\$\x60;\n]|\\.", r"[^\x27;\n]")
    )
)
"""A few lines that call something and print what comes."""
ACTS = (
    r"\b(?:\w*(?:create|delete|download|init|install|migrate|remove|save|update|upload|write)\w*|chmod|copy\w*|dump|eval"
    r"|exec\w*|mk\w*|move|open|popen|rename|rmtree|run|system|to_\w+|touch|unlink)\("
)
"""What such lines may do besides, by names of functions."""

QUOTED = (
    r"\x27[^\x27]*\x27|\x22(?:[^\x22\\$\x60]|\\.|\$[^(])*\x22|\\(?s:.)|[12&]?>>?[ \t]*(?:/dev/null|&[12])"
    rf"|-exec(?:dir)?[ \t]+(?:{PROGRAMS})\b"
)
"""What is no command, whatever stands in it; errors that are not shown; and what `find` does with files to look."""

READ = 4000
"""Characters: a longer text is a program."""


def only_looks(text: str) -> str:
    """SQL: whether a command changes nothing."""
    return _are_all(text, LOOKS, CHANGES)


def only_checks(text: str) -> str:
    """SQL: whether it looks, checks, tests, waits or commits, and changes no file that anything reads."""
    rest = f"regexp_replace({text}, '{PRINTS}', 'true')"
    rest = f"CASE WHEN regexp_matches({text}, '{ACTS}') THEN {text} ELSE {rest} END"
    return _are_all(rest, f"{LOOKS}|{CHECKS}", f"{CHANGES}|{MENDS}")


def _are_all(text: str, commands: str, changes: str) -> str:
    """SQL: whether each command of a text is one of these, and none is one that changes something."""
    bare = f"regexp_replace(left({text}, {READ}), '{QUOTED}', '_', 'g')"
    each = rf"(?i)^(?:{BEFORE}(?:{commands}){END})+\s*$"
    return f"""(
        length({text}) <= {READ} AND regexp_matches({bare}, '{each}|{ASKS}') AND NOT regexp_matches({bare}, '{changes}')
    )"""
