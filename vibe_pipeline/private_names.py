"""The names by which a secret or a phone number is known: what scrubbing looks for in text, and recording in arguments.

Standard library only: it is read wherever a program logs. Not here: how a name and its value are written
(scrub/named.py, scrub/phones.py).
"""

from __future__ import annotations

import re

PASSWORDS = "pwd kennwort contraseña contrasena wachtwoord hasło пароль 密码 密碼 パスワード"
SHORT_PASSWORDS = "pw senha"
"""Other words hold these, and inside one they are none."""
KEYS = (
    "secret api access private encrypt encryption signing master account auth shared storage service license client app"
    " jwt hmac"
)
"""What stands before `key` where it opens something."""
SUFFIXES = "key base value string text hash prod production dev staging live test default"
"""What may stand behind the name of a secret, with digits too."""

PHONES = "phone 电话 手机 電話 手機 携帯 号码 號碼 番号 телефон"
SHORT_PHONES = (
    "mobile mobil cell telefon teléfono telefone telefoon tel fax whatsapp sms handy mob ph móvil movil celular fone"
)

WORD = re.compile(r"[A-Z]+(?![^\W\dA-Z_])|[A-Z]?[^\W\dA-Z_]+|[0-9]+")
"""Of an identifier: `dbPassword_2` has db, Password and 2."""
OTHER_PHONES = "micro|head|ear|mega|gramo|saxo|xylo|dicta"
OTHER_KEYS = "mon|don|tur|hot|joc|hoc|whis|disc|lac"
"""What stands before `phone` and `key` in words of their own."""
ANYWHERE = f"pass(?:word|wd|wort|phrase|code) credential {PASSWORDS} {PHONES.removeprefix('phone ')}"
WHOLE = rf"(?!(?:{OTHER_PHONES})phone)\S*phone(?:number|num|no|nr)? {SHORT_PASSWORDS} {SHORT_PHONES}"
LAST = rf"pass \S*secret \S*token \S*auth authorization (?!(?:{OTHER_KEYS})key)\S*key"
"""A token_count is none, key_points are none, and tokens are counted."""
NAMES = re.compile(
    rf"{'|'.join(ANYWHERE.split())}|(?<![^ ])(?:{'|'.join(WHOLE.split())})(?![^ ])"
    rf"|(?<![^ ])(?:{'|'.join(LAST.split())})(?: ?(?:{'|'.join(SUFFIXES.split())})| [0-9]+)*$"
)


def is_private(name: str) -> bool:
    """Whether an identifier says of its value what by that alone nobody could tell."""
    return NAMES.search(" ".join(WORD.findall(name)).lower()) is not None
