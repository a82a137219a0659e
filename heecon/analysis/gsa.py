"""What global sensitivity analysis varies and looks at: factors, quantities, and runs over them.

A factor is one uncertain parameter, or a whole group of parameters that vary together: variance can
be shared out only between independent things.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from heecon.analysis.outcomes import Outcomes, checked_thresholds
from heecon.analysis.psa import check_uncertain, outcomes_of
from heecon.arrays import Floats
from heecon.engine.sampling import from_uniforms, groups_of, keys_of, uncertain
from heecon.errors import Diagnostics, InputError, Problem
from heecon.files import names
from heecon.model.definition import Model

CHUNK = 50_000
"""Points that are turned into parameter values and run at a time."""

MAX_CELLS = 400_000_000
"""Numbers the table of points may have: three gigabytes."""

NOISE = 1e-11
"""Variation below this share of the costs or effects behind a quantity is rounding."""

QUANTITIES = (
    "incremental_nmb",
    "nmb",
    "cost",
    "effect",
    "incremental_cost",
    "incremental_effect",
)


@dataclass(frozen=True)
class Factor:
    """One thing that varies.

    Attributes:
        name: the parameter's key, or ``group:`` and the name of a correlation group.
        label: words for tables.
        members: keys of its parameters.
    """

    name: str
    label: str
    members: tuple[str, ...]

    @property
    def group(self) -> bool:
        """True for parameters that vary together."""
        return self.name.startswith("group:")


@dataclass(frozen=True)
class Quantity:
    """A number of the model's whose variation is explained.

    Attributes:
        name: one of ``QUANTITIES``.
        strategy: whose it is; increments are this strategy minus the comparator.
        threshold: for net monetary benefit, else None.
    """

    name: str
    strategy: str
    threshold: float | None = None

    def __str__(self) -> str:
        at = "" if self.threshold is None else f" at {self.threshold:,.10g}"
        return f"{self.name.replace('nmb', 'NMB').replace('_', ' ')} of {self.strategy}{at}"


@dataclass(frozen=True)
class Estimate:
    """A number estimated by simulation, with half the width of its interval."""

    value: float
    half_width: float

    @property
    def low(self) -> float:
        """Lower end of the interval."""
        return self.value - self.half_width

    @property
    def high(self) -> float:
        """Upper end of the interval."""
        return self.value + self.half_width

    @property
    def different(self) -> bool:
        """True when the interval lies above zero; the true numbers are never below it."""
        return self.low > 0

    def __str__(self) -> str:
        if not self.different:
            return "not different from zero"
        return f"{self.value:.3g} ({self.low:.3g} to {self.high:.3g})"


def factors_of(model: Model, chosen: Sequence[str] | None = None) -> tuple[Factor, ...]:
    """The factors of a model, or some of them.

    Args:
        model: the model.
        chosen: names of factors: parameter keys, and ``group:name`` for a correlation group.

    Raises:
        InputError: nothing varies, or a name is unknown, fixed, or varies only with others.
    """
    check_uncertain(model)
    labels = {row.key: row.label or row.key for row in model.parameters}
    together = groups_of(model)
    owner = {key: group for group, keys in together.items() for key in keys}
    found: dict[str, Factor] = {}
    for row in sorted(uncertain(model), key=lambda row: row.key):
        group = owner.get(row.key)
        if group is None:
            found[row.key] = Factor(row.key, labels[row.key], (row.key,))
        else:
            members = together[group]
            words = ", ".join(labels.get(key, key) for key in members)
            found[f"group:{group}"] = Factor(f"group:{group}", words, members)
    if chosen is None:
        return tuple(found.values())
    diagnostics = Diagnostics()
    for name in chosen:
        if name in owner:
            what = f"'{name}' varies together with others"
            hint = f"Its own share has no meaning: name 'group:{owner[name]}'"
            diagnostics.error("factors", what, hint)
        elif name not in found:
            what = f"'{name}' is fixed" if name in labels else f"unknown factor '{name}'"
            diagnostics.error("factors", what, names.did_you_mean(name, found))
    diagnostics.raise_if_any()
    return tuple(factor for name, factor in found.items() if name in chosen)


def notes_on(factors: Sequence[Factor]) -> tuple[str, ...]:
    """What a reader must know: which parameters were varied as one factor."""
    return tuple(
        f"{factor.name} is one factor: {', '.join(factor.members)} vary together, "
        "so no share belongs to one of them alone."
        for factor in factors
        if factor.group
    )


def problem_of(factors: Sequence[Factor], low: float = 0.0, high: float = 1.0) -> dict[str, object]:
    """SALib's description of the factors, on a range of probabilities; groups by number."""
    members = [(number, key) for number, factor in enumerate(factors) for key in factor.members]
    return {
        "num_vars": len(members),
        "names": [str(position) for position in range(len(members))],
        "groups": [f"factor {number}" for number, _ in members],
        "bounds": [[low, high]] * len(members),
    }


def check_size(runs: int, factors: Sequence[Factor]) -> None:
    """Refuse a design that does not fit into memory, before it is made.

    Raises:
        InputError: it is too large.
    """
    members = sum(len(factor.members) for factor in factors)
    if runs * members > MAX_CELLS:
        what = f"{runs:,} runs of {members} parameters are too many"
        raise InputError(Problem("size", what, "Lower the size, or screen with morris first"))


def run_points(
    model: Model,
    factors: Sequence[Factor],
    points: Floats,
    on_draws: Callable[[int], None] | None = None,
) -> Outcomes:
    """Run a model at points of the unit cube.

    Args:
        model: the model.
        factors: what varies; all other parameters keep their base value.
        points: (points, members of all factors) probabilities.
        on_draws: called with the number of runs done so far.
    """
    members = [key for factor in factors for key in factor.members]
    varying = {row.key for row in uncertain(model)} & set(members)
    parts = []
    for first in range(0, len(points), CHUNK):
        chunk = points[first : first + CHUNK]
        uniforms = {key: np.full(len(chunk), 0.5) for key in keys_of(model)}
        uniforms |= dict(zip(members, chunk.T, strict=True))
        drawn = from_uniforms(model, uniforms)
        values = {key: drawn[key] for key in drawn if key in varying}
        parts.append(outcomes_of(model, values))
        if on_draws is not None:
            on_draws(first + len(chunk))
    return replace(
        parts[0],
        cost=np.concatenate([part.cost for part in parts]),
        effect=np.concatenate([part.effect for part in parts]),
        parameters={},
    )


def quantities_of(
    outcomes: Outcomes,
    wanted: Sequence[str] | None = None,
    thresholds: Sequence[float] | None = None,
    comparator: str | None = None,
    strategies: Sequence[str] | None = None,
) -> tuple[dict[Quantity, Floats], tuple[Quantity, ...]]:
    """What is looked at, run by run.

    Args:
        outcomes: costs and effects of the runs.
        wanted: of ``QUANTITIES``; incremental net monetary benefit, cost and effect if None.
        thresholds: the model's if None.
        comparator: the model's if None.
        strategies: all if None.

    Returns:
        The quantities that vary, and those that do not (beyond rounding).

    Raises:
        InputError: a name is unknown, or no threshold is known.
    """
    if wanted is None:
        several = len(outcomes.strategies) > 1
        wanted = ("incremental_nmb" if several else "nmb", "cost", "effect")
    for name in wanted:
        if name not in QUANTITIES:
            hint = names.did_you_mean(name, QUANTITIES)
            raise InputError(Problem("quantities", f"unknown quantity '{name}'", hint))
    reference = outcomes.index(comparator or outcomes.reference)
    columns = [outcomes.index(name) for name in strategies or outcomes.strategies]
    grid: list[float | None] = [None]
    varying: dict[Quantity, Floats] = {}
    still: list[Quantity] = []
    for name in wanted:
        levels = checked_thresholds(outcomes, thresholds) if name.endswith("nmb") else grid
        for threshold in levels:
            amounts, scale = _amounts(outcomes, name, threshold)
            for column in columns:
                values = amounts[:, column]
                if name.startswith("incremental"):
                    if column == reference:
                        continue
                    values = values - amounts[:, reference]
                quantity = Quantity(name, outcomes.strategies[column], threshold)
                if np.ptp(values) > NOISE * scale:
                    varying[quantity] = values
                else:
                    still.append(quantity)
    return varying, tuple(still)


def _amounts(outcomes: Outcomes, name: str, threshold: float | None) -> tuple[Floats, float]:
    """Amounts by strategy, and the size of the numbers they are made of."""
    cost, effect = float(np.abs(outcomes.cost).max()), float(np.abs(outcomes.effect).max())
    if threshold is not None:
        return outcomes.nmb(threshold), cost + threshold * effect
    return (outcomes.cost, cost) if name.endswith("cost") else (outcomes.effect, effect)
