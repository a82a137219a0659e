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

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heecon.engine.attributes import Attributes
from heecon.engine.checks import stop_together
from heecon.engine.cohort import count_draws, in_perspective
from heecon.engine.lives import Lives, Plan
from heecon.engine.microsim import BLOCK, KINDS, Options, check_size, in_order
from heecon.engine.moments import Moments, MonteCarlo
from heecon.engine.random_numbers import key_of
from heecon.engine.result import Result
from heecon.engine.walker import gather
from heecon.errors import InputError, Problem, SimulationError
from heecon.language import names as names_in
from heecon.model.definition import Formula, Model
from heecon.model.formulas import TIME_IN_STATE, dependents

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Draws = Mapping[str, Floats]


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
    plans: dict[str, Plan] = {}
    errors: dict[str, SimulationError] = {}
    for strategy in model.strategies:
        try:
            plans[strategy] = Plan(model, strategy, values, number)
        except SimulationError as error:
            errors[strategy] = error
    stop_together(errors)
    key = key_of(options.seed, number)
    attributes = Attributes(model)
    arguments = attributes.arguments(next(iter(plans.values())).evaluated, 0, number)
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


def _block(lives: Sequence[Lives], model: Model) -> _Block:
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
