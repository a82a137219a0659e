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

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from heecon.arrays import Floats
from heecon.engine.attributes import Attributes
from heecon.engine.checks import for_all
from heecon.engine.cohort import count_draws, in_perspective
from heecon.engine.event_times import EventModel
from heecon.engine.individual_run import Block, IndividualRun, Options, check_size
from heecon.engine.random_numbers import key_of
from heecon.engine.result import Result, Trace
from heecon.errors import InputError, Problem
from heecon.language import names as names_in
from heecon.model.definition import Formula, Model
from heecon.model.formulas import TIME_IN_STATE, dependents
from heecon.model.outcomes import edges_of

Draws = Mapping[str, Floats]


def refuse_cycles(model: Model) -> None:
    """Refuse what has no meaning without cycles, or is not simulated in continuous time.

    Raises:
        InputError: with every place.
    """
    hint = 'Use engine = "microsim"'
    problems = []
    for row in model.transitions.values():
        if not row.competing:
            place = next(iter(row.to.values())).where if row.to else row.origin
            what = f"the ways out of '{row.origin}' are probabilities of a cycle"
            problems.append(Problem(place, what, "Give rates or hazards, or " + hint.lower()))
    timed_names = dependents(TIME_IN_STATE, {n: f.tree for n, f in model.variables.items()})
    for formula in _read_by_cycle(model):
        found = sorted(names_in(formula.tree) & (timed_names | model.personal))
        if found:
            what = f"'{formula.text}' reads '{found[0]}', which differs within a cycle or by person"
            problems.append(Problem(formula.where, what, hint))
    for outcome in in_perspective(model):
        if outcome.one_off_correction is not None:
            what = f"outcome '{outcome.name}' weights one-off amounts by time points"
            problems.append(Problem(outcome.name, what, hint))
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
        first_draw: number of the first draw, which keys the random numbers of its people.

    Raises:
        InputError: the model needs cycles or history, or the draws do not fit.
        SimulationError: an impossible number.
    """
    chosen = options or Options()
    refuse_cycles(model)
    values = {key: np.asarray(column, dtype=float) for key, column in (draws or {}).items()}
    count = count_draws(model, values)
    check_size(model, chosen.patients, count)
    if chosen.on_event is not None:
        what = "there is no event log in continuous time"
        raise InputError(Problem("events", what, 'Use engine = "microsim"'))
    run = IndividualRun(model, chosen)
    results = []
    with ThreadPoolExecutor(run.threads) as pool:
        for draw in range(count):
            one = {key: column[draw : draw + 1] for key, column in values.items()}
            results.append(_draw(run, one, first_draw + draw, pool))
    return results


def _draw(run: IndividualRun, values: Draws, number: int, pool: ThreadPoolExecutor) -> Result:
    model = run.model
    models = for_all(model.strategies, lambda strategy: EventModel(model, strategy, values, number))
    key = key_of(run.options.seed, number)
    attributes = Attributes(model)
    arguments = attributes.arguments(models[0].evaluated, 0, number)

    def block(people: range) -> Block:
        own = attributes.of(people, key, arguments)
        named = dict(zip(attributes.names, own.T, strict=True))
        numbers = np.arange(people.start, people.stop, dtype=np.int64)
        keep = run.options.keep_trace
        histories = [events.simulate(numbers, key, named, keep_trace=keep) for events in models]
        return run.block(
            [np.ascontiguousarray(h.totals.reshape(len(people), -1)) for h in histories],
            [h.sums() for h in histories],
        )

    people = run.people(block, number, pool)
    cube, alive = (np.array([sums[name] for sums in people.sums]) for name in ("cells", "alive"))
    count, trace = people.decision.count, None
    if run.options.keep_trace:
        occupancy, flow, amounts = (
            np.array([sums[name] for sums in people.sums])[None] / count
            for name in ("occupancy", "flow", "amounts")
        )
        moves = tuple(edges_of(model.transitions, model.states))
        trace = Trace(occupancy, flow, moves, amounts)
    return run.result(people, cube / count, alive / count, trace)
