"""What mends nothing, of many tools: it only asks, it is forced, fewer tests run, errors are swallowed."""

import pytest

from tests.engine.building import event, fixes, learned, run

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
