"""A model's formulas for one strategy and a chunk of draws: the only place they are evaluated.

Everything that can be wrong with a number is found here, in every draw, cycle and time in state,
before anybody moves: rates that are negative or not finite, probabilities outside 0 and 1, rows
that do not sum to one, values that are not finite.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from heecon.arrays import Floats, Integers
from heecon.engine import discount
from heecon.engine.checks import RangeChecks
from heecon.errors import InputError, Problem
from heecon.language import Tree, evaluate
from heecon.model.definition import Formula, Model, Transitions

SUM_TOLERANCE = 1e-9
"""Shares written out in full may miss one by this much: the excess is scaled away, a lack stays."""

_NONE = np.zeros((1, 1, 1))


@dataclass(frozen=True)
class Transition:
    """One way people go in a cycle.

    Attributes:
        origin: index of the state left.
        destination: index of the state entered, or stayed in.
        low: first time in the origin, in cycles, that people leave from.
        high: end of that range.
        stays: True for staying a cycle longer; False for entering the destination anew.
        probability: shape (draws or 1, cycles or 1, times in the state or 1).
    """

    origin: int
    destination: int
    low: int
    high: int
    stays: bool
    probability: Floats


@dataclass(frozen=True)
class TransitionMatrix:
    """Probabilities of one draw and cycle, from rows to columns.

    Attributes:
        state: (rows) index of the state of a row or column.
        time_in_state: (rows) cycles spent in it; 0 in states that keep no time.
        probability: (rows, rows), each row with the sum 1.
    """

    state: Integers
    time_in_state: Integers
    probability: Floats


class EvaluatedStrategy:
    """One strategy of a model, evaluated over a chunk of draws.

    Attributes:
        model: the model.
        strategy: the strategy.
        draws: number of draws.
        states: names of the states.
        residence: by state, how many times in it (cycles of residence) are told apart.
        cycles: number of cycles.
        names: values of parameters, variables and clocks by name, as ``value`` gives them.
        checks: what was found impossible.
    """

    def __init__(
        self,
        model: Model,
        strategy: str,
        draws: Mapping[str, Floats] | None = None,
        *,
        count: int = 1,
        first_draw: int = 0,
    ) -> None:
        """Evaluate the variables.

        Args:
            model: the model.
            strategy: name of the strategy.
            draws: parameter values by key, each of shape (draws or 1,); others keep their base
                value.
            count: number of draws in the chunk.
            first_draw: number of the first of them, for messages.
        """
        self.model = model
        self.strategy = model.strategies[strategy]
        self.draws = count
        self.states = list(model.states)
        self.residence = [state.slots for state in model.states.values()]
        self.cycles = model.settings.cycles
        self._values: dict[Tree, Floats] = {}
        self._rates: dict[str, tuple[list[float], list[Floats]]] = {}
        self.names: dict[str, Floats] = {}
        for name, row in model.rows(strategy).items():
            known = (draws or {}).get(row.key)
            self.names[name] = (np.array([row.value]) if known is None else known)[:, None, None]
        self.names |= self._clocks()
        self.checks = RangeChecks(model, strategy, first_draw, self.names)
        for name, formula in model.variables.items():
            if name not in model.personal:
                self.names[name] = self.value(formula)

    def value(self, formula: Formula | Tree) -> Floats:
        """Value of a formula, of shape (draws or 1, time points or 1, times in state or 1).

        One that never changes has a single time point: "on treatment until death" is computed for
        every cycle and is the same in all of them. Leaving the copies out spares everything that is
        computed from it the cycles too.
        """
        tree = formula.tree if isinstance(formula, Formula) else formula
        value = self._values.get(tree)
        if value is None:
            value = np.asarray(evaluate(tree, self.names, self.model.tables), dtype=float)
            value = value.reshape((1,) * (3 - value.ndim) + value.shape)
            if value.shape[1] > 1 and (value == value[:, :1]).all():
                value = value[:, :1]
            self._values[tree] = value
        return value

    def number(self, formula: Formula, draw: int = 0) -> float:
        """The value, in one draw, of a formula that does not change with time."""
        return float(over_one(self.value(formula), draw)[0, 0])

    def within(self, formula: Formula, state: int, points: int) -> Floats:
        """Its value at the first time points only, and the times in a state."""
        return self.value(formula)[:, :points, : self.residence[state]]

    def _clocks(self) -> dict[str, Floats]:
        settings = self.model.settings
        points = np.arange(self.cycles + 1, dtype=float)[None, :, None]
        since = np.arange(max(self.residence), dtype=float)[None, None, :]
        age = {}
        if not self.model.is_individual(settings.start_age):
            age["age"] = self.value(settings.start_age) + points * settings.cycle_length
        return age | {
            "cycle": points,
            "time": points * settings.cycle_length,
            "cycle_length": np.full((1, 1, 1), settings.cycle_length),
            "state_cycle": since,
            "state_time": since * settings.cycle_length,
        }

    def discount_rates(self, kind: str) -> tuple[list[float], list[Floats]]:
        """Years from which each discount rate applies, and the rates, each of shape (draws or 1,).

        Args:
            kind: "cost" or "effect".
        """
        if kind not in self._rates:
            steps = self.model.settings.discount[kind]
            what = f"discount rate of {kind}s a year"
            rates = [
                self.checks.in_range(self.value(step.rate), *discount.LIMITS, what, step.rate)
                for step in steps
            ]
            self._rates[kind] = [step.start for step in steps], [rate[:, 0, 0] for rate in rates]
        return self._rates[kind]

    # --- where people start -----------------------------------------------------------------------

    @cached_property
    def starts(self) -> Floats:
        """Share of the cohort in each state at time 0, (draws, states)."""
        start = self.strategy.start or self.model.start
        shares = np.zeros((self.draws, len(self.states)))
        for state, formula in start.shares.items():
            value = self.value(formula)
            value = self.checks.in_range(value, 0.0, 1.0, f"start share of {state}", formula)
            shares[:, self.states.index(state)] = value[:, 0, 0]
        total = shares.sum(axis=1)
        self._check_sums(total[:, None, None], "", "the start shares", complete=not start.rest)
        if start.rest:
            shares[:, self.states.index(start.rest)] += np.maximum(1.0 - total, 0.0)
        with np.errstate(all="ignore"):
            return np.asarray(shares / shares.sum(axis=1, keepdims=True))

    @property
    def starts_individually(self) -> bool:
        """Whether people have start shares of their own, which ``starts`` cannot give."""
        start = self.strategy.start or self.model.start
        return any(map(self.model.is_individual, start.shares.values()))

    # --- where they go ----------------------------------------------------------------------------

    @cached_property
    def transitions(self) -> list[Transition]:
        """Every way people go; the probabilities of a state that differ by person are zero."""
        found: list[Transition] = []
        for index, (name, state) in enumerate(self.model.states.items()):
            if state.absorbing:
                found.append(Transition(index, index, 0, 1, True, np.ones((1, 1, 1))))
            else:
                found += self._transitions_from(self.model.transitions[name])
        return found

    def matrix(self, draw: int, cycle: int) -> TransitionMatrix:
        """The transition probabilities of a draw and cycle.

        A row and a column is a state; of a state that keeps time there is one for each time in it.

        Raises:
            InputError: there is no such draw or cycle, or probabilities differ by person.
            SimulationError: some number is impossible.
        """
        for what, number, limit in (("draw", draw, self.draws), ("cycle", cycle, self.cycles)):
            if not 0 <= number < limit:
                raise InputError(Problem(what, f"there is no {what} {number}", f"0 to {limit - 1}"))
        for row in self.model.transitions.values():
            if any(map(self.model.is_individual, row.to.values())):
                what = f"the probabilities of leaving '{row.origin}' differ from person to person"
                raise InputError(Problem("transition matrix", what, "Each person has their own"))
        transitions = self.transitions
        self.checks.stop_if_any()
        first = np.cumsum([0, *self.residence], dtype=np.int64)
        matrix = np.zeros((first[-1], first[-1]))
        for t in transitions:
            times = np.arange(t.low, t.high)
            by_time = over_one(t.probability, draw)
            by_time = by_time[cycle if len(by_time) > 1 else 0]
            rows = first[t.origin] + times
            last = first[t.destination + 1] - 1
            columns = np.minimum(rows + 1, last) if t.stays else first[t.destination]
            matrix[rows, columns] += by_time[times] if len(by_time) > 1 else by_time[0]
        return TransitionMatrix(
            np.repeat(np.arange(len(self.states)), self.residence),
            np.concatenate([np.arange(times) for times in self.residence]),
            matrix,
        )

    def _transitions_from(self, row: Transitions) -> list[Transition]:
        index = self.states.index(row.origin)
        times, tunnel = self.residence[index], self.model.states[row.origin].tunnel is not None
        if any(map(self.model.is_individual, row.to.values())):
            probabilities, rest = dict.fromkeys(row.to, _NONE), _NONE
            self._check_shared(row, index)
        else:
            values = {to: self.within(f, index, self.cycles) for to, f in row.to.items()}
            probabilities, rest = (
                self._competing(row, values) if row.competing else self._stated(row, values)
            )
        found = []
        for to, probability in probabilities.items():
            stays = to == row.origin and not tunnel
            found.append(Transition(index, self.states.index(to), 0, times, stays, probability))
        destination = self.states.index(row.rest or row.origin)
        if tunnel:
            if times > 1:
                found.append(Transition(index, index, 0, times - 1, True, rest))
            found.append(Transition(index, destination, times - 1, times, False, rest))
        else:
            found.append(Transition(index, destination, 0, times, destination == index, rest))
        return found

    def _check_shared(self, row: Transitions, index: int) -> None:
        """Note impossible numbers that are the same for all, of a state where others differ."""
        high, kind = (np.inf, "rate") if row.competing else (1.0, "probability")
        for to, formula in row.to.items():
            if not self.model.is_individual(formula):
                value = self.within(formula, index, self.cycles)
                self.checks.in_range(value, 0.0, high, f"{kind} {row.origin} -> {to}", formula)

    def _competing(
        self, row: Transitions, rates: Mapping[str, Floats]
    ) -> tuple[dict[str, Floats], Floats]:
        """Probabilities of competing exponential hazards: r_i / R (1 - exp(-R dt)), R the sum."""
        checked = {
            to: self.checks.in_range(rate, 0.0, np.inf, f"rate {row.origin} -> {to}", row.to[to])
            for to, rate in rates.items()
        }
        total = sum(checked.values(), np.zeros((1, 1, 1)))
        with np.errstate(all="ignore"):
            exponent = -total * self.model.settings.cycle_length
            share = np.where(total > 0.0, -np.expm1(exponent) / total, 0.0)
            return {to: rate * share for to, rate in checked.items()}, np.exp(exponent)

    def _stated(
        self, row: Transitions, probabilities: Mapping[str, Floats]
    ) -> tuple[dict[str, Floats], Floats]:
        """Probabilities as written, and what they leave for the rest."""
        checked = {
            to: self.checks.in_range(p, 0.0, 1.0, f"probability {row.origin} -> {to}", row.to[to])
            for to, p in probabilities.items()
        }
        total = sum(checked.values(), np.zeros((1, 1, 1)))
        what = f"the probabilities of leaving {row.origin}"
        self._check_sums(total, row.origin, what, complete=not row.rest)
        if total.max() > 1.0:
            scale = np.maximum(total, 1.0)
            checked = {to: probability / scale for to, probability in checked.items()}
        return checked, np.maximum(1.0 - total, 0.0)

    def _check_sums(self, total: Floats, place: str, what: str, *, complete: bool) -> None:
        """Shares may not sum to more than one; complete ones not to less either."""
        bad = total > 1.0 + SUM_TOLERANCE
        hint = "They may not exceed 1"
        if complete:
            bad |= total < 1.0 - SUM_TOLERANCE
            hint = 'They must sum to 1: give one of them the value "rest"'
        self.checks.note(bad, total, f"{what} sum to", place, hint)


def over_one(array: Floats, draw: int) -> Floats:
    """The values of one draw, over (time point, time in state)."""
    return np.asarray(array[draw if array.shape[0] > 1 else 0])
