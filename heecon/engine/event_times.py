"""People of one strategy in continuous time: when events happen, what accrues in between."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from heecon.arrays import Floats, Integers
from heecon.engine import discount
from heecon.engine.cohort import in_perspective
from heecon.engine.cycle_ledger import CycleLedger
from heecon.engine.inverse import inverse_of, step_inverse
from heecon.engine.random_numbers import EVENT, START, code_of, uniforms_of
from heecon.engine.strategy_inputs import EvaluatedStrategy
from heecon.errors import InputError, Problem, SimulationError
from heecon.language import evaluate
from heecon.model.definition import Formula, Hazard, Model, Outcome, Transitions

MAX_EVENTS = 100_000
"""Events of one person: more is a mistake in the hazards."""


@dataclass
class Histories:
    """Amounts of a block of people under one strategy.

    Attributes:
        totals: (people, outcomes, 2) undiscounted and discounted.
        cells: (outcomes, states, 2) sums over people.
        alive: how many are outside absorbing states at the end.
        ledger: the same by cycle, if it was asked for.
    """

    totals: Floats
    cells: Floats
    alive: float
    ledger: CycleLedger | None = None

    def sums(self) -> dict[str, Floats]:
        """What is added up over people, by name."""
        found = {"cells": self.cells, "alive": np.array(self.alive)}
        if self.ledger is not None:
            names = ("occupancy", "flow", "amounts")
            found |= {name: getattr(self.ledger, name) for name in names}
        return found


@dataclass(frozen=True)
class _Exit:
    """A transition out of a state.

    Attributes:
        to: index of the state entered.
        code: word that keys its random numbers.
        wait: times of the event from (entry times, exponential numbers, attributes).
    """

    to: int
    code: np.uint64
    wait: Callable[[Floats, Floats, Mapping[str, Floats]], Floats]


class EventModel:
    """One strategy in one draw: waiting times and integrals of amounts."""

    def __init__(
        self, model: Model, strategy: str, values: Mapping[str, Floats], number: int
    ) -> None:
        self.model = model
        self.strategy = model.strategies[strategy]
        self.evaluated = EvaluatedStrategy(model, strategy, values, first_draw=number)
        self.states = list(model.states)
        self.length = model.settings.cycle_length
        self.cycles = model.settings.cycles
        self.horizon = self.cycles * self.length
        self.grid: Floats = np.arange(self.cycles + 1, dtype=float) * self.length
        self.outcomes = in_perspective(model)
        starts = self.evaluated.starts[0]
        self.start = np.cumsum(starts)
        self.start[np.flatnonzero(starts)[-1] :] = 2.0
        self.exits = [self._exits_of(model.transitions.get(name)) for name in self.states]
        self.integrals = self._integrals()
        self.once = self._once()
        self.at_start = self._at_start()
        self.evaluated.checks.stop_if_any()

    def by_cycle(self, formula: Formula, points: int) -> Floats:
        """The values of a formula in the cycles, or at the time points."""
        value = self.evaluated.value(formula)[0, :, 0]
        return np.broadcast_to(value, (self.cycles + 1,) if len(value) == 1 else value.shape)[
            :points
        ]

    # --- waiting --------------------------------------------------------------------------------

    def _exits_of(self, row: Transitions | None) -> list[_Exit]:
        if row is None:
            return []
        exits = []
        for to, formula in row.to.items():
            hazard = row.hazards.get(to)
            if hazard is None:
                wait = self._rate_wait(row.origin, to, formula)
            elif hazard.family == "table":
                wait = self._table_wait(hazard)
            else:
                wait = self._family_wait(hazard)
            if hazard is not None and hazard.ratio is not None:
                wait = self._scaled(wait, hazard.ratio)
            code = np.uint64(1 << 8) + (code_of(f"{row.origin} -> {to}") >> np.uint64(1))
            exits.append(_Exit(self.states.index(to), code, wait))
        tunnel = self.model.states[row.origin].tunnel
        if tunnel is not None:
            stay = tunnel * self.length
            rest = self.states.index(row.rest)
            exits.append(_Exit(rest, np.uint64(0), lambda entry, _e, _a: entry + stay))
        elif row.rest != row.origin:
            place = next(iter(row.to.values())).where if row.to else row.origin
            what = f"everybody else goes from '{row.origin}' to '{row.rest}' at the end of a cycle"
            raise InputError(Problem(place, what, "Give that a rate too"))
        return exits

    def _rate_wait(
        self, origin: str, to: str, formula: Formula
    ) -> Callable[[Floats, Floats, Mapping[str, Floats]], Floats]:
        rates = self.by_cycle(formula, self.cycles)
        checked = self.evaluated.checks.in_range(
            rates[None, :, None], 0.0, np.inf, f"rate {origin} -> {to}", formula
        )[0, :, 0]
        return _step_wait(np.asarray(self.grid[:-1]), checked)

    def _table_wait(
        self, hazard: Hazard
    ) -> Callable[[Floats, Floats, Mapping[str, Floats]], Floats]:
        table = self.model.tables[hazard.table]
        values = table.column(hazard.column)
        if (values < 0).any():
            what = f"table '{hazard.table}' has the hazard {values.min():g}"
            raise SimulationError(Problem(hazard.where, what, "Hazards are at least 0"))
        start_age = self.model.settings.start_age
        if hazard.by_age and self.model.is_individual(start_age):
            return self._own_age_wait(hazard, table.keys, values)
        begins = self.evaluated.number(start_age) if hazard.by_age else 0.0
        if table.keys[0] > begins:
            what = f"table '{hazard.table}' begins at {table.keys[0]:g}, people at {begins:g}"
            raise SimulationError(Problem(hazard.where, what, "Add the earlier hazards"))
        first = np.searchsorted(table.keys, begins, side="right") - 1
        keys = np.maximum(table.keys[first:] - begins, 0.0)
        return _step_wait(keys, values[first:], reset=hazard.reset)

    def _own_age_wait(
        self, hazard: Hazard, ages: Floats, rates: Floats
    ) -> Callable[[Floats, Floats, Mapping[str, Floats]], Floats]:
        """Waiting by a life table of people who start at ages of their own."""
        shared = {name: np.ravel(value)[:1] for name, value in self.evaluated.names.items()}
        tree, tables = self.model.settings.start_age.tree, self.model.tables
        invert = step_inverse(ages, rates)

        def wait(entry: Floats, e: Floats, attributes: Mapping[str, Floats]) -> Floats:
            begins = np.broadcast_to(evaluate(tree, shared | dict(attributes), tables), entry.shape)
            if not begins.min() >= ages[0]:
                what = f"table '{hazard.table}' begins at {ages[0]:g}, somebody at {begins.min():g}"
                raise SimulationError(Problem(hazard.where, what, "Add the earlier hazards"))
            return np.maximum(invert(begins + entry, e) - begins, entry)

        return wait

    def _family_wait(
        self, hazard: Hazard
    ) -> Callable[[Floats, Floats, Mapping[str, Floats]], Floats]:
        shared = self.evaluated.names
        tables, reset, family = self.model.tables, hazard.reset, hazard.family
        trees = [argument.tree for argument in hazard.arguments]
        where = f"{self.evaluated.checks.place(0, 0)}, {hazard.where}"

        def wait(entry: Floats, e: Floats, attributes: Mapping[str, Floats]) -> Floats:
            known = {name: np.ravel(value)[:1] for name, value in shared.items()} | dict(attributes)
            arguments = [evaluate(tree, known, tables) for tree in trees]
            since = np.zeros_like(entry) if reset else entry
            return entry - since + inverse_of(family, since, e, arguments, where)

        return wait

    def _scaled(
        self,
        wait: Callable[[Floats, Floats, Mapping[str, Floats]], Floats],
        ratio: Formula,
    ) -> Callable[[Floats, Floats, Mapping[str, Floats]], Floats]:
        """Waiting under a hazard times a ratio: it has to accumulate e / ratio without it."""
        shared = {name: np.ravel(value)[:1] for name, value in self.evaluated.names.items()}

        def scaled(entry: Floats, e: Floats, attributes: Mapping[str, Floats]) -> Floats:
            factor = evaluate(ratio.tree, shared | dict(attributes), self.model.tables)
            factor = np.broadcast_to(factor, entry.shape)
            wrong = ~(np.isfinite(factor) & (factor >= 0.0))
            if wrong.any():
                what = f"the ratio '{ratio.text}' is {factor[wrong][0]:.10g}"
                place = f"{self.evaluated.checks.place(0, 0)}, {ratio.where}"
                raise SimulationError(Problem(place, what, "It must be finite and at least 0"))
            never = factor == 0.0
            return np.where(
                never, np.inf, wait(entry, e / np.where(never, 1.0, factor), attributes)
            )

        return scaled

    # --- amounts --------------------------------------------------------------------------------

    def factor(self, outcome: Outcome, times: Floats) -> Floats:
        """Discount factors of an outcome at any times."""
        compounding = self.model.settings.compounding
        return np.asarray(discount.discount_factors(times, *self._rates(outcome), compounding)[0])

    def _rates(self, outcome: Outcome) -> tuple[list[float], list[Floats]]:
        return self.evaluated.discount_rates("cost" if outcome.kind == "cost" else "effect")

    def _integrals(self) -> list[tuple[int, int, Callable[[Floats], Floats]]]:
        """(outcome, state, amount accrued by a time if always there) of every state amount."""
        found: list[tuple[int, int, Callable[[Floats], Floats]]] = []
        for number, outcome in enumerate(self.outcomes):
            for state, formula in outcome.state.items():
                values = self.by_cycle(formula, self.cycles)
                self.evaluated.checks.check_finite(
                    values[None, :, None], f"{outcome.name} in {state}", formula
                )
                yearly = values if outcome.per_year else values / self.length
                whole = yearly * self.length
                at_starts = outcome.timing == "cycle_start" and bool(outcome.state)
                accrued = self._doses(outcome, whole) if at_starts else self._flow(outcome, yearly)
                found.append((number, self.states.index(state), accrued))
        return found

    def _doses(self, outcome: Outcome, amounts: Floats) -> Callable[[Floats], Floats]:
        """Amounts at the starts of the cycles before a time."""
        times: Floats = np.asarray(self.grid[:-1])
        both = np.column_stack([amounts, amounts * self.factor(outcome, times)])
        sums = np.vstack([np.zeros((1, 2)), np.cumsum(both, axis=0)])
        return lambda t: np.asarray(sums[np.searchsorted(times, t, side="left")])

    def _flow(self, outcome: Outcome, yearly: Floats) -> Callable[[Floats], Floats]:
        """Amounts that flow until a time, undiscounted and discounted."""
        starts, rates = self._rates(outcome)
        compounding = self.model.settings.compounding
        whole = np.arange(self.horizon if compounding == "whole_years" else 0.0)
        cuts = np.unique([*self.grid, *(start for start in starts if start < self.horizon), *whole])
        begins = cuts[:-1]
        cycle = np.minimum(np.searchsorted(self.grid, begins, side="right") - 1, self.cycles - 1)
        flows = yearly[cycle]
        force = _force(compounding, np.concatenate(rates))[
            np.searchsorted(starts, begins, side="right") - 1
        ]
        factor = self.factor(outcome, begins)
        length = np.diff(cuts)
        parts = np.column_stack([flows * length, flows * factor * _annuity(force, length)])
        sums = np.vstack([np.zeros((1, 2)), np.cumsum(parts, axis=0)])

        def accrued(t: Floats) -> Floats:
            at = np.clip(np.searchsorted(begins, t, side="right") - 1, 0, len(begins) - 1)
            since = t - begins[at]
            more = np.column_stack(
                [flows[at] * since, flows[at] * factor[at] * _annuity(force[at], since)]
            )
            return np.asarray(sums[at] + more)

        return accrued

    def _once(self) -> dict[tuple[int, int], list[tuple[int, Outcome, Floats]]]:
        """By transition: outcome, and its amount in each cycle."""
        found: dict[tuple[int, int], list[tuple[int, Outcome, Floats]]] = {}
        for origin, exits in enumerate(self.exits):
            for to in dict.fromkeys(exit.to for exit in exits):
                for number, outcome in enumerate(self.outcomes):
                    edge = self.states[origin], self.states[to]
                    for formula in (outcome.entering.get(edge[1]), outcome.transition.get(edge)):
                        if formula is not None:
                            values = self.by_cycle(formula, self.cycles)
                            what = f"{outcome.name} at {edge[0]} -> {edge[1]}"
                            self.evaluated.checks.check_finite(values[None, :, None], what, formula)
                            found.setdefault((origin, to), []).append((number, outcome, values))
        return found

    def _at_start(self) -> list[tuple[int, int, float]]:
        return [
            (number, self.states.index(state), self.evaluated.number(formula))
            for number, outcome in enumerate(self.outcomes)
            for state, formula in outcome.start.items()
        ]

    # --- people ---------------------------------------------------------------------------------

    def simulate(
        self,
        people: Integers,
        key: tuple[np.uint64, np.uint64],
        attributes: Mapping[str, Floats],
        *,
        keep_trace: bool = False,
    ) -> Histories:
        """Take people from event to event until the horizon or an absorbing state."""
        shape = len(self.outcomes), 2
        histories = Histories(
            np.zeros((len(people), *shape)), np.zeros((shape[0], len(self.states), 2)), 0.0
        )
        if keep_trace:
            histories.ledger = CycleLedger(self.model, len(self.outcomes), self.grid)
        u = uniforms_of(people, 0, START, key)
        state = (u[:, None] >= self.start[None, :]).sum(axis=1)
        entry = np.zeros(len(people))
        for outcome, where, amount in self.at_start:
            who = np.flatnonzero(state == where)
            self._book(histories, who, outcome, where, np.full((1, 2), amount))
            if histories.ledger is not None:
                both = np.full((len(who), 2), amount)
                histories.ledger.once(outcome, where, np.zeros(len(who)), both)
        moving = np.arange(len(people))
        for event in range(MAX_EVENTS):
            left, target = self._next(people, state, entry, moving, event, key, attributes)
            until = np.minimum(left, self.horizon)
            self._accrue(histories, state, entry, until, moving)
            happens = left < self.horizon
            at, gone = moving[happens], left[happens]
            if histories.ledger is not None:
                over = np.where(happens, left, np.inf)
                histories.ledger.stay(state[moving], entry[moving], over)
                histories.ledger.move(state[at], target[happens], gone)
            self._count_events(histories, state[at], target[happens], gone, at)
            histories.alive += self._lasting(state[moving[~happens]])
            state[at], entry[at] = target[happens], gone
            moving = at
            if not len(moving):
                return histories
        what = f"a person makes more than {MAX_EVENTS:,} moves"
        raise SimulationError(Problem(self.strategy.name, what, "Lower the rates, or the horizon"))

    def _lasting(self, state: Integers) -> float:
        absorbing = np.array([s.absorbing for s in self.model.states.values()])
        return float((~absorbing[state]).sum())

    def _next(
        self,
        people: Integers,
        state: Integers,
        entry: Floats,
        moving: Integers,
        event: int,
        key: tuple[np.uint64, np.uint64],
        attributes: Mapping[str, Floats],
    ) -> tuple[Floats, Integers]:
        """When the next event of each comes, infinite for none, and where it leads."""
        left = np.full(len(moving), np.inf)
        target = state[moving].copy()
        for index, exits in enumerate(self.exits):
            here = np.flatnonzero(state[moving] == index)
            if not len(here):
                continue
            who = moving[here]
            own = {name: column[who] for name, column in attributes.items()}
            for exit in exits:
                u = uniforms_of(people[who], event, EVENT + exit.code, key)
                when = exit.wait(entry[who], -np.log(u), own)
                sooner = when < left[here]
                left[here[sooner]] = when[sooner]
                target[here[sooner]] = exit.to
        return left, target

    def _accrue(
        self, histories: Histories, state: Integers, entry: Floats, until: Floats, moving: Integers
    ) -> None:
        """Book the rewards of being in a state between two times."""
        for outcome, where, accrued in self.integrals:
            here = np.flatnonzero(state[moving] == where)
            who = moving[here]
            if len(who):
                amount = accrued(until[here]) - accrued(entry[who])
                self._book(histories, who, outcome, where, amount)
                if histories.ledger is not None:
                    times = entry[who], until[here]
                    histories.ledger.accrue(outcome, where, *times, accrued)

    def _count_events(
        self, histories: Histories, origin: Integers, target: Integers, when: Floats, who: Integers
    ) -> None:
        cycle = np.minimum((when / self.length).astype(np.int64), self.cycles - 1)
        for (left, to), rewards in self.once.items():
            chosen = np.flatnonzero((origin == left) & (target == to))
            if not len(chosen):
                continue
            for number, outcome, values in rewards:
                amount = values[cycle[chosen]]
                today = amount * self.factor(outcome, when[chosen])
                both = np.column_stack([amount, today])
                self._book(histories, who[chosen], number, to, both)
                if histories.ledger is not None:
                    histories.ledger.once(number, to, when[chosen], both)

    @staticmethod
    def _book(
        histories: Histories, who: Integers, outcome: int, state: int, amount: Floats
    ) -> None:
        histories.totals[who, outcome] += amount
        histories.cells[outcome, state] += np.broadcast_to(amount, (len(who), 2)).sum(axis=0)


def _force(compounding: str, rates: Floats) -> Floats:
    """The force of interest between two cuts of time; by whole years only cuts discount."""
    if compounding == "continuous":
        return rates
    return np.zeros_like(rates) if compounding == "whole_years" else np.log1p(rates)


def _annuity(force: Floats, years: Floats) -> Floats:
    """The value of one unit a year over some years, discounted to their beginning."""
    with np.errstate(all="ignore"):
        return np.where(force == 0.0, years, -np.expm1(-force * years) / force)


def _step_wait(
    starts: Floats, rates: Floats, *, reset: bool = False
) -> Callable[[Floats, Floats, Mapping[str, Floats]], Floats]:
    """Waiting under hazards that are constant from each start to the next."""
    invert = step_inverse(starts, rates)

    def wait(entry: Floats, e: Floats, _attributes: Mapping[str, Floats]) -> Floats:
        since = np.zeros_like(entry) if reset else entry
        return entry - since + invert(since, e)

    return wait
