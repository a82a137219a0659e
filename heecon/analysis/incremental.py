"""Incremental cost-effectiveness: which strategies are worth considering, and what each one buys.

Three tables, all from expected totals per person:

- :func:`fully_incremental`: every strategy against the next one on the efficiency frontier;
- :func:`pairwise`: every strategy against one comparator, each with its quadrant;
- :func:`net_benefit`: the net benefit and rank of every strategy at each threshold.

Every comparison here is exact. A float is a fraction with a power of two below the line, so
differences, cross products and net benefits are computed with :class:`fractions.Fraction` and
rounded once, when they are reported. There is no tolerance: two strategies an epsilon apart
are different, and nothing is lost to cancellation between large totals. Rounding to the nearest
float never changes the order of two numbers, so the reported ICERs along the frontier cannot
decrease, and a better rank never shows a smaller net benefit. The price: a reported ICER may
differ in its last digit from the quotient of the two reported (already rounded) increments.

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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from fractions import Fraction

from heecon.errors import InputError, Problem


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


_MEANINGS = {
    Quadrant.NORTH_EAST: "more effective, more costly",
    Quadrant.SOUTH_EAST: "more effective, less costly: dominates",
    Quadrant.SOUTH_WEST: "less effective, less costly: saves cost for health lost",
    Quadrant.NORTH_WEST: "less effective, more costly: dominated",
    Quadrant.NORTH: "no difference in effect, more costly: dominated",
    Quadrant.EAST: "more effective, no difference in cost: dominates",
    Quadrant.SOUTH: "no difference in effect, less costly: dominates",
    Quadrant.WEST: "less effective, no difference in cost: dominated",
    Quadrant.ORIGIN: "no difference in cost or effect",
}

_RATIO_MEANINGS = {
    Quadrant.NORTH_EAST: "the ICER is the cost per unit of effect gained; "
    "acceptable when it is below the threshold",
    Quadrant.SOUTH_WEST: "the ICER is the saving per unit of effect lost; "
    "acceptable when it is above the threshold",
}

# Keyed by the signs of the incremental effect and of the incremental cost.
_QUADRANTS = {
    (1, 1): Quadrant.NORTH_EAST,
    (1, -1): Quadrant.SOUTH_EAST,
    (-1, -1): Quadrant.SOUTH_WEST,
    (-1, 1): Quadrant.NORTH_WEST,
    (0, 1): Quadrant.NORTH,
    (1, 0): Quadrant.EAST,
    (0, -1): Quadrant.SOUTH,
    (-1, 0): Quadrant.WEST,
    (0, 0): Quadrant.ORIGIN,
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


@dataclass(frozen=True)
class NetBenefitRow:
    """One strategy at one threshold.

    Attributes:
        strategy: its name.
        threshold: cost per unit of effect the payer accepts.
        nmb: net monetary benefit, ``threshold * effect - cost``, in currency.
        nhb: net health benefit, ``effect - cost / threshold``, in units of effect.
        incremental_nmb: NMB minus that of the comparator (0 for itself); None without comparator.
        rank: 1 is best; ties share a rank and the ranks after them are skipped (1, 1, 3).
        optimal: whether no strategy has a higher net benefit; true for all that tie.
    """

    strategy: str
    threshold: float
    nmb: float
    nhb: float
    incremental_nmb: float | None
    rank: int
    optimal: bool


@dataclass(frozen=True)
class _Point:
    """A strategy on the cost-effectiveness plane, exactly."""

    name: str
    cost: Fraction
    effect: Fraction


@dataclass(frozen=True)
class _Increment:
    """One point as seen from another, exactly."""

    cost: Fraction
    effect: Fraction

    @property
    def quadrant(self) -> Quadrant:
        return _QUADRANTS[_sign(self.effect), _sign(self.cost)]

    @property
    def icer(self) -> float | None:
        """The ratio where it means something, always positive; else None."""
        if self.quadrant not in _RATIO_MEANINGS:
            return None
        # An exact ratio is positive; do not let one below the smallest float become zero.
        return _rounded(self.cost / self.effect) or math.ulp(0.0)


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
    _raise_if_any(_problems_in_totals(totals))
    points = sorted(_exact(totals), key=lambda point: (point.cost, -point.effect))
    given = {item.strategy: item for item in totals}
    twins = _twins(points)
    distinct = [point for point in points if point.name not in twins]
    dominators = _dominators(distinct)
    efficient = [point for point in distinct if point.name not in dominators]
    frontier = _hull(efficient)

    rows: dict[str, IncrementalRow] = {}
    for point in points:
        item = given[point.name]
        if point.name in twins:
            first = twins[point.name]
            text = _equivalent_text(rows[first.name])
            row = _row(item, Status.EQUIVALENT, point, first, text)
        elif point.name in dominators:
            best = _nearest(dominators[point.name], frontier)
            row = _row(item, Status.DOMINATED, point, best, f"dominated by {best.name}")
        elif point == frontier[0]:
            text = _reference_text(points, frontier, twins)
            row = _row(item, Status.REFERENCE, point, None, text)
        elif point in frontier:
            before = frontier[frontier.index(point) - 1]
            row = _row(item, Status.FRONTIER, point, before, f"next after {before.name}")
        else:
            before, after = _neighbours(point, frontier)
            text = f"extendedly dominated by a mix of {before.name} and {after.name}"
            row = _row(item, Status.EXTENDEDLY_DOMINATED, point, before, text)
        rows[point.name] = row
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
    _raise_if_any([*_problems_in_totals(totals), *_problems_in_comparator(totals, comparator)])
    points = _exact(totals)
    base = _named(points, comparator)
    return tuple(_pair(point, base) for point in points if point is not base)


def net_benefit(
    totals: Sequence[Totals], thresholds: Sequence[float], comparator: str | None = None
) -> tuple[NetBenefitRow, ...]:
    """Ranks the strategies by net benefit at each threshold.

    The same strategies are optimal whether benefit is counted in money or in health, since
    NHB = NMB / threshold. A decision modifier (such as NICE's severity weight) is applied to the
    effects before they come here.

    Args:
        totals: expected totals per person, one entry for each strategy, at least one.
        thresholds: what the payer accepts per unit of effect, positive; at least one.
        comparator: the strategy ``incremental_nmb`` is taken against, if any.

    Returns:
        One row for each threshold and strategy: thresholds in the order given and, for each, the
        strategies in the order given.

    Raises:
        InputError: as :func:`fully_incremental`, or the comparator is not among the strategies,
            or a threshold is not a positive finite number, or there is none.
    """
    problems = [*_problems_in_totals(totals), *_problems_in_thresholds(thresholds)]
    if comparator is not None:
        problems += _problems_in_comparator(totals, comparator)
    _raise_if_any(problems)
    points = _exact(totals)
    base = None if comparator is None else _named(points, comparator)
    return tuple(row for value in thresholds for row in _at_threshold(points, float(value), base))


# --- the frontier


def _twins(points: Sequence[_Point]) -> dict[str, _Point]:
    """The strategies that repeat an earlier one's cost and effect, each with that earlier one."""
    first: dict[tuple[Fraction, Fraction], _Point] = {}
    twins = {}
    for point in points:
        known = first.setdefault((point.cost, point.effect), point)
        if known is not point:
            twins[point.name] = known
    return twins


def _dominators(points: Sequence[_Point]) -> dict[str, list[_Point]]:
    """For each dominated strategy, the undominated ones that dominate it, by rising cost.

    The points are distinct and in table order, so whatever dominates one comes before it; and
    whatever is dominated is dominated by an undominated one.
    """
    efficient: list[_Point] = []
    found = {}
    for point in points:
        over = [other for other in efficient if other.effect >= point.effect]
        if over:
            found[point.name] = over
        else:
            efficient.append(point)
    return found


def _hull(points: Sequence[_Point]) -> list[_Point]:
    """The lower-right convex hull of undominated points given by rising cost (and effect)."""
    hull: list[_Point] = []
    for point in points:
        while len(hull) >= 2 and _steeper(hull[-2], hull[-1], point):
            hull.pop()
        hull.append(point)
    return hull


def _steeper(a: _Point, b: _Point, c: _Point) -> bool:
    """Whether the ICER of b v a exceeds that of c v b, by their exact cross product."""
    return (b.cost - a.cost) * (c.effect - b.effect) > (c.cost - b.cost) * (b.effect - a.effect)


def _neighbours(point: _Point, frontier: Sequence[_Point]) -> tuple[_Point, _Point]:
    """The frontier strategies just cheaper and just more costly than a point between them."""
    after = next(i for i, other in enumerate(frontier) if other.cost > point.cost)
    return frontier[after - 1], frontier[after]


def _nearest(dominators: Sequence[_Point], frontier: Sequence[_Point]) -> _Point:
    """The dominating strategy to name: on the frontier if any is; the nearest in cost."""
    on_frontier = [point for point in dominators if point in frontier]
    return (on_frontier or dominators)[-1]


def _row(
    item: Totals, status: Status, point: _Point, other: _Point | None, explanation: str
) -> IncrementalRow:
    step = None if other is None else _increment(point, other)
    return IncrementalRow(
        strategy=point.name,
        cost=float(item.cost),
        effect=float(item.effect),
        status=status,
        compared_with=None if other is None else other.name,
        incremental_cost=None if step is None else _rounded(step.cost),
        incremental_effect=None if step is None else _rounded(step.effect),
        icer=None if step is None else step.icer,
        quadrant=None if step is None else step.quadrant,
        explanation=explanation,
    )


def _reference_text(
    points: Sequence[_Point], frontier: Sequence[_Point], twins: Mapping[str, _Point]
) -> str:
    if len(points) == 1:
        return "the only strategy"
    if len(frontier) == 1 and frontier[0] not in twins.values():
        return "reference: dominates every other strategy"
    return "reference: the cheapest strategy that is not dominated"


def _equivalent_text(first: IncrementalRow) -> str:
    text = f"{Status.EQUIVALENT} as {first.strategy}"
    if first.status in (Status.DOMINATED, Status.EXTENDEDLY_DOMINATED):
        text += f", which is {first.explanation}"
    return text


# --- pairs and net benefit


def _pair(point: _Point, base: _Point) -> PairwiseRow:
    step = _increment(point, base)
    note = _RATIO_MEANINGS.get(step.quadrant)
    return PairwiseRow(
        strategy=point.name,
        comparator=base.name,
        incremental_cost=_rounded(step.cost),
        incremental_effect=_rounded(step.effect),
        icer=step.icer,
        quadrant=step.quadrant,
        meaning=step.quadrant.meaning + (f"; {note}" if note else ""),
    )


def _at_threshold(
    points: Sequence[_Point], threshold: float, base: _Point | None
) -> list[NetBenefitRow]:
    price = Fraction(threshold)
    exact = {point.name: price * point.effect - point.cost for point in points}
    ranks = _ranks(exact)
    return [
        NetBenefitRow(
            strategy=name,
            threshold=threshold,
            nmb=_rounded(nmb),
            nhb=_rounded(nmb / price),
            incremental_nmb=None if base is None else _rounded(nmb - exact[base.name]),
            rank=ranks[name],
            optimal=ranks[name] == 1,
        )
        for name, nmb in exact.items()
    ]


def _ranks(values: Mapping[str, Fraction]) -> dict[str, int]:
    """1 for the highest value; ties share a rank."""
    rank_of: dict[Fraction, int] = {}
    for place, value in enumerate(sorted(values.values(), reverse=True), start=1):
        rank_of.setdefault(value, place)
    return {name: rank_of[value] for name, value in values.items()}


# --- exact numbers


def _exact(totals: Sequence[Totals]) -> list[_Point]:
    return [
        _Point(item.strategy, Fraction(float(item.cost)), Fraction(float(item.effect)))
        for item in totals
    ]


def _increment(point: _Point, other: _Point) -> _Increment:
    return _Increment(point.cost - other.cost, point.effect - other.effect)


def _named(points: Iterable[_Point], name: str) -> _Point:
    return next(point for point in points if point.name == name)


def _sign(value: Fraction) -> int:
    return (value > 0) - (value < 0)


def _rounded(value: Fraction) -> float:
    """The nearest float; infinite beyond the largest. Keeps the order of any two values."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


# --- checking what comes in


def _raise_if_any(problems: Sequence[Problem]) -> None:
    if problems:
        raise InputError(problems)


def _is_finite(value: float) -> bool:
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
            if not _is_finite(value):
                where = f"strategy {place} ({item.strategy})"
                problems.append(Problem(where, f"the {field} {value!r} is not a finite number"))
    for name, found in places.items():
        if len(found) > 1:
            where = "strategies " + ", ".join(str(place) for place in found)
            what = f"the name {name!r} is used {len(found)} times"
            problems.append(Problem(where, what, "Give every strategy its own name."))
    return problems


def _problems_in_comparator(totals: Sequence[Totals], comparator: str) -> list[Problem]:
    names = [item.strategy for item in totals]
    if not names or comparator in names:
        return []
    known = {name.casefold(): name for name in names}
    near = get_close_matches(comparator.casefold(), known, n=1)
    remedy = f"Did you mean {known[near[0]]!r}? " if near else ""
    remedy += f"The strategies are: {', '.join(names)}."
    return [Problem("comparator", f"there is no strategy {comparator!r}", remedy)]


def _problems_in_thresholds(thresholds: Sequence[float]) -> list[Problem]:
    if len(thresholds) == 0:
        return [Problem("thresholds", "there are none", "Give at least one.")]
    return [
        Problem(f"threshold {place}", f"{value!r} is not a positive finite number")
        for place, value in enumerate(thresholds, start=1)
        if not (_is_finite(value) and value > 0)
    ]
