"""What a log's own code gives, labels, tests and augmentations, and of what none are made."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.engine.importing import chat
from vibe_pipeline.fingerprint import is_held_out
from vibe_pipeline.interactions import synthesize as synthesizing
from vibe_pipeline.interactions.importers import import_paths
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.interactions.sealing import seal
from vibe_pipeline.interactions.synthesize import FromLog, synthesize
from vibe_pipeline.settings import Curate
from vibe_pipeline.store import Store

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)


@pytest.fixture(scope="module")
def from_log(tmp_path_factory):
    store, settings = Store(tmp_path_factory.mktemp("home")), Curate()
    logger = InteractionLogger(store.root)
    names = [f"talk {number}" for number in range(16)]
    held_out = [name for name in names if is_held_out(name, settings.salt, settings.held_out)]
    for name in names:
        told = {"module": "m", "conversation_id": name, "user": "ada"}
        code = f"def add_{name[5:]}(a, b=1):\n    return a + b\n\nadd_{name[5:]}(1, 2)"
        logger.log(
            **told, action="generate", input=f"Write a function to add {name}.", output=code, interaction_id=name
        )
        logger.log(**told, action="ask", input="What does it do?", output="It adds.")
    disliked = logger.log(module="m", action="ask", input="What does bad do?", output="Nothing.", feedback=-1)
    logger.close()
    seal(store, settings)
    return FromLog(store, settings), set(held_out), disliked


def test_held_out_conversations_are_left_alone_but_for_labels(from_log):
    log, held_out, _ = from_log
    assert held_out
    assert {row.conversation_id for row in log.with_code(99, 0)} & held_out == set()
    assert {row.conversation_id for row in log.to_augment(99, 0)} & held_out == set()
    assert {row.interaction_id for row in log.to_label(99, 0)} >= held_out


def test_code_in_an_imported_reply_gets_a_label_for_nobody_said_that_it_works(tmp_path):
    path, store = tmp_path / "chats.jsonl", Store(tmp_path / "home")
    path.write_text(json.dumps(chat("Write it.", "```python\nprint(1)\n```")))
    logger = InteractionLogger(store.root)
    import_paths(logger, store, [path])
    logger.close()
    seal(store, Curate())
    assert [row.input for row in FromLog(store, Curate()).to_label(9, 0)] == ["Write it."]


def test_what_was_disliked_is_not_augmented(from_log):
    log, _, disliked = from_log
    assert disliked not in {row.interaction_id for row in log.to_augment(99, 0)}


def test_a_log_gives_labels_tests_and_augmentations_of_its_own_code(from_log):
    log, held_out, _ = from_log
    made = synthesize([], log=log, labels=3, tests=1, augment=2)
    labels = [row for row in made.interactions if "labels" in row.extra]
    others = [row for row in made.interactions if "augmented_from" in row.extra]
    assert (len(labels), len(others) + len(labels)) == (3, len(made.interactions))
    assert all(row.success for row in labels)
    assert {row.user for row in made.interactions} == {"ada"}
    assert {row.conversation_id for row in others} & held_out == set()
    assert made.probes
    written(log, made)
    assert {row.source for row in log.to_augment(99, 0)} == {"logger"}


@pytest.mark.parametrize(("bodies", "is_told"), [(["n * 3", "n * 4"], False), (["n * 3", "n * 3"], True)])
def test_functions_of_one_name_get_no_tests_wherever_in_the_log_they_are(tmp_path, monkeypatch, bodies, is_told):
    store, settings = Store(tmp_path), Curate(held_out=0.0)
    logger = InteractionLogger(store.root)
    for body in bodies:
        code = f"def solve(n):\n    return {body}\n\nsolve(2)\nsolve(3)"
        logger.log(module="m", action="generate", input="Solve it.", output=code)
    logger.close()
    seal(store, settings)
    monkeypatch.setattr(synthesizing, "CANDIDATES", 1)
    assert bool(synthesize([], log=FromLog(store, settings), tests=1).probes) == is_told


def written(log, made):
    """What was made is in the log afterwards, and no turn of what people said."""
    InteractionLogger(log.store.root, source="synthesize").log_many(made.interactions, made.probes)
    seal(log.store, log.settings)


def test_a_number_of_labels_is_that_of_all_and_a_larger_one_only_adds(from_log):
    log, *_ = from_log
    given = []
    for number in (4, 4, 7):
        made = synthesize([], log=log, labels=number)
        given.append({row.interaction_id for row in made.interactions})
        written(log, made)
    assert [len(rows) for rows in given] == [4, 4, 7]
    assert given[0] == given[1] < given[2]


def test_code_that_failed_gets_no_tests_and_what_somebody_vouched_for_no_label(tmp_path):
    store, settings = Store(tmp_path), Curate(held_out=0.0)
    logger = InteractionLogger(store.root)
    code = "def third(n):\n    return n // 2"
    for name, told in {"plain": {}, "liked": {"feedback": 1.0}, "passed": {"extra": {"tests": "passed"}}}.items():
        logger.log(module="m", action="generate", input="q", output=code, interaction_id=name, **told)
    logger.log(module="m", action="generate", input="q", output=code, interaction_id="failed", conversation_id="c")
    failing = f"{code}\n\nassert third(9) == 3"
    logger.log(module="m", action="run", input=failing, output="-", success=False, conversation_id="c")
    logger.close()
    seal(store, settings)
    log = FromLog(store, settings)
    assert {row.interaction_id for row in log.with_code(9, 0)} == {"plain", "liked", "passed"}
    assert {row.interaction_id for row in log.to_label(9, 0)} == {"plain", "failed"}


MAIL = "kim.lee@startup.dev"
DOMAIN = "def domain(address):\n    return address.split('@')[1]"
SCRUBBED = {
    "asserts": f"{DOMAIN}\n\nassert domain('{MAIL}') == 'startup.dev'",
    "doctests": DOMAIN.replace(":\n", f':\n    """\n    >>> domain("{MAIL}")\n    \'startup.dev\'\n    """\n', 1),
    "text": DOMAIN,
    "list": DOMAIN,
}
TESTS = {"text": f"assert domain('{MAIL}') == 'startup.dev'", "list": ["pass", f"assert domain('{MAIL}')"]}


def test_code_that_the_scrubber_changed_is_not_run_and_its_questions_may_be_asked_otherwise(tmp_path):
    store, settings = Store(tmp_path), Curate(held_out=0.0)
    logger = InteractionLogger(store.root)
    for name, code in {**SCRUBBED, "plain": DOMAIN}.items():
        extra = {"tests": TESTS[name]} if name in TESTS else {}
        logger.log(module="m", action="generate", input="q", output=code, interaction_id=name, extra=extra)
    logger.log(module="m", action="run", input=SCRUBBED["asserts"], output="", success=True)
    asked = logger.log(module="m", action="ask", input=f"Who is {MAIL}?", output="Kim.")
    logger.close()
    seal(store, settings)
    log = FromLog(store, settings)
    assert {row.interaction_id for row in [*log.with_code(9, 0), *log.with_code_of(["domain"])]} == {"plain"}
    assert {row.interaction_id for row in log.to_label(9, 0)} == {"plain"}
    assert {row.interaction_id for row in log.to_augment(9, 0)} == {"plain", asked}


def test_what_the_settings_hold_out_by_a_group_is_left_alone_whoever_says_the_later_turns(tmp_path):
    store, settings = Store(tmp_path), Curate(group="user")
    logger = InteractionLogger(store.root)
    for number in range(16):
        said = {"module": "m", "action": "generate", "input": "q", "output": "def f(n):\n    return n"}
        user, where = f"u{number % 8}", f"talk {number}"
        logger.log(**said, user=user, conversation_id=where, occurred_at=NOW)
        logger.log(**said, user=None, conversation_id=where, occurred_at=LATER)
        logger.log(**said, user="u99", conversation_id=f"{where} b", extra={"branch_of": where}, occurred_at=NOW)
    logger.close()
    seal(store, settings)
    sides = {f"talk {n}": is_held_out(f"group:u{n % 8}", settings.salt, settings.held_out) for n in range(16)}
    assert {False, True} == set(sides.values())
    learned = {name for it, is_held in sides.items() if not is_held for name in (it, f"{it} b")}
    for rows in (FromLog(store, settings).with_code(99, 0), FromLog(store, settings).to_augment(99, 0)):
        assert {row.conversation_id for row in rows} == learned
