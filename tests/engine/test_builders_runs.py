"""error_correction, error_prediction and optimization over hand-made sessions: what a person would call a fix, an
outcome and a faster way."""

import pytest

from tests.engine.building import event, learned, run, tool


def fixes(*events, before=()):
    return {
        (row["prompt"].split("\n\n")[0], row["completion"])
        for row in learned("error_correction", *events, before=before)
    }


# error_correction


@pytest.mark.parametrize(
    ("failing", "fixed"),
    [
        ("print(1", "print(1)"),
        ("pyhton x.py", "python x.py"),
        ("git comit -m done", "git commit -m done"),
        ("pip install requets", "pip install requests"),
        ("git push", "git push --set-upstream origin main"),
        ("apt install jq", "sudo apt install jq"),
        ("np.zeros(3)", "import numpy as np\nnp.zeros(3)"),
        ("cat /ect/hosts", "cat /etc/hosts"),
        (
            "def f(x):\n    y = x + 1\n    z = y * 2\n    return q",
            "def f(x):\n    y = x + 1\n    z = y * 2\n    return z",
        ),
        ("打印 文件 内容 到 屏幕", "打印 文件 内容 到 屏幕 上"),
        ("fin d. -name x.txt", "find . -name x.txt"),
        ("head -l notes.txt", "head -ln notes.txt"),
        ("pytest test/test_alpha.py -q", "pytest tests/test_alpha.py -q"),
        ("curl -x GET localhost", "curl -X GET localhost"),
        ("cat a.txt b.txt missing.txt", "cat a.txt b.txt"),
    ],
)
def test_a_fix_is_a_version_of_what_failed(failing, fixed):
    assert fixes(run(failing, False), run(fixed, True, 1)) == {(failing, fixed)}


@pytest.mark.parametrize(
    ("failing", "worked"),
    [
        ("pytest", "ls"),
        ("git push", "git pull"),
        ("cat missing.txt", "ls -la"),
        ("python test1.py", "python test2.py"),
        ("ls -la foo", "ls -la bar"),
        ("cat /home/me/project/main.py", "cat /home/me/project/index.py"),
        ("import os\nfor name in os.listdir():\n    print(name)", "import sys\nfor line in sys.stdin:\n    total += 1"),
        ("", "ls"),
        ("ls", "   "),
    ],
)
def test_the_next_thing_that_worked_is_no_fix_of_what_failed(failing, worked):
    assert fixes(run(failing, False), run(worked, True, 1)) == set()


OTHER_OBJECTS = [
    ("pytest -q tests/test_alpha.py", "pytest -q tests/test_beta.py"),
    ("pytest -q test_users_get.py", "pytest -q test_users_put.py"),
    ("pytest -q tests -k password", "pytest -q tests -k username"),
    ("python train.py --model small", "python eval.py --model small"),
    ("python import_data.py --table orders", "python import_data.py --table users"),
    ("npm run test -- users", "npm run test -- orders"),
    ("curl -s http://localhost/api/users", "curl -s http://localhost/api/health"),
    ("curl -s http://localhost/users/create", "curl -s http://localhost/users/delete"),
    ("curl -s http://localhost/users/list", "curl -s http://localhost/orders/list"),
    ("curl localhost:8080/health", "curl localhost:8081/health"),
    ("find / -size +100M -print", "find / -size +600M -print"),
    ("docker compose restart worker", "docker compose restart web"),
    ("grep -rn TODO src/a", "grep -rn TODO src/b"),
    ("terraform apply -var env=dev", "terraform plan -var env=dev"),
    ("kubectl delete pod web -n prod", "kubectl describe pod web -n prod"),
    ("sudo systemctl restart nginx", "sudo systemctl status nginx"),
    ("git push origin main", "git push origin dev"),
    ('git commit -m "fix the parser"', 'git commit -m "fix the docs"'),
    ("ls -l /tmp/data", "ls -a /tmp/data"),
]
"""Each is as alike as many a fix, but for one word in place of another."""


@pytest.mark.parametrize(("failing", "worked"), OTHER_OBJECTS)
def test_a_command_for_another_object_is_no_fix_and_no_variant(failing, worked):
    assert fixes(run(failing, False), run(worked, True, 1)) == set()
    slow = run(failing, True, 0, "1 passed", latency_ms=90.0)
    assert variants(slow, run(worked, True, 1, "1 passed", latency_ms=30.0)) == []


@pytest.mark.parametrize(
    ("said", "is_learned"),
    [
        ("error: src refspec master does not match any. Did you mean Main?", True),
        ("x" * 9999 + "\nnot found; there are: dev, main", True),
        ("error: src refspec master does not match any", False),
        ("master is no maintained branch", False),
        ("", False),
    ],
)
def test_another_word_is_a_fix_where_the_error_proposed_it(said, is_learned):
    failing, worked = "git push origin master", "git push origin main"
    assert fixes(run(failing, False, 0, said), run(worked, True, 1)) == ({(failing, worked)} if is_learned else set())


def test_the_fix_is_found_behind_what_was_done_meanwhile_and_the_nearest_is_taken():
    meanwhile = [run("ls", True, 1), run("cat log.txt", True, 2), event("help?", "no", turn=3)]
    later = [run("python x.py", True, 4), run("python xy.py", True, 5)]
    assert fixes(run("pyhton x.py", False), *meanwhile, *later) == {("pyhton x.py", "python x.py")}


def test_each_try_that_failed_is_learned_with_the_fix():
    tries = [run("print(1", False), run("print((1", False, 1), run("print(1)", True, 2)]
    assert fixes(*tries) == {("print(1", "print(1)"), ("print((1", "print(1)")}


@pytest.mark.parametrize(
    "others",
    [
        [run("print(1)", True, 1, module="other")],
        [run("print(1)", True, 1, conversation_id="elsewhere")],
        [run("print(1)", None, 1)],
        [run("print(1)", False, 1)],
        [run("print(1)", True, 1, error_type="SyntaxError")],
        [run("print(1", True, 1)],
        [run("print(1)", True, 1), run(" print(1\n", True, 2)],
        [run("print(1)", True, 1, action="chat")],
    ],
    ids=["module", "conversation", "nobody knows", "failed too", "an error", "the same", "the same later", "no run"],
)
def test_without_a_success_that_differs_there_is_no_fix(others):
    assert fixes(run("print(1", False), *others) == set()


@pytest.mark.parametrize("nothing", ["", " "])
def test_an_empty_type_of_error_is_no_error(nothing):
    assert fixes(run("print(1", False), run("print(1)", True, 1, error_type=nothing)) == {("print(1", "print(1)")}


def test_a_success_before_the_error_mends_nothing():
    assert fixes(run("print(1)", True), run("print(1", False, 1)) == set()


def test_turns_that_begin_again_do_not_put_the_fix_before_the_error():
    failing = run("print(1", False, 5)
    fixed = run("print(1)", True, 0, occurred_at=failing.occurred_at.replace(day=9))
    assert fixes(fixed, failing) == {("print(1", "print(1)")}


def test_the_error_is_told_once_whether_the_output_holds_it_or_not():
    said = [
        run("f(", False, 0, "SyntaxError: f(", error_type="SyntaxError"),
        run("g(", False, 1, "", error_type="exit code 1"),
        run("f()", True, 2),
        run("g()", True, 3),
    ]
    prompts = [row["prompt"] for row in learned("error_correction", *said)]
    assert prompts == ["f(\n\nSyntaxError: f(", "g(\n\nexit code 1"]


@pytest.mark.parametrize(
    ("failing", "fixed", "is_learned"),
    [
        (tool("Bash", False, command="pyhton x"), tool("Bash", True, 1, command="python x"), True),
        (tool("Bash", False, command="pytest tests"), tool("Bash", True, 1, command="ls tests"), False),
        (tool("Bash", False, command="cat a.txt"), tool("Read", True, 1, path="cat a.txt "), False),
        (
            tool("Edit", False, path="/src/a.py", old="def  f(x):\n  return", new="def g(x):\n  return"),
            tool("Edit", True, 1, path="/src/a.py", old="def f(x):\n  return", new="def g(x):\n  return"),
            True,
        ),
        (
            event('{"name": "python", "arguments": "print(1"}', "", action="tool", success=False),
            event('{"name": "python", "arguments": "print(1)"}', "", action="tool", success=True, turn=1),
            True,
        ),
        (tool("Bash", False, command="npm test users"), tool("Bash", True, 1, command="npm test orders"), False),
        (tool("Read", False, path="/src/app/main.py"), tool("Read", True, 1, path="/src/app/routes.py"), False),
    ],
)
def test_of_a_tools_calls_the_arguments_are_compared(failing, fixed, is_learned):
    rows = learned("error_correction", failing, fixed)
    assert [row["completion"] for row in rows] == [fixed.input] * is_learned


def test_a_fix_belongs_to_the_generation_in_which_it_worked():
    failing, fixed = run("print(1", False), run("print(1)", True, 1)
    assert fixes(failing) == set()
    (row,) = learned("error_correction", fixed, before=[failing])
    assert row["interaction_ids"] == [failing.interaction_id, fixed.interaction_id]
    assert row["occurred_at"] == fixed.occurred_at
    assert fixes(run("print(1 )", True, 2), before=[failing, fixed]) == set()


def test_a_failure_that_arrives_after_its_success_has_its_fix():
    failing, fixed = run("print(1", False), run("print(1)", True, 1)
    assert fixes(failing, before=[fixed]) == {("print(1", "print(1)")}
    assert fixes(run("print(1 )", True, 2), before=[fixed, failing]) == set()
    assert fixes(run("ls", True, 2), before=[fixed, failing]) == set()


def test_megabytes_of_code_are_compared_by_their_beginning():
    code = "\n".join(f"value_{number} = compute({number})" for number in range(60_000))
    assert len(fixes(run(code + "\n(", False), run(code, True, 1))) == 1


# error_prediction


@pytest.mark.parametrize(
    ("ended", "completion"),
    [
        (run("x", True), "works"),
        (run("x", False), "fails"),
        (run("x", False, error_type="TypeError"), "fails: TypeError"),
        (run("x", False, error_type="requests.exceptions.Timeout"), "fails: Timeout"),
        (run("x", False, error_type="exit code 1"), "fails: exit code 1"),
        (run("x", False, error_type=" a\nb" * 99), "fails: a"),
        (run("x", False, 0, "Traceback …\n  File\nza.b.KeyError: 'a'\n"), "fails: KeyError"),
        (run("x", False, 0, "said ValueError once\nand went on"), "fails"),
    ],
)
def test_a_run_teaches_whether_it_works_and_else_which_error(ended, completion):
    (row,) = learned("error_prediction", ended)
    assert (row["prompt"], row["completion"], row["evidence"]) == ("x", completion, ["ran"])


def test_what_nobody_knows_the_end_of_predicts_nothing():
    assert learned("error_prediction", run("x", None), run(" ", True, 1), event("q", "a", success=True)) == []


def test_an_input_that_both_worked_and_failed_has_two_examples_of_one_prompt():
    rows = learned("error_prediction", run("x", True), run("x", False, 1))
    assert [(row["prompt"], row["completion"]) for row in rows] == [("x", "works"), ("x", "fails")]


# optimization

SLOW, FAST = "print(sum([n for n in range(10)]))", "print(sum(range(10)))"


def variants(*events, before=()):
    return [
        (row["prompt"], row["completion"], row["evidence"]) for row in learned("optimization", *events, before=before)
    ]


def test_a_variant_that_prints_the_same_faster_or_shorter_is_learned():
    runs = [run(SLOW, True, 0, "45", latency_ms=90.0), run(FAST, True, 1, "45\n", latency_ms=30.0)]
    assert variants(*runs) == [(SLOW, FAST, ["same output", "faster", "shorter"])]


@pytest.mark.parametrize(
    "later",
    [
        run(FAST, True, 1, "46"),
        run(FAST, False, 1, "45"),
        run(FAST, None, 1, "45"),
        run(FAST, True, 1, "45", module="other"),
        run(FAST, True, 1, "45", conversation_id="elsewhere"),
        run("cat answer.txt", True, 1, "45"),
        run(SLOW, True, 1, "45", latency_ms=1.0),
        run(SLOW.replace(" ", ""), True, 1, "45"),
        run(FAST, True, 1, "45", latency_ms=500.0),
        run(SLOW.replace("n", "m"), True, 1, "45", latency_ms=80.0),
    ],
    ids=["output", "failed", "unknown", "module", "conversation", "no version", "same", "layout", "slower", "hardly"],
)
def test_what_does_something_else_or_is_no_better_is_no_optimization(later):
    assert variants(run(SLOW, True, 0, "45", latency_ms=90.0), later) == []


def test_what_prints_nothing_shows_nothing():
    assert variants(run(SLOW, True, 0, " "), run(FAST, True, 1, "\n")) == []


def test_a_variant_is_compared_with_the_nearest_earlier_one():
    runs = [run(SLOW, True, 0, "45"), run("cat answer.txt", True, 1, "45"), run(FAST, True, 2, "45")]
    assert variants(*runs) == [(SLOW, FAST, ["same output", "shorter"])]


def test_a_slow_run_that_arrives_after_the_fast_one_has_its_variant():
    slow, fast = run(SLOW, True, 0, "45"), run(FAST, True, 1, "45")
    assert variants(slow, before=[fast]) == [(SLOW, FAST, ["same output", "shorter"])]
    assert variants(run("ls", True, 2, "45"), before=[fast, slow]) == []


@pytest.mark.parametrize(
    ("slow", "fast", "evidence"),
    [
        ("curl -s http://localhost/a", "curl -s http://localhost/a --max-time 5", None),
        ("git fetch origin main", "git fetch origin main --depth 1", None),
        ("pip install --no-cache-dir requests", "pip install requests", ["same output", "shorter"]),
        ("ls -la folder | wc -l", "ls folder | wc -l", ["same output", "faster"]),
        ("sort curls.txt | uniq", "sort curls.txt | uniq -u", ["same output", "faster"]),
    ],
)
def test_what_waits_for_a_network_shows_no_time(slow, fast, evidence):
    found = variants(run(slow, True, 0, "ok", latency_ms=900.0), run(fast, True, 1, "ok", latency_ms=10.0))
    assert found == ([(slow, fast, evidence)] if evidence else [])


def test_an_optimization_that_somebody_logged_is_learned_when_it_succeeded():
    told = [
        event("slow", f"fast {n}", action="optimize", success=it, turn=n) for n, it in enumerate((True, False, None))
    ]
    same = event("slow", " slow", action="optimize", success=True, turn=3)
    assert variants(*told, same) == [("slow", "fast 0", ["success"])]
