"""error_correction where something else was done between a failure and the command in other words that worked."""

import pytest

from tests.engine.building import event, fixes, learned, run, tool

EDIT = tool("Edit", True, 1, "updated", file_path="/p/train.py", old_string="df['label']", new_string="df['target']")
PATCH = "*** Begin Patch\n*** Update File: train.py\n@@\n-df['label']\n+df['target']\n*** End Patch"
ERROR = 'File "/p/train.py", line 12\nKeyError: label'
RERUN = ("python train.py", "python train.py --epochs 1")


def bash(command, success, turn, said="it said"):
    return tool("Bash", success, turn, said, command=command, description="Run")


def taught(failing, worked, *between, said=ERROR):
    return [
        (row["prompt"].split("\n")[0], row["completion"])
        for row in learned("error_correction", bash(failing, False, 0, said), *between, bash(worked, True, 9))
    ]


@pytest.mark.parametrize(
    "between",
    [
        [EDIT],
        [tool("Read", True, 1, file_path="/p/train.py"), EDIT],
        [tool("apply_patch", None, 1, input=PATCH)],
        [tool("shell", True, 1, command=["bash", "-lc", f"apply_patch <<'EOF'\n{PATCH}\nEOF"])],
    ],
)
@pytest.mark.parametrize("worked", [RERUN[1], "cd /p && python train.py", "python train.py 2>&1", "python train.py -v"])
def test_what_was_edited_meanwhile_is_the_fix_and_not_how_it_was_run_again(between, worked):
    assert taught(RERUN[0], worked, *between) == [("df['label']", "df['target']")]


@pytest.mark.parametrize(
    ("failing", "worked"),
    [
        ("python train.py", "python train.py other.csv"),
        ("python train.py --strict", "python train.py"),
        ("python train.py --env=prod", "python train.py --env=dev"),
        ("python train.py", "python train.py || true"),
        ("python train.py", "python train.py | tail -3"),
        ("python train.py", "python train.py --skip-tests"),
    ],
)
def test_an_edit_before_another_command_or_a_laxer_one_is_no_fix(failing, worked):
    assert taught(failing, worked, EDIT) == []


DONE = [
    "vim app.py",
    "nano Makefile",
    "mkdir out",
    "pip install fastapi",
    "docker compose up -d db",
    "nohup uvicorn app:api > /tmp/u.log &",
    "cd srv",
    "sleep 5",
    "echo 1 > a.txt",
    "cat a.txt | tee b.txt",
    "sed -i s/a/b/ app.py",
    "find . -name '*.pyc' -delete",
    "find . -name '*.pyc' -exec rm {} +",
    "find . -name '*.py' | xargs sed -i s/a/b/",
    "ls $(rm a.txt)",
    "git checkout dev",
    "git branch topic",
    "git stash",
    "go get ./...",
    "Set-Content a.txt 1",
]
LOOKED = [
    "ls -la",
    "cat app.py | head -20",
    "cd srv && grep -rn 'a|b; c > d' . 2>/dev/null",
    "git status",
    "git --no-pager -C /p diff HEAD~1",
    "git branch -a && git log --oneline",
    "which python; python --version",
    "docker compose logs web | tail -5",
    "kubectl -n prod get pods",
    "npm run --help",
    "echo \"$PATH\"",
    "find . -name '*.py' -exec grep -n foo {} \\; 2>&1 | sort | uniq -c",
    "find . \\( -name a -o -name b \\) | xargs -I{} cat {}",
    "sed -n 1,20p app.py",
    "sudo journalctl -u web",
    "for f in *.py; do wc -l $f; done",
    "Get-Content a.txt | Select-String foo",
]  # fmt: skip


OTHER_WORDS = [
    ("python app.py", "python app.py --debug"),
    ("npm test", "npm test -- --watch=false"),
    ("tar xf a.tgz -C out", "tar xzf a.tgz -C out"),
    ("uvicorn app:api", "cd backend && uvicorn app:api"),
    ("curl http://localhost:3000", "curl http://localhost:3000/"),
    ("cat a.txt b.txt missing.txt", "cat a.txt b.txt"),
]


@pytest.mark.parametrize(
    ("done", "failing", "worked"),
    [(done, *OTHER_WORDS[0]) for done in DONE] + [("mkdir out", *words) for words in OTHER_WORDS],
)
def test_a_command_that_does_more_than_look_may_have_mended_it(done, failing, worked):
    for between in (run(done, True, 1), run(done, None, 1)):
        assert fixes(run(failing, False), between, run(worked, True, 2)) == set()


@pytest.mark.parametrize("looked", LOOKED)
def test_who_only_looked_has_mended_nothing(looked):
    failing, worked = "mkdir a/b/c", "mkdir -p a/b/c"
    assert fixes(run(failing, False), run(looked, True, 1), run(worked, True, 2)) == {(failing, worked)}


def test_what_failed_too_or_was_disliked_has_mended_nothing():
    failing, worked = "mkdir a/b/c", "mkdir -p a/b/c"
    for between in (run("mkdir a", False, 1), run("mkdir a", True, 1, feedback=-1.0)):
        assert fixes(run(failing, False), between, run(worked, True, 2)) == {(failing, worked)}


@pytest.mark.parametrize(
    ("failing", "worked", "said"),
    [
        ("gti status", "git status", ""),
        ("git comit -m done", "git commit -m done", ""),
        ("git push", "git push --set-upstream origin fix", "use\n    git push --set-upstream origin fix\n"),
        ("git push origin master", "git push origin main", "Did you mean Main?"),
    ],
)
def test_a_slip_and_what_the_error_proposed_are_fixes_whatever_was_done_meanwhile(failing, worked, said):
    done = run("pip install words", True, 1)
    assert fixes(run(failing, False, 0, said), done, run(worked, True, 2)) == {(failing, worked)}


PROGRAM = "rows = load(path)\ntotals = group(rows, by='day')\nprint(totals.mean())"
MENDED = PROGRAM.replace("group(rows, by='day')", "group(rows, by='day', sort=True)")


def test_a_program_is_mended_by_its_words_whatever_ran_meanwhile_but_for_a_change_of_a_file():
    others = [run("other = load(else_where)\nplot(other)\nshow()", True, 1), run("x = 5", True, 2)]
    assert len(fixes(run(PROGRAM, False), *others, run(MENDED, True, 3))) == 1
    assert fixes(run(PROGRAM, False), EDIT, run(MENDED, True, 3)) == set()


def test_a_command_of_an_agent_counts_as_one_of_a_shell():
    assert (
        taught("alembic upgrade head", "alembic upgrade head --tag a", bash("docker compose up -d db", True, 1)) == []
    )


def test_what_a_tool_was_given_is_mended_whatever_was_edited_meanwhile():
    failing, worked = "/src/app/session.py", "/src/app/auth/session.py"
    steps = [tool("Read", False, 0, "no such file", file_path=failing), EDIT, event("and?", "Yes", turn=2)]
    assert len(learned("error_correction", *steps, tool("Read", True, 3, file_path=worked))) == 1
