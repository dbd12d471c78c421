"""Which text of a tool's call is compared: the command that it has run, and not how it is described."""

import json

import pytest

from tests.engine.building import event, learned

CALLS = {
    "Bash": lambda command: {"command": command, "description": "Run the command", "timeout": 120000},
    "shell": lambda command: {"command": ["bash", "-lc", command], "workdir": "/srv/app", "timeout_ms": 120000},
    "powershell": lambda command: {"command": ["pwsh.exe", "-NoProfile", "-Command", command], "workdir": "/srv/app"},
    "local_shell": lambda command: {"command": command.split(" "), "env": "PATH=/usr/local/bin", "user": "somebody"},
    "exec_command": lambda command: {"cmd": command, "workdir": "/srv/app", "yield_time_ms": 1000000},
}


def called(name, arguments, success, turn=0):
    call = json.dumps({"name": name, "arguments": arguments})
    return event(call, "done" if success else "it failed", action="tool", success=success, turn=turn)


def taught(name, *commands):
    steps = [called(name, CALLS[name](it), turn > 0, turn) for turn, it in enumerate(commands)]
    return learned("error_correction", *steps)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    ("failing", "worked"),
    [
        ("uv run pytest tests/unit/test_users.py -q -rA", "uv run pytest tests/unit/test_orders.py -q -rA"),
        ("docker compose exec -T web python manage.py migrate", "docker compose exec -T web python manage.py seed"),
        ("curl -s -X POST http://localhost:8000/api/v1/orders", "curl -s -X GET http://localhost:8000/api/v1/orders"),
        ("terraform -chdir=infra plan -out tf.plan", "terraform -chdir=infra validate -out tf.plan"),
        ("aws s3 cp dist/app.zip s3://acme/prod/app.zip", "aws s3 cp dist/app.zip s3://acme/staging/app.zip"),
    ],
)  # fmt: skip
def test_a_command_is_another_objects_whatever_stands_beside_it_in_a_call(name, failing, worked):
    assert taught(name, failing, worked) == []


@pytest.mark.parametrize("name", CALLS)
def test_a_slip_in_a_command_is_mended_whatever_stands_beside_it_in_a_call(name):
    assert len(taught(name, "pyhton manage.py migrate --noinput", "python manage.py migrate --noinput")) == 1


def test_what_is_done_to_a_file_may_be_called_a_command_and_is_compared_with_its_text():
    texts = "total = sum(values)\nprint(total", "total = sum(values)\nprint(total)"
    edits = [
        called("editor", {"command": "create", "path": "a.py", "text": text}, turn > 0, turn)
        for turn, text in enumerate(texts)
    ]
    assert len(learned("error_correction", *edits)) == 1


@pytest.mark.parametrize(
    ("failing", "worked"),
    [("go build ./...", "go build ./cmd/api"), ("go vet ./...", "go vet ./internal/store")],
)
def test_one_package_is_another_object_than_all_of_them(failing, worked):
    assert taught("Bash", failing, worked) == []
