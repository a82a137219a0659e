"""The microsimulation written to be read: numpy arrays over people, one cycle after the other.

It shares with heecon's engine the random numbers and the expression language, and nothing else: no
table, no generated source, no compiled loop. Its people have the engine's random
numbers, so each of them has the very same life, and the two must agree to rounding.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from heecon.arrays import Floats, Integers
from heecon.engine import random_numbers as rng
from heecon.language import evaluate
from heecon.model.definition import Formula, Model, Outcome, Start, Transitions
from heecon.model.individuals import INDIVIDUAL_FAMILIES

SHIFT = {"cycle_start": 0.0, "mid_cycle": 0.5, "cycle_end": 1.0}


@dataclass
class Lives:
    """What people of one strategy went through.

    Attributes:
        totals: by outcome, (people, 2) undiscounted and discounted.
        cells: by (outcome, state), sums over people of the same.
        occupancy: (cycles + 1, states) people.
        events: (person, cycle, from, to, type), sorted by cycle.
    """

    totals: dict[str, Floats] = field(default_factory=dict)
    cells: dict[tuple[str, str], Floats] = field(default_factory=lambda: defaultdict(_zeros))
    occupancy: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    events: list[tuple[int, int, str, str, int]] = field(default_factory=list)


def _zeros() -> Floats:
    return np.zeros(2)


def word(person: Integers, place: int, decision: int, key: tuple[np.uint64, np.uint64]) -> Floats:
    """The four words of a counter for each person, as whole numbers."""
    people = person.astype(np.uint64)
    full = np.full(len(people), 1, dtype=np.uint64)
    counter = people & rng.MASK, people >> rng.HALF, full * np.uint64(place), full
    words = rng.philox(*counter[:3], full * np.uint64(decision), full * key[0], full * key[1])
    return np.array(words)


def uniform(
    person: Integers, place: int, decision: int, key: tuple[np.uint64, np.uint64]
) -> Floats:
    """53-bit numbers of people."""
    high, low = word(person, place, decision, key)[:2]
    bits = ((high << np.uint64(21)) | (low >> np.uint64(11))) >> np.uint64(1)
    return np.asarray((bits.astype(float) + 0.5) / 2.0**52)


class Reference:
    """Walks people through one strategy of a model in one draw."""

    def __init__(
        self,
        model: Model,
        strategy: str,
        people: int,
        seed: int = 1,
        draw: int = 0,
        values: dict[str, float] | None = None,
    ) -> None:
        self.model = model
        self.strategy = strategy
        self.person = np.arange(people)
        self.key = rng.key_of(seed, draw)
        rows = model.rows(strategy)
        self.parameters = {
            name: (values or {}).get(row.key, row.value) for name, row in rows.items()
        }
        self.length = model.settings.cycle_length
        self.cycles = model.settings.cycles
        self.states = list(model.states)
        self.state = np.zeros(people, dtype=int)
        self.slot = np.zeros(people, dtype=int)
        self.last = np.full((people, len(self.states)), -1)
        self.entries = np.zeros((people, len(self.states)))
        self.kind = np.full((people, len(self.states)), -1)
        self.attributes: dict[str, Floats] = {}
        self.lives = Lives()
        wanted = model.settings.perspective
        self.outcomes = [
            o for o in model.outcomes.values() if not o.perspectives or wanted in o.perspectives
        ]

    # --- formulas -------------------------------------------------------------------------------

    def known(self, cycle: int, now: int) -> dict[str, Floats]:
        """Every name: cycle and age of a cycle, the past as seen at a time point."""
        model = self.model
        ones = np.ones(len(self.person))
        found: dict[str, Floats] = {name: ones * v for name, v in self.parameters.items()}
        start_age = evaluate(model.settings.start_age.tree, found, model.tables)
        found |= {
            "cycle": ones * cycle,
            "time": ones * (cycle * self.length),
            "age": start_age + cycle * self.length,
            "cycle_length": ones * self.length,
            "state_cycle": self.slot * 1.0,
            "state_time": self.slot * self.length,
        }
        found |= self.attributes
        for index, state in enumerate(self.states):
            last = self.last[:, index]
            found[f"count_{state}"] = self.entries[:, index].copy()
            found[f"ever_{state}"] = (last >= 0).astype(float)
            since = (now - last).astype(float) * self.length
            found[f"time_since_{state}"] = np.asarray(np.where(last >= 0, since, np.inf), float)
            if state in model.types:
                for number, name in enumerate(model.types[state].shares):
                    found[f"{state}_is_{name}"] = (self.kind[:, index] == number) * 1.0
        for name, formula in model.variables.items():
            found[name] = evaluate(formula.tree, found, model.tables) * ones
        return found

    def value(self, formula: Formula, cycle: int, now: int) -> Floats:
        known = self.known(cycle, now)
        return evaluate(formula.tree, known, self.model.tables) * np.ones(len(self.person))

    # --- the walk -------------------------------------------------------------------------------

    def run(self) -> Lives:
        self.draw_attributes()
        self.place()
        occupancy = [self.counted()]
        for outcome in self.outcomes:
            self.lives.totals[outcome.name] = np.zeros((len(self.person), 2))
        self.count_start()
        self.count_point(0)
        for cycle in range(self.cycles):
            self.step(cycle)
            self.count_point(cycle + 1)
            occupancy.append(self.counted())
        self.lives.occupancy = np.array(occupancy)
        return self.lives

    def counted(self) -> Floats:
        return np.bincount(self.state, minlength=len(self.states)).astype(float)

    def draw_attributes(self) -> None:
        drawn = {}
        known = self.known(0, 0) if not self.model.personal else self.shared()
        for name, attribute in self.model.attributes.items():
            if attribute.column is not None:
                column = self.model.patients[attribute.column]
                self.attributes[name] = column[self.person % len(column)]
            else:
                drawn[name] = uniform(self.person, int(rng.code_of(name)), 2, self.key)
        for copula in self.model.individual_copulas.values():
            columns = copula.draw(np.column_stack([drawn[name] for name in copula.names]))
            drawn |= dict(zip(copula.names, columns.T, strict=True))
        for name, u in drawn.items():
            attribute = self.model.attributes[name]
            arguments = [
                float(evaluate(f.tree, known, self.model.tables)) for f in attribute.arguments
            ]
            self.attributes[name] = INDIVIDUAL_FAMILIES[attribute.distribution].quantile(
                u, *arguments
            )

    def shared(self) -> dict[str, Floats]:
        """Names that do not differ by person, before the first cycle."""
        found = {name: np.asarray(v) for name, v in self.parameters.items()}
        for name, formula in self.model.variables.items():
            try:
                found[name] = evaluate(formula.tree, found, self.model.tables)
            except KeyError:
                continue
        return found

    def place(self) -> None:
        start: Start = self.model.strategies[self.strategy].start or self.model.start
        shares = np.zeros((len(self.person), len(self.states)))
        for state, formula in start.shares.items():
            shares[:, self.states.index(state)] = self.value(formula, 0, 0)
        if start.rest:
            shares[:, self.states.index(start.rest)] += 1.0 - shares.sum(axis=1)
        u = uniform(self.person, 0, 1, self.key)
        reached = np.cumsum(shares, axis=1)
        last = np.array([np.flatnonzero(row)[-1] for row in shares])
        self.state = np.minimum((u[:, None] >= reached).sum(axis=1), last)
        self.last[self.person, self.state] = 0

    def uniform_of(self, cycle: int) -> Floats:
        words = word(self.person, cycle // 4, 0, self.key)[cycle % 4]
        return np.asarray((words.astype(float) + 0.5) / 2.0**32)

    def step(self, cycle: int) -> None:
        u = self.uniform_of(cycle)
        target = np.full(len(self.person), -1)
        stays = np.zeros(len(self.person), dtype=bool)
        for index, name in enumerate(self.states):
            here = self.state == index
            if self.model.states[name].absorbing:
                target[here], stays[here] = index, True
                continue
            ways = self.ways(self.model.transitions[name], cycle)
            reached = np.zeros(len(self.person))
            undecided = here.copy()
            for number, (to, staying, probability) in enumerate(ways):
                reached = reached + probability
                chosen = undecided & ((u < reached) | (number == len(ways) - 1))
                target[chosen], stays[chosen] = self.states.index(to), staying
                undecided &= ~chosen
        self.move(cycle, target, stays)

    def ways(self, row: Transitions, cycle: int) -> list[tuple[str, bool, Floats]]:
        """Ways out of a state, deaths first, what is left last: (to, whether staying, chances)."""
        state = self.model.states[row.origin]
        numbers = {to: self.value(formula, cycle, cycle) for to, formula in row.to.items()}
        total = sum(numbers.values(), np.zeros(len(self.person)))
        if row.competing:
            with np.errstate(all="ignore"):
                share = np.where(total > 0, -np.expm1(-total * self.length) / total, 0.0)
            numbers = {to: rate * share for to, rate in numbers.items()}
            left = np.exp(-total * self.length)
        else:
            left = np.maximum(1.0 - total, 0.0)
        tunnel = state.tunnel is not None
        deaths = [to for to in row.to if self.model.states[to].absorbing]
        order = [*deaths, *(to for to in row.to if to not in deaths)]
        ways = [(to, to == row.origin and not tunnel, numbers[to]) for to in order]
        if tunnel:
            at_end = self.slot == state.slots - 1
            ways.append((row.origin, True, np.where(at_end, 0.0, 2.0)))
            return [*ways, (row.rest, False, left)]
        rest = row.rest or row.origin
        return [*ways, (rest, rest == row.origin, left)]

    def move(self, cycle: int, target: Integers, stays: NDArray[np.bool_]) -> None:
        before = self.state.copy()
        events = ~stays
        for state in self.model.types:
            entering = events & (target == self.states.index(state))
            self.draw_type(state, cycle, entering)
        self.count_moves(cycle, before, target, events)
        for person in np.flatnonzero(events):
            edge = self.states[before[person]], self.states[target[person]]
            kind = int(self.kind[person, target[person]])
            self.lives.events.append((int(person), cycle, *edge, kind))
        self.entries[self.person[events], target[events]] += 1
        slots = np.array([state.slots for state in self.model.states.values()])
        self.slot = np.where(stays, np.minimum(self.slot + 1, slots[target] - 1), 0)
        self.state = target
        self.last[self.person, self.state] = cycle + 1

    def draw_type(self, state: str, cycle: int, entering: NDArray[np.bool_]) -> None:
        known = self.shared()
        shares = self.model.types[state].shares
        given = {
            name: float(evaluate(f.tree, known, self.model.tables))
            for name, f in shares.items()
            if f is not None
        }
        rest = 1.0 - sum(given.values())
        reached = np.cumsum([given.get(name, rest) for name in shares])
        decision = 3 + 256 + (int(rng.code_of(state)) >> 1)
        u = uniform(self.person, cycle, decision, self.key)
        kind = np.minimum((u[:, None] >= reached).sum(axis=1), len(shares) - 1)
        index = self.states.index(state)
        self.kind[entering, index] = kind[entering]

    # --- amounts --------------------------------------------------------------------------------

    def factor(self, outcome: Outcome, cycle: int, timing: str) -> float:
        steps = self.model.settings.discount["cost" if outcome.kind == "cost" else "effect"]
        time = (cycle + SHIFT[timing]) * self.length
        compounding = self.model.settings.compounding
        if compounding == "whole_years":
            time = max(year for year in range(1000) if year <= time + 1e-9)
        factor = 1.0
        for index, step in enumerate(steps):
            end = steps[index + 1].start if index + 1 < len(steps) else np.inf
            years = max(0.0, min(time, end) - step.start)
            rate = float(evaluate(step.rate.tree, self.shared(), self.model.tables))
            if compounding == "continuous":
                factor *= float(np.exp(-rate * years))
            else:
                factor /= (1.0 + rate) ** years
        return factor

    def add(
        self, outcome: Outcome, state: int, who: NDArray[np.bool_], amount: Floats, factor: float
    ) -> None:
        both = np.column_stack([amount, amount * factor])
        both[~who] = 0.0
        self.lives.totals[outcome.name] += both
        self.lives.cells[outcome.name, self.states[state]] += both.sum(axis=0)

    def count_start(self) -> None:
        for outcome in self.outcomes:
            for name, formula in outcome.start.items():
                index = self.states.index(name)
                self.add(outcome, index, self.state == index, self.value(formula, 0, 0), 1.0)

    def count_point(self, point: int) -> None:
        for outcome in self.outcomes:
            method = outcome.correction.method
            scale = self.length if outcome.per_year else 1.0
            timing = outcome.timing or self.model.settings.timing
            parts: list[tuple[int, float, str]] = []  # cycle, weight, timing
            if outcome.correction.pointwise:
                parts.append((point, self.weight(outcome, method, point), "cycle_start"))
            else:
                half = 0.5 if method == "life_table" else 1.0
                if method in ("end", "life_table") and point > 0:
                    parts.append((point - 1, half, timing))
                if method != "end" and point < self.cycles:
                    parts.append((point, half, timing))
            for name, formula in outcome.state.items():
                index = self.states.index(name)
                for cycle, weight, when in parts:
                    amount = self.value(formula, cycle, point) * weight * scale
                    factor = self.factor(outcome, cycle, when)
                    self.add(outcome, index, self.state == index, amount, factor)

    def weight(self, outcome: Outcome, method: str, point: int) -> float:
        n = self.cycles
        if method == "weights":
            return float(self.model.tables[outcome.correction.table].column(None)[point])
        if method == "half_cycle" or n == 1:
            return 0.5 if point in (0, n) else 1.0
        even = n if n % 2 == 0 else n - 3
        third = (1 if point in (0, even) else 4 if point % 2 else 2) / 3 if point <= even else 0.0
        third = third if even else 0.0
        if n % 2 == 0 or point < even:
            return third
        return third + (3, 9, 9, 3)[point - even] / 8

    def count_moves(
        self, cycle: int, before: Integers, target: Integers, events: NDArray[np.bool_]
    ) -> None:
        for outcome in self.outcomes:
            timing = outcome.timing or self.model.settings.timing
            weight = 1.0
            if outcome.one_off_correction is not None:
                column = self.model.tables[outcome.one_off_correction.table].column(None)
                weight = float(column[cycle + (1 if timing == "cycle_end" else 0)])
            factor = self.factor(outcome, cycle, timing)
            for name, formula in outcome.entering.items():
                index = self.states.index(name)
                amount = self.value(formula, cycle, cycle) * weight
                self.add(outcome, index, events & (target == index), amount, factor)
            for (origin, to), formula in outcome.transition.items():
                edge = self.states.index(origin), self.states.index(to)
                who = events & (before == edge[0]) & (target == edge[1])
                amount = self.value(formula, cycle, cycle) * weight
                self.add(outcome, edge[1], who, amount, factor)
