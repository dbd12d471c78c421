"""code_generation over hand-made events: which evidence counts, and when it came."""

import pytest

from tests.engine.building import event, learned, remark, run
from tests.engine.generated_code import BETTER, KIND, LONG, answer, taught, write

DOUBTED = [
    "Great, now I get a TypeError",
    "Thanks. It crashes on empty input.",
    "Great, it throws a KeyError: x",
    "Perfect, exactly the opposite of what I asked",
    "thanks, I will try another way",
    "Awesome, an IndexOutOfBoundsException",
    "Great. It hangs now.",
    "Thanks for nothing",
    "Thanks, I'll do it myself",
    "Great, all rows are lost",
    "Thanks. For [1, 3] it prints 3, I expected 2.",
    "Thanks, now please rewrite it so that it is actually quicksort",
    "Great, the mean of [1, 3] should be 2.",
    "Works only for sorted lists.",
    "Works of Goethe: how would I list those?",
    "Perfect numbers: how would I test for those?",
    "Great Expectations says that the columns are of another type",
    "Thanks anyway, I'll do it by hand",
    "Thanks for trying",
    "Thank you all the same.",
    "Thanks, never mind",
    "Great work, useless result",
    "Great, now it deletes my files",
    "Thanks, that deleted everything",
    "Great, the tests are red now",
    "Thanks! Why does it return 0 for [1,2]?",
    "Thank you. Can you also handle the empty list? It divides by zero.",
    "Thanks, already solved it differently",
    "Thanks, I'll look at it later",
    "perfect storm of bugs",
    "perfect. Now make it O(1), this is O(n)",
    "Works on my machine, crashes on CI",
    "Works as long as the list isn't empty",
    "works like a turtle",
    "Great work on the wrong file",
    "Thank you, let me go with the library function",
    "Great. Now add the checks that I asked for",
    "Great, now in ruins",
    "and so?",
    "It works?",
    "Great, сломалось",
    "Danke, geht nicht",
    "Danke, funktioniert nur manchmal",
    "Danke trotzdem",
    "Geht das?",
    "Danke für nichts.",
    "Super, jetzt ist alles weg",
    "Merci, ça ne marche pas",
    "Merci quand même",
    "Parfait, maintenant ça plante",
    "Gracias, pero no funciona",
    "Ya no funciona",
    "Gracias por nada",
    "Grazie, non funziona",
    "Obrigado, não funcionou",
    "Спасибо, не работает",
    "Отлично, теперь всё сломалось",
    "谢谢，不行",
    "可以吗？",
    "谢谢，可以换一种方法吗",
    "ありがとう、でも動きません",
    "ありがとう、動きましたか？",
    "감사합니다, 안 됩니다",
]

PRAISE = [
    "Thanks, it works!",
    "thanks again, now add a test for it",
    "Perfect.",
    "Great, thank you :)",
    "Excellent work",
    "Awesome! Now in Go.",
    "works as expected",
    "It works now",
    "Worked on my machine",
    "Thanks a lot, that works perfectly!",
    "thank you so much for your help 🎉",
    "LGTM",
    "That's exactly what I needed, thanks.",
    "It works like a charm. Now please write unit tests for it.",
    "Danke, funktioniert!",
    "Vielen Dank, jetzt läuft alles.",
    "Perfekt, danke dir 👍",
    "Merci, ça marche parfaitement !",
    "C'est parfait, merci beaucoup",
    "Gracias, funciona perfecto.",
    "¡Muchas gracias, ya funciona!",
    "Grazie mille, funziona tutto!",
    "Obrigado, funcionou perfeitamente",
    "Спасибо, работает!",
    "Спасибо большое, всё работает",
    "谢谢，可以了",
    "非常感谢！现在可以运行了。",
    "ありがとう、動きました",
    "ありがとうございます。うまくいきました！",
    "감사합니다, 잘 작동합니다!",
]

IN_A_FILE = f"cat > total.py <<'EOF'\n{LONG}\nEOF\n"

RUNS = [
    f"import sys\n{LONG}",
    f"cd there && {LONG}",
    f"cd there; sudo {LONG} 2>&1 | tail -3",
    f"python -c '{LONG}'",
    f"cd src && python3.12 -X utf8 -c '{LONG}'",
    f'docker exec web bash -lc "{LONG}"',
    f"ruby -e '{LONG}'",
    f"grep -q total notes.txt && {LONG}",
    f"echo $({LONG})",
    f"if true; then {LONG}; fi",
    f"if 0 < n:\n    {LONG}",
    f"print({LONG})",
    f"python - <<'EOF'\n{LONG}\nEOF",
    f"cat <<'EOF' | python\n{LONG}\nEOF",
    f"{IN_A_FILE}chmod +x total.py && python total.py",
    f'print("""a text""")\n{LONG}',
]
"""Each runs the code among other things."""

NO_RUNS = [
    IN_A_FILE,
    f"{IN_A_FILE}chmod +x total.py; ls -l total.py",
    f"cat <<EOF >> /tmp/all.py\n{LONG}\nEOF",
    f"tee total.py <<EOF\n{LONG}\nEOF",
    f"cat <<EOF | sudo tee /etc/total\n{LONG}\nEOF",
    f"%%writefile total.py\n{LONG}",
    f'echo "{LONG}" >> todo.txt',
    f"echo {LONG} >> todo.txt",
    f"grep -n '{LONG}' *.py",
    f'grep -e "{LONG}" app.log',
    f"sed -e '{LONG}' app.log",
    f"grep -e {LONG}",
    f"git commit -qc '{LONG}'",
    f"echo python -c '{LONG}'",
    f"if false; then {LONG}; fi",
    f"if False:\n    {LONG}",
    f"false && {LONG}",
    f"true || {LONG}",
    f"-- {LONG}\nSELECT 1",
    f"# {LONG}\nprint(1)",
    f"/*\n{LONG}\n*/ SELECT 1",
    f'text = """\n{LONG}\n"""',
    f'Path("total.py").write_text("""{LONG}""")',
    f"{LONG} + 1",
    f"sub{LONG}",
]
"""Each holds the code and does not run it, or runs another one."""


@pytest.mark.parametrize(
    ("events", "evidence"),
    [
        ([write("code", True)], ["success"]),
        ([write("code", feedback=1.0)], ["feedback"]),
        ([write("code", extra={"tests": "passed"})], ["tests"]),
        ([write("code", extra={"tests": True})], ["tests"]),
        ([write("code", extra={"tests": {"passed": 3, "failed": 0}})], ["tests"]),
        ([write("code", extra={"tests": {"passed": 3, "failed": 0, "errors": 0}})], ["tests"]),
        ([write("code", extra={"tests": "== 12 passed, 0 failed, 1 warning in 0.1s =="})], ["tests"]),
        ([write("code", True, extra={"tests": "no tests ran"})], ["success"]),
        ([write("code"), run("code", True, 1)], ["ran later"]),
        ([write("code"), run(" code\n", True, 30)], ["ran later"]),
        ([write(LONG), run(f"{LONG}\nprint(total)", True, 1)], ["ran later"]),
        ([write(f"```python\n{LONG}\n```"), run(LONG, True, 1)], ["ran later"]),
        ([write("code"), run("code", False, 1), run("code", True, 2)], ["ran later"]),
        *[([write("code"), event(reply, "Fine.", turn=1)], ["accepted"]) for reply in PRAISE],
        *[([write(LONG), run(code, True, 1)], ["ran later"]) for code in RUNS],
        ([write(LONG), run(f"{LONG}\nassert totl", False, 1), run(f"{LONG}\nassert total", True, 2)], ["ran later"]),
        ([write(LONG), run(LONG, False, 1), run(f"import x\n{LONG}", True, 2)], ["ran later"]),
        ([write("code", True), run("code", True, 1)], ["success", "ran later"]),
    ],
)
def test_code_is_learned_with_what_vouches_for_it(events, evidence):
    assert [why for _, why in taught(*events)] == [evidence]


@pytest.mark.parametrize(
    "events",
    [
        [write("code")],
        [write("code", False), run("code", True, 1)],
        [write("code"), run("code", False, 1)],
        [write("code", True), run("code", False, 1)],
        [write(LONG, True), run(f"{LONG}\nassert total == 1", False, 1)],
        [write("code"), run("code changed", True, 1)],
        [write("code"), run("code", None, 1)],
        [write("code"), run("code", True, 1, conversation_id="elsewhere")],
        [run("code", True, 0), write("code", turn=1)],
        [write("code", True, feedback=-1.0)],
        [write("code", True, extra={"tests": "failed"})],
        [write("code", extra={"tests": {"passed": 3, "failed": 1}})],
        [write("code", extra={"tests": {"passed": 0}})],
        [write("code", True, extra={"tests": {"passed": 3, "failed": 0, "errors": 2}})],
        *[
            [write("code", True, extra={"tests": said})]
            for said in (
                "1 failed",
                "3 passed, 1 failed",
                "2 errors in 0.1s",
                "FAILED (failures=1)",
                "passed: 3, failed: 1",
            )
        ],
        [write("code"), event("Thanks, but it fails", "Oh.", turn=1)],
        [write("code"), event("Great. Why doesn't it work?", "Oh.", turn=1)],
        [write("code"), event("And now?", "So.", turn=1), event("Thanks!", "Fine.", turn=2)],
        *[[write("code"), event(reply, "Oh.", turn=1)] for reply in DOUBTED],
        *[[write(LONG), run(code, True, 1)] for code in NO_RUNS],
        [answer(LONG), run(IN_A_FILE, True, 1), run("python total.py", False, 2)],
        [write(LONG), run(LONG, True, 1), run(f"{LONG}\nassert total == 1", False, 2)],
        [write(LONG), run(f"{LONG}\nassert total == 1", False, 1), run(LONG, True, 2)],
        [write(LONG, True), run(LONG, True, 1), run(LONG, False, 20)],
        [write("code"), run("code", True, 1), run("code", False, 2)],
        [write("x"), run("max(x)", True, 1)],
        [write("  \n", True)],
    ],
)
def test_code_that_nobody_vouched_for_or_that_failed_is_not_learned(events):
    assert taught(*events) == []


def test_the_one_fenced_block_of_an_answer_in_a_chat_is_learned_once_it_ran():
    told = [event("hi", "hello"), answer(LONG, 1), run(LONG, True, 2)]
    (row,) = learned(KIND, *told)
    assert (row["prompt"], row["question"], row["completion"]) == ("hi\n\nhello\n\nhow?", "how?", LONG)
    assert row["interaction_ids"] == [it.interaction_id for it in told]


@pytest.mark.parametrize(
    "events",
    [
        [answer(LONG, success=True, feedback=1.0)],
        [answer(f"{LONG}\n```\nor\n```\nother"), run(LONG, True, 1)],
        [event("how?", LONG), run(LONG, True, 1)],
    ],
    ids=["never run", "two blocks", "no block"],
)
def test_an_answer_in_a_chat_is_no_code_without_a_run_of_its_only_block(events):
    assert taught(*events) == []


FUNCTION = "def add(a, b):\n    return a + b + 100"


@pytest.mark.parametrize(
    "said",
    [
        f"```python\n{FUNCTION}\n```",
        f"So:\n\n```python\n{FUNCTION}\n```\nThat is it.".replace("\n", "\r\n"),
        "1. So:\n\n   ```python\n   def add(a, b):\n       return a + b + 100\n   ```\n\nThat is it.",
        "\t```\n\tdef add(a, b):\n\t    return a + b + 100\n\t```",
        "- ```python\n  def add(a, b):\n      return a + b + 100\n  ```",
        "10. ```\n    def add(a, b):\n        return a + b + 100\n    ```\n",
    ],
)
@pytest.mark.parametrize("ran", [FUNCTION, FUNCTION.replace("\n", "\r\n"), f"{FUNCTION}\r\nassert add(1, 2) == 103"])
def test_a_block_is_code_without_the_indent_of_its_fence_and_with_plain_line_ends(said, ran):
    assert taught(event("how?", said), run(ran, True, 1)) == [(FUNCTION, ["ran later"])]
    assert taught(event("write", said, action="generate", success=True)) == [(FUNCTION, ["success"])]


def test_code_without_a_fence_has_plain_line_ends():
    assert taught(write(FUNCTION.replace("\n", "\r\n"), True)) == [(FUNCTION, ["success"])]


def test_code_that_is_run_twice_is_learned_once():
    assert len(taught(write("code"), run("code", True, 1), run("code", True, 2))) == 1


def test_code_belongs_to_the_generation_of_its_first_evidence():
    code, proof = write("code"), run("code", True, 1)
    assert taught(code) == []
    assert len(taught(proof, before=[code])) == 1
    assert taught(run("code", True, 2), before=[code, proof]) == []


def test_late_feedback_is_evidence_of_its_own_generation():
    code = write("code")
    assert taught(remark(code, score=1.0), before=[code]) == [("code", ["feedback"])]


def test_what_failed_in_an_earlier_generation_is_learned_when_it_worked_again():
    before = [write(LONG), run(LONG, True, 1), run(f"{LONG}\nassert total", False, 2)]
    assert taught(run(f"{LONG}\nassert total", True, 3), before=before) == [(LONG, ["ran later"])]


@pytest.mark.parametrize("vouched", [write(LONG, True), write(LONG, feedback=1.0)])
def test_what_was_vouched_for_failed_and_works_again_is_learned_again(vouched):
    before = [vouched, run(LONG, False, 1)]
    (code, evidence), *others = taught(run(LONG, True, 2), before=before)
    assert (code, "ran later" in evidence, others) == (LONG, True, [])
    assert taught(run(LONG, True, 3), before=[*before, run(LONG, True, 2)]) == []


@pytest.mark.parametrize(
    ("events", "evidence"),
    [
        ([write(LONG, True, improvements=(LONG, BETTER, " "))], ["edited"]),
        ([write(LONG, False, feedback=-1.0, improvements=(f"So:\n```\n{BETTER}\n```",))], ["edited"]),
        ([write(LONG, extra={"tests": "failed"}, improvements=(BETTER,)), run(LONG, False, 1)], ["edited"]),
        ([write(LONG, improvements=(BETTER,)), run(BETTER, True, 1)], ["edited", "ran later"]),
        ([write(LONG, improvements=(BETTER,)), event("Thanks!", "Fine.", turn=1)], ["edited"]),
        ([answer(LONG, improvements=(f"```\n{BETTER}\n```",)), run(BETTER, True, 1)], ["edited", "ran later"]),
    ],
)
def test_a_better_text_is_learned_in_place_of_the_code(events, evidence):
    assert [(code, sorted(why)) for code, why in taught(*events)] == [(BETTER, evidence)]


def test_a_better_text_that_says_the_same_is_no_edit():
    assert taught(write(LONG, True, improvements=(LONG.replace("\n", "\r\n"),))) == [(LONG, ["success"])]


def test_a_better_text_that_failed_is_not_learned_nor_what_it_replaced():
    assert taught(write(LONG, True, improvements=(BETTER,)), run(BETTER, False, 1)) == []
    assert taught(answer(LONG, improvements=(f"```\n{BETTER}\n```",)), run(LONG, True, 1)) == []
