"""Whether a Parquet file has the columns that its readers expect, and no others.

Not here: the schemas, which lie where the files are written.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def breaches(path: Path, schema: pa.Schema) -> list[str]:
    """What is otherwise, a column each, in words; nothing where all is as it should be."""
    there = {field.name: field.type for field in pq.read_schema(path)}
    wanted = {field.name: field.type for field in schema}
    missing = [f"{name} is missing" for name in wanted if name not in there]
    other = [
        f"{name} is {kind}, not {wanted[name]}"
        for name, kind in there.items()
        if name in wanted and kind != wanted[name]
    ]
    unknown = [f"{name} is unknown" for name in there if name not in wanted]
    return [*missing, *other, *unknown]
