"""Conversations that are kept as a tree: the current path, and what was answered beside it.

A question that was asked again in other words begins another conversation and is left out; another answer to the
same question is kept with the one that stands, as "alternatives". Not here: what a node says (one importer a format).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from vibe_pipeline.interactions.importers.messages import Message, Unusable, answer_text


@dataclass(frozen=True, slots=True)
class Tree:
    """Nodes in the order in which they are written, by name."""

    messages: dict[str, list[Message]]
    parents: dict[str, str | None]
    current: str | None
    """The last node of the current path; the newest leaf where the format names none that exists."""


def tree_of(nodes: dict[str, Any], messages: dict[str, list[Message]], parent: str, children: str, leaf: Any) -> Tree:
    """The tree of nodes that name their parent, or their children, or both."""
    listed = {child: name for name, node in nodes.items() for child in _names(node.get(children))}
    named = {name: node.get(parent) for name, node in nodes.items()}
    parents = {
        name: up if isinstance(up, str) and up in nodes else listed.get(name) if up is None else None
        for name, up in named.items()
    }
    current = leaf if isinstance(leaf, str) and leaf in nodes else _newest_leaf(messages, parents)
    return Tree(messages, parents, current)


def conversation(tree: Tree) -> list[Message]:
    """The messages of the current path; each answer with those that were given in its place."""
    children: dict[str | None, list[str]] = {}
    for name, parent in tree.parents.items():
        if parent is not None:
            children.setdefault(parent, []).append(name)
    found: list[Message] = []
    beside: dict[str, None] = {}
    for name in _path(tree):
        said = tree.messages[name]
        if any(message.role == "user" for message in said):
            beside = {}
        else:
            others = (other for other in children.get(tree.parents[name], ()) if other != name)
            beside |= {text: None for other in others if (text := _answer(tree, children, other))}
        for message in said:
            kept = beside and message.role == "assistant"
            found.append(replace(message, extra={**message.extra, "alternatives": list(beside)}) if kept else message)
    return found


def nodes_of(value: Any, name: str) -> dict[str, Any]:
    """The nodes by name, or Unusable; `name` is what the record calls them."""
    if not isinstance(value, dict):
        raise Unusable(f"{name} is not an object")
    if not value:
        raise Unusable(f"{name} is empty")
    if not all(isinstance(node, dict) for node in value.values()):
        raise Unusable(f"a node of {name} is not an object")
    return value


def _names(value: Any) -> Iterator[str]:
    yield from (name for name in value if isinstance(name, str)) if isinstance(value, list) else ()


def _newest_leaf(messages: dict[str, list[Message]], parents: dict[str, str | None]) -> str | None:
    """The leaf with the latest message; among those without a time the one written last."""
    inner = set(parents.values())
    leaves = [(order, name) for order, name in enumerate(parents) if name not in inner]

    def age(leaf: tuple[int, str]) -> tuple[float, int]:
        times = [message.at.timestamp() for message in messages[leaf[1]] if message.at]
        return (max(times, default=0.0), leaf[0])

    return max(leaves, key=age)[1] if leaves else None


def _path(tree: Tree) -> list[str]:
    """From the root to the current node; a tree without a single link is a list."""
    if not any(tree.parents.values()):
        return list(tree.parents)
    path: dict[str, None] = {}
    name = tree.current
    while name is not None and name not in path:  # damaged exports have circles
        path[name] = None
        name = tree.parents[name]
    return list(reversed(path))


def _answer(tree: Tree, children: dict[str | None, list[str]], name: str) -> str:
    """What was answered on a branch before its next question."""
    said: list[Message] = []
    seen: set[str] = set()
    while name not in seen and not any(message.role == "user" for message in tree.messages[name]):
        seen.add(name)
        said += tree.messages[name]
        name = children.get(name, [name])[-1]
    return answer_text(said)
