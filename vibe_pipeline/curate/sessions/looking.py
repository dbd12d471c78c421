"""Commands that change nothing: who only looked has mended nothing by it.

Told by the program's name, by verbs that large programs have in common (`git log`, `kubectl get`), and by what any
program is asked about itself (`--help`). A pipe to something else, a file that is written, `cd` for what comes later
and `sleep` are more. In doubt a command did something: what is lost is one example. Quotes in patterns are code points,
for SQL. Not here: what follows from it (mending.py, builders/error_correction.py).
"""

from __future__ import annotations

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
    rf"(?i)^(?:{BEFORE}(?:"
    rf"(?:/\S*/)?(?:{PROGRAMS}|sed)(?:[ \t]{ARGUMENTS})?"
    rf"|{LARGE}{OF}{NOUNS}{OF}[ \t]+(?:{VERBS})(?:[ \t]{ARGUMENTS})?"
    r"|(?:kubectl|oc|helm)\b[^;&|>\n(\x60]*?[ \t]get[ \t][^;&|>\n(\x60]*"
    r"|git[ \t]+(?:branch|remote|tag)(?:[ \t]+-\S+)*[ \t]*"
    rf"|[\w./-]+{ARGUMENTS}[ \t](?:--help|--version|-h|(?-i:-V)|help)[ \t)}}]*"
    rf"){END})+\s*$"
    r"|(?i)^\s*(?:print|len|type|dir|help|repr|vars)\([^\n]*\)\s*$"
    r"|(?i)^\s*(?:select|show|describe|explain)\s[^;]*;?\s*$"
)
CHANGES = (
    r"\bfind\b[^;|\n]*\s-(?:delete|exec|execdir|fls|fprint\w*|ok|okdir)\b"
    r"|\bsed\b[^;|\n]*\s(?:-\w*i|--in-place)|\bsort\b[^;|\n]*\s-o"
)
"""With these what else looks writes."""

QUOTED = (
    r"\x27[^\x27]*\x27|\x22(?:[^\x22\\$\x60]|\\.|\$[^(])*\x22|\\(?s:.)|[12&]?>>?[ \t]*(?:/dev/null|&[12])"
    rf"|-exec(?:dir)?[ \t]+(?:{PROGRAMS})\b"
)
"""What is no command, whatever stands in it; errors that are not shown; and what `find` does with files to look."""

READ = 4000
"""Characters: a longer text is a program."""


def only_looks(text: str) -> str:
    """SQL: whether a command changes nothing."""
    bare = f"regexp_replace(left({text}, {READ}), '{QUOTED}', '_', 'g')"
    return f"""(
        length({text}) <= {READ} AND regexp_matches({bare}, '{LOOKS}') AND NOT regexp_matches({bare}, '{CHANGES}')
    )"""
