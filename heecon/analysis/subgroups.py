"""Several sets of draws as one: weighted subgroups, and scenarios as structural uncertainty.

The two look alike and are not. A population made of subgroups costs and gains the weighted average
of what they do, in every draw: nobody is uncertain about who is in it. Of rival structures exactly
one is right and the weights say how likely each is: every draw comes from one of them.
Means agree; the spread, and the value of finding out, do not.

Source: Bojke, Claxton, Sculpher, Palmer 2009 Value in Health 12:739 (structural uncertainty as a
parameter).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heecon.analysis.incremental import Totals
from heecon.analysis.outcomes import Outcomes
from heecon.arrays import Floats
from heecon.engine.sampling import stream
from heecon.errors import Diagnostics, InputError, InvalidValue, Problem
from heecon.files.table_file import check_columns, number, read_table
from heecon.model.bounds import complaint
from heecon.model.definition import Model
from heecon.table import Table

Parts = Mapping[str, tuple[Outcomes, float]]
"""Name -> draws and weight."""

STRUCTURE = "structure"
"""The parameter that says which scenario a draw is from: its number, counted from 0."""


def weighted(subgroups: Parts) -> Outcomes:
    """A population of subgroups: weighted costs and effects, draw by draw.

    Run every subgroup with the same draws, seed and method: then a parameter they share has the
    same value in all of them in every draw. Without that, errors in shared parameters would
    average out and the population would look more certain than it is.

    Args:
        subgroups: name -> draws and share of the population; shares sum to one.

    Returns:
        The population's draws. Parameters with the same draws in every subgroup that has them keep
        their key; the others stand once a subgroup, as ``key@subgroup``.

    Raises:
        InputError: weights that are not positive or do not sum to one, other strategies, other
            numbers of draws, or draws that do not belong together.
    """
    _check(subgroups, "subgroup")
    _check_same_draws(subgroups)
    return replace(
        _first(subgroups),
        cost=_sum(subgroups, "cost"),
        effect=_sum(subgroups, "effect"),
        parameters=_side_by_side(subgroups),
        inputs=0,
        base=_base(subgroups),
    )


Subgroup = tuple[float, dict[str, float], str]
"""Share of the population, values by key, and where it stands."""


def read_subgroups(path: Path, model: Model) -> dict[str, Subgroup]:
    """A table of subgroups: how many people are in each, and the inputs that differ.

    Args:
        path: a CSV or XLSX file: ``subgroup``, ``weight`` (shares, or numbers of people: what
            counts is the share of their sum), and a column for each input, called by its key. An
            empty cell leaves the input as it is.
        model: whose inputs they are.

    Returns:
        By name; shares sum to one.

    Raises:
        InputError: with every unknown column and unusable cell.
    """
    table = read_table(path)
    known = {row.key: row for row in model.parameters}
    shared = [row.name for row in model.parameters if row.strategy is None]
    keys = [*(row.key for row in model.parameters), *_own(shared, model.strategies)]
    check_columns(table, ("subgroup", "weight", *keys), ("subgroup", "weight"))
    diagnostics = Diagnostics()
    if not table.rows:
        diagnostics.error(table.name, "there are no rows", "Give one a subgroup")
    found: dict[str, Subgroup] = {}
    for index, cells in enumerate(table.rows):
        row = dict(zip(table.header, cells, strict=True))
        values = {}
        for column in [name for name in table.header if name != "subgroup" and row[name]]:
            with diagnostics.collecting(table.where(index, column)):
                values[column] = number(row[column])
                like = known.get(column) or known.get(column.partition("[")[0])
                if like is not None and (wrong := complaint(like, values[column])):
                    raise InvalidValue(wrong, "Correct it, or the unit of the parameter")
        name, weight = row["subgroup"], values.pop("weight", 0.0)
        if not name or name in found:
            what = f"the subgroup '{name}' stands twice" if name else "the subgroup has no name"
            diagnostics.error(table.where(index, "subgroup"), what, "Give each a name of its own")
        if not weight > 0:
            hint = "Give a share, or a number of people"
            diagnostics.error(table.where(index, "weight"), "the weight is not positive", hint)
        found[name] = weight, values, table.where(index)
    diagnostics.raise_if_any()
    total = sum(weight for weight, _, _ in found.values())
    return {name: (weight / total, values, at) for name, (weight, values, at) in found.items()}


def _own(names: Sequence[str], strategies: Iterable[str]) -> list[str]:
    return [f"{name}[{strategy}]" for strategy in strategies for name in names]


HEADS = (
    ("subgroup", "Subgroup", "text"),
    ("weight", "Weight", ".4g"),
    ("strategy", "Strategy", "text"),
    ("cost", "Cost, base case", ",.2f"),
    ("qalys", "QALYs, base case", ".4f"),
    ("mean_cost", "Cost, mean of draws", ",.2f"),
    ("mean_qalys", "QALYs, mean of draws", ".4f"),
    ("incremental_cost", "Incremental cost", ",.2f"),
    ("incremental_qalys", "Incremental QALYs", ".4f"),
)
"""Of the table of subgroups; increments are those of the means, against the comparator."""

EVERYBODY = "all, weighted"


def by_subgroup(subgroups: Parts, population: Outcomes) -> Table:
    """What each strategy costs and gains in every subgroup, and in the population."""
    rows = []
    for name, (outcomes, weight) in {**subgroups, EVERYBODY: (population, 1.0)}.items():
        base = {row.strategy: row for row in outcomes.base}
        means = {row.strategy: row for row in outcomes.means()}
        against = means[population.reference]
        for strategy, mean in means.items():
            own = base.get(strategy)
            rows.append(
                (
                    name,
                    weight,
                    strategy,
                    own and own.cost,
                    own and own.effect,
                    mean.cost,
                    mean.effect,
                    mean.cost - against.cost,
                    mean.effect - against.effect,
                )
            )
    return Table.listed("subgroups", "By subgroup, and in the population", rows, HEADS)


def mixture(scenarios: Parts, seed: int = 1) -> Outcomes:
    """Rival structures: every draw is one scenario's, with probability its weight.

    Which one is kept as the parameter ``structure``, the scenario's number in the order given,
    counted from 0: a category, whose value of information is that of knowing the right structure.

    Args:
        scenarios: name -> draws and probability of being right; probabilities sum to one.
        seed: any whole number. The choice has a stream of its own, so the same seed as the
            draws' may be used.

    Returns:
        The draws. Of the parameters, those every scenario draws are kept; one that is fixed in
        some scenario has no value in its draws and is left out. ``base`` is the weighted mean of
        the base cases.

    Raises:
        InputError: weights that are not positive or do not sum to one, other strategies, or other
            numbers of draws.
    """
    _check(scenarios, "scenario")
    parts = [outcomes for outcomes, _ in scenarios.values()]
    first = parts[0]
    ends = np.cumsum([weight for _, weight in scenarios.values()])
    chance = stream(seed, STRUCTURE, "mixture").random(first.draws)
    chosen = np.minimum(np.searchsorted(ends, chance, side="right"), len(parts) - 1)
    draw = np.arange(first.draws)

    def pick(arrays: Sequence[Floats]) -> Floats:
        return np.stack(arrays)[chosen, draw]

    shared = [key for key in first.parameters if all(key in part.parameters for part in parts)]
    if STRUCTURE in shared:
        what = f"there is a parameter called '{STRUCTURE}'"
        raise InputError(Problem("scenarios", what, "Rename it: the name is needed for the choice"))
    parameters = {key: pick([part.parameters[key] for part in parts]) for key in shared}
    return replace(
        _first(scenarios),
        cost=pick([part.cost for part in parts]),
        effect=pick([part.effect for part in parts]),
        parameters={**parameters, STRUCTURE: chosen.astype(float)},
        inputs=0,
        base=_base(scenarios),
    )


def _check(parts: Parts, kind: str) -> None:
    if not parts:
        raise InputError(Problem(f"{kind}s", f"there is no {kind}", "Give at least one"))
    diagnostics = Diagnostics()
    check_weights({name: weight for name, (_, weight) in parts.items()}, kind, diagnostics)
    name, (first, _) = next(iter(parts.items()))
    for other, (outcomes, _) in parts.items():
        place = f"{kind} '{other}'"
        if outcomes.strategies != first.strategies:
            what = f"its strategies {list(outcomes.strategies)} are not {list(first.strategies)}"
            diagnostics.error(place, what, f"Give the strategies of '{name}', in its order")
        if outcomes.draws != first.draws:
            what = f"{outcomes.draws} draws where '{name}' has {first.draws}"
            diagnostics.error(place, what, "Run all with the same draws")
        if outcomes.currency != first.currency:
            what = f"its currency is '{outcomes.currency}', that of '{name}' '{first.currency}'"
            diagnostics.error(place, what, "Convert one of them")
    diagnostics.raise_if_any()


def check_weights(weights: Mapping[str, float], kind: str, diagnostics: Diagnostics) -> None:
    """Note weights of scenarios or subgroups that are not positive or do not sum to one."""
    before = diagnostics.found
    for name, weight in weights.items():
        if not (weight > 0 and np.isfinite(weight)):
            what = f"its weight {weight} is not positive"
            diagnostics.error(f"{kind} '{name}'", what, "Leave it out, or mend it")
    total = sum(weights.values())
    if diagnostics.found == before and abs(total - 1) > 1e-9:
        what = f"the weights sum to {total:.12g}"
        diagnostics.error(f"{kind}s", what, "They must sum to 1")


def _check_same_draws(parts: Parts) -> None:
    """Subgroups that share parameters must share draws: some parameter has the same ranks."""
    name, (first, _) = next(iter(parts.items()))
    for other, (outcomes, _) in parts.items():
        common = [key for key in first.parameters if key in outcomes.parameters]
        if common and not any(
            np.array_equal(_order(first.parameters[key]), _order(outcomes.parameters[key]))
            for key in common
        ):
            what = f"its draws are not those of '{name}'"
            hint = "Run every subgroup with the same seed, and not with the method sobol"
            raise InputError(Problem(f"subgroup '{other}'", what, hint))


def _order(values: Floats) -> NDArray[np.int64]:
    return np.argsort(values, kind="stable")


def _side_by_side(parts: Parts) -> dict[str, Floats]:
    found: dict[str, Floats] = {}
    keys = dict.fromkeys(key for outcomes, _ in parts.values() for key in outcomes.parameters)
    for key in keys:
        columns = {
            name: outcomes.parameters[key]
            for name, (outcomes, _) in parts.items()
            if key in outcomes.parameters
        }
        first = next(iter(columns.values()))
        if all(np.array_equal(column, first) for column in columns.values()):
            found[key] = first
        else:
            found |= {f"{key}@{name}": column for name, column in columns.items()}
    return found


def _sum(parts: Parts, what: str) -> Floats:
    return np.asarray(
        sum(weight * np.asarray(getattr(outcomes, what)) for outcomes, weight in parts.values())
    )


def _first(parts: Parts) -> Outcomes:
    return next(iter(parts.values()))[0]


def _base(parts: Parts) -> tuple[Totals, ...]:
    """Weighted base-case totals, when every part has a base case."""
    if not all(outcomes.base for outcomes, _ in parts.values()):
        return ()
    tables = [
        ({row.strategy: row for row in outcomes.base}, weight)
        for outcomes, weight in parts.values()
    ]
    return tuple(
        Totals(
            name,
            sum(float(rows[name].cost) * weight for rows, weight in tables),
            sum(float(rows[name].effect) * weight for rows, weight in tables),
        )
        for name in _first(parts).strategies
    )
