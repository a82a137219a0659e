"""A state that tells fewer cycles of residence apart than the horizon has: what that changes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from heecon.arrays import Floats
from heecon.errors import Diagnostics
from heecon.language import evaluate
from heecon.language import names as names_in
from heecon.model.definition import Formula, Model, State
from heecon.model.formulas import TIME_IN_STATE, dependents


def warn_of_short_residence(model: Model, diagnostics: Diagnostics) -> None:
    """Say which formulas would still change beyond the last cycle of residence of their state."""
    cycles = model.settings.cycles
    short = [s for s in model.states.values() if not s.tunnel and 1 < s.slots < cycles]
    short += [s for s in model.states.values() if s.residence is not None and s.slots == 1 < cycles]
    trees = {name: formula.tree for name, formula in model.variables.items()}
    timed = dependents(TIME_IN_STATE, trees)
    for state in dict.fromkeys(short):
        for formula in _formulas_of(state, model):
            if names_in(formula.tree) & timed and _goes_on(formula, state, model):
                what = f"state '{state.name}' tells {state.slots} of {cycles} cycles apart, and "
                what += f"'{formula.text}' changes beyond them"
                hint = (
                    "A cohort and the microsimulation take whoever has been there longer for "
                    f"somebody in the last: raise residence, at most to {cycles}, or hold the "
                    "formula constant from there with min(state_time, ...)"
                )
                diagnostics.warn(formula.where, what, hint)


def _formulas_of(state: State, model: Model) -> Iterator[Formula]:
    """What is read by time in a state."""
    if state.name in model.transitions:
        yield from model.transitions[state.name].to.values()
    for outcome in model.outcomes.values():
        if state.name in outcome.state:
            yield outcome.state[state.name]
        for (origin, _), formula in outcome.transition.items():
            if origin == state.name:
                yield formula


def _goes_on(formula: Formula, state: State, model: Model) -> bool:
    """Whether a formula has another value later than in the last cycle told apart.

    It is looked at for every strategy's base values, at the start, the middle and the end of the
    horizon; one that differs by person is taken to change.
    """
    if model.is_individual(formula):
        return True
    settings = model.settings
    points = np.array([0.0, settings.cycles // 2, settings.cycles - 1.0])[:, None]
    since = np.arange(state.slots - 1.0, settings.cycles)[None, :]
    clocks: dict[str, Floats] = {
        "cycle": points,
        "time": points * settings.cycle_length,
        "cycle_length": np.array(settings.cycle_length),
        "state_cycle": since,
        "state_time": since * settings.cycle_length,
    }
    if not model.is_individual(settings.start_age):
        age = evaluate(settings.start_age.tree, model.values(None), model.tables)
        clocks["age"] = age + clocks["time"]
    for strategy in model.strategies:
        known: dict[str, Floats | float] = {**model.values(strategy), **clocks}
        for name, variable in model.variables.items():
            if name not in model.personal:
                known[name] = evaluate(variable.tree, known, model.tables)
        value = evaluate(formula.tree, known, model.tables)
        if not np.allclose(value, value[..., :1], rtol=1e-9, atol=1e-15, equal_nan=True):
            return True
    return False
