"""Interactions recorded while they happen: what a block or a function did is in the log, however it ended."""

import asyncio
import json
import os
import time
from functools import partial, wraps

import polars as pl
import pytest

from vibe_pipeline import settings
from vibe_pipeline.errors import DiskFull, SettingsInvalid
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.interactions.sealing import seal
from vibe_pipeline.interactions.segments import manifest, paths
from vibe_pipeline.private_names import is_private
from vibe_pipeline.scrub.placeholders import PLACEHOLDER
from vibe_pipeline.store import Store


@pytest.fixture
def log(tmp_path) -> InteractionLogger:
    return InteractionLogger(tmp_path)


@pytest.fixture
def logged(tmp_path):
    """What the sealed log holds, in the order in which it happened."""

    def read() -> list[dict]:
        store = Store(tmp_path)
        seal(store, settings.Curate())
        files = paths(store, "interactions", [segment.sha for segment in manifest(store, "interactions")])
        return pl.read_parquet(files).sort("occurred_at").rows(named=True)

    return read


def test_a_block_is_logged_with_what_was_set_and_how_long_it_took(log, logged):
    with log.interaction(module="m", action="ask", input="q", model_id="first", user="u") as it:
        time.sleep(0.02)
        it.output, it.model_id, it.extra = "a", "second", {"k": 1}
    (row,) = logged()
    assert (row["interaction_id"], row["input"], row["output"]) == (it.interaction_id, "q", "a")
    assert (row["success"], row["model_id"], row["user"], row["extra"]) == (True, "second", "u", '{"k": 1}')
    assert 20 <= row["latency_ms"] < 10_000


def test_what_is_set_wins_over_success(log, logged):
    with log.interaction(module="m", action="run", input="q") as it:
        it.success, it.error_type = False, "Timeout"
    assert [(row["success"], row["error_type"]) for row in logged()] == [(False, "Timeout")]


def test_a_name_that_log_does_not_know_is_refused_before_the_work_is_done(log):
    with pytest.raises(SettingsInvalid, match=r"nothing is logged under modle_id\. Pass any of .*model_id"):
        log.interaction(module="m", action="ask", input="q", modle_id="x")
    for mistyped in ({"modle_id": "x"}, {"input": "q"}, {"interaction_id": "one for all calls"}):
        with pytest.raises(SettingsInvalid, match=f"nothing is logged under {next(iter(mistyped))}"):
            log.logged(**mistyped)


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), asyncio.CancelledError()])
def test_an_exception_is_recorded_and_goes_on(log, logged, error):
    def fail():
        with log.interaction(module="m", action="run", input="q") as it:
            it.output = "half"
            raise error

    with pytest.raises(type(error)):
        fail()
    (row,) = logged()
    assert (row["success"], row["error_type"], row["output"]) == (False, type(error).__name__, "half")
    assert json.loads(row["extra"])["traceback"].startswith("Traceback (most recent call last)")


@pytest.mark.parametrize("end", [SystemExit(), SystemExit(0), GeneratorExit()], ids=repr)
def test_an_ordinary_end_is_no_failure(log, logged, end):
    def leave():
        with log.interaction(module="m", action="run", input="q"):
            raise end

    with pytest.raises(type(end)):
        leave()
    assert [(row["success"], row["error_type"], row["extra"]) for row in logged()] == [(True, None, None)]


def test_a_program_that_leaves_with_a_code_has_failed(log, logged):
    with pytest.raises(SystemExit), log.interaction(module="m", action="run", input="q"):
        raise SystemExit(2)
    assert [(row["success"], row["error_type"]) for row in logged()] == [(False, "SystemExit")]


def test_where_the_log_fails_too_the_blocks_own_error_goes_on_with_a_note(tmp_path):
    (tmp_path / "file").write_text("")
    told = {"module": "m", "action": "a", "input": "q"}
    log = InteractionLogger(tmp_path / "file")
    with pytest.raises(ValueError, match="mine") as caught, log.interaction(**told):
        raise ValueError("mine")
    assert "could not be logged: nothing can be logged to" in caught.value.__notes__[0]
    with pytest.raises(SettingsInvalid, match="nothing can be logged to"), log.interaction(**told):
        pass


def test_a_recording_entered_again_is_another_interaction(log, logged):
    it = log.interaction(module="m", action="a", input="q", extra={"known": 1})
    with it:
        first = it.interaction_id
        it.output, it.success, it.extra["own"] = "first", False, 2
    with it:
        pass
    rows = [(row["interaction_id"], row["output"], row["success"], json.loads(row["extra"])) for row in logged()]
    assert rows == [(first, "first", False, {"known": 1, "own": 2}), (it.interaction_id, "", True, {"known": 1})]


class Mute:
    """Cannot even say what it is."""

    def __repr__(self) -> str:
        raise ValueError("no words")


def circle() -> list:
    found: list = []
    found.append(found)
    return found


def deep() -> list:
    found: list = []
    for _ in range(100_000):
        found = [found]
    return found


ODD = {
    "keys that are no text": ({(1, 2): 3}, "{(1, 2): 3}"),
    "a circle": (circle(), "[[...]]"),
    "a depth": (deep(), "<list>"),
    "no words": ({1: Mute()}, '{"1": "<Mute>"}'),
    "bytes": (b"ab", "\"b'ab'\""),
}
"""What JSON cannot hold → how it is logged."""


@pytest.mark.parametrize("odd", ODD)
def test_no_value_breaks_the_function_that_is_logged(log, logged, odd):
    value, text = ODD[odd]

    @log.logged()
    def same(given):
        return value

    assert same(value) is value
    with log.interaction(module="m", action="a", input=value, user=7) as it:
        it.output = value
    decorated, block = logged()
    assert (decorated["output"], block["output"], block["input"], block["user"]) == (text, text, text, "7")
    assert decorated["input"]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"extra": {"a": {1}, "b": 2}}, {"a": "{1}", "b": 2}),
        ({"extra": {"a": float("nan"), (1,): "c"}}, {"a": "nan", "[1]": "c"}),
        ({"extra": {"a": Mute(), "b": deep()}}, {"a": "<Mute>", "b": "<list>"}),
        ({"extra": 5}, {"extra": 5}),
        ({"feedback": "good", "extra": {"a": 1}}, {"feedback": "good", "a": 1}),
        ({"improvements": "one text", "success": 1}, {"improvements": "one text", "success": 1}),
    ],
)
def test_what_a_field_cannot_hold_is_kept_in_extra(log, logged, given, kept):
    with log.interaction(module="m", action="a", input="q") as it:
        for name, value in given.items():
            setattr(it, name, value)
    with pytest.raises(LookupError), log.interaction(module="m", action="a", input="q", **given):
        raise LookupError
    done, failed = (json.loads(row["extra"]) for row in logged())
    assert done == kept
    assert failed.pop("traceback").startswith("Traceback")
    assert failed == kept


def test_a_function_is_logged_with_its_arguments_and_its_result(log, logged):
    @log.logged()
    def add(a, b=2, *, c=3):
        """Adds."""
        return {"sum": a + b + c}

    assert add(1, c=4) == {"sum": 7}
    assert (add.__name__, add.__doc__) == ("add", "Adds.")
    (row,) = logged()
    assert (row["module"], row["action"]) == (__name__, "add")
    assert (json.loads(row["input"]), json.loads(row["output"])) == ({"a": 1, "c": 4}, {"sum": 7})


def test_a_single_text_stands_for_itself_and_self_is_left_out(log, logged):
    class Tool:
        @log.logged(module="tool", action="ask", user="u")
        def answer(self, question):
            return question.upper()

    assert Tool().answer("why?") == "WHY?"
    (row,) = logged()
    assert [row[name] for name in ("module", "action", "user", "input", "output")] == [
        "tool",
        "ask",
        "u",
        "why?",
        "WHY?",
    ]


@pytest.mark.parametrize("name", ["azurekey", "openai_key", "homephone", "microphone", "monkey", "passage", "tokens"])
def test_a_name_stays_with_its_value_where_it_says_what_the_value_is(name):
    assert is_private(name) is (name in ("azurekey", "openai_key", "homephone"))


def test_what_json_cannot_hold_is_logged_by_its_repr(log, logged):
    @log.logged()
    def same(value):
        return value

    thing = object()
    assert same(thing) is thing
    (row,) = logged()
    assert json.loads(row["input"]) == {"value": repr(thing)}


def test_an_async_function_is_logged_when_it_is_done(log, logged):
    @log.logged(action="ask")
    async def answer(question):
        await asyncio.sleep(0.02)
        if question == "bad":
            raise LookupError(question)
        return question

    async def both():
        return await asyncio.gather(answer("good"), answer("bad"), return_exceptions=True)

    good, bad = asyncio.run(both())
    assert (good, type(bad)) == ("good", LookupError)
    found = {row["input"]: row for row in logged()}
    assert (found["good"]["output"], found["good"]["success"], found["good"]["error_type"]) == ("good", True, None)
    assert (found["bad"]["success"], found["bad"]["error_type"]) == (False, "LookupError")
    assert all(row["latency_ms"] >= 20 for row in found.values())


def test_whatever_can_be_called_can_be_logged(log, logged):
    class Answer:
        async def __call__(self, question):
            return question.upper()

    class Tokens:
        def __call__(self):
            yield 1

    def add(a, b):
        return a + b

    answer = log.logged()(Answer())
    assert asyncio.run(answer("why")) == "WHY"
    assert asyncio.run(log.logged()(partial(Answer(), "who"))()) == "WHO"
    assert log.logged()(partial(add, "a"))("b") == "ab"
    assert log.logged(module="m")(len)("abc") == 3
    assert [(row["action"], row["input"], row["output"]) for row in logged()] == [
        ("Answer", "why", "WHY"),
        ("Answer", "{}", "WHO"),
        ("add", "b", "ab"),
        ("len", "abc", "3"),
    ]
    with pytest.raises(SettingsInvalid, match="Tokens is a generator"):
        log.logged()(Tokens())


def test_a_wrong_call_fails_as_it_would_have_and_is_logged(log, logged):
    @log.logged()
    def one(a):
        return a

    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        one()
    assert [row["error_type"] for row in logged()] == ["TypeError"]


def test_a_generator_is_refused_because_its_call_returns_too_early(log):
    with pytest.raises(SettingsInvalid, match=r"is a generator.*Use `with log"):

        @log.logged()
        def tokens():
            yield 1


def test_a_full_disk_is_told_to_the_caller(small_disk):
    log = InteractionLogger(small_disk / "var")
    with pytest.raises(DiskFull), log.interaction(module="m", action="a", input="x" * (16 << 20)):
        pass


def test_a_value_without_words_is_refused_in_words(log):
    with pytest.raises(SettingsInvalid, match="cannot log input = <Mute>"):
        log.log(module="m", action="a", input=Mute())


def test_batched_lines_are_in_the_file_when_log_returns(tmp_path):
    log = InteractionLogger(tmp_path, durability="batched")
    ids = {log.log(module="m", action="a", input=str(number)) for number in range(50)}
    (spool,) = (tmp_path / "log" / "interactions" / "spool").iterdir()
    assert {json.loads(line)["interaction_id"] for line in spool.read_text().splitlines()} == ids


def test_batched_syncs_seldom_and_at_close(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr("vibe_pipeline.interactions.spool.os.fsync", synced.append)
    log = InteractionLogger(tmp_path, durability="batched")
    log.log(module="m", action="a", input="i")
    before = len(synced)
    for _ in range(20):
        log.log(module="m", action="a", input="i")
    assert len(synced) == before
    log.close()
    assert len(synced) == before + 1


def test_an_unknown_durability_is_refused(tmp_path):
    with pytest.raises(SettingsInvalid, match="durability = 'never' is not 'durable' or 'batched'"):
        InteractionLogger(tmp_path, durability="never")


def test_a_fork_that_leaves_the_block_as_well_is_an_interaction_of_its_own(log, logged):
    with log.interaction(module="m", action="run", input="q") as it:
        child = os.fork()
        it.output = "parent" if child else "child"
        started = it.interaction_id
    if not child:
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    found = {row["output"]: row["interaction_id"] for row in logged()}
    assert found["parent"] == started != found["child"]


def test_a_plain_function_around_an_async_one_is_over_when_that_is(log, logged):
    def around(function):
        @wraps(function)
        def call(*args):
            return function(*args)

        return call

    @log.logged()
    @around
    async def divide(number):
        await asyncio.sleep(0.02)
        return 1 / number

    assert asyncio.run(divide(1)) == 1
    with pytest.raises(ZeroDivisionError):
        asyncio.run(divide(0))
    good, bad = logged()
    assert (good["output"], good["success"], good["latency_ms"] >= 20) == ("1.0", True, True)
    assert (bad["success"], bad["error_type"]) == (False, "ZeroDivisionError")


NAMES = {
    "Tr0ub4dor" + "&3x": "password pwd senha db_pw contraseña userpassword dbPassword_2 DB_PASSWORD_PROD pass_"
    " clientSecret secret_text token_2 accesstoken APIKey licensekey awsSecretAccessKey",
    "Basic " + "dXNlcjpwYXNzd29yZDEy": "authorization Authorization",
    "4155552671": "phone cell_number mobile telefon celular 手机 手机号码 telephone phonenumber",
}
"""A value → what an argument may be called that only by its name is known for what it is."""


@pytest.mark.parametrize(("value", "name"), [(value, name) for value, names in NAMES.items() for name in names.split()])
def test_a_single_argument_keeps_its_name_where_only_that_tells_what_it_is(log, logged, value, name):
    scope: dict = {}
    exec(f"def unlock({name}): ...", scope)
    log.logged(module="m")(scope["unlock"])(value)
    (row,) = logged()
    assert row["input"].startswith(f'{{"{name}": "')
    assert PLACEHOLDER.search(row["input"])
    assert value not in row["input"]


WORDS = """text hotel intelligence cells paragraph passage bypass compass keywords keyPoints monkey author authority
secretary tokens tokenized_text token_count microphone phonetics"""


@pytest.mark.parametrize("name", WORDS.split())
def test_any_other_single_argument_stands_for_itself(log, logged, name):
    scope: dict = {}
    exec(f"def say({name}): ...", scope)
    log.logged(module="m")(scope["say"])("hello")
    assert logged()[0]["input"] == "hello"


def test_what_a_block_adds_to_what_it_was_given_stands_in_no_other(log, logged):
    given = {"extra": {"k": 1}, "improvements": ["first"]}
    for number in range(2):
        with log.interaction(module="m", action="run", input="q", **given) as it:
            it.extra["number"] = number
            it.improvements.append("second")
    assert given == {"extra": {"k": 1}, "improvements": ["first"]}
    assert [row["improvements"] for row in logged()] == [["first", "second"]] * 2
