"""Ways to a success that mends nothing: what failed is hidden, left out, or was forbidden by the user.

The words that hide a failure are told by what came: a command that was piped to `tail` before and after is as good or
bad as it was. In doubt nothing was mended: what is lost is one example. Quotes in patterns are code points, for SQL.
Not here: whether the two inputs belong together (versions.py).
"""

from __future__ import annotations

from vibe_pipeline.curate.sessions.versions import READ

PIPE = "[|]"
FILTERS = r"\b(?:awk|cat|column|cut|e?grep|head|jq|less|more|nl|sed|sort|tail|tee|tr|uniq|wc)\b"
PIPED = rf"\|&?\s*(?:sudo\s+)?{FILTERS}"
"""The exit status is that of the last program, unless the shell is told otherwise: what works is the `tail`."""
KEEPS_STATUS = r"pipefail|PIPESTATUS"

CHECKED = (
    r"(?:\w+-)*(?:audit|cert|certificate|check|conflict|deps|dirty|engine|error|gpg|hook|host-key|integrity|lint"
    r"|lock(?:file)?|missing|peer|platform-req|script|signature|ssl|strict|test|tls|valid\w*|verif\w*|warning)s?(?:-[\w-]+)?"
)
"""What a flag lets go, by its name: `--ignore-missing-imports`, `--legacy-peer-deps`, `--audit-level=none`."""
ENDS = r"(?:[\s=\x22\x27]|$)"
ARGUMENTS = r"(?:[^\n;&|\x22\x27]|\x22[^\x22\n]*\x22|\x27[^\x27\n]*\x27)*?\s"
FORCE = r"-[a-z]*f[a-z]*(?:\s|$)"

HIDES = "|".join([
    # What is run instead, last, or meanwhile: its status is the one that is seen.
    r"\|\|\s*(?:(?:true|exit[ \t]+0|return[ \t]+0|echo|printf)\b|:)",
    r"[;\n][ \t]*(?:true|exit[ \t]+0|echo\b[^\n;&|]*|:)[ \t\x22\x27)]*$",
    r"[^&>|\s][ \t]*&[ \t]*$|\s--no-(?:block|wait)\b",
    r"\bset[ \t]+\+\w*e\w*|\bcontinue-on-error\b|\bignore_errors\b|\bSilentlyContinue\b",
    # What only asks, or says what it would do. `--version 2` is another version.
    rf"\s--(?:check|co|collect-only|dry-?run|fake(?:-initial)?|help|if-present|just-print|list(?:-tests)?|no-run){ENDS}",
    rf"\s--version[ \t]*(?:[;&|\n]|$)|\s-WhatIf\b|\bmake\b{ARGUMENTS}-[a-z]*[inqt](?:\s|$)",
    # Errors that nobody is to see.
    r"(?:\b2|&)>[ \t]*(?:/dev/null|&-|[$]null)|>[ \t]*/dev/null[ \t]+2>&1",
    # Checks and tests that are left out.
    r"\s--(?:deselect|exclude(?:-[\w-]+)?|(?:extend-)?ignore(?:-glob|-pattern)?|skip)(?:[\s=]|$)",
    rf"\bcommit\b{ARGUMENTS}-[a-z]*n[a-z]*\b|\b(?:SKIP=|HUSKY=0)",
    rf"\s-D[\w.]*(?:[sS]kip|[iI]gnore)\w*|\s--?skip[A-Z]\w*|\bgradlew?\b{ARGUMENTS}-x\s|\s--without\s",
    r"\bpytest\.(?:mark\.)?(?:skip|skipif|xfail|importorskip)\b|@(?:unittest\.)?(?:skip|expectedFailure)\w*|\bskipTest\(",
    r"\b(?:it|test|describe|suite)\.(?:skip|only|todo)\b|\bx(?:it|describe|test)\(|\bt\.Skip\w*\(|#\[ignore\b",
    r"@(?:Disabled|Ignore)\b",
    # Checks that are loosened, doors left open, and what is done against a refusal; `rm -f` and `tail -f` are none.
    rf"\s--force(?:-(?:delete|if-includes|overwrite|remove|unlock|with-lease|yes))?{ENDS}",
    rf"\s--(?:allow|disable|ignore|legacy|no|skip)-(?:{CHECKED}|(?:\w+-)*fail(?:ed|ures?)?){ENDS}",
    rf"\s--?{CHECKED}(?:=|[ \t]+)(?:false|never|no|none|off){ENDS}",
    r"\s--(?:allow-failure|break-system-packages|continue-on-error|exit-zero|passWithNoTests|soft-fail|trusted-host)\b",
    r"\s--(?:max-(?:errors|failures|warnings)|(?:cov-)?fail-under)(?:=|[ \t]+)[1-9]\d*",
    rf"\s-Wno-[\w-]+|\s-W[ \t]*ignore\b|\s--(?:snapshot-update|update-?snapshots?)\b|\bjest\b{ARGUMENTS}-u\b",
    rf"\s--insecure(?:-[\w-]+)?\b|\bcurl\b{ARGUMENTS}-[a-zA-Z]*k[a-zA-Z]*(?:\s|$)|\bStrictHostKeyChecking[ \t=]+no\b",
    r"\b(?:NODE_TLS_REJECT_UNAUTHORIZED|PYTHONHTTPSVERIFY)=\W?0|\bGIT_SSL_NO_VERIFY\b|\bsslVerify[ \t=]+\W?false",
    r"\bverify\s*=\s*False\b|\bCERT_NONE\b|\b_create_unverified_context\b|\brejectUnauthorized\W+false\b",
    rf"\bgit\b{ARGUMENTS}(?:checkout|switch)\b{ARGUMENTS}{FORCE}|\bgit\b{ARGUMENTS}push\b{ARGUMENTS}(?:{FORCE}|\+\w)",
    rf"\bgit\b{ARGUMENTS}(?:-X[ \t]*|-s[ \t]+|--strategy(?:-option)?[= \t]+)(?:ours|theirs)\b",
    rf"\b(?:npm|pnpm|yarn)\b{ARGUMENTS}(?:add|audit|ci|i|install|publish|update)\b{ARGUMENTS}{FORCE}",
    # Errors that the code swallows, and checkers that are told to say nothing.
    r"\bexcept\b[^\n]*:\s*(?:#[^\n]*\s*)?(?:(?:pass|continue)\b|\.\.\.)|\bsuppress\(|\bcatch\s*(?:\([^)]*\)\s*)?\{\s*\}",
    r"#\s*(?:type:\s*ignore|noqa|nosec|pyright:\s*ignore|pylint:\s*disable|pragma:\s*no cover)",
    r"@ts-(?:ignore|expect-error|nocheck)|\beslint-disable|\bNOLINT|//\s*nolint|#!?\[allow\(|@SuppressWarnings",
])  # fmt: skip

TESTERS = (
    r"\b(?:ava|ctest|cypress|jest|karma|mocha|nextest|nox|pest|phpunit|playwright|py\.?test|rspec|tox|unittest|vitest)\b"
    r"|\b(?:bazel|bun|cabal|cargo|dart|deno|dotnet|flutter|go|gradlew?|lein|make|mix|mvnw?|npm|pnpm|rails|rake|sbt|stack"
    r"|swift|yarn|zig)\b[^\n;&|]*\s(?:[\w-]+:)?(?:check|spec|tests?|verify)\b"
)
SELECTS = (
    r"\s-k\b(?:[ \t=]*[\x22\x27]?[^\x22\x27\n]*\bnot\b)?|\s-m[ \t=]*[\x22\x27]?not\b"
    r"|\s-(?:run|Dtest)[= ]"
    r"|\s--(?:bins?|doc|exclude-\w+|filter|grep(?:-invert)?|last-failed|lf|lib|only\w*|tags?|test\w*Patterns?|tests?)"
    + ENDS
)
"""Of a program that tests: fewer tests. Elsewhere `-k` sorts."""

BROAD = "|".join([
    r"\bexcept\b(?:[^:\n]*\b(?:Base)?Exception\b[^:\n]*|\s*):[^\n]*(?:\n[ \t]+\S[^\n]*){0,3}",
    r"\bcatch\s*(?:\((?:\s*\w+\s*|\.\.\.|[^)\n]*\b(?:Exception|Throwable)\b[^)\n]*)\)\s*)?\{[^{}]*\}",
    r"\.catch\(\s*(?:\(\w*\)|\w+)\s*=>[^\n]*|\berror[ \t]*=[ \t]*function[ \t]*\([^\n]*",
    r"(?m:^[ \t]*rescue\b[ \t]*(?:(?:StandardError|Exception)\b[ \t]*)?(?:=>[ \t]*\w+[ \t]*)?$)(?:\n[^\n]*){0,3}",
    r"\S[ \t]+rescue[ \t]+(?:nil|false|true|\d|\x27\x27|\x22\x22|\[\]|\{\})",
    r"\.unwrap_or(?:_default\(\)|(?:_else)?\([^\n]*)|,[ \t]*_[ \t]*:=[ \t]*[\w.]+\(",
])  # fmt: skip
"""Handlers of any error, with the lines that follow: who names the error knows what went wrong."""
RAISES = r"\b(?:raise|throw|rethrow)\b|\b(?:_?exit|abort|callback|cb|done|fail|next|panic|reject)\("

EVASIONS = rf"""
list_concat(
    list_transform(
        list_concat(
            regexp_extract_all(left(text, 40000), '{HIDES}'),
            CASE WHEN regexp_matches(left(text, 40000), '{TESTERS}')
                THEN regexp_extract_all(left(text, 40000), '{SELECTS}') ELSE [] END
        ),
        lambda found: regexp_replace(found, '\s+', '', 'g')
    ),
    list_transform(
        list_filter(
            regexp_extract_all(left(text, 40000), '{BROAD}'), lambda found: NOT regexp_matches(found, '{RAISES}')
        ),
        lambda found: 'swallowed'
    )
)
"""
"""Words that hide a failure, of a column `text`."""

DECLINED = (
    r"(?i)\bthe user (?:doesn.{1,3}t|does not) want to\b|\brequest interrupted by user\b|\bKeyboardInterrupt\b"
    r"|\b(?:abort|cancell?|declin|deni|interrupt|refus|reject)ed by (?:the )?user\b"
    r"|\buser (?:has )?(?:(?:abort|cancell?|declin|deni|interrupt|refus|reject)ed|did not (?:allow|approve))\b"
    r"|\bpermission to use\b[^\n]*\bdenied\b|\bcommand requires approval\b|\bcommands? not executed\b|\^C\s*$"
)
"""As Claude Code, Codex, Gemini CLI, Cline and mini-swe-agent write it."""
DECLINED_TYPES = r"(?i)^\s*(?:(?:abort|cancell?|declin|deni|interrupt|reject)ed|keyboardinterrupt|exit code 130)\s*$"

COMPARES = r"(?:^|[;&|(\n\x22]|\b(?:do|git|if|sudo|then|xargs)\s)[ \t]*(?:[a-z]?grep|ack|ag|cmp|diff|rg|test|\[\[?)\s"
NOTHING = r"(?i:^(?:exit code:? 1)?\s*(?:\(?no output\)?)?\s*$)"
DIFFERS = r"(?m:^)(?:\d+(?:,\d+)?[acd]\d|[<>] |@@ |Only in )|\bdiffer\b"
DIFFERENT = r"(?i)^\s*(?:exit (?:code|status) 1|failed|tool_error)?\s*$"
"""What it is called where a comparison came out so, or where nobody knows more; 2 is an error."""

ERROR_LINE = (
    r"(?im)^.*(?:error|exception|\b(?:fail(?:s|ed|ing|ures?)?|fatal|cannot|could not|unable|denied|not found|no such"
    r"|panic\w*|undefined|invalid|refused)\b).*$"
)
NO_ERROR = r"(?i)\b(?:0|no) (?:error|fail|problem|issue)"
SAYS = 20
"""Characters of a line that is no accident."""
USAGE = r"(?im)^[ \t]*usage: *\S"
ERROR_NAME = r"[a-z](?:Error|Exception|Failure)\b|^exit code"
"""A type of error that output can be searched for; `failed` or `tool_error` is none."""

TESTS_FAILED = (
    r"\bAssertionError\b|\b[1-9]\d* (?:tests? )?fail(?:ed|ing|ures?)\b|\bFAILED\b|--- FAIL\b|[✕✗]"
    r"|\b(?i:failed|failures?)\s*[:=]\s*[1-9]"
)
ASSERT = r"\bassert"
EXPECTS = (
    r"(?i)\b(?:assert|expect|want\b)\w*!?(?:\s*\([^()]*(?:\([^()]*\)[^()]*)*\))?[^\n;]*"
    r"|\bif\b[^\n]*\s*(?:\bt\.(?:error|fatal)|\braise assert|\bthrow new assert)[^\n;]*|\s"
)
"""What a test expects, to the end of its statement; and white space."""
BOUNDS = (
    r"\[\s*\d*\s*:\s*\d+\s*\]|\.(?:head|limit|sample|take)\(\s*\d*\s*\)|\|\s*head\b[^\n|;&]*"
    r"|(?i:\s(?:--)?(?:limit|max-count)[\s=]+\d+)"
)
COMMENTS = r"(?m:^|\s)#[^\n]*|(?m:^)\s*(?://|--\s)[^\n]*|/\*(?:[^*]|\*[^/])*\*/"
LOUDNESS = r"\s(?:-q+|--quiet|--silent|--verbose|--no-progress|--progress[= ]\w+|--no-colou?r|--colou?r[= ]\w+)\b"
PLAIN = f"regexp_replace(left(text, 16000), '{BOUNDS}|{LOUDNESS}|{COMMENTS}', ' ', 'g')"
"""What is done, of a column `text`, but for how much of it, how loud and why."""
NUMBER = r"\b\d[\d_.]*"
"""No part of a name."""
NAME = r"\b[\p{L}_]\w*"
"""Who takes another name for something changes it wherever it is: twice at least."""
WORKERS = r"\s(?:-[jP]\s*\d*\b|--(?:cpus?|jobs|parallel|processes|threads|workers)\b)"

BRACKETS = r"[(\[{]"
TOKENS = r"[\p{L}\p{N}_.$@%/~+*<>=!-]+"
PARTS = r"[,;|&]|\n|\b(?i:and|or|not|if|elif|else|where|assert)\b"
"""Between statements, commands, conditions and arguments."""


def is_hidden(failed: str, worked: str) -> str:
    """SQL: whether the second row does not mend what failed in the first. Both have `text`, `shape`, `evasions`,
    `output` and `error_type`.

    Any of: what hides a failure came; the same error is printed, in whatever language where both end with it; it prints
    how it is used; fewer tests are run, those of a folder or a file; tests failed, and another command ran them, or
    nothing but what they expect is another. Who mends one letter of `|| ture`, or forgot the `|` alone, hides nothing.
    """
    old, new = f"{failed}.evasions", f"{worked}.evasions"
    came = f"len({new}) > len({old}) OR NOT list_has_all({old}, {new})"
    is_piped = f"""
        {_count(failed, PIPE)} < {_count(worked, PIPE)} AND {_count(failed, FILTERS)} < {_count(worked, FILTERS)}
        AND regexp_matches(left({worked}.text, 40000), '{PIPED}')
        AND NOT regexp_matches(left({worked}.text, 40000), '{KEEPS_STATUS}')
    """
    is_short = f"len({failed}.shape.lines) <= 2"
    is_part = " OR ".join(f"starts_with({worked}.text, {failed}.text || '{it}')" for it in ("/", "::"))
    has_fewer_asserts = f"{_count(failed, ASSERT)} > {_count(worked, ASSERT)}"
    error = rf"""list_last(list_filter(
        list_transform(regexp_extract_all(right({failed}.output, {READ}), '{ERROR_LINE}'), lambda line: stripped(line)),
        lambda line: NOT regexp_matches(line, '{NO_ERROR}')
    ))"""
    old_rest, new_rest = (f"regexp_replace(left({row}.text, 40000), '{EXPECTS}', '', 'g')" for row in (failed, worked))
    said = f"concat_ws(' ', {failed}.error_type, right({failed}.output, {READ}))"
    ends = [f"regexp_extract(stripped(right({row}.output, {READ})), '[^\\n]*$')" for row in (failed, worked)]
    lines = f"list_transform(string_split(right({worked}.output, {READ}), chr(10)), lambda line: stripped(line))"
    return rf"""(
        CASE WHEN {came} OR {is_piped}
            THEN CASE WHEN length({worked}.text) < 400 AND length({failed}.text) < 400
                THEN damerau_levenshtein({failed}.text, {worked}.text) > 1 ELSE true END
            ELSE false END
        OR coalesce(
            regexp_matches({failed}.error_type, '{ERROR_NAME}')
                AND contains(right({worked}.output, {READ}), stripped({failed}.error_type)),
            false
        )
        OR coalesce(list_contains({lines}, {error}), false)
        OR length({ends[0]}) > {SAYS} AND {ends[0]} = {ends[1]}
        OR regexp_matches(left({worked}.output, {READ}), '{USAGE}')
        OR CASE WHEN {is_part} THEN regexp_matches({failed}.text, '{TESTERS}') ELSE false END
        OR CASE WHEN regexp_matches({said}, '{TESTS_FAILED}')
            THEN {old_rest} = {new_rest}
                OR {is_short} AND (
                    starts_with({worked}.text, string_split({failed}.text, chr(10))[1])
                    OR regexp_matches({failed}.text, '{TESTERS}')
                )
                OR CASE WHEN {is_short} OR {has_fewer_asserts} THEN {is_cut(failed, worked)} ELSE false END
            ELSE false END
    )"""


def is_no_failure(failed: str) -> str:
    """SQL: whether what did not succeed did not fail either: the user forbade it or broke it off, or it compared or
    searched and told so that something differs or is not there. What was done instead is no fix."""
    error_type = f"coalesce({failed}.error_type, '')"
    return f"""(
        regexp_matches({error_type}, '{DECLINED_TYPES}')
        OR regexp_matches(left({failed}.output, {READ}) || chr(10) || right({failed}.output, {READ}), '{DECLINED}')
        OR regexp_matches({error_type}, '{DIFFERENT}')
            AND regexp_matches(left({failed}.output, {READ}), '{NOTHING}|{DIFFERS}')
            AND regexp_matches(left({failed}.input, {READ}), '{COMPARES}')
    )"""


def is_cut(before: str, after: str) -> str:
    """SQL: whether the second row's text is the first's with statements, conditions or arguments left out, and nothing
    else. What only stood round something, as `list(…)`, may go: there are fewer brackets then and no fewer parts."""
    old, new = f"left({before}.text, 16000)", f"left({after}.text, 8000)"
    old, new = (f"regexp_extract_all({it}, '{TOKENS}')" for it in (old, new))
    wrapped = "lambda word: chr(10) || word || chr(10)"
    rest = rf"""list_reduce(
        list_prepend(array_to_string(list_transform({old}, {wrapped}), ''), list_transform({new}, {wrapped})),
        lambda rest, word: CASE WHEN contains(rest, word) THEN substr(rest, strpos(rest, word) + length(word)) END
    )"""
    fewer_brackets = f"{_count(after, BRACKETS)} < {_count(before, BRACKETS)}"
    fewer_parts = f"{_count(after, PARTS)} < {_count(before, PARTS)}"
    return f"(({fewer_parts} OR NOT {fewer_brackets}) AND {rest} IS NOT NULL)"


def is_less(before: str, after: str) -> str:
    """SQL: whether the second row's text is the first's but for how much it does or says: no number in it is larger,
    less of something is taken, it is quieter, or names are others. The very same that took less time found something in
    a cache. Both have `plain`."""
    old, new = f"{before}.plain", f"{after}.plain"
    rests = (rf"regexp_replace(regexp_replace({it}, '{NUMBER}', '0', 'g'), '[\s,]+', '', 'g')" for it in (old, new))
    first, second = (
        f"list_transform(regexp_extract_all({it}, '{NUMBER}'), lambda it: TRY_CAST(replace(it, '_', '') AS DOUBLE))"
        for it in (old, new)
    )
    larger = f"list_filter(list_zip({first}, {second}), lambda pair: pair[2] > pair[1])"
    bare = (f"regexp_replace({it}, '{NAME}', 'x', 'g')" for it in (old, new))
    names = (f"regexp_extract_all({it}, '{NAME}')" for it in (old, new))
    others = f"list_filter(list_zip({', '.join(names)}), lambda pair: pair[1] <> pair[2])"
    is_renamed = f"""list_transform([{others}], lambda pairs: len(pairs) >= 2 * list_unique(pairs)
        AND list_unique(pairs) = list_unique(list_transform(pairs, lambda pair: pair[1]))
        AND list_unique(pairs) = list_unique(list_transform(pairs, lambda pair: pair[2])))[1]"""
    return f"""CASE
        WHEN {" = ".join(rests)} THEN len({larger}) = 0
        WHEN {" = ".join(bare)} THEN {is_renamed}
        ELSE false
    END"""


def is_more(before: str, after: str) -> str:
    """SQL: whether the second row's command asks for all that the first's does and more, and not for more to work at
    it: what took less time then, the first had left in a cache."""
    return f"""(
        len({after}.shape.lines) <= 2 AND length({after}.text) > length({before}.text)
        AND list_has_all({after}.shape.words, {before}.shape.words)
        AND NOT regexp_matches({after}.text, '{WORKERS}')
    )"""


def _count(row: str, pattern: str) -> str:
    return f"len(regexp_extract_all(stripped(left({row}.text, 40000)), '{pattern}'))"
