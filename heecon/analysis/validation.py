"""Predicted against observed, target by target; nothing is tuned here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from heecon.analysis.measures import MEASURES, course
from heecon.analysis.targets import Target
from heecon.engine.cohort import run_cohort
from heecon.engine.result import Result
from heecon.model.definition import Model

NEAR = 0.01
"""How far, relatively, a prediction may be from a target it was fitted to."""


@dataclass(frozen=True)
class Check:
    """One prediction beside its observation.

    Attributes:
        target: what was observed.
        predicted: by the model.
    """

    target: Target
    predicted: float

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
    runs: dict[tuple[tuple[str, float], ...], Result] = {}
    checks = []
    for target in targets:
        changed = {**(values or {}), **target.view}
        key = tuple(sorted(changed.items()))
        if key not in runs:
            runs[key] = run_cohort(_with_values(model, changed), keep_trace=True)
        checks.append(Check(target, _predicted(target, runs[key])))
    return checks


def _predicted(target: Target, result: Result) -> float:
    one = course(result, target.strategy, target.events, target.free)
    other = None
    if target.against:
        other = course(result, target.against, target.events, target.free)
    return MEASURES[target.measure].of(one, other, target.years or 0.0)


def _with_values(model: Model, values: Mapping[str, float]) -> Model:
    rows = tuple(
        row.overridden(values[row.key], "set for validation", row.where)
        if row.key in values
        else row
        for row in model.parameters
    )
    return replace(model, parameters=rows)
