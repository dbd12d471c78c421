"""What whoever opened a generation should know before it is climbed: what is learned from, judged on and held out by is
fixed with its cut.

Not here: what is refused before there is a cut (log.py).
"""

from __future__ import annotations

from vibe_pipeline.records import ExampleSet, Split, generation_name


def of_groups(examples: ExampleSet) -> str:
    """How many examples are held out by `curate.group`, in words; empty where nobody noted it."""
    if not examples.group:
        return "" if examples.group is None else "none named (curate.group)"
    others = examples.rows - _rows(examples, Split.TEST) - examples.grouped
    rest = f", {others:,} have none and are held out by conversation" if others else ""
    return f"{examples.grouped:,} examples have {examples.group}{rest}{_of_split(examples)}"


def of_actions(examples: ExampleSet) -> str:
    """How many interactions are of actions that no list names, in words; empty where none is."""
    if not examples.unlisted:
        return ""
    told = [f"{rows:,} {action}" for action, rows in examples.unlisted_actions.items()]
    if rest := examples.unlisted - sum(examples.unlisted_actions.values()):
        told.append(f"{rest:,} others")
    return f"{examples.unlisted:,} interactions are of actions that no list of [curate] names ({', '.join(told)})"


def doubts(examples: ExampleSet) -> list[str]:
    """What makes a generation worth less than it seems, a sentence each."""
    learned, probes = (_rows(examples, split) for split in (Split.TRAIN, Split.TEST))
    unlisted = [f"{of_actions(examples)}: nothing but patterns is made of them"] if examples.unlisted else []
    if not examples.rows:
        return ["There are no examples: nothing to learn from, and nothing to judge by", *unlisted]
    found = unlisted
    if not learned:
        found.append(f"Nothing to learn from: all {examples.rows:,} examples are held out")
    if learned == examples.rows:
        found.append(f"Nothing to judge by: none of {examples.rows:,} examples is held out")
    is_split = examples.were_split and examples.generation == examples.group_since
    if examples.group and (is_split or examples.grouped < examples.rows - probes):
        found.append(f"Not all is held out by group: {of_groups(examples)}")
    return found


def _of_split(examples: ExampleSet) -> str:
    """What suites of earlier generations hold cannot be taken back, and no figure of leaks counts it again."""
    if not examples.were_split:
        return ""
    since = generation_name(examples.group_since or 0)
    return (
        f"; each group is on one side since {since} (before that {examples.were_split:,} of these lay on both: "
        "learned from by now, and still in earlier suites)"
    )


def _rows(examples: ExampleSet, split: Split) -> int:
    return sum(rows for its, _, rows, _ in examples.counts if its == split)
