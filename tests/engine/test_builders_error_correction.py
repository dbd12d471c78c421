"""error_correction over hand-made sessions: what a person would call a fix."""

import pytest

from tests.engine.building import PRINTED, event, fixes, learned, remark, run, tool, variants


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
    slow = run(failing, True, 0, PRINTED, latency_ms=90.0)
    assert variants(slow, run(worked, True, 1, PRINTED, latency_ms=30.0)) == []


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


def given(*events, before=()):
    return {(row["completion"], row["failure"]) for row in learned("error_correction", *events, before=before)}


@pytest.mark.parametrize("later", [run("print(1", True, 2), run("print(1", True, -1)], ids=["later", "before"])
def test_a_fix_of_what_then_worked_unchanged_is_given_to_be_taken_back(later):
    before = [run("print(1", False), run("print(1)", True, 1)]
    assert given(*before) == {("print(1)", None)}
    assert given(later, before=before) == {("print(1)", "worked unchanged")}
    assert given(run("ls", True, 3), before=[*before, later]) == set()
    assert given(*before, later) == set()


def test_a_fix_that_was_disliked_does_not_hide_the_next():
    failing, bad, good = run("print(1", False), run("print(1);", True, 1, feedback=-1.0), run("print(1)", True, 2)
    assert given(failing, bad, good) == {("print(1);", "disliked"), ("print(1)", None)}


def test_a_fix_that_is_disliked_after_the_cut_gives_its_place_to_the_next():
    failing, bad = run("print(1", False), run("print(1);", True, 1)
    good, last = run("print(1)", True, 2), run("print(1 )", True, 3)
    before = [failing, bad, good, last]
    assert given(*before) == {("print(1);", None)}
    first = remark(bad, score=-1.0)
    assert given(first, before=before) == {("print(1);", "disliked"), ("print(1)", None)}
    assert given(run("ls", True, 4), before=[*before, first]) == set()
    told = {("print(1);", "disliked"), ("print(1)", "disliked"), ("print(1 )", None)}
    assert given(remark(good, score=-1.0), before=[*before, first]) >= told - {("print(1);", "disliked")}


def test_megabytes_of_code_are_compared_by_their_beginning():
    code = "\n".join(f"value_{number} = compute({number})" for number in range(60_000))
    assert len(fixes(run(code + "\n(", False), run(code, True, 1))) == 1
