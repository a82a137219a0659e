"""What people in continuous time do in each cycle: where they are, how they move, what it gives."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from heecon.arrays import Floats, Integers
from heecon.model.definition import Model
from heecon.model.outcomes import edges_of


class CycleLedger:
    """Sums over people, by cycle.

    Attributes:
        occupancy: (cycles + 1, states) people in a state at the time points.
        flow: (cycles, transitions) moves of the cycles.
        amounts: (outcomes, states, cycles + 1, 2), the last cycle's entry being zero.
    """

    def __init__(self, model: Model, outcomes: int, grid: Floats) -> None:
        self.grid, self.cycles = grid, len(grid) - 1
        states = list(model.states)
        edges = edges_of(model.transitions, model.states)
        self._edges = {
            (states.index(a), states.index(b)): number for number, (a, b) in enumerate(edges)
        }
        self.occupancy = np.zeros((self.cycles + 1, len(states)))
        self.flow = np.zeros((self.cycles, len(edges)))
        self.amounts = np.zeros((outcomes, len(states), self.cycles + 1, 2))

    def cycle_of(self, times: Floats) -> Integers:
        """The cycle a time lies in; the horizon belongs to the last."""
        return np.clip(np.searchsorted(self.grid, times, side="right") - 1, 0, self.cycles - 1)

    def stay(self, state: Integers, entry: Floats, left: Floats) -> None:
        """People in states from one time until another: infinite for those who never leave."""
        first, last = (np.searchsorted(self.grid, times, side="left") for times in (entry, left))
        for index in range(self.occupancy.shape[1]):
            here = state == index
            counts = [np.bincount(x[here], minlength=self.cycles + 2) for x in (first, last)]
            self.occupancy[:, index] += np.cumsum(counts[0] - counts[1])[:-1]

    def move(self, origin: Integers, target: Integers, when: Floats) -> None:
        """Moves between states."""
        cycle = self.cycle_of(when)
        for (left, to), number in self._edges.items():
            chosen = (origin == left) & (target == to)
            self.flow[:, number] += np.bincount(cycle[chosen], minlength=self.cycles)

    def once(self, outcome: int, state: int, when: Floats, amounts: Floats) -> None:
        """One-off amounts, undiscounted and discounted."""
        np.add.at(self.amounts[outcome, state], self.cycle_of(when), amounts)

    def accrue(
        self,
        outcome: int,
        state: int,
        entry: Floats,
        until: Floats,
        accrued: Callable[[Floats], Floats],
    ) -> None:
        """What accrues between two times: parts of the first and last cycle, and whole ones."""
        first = self.cycle_of(entry)
        last = np.maximum(np.searchsorted(self.grid, until, side="left") - 1, first)
        into = self.amounts[outcome, state]
        end = np.minimum(self.grid[first + 1], until)
        np.add.at(into, first, accrued(end) - accrued(entry))
        later = last > first
        begin = self.grid[last[later]]
        np.add.at(into, last[later], accrued(until[later]) - accrued(begin))
        size = self.cycles + 2
        counts = np.bincount(first[later] + 1, minlength=size)
        counts = np.cumsum(counts - np.bincount(last[later], minlength=size))[: self.cycles]
        into[:-1] += counts[:, None] * np.diff(accrued(self.grid), axis=0)
