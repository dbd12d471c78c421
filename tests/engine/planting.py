"""A text planted in a home, and where it is found again: not a test itself."""

import json
from pathlib import Path

import pyarrow.parquet as pq

from vibe_pipeline.interactions.logger import InteractionLogger
from vibe_pipeline.ladder import Ladder

PLANTED = "zebra-7391"

CONVERSATION = "of zebras"


def holders(home: Path, text: str) -> list[str]:
    """Every file below a folder that holds a text, in whatever case; of Parquet, what it says when it is decoded."""
    held = []
    for path in (it for it in home.rglob("*") if it.is_file()):
        said = path.read_bytes().decode(errors="replace")
        if path.suffix == ".parquet":
            said += json.dumps(pq.ParquetFile(path).read().to_pylist(), default=str, ensure_ascii=False)
        if text.lower() in said.lower():
            held.append(path.relative_to(home).as_posix())
    return held


def plant(home: Path) -> str:
    """A conversation that is trained on, with a remark; the id of its first turn."""
    logger = InteractionLogger(home)
    told = {"module": "m", "action": "chat", "conversation_id": CONVERSATION, "user": "alice", "success": True}
    identity = logger.log(**told, turn=0, input=f"Who is {PLANTED}?", output=f"A {PLANTED}.", extra={"seen": PLANTED})
    logger.log(**told, turn=1, input="And then?", output="Stripes.")
    logger.feedback(identity, 1.0, f"yes, {PLANTED}", user="bob")
    logger.close()
    return identity


def state(home: Path) -> dict[str, bytes]:
    files = (path for path in home.rglob("*") if path.is_file() and path.parent.name != "locks")
    return {path.relative_to(home).as_posix(): path.read_bytes() for path in files}


def rows_of(ladder: Ladder, view: str) -> list[tuple]:
    with ladder.connect() as db:
        return db.sql(f"FROM {view} ORDER BY ALL").fetchall()
