"""The microsimulation in continuous time: exact times of events, amounts integrated between them.

Cycles only say where formulas change: a rate formula is constant within each cycle, hazards given
by a survival family are exact. Whoever is in a state waits for all its ways out at once, and the
earliest is taken; so several events may fall into one cycle. Costs and health that accrue while in
a state are integrated, with discounting at every moment; what has ``timing = "cycle_start"``
(doses) stays at the starts of the cycles; one-off amounts are discounted at their exact times.

Times are drawn by inverting the cumulative hazard: with E exponential, the event comes when the
hazard accumulated since entering the state reaches E (for a clock that runs from the model's start,
H(t) - H(entry) = E; for one that starts anew, H(t - entry) = E).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heecon.engine import discount
from heecon.engine.attributes import Attributes
from heecon.engine.cohort import count_draws, in_perspective
from heecon.engine.common import values_by_name
from heecon.engine.faults import stop_together
from heecon.engine.inverse import inverse_of, step_inverse
from heecon.engine.microsim import BLOCK, KINDS, Options, check_size, in_order
from heecon.engine.moments import Moments, MonteCarlo
from heecon.engine.prepare import Preparation
from heecon.engine.random_numbers import EVENT, START, code_of, key_of, uniforms_of
from heecon.engine.result import Result
from heecon.engine.walker import gather
from heecon.errors import InputError, Problem, SimulationError
from heecon.language import evaluate
from heecon.language import names as names_in
from heecon.model.definition import Formula, Hazard, Model, Outcome, Transitions
from heecon.model.formulas import TIME_IN_STATE, dependents

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
Draws = Mapping[str, Floats]

MAX_EVENTS = 100_000
"""Moves one person may make: more is a mistake in the hazards."""


def refuse_cycles(model: Model) -> None:
    """Refuse what has no meaning without cycles, or is not simulated in continuous time.

    Raises:
        InputError: with every place.
    """
    remedy = 'Use engine = "microsim"'
    problems = []
    for row in model.transitions.values():
        if not row.competing:
            place = next(iter(row.to.values())).where if row.to else row.origin
            what = f"the ways out of '{row.origin}' are probabilities of a cycle"
            problems.append(Problem(place, what, "Give rates or hazards, or " + remedy.lower()))
    slot_names = dependents(TIME_IN_STATE, {n: f.tree for n, f in model.variables.items()})
    for formula in _read_by_cycle(model):
        found = sorted(names_in(formula.tree) & (slot_names | model.personal))
        if found:
            what = f"'{formula.text}' reads '{found[0]}', which differs within a cycle or by person"
            problems.append(Problem(formula.where, what, remedy))
    for outcome in in_perspective(model):
        if outcome.one_off_correction is not None:
            what = f"outcome '{outcome.name}' weights one-off amounts by time points"
            problems.append(Problem(outcome.name, what, remedy))
    if problems:
        raise InputError(dict.fromkeys(problems))


def _read_by_cycle(model: Model) -> list[Formula]:
    """Formulas that are evaluated on the grid of the cycles."""
    found = [
        formula
        for row in model.transitions.values()
        for to, formula in row.to.items()
        if to not in row.hazards
    ]
    found += [formula for outcome in in_perspective(model) for formula in outcome.formulas()]
    for start in (model.start, *(s.start for s in model.strategies.values())):
        found += list(start.shares.values()) if start else []
    return found


def run_continuous(
    model: Model, draws: Draws | None = None, options: Options | None = None, first_draw: int = 0
) -> list[Result]:
    """Simulate every strategy in continuous time; one result a draw.

    Args:
        model: a model whose ways out are rates and hazards.
        draws: parameter values by key, each of shape (draws,); None for the base case.
        options: how many people, and the seed.
        first_draw: number of the first draw, which keys the luck of its people.

    Raises:
        InputError: the model needs cycles or history, or the draws do not fit.
        SimulationError: an impossible number.
    """
    chosen = options or Options()
    refuse_cycles(model)
    values = {key: np.asarray(column, dtype=float) for key, column in (draws or {}).items()}
    count = count_draws(model, values)
    check_size(model, chosen.patients, count)
    if chosen.keep_trace or chosen.on_event is not None:
        what = "there is no trace or event log in continuous time"
        raise InputError(Problem("trace", what, 'Use engine = "microsim"'))
    results = []
    for draw in range(count):
        one = {key: column[draw : draw + 1] for key, column in values.items()}
        results.append(_draw(model, one, chosen, first_draw + draw))
    return results


def _draw(model: Model, values: Draws, options: Options, number: int) -> Result:
    plans: dict[str, _Plan] = {}
    errors: dict[str, SimulationError] = {}
    for strategy in model.strategies:
        try:
            plans[strategy] = _Plan(model, strategy, values, number)
        except SimulationError as error:
            errors[strategy] = error
    stop_together(errors)
    key = key_of(options.seed, number)
    attributes = Attributes(model)
    arguments = attributes.arguments(next(iter(plans.values())), 0, number)
    end = options.first + options.patients
    merged: list[_Block] = []

    def block(begin: int) -> _Block:
        people = np.arange(begin, min(begin + BLOCK, end), dtype=np.int64)
        own = attributes.of(range(begin, begin + len(people)), key, arguments)
        named = dict(zip(attributes.names, own.T, strict=True))
        return _block([plan.simulate(people, key, named) for plan in plans.values()], model)

    with ThreadPoolExecutor(options.threads) as pool:
        for found in in_order(pool, block, range(options.first, end, BLOCK), 4):
            merged = [merged[0].merged(found) if merged else found]
            if options.on_people is not None:
                options.on_people(merged[0].decision.count)
            if options.enough is not None and options.enough(merged[0].decision):
                break
    return merged[0].result(model, options.seed)


@dataclass(frozen=True)
class _Block:
    """Results of a block of people: by strategy, and of their decision quantities together."""

    amounts: tuple[Moments, ...]
    cells: Floats
    alive: Floats
    decision: Moments

    def merged(self, other: _Block) -> _Block:
        pairs = zip(self.amounts, other.amounts, strict=True)
        return _Block(
            tuple(mine.merged(its) for mine, its in pairs),
            self.cells + other.cells,
            self.alive + other.alive,
            self.decision.merged(other.decision),
        )

    def result(self, model: Model, seed: int) -> Result:
        outcomes, count = in_perspective(model), self.decision.count
        cube = (self.cells / count)[None]
        own = 2 * len(outcomes)
        variance = np.array([moments.covariance() for moments in self.amounts])
        errors = np.sqrt(variance / count)[None]
        shape = 1, len(self.amounts)
        kinds = errors[..., own:].reshape(*shape, len(KINDS), 2)
        return Result(
            model=model,
            strategies=tuple(model.strategies),
            outcomes=outcomes,
            states=tuple(model.states),
            undiscounted=cube[..., 0],
            discounted=cube[..., 1],
            alive_at_end=(self.alive / count)[None],
            monte_carlo=MonteCarlo(
                people=count,
                seed=seed,
                outcome=errors[..., :own].reshape(*shape, len(outcomes), 2),
                kind={kind: kinds[:, :, i] for i, kind in enumerate(KINDS)},
                covariance=self.decision.covariance()[None],
            ),
        )


def _block(lives: Sequence[_Lives], model: Model) -> _Block:
    kind_of = [2 * KINDS.index(outcome.kind) for outcome in in_perspective(model)]
    kind = np.array([k + which for k in kind_of for which in range(2)], dtype=np.int64)
    moments, columns = [], []
    for life in lives:
        people = len(life.totals)
        totals = np.ascontiguousarray(life.totals.reshape(people, -1))
        kinds = np.zeros((people, 2 * len(KINDS)))
        means = np.zeros(totals.shape[1] + kinds.shape[1])
        squares = np.zeros_like(means)
        gather(totals, kind, kinds, means, squares)
        moments.append(Moments(people, means, squares))
        columns.append(kinds)
    chosen = [2 * KINDS.index("cost") + 1, 2 * KINDS.index("qaly") + 1]
    decision = [np.ascontiguousarray(column[:, k]) for k in chosen for column in columns]
    return _Block(
        tuple(moments),
        np.array([life.cells for life in lives]),
        np.array([life.alive for life in lives]),
        Moments.pairs(decision),
    )


@dataclass
class _Lives:
    """Amounts of a block of people under one strategy.

    Attributes:
        totals: (people, outcomes, 2) undiscounted and discounted.
        cells: (outcomes, states, 2) sums over people.
        alive: how many are outside absorbing states at the end.
    """

    totals: Floats
    cells: Floats
    alive: float


@dataclass(frozen=True)
class _Way:
    """A way out of a state.

    Attributes:
        to: index of the state entered.
        code: word that keys its luck.
        wait: times of the event from (entry times, exponential numbers, attributes).
    """

    to: int
    code: np.uint64
    wait: Callable[[Floats, Floats, Mapping[str, Floats]], Floats]


class _Plan:
    """One strategy in one draw: waiting times and integrals of amounts."""

    def __init__(self, model: Model, strategy: str, values: Draws, number: int) -> None:
        self.model = model
        self.strategy = model.strategies[strategy]
        named = values_by_name(model, strategy, values)
        self.preparation = Preparation(model, strategy, named, draws=1, first_draw=number)
        self.states = list(model.states)
        self.length = model.settings.cycle_length
        self.cycles = model.settings.cycles
        self.horizon = self.cycles * self.length
        self.grid: Floats = np.arange(self.cycles + 1, dtype=float) * self.length
        self.outcomes = in_perspective(model)
        starts = self.preparation.starts()[0]
        self.start = np.cumsum(starts)
        self.start[np.flatnonzero(starts)[-1] :] = 2.0
        self.ways = [self._ways(model.transitions.get(name)) for name in self.states]
        self.integrals = self._integrals()
        self.once = self._once()
        self.at_start = self._at_start()
        self.preparation.faults.stop_if_any()

    def number(self, formula: Formula, _draw: int = 0) -> float:
        """The value of a formula that does not change with time."""
        known = self.preparation.environment
        return float(np.ravel(evaluate(formula.tree, known, self.model.tables))[0])

    def by_cycle(self, formula: Formula, points: int) -> Floats:
        """The values of a formula in the cycles, or at the time points."""
        known = self.preparation.environment
        value = np.asarray(evaluate(formula.tree, known, self.model.tables), dtype=float)
        value = value.reshape((1,) * (3 - value.ndim) + value.shape)[0, :, 0]
        return np.broadcast_to(value, (self.cycles + 1,) if len(value) == 1 else value.shape)[
            :points
        ]

    # --- waiting --------------------------------------------------------------------------------

    def _ways(self, row: Transitions | None) -> list[_Way]:
        if row is None:
            return []
        ways = []
        for to, formula in row.to.items():
            hazard = row.hazards.get(to)
            if hazard is None:
                wait = self._rate_wait(row.origin, to, formula)
            elif hazard.family == "table":
                wait = self._table_wait(hazard)
            else:
                wait = self._family_wait(hazard)
            code = np.uint64(1 << 8) + (code_of(f"{row.origin} -> {to}") >> np.uint64(1))
            ways.append(_Way(self.states.index(to), code, wait))
        tunnel = self.model.states[row.origin].tunnel
        if tunnel is not None:
            stay = tunnel * self.length
            rest = self.states.index(row.rest)
            ways.append(_Way(rest, np.uint64(0), lambda entry, _e, _a: entry + stay))
        elif row.rest != row.origin:
            place = next(iter(row.to.values())).where if row.to else row.origin
            what = f"everybody else goes from '{row.origin}' to '{row.rest}' at the end of a cycle"
            raise InputError(Problem(place, what, "Give that a rate too"))
        return ways

    def _rate_wait(
        self, origin: str, to: str, formula: Formula
    ) -> Callable[[Floats, Floats, Mapping[str, Floats]], Floats]:
        rates = self.by_cycle(formula, self.cycles)
        checked = self.preparation.faults.in_range(
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
        begins = self.number(self.model.settings.start_age) if hazard.by_age else 0.0
        if table.keys[0] > begins:
            what = f"table '{hazard.table}' begins at {table.keys[0]:g}, people at {begins:g}"
            raise SimulationError(Problem(hazard.where, what, "Add the earlier hazards"))
        first = np.searchsorted(table.keys, begins, side="right") - 1
        keys = np.maximum(table.keys[first:] - begins, 0.0)
        return _step_wait(keys, values[first:], reset=hazard.reset)

    def _family_wait(
        self, hazard: Hazard
    ) -> Callable[[Floats, Floats, Mapping[str, Floats]], Floats]:
        shared = self.preparation.environment
        tables, reset, family = self.model.tables, hazard.reset, hazard.family
        trees = [argument.tree for argument in hazard.arguments]

        def wait(entry: Floats, e: Floats, attributes: Mapping[str, Floats]) -> Floats:
            known = {name: np.ravel(value)[:1] for name, value in shared.items()} | dict(attributes)
            arguments = [evaluate(tree, known, tables) for tree in trees]
            since = np.zeros_like(entry) if reset else entry
            return entry - since + inverse_of(family, since, e, arguments, hazard.where)

        return wait

    # --- amounts --------------------------------------------------------------------------------

    def _factor_steps(self, outcome: Outcome) -> tuple[list[float], list[float]]:
        kind = "cost" if outcome.kind == "cost" else "effect"
        steps = self.model.settings.discount[kind]
        rates = [self.number(step.rate) for step in steps]
        for rate, step in zip(rates, steps, strict=True):
            what = f"discount rate of {kind}s a year"
            value = np.full((1, 1, 1), rate)
            self.preparation.faults.in_range(value, *discount.LIMITS, what, step.rate)
        return [step.start for step in steps], rates

    def factor(self, outcome: Outcome, times: Floats) -> Floats:
        """Discount factors of an outcome at any times."""
        starts, rates = self._factor_steps(outcome)
        factors = discount.discount_factors(times, starts, [np.array([rate]) for rate in rates])
        return np.asarray(factors[0])

    def _integrals(self) -> list[tuple[int, int, Callable[[Floats], Floats]]]:
        """(outcome, state, amount accrued by a time if always there) of every state amount."""
        found: list[tuple[int, int, Callable[[Floats], Floats]]] = []
        for number, outcome in enumerate(self.outcomes):
            for state, formula in outcome.state.items():
                values = self.by_cycle(formula, self.cycles)
                self.preparation.faults.check_finite(
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
        starts, rates = self._factor_steps(outcome)
        cuts = np.unique([*self.grid, *(start for start in starts if start < self.horizon)])
        begins = cuts[:-1]
        cycle = np.minimum(np.searchsorted(self.grid, begins, side="right") - 1, self.cycles - 1)
        flows = yearly[cycle]
        force = np.log1p(np.array(rates))[np.searchsorted(starts, begins, side="right") - 1]
        factor = self.factor(outcome, begins)
        whole = np.diff(cuts)
        parts = np.column_stack([flows * whole, flows * factor * _annuity(force, whole)])
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
        """By move: outcome, and its amount in each cycle."""
        found: dict[tuple[int, int], list[tuple[int, Outcome, Floats]]] = {}
        for origin, ways in enumerate(self.ways):
            for to in dict.fromkeys(way.to for way in ways):
                for number, outcome in enumerate(self.outcomes):
                    edge = self.states[origin], self.states[to]
                    for formula in (outcome.entering.get(edge[1]), outcome.transition.get(edge)):
                        if formula is not None:
                            values = self.by_cycle(formula, self.cycles)
                            what = f"{outcome.name} at {edge[0]} -> {edge[1]}"
                            self.preparation.faults.check_finite(
                                values[None, :, None], what, formula
                            )
                            found.setdefault((origin, to), []).append((number, outcome, values))
        return found

    def _at_start(self) -> list[tuple[int, int, float]]:
        return [
            (number, self.states.index(state), self.number(formula))
            for number, outcome in enumerate(self.outcomes)
            for state, formula in outcome.start.items()
        ]

    # --- people ---------------------------------------------------------------------------------

    def simulate(
        self, people: Integers, key: tuple[np.uint64, np.uint64], attributes: Mapping[str, Floats]
    ) -> _Lives:
        """Take people from event to event until the horizon or an absorbing state."""
        shape = len(self.outcomes), 2
        lives = _Lives(
            np.zeros((len(people), *shape)), np.zeros((shape[0], len(self.states), 2)), 0.0
        )
        u = uniforms_of(people, 0, START, key)
        state = (u[:, None] >= self.start[None, :]).sum(axis=1)
        entry = np.zeros(len(people))
        for outcome, where, worth in self.at_start:
            self._book(
                lives, np.flatnonzero(state == where), outcome, where, np.full((1, 2), worth)
            )
        moving = np.arange(len(people))
        for event in range(MAX_EVENTS):
            left, target = self._next(people, state, entry, moving, event, key, attributes)
            until = np.minimum(left, self.horizon)
            self._accrue(lives, state, entry, until, moving)
            happens = left < self.horizon
            at, gone = moving[happens], left[happens]
            self._count_moves(lives, state[at], target[happens], gone, at)
            lives.alive += self._lasting(state[moving[~happens]])
            state[at], entry[at] = target[happens], gone
            moving = at
            if not len(moving):
                return lives
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
        """When the next move of each comes, infinite for none, and where it leads."""
        left = np.full(len(moving), np.inf)
        target = state[moving].copy()
        for index, ways in enumerate(self.ways):
            here = np.flatnonzero(state[moving] == index)
            if not len(here):
                continue
            who = moving[here]
            own = {name: column[who] for name, column in attributes.items()}
            for way in ways:
                u = uniforms_of(people[who], event, EVENT + way.code, key)
                when = way.wait(entry[who], -np.log(u), own)
                sooner = when < left[here]
                left[here[sooner]] = when[sooner]
                target[here[sooner]] = way.to
        return left, target

    def _accrue(
        self, lives: _Lives, state: Integers, entry: Floats, until: Floats, moving: Integers
    ) -> None:
        """Book what being in a state is worth between two times."""
        for outcome, where, accrued in self.integrals:
            here = np.flatnonzero(state[moving] == where)
            who = moving[here]
            if len(who):
                amount = accrued(until[here]) - accrued(entry[who])
                self._book(lives, who, outcome, where, amount)

    def _count_moves(
        self, lives: _Lives, origin: Integers, target: Integers, when: Floats, who: Integers
    ) -> None:
        cycle = np.minimum((when / self.length).astype(np.int64), self.cycles - 1)
        for (left, to), terms in self.once.items():
            chosen = np.flatnonzero((origin == left) & (target == to))
            if not len(chosen):
                continue
            for number, outcome, values in terms:
                amount = values[cycle[chosen]]
                today = amount * self.factor(outcome, when[chosen])
                both = np.column_stack([amount, today])
                self._book(lives, who[chosen], number, to, both)

    @staticmethod
    def _book(lives: _Lives, who: Integers, outcome: int, state: int, amount: Floats) -> None:
        lives.totals[who, outcome] += amount
        lives.cells[outcome, state] += np.broadcast_to(amount, (len(who), 2)).sum(axis=0)


def _annuity(force: Floats, years: Floats) -> Floats:
    """What one unit a year is worth over some years, discounted to their beginning."""
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
