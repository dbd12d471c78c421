"""What a generation must be expected to hold before its cut is written, and what is told of it when it holds less."""

import json
from collections.abc import Iterable

import pytest

from tests.engine.curating import HELD, LEARNED, event, on_side, probe
from tests.engine.planted_examples import Prose, text
from vibe_pipeline.errors import GenerationRefused
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.ladder import Ladder
from vibe_pipeline.records import Interaction
from vibe_pipeline.settings import Curate, Gate, Log, Settings

prose = Prose(__name__)
COUNTED = ("learned", "grouped", "counted_by")


def home(path, curate: Curate = Curate(held_out=0.5), min_items: int = 4) -> Ladder:  # noqa: B008
    log = Log(scrub=False, personal_data=())
    return Ladder(path, Settings(curate=curate, gate=Gate(min_items=min_items), log=log))


def grouped(group: str) -> Curate:
    return Curate(held_out=0.5, group=group)


def asked(numbers: Iterable[int], **values) -> list[Interaction]:
    """A conversation each."""
    return [event(f"q{n}", f"the answer is {n}", conversation=f"c{n}", **values) for n in numbers]


def log(ladder: Ladder, *events) -> None:
    InteractionLogger(ladder.store.root).log_many([it for it in events if isinstance(it, Interaction)])


def teams(*numbers: int) -> list[Interaction]:
    return [it for n in numbers for it in asked(range(4 * n, 4 * n + 4), extra={"team": f"t{n}"})]


def test_a_group_that_nothing_has_is_refused_before_the_cut_and_can_be_corrected(tmp_path):
    mistaken = home(tmp_path, grouped("extra.tema"))
    log(mistaken, *teams(*range(8)))
    with pytest.raises(GenerationRefused, match=r"32 interactions, and none of them has extra\.tema.*--force"):
        mistaken.log.open_generation()
    assert mistaken.log.cuts() == []
    corrected = home(tmp_path, grouped("extra.team"))
    assert 4 <= corrected.log.open_generation().expected_held_out < 32
    told = corrected.describe_generation(0)
    assert told["doubts"] == []
    assert told["held_out"] == corrected.log.cut(0).expected_held_out
    assert corrected.generations.card(0).groups == "32 examples have extra.team"


def test_a_group_that_nothing_has_is_told_of_where_it_was_forced(tmp_path):
    ladder = home(tmp_path, grouped("extra.tema"))
    log(ladder, *teams(*range(8)))
    ladder.log.open_generation(force=True)
    words = "0 examples have extra.tema, 32 have none and are held out by conversation"
    assert ladder.describe_generation(0)["doubts"] == [f"Not all is held out by group: {words}"]
    assert ladder.generations.card(0).groups == words


def test_what_has_no_group_goes_by_conversation_and_that_is_told(tmp_path):
    ladder = home(tmp_path, grouped("user"))
    log(ladder, *asked(range(20)), *asked(range(20, 30), user="u"))
    InteractionLogger(ladder.store.root).log_many([], [probe("f", "Say f.")])
    ladder.log.open_generation()
    assert ladder.describe_generation(0)["doubts"] == [
        "Not all is held out by group: 10 examples have user, 20 have none and are held out by conversation"
    ]


def test_without_a_group_the_card_says_so(tmp_path):
    ladder = home(tmp_path)
    log(ladder, *asked(range(20)))
    ladder.log.open_generation()
    assert ladder.describe_generation(0)["doubts"] == []
    assert ladder.generations.card(0).groups == "none named (curate.group)"


@pytest.mark.parametrize(("held", "words"), [(False, "about 0 held-out items"), (True, "nothing to learn from")])
def test_one_group_leaves_nothing_to_judge_by_or_nothing_to_learn_from(tmp_path, held, words):
    ladder = home(tmp_path, Curate(group="module"))
    module = on_side("group:m", held=held).removeprefix("group:")
    log(ladder, *asked(range(20), module=module))
    with pytest.raises(GenerationRefused, match=rf"{words}.*of another module"):
        ladder.log.open_generation()
    assert ladder.log.cuts() == []
    ladder.log.open_generation(force=True)
    (doubt,) = ladder.describe_generation(0)["doubts"]
    assert doubt.startswith("Nothing to learn from: all 20" if held else "Nothing to judge by: none of 20")


def test_actions_that_no_list_names_bring_no_items(tmp_path):
    ladder = home(tmp_path)
    log(ladder, *asked(range(30), action="event"), *asked(range(30, 32)))
    with pytest.raises(GenerationRefused, match=r"32 interactions \(30 of them of actions that no list .* Name them"):
        ladder.log.open_generation()
    named = home(tmp_path, Curate(held_out=0.5, chat_actions=("ask", "event")))
    assert named.log.open_generation().expected_held_out >= 4
    assert named.describe_generation(0)["doubts"] == []


def test_actions_that_no_list_names_are_told_of_at_every_opening_and_on_the_card(tmp_path):
    ladder = home(tmp_path)
    rare = [it for n in range(40, 48) for it in asked([n], action=f"a{n}")]
    log(ladder, *asked(range(20)), *asked(range(20, 40), action="Ask"), *rare, *asked([50], action="how is Ann, 7?"))
    ladder.log.open_generation()
    told = ladder.describe_generation(0)
    words = (
        "29 interactions are of actions that no list of [curate] names (20 Ask, 1 a40, 1 a41, 1 a42, 1 a43, 5 others)"
    )
    assert told["doubts"] == [f"{words}: nothing but patterns is made of them"]
    assert ladder.generations.card(0).actions == words
    assert f"{words}." in ladder.generations.page(0).read_text()
    log(ladder, *asked(range(60, 80)))
    ladder.log.open_generation()
    assert ladder.describe_generation(1)["doubts"] == []
    assert ladder.generations.card(1).actions == ""


def test_where_all_actions_are_unknown_it_is_told_why_there_are_no_examples(tmp_path):
    ladder = home(tmp_path)
    log(ladder, *asked(range(20), action="Ask"))
    ladder.log.open_generation(force=True)
    first, second = ladder.describe_generation(0)["doubts"]
    assert first.startswith("There are no examples")
    assert "(20 Ask)" in second


def test_steps_of_a_session_are_items_whatever_they_are_called(tmp_path):
    ladder = home(tmp_path)
    steps = ["open", "edit", "save", "close"]
    taken = [(f"c{n}", turn, step) for n in range(12) for turn, step in enumerate(steps)]
    log(ladder, *(event(f"{it} {step}", conversation=it, turn=turn, action=step) for it, turn, step in taken))
    assert ladder.log.open_generation().expected_held_out >= 4
    assert ladder.describe_generation(0)["examples"] > 0


def test_documents_are_expected_to_be_held_out_by_section(tmp_path):
    ladder = home(tmp_path)
    told = {"conversation": LEARNED, "action": "document"}
    log(ladder, *(event(f"Part {n}", text(prose(30)), turn=n, **told) for n in range(20)))
    cut = ladder.log.open_generation()
    assert cut.expected_held_out == 10
    assert 0 < ladder.describe_generation(0)["held_out"] < 20


def test_segments_that_were_sealed_by_an_older_program_are_counted_anew(tmp_path):
    ladder = home(tmp_path, grouped("user"))
    log(ladder, *asked(range(20), user="u"))
    ladder.log.seal()
    (entry,) = ladder.store.path("log/interactions/manifest").glob("*.json")
    old = {name: it for name, it in json.loads(entry.read_text()).items() if name not in COUNTED}
    entry.write_text(json.dumps({**old, "held_out": 9}))
    assert ladder.log.open_generation(force=True).expected_held_out in (0, 20)


def test_what_is_counted_once_is_not_read_again(tmp_path, monkeypatch):
    ladder = home(tmp_path)
    log(ladder, *asked(range(20)))
    ladder.log.seal()
    monkeypatch.setattr("vibe_pipeline.interactions.segments._recounted", lambda *_: 1 / 0)
    assert ladder.log.open_generation().expected_held_out >= 4


def test_what_is_held_out_alone_or_learned_alone_is_told_of(tmp_path):
    ladder = home(tmp_path, Curate(), min_items=0)
    for conversation, words in ((LEARNED, "Nothing to judge by"), (HELD, "Nothing to learn from")):
        log(ladder, event(f"q {conversation}", "a", conversation=conversation))
        cut = ladder.log.open_generation()
        (doubt,) = ladder.describe_generation(cut.generation)["doubts"]
        assert doubt.startswith(words)
    ladder.log.open_generation()
    assert ladder.describe_generation(2)["doubts"] == [
        "There are no examples: nothing to learn from, and nothing to judge by"
    ]
