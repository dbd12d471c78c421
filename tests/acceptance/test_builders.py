"""The builders on real data (VIBE_DATA), logged as a person would, beside what is known to be true of it.

Precision is printed with n and Wilson's interval, and has a floor: docs/log.md, "the builders". What could be taken for
an example and is none is planted among the real ones.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from itertools import combinations, count, pairwise
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest

from tests.engine.building import event, learned, run
from vibe_pipeline.evaluate.figures import share
from vibe_pipeline.judgement import Figure
from vibe_pipeline.records import Interaction

DATA = Path(os.environ.get("VIBE_DATA", Path(__file__).parents[2] / ".." / "shared" / "data"))

pytestmark = pytest.mark.skipif(not (DATA / "dev").is_dir(), reason=f"no real files in {DATA}: set VIBE_DATA")


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / "dev" / f"{name}.jsonl").read_text().splitlines()]


def told(what: str, hits: list[bool], possible: int | None = None) -> Figure:
    """The precision, printed with the share of what could have been found."""
    figure = share(pl.Series(hits))
    found = "" if possible is None else f", {sum(hits)} of {possible} found"
    print(f"{what}: precision {figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}], n = {figure.n}{found}")
    return figure


def session(name: str, steps: list[tuple[str, bool]], said: str = "", error: str = "it failed") -> list[Interaction]:
    """Runs one after the other, each with its input and whether it worked."""
    return [
        run(text, success, turn, said or ("done" if success else error), conversation_id=name)
        for turn, (text, success) in enumerate(steps)
    ]


def judged(what: str, sessions: list[tuple[list[tuple[str, bool]], str | None]], errors: Sequence[str] = ()) -> Figure:
    """Sessions with the fix that a person would see in each (None: there is none) → precision of what was learned."""
    named = {
        f"s{number}": session(f"s{number}", steps, error=errors[number] if errors else "it failed")
        for number, (steps, _) in enumerate(sessions)
    }
    fixes = {f"s{number}": fix for number, (_, fix) in enumerate(sessions)}
    found = learned("error_correction", *(it for steps in named.values() for it in steps))
    hits = [row["completion"] == fixes[row["conversation_id"]] for row in found]
    return told(what, hits, sum(fix is not None for fix in fixes.values()))


def broken() -> list[dict[str, Any]]:
    """QuixBugs, without the class that two of its programs share and that has no bug."""
    return [row for row in rows("quixbugs") if row["buggy"].strip() != row["fixed"].strip()]


def slip(text: str, chance: Random) -> str:
    """One letter lost, doubled, or changed with its neighbour, or one word lost."""
    at = chance.randrange(len(text) - 1)
    words = text.split(" ")
    lost = chance.randrange(len(words))
    ways = [text[:at] + text[at + 1 :], text[:at] + text[at] + text[at:]]
    ways += [text[:at] + text[at + 1] + text[at] + text[at + 2 :], " ".join(words[:lost] + words[lost + 1 :])]
    return chance.choice(ways)


def mistyped(failing: str, right: str) -> str:
    """The words that an error names."""
    return " ".join(word for word in failing.split() if word not in right.split())


def test_a_program_is_paired_with_its_own_fix_among_other_programs_that_ran():
    chance, programs = Random(0), broken()
    sessions: list[tuple[list[tuple[str, bool]], str | None]] = []
    for program in programs * 2:
        others = [(other["fixed"], True) for other in chance.sample(programs, 4) if other is not program]
        is_fixed = len(sessions) < len(programs)
        fix = [(program["fixed"], True)] if is_fixed else []
        sessions.append(
            ([*others[:1], (program["buggy"], False), *others[1:], *fix], program["fixed"] if fix else None)
        )
    figure = judged("error_correction, QuixBugs", sessions)
    assert figure.value >= 0.95
    assert figure.n >= 0.9 * len(programs)


def test_a_program_with_a_slip_is_paired_with_itself_among_others_that_ran():
    chance, codes = Random(1), [row["code"] for row in rows("mbpp")]
    sessions: list[tuple[list[tuple[str, bool]], str | None]] = []
    errors = []
    for number, code in enumerate(codes):
        others = [(other, True) for other in chance.sample(codes, 3) if other != code]
        failing = slip(code, chance)
        errors.append(f"{mistyped(failing, code)} is not defined")
        is_fixed = number % 2 == 0 and failing.strip() != code.strip()
        fix = [(code, True)] if is_fixed else []
        sessions.append(([(failing, False), *others, *fix], code if is_fixed else None))
    figure = judged("error_correction, MBPP with slips", sessions, errors)
    assert figure.value >= 0.95
    assert figure.n >= 0.9 * len(codes) / 2


def test_a_mistyped_command_is_paired_with_the_right_one_among_others_of_the_same_tool():
    chance, commands = Random(2), rows("nl2bash")
    by_tool: dict[str, list[str]] = {}
    for row in commands:
        by_tool.setdefault(row["utility"], []).append(row["command"])
    sessions: list[tuple[list[tuple[str, bool]], str | None]] = []
    errors = []
    for number, row in enumerate(commands):
        command = row["command"]
        others = [*chance.sample(commands, 2), {"command": chance.choice(by_tool[row["utility"]])}]
        between = [(other["command"], True) for other in others if other["command"] != command]
        failing = slip(command, chance)
        errors.append(f"bash: {mistyped(failing, command)}: not found")
        is_fixed = number % 2 == 0 and failing.split() != command.split()
        fix = [(command, True)] if is_fixed else []
        lacks_word = len(command) - len(failing) > 1  # what was done meanwhile may have mended it: no slip of a letter
        steps = [*between, (failing, False)] if is_fixed and lacks_word else [(failing, False), *between]
        sessions.append(([*steps, *fix], command if is_fixed else None))
    figure = judged("error_correction, nl2bash with slips", sessions, errors)
    assert figure.value >= 0.95
    assert figure.n >= 0.9 * sum(fix is not None for _, fix in sessions)


def test_a_command_for_something_else_is_no_fix_of_the_one_that_failed():
    """Real commands that differ in one word, or have one more: the word is seldom a slip."""
    alike: dict[tuple[str, ...], set[str]] = {}
    for command in {row["command"] for row in rows("nl2bash")}:
        words = command.split()
        for at in range(len(words)):
            alike.setdefault((*words[:at], "", *words[at + 1 :]), set()).add(command)
    pairs = sorted({pair for commands in alike.values() for pair in combinations(sorted(commands), 2)})
    steps = [session(f"s{number}", [(one, False), (other, True)]) for number, (one, other) in enumerate(pairs)]
    found = learned("error_correction", *(it for step in steps for it in step))
    print(f"error_correction, nl2bash, another word: {len(found)} of {len(pairs)} pairs taken for a fix")
    assert len(found) <= 0.1 * len(pairs)


def called_again() -> list[tuple[str, str]]:
    """Programs of MBPP with a call at their end, and the same with the next call."""
    found = []
    for row in rows("mbpp"):
        calls = re.findall(r"^assert (.+?)\s*==", "\n".join(row["test_list"]), re.MULTILINE)
        code = row["code"].replace("\r\n", "\n")
        found += [
            (f"{code}\nprint({one})", f"{code}\nprint({other})") for one, other in pairwise(calls) if one != other
        ]
    return found


def test_a_program_on_other_input_is_no_fix_and_no_variant_of_it():
    """The same function with another call at its end: what failed in one and works in the other is another wish."""
    pairs = called_again()
    steps = [session(f"s{number}", [(one, False), (other, True)]) for number, (one, other) in enumerate(pairs)]
    fixed = learned("error_correction", *(it for step in steps for it in step))
    runs = [
        run(text, True, turn, "result list: []", conversation_id=f"s{number}", latency_ms=(900.0, 300.0)[turn])
        for number, pair in enumerate(pairs)
        for turn, text in enumerate(pair)
    ]
    faster = learned("optimization", *runs)
    print(f"MBPP, another call: of {len(pairs)} pairs {len(fixed)} taken for a fix, {len(faster)} for faster")
    assert len(pairs) >= 1800
    assert len(fixed) <= 0.03 * len(pairs)
    assert len(faster) <= 0.01 * len(pairs)


def test_a_number_or_text_that_was_wrong_in_a_definition_is_mended_there():
    chance, sessions = Random(7), []
    for one, _ in called_again():
        found = list(re.finditer(r"\b\d+\b|'[^'\n]{2,}'", one[: one.rindex("\nprint(")]))
        if found and one.startswith("def ") and one.count("\n") > 2:
            at = chance.choice(found)
            wrong = str(int(at.group()) + 1) if at.group().isdigit() else "'something else'"
            steps = [(one[: at.start()] + wrong + one[at.end() :], False), (one, True)]
            sessions.append((steps, one))
    figure = judged("error_correction, MBPP with a wrong literal", sessions)
    assert figure.value == 1
    assert figure.n >= 0.98 * len(sessions)


def test_one_persons_thumbs_agree_with_the_others():
    """The other two who judged the pair are the truth; where they disagree with each other there is none."""
    chance, asked, truth = Random(3), [], {}
    for row in rows("pandalm_preferences"):
        vote, *others = row["annotators"]
        answers = [str(row["response1"]), str(row["response2"])]
        if others[0] == others[1]:
            truth[row["id"]] = answers[others[0] - 1] if others[0] else None
        scores = [0.0, 0.0] if vote == 0 else [1.0, -1.0] if vote == 1 else [-1.0, 1.0]
        question = row["instruction"] + "\n" + row["input"]
        for turn, at in enumerate(chance.sample((0, 1), 2)):
            asked.append(event(question, answers[at], turn=turn, conversation_id=row["id"], feedback=scores[at]))
    found = learned("preference", *asked)
    known = [row for row in found if row["conversation_id"] in truth]
    figure = told("preference, PandaLM", [row["completion"] == truth[row["conversation_id"]] for row in known])
    assert figure.value >= 0.9
    assert figure.n >= 400
    assert {tuple(row["evidence"]) for row in found} == {("feedback",)}


def test_ranked_answers_are_paired_as_people_ranked_them():
    chance, messages = Random(4), {row["message_id"]: row for row in rows("oasst_messages")}
    answers: dict[str, list[dict[str, Any]]] = {}
    for row in messages.values():
        if row["role"] == "assistant" and row["rank"] is not None:
            answers.setdefault(row["parent_id"], []).append(row)
    asked, number = [], count()
    for parent, given in answers.items():
        for row in chance.sample(given, len(given)):
            extra = {"rank": row["rank"]}
            question = messages[parent]["text"]
            asked.append(event(question, row["text"], turn=next(number), conversation_id=parent, extra=extra))
    found = learned("preference", *asked)
    ranks = {(row["parent_id"], row["text"].strip()): row["rank"] for row in messages.values()}
    told(
        "preference, OASST",
        [
            ranks[row["conversation_id"], row["completion"].strip()]
            < ranks[row["conversation_id"], row["rejected"].strip()]
            for row in found
        ],
    )
    pairs = {(row["completion"], row["rejected"]) for row in found}
    ids = [(row["chosen_id"], row["rejected_id"]) for row in rows("oasst_preferences")]
    true = [(messages[better]["text"], messages[worse]["text"]) for better, worse in ids]
    missed = [pair for pair in true if pair not in pairs and pair[0].strip() != pair[1].strip()]
    print(f"best against worst of OASST: {len(true) - len(missed)} of {len(true)} found")
    assert len(missed) <= 0.05 * len(true)
    assert not pairs & {(worse, better) for better, worse in true}


def test_code_that_passed_its_tests_is_learned_and_code_that_failed_them_is_not():
    chance, asked, good = Random(5), [], {}
    for row in rows("mbpp"):
        name, tests = row["id"], "\n".join(row["test_list"])
        is_good = chance.random() < 0.5
        code = row["code"] if is_good else slip(row["code"], chance)
        good |= {name: code.replace("\r\n", "\n").rstrip("\r\n")} if is_good else {}
        action, answer = chance.choice(["generate", "ask"]), f"```python\n{code}\n```"
        asked.append(event(row["text"], answer, action=action, conversation_id=name))
        asked.append(run(f"{code}\n\n{tests}", is_good, 1, conversation_id=name))
    found = learned("code_generation", *asked)
    hits = [row["completion"] == good.get(row["conversation_id"], "") for row in found]
    figure = told("code_generation, MBPP", hits, len(good))
    assert figure.value == 1
    assert figure.n >= 0.98 * len(good)


def test_what_ran_predicts_what_runs():
    asked = [
        run(program[text], text == "fixed", turn, "AssertionError: wrong", conversation_id=program["id"])
        for program in broken()
        for turn, text in enumerate(("buggy", "fixed"))
    ]
    found = {row["prompt"]: row["completion"] for row in learned("error_prediction", *asked)}
    assert all(found[it.input] == ("works" if it.success else "fails: AssertionError") for it in asked)


def detoured(code: str) -> str:
    """The same program, longer: what it returns is named first, and remarked upon."""
    return re.sub(
        r"^([ \t]*)return (.+)$",
        r"\1# what is returned is named here, and returned below\n\1found = \2\n\1return found",
        code,
        flags=re.MULTILINE,
    )


def test_a_shorter_program_is_a_variant_only_of_the_same_program_that_does_as_much():
    """All print the same: what is no variant is another program, or the same with fewer checks."""
    chance, codes = Random(6), [row["code"] for row in rows("mbpp") if row["code"].count("\n") > 3]
    asked, variant = [], {}
    for number, code in enumerate(codes):
        checks = "".join(f"\n# checked by hand, case {case}\nassert True" for case in range(len(code) // 60 + 1))
        longer = code + checks if number % 4 == 2 else detoured(code)
        others = [other for other in chance.sample(codes, 2) if other != code]
        is_shorter = len("".join(code.split())) <= 0.8 * len("".join(longer.split()))
        steps = [longer, *others, *([code] if number % 4 else [])]
        variant[f"s{number}"] = (longer, code) if number % 2 and is_shorter else None
        asked += session(f"s{number}", [(step, True) for step in steps], "2, 3, 5, 7")
    found = learned("optimization", *asked)
    hits = [(row["prompt"], row["completion"]) == variant[row["conversation_id"]] for row in found]
    possible = sum(it is not None for it in variant.values())
    figure = told("optimization, MBPP", hits, possible)
    assert figure.value >= 0.95
    assert possible >= 100
    assert sum(hits) >= 0.8 * possible


def test_each_reply_of_a_dialogue_is_learned_after_all_that_was_said():
    asked, turns = [], {}
    for dialogue in rows("oasst_conversations"):
        said = [message["content"] for message in dialogue["messages"]]
        turns[dialogue["id"]] = said
        for turn, (question, answer) in enumerate(zip(said[::2], said[1::2], strict=False)):
            asked.append(event(question, answer, turn=turn, conversation_id=dialogue["id"]))
    found = learned("conversation", *asked)
    assert len(found) == len(asked)
    for row in found:
        said, at = turns[row["conversation_id"]], 2 * (len(row["interaction_ids"]) - 1)
        assert (row["prompt"], row["completion"]) == ("\n\n".join(said[: at + 1]), said[at + 1])


@pytest.mark.parametrize("name", ["HDFS", "OpenSSH", "Linux"])
def test_a_systems_log_teaches_its_lines_and_the_event_that_came_next(name):
    lines = rows(f"loghub/{name}_2k")
    logged = [event(row["content"], action="log", turn=turn) for turn, row in enumerate(lines)]
    passages = learned("document", *logged)
    kept = [line.strip() for row in passages for line in row["completion"].split("\n")]
    assert sorted(kept) == sorted(row["content"].strip() for row in lines)
    assert {row["stage"] for row in passages} == {"logs_specs"}
    steps = [event(row["content"], action=row["event_id"], turn=turn, module=name) for turn, row in enumerate(lines)]
    found = learned("pattern", *steps)
    assert len(found) >= 0.9 * len(lines)
    at = {it.interaction_id: turn for turn, it in enumerate(steps)}
    for row in found:
        *before, last = [f"{name} {lines[at[identity]]['event_id']}" for identity in row["interaction_ids"]]
        assert (row["prompt"].split("\n"), row["completion"]) == (before, last)


def test_the_sections_of_a_manual_are_cut_where_a_person_would():
    text = (DATA / "README.md").read_text()
    passages = learned("document", event("Development data", text, action="document"))
    kept = [line.strip() for row in passages for line in row["completion"].split("\n") if line.strip()]
    assert sorted(kept) == sorted(line.strip() for line in text.splitlines() if line.strip())
    begun = {row["completion"].split("\n")[0] for row in passages}
    assert {line.strip() for line in text.splitlines() if line.startswith("#")} <= begun
