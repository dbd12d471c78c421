"""Small pure functions of whole numbers as text, for properties of what changes code and must keep its behaviour."""

from __future__ import annotations

from hypothesis import strategies as st

NAMES = st.sampled_from(["a", "b", "total", "left_over"])
LEAVES = st.one_of(NAMES, st.integers(0, 9).map(str))
SIGNS = st.sampled_from(["+", "-", "*", "//", "%", "&", "|"])
COMPARED = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])


def _binary(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("{} {} {}".format, inner, SIGNS, inner),
        st.builds("({} {} {})".format, inner, SIGNS, inner),
        st.builds("-{}".format, inner),
        st.builds("{} ** 2".format, inner),  # 9 ** 9 ** 9 ** 9 would never end
    )


NUMBERS = st.recursive(LEAVES, _binary, max_leaves=4)
CONDITIONS = st.one_of(
    st.builds("{} {} {}".format, NUMBERS, COMPARED, NUMBERS),
    st.builds("{} {} {} {} {}".format, LEAVES, COMPARED, LEAVES, COMPARED, LEAVES),
    st.builds("{} < {} and not {} == 3 or {} > 1".format, LEAVES, LEAVES, LEAVES, LEAVES),
    st.builds("{} in (1, 2, 'é') or {} not in [3]".format, LEAVES, LEAVES),
)
STATEMENTS = st.one_of(
    st.builds("    {} = {}\n".format, NAMES, NUMBERS),
    st.builds("    {} += {}  # more\n".format, NAMES, NUMBERS),
    st.builds("    if {}:\n        {} = {}\n    else:\n        total -= 1\n".format, CONDITIONS, NAMES, NUMBERS),
    st.builds("    for step in range({}):\n        {} += step\n".format, st.integers(0, 4), NAMES),
    st.builds("    kept = [item for item in (1, 2, 3) if item > {}]; total += len(kept)\n".format, LEAVES),
    st.builds("    words = 'é' + \"b\"; total += len(\n        words)\n".format),
    st.just("    text = f'{a + 1}'; total += len(text)\n"),
)


def functions() -> st.SearchStrategy[str]:
    """Code of `def f(a, b)` that may raise for numbers, and never runs long."""
    return st.builds(
        "def f(a, b):\n    total, left_over = 1, 2\n{}    return {}\n".format,
        st.lists(STATEMENTS, max_size=4).map("".join),
        NUMBERS,
    )


def behaviour(code: str, inputs: tuple[tuple[object, ...], ...], name: str = "f") -> list[tuple[str, object]]:
    """What a function does on each input: its value, or the type of its error."""
    names: dict[str, object] = {}
    exec(compile(code, "f.py", "exec"), names)
    found: list[tuple[str, object]] = []
    for given in inputs:
        try:
            found.append(("returned", names[name](*given)))  # type: ignore[operator]
        except Exception as error:
            found.append(("raised", type(error)))
    return found
