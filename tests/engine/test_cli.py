"""`vibe` as a shell meets it: exit codes, one line on stderr, JSON of the shapes that others script against."""

import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from vibe_pipeline import InteractionLogger, cli
from vibe_pipeline.cli import commands
from vibe_pipeline.interactions import segments
from vibe_pipeline.store import Store

MAIN = "from vibe_pipeline.cli import main; main()"

MODULE = '''"""Adding."""

def add(left, right=1):
    """Add two whole numbers and return their sum.

    >>> add(2, 3)
    5
    """
    return left + right
'''

FIGURES = ("eval_recall", "eval_generalization", "eval_style_drift")
LADDER = {
    *("lineage", "generation", "attempt", "verdict", "is_champion", "parent_sha", "child_sha", "data_delta_sha"),
    *("mix_sha", "steps", "lr", "walltime_min", "loss_start", "loss_end", "base_generalization", "reasons"),
    *(f"{name}{part}" for name in FIGURES for part in ("", "_n", "_low", "_high")),
}


@pytest.fixture
def vibe(tmp_path, toml, monkeypatch, capsys):
    """Runs a command in this process, in a home and with a vibe.toml of its own."""
    (tmp_path / "vibe.toml").write_text(toml.text)
    monkeypatch.setenv("VIBE_HOME", str(tmp_path / "var"))
    monkeypatch.setenv("VIBE_CONFIG", str(tmp_path / "vibe.toml"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def run(*arguments: str) -> SimpleNamespace:
        monkeypatch.setattr(sys, "argv", ["vibe", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return SimpleNamespace(code=ended.value.code or 0, out=said.out, err=said.err)

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def ask(vibe):
    """Runs a command with --json, which must succeed and print nothing but JSON."""

    def run(*arguments: str):
        said = vibe(*arguments, "--json")
        assert said.code == 0, said.err
        return json.loads(said.out)

    return run


@pytest.fixture
def climbed_here(climbed_home, tmp_path):
    shutil.copytree(climbed_home, tmp_path / "var")


# exit codes


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("generation", "open"), "gate.min_items is 4. Log more, or open it all the same with --force."),
        (("log", "import", "nowhere.json"), "nowhere.json"),
        (("synthesize", "no_such_package_anywhere"), "no_such_package_anywhere"),
        (("climb", "--lineage", "nobody"), "'nobody' is not one of main"),
        (("ladder", "--lineage", "nobody"), "'nobody' is not one of main"),
        (("chat", "--lineage", "nobody", "hello"), "'nobody' is not one of main"),
        (("climb", "--to", "third"), "'third' is not a generation. Write it as g003."),
        (("climb", "--to", "g²"), "'g²' is not a generation"),
        (("ladder", "--csv", "no/such/folder/file.csv"), "cannot be written"),
        (("sql", "SELEC 1"), "the query failed"),
        (("sql", ""), "not one SELECT but 0 statements"),
        (("sql", "SELECT 1; SELECT 2"), "not one SELECT but 2 statements"),
        (("sql", "COPY (SELECT 1) TO 'out.csv'"), "not one SELECT"),
        (("sql", "SELECT * FROM nothing"), "nothing"),
        (("chat", "--device", "tpu9000", "hello"), "device 'tpu9000' cannot be used"),
    ],
)
def test_an_expected_error_is_one_line_on_stderr_and_exit_code_1(vibe, arguments, words):
    said = vibe(*arguments)
    assert (said.code, said.out) == (1, "")
    assert words in said.err
    assert len(said.err.splitlines()) == 1


def test_a_wrong_vibe_toml_is_one_line_and_1(vibe, tmp_path):
    (tmp_path / "vibe.toml").write_text("[gait]")
    said = vibe("ladder")
    assert (said.code, said.out, len(said.err.splitlines())) == (1, "", 1)
    assert "unknown key gait" in said.err


@pytest.mark.parametrize(
    "arguments",
    [("clim",), ("climb", "--too", "g000"), ("chat",), ("synthesize", "--facts", "-1", "x"), ("log", "seel")],
)
def test_wrong_usage_is_2_and_says_so_on_stderr(vibe, arguments):
    said = vibe(*arguments)
    assert (said.code, said.out) == (2, "")
    assert said.err


def test_an_interrupted_climb_says_so_and_exits_as_shells_expect(toml, tmp_path, log_facts):
    (tmp_path / "vibe.toml").write_text(toml.text)
    environment = {**os.environ, "VIBE_HOME": str(tmp_path / "var"), "VIBE_CONFIG": str(tmp_path / "vibe.toml")}
    log_facts(tmp_path / "var", range(6))
    command = [sys.executable, "-c", MAIN, "climb", "--threads", "1"]
    subprocess.run([*command[:3], "generation", "open"], env=environment, check=True, capture_output=True)
    climb = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "var" / "ledger").exists() and climb.poll() is None:
        time.sleep(0.01)
    climb.send_signal(signal.SIGTERM)
    said = climb.communicate()[1]
    assert climb.returncode == 128 + signal.SIGTERM
    assert said.splitlines()[-1].startswith("vibe: interrupted. What has settled stays")
    assert "Traceback" not in said


INTERRUPTED_WHILE_LOADING = """
import os, signal, sys

class Interrupting:
    def find_spec(self, name, *_):
        if name == "typer":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
from vibe_pipeline.cli import main; main()
"""


def test_an_interrupt_while_modules_are_loaded_is_one_line_too(python):
    done = python(INTERRUPTED_WHILE_LOADING)
    assert (done.returncode, done.stdout) == (128 + signal.SIGINT, "")
    assert done.stderr == "vibe: interrupted. What has settled stays, run the same command to go on.\n"


def test_help_imports_no_torch(python):
    code = "import sys; sys.argv = ['vibe', '--help']\ntry:\n    from vibe_pipeline.cli import main; main()\nfinally:\n"
    done = python(code + "    print('heavy:', {'torch', 'transformers', 'peft', 'mlflow'} & sys.modules.keys())")
    assert done.stdout.splitlines()[-1] == "heavy: set()"
    for command in ("log", "synthesize", "generation", "climb", "ladder", "chat", "sql"):
        assert re.search(rf"\b{command}\b", done.stdout)


# shapes


def test_log_import_counts_what_it_read(ask, tmp_path):
    lines = [{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}] * 2
    (tmp_path / "chats.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\nnot json\n")
    told = ask("log", "import", "chats.jsonl")
    counts = {"read": 3, "imported": 1, "duplicate": 1, "quarantined": 1}
    (file,) = told.pop("files")
    assert told == counts
    assert {name: file[name] for name in counts} == counts
    assert (file["format"], set(file)) == ("openai_chat", {"path", "format", *counts, "reasons"})
    assert sum(file["reasons"].values()) == 1


def test_log_seal_and_stats_count_the_log(ask, log_facts, tmp_path):
    log_facts(tmp_path / "var", range(3))
    told = ask("log", "seal")
    assert told.pop("bytes") > 0
    assert told == {"interactions": 6, "probes": 3, "remarks": 0, "segments": 2, "quarantined": 0}
    assert ask("log", "stats").items() >= {"interactions": 6, "probes": 3, "segments": 2, "quarantined": 0}.items()
    assert ask("log", "stats")["bytes"] > 0


def test_synthesize_logs_and_counts_by_action(ask, tmp_path):
    (tmp_path / "adding.py").write_text(MODULE)
    told = ask("synthesize", "adding.py", "--mistakes", "0")
    assert told["interactions"] == sum(told["by_action"].values()) > 0
    assert set(told["by_action"]) == {"ask"}
    assert ask("log", "stats")["interactions"] == told["interactions"]


def test_from_facts_to_a_champion_on_the_command_line(ask, vibe, log_facts, tmp_path):
    log_facts(tmp_path / "var", range(6))
    cut = ask("generation", "open")
    assert (cut["generation"], cut["interactions"], cut["examples"], cut["held_out"]) == ("g000", 12, 18, 6)
    (record,) = ask("climb", "--threads", "1")
    assert set(record) >= LADDER
    assert (record["generation"], record["verdict"], record["is_champion"]) == ("g000", "promoted", True)
    assert ask("ladder") == [record]
    assert ask("climb") == []
    assert ask("chat", "In one sentence: thing3?", "--threads", "1").keys() == {
        "prompt",
        "base",
        "champion",
        "generation",
    }


def test_climb_stops_where_it_is_told_and_goes_on_from_there(ask, log_facts, tmp_path):
    for generation in range(3):
        log_facts(tmp_path / "var", range(4 * generation, 4 * generation + 4))
        ask("generation", "open")
    assert [record["generation"] for record in ask("climb", "--to", "g001", "--threads", "1")] == ["g000", "g001"]
    assert [record["generation"] for record in ask("climb", "--threads", "1")] == ["g002"]


def test_a_forced_generation_opens(ask):
    assert ask("generation", "open", "--force")["interactions"] == 0


@pytest.mark.usefixtures("climbed_here")
def test_every_record_of_the_ladder_has_every_figure(ask):
    records = ask("ladder")
    assert [record["verdict"] for record in records] == ["promoted", "promoted", "skipped"]
    assert all(set(record) >= LADDER for record in records)


@pytest.mark.usefixtures("climbed_here")
def test_the_ladder_is_written_as_csv(vibe, tmp_path):
    assert vibe("ladder", "--csv", "ladder.csv").code == 0
    lines = list(csv.DictReader(io.StringIO((tmp_path / "ladder.csv").read_text())))
    assert [line["GEN_ID"] for line in lines] == ["0", "1", "2"]


@pytest.mark.usefixtures("climbed_here")
def test_both_models_answer_and_the_champion_knows(ask):
    told = ask("chat", "In one sentence: thing3?", "--threads", "1")
    assert (told["prompt"], told["champion"], told["generation"]) == ("In one sentence: thing3?", "Yes", "g001")
    assert isinstance(told["base"], str)


@pytest.mark.usefixtures("climbed_here")
def test_sql_gives_rows(ask):
    assert ask("sql", "SELECT generation, verdict FROM scores ORDER BY 1")[0] == {
        "generation": "g000",
        "verdict": "promoted",
    }
    for view in ("interactions", "examples", "generations", "scores", "items"):
        assert ask("sql", f"SELECT count(*) AS n FROM {view}")[0]["n"] > 0


@pytest.mark.usefixtures("climbed_here")
def test_what_is_printed_for_people_has_its_results_on_stdout_and_the_rest_on_stderr(vibe):
    ladder, climb, stats = vibe("ladder"), vibe("climb"), vibe("log", "stats")
    assert "g001" in ladder.out
    assert (ladder.err, stats.err) == ("", "")
    assert "nothing to climb" in climb.err
    assert "nothing to climb" not in climb.out
    assert re.search(r"interactions +48", stats.out)


def test_an_empty_ladder_is_an_empty_list(ask, vibe):
    assert ask("ladder") == ask("climb") == []
    assert vibe("ladder").out == ""


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


def test_brackets_are_text_and_no_markup(vibe, monkeypatch):
    monkeypatch.setattr(
        commands.Ladder, "chat", lambda *_: {"base": "[/b]", "champion": "[b]x[/b]", "generation": "g000"}
    )
    said = vibe("chat", "q")
    assert (said.code, said.err) == (0, "")
    assert "[/b]" in said.out
    assert "[b]x[/b]" in said.out
    assert "[/x]" in vibe("sql", "SELECT '[/x]' AS \"[/y]\"").out


def test_json_of_a_query_keeps_every_column_and_knows_no_nan(ask):
    assert ask("sql", "SELECT 1 AS a, 2 AS a, [1.0, 'nan'::DOUBLE] AS b, {'c': 'inf'::DOUBLE} AS d") == [
        {"a": 1, "a_2": 2, "b": [1.0, None], "d": {"c": None}}
    ]


def test_a_finished_climb_says_only_that(vibe, climbed_here):
    said = vibe("climb")
    assert (said.code, said.out) == (0, "")
    assert said.err == "main: nothing to climb, every open generation is settled\n"


def test_what_nobody_expected_is_one_line_too(vibe, monkeypatch):
    monkeypatch.setattr(commands.Ladder, "records", lambda *_: 1 / 0)
    said = vibe("ladder")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("vibe: unexpected ZeroDivisionError: division by zero. Set VIBE_DEBUG=1")


def test_a_lineage_that_left_vibe_toml_is_still_shown(ask, climbed_here, tmp_path, toml):
    (tmp_path / "vibe.toml").write_text(toml.text.replace("lineages.main", "lineages.other"))
    assert {record["lineage"] for record in ask("ladder", "--lineage", "main")} == {"main"}


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
    assert "main g000 was built from erased data, not reproducible: its mix held 6" in ladder


@pytest.mark.usefixtures("climbed_here")
def test_forgetting_what_is_not_there_says_so_and_needs_no_consent(vibe, ask):
    said = vibe("log", "forget", "--match", "nobody said this")
    assert (said.code, said.out, said.err) == (0, "", "nothing matches: nothing is forgotten\n")
    assert ask("log", "forget", "--user", "nobody")["tombstone"] is None


def test_forgetting_needs_something_to_look_for(vibe):
    assert vibe("log", "forget", "--yes").code == 1
    assert vibe("log", "forget", "--match", " ").code == 1
