"""Threshold analysis: the values of an input at which the decision changes.

The range is scanned on a grid; between two points with different decisions the change is narrowed
down by cutting the interval into many parts and running them all at once, again and again, until
it is known to about twelve digits of the range. This is bisection with many cuts. It is used rather
than Brent's method because a batch of runs costs little more than a single one, and because it also
finds jumps, stretches where strategies tie, and a third strategy that is best in between.

A lead of the best strategy that dips between two points of the same decision is looked into more
closely (``ZOOMS`` times), so that two changes close together are found; a pair much closer than a
thousandth of a step can be missed. A stretch of ties shorter than a step counts as one change.

Sources: Briggs, Claxton, Sculpher 2006 chapter 2 (threshold analysis); Briggs 2012 (ISPOR-SMDM 6).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from heecon.analysis.axis import moved, quantiles_of, range_of, rows_of
from heecon.analysis.outcomes import Outcomes
from heecon.analysis.psa import outcomes_of
from heecon.analysis.two_way import decisions, level_of, only, size_of
from heecon.arrays import Floats
from heecon.errors import InputError, Problem
from heecon.model.definition import Model
from heecon.model.parameter import Parameter

Decision = tuple[str, ...]
"""The best strategy, or those that tie."""

WIDE = (0.001, 0.999)
"""Probabilities that bound the default range."""

CUTS = 40
PRECISION = 1e-13
"""A change is narrowed down to this share of the range, or to neighbouring floats."""

ZOOMS = 4
MAX_DIPS = 20
"""Dips looked into at a time, those with the smallest lead: an erratic model has no end of them."""

JUMP = 1e-7
"""A net benefit difference at a change above this share of the amounts behind it is a jump."""


@dataclass(frozen=True)
class Switch:
    """A value at which the decision changes.

    Attributes:
        value: of the input.
        before: the best strategy, or those that tie, just below it.
        after: the same just above it.
        difference: net monetary benefit of ``before`` minus that of ``after`` at the value; 0 but
            for rounding, unless it is a jump.
        jump: the net benefit does not pass through zero there, it jumps.
    """

    value: float
    before: Decision
    after: Decision
    difference: float
    jump: bool


@dataclass(frozen=True)
class Threshold:
    """The decision along the range of one input.

    Attributes:
        name: words for the input.
        keys: the parameters that take the value.
        unit: of the value.
        base: base value of the first of them.
        low: start of the range.
        high: end of the range.
        threshold: amount per unit of effect.
        strategies: the strategies there are to choose from.
        switches: every change in the range, by rising value; empty if there is none.
        decisions: the best strategy in each part of the range: one more than ``switches``.
        base_decision: the best strategy at the base value.
        smallest_lead: smallest net benefit lead of the best over the second best on the grid.
        smallest_lead_at: the value of the input there.
    """

    name: str
    keys: tuple[str, ...]
    unit: str
    base: float
    low: float
    high: float
    threshold: float
    strategies: tuple[str, ...]
    switches: tuple[Switch, ...]
    decisions: tuple[Decision, ...]
    base_decision: Decision
    smallest_lead: float
    smallest_lead_at: float

    def sentences(self) -> tuple[str, ...]:
        """The answer in words, one sentence a part of the range."""
        ends = [self.low, *(switch.value for switch in self.switches), self.high]
        if not self.switches:
            best = _words(self.decisions[0])
            return (
                f"{best} throughout, from {self.low:g} to {self.high:g}; its lead is smallest at "
                f"{self.smallest_lead_at:g}: {self.smallest_lead:,.2f}.",
            )
        return tuple(
            f"{_words(best)} from {start:.6g} to {end:.6g}."
            for best, start, end in zip(self.decisions, ends, ends[1:], strict=False)
        )


def threshold_analysis(
    model: Model,
    parameter: str | Sequence[str],
    threshold: float | None = None,
    *,
    strategies: Sequence[str] | None = None,
    low: float | None = None,
    high: float | None = None,
    steps: int = 200,
) -> Threshold:
    """Find every value of an input at which the decision changes.

    Args:
        model: the model.
        parameter: a key, or several that take the same value; a component of a correlation group
            takes the rest of its group along.
        threshold: amount per unit of effect; the model's first if None.
        strategies: two, for the decision between them, or more; all if None.
        low: start of the range; if None the 0.1% quantile of the parameter's distribution, or
            ``low`` of the file when it is fixed.
        high: end of the range; 99.9%, or ``high`` of the file.
        steps: parts the range is scanned in.

    Raises:
        InputError: a name is unknown or needs a strategy, there is no range, or it is empty.
        SimulationError: a value in the range makes the model impossible.
    """
    rows = rows_of(model, parameter)
    if len(rows) > 1 and (low is None or high is None):
        what = f"{', '.join(row.key for row in rows)} have no range in common"
        raise InputError(Problem("range", what, "Give low and high"))
    start, end = range_of(model, rows[0], low, high, quantiles_of(model, rows[0], WIDE))
    if steps < 1:
        raise InputError(Problem("steps", f"{steps} steps", "Scan the range in at least 1"))
    base = only(outcomes_of(model, {}), strategies)
    if len(base.strategies) < 2:
        raise InputError(Problem("strategies", "there is only one", "Nothing can change"))
    level = level_of(base, threshold)
    search = _Search(model, rows, base.strategies, level)
    points, runs = search.scan(start, end, steps)
    best = decisions(runs, level)
    switches = []
    for i in range(len(points) - 1):
        ends = float(points[i]), float(points[i + 1])
        switches += search.narrow(ends[0], best[i], ends[1], best[i + 1], end - start)
    switches = search.measured(_merged(switches, (end - start) / steps))
    lead = _lead(runs, level)
    return Threshold(
        name=rows[0].label or rows[0].key,
        keys=tuple(row.key for row in rows),
        unit=rows[0].unit,
        base=rows[0].value,
        low=start,
        high=end,
        threshold=level,
        strategies=base.strategies,
        switches=tuple(switches),
        decisions=(switches[0].before if switches else best[0], *(s.after for s in switches)),
        base_decision=decisions(base, level)[0],
        smallest_lead=float(lead.min()),
        smallest_lead_at=float(points[lead.argmin()]),
    )


@dataclass(frozen=True)
class _Search:
    """Runs of the model along one input."""

    model: Model
    rows: tuple[Parameter, ...]
    strategies: tuple[str, ...]
    level: float

    def run(self, points: Floats) -> Outcomes:
        """Costs and effects at each point."""
        return only(outcomes_of(self.model, moved(self.model, self.rows, points)), self.strategies)

    def scan(self, low: float, high: float, steps: int) -> tuple[Floats, Outcomes]:
        """A grid that is finer where the lead of the best strategy dips."""
        points = np.linspace(low, high, steps + 1)
        runs = self.run(points)
        for _ in range(ZOOMS):
            dips = _dips(runs, self.level)
            finer = [np.linspace(points[i - 1], points[i + 1], 22)[1:-1] for i in dips]
            new = np.setdiff1d(np.concatenate(finer), points) if finer else np.empty(0)
            if not new.size:
                break
            more = self.run(new)
            points = np.concatenate([points, new])
            order = np.argsort(points)
            points = points[order]
            runs = replace(
                runs,
                cost=np.concatenate([runs.cost, more.cost])[order],
                effect=np.concatenate([runs.effect, more.effect])[order],
            )
        return points, runs

    def narrow(
        self, low: float, before: Decision, high: float, after: Decision, span: float
    ) -> list[Switch]:
        """The changes between two points, each between its last ``before`` and first ``after``."""
        found = []
        while before != after:
            start, end, best = low, high, after
            while end - start > PRECISION * span:
                cuts = np.unique(np.linspace(start, end, CUTS + 2)[1:-1])
                cuts = cuts[(cuts > start) & (cuts < end)]
                if not cuts.size:
                    break
                seen = decisions(self.run(cuts), self.level)
                other = next((i for i, item in enumerate(seen) if item != before), len(seen))
                if other:
                    start = float(cuts[other - 1])
                if other < len(seen):
                    end, best = float(cuts[other]), seen[other]
            found.append(Switch((start + end) / 2, before, best, 0.0, jump=False))
            low, before = end, best
        return found

    def measured(self, switches: Sequence[Switch]) -> list[Switch]:
        """The switches with the difference in net benefit at each."""
        if not switches:
            return []
        runs = self.run(np.array([switch.value for switch in switches]))
        nmb, size = runs.nmb(self.level), size_of(runs, self.level)
        found = []
        for i, switch in enumerate(switches):
            one, other = (self.strategies.index(name) for name in _sides(switch))
            gap = float(nmb[i, one] - nmb[i, other])
            jump = bool(abs(gap) > JUMP * size[i])
            found.append(replace(switch, difference=gap, jump=jump))
        return found


def _lead(runs: Outcomes, level: float) -> Floats:
    """(runs,) net benefit of the best strategy minus that of the second best."""
    ordered = np.sort(runs.nmb(level), axis=1)
    return np.asarray(ordered[:, -1] - ordered[:, -2])


def _dips(runs: Outcomes, level: float) -> list[int]:
    """Inner points where the lead is lower than at both neighbours, the decision being the same."""
    lead, best = _lead(runs, level), decisions(runs, level)
    noise = PRECISION * size_of(runs, level)
    found = [
        i
        for i in range(1, len(lead) - 1)
        if best[i - 1] == best[i] == best[i + 1]
        and lead[i] + noise[i] < min(lead[i - 1], lead[i + 1])
    ]
    return sorted(found, key=lambda i: float(lead[i]))[:MAX_DIPS]


def _merged(switches: Sequence[Switch], step: float) -> list[Switch]:
    """Join the two ends of a tie shorter than a step; drop it if nothing changes across it."""
    found: list[Switch] = []
    for switch in switches:
        last = found[-1] if found else None
        if last and len(last.after) > 1 and switch.value - last.value < step:
            found[-1] = Switch(
                (last.value + switch.value) / 2, last.before, switch.after, 0.0, jump=False
            )
            if last.before == switch.after:
                found.pop()
        else:
            found.append(switch)
    return found


def _sides(switch: Switch) -> tuple[str, str]:
    """A strategy that is best before, and one that takes over or drops out."""
    one = next((name for name in switch.before if name not in switch.after), switch.before[0])
    other = next((name for name in switch.after if name not in switch.before), "")
    return one, other or next(name for name in switch.after if name != one)


def _words(best: Decision) -> str:
    return f"{best[0]} is best" if len(best) == 1 else f"{' and '.join(best)} are equal"
