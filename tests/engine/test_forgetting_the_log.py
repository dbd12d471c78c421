"""What is forgotten leaves the log: spools, spans, originals, quarantine, secrets, what was merged; and stays away."""

import json
import shutil
from datetime import UTC, datetime

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.planting import CONVERSATION, PLANTED, holders, plant, rows_of, state
from vibe_pipeline.errors import SettingsInvalid
from vibe_pipeline.interactions.importers import Wanted, import_paths
from vibe_pipeline.interactions.importers.genai_spans import Span
from vibe_pipeline.interactions.ingest import spans
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.interactions.matching import Criteria
from vibe_pipeline.interactions.sealing import seal
from vibe_pipeline.interactions.spool import Spool
from vibe_pipeline.ladder import Ladder
from vibe_pipeline.settings import Curate
from vibe_pipeline.settings import Log as LogSettings
from vibe_pipeline.store import Store


def test_spools_and_quarantine_are_erased_too(ladder):
    home = ladder.store.root
    plant(home)
    (home / "log/interactions/spool/broken.jsonl").write_text(
        f'{{"input": "{PLANTED}", "user": "ali\n{{"input": "x"}}\n'
    )
    plan = ladder.log.plan_forgetting(Criteria(text=PLANTED.upper()))
    assert (plan["interactions"], plan["remarks"], plan["quarantined"]) == (1, 1, 1)
    ladder.log.forget(Criteria(text=PLANTED.upper()))
    assert holders(home, PLANTED) == []
    assert (ladder.log.stats()["interactions"], ladder.log.stats()["quarantined"]) == (1, 1)


@pytest.mark.parametrize(
    ("criteria", "is_gone"),
    [
        (Criteria(user="Joanna"), True),
        (Criteria(user="joan"), False),
        (Criteria(user="ask"), False),
        (Criteria(source="crm"), True),
        (Criteria(source="cr"), False),
        (Criteria(user="1"), False),
    ],
)
def test_a_record_that_could_not_be_read_is_found_by_its_values_and_its_source(ladder, tmp_path, criteria, is_gone):
    (tmp_path / "a.csv").write_text("user,input,output\njoanna,ask Mr Smith, wants 5000,call him\nbob,q,a\n")
    wanted = Wanted(columns=["input=input"], source="crm")
    import_paths(InteractionLogger(ladder.store.root), ladder.store, [tmp_path / "a.csv"], wanted)
    assert ladder.log.stats()["quarantined"] == 1
    assert ladder.log.plan_forgetting(criteria)["quarantined"] == is_gone
    ladder.log.forget(criteria)
    assert (holders(ladder.store.root, "Mr Smith") == []) is is_gone


@pytest.mark.parametrize("is_sealed", [False, True])
@pytest.mark.parametrize("criteria", [Criteria(user="Jo@x.org"), Criteria(text="jo@x.org")])
def test_what_a_placeholder_has_replaced_is_found_in_quarantine(ladder, criteria, is_sealed):
    home = ladder.store.root
    lines = [
        f'{{"turn": "two", "input": "{text}", "user": "{user}"}}\n'
        for text, user in ((PLANTED, "Jo@x.org"), ("x", "b"))
    ]
    spool = home / "log/interactions/spool"
    spool.mkdir(parents=True)
    (spool / "broken.jsonl").write_text("".join(lines))
    if is_sealed:
        seal(ladder.store, Curate())
    assert ladder.log.plan_forgetting(criteria)["quarantined"] == 1
    ladder.log.forget(criteria)
    assert holders(home, PLANTED) == []
    assert ladder.log.stats()["quarantined"] == 1


def test_what_a_placeholder_has_replaced_is_found_in_sealed_rows(ladder):
    logger = InteractionLogger(ladder.store.root)
    for mail, text in (("jo@x.org", PLANTED), ("ann@x.org", "x")):
        logger.log(module="m", action="ask", input=f"mail {mail}, {text}", output="y")
    logger.close()
    seal(ladder.store, Curate())
    ladder.log.forget(Criteria(text="Jo@x.org"))
    assert holders(ladder.store.root, PLANTED) == []
    assert ladder.log.stats()["interactions"] == 1


@pytest.fixture
def waiting(ladder):
    """Two conversations in flight: a call of a model in each, and nothing of what came around it yet."""
    now, spool = datetime.now(UTC), Spool(ladder.store.path(spans.SPOOL))
    for trace, asked in (("t", PLANTED), ("u", "else")):
        told = {
            "gen_ai.input.messages": f'[{{"role": "user", "content": "Who is {asked}?"}}]',
            "gen_ai.output.messages": '[{"role": "assistant", "content": "Who?"}]',
            "user.id": f"user of {trace}",
        }
        spool.append([spans.line_of_span(Span(trace, trace, "outer", "chat", now, now, told), now)])
    spool.close()
    return ladder


@pytest.mark.parametrize("asked", [{"text": PLANTED}, {"user": "user of t"}, {"source": "otlp", "text": "zebra"}])
def test_spans_that_wait_are_erased_and_the_conversations_of_others_go_on_waiting(waiting, asked):
    before = state(waiting.store.root)
    assert waiting.log.plan_forgetting(Criteria(**asked))["interactions"] == 1
    assert state(waiting.store.root) == before
    assert waiting.log.forget(Criteria(**asked))["interactions"] == 1
    assert holders(waiting.store.root, PLANTED) == []
    assert waiting.log.stats()["waiting_spans"] == 1


def test_nothing_of_a_span_stays_though_nothing_of_it_would_be_logged(ladder):
    now, spool = datetime.now(UTC), Spool(ladder.store.path(spans.SPOOL))
    spool.append([spans.line_of_span(Span("t", "1", "outer", "GET", now, now, {"url.path": PLANTED}), now)])
    spool.close()
    ladder.log.forget(Criteria(text=PLANTED))
    assert holders(ladder.store.root, PLANTED) == []


def test_originals_are_searched_and_erased_too(ladder):
    address = "mia.berg@mail.com"
    InteractionLogger(ladder.store.root).log(module="m", action="ask", input=f"I am {address}", output=PLANTED)
    seal(ladder.store, Curate(), LogSettings(keep_originals=True))
    assert [holder.split("/")[2] for holder in holders(ladder.store.root, address)] == ["originals"]
    assert ladder.log.forget(Criteria(text=address))["interactions"] == 1
    assert holders(ladder.store.root, address) == holders(ladder.store.root, PLANTED) == []


def test_a_secret_that_sealing_would_replace_is_found_before_it_is(ladder):
    password = "hunter2" * 2
    logger = InteractionLogger(ladder.store.root)
    logger.log(module="m", action="ask", input=f"psql://me:{password}@host", output="ok")
    logger.close()
    assert ladder.log.forget(Criteria(text=password))["interactions"] == 1
    assert ladder.log.stats()["interactions"] == 0


@pytest.mark.parametrize("text", ['say "hi"', "two\nlines", "ünïcode", "back\\slash"])
def test_text_is_found_as_json_writes_it(ladder, text):
    logger = InteractionLogger(ladder.store.root)
    logger.log(module="m", action="a", input="q", extra={"deep": [{"er": text}]})
    logger.log(module="m", action="a", input="another")
    logger.close()
    ladder.log.seal()
    assert ladder.log.forget(Criteria(text=text))["interactions"] == 1


def chatgpt_chat(name: str, planted: str) -> dict:
    """A chat whose second question was asked again in other words, as ChatGPT exports it."""
    said = [("q1", None, "user", planted), ("a1", "q1", "assistant", f"a {planted}")]
    for again in "xy":
        said += [(f"q2{again}", "a1", "user", f"{again} {planted}"), (f"a2{again}", f"q2{again}", "assistant", again)]
    mapping = {
        identity: {
            "parent": parent,
            "message": {"author": {"role": role}, "content": {"content_type": "text", "parts": [text]}},
        }
        for identity, parent, role, text in said
    }
    return {"conversation_id": name, "create_time": 1700000000, "current_node": "a2y", "mapping": mapping}


@pytest.mark.parametrize("is_sealed", [False, True])
@pytest.mark.parametrize("by_its_name", [False, True])
def test_branches_go_with_the_conversation_however_it_is_named(ladder, tmp_path, is_sealed, by_its_name):
    file = tmp_path / "conversations.json"
    file.write_text(json.dumps([chatgpt_chat("chat-7", PLANTED), chatgpt_chat("chat-8", "else")]))
    import_paths(InteractionLogger(ladder.store.root), ladder.store, [file])
    if is_sealed:
        ladder.log.seal()
    first = next(row for row in ladder.log.tail(10) if row["input"] == PLANTED)
    asked = Criteria(conversation="chat-7" if by_its_name else first["conversation_id"])
    assert ladder.log.plan_forgetting(asked)["interactions"] == 3
    ladder.log.forget(asked)
    assert holders(ladder.store.root, PLANTED) == []
    assert ladder.log.stats()["interactions"] == 3


def test_branches_of_branches_go_too_and_branches_of_others_stay(ladder):
    logger = InteractionLogger(ladder.store.root)
    for conversation, trunk in (("a", "c"), ("b", "a"), ("c", "b"), ("x", None), ("y", "x"), ("z", ["a"])):
        told = {"conversation_id": conversation, "extra": {"branch_of": trunk}}
        logger.log(module="m", action="ask", input=conversation, **told)
    logger.close()
    ladder.log.forget(Criteria(conversation="a"))
    assert sorted(row["input"] for row in ladder.log.tail(10)) == ["x", "y", "z"]


def test_a_branch_goes_though_its_conversation_went_before(ladder):
    logger = InteractionLogger(ladder.store.root)
    logger.log(module="m", action="ask", input="q", conversation_id="b", extra={"branch_of": "a"})
    logger.close()
    assert ladder.log.forget(Criteria(conversation="a"))["interactions"] == 1


def test_what_compaction_replaced_and_a_killed_writer_left_is_erased(ladder):
    home = ladder.store.root
    plant(home)
    ladder.log.seal()
    InteractionLogger(home).log(module="m", action="a", input="later")
    ladder.log.seal()
    ladder.log.compact()
    segment = next(iter(home.glob("log/interactions/segments/*/*.parquet")))
    shutil.copy(segment, segment.parent / f".{'0' * 32}")
    assert len(holders(home, PLANTED)) > 2
    ladder.log.forget(Criteria(conversation=CONVERSATION))
    assert holders(home, PLANTED) == []


@pytest.mark.parametrize(
    "folder", ["interactions/originals", "interactions/quarantine", "spans/joining", "remarks/segments/2026-11"]
)
def test_what_a_killed_writer_left_goes_though_nothing_else_matches(ladder, folder):
    half_written = ladder.store.path(f"log/{folder}/.{'0' * 32}")
    half_written.parent.mkdir(parents=True)
    half_written.write_text(PLANTED)
    assert ladder.log.forget(Criteria(text=PLANTED))["tombstone"] is None
    assert holders(ladder.store.root, PLANTED) == []


def test_an_import_does_not_bring_it_back(ladder, tmp_path):
    chats = [
        {"messages": [{"role": "user", "content": f"q {text}"}, {"role": "assistant", "content": "a"}]}
        for text in (PLANTED, "other")
    ]
    file = tmp_path / "chats.jsonl"
    file.write_text("\n".join(map(json.dumps, chats)))
    log = InteractionLogger(ladder.store.root)
    import_paths(log, ladder.store, [file])
    ladder.log.seal()
    ladder.log.forget(Criteria(text=PLANTED))
    (again,) = import_paths(log, ladder.store, [file])
    ladder.log.seal()
    assert (again.imported, again.duplicate) == (0, 2)
    assert holders(ladder.store.root, PLANTED) == []


def test_a_chat_that_has_grown_brings_back_only_what_was_said_since(ladder, tmp_path):
    texts = [f"q {PLANTED}", "a", "r", "b"]
    file, log = tmp_path / "chats.jsonl", InteractionLogger(ladder.store.root)
    for said in (texts[:2], texts):
        messages = [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(said)]
        file.write_text(json.dumps({"messages": messages}))
        import_paths(log, ladder.store, [file])
        ladder.log.seal()
        ladder.log.forget(Criteria(text=PLANTED))
    assert holders(ladder.store.root, PLANTED) == []
    assert [row[6] for row in rows_of(ladder, "interactions")] == ["r"]


def test_neither_the_same_id_nor_a_late_remark_comes_back(ladder):
    identity = plant(ladder.store.root)
    ladder.log.forget(Criteria(conversation=CONVERSATION))
    logger = InteractionLogger(ladder.store.root)
    logger.log(module="m", action="a", input=PLANTED, interaction_id=identity)
    logger.learning(identity, f"about {PLANTED}")
    logger.log(module="m", action="a", input="new", conversation_id=CONVERSATION)
    logger.close()
    ladder.log.seal()
    assert holders(ladder.store.root, PLANTED) == []
    assert [row[6] for row in rows_of(ladder, "interactions")] == ["new"]


@pytest.mark.parametrize("last", ["intent.json", "salt.json", ".parquet"])
def test_a_forgetting_that_dies_before_its_ids_are_kept_has_changed_nothing(ladder, monkeypatch, last):
    identity = plant(ladder.store.root)
    ladder.log.seal()

    def dying(write):
        def writes(store, name, *arguments):
            if name.startswith("forgotten/") and name.endswith(last):
                raise KeyboardInterrupt
            return write(store, name, *arguments)

        return writes

    with monkeypatch.context() as killed:
        for write in ("write_json", "write_parquet"):
            killed.setattr(Store, write, dying(getattr(Store, write)))
        with pytest.raises(KeyboardInterrupt):
            ladder.log.forget(Criteria(conversation=CONVERSATION))
    logger = InteractionLogger(ladder.store.root)
    logger.learning(identity, f"about {PLANTED}")
    logger.close()
    ladder.log.seal()
    assert [ladder.log.stats()[stream] for stream in ("interactions", "remarks")] == [2, 2]
    ladder.log.forget(Criteria(conversation=CONVERSATION))
    assert holders(ladder.store.root, PLANTED) == []


@pytest.mark.parametrize("asked", [{}, {"text": " "}, {"user": ""}])
def test_nothing_or_everything_cannot_be_asked_for(asked):
    with pytest.raises(SettingsInvalid):
        Criteria(**asked)


WORDS = st.text(min_size=0, max_size=12)


@settings(max_examples=15)
@given(
    st.lists(st.tuples(WORDS, WORDS, st.sampled_from("abc"), st.booleans()), min_size=1, max_size=8),
    st.integers(0, 8),
)
def test_what_matches_is_nowhere_and_what_does_not_is_untouched(tmp_path_factory, logged, sealed):
    home = tmp_path_factory.mktemp("any") / "var"
    ladder = Ladder(home)
    logger = InteractionLogger(home)
    for number, (question, answer, conversation, is_planted) in enumerate(logged):
        words = question + PLANTED * is_planted
        told = {"conversation_id": conversation, "turn": number, "extra": {"n": words}}
        logger.log(module="m", action="ask", input=words or "-", output=answer, **told)
        if number == sealed:
            logger.close()
            ladder.log.open_generation(force=True)
            ladder.examples(0)
    logger.close()
    ladder.log.seal()
    columns = "interaction_id, conversation_id, turn, input, output, extra"
    with ladder.connect() as db:
        left = f"SELECT {columns} FROM interactions WHERE input NOT LIKE '%{PLANTED}%' ORDER BY ALL"
        kept = db.sql(left).fetchall()
    done = ladder.log.forget(Criteria(text=PLANTED))
    assert done["interactions"] == len(logged) - len(kept)
    assert holders(home, PLANTED) == []
    with ladder.connect() as db:
        assert db.sql(f"SELECT {columns} FROM interactions ORDER BY ALL").fetchall() == kept


def test_a_reader_finds_a_segment_by_its_first_sha(tmp_path):
    store = Store(tmp_path)
    first = store.write_table("mixes", pa.table({"example_id": ["a", "b"]}))
    store.supersede(f"mixes/{first}.parquet", pa.table({"example_id": ["a"]}))
    assert store.read_frame(f"mixes/{first}.parquet")["example_id"].to_list() == ["a"]
    assert store.exists(f"mixes/{first}.parquet")
    assert len(store.names("mixes")) == 1
    assert duckdb.sql(f"FROM '{store.existing(f'mixes/{first}.parquet')}'").fetchall() == [("a",)]


def test_an_answer_goes_with_the_alternative_that_it_quotes(ladder):
    logger = InteractionLogger(ladder.store.root)
    said = {"module": "m", "action": "chat", "input": "q"}
    logger.log(**said, output="first", conversation_id="trunk", extra={"alternatives": [PLANTED, "third"]})
    logger.log(**said, output="later", conversation_id="trunk", turn=1)
    logger.log(**said, output=PLANTED, conversation_id="branch", extra={"branch_of": "trunk"})
    logger.log(**said, output="third", conversation_id="other", extra={"branch_of": "trunk"})
    logger.log(**said, output="else", conversation_id="stranger", extra={"alternatives": ["third"]})
    other = {**said, "input": "other", "conversation_id": "trunk"}
    logger.log(**other, output="No.", turn=2, extra={"alternatives": [PLANTED]})
    ladder.log.forget(Criteria(conversation="branch"))
    assert ladder.log.stats()["interactions"] == 4
    with ladder.connect() as db:
        left = db.sql("SELECT output FROM interactions ORDER BY 1").fetchall()
    assert left == [("No.",), ("else",), ("later",), ("third",)]


@pytest.mark.parametrize("criteria", [Criteria(user="4211"), Criteria(source="import:openai_chat")])
def test_a_number_and_the_source_of_the_format_are_values_too(ladder, tmp_path, criteria):
    good = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
    (tmp_path / "a.jsonl").write_text(json.dumps(good) + '\n{"user_id": 4211, "messages": [{"role": "user", "cont')
    import_paths(InteractionLogger(ladder.store.root), ladder.store, [tmp_path / "a.jsonl"])
    assert ladder.log.plan_forgetting(criteria)["quarantined"] == 1
