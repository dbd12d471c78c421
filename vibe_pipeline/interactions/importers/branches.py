"""Conversations that are kept as a tree: a question may be asked again in other words, an answer given again.

Every exchange of every branch is logged once. At each fork the child that was answered first goes on with the
conversation, for ever: so ids are the same whichever branch was the current one on the day of the export. Every other
child begins a conversation of its own, `branch_of` the first; it holds what was said from there on, and an answer the
question that it answers. `branch_turn` says how many turns of what it leaves were said before it; where it leaves
another branch, that is `branch_from`. The current path says which answer stands: it has the others to its question as
"alternatives". Not here: what a node says (one importer a format).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from vibe_pipeline.fingerprint import conversation_key
from vibe_pipeline.interactions.importers.exchanges import Origin, dated, interactions, turns_of, unanswered
from vibe_pipeline.interactions.importers.fields import Row
from vibe_pipeline.interactions.importers.losses import Losses
from vibe_pipeline.interactions.importers.messages import ROLES, Message, Unusable, answer_text
from vibe_pipeline.records import Interaction

Read = Callable[[Any], Iterable[Message]]
Speaker = Callable[[Row], Any]

LOST = Message("user")
"""In the place of what cannot be read and may be a question: what follows it does not answer the one before."""


@dataclass(frozen=True, slots=True)
class Tree:
    """Nodes by name, in the order in which they are written."""

    messages: dict[str, list[Message]]
    parents: dict[str, str | None]
    current: str | None
    """The last node of the current path; the newest leaf where the format names none that exists."""
    losses: Losses = field(default_factory=Losses)
    """Nodes that say nothing that can be read."""


@dataclass(frozen=True, slots=True)
class Branch:
    """What was said in a conversation, or from a fork on."""

    name: str
    """Of where it begins."""
    said: Sequence[Message]
    left: str | None = None
    """The name of the one that it leaves."""
    shared: Sequence[Message] = ()
    """What was said in that before."""
    is_left: bool = False
    """Whether the conversation went on elsewhere, so that nothing follows its end."""


def tree_of(nodes: dict[str, Any], read: Read, speaker: Speaker, parent: str, children: str, leaf: Any) -> Tree:
    """The tree of nodes that name their parent, or their children, or both; without a single link it is a list.

    `speaker` is what a node calls the role of who speaks in it.
    """
    messages: dict[str, list[Message]] = {}
    losses = Losses()
    for name, node in nodes.items():
        messages[name] = [LOST] if isinstance(node, dict) and _may_ask(speaker(node)) else []
        with losses.of(node):
            messages[name] = list(read(node))
    rows = {name: node for name, node in nodes.items() if isinstance(node, dict)}
    listed = {child: name for name, row in rows.items() for child in _names(row.get(children))}
    named = {name: row.get(parent) for name, row in rows.items()}
    parents = {
        name: up if isinstance(up, str) and up in rows else listed.get(name) if up is None else None
        for name, up in named.items()
    }
    parents = _without_circles(parents) if any(parents.values()) else dict(zip(rows, [None, *rows], strict=False))
    current = leaf if isinstance(leaf, str) and leaf in rows else _newest_leaf(messages, parents)
    return Tree(messages, parents, current, losses)


def interactions_of(tree: Tree, origin: Origin, before: Sequence[Message] = ()) -> Iterator[Interaction | Unusable]:
    """The exchanges of all branches; `before` stands before each. Unusable where none has any, NothingAsked where
    nobody spoke."""
    losses = Losses(tree.losses)
    branches = list(_branches(_with_alternatives(tree), before))
    found = with_branches(branches, origin, losses)
    losses += [question for branch in branches for question in unanswered(branch.said)]
    yield from losses.beside(found)
    yield from found


def with_branches(branches: Iterable[Branch], origin: Origin, losses: Losses) -> list[Interaction]:
    """The exchanges of a conversation, that comes first, and of its branches.

    What was said in a branch and gives none is among the losses.
    """
    found: list[Interaction] = []
    conversation: str | None = None
    keys: dict[str | None, str] = {}
    for branch in branches:
        own = origin
        if conversation is not None:
            own = aside(origin, conversation, branch.name)
            keys[branch.name] = conversation_key(origin.module, str(own.conversation))
            turns = turns_of(branch.shared, origin.unasked)
            left = {"branch_from": keys[branch.left]} if keys.get(branch.left, conversation) != conversation else {}
            own = replace(own, extra=own.extra | left | {"branch_turn": turns})
        own = replace(own, grows=own.grows and not branch.is_left)
        exchanges: list[Interaction] = []
        with losses.of("\n\n".join(message.text for message in branch.said if message.text)):
            exchanges = interactions(branch.said, own)
        if conversation is None:
            named = conversation_key(origin.module, origin.conversation or branch.name)
            conversation = keys[branch.name] = exchanges[0].conversation_id if exchanges else named
        found += exchanges
    return found


def aside(origin: Origin, conversation: str, name: str) -> Origin:
    """That of a branch, `name` is where it begins; `conversation` is the key of the one that it leaves."""
    extra = {**origin.extra, "branch_of": conversation}
    return replace(origin, conversation=f"{conversation}/{name}", extra=extra)


def shared_before(said: Sequence[Message], branch: Sequence[Message]) -> Sequence[Message]:
    """What was said before a fork, without the question that the branch itself holds, where it begins with an
    answer."""
    if next((message.role for message in branch if message.role != "system"), "user") == "user":
        return said
    place = max((place for place, message in enumerate(said) if message.role == "user"), default=0)
    while place and said[place - 1].role in ("user", "system"):
        place -= 1
    return said[:place]


def nodes_of(value: Any, name: str) -> dict[str, Any]:
    """The nodes by name, or Unusable; `name` is what the record calls them."""
    if not isinstance(value, dict):
        raise Unusable(f"{name} is not an object")
    return value


def _may_ask(role: Any) -> bool:
    return not isinstance(role, str) or ROLES.get(role.lower(), "user") == "user"


def _speaks(message: Message) -> bool:
    """Whether somebody asks or answers in it; thinking, calling a tool and failing are answers."""
    if message.role in ("system", "user"):
        return message.role == "user" and message is not LOST
    return bool(message.text.strip() or message.reasoning or message.calls) or message.success is False


@dataclass(slots=True)
class _Before:
    """What a branch needs of what was said before it: instructions, and the question if it begins with an answer."""

    instructions: list[Message]
    question: list[Message] = field(default_factory=list)
    """Since the last question; tools that were called since stay where they were called."""
    at: datetime | None = None
    """When the last of it was said."""

    def add(self, messages: Sequence[Message]) -> None:
        for message in dated(messages, self.at):
            self.at = message.at
            if message.role == "system":
                self.instructions.append(message)
            elif message.role == "user" and any(said.role != "user" for said in self.question):
                self.question = [message]
            elif message.role != "result":
                self.question.append(replace(message, calls=()))

    def copy(self) -> _Before:
        return _Before(list(self.instructions), list(self.question), self.at)

    def with_own(self, own: Sequence[Message]) -> list[Message]:
        speaker = next((message.role for message in own if message.role != "system"), "user")
        return [*self.instructions, *(self.question if speaker != "user" else ()), *dated(own, self.at)]


def _branches(tree: Tree, before: Sequence[Message]) -> Iterator[Branch]:
    """The conversation and every branch, named by their first node; one in which nobody spoke is none."""
    children = _children(tree)
    starts: list[tuple[str, _Before, str | None, list[Message]]]
    starts = [(name, _Before(list(before)), None, []) for name in children[None]]
    for start, said, left, shared in starts:
        own: list[Message] = []
        then = said.copy()
        name: str | None = start
        while name is not None:
            own += tree.messages[name]
            then.add(tree.messages[name])
            following = children.get(name, [])
            starts.extend((other, then.copy(), start, said.with_own(own)) for other in following[1:])
            name = following[0] if following else None
        if any(map(_speaks, own)):
            yield Branch(start, said.with_own(own), left, shared_before(shared, own))


def _children(tree: Tree) -> dict[str | None, list[str]]:
    """By when they were first answered, else as they are written; None stands above the roots."""
    children: dict[str | None, list[str]] = {None: []}
    for name, parent in tree.parents.items():
        children.setdefault(parent, []).append(name)
    answered: dict[str, float] = {}
    for name in _leaves_first(children):
        said = [message for message in tree.messages[name] if message.role == "assistant"]
        below = [answered[child] for child in children.get(name, ())]
        answered[name] = min([*([min(_times(said), default=0.0)] if said else []), *below], default=math.inf)
    for siblings in children.values():
        siblings.sort(key=answered.__getitem__)
    return children


def _leaves_first(children: dict[str | None, list[str]]) -> list[str]:
    names = list(children[None])
    for name in names:
        names.extend(children.get(name, ()))
    return names[::-1]


def _with_alternatives(tree: Tree) -> Tree:
    """The answers of the current path with those that were given in their place."""
    children = _children(tree)
    messages = dict(tree.messages)
    beside: dict[str, None] = {}
    for name in _path(tree):
        said = tree.messages[name]
        if any(message.role == "user" for message in said):
            beside = {}
            continue
        others = (other for other in children.get(tree.parents[name], ()) if other != name)
        beside |= {text: None for other in others if (text := _answer(tree, children, other))}
        if beside:
            more = {"alternatives": list(beside)}
            messages[name] = [
                replace(message, extra={**message.extra, **more}) if message.role == "assistant" else message
                for message in said
            ]
    return replace(tree, messages=messages)


def _path(tree: Tree) -> list[str]:
    """From the root to the current node."""
    path: list[str] = []
    name = tree.current
    while name is not None:
        path.append(name)
        name = tree.parents[name]
    return path[::-1]


def _answer(tree: Tree, children: dict[str | None, list[str]], name: str) -> str:
    """What was answered on a branch before its next question."""
    said: list[Message] = []
    following: list[str] = [name]
    while following and not any(message.role == "user" for message in tree.messages[following[-1]]):
        said += tree.messages[following[-1]]
        following = children.get(following[-1], [])
    return answer_text(said)


def _newest_leaf(messages: dict[str, list[Message]], parents: dict[str, str | None]) -> str | None:
    """The leaf with the latest message; among those without a time the one written last."""
    inner = set(parents.values())
    leaves = [(order, name) for order, name in enumerate(parents) if name not in inner]
    return max(leaves, key=lambda leaf: (max(_times(messages[leaf[1]]), default=0.0), leaf[0]))[1] if leaves else None


def _times(messages: Sequence[Message]) -> list[float]:
    return [message.at.timestamp() for message in messages if message.at]


def _without_circles(parents: dict[str, str | None]) -> dict[str, str | None]:
    """Damaged exports have them; each begins with its node that is written first."""
    parents, known = dict(parents), set[str]()
    for start in parents:
        path: dict[str, None] = {}
        name: str | None = start
        while name is not None and name not in known and name not in path:
            path[name] = None
            name = parents[name]
        if name in path:
            parents[str(name)] = None
        known |= path.keys()
    return parents


def _names(value: Any) -> Iterator[str]:
    yield from (name for name in value if isinstance(name, str)) if isinstance(value, list) else ()
