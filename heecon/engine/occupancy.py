"""Results of a microsimulation from the number of people who made every transition.

The numbers are whole, so what follows from them is the same whatever threads counted them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from heecon.arrays import Floats, Integers
from heecon.engine import kernels
from heecon.engine.draw_tables import DrawTables
from heecon.engine.rewards import Reward
from heecon.model.outcomes import edges_of


class OccupancyCounts:
    """Where people of one strategy were, from how many made every transition."""

    def __init__(
        self, tables: DrawTables, started: Integers, transitions: Integers, count: int
    ) -> None:
        """Count visits from transitions.

        Args:
            tables: what the people have in common.
            started: (states) how many started there.
            transitions: (cycles, slots, exits) how many made each transition.
            count: how many there are.
        """
        self.tables = tables
        self.transitions = transitions / count
        paths = tables.layout
        cycles, slots, _ = transitions.shape
        visits = np.zeros((cycles + 1, slots), dtype=np.int64)
        visits[0, tables.first[:-1]] = started
        final = tables.final == 1
        counted = transitions * ~((final[:, None]) & (paths.event == 0))[None]
        everywhere: Any = (slice(None), paths.target)
        np.add.at(visits[1:], everywhere, counted)
        visits[:, final] = np.cumsum(visits[:, final], axis=0)
        self.visits = visits / count

    def occupancy(self) -> Floats:
        """(cycles + 1, states) shares."""
        return np.add.reduceat(self.visits, self.tables.first[:-1], axis=1)

    def flow(self) -> Floats:
        """(cycles, transitions) share making each transition."""
        tables = self.tables
        edges = edges_of(tables.model.transitions, tables.model.states)
        names = list(tables.model.states)
        flow = np.zeros((len(self.transitions), len(edges)))
        for state, numbers in enumerate(tables.exit_order.of):
            slots = slice(int(tables.first[state]), int(tables.first[state + 1]))
            for e, number in enumerate(numbers):
                transition = tables.exit_order.transitions[number]
                if not transition.stays:
                    edge = names[transition.origin], names[transition.destination]
                    flow[:, edges.index(edge)] += self.transitions[:, slots, e].sum(axis=1)
        return flow

    def by_cycle(self, draw: int) -> Floats:
        """Amounts common to all, (outcomes, states, cycles + 1, 2)."""
        shape = len(self.tables.outcomes), len(self.tables.residence), self.tables.cycles + 1, 2
        found = np.zeros(shape)
        for reward, points, amounts in self._amounts(draw):
            for which in range(2):
                found[reward.outcome, reward.state, :points, which] += amounts[which]
        return found

    def cube(self, draw: int) -> Floats:
        """Amounts common to all, (outcomes, states, 2)."""
        found = np.zeros((len(self.tables.outcomes), len(self.tables.residence), 2))
        for reward, _, amounts in self._amounts(draw):
            for which in range(2):
                found[reward.outcome, reward.state, which] += amounts[which].sum()
        return found

    def _amounts(self, draw: int) -> Iterator[tuple[Reward, int, list[Floats]]]:
        """Each reward with what it amounts to by cycle, undiscounted and discounted."""
        tables = self.tables
        for reward in tables.rewards:
            if reward.value is None:
                continue
            points = reward.points
            if reward.source == kernels.FROM_TRANSITION:
                transition, e = tables.exit_order.place_of(reward.place)
                low = int(tables.first[transition.origin])
                people = self.transitions[:, low + transition.low : low + transition.high, e]
                times = slice(transition.low, transition.high)
            else:
                low = int(tables.first[reward.place])
                times = slice(0, tables.residence[reward.place])
                people = self.visits[:, low : low + times.stop]
                if reward.method == kernels.AT_END:
                    people = people[1:]
                elif reward.method == kernels.AVERAGE:
                    people = 0.5 * (people[:-1] + people[1:])
                people = people[:points]
            amounts = [v[:, times] if v.shape[1] > 1 else v for v in reward.weighted(draw)]
            yield reward, points, [(people * value).sum(axis=1) for value in amounts]
