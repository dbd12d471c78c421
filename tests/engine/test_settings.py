"""vibe.toml as a person writes it: what is left out works, what is wrong is named with what is allowed."""

from pathlib import Path

import pytest

from vibe_pipeline.errors import SettingsInvalid
from vibe_pipeline.records import Kind, Stage
from vibe_pipeline.settings import STAGES, Gate, Lineage, Settings, home, load


@pytest.fixture
def write(tmp_path):
    def to_file(text: str):
        (tmp_path / "vibe.toml").write_text(text)
        return tmp_path / "vibe.toml"

    return to_file


def test_an_empty_file_and_no_file_mean_the_defaults(write, tmp_path, monkeypatch):
    monkeypatch.delenv("VIBE_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    assert load() == Settings()
    assert load(write("")) == Settings()
    assert load().lineage("main").base_model == "embedded"


def test_a_default_that_is_written_out_is_the_same_to_the_byte():
    """Keys are hashes of the JSON of settings: 30 and 30.0 would be two rungs."""
    written = load(Path(__file__).parents[2] / "vibe.toml").lineage("main")
    assert repr(written) == repr(Lineage(gate=Gate(margin=0.10)))  # the demo's margin, which the file names


def test_the_demo_without_replay_differs_from_the_demo_in_replay_alone():
    """What it forgets is then for want of replay, and judged by the same gate. Only a person climbs it."""
    lineages = load(Path(__file__).parents[2] / "vibe.toml").lineages
    main, without = lineages["main"], lineages["replay-0"]
    assert (without.replay.minimum, without.replay.share) == (0, 0)
    assert not without.automatic
    assert without.model_copy(update={"replay": main.replay, "automatic": True}) == main


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[gait]", "unknown key gait; allowed here: curate, gate, lineages, log"),
        ("[gate]\nmin_item = 3", "unknown key gate.min_item; allowed here: corporate_limit, first_items"),
        ("[lineages.main.recipe]\nlr = 1", "unknown key lineages.main.recipe.lr; allowed here: alpha, batch_size"),
        (
            "[lineages.main]\nbase = 'x'",
            "unknown key lineages.main.base; allowed here: automatic, base_model, gate, general_suite",
        ),
        ("[gate]\nmin_items = 'many'", "gate.min_items = 'many': "),
        ("[gate]\nrecall_floor = 1.5", "gate.recall_floor = 1.5: .*less than or equal to 1"),
        ("[lineages.main.recipe]\nlearning_rate = 0", "lineages.main.recipe.learning_rate = 0: .*greater than 0"),
        ("[lineages.main]\nkinds = ['poem']", "'poem': .*code_generation"),
        ("[lineages.main]\nseed = -1", "lineages.main.seed = -1: .*greater than or equal to 0"),
        ("[lineages.main]\nseed = 99999999999999999999", "lineages.main.seed = 9"),
        ("[lineages.main]\nmax_minutes = inf", "lineages.main.max_minutes = inf: .*finite"),
        ("[lineages.main.style]\nprobes = []", "lineages.main.style.probes = .*at least 1"),
        ("[log]\npersonal_data = ['name']", "log.personal_data.0 = 'name': .*'email', 'phone'"),
        ("[curate.quality]\nlanguages = ['EN']", "curate.quality.languages.0 = 'EN': .*ISO 639-1, as 'en'"),
        ("[curate.quality]\nlanguages = ['en', 'english']", "languages.1 = 'english': .*ISO 639-1"),
        ("[curate.quality]\ncorporate_phrases = ['so', '']", "curate.quality.corporate_phrases.1 = '': .*no words"),
        ("[lineages.main.style]\ncorporate_phrases = [' ']", "style.corporate_phrases.0 = ' ': .*no words"),
        ("gate = 3", "gate = 3: "),
        ("[gate", "is not TOML"),
    ],
)
def test_a_wrong_line_is_named_with_what_is_allowed(write, text, words):
    with pytest.raises(SettingsInvalid, match=words):
        load(write(text))


def test_every_message_is_one_line(write):
    with pytest.raises(SettingsInvalid) as caught:
        load(write("[lineages.main]\nbase_model = [1,\n2]\nseed = 'x'"))
    assert len(str(caught.value).splitlines()) == 1


def test_a_file_that_vibe_config_names_must_exist(tmp_path, monkeypatch):
    monkeypatch.setenv("VIBE_CONFIG", str(tmp_path / "nowhere.toml"))
    with pytest.raises(SettingsInvalid, match=r"VIBE_CONFIG names .*nowhere\.toml"):
        load()


def test_a_file_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("VIBE_CONFIG", str(tmp_path))
    with pytest.raises(SettingsInvalid, match="cannot be read: Is a directory"):
        load()


def test_a_variable_that_is_empty_is_as_one_that_is_not_set(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VIBE_CONFIG", "")
    monkeypatch.setenv("VIBE_HOME", "")
    assert (load(), home()) == (Settings(), tmp_path / "var")


def test_a_home_of_nobody_is_refused(monkeypatch):
    monkeypatch.setenv("VIBE_HOME", "~nosuchuser/x")
    with pytest.raises(SettingsInvalid, match="VIBE_HOME = '~nosuchuser/x'"):
        home()


def test_vibe_config_is_read_wherever_one_stands(write, tmp_path, monkeypatch):
    monkeypatch.setenv("VIBE_CONFIG", str(write("[gate]\nmin_items = 7")))
    monkeypatch.chdir("/")
    assert load().gate.min_items == 7


def test_an_unknown_lineage_is_told_the_known_ones(write):
    settings = load(write("[lineages.small]\n[lineages.big]\n"))
    with pytest.raises(SettingsInvalid, match="lineage 'main' is not one of big, small"):
        settings.lineage("main")


def test_a_table_of_stages_that_names_one_kind_leaves_the_others_where_they_are(write):
    stages = load(write("[curate.stages]\nconversation = 'manual'")).curate.stages
    assert stages == {**STAGES, Kind.CONVERSATION: Stage.MANUAL}


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden", "heads", "a|b", "two words"])
def test_a_lineage_is_named_so_that_it_can_be_a_folder_and_a_partition(write, name):
    with pytest.raises(SettingsInvalid, match="lineages"):
        load(write(f"[lineages.'{name}']"))


def test_a_ladder_needs_a_lineage(write):
    with pytest.raises(SettingsInvalid, match="lineages"):
        load(write("[lineages]"))


def test_the_home_is_vibe_home_or_var_here(tmp_path, monkeypatch):
    monkeypatch.setenv("VIBE_HOME", str(tmp_path / "elsewhere"))
    assert home() == tmp_path / "elsewhere"
    monkeypatch.delenv("VIBE_HOME")
    monkeypatch.chdir(tmp_path)
    assert home() == tmp_path / "var"
