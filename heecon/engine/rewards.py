"""What a strategy's outcomes give to people: at the start, in a state, at a transition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from heecon.arrays import Floats
from heecon.engine import discount, kernels
from heecon.engine.strategy_inputs import EvaluatedStrategy, Transition, over_one
from heecon.model.definition import Correction, Formula, Outcome

METHODS = {"end": kernels.AT_END, "life_table": kernels.AVERAGE}


@dataclass(frozen=True)
class Reward:
    """One formula of an outcome at one place it applies to.

    Attributes:
        source: ``kernels.FROM_START``, ``FROM_STATE`` or ``FROM_TRANSITION``.
        place: index of the state or of the transition.
        method: ``kernels.AT_START``, ``AT_END`` or ``AVERAGE``.
        points: how many cycles or time points are counted.
        outcome: number of the outcome.
        state: index of the state the amount is booked to.
        formula: the reward of one person.
        value: its values, over (draw, time point, time in state); None when it differs between
            individuals.
        weight: weights of the cycles or time points, over the same axes.
        factor: discount factors, over the same axes.
    """

    source: int
    place: int
    method: int
    points: int
    outcome: int
    state: int
    formula: Formula
    value: Floats | None
    weight: Floats
    factor: Floats

    def weighted(self, draw: int) -> tuple[Floats, Floats]:
        """The weighted reward of one person in a draw: undiscounted and discounted."""
        assert self.value is not None  # noqa: S101
        value, weight, factor = (
            array[: self.points] if array.shape[0] > 1 else array
            for array in (over_one(a, draw) for a in (self.value, self.weight, self.factor))
        )
        amount = value * weight
        return amount, amount * factor


def rewards_of(
    evaluated: EvaluatedStrategy, outcomes: Sequence[Outcome], transitions: Sequence[Transition]
) -> list[Reward]:
    """One reward for each formula of each outcome and place it applies to."""
    made = _Rewards(evaluated)
    found: list[Reward] = []
    states = evaluated.states
    number_of = {(t.origin, t.destination): i for i, t in enumerate(transitions) if not t.stays}
    for number, outcome in enumerate(outcomes):
        for state, formula in outcome.start.items():
            found.append(made.at_start(number, outcome, state, formula))
        for state, formula in outcome.state.items():
            found.append(made.in_state(number, outcome, state, formula))
        for state, formula in outcome.entering.items():
            destination = states.index(state)
            for edge, place in number_of.items():
                if edge[1] == destination:
                    found.append(made.at_transition(number, outcome, edge, place, formula))
        for (origin, to), formula in outcome.transition.items():
            edge = states.index(origin), states.index(to)
            found.append(made.at_transition(number, outcome, edge, number_of[edge], formula))
    return found


class _Rewards:
    """Makes rewards of one strategy; weights and discount factors are computed once."""

    def __init__(self, evaluated: EvaluatedStrategy) -> None:
        self.evaluated = evaluated
        self.settings = evaluated.model.settings
        self._factors: dict[tuple[str, str], Floats] = {}
        self._weights: dict[tuple[Correction | None, bool, float], Floats] = {}

    def at_start(self, number: int, outcome: Outcome, state: str, formula: Formula) -> Reward:
        """What is counted at time 0 is neither weighted nor discounted."""
        index = self.evaluated.states.index(state)
        value = self._checked(formula, f"{outcome.name} at the start in {state}")
        one = self._weight(None, shifted=False)
        place = kernels.FROM_START, index, kernels.AT_START, 1, number, index
        return Reward(*place, formula, value, one, one)

    def in_state(self, number: int, outcome: Outcome, state: str, formula: Formula) -> Reward:
        """What accrues while in a state."""
        index, correction = self.evaluated.states.index(state), outcome.correction
        points = self.evaluated.cycles + (1 if correction.pointwise else 0)
        value = self._checked(formula, f"{outcome.name} in {state}", (index, points))
        scale = self.settings.cycle_length if outcome.per_year else 1.0
        weight = self._weight(correction, shifted=False, scale=scale)
        factor = self._factor(outcome, "cycle_start" if correction.pointwise else None)
        method = METHODS.get(correction.method, kernels.AT_START)
        place = kernels.FROM_STATE, index, method, points, number, index
        return Reward(*place, formula, value, weight, factor)

    def at_transition(
        self, number: int, outcome: Outcome, edge: tuple[int, int], place: int, formula: Formula
    ) -> Reward:
        """What is counted once, when a transition is made."""
        origin, destination = (self.evaluated.states[state] for state in edge)
        cycles = self.evaluated.cycles
        what = f"{outcome.name} at {origin} -> {destination}"
        value = self._checked(formula, what, (edge[0], cycles))
        at_end = (outcome.timing or self.settings.timing) == "cycle_end"
        weight = self._weight(outcome.one_off_correction, shifted=at_end)
        where = kernels.FROM_TRANSITION, place, kernels.AT_START, cycles, number, edge[1]
        return Reward(*where, formula, value, weight, self._factor(outcome, None))

    def _checked(
        self, formula: Formula, what: str, part: tuple[int, int] | None = None
    ) -> Floats | None:
        """A value, what is not finite in it noted; None when it differs between individuals.

        Args:
            formula: of the reward.
            what: words for it.
            part: the state whose times in it, and how many time points, are looked at; None for
                all.
        """
        if self.evaluated.model.is_individual(formula):
            return None
        value = self.evaluated.value(formula)
        looked_at = value if part is None else self.evaluated.within(formula, *part)
        self.evaluated.checks.check_finite(looked_at, what, formula)
        return value

    def _weight(
        self, correction: Correction | None, *, shifted: bool, scale: float = 1.0
    ) -> Floats:
        """Weights of the cycles or time points.

        Args:
            correction: only those that weight time points have weights other than 1.
            shifted: a cycle has the weight of the time point at its end.
            scale: multiplies every weight.
        """
        if correction is None or not correction.pointwise:
            correction, shifted = None, False
        key = correction, shifted, scale
        if key not in self._weights:
            weights = np.ones(1) if correction is None else self._point_weights(correction)
            weights = weights[1:] if shifted else weights
            self._weights[key] = scale * weights[None, :, None]
        return self._weights[key]

    def _point_weights(self, correction: Correction) -> Floats:
        if correction.method == "simpson":
            return discount.simpson_weights(self.evaluated.cycles)
        if correction.method == "half_cycle":
            return discount.half_cycle_weights(self.evaluated.cycles)
        table = self.evaluated.model.tables[correction.table]
        return np.asarray(table.column(None), dtype=float)

    def _factor(self, outcome: Outcome, timing: str | None) -> Floats:
        """The discount factors of an outcome, at the outcome's own timing or another."""
        kind = "cost" if outcome.kind == "cost" else "effect"
        key = kind, timing or outcome.timing or self.settings.timing
        if key not in self._factors:
            points = np.arange(self.evaluated.cycles + 1.0) + discount.SHIFT[key[1]]
            times = points * self.settings.cycle_length
            rates = self.evaluated.discount_rates(kind)
            factors = discount.discount_factors(times, *rates, self.settings.compounding)
            self._factors[key] = factors[:, :, None]
        return self._factors[key]
