"""What a trial reports of events over time, read off the trace of a cohort."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from heecon.arrays import Floats
from heecon.engine.result import Result
from heecon.errors import InputError, Problem


@dataclass(frozen=True, eq=False)
class Course:
    """Events and survival of one strategy over time.

    Attributes:
        dt: length of a cycle in years.
        alive: (cycles + 1) share alive at the start of each cycle.
        free: (cycles + 1) share alive without an event so far.
        entries: (cycles) events in each cycle, a woman at the start of the model.
    """

    dt: float
    alive: Floats
    free: Floats
    entries: Floats

    def at(self, points: Floats, years: float) -> float:
        """A value at any time, between the points at the start of the cycles."""
        return float(np.interp(years, self.dt * np.arange(len(points)), points))

    @property
    def without_event(self) -> Floats:
        """Kaplan-Meier estimate of the share without an event: deaths are censored."""
        return self.free / self.alive

    def events(self, years: float) -> float:
        """Mean number of events of a woman who lives that long."""
        # Deaths come first in a cycle and events happen to survivors.
        return self._cumulated(self.entries / self.alive[1:], years)

    def cumulative(self, years: float) -> float:
        """Mean number of events of a woman, those of the dead not counted."""
        return self._cumulated(self.entries, years)

    def incidence(self, years: float) -> float:
        """Kaplan-Meier estimate of the share with an event, everything else censored.

        Right where the events are counted once, on leaving the state of those without one.
        """
        left = np.cumprod(1 - self.entries / self.free[:-1])
        return 1 - self.at(np.concatenate([[1.0], left]), years)

    def _cumulated(self, each: Floats, years: float) -> float:
        return self.at(np.concatenate([[0.0], np.cumsum(each)]), years)


def course(result: Result, strategy: str, events: str, free: str) -> Course:
    """Events and survival of one strategy in the first draw of a run that kept its trace.

    Args:
        result: of the run.
        strategy: its name.
        events: the outcome that counts events.
        free: the state of those without one so far.
    """
    trace = result.trace
    if trace is None:
        hint = "Run again with keep_trace=True"
        raise InputError(Problem("trace", "the run did not keep its trace", hint))
    row = result.strategies.index(strategy)
    states = result.model.states
    absorbing = [i for i, name in enumerate(result.states) if states[name].absorbing]
    occupancy = trace.occupancy[0, row]
    outcome = [entry.name for entry in result.outcomes].index(events)
    return Course(
        dt=result.model.settings.cycle_length,
        alive=1 - occupancy[:, absorbing].sum(axis=1),
        free=occupancy[:, result.states.index(free)],
        entries=trace.amounts[0, row, outcome, :, :-1, 0].sum(axis=0),
    )


def _share(one: Course, _other: Course | None, years: float) -> float:
    return 1 - one.at(one.without_event, years) / float(one.without_event[0])


def _median(one: Course, _other: Course | None, _years: float) -> float:
    left = one.without_event / one.without_event[0]
    if left.min() > 0.5:
        return float("inf")
    # Falls from cycle to cycle: time as a function of what is left.
    return 12 * float(np.interp(-0.5, -left, one.dt * np.arange(len(left))))


def _both(one: Course, other: Course | None) -> tuple[Course, Course]:
    if other is None:
        what = "a comparison needs two strategies"
        raise InputError(Problem("comparator", what, "Name the other one"))
    return one, other


def _rate_ratio(one: Course, other: Course | None, years: float) -> float:
    first, second = _both(one, other)
    return first.events(years) / second.events(years)


def _difference(one: Course, other: Course | None, years: float) -> float:
    first, second = _both(one, other)
    return second.cumulative(years) - first.cumulative(years)


def _hazard_ratio(one: Course, other: Course | None, years: float) -> float:
    """The hazard ratio a Cox regression of the two arms would give: the root of its score.

    Both arms start with as many women, and nobody leaves but by death.
    """
    first, second = _both(one, other)
    cycles = min(round(years / first.dt), len(first.entries))
    at_risk = [arm.free[:cycles] for arm in (first, second)]
    left = [arm.without_event[: cycles + 1] for arm in (first, second)]
    events = [
        risk * -np.diff(share) / share[:-1] for risk, share in zip(at_risk, left, strict=True)
    ]

    def score(log_ratio: float) -> float:
        weighted = np.exp(log_ratio) * at_risk[0]
        expected = (events[0] + events[1]) * weighted / (weighted + at_risk[1])
        return float((events[0] - expected).sum())

    from scipy.optimize import brentq  # noqa: PLC0415

    return float(np.exp(brentq(score, -10, 10, xtol=1e-12)))


@dataclass(frozen=True)
class Measure:
    """A way to read a number off one or two courses.

    Attributes:
        of: from (course, the other course, years).
        unit: of the number, in words.
        years: it needs a time.
        against: it compares two strategies.
    """

    of: Callable[[Course, Course | None, float], float]
    unit: str
    years: bool = True
    against: bool = False


MEASURES: Mapping[str, Measure] = {
    "share": Measure(_share, "share of women"),
    "incidence": Measure(lambda one, _, years: one.incidence(years), "share of women"),
    "cumulative": Measure(lambda one, _, years: one.cumulative(years), "events a woman"),
    "events": Measure(lambda one, _, years: one.events(years), "events a survivor"),
    "rate": Measure(lambda one, _, years: one.events(years) / years, "events a year"),
    "median": Measure(_median, "months", years=False),
    "rate_ratio": Measure(_rate_ratio, "rate ratio", against=True),
    "hazard_ratio": Measure(_hazard_ratio, "hazard ratio", against=True),
    "difference": Measure(_difference, "events a woman", against=True),
}
"""Every measure; adding one is adding one entry here."""
