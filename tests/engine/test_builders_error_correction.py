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


THREE_LINES = "def load(path):\n    with open(path) as file:\n        return json.load(file)\n"

EVASIONS = [
    ("npm test", "npm test || true"),
    ("npm test", "npm test || :"),
    ("npm test", "npm test || echo failed"),
    ("npm test", "npm test; true"),
    ("npm test", "npm test; exit 0"),
    ("npm test", 'npm test; echo "exit code $?"'),
    ("npm test", "npm test\ntrue"),
    ("python serve.py", "python serve.py &"),
    ("./build.sh all", "set +e; ./build.sh all"),
    ("make lint", "make lint 2>&1 | tail -5"),
    ("make lint", "make lint | grep -v warning"),
    ("make lint", "make lint |& tee lint.log"),
    ("grep foo a.txt", "grep foo a.txt | grep bar"),
    ("cargo test --all 2>&1 | tail -20", "cargo test --all 2>&1 | tail -20 | head -3"),
    ("pyhton x.py", "python x.py | tail -5"),
    ("cat /etc/shadow", "cat /etc/shadow 2>/dev/null"),
    ("make all", "make all > /dev/null 2>&1"),
    ("git commit -m 'Add parser'", "git commit --no-verify -m 'Add parser'"),
    ("git commit -m 'Add parser'", "git commit -n -m 'Add parser'"),
    ("git commit -m 'Add parser'", "SKIP=mypy git commit -m 'Add parser'"),
    ("pytest tests -q", "pytest tests -q -k 'not test_x'"),
    ("pytest tests -q -k 'fast'", "pytest tests -q -k 'fast and not test_x'"),
    ("pytest tests/test_api.py", "pytest tests/test_api.py -k delete"),
    ("pytest tests", "pytest tests -m 'not slow'"),
    ("pytest tests", "pytest tests --ignore=tests/test_x.py"),
    ("pytest tests", "pytest tests --deselect tests/test_x.py"),
    ("cargo test", "cargo test -- --skip parser"),
    ("ruff check src", "ruff check src --exclude src/old"),
    ("mvn -q package", "mvn -q package -DskipTests"),
    ("eslint src lib", "eslint src lib --quiet --max-warnings 999"),
    ("pytest --cov=app tests", "pytest --cov=app tests --cov-fail-under=10"),
    ("npm audit --production", "npm audit --production --audit-level=none"),
    ("mypy src", "mypy src --ignore-missing-imports"),
    ("npm install", "npm install --legacy-peer-deps"),
    ("npm install left-pad", "npm install left-pad --force"),
    ("pip install ruff mypy", "pip install ruff mypy --break-system-packages"),
    ("terraform apply prod", "terraform apply prod -lock=false"),
    ("kubectl apply -f web.yaml", "kubectl apply -f web.yaml --validate=false"),
    ("gcc -Werror main.c -o main", "gcc -Werror main.c -o main -Wno-unused"),
    ("pytest tests -q", "pytest tests -q --snapshot-update"),
    ("git push origin main", "git push --force origin main"),
    ("git push origin main", "git push -uf origin main"),
    ("git push origin", "git push origin +main"),
    ("git -C lib checkout main", "git -C lib checkout -f main"),
    ("git merge feature", "git merge feature -X theirs"),
    ("git commit -m 'Add parser'", "git commit -m 'Add parser' -n"),
    ("curl https://localhost/a", "curl -k https://localhost/a"),
    ("curl -H 'a: b' https://localhost/a", "curl -H 'a: b' -sSLk https://localhost/a"),
    ("wget https://localhost/a", "wget https://localhost/a --no-check-certificate"),
    ("ssh deploy@host uptime now", "ssh -o StrictHostKeyChecking=no deploy@host uptime now"),
    (THREE_LINES + "requests.get(url)", THREE_LINES + "requests.get(url, verify=False)"),
    (THREE_LINES, "try:\n    load('a')\nexcept Exception as error:\n    print(error)\n" + THREE_LINES),
    (THREE_LINES, "try:\n    total = load('a')\nexcept Exception:\n    total = 0\n" + THREE_LINES),
    (THREE_LINES, "try:\n    total = load('a')\nexcept:\n    total = 0\n" + THREE_LINES),
    (THREE_LINES, "try:\n    total = load('a')\nexcept (OSError, BaseException): total = 0\n" + THREE_LINES),
    ("const a = load('a')\nshow(a)", "try {\n  const a = load('a')\n  show(a)\n} catch (e) {\n  console.log(e)\n}"),
    ("load('a').then(show)", "load('a').then(show).catch(() => {})"),
    (THREE_LINES, "try:\n    load('a')\nexcept Exception:  # as yet\n    pass\n" + THREE_LINES),
    (THREE_LINES, THREE_LINES + "with contextlib.suppress(OSError):\n    load('a')"),
    (THREE_LINES, THREE_LINES.replace("(file)", "(file)  # type: ignore[no-any-return]")),
    (THREE_LINES, THREE_LINES.replace("(file)", "(file)  # noqa: F821")),
    (THREE_LINES, "@pytest.mark.skip\n" + THREE_LINES),
    (THREE_LINES, "@pytest.mark.xfail(strict=False)\n" + THREE_LINES),
]
"""Each works because what fails is not seen, or not done."""


@pytest.mark.parametrize(("failing", "worked"), EVASIONS)
def test_to_hide_a_failure_is_no_fix(failing, worked):
    assert fixes(run(failing, False), run(worked, True, 1)) == set()
    call = tool("Bash", True, 1, command=worked, description="Run it")
    assert learned("error_correction", tool("Bash", False, command=failing, description="Run it"), call) == []


@pytest.mark.parametrize(
    ("failing", "fixed"),
    [
        ("cargo tset 2>&1 | tail -20", "cargo test 2>&1 | tail -20"),
        ("pyhton x.py || true", "python x.py || true"),
        ("npm test || ture", "npm test || true"),
        ("ls src | haed -3", "ls src | head -3"),
        ("ls src wc -l", "ls src | wc -l"),
        ("pytest test -k login", "pytest tests -k login"),
        ("pytest tests", "python -m pytest tests"),
        (
            "cargo clippy --workspace --all-targets --all-features -q",
            "set -o pipefail; cargo clippy --workspace --all-targets --all-features -q | tail",
        ),
        ("git commit -m 'Add parser'", "git commit --no-edit -m 'Add parser'"),
        ("sort data.txt -k", "sort data.txt -k 2"),
        ("find / -name x 2>/dev/nul", "find / -name x 2>/dev/null"),
        (THREE_LINES.replace("json", "jsn") + "# noqa", THREE_LINES + "# noqa"),
        ("rm build/output", "rm -f build/output"),
        ("tail app.log", "tail -f app.log"),
        ("docker build --pull -t web .", "docker build --pull -t web -f dev ."),
        ("docker build .", "docker build . --no-cache"),
        ("kubectl apply web.yaml", "kubectl apply -f web.yaml"),
        ("git push --tags --progress origin main", "git push --tags --progress -u origin main"),
        ("git push origin main", "git push --follow-tags origin main"),
        ("git clone --depth 1 localhost:a", "git clone --depth 1 --no-checkout localhost:a"),
        ("npm run build web", "npm run build web -- -f"),
        ("sort data.txt | head", "sort -k 2 data.txt | head"),
        ("grep total a.txt", "grep -q total a.txt"),
        ("eslint src lib", "eslint src lib --max-warnings 0"),
        ("cargo test --all", "cargo test --all --no-fail-fast"),
        ("aws s3 ls s3://open", "aws s3 ls s3://open --no-sign-request"),
        ("black --check src", "black src"),
        (THREE_LINES, "try:\n    load('a')\nexcept ValueError:\n    total = 0\n" + THREE_LINES),
        (THREE_LINES, "try:\n    load('a')\nexcept Exception as error:\n    raise Bad('a') from error\n" + THREE_LINES),
        (THREE_LINES, "try:\n    load('a')\nexcept Exception as it:\n    print(it)\n    sys.exit(1)\n" + THREE_LINES),
        (
            "try:\n    load('a', 'b', 'c')\nexcept Exception as it:\n    print(it)",
            "try:\n    load('a', 'b', 'd')\nexcept Exception as it:\n    print('a', it)",
        ),
    ],
)
def test_a_fix_may_hold_what_hides_when_both_do_or_when_it_hides_nothing(failing, fixed):
    assert fixes(run(failing, False), run(fixed, True, 1)) == {(failing.strip(), fixed)}


@pytest.mark.parametrize(
    ("said", "printed", "values"),
    [
        ("E: 3 errors\nerror: no rule for x", "warned\n  error: no rule for x\ndone", {}),
        ("", "went on after TypeError: x", {"error_type": "TypeError"}),
        ("", "exit code 2", {"error_type": "exit code 2"}),
        ("The user doesn't want to proceed with this tool use. The tool use was rejected", "", {}),
        ("The user doesn’t want to take this action right now.", "", {}),
        ("half of it\n[Request interrupted by user for tool use]", "", {}),
        ("exec command rejected by user", "", {}),
        ("[Operation Cancelled] Reason: User denied execution.", "", {}),
        ("Permission to use Bash has been denied.", "", {}),
        ("Command not executed. The user rejected it", "", {}),
        ("Traceback …\nKeyboardInterrupt", "", {}),
        ("", "", {"error_type": "rejected"}),
        ("", "", {"error_type": "declined"}),
        ("", "", {"error_type": "Interrupted"}),
    ],
)
def test_what_prints_the_same_error_or_was_forbidden_by_the_user_has_no_fix(said, printed, values):
    failing = run("rm -rf build dist cache", False, 0, said, **values)
    assert fixes(failing, run("rm -rf build dist", True, 1, printed)) == set()


@pytest.mark.parametrize(
    ("said", "printed", "values"),
    [
        ("error: no rule for x", "error: no rule for y", {}),
        ("2 errors\n0 errors were mended", "0 errors were mended", {}),
        ("it failed", "the job that had failed is done", {"error_type": "failed"}),
        ("rm: cannot remove: Permission denied", "", {}),
        ("Access denied for user root", "", {}),
    ],
)
def test_an_error_that_is_gone_and_a_permission_that_lacks_are_mended(said, printed, values):
    failing = run("rm -rf build dist cache", False, 0, said, **values)
    assert len(fixes(failing, run("rm -rf build dist", True, 1, printed))) == 1


@pytest.mark.parametrize(
    ("failing", "worked", "said"),
    [
        ("pytest tests/test_a.py tests/test_b.py", "pytest tests/test_a.py", "1 failed, 8 passed"),
        ("make test docs", "make docs", "FAILED test_x"),
        ("cargo test", "cargo test parser", "test result: FAILED. 1 passed; 2 failed"),
        ("npm run test", "npm run test -- users", "  2 failing"),
        (THREE_LINES + "assert load('a') == 1", THREE_LINES, "AssertionError"),
    ],
)
def test_tests_that_failed_are_not_mended_by_running_fewer(failing, worked, said):
    assert fixes(run(failing, False, 0, said), run(worked, True, 1)) == set()
    assert len(fixes(run(failing, False, 0, "no such option"), run(worked, True, 1))) == 1


AREA = "def area(width, height):\n    result = width + height\n    print('area', width, height)\n    return result\n\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("assert area(2, 3) == 6", "assert area(2, 3) == -1"),
        ("assert area(2, 3) == 6", "assert area(2, 3) is not None  # as it is"),
        ("assert abs(area(2, 3) - 6) < 0.1", "assert abs(area(2, 3) - 6) < 100"),
        (
            "class T(TestCase):\n    self.assertEqual(area(2, 3), 6)",
            "class T(TestCase):\n    self.assertEqual(area(2, 3), 5)",
        ),
        ("self.assertEqual(\n    area(2, 3), 6\n)\nmain()", "self.assertEqual(\n    area(2, 3), 5\n)\nmain()"),
        ("expect(area(2, 3)).toBe(6)", "expect(area(2, 3)).toBe(5)"),
        ("expected = 6\ncheck(area, expected)", "expected = 5\ncheck(area, expected)"),
    ],
)
def test_a_test_that_failed_is_not_mended_by_another_expectation(before, after):
    failing, worked = AREA + before, run(AREA + after, True, 1)
    for error in ({"said": "AssertionError"}, {"said": "", "error_type": "AssertionError"}, {"said": "1 failed"}):
        assert fixes(run(failing, False, **error), worked) == set()
    assert len(fixes(run(failing, False, 0, "NameError: area"), worked)) == 1
    mended = run(AREA.replace("+", "*") + after, True, 1)
    assert len(fixes(run(failing, False, 0, "AssertionError"), mended)) == 1


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
