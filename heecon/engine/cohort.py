"""The cohort engine: a model's strategies, run over draws in chunks of bounded memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from heecon.arrays import Floats
from heecon.engine.checks import for_all
from heecon.engine.result import Result, Trace, concatenate
from heecon.errors import InputError, Problem, SimulationError
from heecon.files import names
from heecon.language import names as names_in
from heecon.model.check_model import all_formulas
from heecon.model.definition import Model, Outcome
from heecon.model.outcomes import edges_of

Draws = Mapping[str, Floats]
"""Parameter key (``name`` or ``name[strategy]``) -> one value a draw."""

CHUNK_CELLS = 600_000
"""Numbers that arrays over (draw, cycle, time in state) may have, those of all strategies run at
the same time together: bounds memory, whatever the number of draws and of processors. Measured on
the flagship: half as fast with 50,000 a strategy, no faster with 1,600,000."""

TRACE_CELLS = 20_000_000
"""Numbers the trace of a chunk may have."""


def run_cohort(
    model: Model,
    draws: Draws | None = None,
    *,
    keep_trace: bool = False,
    keep_time_in_state: bool = False,
    on_compile: Callable[[], None] | None = None,
) -> Result:
    """Run every strategy of a model as a Markov cohort.

    Args:
        model: a checked model.
        draws: sampled parameter values by key; parameters left out keep their base value. None
            runs the base case, as one draw.
        keep_trace: keep every cycle (memory grows with draws times cycles).
        keep_time_in_state: keep the occupancy of every time in a state in the trace too.
        on_compile: called before the kernels are compiled, which happens once on a machine.

    Returns:
        Amounts per person.

    Raises:
        InputError: draws that do not fit the model.
        SimulationError: impossible numbers, with strategy, draw, cycle and state.
    """
    chunks = iterate_cohort(
        model,
        draws,
        keep_trace=keep_trace,
        keep_time_in_state=keep_time_in_state,
        on_compile=on_compile,
    )
    return concatenate(list(chunks))


def iterate_cohort(
    model: Model,
    draws: Draws | None = None,
    *,
    keep_trace: bool = False,
    keep_time_in_state: bool = False,
    on_compile: Callable[[], None] | None = None,
) -> Iterator[Result]:
    """Like ``run_cohort``, a chunk of draws at a time, so that no result need fit in memory."""
    refuse_individual(model)
    if on_compile is not None and not compiled_before():
        on_compile()
    draws = {key: np.asarray(values, dtype=float) for key, values in (draws or {}).items()}
    count = count_draws(model, draws)
    size = chunk_size(model, keep_trace=keep_trace, keep_time_in_state=keep_time_in_state)
    for first in range(0, count, size):
        chunk = _Chunk(
            model, min(size, count - first), keep=keep_trace, keep_time=keep_time_in_state
        )
        chunk.run({key: values[first : first + size] for key, values in draws.items()}, first)
        yield chunk.result()


def refuse_individual(model: Model) -> None:
    """Refuse what only a simulation of individuals knows.

    Raises:
        InputError: with every formula that reads an attribute or a history.
    """
    hint = (
        'A cohort has no individuals: run it with engine = "microsim" in the scenario, or '
        "heecon run --engine microsim"
    )
    problems = []
    for formula in all_formulas(model):
        own = sorted(names_in(formula.tree) & {*model.attributes, *model.history})
        if own:
            what = f"'{formula.text}' reads '{own[0]}', which differs from person to person"
            problems.append(Problem(formula.where, what, hint))
    if problems:
        raise InputError(dict.fromkeys(problems))


def in_perspective(model: Model) -> tuple[Outcome, ...]:
    """The outcomes that count in the model's perspective; one that names none always does."""
    wanted = model.settings.perspective
    return tuple(
        outcome
        for outcome in model.outcomes.values()
        if not outcome.perspectives or wanted in outcome.perspectives
    )


def chunk_size(model: Model, *, keep_trace: bool, keep_time_in_state: bool = False) -> int:
    """How many draws are run at a time."""
    points = model.settings.cycles + 1
    times = [state.slots for state in model.states.values()]
    size = CHUNK_CELLS // (points * max(times) * workers(model))
    if keep_trace:
        kept = 2 * len(model.outcomes) * len(times) + (sum(times) if keep_time_in_state else 0)
        size = min(size, TRACE_CELLS // (points * max(kept * len(model.strategies), 1)))
    return max(size, 1)


def workers(model: Model) -> int:
    """How many strategies are run at the same time."""
    return min(len(model.strategies), os.cpu_count() or 1)


def compiled_before() -> bool:
    """True when there is machine code of the kernels."""
    from heecon.engine import kept_code, kernels  # noqa: PLC0415  (imports numba: a quarter second)

    return kept_code.is_compiled(kernels.run_draws)


def count_draws(model: Model, draws: Draws) -> int:
    """How many draws there are, once they are known to fit the model."""
    known = [row.key for row in model.parameters]
    problems = []
    for key, values in draws.items():
        if key not in known:
            hint = names.did_you_mean(key, known)
            problems.append(Problem("draws", f"unknown parameter '{key}'", hint))
        elif values.ndim != 1:
            what = f"parameter '{key}' has an array of shape {values.shape}"
            problems.append(Problem("draws", what, "Give one value a draw"))
        elif not np.isfinite(values).all():
            draw = int(np.flatnonzero(~np.isfinite(values))[0])
            what = f"parameter '{key}' is {values[draw]}"
            problems.append(Problem(f"draw {draw}", what, "Every draw must be a finite number"))
    lengths = sorted({values.size for values in draws.values()})
    if len(lengths) > 1:
        problems.append(Problem("draws", f"the parameters have {lengths} draws"))
    if 0 in lengths:
        problems.append(Problem("draws", "there are no draws", "Give at least one"))
    if problems:
        raise InputError(problems)
    return lengths[0] if lengths else 1


class _Chunk:
    """Room for the results of a chunk of draws: arrays over (strategy, draw, ...)."""

    def __init__(self, model: Model, count: int, *, keep: bool, keep_time: bool) -> None:
        self.model = model
        self.outcomes = in_perspective(model)
        self.events = tuple(edges_of(model.transitions, model.states))
        self.keep = keep
        strategies, states = len(model.strategies), len(model.states)
        cycles, cells = model.settings.cycles, len(self.outcomes) * states
        kept = count if keep else 0
        times = sum(state.slots for state in model.states.values())
        self.totals = np.zeros((strategies, count, cells, 2))
        self.end = np.zeros((strategies, count, states))
        self.occupancy = np.zeros((strategies, kept, cycles + 1, states))
        self.flow = np.zeros((strategies, kept, cycles, len(self.events)))
        self.amounts = np.zeros((strategies, kept, cells, cycles + 1, 2))
        self.by_time = np.zeros((strategies, kept if keep_time else 0, cycles + 1, times))

    def run(self, draws: Draws, first: int) -> None:
        """Run every strategy, several at the same time.

        Args:
            draws: the values of this chunk.
            first: number of its first draw, for messages.

        Raises:
            SimulationError: the problems of all strategies.
        """
        with ThreadPoolExecutor(workers(self.model)) as pool:
            runs = {
                strategy: pool.submit(self._run_strategy, number, strategy, draws, first)
                for number, strategy in enumerate(self.model.strategies)
            }
            for_all(runs, lambda strategy: runs[strategy].result())

    def _run_strategy(self, number: int, strategy: str, draws: Draws, first: int) -> None:
        from heecon.engine import kernels  # noqa: PLC0415  (imports numba)
        from heecon.engine.packed_arrays import chunk_of  # noqa: PLC0415
        from heecon.engine.strategy_inputs import EvaluatedStrategy  # noqa: PLC0415

        evaluated = EvaluatedStrategy(
            self.model, strategy, draws, count=self.totals.shape[1], first_draw=first
        )
        tally = kernels.Tally(
            self.totals[number],
            self.end[number],
            self.keep,
            self.occupancy[number],
            self.flow[number],
            self.amounts[number],
            self.by_time[number],
        )
        chunk = chunk_of(evaluated, self.outcomes, self.events)
        status, draw, cycle, state = kernels.run_draws(chunk, tally)
        if status != kernels.OK:
            name, what = "", "the shares of the cohort no longer sum to 1"
            if status == kernels.SHRINKING:
                name = list(self.model.states)[state]
                what = f"the absorbing state '{name}' lost people"
            place = evaluated.checks.place(draw, cycle, name)
            raise SimulationError(Problem(place, what))

    def result(self) -> Result:
        """The results, draws first."""
        model = self.model
        cube = np.moveaxis(self.totals, 0, 1)
        shape = (*cube.shape[:2], len(self.outcomes), len(model.states))
        lasting = [i for i, state in enumerate(model.states.values()) if not state.absorbing]
        trace = None
        if self.keep:
            amounts = np.moveaxis(self.amounts, 0, 1)
            trace = Trace(
                np.moveaxis(self.occupancy, 0, 1),
                np.moveaxis(self.flow, 0, 1),
                self.events,
                amounts.reshape(*shape, *amounts.shape[3:]),
                np.moveaxis(self.by_time, 0, 1) if self.by_time.size else None,
            )
        return Result(
            model=model,
            strategies=tuple(model.strategies),
            outcomes=self.outcomes,
            states=tuple(model.states),
            undiscounted=cube[..., 0].reshape(shape),
            discounted=cube[..., 1].reshape(shape),
            alive_at_end=np.moveaxis(self.end[:, :, lasting].sum(axis=2), 0, 1),
            trace=trace,
        )
