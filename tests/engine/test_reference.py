"""heecon's engine against the reference simulator, over random models."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import heecon as he
from heecon.engine import kernels
from heecon.engine.cohort import run_cohort
from heecon.engine.strategy_inputs import EvaluatedStrategy

from .cases import cases, draws_of, model_of
from .simulator import Case, Expected, simulate

KERNELS = ("propagate", "count_state", "count_transition", "add_up", "keep_trace", "run_draws")


@contextmanager
def plain_kernels() -> Iterator[None]:
    """The kernels as plain Python: their lines are seen, and mutations of them are caught."""
    jitted: dict[str, Any] = {name: getattr(kernels, name) for name in KERNELS}
    with pytest.MonkeyPatch.context() as patch:
        for name, kernel in jitted.items():
            patch.setattr(kernels, name, kernel.py_func)
        yield


def close(actual: object, expected: object, scale: float, what: str) -> None:
    np.testing.assert_allclose(
        np.asarray(actual), np.asarray(expected), rtol=1e-12, atol=1e-12 * scale, err_msg=what
    )


def compare(case: Case) -> None:
    model = model_of(case)
    result = run_cohort(model, draws_of(case), keep_trace=True)
    assert result.draws == max([len(values) for values in case.draws.values()], default=1)
    assert result.trace is not None
    for draw in range(result.draws):
        for index, strategy in enumerate(case.strategies):
            compare_strategy(case, result, draw, index, simulate(case, strategy, draw))


def compare_strategy(case: Case, result: Any, draw: int, index: int, expected: Expected) -> None:
    trace, states = result.trace, [state.name for state in case.states]
    occupancy = [[shares[state] for state in states] for shares in expected.occupancy]
    close(trace.occupancy[draw, index], occupancy, 1.0, "occupancy")
    none = [0.0] * case.cycles
    flow = [expected.flow.get(move, none) for move in trace.moves]
    close(trace.flow[draw, index].T, np.reshape(flow, (len(trace.moves), case.cycles)), 1.0, "flow")
    assert set(expected.flow) <= set(trace.moves)
    for number, outcome in enumerate(case.outcomes):
        for place, state in enumerate(states):
            what = f"{outcome.name} in {state}"
            amounts = expected.amounts[outcome.name, state]
            scale = max(1.0, *(abs(a) for pair in amounts for a in pair))
            close(trace.amounts[draw, index, number, place], amounts, scale, what)
            undiscounted, discounted = expected.totals[outcome.name, state]
            close(result.undiscounted[draw, index, number, place], undiscounted, scale, what)
            close(result.discounted[draw, index, number, place], discounted, scale, what)
    alive = sum(
        share
        for state, share in expected.occupancy[-1].items()
        if next(s.kind for s in case.states if s.name == state) != "absorbing"
    )
    close(result.alive_at_end[draw, index], alive, 1.0, "alive")


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(case=cases())
def test_the_engine_agrees_with_the_reference(case: Case) -> None:
    compare(case)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(case=cases())
def test_the_plain_kernels_agree_with_the_reference(case: Case) -> None:
    with plain_kernels():
        compare(case)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(case=cases())
def test_keeping_the_trace_changes_nothing(case: Case) -> None:
    model, draws = model_of(case), draws_of(case)
    kept = run_cohort(model, draws, keep_trace=True)
    result = run_cohort(model, draws)
    assert result.trace is None
    np.testing.assert_array_equal(result.discounted, kept.discounted)
    np.testing.assert_array_equal(result.undiscounted, kept.undiscounted)
    assert kept.trace is not None
    for index, cube in enumerate((kept.undiscounted, kept.discounted)):
        summed = kept.trace.amounts[..., index].sum(axis=-1)
        np.testing.assert_allclose(summed, cube, rtol=1e-9, atol=1e-9)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(case=cases())
def test_the_matrices_move_the_cohort_as_the_kernels_do(case: Case) -> None:
    """In every state and time in it, cycle by cycle."""
    model, draws = model_of(case), draws_of(case)
    run = run_cohort(model, draws, keep_trace=True, keep_time_in_state=True)
    assert run.trace is not None
    assert run.trace.time_in_state is not None
    for index, strategy in enumerate(run.strategies):
        evaluated = EvaluatedStrategy(model, strategy, draws, count=run.draws)
        for draw in range(run.draws):
            kept = run.trace.time_in_state[draw, index]
            matrices = [evaluated.matrix(draw, cycle) for cycle in range(evaluated.cycles)]
            entered = matrices[0].time_in_state == 0
            people = np.zeros(len(entered))
            people[entered] = evaluated.starts[draw]
            for cycle, matrix in enumerate(matrices):
                np.testing.assert_allclose(matrix.probability.sum(axis=1), 1.0, atol=1e-9)
                close(kept[cycle], people, 1.0, "time in state")
                people = people @ matrix.probability
            close(kept[-1], people, 1.0, "time in state")
            firsts = np.flatnonzero(entered)
            by_state = np.add.reduceat(kept, firsts, axis=1)
            close(run.trace.occupancy[draw, index], by_state, 1.0, "occupancy")
            np.testing.assert_array_equal(matrices[0].state[firsts], np.arange(len(firsts)))


def test_time_in_state_is_kept_on_request_only() -> None:
    run = run_cohort(he.load("hiv"), keep_trace=True)
    assert run.trace is not None
    assert run.trace.time_in_state is None


@pytest.mark.slow
@settings(max_examples=3_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(case=cases())
def test_the_engine_agrees_with_the_reference_at_length(case: Case) -> None:
    compare(case)


def test_the_bundled_models_run_on_plain_kernels() -> None:
    model = he.load("hiv/base_case")
    with plain_kernels():
        plain = run_cohort(model, keep_trace=True)
    fast = run_cohort(model, keep_trace=True)
    np.testing.assert_allclose(plain.discounted, fast.discounted, rtol=1e-14)
