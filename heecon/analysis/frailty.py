"""One gamma frailty behind first and repeated events: what a simulated trial would report.

People have a rate of events each, gamma distributed around a mean with variance theta (relative to
the mean squared). Then the number of events is negative binomial: with m events expected the share
without any is (1 + theta m)^(-1/theta), and of two people at the same time the one with an event
behind her has 1 + theta times the hazard of the one without (Cook and Lawless 2007, The Statistical
Analysis of Recurrent Events, chapter 3). So a treatment that multiplies everybody's rate by 0.77
shows a first-event hazard ratio nearer to 1, because in the other arm the prone leave the risk set
sooner.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from heecon.arrays import Floats, Integers
from heecon.engine.individual_run import Options
from heecon.engine.microsim import run_microsim
from heecon.errors import InputError, Problem
from heecon.files import names
from heecon.model.definition import Model


@dataclass(frozen=True)
class Arm:
    """What a trial would report of the events of one strategy.

    Attributes:
        strategy: name.
        mean: events a person.
        share: people with an event.
        rate_ratio: of all events, against the comparator.
        first_hazard_ratio: of the first event, against the comparator (Cox, Breslow's ties).
        later_hazard_ratio: hazard after exactly one event against that before any, at the same
            time (Mantel-Haenszel over cycles).
    """

    strategy: str
    mean: float
    share: float
    rate_ratio: float
    first_hazard_ratio: float
    later_hazard_ratio: float


def simulated_trial(
    model: Model, state: str, comparator: str | None = None, options: Options | None = None
) -> tuple[Arm, ...]:
    """Simulate a model and report the events of a state as a trial would.

    Everybody is followed to the end of the horizon or to an absorbing state.

    Args:
        model: the model.
        state: entries into it are events.
        comparator: ratios are against it; the model's, or its first strategy, if None.
        options: how many people, and the seed.

    Raises:
        InputError: there is no such state or strategy.
    """
    for what, name, known in (
        ("state", state, list(model.states)),
        ("comparator", comparator or "", ["", *model.strategies]),
    ):
        if name not in known:
            hint = names.did_you_mean(name, known)
            raise InputError(Problem(what, f"unknown {what} '{name}'", hint))
    chosen = options or Options()
    reference = comparator or model.settings.comparator or next(iter(model.strategies))
    histories = {name: _History(model, state) for name in model.strategies}

    def note(strategy: str, _draw: int, moves: Integers) -> None:
        histories[strategy].add(moves)

    people = chosen.patients
    run_microsim(model, options=replace(chosen, on_event=note))
    control = histories[reference]
    return tuple(
        Arm(
            name,
            history.events / people,
            history.first.sum() / people,
            history.events / control.events,
            _cox(history, control, people),
            history.later(people),
        )
        for name, history in histories.items()
    )


class _History:
    """Counts of first events, second events and departures by cycle."""

    def __init__(self, model: Model, state: str) -> None:
        cycles = model.settings.cycles
        self.states = list(model.states)
        self.event = self.states.index(state)
        self.ends = [i for i, s in enumerate(model.states.values()) if s.absorbing]
        self.events = 0
        self.first = np.zeros(cycles, dtype=np.int64)
        self.second = np.zeros(cycles, dtype=np.int64)
        self.left_without = np.zeros(cycles, dtype=np.int64)
        self.left_with_one = np.zeros(cycles, dtype=np.int64)

    def add(self, moves: Integers) -> None:
        """Take in all moves of a block of people."""
        person, cycle, to = moves[:, 0], moves[:, 1], moves[:, 3]
        order = np.lexsort((cycle, person))
        person, cycle, to = person[order], cycle[order], to[order]
        is_event = (to == self.event).astype(np.int64)
        before = np.cumsum(is_event) - is_event
        begins = np.r_[True, person[1:] != person[:-1]]
        before -= np.maximum.accumulate(np.where(begins, before, 0))
        self.events += int(is_event.sum())
        ends = np.isin(to, self.ends)
        for array, chosen in (
            (self.first, (is_event == 1) & (before == 0)),
            (self.second, (is_event == 1) & (before == 1)),
            (self.left_without, ends & (before == 0)),
            (self.left_with_one, ends & (before == 1)),
        ):
            np.add.at(array, cycle[chosen], 1)

    def without(self, people: int) -> Floats:
        """People without an event at the start of each cycle."""
        gone = np.cumsum(self.first + self.left_without)
        return people - np.concatenate([[0], gone[:-1]]).astype(float)

    def with_one(self) -> Floats:
        """People with exactly one event at the start of each cycle."""
        change = np.cumsum(self.first - self.second - self.left_with_one)
        return np.concatenate([[0], change[:-1]]).astype(float)

    def later(self, people: int) -> float:
        """Hazard after one event against that before any."""
        none, one = self.without(people), self.with_one()
        both = np.maximum(none + one, 1.0)
        top, bottom = (self.second * none / both).sum(), (self.first * one / both).sum()
        return float(top / bottom) if bottom > 0 else float("nan")


def _cox(treated: _History, control: _History, people: int) -> float:
    """Hazard ratio of the first event by Cox's partial likelihood with one binary covariate."""
    n1, n0 = treated.without(people), control.without(people)
    d1, d = treated.first, treated.first + control.first
    b = 0.0
    for _ in range(50):
        share = n1 * np.exp(b) / np.maximum(n1 * np.exp(b) + n0, 1e-300)
        slope, curve = (d1 - d * share).sum(), (d * share * (1 - share)).sum()
        step = slope / curve if curve > 0 else 0.0
        b += step
        if abs(step) < 1e-10:
            break
    return float(np.exp(b))


@dataclass(frozen=True)
class ArmMeasure:
    """A way to read a number off an arm of a simulated trial, over the whole horizon."""

    of: Callable[[Arm], float]
    unit: str


ARM_MEASURES: Mapping[str, ArmMeasure] = {
    "events": ArmMeasure(lambda arm: arm.mean, "events a woman"),
    "share": ArmMeasure(lambda arm: arm.share, "share of women"),
    "rate_ratio": ArmMeasure(lambda arm: arm.rate_ratio, "rate ratio"),
    "hazard_ratio": ArmMeasure(lambda arm: arm.first_hazard_ratio, "hazard ratio"),
    "later_hazard_ratio": ArmMeasure(
        lambda arm: arm.later_hazard_ratio, "hazard ratio of an event after one"
    ),
}
"""Measures of validation.toml for a model that simulates people."""
