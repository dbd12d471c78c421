"""Examples for other programs: in which shapes (shapes.py, messages.py), written as a folder (writing.py), handed over
whole (handing_over.py), with what an export says of itself (outcome.py)."""
