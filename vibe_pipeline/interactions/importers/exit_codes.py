"""What the exit codes in a table of commands say: 0 is success and another number none, unless a signal ended it.

Who presses Ctrl-C ends a server that worked, `head` ends what it reads from, and a terminal that is closed or a machine
that is shut down all that runs: that is neither. Killed (137) is a failure: that is what a lack of memory is. atuin
writes −1 where nobody knows. Not here: which column it is (columns.py).
"""

from __future__ import annotations

import re
from collections.abc import Collection

EXIT_CODE = re.compile(r"(exit|return)[ _-]?(code|status|value)?|rc", re.IGNORECASE)
"""A column of which 0 is success, when it is mapped to that, or beside a command. `status` may be of anything."""

COMMAND = re.compile(r"(shell[ _-]?)?(command|cmd)([ _-]?line)?|argv", re.IGNORECASE)

SIGNALS = (1, 2, 3, 13, 15, 18, 20)
"""HUP, INT, QUIT, PIPE, TERM and TSTP (18 of macOS): 128 and it for a shell, below 0 for Python."""
CONTROL_C = (3221225786, -1073741510)
"""Of Windows."""

NEITHER = ", ".join(map(str, [*(128 + it for it in SIGNALS), *(-it for it in SIGNALS), *CONTROL_C]))

MACROS = f"""
CREATE MACRO exit_code(t) AS
    CASE WHEN regexp_full_match(t, '-?[0-9]{{1,10}}([.]0*)?') THEN try_cast(t AS DOUBLE)::BIGINT END;
CREATE MACRO exited_well(t) AS coalesce(exit_code(t) = 0, truth(t));
CREATE MACRO ended(t, named) AS CASE WHEN exit_code(t) IS NULL THEN '{{}}' ELSE to_json({{
    success: CASE WHEN exit_code(t) NOT IN ({NEITHER}) THEN exit_code(t) = 0 END,
    error_type: coalesce(named, CASE WHEN exit_code(t) NOT IN (0, -1) THEN 'exit code ' || exit_code(t) END)
}}) END;
"""
"""`ended` is what becomes of a row's other fields; `named` is the type of its error, where that has a column."""


def beside_command(names: Collection[str], columns: dict[str, str], constants: dict[str, str]) -> str | None:
    """The column of exit codes in a table of commands, where nothing is mapped to success."""
    is_of_commands = COMMAND.fullmatch(columns.get("input", "")) or constants.get("action") == "run"
    if not is_of_commands or "success" in columns or "success" in constants:
        return None
    return next((it for it in names if EXIT_CODE.fullmatch(it) and it not in columns.values()), None)
