"""The names by which a secret or a phone number is known: what scrubbing looks for in text, and recording in arguments.

Standard library only: it is read wherever a program logs. Not here: how a name and its value are written
(scrub/named.py, scrub/phones.py).
"""

from __future__ import annotations

import re

PASSWORDS = "pwd kennwort contraseña contrasena wachtwoord hasło пароль 密码 密碼 パスワード"
SHORT_PASSWORDS = "pw senha"
"""Other words hold these, and inside one they are none."""
SECRETS = "pass secret token key credential auth"

PHONES = "phone 电话 手机 電話 手機 携帯 号码 號碼 番号 телефон"
SHORT_PHONES = (
    "mobile mobil cell telefon teléfono telefone telefoon tel fax whatsapp sms handy mob ph móvil movil celular fone"
)

NAMES = re.compile(
    rf"(?i){'|'.join(f'{PASSWORDS} {SECRETS} {PHONES}'.split())}"
    rf"|(?<![^\W_])(?:{'|'.join(f'{SHORT_PASSWORDS} {SHORT_PHONES}'.split())})(?![^\W_])"
)
"""Whether a name says that by its value alone nobody could tell."""
