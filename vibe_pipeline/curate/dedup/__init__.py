"""What is the same as something else: within a generation, in earlier ones, and across the split.

shingles.py   texts → hashes of words and of windows of words
sketch.py     an example → a few hashes by which near-duplicates and leaks are found
keys.py       by which keys two examples are the same, nearly the same, or a leak of each other
index.py      the keys of earlier generations, in sorted runs on the disk
known.py      what the index keeps of a generation, read from its file
leaks.py      what leaks from one side of the split to the other
judging.py    which candidates leave
reasons.py    why, in words
"""
