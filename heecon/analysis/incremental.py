"""Incremental cost-effectiveness: which strategies are worth considering, and what each one buys.

Three tables, all from expected totals per person:

- :func:`fully_incremental`: every strategy against the next one on the efficiency frontier;
- :func:`pairwise`: every strategy against one comparator, each with its quadrant;
- :func:`net_benefit`: the net benefit and rank of every strategy at each threshold.

Everything is plain floating-point arithmetic, the same as in the workbook: an ICER is the quotient
of the two increments beside it, and the frontier compares those ICERs, so along it they cannot
decrease. The one tolerance is :func:`equalised`, for totals that come out of a model.

The direction is always *strategy minus the one it is compared with*.

Sources:
    Dominance, extended dominance and the frontier: Karlsson G, Johannesson M. The decision rules
    of cost-effectiveness analysis. PharmacoEconomics 1996;9:113-120. Paulden M. Calculating and
    interpreting ICERs and net benefit. PharmacoEconomics 2020;38:785-807. Net health benefit:
    Stinnett AA, Mullahy J. Med Decis Making 1998;18:S68-S80. What an agency wants to see: NICE
    health technology evaluations manual (PMG36) 4.2.14-17, 4.10.8 and 6.3.4-9; TECH-VER.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from heecon.errors import InputError, Problem, nearest

DIGITS = 13
"""Totals of a model that agree to so many significant digits are the same number."""


@dataclass(frozen=True)
class Totals:
    """What one strategy costs and yields.

    Attributes:
        strategy: its name; no two strategies share one.
        cost: expected discounted cost per person, in the currency of the model; any sign.
        effect: expected discounted effect per person (QALYs, life-years, ...), more is better;
            any sign.
    """

    strategy: str
    cost: float
    effect: float


class Status(StrEnum):
    """Where a strategy stands in the fully incremental analysis."""

    REFERENCE = "reference"
    FRONTIER = "on the frontier"
    DOMINATED = "dominated"
    EXTENDEDLY_DOMINATED = "extendedly dominated"
    EQUIVALENT = "same cost and effect"


class Quadrant(StrEnum):
    """Where a strategy lies on the cost-effectiveness plane, its comparator being the origin.

    East is more effective, north is more costly. The four axes and the origin have names of their
    own, because there the ratio means nothing (or does not exist) and the verdict is plain.
    """

    NORTH_EAST = "north-east"
    SOUTH_EAST = "south-east"
    SOUTH_WEST = "south-west"
    NORTH_WEST = "north-west"
    NORTH = "north axis"
    EAST = "east axis"
    SOUTH = "south axis"
    WEST = "west axis"
    ORIGIN = "origin"

    @property
    def meaning(self) -> str:
        """The quadrant in words."""
        return _MEANINGS[self]


# Keyed by the signs of the incremental effect and of the incremental cost.
_PLANE = {
    (1, 1): (Quadrant.NORTH_EAST, "more effective, more costly"),
    (1, -1): (Quadrant.SOUTH_EAST, "more effective, less costly: dominates"),
    (-1, -1): (Quadrant.SOUTH_WEST, "less effective, less costly: saves cost for health lost"),
    (-1, 1): (Quadrant.NORTH_WEST, "less effective, more costly: dominated"),
    (0, 1): (Quadrant.NORTH, "no difference in effect, more costly: dominated"),
    (1, 0): (Quadrant.EAST, "more effective, no difference in cost: dominates"),
    (0, -1): (Quadrant.SOUTH, "no difference in effect, less costly: dominates"),
    (-1, 0): (Quadrant.WEST, "less effective, no difference in cost: dominated"),
    (0, 0): (Quadrant.ORIGIN, "no difference in cost or effect"),
}
_MEANINGS = dict(_PLANE.values())
_RATIO_MEANINGS = {
    Quadrant.NORTH_EAST: "the ICER is the cost per unit of effect gained; "
    "acceptable when it is below the threshold",
    Quadrant.SOUTH_WEST: "the ICER is the saving per unit of effect lost; "
    "acceptable when it is above the threshold",
}


@dataclass(frozen=True)
class IncrementalRow:
    """One strategy in the fully incremental analysis.

    Attributes:
        strategy: its name.
        cost: its total cost, as given.
        effect: its total effect, as given.
        status: where it stands.
        compared_with: the strategy the next three values refer to. On the frontier, and for an
            extendedly dominated strategy: the next cheaper one on the frontier. For a dominated
            one: a strategy that dominates it (see :func:`fully_incremental`). For an equivalent
            one: the strategy it equals. None for the reference.
        incremental_cost: its cost minus that of ``compared_with``.
        incremental_effect: its effect minus that of ``compared_with``.
        icer: cost per unit of effect gained v ``compared_with``. Present for FRONTIER rows and,
            so that a reader can see why it falls out, for EXTENDEDLY_DOMINATED rows, where it
            exceeds the ICER of the next frontier row; None for all others.
        quadrant: where it lies as seen from ``compared_with``; None for the reference.
        explanation: the status in words, naming the strategies responsible.
    """

    strategy: str
    cost: float
    effect: float
    status: Status
    compared_with: str | None
    incremental_cost: float | None
    incremental_effect: float | None
    icer: float | None
    quadrant: Quadrant | None
    explanation: str


@dataclass(frozen=True)
class PairwiseRow:
    """One strategy against the comparator.

    Attributes:
        strategy: its name.
        comparator: what it is compared with.
        incremental_cost: cost of the strategy minus cost of the comparator.
        incremental_effect: effect of the strategy minus effect of the comparator.
        icer: north-east: cost per unit of effect gained. South-west: saving per unit of effect
            *lost*, where a higher number is better. None elsewhere: there one of the two
            dominates and the ratio has no meaning.
        quadrant: where the strategy lies as seen from the comparator.
        meaning: the quadrant in words, and how to read the ICER.
    """

    strategy: str
    comparator: str
    incremental_cost: float
    incremental_effect: float
    icer: float | None
    quadrant: Quadrant
    meaning: str


def equalised(totals: Iterable[Totals]) -> tuple[Totals, ...]:
    """The same totals; costs, and effects, that agree to ``DIGITS`` become the first of them.

    Summing over cycles leaves noise in the sixteenth digit: strategies with the same survival have
    the same QALYs. Nothing is rounded: a small difference of two rounded totals would be wrong in
    its ninth digit.
    """
    costs: dict[float, float] = {}
    effects: dict[float, float] = {}
    return tuple(
        Totals(
            item.strategy,
            costs.setdefault(to_digits(item.cost), item.cost),
            effects.setdefault(to_digits(item.effect), item.effect),
        )
        for item in totals
    )


def to_digits(value: float) -> float:
    """A total rounded to ``DIGITS`` significant digits, by which totals are told apart."""
    return float(f"{value:.{DIGITS}g}")


def dominates(one: Totals, other: Totals) -> bool:
    """Whether one strategy costs no more and yields no less than another, one of them strictly."""
    no_worse = one.cost <= other.cost and one.effect >= other.effect
    return no_worse and (one.cost < other.cost or one.effect > other.effect)


def ratio(one: Totals, other: Totals) -> float:
    """Incremental cost by incremental effect, where both have the same sign; never 0."""
    # Below the smallest float a positive number would become zero.
    return (one.cost - other.cost) / (one.effect - other.effect) or math.ulp(0.0)


def fully_incremental(totals: Sequence[Totals]) -> tuple[IncrementalRow, ...]:
    """Compares every strategy with the next cheaper one that is worth considering.

    A strategy is *dominated* when another has a cost as low or lower and an effect as high or
    higher, one of them strictly. It is *extendedly dominated* when it is not dominated but some
    mix of two others yields its effect at a lower cost: it lies above the lower-right convex
    hull. Points on a straight line of the hull stay on the frontier, since equal ICERs are not
    extended dominance. The *reference* is the cheapest strategy that is not dominated.

    Of strategies with the same cost and effect the first given is judged; the others are
    EQUIVALENT to it and name it. When several strategies dominate one, the one named is on the
    frontier if any of them is, else extendedly dominated itself; among those, the one nearest in
    cost (and so the most effective).

    Args:
        totals: expected totals per person, one entry for each strategy, at least one.

    Returns:
        One row per strategy, by rising cost; at equal cost the more effective first, then in the
        order given. The ICERs of the FRONTIER rows are positive and never decrease (``inf`` for
        one beyond the largest float).

    Raises:
        InputError: no strategies, a name missing or used twice, a total that is not a finite
            number; all the problems at once.
    """
    points = sorted(checked(totals), key=lambda point: (point.cost, -point.effect))
    first: dict[tuple[float, float], Totals] = {}
    for point in points:
        first.setdefault((point.cost, point.effect), point)
    distinct = first.values()
    efficient = [one for one in distinct if not any(dominates(other, one) for other in distinct)]
    frontier = _hull(efficient)

    rows: dict[str, IncrementalRow] = {}
    for point in points:
        over = [other for other in efficient if dominates(other, point)]
        other: Totals | None
        if (twin := first[point.cost, point.effect]) is not point:
            other = twin
            status, text = Status.EQUIVALENT, _equivalent_text(rows[twin.strategy])
        elif over:
            other = ([one for one in over if one in frontier] or over)[-1]
            status, text = Status.DOMINATED, f"dominated by {other.strategy}"
        elif point is frontier[0]:
            other = None
            status, text = Status.REFERENCE, _reference_text(points, frontier)
        elif point in frontier:
            other = frontier[frontier.index(point) - 1]
            status, text = Status.FRONTIER, f"next after {other.strategy}"
        else:
            after = next(i for i, one in enumerate(frontier) if one.cost > point.cost)
            other = frontier[after - 1]
            mix = f"a mix of {other.strategy} and {frontier[after].strategy}"
            status, text = Status.EXTENDEDLY_DOMINATED, f"extendedly dominated by {mix}"
        rows[point.strategy] = _row(point, status, other, text)
    return tuple(rows.values())


def pairwise(totals: Sequence[Totals], comparator: str) -> tuple[PairwiseRow, ...]:
    """Compares every other strategy with one comparator.

    Args:
        totals: expected totals per person, one entry for each strategy, at least one.
        comparator: the name of the strategy the others are compared with.

    Returns:
        One row for each strategy but the comparator, in the order given; none when the comparator
        is the only strategy.

    Raises:
        InputError: as :func:`fully_incremental`, or the comparator is not among the strategies.
    """
    points = {point.strategy: point for point in checked(totals, comparator)}
    base = points.pop(comparator)
    return tuple(_pair(point, base) for point in points.values())


def _hull(points: Sequence[Totals]) -> list[Totals]:
    """The lower-right convex hull of undominated points given by rising cost (and effect)."""
    hull: list[Totals] = []
    for point in points:
        while len(hull) >= 2 and ratio(hull[-1], hull[-2]) > ratio(point, hull[-1]):
            hull.pop()
        hull.append(point)
    return hull


def _reference_text(points: Sequence[Totals], frontier: Sequence[Totals]) -> str:
    if len(points) == 1:
        return "the only strategy"
    if all(dominates(frontier[0], other) for other in points if other is not frontier[0]):
        return "reference: dominates every other strategy"
    return "reference: the cheapest strategy that is not dominated"


def _equivalent_text(first: IncrementalRow) -> str:
    text = f"{Status.EQUIVALENT} as {first.strategy}"
    if first.status in (Status.DOMINATED, Status.EXTENDEDLY_DOMINATED):
        text += f", which is {first.explanation}"
    return text


def _row(point: Totals, status: Status, other: Totals | None, explanation: str) -> IncrementalRow:
    totals = point.strategy, point.cost, point.effect, status
    if other is None:
        return IncrementalRow(*totals, None, None, None, None, None, explanation)
    return IncrementalRow(*totals, other.strategy, *_increment(point, other), explanation)


def _pair(point: Totals, base: Totals) -> PairwiseRow:
    cost, effect, icer, quadrant = _increment(point, base)
    note = _RATIO_MEANINGS.get(quadrant)
    meaning = quadrant.meaning + (f"; {note}" if note else "")
    return PairwiseRow(point.strategy, base.strategy, cost, effect, icer, quadrant, meaning)


def _increment(point: Totals, other: Totals) -> tuple[float, float, float | None, Quadrant]:
    """Incremental cost and effect, the ICER where it means something, and the quadrant."""
    cost, effect = point.cost - other.cost, point.effect - other.effect
    quadrant, _ = _PLANE[(effect > 0) - (effect < 0), (cost > 0) - (cost < 0)]
    return cost, effect, ratio(point, other) if quadrant in _RATIO_MEANINGS else None, quadrant


# --- checking what comes in


def checked(
    totals: Sequence[Totals], comparator: str | None = None, problems: Sequence[Problem] = ()
) -> list[Totals]:
    """The totals as floats, when nothing is wrong with them nor was found wrong before.

    Raises:
        InputError: something is.
    """
    problems = [*_problems_in_totals(totals), *problems]
    names = [item.strategy for item in totals]
    if comparator is not None and names and comparator not in names:
        problems.append(_unknown_comparator(comparator, names))
    if problems:
        raise InputError(problems)
    return [Totals(item.strategy, float(item.cost), float(item.effect)) for item in totals]


def is_finite(value: float) -> bool:
    """Whether a value is a number, and a finite one."""
    try:
        return math.isfinite(value)
    except (TypeError, ValueError, OverflowError):
        return False


def _problems_in_totals(totals: Sequence[Totals]) -> list[Problem]:
    if not totals:
        return [Problem("totals", "there are no strategies", "Give at least one.")]
    problems = []
    places = defaultdict(list)
    for place, item in enumerate(totals, start=1):
        places[item.strategy].append(place)
        if not item.strategy:
            problems.append(Problem(f"strategy {place}", "it has no name"))
        for field, value in (("cost", item.cost), ("effect", item.effect)):
            if not is_finite(value):
                where = f"strategy {place} ({item.strategy})"
                problems.append(Problem(where, f"the {field} {value!r} is not a finite number"))
    for name, found in places.items():
        if len(found) > 1:
            where = "strategies " + ", ".join(str(place) for place in found)
            what = f"the name {name!r} is used {len(found)} times"
            problems.append(Problem(where, what, "Give every strategy its own name."))
    return problems


def _unknown_comparator(comparator: str, names: Sequence[str]) -> Problem:
    near = nearest(comparator, names)
    hint = f"Did you mean {near!r}? " if near else ""
    hint += f"The strategies are: {', '.join(names)}."
    return Problem("comparator", f"there is no strategy {comparator!r}", hint)
