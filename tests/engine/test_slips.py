"""What slipped and what was mended meanwhile: a word that the error does not know, and a command with its number."""

import pytest

from tests.engine.building import fixes, run


def meanwhile(failing, said, deed, worked):
    return fixes(run(failing, False, 0, said), run(deed, True, 1, "done"), run(worked, True, 2))


@pytest.mark.parametrize(
    ("failing", "said", "deed", "worked"),
    [
        ("kubectl get pod", "error: You must be logged in to the server", "aws sso login", "kubectl get pods"),
        ("make test", "make: *** [test] Error 1", "vim src/a.c", "make tests"),
        ("cat log", "cat: log: Permission denied", "sudo chown me logs", "cat logs"),
        ("docker start app", "Error: port is already allocated", "docker stop nginx", "docker start apps"),
        ("psql app", "FATAL: the database system is starting up", "systemctl start postgresql", "psql apps"),
        ("python step.py", "ModuleNotFoundError: No module named torch", "pip install torch", "python steps.py"),
    ],
)
def test_what_was_done_meanwhile_mended_it_and_not_one_letter_of_a_word_that_nobody_missed(failing, said, deed, worked):
    assert meanwhile(failing, said, deed, worked) == set()


@pytest.mark.parametrize(
    ("failing", "said", "worked"),
    [
        ("git comit -m done", "git: 'comit' is not a git command. See 'git --help'.", "git commit -m done"),
        ("pyhton x.py", "bash: pyhton: command not found", "python x.py"),
        ("cat /ect/hosts", "cat: /ect/hosts: No such file or directory", "cat /etc/hosts"),
        ("npm run biuld", 'npm ERR! Missing script: "biuld"', "npm run build"),
        ("pip install requets", "ERROR: No matching distribution found for requets", "pip install requests"),
        ("curl exmaple.org", "curl: (6) Could not resolve host: exmaple.org", "curl example.org"),
        ("git log -oneline", "fatal: unrecognized argument: -oneline", "git log --oneline"),
        ("python app.py", "bash: python: command not found", "python3 app.py"),
        ("awk '{print $1} a.txt", "", "awk '{print $1}' a.txt"),
    ],
)
def test_a_word_that_the_error_does_not_know_slipped_whatever_was_done_meanwhile(failing, said, worked):
    assert meanwhile(failing, said, "pip install x", worked) == {(failing, worked)}


@pytest.mark.parametrize(
    "said",
    [
        "zsh: command not found: python",
        "/bin/sh: 1: python: not found",
        "Command 'python' not found, but can be installed with: apt install python3",
        "/usr/bin/env: 'python': No such file or directory",
        "'python' is not recognized as an internal or external command",
    ],
)
def test_a_command_that_is_not_found_may_be_there_with_its_number(said):
    failing, worked = "cd app && python -m http.server", "cd app && python3 -m http.server"
    assert fixes(run(failing, False, 0, said), run(worked, True, 1)) == {(failing, worked)}
    assert fixes(run(failing, False, 0, "OSError: Address already in use"), run(worked, True, 1)) == set()
    file = run("cat python", False, 0, "cat: python: No such file or directory")
    assert fixes(file, run("cat python3", True, 1)) == set()
