"""Fit named parameters to named targets: weighted least squares by the Nelder-Mead method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heecon.analysis.targets import Target
from heecon.analysis.validation import Check, validate
from heecon.errors import Diagnostics
from heecon.files import names
from heecon.model.definition import Model

MOST_RUNS = 2_000


@dataclass(frozen=True)
class Calibration:
    """The result of a calibration; nothing is changed in the model's files.

    Attributes:
        parameters: keys.
        start: their values before.
        found: their values after.
        before: the targets with the values before.
        after: the targets with the values after.
        loss: sum of squared relative differences after.
        evaluations: runs of the model.
        converged: the search ended by itself.
    """

    parameters: tuple[str, ...]
    start: tuple[float, ...]
    found: tuple[float, ...]
    before: tuple[Check, ...]
    after: tuple[Check, ...]
    loss: float
    evaluations: int
    converged: bool


def calibrate(
    model: Model, targets: Sequence[Target], parameters: Sequence[str], fitted: Sequence[str]
) -> Calibration:
    """Search the values of parameters that come closest to targets.

    The loss is the sum of squared relative differences, so that targets in months and in shares
    count alike. Values keep their sign and are searched on a logarithmic scale.

    Args:
        model: with its scenario.
        targets: every target of the model.
        parameters: keys of the parameters to vary; their base values are the start.
        fitted: names of the targets to meet.

    Raises:
        InputError: a name is unknown, a view fixes a parameter, or a start is 0.
    """
    chosen = _chosen(model, targets, parameters, fitted)
    base = {row.key: row.value for row in model.parameters}
    start = np.array([base[key] for key in parameters])
    runs = 0

    def loss(logs: NDArray[np.float64]) -> float:
        nonlocal runs
        runs += 1
        values = dict(zip(parameters, (start * np.exp(logs)).tolist(), strict=True))
        return sum((c.difference / c.target.observed) ** 2 for c in validate(model, chosen, values))

    from scipy.optimize import minimize  # noqa: PLC0415

    found = minimize(
        loss,
        np.zeros(len(start)),
        method="Nelder-Mead",
        options={
            "xatol": 1e-7,
            "fatol": 1e-14,
            "maxfev": MOST_RUNS,
            "initial_simplex": _simplex(len(start)),
        },
    )
    values = tuple((start * np.exp(found.x)).tolist())
    after = validate(model, chosen, dict(zip(parameters, values, strict=True)))
    return Calibration(
        parameters=tuple(parameters),
        start=tuple(start.tolist()),
        found=values,
        before=tuple(validate(model, chosen)),
        after=tuple(after),
        loss=float(found.fun),
        evaluations=runs,
        converged=bool(found.success),
    )


def _simplex(size: int) -> NDArray[np.float64]:
    """A start and a step of a tenth along each axis."""
    return np.vstack([np.zeros(size), 0.1 * np.eye(size)])


def _chosen(
    model: Model, targets: Sequence[Target], parameters: Sequence[str], fitted: Sequence[str]
) -> list[Target]:
    base = {row.key: row.value for row in model.parameters}
    known = [target.name for target in targets]
    diagnostics = Diagnostics()

    def refuse(what: str, hint: str) -> None:
        diagnostics.error("calibration", what, hint)

    for key in parameters:
        if key not in base:
            refuse(f"unknown parameter '{key}'", names.did_you_mean(key, base))
        elif base[key] == 0:
            refuse(f"parameter '{key}' starts at 0", "Give it another value first")
    for name in fitted:
        if name not in known:
            refuse(f"unknown target '{name}'", names.did_you_mean(name, known))
    if not parameters or not fitted:
        refuse("there is nothing to fit", "Name both")
    if len(set(parameters)) < len(parameters) or len(set(fitted)) < len(fitted):
        refuse("a name stands twice", "Name it once")
    chosen = [target for target in targets if target.name in fitted]
    for target in chosen:
        for key in parameters:
            if key in target.view:
                refuse(f"the view of '{target.name}' sets '{key}'", "Fit another one")
        if target.observed == 0:
            refuse(f"'{target.name}' is 0: no relative difference", "Fit another one")
    diagnostics.raise_if_any()
    return chosen
