"""What is the same as something else: within a generation, in earlier ones, and across the split.

shingles.py     texts → hashes of words and of windows of words
wrapping.py     what a log or a page puts around a text
sketch.py       an example → a few hashes by which near-duplicates and leaks are found
keys.py         by which keys two examples are the same, nearly the same, or a leak of each other
index.py        the keys of earlier generations, in sorted runs on the disk
pages.py        the pages of a run, each with its sum
known.py        what the index keeps of a generation, read from its file
stretches.py    rows, a part of them at a time
neighbours.py   near-duplicates within a generation
leaks.py        what leaks from one side of the split to the other
quoting.py      what is a quote of the other side, and what many say
withdrawing.py  which rows of earlier generations are learned no longer
answers.py      who answers what was answered before, and whose answer stays
judging.py      which candidates leave
sides.py        what is on both sides of the split after all
reasons.py      why, in words
"""
