"""`vibe verify`: is a home what it says it is? Reads everything and changes nothing.

    files.py       every file is what its name or its checksum says
    chains.py      every chain is whole, read as far as it can be
    naming.py      what is named by anything is there
    answers.py     kept scores agree with the scorecards that were made of them
    verdicts.py    figures and verdicts follow from them
    retraining.py  an adapter follows from its mix: the one check that needs a model

What none of it can show: docs/decisions/0021-what-verify-can-and-cannot-show.md.
"""

from __future__ import annotations

from vibe_pipeline.verifying.findings import Findings, Problem
from vibe_pipeline.verifying.home import verify
from vibe_pipeline.verifying.retraining import Retrained, retrain

__all__ = ["Findings", "Problem", "Retrained", "retrain", "verify"]
