"""What mends nothing, of many tools: it only asks, it is forced, fewer tests run, errors are swallowed."""

import pytest

from tests.engine.building import event, fixes, learned, run, tool

ASKS = [
    ("python train.py", "python train.py --help"),
    ("kubectl apply -f deploy.yaml", "kubectl apply -f deploy.yaml --dry-run=client"),
    ("aws s3 cp a.txt s3://b/", "aws s3 cp a.txt s3://b/ --dryrun"),
    ("python -m pytest", "python -m pytest --co -q"),
    ("ansible-playbook site.yml", "ansible-playbook site.yml --check"),
    ("manage.py migrate shop", "manage.py migrate shop --fake"),
    ("npm run build", "npm run build --if-present"),
    ("make all", "make -n all"),
    ("mytool convert a.png", "mytool convert a.png --version"),
    ("Remove-Item build -Recurse", "Remove-Item build -Recurse -WhatIf"),
]
FORCED = [
    ("git push origin main", "git push origin main --force-with-lease"),
    ("kubectl delete pod web", "kubectl delete pod web --force --grace-period=0"),
    ("git tag v1 main", "git tag --force v1 main"),
    ("make all", "make -i all"),
    ("npx tsc --noEmit", "npx tsc --noEmit --skipLibCheck"),
    ("gradle build", "gradle build -x test"),
    ("mvn package", "mvn package -Dmaven.test.failure.ignore=true"),
    ("bundle install", "bundle install --without production"),
    ("sudo systemctl restart nginx", "sudo systemctl restart nginx --no-block"),
    (
        "$ErrorActionPreference='Stop'\nCopy-Item C:\\a.txt D:\\b.txt",
        "$ErrorActionPreference='SilentlyContinue'\nCopy-Item C:\\a.txt D:\\b.txt",
    ),
]
SWALLOWED = [
    ("items = JSON.parse(text)\nputs items.sum", "items = JSON.parse(text) rescue []\nputs items.sum"),
    (
        "begin\n  data = JSON.parse(text)\n  puts data.fetch('x')\nend",
        "begin\n  data = JSON.parse(text)\n  puts data.fetch('x')\nrescue StandardError => e\n  puts 'ok'\nend",
    ),
    (
        "let v: i32 = s.parse().unwrap();\nprintln!(v);\nprintln!(done);",
        "let v: i32 = s.parse().unwrap_or_default();\nprintln!(v);\nprintln!(done);",
    ),
    ("rows, err := load(path)\nfmt.Println(rows)", "rows, _ := load(path)\nfmt.Println(rows)"),
    ("m <- mean(prices)\nprint(m)", "m <- tryCatch(mean(prices), error = function(e) NULL)\nprint(m)"),
]


@pytest.mark.parametrize(("failing", "worked"), ASKS + FORCED + SWALLOWED)
def test_to_ask_to_force_or_to_swallow_is_no_fix(failing, worked):
    assert fixes(run(failing, False), run(worked, True, 1)) == set()


@pytest.mark.parametrize(
    ("failing", "fixed"),
    [
        ("helm upgrade web ./chart", "helm upgrade web ./chart --version 1.2.3"),
        ("pip install numpy", "pip install --force-reinstall numpy"),
        ("docker compose up -d db", "docker compose up -d --force-recreate db"),
        ("vitest src", "vitest --run src"),
        ("cmake -B build", "cmake -B build -Wdev"),
        ("make all docs", "make -C src all docs"),
        ("mkdir a/b/c", "mkdir -p a/b/c"),
        ("ln old new", "ln -s old new"),
        ("go test ./...", "CGO_ENABLED=0 go test ./..."),
        (
            "begin\n  data = JSON.parse(text)\n  puts data.fetch('x')\nend",
            "begin\n  data = JSON.parse(text)\n  puts data.fetch('x')\nrescue JSON::ParserError\n  puts 'no JSON'\nend",
        ),
    ],
)
def test_flags_that_only_look_like_it_mend(failing, fixed):
    assert fixes(run(failing, False), run(fixed, True, 1)) == {(failing, fixed)}


def test_looking_up_the_usage_does_not_hide_the_fix_that_it_names():
    failing, fixed = "jiractl export --fmt json --out a", "jiractl export --format json --out a"
    usage = "usage: jiractl export [-h] --project P --format {json,csv} --out FILE"
    failed = run(failing, False, 0, "error: unrecognized arguments: --fmt")
    for flag in (" --help", " -h"):
        assert fixes(failed, run(failing + flag, True, 1, usage), run(fixed, True, 2)) == {(failing, fixed)}
    assert fixes(failed, run("cat notes.txt", True, 1, usage.removeprefix("usage: ")), run(fixed, True, 2)) == set()


@pytest.mark.parametrize(
    ("failing", "worked", "said"),
    [
        ("go test ./...", "go test -run TestLex ./...", "--- FAIL: TestParse (0.00s)\nFAIL"),
        ("npx jest src", "npx jest --testPathIgnorePatterns=parser src", "Tests: 1 failed, 4 passed"),
        ("bundle exec rspec spec", "bundle exec rspec --tag ~slow spec", "3 examples, 1 failure"),
        ("npx vitest run src", "npx vitest run --testNamePattern=adds src", "Tests  1 failed | 3 passed"),
        ("npx playwright test", "npx playwright test -g login", "1 failed\n  a.spec.ts"),
        ("phpunit tests", "phpunit --group db tests", "FAILURES!\nTests: 3, Failures: 1."),
        ("dotnet test App.sln", "dotnet test App.sln -p:Fast=true", "Failed!  - Failed:     2, Passed:    10"),
        ("./gradlew test", "./gradlew --offline test", "3 tests completed, 1 failed"),
        ("npx jest src", "npx jest --testNamePattern=adds src", "it failed"),
        ("pytest tests", "pytest tests/unit", "ERROR collecting tests/test_db.py"),
        ("pytest tests/test_db.py", "pytest tests/test_db.py::test_a", "it failed"),
        ("cargo test", "cargo test --lib", "error[E0425]: cannot find value"),
    ],
)
def test_a_command_whose_tests_failed_is_mended_by_no_other_command(failing, worked, said):
    assert fixes(run(failing, False, 0, said), run(worked, True, 1)) == set()


def test_an_expectation_of_go_is_bent():
    test = 'func TestAdd(t *testing.T) {\n\tgot := Add(2, 2)\n\tif got != %d {\n\t\tt.Fatalf("got %%d", got)\n\t}\n}'
    failing, worked = run(test % 5, False, 0, "--- FAIL: TestAdd"), run(test % 4, True, 1)
    assert fixes(failing, worked) == set()
    mended = run((test % 5).replace("Add(2, 2)", "Add(2, 3)"), True, 1)
    assert len(fixes(failing, mended)) == 1


def test_the_same_last_words_in_any_language_are_the_same_error():
    said = "cp: Aufruf von stat für 'bericht.txt' nicht möglich: Datei oder Verzeichnis nicht gefunden"
    failing = run("cp bericht.txt /mnt/ziel", False, 0, said)
    assert fixes(failing, run("cp -v bericht.txt /mnt/ziel", True, 1, said)) == set()
    assert len(fixes(failing, run("cp -v bericht.txt /mnt/ziel", True, 1, "'bericht.txt' -> '/mnt/ziel'"))) == 1


@pytest.mark.parametrize(
    ("searching", "worked", "said", "error_type"),
    [
        ('rg -n "TODO"', 'rg -n "TODOS"', "", "exit code 1"),
        ("cd src && grep -c foo a.txt", "cd src && grep -ci foo a.txt", "Exit code 1", "exit code 1"),
        ("git grep -n foo", "git grep -ni foo", "", None),
        ("diff a.txt b.txt", "diff -q a.txt b.tx", "1c1\n< a\n---\n> b\n", "exit code 1"),
        ("cmp a.bin b.bin", "cmp -s a.bin b.bi", "a.bin b.bin differ: byte 1, line 1", None),
        ("test -f a.txt", "test -f a.tx", "", "exit code 1"),
        ("[ -f a.txt ] && wc a.txt", "[ -f a.tx ] && wc a.tx", "", None),
    ],
)  # fmt: skip
def test_what_tells_that_nothing_is_there_or_that_things_differ_did_not_fail(searching, worked, said, error_type):
    failing = run(searching, False, 0, said, error_type=error_type)
    assert fixes(failing, run(worked, True, 1)) == set()
    assert learned("error_prediction", failing) == []


@pytest.mark.parametrize(
    ("searching", "worked", "said", "error_type"),
    [
        ("rg -n main --type golang", "rg -n main --type go", "unrecognized file type: golang, not go", "exit code 2"),
        ("grep foo a.txt", "grep foo a.tx", "grep: a.txt: No such file or directory", None),
        ("grep foo a.txt", "grep foo a.tx", "", "exit code 2"),
        ("diff a.txt b.txt", "diff a.txt b.tx", "diff: b.txt: No such file or directory", "exit code 1"),
        ("npm test -- grep", "npm test -- grep -x", "", "exit code 1"),
        ("pyhton a.py", "python a.py", "", "exit code 1"),
    ],
)  # fmt: skip
def test_a_search_that_could_not_be_made_failed(searching, worked, said, error_type):
    failing = run(searching, False, 0, said, error_type=error_type)
    assert len(fixes(failing, run(worked, True, 1))) == 1
    assert len(learned("error_prediction", failing)) == 1


@pytest.mark.parametrize(
    ("said", "error_type"),
    [
        ("Epoch 1/90\n^C", None),
        ("Epoch 1/90\n", "KeyboardInterrupt"),
        ("[Request interrupted by user]", "interrupted"),
        ("The user doesn't want to proceed with this tool use.", None),
        ("", "exit code 130"),
    ],
)
def test_what_the_user_broke_off_or_forbade_predicts_nothing(said, error_type):
    assert learned("error_prediction", run("python train.py", False, 0, said, error_type=error_type)) == []
    assert len(learned("error_prediction", run("python train.py", True, 0, said), event("a", "b", turn=1))) == 1


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
            "try:\n    load('a', 'b', key)\nexcept Exception as it:\n    print('a', it)",
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
    slipped = failing.replace("return result", "return reslut")
    assert len(fixes(run(slipped, False, 0, "NameError: reslut"), worked)) == 1
    mended = run(AREA.replace("+", "*") + after, True, 1)
    assert len(fixes(run(failing, False, 0, "AssertionError"), mended)) == 1
