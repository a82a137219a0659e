"""One-way analysis: move each uncertain input over its range, the others staying put.

What is in it: every parameter with a distribution, or with ``low`` and ``high`` in the file; each
moves between those two values, else between the 2.5% and 97.5% quantiles of its own distribution.
A component of a correlation group takes the rest of its group along (see ``axis``), so rows of one
group overlap. Inputs that a user links move together in one row, all at their low end or all at
their high end. What is not in it: methodological settings and switches, never; fixed parameters,
which have no range. All of these are listed with the reason.

The tornado is on incremental net monetary benefit, which means the same at every point. An ICER
does not: it is only shown on one scale where both ends and the base lie in the same quadrant.

The ends say nothing of what lies between them: ``threshold`` finds every value that changes the
decision.

Sources: Briggs 2012 (ISPOR-SMDM 6) Med Decis Making 32:722; TECH-VER tests of the one-way analysis
(Büyükkaramikli 2019 PharmacoEconomics 37:1391); NICE PMG36 4.7.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from heecon.analysis.axis import CENTRAL
from heecon.analysis.incremental import Quadrant, Totals, equalised, pairwise
from heecon.analysis.one_way_inputs import LeftOut, OneWayInput, one_way_inputs, wanted
from heecon.analysis.outcomes import Outcomes
from heecon.analysis.psa import outcomes_of
from heecon.analysis.two_way import decisions, level_of, size_of
from heecon.arrays import Floats
from heecon.errors import InputError, Problem
from heecon.model.definition import Model
from heecon.model.parameter import Parameter

ROUNDING = 1e-12
"""A swing below this share of the costs and effects behind it is rounding."""


@dataclass(frozen=True)
class Point:
    """A strategy against its comparator at one setting of the inputs.

    Attributes:
        cost: incremental discounted cost per person.
        effect: incremental discounted QALYs.
        nmb: incremental net monetary benefit.
        quadrant: where the strategy lies, seen from the comparator.
        icer: see ``incremental.PairwiseRow``; None where one dominates the other.
        optimal: the best of all strategies by net monetary benefit, or those that tie.
    """

    cost: float
    effect: float
    nmb: float
    quadrant: Quadrant
    icer: float | None
    optimal: tuple[str, ...]


@dataclass(frozen=True)
class OneWayRow:
    """One bar of the tornado.

    Attributes:
        name: parameter key, or the name of a link.
        label: words for it.
        unit: of the values.
        keys: the inputs the row is about; companions in a correlation group are not named here.
        group: the correlation group that moves along; empty if none.
        basis: where the range comes from.
        base_values: one value a key.
        low_values: the same at the low end.
        high_values: the same at the high end.
        low: results at the low end.
        high: results at the high end.
        swing: largest minus smallest incremental net monetary benefit of low, base and high.
        changes_decision: whether the best strategy at either end is not that of the base case.
        icer_swing: the same for the ICER; None when the quadrants differ or it has no meaning.
        warning: what a reader of the row must know; may be empty.
    """

    name: str
    label: str
    unit: str
    keys: tuple[str, ...]
    group: str
    basis: str
    base_values: tuple[float, ...]
    low_values: tuple[float, ...]
    high_values: tuple[float, ...]
    low: Point
    high: Point
    swing: float
    changes_decision: bool
    icer_swing: float | None
    warning: str


@dataclass(frozen=True)
class OneWay:
    """A one-way analysis.

    Attributes:
        strategy: whose increments are shown.
        comparator: against which.
        threshold: amount per unit of effect.
        base: results at the base values.
        rows: by falling swing of net monetary benefit, then in the order of the file.
        left_out: parameters that are not in it.
        outcomes: the runs behind it: the base case, then low and high of each row as they stand in
            ``order``.
        order: names of the rows in the order of the runs.
    """

    strategy: str
    comparator: str
    threshold: float
    base: Point
    rows: tuple[OneWayRow, ...]
    left_out: tuple[LeftOut, ...]
    outcomes: Outcomes
    order: tuple[str, ...]

    def by_icer(self) -> tuple[OneWayRow, ...]:
        """The rows by falling swing of the ICER; those without a common scale last."""
        return tuple(sorted(self.rows, key=lambda row: -_or_less(row.icer_swing)))

    @property
    def warnings(self) -> tuple[str, ...]:
        """The warnings of all rows, each with the row's name."""
        return tuple(f"{row.name}: {row.warning}" for row in self.rows if row.warning)


def one_way(
    model: Model,
    threshold: float | None = None,
    comparator: str | None = None,
    strategy: str | None = None,
    *,
    parameters: Sequence[str] | None = None,
    ranges: Mapping[str, tuple[float, float]] | None = None,
    links: Mapping[str, Sequence[str]] | None = None,
    probabilities: tuple[float, float] = CENTRAL,
) -> OneWay:
    """Move every uncertain input to the ends of its range.

    Args:
        model: the model.
        threshold: amount per unit of effect; the model's first if None.
        comparator: what the strategy is compared with; the model's if None.
        strategy: whose increments are shown; if None, the one the model's question is about, or
            without a question the best by net monetary benefit in the base case, or the second
            best if the best is the comparator.
        parameters: names of the rows wanted: parameter keys and links; all if None.
        ranges: parameter key -> (low, high), instead of its own range or where it has none.
        links: name -> keys that move together (``c_unit[*]``: all rows of c_unit), in place of
            their own rows. Members without a range stay where they are.
        probabilities: the quantiles that bound a parameter without low and high.

    Raises:
        InputError: a name is unknown, needs a strategy or has no range; a range is empty.
        SimulationError: an end of a range makes the model impossible; the message names the draw:
            number 2i - 1 is the low end of the i-th row moved, 2i its high end.
    """
    base = outcomes_of(model, {})
    level = level_of(base, threshold)
    pair = _pair(base, level, comparator, strategy or _asked(model, comparator))
    moves, left_out = one_way_inputs(model, ranges or {}, links or {}, probabilities)
    if parameters is not None:
        moves, left_out = wanted(moves, left_out, parameters)
    if not moves:
        hint = "Give low and high, or a distribution, in parameters.csv, or a range in the call"
        raise InputError(Problem("one-way", "no input has a range", hint))
    runs = outcomes_of(model, _stacked(model, moves))
    best = decisions(runs, level)
    points = [_point(runs, run, pair, level, best[run]) for run in range(runs.draws)]
    noise = ROUNDING * float(size_of(runs, level).max())
    rows = [
        _row(move, points[0], points[2 * i + 1], points[2 * i + 2], noise)
        for i, move in enumerate(moves)
    ]
    return OneWay(
        strategy=pair[0],
        comparator=pair[1],
        threshold=level,
        base=points[0],
        rows=tuple(sorted(rows, key=lambda row: -row.swing)),
        left_out=tuple(left_out),
        outcomes=runs,
        order=tuple(move.name for move in moves),
    )


# --- runs and rows --------------------------------------------------------------------------------


def _stacked(model: Model, moves: Sequence[OneWayInput]) -> dict[str, Floats]:
    """One run for the base case, then two for each move."""
    base = {row.key: row.value for row in model.parameters}
    keys = dict.fromkeys(key for move in moves for key in move.values)
    table = {key: np.full(2 * len(moves) + 1, base[key]) for key in keys}
    for i, move in enumerate(moves):
        for key, ends in move.values.items():
            table[key][2 * i + 1 : 2 * i + 3] = ends
    return table


def _asked(model: Model, comparator: str | None) -> str | None:
    """The strategy the model's question is about, unless it is the comparator."""
    asked = (model.settings.question or (None,))[0]
    return None if asked == comparator else asked


def named_pair(
    model: Model,
    strategy: str | None = None,
    comparator: str | None = None,
    thresholds: Sequence[float] | None = None,
) -> tuple[str, str]:
    """The strategy whose increments are shown and its comparator, as ``one_way`` chooses them."""
    base = outcomes_of(model, {})
    level = (*(thresholds or ()), *model.settings.thresholds, 0.0)[0]
    return _pair(base, level, comparator, strategy or _asked(model, comparator))


def _pair(
    base: Outcomes, level: float, comparator: str | None, strategy: str | None
) -> tuple[str, str]:
    """The strategy whose increments are shown, and its comparator."""
    if len(base.strategies) < 2:
        raise InputError(Problem("strategies", "there is only one", "Nothing can be compared"))
    reference = base.strategies[base.index(comparator or base.reference)]
    if strategy is None:
        others = [name for name in base.strategies if name != reference]
        nmb = base.nmb(level)[0]
        strategy = max(others, key=lambda name: float(nmb[base.index(name)]))
    base.index(strategy)
    if strategy == reference:
        what = f"'{strategy}' is compared with itself"
        raise InputError(Problem("strategy", what, "Name another strategy or comparator"))
    return strategy, reference


def _point(
    runs: Outcomes, run: int, pair: tuple[str, str], level: float, optimal: tuple[str, ...]
) -> Point:
    # As in a run: strategies are made equal among all of them, not in pairs.
    totals = equalised(
        Totals(name, float(runs.cost[run, i]), float(runs.effect[run, i]))
        for i, name in enumerate(runs.strategies)
    )
    strategy, comparator = pair
    found = next(row for row in pairwise(totals, comparator) if row.strategy == strategy)
    cost, effect = found.incremental_cost, found.incremental_effect
    return Point(cost, effect, level * effect - cost, found.quadrant, found.icer, optimal)


def _row(move: OneWayInput, base: Point, low: Point, high: Point, noise: float) -> OneWayRow:
    points = (low, base, high)
    amounts = [point.nmb for point in points]
    still = max(amounts) - min(amounts) <= noise and abs(high.cost - low.cost) <= noise
    ratios = [point.icer for point in points if point.icer is not None]
    scaled = len(ratios) == 3 and len({point.quadrant for point in points}) == 1
    keys = tuple(row.key for row in move.rows)
    ends = [tuple(float(move.values[key][end]) for key in keys) for end in (0, 1)]
    values = tuple(row.value for row in move.rows)
    first = move.rows[0]
    single = move.name == first.key
    return OneWayRow(
        name=move.name,
        label=first.label or first.key if single else move.name,
        unit=first.unit,
        keys=keys,
        group=move.group,
        basis=move.basis,
        base_values=values,
        low_values=ends[0],
        high_values=ends[1],
        low=low,
        high=high,
        swing=0.0 if still else max(amounts) - min(amounts),
        changes_decision=any(point.optimal != base.optimal for point in points),
        icer_swing=(0.0 if still else max(ratios) - min(ratios)) if scaled else None,
        warning=_warning(move.rows, ends, points),
    )


def _warning(
    rows: Sequence[Parameter], ends: Sequence[Sequence[float]], points: Sequence[Point]
) -> str:
    found = []
    for row, low, high in zip(rows, *ends, strict=True):
        if not low <= row.value <= high:
            found.append(
                f"the base value {row.value:g} of {row.key} lies outside {low:g} to {high:g}"
            )
    quadrants = [point.quadrant.value for point in points]
    if len(set(quadrants)) > 1:
        found.append(
            f"the quadrant is {quadrants[0]} at the low end, {quadrants[1]} in the base case and "
            f"{quadrants[2]} at the high end: their ICERs do not lie on one scale, "
            "read the net benefit"
        )
    return "; ".join(found)


def _or_less(value: float | None) -> float:
    return -1.0 if value is None else value
