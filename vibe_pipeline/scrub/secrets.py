"""Secrets by their place: private keys, headers, URLs, connection strings, commands, files of passwords.

Only the value goes; header and URL stay. All secrets come together here, in the order in which they are replaced.
Not here: what has a shape of its own (tokens.py), and what only its name gives away (named.py).
"""

from __future__ import annotations

import re
from functools import cache

from vibe_pipeline.scrub import named, tokens
from vibe_pipeline.scrub.patterns import Pattern, alone, any_case, itself

Q = r"[\"'\\]{0,4}"
"""Quotation marks, perhaps escaped."""
IS = rf"{Q}\s{{0,4}}[:=]\s{{0,4}}{Q}"
REAL = r"(?![{$<%(]|[*]{3})"
"""Not {password}, $PASSWORD, <password>, %(password)s, ***."""
SIGNED = r"(?=[^\s;]{0,200}[0-9!@#%^&*])"
UNTIL_NEXT = rf"(?P<value>{REAL}{SIGNED}[^;\s\"'&\\]{{3,200}})"

BEGIN, END = (rf"-----{edge} (?:[A-Z0-9]{{1,20}} ){{0,3}}PRIVATE KEY(?: BLOCK)?-----" for edge in ("BEGIN", "END"))

EDGE = r"(?:\s|\\[nrt]){1,12}(?:[+-]|(?:>[ \t]?){1,4}|[0-9]{1,6}(?:→|\\t|[:|\t]))?[ \t]{0,8}"
"""Between two lines of a block, with what a diff, a quotation or a numbered file puts before the next."""

AWS_QUOTED = r"(?i:aws.{0,20}?(?:key|pw|pass|token).{0,20}?[0-9a-z/+]{20})"

KEYS = (
    # In a diff the line of its end has one dash more.
    ("private_key", "PRIVATE KEY", BEGIN + r"(?:[^-]|-(?!----[^-])){40,20000}?" + END),
    # The block was cut off: all that still looks like base64 goes.
    ("private_key", "PRIVATE KEY",
     BEGIN + rf"(?:{EDGE}[A-Za-z0-9+/=]{{16,20000}})+(?:{EDGE}[A-Za-z0-9+/=]{{1,80}}$)?"),
    ("private_key", "OpenVPN Static key",
     r"-----BEGIN OpenVPN Static key V1-----(?:[^-]|-(?!----[^-])){40,2000}?-----END OpenVPN Static key V1-----"),
    ("private_key", "PuTTY-User-Key",
     r"PuTTY-User-Key-File-[23]:(?:(?!Private-MAC)[\s\S]){40,20000}Private-MAC: ?[0-9a-f]{40,64}"),
    # The same in base64, as Kubernetes keeps it.
    ("private_key", "LS0tLS1CRUdJTi",
     r"LS0tLS1CRUdJTi(?:BSU0EgUFJJVkFURS|BQUklWQVRF|BFQyBQUklWQVRF|BPUEVOU1NIIFBSSVZBVEUg)[A-Za-z0-9+/=]{40,20000}"),
    ("private_key", "(?i:client-key-data)", rf"(?i:client-key-data){IS}(?P<value>[A-Za-z0-9+/=]{{40,20000}})"),
    ("aws_secret_key", "(?i:secret[_ ]?(?:access[_ ]?)?key)",
     rf"(?i)(?:aws_?secret_?(?:access_?)?key|secret access key(?: \[[^]\n]{{0,40}}])?)(?:{IS}|\s{{1,4}})"
     r"(?P<value>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+])"),
    # Beside its id, as in the file that the console gives, or what the command line prints.
    ("aws_secret_key", "A[KS]IA[A-Z0-9]{16}",
     alone("A", "-") + rf"[KS]IA[A-Z0-9]{{16}}{Q}(?:\s[0-9T:+.Z-]{{19,32}})?(?:[ \t]{{0,4}}[,;:|]|\s)\s{{0,4}}{Q}"
     r"(?P<value>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])"),
    ("aws_secret_key", "(?i:secretaccesskey|(?:session|security)_?-?token)",
     rf"(?i)(?:secretaccesskey|(?:aws_|x-amz-)?(?:session|security)_?-?token){IS}"
     r"(?P<value>[A-Za-z0-9/+=]{40,2000})(?![A-Za-z0-9/+=])"),
    ("aws_access_key", AWS_QUOTED,
     any_case("aws") + r"(?i:.{0,20}?(?:key|pw|pass|token).{0,20}?)[\"'](?P<value>[0-9A-Za-z/+]{40})[\"']"),
)  # fmt: skip
"""(kind, trigger, pattern). In front of all tokens, which might find their own shape inside these."""

PLACES = (
    ("discord_webhook", "/api/webhooks/",
     r"https://(?:[a-z]{2,6}\.)?discord(?:app)?\.com/api/webhooks/[0-9]{15,22}/[A-Za-z0-9_-]{40,100}"),
    ("discord_token", r"\.[A-Za-z0-9_-]{6}\.",
     alone("[MNO]", "-") + r"[A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,40}"),
    ("teams_webhook", "webhookb2",
     r"https://[a-z0-9.-]{1,80}\.webhook\.office\.com/webhookb2/[A-Za-z0-9@/-]{40,250}"),
    ("airtable_token", r"pat[A-Za-z0-9]{14}\.", alone("p", "-") + r"at[A-Za-z0-9]{14}\.[0-9a-f]{64}"),
    ("terraform_token", "atlasv1",
     alone("[A-Za-z0-9]", "-") + r"[A-Za-z0-9]{13}\.atlasv1\.[A-Za-z0-9_=-]{50,90}"),
    ("azure_client_secret", "Q~",
     alone("[A-Za-z0-9_~.-]", "-") + r"[A-Za-z0-9_~.-]{2}[0-9]Q~[A-Za-z0-9_~.-]{31,34}(?![A-Za-z0-9_~-])"),
    ("telegram_bot_token", ":AA", alone("[0-9]", "-") + r"[0-9]{7,9}:AA[0-9A-Za-z_-]{33}(?![0-9A-Za-z_-])"),
    ("azure_storage_key", "Key=|sig=",
     r"(?:AccountKey|SharedAccessKey|[?&;]sig)=(?P<value>[A-Za-z0-9+/%]{32,120}={0,2})"),
    ("url_signature", "(?i:signature=)",
     r"(?i:[?&, -]signature)=(?P<value>[A-Za-z0-9%+/=_-]{32,1000})"),
    ("authorization", "(?i:authorization)",
     rf"(?i)authorization{Q}\s{{0,4}}(?:[:=,]|=>)\s{{0,4}}f?{Q}(?:bearer|basic|token|apikey|ssws|bot|key)\s{{1,4}}"
     r"(?P<value>[A-Za-z0-9._~+/=-]{16,4000}|(?=[^\s0-9]{0,15}[0-9])[A-Za-z0-9._~+/=-]{10,15})"),
    ("authorization", r"(?i:bearer)\s+[A-Za-z0-9._~+/=-]{20}",
     r"(?i)(?<![a-z])bearer\s{1,4}(?P<value>(?=[^\s0-9]{0,400}[0-9])[A-Za-z0-9._~+/=-]{20,4000})"),
    ("basic_auth", r"curl\s[^\n]*(?:-u|--user)",
     rf"curl\s[^\n]{{0,300}}?(?:-u|--user)[ =]{{0,4}}{Q}[^\s:\"']{{1,100}}:(?P<value>{REAL}[^\s\"'\\]{{1,200}})"),
    ("basic_auth", r"(?i:auth) ?=? ?\(",
     r"[aA]uth(?: ?= ?|(?<=[cC]Auth)|(?<=c_auth))\(\s?[\"'][^\"'\n]{1,100}[\"'],\s?[\"']"
     rf"(?P<value>{REAL}(?=[^\s0-9]{{0,100}}[0-9])[^\s\"'\\]{{6,100}})[\"']\s?\)"),
    ("basic_auth", "://[!-~]*@",
     rf"://[^\s:/?#\[\]@\"'<>\\]{{0,200}}:(?P<value>{REAL}(?![0-9]{{1,5}}/)[^\s\"'<>\\]{{1,200}})@[A-Za-z0-9\[{{]"),
    ("cookie", r"(?i:sess|sid|auth|csrf|xsrf|remember)[a-zA-Z0-9_.-]*=[^\s;,\"'\\]{16}",
     rf"(?i)(?:cookie{Q}\s?[:,=]|;|[\"'])\s{{0,4}}{Q}"
     r"[a-z0-9_.-]{0,30}(?:sess(?:ion)?(?:_?-?id)?|sid|auth|csrftoken|xsrf-token|remember_[a-z_]{1,20})"
     r"=(?P<value>[^\s;,\"'\\]{16,4000})"),
    ("url_key", "[?&]key=", r"[?&]key=(?P<value>(?=[A-Za-z_-]{0,100}[0-9])[A-Za-z0-9_-]{16,200})"),
    ("docker_auth", r"auth\\?\"", rf"\"_?auth\\?\"{IS}(?P<value>[A-Za-z0-9+/]{{12,400}}={{0,2}})\\?\""),
    ("npm_token", "_auth", r"_auth(?:Token)?=(?P<value>(?=[A-Za-z_-]{0,200}[0-9])[A-Za-z0-9+/=_-]{16,400})"),
    ("netrc", r"(?:machine|login)\s+\S+\s+[^\n]*password\s",
     r"(?:machine|login)\s{1,8}\S{1,200}[\s+-]{1,8}(?:(?:login|account)\s{1,8}\S{1,200}[\s+-]{1,8})?password\s{1,8}"
     rf"(?P<value>{REAL}[^\s\\]{{3,200}})"),
    ("pgpass", ":(?:543[0-9]|643[0-9]|[*]):",
     r"(?:^|(?<=\\n)|(?<=[\s\"'`+]))[A-Za-z0-9_.*-]{1,200}:(?:543[0-9]|643[0-9]|\*):[^\s:\\]{1,80}:[^\s:\\]{1,80}:"
     r"(?P<value>[^\s\\\"'`]{3,200})"),
    ("connection_string", "(?i:pwd=|password=)",
     rf";\s?(?i:password|pwd)={UNTIL_NEXT}"),
    ("connection_string", "(?i:pwd=|password=)",
     rf"{any_case('server host source user uid dsn')}=[^\n]{{0,200}}[;& ](?i:password|pwd)={UNTIL_NEXT}"),
    ("command_password",
     r"--(?:pass|token|api-key|secret|auth-|access-|client-)|sshpass|mysql[^\n]* -p|docker login|redis-cli"
     r"|(?i:identified by|with password|encrypted password|requirepass)",
     r"(?:--(?:password|passwd|token|api-key|secret|auth-token|access-token|client-secret)[ =]|sshpass -p ?"
     r"|mysql(?:dump|admin)?\s[^\n]{0,100}?\s-p|docker login\s[^\n]{0,100}?\s-p ?|redis-cli\s[^\n]{0,100}?-a ?"
     rf"|(?i:identified by|with password|encrypted password|requirepass) ){Q}"
     rf"(?P<value>(?!-){REAL}{SIGNED}[^\s\"'\\;]{{5,300}})"),
)  # fmt: skip
"""The same of what is known by its place."""

CAREFUL = ("cookie", "connection_string", "command_password", "basic_auth")

KEY_SIGNS = (
    rf"{AWS_QUOTED}|PRIVATE KEY|OpenVPN Static key|PuTTY-User|LS0tLS1CRUdJTi"
    r"|(?i:client-key-data|secret[_ ]?(?:access[_ ]?)?key|(?:session|security)_?-?token)"
)
PLACE_SIGNS = (
    r"Key=|sig=|Q~|:AA|/api/webhooks/|webhookb2|atlasv1|pat[A-Za-z0-9]{14}\.|\.[A-Za-z0-9_-]{6}\.|://[!-~]*@"
    r"|:(?:54|64)3[0-9]:|:\*:|[?&]key=|mysql|docker login|redis-cli"
    r"|(?i:auth|bearer|curl|sess|sid|csrf|xsrf|remember|identified|signature=)"
    rf"|{named.SIGNS}"
)
"""What each of them shows: cheap regexes, so that most rows are looked at twice and no more."""


@cache
def groups() -> tuple[tuple[str, tuple[Pattern, ...]], ...]:
    """(what all of them show, patterns), in the order in which they are to be replaced."""
    keys, places = (
        [
            Pattern(kind, trigger, re.compile(text), named.unless_stopped if kind in CAREFUL else itself)
            for kind, trigger, text in table
        ]
        for table in (KEYS, PLACES)
    )
    return (f"{KEY_SIGNS}|{tokens.SIGNS}", (*keys, *tokens.patterns())), (PLACE_SIGNS, (*places, *named.patterns()))
