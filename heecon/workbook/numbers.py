"""The engine's numbers for one strategy's trace: what every cell of it should show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from heecon.engine.cohort import run_cohort
from heecon.engine.prepare import Move, Preparation
from heecon.engine.result import Result
from heecon.language import Tree
from heecon.language import evaluate as evaluate_tree
from heecon.model.definition import Formula, Model
from heecon.workbook.case import Case, widened

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Runs:
    """Two runs of the model with every outcome: over its horizon, and over all rows there are.

    Attributes:
        model: the model, all rows long.
        within: amounts come from here.
        whole: occupancy and flows come from here.
    """

    model: Model
    within: Result
    whole: Result


def runs_of(case: Case) -> Runs:
    """Run the chosen scenario for the traces."""
    model = case.model
    within = run_cohort(widened(model, model.settings.cycles), keep_trace=True)
    whole = widened(model, case.cycles)
    if case.cycles == model.settings.cycles:
        return Runs(whole, within, within)
    # Only the shorter horizon is counted; weights of its time points need not fit the longer one.
    return Runs(whole, within, run_cohort(replace(whole, outcomes={}), keep_trace=True))


class Numbers:
    """What one strategy's trace holds.

    Args:
        runs: from ``runs_of``.
        strategy: its name.
    """

    def __init__(self, runs: Runs, strategy: str) -> None:
        self.model = runs.model
        self.points = self.model.settings.cycles + 1
        number = list(self.model.strategies).index(strategy)
        values = {name: np.array([row.value]) for name, row in self.model.rows(strategy).items()}
        self.preparation = Preparation(self.model, strategy, values, draws=1, first_draw=0)
        self.moves = self.preparation.moves()
        self.start = self.model.strategies[strategy].start or self.model.start
        trace, within = runs.whole.trace, runs.within.trace
        assert trace is not None  # noqa: S101  (both runs keep it)
        assert within is not None  # noqa: S101
        self.occupancy = trace.occupancy[0, number]
        self.flow = dict(zip(trace.moves, trace.flow[0, number].T, strict=True))
        self.amounts = within.amounts[0, number].sum(axis=1)
        self.outcomes = {o.name: i for i, o in enumerate(runs.within.outcomes)}
        self.slots = self._slots() if max(self.preparation.slots) > 1 else self.occupancy

    def series(self, formula: Formula | Tree, slot: int = 0) -> Floats:
        """Value of a formula at every time point, after some cycles in the state."""
        if isinstance(formula, Formula):
            return self._at(self.preparation.evaluate(formula), slot)
        known: Mapping[str, Floats] = self.preparation.environment
        value = np.asarray(evaluate_tree(formula, known, self.model.tables), dtype=float)
        return self._at(value.reshape((1,) * (3 - value.ndim) + value.shape), slot)

    def variable(self, name: str, slot: int = 0) -> Floats:
        """Value of a variable at every time point."""
        return self._at(self.preparation.environment[name], slot)

    def probability(self, move: Move, slot: int = 0) -> Floats:
        """Probability of a move in every cycle."""
        return self._at(move.probability, slot)[: self.points - 1]

    def starts(self) -> Floats:
        """Share of the cohort in each state at time 0."""
        return np.asarray(self.preparation.starts()[0])

    def amount(self, outcome: str, *, discounted: bool) -> Floats:
        """Amount of an outcome at every time point, zero beyond the horizon."""
        found = np.zeros(self.points)
        amounts = self.amounts[self.outcomes[outcome], :, int(discounted)]
        found[: len(amounts)] = amounts
        return found

    def first_slot(self, state: int) -> int:
        """Place of a state's first cycle of residence among all slots."""
        return sum(self.preparation.slots[:state])

    def _at(self, value: Floats, slot: int) -> Floats:
        line = value[0, :, min(slot, value.shape[2] - 1)]
        return np.broadcast_to(line, (self.points,)) if line.size == 1 else line

    def _slots(self) -> Floats:
        """Occupancy of every cycle of residence, which the engine's trace adds up by state."""
        counts = self.preparation.slots
        first = np.cumsum([0, *counts])
        people = np.zeros((self.points, first[-1]))
        people[0, first[:-1]] = self.starts()
        for cycle in range(self.points - 1):
            for move in self.moves:
                low = first[move.origin] + move.low
                chances = [self._chance(move, cycle, slot) for slot in range(move.low, move.high)]
                leaving = people[cycle, low : low + len(chances)] * chances
                if not move.stays:
                    people[cycle + 1, first[move.destination]] += leaving.sum()
                    continue
                last = first[move.origin + 1] - 1
                for slot, share in enumerate(leaving, start=low + 1):
                    people[cycle + 1, min(slot, last)] += share
        return people

    @staticmethod
    def _chance(move: Move, cycle: int, slot: int) -> float:
        shape = move.probability.shape
        return float(move.probability[0, min(cycle, shape[1] - 1), min(slot, shape[2] - 1)])
