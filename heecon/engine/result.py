"""What a run gives: amounts by draw, strategy, outcome and state, and the trace on request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from heecon.arrays import Floats
from heecon.engine.moments import MonteCarlo, together
from heecon.errors import InputError, Problem
from heecon.files import names
from heecon.model.definition import Model, Outcome


@dataclass(frozen=True)
class Trace:
    """Every cycle of a run.

    Attributes:
        occupancy: (draws, strategies, cycles + 1, states) share of the cohort in a state at the
            start of the cycle; the last entry is the end of the last cycle.
        flow: (draws, strategies, cycles, transitions) share of the cohort making a transition in
            the cycle.
        moves: (from, to) of each entry of ``flow``; staying is not among them.
        amounts: (draws, strategies, outcomes, states, cycles + 1, 2) undiscounted and discounted
            amounts of each cycle. Corrections that weight time points use all cycles + 1 entries,
            the others leave the last one zero.
        time_in_state: (draws, strategies, cycles + 1, times) occupancy by state and time in it, in
            cycles, one state's times after the other's; None if it was not asked for.
    """

    occupancy: Floats
    flow: Floats
    moves: tuple[tuple[str, str], ...]
    amounts: Floats
    time_in_state: Floats | None = None


@dataclass(frozen=True)
class Result:
    """Outcomes per person.

    Attributes:
        model: the model that ran.
        strategies: names, the second axis.
        outcomes: the outcomes of the model's perspective, the third axis.
        states: names, the fourth axis: where an amount arose. One-off amounts belong to the state
            started in or entered.
        undiscounted: (draws, strategies, outcomes, states).
        discounted: the same shape.
        trace: cycle by cycle, if it was asked for.
        alive_at_end: (draws, strategies) share of the cohort outside absorbing states at the end.
        monte_carlo: errors of the means, when people were simulated; None for a cohort.
    """

    model: Model
    strategies: tuple[str, ...]
    outcomes: tuple[Outcome, ...]
    states: tuple[str, ...]
    undiscounted: Floats
    discounted: Floats
    alive_at_end: Floats
    trace: Trace | None = None
    monte_carlo: MonteCarlo | None = None

    @property
    def draws(self) -> int:
        """Number of draws; 1 for a deterministic run."""
        return len(self.discounted)

    def total(self, kind: str, *, discounted: bool = True) -> Floats:
        """Sum over the outcomes of a kind ("cost", "qaly", "life_year", "count").

        Returns:
            (draws, strategies).
        """
        chosen = [i for i, outcome in enumerate(self.outcomes) if outcome.kind == kind]
        cube = self.discounted if discounted else self.undiscounted
        return np.asarray(cube[:, :, chosen].sum(axis=(2, 3)))

    def of(self, outcome: str, *, discounted: bool = True) -> Floats:
        """One outcome by name, summed over states.

        Returns:
            (draws, strategies).

        Raises:
            InputError: no outcome of that name in the model's perspective.
        """
        known = [o.name for o in self.outcomes]
        if outcome not in known:
            hint = names.did_you_mean(outcome, known)
            raise InputError(Problem("outcomes", f"unknown outcome '{outcome}'", hint))
        cube = self.discounted if discounted else self.undiscounted
        return np.asarray(cube[:, :, known.index(outcome)].sum(axis=2))


def concatenate(results: Sequence[Result]) -> Result:
    """Put the draws of several runs of one model one after the other."""
    first = results[0]
    if len(results) == 1:
        return first
    traces = [result.trace for result in results]
    kept = [trace for trace in traces if trace is not None]
    trace = None
    times = [trace.time_in_state for trace in kept if trace.time_in_state is not None]
    if len(kept) == len(results):
        trace = Trace(
            np.concatenate([trace.occupancy for trace in kept]),
            np.concatenate([trace.flow for trace in kept]),
            kept[0].moves,
            np.concatenate([trace.amounts for trace in kept]),
            np.concatenate(times) if len(times) == len(kept) else None,
        )
    return Result(
        first.model,
        first.strategies,
        first.outcomes,
        first.states,
        np.concatenate([result.undiscounted for result in results]),
        np.concatenate([result.discounted for result in results]),
        np.concatenate([result.alive_at_end for result in results]),
        trace,
        together([r.monte_carlo for r in results if r.monte_carlo]) if first.monte_carlo else None,
    )
