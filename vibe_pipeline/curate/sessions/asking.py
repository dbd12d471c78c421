"""Whether a request asks for a file that was written for it, or an agent only needed it on the way.

Scripts that reproduce, check and debug are what agents write most. In doubt a file was not asked for: what is lost is
one example. Not here: whether it worked (files.py).
"""

from __future__ import annotations

from vibe_pipeline.curate.sessions.mending import TEST_FILE

NEAR = 1000
"""Characters of a request's beginning and end: between them is what was pasted."""

ASKS = (
    r"(?i)\b(?:add|create|develop|generate|implement|program|write"
    r"|(?:build|code|make)\s+(?:me\s+|us\s+)?an?"
    r"|an?\s+(?:[\w.+#-]+\s+){0,3}(?:class|function|program|script|tool)"
    r"|schreib\w*|erstell\w*|entwick\w*|bau\w*\s+(?:mir\s+)?eine?n?|(?:gener|implement|programm)ier\w*"
    r"|crear?|escrib[ae]|desarrolla|agrega|genera|implementa|programa"
    r"|scriv[ei]|sviluppa|aggiungi|crie|escreva|desenvolva|adicione|gere|implemente|ajoute[rz]?)\b"
    r"|écri(?:re|s|vez)|cré(?:e[rz]?|ez)|développe|génère|implémente|añade"
    r"|напиш|созда(?:й|ть)|реализ(?:уй|овать)|добав(?:ь|ить)"
    r"|[写寫]|编程|編程|创建|創建|实现|實現|生成|添加|作(?:って|成)|書い|実装|追加|작성|만들|구현|추가"
)
"""That something be written, in the languages of thanks.py."""

SCRATCH = (
    r"(?:^|[^a-z])(bench|check|debug|demo|diagnos|explor|inspect|investigat|poc|prob|profil|quick|repro|sanity|scratch"
    r"|smoke|test|verif)|(?:^|[^a-z])(te?mp|try)(?:[^a-z]|$)"
)
"""Of a name in small letters: what it is for. Who wants that says so."""
TEMPORARY = r"(?i)(?:^|[/\\])(?:te?mp|shm|var[/\\]folders|scratch\w*)[/\\]"

BESIDE = rf"{TEST_FILE}|(?i:\.(?:csv|md|rst|txt)$)"
"""Files that another does not need to be whole."""


def is_asked(request: str, path: str, file: str, is_alone: str) -> str:
    """SQL: whether the request names the file, or asks that something be written and it is all that was: `is_alone`.

    Its name may not say that it is to check or to try something, unless the request says so too; in a folder for what
    is temporary it has a word of the request.
    """
    words = rf"regexp_extract_all(lower({request}), '[\w-]+(?:\.[\w-]+)*')"
    near = f"concat(left({request}, {NEAR}), ' ', right({request}, {NEAR}))"
    purposes = " || ".join(f"regexp_extract_all(lower({file}), '{SCRATCH}', {group})" for group in (1, 2))
    return f"""(
        list_contains({words}, lower({file}))
        OR {is_alone} AND regexp_matches({near}, '{ASKS}')
            AND len(list_filter({purposes}, lambda word: NOT contains(lower({near}), word))) = 0
            AND (NOT regexp_matches({path}, '{TEMPORARY}') OR len(list_filter(
                regexp_extract_all(lower(regexp_replace({file}, '\\.\\w+$', '')), '[\\p{{L}}\\p{{N}}]{{4,}}'),
                lambda word: contains(lower({near}), word)
            )) > 0)
    )"""
