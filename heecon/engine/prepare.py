"""Turn a model, one strategy and a chunk of draws into the arrays the kernels loop over.

Everything that can be wrong with a number is found here, in every draw, cycle and slot, before
the cohort moves: rates that are negative or not finite, probabilities outside 0 and 1, rows that do
not sum to one, values that are not finite.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heecon.engine import discount
from heecon.engine.faults import Faults
from heecon.engine.streams import Integers, Streams, pack
from heecon.language import evaluate
from heecon.model.definition import Correction, Formula, Model, Outcome, Start, Transitions

Floats = NDArray[np.float64]

SUM_TOLERANCE = 1e-9
"""Probabilities written out in full may miss one by this much; the difference stays in the state."""


@dataclass(frozen=True)
class Move:
    """One way people go in a cycle.

    Attributes:
        origin: index of the state left.
        destination: index of the state entered, or stayed in.
        low: first slot of the origin the move leaves from.
        high: end of that range.
        stays: True for staying one slot on; False for entering the destination anew.
        probability: shape (draws or 1, cycles or 1, slots or 1).
    """

    origin: int
    destination: int
    low: int
    high: int
    stays: bool
    probability: Floats


@dataclass(frozen=True)
class Term:
    """One formula of one outcome, ready to be counted.

    Attributes:
        source: "start", "state" or "move".
        index: index of the state or of the move.
        correction: how state membership is counted; None for one-off values.
        cell: (outcome, state) the amount is booked to.
        value: shape (draws or 1, cycles or 1, slots or 1).
        weights: undiscounted weights at cycles or time points, shape (1, cycles + 1).
        discounted: the same times the discount factor, shape (draws or 1, cycles + 1).
    """

    source: str
    index: int
    correction: Correction | None
    cell: tuple[int, int]
    value: Floats
    weights: Floats
    discounted: Floats


@dataclass(frozen=True)
class Prepared:
    """Everything about one strategy and one chunk of draws.

    Attributes:
        draws: number of draws in the chunk.
        starts: (draws, states) shares at time 0.
        moves: the ways people go; ``moves[i].stays`` are not events.
        terms: what is counted.
        probability: packed probabilities of the moves.
        value: packed values of the terms.
    """

    draws: int
    starts: Floats
    moves: tuple[Move, ...]
    terms: tuple[Term, ...]
    probability: Streams
    value: Streams


class Preparation:
    """Evaluates a model's formulas for one strategy and one chunk of draws."""

    def __init__(
        self,
        model: Model,
        strategy: str,
        values: Mapping[str, Floats],
        draws: int,
        first_draw: int,
        outcomes: tuple[Outcome, ...],
    ) -> None:
        """Evaluate the variables.

        Args:
            model: the model.
            strategy: name of the strategy.
            values: parameter values by name, each of shape (draws or 1,).
            draws: number of draws in the chunk.
            first_draw: number of the first of them, for messages.
            outcomes: the outcomes to count.
        """
        self.model = model
        self.draws = draws
        self.outcomes = outcomes
        self.states = list(model.states)
        self.slots = [state.slots for state in model.states.values()]
        self.cycles = model.settings.cycles
        self.environment = _environment(model, values)
        self.faults = Faults(model, strategy, first_draw, self.environment)
        self.strategy = model.strategies[strategy]

    def prepare(self) -> Prepared:
        """Everything the kernels need.

        Raises:
            SimulationError: some number is impossible; the worst offenders are listed.
        """
        starts = self._starts(self.strategy.start or self.model.start)
        moves = self._moves()
        terms = self._terms(moves)
        self.faults.stop_if_any()
        return Prepared(
            draws=self.draws,
            starts=starts,
            moves=moves,
            terms=terms,
            probability=pack([move.probability for move in moves]),
            value=pack([term.value for term in terms]),
        )

    # --- start and moves ---------------------------------------------------------------------------

    def _starts(self, start: Start) -> Floats:
        shares = np.zeros((self.draws, len(self.states)))
        for state, formula in start.shares.items():
            value = self._evaluate(formula)
            self.faults.check_range(value, 0.0, 1.0, f"start share of {state}", formula)
            shares[:, self.states.index(state)] = value[:, 0, 0]
        total = shares.sum(axis=1)
        self._check_sums(total[:, None, None], "start", "the shares", complete=not start.rest)
        if start.rest:
            shares[:, self.states.index(start.rest)] += np.maximum(1.0 - total, 0.0)
        return shares

    def _moves(self) -> tuple[Move, ...]:
        moves: list[Move] = []
        for index, (name, state) in enumerate(self.model.states.items()):
            if state.absorbing:
                moves.append(Move(index, index, 0, 1, True, np.ones((1, 1, 1))))
            else:
                moves += self._moves_from(self.model.transitions[name])
        return tuple(moves)

    def _moves_from(self, row: Transitions) -> list[Move]:
        index = self.states.index(row.origin)
        slots, tunnel = self.slots[index], self.model.states[row.origin].tunnel is not None
        values = {
            to: self._by_slot(self._evaluate(formula), slots) for to, formula in row.to.items()
        }
        values = {to: self._by_cycle(value) for to, value in values.items()}
        probabilities, rest = (
            self._competing(row, values) if row.competing else self._stated(row, values)
        )
        moves = []
        for to, probability in probabilities.items():
            stays = to == row.origin and not tunnel
            moves.append(Move(index, self.states.index(to), 0, slots, stays, probability))
        destination = self.states.index(row.rest or row.origin)
        if tunnel:
            if slots > 1:
                moves.append(Move(index, index, 0, slots - 1, True, rest))
            moves.append(Move(index, destination, slots - 1, slots, False, rest))
        else:
            moves.append(Move(index, destination, 0, slots, destination == index, rest))
        return moves

    def _competing(
        self, row: Transitions, rates: Mapping[str, Floats]
    ) -> tuple[dict[str, Floats], Floats]:
        """Probabilities of competing exponential hazards: r_i / R (1 - exp(-R dt)), R the sum."""
        for to, rate in rates.items():
            place = f"{row.origin} -> {to}"
            self.faults.check_range(rate, 0.0, np.inf, f"rate {place}", row.to[to])
        total = sum(rates.values(), np.zeros((1, 1, 1)))
        with np.errstate(all="ignore"):
            stay = np.exp(-total * self.model.settings.cycle_length)
            share = np.where(total > 0.0, (1.0 - stay) / total, 0.0)
        return {to: rate * share for to, rate in rates.items()}, stay

    def _stated(
        self, row: Transitions, probabilities: Mapping[str, Floats]
    ) -> tuple[dict[str, Floats], Floats]:
        """Probabilities as written, and what they leave for the rest."""
        for to, probability in probabilities.items():
            place = f"probability {row.origin} -> {to}"
            self.faults.check_range(probability, 0.0, 1.0, place, row.to[to])
        total = sum(probabilities.values(), np.zeros((1, 1, 1)))
        what = f"the probabilities of leaving {row.origin}"
        self._check_sums(total, row.origin, what, complete=not row.rest)
        return dict(probabilities), np.maximum(1.0 - total, 0.0)

    def _check_sums(self, total: Floats, place: str, what: str, *, complete: bool) -> None:
        """Shares may not sum to more than one; complete ones not to less either."""
        bad = total > 1.0 + SUM_TOLERANCE
        remedy = "They may not exceed 1"
        if complete:
            bad |= total < 1.0 - SUM_TOLERANCE
            remedy = 'They must sum to 1: give one of them the value "rest"'
        self.faults.check_flags(bad, total, f"{what} sum to", place, remedy)

    # --- terms -------------------------------------------------------------------------------------

    def _terms(self, moves: tuple[Move, ...]) -> tuple[Term, ...]:
        terms: list[Term] = []
        index_of = {
            (move.origin, move.destination): i for i, move in enumerate(moves) if not move.stays
        }
        for number, outcome in enumerate(self.outcomes):
            terms += self._state_terms(number, outcome)
            for state, formula in outcome.start.items():
                terms.append(self._start_term(number, outcome, state, formula))
            for state, formula in outcome.entering.items():
                destination = self.states.index(state)
                for pair, move in index_of.items():
                    if pair[1] == destination:
                        terms.append(self._move_term(number, outcome, moves[move], move, formula))
            for (origin, to), formula in outcome.transition.items():
                move = index_of[self.states.index(origin), self.states.index(to)]
                terms.append(self._move_term(number, outcome, moves[move], move, formula))
        return tuple(terms)

    def _state_terms(self, number: int, outcome: Outcome) -> list[Term]:
        weights, discounted = self._weights(outcome, outcome.correction, one_off=False)
        scale = self.model.settings.cycle_length if outcome.per_year else 1.0
        terms = []
        for state, formula in outcome.state.items():
            index = self.states.index(state)
            value = self._by_slot(self._evaluate(formula), self.slots[index]) * scale
            value = value if outcome.correction.pointwise else self._by_cycle(value)
            self.faults.check_finite(value, f"{outcome.name} in {state}", formula)
            cell = (number, index)
            terms.append(Term("state", index, outcome.correction, cell, value, weights, discounted))
        return terms

    def _start_term(self, number: int, outcome: Outcome, state: str, formula: Formula) -> Term:
        value = self._evaluate(formula)
        self.faults.check_finite(value, f"{outcome.name} at the start in {state}", formula)
        index = self.states.index(state)
        once = np.zeros((1, self.cycles + 1))
        once[0, 0] = 1.0
        return Term("start", index, None, (number, index), value, once, once)

    def _move_term(
        self, number: int, outcome: Outcome, move: Move, index: int, formula: Formula
    ) -> Term:
        value = self._by_cycle(self._by_slot(self._evaluate(formula), self.slots[move.origin]))
        place = f"{outcome.name} at {self.states[move.origin]} -> {self.states[move.destination]}"
        self.faults.check_finite(value, place, formula)
        weights, discounted = self._weights(outcome, outcome.one_off_correction, one_off=True)
        cell = (number, move.destination)
        return Term("move", index, None, cell, value, weights, discounted)

    def _weights(
        self, outcome: Outcome, correction: Correction | None, *, one_off: bool
    ) -> tuple[Floats, Floats]:
        """Undiscounted and discounted weights of every cycle, or time point, of an outcome."""
        settings = self.model.settings
        timing = outcome.timing or settings.timing
        points = np.arange(self.cycles + 1, dtype=float)
        if correction is not None and correction.pointwise:
            at_point = self._point_weights(correction)
            if one_off and timing == "cycle_end":
                at_point = np.append(at_point[1:], 0.0)
            elif not one_off:
                timing = "cycle_start"
        else:
            at_point = np.ones(self.cycles + 1)
            at_point[-1] = 0.0
        times = (points + discount.SHIFT[timing]) * settings.cycle_length
        steps = settings.discount["cost" if outcome.kind == "cost" else "effect"]
        rates = [self._evaluate(step.rate)[:, 0, 0] for step in steps]
        factors = discount.discount_factors(times, [step.start for step in steps], rates)
        return at_point[None, :], at_point[None, :] * factors

    def _point_weights(self, correction: Correction) -> Floats:
        if correction.method == "simpson":
            return discount.simpson_weights(self.cycles)
        if correction.method == "half_cycle":
            return discount.half_cycle_weights(self.cycles)
        return np.asarray(self.model.tables[correction.table].column(None), dtype=float)

    # --- evaluation ----------------------------------------------------------------------------------

    def _evaluate(self, formula: Formula) -> Floats:
        return _evaluate(formula, self.environment, self.model)

    def _by_cycle(self, value: Floats) -> Floats:
        """Leave out the time point after the last cycle."""
        return value[:, : self.cycles] if value.shape[1] > 1 else value

    @staticmethod
    def _by_slot(value: Floats, slots: int) -> Floats:
        return value[:, :, :slots] if value.shape[2] > 1 else value


def _environment(model: Model, values: Mapping[str, Floats]) -> dict[str, Floats]:
    """Values of every name, broadcast over (draw, time point, slot)."""
    settings = model.settings
    length = settings.cycle_length
    points = np.arange(settings.cycles + 1, dtype=float)[None, :, None]
    slots = np.arange(max(state.slots for state in model.states.values()), dtype=float)
    known: dict[str, Floats] = {name: value[:, None, None] for name, value in values.items()}
    known |= {
        "cycle": points,
        "time": points * length,
        "age": _evaluate(settings.start_age, known, model) + points * length,
        "cycle_length": np.full((1, 1, 1), length),
        "state_cycle": slots[None, None, :],
        "state_time": slots[None, None, :] * length,
    }
    for name, formula in model.variables.items():
        known[name] = _evaluate(formula, known, model)
    return known


def _evaluate(formula: Formula, known: Mapping[str, Floats], model: Model) -> Floats:
    """Value of a formula, always over three axes."""
    value = np.asarray(evaluate(formula.tree, known, model.tables), dtype=float)
    return value.reshape((1,) * (3 - value.ndim) + value.shape)


def as_integers(prepared: Prepared, cell_of_states: int) -> tuple[Integers, Integers, Integers]:
    """Moves, the flags of those that stay, and terms, as integer arrays for ``run_draws``."""
    from heecon.engine import kernels  # noqa: PLC0415  (numba takes a quarter of a second)

    source = {"start": kernels.FROM_START, "state": kernels.FROM_STATE, "move": kernels.FROM_MOVE}
    method = {"end": kernels.AT_END, "life_table": kernels.AVERAGE}
    widths = [move.high - move.low for move in prepared.moves]
    columns = np.concatenate(([0], np.cumsum(widths)[:-1])).astype(int)
    moves = [
        (move.origin, move.destination, move.low, move.high, int(column))
        for move, column in zip(prepared.moves, columns, strict=True)
    ]
    terms = []
    for number, term in enumerate(prepared.terms):
        correction = term.correction
        points = term.weights.shape[1] - (0 if correction and correction.pointwise else 1)
        how = method.get(correction.method, kernels.AT_START) if correction else kernels.AT_START
        cell = term.cell[0] * cell_of_states + term.cell[1]
        terms.append(
            (source[term.source], term.index, how, points, cell, 2 * number, 2 * number + 1)
        )
    return (
        np.array(moves, dtype=np.int64).reshape(-1, 5),
        np.array([move.stays for move in prepared.moves], dtype=np.int64),
        np.array(terms, dtype=np.int64).reshape(-1, 7),
    )
