"""Every real sample, spoiled as files are: cut off, bytes changed, another encoding, packed under odd names.

Never a crash, every record counted once, and where the damage is in one line no other line is lost.
"""

import json
import os
import random
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from vibe_pipeline.interactions.importers import ImportedFile, import_paths
from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.store import Store

DATA = Path(os.environ.get("VIBE_DATA", Path(__file__).parents[2] / ".." / "shared" / "data")) / "importers"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"no real files in {DATA}: set VIBE_DATA")

FILES = sorted(path for path in DATA.rglob("*") if path.is_file() and path.name != "README.md") if DATA.is_dir() else []
TEXTS = [path for path in FILES if path.suffix in (".json", ".jsonl", ".traj")]
LINES = [path for path in FILES if path.suffix == ".jsonl"]

DEEP = b'{"messages": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
DAMAGE = (
    b'{"messages": [{"role": "user", "cont',
    b'{"messages": "caf\xe9"}',
    DEEP,
    b"\0\0\0",
    b'{"a": NaN, "b": 1e999}',
)

NOISE = (b"", b"null", b"\xff", b'"', b"}", b"[[[[", b"\\u00", b"\\ud800", b"1e400", b"\0")


def name_of(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def bring(home: Path, path: Path) -> ImportedFile:
    (result,) = bring_all(home, [path])
    return result


def bring_all(home: Path, paths: list[Path]) -> list[ImportedFile]:
    with closing(InteractionLogger(home)) as logger:
        results = import_paths(logger, Store(home), paths)
    for result in results:
        assert result.imported + result.duplicate + result.quarantined == result.read
        assert sum(result.reasons.values()) == result.quarantined
    return results


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_file_that_was_cut_off_or_changed_never_crashes(tmp_path, path):
    content, choose = path.read_bytes(), random.Random(path.name)
    spoiled, whole_lines = [tmp_path / str(number) / path.name for number in range(8)], []
    for number, file in enumerate(spoiled):
        place = choose.randrange(len(content) + 1)
        whole_lines.append(content.count(b"\n", 0, place))
        noise = choose.choice((*NOISE, choose.randbytes(20)))
        rest = b"" if number % 2 else content[place + len(noise) :]
        file.parent.mkdir()
        file.write_bytes(content[:place] + noise + rest)
    whole, *results = bring_all(tmp_path / "var", [path, *spoiled])
    is_alone = path in LINES and whole.read == len(content.splitlines())
    for file, result, lines in zip(spoiled, results, whole_lines, strict=True):
        left = file.read_bytes().strip()
        is_opened_and_left = b'"conversation_id"' in left and b'"mapping"' not in left  # as ChatGPT writes such a chat
        assert result.read or not whole.read or not left or is_opened_and_left, "what is left of the file was not told"
        if is_alone:  # each line is a record of its own
            assert result.imported + result.duplicate >= lines - whole.quarantined


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
@pytest.mark.parametrize("path", TEXTS, ids=name_of)
def test_another_encoding_changes_nothing(tmp_path, path, encoding):
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        pytest.skip("it is not UTF-8 by intent")
    (tmp_path / path.name).write_bytes(text.encode(encoding))
    expected, found = bring(tmp_path / "one", path), bring(tmp_path / "two", tmp_path / path.name)
    assert (found.format, found.read, found.imported, found.reasons) == (
        expected.format,
        expected.read,
        expected.imported,
        expected.reasons,
    )


@pytest.mark.parametrize("path", LINES, ids=name_of)
def test_a_damaged_line_costs_no_other(tmp_path, path):
    lines = path.read_bytes().splitlines()
    before = bring(tmp_path / "one", path)
    spoiled = tmp_path / path.name
    spoiled.write_bytes(b"\n".join([*lines[:1], *DAMAGE, *lines[1:], *DAMAGE]) + b"\n")
    after = bring(tmp_path / "two", spoiled)
    assert (after.imported, after.duplicate) == (before.imported, before.duplicate)
    assert after.read == before.read + 2 * len(DAMAGE)


def test_all_samples_in_one_zip_under_names_that_lead_out_of_it(tmp_path):
    alone = sum(result.imported for result in bring_all(tmp_path / "one", TEXTS))
    with zipfile.ZipFile(tmp_path / "all.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in TEXTS:
            archive.write(path, f"../../{path.parent.name}/{path.stem}.{path.suffix[1:].replace('traj', 'json')}")
    before = {path.name for path in tmp_path.parent.iterdir()}
    together = bring(tmp_path / "two", tmp_path / "all.zip")
    assert together.imported >= 0.95 * alone
    assert {path.name for path in tmp_path.parent.iterdir()} == before


def is_array_of_records(path: Path) -> bool:
    value = json.loads(path.read_bytes().decode("utf-8-sig", "replace") or "null")
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


@pytest.mark.parametrize("path", [it for it in TEXTS if it.suffix == ".json" and is_array_of_records(it)], ids=name_of)
def test_a_document_with_deep_nesting_behind_it_keeps_what_came_before(tmp_path, path):
    value = json.loads(path.read_bytes().decode("utf-8-sig", "replace"))
    spoiled = tmp_path / path.name
    spoiled.write_text(f"[{', '.join(map(json.dumps, value))}, {DEEP.decode()}]")
    before, after = bring(tmp_path / "one", path), bring(tmp_path / "two", spoiled)
    assert after.imported >= before.imported - 1
