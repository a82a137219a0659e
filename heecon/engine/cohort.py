"""The cohort engine: a model's strategies, run over draws in chunks of bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heecon.engine.faults import Faults
from heecon.engine.prepare import Preparation, Prepared, as_integers
from heecon.engine.result import Result, Trace, concatenate
from heecon.errors import InputError, Problem
from heecon.model import names
from heecon.model.definition import Model, Outcome

Floats = NDArray[np.float64]
Draws = Mapping[str, Floats]
"""Parameter key (``name`` or ``name[strategy]``) -> one value a draw."""

CHUNK_CELLS = 4_000_000
"""Numbers an array over (draw, cycle, slot) may have: bounds memory, whatever the number of draws."""

OCCUPANCY_TOLERANCE = 1e-9


def run_cohort(
    model: Model,
    draws: Draws | None = None,
    *,
    keep_trace: bool = False,
    on_compile: Callable[[], None] | None = None,
) -> Result:
    """Run every strategy of a model as a Markov cohort.

    Args:
        model: a checked model.
        draws: sampled parameter values by key; parameters left out keep their base value. None
            runs the base case, as one draw.
        keep_trace: keep every cycle (memory grows with draws times cycles).
        on_compile: called before the kernels are compiled, which happens once on a machine.

    Returns:
        Amounts per person.

    Raises:
        InputError: draws that do not fit the model.
        SimulationError: an impossible number, with strategy, draw, cycle and state.
    """
    chunks = iterate_cohort(model, draws, keep_trace=keep_trace, on_compile=on_compile)
    return concatenate(list(chunks))


def iterate_cohort(
    model: Model,
    draws: Draws | None = None,
    *,
    keep_trace: bool = False,
    on_compile: Callable[[], None] | None = None,
) -> Iterator[Result]:
    """Like ``run_cohort``, a chunk of draws at a time, so that no result need fit in memory."""
    if on_compile is not None and not compiled_before():
        on_compile()
    draws = draws or {}
    count = _count(model, draws)
    outcomes = in_perspective(model)
    size = chunk_size(model, count)
    for first in range(0, count, size):
        chunk = {key: np.asarray(v, dtype=float)[first : first + size] for key, v in draws.items()}
        n = min(size, count - first)
        runs = [
            _run_strategy(model, strategy, chunk, n, first, outcomes, keep_trace)
            for strategy in model.strategies
        ]
        yield _assemble(model, outcomes, runs, keep_trace)


def in_perspective(model: Model) -> tuple[Outcome, ...]:
    """The outcomes that count in the model's perspective; an outcome that names none always does."""
    wanted = model.settings.perspective
    return tuple(
        outcome
        for outcome in model.outcomes.values()
        if not outcome.perspectives or wanted in outcome.perspectives
    )


def chunk_size(model: Model, draws: int) -> int:
    """How many draws are run at a time."""
    slots = max(state.slots for state in model.states.values())
    cells = (model.settings.cycles + 1) * slots
    return int(np.clip(CHUNK_CELLS // (cells * 8), 1, max(draws, 1)))


def compiled_before() -> bool:
    """True when the kernels' machine code lies in numba's cache on disk."""
    from heecon.engine import kernels  # noqa: PLC0415  (imports numba)

    folder = Path(kernels.run_draws.stats.cache_path)
    return any(folder.glob("kernels.run_draws-*.nbi"))


@dataclass(frozen=True)
class _Run:
    """One strategy, one chunk of draws."""

    totals: Floats
    occupancy: Floats
    flow: Floats
    amounts: Floats
    moves: tuple[tuple[str, str], ...]
    alive: Floats


def _count(model: Model, draws: Draws) -> int:
    known = [row.key for row in model.parameters]
    problems = [
        Problem("draws", f"unknown parameter '{key}'", names.did_you_mean(key, known))
        for key in draws
        if key not in known
    ]
    lengths = {len(values) for values in draws.values()}
    if len(lengths) > 1:
        problems.append(Problem("draws", f"the parameters have {sorted(lengths)} draws"))
    if 0 in lengths:
        problems.append(Problem("draws", "there are no draws", "Give at least one"))
    if problems:
        raise InputError(problems)
    return lengths.pop() if lengths else 1


def _values(model: Model, strategy: str, draws: Draws) -> dict[str, Floats]:
    return {
        name: np.asarray(draws.get(row.key, np.array([row.value])), dtype=float)
        for name, row in model.rows(strategy).items()
    }


def _run_strategy(
    model: Model,
    strategy: str,
    draws: Draws,
    count: int,
    first: int,
    outcomes: tuple[Outcome, ...],
    keep: bool,
) -> _Run:
    from heecon.engine import kernels  # noqa: PLC0415  (imports numba)

    values = _values(model, strategy, draws)
    preparation = Preparation(model, strategy, values, count, first, outcomes)
    prepared = preparation.prepare()
    cycles, states = model.settings.cycles, list(model.states.values())
    cells = len(outcomes) * len(states)
    moves, stays, terms = as_integers(prepared, len(states))
    kept = count if keep else 0
    occupancy = np.zeros((kept, cycles + 1, len(states)))
    flow = np.zeros((kept, cycles, len(moves)))
    amounts = np.zeros((kept, cells, cycles + 1, 2))
    totals = np.zeros((count, cells, 2))
    end = np.zeros((count, len(states)))
    status, draw, cycle, state = kernels.run_draws(
        prepared.starts,
        np.cumsum([0, *(state.slots for state in states)]),
        moves,
        stays,
        prepared.probability.buffer,
        prepared.probability.offset,
        prepared.probability.stride,
        np.array([state.absorbing for state in states], dtype=np.int64),
        OCCUPANCY_TOLERANCE,
        cycles,
        terms,
        prepared.value.buffer,
        prepared.value.offset,
        prepared.value.stride,
        _stack_weights(prepared, cycles),
        totals,
        end,
        keep,
        occupancy,
        flow,
        amounts,
    )
    if status != kernels.OK:
        _stop(preparation.faults, status, draw, cycle, list(model.states)[state])
    events = [i for i, move in enumerate(prepared.moves) if not move.stays]
    pairs = [(prepared.moves[i].origin, prepared.moves[i].destination) for i in events]
    named = tuple((states[a].name, states[b].name) for a, b in pairs)
    alive = end[:, [i for i, state in enumerate(states) if not state.absorbing]].sum(axis=1)
    return _Run(totals, occupancy, flow[:, :, events], amounts, named, alive)


def _stack_weights(prepared: Prepared, cycles: int) -> Floats:
    """(2 x terms, draws or 1, cycles + 1): undiscounted and discounted weights of each term."""
    rows = [row for term in prepared.terms for row in (term.weights, term.discounted)]
    by_draw = max((len(row) for row in rows), default=1)
    if not rows:
        return np.zeros((0, 1, cycles + 1))
    return np.stack([np.broadcast_to(row, (by_draw, cycles + 1)) for row in rows])


def _stop(faults: Faults, status: int, draw: int, cycle: int, state: str) -> None:
    from heecon.engine import kernels  # noqa: PLC0415

    if status == kernels.SHRINKING:
        what = f"the absorbing state '{state}' lost people"
        faults.problems.append(Problem(faults.place(draw, cycle, state), what))
    else:
        what = "the shares of the cohort no longer sum to 1"
        faults.problems.append(Problem(faults.place(draw, cycle), what))
    faults.stop_if_any()


def _assemble(model: Model, outcomes: tuple[Outcome, ...], runs: list[_Run], keep: bool) -> Result:
    shape = (len(outcomes), len(model.states))
    totals = np.stack([run.totals for run in runs], axis=1)
    totals = totals.reshape(*totals.shape[:2], *shape, 2)
    trace = None
    if keep:
        amounts = np.stack([run.amounts for run in runs], axis=1)
        amounts = amounts.reshape(*amounts.shape[:2], *shape, *amounts.shape[3:])
        trace = Trace(
            np.stack([run.occupancy for run in runs], axis=1),
            np.stack([run.flow for run in runs], axis=1),
            runs[0].moves,
            amounts,
        )
    return Result(
        model=model,
        strategies=tuple(model.strategies),
        outcomes=outcomes,
        states=tuple(model.states),
        undiscounted=totals[..., 0],
        discounted=totals[..., 1],
        alive_at_end=np.stack([run.alive for run in runs], axis=1),
        trace=trace,
    )
