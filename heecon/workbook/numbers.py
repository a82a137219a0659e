"""The engine's numbers for one strategy's trace: what every cell of it should show."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from heecon.arrays import Floats
from heecon.engine.cohort import run_cohort
from heecon.engine.result import Result
from heecon.engine.strategy_inputs import EvaluatedStrategy, Transition
from heecon.language import Name, Tree
from heecon.model.definition import Formula, Model
from heecon.workbook.case import WorkbookInput, widened


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


def runs_of(case: WorkbookInput) -> Runs:
    """Run the chosen scenario for the traces."""
    model = case.model
    within = run_cohort(
        widened(model, model.settings.cycles), keep_trace=True, keep_time_in_state=True
    )
    whole = widened(model, case.cycles)
    if case.cycles == model.settings.cycles:
        return Runs(whole, within, within)
    # Only the shorter horizon is counted; weights of its time points need not fit the longer one.
    uncounted = replace(whole, outcomes={})
    return Runs(whole, within, run_cohort(uncounted, keep_trace=True, keep_time_in_state=True))


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
        self.evaluated = EvaluatedStrategy(self.model, strategy)
        self.moves = self.evaluated.transitions
        self.start = self.model.strategies[strategy].start or self.model.start
        trace, within = runs.whole.trace, runs.within.trace
        assert trace is not None  # noqa: S101  (both runs keep it)
        assert trace.time_in_state is not None  # noqa: S101
        assert within is not None  # noqa: S101
        self.occupancy = trace.occupancy[0, number]
        self.slots = trace.time_in_state[0, number]
        self.flow = dict(zip(trace.moves, trace.flow[0, number].T, strict=True))
        self.amounts = within.amounts[0, number].sum(axis=1)
        self.outcomes = {o.name: i for i, o in enumerate(runs.within.outcomes)}

    def series(self, formula: Formula | Tree, slot: int = 0) -> Floats:
        """Value of a formula at every time point, after some cycles in the state."""
        return self._at(self.evaluated.value(formula), slot)

    def variable(self, name: str, slot: int = 0) -> Floats:
        """Value of a variable at every time point."""
        return self.series(Name(name), slot)

    def probability(self, move: Transition, slot: int = 0) -> Floats:
        """Probability of a transition in every cycle."""
        return self._at(move.probability, slot)[: self.points - 1]

    def starts(self) -> Floats:
        """Share of the cohort in each state at time 0."""
        return np.asarray(self.evaluated.starts[0])

    def amount(self, outcome: str, *, discounted: bool) -> Floats:
        """Amount of an outcome at every time point, zero beyond the horizon."""
        found = np.zeros(self.points)
        amounts = self.amounts[self.outcomes[outcome], :, int(discounted)]
        found[: len(amounts)] = amounts
        return found

    def first_slot(self, state: int) -> int:
        """Place of a state's first cycle of residence among all slots."""
        return sum(self.evaluated.residence[:state])

    def _at(self, value: Floats, slot: int) -> Floats:
        line = value[0, :, min(slot, value.shape[2] - 1)]
        return np.broadcast_to(line, (self.points,)) if line.size == 1 else line
