"""In which order definitions can be evaluated."""

from __future__ import annotations

import heapq
from collections.abc import Mapping

from heecon.errors import InputError, Problem
from heecon.language.tree import Tree, names


class CircularDefinition(InputError):  # noqa: N818  (it is one)
    """Definitions need each other.

    Attributes:
        loop: the names round the loop, the first one repeated at the end.
    """

    def __init__(self, loop: tuple[str, ...]) -> None:
        self.loop = loop
        what = f"circular definition: {' -> '.join(loop)}"
        super().__init__(Problem(loop[0], what, "define one of them without the others"))


def dependency_order(trees: Mapping[str, Tree]) -> list[str]:
    """The names so ordered that each comes after all that its definition reads.

    Of several that could come next the one declared first does, so an order that already works is
    kept. Names that are not keys of ``trees`` (parameters, say) are taken as known.

    Raises:
        CircularDefinition: there is no such order.
    """
    rank = {name: place for place, name in enumerate(trees)}
    listed = list(trees)
    needs = {name: names(tree) & rank.keys() for name, tree in trees.items()}
    readers: dict[str, list[str]] = {name: [] for name in trees}
    for name, needed in needs.items():
        for other in needed:
            readers[other].append(name)
    waiting = {name: len(needed) for name, needed in needs.items()}
    ready = [rank[name] for name, count in waiting.items() if count == 0]
    heapq.heapify(ready)
    ordered: list[str] = []
    while ready:
        name = listed[heapq.heappop(ready)]
        ordered.append(name)
        for reader in readers[name]:
            waiting[reader] -= 1
            if waiting[reader] == 0:
                heapq.heappush(ready, rank[reader])
    if len(ordered) < len(trees):
        raise CircularDefinition(_loop(needs, set(trees) - set(ordered), rank))
    return ordered


def _loop(
    needs: Mapping[str, frozenset[str]], stuck: set[str], rank: Mapping[str, int]
) -> tuple[str, ...]:
    """A loop among definitions that all wait for another of them, earliest declared first."""
    path: list[str] = []
    name = min(stuck, key=rank.__getitem__)
    while name not in path:
        path.append(name)
        name = min(needs[name] & stuck, key=rank.__getitem__)
    circle = path[path.index(name) :]
    first = circle.index(min(circle, key=rank.__getitem__))
    return (*circle[first:], *circle[: first + 1])
