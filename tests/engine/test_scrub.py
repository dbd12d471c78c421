"""Every planted secret goes, whole; ordinary text stays as it is. Keys are put together here so that no scanner
of this repository finds one."""

import base64
import json
import re
import time

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.look_alikes import harmless
from tests.engine.planted import planted
from tests.engine.privacy_figures import by_kind, false_positives, outcomes
from tests.engine.splinters import PIECES
from vibe_pipeline.errors import LedgerDamaged
from vibe_pipeline.scrub import Scrubber
from vibe_pipeline.scrub.placeholders import KEY, PLACEHOLDER
from vibe_pipeline.settings import Log
from vibe_pipeline.store import Store

BODY = "\n".join("MIIEowIBAAKCAQEA7bq3" + str(row) * 44 for row in range(6))
A = "aB3dE5gH7jK9mN1pQ2sT4vW6yZ8"


def jwt() -> str:
    parts = [{"alg": "HS256", "typ": "JWT"}, {"sub": "1234567890", "name": "Jo"}]
    return (
        ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + f".{A}"
    )


SECRETS = {
    "AKIA" + "IOSFODNN7EXAMPLE": "aws_access_key",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY": "aws_secret_key",
    "ghp_" + A + "0123456789": "github_token",
    "github_pat_" + "11ABCDEFG0" + A: "github_token",
    f"-----BEGIN RSA PRIVATE KEY-----\n{BODY}\n-----END RSA PRIVATE KEY-----": "private_key",
    f"-----BEGIN OPENSSH PRIVATE KEY-----\n{BODY}\n-----END OPENSSH PRIVATE KEY-----": "private_key",
    f"-----BEGIN PRIVATE KEY-----\n{BODY}": "private_key",
    "xoxb-" + "123456789012-1234567890123-" + A: "slack_token",
    "https://hooks.slack.com/services/" + "T00000000/B00000000/" + "X" * 24: "slack_token",
    "sk_" + "live_" + A: "stripe_access_key",
    "rk_" + "live_" + A * 3: "stripe_access_key",
    jwt(): "json_web_token",
    "sk-" + A + A[:21]: "openai_key",
    "sk-proj-" + A + "_" + A + "-T3BlbkFJ" + A: "openai_key",
    "sk-" + "abcdefghijklmnopqrstuvwxyz" + "012345": "openai_key",
    "sk-ant-" + "api03-" + A * 3: "anthropic_key",
    "sk-" + "lf-550e8400-e29b-41d4-a716-446655440000": "langfuse_key",
    "pcsk" + "_5xQz7_" + A * 2: "pinecone_key",
    "tvly" + "-dev-" + A: "tavily_key",
    "fw" + "_" + A[:24]: "fireworks_key",
    "sk" + "_" + "0123456789abcdef" * 3: "elevenlabs_key",
    "-----BEGIN OpenVPN Static key V1-----\n"
    + "0123456789abcdef0123456789abcdef\n" * 16
    + "-----END OpenVPN Static key V1-----": "private_key",
    "hf_" + "AbCdEfGhIjKlMnOpQrStUvWxYzAbCdEfGh": "hugging_face_token",
    "AIza" + "SyA1234567890abcdefghijklmnopqrstuv": "google_api_key",
    "glpat-" + A[:20]: "gitlab_token",
    "npm_" + A + "012345678": "npm_token",
    "SG." + A[:22] + "." + A + A[:16]: "sendgrid_api_key",
    "1234567890:AA" + A + "abcdef": "telegram_bot_token",
}

NAMED = {
    "password: «Sup3rS3cret!!»": "named_secret",
    "RSYNC_PASSWORD=«PP4XJU3nBC4oAv0D» rsync -a x y": "named_secret",
    'os.environ["RSYNC_PASSWORD"] = "«PP4XJU3nBC4oAv0D»"': "named_secret",
    'const sync_secret = "«PP4XJU3nBC4oAv0D»"': "named_secret",
    '{"facebook_page_token": "«PP4XJU3nBC4oAv0D»"}': "named_secret",
    "docker run -e SYNC_TOKEN=«PP4XJU3nBC4oAv0D» x": "named_secret",
    "export NEXT_SECRET=«PP4XJU3nBC4oAv0D» && npm start": "named_secret",
    "AWS Secret Access Key [None]: «odJFCrnl2edlBDdz1C5aBcDeFgHiJkLmNoPqRsT1»": "aws_secret_key",
    "Secret access key\n«odJFCrnl2edlBDdz1C5aBcDeFgHiJkLmNoPqRsT1»": "aws_secret_key",
    "export DB_PASSWORD=«hunter2hunter2»\nPATH=/bin": "named_secret",
    "api_key = '«a8f5f167f44f4964e6c998dee827110c»'": "named_secret",
    "Authorization: Bearer «abcdef0123456789abcdef»": "authorization",
    'headers = {"Authorization": "Basic «dXNlcjpwYXNzd29yZA==»"}': "authorization",
    "curl -s -u admin:«Pa55w0rd» https://example.com": "basic_auth",
    "curl --user 'admin:«x»' https://example.com": "basic_auth",
    "Ocp-Apim-Subscription-Key: «0f1e2d3c4b5a69788796a5b4c3d2e1f0»": "named_secret",
    "GET /translate?subscription-key=«0f1e2d3c4b5a69788796a5b4c3d2e1f0»&to=de": "named_secret",
    'const mapsKey = "«0f1e2d3c-4b5a-4978-8796-a5b4c3d2e1f0»"': "named_secret",
    "DEEPL_KEY=«0f1e2d3c-4b5a-4978-8796-a5b4c3d2e1f0:fx»\n": "named_secret",
    "JWT_KEY=«x9Kd82Jslq0Zm»\n": "named_secret",
    "from «joanna\\_doe@corp.com» in Markdown": "email",
    "from «иван@пример.рф» and «JOANNA@CORP.COM»": "email",
    "see «jo@corp.com»(work), «jo@firma.berlin», «jo@box.local»": "email",
    "c:\\users\\«joanna»\\x and c:/users/«joanna»/x and /mnt/c/users/«joanna»/x": "username",
    "\\\\fileserver\\Users\\«joanna»\\docs and \\\\nas.local\\homes\\«joanna»\\docs": "username",
    "cell: «4155552671», cell «0171 1234567»": "phone",
    "mobil «01711234567»": "phone",
    "Telefonnummer: «030901820»": "phone",
    "teléfono «612345678»": "phone",
    "ph: «4155552671»": "phone",
}
"""Text with what is private in quotation marks."""

HARMLESS = [
    "api_key = settings2.keys[0]",
    '{"next_page_token": "CAUQAA9xKp2"}',
    "page_token='CAUQAA9xKp2', sync-token: CAUQAA9xKp2",
    "fw_getCurrentFirmwareVersion(dev); #fw_notificationBannerContainer",
    "Part no. 123-456-7890, code 000-111-2222, range 100-200-3000",
    "password = generate_password2(16)",
    "secret = b64encode(token)",
    "curl -u $USER:$PASS https://example.com",
    "Authorization: Bearer <token>",
    "The quick brown fox jumps over the lazy dog.",
    "password = input()",
    "password = getpass.getpass('Password: ')",
    "def login(user: str, password: str) -> bool: return check(password)",
    "My password: the usual rules apply, ask an admin",
    "the secret: patience, and a good night's sleep",
    "api_key = os.environ['OPENAI_API_KEY']",
    'token = config["token"]  # read at the edge',
    "secret = None",
    "if password == expected_password: return True",
    "client_secret: str = Field(repr=False)",
    "What does `private_key` mean in the settings?",
    'raise ValueError("password must have 12 characters")',
    'password = "changeme"',
    'assert client.login("jo", password="wrong")',
    'SECRET_KEY = "dev"',
    '{"password": "must not be empty"}',
    'secret = "the quick brown fox"',
    'passwd: "x"',
    'api_key = "YOUR_API_KEY"',
    "db_password = 'example'",
    'print("password: " + name)',
    "sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "commit 2e86e9f0b1c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5",
    "id 550e8400-e29b-41d4-a716-446655440000",
    "1700000000:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "task-management-configuration-service-2 restarted",
    "the CSS class sk-fading-circle-container-wrapper-2",
    "from transformers import hf_hub_download_and_cache_the_model",
    "hf_hub_download_and_cache_model_weights_for_the_run()",
    "see http://localhost:8080/@scope/package and http://example.com:80/a@b",
    'url = f"postgres://{user}:{password}@{host}/db"',
    "postgres://$USER:$PASS@localhost/db and https://<user>:<password>@example.com",
    'if "BEGIN RSA PRIVATE KEY" in text: print("a key")',
    "A key starts with -----BEGIN PRIVATE KEY----- and that is all I know.",
    "Traceback (most recent call last):\n  File \"a.py\", line 3, in <module>\nKeyError: 'secret'",
    "eyJ is how base64 of a brace and a quote begins",
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk",
]


@pytest.mark.parametrize(("secret", "name"), SECRETS.items(), ids=str)
def test_a_planted_secret_goes_whole(kinds, secret, name):
    before, after = ("aws_secret_access_key = '", "'") if name == "aws_secret_key" else ("use ", "\nor not")
    assert kinds(f"{before}{secret}{after}") == f"{before}[{name}]{after}"


@pytest.mark.parametrize(("marked", "name"), NAMED.items())
def test_only_what_is_private_goes(kinds, marked, name):
    assert kinds(re.sub("[«»]", "", marked)) == re.sub("«[^»]*»", f"[{name}]", marked)


@pytest.mark.parametrize("text", HARMLESS)
def test_ordinary_text_stays_as_it_is(clean, text):
    assert clean(text) == text


def test_every_planted_kind_is_found_and_its_neighbours_stand(scrubber):
    found = outcomes(scrubber, list(planted(seed=0, each=20)))
    assert {kind: figure.value for kind, figure in by_kind(found, "is_exact") if figure.value < 1} == {}


def test_look_alikes_stay(scrubber):
    changed = false_positives(scrubber, list(harmless(seed=0, each=100)))
    allowed = {"16 digits": 0.08, "hex dump": 0.02, "number in code": 0.02, "all": 0.01}
    found = {kind: figure.value for kind, figure in by_kind(changed, "is_changed")}
    assert {kind: value for kind, value in found.items() if value > allowed.get(kind, 0)} == {}


@pytest.mark.parametrize("edge", ["-", "+", "> ", "     7→", "12\t", "  ", "\x1b[31m-"])
def test_of_a_key_that_was_cut_off_no_line_stays(kinds, edge):
    lines = ["before", "-----BEGIN RSA PRIVATE KEY-----", *BODY.split("\n"), "abcdefghij"]
    scrubbed = kinds("\n".join(edge + line for line in lines))
    assert scrubbed.split(edge, 1)[1].startswith(f"before\n{edge}[private_key]")
    assert not any(line in scrubbed for line in lines[1:])


def test_colours_stay_where_they_were(kinds):
    text = "\x1b[1;32mok\x1b[0m \x85\x85 \\033[36m{}\\e[0m\x1b[K\n\\u001b[31m-{}\x1b[m"
    assert kinds(text.format("a@x.org", "b@x.org")) == text.format("[email]", "[email]")
    assert kinds(text) == text


def test_only_the_password_of_a_url_goes(kinds):
    wanted = "git clone https://jo:[basic_auth]@example.com/r.git"
    assert kinds("git clone https://jo:hunter2@example.com/r.git") == wanted
    assert kinds("git clone https://jo:hun@ter/2@example.com/r.git") == wanted


def test_the_secret_beside_an_aws_id_goes_with_it(kinds):
    identity, secret = "AKIA" + "QWERTYUIOPASDFGH", "odJFCrnl2edlBDdz1C5aBcDeFgHiJkLmNoPqRsT1"
    text = "Access key ID,Secret access key\n{},{}\n"
    assert kinds(text.format(identity, secret)) == text.format("[aws_access_key]", "[aws_secret_key]")
    for text in ("{}:{}", "{}\n{}\n", "ACCESSKEY\t{}\t2026-01-02T03:04:05Z\t{}\tActive"):
        assert kinds(text.format(identity, secret)) == text.format("[aws_access_key]", "[aws_secret_key]")
    text = "User name,Password,Access key ID,Secret access key\njo,,{},{},https://x\n"
    assert kinds(text.format(identity, secret)) == text.format("[aws_access_key]", "[aws_secret_key]")


def test_an_environment_file_loses_its_secret(kinds):
    text = "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\nPATH=/bin"
    assert kinds(text) == "AWS_SECRET_ACCESS_KEY=[aws_secret_key]\nPATH=/bin"


def test_all_are_counted_by_kind(scrubber):
    _, counts = scrubber.column(pl.Series(["AKIAIOSFODNN7EXAMPLE and AKIAIOSFODNN7EXAMPL2, jo@x.org", None]))
    assert counts == {"aws_access_key": 2, "email": 1}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Jo@X.org", "mailto:jo@x.org"),
        ("\x1b[33mjo@x.org\x1b[0m", "jo@x.org"),
        ("-jo@x.org", "+jo@x.org"),
        ("+1 (415) 555-2671", "phone: 4155552671"),
        ("+49 151 12345678", "0151 12345678"),
        ("4242 4242 4242 4242", "4242-4242-4242-4242"),
        ("DE89 3704 0044 0532 0130 00", "DE89370400440532013000"),
        ("/home/jdoe/x", "C:\\Users\\jdoe\\y"),
        ("2a00:1450:4001:81b::200e", "2A00:1450:4001:081b:0::200e"),
        ("https://jo:S3cretWord@h.io", "password = 'S3cretWord'"),
    ],
)
def test_two_writings_of_one_value_have_the_same_digits(clean, one, other):
    digits = [PLACEHOLDER.search(clean(text))[0][-7:] for text in (one, other)]
    assert digits[0] == digits[1]


def test_placeholders_are_stable_in_a_home_and_different_in_another(tmp_path, clean):
    def fresh(name: str) -> str:
        return Scrubber(Store(tmp_path / name), Log()).column(pl.Series(["jo@x.org"]))[0][0]

    assert fresh("one") == fresh("one") != fresh("two")


def test_the_key_is_private_and_a_broken_one_is_never_replaced(tmp_path):
    store = Store(tmp_path)
    Scrubber(store, Log()).column(pl.Series(["nothing here"]))
    assert not store.exists(KEY)
    Scrubber(store, Log()).column(pl.Series(["jo@x.org"]))
    assert store.path(KEY).stat().st_mode & 0o777 == 0o600
    store.path(KEY).write_bytes(b"short")
    with pytest.raises(LedgerDamaged, match="has 5 bytes and should have 32"):
        Scrubber(store, Log()).column(pl.Series(["jo@x.org"]))


@pytest.mark.parametrize(
    ("allow", "text", "stays"),
    [
        ("acme.io", "jo@acme.io jo@mail.acme.io", True),
        ("acme.io", "jo@notacme.io", False),
        ("JO@acme.io", "jo@acme.io", True),
        ("81.2.69.142", "81.2.69.142", True),
        ("AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE", True),
    ],
)
def test_what_is_allowed_stays(tmp_path, allow, text, stays):
    scrubbed = Scrubber(Store(tmp_path), Log(allow=(allow,))).column(pl.Series([text]))[0][0]
    assert (scrubbed == text) is stays


def test_each_kind_can_be_left_out(tmp_path):
    text = "AKIAIOSFODNN7EXAMPLE jo@x.org +1 415 555 2671"
    only_phone = Scrubber(Store(tmp_path), Log(scrub=False, personal_data=("phone",)))
    assert only_phone.column(pl.Series([text]))[1] == {"phone": 1}
    assert Scrubber(Store(tmp_path), Log(scrub=False, personal_data=())).column(pl.Series([text]))[0][0] == text


@given(st.lists(st.one_of(PIECES, st.text(max_size=5)), max_size=5).map("".join))
def test_scrubbing_twice_changes_nothing_more(scrubber, text):
    once, _ = scrubber.column(pl.Series([text]))
    again, counts = scrubber.column(once)
    assert (again.to_list(), counts) == (once.to_list(), {})


def test_claude_code_names_folders_after_homes(kinds):
    for before in ("~/.claude/projects/", "C:\\Users\\Public\\.claude\\projects\\C-", "$ ls\n"):
        assert kinds(f"{before}-Users-joanna-src") == f"{before}-Users-[username]-src"
    assert kinds("a page--Users-list-item") == "a page--Users-list-item"


def test_a_pass_phrase_goes_and_a_sentence_stays(kinds):
    assert kinds('DOCKER_PASSWORD: "pass phrase 12"') == 'DOCKER_PASSWORD: "[named_secret]"'
    assert kinds('password: "must have 12 characters"') == 'password: "must have 12 characters"'


@pytest.mark.parametrize(
    "unit",
    ["a", "7", "4242", "@", "a@", "a.", "-", " ", "\\", '"', "0 1", "+1", ":", "::", "/home/", "sk-", "password=",
     "eyJ.", "://a:", "A1", "curl -u ", "\\n0", "-----BEGIN PRIVATE KEY-----", "2a00:", "1.", "[email:3f2a9c]",
     "DE89 ", "(4"],
)  # fmt: skip
def test_a_long_line_takes_time_in_proportion(scrubber, unit):
    """Anything that backtracks over the line would need hours for this."""
    line = unit * (200_000 // len(unit))
    start = time.process_time()
    scrubber.column(pl.Series([f"{line} jo@x.org password=abc12345 AKIAIOSFODNN7EXAMPLE 4242424242424242 ://a:b1@c"]))
    assert time.process_time() - start < 20


def test_a_frame_is_scrubbed_in_lists_and_structs(scrubber):
    frame = pl.DataFrame(
        {
            "id": ["jo@x.org", "b"],
            "n": [1, 2],
            "text": ["mail jo@x.org", None],
            "tags": [["jo@x.org", None], None],
            "messages": [[{"role": "user", "content": "I am jo@x.org"}], []],
        }
    )
    scrubbed, counts = scrubber.frame(frame, keep=["id"])
    assert scrubbed.schema == frame.schema
    assert counts == {"email": 3}
    mail = PLACEHOLDER.search(scrubbed["text"][0])[0]
    assert scrubbed.rows() == [
        ("jo@x.org", 1, f"mail {mail}", [mail, None], [{"role": "user", "content": f"I am {mail}"}]),
        ("b", 2, None, None, []),
    ]


def test_what_most_rows_repeat_is_looked_at_once(scrubber):
    frame = pl.DataFrame({"model": ["/home/jdoe/x.gguf", None, "m"] * 10})
    scrubbed, counts = scrubber.frame(frame)
    assert counts == {"username": 1}
    placed = f"/home/{PLACEHOLDER.search(scrubbed['model'][0])[0]}/x.gguf"
    assert scrubbed["model"].to_list() == [placed, None, "m"] * 10


def test_a_column_without_text_is_fine(scrubber):
    for column in (pl.Series([], dtype=pl.String), pl.Series([None], dtype=pl.String)):
        assert scrubber.column(column)[0].equals(column)


def test_the_keyword_detector_would_still_eat_ordinary_code():
    from detect_secrets.plugins.keyword import KeywordDetector

    flagged = [text for text in HARMLESS if list(KeywordDetector().analyze_string(text))]
    assert len(flagged) == 8, "it has changed: think again about leaving it out"
