"""A second cohort simulator, slow and plain, that shares no code with heecon.

A ``Case`` is a model as data: formulas are small trees that this file can both write as heecon
text and compute itself. ``simulate`` moves one strategy's cohort, held as a dictionary
``{(state, cycles in it): share}``, and counts everything with loops over Python floats.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Tree = tuple[Any, ...]
"""("number", 0.5), ("name", "cycle"), ("*", a, b), ("-", a, b), ("/", a, b), ("life", place),
("if", left, comparison, right, then, otherwise)."""

YEARS = {"1 year": 1.0, "3 months": 0.25, "28 days": 28 / 365.25}
SHIFT = {"cycle_start": 0.0, "mid_cycle": 0.5, "cycle_end": 1.0}
POINTWISE = ("half_cycle", "simpson", "weights")


@dataclass(frozen=True)
class StateSpec:
    """kind: "plain", "residence", "tunnel" or "absorbing"; slots: cycles told apart."""

    name: str
    kind: str
    slots: int = 1


@dataclass(frozen=True)
class RowSpec:
    """kind: "rates" or "probabilities"; rest: "" when the probabilities sum to one."""

    kind: str
    to: Mapping[str, Tree]
    rest: str


@dataclass(frozen=True)
class OutcomeSpec:
    name: str
    kind: str
    per: str | None = None
    timing: str | None = None
    correction: str | None = None
    start: Mapping[str, Tree] = field(default_factory=dict)
    state: Mapping[str, Tree] = field(default_factory=dict)
    entering: Mapping[str, Tree] = field(default_factory=dict)
    transition: Mapping[tuple[str, str], Tree] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """A model; ``values`` are base values by (parameter, strategy or ""), ``draws`` likewise."""

    cycle: str
    cycles: int
    correction: str
    timing: str
    discount: Mapping[str, tuple[tuple[float, Tree], ...]]
    states: tuple[StateSpec, ...]
    start: Mapping[str, Tree]
    start_rest: str
    own_start: Mapping[str, Mapping[str, float]]
    strategies: tuple[str, ...]
    rows: Mapping[str, RowSpec]
    outcomes: tuple[OutcomeSpec, ...]
    values: Mapping[tuple[str, str], float]
    draws: Mapping[tuple[str, str], tuple[float, ...]]
    life: tuple[tuple[float, float], ...]
    weights: tuple[float, ...]
    compounding: str = "annual"

    def parameter_values(self, strategy: str, draw: int) -> dict[str, float]:
        """Parameters as one strategy sees them in one draw: its own go before the shared ones."""
        found = {}
        for owner in ("", strategy):
            for (name, own), value in self.values.items():
                if own == owner:
                    drawn = self.draws.get((name, own))
                    found[name] = value if drawn is None else drawn[draw]
        return found


@dataclass
class Expected:
    """What a strategy gives in one draw; keys are names."""

    occupancy: list[dict[str, float]]
    flow: dict[tuple[str, str], list[float]]
    amounts: dict[tuple[str, str], list[tuple[float, float]]]
    totals: dict[tuple[str, str], tuple[float, float]]


# --- formulas -----------------------------------------------------------------------------------


def text(tree: Tree) -> str:
    """The formula as heecon reads it."""
    match tree:
        case ("number", value):
            return repr(value)
        case ("name", name):
            return str(name)
        case ("life", place):
            return f"lookup(life, {text(place)})"
        case ("if", left, comparison, right, then, otherwise):
            condition = f"{text(left)} {comparison} {text(right)}"
            return f"(({text(then)}) if {condition} else ({text(otherwise)}))"
        case (operator, left, right):
            return f"({text(left)} {operator} {text(right)})"
    raise ValueError(tree)


def number(tree: Tree, known: Mapping[str, float], life: tuple[tuple[float, float], ...]) -> float:
    """The value of the formula."""
    match tree:
        case ("number", value):
            return float(value)
        case ("name", name):
            return known[name]
        case ("life", place):
            age = number(place, known, life)
            return [rate for first, rate in life if first <= age + 1e-9][-1]
        case ("if", left, comparison, right, then, otherwise):
            a, b = number(left, known, life), number(right, known, life)
            chosen = {"<": a < b, ">=": a >= b, ">": a > b}[comparison]
            return number(then if chosen else otherwise, known, life)
        case (operator, left, right):
            a, b = number(left, known, life), number(right, known, life)
            return {"*": a * b, "-": a - b, "+": a + b, "/": a / b if b else math.nan}[operator]
    raise ValueError(tree)


# --- the cohort -----------------------------------------------------------------------------------


def simulate(case: Case, strategy: str, draw: int) -> Expected:
    """Run one strategy in one draw."""
    return _Run(case, strategy, draw).run()


class _Run:
    def __init__(self, case: Case, strategy: str, draw: int) -> None:
        self.case = case
        self.strategy = strategy
        self.parameters = case.parameter_values(strategy, draw)
        self.length = YEARS[case.cycle]
        self.kind = {state.name: state.kind for state in case.states}
        self.slots = {state.name: state.slots for state in case.states}
        self.path: list[dict[tuple[str, int], float]] = []
        self.moves: list[dict[tuple[str, int, str], float]] = []

    def value(self, tree: Tree, cycle: int = 0, spent: int = 0) -> float:
        known = self.parameters | {
            "cycle": float(cycle),
            "time": cycle * self.length,
            "age": self.parameters["start_age"] + cycle * self.length,
            "cycle_length": self.length,
            "state_cycle": float(spent),
            "state_time": spent * self.length,
        }
        return number(tree, known, self.case.life)

    def run(self) -> Expected:
        self.path = [self.at_start()]
        for cycle in range(self.case.cycles):
            self.path.append(self.step(cycle))
        occupancy = []
        for people in self.path:
            shares = dict.fromkeys(self.kind, 0.0)
            for (state, _), share in people.items():
                shares[state] += share
            occupancy.append(shares)
        flow: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0] * self.case.cycles)
        for cycle, moves in enumerate(self.moves):
            for (origin, _, to), share in moves.items():
                flow[origin, to][cycle] += share
        amounts: dict[tuple[str, str], list[tuple[float, float]]] = {}
        for outcome in self.case.outcomes:
            for state in self.kind:
                amounts[outcome.name, state] = [(0.0, 0.0)] * (self.case.cycles + 1)
            for state, cycle, undiscounted, discounted in self.count(outcome):
                entry = amounts[outcome.name, state]
                before = entry[cycle]
                entry[cycle] = before[0] + undiscounted, before[1] + discounted
        totals = {
            key: (math.fsum(a for a, _ in entry), math.fsum(b for _, b in entry))
            for key, entry in amounts.items()
        }
        return Expected(occupancy, dict(flow), amounts, totals)

    def at_start(self) -> dict[tuple[str, int], float]:
        own = self.case.own_start.get(self.strategy)
        if own is not None:
            return {(state, 0): share for state, share in own.items()}
        people = {(state, 0): self.value(tree) for state, tree in self.case.start.items()}
        if self.case.start_rest:
            place = self.case.start_rest, 0
            people[place] = people.get(place, 0.0) + 1.0 - math.fsum(people.values())
        return people

    def step(self, cycle: int) -> dict[tuple[str, int], float]:
        people: dict[tuple[str, int], float] = defaultdict(float)
        moves: dict[tuple[str, int, str], float] = defaultdict(float)
        for (state, spent), share in self.path[cycle].items():
            if self.kind[state] == "absorbing":
                people[state, 0] += share
                continue
            longest = self.slots[state] - 1
            leaving, remaining = self.chances(state, cycle, spent)
            row = self.case.rows[state]
            staying = 0.0
            for to, chance in leaving.items():
                if to == state and self.kind[state] != "tunnel":
                    staying += chance
                else:
                    moves[state, spent, to] += share * chance
            if self.kind[state] == "tunnel":
                if spent == longest:
                    moves[state, spent, row.rest] += share * remaining
                else:
                    staying += remaining
            elif row.rest in ("", state):
                staying += remaining
            else:
                moves[state, spent, row.rest] += share * remaining
            people[state, min(spent + 1, longest)] += share * staying
        for (_, _, to), share in moves.items():
            people[to, 0] += share
        self.moves.append(dict(moves))
        return dict(people)

    def chances(self, state: str, cycle: int, spent: int) -> tuple[dict[str, float], float]:
        row = self.case.rows[state]
        numbers = {to: self.value(tree, cycle, spent) for to, tree in row.to.items()}
        if row.kind == "probabilities":
            return numbers, max(1.0 - math.fsum(numbers.values()), 0.0)
        total = math.fsum(numbers.values())
        if total == 0.0:
            return numbers, 1.0
        some = 1.0 - math.exp(-total * self.length)
        return {to: rate / total * some for to, rate in numbers.items()}, 1.0 - some

    # --- counting -----------------------------------------------------------------------------

    def count(self, outcome: OutcomeSpec) -> list[tuple[str, int, float, float]]:
        """(state, cycle, undiscounted, discounted) of everything the outcome counts."""
        found: list[tuple[str, int, float, float]] = []
        for state, tree in outcome.start.items():
            amount = self.path[0].get((state, 0), 0.0) * self.value(tree)
            found.append((state, 0, amount, amount))
        for state, tree in outcome.state.items():
            found += self.count_state(outcome, state, tree)
        for (origin, to), tree in self.edge_values(outcome):
            found += self.count_edge(outcome, origin, to, tree)
        return found

    def edge_values(self, outcome: OutcomeSpec) -> list[tuple[tuple[str, str], Tree]]:
        edges = {(origin, to) for moves in self.moves for origin, _, to in moves}
        entering = [(e, outcome.entering[e[1]]) for e in edges if e[1] in outcome.entering]
        return entering + [(e, t) for e, t in outcome.transition.items() if e in edges]

    def count_state(
        self, outcome: OutcomeSpec, state: str, tree: Tree
    ) -> list[tuple[str, int, float, float]]:
        by_timing = {"cycle_start": "start", "mid_cycle": "life_table", "cycle_end": "end"}
        correction = outcome.correction
        if correction is None:
            correction = by_timing[outcome.timing] if outcome.timing else self.case.correction
        annual = outcome.kind in ("qaly", "life_year")
        annual = annual if outcome.per is None else outcome.per == "year"
        pointwise = correction in POINTWISE
        timing = "cycle_start" if pointwise else outcome.timing or self.case.timing
        weights = self.point_weights(correction)
        found = []
        for cycle in range(self.case.cycles + (1 if pointwise else 0)):
            amount = 0.0
            for spent in range(self.slots[state]):
                share = self.path[cycle].get((state, spent), 0.0)
                if correction in ("end", "life_table"):
                    after = self.path[cycle + 1].get((state, spent), 0.0)
                    share = after if correction == "end" else (share + after) / 2
                amount += share * self.value(tree, cycle, spent)
            amount *= (self.length if annual else 1.0) * weights[cycle]
            found.append((state, cycle, amount, amount * self.factor(outcome, cycle, timing)))
        return found

    def count_edge(
        self, outcome: OutcomeSpec, origin: str, to: str, tree: Tree
    ) -> list[tuple[str, int, float, float]]:
        timing = outcome.timing or self.case.timing
        weighted = outcome.correction == "weights" and not outcome.state
        weights = self.point_weights("weights" if weighted else "none")
        found = []
        for cycle, moves in enumerate(self.moves):
            amount = 0.0
            for (left, spent, entered), share in moves.items():
                if (left, entered) == (origin, to):
                    amount += share * self.value(tree, cycle, spent)
            amount *= weights[cycle + (1 if timing == "cycle_end" else 0)]
            found.append((to, cycle, amount, amount * self.factor(outcome, cycle, timing)))
        return found

    def point_weights(self, correction: str) -> list[float]:
        n = self.case.cycles
        if correction == "weights":
            return list(self.case.weights)
        if correction == "half_cycle" or (correction == "simpson" and n == 1):
            return [0.5, *[1.0] * (n - 1), 0.5]
        if correction == "simpson":
            if n % 2 == 0:
                return [(1 if t in (0, n) else 4 if t % 2 else 2) / 3 for t in range(n + 1)]
            m = n - 3  # the last three intervals by the 3/8 rule
            third = [(1 if t in (0, m) else 4 if t % 2 else 2) / 3 for t in range(m + 1)]
            third = third if m else [0.0]
            return [*third[:-1], third[-1] + 3 / 8, 9 / 8, 9 / 8, 3 / 8]
        return [1.0] * (n + 1)

    def factor(self, outcome: OutcomeSpec, cycle: int, timing: str) -> float:
        steps = self.case.discount["cost" if outcome.kind == "cost" else "effect"]
        time = (cycle + SHIFT[timing]) * self.length
        if self.case.compounding == "whole_years":
            time = max(year for year in range(1000) if year <= time + 1e-9)
        factor = 1.0
        for index, (start, tree) in enumerate(steps):
            end = steps[index + 1][0] if index + 1 < len(steps) else math.inf
            years = max(0.0, min(time, end) - start)
            rate = self.value(tree)
            if self.case.compounding == "continuous":
                factor *= math.exp(-rate * years)
            else:
                factor /= (1.0 + rate) ** years
        return factor
