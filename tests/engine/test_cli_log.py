"""`vibe log` as a shell meets it: what it counts, shows, follows and forgets, as JSON and for people."""

import json
import os
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from vibe_pipeline import InteractionLogger
from vibe_pipeline.interactions import segments
from vibe_pipeline.store import Store

MAIN = "from vibe_pipeline.cli import main; main()"


def test_log_import_counts_what_it_read(ask, tmp_path):
    lines = [{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}] * 2
    (tmp_path / "chats.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\nnot json\n")
    told = ask("log", "import", "chats.jsonl")
    counts = {"read": 3, "imported": 1, "duplicate": 1, "quarantined": 1, "waiting": 0}
    (file,) = told.pop("files")
    assert told == counts
    assert {name: file[name] for name in counts} == counts
    assert (file["format"], set(file)) == ("openai_chat", {"path", "format", *counts, "reasons"})
    assert sum(file["reasons"].values()) == 1


def test_a_folder_that_gives_nothing_says_why(vibe, tmp_path):
    (tmp_path / "in" / "none").mkdir(parents=True)
    for name in ("a.csv", "b.csv", "LICENSE"):
        (tmp_path / "in" / name).write_text("MIT")
    said = vibe("log", "import", "in", "in/none")
    assert said.code == 0
    assert "in: nothing in it is taken of 3 files (2 .csv, 1 without a suffix and no JSON)" in said.err
    assert "in/none: holds no file" in said.err


def test_log_seal_and_stats_count_the_log(ask, log_facts, tmp_path):
    log_facts(tmp_path / "var", range(3))
    told = ask("log", "seal")
    assert told.pop("bytes") > 0
    assert told == {"interactions": 6, "probes": 3, "remarks": 0, "segments": 2, "quarantined": 0}
    assert ask("log", "stats").items() >= {"interactions": 6, "probes": 3, "segments": 2, "quarantined": 0}.items()
    assert ask("log", "stats")["bytes"] > 0


def test_what_was_imported_is_in_the_log_at_once(ask, tmp_path):
    messages = [{"role": "user", "content": "q [/b]"}, {"role": "assistant", "content": "[bold]a[/bold]"}]
    (tmp_path / "chats.jsonl").write_text(json.dumps({"messages": messages}))
    ask("log", "import", "chats.jsonl")
    assert ask("log", "stats")["interactions"] == 1


def test_an_import_counts_although_another_process_seals(vibe, tmp_path, monkeypatch):
    monkeypatch.setattr(segments, "LOCK_WAIT_S", 0.1)
    messages = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    (tmp_path / "chats.jsonl").write_text(json.dumps({"messages": messages}))
    with Store(tmp_path / "var").lock("seal", 0):
        said = vibe("log", "import", "chats.jsonl", "--json")
    assert (said.code, json.loads(said.out)["imported"]) == (0, 1)
    assert "another process has held seal" in said.err
    assert "sealed with `vibe log seal`" in said.err


def test_a_table_is_imported_with_a_map_and_a_wrong_one_is_one_line(ask, vibe, tmp_path):
    (tmp_path / "app.csv").write_text("question,answer,when\nq,a,1767323045\n")
    mapped = ("--map", "input=question", "--map", "output=answer", "--map", "action==ask")
    assert ask("log", "import", "app.csv", *mapped, "--map", "occurred_at=when")["imported"] == 1
    (row,) = json_lines(vibe("log", "tail", "--json"))
    assert (row["input"], row["output"], row["action"]) == ("q", "a", "ask")
    said = vibe("log", "import", "app.csv", "--map", "input=nothing")
    assert (said.code, said.err.count("\n")) == (1, 1)
    assert "the columns of app.csv are question, answer, when" in said.err
    (tmp_path / "other.csv").write_text("name\nx\n")
    beside = vibe("log", "import", "app.csv", "other.csv", "--map", "output=answer", "--json")
    assert (beside.code, json.loads(beside.out)["imported"], beside.err.count("\n")) == (1, 1, 1)
    assert "the columns of other.csv are name" in beside.err
    assert vibe("log", "import", "*.csv", "--map", "output=answer").code == 0
    assert ask("log", "stats")["quarantined"] == 0


CHAT = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
DUMPS = {
    "chats.jsonl": json.dumps({**CHAT, "tier": "own", "metadata": {"tier": "own"}}),
    "shared.jsonl": json.dumps({"conversations": [{"from": "human", "value": "x"}, {"from": "gpt", "value": "y"}]}),
    "rows.csv": "input,output,action,tier,note\nm,n,ask,own,t\n",
    "ours.jsonl": json.dumps({"module": "m", "action": "ask", "input": "i", "output": "o", "extra": {"tier": "own"}}),
    "bare.csv": "input,output,action\nb,c,ask\n",
}


def test_what_is_imported_is_of_the_tier_that_was_named_and_the_first_import_decides(ask, vibe, tmp_path):
    for name, text in DUMPS.items():
        (tmp_path / name).write_text(text)
    told = ask("log", "import", *DUMPS, "--tier", "teacher")
    assert told.items() >= {"imported": 5, "quarantined": 0}.items()
    rows = {row["input"]: json.loads(row["extra"]) for row in json_lines(vibe("log", "tail", "--json"))}
    assert {it: extra["tier"] for it, extra in rows.items()} == dict.fromkeys("qxmib", "teacher")
    assert rows["m"]["note"] == "t"
    again = [ask("log", "import", *DUMPS, *tier)["duplicate"] for tier in ((), ("--tier", "community"))]
    assert again == [5, 5]
    assert vibe("log", "import", "bare.csv", "--tier", "mine").code == 2


def json_lines(said) -> list[dict]:
    assert said.code == 0, said.err
    return [json.loads(line) for line in said.out.splitlines()]


def test_tail_and_search_show_what_is_sealed_and_what_is_not(vibe, log_fixes, tmp_path):
    log_fixes(tmp_path / "var", range(2))
    vibe("log", "seal")
    log_fixes(tmp_path / "var", range(2, 3))
    assert [row["input"] for row in json_lines(vibe("log", "tail", "-n", "2", "--json"))] == ["print(x2", "print(x2)"]
    found = json_lines(vibe("log", "search", "syntax", "--json"))
    assert [row["input"] for row in found] == ["print(x2", "print(x1", "print(x0"]
    lines = vibe("log", "tail", "-n", "2").out.splitlines()
    assert [line.split(maxsplit=2)[2] for line in lines] == [
        "✗ logger m.run  print(x2 → SyntaxError",
        "✓ logger m.run  print(x2) → 2",
    ]


def test_nothing_that_was_logged_commands_the_terminal(ask, vibe, tmp_path):
    words = "\x1b]0;title\x07\x1b[2J\x9b1m\u202eevil"
    InteractionLogger(tmp_path / "var").log(
        module=f"m{words}\nx", action="a", input=words, occurred_at=datetime(1, 1, 1, tzinfo=UTC)
    )
    shown = vibe("log", "tail").out
    escaped = r"\x1b]0;title\x07\x1b[2J\x9b1m\u202eevil"
    assert shown == f"0001-01-01 00:00:00Z · logger m{escaped} x.a  {escaped}\n"
    found = vibe("log", "search", "evil").out
    ask("log", "seal")
    for out in (shown, found, vibe("sql", 'SELECT input, 1 AS "\x1b[2J" FROM interactions').out):
        assert not set("\x1b\x07\x9b\u202e") & set(out)
        assert "evil" in out


def test_compact_merges_what_many_seals_left(ask, log_fixes, tmp_path):
    for number in range(3):
        log_fixes(tmp_path / "var", range(number, number + 1))
        ask("log", "seal")
    assert ask("log", "stats")["segments"] == 3
    assert ask("log", "compact") == {"segments": 1, "replaced": 3}
    assert ask("log", "stats").items() >= {"segments": 1, "interactions": 6}.items()
    assert ask("log", "compact") == {"segments": 0, "replaced": 0}


def test_tail_follows_until_it_is_interrupted(toml, tmp_path, log_fixes):
    (tmp_path / "vibe.toml").write_text(toml.text)
    environment = {**os.environ, "VIBE_HOME": str(tmp_path / "var"), "VIBE_CONFIG": str(tmp_path / "vibe.toml")}
    command = [sys.executable, "-c", MAIN, "log", "tail", "--follow", "--json"]
    log_fixes(tmp_path / "var", range(1))
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        seen = [json.loads(process.stdout.readline())["input"] for _ in range(2)]
        log_fixes(tmp_path / "var", range(1, 2))
        seen += [json.loads(process.stdout.readline())["input"] for _ in range(2)]
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
    assert seen == ["print(x0", "print(x0)", "print(x1", "print(x1)"]


@pytest.mark.usefixtures("climbed_here")
def test_forgetting_shows_what_goes_and_asks_before_it_does(ask, vibe):
    conversation = ("log", "forget", "--conversation", "fix 3")
    plan = ask(*conversation, "--dry-run")
    assert (plan["tombstone"], plan["interactions"]) == (None, 2)
    assert [rung["generation"] for rung in plan["rungs"]] == ["g000", "g001"]
    refused = vibe(*conversation)
    assert (refused.code, refused.out, len(refused.err.splitlines())) == (1, "", 1)
    assert "Add --yes" in refused.err
    shown = vibe(*conversation, "--dry-run").out
    assert re.search(r"interactions +2\n", shown)
    assert "† its mix held" in shown
    assert ask("log", "stats")["interactions"] == 48
    done = ask(*conversation, "--yes")
    assert done == {**plan, "tombstone": done["tombstone"]}
    assert ask("log", "stats")["interactions"] == 46
    ladder = vibe("ladder").out
    assert "g001 ★ †" in ladder
    assert "main g000 was built from erased data, not reproducible: its mix held 16" in ladder


@pytest.mark.usefixtures("climbed_here")
def test_forgetting_what_is_not_there_says_so_and_needs_no_consent(vibe, ask):
    said = vibe("log", "forget", "--match", "nobody said this")
    assert (said.code, said.out, said.err) == (0, "", "nothing matches: nothing is forgotten\n")
    assert ask("log", "forget", "--user", "nobody")["tombstone"] is None


def test_forgetting_needs_something_to_look_for(vibe):
    assert vibe("log", "forget", "--yes").code == 1
    assert vibe("log", "forget", "--match", " ").code == 1
