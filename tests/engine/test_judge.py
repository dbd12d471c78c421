"""A judge's word counts where it is the same in both orders; where it cannot be had a score is missing."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import polars as pl
import pytest

from vibe_pipeline.errors import JudgeUnreachable, SettingsInvalid
from vibe_pipeline.evaluate.exam import JUDGED
from vibe_pipeline.evaluate.judge import GIVES_UP, Endpoint, compared, scored
from vibe_pipeline.evaluate.scorecard import MODELS
from vibe_pipeline.evaluate.standing import written
from vibe_pipeline.progress import nobody
from vibe_pipeline.settings import Judge, key_of_judge


@pytest.fixture
def server():
    """A judge on this machine: it says what `reply` makes of an answer A and an answer B."""
    its = SimpleNamespace(reply=lambda one, other: "C", asked=[], headers=[], status=200, body=None, wait=0.0)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            text = body["messages"][0]["content"]
            one = text.split("[Answer A]\n")[1].split("\n\n[Answer B]")[0]
            other = text.split("[Answer B]\n")[1].split("\n\nReply")[0]
            its.asked.append((one, other))
            its.headers.append(dict(self.headers))
            time.sleep(its.wait)
            said = {"choices": [{"message": {"content": its.reply(one, other)}}]}
            self.send_response(its.status)
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            self.wfile.write(json.dumps(said).encode() if its.body is None else its.body)

        def log_message(self, *_):
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    its.url = f"http://127.0.0.1:{http.server_port}/v1"
    yield its
    http.shutdown()
    http.server_close()


def judged(server, *pairs: tuple[str | None, str | None], seconds: float = 5.0) -> list[float | None]:
    rows = [(str(at), "Why?", "brevity", one, other) for at, (one, other) in enumerate(pairs)]
    schema = dict.fromkeys(("item_id", "prompt", "criteria", "one", "other"), pl.String)
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    with nobody("") as advance:
        its, server.silence = compared(frame, Endpoint(server.url, "m", "secret", seconds), advance)
    return its["score"].to_list()


def longest(one: str, other: str) -> str:
    return "A" if len(one) > len(other) else "B"


def test_the_better_answer_wins_in_whichever_order_it_is_shown(server):
    server.reply = longest
    assert judged(server, ("long answer", "short"), ("short", "long answer")) == [1.0, 0.0]
    assert server.asked[:2] == [("long answer", "short"), ("short", "long answer")]


def test_who_always_prefers_the_first_has_said_nothing(server):
    server.reply = lambda one, other: "A"
    assert judged(server, ("a", "b"), ("b", "a")) == [0.5, 0.5]


def test_the_same_answers_are_a_tie_and_nobody_is_asked(server):
    assert (judged(server, ("a", "a")), server.asked) == ([0.5], [])


@pytest.mark.parametrize("said", ["A.", " b ", "c"])
def test_a_letter_is_heard_however_it_is_written(server, said):
    server.reply = lambda one, other: said
    assert judged(server, ("a", "b")) == [0.5]


@pytest.mark.parametrize(
    "broken",
    [
        {"status": 500},
        {"status": 401},
        {"status": 302},
        {"body": b"<html>"},
        {"body": b"{}"},
        {"body": b'{"choices": []}'},
        {"body": b'{"choices": [{"message": {"content": null}}]}'},
        {"wait": 1.0},
    ],
)
def test_who_cannot_be_heard_leaves_no_score_and_it_is_said_why(server, broken):
    vars(server).update(broken)
    assert (judged(server, ("a", "b"), seconds=0.3), bool(server.silence)) == ([None], True)


def test_other_words_than_a_letter_are_no_score_and_are_told(server):
    server.reply = lambda one, other: "Answer A is better, I think"
    assert judged(server, ("a", "b")) == [None]
    assert server.silence == "it said 'Answer A is better, I think' where A, B or C was asked for"


def test_an_endpoint_that_is_down_is_asked_a_few_times_only(server):
    server.status = 503
    assert judged(server, *[("a", "b")] * 9) == [None] * 9
    assert len(server.asked) == GIVES_UP


def test_a_model_that_said_nothing_leaves_no_score(server):
    assert (judged(server, (None, "b"), ("a", None)), server.asked) == ([None, None], [])


def test_the_key_is_sent_to_the_judge_and_shown_to_nobody(server):
    judged(server, ("a", "b"))
    assert server.headers[0]["Authorization"] == "Bearer secret"
    assert "secret" not in repr(Endpoint(server.url, "m", "secret", 1))


# a suite with criteria


@pytest.fixture
def suite(tmp_path):
    path = tmp_path / "open.jsonl"
    path.write_text(json.dumps({"prompt": "Tell me of thing1.", "criteria": "brevity"}))
    return {"open": str(path)}


def test_criteria_without_a_judge_are_refused(store, lineage, suite):
    with pytest.raises(SettingsInvalid, match="has items with criteria, and no judge compares them"):
        written(store, lineage.model_copy(update={"suites": suite}))


def test_another_judge_is_another_suite(store, lineage, suite):
    judges = [Judge(url="http://h/v1", model=model) for model in ("one", "other")]
    asked = [written(store, lineage.model_copy(update={"suites": suite, "judge": by})) for by in judges]
    assert len({dict(suites)["open"] for suites in asked}) == 2


def test_a_key_that_is_not_set_is_named(monkeypatch):
    monkeypatch.delenv("JUDGE_KEY", raising=False)
    by = Judge(url="http://h/v1", model="m", key_from="JUDGE_KEY")
    with pytest.raises(SettingsInvalid, match="names JUDGE_KEY, which is not set"):
        key_of_judge(by)
    monkeypatch.setenv("JUDGE_KEY", "k")
    assert key_of_judge(by) == "k"


@pytest.fixture
def climb(ladder, new_ladder, log_facts, suite, server):
    def mine(key_from: str = ""):
        by = Judge(url=server.url, model="m", seconds=2, key_from=key_from)
        return new_ladder(ladder.store.root, suites=suite, judge=by)

    def run(key_from: str = ""):
        log_facts(ladder.store.root, range(6))
        ladder.log.open_generation()
        return mine(key_from), mine(key_from).climb("main", 0)

    run.mine = mine
    return run


def rules_of(event) -> dict:
    return {rule["name"]: rule for rule in event.facts["rules"]}


def test_a_judged_suite_is_in_the_gate_and_what_was_said_is_kept(climb, server):
    server.reply = lambda one, other: "A" if one == "Yes" else "B"
    mine, event = climb()
    rules = rules_of(event)
    assert rules["complete"]["finding"] == "passed"
    assert rules["open against parent"]["n"] == 1
    told = event.facts["standing"][-1]
    assert [told[model]["value"] for model in ("child", "parent", "base")] == [1.0, 0.0, 0.0]
    asked = len(server.asked)
    (kept,) = mine.store.path("judged").rglob("*.parquet")
    assert (asked, pl.read_parquet(kept)["score"].null_count()) == (2, 0)


def test_a_key_that_is_not_set_is_refused_before_training(climb, ladder, monkeypatch):
    monkeypatch.delenv("JUDGE_KEY", raising=False)
    with pytest.raises(SettingsInvalid, match="names JUDGE_KEY, which is not set"):
        climb(key_from="JUDGE_KEY")
    assert not [*ladder.store.names("ledger/main", ".json"), *ladder.store.names("results/mix", ".json")]


def test_verify_makes_a_judged_verdict_again_and_names_what_was_changed(climb, server):
    server.reply = lambda one, other: "A" if one == "Yes" else "B"
    mine, _ = climb()
    found = mine.verify()
    assert (found.problems, found.checked["verdicts"]) == ([], 1)
    (path,) = mine.store.path("judged").rglob("*.parquet")
    name = path.relative_to(mine.store.root).as_posix()
    whole = pl.read_parquet(path)
    for changed in (whole.with_columns(score=pl.lit(0.25)), whole.clear()):
        mine.store.write_parquet(name, changed.to_arrow())
        assert any(it.where.startswith(name) for it in mine.verify().problems)
    path.unlink()
    assert ("file", name, "missing") in [(it.what, it.where, it.found) for it in mine.verify().problems]


@pytest.mark.parametrize(("parent", "base"), [(1.0, 0.5), (0.0, None)])
def test_a_score_is_that_of_the_child_beside_the_other(parent, base):
    results = {it: pl.DataFrame({"item_id": ["a"], "score": [None]}, schema=JUDGED) for it in MODELS}
    won = {
        it: pl.DataFrame([("a", said)], schema=JUDGED, orient="row")
        for it, said in (("parent", parent), ("base", base))
    }
    got = {model: its["score"].item() for model, its in scored(results, won).items()}
    assert got == {"child": parent, "parent": 1 - parent, "base": None if base is None else 1 - base}


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ({"status": 500}, "Error 500"),
        ({"reply": lambda one, other: "I cannot say"}, "said 'I cannot say' where A"),
    ],
)
def test_a_judge_that_is_down_or_says_something_else_blocks_until_it_is_mended(climb, server, broken, words):
    """Nothing settles, and what was trained and answered is not made again."""
    whole = {name: getattr(server, name) for name in broken}
    vars(server).update(broken)
    with pytest.raises(JudgeUnreachable, match=rf"compared 0 of 1 .* with those of the parent.* {words}.* Start it"):
        climb()
    mine = climb.mine()
    assert mine.line("main").settled == {}
    vars(server).update({**whole, "reply": lambda one, other: "A"})
    assert rules_of(mine.climb("main", 0))["complete"]["finding"] == "passed"
