"""A scenario that changes the cycle of a model: what was written for the old one is said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from heecon.errors import InvalidValue, shown
from heecon.language import Number
from heecon.language import names as names_in
from heecon.model import duration
from heecon.model.definition import Formula, Model
from heecon.model.formulas import FormulaReader, dependents

SHOWN = 5
"""How many places are named."""

COUNTED = frozenset({"cycle", "state_cycle"})
"""Names that count cycles."""


def check_cycle_change(model: Model, replaced: Mapping[str, str], reader: FormulaReader) -> None:
    """Say what no longer means the same with cycles of another length.

    Args:
        model: the model with the scenario's cycle.
        replaced: what the model itself has for the keys of [model] that were replaced.
        reader: takes the problems.
    """
    settings = model.settings
    try:
        before = duration.years(replaced["cycle"])
    except (KeyError, InvalidValue):
        return
    if before == settings.cycle_length:
        return
    change = f"the cycle is {settings.cycle} instead of {replaced['cycle']}"
    if "horizon" not in replaced and settings.horizon.rstrip().endswith(("cycle", "cycles")):
        what = f"{change}, and the horizon is {shown(settings.horizon)}, which were "
        what += f"{settings.cycles * before:.6g} years and would be "
        what += f"{settings.cycles * settings.cycle_length:.6g}"
        reader.error(("model", "cycle"), what, "Set the horizon anew too")
    found = list(dict.fromkeys(_of_a_cycle(model)))
    if found:
        more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        what = f"{change}, and these hold numbers of a cycle: {', '.join(found[:SHOWN])}{more}"
        hint = "Write them with cycle_length, as rates, or per year"
        reader.diagnostics.warn(reader.place(("model", "cycle")), what, hint)


def _of_a_cycle(model: Model) -> Iterator[str]:
    """What means something else when the cycle has another length, by key path."""
    trees = {name: formula.tree for name, formula in model.variables.items()}
    scaled, counted = dependents({"cycle_length"}, trees), dependents(COUNTED, trees)

    def fixed(formula: Formula, always: set[float]) -> bool:
        same = isinstance(formula.tree, Number) and formula.tree.value in always
        return not same and not names_in(formula.tree) & scaled

    for name, state in model.states.items():
        if (state.tunnel or 1) > 1:
            yield f"states.{name}.tunnel"
    for row in model.transitions.values():
        for to, formula in row.to.items():
            counts = not row.competing or names_in(formula.tree) & counted
            if counts and fixed(formula, {0.0, 1.0}):
                kind = "rates" if row.competing else "probabilities"
                yield f"transitions.{row.origin}.{kind}.{to}"
    for outcome in model.outcomes.values():
        for place, formula in outcome.state.items():
            counts = not outcome.per_year or names_in(formula.tree) & counted
            if counts and fixed(formula, {0.0}):
                yield f"outcomes.{outcome.name}.state.{place}"
