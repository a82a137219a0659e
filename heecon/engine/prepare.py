"""Turn a model, one strategy and a chunk of draws into the arrays the kernels loop over.

Everything that can be wrong with a number is found here, in every draw, cycle and slot, before
the cohort moves: rates that are negative or not finite, probabilities outside 0 and 1, rows that do
not sum to one, values that are not finite.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heecon.engine import discount, kernels
from heecon.engine.faults import Faults
from heecon.engine.kernels import Chunk, Moves, Terms
from heecon.engine.streams import Packer
from heecon.language import evaluate
from heecon.model.definition import Correction, Formula, Model, Outcome, Transitions

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SUM_TOLERANCE = 1e-9
"""Shares written out in full may miss one by this much: the excess is scaled away, a lack stays."""

_NONE = np.zeros((1, 1, 1))

METHODS = {"end": kernels.AT_END, "life_table": kernels.AVERAGE}


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
    """One formula of an outcome at one place it applies to.

    Attributes:
        source: ``kernels.FROM_START``, ``FROM_STATE`` or ``FROM_MOVE``.
        place: index of the state or of the move.
        method: ``kernels.AT_START``, ``AT_END`` or ``AVERAGE``.
        points: how many cycles or time points are counted.
        outcome: number of the outcome.
        state: index of the state the amount is booked to.
        formula: what one person is worth.
        value: its values, over (draw, time point, slot); None when it differs between persons.
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


class Preparation:
    """Evaluates a model's formulas for one strategy and one chunk of draws.

    Attributes:
        faults: what was found impossible.
    """

    def __init__(
        self,
        model: Model,
        strategy: str,
        values: Mapping[str, Floats],
        *,
        draws: int,
        first_draw: int,
    ) -> None:
        """Evaluate the variables.

        Args:
            model: the model.
            strategy: name of the strategy.
            values: parameter values by name, each of shape (draws or 1,).
            draws: number of draws in the chunk.
            first_draw: number of the first of them, for messages.
        """
        self.model = model
        self.draws = draws
        self.states = list(model.states)
        self.slots = [state.slots for state in model.states.values()]
        self.cycles = model.settings.cycles
        self.environment = _environment(model, values)
        self.faults = Faults(model, strategy, first_draw, self.environment)
        self.strategy = model.strategies[strategy]
        self._packer = Packer()
        self._evaluated: dict[str, Floats] = {}
        self._factors: dict[tuple[str, str], Floats] = {}
        self._weights: dict[tuple[Correction | None, bool, float], Floats] = {}

    def chunk(self, outcomes: Sequence[Outcome], events: Sequence[tuple[str, str]]) -> Chunk:
        """Everything the kernels need.

        Args:
            outcomes: the outcomes to count, in this order.
            events: (from, to) of the moves whose flow is kept, in this order.

        Raises:
            SimulationError: some number is impossible; the worst offenders are listed.
        """
        starts = self.starts()
        moves = self.moves()
        terms = self.terms(outcomes, moves)
        self.faults.stop_if_any()
        return Chunk(
            cycles=self.cycles,
            starts=starts,
            first=np.cumsum([0, *self.slots], dtype=np.int64),
            absorbing=np.array(
                [state.absorbing for state in self.model.states.values()], dtype=np.int64
            ),
            moves=self._packed_moves(moves, events),
            terms=Terms(*_columns(self._packed_terms(terms), len(Terms._fields))),
            streams=self._packer.pack(),
        )

    # --- start and moves --------------------------------------------------------------------------

    def starts(self) -> Floats:
        """Share of the cohort in each state at time 0, (draws, states)."""
        start = self.strategy.start or self.model.start
        shares = np.zeros((self.draws, len(self.states)))
        for state, formula in start.shares.items():
            value = self.evaluate(formula)
            value = self.faults.in_range(value, 0.0, 1.0, f"start share of {state}", formula)
            shares[:, self.states.index(state)] = value[:, 0, 0]
        total = shares.sum(axis=1)
        self._check_sums(total[:, None, None], "", "the start shares", complete=not start.rest)
        if start.rest:
            shares[:, self.states.index(start.rest)] += np.maximum(1.0 - total, 0.0)
        with np.errstate(all="ignore"):
            return np.asarray(shares / shares.sum(axis=1, keepdims=True))

    def moves(self) -> list[Move]:
        """Every way people go; the probabilities of a state that differ by person are zero."""
        moves: list[Move] = []
        for index, (name, state) in enumerate(self.model.states.items()):
            if state.absorbing:
                moves.append(Move(index, index, 0, 1, True, np.ones((1, 1, 1))))
            else:
                moves += self._moves_from(self.model.transitions[name])
        return moves

    def _moves_from(self, row: Transitions) -> list[Move]:
        index = self.states.index(row.origin)
        slots, tunnel = self.slots[index], self.model.states[row.origin].tunnel is not None
        if any(map(self.model.is_personal, row.to.values())):
            probabilities, rest = dict.fromkeys(row.to, _NONE), _NONE
            self._check_common(row, index)
        else:
            values = {to: self._at(formula, index, self.cycles) for to, formula in row.to.items()}
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

    def _check_common(self, row: Transitions, index: int) -> None:
        """Note impossible numbers that are the same for all, of a state where others differ."""
        high, kind = (np.inf, "rate") if row.competing else (1.0, "probability")
        for to, formula in row.to.items():
            if not self.model.is_personal(formula):
                value = self._at(formula, index, self.cycles)
                self.faults.in_range(value, 0.0, high, f"{kind} {row.origin} -> {to}", formula)

    def _competing(
        self, row: Transitions, rates: Mapping[str, Floats]
    ) -> tuple[dict[str, Floats], Floats]:
        """Probabilities of competing exponential hazards: r_i / R (1 - exp(-R dt)), R the sum."""
        checked = {
            to: self.faults.in_range(rate, 0.0, np.inf, f"rate {row.origin} -> {to}", row.to[to])
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
            to: self.faults.in_range(
                probability, 0.0, 1.0, f"probability {row.origin} -> {to}", row.to[to]
            )
            for to, probability in probabilities.items()
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
        remedy = "They may not exceed 1"
        if complete:
            bad |= total < 1.0 - SUM_TOLERANCE
            remedy = 'They must sum to 1: give one of them the value "rest"'
        self.faults.note(bad, total, f"{what} sum to", place, remedy)

    def _packed_moves(self, moves: Sequence[Move], events: Sequence[tuple[str, str]]) -> Moves:
        """The moves as arrays; every slot an event leaves from has its column of flow."""
        rows = []
        column = 0
        for move in moves:
            place = (move.origin, move.destination, move.low, move.high)
            edge = self.states[move.origin], self.states[move.destination]
            event = -1 if move.stays else events.index(edge)
            rows.append((*place, event, column, self._packer.add(move.probability)))
            column += 0 if move.stays else move.high - move.low
        return Moves(*_columns(rows, len(Moves._fields)))

    # --- terms ------------------------------------------------------------------------------------

    def terms(self, outcomes: Sequence[Outcome], moves: Sequence[Move]) -> list[Term]:
        """One term for each formula of each outcome and place it applies to."""
        terms: list[Term] = []
        number_of = {
            (move.origin, move.destination): i for i, move in enumerate(moves) if not move.stays
        }
        for number, outcome in enumerate(outcomes):
            for state, formula in outcome.start.items():
                terms.append(self._start_term(number, outcome, state, formula))
            for state, formula in outcome.state.items():
                terms.append(self._state_term(number, outcome, state, formula))
            for state, formula in outcome.entering.items():
                destination = self.states.index(state)
                for edge, move in number_of.items():
                    if edge[1] == destination:
                        terms.append(self._move_term(number, outcome, edge, move, formula))
            for (origin, to), formula in outcome.transition.items():
                edge = self.states.index(origin), self.states.index(to)
                terms.append(self._move_term(number, outcome, edge, number_of[edge], formula))
        return terms

    def _packed_terms(self, terms: Sequence[Term]) -> list[tuple[int, ...]]:
        """The terms as rows of ``kernels.Terms``."""
        add = self._packer.add
        rows: list[tuple[int, ...]] = []
        measures: dict[tuple[int, ...], int] = {}
        for term in terms:
            assert term.value is not None  # noqa: S101  (the cohort refuses what differs by person)
            people = term.source, term.place, term.method, term.points
            worth = add(term.value), add(term.weight), add(term.factor)
            measure = measures.setdefault((*people, *worth[1:]), len(measures))
            rows.append((*people, term.outcome * len(self.states) + term.state, *worth, measure))
        return rows

    def _start_term(self, number: int, outcome: Outcome, state: str, formula: Formula) -> Term:
        """What is counted at time 0 is neither weighted nor discounted."""
        index = self.states.index(state)
        value = None
        if not self.model.is_personal(formula):
            value = self.evaluate(formula)
            self.faults.check_finite(value, f"{outcome.name} at the start in {state}", formula)
        one = self._weight(None, shifted=False)
        place = kernels.FROM_START, index, kernels.AT_START, 1, number, index
        return Term(*place, formula, value, one, one)

    def _state_term(self, number: int, outcome: Outcome, state: str, formula: Formula) -> Term:
        index, correction = self.states.index(state), outcome.correction
        points = self.cycles + 1 if correction.pointwise else self.cycles
        value = None
        if not self.model.is_personal(formula):
            value = self.evaluate(formula)
            self.faults.check_finite(
                self._at(formula, index, points), f"{outcome.name} in {state}", formula
            )
        scale = self.model.settings.cycle_length if outcome.per_year else 1.0
        weight = self._weight(correction, shifted=False, scale=scale)
        factor = self._factor(outcome, "cycle_start" if correction.pointwise else None)
        method = METHODS.get(correction.method, kernels.AT_START)
        place = kernels.FROM_STATE, index, method, points, number, index
        return Term(*place, formula, value, weight, factor)

    def _move_term(
        self, number: int, outcome: Outcome, edge: tuple[int, int], move: int, formula: Formula
    ) -> Term:
        origin, destination = edge
        value = None
        if not self.model.is_personal(formula):
            value = self.evaluate(formula)
            place = f"{outcome.name} at {self.states[origin]} -> {self.states[destination]}"
            self.faults.check_finite(self._at(formula, origin, self.cycles), place, formula)
        at_end = (outcome.timing or self.model.settings.timing) == "cycle_end"
        weight = self._weight(outcome.one_off_correction, shifted=at_end)
        factor = self._factor(outcome, None)
        where = kernels.FROM_MOVE, move, kernels.AT_START, self.cycles, number, destination
        return Term(*where, formula, value, weight, factor)

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
            return discount.simpson_weights(self.cycles)
        if correction.method == "half_cycle":
            return discount.half_cycle_weights(self.cycles)
        return np.asarray(self.model.tables[correction.table].column(None), dtype=float)

    def _factor(self, outcome: Outcome, timing: str | None) -> Floats:
        """The discount factors of an outcome, at the outcome's own timing or another."""
        settings = self.model.settings
        kind = "cost" if outcome.kind == "cost" else "effect"
        key = kind, timing or outcome.timing or settings.timing
        if key not in self._factors:
            times = (np.arange(self.cycles + 1.0) + discount.SHIFT[key[1]]) * settings.cycle_length
            rates = []
            for step in settings.discount[kind]:
                rate = self.evaluate(step.rate)
                what = f"discount rate of {kind}s a year"
                rates.append(self.faults.in_range(rate, *discount.LIMITS, what, step.rate)[:, 0, 0])
            starts = [step.start for step in settings.discount[kind]]
            factors = discount.discount_factors(times, starts, rates)
            self._factors[key] = factors[:, :, None]
        return self._factors[key]

    # --- evaluation -------------------------------------------------------------------------------

    def evaluate(self, formula: Formula) -> Floats:
        """Value of a formula at every draw, time point and slot it varies along."""
        value = self._evaluated.get(formula.text)
        if value is None:
            value = _evaluate(formula, self.environment, self.model)
            self._evaluated[formula.text] = value
        return value

    def _at(self, formula: Formula, state: int, points: int) -> Floats:
        """The same, at the first points and the slots of a state only."""
        return self.evaluate(formula)[:, :points, : self.slots[state]]


def _columns(rows: Sequence[tuple[int, ...]], width: int) -> Integers:
    return np.array(rows, dtype=np.int64).reshape(-1, width).T.copy()


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
        if name not in model.personal:
            known[name] = _evaluate(formula, known, model)
    return known


def _evaluate(formula: Formula, known: Mapping[str, Floats], model: Model) -> Floats:
    """Value of a formula, always over three axes; one that never changes has a single cycle.

    "On treatment until death" is computed for every cycle and is the same in all of them. Leaving
    the copies out here spares everything that is computed from it the cycles too.
    """
    value = np.asarray(evaluate(formula.tree, known, model.tables), dtype=float)
    value = value.reshape((1,) * (3 - value.ndim) + value.shape)
    if value.shape[1] > 1 and (value == value[:, :1]).all():
        return value[:, :1]
    return value
