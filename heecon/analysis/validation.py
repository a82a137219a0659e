"""Predicted against observed, target by target; nothing is tuned here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from heecon.analysis.engines import options_of
from heecon.analysis.frailty import ARM_MEASURES, Arm, simulated_trial
from heecon.analysis.measures import MEASURES, course
from heecon.analysis.targets import Target
from heecon.engine.cohort import run_cohort
from heecon.errors import InputError, Problem
from heecon.model.definition import Model

NEAR = 0.01
"""How far, relatively, a prediction may be from a target it was fitted to."""


@dataclass(frozen=True)
class Check:
    """One prediction beside its observation.

    Attributes:
        target: what was observed.
        predicted: by the model.
        unit: of both, in words.
    """

    target: Target
    predicted: float
    unit: str

    @property
    def difference(self) -> float:
        """Predicted minus observed."""
        return self.predicted - self.target.observed

    @property
    def verdict(self) -> str:
        """Whether the prediction is within the observation's 95% interval.

        Returns:
            "inside", "outside", or "no interval" where there is none. A target the model was fitted
            to must be met within 1% instead: "met" or "missed".
        """
        if self.target.calibrated:
            return "met" if abs(self.difference) <= NEAR * abs(self.target.observed) else "missed"
        low, high = self.target.low, self.target.high
        if low is None or high is None:
            return "no interval"
        return "inside" if low <= self.predicted <= high else "outside"


def validate(
    model: Model, targets: Sequence[Target], values: Mapping[str, float] | None = None
) -> list[Check]:
    """Predict every target.

    Args:
        model: with its scenario.
        targets: what was observed.
        values: other values of parameters by key, for calibration.
    """
    predictions = _of_cohort if model.scenario.engine == "cohort" else _of_people
    views: dict[tuple[tuple[str, float], ...], list[int]] = {}
    for place, target in enumerate(targets):
        key = tuple(sorted({**(values or {}), **target.view}.items()))
        views.setdefault(key, []).append(place)
    checks: dict[int, Check] = {}
    for key, places in views.items():
        found = predictions(_with_values(model, dict(key)), [targets[i] for i in places])
        checks |= dict(zip(places, found, strict=True))
    return [checks[place] for place in range(len(targets))]


def _of_cohort(model: Model, targets: Sequence[Target]) -> list[Check]:
    result = run_cohort(model, keep_trace=True)
    checks = []
    for target in targets:
        one = course(result, target.strategy, target.events, target.free)
        other = None
        if target.against:
            other = course(result, target.against, target.events, target.free)
        measure = MEASURES[target.measure]
        checks.append(Check(target, measure.of(one, other, target.years or 0.0), measure.unit))
    return checks


def _of_people(model: Model, targets: Sequence[Target]) -> list[Check]:
    """Predictions of a model that simulates people, as a trial would report them."""
    checks = []
    arms: dict[tuple[str, str], dict[str, Arm]] = {}
    for target in targets:
        key = target.events, target.against
        if key not in arms:
            state = _state_counted(model, target.events)
            options = options_of(model)
            run = simulated_trial(model, state, target.against or None, options)
            arms[key] = {arm.strategy: arm for arm in run}
        measure = ARM_MEASURES[target.measure]
        checks.append(Check(target, measure.of(arms[key][target.strategy]), measure.unit))
    return checks


def _state_counted(model: Model, outcome: str) -> str:
    """The state whose entries an outcome counts."""
    states = list(model.outcomes[outcome].entering)
    if len(states) != 1:
        what = f"'{outcome}' does not count the entries into one state"
        hint = "Name an outcome with one state under 'entering'"
        raise InputError(Problem("validation.toml (events)", what, hint))
    return states[0]


def _with_values(model: Model, values: Mapping[str, float]) -> Model:
    rows = tuple(
        row.overridden(values[row.key], "set for validation", row.where)
        if row.key in values
        else row
        for row in model.parameters
    )
    return replace(model, parameters=rows)
