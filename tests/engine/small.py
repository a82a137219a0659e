"""Small models for tests, from a few keys."""

from __future__ import annotations

from typing import Any

import numpy as np

import heecon as he
from heecon.engine.cohort import run_cohort
from heecon.engine.result import Result, Trace


def model(
    *,
    horizon: str = "10 cycles",
    cycle: str = "1 year",
    correction: Any = "none",
    rate: Any = "0",
    timing: str = "cycle_start",
    states: dict[str, Any] | None = None,
    start: dict[str, Any] | None = None,
    transitions: dict[str, Any] | None = None,
    outcomes: dict[str, Any] | None = None,
    strategies: dict[str, Any] | None = None,
    variables: dict[str, Any] | None = None,
    parameters: Any = (),
    tables: Any = None,
    start_age: Any = "0",
) -> he.Model:
    """Healthy people who never die and whose life years are counted, unless said otherwise."""
    states = states or {"healthy": {}, "dead": {"absorbing": True}}
    definition = {
        "model": {
            "title": "small",
            "cycle": cycle,
            "horizon": horizon,
            "start_age": start_age,
            "correction": correction,
            "discounting": {"cost": rate, "effect": rate, "timing": timing},
        },
        "states": states,
        "start": start or {next(iter(states)): 1},
        "strategies": strategies or {"only": {}},
        "variables": variables or {},
        "transitions": transitions or {"healthy": {"rates": {"dead": 0}}},
        "outcomes": outcomes or {"years": {"kind": "life_year", "state": {"alive": 1}}},
    }
    return he.Model.from_dict(definition, parameters, tables)


def result(**keys: Any) -> Result:
    """A run of a small model, with its trace."""
    return run_cohort(model(**keys), keep_trace=True)


def trace_of(run: Result) -> Trace:
    assert run.trace is not None
    return run.trace


def total(run: Result, outcome: str, *, discounted: bool = False, strategy: int = 0) -> float:
    """One outcome of one strategy in the first draw."""
    return float(run.of(outcome, discounted=discounted)[0, strategy])


def close(actual: object, expected: object, relative: float = 1e-12) -> None:
    np.testing.assert_allclose(
        np.asarray(actual, dtype=float), np.asarray(expected, dtype=float), relative, relative
    )
