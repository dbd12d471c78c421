"""Secrets of a fixed shape: the tokens of services, by the letters with which they begin.

Some patterns are detect-secrets' plugins; ours add what they lack or cut short (their JWT leaves the signature
standing, their Stripe the tail). Nothing is verified over the network. Left out on purpose: the entropy plugins, and
KeywordDetector, which takes any quoted text after a name like "password": 8 of 39 harmless lines in its test. Left
out as noisy too: Artifactory, Discord, IBM. Not here: what only its name or place gives away (secrets.py).
"""

from __future__ import annotations

import re
from importlib import import_module

from vibe_pipeline.scrub.patterns import Pattern, alone

PLUGINS = {
    "gitlab_token.GitLabTokenDetector": r"gl[a-z]+-|GR1348941",
    "mailchimp.MailchimpDetector": r"[0-9a-z]{8}-us[0-9]",
    "pypi_token.PypiTokenDetector": "pypi-AgE",
    "sendgrid.SendGridDetector": r"SG\.",
    "slack.SlackDetector": r"(?i:xox|hooks\.slack)",
    "square_oauth.SquareOAuthDetector": "sq0csp-",
    "twilio.TwilioKeyDetector": r"(?:AC|SK)[a-z0-9]{8}",
}  # fmt: skip
"""Plugin → trigger."""

TOKENS = (
    ("aws_access_key", r"A(?:3T[A-Z0-9]|BIA|CCA|KIA|SIA)", r"[0-9A-Z]{16}"),
    ("github_token", r"gh[pousr]_", r"[A-Za-z0-9]{36,255}"),
    ("github_token", r"github_pat_", r"[A-Za-z0-9_]{22,255}"),
    ("gitlab_token", r"gl(?:pat|ptt|rt|dt|ft|soat|oas|imt|agent|cbt|ffct|wt)-", r"[A-Za-z0-9_.-]{20,300}"),
    ("anthropic_key", r"sk-ant-", r"[A-Za-z0-9]{3,10}-[A-Za-z0-9_-]{20,200}"),
    ("langfuse_key", r"sk-lf-", r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    ("openai_key", r"sk-", r"(?:(?=[A-Za-z0-9_-]{0,250}[0-9])(?=[A-Za-z0-9_-]{0,250}[A-Za-z0-9]{16})"
                   r"|(?=[A-Za-z0-9_-]{0,250}[A-Za-z0-9]{32}))[A-Za-z0-9_-]{20,250}"),
    ("hugging_face_token", r"hf_", r"[A-Za-z0-9]{30,60}(?![A-Za-z0-9_])"),
    ("hugging_face_token", r"api_org_", r"[A-Za-z0-9]{30,60}(?![A-Za-z0-9_])"),
    ("groq_key", r"gsk_", r"[A-Za-z0-9]{40,80}"),
    ("perplexity_key", r"pplx-", r"[A-Za-z0-9]{32,80}"),
    ("xai_key", r"xai-", r"[A-Za-z0-9]{40,120}"),
    ("pinecone_key", r"pcsk_", r"[A-Za-z0-9_]{40,90}"),
    ("tavily_key", r"tvly-", r"[A-Za-z0-9-]{20,60}"),
    ("fireworks_key", r"fw_", r"(?=[A-Za-z]{0,30}[0-9])[A-Za-z0-9]{22,40}(?![A-Za-z0-9_(])"),
    ("elevenlabs_key", r"sk_", r"[0-9a-f]{48}(?![A-Za-z0-9_])"),
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
"""(kind, head, rest); the head is the trigger, and no word goes on before it."""

SIGNS = rf"(?:{'|'.join(head for _, head, _ in TOKENS)})[A-Za-z0-9$./+_=-]{{6}}|{'|'.join(PLUGINS.values())}"
"""What every token shows."""


def patterns() -> list[Pattern]:
    """Ours first: they are longer, and a short match inside a long secret would leave its rest standing."""
    ours = [Pattern(kind, head, re.compile(_alone(head) + rest)) for kind, head, rest in TOKENS]
    return [*ours, *(pattern for plugin, trigger in PLUGINS.items() for pattern in _of_plugin(plugin, trigger))]


def _alone(head: str) -> str:
    first = re.match(r"\\.|\[[^]]*\]|.", head)[0]  # type: ignore[index]
    return alone(first, "-") + head[len(first) :]


def _of_plugin(plugin: str, trigger: str) -> list[Pattern]:
    """The patterns themselves, not `analyze_string`: that yields the groups, "glpat" instead of the token."""
    module, name = plugin.split(".")
    detector = getattr(import_module(f"detect_secrets.plugins.{module}"), name)
    kind = re.sub(r"\W+", "_", detector.secret_type.lower())
    return [Pattern(kind, trigger, regex) for regex in detector.denylist]
