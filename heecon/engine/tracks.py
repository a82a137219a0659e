"""Results of a microsimulation from the number of people who made every move.

The numbers are whole, so what follows from them is the same whatever threads counted them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from heecon.engine import kernels
from heecon.engine.common import Common
from heecon.engine.rewards import Reward
from heecon.model.outcomes import edges_of

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Tracks:
    """Where people of one strategy were, from how many made every move."""

    def __init__(self, common: Common, started: Integers, moves: Integers, count: int) -> None:
        """Count visits from moves.

        Args:
            common: what the people have in common.
            started: (states) how many started there.
            moves: (cycles, rows, exits) how many made each move.
            count: how many there are.
        """
        self.common = common
        self.moves = moves / count
        paths = common.layout
        cycles, rows, _ = moves.shape
        visits = np.zeros((cycles + 1, rows), dtype=np.int64)
        visits[0, common.first[:-1]] = started
        final = common.final == 1
        counted = moves * ~((final[:, None]) & (paths.event == 0))[None]
        everywhere: Any = (slice(None), paths.target)
        np.add.at(visits[1:], everywhere, counted)
        visits[:, final] = np.cumsum(visits[:, final], axis=0)
        self.visits = visits / count

    def occupancy(self) -> Floats:
        """(cycles + 1, states) shares."""
        return np.add.reduceat(self.visits, self.common.first[:-1], axis=1)

    def flow(self) -> Floats:
        """(cycles, moves) share making each move."""
        common = self.common
        edges = edges_of(common.model.transitions, common.model.states)
        names = list(common.model.states)
        flow = np.zeros((len(self.moves), len(edges)))
        for state, numbers in enumerate(common.exits.of):
            rows = slice(int(common.first[state]), int(common.first[state + 1]))
            for e, number in enumerate(numbers):
                move = common.exits.moves[number]
                if not move.stays:
                    edge = names[move.origin], names[move.destination]
                    flow[:, edges.index(edge)] += self.moves[:, rows, e].sum(axis=1)
        return flow

    def by_cycle(self, draw: int) -> Floats:
        """Amounts common to all, (outcomes, states, cycles + 1, 2)."""
        shape = len(self.common.outcomes), len(self.common.slots), self.common.cycles + 1, 2
        found = np.zeros(shape)
        for term, points, amounts in self._amounts(draw):
            for which in range(2):
                found[term.outcome, term.state, :points, which] += amounts[which]
        return found

    def cube(self, draw: int) -> Floats:
        """Amounts common to all, (outcomes, states, 2)."""
        found = np.zeros((len(self.common.outcomes), len(self.common.slots), 2))
        for term, _, amounts in self._amounts(draw):
            for which in range(2):
                found[term.outcome, term.state, which] += amounts[which].sum()
        return found

    def _amounts(self, draw: int) -> Iterator[tuple[Reward, int, list[Floats]]]:
        """Each term with what it amounts to by cycle, undiscounted and discounted."""
        common = self.common
        for term in common.terms:
            if term.value is None:
                continue
            points = term.points
            if term.source == kernels.FROM_TRANSITION:
                move = common.exits.moves[term.place]
                e = common.exits.of[move.origin].index(term.place)
                low = int(common.first[move.origin])
                people = self.moves[:, low + move.low : low + move.high, e]
                slots = slice(move.low, move.high)
            else:
                low = int(common.first[term.place])
                slots = slice(0, common.slots[term.place])
                people = self.visits[:, low : low + slots.stop]
                if term.method == kernels.AT_END:
                    people = people[1:]
                elif term.method == kernels.AVERAGE:
                    people = 0.5 * (people[:-1] + people[1:])
                people = people[:points]
            worth = [v[:, slots] if v.shape[1] > 1 else v for v in term.weighted(draw)]
            yield term, points, [(people * value).sum(axis=1) for value in worth]
