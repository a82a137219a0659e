"""Net monetary and net health benefit of strategies at what a payer accepts per unit of effect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from heecon.analysis.incremental import Totals, checked, is_finite
from heecon.errors import Problem


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
    points = checked(totals, comparator, _problems_in_thresholds(thresholds))
    base = next((point for point in points if point.strategy == comparator), None)
    return tuple(row for value in thresholds for row in _at_threshold(points, float(value), base))


def _at_threshold(
    points: Sequence[Totals], threshold: float, base: Totals | None
) -> list[NetBenefitRow]:
    nmb = [threshold * point.effect - point.cost for point in points]
    falling = sorted(nmb, reverse=True)
    return [
        NetBenefitRow(
            strategy=point.strategy,
            threshold=threshold,
            nmb=value,
            nhb=value / threshold,
            # From the increments: two large net benefits would cancel.
            incremental_nmb=None
            if base is None
            else threshold * (point.effect - base.effect) - (point.cost - base.cost),
            rank=falling.index(value) + 1,
            optimal=value == falling[0],
        )
        for point, value in zip(points, nmb, strict=True)
    ]


def _problems_in_thresholds(thresholds: Sequence[float]) -> list[Problem]:
    if len(thresholds) == 0:
        return [Problem("thresholds", "there are none", "Give at least one.")]
    return [
        Problem(f"threshold {place}", f"{value!r} is not a positive finite number")
        for place, value in enumerate(thresholds, start=1)
        if not (is_finite(value) and value > 0)
    ]
