"""Which engine runs a model: what its scenario, or the command line, asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from heecon.analysis.outcomes import check_threshold
from heecon.arrays import Floats
from heecon.engine.cohort import iterate_cohort
from heecon.engine.individual_run import Options
from heecon.engine.microsim import iterate_microsim
from heecon.engine.result import Result
from heecon.errors import InputError, Problem
from heecon.files import names
from heecon.model.definition import Model

M = TypeVar("M", bound=Model)

ENGINES = ("cohort", "microsim", "continuous")


def with_engine(
    model: M, engine: str | None = None, patients: int | None = None, seed: int | None = None
) -> M:
    """A model that every analysis runs with this engine.

    Args:
        model: the model.
        engine: one of ``ENGINES``; None for what its scenario says.
        patients: people simulated in each draw; None for what the scenario says, or 100,000.
        seed: of their random numbers; None for what the scenario says, or 1.

    Raises:
        InputError: there is no such engine, or people are asked of a cohort.
    """
    chosen = engine or model.scenario.engine
    if chosen not in ENGINES:
        hint = names.did_you_mean(chosen, ENGINES)
        raise InputError(Problem("engine", f"unknown engine '{chosen}'", hint))
    if chosen == "cohort" and patients is not None:
        hint = "Add --engine microsim, or drop the number of patients"
        raise InputError(Problem("patients", "a cohort has no single patients", hint))
    own = dict(model.scenario.analyses.get("microsim", {}))
    own |= {key: n for key, n in (("patients", patients), ("seed", seed)) if n is not None}
    analyses = {**model.scenario.analyses, "microsim": own}
    return replace(model, scenario=replace(model.scenario, engine=chosen, analyses=analyses))


def with_thresholds(model: M, thresholds: Sequence[float]) -> M:
    """A model judged at other thresholds than those it names.

    Raises:
        InputError: one is not a threshold, or 0, at which net health benefit has no value.
    """
    for value in thresholds:
        check_threshold(value)
    if 0 in thresholds:
        what = "at a threshold of 0 costs buy no health, so net health benefit has no value"
        raise InputError(Problem("threshold", what, "Give amounts above 0"))
    settings = replace(model.settings, thresholds=tuple(dict.fromkeys(thresholds)))
    return replace(model, settings=settings)


def options_of(model: Model) -> Options:
    """How many people the model's scenario simulates, and with which seed."""
    return Options(**model.scenario.analyses.get("microsim", {}))


def iterate(
    model: Model,
    draws: Mapping[str, Floats] | None = None,
    *,
    first_draw: int = 0,
    keep_trace: bool = False,
    on_compile: Callable[[], None] | None = None,
    options: Options | None = None,
) -> Iterator[Result]:
    """Results of a model's engine, some draws at a time.

    Args:
        model: the model.
        draws: parameter values by key, each of shape (draws,); None for the base case.
        first_draw: number of the first draw; people of each draw have random numbers of their own.
        keep_trace: keep every cycle.
        on_compile: called before anything is compiled.
        options: of the microsimulation; the scenario's if None.
    """
    if model.scenario.engine == "cohort":
        yield from iterate_cohort(model, draws, keep_trace=keep_trace, on_compile=on_compile)
        return
    chosen = options or options_of(model)
    chosen = replace(chosen, keep_trace=keep_trace, on_compile=on_compile or chosen.on_compile)
    if model.scenario.engine == "continuous":
        from heecon.engine.continuous import run_continuous  # noqa: PLC0415  (imports numba)

        yield from run_continuous(model, draws, chosen, first_draw)
        return
    yield from iterate_microsim(model, draws, chosen, first_draw=first_draw)
