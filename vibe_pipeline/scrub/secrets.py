"""Secrets by their shape, their name or their place: keys, tokens, passwords, private keys.

Patterns come from detect-secrets' plugins of one fixed shape; ours add what they lack or cut short (their JWT leaves the
signature standing, their Stripe the tail, their private key all but the first line). Nothing is verified over the
network. Left out on purpose: the entropy plugins, and KeywordDetector, which takes any quoted text after a name like
"password": 8 of 39 harmless lines in its test (`password = "changeme"`, `SECRET_KEY = "dev"`), so what only its name
gives away must mix letters with digits or signs, as few examples do. Left out as noisy too: Artifactory, Discord, IBM.
"""

from __future__ import annotations

import re
from functools import cache

from vibe_pipeline.scrub.patterns import Pattern, alone, itself, value_of

PLUGINS = {
    "aws.AWSKeyDetector": r"(?:A3T|ABIA|ACCA|AKIA|ASIA)[0-9A-Z]{8}|(?i:aws.{0,20}?(?:key|pw|pass|token).{0,20}?[0-9a-z/+]{20})",
    "gitlab_token.GitLabTokenDetector": r"gl[a-z]+-|GR1348941",
    "mailchimp.MailchimpDetector": r"[0-9a-z]{8}-us[0-9]",
    "pypi_token.PypiTokenDetector": "pypi-AgE",
    "sendgrid.SendGridDetector": r"SG\.",
    "slack.SlackDetector": r"(?i:xox|hooks\.slack)",
    "square_oauth.SquareOAuthDetector": "sq0csp-",
    "twilio.TwilioKeyDetector": r"(?:AC|SK)[a-z0-9]{8}",
}
"""Plugin → trigger."""

TOKENS = (
    ("github_token", r"gh[pousr]_", r"[A-Za-z0-9]{36,255}"),
    ("github_token", r"github_pat_", r"[A-Za-z0-9_]{22,255}"),
    ("gitlab_token", r"gl(?:pat|ptt|rt|dt|ft|soat|oas|imt|agent|cbt|ffct|wt)-", r"[A-Za-z0-9_.-]{20,300}"),
    ("anthropic_key", r"sk-ant-", r"[A-Za-z0-9]{3,10}-[A-Za-z0-9_-]{20,200}"),
    ("openai_key", r"sk-", r"(?:(?=[A-Za-z0-9_-]{0,250}[0-9])(?=[A-Za-z0-9_-]{0,250}[A-Za-z0-9]{16})"
                   r"|(?=[A-Za-z0-9_-]{0,250}[A-Za-z0-9]{32}))[A-Za-z0-9_-]{20,250}"),
    ("hugging_face_token", r"hf_", r"[A-Za-z0-9]{30,60}(?![A-Za-z0-9_])"),
    ("hugging_face_token", r"api_org_", r"[A-Za-z0-9]{30,60}(?![A-Za-z0-9_])"),
    ("groq_key", r"gsk_", r"[A-Za-z0-9]{40,80}"),
    ("perplexity_key", r"pplx-", r"[A-Za-z0-9]{32,80}"),
    ("xai_key", r"xai-", r"[A-Za-z0-9]{40,120}"),
    ("replicate_token", r"r8_", r"[A-Za-z0-9]{36,44}"),
    ("langsmith_key", r"lsv2_(?:pt|sk)_", r"[0-9a-f]{32}_[0-9a-f]{10}"),
    ("google_api_key", r"AIza", r"[0-9A-Za-z_-]{35}"),
    ("google_oauth", r"GOCSPX-", r"[A-Za-z0-9_-]{28}"),
    ("google_oauth", r"ya29\.", r"[A-Za-z0-9_.-]{30,500}"),
    ("google_oauth", r"1//0", r"[A-Za-z0-9_-]{30,250}"),
    ("stripe_access_key", r"[rs]k_(?:live|test)_", r"[0-9a-zA-Z]{16,250}"),
    ("stripe_webhook_secret", r"whsec_", r"[A-Za-z0-9+/=]{24,100}"),
    ("slack_token", r"xapp-", r"[0-9]-[A-Za-z0-9]{5,40}-[0-9]{5,40}-[A-Za-z0-9]{10,200}"),
    ("slack_token", r"xox[abposre](?:\.xox[bp])?-", r"[A-Za-z0-9-]{20,250}"),
    ("npm_token", r"npm_", r"[A-Za-z0-9]{36}"),
    ("pypi_token", r"pypi-AgE", r"[A-Za-z0-9_-]{50,500}"),
    ("docker_token", r"dckr_[po]at_", r"[A-Za-z0-9_-]{20,60}"),
    ("rubygems_key", r"rubygems_", r"[0-9a-f]{48}"),
    ("digitalocean_token", r"do[opr]_v1_", r"[0-9a-f]{64}"),
    ("shopify_token", r"shp(?:at|ss|ca|pa)_", r"[0-9a-fA-F]{32}"),
    ("databricks_token", r"dapi", r"[0-9a-f]{32}(?:-[0-9])?(?![0-9a-z])"),
    ("grafana_token", r"gl(?:sa|c)_", r"[A-Za-z0-9_=+/-]{32,200}"),
    ("new_relic_key", r"NR(?:AK|JS|II|IQ)-", r"[A-Za-z0-9_-]{19,40}"),
    ("sentry_token", r"sntry[su]_", r"[A-Za-z0-9_=+/-]{40,300}"),
    ("linear_key", r"lin_(?:api|oauth)_", r"[A-Za-z0-9]{32,64}"),
    ("notion_token", r"secret_", r"[A-Za-z0-9]{43}(?![A-Za-z0-9])"),
    ("notion_token", r"ntn_", r"[A-Za-z0-9]{40,50}(?![A-Za-z0-9])"),
    ("figma_token", r"figd_", r"[A-Za-z0-9_-]{36,60}"),
    ("atlassian_token", r"ATATT3", r"[A-Za-z0-9_=-]{60,250}"),
    ("vault_token", r"hv[sbr]\.", r"[A-Za-z0-9_-]{24,300}"),
    ("supabase_key", r"sbp_", r"[0-9a-f]{40}"),
    ("supabase_key", r"sb_secret_", r"[A-Za-z0-9_-]{20,60}"),
    ("planetscale_key", r"pscale_(?:tkn|pw|oauth)_", r"[A-Za-z0-9_=.-]{32,64}"),
    ("doppler_token", r"dp\.(?:pt|st|ct|sa|scim|audit)\.", r"[A-Za-z0-9_.-]{30,70}"),
    ("netlify_token", r"nfp_", r"[A-Za-z0-9]{36,60}"),
    ("fly_token", r"fo1_", r"[A-Za-z0-9_=+/,-]{40,700}"),
    ("fly_token", r"FlyV1 fm[12]_", r"[A-Za-z0-9_=+/,-]{40,700}"),
    ("heroku_key", r"HRKU-", r"[A-Za-z0-9_-]{36,70}"),
    ("postman_key", r"PMAK-", r"[0-9a-f]{24}-[0-9a-f]{34}"),
    ("pulumi_token", r"pul-", r"[0-9a-f]{40}"),
    ("mailgun_key", r"key-", r"[0-9a-f]{32}(?![0-9a-zA-Z])"),
    ("age_key", r"AGE-SECRET-KEY-1", r"[0-9A-Z]{58}"),
    ("onepassword_token", r"ops_eyJ", r"[A-Za-z0-9_=-]{80,1500}"),
    ("json_web_token", r"eyJ", r"[A-Za-z0-9_-]{8,4000}\.eyJ[A-Za-z0-9_-]{4,8000}(?:\.[A-Za-z0-9_-]{0,2000}){0,3}"),
    ("password_hash", r"\$2[abxy]\$", r"[0-9]{2}\$[./A-Za-z0-9]{53}"),
    ("password_hash", r"\$[1567y]\$", r"[^\s:$\"']{1,60}\$(?:[^\s:$\"']{1,40}\$)?[./A-Za-z0-9]{22,90}"),
    ("password_hash", r"\$argon2", r"(?:id|i|d)\$[A-Za-z0-9$=,+/]{30,200}"),
)  # fmt: skip
"""Fixed shapes that begin a word: (kind, head, rest); the head is the trigger."""

BEGIN, END = (rf"-----{edge} (?:[A-Z0-9]{{1,20}} ){{0,3}}PRIVATE KEY(?: BLOCK)?-----" for edge in ("BEGIN", "END"))


def _any_case(words: str) -> str:
    """These alternatives in any case, written so that Python's engine can jump to their first letters."""
    return (
        "(?:"
        + "|".join(f"{first}(?i:{word[1:]})" for word in words.split(" ") for first in (word[0], word[0].upper()))
        + ")"
    )


NAME = _any_case(
    r"pass(?:word|wd|wort|phrase|code) pass(?<![a-zA-Z]pass)(?![a-zA-Z]) pwd pw(?<![a-zA-Z]pw)(?![a-zA-Z]) secret credentials? token api[_-]?key access[_-]?key private[_-]?key"
    r" encryption[_-]?key signing[_-]?key master[_-]?key account[_-]?key auth[_-]?key shared[_-]?key storage[_-]?key"
    r" service[_-]?key license[_-]?key client[_-]?key app[_-]?key"
)
SUFFIX = r"(?i:[_-]?(?:key|base|value|string|text|hash|prod(?:uction)?|dev|staging|live|test|default|[0-9]{1,2})){0,2}"
SIGN = r"[\"'`*\\\])]{0,4}\s{0,4}(?::=|=>|==?|:|>)\s{0,4}"
MIXED = r"(?=[^\s0-9]{0,200}[0-9])(?=[^\sA-Za-z]{0,200}[A-Za-z])"

NAMED_TRIGGER = (
    r"(?i:(?:pass|pwd|pw|secret|credential|token|[a-z][_-]?key)[a-z0-9_-]{0,24}[\"'`*\\\])]{0,4}\s{0,4}[:=>,(]{1,2}[^0-9!@#%^&*\n]{0,200}[0-9!@#%^&*]"
    r"|(?:pass(?:word|phrase|code)|secret|token|key)\s+(?:is|was)\s)"
)

STOPS = re.compile(
    r"(?i)example|change_?me|^your|placeholder|redacted|dummy|x{4}|^\*{3}|\.{3}|^(?:https?|file|arn|projects|gs|s3)[:/]|^\.{0,2}/"
    r"|\$\{|\{\{|^\$[a-z_({]|^<|%[({]|^%[a-z_]+%$|\.(?:pem|key|json|txt|ya?ml|env|crt)$|^\[|^(?:pass(?:word|wd|wort)?|secret|token|none|null|true|false)$"
)
"""What stands where a secret would and is none: a placeholder, a path."""

CURSORS = ("page_", "page-", "next_", "sync_")
"""What stands before a token that is a place in a list."""

EXPRESSION = re.compile(r"[a-z]\(|\w\[")


def _unless_stopped(match: re.Match[str]) -> str | None:
    value = value_of(match)
    if match.string[max(0, match.start() - 5) : match.start()].lower() in CURSORS:
        return None
    is_expression = "quote" not in match.re.groupindex and EXPRESSION.search(value)
    return None if is_expression or STOPS.search(value) else value


PLACED = (
    ("discord_webhook", "/api/webhooks/", r"https://(?:\w{2,6}\.)?discord(?:app)?\.com/api/webhooks/[0-9]{15,22}/[A-Za-z0-9_-]{40,100}"),
    ("discord_token", r"\.[A-Za-z0-9_-]{6}\.", alone("[MNO]", "-") + r"[A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,40}"),
    ("teams_webhook", "webhookb2", r"https://[a-z0-9.-]{1,80}\.webhook\.office\.com/webhookb2/[A-Za-z0-9@/-]{40,250}"),
    ("airtable_token", r"pat[A-Za-z0-9]{14}\.", alone("p", "-") + r"at[A-Za-z0-9]{14}\.[0-9a-f]{64}"),
    ("terraform_token", "atlasv1", alone("[A-Za-z0-9]", "-") + r"[A-Za-z0-9]{13}\.atlasv1\.[A-Za-z0-9_=-]{50,90}"),
    ("azure_client_secret", "Q~", alone("[A-Za-z0-9_~.-]", "-") + r"[A-Za-z0-9_~.-]{2}[0-9]Q~[A-Za-z0-9_~.-]{31,34}(?![A-Za-z0-9_~-])"),
    ("telegram_bot_token", ":AA", alone("[0-9]", "-") + r"[0-9]{7,9}:AA[0-9A-Za-z_-]{33}(?![0-9A-Za-z_-])"),
    ("private_key", "PRIVATE KEY", BEGIN + r"(?:[^-]|-(?!----)){40,20000}?" + END),
    # The block was cut off: all that still looks like base64 goes.
    ("private_key", "PRIVATE KEY", BEGIN + r"(?:(?:\s|\\[nr]){1,8}[A-Za-z0-9+/=]{16,20000})+"
                                           r"(?:(?:\s|\\[nr]){1,8}[A-Za-z0-9+/=]{1,80}$)?"),
    ("private_key", "PuTTY-User-Key", r"PuTTY-User-Key-File-[23]:(?:(?!Private-MAC)[\s\S]){40,20000}Private-MAC: ?[0-9a-f]{40,64}"),
    ("private_key", "LS0tLS1CRUdJTi", r"LS0tLS1CRUdJTi(?:BSU0EgUFJJVkFURS|BQUklWQVRF|BFQyBQUklWQVRF|BPUEVOU1NIIFBSSVZBVEUg)"
                                      r"[A-Za-z0-9+/=]{40,20000}"),
    ("private_key", "(?i:client-key-data)", r"(?i:client-key-data)[\"'\\]{0,4}:\s{0,4}[\"'\\]{0,4}(?P<value>[A-Za-z0-9+/=]{40,20000})"),
    ("aws_secret_key", "(?i:secret_?(?:access_?)?key)", r"(?i)aws_?secret_?(?:access_?)?key[\"'\\]{0,4}\s{0,4}[:=]\s{0,4}[\"'\\]{0,4}"
                                      r"(?P<value>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+])"),
    ("aws_secret_key", "(?i:secretaccesskey|(?:session|security)_?-?token)", r"(?i)(?:secretaccesskey|(?:aws_|x-amz-)?(?:session|security)_?-?token)[\"'\\]{0,4}\s{0,4}[:=]\s{0,4}"
                                      r"[\"'\\]{0,4}(?P<value>[A-Za-z0-9/+=]{40,2000})(?![A-Za-z0-9/+=])"),
    ("azure_storage_key", "Key=|sig=", r"(?:AccountKey|SharedAccessKey|[?&;]sig)=(?P<value>[A-Za-z0-9+/%]{32,120}={0,2})"),
    ("authorization", "(?i:authorization)", r"(?i)authorization[\"'\\]{0,4}\s{0,4}(?:[:=,]|=>)\s{0,4}[f\"'\\]{0,4}(?:bearer|basic|token|apikey|ssws|bot|key)\s{1,4}"
                      r"(?P<value>[A-Za-z0-9._~+/=-]{16,4000})"),
    ("authorization", r"(?i:bearer)\s+[A-Za-z0-9._~+/=-]{20}", r"(?i)(?<![a-z])bearer\s{1,4}(?P<value>(?=[^\s0-9]{0,400}[0-9])[A-Za-z0-9._~+/=-]{20,4000})"),
    ("basic_auth", r"curl\s[^\n]*(?:-u|--user)", r"curl\s[^\n]{0,300}?(?:-u|--user)[ =]{0,4}[\"'\\]{0,4}[^\s:\"']{1,100}:(?P<value>(?![{$<%(]|[*]{3})[^\s\"'\\]{1,200})"),
    # Only the password goes; what stands for one ({password}, $PASS, <pass>, ***) is none.
    ("basic_auth", r"://[!-~]*@", r"://[^\s:/?#\[\]@\"'<>\\]{0,200}:(?P<value>(?![{$<%(]|[*]{3}|[0-9]{1,5}/)[^\s\"'<>\\]{1,200})@[A-Za-z0-9\[{]"),
    ("cookie", r"(?i:sess|sid|auth|csrf|xsrf|remember)[a-zA-Z0-9_.-]*=[^\s;,\"\x27\\]{16}", r"(?i)(?:cookie[\"'\\]{0,4}\s?[:,=]|;|[\"'])\s{0,4}[\"'\\]{0,4}(?:[a-z0-9_.-]{0,30}(?:sess(?:ion)?(?:_?-?id)?|sid|auth|csrftoken|xsrf-token|remember_[a-z_]{1,20}))"
               r"=(?P<value>[^\s;,\"'\\]{16,4000})"),
    ("url_key", "[?&]key=", r"[?&]key=(?P<value>(?=[A-Za-z_-]{0,100}[0-9])[A-Za-z0-9_-]{16,200})"),
    ("docker_auth", r"auth\\?\"", r"\"_?auth\\?\"\s{0,4}:\s{0,4}\\?\"(?P<value>[A-Za-z0-9+/]{12,400}={0,2})\\?\""),
    ("npm_token", "_auth", r"_auth(?:Token)?=(?P<value>(?=[A-Za-z_-]{0,200}[0-9])[A-Za-z0-9+/=_-]{16,400})"),
    ("netrc", r"(?:machine|login)\s+\S+\s+[^\n]*password\s", r"(?:machine|login)\s{1,8}\S{1,200}\s{1,8}(?:login\s{1,8}\S{1,200}\s{1,8}|account\s{1,8}\S{1,200}\s{1,8})?password\s{1,8}(?P<value>(?![{$<%])[^\s\\]{3,200})"),
    ("pgpass", ":(?:543[0-9]|643[0-9]|[*]):", r"(?:^|(?<=\\n)|(?<=[\s\"'`]))[A-Za-z0-9_.*-]{1,200}:(?:543[0-9]|643[0-9]|\*):[^\s:\\]{1,80}:[^\s:\\]{1,80}:"
                                               r"(?P<value>[^\s\\\"'`]{3,200})"),
    ("connection_string", "(?i:pwd=|password=)", r"(?i)(?:;\s?|(?:server|host|data source|user|uid|dsn)=[^\n]{0,200}[;& ])(?:password|pwd)=(?P<value>(?![{$<%]|[*]{3})(?=[^;\s]{0,200}[0-9!@#^*])[^;\s\"'&\\]{3,200})"),
    ("command_password", r"--(?:pass|token|api-key|secret|auth-|access-|client-)|sshpass|mysql[^\n]* -p|docker login|redis-cli|(?i:identified by|with password|encrypted password|requirepass)",
     r"(?:--(?:password|passwd|token|api-key|secret|auth-token|access-token|client-secret)[ =][\"'\\]{0,3}|sshpass -p ?[\"'\\]{0,3}"
     r"|(?:mysql(?:dump|admin)?\s[^\n]{0,100}?\s-p|docker login\s[^\n]{0,100}?\s-p ?|redis-cli\s[^\n]{0,100}?-a ?)[\"'\\]{0,3}|(?i:IDENTIFIED BY|WITH PASSWORD|ENCRYPTED PASSWORD|requirepass) [\"'\\]{0,3})"
     r"(?P<value>(?![-{$<%(]|[*]{3})(?=[^\s]{0,200}[0-9!@#%^&*])[^\s\"'\\;]{5,300})"),
    # What its name gives away: in quotation marks, on a line of its own, in a tag, after "is", or anywhere in plain letters.
    ("named_secret", NAMED_TRIGGER,
     rf"{NAME}{SUFFIX}(?:{SIGN}|[\"'\\\])]{{1,4}}\s?,\s{{0,4}})[rbf]?(?P<quote>\\{{0,3}}[\"'`])(?P<value>{MIXED}(?:(?!(?P=quote))[^\s\\]|\\[^\s]){{6,500}}?)(?P=quote)"),
    ("named_secret", NAMED_TRIGGER,
     rf"(?m)(?:^|(?<=\\n))[ \t]{{0,40}}(?i:-[ \t]{{1,8}}|export[ \t]{{1,4}}|set[ \t]{{1,4}}|env[ \t]{{1,4}}|arg[ \t]{{1,4}})?[\"']?[\w.-]{{0,60}}{NAME}[\w-]{{0,20}}[\"']?"
     rf"(?:=|:[ \t]{{1,8}})(?P<value>(?=[^\s\\]{{0,300}}[A-Za-z])(?=[^\s\\]{{0,300}}[0-9!@#%^&*])[^\s\"'`\\,;(){{}}]{{6,300}})(?=[ \t\r]{{0,40}}(?:$|\\[nr]))"),
    ("named_secret", NAMED_TRIGGER, rf"<{NAME}{SUFFIX}>(?P<value>{MIXED}[^\s<>]{{6,300}})</"),
    ("named_secret", NAMED_TRIGGER, rf"(?:{NAME}|(?i:api|access) key)\s{{1,4}}(?:is|was)\s{{1,4}}:?\s?[\"'`]?(?P<value>(?=[^\s0-9]{{0,200}}[0-9])(?=[^\sA-Za-z]{{0,200}}[A-Za-z])[^\s\"'`,;\\]{{6,200}}[^\s\"'`,;\\.?])"),
    ("named_secret", NAMED_TRIGGER,
     rf"{NAME}{SUFFIX}{SIGN}[\"']?"
     r"(?P<value>(?=[A-Za-z!@#%^&*_+/=~-]{0,200}[0-9])(?=[0-9!@#%^&*_+/=~-]{0,200}[A-Za-z])"
     r"(?:[A-Za-z0-9!@#%^*_+/=~-]|&(?![A-Za-z_]{1,30}=)){7,200})(?![\w(.!@#%^*+/=~\[-]|&(?![A-Za-z_]{1,30}=))"),
)  # fmt: skip
"""(kind, trigger, pattern) of what is known by its place."""

FIRST = ("private_key", "aws_secret_key")
"""In front of all tokens, which might find their own shape inside these."""

CAREFUL = ("named_secret", "cookie", "connection_string", "command_password", "basic_auth")

TOKEN_SIGNS = (
    rf"(?:{'|'.join(head for _, head, _ in TOKENS)})[A-Za-z0-9$./+_=-]{{6}}|{'|'.join(PLUGINS.values())}"
    r"|PRIVATE KEY|PuTTY-User|LS0tLS1CRUdJTi|(?i:client-key-data|secret_?(?:access_?)?key|(?:session|security)_?-?token)"
)
PLACE_SIGNS = (
    r"Key=|sig=|Q~|:AA|/api/webhooks/|webhookb2|atlasv1|pat[A-Za-z0-9]{14}\.|\.[A-Za-z0-9_-]{6}\.|://[!-~]*@|:(?:54|64)3[0-9]:|:\*:"
    r"|(?i:pass|pwd|pw[\"': =]|secret|credential|token|[a-z][_-]?key|(?:api|access) key|auth|bearer|curl|sess|sid|csrf|xsrf|remember|identified|mysql|docker login|redis-cli|[?&]key=)"
)
"""What every secret shows: cheap regexes, so that most rows are looked at twice and no more."""


@cache
def groups() -> tuple[tuple[str, tuple[Pattern, ...]], ...]:
    """(what all of them show, patterns). Ours first: they are longer, and a short match inside a long secret would leave
    its rest standing."""
    placed = [
        Pattern(kind, trigger, re.compile(text), _unless_stopped if kind in CAREFUL else itself)
        for kind, trigger, text in PLACED
    ]
    first = [it for it in placed if it.kind in FIRST]
    tokens = [Pattern(kind, head, re.compile(_alone(head) + rest)) for kind, head, rest in TOKENS]
    plugins = [it for plugin, trigger in PLUGINS.items() for it in _of_plugin(plugin, trigger)]
    others = [it for it in placed if it.kind not in FIRST]
    return (TOKEN_SIGNS, (*first, *tokens, *plugins)), (PLACE_SIGNS, tuple(others))


def _alone(head: str) -> str:
    first = re.match(r"\\.|\[[^]]*\]|.", head)[0]  # type: ignore[index]
    return alone(first, "-") + head[len(first) :]


def _of_plugin(plugin: str, trigger: str) -> list[Pattern]:
    """The patterns themselves, not `analyze_string`: that yields the groups, "glpat" instead of the token."""
    from importlib import import_module

    module, name = plugin.split(".")
    detector = getattr(import_module(f"detect_secrets.plugins.{module}"), name)
    kind = re.sub(r"\W+", "_", detector.secret_type.lower())
    return [Pattern(kind, trigger, _with_value(regex, kind)) for regex in detector.denylist]


def _with_value(regex: re.Pattern[str], kind: str) -> re.Pattern[str]:
    """Of what AWS's second pattern matches, a name and a key, only the key is the secret."""
    is_named = kind == "aws_access_key" and regex.groups
    return re.compile(regex.pattern.replace("([", "(?P<value>["), regex.flags) if is_named else regex
