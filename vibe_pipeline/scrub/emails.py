"""E-mail addresses, told from code by their top-level domain: `q@k.transpose(-2, -1)` and `pbmc@meta.data` are none.

Not here: names without a domain (`@joanna`), and addresses of repositories.
"""

from __future__ import annotations

import re

from vibe_pipeline.scrub.homes import FILES, LATIN
from vibe_pipeline.scrub.patterns import Pattern, alone

GENERIC = """
com net org edu gov mil int info biz name pro mobi jobs travel museum aero coop asia cat tel
app dev page cloud online site website web shop store tech digital software systems solutions services network host
email mail chat social blog news press media studio design art photography photos video film music audio
agency company business consulting group team work works partners ventures capital finance bank money tax legal law
health care clinic dental doctor hospital school academy education university college institute science engineering
foundation charity ngo ong church community club life live world global international today space zone city house
immo estate garden restaurant cafe coffee pizza bar hotel holiday tours events fit yoga bike auto
xyz top icu fun rocks guru ninja expert coach training tools wiki one link click vip gmbh ltd inc llc
berlin hamburg koeln cologne bayern nrw ruhr saarland wien tirol swiss paris bzh london scot wales nyc tokyo amsterdam
brussels vlaanderen gent eus gal quebec istanbul africa
local internal intranet lan corp private home example test invalid
рф рус укр бел срб бг мкд қаз ελ ευ
"""
"""Where people have addresses, at home, at work and in examples too: of 1500 domains most are words that an attribute
may bear."""
NATIONAL = rf"(?!{FILES}(?![A-Za-z0-9]))(?:[a-z]{{2}}|[A-Z]{{2}})"
TLD = rf"(?:{NATIONAL}|xn--[a-z0-9-]{{2,30}}|(?i:{'|'.join(GENERIC.split())}))"

LETTERS = rf"{LATIN}Ͱ-ӿ0-9"
END = rf"(?!-?[{LETTERS}])"
CALL = r"(?![\w.]{0,60}[(\[])"
"""What follows is a call or an index: X@W.to(device)."""
EMAIL = re.compile(
    alone(f"[{LETTERS}_]", "%.À-ӿ") + rf"(?:[{LETTERS}._+-]|\\{{1,2}}(?=_)|'(?=[a-z])){{0,63}}(?:@|%40|\\u0040)"
    rf"(?:[{LETTERS}](?:[{LETTERS}-]{{0,61}}[{LETTERS}])?\.){{1,6}}(?:(?:com|org|net){END}|{TLD}{END}{CALL})"
)
NOBODY = re.compile(r"(?:git|hg|svn|this|super|return)@")
"""Repositories, and labels in Kotlin."""


def _email(match: re.Match[str]) -> str | None:
    address = match[0].lower().replace("%40", "@").replace("\\u0040", "@").replace("\\", "")
    return None if NOBODY.match(address) else address


SIGNS = r"@|%40|\\u0040"
PATTERNS = (Pattern("email", SIGNS, EMAIL, _email),)
