"""`vibe` as a shell meets it: exit codes, one line on stderr, JSON of the shapes that others script against."""

import csv
import io
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from vibe_pipeline.cli import commands
from vibe_pipeline.ladder import Ladder

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


# exit codes


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("generation", "open"), "gate.min_items is 4. Log more, or open it all the same with --force."),
        (("log", "import", "nowhere.json"), "nowhere.json"),
        (("synthesize", "no_such_package_anywhere"), "no_such_package_anywhere"),
        (("synthesize",), "names no package"),
        (("synthesize", "--labels", "1", "--tasks", "1"), "labels = 1 without a log"),
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


def test_synthesize_logs_and_counts_by_action(ask, tmp_path):
    (tmp_path / "adding.py").write_text(MODULE)
    told = ask("synthesize", "adding.py", "--mistakes", "0")
    assert told["interactions"] == sum(told["by_action"].values()) > 0
    assert set(told["by_action"]) == {"ask"}
    assert ask("log", "stats")["interactions"] == told["interactions"]
    more = ask("synthesize", "--log", "--tasks", "4", "--labels", "1")
    assert (more["interactions"], more["probes"]) == (sum(more["by_action"].values()), 0)
    assert set(more["by_action"]) <= {"ask", "generate"}


def test_synthesizing_again_tells_that_nothing_of_it_is_new(ask, vibe, tmp_path):
    (tmp_path / "adding.py").write_text(MODULE)
    made = ("synthesize", "adding.py", "--mistakes", "0", "--tasks")
    first, again = (ask(*made, "2") for _ in range(2))
    assert again == {**first, "new": {"interactions": 0, "probes": 0}}
    assert first["new"] == {"interactions": first["interactions"], "probes": first["probes"]}
    more = ask(*made, "3")
    assert more["new"] == {"interactions": more["interactions"] - first["interactions"], "probes": 0}
    said = vibe(*made, "3").out
    assert re.search(r"^new +interactions 0, probes 0$", said, re.MULTILINE)


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


def test_how_far_the_next_generation_is_is_told_in_a_table_and_as_json(vibe, ask, log_facts, tmp_path):
    log_facts(tmp_path / "var", range(6))
    said = vibe("generation", "next")
    assert "0 of 57.6 MB; 0 of 100 new conversations; 0 of 50 karma; 0 of 168 hours" in said.out
    assert re.search(r"^0\.0 MB are logged and not sealed yet", said.err)
    ask("log", "seal")
    found = ask("generation", "next")
    assert (found["generation"], found["is_due"], found["waiting_bytes"]) == ("g000", False, 0)
    now = {it["name"]: it["value"] for it in (*found["budgets"], *found["required"])}
    assert (now["conversations"], now["min_kinds"], now["min_modules"], now["min_meaningful"]) == (12, 1, 1, 100)


def test_a_generation_whose_opening_was_broken_off_is_finished_by_the_next(vibe, ask):
    Ladder().log.open_generation(force=True)  # and then a kill
    said = vibe("generation", "open")
    assert (said.code, said.err.splitlines()[0]) == (0, "g000 was open already: its examples are made now")
    assert ask("generation", "open", "--force")["generation"] == "g001"


def test_who_opens_a_generation_is_told_what_it_has_not(vibe):
    said = vibe("generation", "open", "--force")
    assert said.err.endswith("g000: There are no examples: nothing to learn from, and nothing to judge by\n")
    assert "doubts" not in said.out


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


def test_what_every_rung_knows_is_shown_with_a_page_and_handed_on_whole(vibe, ask, climbed_here, tmp_path):
    said = vibe("ladder", "--matrix")
    assert said.code == 0
    assert max(map(len, said.out.splitlines())) <= 80
    assert re.search(r"g001 ★ +[01]\.\d\d \[[01]\.\d\d [01]\.\d\d\]   6", said.out)
    assert f"main with plots: {tmp_path}/var/reports/ladder-main.html" in said.err
    assert "What each rung of main knows" in (tmp_path / "var/reports/ladder-main.html").read_text()
    (told,) = ask("ladder", "--matrix", "--lineage", "main", "--csv", "matrix.csv")
    assert set(told) == {"lineage", "rows", "average", "backward_transfer", "forward_transfer", "forgetting"}
    assert [row["generation"] for row in told["rows"]] == ["base", "g000", "g001"]
    cells = [cell for row in told["rows"] for cell in row["cells"]]
    assert all(set(cell) == {"suite", "part", "facts", "share", "nll"} for cell in cells)
    assert len((tmp_path / "matrix.csv").read_text().splitlines()) == 1 + len(cells)
    assert {"g000", "g001"} == {cell["suite"] for cell in told["rows"][2]["cells"]}


def test_the_matrix_of_what_nobody_climbed_says_so(vibe, ask):
    assert (vibe("ladder", "--matrix").out, ask("ladder", "--matrix")) == ("", [])
    assert "nothing was measured" in vibe("ladder", "--matrix").err
    assert "'nobody' is not one of main" in vibe("ladder", "--matrix", "--lineage", "nobody").err


def test_a_verdict_is_told_in_words_with_every_rule(vibe, ask, climbed_here):
    told = ask("verdict", "g001")
    assert (told["generation"], told["verdict"]) == ("g001", "promoted")
    names = [rule["name"] for rule in told["rules"]]
    assert {"complete", "liveness", "recall against parent", "gain", "general against base", "style"} <= set(names)
    gain = next(rule for rule in told["rules"] if rule["name"] == "gain")
    assert gain["low"] > 0 < gain["n"]
    said = vibe("verdict", "g001").out
    assert said.startswith("main g001 was promoted: ")
    assert all(name in said for name in names)
    assert ask("verdict")["generation"] == "g002"
    assert vibe("verdict", "g007").err == "vibe: no rung of main has settled at g007. Run `vibe climb`.\n"
