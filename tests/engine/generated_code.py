"""Code that is asked for, alone or in a chat, and what of it is learned: not a test itself."""

from tests.engine.building import event, learned

KIND = "code_generation"
LONG = "total = sum(range(100))"
BETTER = "total = sum(range(101))"


def write(code, success=None, turn=0, **values):
    return event("write it", code, action="generate", success=success, turn=turn, **values)


def answer(code, turn=0, **values):
    return event("how?", f"So:\n\n```python\n{code}\n```\n\nThat is it.", turn=turn, **values)


def taught(*events, before=()):
    rows = learned(KIND, *events, before=before)
    return [(row["completion"], row["evidence"]) for row in rows if row["failure"] is None]
